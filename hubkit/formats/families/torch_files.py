"""SAEs published as bare torch files, one file each and no configuration of their folder: what they are stands in their names and in the card."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from hubkit.formats.family import Family
from hubkit.formats.sae import Sae

if TYPE_CHECKING:
    from hubkit.formats.folder import Folder, Head

ONE_FILE = {
    "qwen_scope": (r"layer\d+\.sae\.pt", {"W_enc", "W_dec"}),
    "deepseek_r1": (r"DeepSeek-R1-.*-SAE-l\d+\.pt", {"encoder.weight", "decoder.weight"}),
    "goodfire": (r".+-SAE-l\d+\.pth?", {"encoder_linear.weight", "decoder_linear.weight"}),
    "connor_rob_hook_z": (r".+_Hcat_z_.+\.pt", {"W_enc", "W_dec"}),
}
"""Family to the form of its files' names and tensors that each has: neither alone is enough."""


def _belongs(name: str, head: Head) -> bool:
    pattern, tensors = ONE_FILE[name]
    return re.fullmatch(pattern, head.entry.name) is not None and tensors <= head.shapes.keys()


def read(family: Family, folder: Folder) -> Iterator[Sae]:
    """An SAE for each of its files."""
    for head in folder.heads(identifying=True):
        if _belongs(family.name, head):
            yield Sae(head.entry.path.rpartition(".")[0], family, "one file", weights=head.entry.path)


def _family(name: str, converter: str) -> Family:
    return Family(
        name,
        f"SAELens by release name (converter {converter})",
        read,
        detect_head=lambda head: _belongs(name, head),
        turn="first",
    )


QWEN_SCOPE = _family("qwen_scope", "qwen_scope; k, width and model stand in the repository's name")
DEEPSEEK_R1 = _family("deepseek_r1", "deepseek_r1")
GOODFIRE = _family("goodfire", "goodfire")
CONNOR_ROB_HOOK_Z = _family("connor_rob_hook_z", "connor_rob_hook_z")
