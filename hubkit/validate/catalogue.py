"""The rules as a list and as pages: for `hubkit rules`, `hubkit explain` and the documentation. The docstrings are the text."""

from __future__ import annotations

import difflib
from typing import Any

from hubkit.errors import UsageError
from hubkit.validate import rules as _rules  # noqa: F401 - importing them registers them
from hubkit.validate.reporters.text import COLOUR, escape
from hubkit.validate.rule import REGISTRY, Need, Rule

NEEDS = {
    Need.TREE: "the file listing", Need.CFG: "cfg.json", Need.HEADER: "the weights' header", Need.THRESHOLD: "the threshold tensor",
    Need.README: "README.md", Need.EVALUATION: "evaluation.json",
}  # fmt: skip


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


def as_markup() -> str:
    """One line a rule."""
    return "\n".join(
        f"[bold]{r.code}[/]  [{COLOUR[r.severity]}]{r.severity.word:<7}[/]  {escape(r.title)}"
        for r in all_rules()
    )


def explain(code: str) -> str:
    """The page of one rule. Raises UsageError for a code that there is not."""
    if code not in REGISTRY:
        near = difflib.get_close_matches(code, REGISTRY, n=1)
        raise UsageError(
            f"there is no rule {code}", hint=f"hubkit explain {near[0]}" if near else "hubkit rules"
        )
    rule = REGISTRY[code]
    body = rule.documentation.partition("\n")[2].strip("\n")
    needs = ", ".join(NEEDS[need] for need in NEEDS if need in rule.needs) or "nothing"
    fix = {
        "safe": f"hubkit fix --select {code} mends it",
        "unsafe": "only a person can decide it",
        None: "a person must mend it",
    }[rule.fix]
    head = f"[bold]{code}[/]  [{COLOUR[rule.severity]}]{rule.severity.word}[/]  {escape(rule.title)}"
    return "\n".join(
        [head, "", escape_lines(body), "", f"[dim]looks at[/]  {needs}", f"[dim]fix[/]       {fix}"]
    ).replace("\n\n\n", "\n\n")


def escape_lines(text: str) -> str:
    """Escaped line by line, line ends kept."""
    return "\n".join(escape(line) for line in text.split("\n"))


def as_markdown() -> str:
    """`docs/rules.md`."""
    lines = [
        "# The rules",
        "",
        "Generated from the rules' docstrings by `python -m hubkit.validate.catalogue`; a test keeps it current.",
        "",
    ]
    lines += ["| code | severity | looks at | fix | what is wrong |", "|---|---|---|---|---|"]
    lines += [
        f"| [{r.code}](#{r.code.lower()}) | {r.severity.word} | {r.needs.letters} | {r.fix or '-'} | {r.title} |"
        for r in all_rules()
    ]
    for rule in all_rules():
        lines += ["", f"## {rule.code}", "", f"**{rule.severity.word}**: {rule.documentation}"]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    import sys

    sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
    sys.stdout.write(as_markdown())
