"""The words of a pull request that mends somebody's repository: each finding with its evidence, what changes, and how to check it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from hubkit.cards.text import cell, code
from hubkit.fix.registry import FIXERS
from hubkit.fix.run import Plan
from hubkit.publish.earlier import MEND
from hubkit.validate.finding import Finding, Severity
from hubkit.validate.report import Report
from hubkit.validate.reporters.markdown import escape
from hubkit.validate.rule import REGISTRY
from hubkit.words import human_bytes, many

EXAMPLES = 5
"""Findings of one rule that are shown; the rest is counted."""
MOST_LINES = 20
"""Lines of the card that are named."""
LONGEST_EVIDENCE = 200
SAFE = "Safe: every SAE that SAELens loaded before loads after, and computes the same bits; this was tried before the pull request was opened."
UNSAFE = "This one rests on an assumption, or changes what the file claims: please look at it."

MOVES = " That is so for SAELens; the code of the card reads a key that moves, and fails until it is changed as said above."


@dataclass(frozen=True)
class Explained:
    """What the words are made of."""

    repo_id: str
    commit: str
    mended: tuple[Finding, ...]
    """The findings that go away."""
    fixes: Plan
    before: Report
    after: Report


def pull_title(explained: Explained) -> str:
    """`Mend 54 findings (CFG008, CFG013)`."""
    codes = sorted({finding.code for finding in explained.mended})
    count = len(explained.mended)
    shown = ", ".join(codes[:4]) + (", ..." if len(codes) > 4 else "")
    return f"{MEND} {many(count, 'finding')} ({shown})"


def pull_text(explained: Explained) -> str:
    """Markdown. Everything from the repository is escaped."""
    before, after = explained.before, explained.after
    read = f"{human_bytes(before.bytes_read)} of {human_bytes(before.total_bytes)}"
    lines = [
        f"[hubkit](https://pypi.org/project/sae-hubkit/) read this repository at commit {code(explained.commit[:12])}, by ranges ({read}). This pull request mends what the files themselves show; nothing else is touched.",
        "",
        "| | errors | warnings | notes |",
        "|---|---:|---:|---:|",
        f"| before | {_counts(before)} |",
        f"| after | {_counts(after)} |",
    ]
    lines += _to_change_too(explained.fixes)
    moving = {rule for one in explained.fixes.broken for rule in one.codes}
    for rule, found in groupby(sorted(explained.mended, key=lambda f: f.code), key=lambda f: f.code):
        lines += ["", *_section(rule, list(found), moves=rule in moving)]
    lines += _gone_with_it(explained)
    lines += _left_alone(explained)
    lines += [
        "",
        "### Check it yourself",
        "",
        "```",
        f"hubkit validate {explained.repo_id}@{explained.commit[:12]}",
        f"hubkit diff {explained.repo_id}@{explained.commit[:12]} {explained.repo_id}@refs/pr/N",
        "```",
        "",
        "N is the number of this pull request. Headers and configurations were read; nothing of a repository is ever unpickled or run. `hubkit explain CODE` says more about each rule.",
    ]
    return "\n".join(lines)


def _counts(report: Report) -> str:
    severities = (Severity.ERROR, Severity.WARNING, Severity.NOTE)
    return " | ".join(str(report.count(severity)) for severity in severities)


def _to_change_too(fixes: Plan) -> list[str]:
    """The lines of the card that must change with this pull request; nothing where there are none."""
    lines = [f"- {escape(one.words)}" for one in fixes.broken[:MOST_LINES]]
    if len(fixes.broken) > MOST_LINES:
        lines.append(f"- and {len(fixes.broken) - MOST_LINES} more")
    head = "### Change this too: the card's code reads keys that move here"
    return ["", head, "", *lines] if lines else []


def _section(rule: str, found: list[Finding], *, moves: bool) -> Iterator[str]:
    kinds = {fixer.kind for fixer in FIXERS if fixer.finding == rule}
    changes = next((fixer.title for fixer in FIXERS if fixer.finding == rule), "")
    yield f"### {rule}: {cell(REGISTRY[rule].title)} ({many(len(found), 'place')})"
    yield ""
    yield f"{_paragraph(rule)}"
    yield ""
    for finding in found[:EXAMPLES]:
        where = _where(finding)
        at = f" at {code(finding.pointer)}" if finding.pointer else ""
        yield f"- {where}{at}: {escape(finding.message)}{_evidence(finding)}"
    if len(found) > EXAMPLES:
        yield f"- and {len(found) - EXAMPLES} more of the same kind"
    yield ""
    yield f"**What changes:** {cell(changes)}"
    yield ""
    yield (UNSAFE if "unsafe" in kinds and "safe" not in kinds else SAFE) + (MOVES if moves else "")


def _paragraph(rule: str) -> str:
    """Why the rule is there: the first paragraph after its title."""
    rest = REGISTRY[rule].documentation.partition("\n")[2].strip()
    return " ".join(rest.partition("\n\n")[0].split())


def _evidence(finding: Finding) -> str:
    if not finding.measured:
        return ""
    text = ", ".join(f"{name} {json.dumps(value, default=str)}" for name, value in finding.measured.items())
    return f" (measured: {code(text if len(text) <= LONGEST_EVIDENCE else text[:LONGEST_EVIDENCE] + '...')})"


def _left_alone(explained: Explained) -> list[str]:
    """What was found and is not touched here."""
    fixes = explained.fixes
    lines = [f"- {code(one.place)}: {one.code}: {escape(one.reason)}" for one in fixes.refused[:EXAMPLES]]
    if len(fixes.refused) > EXAMPLES:
        lines.append(f"- and {len(fixes.refused) - EXAMPLES} more")
    offered = sorted({rule for _, rule in fixes.offered})
    if offered:
        lines.append(
            f"- {', '.join(offered)}: a person must decide ({many(len(fixes.offered), 'place')}); `hubkit fix {explained.repo_id} --pr --unsafe-fixes` would change them"
        )
    named = {one.code for one in fixes.refused} | set(offered)
    others = sorted(
        (
            one
            for one in explained.after.findings
            if one.severity is not Severity.NOTE and one.code not in named
        ),
        key=lambda finding: finding.code,
    )
    for rule, group in groupby(others, key=lambda finding: finding.code):
        found = list(group)
        lines.append(f"- {rule}: {cell(REGISTRY[rule].title)} ({many(len(found), 'place')})")
        lines += [f"  - {_where(one)}: {escape(one.message)}" for one in found[:EXAMPLES]]
        if len(found) > EXAMPLES:
            lines.append(f"  - and {len(found) - EXAMPLES} more")
    return ["", "### Left alone", "", *lines] if lines else []


def _gone_with_it(explained: Explained) -> list[str]:
    """What no fix was made for, and what the fixes make go away all the same."""
    left = {finding.fingerprint for finding in explained.after.findings}
    mended = {finding.fingerprint for finding in explained.mended}
    gone = {one.code for one in explained.before.findings if one.fingerprint not in left | mended}
    verb = "holds" if len(gone) == 1 else "hold"
    return ["", f"With that, {', '.join(sorted(gone))} no longer {verb} either."] if gone else []


def _where(finding: Finding) -> str:
    """The file, and the line where there is one."""
    return code(finding.path or finding.sae_id or ".") + (f" line {finding.line}" if finding.line else "")
