"""A push from folders to proven commits: look (hash, gate), plan, rehearse, publish (push, verify), over a list of releases.

One release is a study of one. A dry run looks and plans as a push does, and stops there.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from hubkit.cards.settings import NAME, load_settings
from hubkit.engine.events import Event, Progress, silent
from hubkit.errors import ExitCode, HubkitError, UsageError
from hubkit.models.known import LAB
from hubkit.publish.afterwards import Afterwards, Done, Finished
from hubkit.publish.commit import LIMITS, Limits, Pushed
from hubkit.publish.files import LocalFile, hash_release
from hubkit.publish.gate import Gate, check_gate
from hubkit.publish.plan import MAIN, PushPlan, Target, described, make_plan
from hubkit.publish.proof import check_proof, with_code
from hubkit.publish.push import push
from hubkit.publish.rehearse import Prepared, Rehearsal, check_rehearsal, rehearsal_hub, rehearse_prepared
from hubkit.publish.verify import Verification, verify
from hubkit.repo.addresses import Reach, reach_of
from hubkit.repo.local import open_folder

if TYPE_CHECKING:
    from huggingface_hub import HfApi


@dataclass(frozen=True)
class Choices:
    """What a person may choose about a push, beside its target."""

    allow: Mapping[str, str] = field(default_factory=dict)
    """Code to the reason why it may pass the gate."""
    message: str | None = None
    prune: bool = False
    rehearse: bool = True
    run_code: bool = True
    include: tuple[str, ...] = ()
    """Globs of files that are left out else."""


@dataclass(frozen=True)
class Released:
    """A release folder, and where it is to go."""

    folder: Path
    target: Target


def released(folder: Path, to: str | None = None, **options: Any) -> Released:
    """A release and its repository, by default repo_id of its card.yaml; `options` as `Target` has them. Raises UsageError."""
    open_folder(folder)  # a missing folder is told in the words of every verb
    return Released(folder, Target(to or load_settings(folder / NAME).repo_id, **options))


@dataclass(frozen=True)
class Looked:
    """A release as it lies there: its hashes, and what the gate says."""

    release: Released
    files: tuple[LocalFile, ...]
    gate: Gate | HubkitError
    """The error of a gate that refused."""


@dataclass(frozen=True)
class Published:
    """A release that is on the Hub, proven."""

    prepared: Prepared
    pushed: Pushed
    verification: Verification
    rehearsal: Rehearsal | None = None


@dataclass(frozen=True)
class Outcome:
    """All of it on the Hub."""

    releases: tuple[Published, ...]
    finished: Finished


def look(releases: Sequence[Released], choices: Choices, report: Progress = silent) -> list[Looked]:
    """Hash every release and hold it against the gate; the Hub is not asked. Raises HubkitError where it is not for one release to be refused."""
    looked = []
    for done, one in enumerate(releases):
        if len(releases) > 1:
            report(Event("gate", done, len(releases), one.target.repo_id))
        files = hash_release(one.folder, report, choices.include)
        looked.append(Looked(one, files, _gate(one, files, choices)))
    if len(releases) > 1:
        report(Event("gate", len(releases), len(releases), "all releases"))
    return looked


def _gate(one: Released, files: tuple[LocalFile, ...], choices: Choices) -> Gate | HubkitError:
    try:
        return check_gate(one.folder, choices.allow, files=files)
    except HubkitError as error:
        if error.exit_code is not ExitCode.FINDINGS:
            raise  # not about this release: the next would fare no better
        return error


def plan(looked: Sequence[Looked], api: HfApi, choices: Choices, report: Progress = silent) -> list[PushPlan]:
    """What each push would do, a refused one's included: a dry run shows it. Nothing is sent. Raises HubkitError."""
    plans = []
    for one in looked:
        _refuse_lab_model(one, api)
        made = make_plan(
            one.release.folder, one.release.target, api,
            files=one.files, message=choices.message, prune=choices.prune, include=choices.include, report=report,
        )  # fmt: skip
        plans.append(described(made, one.gate.description()) if isinstance(one.gate, Gate) else made)
    return plans


def _refuse_lab_model(one: Looked, api: HfApi) -> None:
    """SAEs of one of hubkit's own models, of the demo or of a trial run, are nobody's finding: no public Hub gets them by accident. Raises UsageError."""
    model = one.gate.base_model if isinstance(one.gate, Gate) else None
    if model is None or not model.startswith(LAB):
        return
    if reach_of(urlsplit(api.endpoint).hostname or "") is not Reach.PUBLIC:
        return
    raise UsageError(
        f"{one.release.folder}: its SAEs are of {model}, a model of hubkit's own for trials; it goes to a Hub on this machine only; nothing was sent",
        hint="hubkit hub serve FOLDER, then the same command with HF_ENDPOINT set to the address that it prints",
    )


def passed(looked: Sequence[Looked]) -> list[Gate]:
    """What the gate saw of each. Raises HubkitError with everything that stands in the way of any of them."""
    refused = [one.gate for one in looked if isinstance(one.gate, HubkitError)]
    if len(refused) == 1:
        raise refused[0]
    if refused:
        raise HubkitError("\n".join(error.message for error in refused), refused[0].hint)
    return [one.gate for one in looked if isinstance(one.gate, Gate)]


def joined(looked: Sequence[Looked], plans: Sequence[PushPlan]) -> list[Prepared]:
    """Releases with their plans, past the gate. Raises HubkitError as `passed` does."""
    return [
        Prepared(one.release.folder, made, gate)
        for one, made, gate in zip(looked, plans, passed(looked), strict=True)
    ]


def prepare(
    releases: Sequence[Released], api: HfApi, choices: Choices | None = None, report: Progress = silent
) -> list[Prepared]:
    """Every release past the gate, with its plan. Nothing is sent. Raises HubkitError: of the gate before the Hub is asked at all."""
    choices = choices or Choices()
    looked = look(releases, choices, report)
    passed(looked)
    return joined(looked, plan(looked, api, choices, report))


def rehearse(
    prepared: Sequence[Prepared],
    choices: Choices,
    report: Progress = silent,
    *,
    afterwards: Afterwards | None = None,
    limits: Limits = LIMITS,
) -> dict[str, Rehearsal]:
    """All of it against one throw-away Hub, the index and the collection too. Repository to outcome; nothing where nothing would change.

    The code of a card that is on the Hub already, with all its files, is not run again. Raises HubkitError; nothing was sent then.
    """
    outcomes: dict[str, Rehearsal] = {}
    # a study's index and collection name the releases' commits: they are rehearsed with releases that are there already
    if not choices.rehearse or not (afterwards or any(one.plan.changes for one in prepared)):
        return outcomes
    with rehearsal_hub(prepared) as (_, api):
        for one in prepared:
            outcome = rehearse_prepared(
                one, api, run_code=choices.run_code and one.plan.changes, limits=limits, report=report
            )
            check_rehearsal(one, outcome)
            outcomes[one.plan.repo_id] = outcome
        if afterwards:
            done = [Done(one, outcomes[one.plan.repo_id].pushed.commit) for one in prepared]
            with tempfile.TemporaryDirectory(prefix="hubkit-index-", ignore_cleanup_errors=True) as scratch:
                afterwards.make(Path(scratch), done, api, report)
    return outcomes


def publish(
    prepared: Sequence[Prepared],
    api: HfApi,
    choices: Choices,
    rehearsals: Mapping[str, Rehearsal],
    report: Progress = silent,
    *,
    afterwards: Afterwards | None = None,
) -> Outcome:
    """Push and prove every release, then the index and the collection. Raises HubkitError; what was published stays, and running again goes on."""
    releases = tuple(
        _published(one, api, rehearsals.get(one.plan.repo_id), run_code=choices.run_code, report=report)
        for one in prepared
    )
    if afterwards is None:
        return Outcome(releases, Finished())
    done = [Done(one.prepared, one.pushed.commit) for one in releases]
    return Outcome(releases, afterwards.make(afterwards.folder, done, api, report))


def _published(
    one: Prepared, api: HfApi, rehearsal: Rehearsal | None, *, run_code: bool, report: Progress
) -> Published:
    """Push, then prove at the new commit. Raises HubkitError when the proof fails."""
    target = one.plan.target
    pushed = push(one.plan, one.release, api, report=report)
    proof = verify(one.plan, pushed.commit, api, allowed=one.allowed, report=report)
    # Readers load from main; code that was not rehearsed has not run anywhere yet, and this is no place for its first time.
    on_main = target.revision == MAIN and not target.pull_request
    if run_code and rehearsal is not None and one.plan.changes and on_main:
        proof = with_code(proof, api, report)
    check_proof(proof, one)
    return Published(one, pushed, proof, rehearsal)
