"""What a rule looks at; the run reads the union of what its rules need, nothing else."""

from __future__ import annotations

from enum import Flag, auto


class Need(Flag):
    """The kinds of facts, cheapest first."""

    NOTHING = 0
    TREE = auto()
    CFG = auto()
    HEADER = auto()
    THRESHOLD = auto()
    README = auto()
    EVALUATION = auto()
    WEIGHTS = auto()
    """Whole weights: only with `--deep`."""
    LOAD = auto()
    """What SAELens makes of the SAEs: only with `--load`."""
    BASE = auto()
    """The base model's config.json: only with `--base-model`."""
    PROVENANCE = auto()
    """provenance.json, for the rules that compare it with the listing; the catalogue counts it with the tree."""

    TWINS = auto()
    """Weights that look like another's, hashed: where the listing has no checksums."""
    PICKLES = auto()
    """Whatever pickles there are; the catalogue counts them with the headers. A header that cannot be read leaves the others to be judged."""
    TEXTS = auto()
    """Whatever texts there are beside, searched for secrets."""
    CODE = auto()
    """Files beside pickles that run code when somebody uses them."""

    @property
    def letters(self) -> str:
        """As the catalogue prints them: `T C H S D E W L B`."""
        counted = self | Need.HEADER if Need.PICKLES in self else self
        return " ".join(letter for letter, need in _LETTERS.items() if need in counted)


_LETTERS = {
    "T": Need.TREE, "C": Need.CFG, "H": Need.HEADER, "S": Need.THRESHOLD, "D": Need.README, "E": Need.EVALUATION, "W": Need.WEIGHTS,
    "L": Need.LOAD, "B": Need.BASE,
}  # fmt: skip
HEADERS = Need.HEADER | Need.THRESHOLD | Need.WEIGHTS | Need.LOAD | Need.PICKLES
"""What needs the heads of weights files."""
