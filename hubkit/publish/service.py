"""One release, from a folder to a proven commit: prepare (hash, gate, plan), rehearse, publish (push, verify)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from hubkit import __version__
from hubkit.cards.snippets import missing_packages, python_blocks, run_snippets
from hubkit.engine.events import Event, Progress, silent
from hubkit.errors import ExitCode, HubkitError, UsageError
from hubkit.publish.code import absent_for
from hubkit.publish.errors import hub_errors
from hubkit.publish.files import hash_release
from hubkit.publish.gate import check_gate
from hubkit.publish.plan import MAIN, Target, described, make_plan
from hubkit.publish.push import LIMITS, Limits, Pushed, push
from hubkit.publish.rehearse import Prepared, Rehearsal, check_rehearsal, rehearsal_hub, rehearse_prepared
from hubkit.publish.verify import Verification, verify
from hubkit.release.layout import README

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
class Published:
    """A release that is on the Hub, proven."""

    prepared: Prepared
    pushed: Pushed
    verification: Verification
    rehearsal: Rehearsal | None = None


def client() -> HfApi:
    """The Hub that HF_ENDPOINT names, as whom the usual places say: HF_OIDC_RESOURCE (keyless CI), HF_TOKEN, `hf auth login`."""
    from huggingface_hub import HfApi

    return HfApi(library_name="hubkit", library_version=__version__)


def check_login(api: HfApi, repo_id: str) -> None:
    """Raise UsageError where the Hub would refuse to write for want of a token: better now than after the rehearsal. The token is not kept."""
    from huggingface_hub import get_token

    if api.token or api.endpoint.startswith("http://"):
        return
    with hub_errors(repo_id):
        token = get_token()
    if not token:
        raise UsageError(
            f"{repo_id}: no token found (HF_OIDC_RESOURCE, HF_TOKEN, hf auth login); nothing was sent",
            hint="hf auth login",
        )


def prepare(
    release: Path, target: Target, api: HfApi, choices: Choices | None = None, report: Progress = silent
) -> Prepared:
    """Hash, hold against the gate, plan. Nothing is sent. Raises HubkitError with everything that stands in the way."""
    choices = choices or Choices()
    files = hash_release(release, report, choices.include)
    gate = check_gate(release, choices.allow, files=files)
    plan = make_plan(
        release,
        target,
        api,
        files=files,
        message=choices.message,
        prune=choices.prune,
        include=choices.include,
        report=report,
    )
    return Prepared(release, described(plan, gate.description()), gate)


def rehearse_release(
    prepared: Prepared, choices: Choices, report: Progress = silent, limits: Limits = LIMITS
) -> Rehearsal:
    """Against a throw-away Hub of its own. Raises HubkitError when something went wrong there; nothing was sent then."""
    with rehearsal_hub([prepared]) as (hub, api):
        outcome = rehearse_prepared(
            prepared, hub, api, run_code=choices.run_code, limits=limits, report=report
        )
    check_rehearsal(prepared, outcome)
    return outcome


def publish(
    prepared: Prepared,
    api: HfApi,
    *,
    rehearsal: Rehearsal | None = None,
    run_code: bool = False,
    limits: Limits = LIMITS,
    report: Progress = silent,
) -> Published:
    """Push, then prove at the new commit; `run_code` also runs the card's code against the Hub. Raises HubkitError when the proof fails."""
    plan = prepared.plan
    pushed = push(plan, prepared.release, api, report=report, limits=limits)
    proof = verify(plan, pushed.commit, api, allowed=prepared.allowed, report=report)
    if run_code and plan.target.revision == MAIN and not plan.target.pull_request:
        proof = with_code(proof, api, report)
    check_proof(proof, prepared)
    return Published(prepared, pushed, proof, rehearsal)


def with_code(proof: Verification, api: HfApi, report: Progress = silent) -> Verification:
    """The proof, and what came of the card's code run against this Hub as a reader would run it: from main, without fetching a base model."""
    from hubkit.publish.remote import read_card

    card = read_card(proof.repo_id, proof.commit, api)
    if card is None or not python_blocks(card) or missing_packages():
        return proof
    if not _public(proof.repo_id, api):
        return replace(proof, code_not_run="the repository needs a login, and the card's code gets none")
    report(Event("code", 0, 1, "running the card's code against the Hub"))
    endpoint = api.endpoint if api.endpoint.startswith("http://") else None
    run = run_snippets(card, endpoint=endpoint, absent=absent_for(card, {proof.repo_id}))
    report(Event("code", 1, 1, f"{run.blocks} of its blocks, {run.seconds:.0f} s"))
    return replace(proof, snippet=run)


def _public(repo_id: str, api: HfApi) -> bool:
    """Whether somebody without a login can read the repository, as the card's code would."""
    from huggingface_hub.errors import GatedRepoError

    with hub_errors(repo_id):
        try:
            return api.file_exists(repo_id, README, token=False)
        except GatedRepoError:
            return False


def check_proof(proof: Verification, prepared: Prepared) -> None:
    """Raise HubkitError that says what is not as it should be at the commit."""
    check_proof_of(proof, kept=bool(prepared.plan.kept))
    where = f"{proof.repo_id}@{proof.commit[:12]}"
    if proof.snippet is not None and not proof.snippet.ok and "SNIPPET" not in prepared.gate.reasons:
        raise HubkitError(
            f"{where}: every file arrived, and the card's own code fails there: {proof.snippet.reason}",
            hint=f"hubkit verify {proof.repo_id} --run",
        )


def check_proof_of(proof: Verification, *, kept: bool = False) -> None:
    """The same of the files and of what the validator says. `kept`: the repository has files that were not pushed."""
    where = f"{proof.repo_id}@{proof.commit[:12]}"
    if proof.differing:
        shown = ", ".join(proof.differing[:5])
        raise HubkitError(
            f"{where}: {len(proof.differing)} files differ from the release: {shown}",
            hint="run the same command again",
            exit_code=ExitCode.INCOMPLETE,
        )
    if not proof.report.complete:
        raise HubkitError(
            f"{where}: every file arrived, and not everything could be read back",
            hint=f"hubkit verify {proof.repo_id}",
            exit_code=ExitCode.INCOMPLETE,
        )
    if proof.errors:
        codes = ", ".join(sorted({finding.code for finding in proof.errors}))
        stay = "; files of the repository that are not in the release stay there" if kept else ""
        raise HubkitError(
            f"{where}: every file arrived, and the repository as a whole has errors: {codes}{stay}",
            hint=f"hubkit validate {proof.repo_id} --no-config"
            + ("; pushed again with --prune, only the release's own files are there" if kept else ""),
        )
