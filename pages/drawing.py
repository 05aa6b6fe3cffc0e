"""Draws docs/pictures/architecture.svg: `python -m pages.drawing`. A test holds that the file is what this makes.

The picture brings its own ground, light or dark as the reader's system is, so that it can be read on either page.
"""

from __future__ import annotations

from pathlib import Path
from xml.sax.saxutils import escape

FILE = Path(__file__).parents[1] / "docs" / "pictures" / "architecture.svg"
WIDTH, HEIGHT = 960, 500
STYLE = """
.ground{fill:#fff}.room{fill:#eef1fb;stroke:#4051b5}.torch{fill:#fdf0e1;stroke:#b5651d}.data{fill:#fff;stroke:#8a8f98}
.band{fill:none;stroke:#c3c7d0;stroke-dasharray:4 4}text{fill:#1b1f27;font:14px system-ui,sans-serif}.name{font-weight:600}.small{font-size:12px;fill:#4a505c}
.way{stroke:#4a505c;stroke-width:1.6;fill:none}.tip{fill:#4a505c}
@media (prefers-color-scheme:dark){.ground{fill:#1e2129}.room{fill:#2a3050;stroke:#8c9eff}.torch{fill:#46331f;stroke:#f0a860}.data{fill:#1e2129;stroke:#8a8f98}
.band{stroke:#4a505c}text{fill:#f0f2f6}.small{fill:#c3c7d0}.way{stroke:#c3c7d0}.tip{fill:#c3c7d0}}
""".strip()
WHAT = """Scenarios go through collect, train, evaluate, validate, cards and publish to the Hub; each stage leaves files for the next.
Above them are cli and study, below them the rooms that all of them read by."""
STAGES = (
    ("collect", "torch"), ("train", "torch"), ("evaluate", "torch"), ("validate", "room"), ("cards", "room"), ("publish", "room"),
)  # fmt: skip
"""Rooms along the way of the data, and whether they import torch."""
BETWEEN = ("completions,|activations", "SAE folders", "measures", "findings", "README.md", "the Hub")
"""What each leaves on the disk for the next."""
BESIDE = {"validate": (("fix", "mends"), ("audit", "many repositories")), "cards": (("adopt", "cards by hand"), ("convert", "into SAELens's")), "publish": (("localhub", "rehearsals"),), "collect": (("inference", "runs a base model"),), "train": (("engine", "processes, Ray"),), "evaluate": (("experiments", "SAE in the model"), ("lab", "known truth"))}  # fmt: skip
BELOW = (
    ("formats", "whose folder it is"), ("tensors", "headers, slices"), ("readme", "anybody's card"), ("measures", "formulas, nulls"),
    ("models", "hooks and widths"), ("release", "the artefacts"), ("repo", "folder or Hub"),
)  # fmt: skip


def drawn() -> str:
    """The picture as SVG."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-labelledby="title what">',
        '<title id="title">The rooms of hubkit</title>',
        f'<desc id="what">{WHAT}</desc>',
        f"<style>{STYLE}</style>",
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path class="tip" d="M0 0L8 4L0 8z"/></marker></defs>',
        f'<rect class="ground" width="{WIDTH}" height="{HEIGHT}" rx="10"/>',
    ]
    parts += _box((20, 20, 920, 38), "room", "cli", "one small module a verb: parse, call, render")
    parts += _box(
        (20, 74, 920, 38), "room", "study", "joins the stages; a finished artefact is not made again"
    )
    step, wide = 155, 125
    for number, (name, kind) in enumerate(STAGES):
        x = 20 + number * step
        parts += _box((x, 140, wide, 52), kind, name, "")
        if number + 1 < len(STAGES):
            parts.append(f'<path class="way" marker-end="url(#tip)" d="M{x + wide} 166H{x + step - 2}"/>')
        parts.append(f'<path class="way" marker-end="url(#tip)" d="M{x + wide / 2} 192V216"/>')
        parts += _box((x, 220, wide, 52), "data", "", BETWEEN[number])
        for row, (beside, what) in enumerate(BESIDE[name]):
            parts += _box(
                (x, 288 + row * 50, wide, 44),
                "torch" if beside in {"inference", "lab", "experiments"} else "room",
                beside,
                what,
                stacked=True,
            )
    parts.append('<path class="band" d="M20 398H940"/>')
    step, wide = 132, 126
    for number, (name, what) in enumerate(BELOW):
        parts += _box((20 + number * step, 412, wide, 44), "room", name, what, stacked=True)
    parts += [
        '<rect class="torch" x="20" y="472" width="14" height="14"/><text class="small" x="40" y="484">imports torch</text>',
        '<rect class="room" x="150" y="472" width="14" height="14"/><text class="small" x="170" y="484">does not</text>',
        '<rect class="data" x="250" y="472" width="14" height="14"/><text class="small" x="270" y="484">on the disk: the interface between neighbours. A room imports only rooms below it.</text>',
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _box(
    place: tuple[float, float, float, float], kind: str, name: str, what: str, *, stacked: bool = False
) -> list[str]:
    x, y, width, height = place
    rect = f'<rect class="{kind}" x="{x}" y="{y}" width="{width}" height="{height}" rx="5"/>'
    middle = x + width / 2
    if stacked:
        return [rect, _text(middle, y + 18, name, "name"), _text(middle, y + 35, what, "small")]
    if not what:
        return [rect, _text(middle, y + height / 2 + 5, name, "name")]
    if not name:
        lines = what.split("|")
        first = y + height / 2 + 5 - 8 * (len(lines) - 1)
        return [rect, *(_text(middle, first + 16 * row, line, "") for row, line in enumerate(lines))]
    return [
        rect,
        _text(x + 14, y + height / 2 + 5, name, "name", "start"),
        _text(x + 90, y + height / 2 + 5, what, "small", "start"),
    ]


def _text(x: float, y: float, text: str, kind: str, anchor: str = "middle") -> str:
    return f'<text class="{kind}" x="{x:g}" y="{y:g}" text-anchor="{anchor}">{escape(text)}</text>'


if __name__ == "__main__":
    FILE.write_text(drawn(), encoding="utf-8", newline="\n")
