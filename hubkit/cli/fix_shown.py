"""What `hubkit fix FOLDER` says: each kind of change once, with the SAEs that it was made in."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from hubkit.words import many, some

if TYPE_CHECKING:
    from hubkit.fix.run import Fix, Plan
    from hubkit.repo.local import LocalView
    from hubkit.validate.finding import Finding


def urgent(plan: Plan, failed: dict[str, str]) -> Iterator[str]:
    """Markup: what could not be written, and what the owner must change with it. Also with `--quiet`."""
    from hubkit.validate.reporters.text import escape

    codes = {fix.place: ", ".join(fix.codes) for fix in plan.fixes}
    for (code, reason), places in _alike((codes[place], reason, place) for place, reason in failed.items()):
        yield f"[red]not fixed[/] {escape(_named(places, code))}: {escape(reason)}"
    for one in plan.broken:
        yield f"[yellow]change too[/] {escape(one.words)}"


def done(plan: Plan, failed: dict[str, str], *, diff: bool) -> Iterator[str]:
    """Markup: what was mended (of `diff` that is shown already), left alone, and offered."""
    from hubkit.validate.reporters.text import escape

    made = [] if diff else [fix for fix in plan.fixes if fix.place not in failed]
    for (codes, notes), places in _alike((", ".join(f.codes), _notes(f), f.place) for f in made):
        yield f"[green]fixed[/] {escape(_named(places, codes))}"
        yield from (f"[dim]      {escape(note)}[/]" for note in notes.splitlines())
    for (code, reason), places in _alike((r.code, r.reason, r.place) for r in plan.refused):
        yield f"[yellow]left alone[/] {escape(_named(places, code))}: {escape(reason)}"
    if plan.offered:
        codes = ", ".join(sorted({code for _, code in plan.offered}))
        yield f"[dim]{len(plan.offered)} more with --unsafe-fixes ({codes}); hubkit explain says what each assumes[/]"


def left(findings: Iterable[Finding], target: str) -> str:
    """Markup: what is still there after the fixes, and what shows it; empty where nothing is."""
    from hubkit.validate.areas import telling
    from hubkit.validate.finding import Severity
    from hubkit.validate.reporters.text import escape

    told = sorted((one for one in findings if one.severity > Severity.NOTE), key=telling)
    codes = list(dict.fromkeys(one.code for one in told))
    shows = escape(f"hubkit validate {shlex.quote(target)}")
    return f"[dim]left: {some(codes)}; {shows} says what a person can do[/]" if codes else ""


def as_json(view: LocalView, plan: Plan, diff: bool, failed: dict[str, str]) -> dict[str, Any]:
    """For `--format json`: one by one."""
    from hubkit.fix import render

    return {
        "fixes": [
            {
                "place": one.place,
                "codes": list(one.codes),
                "files": list(one.files),
                "done": not diff and one.place not in failed,
                "reason": failed.get(one.place),
                "notes": list(one.notes),
            }
            | ({"diff": render.diff(view, one)} if diff else {})
            for one in plan.fixes
        ],
        "card": [one.to_json() for one in plan.broken],
        "refused": [{"place": r.place, "code": r.code, "reason": r.reason} for r in plan.refused],
        "offered": [{"place": place, "code": code} for place, code in plan.offered],
    }


def _notes(fix: Fix) -> str:
    """Without its own name, so that equal ones are."""
    return "\n".join(note.replace(f"{fix.place}/", "") for note in fix.notes)


def _alike(rows: Iterable[tuple[str, str, str]]) -> list[tuple[tuple[str, str], list[str]]]:
    """Places by what is said of them, in order."""
    groups: dict[tuple[str, str], list[str]] = {}
    for code, words, place in rows:
        groups.setdefault((code, words), []).append(place)
    return list(groups.items())


def _named(places: list[str], codes: str) -> str:
    """`L2  THR001`; of several `27 SAEs: THR001 (L2, L5, ...)`."""
    return (
        f"{places[0]}  {codes}"
        if len(places) == 1
        else f"{many(len(places), 'SAE')}: {codes} ({some(places)})"
    )
