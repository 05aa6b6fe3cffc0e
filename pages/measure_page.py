"""Every measure of the catalogue: formula, null, and what it cannot say."""

from __future__ import annotations

from importlib import import_module

from hubkit.measures import families
from hubkit.measures.catalogue import CATALOGUE
from hubkit.measures.measure import Measure

SECTIONS = {
    "Reconstruction and sparsity": ("reconstruction", "density"),
    "Single latents": ("latents",),
    "Probes": ("probe", "calibrated", "compared"),
    "Beside the probe": ("random_sae", "selectivity", "sparse_probe"),
    "Membership": ("membership",),
    "What the label means": ("meaning",),
    "Other seeds": ("reseeding",),
    "The base model with the SAE in it": ("loss",),
    "Other precisions": ("portability",),
}
"""Heading to the modules of `hubkit/measures/families/` that stand under it. A test holds that every module is here."""

SPLITS = {
    "train": "rows that the SAE was trained on",
    "crossfit": "every row, by the SAE of the fold that never saw it",
    "held_out": "rows that were set aside",
    "control": "all rows, by an SAE that saw some of them, drawn blind to the label",
}


def as_markdown() -> str:
    """The page."""
    lines = [
        "# Every measure",
        "",
        f"The {len(CATALOGUE)} measures that hubkit computes, checks or shows, from the catalogue in `hubkit/measures/families/`. A value in a release names its",
        "measure and the version of the formula; values of different versions are never compared. What a value would be without an effect, and how",
        "its interval is made, is in [how far a number can be trusted](numbers.md).",
        "",
        "| rows | are |",
        "|---|---|",
        *(f"| `{split}` | {what} |" for split, what in SPLITS.items()),
        "",
    ]
    for heading, modules in SECTIONS.items():
        lines += [f"## {heading}", ""]
        for name in modules:
            for measure in import_module(f"{families.__name__}.{name}").MEASURES:
                lines += _entry(measure)
    return "\n".join(lines) + "\n"


def _entry(measure: Measure) -> list[str]:
    better = {True: ", higher is better", False: ", lower is better", None: ""}[measure.higher_is_better]
    return [
        f"### {measure.title} {{: #{measure.name} }}",
        "",
        f"`{measure.name}`, version {measure.version}, {_bounds(measure)}{better}",
        "",
        f"- **Formula**: {_plain(measure.formula)}",
        f"- **Rows**: {', '.join(f'`{split}`' for split in measure.splits)}",
        f"- **Without an effect**: {_plain(measure.without_effect)}",
        f"- **It cannot say** {_plain(measure.cannot_say)}",
        f"- **Source**: {_plain(measure.source)}",
        *(
            [f"- **Instead of** [`{measure.instead_of}`](#{measure.instead_of}), where that was not measured"]
            if measure.instead_of
            else []
        ),
        "",
    ]


def _bounds(measure: Measure) -> str:
    low = "" if measure.lower is None else f"{measure.lower:g}"
    high = (
        measure.upper
        if isinstance(measure.upper, str)
        else ""
        if measure.upper is None
        else f"{measure.upper:g}"
    )
    unit = "" if measure.unit in {"1", "share"} else f" {measure.unit}"
    if low and high:
        return f"{low} to {high}{unit}"
    return f"at least {low}{unit}" if low else f"at most {high}{unit}" if high else f"any number{unit}"


def _plain(text: str) -> str:
    """Stars, bars and the like are letters in a formula; what stands between backticks stays as it is."""
    parts = text.split("`")
    for number in range(0, len(parts), 2):
        for sign in "\\|*_<":
            parts[number] = parts[number].replace(sign, f"&#{ord(sign)};")
    return "`".join(parts)
