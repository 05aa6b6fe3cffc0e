"""What the page of a report shows, as JSON for its script. All of it is text of strangers: what cannot be seen is made visible here, and the script makes nothing but text of it.

The same finding on many SAEs is one group, in which each has a short line: a page about 5,000 SAEs stays small.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any
from urllib.parse import quote

from hubkit.texts import printable, shortened
from hubkit.validate.areas import AREAS, area_of, telling
from hubkit.validate.catalogue import about, paragraphs
from hubkit.validate.evidence import Evidence
from hubkit.validate.finding import Finding, Severity
from hubkit.validate.hint_commands import fix_all, fix_command
from hubkit.validate.report import Report, Skipped
from hubkit.validate.reporters.folding import folded, place
from hubkit.validate.reporters.obeyed import STALE, accepted, configuration, set_aside
from hubkit.validate.reporters.text import cost, counted, kinds, without_markup
from hubkit.validate.reporters.verdict import closing
from hubkit.validate.rule import REGISTRY
from hubkit.words import many

COMMANDS_SHOWN = 4
MEASURED_SHOWN, MEASURED_LONGEST = 8, 300
CODES_SHOWN = 12


def of_report(report: Report) -> dict[str, Any]:
    """Everything that the page says of one report; the texts of its rules are `of_rules`."""
    places = {sae.sae_id: number for number, sae in enumerate(report.saes)}
    return {
        "target": printable(report.target),
        "state": state(report),
        "counted": without_markup(counted(report, notes=True)),
        "said": printable(said(report)),
        "shortfall": printable(report.shortfall or ""),
        "cost": without_markup(cost(report)),
        "kinds": printable(kinds(report)),
        "config": printable(configuration(report)) if report.config else "",
        "accepted": [[label if label != STALE else "", printable(text)] for label, text in accepted(report)],
        "remarks": [printable(one) for one in report.remarks],
        "cards": [
            {"said": printable(one.sentence()), "unheld": [[u.line, printable(u.quote)] for u in one.unheld]}
            for one in report.coverage
            if one.statements
        ],
        "unchecked": list(_unchecked(report.skipped)),
        "asked": len(report.asked),
        "mend": _mend(report),
        "saes": [
            [printable(sae.sae_id), sae.family.name, sae.architecture or "", sae.layer, sae.d_in, sae.d_sae, sae.k,
             _evidence(report.evidence.get(sae.sae_id))]
            for sae in report.saes
        ],
        "rules": list(_rules(report, places)),
    }  # fmt: skip


def state(report: Report) -> str:
    """`bad`, `doubt`, `none` or `good`: how the page is coloured, always beside the words."""
    if not report.complete:
        return "doubt"
    if report.count(Severity.ERROR):
        return "bad"
    if report.count(Severity.WARNING):
        return "doubt"
    return "good" if report.saes else "none"


def said(report: Report) -> str:
    """The sentence that a person can repeat."""
    return "; ".join(filter(None, (closing(report), set_aside(report))))


def of_rules(codes: Iterable[str]) -> dict[str, Any]:
    """What `hubkit explain` says of each."""
    return {code: _rule(code) for code in sorted(set(codes)) if code in REGISTRY}


def _rule(code: str) -> dict[str, Any]:
    rule = REGISTRY[code]
    return {
        "title": rule.title,
        "severity": rule.severity.word,
        "area": AREAS.get(area_of(code), ""),
        "why": list(paragraphs(rule.documentation.partition("\n")[2])),
        "about": about(rule),
    }


def _rules(report: Report, places: Mapping[str, int]) -> Iterator[dict[str, Any]]:
    for (_, _, code), several in groupby(sorted(report.findings, key=telling), key=telling):
        same = list(several)
        yield {
            "code": code,
            "severity": same[0].severity.word,
            "groups": [_group(one, report, places) for one in folded(same)],
        }


def _group(same: Sequence[Finding], report: Report, places: Mapping[str, int]) -> dict[str, Any]:
    first = same[0]
    measured = list(dict.fromkeys(filter(None, map(_measured, same))))
    numbers = {text: number for number, text in enumerate(measured)}
    commands = dict.fromkeys(filter(None, (fix_command(report, finding) for finding in same)))
    return {
        "message": printable(first.message),
        "hint": printable(first.hint),
        "confidence": first.confidence,
        "fix": first.fix or "",
        "commands": [printable(one) for one in list(commands)[:COMMANDS_SHOWN]],
        "measured": measured,
        "items": [
            [
                places.get(finding.sae_id or "", -1),
                printable(place(finding)),
                "" if finding.message == first.message else printable(finding.message),
                numbers.get(_measured(finding), -1),
                _link(report, finding),
            ]
            for finding in same
        ],
    }


def _measured(finding: Finding) -> str:
    """`zero_share 1 · n 2304`: what is a number or a word of what was measured."""
    shown = [
        f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in finding.measured.items()
        if isinstance(value, int | float | str) and not isinstance(value, bool)
    ]
    return shortened(printable(" · ".join(shown[:MEASURED_SHOWN])), MEASURED_LONGEST)


def _link(report: Report, finding: Finding) -> str:
    """Where the file is on the Hub at the commit that was read; empty for a folder."""
    if not report.revision or not finding.path:
        return ""
    from huggingface_hub import constants

    name = report.target.partition("@")[0]
    line = f"#L{finding.line}" if finding.line else ""
    return f"{constants.ENDPOINT}/{quote(name)}/blob/{quote(report.revision)}/{quote(finding.path, errors='surrogateescape')}{line}"


def _evidence(evidence: Evidence | None) -> dict[str, Any] | None:
    if evidence is None:
        return None
    raw = evidence.to_json()
    raw["values"] = [{**one, "source": printable(one["source"])} for one in raw["values"]]
    return raw


def _mend(report: Report) -> dict[str, Any] | None:
    command = fix_all(report)
    if command is None:
        return None
    safe = sum(finding.fix == "safe" for finding in report.findings)
    unsafe = sum(finding.fix == "unsafe" for finding in report.findings)
    found = ([f"{many(safe, 'finding')} with a safe fix"] if safe else []) + (
        [f"{many(unsafe, 'finding')} with a fix that a person must decide on"] if unsafe else []
    )
    return {"said": ", ".join(found), "command": printable(command)}


def _unchecked(skipped: Sequence[Skipped]) -> Iterator[list[str]]:
    """The reason, and which checks on how many SAEs it prevented."""
    reasons: dict[str, list[Skipped]] = {}
    for one in skipped:
        reasons.setdefault(one.reason, []).append(one)
    for reason, several in reasons.items():
        codes = sorted({one.code for one in several})
        named = ", ".join(codes[:CODES_SHOWN]) + (
            f" and {len(codes) - CODES_SHOWN} more" if len(codes) > CODES_SHOWN else ""
        )
        saes = {one.sae_id for one in several if one.sae_id is not None}
        where = f" on {many(len(saes), 'SAE')}" if saes else ""
        yield [printable(reason), f"{many(len(several), 'check')}{where}: {named}"]
