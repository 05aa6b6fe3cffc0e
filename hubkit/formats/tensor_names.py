"""Names of tensors that are SAELens's with something about them: a prefix that a wrapper left, another library's word, a part of several."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from hubkit.formats.foreign import LINEAR, Names
from hubkit.formats.sae import DIMENSIONS

SHARD = re.compile(r"(?P<stem>.+)-(?P<number>\d{5})-of-(?P<count>\d{5})\.safetensors")
"""How transformers, and whatever saves with huggingface_hub's split, calls the parts of one state."""
OTHERS: Names = {
    **LINEAR,
    "encoder_linear.weight": ("W_enc", True), "encoder_linear.bias": ("b_enc", False),
    "decoder_linear.weight": ("W_dec", True), "decoder_linear.bias": ("b_dec", False),
    "bias": ("b_dec", False), "decoder_bias": ("b_dec", False), "gate_bias": ("b_gate", False), "mag_bias": ("b_mag", False),
    "w_enc": ("W_enc", False), "w_dec": ("W_dec", False),
}  # fmt: skip
"""Other libraries' names to SAELens's, and whether they store the matrix the other way round."""


def common_prefix(names: Iterable[str]) -> str:
    """What all names begin with, up to a dot, where the rest are SAELens's: `module.`, `_orig_mod.`, `state_dict.sae.`; else nothing.

    DataParallel, torch.compile and training scripts leave it. Names that have dots of their own (`attn_layers.0.k_ctx.weight`) are not taken for one.
    """
    listed = list(names)
    if not listed:
        return ""
    first, last = min(listed), max(listed)
    same = next(
        (at for at, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last))
    )
    prefix = first[: first.rfind(".", 0, same) + 1]
    return prefix if prefix and any(name.removeprefix(prefix) in DIMENSIONS for name in listed) else ""


def meant(
    shapes: Mapping[str, tuple[int, ...]], wanted: Mapping[str, tuple[int, ...]]
) -> dict[str, tuple[str, bool]]:
    """Tensors under other names that are surely the missing ones of `wanted`: own name to SAELens's, and whether it lies the other way round.

    By another library's name, or by the last part of a dotted one; only where one tensor comes into question and its shape is the wanted one.
    """
    found: dict[str, list[tuple[str, bool]]] = {}
    for own, shape in shapes.items():
        if own in wanted:
            continue
        name, turned = OTHERS.get(own, (own.rpartition(".")[2], False))
        expected = wanted.get(name)
        if expected is not None and name not in shapes and shape == (expected[::-1] if turned else expected):
            found.setdefault(name, []).append((own, turned))
    return {several[0][0]: (name, several[0][1]) for name, several in found.items() if len(several) == 1}


def shards_of(name: str, names: Iterable[str]) -> tuple[list[str], int]:
    """The parts of one state among `names` that `name` is one of, in order, and how many there should be; nothing where it is none."""
    match = SHARD.fullmatch(name)
    if match is None:
        return [], 0
    same = [
        (int(other["number"]), other.string)
        for one in names
        if (other := SHARD.fullmatch(one))
        and (other["stem"], other["count"]) == (match["stem"], match["count"])
    ]
    return [one for _, one in sorted(same)], int(match["count"])
