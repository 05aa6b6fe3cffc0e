"""The rules as a list and as pages: for `hubkit rules`, `hubkit explain` and the documentation. The docstrings are the text."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from hubkit.errors import UsageError
from hubkit.validate import rules as _rules  # noqa: F401 - importing them registers them
from hubkit.validate.alarms import alarm_rate
from hubkit.validate.areas import AREAS, area_of
from hubkit.validate.need import Need
from hubkit.validate.reporters.text import COLOUR, WIDTH, escape, wrapped
from hubkit.validate.rule import REGISTRY, Rule

NEEDS = {
    Need.TREE: "the file listing", Need.CFG: "cfg.json", Need.HEADER: "the weights' header", Need.THRESHOLD: "the threshold tensor",
    Need.README: "README.md", Need.EVALUATION: "evaluation.json", Need.PROVENANCE: "provenance.json",
    Need.WEIGHTS: "whole weights (only with --deep)", Need.LOAD: "SAELens itself (only with --load)",
    Need.BASE: "the base model's config.json (only with --base-model)",
}  # fmt: skip
FIX = {"safe": "hubkit fix FOLDER --select {code} mends it", "unsafe": "hubkit fix FOLDER --select {code} --unsafe-fixes, where a person decides that it is meant", None: "a person must mend it"}  # fmt: skip
LEGEND = (
    "Looks at: T the listing, C cfg.json, H the header of the weights, S the threshold tensor, D README.md, E evaluation.json, "
    "W whole weights (only with `--deep`), L SAELens itself (only with `--load`), B the base model's config.json (only with `--base-model`; models of hubkit's own table are known without it). Fix: *safe* is made by `hubkit fix`; *unsafe* needs a person's decision; - is for a person."
)
EXPLAIN = "[dim]hubkit explain CODE says what a rule looks for, why, and what helps[/]"
ACCEPT = 'in hubkit.toml:  ignore = {{ {code} = "the reason" }}'


def all_rules() -> list[Rule]:
    """Every rule, by code."""
    return [REGISTRY[code] for code in sorted(REGISTRY)]


def as_json() -> list[dict[str, Any]]:
    """One object a rule."""
    return [
        {
            "code": r.code,
            "severity": r.severity.word,
            "title": r.title,
            "needs": r.needs.letters,
            "fix": r.fix,
            "documentation": r.documentation,
        }
        for r in all_rules()
    ]


def as_markup(width: int = WIDTH) -> str:
    """One rule a line, by area, broken at `width`."""
    lines: list[str] = []
    for area, group in groupby(all_rules(), key=lambda rule: area_of(rule.code)):
        lines += [*_family(area, list(group), width), ""]
    return "\n".join([*lines, EXPLAIN])


def _family(area: str, rules: Sequence[Rule], width: int) -> Iterator[str]:
    yield f"[bold]{area}[/]  [dim]{escape(AREAS.get(area, ''))}[/]"
    for rule in rules:
        title = wrapped(rule.title, width, " " * 20)[20:]
        yield f"  [bold]{rule.code:<7}[/]  [{COLOUR[rule.severity]}]{rule.severity.word:<7}[/]  {title}"


def explain(code: str, width: int = WIDTH, *, changes: Sequence[str] = ()) -> str:
    """The page of one rule, broken at `width`, with what its fixes change; of an area such as `THR`, its rules in a line each.

    Raises UsageError for a code that there is not.
    """
    if code in AREAS:
        family = [rule for rule in all_rules() if area_of(rule.code) == code]
        return "\n".join([*_family(code, family, width), "", EXPLAIN])
    if code not in REGISTRY:
        near = difflib.get_close_matches(code, REGISTRY, n=1)
        raise UsageError(
            f"there is no rule {code}", hint=f"hubkit explain {near[0]}" if near else "hubkit rules"
        )
    rule = REGISTRY[code]
    severity = f"[{COLOUR[rule.severity]}]{rule.severity.word}[/]"
    looks, fix, *others = about(rule)
    rows = [looks, fix, *(("", change) for change in changes), *others]
    body = list(_paragraphs(rule.documentation.partition("\n")[2], width))
    head = wrapped(rule.title, width)
    facts = [f"[dim]{name:<10}[/]{wrapped(text, width, ' ' * 10)[10:]}" for name, text in rows]
    return "\n".join([f"[bold]{code}[/]  {severity}", f"[bold]{head}[/]", "", *body, *facts])


def about(rule: Rule) -> list[tuple[str, str]]:
    """What it looks at, what mends it, how it is accepted, how often it fires: each by a word."""
    needs = ", ".join(NEEDS[need] for need in NEEDS if need in rule.needs)
    return [
        ("looks at", needs or "nothing: the run itself makes it"),
        ("fix", FIX[rule.fix].format(code=rule.code)),
        ("accept", ACCEPT.format(code=rule.code)),
        ("alarms", alarm_rate(rule.code)),
    ]


def paragraphs(text: str) -> Iterator[str | list[str]]:
    """Prose as one line each; tables, lists and code as the lines that they keep."""
    for paragraph in re.split(r"\n\s*\n", text.strip("\n")):
        lines = paragraph.split("\n")
        if not paragraph.strip():
            continue
        kept = any(line.startswith((" ", "-", "*", "|", "`" * 3)) for line in lines)
        yield lines if kept else " ".join(lines)


def _paragraphs(text: str, width: int) -> Iterator[str]:
    """The same as markup, prose filled to `width`."""
    for paragraph in paragraphs(text):
        if isinstance(paragraph, list):
            for line in paragraph:
                indent = line[: len(line) - len(line.lstrip(" -*"))]
                yield _coded(wrapped(line[len(indent) :], width, indent, " " * len(indent)))
        else:
            yield _coded(wrapped(paragraph, width))
        yield ""


def _coded(escaped: str) -> str:
    """What stands between backticks, in colour."""
    return re.sub(r"`([^`\n\\]+)`", r"[cyan]\1[/]", escaped)


def as_markdown() -> str:
    """`docs/rules.md`."""
    lines = [
        "# The rules",
        "",
        "Generated from the rules' docstrings by `python -m hubkit.validate.catalogue`; a test keeps it current.",
        "",
    ]
    lines += [LEGEND, "", "| code | severity | looks at | fix | what is wrong |", "|---|---|---|---|---|"]
    lines += [
        f"| [{r.code}](#{r.code.lower()}) | {r.severity.word} | {r.needs.letters} | {r.fix or '-'} | {r.title.replace('|', chr(92) + '|')} |"
        for r in all_rules()
    ]
    for rule in all_rules():
        lines += ["", f"## {rule.code}", "", f"**{rule.severity.word}**: {rule.documentation}"]
        lines += ["", f"Alarm rate on the public corpus: {alarm_rate(rule.code)}."]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    import sys

    sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
    sys.stdout.write(as_markdown())
