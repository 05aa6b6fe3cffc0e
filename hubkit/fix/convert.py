"""The fix of weights that are another library's pickle: the same SAE in SAELens's format. The source stays, and nothing is unpickled.

The tensors are read as the validator reads them: the pickle on inert descriptions, the values out of the zip's members with their checksums. Before it is
made, the library's own definition and SAELens's are computed on random inputs, the one from the old file, the other from the new.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import numpy as np

from hubkit.errors import IncompleteError
from hubkit.fix.content import BITS_TYPE, BLOCK, Elsewhere, Piece, Read, Tensors, Text, widened
from hubkit.fix.proposal import proposed
from hubkit.fix.registry import Change, Refusal, Subject, relaid, sae_fix
from hubkit.formats.conversion import cfg_of, dtype_after, obstacle, shapes_after
from hubkit.formats.foreign_forward import Definition, definition_of, outputs
from hubkit.formats.forward import forward
from hubkit.formats.sae import DIMENSIONS, Sae, Tensor
from hubkit.release.layout import CFG
from hubkit.tensors.container import read_header
from hubkit.tensors.dtypes import BITS, decode
from hubkit.tensors.zip_member import read_part
from hubkit.validate.facts import WEIGHTS
from hubkit.validate.gather import gather
from hubkit.validate.need import Need

if TYPE_CHECKING:
    from hubkit.repo.view import RepoView

KEPT = "cfg.original.json"
LATENTS, ROWS = 4096, 32
"""Latents and inputs that the two definitions are compared on; of more latents some, evenly spaced, which are a smaller SAE of the same kind."""
CLOSE = 1e-9


@sae_fix("WTS014", "safe")
def into_saelens(subject: Subject) -> Change | None:
    """A pickle of dictionary_learning, SAEBench or Qwen-Scope is written in SAELens's format beside it; the pickle stays for a person to remove.

    A BatchTopK becomes the jumprelu that it is at inference, with its stored threshold for every latent; b_dec is subtracted where its class does.
    """
    sae = subject.sae
    if sae.is_saelens or sae.pickle is None or sae.weights is None:
        return None
    if sae.pickle.executors:
        raise Refusal(
            f"{sae.weights.name} imports {sae.pickle.executors[0]}, which runs code (SEC001): it is not opened"
        )
    if sae.header is not None and not sae.header.tensors:
        raise Refusal(f"{sae.weights.name} {OLD_FORM}")
    definition, reason = definition_of(sae.sae), obstacle(sae.sae)
    if definition is None or reason is not None:
        raise Refusal(str(reason or "what it computes is not known"))
    files = _files(subject, definition)
    _prove(subject, definition, files)
    kept = f", {KEPT} is the cfg.json that was there" if any(path.endswith(KEPT) for path in files) else ""
    return Change(
        files,
        f"{sae.weights.path} stays{kept}: remove {'them' if kept else 'it'} once you have loaded the new one",
    )


OLD_FORM = (
    "is a pickle without a zip, whose tensors are not read statically: save it again with a torch of 1.6 or later, "
    "torch.save(torch.load(FILE, weights_only=True), FILE)"
)


def _files(subject: Subject, definition: Definition) -> dict[str, Any]:
    """The new files; one that lies there already with the same bytes, because a run was ended between the two, is left out."""
    facts, view = subject.sae, subject.view
    folder = PurePosixPath(facts.sae_id)
    sources = sources_of(facts.sae, view, facts.cfg_path)
    cfg = relaid(cfg_of(facts.sae, definition, sources), facts.cfg_text).encode("utf-8")
    wanted: dict[str, Any] = {str(folder / WEIGHTS): _weights(subject, definition)}
    old = view.entry(str(folder / CFG))
    if old is not None:
        wanted[str(folder / KEPT)] = Text(view.read(old.path))
    for path, content in list(wanted.items()):
        if view.entry(path) is None:
            continue
        if not _same(view, path, content):
            raise Refusal(f"{path} is there already and holds something else: move it away first")
        del wanted[path]
    return wanted | {str(folder / CFG): Text(cfg)}


def source_paths(sae: Sae, configuration: str | None) -> list[str]:
    """The files that an SAE is read from: its weights, and its configuration where it has one."""
    return [path for path in (*(sae.files or (sae.weights,)), configuration) if path]


def sources_of(sae: Sae, view: RepoView, configuration: str | None = None) -> dict[str, str]:
    """The sha256 of each of them, by name."""
    return {PurePosixPath(path).name: _sha256(view, path) for path in source_paths(sae, configuration)}


def _sha256(view: RepoView, path: str) -> str:
    entry, digest = view.entry(path), hashlib.sha256()
    for start in range(0, entry.size if entry else 0, BLOCK):
        digest.update(view.read_range(path, start, min(start + BLOCK, entry.size if entry else 0)))
    return digest.hexdigest()


def _same(view: RepoView, path: str, content: Any) -> bool:
    entry = view.entry(path)
    if entry is None or entry.size != content.size:
        return False
    at = 0
    for block in content.blocks():
        if view.read_range(path, at, at + len(block)) != block:
            return False
        at += len(block)
    return True


def _weights(subject: Subject, definition: Definition) -> Elsewhere:
    """SAELens's tensors in a safetensors file that lies ready."""
    target: Path = subject.scratch / f"{uuid4().hex}.safetensors"
    write_weights(subject.sae.sae, subject.view, definition, target)
    return Elsewhere(target)


def write_weights(sae: Sae, view: RepoView, definition: Definition, target: Path) -> None:
    """SAELens's tensors as a safetensors file; one tensor is held at a time. Raises HeaderError for a damaged file."""
    shapes, dtype = shapes_after(sae, definition), dtype_after(sae, definition)
    pieces = tuple(_piece(view, name, sae.tensors[name], shape, dtype) for name, shape in shapes.items())
    with target.open("wb") as file:
        file.writelines(Tensors(_nothing, pieces, {"format": "pt"}).blocks())
        file.flush()
        os.fsync(file.fileno())


def _nothing(start: int, stop: int) -> bytes:
    raise IncompleteError(f"no file to read [{start}, {stop}) of")


def _piece(view: RepoView, name: str, tensor: Tensor, shape: tuple[int, ...], dtype: str) -> Piece:
    """Every value as it is: of a file of several formats the narrow ones are widened, which SAELens would round to one of them otherwise."""
    info = tensor.info
    size = info.count * BITS[dtype] // 8
    plain = replace(info, dtype=dtype, start=0, stop=size, strides=None, member=None, big_endian=False)
    read = _reading(view, tensor, dtype)
    if info.count == 1 and shape != tensor.shape:
        return Piece(plain, "repeat", name=name, shape=shape, read=read)
    return Piece(plain, "transpose" if tensor.transposed else "keep", name=name, read=read)


def _reading(view: RepoView, tensor: Tensor, dtype: str) -> Read:
    def values() -> bytes:
        raw = row_major_bytes(view, tensor)
        return raw if tensor.info.dtype == dtype else widened(raw, tensor.info.dtype, dtype)

    whole: Callable[[], bytes] = lru_cache(1)(values)

    def read(start: int, stop: int) -> bytes:
        return whole()[start:stop]

    return read


def row_major_bytes(view: RepoView, tensor: Tensor) -> bytes:
    """All values of a tensor as safetensors stores them: row after row, little-endian. Raises HeaderError for a damaged member."""
    info = tensor.info
    if info.member is None:
        raw = view.read_range(tensor.path, info.start, info.stop)
    else:
        raw = read_part(view, tensor.path, info.member, 0, info.member.size)[info.start : info.stop]
    kind = np.dtype(BITS_TYPE[BITS[info.dtype]])
    values = np.frombuffer(raw, kind.newbyteorder(">") if info.big_endian else kind)
    if info.strides is not None:
        steps = [step * kind.itemsize for step in info.strides]
        # the reader of the container has checked that shape and strides stay within start and stop
        values = np.lib.stride_tricks.as_strided(values, info.shape, steps, writeable=False)
    return np.ascontiguousarray(values, kind).tobytes()


def _prove(subject: Subject, definition: Definition, files: dict[str, Any]) -> None:
    """Both definitions on random inputs: the library's over its own tensors, SAELens's over the file as it would be. Raises Refusal."""
    after = proposed(subject.view, files)
    new = next(
        (one for one in gather(after, Need.TREE | Need.CFG | Need.HEADER).saes if one.is_saelens), None
    )
    if new is None or new.cfg is None:
        raise Refusal("the new files would not be read as an SAE of SAELens")
    old = subject.sae.sae
    chosen = chosen_latents(old)
    x = _inputs(old.d_in or 0)
    mine = {
        tensor.info.name: stored_values(subject.view, name, tensor, chosen)
        for name, tensor in old.tensors.items()
    }
    theirs = {name: stored_values(after, name, tensor, chosen) for name, tensor in new.sae.tensors.items()}
    expected = outputs(definition, mine, x, old.k)
    found = forward(new.cfg.effective, theirs, x)
    for what, one, other in zip(("latents", "reconstruction"), expected, found, strict=True):
        if not np.allclose(one, other, rtol=CLOSE, atol=CLOSE * max(1.0, float(np.abs(one).max()))):
            raise Refusal(f"the {what} would differ from what {old.family.name}'s own code computes")


def chosen_latents(sae: Sae) -> np.ndarray[Any, Any]:
    """Places of the latents that two definitions are compared on."""
    d_sae = sae.d_sae or 0
    return np.unique(np.linspace(0, d_sae - 1, min(d_sae, max(LATENTS, 2 * (sae.k or 0)))).astype(np.intp))


def _inputs(d_in: int) -> np.ndarray[Any, Any]:
    """Random rows, small and large, so that some latents fire and some do not."""
    return np.random.default_rng(0).standard_normal((ROWS, d_in)) * np.logspace(-2, 2, ROWS)[:, None]


def stored_values(
    view: RepoView, name: str, tensor: Tensor, chosen: np.ndarray[Any, Any]
) -> np.ndarray[Any, Any]:
    """A tensor as it is stored, cut to the chosen latents, as float64."""
    bits = _stored_bits(view, name, tensor, chosen)
    return decode(bits.tobytes(), tensor.info.dtype).reshape(bits.shape)


def _stored_bits(
    view: RepoView, name: str, tensor: Tensor, chosen: np.ndarray[Any, Any]
) -> np.ndarray[Any, Any]:
    info = tensor.info
    kind = np.dtype(BITS_TYPE[BITS[info.dtype]])
    values = np.frombuffer(row_major_bytes(view, tensor), kind).reshape(info.shape)
    axes = DIMENSIONS.get(name, ())[:: -1 if tensor.transposed else 1]
    if "d_sae" in axes and len(axes) == values.ndim:
        values = np.take(values, chosen, axis=axes.index("d_sae"))
    return np.ascontiguousarray(values)


def smaller(view: RepoView, path: str, chosen: np.ndarray[Any, Any]) -> Tensors:
    """A file of SAELens's tensors with the chosen latents alone."""
    pieces = []
    for name, info in read_header(view, path).tensors.items():
        bits = _stored_bits(view, name, Tensor(path, info), chosen)
        raw = bits.tobytes()
        cut = replace(info, shape=bits.shape, start=0, stop=len(raw))
        pieces.append(Piece(cut, read=partial(_part_of, raw)))
    return Tensors(_nothing, tuple(pieces), {"format": "pt"})


def _part_of(raw: bytes, start: int, stop: int) -> bytes:
    return raw[start:stop]


def tensor_digests(view: RepoView, path: str) -> dict[str, str]:
    """The sha256 of every tensor's values, row after row, by name."""
    tensors = read_header(view, path).tensors
    return {
        name: hashlib.sha256(row_major_bytes(view, Tensor(path, info))).hexdigest()
        for name, info in tensors.items()
    }
