"""Proof at a commit: the remote's files are the plan's, the folder's or those that provenance.json or the card recorded, and it validates by ranges."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hubkit.cards.checksums import is_digested
from hubkit.engine.events import Event, Progress, silent
from hubkit.errors import IncompleteError, UsageError
from hubkit.publish.files import LocalFile, hash_release
from hubkit.publish.plan import PushPlan
from hubkit.publish.remote import ATTRIBUTES, Remote, differing, read_remote
from hubkit.publish.verify_card import AGAINST, against_card, card_record
from hubkit.release.layout import PROVENANCE, README
from hubkit.release.provenance import Provenance
from hubkit.repo.deadline import Deadline
from hubkit.repo.hub import HubView, open_repo
from hubkit.validate.finding import Finding, Severity
from hubkit.validate.report import Report as Validation
from hubkit.validate.run import validate

if TYPE_CHECKING:
    from huggingface_hub import HfApi

    from hubkit.cards.snippets import SnippetRun


@dataclass(frozen=True)
class Verification:
    """What was compared at a commit."""

    repo_id: str
    commit: str
    against: str
    """`the plan`, `provenance.json`, `the digests in README.md`, or a folder."""
    compared: int
    differing: tuple[str, ...]
    """Files that are missing on the remote, have other bytes, or should be gone."""
    report: Validation
    """`hubkit validate` of the remote, by ranges."""
    unlisted: tuple[str, ...] = ()
    """Files of the repository that nothing here speaks for."""
    allowed: frozenset[str] = field(default_factory=frozenset)
    """Codes that were let through by name when it was published."""
    snippet: SnippetRun | None = None
    """The card's code, run against this Hub; None where it was not run."""
    code_not_run: str = ""
    """Why it was not, where that is to be said."""

    @property
    def errors(self) -> list[Finding]:
        """What the validator calls an error there, and nobody let through."""
        return [
            finding
            for finding in self.report.findings
            if finding.severity is Severity.ERROR and finding.code not in self.allowed
        ]

    @property
    def ok(self) -> bool:
        """Every file is there with the same bytes, everything could be read, nothing is in error, and the card's code ran where it was run."""
        code = self.snippet is None or self.snippet.ok
        return not self.differing and self.report.complete and not self.errors and code

    @property
    def first_sae(self) -> str | None:
        """An SAE without an error, to load first."""
        broken = {finding.sae_id for finding in self.errors}
        saes = [sae.sae_id for sae in self.report.saes if sae.cfg is not None]
        return next((sae_id for sae_id in saes if sae_id not in broken), None)


def verify(
    plan: PushPlan,
    commit: str,
    api: HfApi,
    *,
    allowed: Iterable[str] = (),
    report: Progress = silent,
) -> Verification:
    """Compare the tree at `commit` with the plan, by checksum, and validate it there."""
    report(Event("verifying", 0, 2, f"{plan.repo_id}@{commit[:12]}"))
    remote = read_remote(plan.repo_id, commit, api, report)
    wrong = differing(remote, plan.local, plan.deleted)
    report(Event("verifying", 1, 2, f"{len(plan.local)} files compared"))
    # By ranges, as a stranger's validation reads it, and not the folder's report again: what the Hub serves is what is proven.
    found = validate(open_repo(plan.repo_id, commit, api))
    report(Event("verifying", 2, 2, f"{len(found.saes)} SAEs validated by ranges"))
    return Verification(
        plan.repo_id, commit, "the plan", len(plan.local) + len(plan.deleted), wrong, found,
        tuple(path for path in plan.kept if path in remote.files), frozenset(allowed),
    )  # fmt: skip


def verify_repository(
    repo_id: str,
    revision: str | None,
    api: HfApi,
    release: Path | None = None,
    report: Progress = silent,
    *,
    deadline: Deadline | None = None,
) -> Verification:
    """Compare a repository with a release folder, or (None) with what its own provenance.json, else its card, recorded, and validate it there.

    Raises UsageError where there is no such repository, and where it has neither provenance.json nor card of hubkit's and no folder was given; OverdueError when the
    listing does not come before `deadline`.
    """
    deadline = deadline or Deadline()
    remote = read_remote(repo_id, revision or "main", api, report, deadline)
    if remote.commit is None:
        raise UsageError(
            f"{repo_id}{'@' + revision if revision else ''}: no such repository or revision",
            hint="check the name; for a private one: hf auth login",
        )
    report(Event("verifying", 0, 2, f"{repo_id}@{remote.commit[:12]}"))
    view = open_repo(repo_id, remote.commit, api, deadline=deadline)
    found = validate(view)
    report(Event("verifying", 1, 2, f"{len(found.saes)} SAEs validated by ranges"))
    made = _against_record(view, found) if release is None else _against_folder(release, remote, found)
    report(Event("verifying", 2, 2, f"{made.compared} files compared"))
    # the view counts what the comparison read too
    return replace(made, report=replace(found, requests=view.requests, bytes_read=view.bytes_read))


def _against_folder(release: Path, remote: Remote, found: Validation) -> Verification:
    files: tuple[LocalFile, ...] = hash_release(release)
    unlisted = sorted(remote.paths - {file.path for file in files})
    return Verification(
        found.target, remote.commit or "", str(release), len(files), differing(remote, files), found, tuple(unlisted)
    )  # fmt: skip


def _against_record(view: HubView, found: Validation) -> Verification:
    """Every file that provenance.json lists, by the Hub's own checksum or, for small files, by its bytes."""
    if view.entry(PROVENANCE) is None and view.entry(README) is not None:
        text = view.read(README).decode("utf-8", errors="replace")
        if (ours := card_record(text)) is not None:
            return _against_card(view, found, text, ours)
    record = _record(view)
    digests = _digests(view, [path for path in record.files if view.entry(path)])
    wrong = tuple(path for path, digest in sorted(record.files.items()) if digests.get(path) != digest)
    unlisted = tuple(
        entry.path
        for entry in view.list()
        if entry.path not in record.files and entry.path != ATTRIBUTES and is_digested(entry.path)
    )
    return Verification(
        view.repo_id, view.revision or "", PROVENANCE, len(record.files), wrong, found, unlisted
    )


def _against_card(view: HubView, found: Validation, text: str, record: Mapping[str, Any]) -> Verification:
    """Every file that the card's digests are of."""
    paths = [one.path for one in view.list() if one.path != ATTRIBUTES and is_digested(one.path)]
    made = against_card(text, record, _digests(view, paths), found.saes)
    unlisted = tuple(path for path in paths if path not in made.paths)
    return Verification(
        view.repo_id, view.revision or "", AGAINST, len(made.paths), made.differing, found, unlisted
    )


def _record(view: HubView) -> Provenance:
    if view.entry(PROVENANCE) is None:
        raise UsageError(
            f"{view.repo_id}: it has neither {PROVENANCE} nor a card of hubkit's to hold its files against",
            hint=f"hubkit verify {view.repo_id} --against ./the-release, or hubkit validate {view.repo_id}",
        )
    from pydantic import ValidationError

    entry = view.entry(PROVENANCE)
    try:
        return Provenance.model_validate_json(view.read_range(PROVENANCE, 0, entry.size if entry else 0))
    except ValidationError as error:
        raise IncompleteError(
            f"{view.repo_id}: its {PROVENANCE} is not of hubkit's form",
            hint=f"hubkit verify {view.repo_id} --against ./the-release",
        ) from error


def _digests(view: HubView, paths: list[str]) -> Mapping[str, str]:
    """sha256 by path; what is in LFS is known from the listing, and never fetched."""
    known: dict[str, str] = {}

    def note(path: str) -> None:
        entry = view.entry(path)
        if entry is None:
            return
        known[path] = entry.sha256 or hashlib.sha256(view.read_range(path, 0, entry.size)).hexdigest()

    view.each(note, paths)
    return known


def pinned(repo_id: str, commit: str, sae_id: str) -> str:
    """Python that loads one SAE from this very commit: SAELens itself takes no revision."""
    files, place = ("*", "folder") if sae_id == "." else (f"{sae_id}/*", f'folder + "/{sae_id}"')
    return (
        "from huggingface_hub import snapshot_download\n"
        "from sae_lens import SAE\n\n"
        f'folder = snapshot_download("{repo_id}", revision="{commit}", allow_patterns="{files}")\n'
        f"sae = SAE.load_from_disk({place})"
    )


def compare_loaded(
    namespace: Mapping[str, Any], repo_id: str, folder: str, sae_ids: list[str]
) -> dict[str, Any]:
    """Load every SAE from the Hub and from disk with SAELens and compare what they compute. Called after a card's code, in its process.

    Returns how many were loaded, and the largest absolute difference of encode and decode on random inputs (0.0 is expected).
    """
    import torch
    from sae_lens import SAE

    generator = torch.Generator().manual_seed(0)
    worst = 0.0
    for sae_id in sae_ids:
        there, here = (
            SAE.from_pretrained(repo_id, sae_id, device="cpu"),
            SAE.load_from_disk(Path(folder) / sae_id, device="cpu"),
        )
        x = torch.randn(64, here.cfg.d_in, generator=generator)
        with torch.no_grad():
            features = here.encode(x)
            worst = max(
                worst,
                (there.encode(x) - features).abs().max().item(),
                (there.decode(features) - here.decode(features)).abs().max().item(),
            )
    first = namespace.get("features")
    return {
        "loaded": len(sae_ids),
        "max_difference": worst,
        "features_shape": list(first.shape) if first is not None else None,
    }
