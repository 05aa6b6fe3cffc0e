"""Configurations of programs that evaluate expressions in them, or start what they name: YOLO's models, promptfoo's evaluations, Dask's workers, gin's bindings.

Source: ultralytics/yolov5 7 and the programs after it (models/yolo.py: parse_model), promptfoo 0.119 (providers, assertions: https://www.promptfoo.dev/docs/integrations/python),
distributed 2025 (preloading.py), gin-config 0.5 (config.py: imports of a configuration, dynamic registration).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from hubkit.validate.code_loaders import Named, evaluated
from hubkit.validate.code_values import Pairs, strings
from hubkit.validate.configured_names import calls_program
from hubkit.validate.finding import Severity

BACKBONE, HEAD = "backbone", "head"
ROW = 4
"""from, number, module, arguments: a layer of YOLO's."""
MODULE = re.compile(r"[\w.]*")
PROMPTS, PROVIDERS = "prompts", "providers"
SCRIPT = re.compile(r"file://.*\.(?:py|[cm]?js|ts|go|rb)(?::[\w.]+)?", re.DOTALL)
EVALUATED = {"javascript", "not-javascript", "python", "not-python", "ruby", "not-ruby"}
"""Types of assertions whose value is code."""
DISTRIBUTED, PRELOAD = "distributed", "preload"
PROCESSES = ("worker", "scheduler", "nanny", "client")
WORDS = rf"{BACKBONE}|{PROVIDERS}|{PRELOAD}"
"""What a text has that may be one of these."""
GIN = ".gin"
GIN_NAME = re.compile(
    r"@(?:[\w./]{1,100}/)?([A-Za-z_][\w.]{0,100})|^\s{0,20}(?:[\w./]{1,100}/)?([A-Za-z_][\w.]{0,100})\.\w{1,60}\s{0,9}="
)
"""A reference, or what a binding is of."""
GIN_ASIDE = re.compile(r"'[^'\n]*'|\"[^\"\n]*\"|#.*")
DYNAMIC = re.compile(r"^\s{0,20}from\s+__gin__\s+import\s+dynamic_registration\b", re.MULTILINE)
"""Without it gin calls only what its program has registered."""


def of_object(pairs: Pairs) -> Iterator[Named]:
    """What an object says that is a configuration of one of these programs, or has one in it."""
    value = dict(pairs)
    if isinstance(value.get(BACKBONE), list) and isinstance(value.get(HEAD), list):
        yield from _of_yolo(value[BACKBONE] + value[HEAD])
    if PROMPTS in value and PROVIDERS in value:
        yield from _of_promptfoo(value)
    if isinstance(inner := value.get(DISTRIBUTED), Pairs):
        yield from _of_dask(inner)


def _of_yolo(rows: list[Any]) -> Iterator[Named]:
    """Modules and arguments are given to `eval`."""
    for row in rows:
        if not isinstance(row, list) or len(row) < ROW or not isinstance(row[2], str):
            continue
        for text in strings(row):
            if (name := evaluated(f"${text}")) is not None:
                what = f"an expression with {name[:100]!r} in a layer, which YOLO evaluates"
                yield Named("yolo", what, Severity.ERROR, BACKBONE)
        if not MODULE.fullmatch(row[2]):
            what = f"a layer is the expression {row[2][:100]!r}, which YOLO evaluates"
            yield Named("yolo", what, Severity.WARNING, BACKBONE)


def _of_promptfoo(value: dict[str, Any]) -> Iterator[Named]:
    """Providers that are commands or scripts, and assertions that are code."""
    providers = [one for key in (PROMPTS, PROVIDERS) for one in strings(value[key])]
    started = next((one for one in providers if SCRIPT.fullmatch(one) or _is_command(one)), None)
    if started is not None:
        what = f"it names {started[:100]!r}, which promptfoo starts"
        yield Named("promptfoo", what, Severity.WARNING, PROVIDERS)
    if (kind := next(_asserted(list(value.values())), None)) is not None:
        what = f"an assertion is code ({kind}), which promptfoo runs"
        yield Named("promptfoo", what, Severity.WARNING, PROVIDERS)


def _is_command(text: str) -> bool:
    return text.startswith(("exec:", "python:", "golang:", "ruby:")) and not text.endswith(":")


def _asserted(left: list[Any]) -> Iterator[str]:
    """Types of assertions, at any depth, whose value is code."""
    seen = set[int]()
    while left:
        one = left.pop()
        if not isinstance(one, list) or id(one) in seen:
            continue
        seen.add(id(one))
        if not isinstance(one, Pairs):
            left += one
            continue
        found = dict(one)
        kind = found.get("type")
        if isinstance(kind, str) and kind in EVALUATED and isinstance(found.get("value"), str):
            yield kind
        left += [inner for _, inner in one]


def _of_dask(pairs: Pairs) -> Iterator[Named]:
    """What each process of a cluster imports, or runs as a text of Python, as it starts."""
    for process, settings in pairs:
        if process not in PROCESSES or not isinstance(settings, Pairs):
            continue
        for text in strings([value for key, value in settings if key == PRELOAD]):
            severity = Severity.ERROR if evaluated(f"${text}") is not None else Severity.WARNING
            what = f"{PRELOAD} names {text[:100]!r}, which Dask's {process} imports or runs at its start"
            yield Named("dask", what, severity, PRELOAD)


def of_gin(text: str) -> tuple[str, int] | None:
    """A function in a configuration of gin that starts a program, and its line: called once gin may register whatever is imported."""
    if DYNAMIC.search(text) is None:
        return None
    for number, line in enumerate(text.split("\n"), 1):
        for match in GIN_NAME.finditer(GIN_ASIDE.sub("''", line)):
            if calls_program(name := match[1] or match[2]):
                return name, number
    return None
