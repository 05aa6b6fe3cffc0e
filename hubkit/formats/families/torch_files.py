"""SAEs published as bare torch files, one file each and no configuration of their folder: what they are stands in their names and in the card."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from hubkit.formats.family import Family
from hubkit.formats.foreign import Names, is_converted, number_in, sizes_of, under_known_names
from hubkit.formats.sae import Origin, Sae

if TYPE_CHECKING:
    from hubkit.formats.folder import Folder, Head

ONE_FILE = {
    "qwen_scope": (r"layer\d+\.sae\.pt", {"W_enc", "W_dec"}),
    "deepseek_r1": (r"DeepSeek-R1-.*-SAE-l\d+\.pt", {"encoder.weight", "decoder.weight"}),
    "goodfire": (r".+-SAE-l\d+\.pth?", {"encoder_linear.weight", "decoder_linear.weight"}),
    "connor_rob_hook_z": (r".+_Hcat_z_.+\.pt", {"W_enc", "W_dec"}),
}
"""Family to the form of its files' names and tensors that each has: neither alone is enough."""
QWEN_NAME = re.compile(r"SAE-Res-(?P<model>[^/\\]{1,200})-W\d{1,9}K-L0_(?P<k>\d{1,9})")
QWEN_TENSORS: Names = {"W_enc": ("W_enc", True), "W_dec": ("W_dec", True)}
Reader = Callable[["Family", "Folder"], Iterator[Sae]]


def _belongs(name: str, head: Head) -> bool:
    pattern, tensors = ONE_FILE[name]
    return re.fullmatch(pattern, head.entry.name) is not None and tensors <= head.shapes.keys()


def read(family: Family, folder: Folder) -> Iterator[Sae]:
    """An SAE for each of its files; one that was written in SAELens's format into a folder of its name is that folder's."""
    for head in folder.heads(identifying=True):
        if _belongs(family.name, head) and not is_converted(folder, head.entry):
            yield Sae(head.entry.path.rpartition(".")[0], family, "one file", weights=head.entry.path)


def read_qwen(family: Family, folder: Folder) -> Iterator[Sae]:
    """The same, with its tensors. Source: sae_lens 6.54.12, get_qwen_scope_config_from_hf: what the files do not say, the repository's name does."""
    name = QWEN_NAME.search(folder.view.name)
    for sae in read(family, folder):
        head = folder.head(folder.files[PurePosixPath(sae.weights or "").name])
        tensors = under_known_names(head, QWEN_TENSORS)
        sizes, layer = sizes_of(tensors), number_in(r"layer(\d{1,9})\.sae\.pt", head.entry.name)
        yield replace(
            sae,
            architecture="topk" if name else None,
            d_in=sizes.d_in,
            d_sae=sizes.d_sae,
            k=int(name["k"]) if name else None,
            hook_name=f"blocks.{layer}.hook_resid_post",
            hf_hook_name=f"model.layers.{layer}",
            model_name=f"Qwen/{name['model']}" if name else None,
            stated_layer=layer,
            tensors=tensors,
            required=frozenset({"W_enc", "W_dec", "b_enc", "b_dec"}),
            origins={"k": Origin(head.entry.path)},
        )


def _family(name: str, converter: str, read: Reader = read) -> Family:
    return Family(
        name,
        f"SAELens by release name (converter {converter})",
        read,
        detect_head=lambda head: _belongs(name, head),
        turn="first",
    )


QWEN_SCOPE = _family("qwen_scope", "qwen_scope; k, width and model stand in the repository's name", read_qwen)
DEEPSEEK_R1 = _family("deepseek_r1", "deepseek_r1")
GOODFIRE = _family("goodfire", "goodfire")
CONNOR_ROB_HOOK_Z = _family("connor_rob_hook_z", "connor_rob_hook_z")
