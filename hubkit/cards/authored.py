"""What an author wrote as a template, rendered within limits: simple quotations of facts here, everything else in a process apart.

A template is a program. Jinja's sandbox keeps it from files and from Python's inner life, but not from `9**9**9`, from loops without end and from
texts of gigabytes: a process with limits of time and memory does, and its output is cut off at MOST_OUTPUT.
"""

from __future__ import annotations

import json
import pickle
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jinja2 import TemplateError, nodes

from hubkit.cards.environment import of_prose
from hubkit.cards.prose_facts import Tree
from hubkit.cards.settings import CommonSettings
from hubkit.cards.text import FILTERS
from hubkit.child_process import clean_environment, run_module
from hubkit.errors import UsageError
from hubkit.small_files import read_regular
from hubkit.texts import printable, shortened
from hubkit.validate.config import is_download

TIMEOUT = 20.0
"""Seconds for all that one card's author wrote, by the clock; the process's own limit of processor time is PROCESSOR."""
PROCESSOR = 10
MEMORY = 512 << 20
"""Bytes beside what the interpreter and its modules take; where the system has such a limit (Linux)."""
MOST_OUTPUT = 1_000_000
"""Characters that an author's templates and prose may come to."""
LONGEST_SIMPLE = 20_000
MOST_MARKS = 300
"""Quotations in one text that is rendered here."""
LONGEST_NUMBER = 12
"""The most digits after the point that a filter may be asked for here."""
LONGEST_SAID = 300
SIMPLE_FILTERS = frozenset(FILTERS) | {"pct", "num", "pts"}
MARKS = ("{{", "{%", "{#")


@dataclass(frozen=True)
class Job:
    """What is to be rendered for one card. It goes to the process as a pickle that only this program writes and reads."""

    names: Tree
    """What prose may quote."""
    prose: tuple[str, ...]
    sections: tuple[tuple[str, Mapping[str, Any]], ...] = ()
    """Names of templates, each with what it is given."""
    templates: Path | None = None
    """The author's folder."""


@dataclass(frozen=True)
class Rendered:
    """What came of it."""

    prose: dict[str, str] = field(default_factory=dict)
    """By the text as written."""
    sections: dict[str, str] = field(default_factory=dict)
    """By the template's name."""


def templates_folder(settings: CommonSettings, folder: Path) -> Path | None:
    """The author's folder of templates; `folder` is that of card.yaml. Raises UsageError for one that is not there, or lies outside.

    Inside is the folder of card.yaml, or the git repository that holds it: a card.yaml that somebody else wrote must not put other files of this
    machine into a card. A folder that was downloaded brings only what is in itself.
    """
    if settings.templates is None:
        return None
    templates = folder / settings.templates
    place = templates.resolve()
    allowed = _working_tree(folder.resolve())
    if not place.is_relative_to(allowed):
        raise UsageError(
            f"card.yaml: templates: {shortened(printable(settings.templates))} leads to {place}, outside {allowed}",
            hint="move the templates into a folder beside card.yaml, or keep both in one git repository",
        )
    if not templates.is_dir():
        raise UsageError(
            f"{templates}: there is no such folder of templates", hint="correct `templates` in card.yaml"
        )
    return place


def _working_tree(folder: Path) -> Path:
    """The git repository around `folder`, or `folder` itself."""
    if is_download(folder):
        return folder
    return next((place for place in (folder, *folder.parents) if (place / ".git").exists()), folder)


def render(job: Job) -> Rendered:
    """Everything of `job`. Raises UsageError for what is no template, asks for what is not there, or passes a limit."""
    simple = [text for text in dict.fromkeys(job.prose) if is_simple(text)]
    here = {text: _quote(text, job.names) for text in simple}
    rest = tuple(text for text in dict.fromkeys(job.prose) if text not in here)
    if not rest and not job.sections:
        return Rendered(here)
    found = _apart(Job(job.names, rest, job.sections, job.templates))
    return Rendered(here | found.prose, found.sections)


def is_simple(text: str) -> bool:
    """Whether `text` does no more than quote facts through hubkit's filters: no loop, no call, no arithmetic."""
    if not any(mark in text for mark in MARKS):
        return True
    if len(text) > LONGEST_SIMPLE or sum(map(text.count, MARKS)) > MOST_MARKS:
        return False
    try:
        parsed = of_prose().parse(text)
    except (TemplateError, RecursionError):
        return False
    return all(
        isinstance(part, nodes.TemplateData) or _quotes(part)
        for output in parsed.body
        for part in (output.nodes if isinstance(output, nodes.Output) else [output])
    )


def _quotes(node: nodes.Node) -> bool:
    """`facts.a.b["c"] | pct(2)`."""
    while True:
        if isinstance(node, nodes.Filter):
            plain = all(isinstance(one, nodes.Const) and _small(one.value) for one in node.args)
            if (
                node.name not in SIMPLE_FILTERS
                or not plain
                or node.kwargs
                or node.dyn_args
                or node.dyn_kwargs
            ):
                return False
            if node.node is None:
                return False
            node = node.node
        elif isinstance(node, nodes.Getattr):
            node = node.node
        elif isinstance(node, nodes.Getitem):
            if not isinstance(node.arg, nodes.Const):
                return False
            node = node.node
        else:
            return isinstance(node, nodes.Name)


def _small(value: object) -> bool:
    return type(value) is int and 0 <= value <= LONGEST_NUMBER


def _quote(text: str, names: Tree) -> str:
    try:
        return str(of_prose().from_string(text).render(facts=names)).strip("\n")
    except (TemplateError, TypeError, ValueError, RecursionError) as error:
        raise _of_prose(text, str(error)) from error


def _of_prose(text: str, said: str) -> UsageError:
    start = printable(text.strip().split("\n")[0][:60])
    return UsageError(
        f"the author's text {start!r}: {shortened(said, LONGEST_SAID)}",
        hint="hubkit build-cards RELEASE --facts lists what can be quoted",
    )


def _apart(job: Job) -> Rendered:
    """In a process of its own. Raises UsageError."""
    with tempfile.TemporaryDirectory(prefix="hubkit-template-", ignore_cleanup_errors=True) as place:
        scratch = Path(place)
        (scratch / "job").write_bytes(pickle.dumps(job))
        environment = clean_environment(scratch, {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"})
        arguments = [str(scratch / "job"), str(scratch / "answer.json")]
        ended = run_module("hubkit.cards.template_runner", arguments, scratch, environment, TIMEOUT)
        try:
            answer = json.loads(read_regular(scratch / "answer.json", 8 * MOST_OUTPUT))
        except FileNotFoundError:
            raise UsageError(
                f"card.yaml: the author's text and templates were stopped: {_stopped(ended.timed_out, ended.code)}",
                hint="a card needs no long computation; quote facts, and compute numbers before",
            ) from None
    _check(job, answer)
    prose = dict(zip(job.prose, answer["prose"], strict=True))
    names = [name for name, _ in job.sections]
    return Rendered(prose, dict(zip(names, answer["sections"], strict=True)))


def _stopped(timed_out: bool, code: int) -> str:
    spent = f"they took more than {PROCESSOR} s of the processor or {TIMEOUT:.0f} s by the clock"
    return spent if timed_out or code < 0 else f"their process ended with {code}"


def _check(job: Job, answer: Mapping[str, Any]) -> None:
    """Raise UsageError for a failure that the process tells."""
    failed = answer.get("failed")
    if failed is None:
        return
    kind, index, said = failed
    if kind == "prose":
        raise _of_prose(job.prose[index], said)
    raise UsageError(
        f"{job.sections[index][0]}.md.j2: {shortened(said, LONGEST_SAID)}",
        hint="the template is given what hubkit's own is given",
    )
