"""The verdict in one sentence that a person can repeat: what is wrong with how many SAEs, and whether the card says otherwise."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from hubkit.texts import shortened
from hubkit.validate.areas import area_of, telling
from hubkit.validate.finding import Finding, Severity
from hubkit.validate.report import Report
from hubkit.validate.rule import REGISTRY, holding
from hubkit.words import many

PHRASES = {
    "THR001": "{saes} {are} plain ReLU",
    "THR002": "the thresholds of {saes} were never learned",
    "WTS002": "the weights of {saes} are Git-LFS pointers",
    "SEC001": "a pickle runs code when it is loaded",
    "SEC002": "a secret lies open",
}
"""Where the rule's title is no statement about this release."""
UNDISCLOSED = "CARD010"
LINES_SHOWN = 3


def closing(report: Report) -> str:
    """The sentence, without its full stop; empty where nothing worse than a note was found."""
    serious = sorted((f for f in report.findings if f.severity > Severity.NOTE), key=telling)
    parts = []
    if serious and area_of(serious[0].code) != "CARD":
        parts.append(_worst([f for f in serious if f.code == serious[0].code], report))
    return "; ".join([*parts, *_card(serious, first=not parts)])


def _worst(same: Sequence[Finding], report: Report) -> str:
    code = same[0].code
    ids = {f.sae_id for f in same if f.sae_id is not None}
    saes = _saes(ids, report)
    if code == "SEC001" and not any(f.severity is Severity.ERROR and f.measured.get("imports") for f in same):
        return shortened(same[0].message)
    if code in PHRASES:
        return PHRASES[code].format(saes=saes or "an SAE", are="is" if len(ids) == 1 else "are")
    named = same[0].title if len({f.title for f in same}) == 1 else ""
    title = (named or (REGISTRY[code].title if code in REGISTRY else same[0].message)).rstrip(".")
    return f"{saes}: {title[0].lower()}{title[1:]}" if saes else title


def _saes(ids: set[str], report: Report) -> str:
    """`27 of 27 jumprelu SAEs`: of those of one architecture, where all that are meant have it."""
    kinds = Counter(sae.architecture for sae in report.saes)
    meant = {sae.architecture for sae in report.saes if sae.sae_id in ids}
    if not meant:
        return ""
    kind = next(iter(meant)) if len(meant) == 1 else None
    total = kinds[kind] if kind else len(report.saes)
    return f"{len(ids)} of {many(total, f'{kind} SAE' if kind else 'SAE')}"


def _card(serious: Sequence[Finding], *, first: bool) -> list[str]:
    """What the card has to do with it."""
    held = holding("files")
    wrong = [f for f in serious if f.code in held]
    wrong = [
        f for f in wrong if f.severity is Severity.ERROR
    ] or wrong  # what may be right all the same is not counted beside what is wrong
    silent = not first and any(f.code == UNDISCLOSED for f in serious)
    if not wrong and first and serious:
        rule = REGISTRY.get(serious[0].code)
        what = rule.title.rstrip(".") if rule else serious[0].message
        return [f"{many(len(serious), 'finding')} in the card: {what}"]
    said = ["does not say so"] if silent else []
    if wrong:
        said.append(f"contradicts the files{_lines(wrong)}")
    return [f"the card {' and '.join(said)}"] if said else []


def _lines(wrong: Sequence[Finding]) -> str:
    """` on lines 9, 17 and 24`; empty where no line is known."""
    names = [str(line) for line in sorted({f.line for f in wrong if f.line})]
    if len(names) > LINES_SHOWN:
        names[LINES_SHOWN - 1 :] = [f"{len(names) - LINES_SHOWN + 1} more"]
    shown = " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))
    return f" on line{'s' if len(names) > 1 else ''} {shown}" if shown else ""
