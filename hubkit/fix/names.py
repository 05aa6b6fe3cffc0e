"""Fixes of what tensors and their files are called. No value changes: every tensor has the bits that it had."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from hubkit.fix.content import Piece, Read, Tensors
from hubkit.fix.registry import Change, Refusal, Subject, sae_fix
from hubkit.fix.weights import opened, rewritten, shapes_of
from hubkit.formats.tensor_names import meant, shards_of
from hubkit.tensors.header import TensorInfo
from hubkit.validate.facts import WEIGHTS, SaeFacts
from hubkit.validate.rules.wts import prefix_of

if TYPE_CHECKING:
    from hubkit.formats.folder import Head

SAFETENSORS = ".safetensors"


@sae_fix("WTS001", "safe")
def under_its_name(subject: Subject) -> Change | None:
    """Weights in parts (`...-00001-of-00002.safetensors`), or under another name, are written as sae_weights.safetensors beside them.

    The parts must be all there, agree with their index, and hold no tensor twice. They stay: who removes them has seen the new file first.
    """
    sae = subject.sae
    if (
        not sae.is_saelens
        or sae.weights is None
        or WEIGHTS in sae.files
        or not sae.weights.name.endswith(SAFETENSORS)
    ):
        return None
    heads = _whole(sae)
    pieces = [
        Piece(info, read=_reading(subject, head.entry.path))
        for head in heads
        for info in (head.header.tensors.values() if head.header else ())
    ]
    metadata = heads[0].header.metadata if heads[0].header else {}
    target = str(PurePosixPath(sae.sae_id) / WEIGHTS)
    names = ", ".join(head.entry.name for head in heads)
    return Change(
        {target: Tensors(_reading(subject, heads[0].entry.path), tuple(pieces), dict(metadata))},
        f"{names} {'stays' if len(heads) == 1 else 'stay'}: remove {'it' if len(heads) == 1 else 'them'} once you have looked at {WEIGHTS}",
    )


def _whole(sae: SaeFacts) -> list[Head]:
    """The files, each of them read and none missing. Raises Refusal."""
    first = sae.weights.name if sae.weights else ""
    names, count = shards_of(first, sae.files)
    if len(names) != count:
        raise Refusal(f"{len(names)} of {count} parts are here: the others must be added first")
    heads = [sae.folder.head(sae.files[name]) for name in names or [first]]
    for head in heads:
        if head.header is None:
            reason = head.fault.message if head.fault else head.unread or "no header"
            raise Refusal(f"{head.entry.name} cannot be read: {reason}")
    _no_tensor_twice(heads)
    if names:
        _agree_with_index(sae, heads)
    return heads


def _no_tensor_twice(heads: list[Head]) -> None:
    seen: dict[str, str] = {}
    for head in heads:
        for name in head.shapes:
            if name in seen:
                raise Refusal(
                    f"{name} is in {seen[name]} and in {head.entry.name}: a person must say which counts"
                )
            seen[name] = head.entry.name


def _agree_with_index(sae: SaeFacts, heads: list[Head]) -> None:
    """The index says which tensor is in which part (its total of bytes is read by no loader). Parts without one are taken as they are."""
    stem = heads[0].entry.name.rpartition("-of-")[0].rpartition("-")[0]
    index = f"{stem}{SAFETENSORS}.index.json"
    if index not in sae.files:
        return
    file = sae.folder.json(index)
    stated = file.value.get("weight_map") if file and not file.fault else None
    if not isinstance(stated, dict):
        raise Refusal(f"{index} cannot be read, or has no weight_map")
    there = {name: head.entry.name for head in heads for name in head.shapes}
    wrong = sorted(name for name in stated.keys() | there.keys() if stated.get(name) != there.get(name))
    if wrong:
        raise Refusal(f"{index} and the parts disagree about {', '.join(wrong[:3])}")


def _reading(subject: Subject, path: str) -> Read:
    def read(start: int, stop: int) -> bytes:
        return subject.view.read_range(path, start, stop)

    return read


@sae_fix("WTS004", "safe")
def without_prefix(subject: Subject) -> Change | None:
    """What stands before the name of every tensor (`module.`, `_orig_mod.`, `state_dict.`) is taken off.

    SAELens could load nothing before; every tensor has the same bits after it.
    """
    sae, header = opened(subject)
    prefix = prefix_of(sae)
    if header is None or not prefix:
        return None
    return rewritten(subject, header, lambda info: Piece(info, name=info.name.removeprefix(prefix)))


@sae_fix("WTS004", "unsafe")
def renamed(subject: Subject) -> Change | None:
    """Tensors under another library's names (`encoder.weight`) get SAELens's, the matrices of `nn.Linear` turned round.

    Unsafe: names and shapes fit one reading only, and that the other library meant the same is an assumption.
    """
    sae, header = opened(subject)
    shapes = shapes_of(sae)
    if header is None or shapes is None or prefix_of(sae):
        return None
    names = meant({name: info.shape for name, info in header.tensors.items()}, shapes)
    if not names:
        return None

    def change(info: TensorInfo) -> Piece:
        name, turned = names.get(info.name, ("", False))
        return Piece(info, "transpose" if turned else "keep", name=name)

    return rewritten(subject, header, change)


@sae_fix("WTS005", "safe")
def without_the_k_that_cfg_has(subject: Subject) -> Change | None:
    """A tensor `k` that says what cfg.json says is left out: SAELens raises on it, and nothing is lost."""
    sae, header = opened(subject)
    shapes = shapes_of(sae)
    if header is None or shapes is None or sae.stored_k is None or sae.sae.k != sae.stored_k or "k" in shapes:
        return None
    name = sae.sae.tensors["k"].info.name
    return rewritten(subject, header, lambda info: None if info.name == name else Piece(info))
