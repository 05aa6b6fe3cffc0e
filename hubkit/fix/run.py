"""Plan the fixes of a folder one after the other, each proven on what those before it made; then write them, one SAE at a time."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from stat import S_ISDIR
from tempfile import TemporaryDirectory, gettempdir

import hubkit.fix
from hubkit.engine.events import Event, Progress, silent
from hubkit.errors import UsageError
from hubkit.fix.card_reads import BrokenRead, Moved, broken_reads, moved_keys
from hubkit.fix.content import Content
from hubkit.fix.proof import NEEDS, computes_otherwise, unproven, worse
from hubkit.fix.proposal import one_file, one_sae, proposed
from hubkit.fix.registry import Change, Fixer, Refusal, Subject, in_order
from hubkit.fix.replace import ChangedError, Signature, replace_files, signature
from hubkit.release.layout import EVALUATION, EVIDENCE, README
from hubkit.repo.local import LocalView
from hubkit.repo.view import Entry, RepoView
from hubkit.tensors.header import HeaderError
from hubkit.validate.facts import SaeFacts
from hubkit.validate.finding import Finding
from hubkit.validate.gather import gather
from hubkit.validate.need import Need
from hubkit.validate.run import validate

SCRATCH = "hubkit-fix-"
"""How the folders for new weights begin, in the system's own folder for such."""
ABANDONED = 86_400.0
"""Seconds after which one belongs to nobody."""
ROOT_FILES = (README, EVALUATION, EVIDENCE)


@dataclass(frozen=True)
class Fix:
    """What is written for one SAE, or at the root, in one go."""

    place: str
    """The sae_id, or the file at the root."""
    codes: tuple[str, ...]
    """The rules whose findings go away."""
    steps: tuple[tuple[str, Content], ...]
    """Files in the order in which they are replaced."""
    sources: Mapping[str, Signature]
    """What the files were that the plan rests on."""
    notes: tuple[str, ...] = ()
    """What is left for a person to do."""
    moved: tuple[Moved, ...] = ()
    """Keys that leave the top level of its configuration."""

    @property
    def files(self) -> dict[str, Content]:
        """Every file as it will be."""
        return dict(self.steps)


Seen = tuple[list[Finding], list[Finding]]
"""What is found in the whole before the fixes of the SAEs, and with them."""


@dataclass(frozen=True)
class Refused:
    """A fix that could not be proven, or that the file does not allow: it is not made."""

    place: str
    code: str
    reason: str


@dataclass
class Plan:
    """All that can be done about a folder."""

    fixes: list[Fix] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    offered: list[tuple[str, str]] = field(default_factory=list)
    """Place and code of what only `--unsafe-fixes` would do."""
    broken: list[BrokenRead] = field(default_factory=list)
    """Lines of the card whose code reads what these fixes move: to be changed with them."""


@dataclass
class _Work:
    """One SAE, or the root, on its way through the fixes."""

    place: str
    view: RepoView
    new: dict[str, Content] = field(default_factory=dict)
    """Files that were not there: they are written first, as they were made."""
    changed: dict[str, Content] = field(default_factory=dict)
    codes: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    moved: list[Moved] = field(default_factory=list)

    def take(self, fixer: Fixer, change: Change) -> None:
        self.moved += moved_keys(self.view, change.files, fixer.code)
        for path, content in change.files.items():
            (self.changed if self.view.entry(path) else self.new)[path] = content
        self.view = proposed(self.view, change.files)
        self.codes.append(fixer.code)
        self.notes += [change.note] if change.note else []

    def fix(self, sources: Mapping[str, Signature]) -> Fix:
        order = sorted(self.changed.items(), key=lambda item: not item[0].endswith(".json"))
        steps = (*self.new.items(), *order)
        codes, notes, moved = tuple(dict.fromkeys(self.codes)), tuple(self.notes), tuple(self.moved)
        return Fix(self.place, codes, steps, sources, notes, moved)


def _sweep() -> None:
    """Remove what runs left that were killed, as large as the weights that they wrote: folders of this user that nothing was put into for a day."""
    for folder in Path(gettempdir()).glob(f"{SCRATCH}*"):
        with suppress(OSError):  # another run was faster
            state = folder.lstat()
            if S_ISDIR(state.st_mode) and time.time() - state.st_mtime > ABANDONED:
                shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def planned(
    view: RepoView, select: tuple[str, ...] = (), *, unsafe: bool = False, report: Progress = silent
) -> Iterator[Plan]:
    """The fixes of a folder, or of a repository at its commit, that are proven; what they hold is there until the block ends. Nothing changes.

    Raises UsageError for a code that no fix has, HubkitError when the folder cannot be read or is being written to.
    """
    fixers = [fixer for fixer in in_order() if not select or fixer.code.startswith(select)]
    for code in select:
        if not any(fixer.code.startswith(code) for fixer in fixers):
            raise UsageError(
                f"there is no fix for {code!r}", hint=f"hubkit explain {code} says what a person can do"
            )
    _sweep()
    with TemporaryDirectory(prefix=SCRATCH, ignore_cleanup_errors=True) as scratch:
        plan = Plan()
        saes = gather(view, Need.TREE | Need.CFG).saes
        works = []
        for done, sae in enumerate(saes):
            report(Event("fix", done, len(saes), sae.sae_id))
            works.append(
                _sae(view, sae, [f for f in fixers if f.scope == "sae"], unsafe, Path(scratch), plan)
            )
        report(Event("fix", len(saes), len(saes), "the card"))
        seen = _whole(view, works, plan)
        of_the_root = [f for f in fixers if f.scope == "repo"] + brought(seen, fixers)
        _root(view, of_the_root, unsafe, plan, seen[1] if seen else None)
        there = {path: content for fix in plan.fixes for path, content in fix.files.items()}
        plan.broken = broken_reads(proposed(view, there), [one for fix in plan.fixes for one in fix.moved])
        yield plan


def apply_fix(view: LocalView, fix: Fix) -> None:
    """Write one fix. Raises ChangedError when a file is not what it was; then nothing of this fix is written."""
    replace_files(view.root, fix.steps, fix.sources)


def _sae(
    view: RepoView, sae: SaeFacts, fixers: list[Fixer], unsafe: bool, scratch: Path, plan: Plan
) -> tuple[_Work, Mapping[str, Signature]]:
    """One SAE through all its fixes; the signatures are taken before anything is read."""
    sae_id = sae.sae_id
    alone = _alone(view, sae)
    sources = _signed(view, alone.list())
    work = _Work(sae_id, alone)
    found = _codes(work.view)
    for fixer in fixers:
        if fixer.finding not in found:
            continue
        saes = gather(work.view, NEEDS).saes
        if len(saes) != 1:
            break
        subject = Subject(saes[0], work.view, scratch)
        change = _asked(fixer, subject, sae_id, unsafe, plan)
        if change is None:
            continue
        after = proposed(work.view, change.files)
        old, new = validate(work.view).findings, validate(after).findings
        reason = unproven(old, new, fixer.finding, change.files) or computes_otherwise(
            work.view, after, change.files
        )
        if reason:
            plan.refused.append(Refused(sae_id, fixer.code, reason))
        else:
            work.take(fixer, change)
            found = _codes(work.view)
    touched = {**work.new, **work.changed}
    kept = {path: mark for path, mark in sources.items() if path in touched or _counts(path)}
    return work, kept | {path: Signature() for path in work.new}


def _alone(view: RepoView, sae: SaeFacts) -> RepoView:
    """The files of one SAE and no other."""
    if sae.sae_id == sae.folder.path:
        return one_sae(view, sae.sae_id)
    return one_file(view, sae.sae_id, filter(None, (sae.sae.weights, *sae.sae.files)))


def _signed(view: RepoView, entries: list[Entry]) -> dict[str, Signature]:
    """What the files are now. Raises ChangedError where one has another size than in the listing: reads go by the listing. At a commit nothing
    changes, and nothing needs to be signed.
    """
    if not isinstance(view, LocalView):
        return {}
    sources = {entry.path: signature(view.root / entry.path) for entry in entries}
    for entry in entries:
        if sources[entry.path].size != entry.size:
            raise ChangedError(
                f"{entry.path}: the file is being written to", hint="run it again when that has ended"
            )
    return sources


def _counts(path: str) -> bool:
    return path.endswith((".json", ".safetensors", ".pt", ".pth", ".bin"))


def _codes(view: RepoView) -> set[str]:
    return {finding.code for finding in validate(view).findings}


def _asked(fixer: Fixer, subject: object, place: str, unsafe: bool, plan: Plan) -> Change | None:
    """What the fixer plans, where it may; what it offers or refuses goes into `plan`."""
    try:
        change = fixer.plan(subject)
    except Refusal as refusal:
        plan.refused.append(Refused(place, fixer.code, refusal.message))
        return None
    except HeaderError as damage:
        plan.refused.append(Refused(place, fixer.code, f"the file is damaged: {damage.message}"))
        return None
    if change is not None and fixer.kind == "unsafe" and not unsafe:
        plan.offered.append((place, fixer.code))
        return None
    return change


def _whole(view: RepoView, works: list[tuple[_Work, Mapping[str, Signature]]], plan: Plan) -> Seen | None:
    """Hold all SAEs together against the rules that see the whole repository; where that fails, one SAE after the other.

    The findings before and after; None where nothing is fixed. A dense card takes a second to read: nobody asks again.
    """
    works = [(work, sources) for work, sources in works if work.codes]
    if not works:
        return None
    before = validate(view).findings
    together = {path: content for work, sources in works for path, content in work.fix(sources).files.items()}
    after = validate(proposed(view, together)).findings
    if not worse(before, after, weights_changed=False):
        plan.fixes += [work.fix(sources) for work, sources in works]
        return before, after
    accepted: dict[str, Content] = {}
    accepted_findings = before
    for work, sources in works:
        fix = work.fix(sources)
        after = validate(proposed(view, accepted | fix.files)).findings
        came = worse(before, after, weights_changed=False)
        if came:
            reason = f"{', '.join(came)} would appear in the repository"
            plan.refused += [Refused(work.place, code, reason) for code in fix.codes]
        else:
            accepted |= fix.files
            accepted_findings = after
            plan.fixes.append(fix)
    return (before, accepted_findings) if plan.fixes else None


def brought(seen: Seen | None, chosen: list[Fixer]) -> list[Fixer]:
    """The safe fixes at the root, not asked for, whose findings the fixes of the SAEs bring: an SAE that becomes SAELens's wants it in the front matter."""
    others = [f for f in in_order() if f.scope == "repo" and f.kind == "safe" and f not in chosen]
    if seen is None:
        return []
    had, has = ({finding.code for finding in findings} for findings in seen)
    return [fixer for fixer in others if fixer.finding in has - had]


def _root(view: RepoView, fixers: list[Fixer], unsafe: bool, plan: Plan, found: list[Finding] | None) -> None:
    """The files at the root, as the SAEs will be; `found` is what is found then, where that was asked already."""
    there = {path: content for fix in plan.fixes for path, content in fix.files.items()}
    work = _Work(README, proposed(view, there))
    sources = _signed(view, [entry for path in ROOT_FILES if (entry := view.entry(path))])
    if found is None:
        found = validate(work.view).findings if fixers else []
    for fixer in fixers:
        if not any(finding.code == fixer.finding for finding in found):
            continue
        facts = gather(work.view, Need.TREE | Need.CFG | Need.README | Need.EVALUATION)
        change = _asked(fixer, facts, work.place, unsafe, plan)
        if change is None:
            continue
        after = validate(proposed(work.view, change.files)).findings
        if reason := unproven(found, after, fixer.finding, change.files):
            plan.refused.append(Refused(work.place, fixer.code, reason))
        else:
            work.take(fixer, change)
            found = after
    if work.codes:
        plan.fixes.append(work.fix({path: mark for path, mark in sources.items() if path in work.changed}))


# Whatever module lies in this room registers its fixes. At the end: some of them import what stands above.
for _module in iter_modules(hubkit.fix.__path__):
    if _module.name != "run":
        import_module(f"hubkit.fix.{_module.name}")
