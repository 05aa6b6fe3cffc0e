"""`README.md` from a release folder."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from hubkit.cards import sections
from hubkit.cards.author_check import check_author
from hubkit.cards.checksums import Checksums
from hubkit.cards.drawn import Drawn
from hubkit.cards.facts import Facts, read_facts
from hubkit.cards.figures import FIGURES, draw_figures, write_figures
from hubkit.cards.in_study import in_study, recorded_study
from hubkit.cards.render import CodeRecord, Written, render_card
from hubkit.cards.settings import NAME, CardSettings, load_settings
from hubkit.cards.snippets import python_blocks
from hubkit.errors import IncompleteError, UsageError
from hubkit.models.kinship import kinship
from hubkit.models.names import hub_id
from hubkit.readme.generated import edited_by_hand, recorded
from hubkit.readme.regions import Region, read_regions
from hubkit.release.card_digest import figures_digest
from hubkit.release.digests import sha256_of_json
from hubkit.release.layout import README
from hubkit.release.writing import keep_or_write
from hubkit.repo.local import open_folder
from hubkit.small_files import instead_of_file, read_regular
from hubkit.texts import wide_encoding
from hubkit.words import many

if TYPE_CHECKING:
    from hubkit.cards.snippets import SnippetOutcome

LONGEST_CARD = 10_000_000
"""Bytes."""
RunCode = Callable[[str, Path], "SnippetOutcome"]
"""A card's text and the release: what came of its code."""


@dataclass(frozen=True)
class Card:
    """A card that was built."""

    path: Path
    text: str
    facts: Facts
    changed: bool
    """Whether the file was, or would be, another."""
    diff: str = ""
    """From the file that was there to this one, unified."""
    doubts: tuple[str, ...] = ()
    """What the author's words may have wrong, in sentences."""


class EditedError(UsageError):
    """A card that hubkit did not write, or that was edited by hand since: it would be lost. `diff` shows how it differs from what would be written."""

    def __init__(self, message: str, hint: str, diff: str) -> None:
        super().__init__(f"{message}\n{diff}" if diff else message, hint)
        self.diff = diff


def build_card(
    release: Path,
    settings: CardSettings | None = None,
    *,
    force: bool = False,
    run: RunCode | None = None,
    checksums: Checksums | None = None,
    study: Callable[[], Sequence[Facts]] | None = None,
) -> Card:
    """Write `<release>/README.md` and its figures from the release's files and `card.yaml`.

    `checksums` of the release may be under way already; `study` gives the facts of its study's releases. `run` runs the card's code unless the card that is there says what came of this very code with these very files. A README that hubkit did not write, or
    that was edited outside the author's regions, is somebody's work: EditedError, unless `force`.
    """
    card = draft_card(release, settings, force=force, run=run, checksums=checksums, study=study)
    write_figures(card.facts, release)
    keep_or_write(card.path, card.text)
    return card


def draft_card(
    release: Path,
    settings: CardSettings | None = None,
    *,
    force: bool = False,
    run: RunCode | None = None,
    checksums: Checksums | None = None,
    study: Callable[[], Sequence[Facts]] | None = None,
) -> Card:
    """The card as `build_card` would write it; nothing is written. Raises UsageError where card.yaml, or a region, says what the files contradict."""
    settings = settings or load_settings(release / NAME)
    path = release / README
    old = read_card(path)
    facts = read_facts(release, settings, checksums)
    check_base_model(facts, release)
    known = recorded_study(recorded(old) if old is not None else None)
    facts = replace(facts, study=in_study(facts, study()) if study is not None else known)
    drawn = draw_figures(facts)
    written = Written(
        regions=regions_of(old, path, sections.ALL, force=force),
        figures=_figures(drawn),
        figures_sha256=figures_digest({one.path: one.sha256 for one in drawn}),
        folder=release,
    )
    if old is not None and not force and edited_by_hand(old):
        keep_foreign(path, old, _with_code(facts, written, old, release, None))  # before any code is run
    view = open_folder(release)
    plain = replace(facts, settings=settings.model_copy(update={"templates": None}))
    doubts = check_author(
        view,
        settings,
        _with_code(facts, written, old, release, None),
        release,
        shipped=render_card(plain, written) if settings.templates else "",
    )  # before any code is run
    text = _with_code(facts, written, old, release, run)
    return Card(path, text, facts, changed=text != old, diff=unified(old, text), doubts=doubts)


def first_draft(facts: Facts, folder: Path) -> str:
    """The card of `facts` as it is written where there is none yet, with its figures; its code is not run."""
    drawn = draw_figures(facts)
    digest = figures_digest({one.path: one.sha256 for one in drawn})
    return render_card(facts, Written(figures=_figures(drawn), figures_sha256=digest, folder=folder))


def check_base_model(facts: Facts, release: Path) -> None:
    """A card is of the model that its SAEs were trained on: what the configurations call by the name of another one is refused. Raises UsageError."""
    stated = facts.settings.base_model
    others = [sae for sae in facts.saes if sae.model_name and kinship(stated, sae.model_name) == "different"]
    if not others:
        return
    if len(others) < sum(sae.model_name is not None for sae in facts.saes):
        raise UsageError(
            f"{release}: base_model is {stated}, and {many(len(others), 'SAE')} of it ({others[0].sae_id}"
            f"{', ...' if len(others) > 1 else ''}) {'is' if len(others) == 1 else 'are'} of {others[0].model_name}: a card speaks of one base model",
            hint=f"move the SAEs of {others[0].model_name} into a folder of their own, with a card.yaml of their own, and build both",
        )
    names = facts.distinct("model_name")
    more = f" and {len(names) - 1} more" if len(names) > 1 else ""
    raise UsageError(
        f"{release / NAME}: base_model is {stated}; {many(len(others), 'SAE')} of this release name {names[0]}{more} in cfg.json",
        hint=f"write base_model: {hub_id(names[0]) or names[0]}, or correct model_name in the configurations",
    )


def read_card(path: Path) -> str | None:
    """The card that is there, with `\\n` line ends. Raises UsageError, IncompleteError for one that cannot be read."""
    if what := instead_of_file(path):
        raise UsageError(f"{path}: {what}, expected a file", hint="move it away or rename it")
    if not path.is_file():
        return None
    try:
        data = read_regular(path, LONGEST_CARD)
        if encoding := wide_encoding(data):
            raise UsageError(
                f"{path}: saved as {encoding.upper()[:6]}, expected UTF-8", hint="save it as UTF-8"
            )
        return data.decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: not UTF-8 at byte {error.start}", hint="save it as UTF-8") from error
    except OSError as error:
        raise IncompleteError(f"{path}: cannot be read: {error.strerror}") from error


def regions_of(old: str | None, path: Path, listed: Collection[str], *, force: bool) -> dict[str, Region]:
    """The author's regions of the card that is there; with `force` also of one that is not hubkit's."""
    if old is None or (recorded(old) is None and not force):
        return {}
    return read_regions(old, listed, str(path))


def keep_foreign(path: Path, old: str, new: str) -> None:
    """Refuse to overwrite what a person wrote. Raises EditedError."""
    hint = (
        "move the text into card.yaml (prose) or into a region <!-- hubkit:author:NAME -->, or pass --force"
    )
    if recorded(old) is None:
        keep = f"hubkit adopt {path.parent} takes it apart and keeps its words; --force gives it up"
        raise EditedError(f"{path}: this card was not written by hubkit and would be lost", keep, "")
    if edited_by_hand(old):
        raise EditedError(
            f"{path}: this card was edited by hand since hubkit wrote it, and the edits would be lost",
            hint,
            unified(old, new),
        )


def unified(old: str | None, new: str) -> str:
    """What would change, as a unified diff."""
    lines = difflib.unified_diff(
        (old or "").splitlines(), new.splitlines(), "README.md as it is", "README.md as built", lineterm=""
    )
    return "\n".join(lines)


def recorded_digest(text: str) -> str | None:
    """The digest of the files that a card was built from, or None for a card that hubkit did not write."""
    found = (recorded(text) or {}).get("facts_sha256")
    return found if isinstance(found, str) else None


def _figures(drawn: list[Drawn]) -> dict[str, list[str]]:
    """Section to its pictures, each with its alternative text and caption. Where nothing was measured, the thresholds are what there is to see."""
    found: dict[str, list[str]] = {}
    for one in drawn:
        section = "limitations" if [one] == drawn else FIGURES[one.name].section
        alt = one.alt.replace("[", "(").replace("]", ")").replace("\n", " ")
        found.setdefault(section, []).append(f"![{alt}](figures/{one.name}.svg)\n\n*{one.caption}*")
    return found


def _with_code(facts: Facts, written: Written, old: str | None, release: Path, run: RunCode | None) -> str:
    """The card with what came of its code: known from the card that is there, or run now."""
    text = render_card(facts, written)
    sha = sha256_of_json([facts.digest, *(block.text for block in python_blocks(text))])
    known = (recorded(old) or {}).get("code") if old is not None else None
    if isinstance(known, dict) and known.get("sha256") == sha and (known.get("ran") or run is None):
        return render_card(facts, _ran(written, str(known.get("result")), sha, ran=bool(known.get("ran"))))
    if run is None:
        return text
    outcome = run(text, release)
    if not outcome.ok:
        raise UsageError(
            f"{release / README}: the card's own code does not run: {outcome.sentence}",
            hint="hubkit validate --run-snippets shows the line; hubkit build-cards --no-run writes the card without",
        )
    return render_card(facts, _ran(written, outcome.sentence, sha, ran=outcome.run is not None))


def _ran(written: Written, sentence: str, sha: str, *, ran: bool) -> Written:
    return replace(written, code=CodeRecord(sentence, sha, ran))
