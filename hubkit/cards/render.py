"""Facts to README.md: each section's context into its template, the author's text beside it, joined. Same facts, same bytes."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import (
    BaseLoader,
    BytecodeCache,
    ChoiceLoader,
    FileSystemBytecodeCache,
    FileSystemLoader,
    PackageLoader,
    StrictUndefined,
    TemplateError,
)
from jinja2.bccache import Bucket
from jinja2.sandbox import ImmutableSandboxedEnvironment

from hubkit import __version__
from hubkit.cards import sections
from hubkit.cards.facts import Facts
from hubkit.cards.front import digests, release_front_matter, with_front_matter
from hubkit.cards.quotable import Fact, Tree, quotable
from hubkit.cards.regions import Region, render_region
from hubkit.cards.sections.section import Absent
from hubkit.cards.settings import CommonSettings
from hubkit.cards.text import FILTERS, interval, number, percent, points
from hubkit.errors import UsageError

__all__ = ["Written", "interval", "render_card", "render_sections"]

ABSENT = "absent"
LAST = ("loading", "versions", "citation", "license", "provenance", "index_checking")
"""The sections that come after the list of what is absent."""


NOT_RUN = "Not run when this card was written."


@dataclass(frozen=True)
class CodeRecord:
    """What came of a card's own code. It stays in the front matter, so that a rebuild of the same says the same without running it."""

    result: str
    sha256: str
    """Of the code and of the files that it was run with."""
    ran: bool


@dataclass(frozen=True)
class Written:
    """What a card is written from beside the facts."""

    regions: Mapping[str, Region] = field(default_factory=dict)
    """The author's regions of the card that was there."""
    figures: Mapping[str, str] = field(default_factory=dict)
    """Section to the Markdown of its figures."""
    code: CodeRecord | None = None
    """What came of the card's own code, where somebody looked."""
    folder: Path = Path()
    """Where card.yaml is."""


def render_card(facts: Facts, written: Written | None = None) -> str:
    """The whole card of a release. Raises UsageError for prose or templates of the author that do not render."""
    written = written or Written()
    body = render_sections(
        facts.settings,
        sections.ALL,
        facts,
        quotable(facts),
        written,
        {"ran": written.code.result if written.code else NOT_RUN},
    )
    ours: dict[str, Any] = digests(facts)
    if written.code is not None:
        ours["code"] = asdict(written.code)
    return with_front_matter(release_front_matter(facts), ours, body)


def render_sections(
    settings: CommonSettings,
    listed: Mapping[str, Callable[[Any], Any]],
    facts: object,
    names: Tree,
    written: Written,
    common: Mapping[str, Any],
) -> str:
    """Every section in order, with the author's prose, regions and figures at its end."""
    environment = environment_of(settings, written.folder)
    _check_names(settings, listed)

    def expand(text: str) -> str:
        return expand_prose(environment, text, names)

    parts, absent = {}, []
    for name, section in listed.items():
        context = section(facts)
        own = _own(name, settings, written, expand)
        if isinstance(context, Absent):
            absent.append(context)
            if own:
                parts[name] = f"## {context.title}\n\n{own}\n"
            continue
        text = _template(environment, name, {**common, **context})
        parts[name] = "\n\n".join(filter(None, [text, written.figures.get(name), own])) + "\n"
    first = [text for name, text in parts.items() if name not in LAST]
    last = [text for name, text in parts.items() if name in LAST]
    middle = [_template(environment, ABSENT, {"absent": _by_reason(absent)}) + "\n"] if absent else []
    return "\n".join([*first, *middle, *last])


def _by_reason(absent: list[Absent]) -> dict[str, list[str]]:
    """Reason to the titles of the sections that it keeps away."""
    found: dict[str, list[str]] = {}
    for one in absent:
        found.setdefault(one.reason, []).append(one.title)
    return found


def environment_of(settings: CommonSettings, folder: Path) -> ImmutableSandboxedEnvironment:
    """The package's templates, and before them those of the author's folder. Raises UsageError where that is not there."""
    if settings.templates is None:
        return _shipped()
    templates = folder / settings.templates
    if not templates.is_dir():
        raise UsageError(
            f"{templates}: there is no such folder of templates", hint="correct `templates` in card.yaml"
        )
    loader = FileSystemLoader(templates, followlinks=False)
    return _environment(ChoiceLoader([loader, PackageLoader("hubkit.cards")]))


@cache
def _shipped() -> ImmutableSandboxedEnvironment:
    return _environment(PackageLoader("hubkit.cards"), _Compiled(Path(__file__).parent / "templates"))


class _Compiled(FileSystemBytecodeCache):
    """The shipped templates, compiled, in `__pycache__` beside their sources: as trusted as Python's own bytecode, and as dispensable."""

    def __init__(self, templates: Path) -> None:
        super().__init__(str(templates / "__pycache__"), f"%s-{__version__}.cache")

    def load_bytecode(self, bucket: Bucket) -> None:
        """Take one that is there; what is damaged is compiled again."""
        try:
            super().load_bytecode(bucket)
        except (OSError, EOFError, ValueError, pickle.UnpicklingError):
            bucket.reset()

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep one, where Python would keep its own; a folder that cannot be written costs time, nothing else."""
        if not sys.dont_write_bytecode:
            with suppress(OSError):
                Path(self.directory).mkdir(exist_ok=True)
                super().dump_bytecode(bucket)


def _environment(loader: BaseLoader, compiled: BytecodeCache | None = None) -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        loader=loader,
        bytecode_cache=compiled,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=False,
        autoescape=False,  # Markdown, whose values `cell` and `code` escape
    )
    environment.filters |= FILTERS | {
        "pct": _of_fact(percent),
        "num": _of_fact(number),
        "pts": _of_fact(points),
    }
    return environment


def _of_fact(written: Callable[..., str]) -> Callable[..., str]:
    """A filter for the author's prose, where a value is a Fact."""

    def apply(fact: Any, *arguments: Any) -> str:
        return written(fact.value if isinstance(fact, Fact) else fact, *arguments)

    return apply


def expand_prose(environment: ImmutableSandboxedEnvironment, text: str, names: Tree) -> str:
    """The author's text with its facts. Raises UsageError for a fact that there is not, and for text that is no template."""
    try:
        return environment.from_string(text).render(facts=names).strip("\n")
    except (TemplateError, TypeError, ValueError) as error:
        start = text.strip().split("\n")[0][:60]
        raise UsageError(
            f"the author's text {start!r}: {error}",
            hint="hubkit build-cards RELEASE --facts lists what can be quoted",
        ) from error


def _own(name: str, settings: CommonSettings, written: Written, expand: Callable[[str], str]) -> str:
    """The author's text for a section: from card.yaml, then from its region."""
    parts = [expand(settings.prose[name]).strip()] if name in settings.prose else []
    if name in written.regions:
        parts.append(render_region(written.regions[name], expand))
    return "\n\n".join(parts)


def _template(environment: ImmutableSandboxedEnvironment, name: str, context: dict[str, Any]) -> str:
    try:
        text = environment.get_template(f"{name}.md.j2").render(context)
    except TemplateError as error:
        if environment is _shipped():
            raise
        raise UsageError(
            f"{name}.md.j2: {error}", hint="the template is given what hubkit's own is given"
        ) from error
    lines = (line.rstrip() for line in text.strip().split("\n"))
    return _one_blank_line("\n".join(lines))


def _one_blank_line(text: str) -> str:
    """Templates leave blank lines where a part does not apply; Markdown needs one. Code blocks are left as they are."""
    kept: list[str] = []
    fenced = False
    for line in text.split("\n"):
        fenced ^= line.startswith("```")
        if line or fenced or (kept and kept[-1]):
            kept.append(line)
    return "\n".join(kept)


def _check_names(settings: CommonSettings, listed: Mapping[str, object]) -> None:
    unknown = sorted(settings.prose.keys() - listed.keys())
    if unknown:
        raise UsageError(
            f"card.yaml: prose.{unknown[0]} belongs to no section; there are {', '.join(listed)}",
            hint="prose goes by the names of the sections",
        )
