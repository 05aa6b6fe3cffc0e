"""What nobody here computed: the author's values, those of files without a record, those that the trainings counted. In tables of their own, each with n and source."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from hubkit.cards.facts import Facts
from hubkit.cards.measured import BALANCED, SPLIT_WORDS
from hubkit.cards.sections.experiments import verdict
from hubkit.cards.sections.findings import TallyFact, defect_of, grouped, tallied
from hubkit.cards.sections.section import Absent, Context
from hubkit.cards.stated import Item, Origin, Stated
from hubkit.validate.finding import natural

LONG_TABLE = 12
ELSEWHERE = {
    "representations": "Probe comparison",
    "stability": "Stability under re-sampling",
    "steering": "Steering",
    "top_features": "Top latents",
    "transfers": "Precision and portability",
}
"""Experiments that have a section of their own."""


@dataclass(frozen=True)
class Row:
    """One stated value as its table shows it."""

    of: str | None
    """`sae_id`; None for what is of no SAE."""
    layer: int | None
    title: str
    item: Item
    rows: str
    """Which rows, in words."""
    null: str
    """Its level, and where the value lies."""
    null_kind: str
    source: int
    """Number of its source in the list below the table."""


@dataclass(frozen=True)
class Group:
    """What one origin states."""

    origin: Origin
    rows: list[Row]
    columns: dict[str, bool]
    sources: list[str]
    null_kinds: list[str]
    """What the nulls of its table are."""
    tallies: list[tuple[TallyFact, int]]
    """Each with the number of its source."""
    tests: list[tuple[dict[str, Any], int]]
    elsewhere: list[str]
    """Sections that show its experiments."""
    plain: bool
    """Whether probes by plain cross-validation on rows that the SAE saw are among them."""
    maxima: bool
    highest: list[str]
    """Sentences on the highest stated layer and the highest stated SAE probe."""
    in_text: int
    """Further values, which the author's own text says."""
    only_in_text: bool

    @property
    def long(self) -> bool:
        """Whether its table is folded."""
        return len(self.rows) > LONG_TABLE


def stated(facts: Facts) -> Context | Absent:
    """One table for each origin; experiments of the other sections carry their own mark there."""
    groups = [group for one in facts.stated if (group := _group(one, facts)) is not None]
    if not groups:
        return Absent("Stated, not computed", "no file beside this card states a measured value")
    return {"groups": groups}


def _group(one: Stated, facts: Facts) -> Group | None:
    sources: dict[str, int] = {}
    ordered = sorted((item for item in one.items if not item.value.in_text), key=_order)
    rows = [_row(item, _number(sources, item.source)) for item in ordered]
    tallies = [(tallied(tally), _number(sources, one.source(tally))) for tally in one.of("tallies")]
    tests: dict[int, list[Any]] = {}
    for test in one.of("tests"):
        tests.setdefault(_number(sources, one.source(test)), []).append(test)
    elsewhere = [title for key, title in ELSEWHERE.items() if one.of(key)]
    in_text = len(one.items) - len(ordered)
    if not (rows or tallies or tests or elsewhere or in_text):
        return None
    values = [item.value for item in one.items]
    return Group(
        origin=one.origin,
        rows=rows,
        columns={
            "n": any(row.item.value.n is not None for row in rows),
            "rows": any(row.rows for row in rows),
            "null": any(row.null for row in rows),
            "note": any(row.item.value.note for row in rows),
            "layer": any(row.layer is not None for row in rows),
            "sae": len(facts.saes) > 1 and any(row.of for row in rows),
            "source": len(sources) > 1,
        },
        sources=list(sources),
        null_kinds=list(dict.fromkeys(row.null_kind for row in rows if row.null_kind)),
        tallies=tallies,
        elsewhere=elsewhere,
        tests=[(line, source) for source, several in tests.items() for line in grouped(several)],
        plain=any(
            value.split == "train" and (value.measure or "").startswith("probe_") and value.sae_id
            for value in values
        ),
        maxima=any(value.measure == "d_max" for value in values),
        highest=list(_highest(one, facts)),
        in_text=in_text,
        only_in_text=not (rows or tallies or tests or elsewhere),
    )


def _number(sources: dict[str, int], source: str) -> int:
    """Of a source in the list, which it joins."""
    return sources.setdefault(source, len(sources) + 1)


def _highest(one: Stated, facts: Facts) -> Iterator[str]:
    """The highest balanced accuracy of each measure over layers and over SAEs, ties named, a defect marked: what a reader takes from the table must not be taken wrongly."""
    for measure in dict.fromkeys(measure for measure, _ in BALANCED):
        values = [
            item.value for item in one.items if item.value.measure == measure and not item.value.contrast
        ]
        layers = {
            str(value.layer): value.value for value in values if value.layer is not None and not value.sae_id
        }
        if len(layers) > 1:
            names, top = _top(layers)
            yield f"The highest of the {len(layers)} stated layers of raw activations: layer{'s' if len(names) > 1 else ''} {' and '.join(names)}{', tied' if len(names) > 1 else ''} at {top:.3f} balanced accuracy"
        saes = {value.sae_id: value.value for value in values if value.sae_id}
        if len(saes) > 1:
            names, top = _top(saes)
            shown = " and ".join(f"`{name}`{defect_of(facts, name)}" for name in names)
            yield f"The highest of the {len(saes)} stated SAE probes: {shown}{', tied' if len(names) > 1 else ''} at {top:.3f} balanced accuracy"


def _top(values: Mapping[str, float]) -> tuple[list[str], float]:
    """Those that are the highest to three digits."""
    top = max(values.values())
    return sorted(
        (name for name, value in values.items() if round(value, 3) == round(top, 3)), key=natural
    ), top


def _order(item: Item) -> tuple[object, ...]:
    value = item.value
    return (
        item.title,
        value.split or "",
        value.layer if value.layer is not None else -1,
        natural(value.sae_id or ""),
    )


def _row(item: Item, source: int) -> Row:
    value = item.value
    level = value.null_level
    return Row(
        of=value.sae_id,
        layer=value.layer,
        title=item.title.removesuffix(" (%)") if (value.written or "").endswith("%") else item.title,
        item=item,
        rows=SPLIT_WORDS[value.split] if value.split else "",
        null="" if level is None else f"{level:,.3g}: {verdict(value)}",
        null_kind="" if level is None else str(value.null_kind),
        source=source,
    )
