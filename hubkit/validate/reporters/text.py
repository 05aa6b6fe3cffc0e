"""For a person: findings by rule, the same finding on many SAEs folded into one, and what helps.

The result is markup of the console's kind (`[red]...[/]`); text from a repository is escaped. Lines are broken at `width`
with a hanging indent; a path stands on a line of its own and is never broken, so that it can be copied.
"""

from __future__ import annotations

import re
import shlex
import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from hubkit.texts import printable
from hubkit.validate.areas import area_of, telling
from hubkit.validate.finding import Finding, Severity
from hubkit.validate.hint_commands import LISTED
from hubkit.validate.report import Report
from hubkit.validate.reporters.folding import folded, message, place, shown
from hubkit.validate.reporters.obeyed import STALE, accepted, configuration, set_aside
from hubkit.validate.reporters.verdict import closing
from hubkit.validate.rule import REGISTRY
from hubkit.words import human_bytes, many

COLOUR = {Severity.ERROR: "bold red", Severity.WARNING: "yellow", Severity.NOTE: "cyan"}
WIDTH = 120
PLACES_SHOWN = 4
CARD_SHOWN = 3
"""Findings about the card, beside others about the SAEs."""
GROUPS_SHOWN = 4
"""Different messages of one rule; the rest is counted."""
INDENT = " " * 9
STYLE = re.compile(r"(?<!\\)\[(?:/|dim|cyan|yellow|bold(?: (?:red|green|yellow))?)\]")
SLASH = re.compile(r"(?<!\\)\\++(?=\[|$)")
LIKE_A_SLASH = "\N{SET MINUS}"


def escape(text: str) -> str:
    """`text` with everything that the console would take for markup, or a terminal for a control sequence, made plain.

    A backslash before a bracket, or at the end where a tag may follow, would be read as an escape or doubled: it becomes
    the character that looks like it.
    """
    return SLASH.sub(lambda match: LIKE_A_SLASH * len(match.group()), printable(text)).replace("[", "\\[")


def wrapped(text: str, width: int, first: str = "", rest: str | None = None) -> str:
    """Escaped text, broken at `width`; `first` and `rest` are the indents. Words are never broken: they may be paths."""
    rest = " " * len(first) if rest is None else rest
    lines = textwrap.wrap(
        printable(text), max(width, 40), initial_indent=first, subsequent_indent=rest, break_long_words=False,
        break_on_hyphens=False,
    )  # fmt: skip
    return escape_lines("\n".join(lines) or first)


def escape_lines(text: str) -> str:
    """Escaped line by line, line ends kept."""
    return "\n".join(escape(line) for line in text.split("\n"))


def without_markup(text: str) -> str:
    """What a console without colours would show: for `--output`."""
    return STYLE.sub("", text).replace("\\[", "[")


def render(report: Report, *, notes: bool = False, width: int = WIDTH, verbose: bool = False) -> str:
    """The whole report; notes only when asked for, but counted. What could not be read always shows.

    `verbose`: also each statement of a card that was held against nothing.
    """
    lines = [*_head(report, width), ""]
    listed = shown(report.findings, notes=notes)
    of_card = _of_card(listed)
    worst = max((f.severity for f in of_card), default=None)
    for severity in sorted(Severity, reverse=True):
        others = (f for f in listed if f.severity is severity and f not in of_card)
        for _, group in groupby(sorted(others, key=telling), key=telling):
            lines += [*_rule_block(list(group), width), ""]
        if severity is worst:
            lines += [*_card_block(of_card, report, width), ""]
    accepted = list(_accepted(report, width))
    lines += [*accepted, ""] if accepted else []
    remarks = [wrapped(remark, width) for remark in (*report.remarks, *_coverage(report))]
    remarks += list(_unheld(report, width)) if verbose else []
    return "\n".join([*lines, counted(report, notes=notes), *remarks, _closing(report, width)])


def _head(report: Report, width: int) -> Iterator[str]:
    at = f" @ {report.revision[:12]}" if report.revision else ""
    yield f"[bold]{escape(report.target)}[/]{escape(at)}"
    if report.config:
        yield wrapped(f"configuration: {configuration(report)}", width)
    if report.saes:
        head = f"{many(len(report.saes), 'SAE')}: {kinds(report)}"
        yield f"[dim]{wrapped(head, width)}[/]"


def kinds(report: Report) -> str:
    """How many of which format and architecture; a format that all have is said once."""
    of_format: dict[str, Counter[str]] = {}
    for sae in report.saes:
        of_format.setdefault(sae.family.name, Counter())[sae.architecture or ""] += 1
    listed = []
    for name, kinds in sorted(of_format.items()):
        several = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()) if kind)
        rest = kinds[""]
        said = [several] if several else []
        said += [f"{rest} of no known architecture"] if rest and several else [str(rest)] if rest else []
        listed.append(f"{', '.join(said)} ({name})")
    return "; ".join(listed)


def _rule_block(findings: list[Finding], width: int) -> Iterator[str]:
    code, severity = findings[0].code, findings[0].severity
    title = REGISTRY[code].title if code in REGISTRY else ""
    count = f" ({many(len(findings), 'time')})" if len(findings) > 1 else ""
    head = wrapped(f"{title}{count}", width, " " * 18)[18:]
    yield f"[{COLOUR[severity]}]{severity.word:<7}[/]  [bold]{code:<7}[/]  {head}"
    groups = folded(findings)
    by_hint: dict[str, list[list[Finding]]] = {}
    for same in groups[:GROUPS_SHOWN]:
        by_hint.setdefault(same[0].hint, []).append(same)
    for hint, alike in by_hint.items():
        for same in alike:
            yield wrapped(message(same), width, INDENT)
            yield from _places(same)
        if hint:
            body = wrapped(hint, width, f"{INDENT}     ")[len(INDENT) + 5 :]
            yield f"{INDENT}[dim]try:[/] {body}"
    if len(groups) > GROUPS_SHOWN:
        rest = sum(len(same) for same in groups[GROUPS_SHOWN:])
        yield f"{INDENT}[dim]and {rest} more of this rule: --format json has them all[/]"


def _places(findings: Iterable[Finding]) -> Iterator[str]:
    names = list(dict.fromkeys(at for finding in findings if (at := place(finding))))
    # One more line for one more name is no longer than saying that there is one.
    first = names if len(names) <= PLACES_SHOWN + 1 else names[:PLACES_SHOWN]
    for name in first:
        yield f"{INDENT}  {escape(name)}"
    if len(names) > len(first):
        yield f"{INDENT}  [dim]and {len(names) - len(first)} more[/]"


def _accepted(report: Report, width: int) -> Iterator[str]:
    """What does not count, and who said so: always shown."""
    for label, said in accepted(report):
        yield wrapped(said, width, f"{INDENT}  " if label == STALE else f"{label:<{len(INDENT)}}")


def counted(report: Report, *, notes: bool) -> str:
    """How many findings of which severity, or why there is no verdict."""
    counts = [
        (severity, report.count(severity)) for severity in (Severity.ERROR, Severity.WARNING, Severity.NOTE)
    ]
    parts = [f"[{COLOUR[s]}]{many(n, s.word)}[/]" for s, n in counts if n]
    if not report.complete:
        left = (
            f"{many(len(report.skipped), 'check')} could not be made" if report.skipped else "a rule crashed"
        )
        return (
            "[bold yellow]incomplete[/]: " + ", ".join([*parts, left]) + "; nothing found does not mean clean"
        )
    if not report.saes:
        text = "[yellow]no SAE found here[/]: no folder with a cfg.json or weights that hubkit knows"
        return "\n".join([", ".join(parts), text]) if parts else text
    hidden = "  [dim](--notes shows the notes)[/]" if report.count(Severity.NOTE) and not notes else ""
    return (", ".join(parts) if parts else "[bold green]clean[/]: no findings") + hidden


def _coverage(report: Report) -> Iterator[str]:
    """What of each card agrees, and where it was held against nothing."""
    for one in report.coverage:
        more = " (-v shows them)" if one.unheld else ""
        if one.statements:
            yield one.sentence() + more


def _unheld(report: Report, width: int) -> Iterator[str]:
    for card in report.coverage:
        for one in card.unheld:
            yield wrapped(one.quote, width, f"  {card.path}:{one.line}  ", "    ")


def _closing(report: Report, width: int) -> str:
    """What a person can repeat, and what it took to know it."""
    said = "; ".join(filter(None, (closing(report), set_aside(report))))
    return f"[bold]{wrapped(said, width)}[/]\n{cost(report)}" if said else cost(report)


def _of_card(listed: Sequence[Finding]) -> list[Finding]:
    """What is said of the card, where it would hide what is wrong with the SAEs themselves."""
    card = [f for f in listed if area_of(f.code) == "CARD" and f.severity > Severity.NOTE]
    return (
        card if len(card) > CARD_SHOWN and any(area_of(f.code) not in {"CARD", "REL"} for f in listed) else []
    )


def _card_block(findings: Sequence[Finding], report: Report, width: int) -> Iterator[str]:
    """The card's findings in a few lines, the gravest first."""
    ordered = sorted(findings, key=telling)
    worst = ordered[0].severity
    counts = Counter(f.code for f in ordered)
    several = ", ".join(f"{code} {count}x" if count > 1 else code for code, count in counts.items())
    head = wrapped(f"README.md, {many(len(ordered), 'finding')}: {several}", width, " " * 18)[18:]
    yield f"[{COLOUR[worst]}]{worst.word:<7}[/]  [bold]{'CARD':<7}[/]  {head}"
    for one in ordered[:CARD_SHOWN]:
        at = f"line {one.line}: " if one.line else ""
        text = printable(f"{at}{one.message}")
        yield f"{INDENT}{escape(textwrap.shorten(text, max(width, 40) - len(INDENT), placeholder=' ...'))}"
    yield f"{INDENT}[dim]all of them:[/] hubkit validate {escape(_typed(report))} --select CARD"


def _typed(report: Report) -> str:
    """The target as a shell takes it: of a list of files the release that they are of, or the folder around several."""
    target = (
        (report.releases[0] if len(report.releases) == 1 else ".")
        if report.target == LISTED
        else report.target
    )
    return shlex.quote(target) if target else "."


def cost(report: Report) -> str:
    """What it took to know it."""
    requests = f" in {many(report.requests, 'request')}" if report.revision else ""
    # What is read twice, as the directory of an archive is, counts twice.
    part = human_bytes(report.bytes_read)
    if report.bytes_read < report.total_bytes:
        part += f" of {human_bytes(report.total_bytes)}"
    return f"[dim]read {part}{requests}, {report.seconds:.2f} s[/]"
