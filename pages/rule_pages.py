"""A page for each rule: why, what it says, a repository before and after, the fix, what SAELens does, how often it fires.

The repository before and after are the rule's bad and good twin of `tests/validate/`, which the tests hold it to: the rule is asked here, and what
it says is printed. What SAELens does is read from the table that `tests/oracle/table.py` made with it.
"""

from __future__ import annotations

import contextlib
import difflib
import json
import re
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from safetensors.numpy import load
from validate import card_twins, twins

from hubkit.fix import run as _fixes  # noqa: F401 - importing them registers them
from hubkit.fix.registry import FIXERS
from hubkit.repo.memory import MemoryView
from hubkit.validate.alarms import alarm_rate
from hubkit.validate.areas import AREAS, area_of
from hubkit.validate.catalogue import FIX, NEEDS, all_rules
from hubkit.validate.rule import Rule
from hubkit.validate.run import Selection, validate

Twins = tuple[Callable[[], MemoryView], Callable[[], MemoryView]]
PAIRS: dict[str, Twins] = {**card_twins.MORE_CARD_TWINS, **twins.MORE, **card_twins.CARD_TWINS, **twins.TWINS}
"""By code, or by code and a word; of two of one key the plainer stays."""
CASES = 6
"""As many lines of the comparison with SAELens as a page shows; the rest is in docs/oracle.md."""
COLUMNS = 88
"""As many letters as a block shows without scrolling."""
AROUND = 2
"""Unchanged lines around a change."""


def listed(markdown: str) -> str:
    """`docs/rules.md` up to the end of its table, each code a link to its page."""
    return re.sub(
        r"\(#([a-z]+\d{3})\)", lambda found: f"(rules/{found[1].upper()}.md)", markdown.partition("\n## ")[0]
    )


def made(root: Path) -> dict[str, str]:
    """Markdown by code."""
    cases = _cases(root / "docs" / "oracle.md")
    return {rule.code: _page(rule, cases.get(rule.code, [])) for rule in all_rules()}


def _page(rule: Rule, cases: list[str]) -> str:
    title, _, why = rule.documentation.partition("\n")
    looks = (
        ", ".join(NEEDS[need] for need in NEEDS if need in rule.needs) or "nothing: the run itself makes it"
    )
    lines = [f"# {rule.code}", "", f"**{title}**", ""]
    lines += [
        f"*{rule.severity.word}* · {AREAS[area_of(rule.code)]} · looks at {looks}",
        "",
        why.strip("\n"),
        "",
    ]
    lines += _before_and_after(rule.code)
    lines += ["## The fix", "", f"{_sentence(FIX[rule.fix].format(code=rule.code))}", ""]
    lines += [
        f"- {fixer.title}{' Only with `--unsafe-fixes`.' if fixer.kind == 'unsafe' else ''}"
        for fixer in FIXERS
        if fixer.code == fixer.finding == rule.code
    ]
    lines += ["", "To accept it, with a reason that every report shows:", "", "```toml", "[ignore]"]
    lines += [f'{rule.code} = "the reason"', "```", ""]
    if cases:
        more = (
            f" {len(cases) - CASES} more are in the [whole table](../oracle.md)."
            if len(cases) > CASES
            else ""
        )
        lines += [
            "## What SAELens does",
            "",
            f"Each folder was loaded by sae-lens in three ways ([how](../oracle.md)).{more}",
            "",
        ]
        lines += [
            "| case | made from | `from_dict` | `load_from_disk` | `from_pretrained` | hubkit |",
            "|---|---|---|---|---|---|",
        ]
        lines += [*cases[:CASES], ""]
    lines += ["## How often", "", f"On the public corpus: {alarm_rate(rule.code)}.", ""]
    return "\n".join(lines)


def _sentence(command: str) -> str:
    """`hubkit fix ...` in the words of the catalogue, the command as code."""
    said = re.sub(r"(hubkit fix [A-Z]+ --select \w+(?: --unsafe-fixes)?)", r"`\1`", command)
    return f"{said[0].upper()}{said[1:]}."


def _before_and_after(code: str) -> Iterator[str]:
    found = next((pair for key, pair in PAIRS.items() if key.partition(" ")[0] == code), None)
    if found is None:
        return
    bad, good = (make() for make in found)
    said = [one for one in validate(bad, Selection(select=(code,)), deep=True).findings if one.code == code]
    if not said:  # a rule that is asked only with an option or a neighbour
        return
    one = said[0]
    place = f"{one.path or ''}{f':{one.line}' if one.line else ''}{f' {one.pointer}' if one.pointer else ''}".strip()
    yield from ["## Before", "", "On the example that its tests use, the rule says:", "", "```text"]
    yield from textwrap.wrap(f"{one.severity.word} {code} {one.message}", COLUMNS, subsequent_indent=" " * 7)
    for name, text in (("at ", place), ("try", one.hint)):
        yield from (
            textwrap.wrap(f"  {name}  {text}", COLUMNS, subsequent_indent=" " * 7, break_on_hyphens=False)
            if text
            else []
        )
    yield from [
        "```",
        "",
        "## After",
        "",
        "What differs in the example on which it is silent:",
        "",
        "```diff",
    ]
    yield from _difference(bad, good)
    yield from ["```", ""]


def _difference(bad: MemoryView, good: MemoryView) -> Iterator[str]:
    """A diff of the two, file by file; of weights what is in them."""
    for path in sorted({*bad.files, *good.files}):
        before, after = bad.files.get(path), good.files.get(path)
        if before == after:
            continue
        if before is None or after is None:
            yield f"{'+' if before is None else '-'} the file {path}"
            continue
        changes = difflib.unified_diff(_lines(path, before), _lines(path, after), n=AROUND, lineterm="")
        body = [line for line in changes if not line.startswith(("---", "+++", "@@"))]
        yield f"  {path}"
        yield from (f"{line[:1]} {line[1:]}" for line in body) if body else ["! other values"]


def _lines(path: str, data: bytes) -> list[str]:
    if path.endswith(".safetensors"):
        try:
            return [_told(name, tensor) for name, tensor in sorted(load(data).items())]
        except Exception:  # noqa: BLE001 - what is no safetensors file is shown as the bytes that it is
            return [f"{len(data)} bytes: {data[:60]!r}"]
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return [f"{len(data)} bytes: {data[:60]!r}"]
    if path.endswith(".json"):
        with contextlib.suppress(ValueError):  # what is no JSON is shown as it stands
            text = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    return [line if len(line) < 160 else f"{line[:157]}..." for line in text.splitlines()]


def _told(name: str, tensor: np.ndarray) -> str:
    if not tensor.size or tensor.dtype.kind not in "fiu":
        return f"{name}  {tensor.dtype} {list(tensor.shape)}"
    with np.errstate(all="ignore"):
        return f"{name}  {tensor.dtype} {list(tensor.shape)}  min {tensor.min():.4g}, max {tensor.max():.4g}"


def _cases(table: Path) -> dict[str, list[str]]:
    """Rows of the comparison with SAELens by the codes that they name, errors and warnings alone."""
    rows: dict[str, list[str]] = {}
    for line in table.read_text(encoding="utf-8").splitlines():
        cells = line.split(" | ")
        if line.startswith("| ") and len(cells) == 6:
            for code in re.findall(r"(?:error|warning) ([A-Z]+\d{3})", cells[-1]):
                rows.setdefault(code, []).append(line)
    return rows
