"""Facts to README.md: each section's context into its template, the author's text beside it, joined. Same facts, same bytes."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from jinja2.sandbox import ImmutableSandboxedEnvironment

from hubkit.cards import authored, sections
from hubkit.cards.environment import shipped
from hubkit.cards.facts import Facts
from hubkit.cards.front import digests, release_front_matter, with_front_matter
from hubkit.cards.in_study import KEY
from hubkit.cards.prose_facts import Tree, quotable
from hubkit.cards.sections.section import Absent
from hubkit.cards.settings import CommonSettings
from hubkit.cards.text import inline, interval
from hubkit.errors import UsageError
from hubkit.readme.regions import Region, render_region, templated

__all__ = ["Written", "interval", "render_card", "render_sections"]

ABSENT = "absent"
LAST = ("citation", "license", "provenance", "index_checking")
"""The sections that come after the list of what is absent."""
HEADING = "## "
LOWER = "### "
BULLET = re.compile(r"[ ]{0,3}[-+*] ")
APART = "<!-- -->"
"""Between two lists, which would be one without it."""
MARKS = re.compile(r"<!-- /?hubkit:")
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
    figures: Mapping[str, list[str]] = field(default_factory=dict)
    """Section to the Markdown of each of its figures."""
    figures_sha256: str | None = None
    """Of the pictures themselves; None where there are none."""
    folded: Collection[str] = ()
    """Sections that show their title until they are opened."""
    code: CodeRecord | None = None
    """What came of the card's own code, where somebody looked."""
    folder: Path = Path()
    """Where card.yaml is."""


def render_card(facts: Facts, written: Written | None = None) -> str:
    """The whole card of a release. Raises UsageError for prose or templates of the author that do not render."""
    written = replace(written or Written(), folded=sections.folded(facts))
    body = render_sections(
        facts.settings,
        sections.ALL,
        facts,
        quotable(facts),
        written,
        {"ran": written.code.result if written.code else NOT_RUN},
    )
    ours: dict[str, Any] = digests(facts)
    if written.figures_sha256 is not None:
        ours["figures_sha256"] = written.figures_sha256
    if facts.study is not None:
        ours[KEY] = facts.study.record()
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
    """Every section in order, with its figures, then the author's prose and regions, at its end; what opens on a click comes last."""
    _check_names(settings, listed)
    templates = authored.templates_folder(settings, written.folder)
    contexts = {name: section(facts) for name, section in listed.items()}
    given = {
        name: {**common, "figures": written.figures.get(name, []), **context}
        for name, context in contexts.items()
        if not isinstance(context, Absent)
    }
    told = settings.prose.keys() | written.regions.keys()
    absent = [
        one
        for name, one in contexts.items()
        if isinstance(one, Absent) and told.isdisjoint({name, *one.said_in})
    ]
    if absent:
        given[ABSENT] = {"absent": _by_reason(absent)}
    prose = (
        *settings.prose.values(),
        *(one.text for one in settings.sections),
        *(region.source for region in written.regions.values()),
    )
    ours = {} if templates else given
    theirs = tuple(given.items()) if templates else ()
    done = authored.render(authored.Job(names, prose, theirs, templates))
    texts = {name: _tidied(text) for name, text in done.sections.items()}
    texts |= {name: _template(shipped(), name, context) for name, context in ours.items()}
    _check_marks(done.sections)
    their_own = {name for name, context in theirs if texts[name] != _template(shipped(), name, context)}
    parts = {}
    for name, context in contexts.items():
        own = _own(name, settings, written, done.prose.__getitem__)
        if isinstance(context, Absent):
            if own:
                parts[name] = _headed(context.title, own)
            continue
        after = [figure for figure in written.figures.get(name, []) if figure not in texts[name]]
        apart = APART if own and BULLET.match(own) and BULLET.match(texts[name].rsplit("\n", 1)[-1]) else ""
        parts[name] = "\n\n".join(filter(None, [texts[name], *after, apart, own])) + "\n"
    if absent:
        parts[ABSENT] = texts[ABSENT] + "\n"
    folded = written.folded
    ordered = sorted(parts, key=lambda name: (name in folded, name in LAST))
    their = [f"{HEADING}{one.heading}\n\n{done.prose[one.text].strip()}\n" for one in settings.sections]
    whole = {name: _folded(name, text) if name in folded else text for name, text in parts.items()}
    whole |= {name: templated(whole[name]) for name in their_own & whole.keys()}
    seen = [whole[name] for name in ordered if name not in folded]
    return "\n".join([*seen, *their, *(whole[name] for name in ordered if name in folded)])


def _check_marks(sections: Mapping[str, str]) -> None:
    """Raise UsageError for a template that writes the marks by which hubkit tells its own text from the author's."""
    for name, text in sections.items():
        if MARKS.search(text):
            raise UsageError(
                f"the template {name}.md.j2 writes <!-- hubkit:...: those marks are hubkit's own",
                hint="take them out of the template",
            )


def _headed(title: str, own: str) -> str:
    """A section that has nothing but the author's text; a heading that begins it is the section's, and those below it are raised with it."""
    first, _, rest = own.partition("\n")
    if first.startswith(LOWER):
        title, own = first.removeprefix(LOWER), _raised(rest.lstrip("\n"))
    return f"{HEADING}{title}\n\n{own}\n"


def _raised(text: str) -> str:
    """`####` as `###`, up to the next heading of the section's own level."""
    lines, fenced = text.split("\n"), False
    for number, line in enumerate(lines):
        fenced ^= line.startswith(("```", "~~~"))
        if not fenced and line.startswith(LOWER):
            break
        if not fenced and line.startswith(f"#{LOWER}"):
            lines[number] = line.removeprefix("#")
    return "\n".join(lines)


def _folded(name: str, text: str) -> str:
    """A section whose title is shown, and the rest when it is opened."""
    first, _, rest = text.partition("\n")
    if not first.startswith(HEADING):  # a template of the author's
        first, rest = name.replace("_", " "), text
    title = inline(first.removeprefix(HEADING))
    return f"<details>\n<summary><b>{title}</b></summary>\n\n{rest.strip()}\n\n</details>\n"


def _by_reason(absent: list[Absent]) -> dict[str, list[str]]:
    """Reason to the titles of the sections that it keeps away."""
    found: dict[str, list[str]] = {}
    for one in absent:
        found.setdefault(one.reason, []).append(one.title)
    return found


def _own(name: str, settings: CommonSettings, written: Written, expand: Callable[[str], str]) -> str:
    """The author's text for a section: from card.yaml, then from its region."""
    parts = [expand(settings.prose[name]).strip("\n")] if name in settings.prose else []
    if name in written.regions:
        parts.append(render_region(written.regions[name], expand))
    return "\n\n".join(parts)


def _template(environment: ImmutableSandboxedEnvironment, name: str, context: Mapping[str, Any]) -> str:
    return _tidied(environment.get_template(f"{name}.md.j2").render(context))


def _tidied(text: str) -> str:
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
