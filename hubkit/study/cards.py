"""The cards of a target: one release, or every release of a study file and its index."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from hubkit.cards.build import RunCode, build_card, draft_card
from hubkit.cards.checksums import Checksums
from hubkit.cards.facts import Facts, read_facts
from hubkit.cards.in_study import in_study
from hubkit.cards.index import IndexCard, build_index, write_index
from hubkit.cards.prose_facts import Fact, flat, quotable
from hubkit.cards.settings import NAME, CardSettings, IndexSettings, load_settings, save_settings
from hubkit.errors import HubkitError
from hubkit.release.layout import README
from hubkit.repo.local import open_folder

if TYPE_CHECKING:
    from hubkit.study.several import StudyFile

STUDY_FILES = {".yaml", ".yml"}


@dataclass(frozen=True)
class CardJob:
    """One card to be written."""

    name: str
    folder: Path
    """Where its README.md is."""
    settings: CardSettings | IndexSettings | None
    """None where they are in the folder's card.yaml."""
    releases: tuple[Path, ...] = ()
    """Of an index."""
    study: Siblings | None = None
    """The releases of its study."""


class Siblings:
    """The facts of a study's releases, read once, and when they are asked for; one that cannot be read is not compared with."""

    def __init__(self, jobs: list[CardJob]) -> None:
        self._jobs = jobs

    def __call__(self) -> list[Facts]:
        """In the order of the study."""
        return self._facts

    @cached_property
    def _facts(self) -> list[Facts]:
        found = []
        for job in self._jobs:
            with suppress(HubkitError):
                found.append(_read(job))
        return found


@dataclass(frozen=True)
class Outcome:
    """A card that was written, or would be."""

    path: Path
    saes: int
    changed: bool
    diff: str
    doubts: tuple[str, ...] = ()
    """What the author's words may have wrong."""


def card_jobs(target: Path, folder: Path | None = None) -> list[CardJob]:
    """What there is to write for `target`. Raises UsageError for a target that is neither a folder nor a study file."""
    if target.suffix in STUDY_FILES and not target.is_dir():
        from hubkit.study.several import load_study_file

        return _study_jobs(load_study_file(target), folder or target.parent)
    open_folder(target)  # a missing folder is told in the words of every verb
    return [CardJob(target.resolve().name, target, None)]


def _study_jobs(study: StudyFile, folder: Path) -> list[CardJob]:
    from hubkit.study.study import Study

    jobs: list[CardJob] = []
    siblings = Siblings(jobs) if len(study.releases) > 1 else None
    for release in study.releases:
        settings = release.card if isinstance(release, Study) else None
        jobs.append(CardJob(release.name, study.folder_of(release, folder), settings, study=siblings))
    plan = study.publish.index if study.publish else None
    if plan is not None:
        stated = plan.model_dump(exclude_defaults=True)
        index = IndexSettings.model_validate({"title": study.name, **stated})
        place = folder / plan.repo_id.rpartition("/")[2]
        return [*jobs, CardJob("index", place, index, tuple(job.folder for job in jobs))]
    return jobs


def build(
    job: CardJob, *, force: bool = False, run: RunCode | None = None, checksums: Checksums | None = None
) -> Outcome:
    """Write one card; `checksums` of its release may be under way. Raises EditedError for one that a person wrote or edited, HubkitError for files that cannot be read."""
    if isinstance(job.settings, IndexSettings):
        path = job.folder / README
        return _of_index(path, write_index(job.releases, job.settings, path, force=force))
    open_folder(job.folder)
    if job.settings is not None:
        save_settings(job.settings, job.folder / NAME)
    card = build_card(job.folder, job.settings, force=force, run=run, checksums=checksums, study=job.study)
    return Outcome(card.path, len(card.facts.saes), card.changed, card.diff, card.doubts)


def draft(job: CardJob) -> Outcome:
    """The same without writing, and without refusing what a person edited: the difference shows it."""
    if isinstance(job.settings, IndexSettings):
        path = job.folder / README
        return _of_index(path, build_index(job.releases, job.settings, path=path, force=True))
    open_folder(job.folder)
    card = draft_card(job.folder, job.settings, force=True, study=job.study)
    return Outcome(card.path, len(card.facts.saes), card.changed, card.diff, card.doubts)


def _of_index(path: Path, card: IndexCard) -> Outcome:
    return Outcome(path, card.facts.saes, card.changed, card.diff, card.doubts)


def facts_of(job: CardJob) -> Iterator[tuple[str, Fact]]:
    """The facts that prose may quote; nothing for an index, whose facts are its releases'."""
    if isinstance(job.settings, IndexSettings):
        return iter(())
    facts = _read(job)
    others = job.study() if job.study is not None else []
    return flat(quotable(replace(facts, study=in_study(facts, others))))


def _read(job: CardJob) -> Facts:
    settings = job.settings if isinstance(job.settings, CardSettings) else load_settings(job.folder / NAME)
    return read_facts(job.folder, settings)
