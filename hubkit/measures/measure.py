"""What a measure says of itself, once: cards, claims, bounds and the evaluation all read it from here."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeVar

if TYPE_CHECKING:
    from hubkit.measures.beside import Beside
    from hubkit.measures.design import Design
    from hubkit.measures.estimate import Estimate, Histogram, NotMeasured
    from hubkit.measures.paired import Paired
    from hubkit.measures.probed import Probe, Probed
    from hubkit.measures.spliced import Spliced
    from hubkit.measures.subject import Subject

Split = Literal["train", "crossfit", "held_out", "control"]
"""train: rows the SAE was trained on. crossfit: every row measured by the SAE of the fold that never saw it. held_out: rows set aside.
control: all rows, by an SAE that saw some of them, drawn blind to the label; only membership itself is measured so."""
UNSEEN: tuple[Split, ...] = ("crossfit", "held_out")
"""Rows that the SAE has not seen."""

Table = Literal["saes", "quality", "index"]
"""saes: a line for each SAE. quality: the medians of each architecture. index: the front matter's `model-index`."""

Compute = Callable[["Subject", Split], "Estimate | None"]
"""None where the measure does not apply: nothing is written then. Raises NotMeasured."""
Compare = Callable[["Probe", "Probe", "Design"], "Estimate"]
"""An SAE's probe, and its reference's, on the same rows."""
Choose = Callable[["Sequence[Probed]", "Design"], "Estimate"]
"""Several probes of the same rows."""
Count = Callable[["Subject", Split], "Histogram | None"]
"""None where it cannot be counted. Raises NotMeasured."""
Told = tuple[str, "Estimate | NotMeasured"]
"""A contrast, and what came of it."""
Contrasts = Callable[["Subject", Split], Iterable[Told]]
"""The measure of other groups of rows than the two labels, a value for each pair."""
OfBeside = Callable[["Beside"], Iterable[Told]]
"""Of a layer with the rows that were kept beside the pool: a value for each contrast."""
OfSpliced = Callable[["Spliced"], "Estimate"]
"""Of a base model with the SAE in the place of its activations. Raises NotMeasured."""
OfPaired = Callable[["Paired"], "Estimate"]
"""Of an SAE on the same rows twice. Raises NotMeasured."""
ROUNDING = 1e-9
"""Slack for sums of float64 that end a hair outside an exact bound."""
Valued = TypeVar("Valued")


@dataclass(frozen=True)
class OnCard:
    """What a card shows of a measure, and what an author's prose calls it."""

    tables: tuple[Table, ...] = ()
    """Where it is a column, as soon as one SAE has a value."""
    order: int = 100
    """The lower, the further left."""
    heading: str = ""
    """Of the column; empty for the title."""
    decimals: int = 3
    """Of a value with its interval."""
    quoted_as: str | None = None
    """Short name in prose: `{{ facts.best_sae.balanced_accuracy }}`."""


NO_NULL = "no null: it asks nothing of the labels"


@dataclass(frozen=True)
class Measure:
    """One measure: what it is, in which unit, within which bounds, from where, and where it is shown."""

    name: str
    version: int
    title: str
    formula: str
    unit: str
    """`share`, `latents`, `1` for a plain number."""
    lower: float | None
    upper: float | Literal["d_sae"] | None
    higher_is_better: bool | None
    """None where neither is: the best of several is then the largest."""
    source: str
    splits: tuple[Split, ...]
    """On which rows it can be taken. The first that an SAE has is what a card speaks of."""
    without_effect: str
    """What it is where there is nothing to find, and NO_NULL where that is no question; for the page of every measure."""
    cannot_say: str
    """What nobody may read in it, as the end of "it cannot say ..."."""
    instead_of: str | None = None
    """The better definition of the same thing: a card has this one where nothing was measured by that one."""
    of_layers: bool = False
    """Whether the raw activations of a layer have it too, as the reference of the SAEs there."""
    of_labels: bool = False
    """Whether it asks what the rows are labelled."""
    compute: Compute | None = None
    """How hubkit computes it; None where its values are taken from others."""
    contrasts: Contrasts | None = None
    """The same between other groups of rows, where the pool has them."""
    compare: Compare | None = None
    """The same of an SAE beside its reference."""
    choose: Choose | None = None
    """The same of the best of several."""
    count: Count | None = None
    """Where it is no number but a histogram."""
    by_label: bool = False
    """Whether it is taken of the unseen rows of each label alone as well."""
    of_seeds: bool = False
    """Whether it needs the SAE trained from other seeds."""
    of_beside: OfBeside | None = None
    """The same of rows that say what the label means."""
    of_spliced: OfSpliced | None = None
    """The same of the base model with the SAE in it."""
    of_paired: OfPaired | None = None
    """The same between two runs of the base model."""
    on_card: OnCard = OnCard()
    columns_elsewhere: str | None = None
    """A pattern of the titles that columns of it have in anybody's card, upper and lower case alike."""
    sentences_elsewhere: tuple[str, ...] = ()
    """Patterns of what anybody's sentences say of it, beside its titles with a number: `{n}` is where the number stands."""
    rest_elsewhere: str | None = None
    """Of a share: the same as `columns_elsewhere` for what is missing to 1, as the unexplained variance."""
    rest_sentences: tuple[str, ...] = ()
    """The same as `sentences_elsewhere` for it."""
    loosely_elsewhere: bool = False
    """Whether other people mean several definitions by these words: what they say is compared, with a warning, and never taken over as this measure."""

    @property
    def is_computed(self) -> bool:
        """Whether hubkit computes it, of whatever."""
        ways = (
            self.compute,
            self.compare,
            self.choose,
            self.count,
            self.of_beside,
            self.of_spliced,
            self.of_paired,
        )
        return any(ways)

    @property
    def heading(self) -> str:
        """What stands above a column of it, before the rows."""
        return self.on_card.heading or self.title

    def impossible(self, value: float, *, d_sae: int | None = None) -> str | None:
        """Why no such SAE can have this value, or None. NaN and infinity are impossible: a missing value is null."""
        if not math.isfinite(value):
            return f"{self.name} is {value}, not a number"
        upper = d_sae if self.upper == "d_sae" else self.upper
        if self.lower is not None and value < self.lower - ROUNDING:
            return f"{self.name} is {value:g}, below {self.lower:g}"
        if upper is not None and value > upper + ROUNDING:
            return f"{self.name} is {value:g}, above {upper:g}"
        return None

    def best(self, several: Iterable[Valued], value: Callable[[Valued], float]) -> Valued:
        """Which of several has the best value: the smallest where lower is better, else the largest; of equal ones the first."""
        return (min if self.higher_is_better is False else max)(several, key=value)
