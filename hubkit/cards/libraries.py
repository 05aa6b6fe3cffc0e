"""Libraries other than SAELens whose SAEs a card describes: how each loads what it wrote.

Sources: sparsify 1.3.3, sparse_coder.py: SparseCoder.load_from_hub; dictionary_learning 0.1.0, utils.py: load_dictionary.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hubkit.cards.text import literal
from hubkit.formats.architectures import TRANSCODERS
from hubkit.formats.foreign_forward import definition_of
from hubkit.release.layout import CFG

if TYPE_CHECKING:
    from hubkit.formats.sae import Sae


@dataclass(frozen=True)
class Library:
    """One library, and the lines that load an SAE with it. `{repo}` and `{sae}` are Python literals of the repository and of the SAE's folder in it."""

    name: str
    """As the Hub's `library_name`, and as people write it."""
    packages: tuple[str, ...]
    loads: tuple[str, ...]
    of_root: tuple[str, ...]
    """The same of an SAE that lies at the root."""
    encoded: str
    """What comes of `sae.encode(x)`."""
    configuration: str
    """The file beside the weights that says what they are."""


LIBRARIES = {
    "sparsify": Library(
        "sparsify",
        ("eai-sparsify",),
        ("from sparsify import SparseCoder", "", "sae = SparseCoder.load_from_hub({repo}, hookpoint={sae})"),
        ("from sparsify import SparseCoder", "", "sae = SparseCoder.load_from_hub({repo})"),
        "the values and the places of the latents that are kept (`top_acts`, `top_indices`)",
        CFG,
    ),
    "dictionary_learning": Library(
        "dictionary_learning",
        ("dictionary-learning", "huggingface_hub"),
        (
            "from dictionary_learning.utils import load_dictionary",
            "from huggingface_hub import snapshot_download",
            "",
            "sae_id = {sae}",
            'folder = snapshot_download({repo}, allow_patterns=f"{{sae_id}}/*")',
            'sae, config = load_dictionary(f"{{folder}}/{{sae_id}}", device="cpu")',
        ),
        (
            "from dictionary_learning.utils import load_dictionary",
            "from huggingface_hub import snapshot_download",
            "",
            'sae, config = load_dictionary(snapshot_download({repo}), device="cpu")',
        ),
        "all latents",
        "config.json",
    ),
}


def library_of(sae: Sae) -> Library | None:
    """The one that loads an autoencoder whose family is not SAELens; None where a card cannot say how it is loaded."""
    if sae.cfg is not None or sae.architecture is None or "transcoder" in sae.architecture:
        return None
    known = definition_of(sae) is not None or sae.family.name == "sparsify"
    return LIBRARIES.get(sae.family.name) if known and sae.architecture not in TRANSCODERS else None


def described(saes: Iterable[Sae]) -> list[Sae]:
    """Of which a card speaks: those in SAELens's format; without any, those of the library that has the most of them."""
    whole = [sae for sae in saes if sae.architecture and sae.d_in and sae.d_sae]
    if ours := [sae for sae in whole if sae.cfg is not None]:
        return ours
    known = Counter(library.name for sae in whole if (library := library_of(sae)) is not None)
    most = max(known, key=known.__getitem__, default=None)
    return [sae for sae in whole if (library := library_of(sae)) is not None and library.name == most]


def configuration_of(sae: Sae) -> str:
    """The path of the file that says what it is."""
    library = library_of(sae)
    name = library.configuration if library else CFG
    return name if sae.sae_id == "." else f"{sae.sae_id}/{name}"


def loading_code(library: Library, repo_id: str, sae_id: str) -> str:
    """The lines, filled in."""
    lines = library.of_root if sae_id == "." else library.loads
    return "\n".join(line.format(repo=literal(repo_id), sae=literal(sae_id)) for line in lines)
