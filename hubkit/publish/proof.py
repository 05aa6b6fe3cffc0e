"""What is asked of a repository after a push beyond its files: that the card's code runs there; and what is said where the proof fails."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hubkit.cards.snippets import missing_packages, python_blocks, run_snippets
from hubkit.engine.events import Event, Progress, silent
from hubkit.errors import ExitCode, HubkitError
from hubkit.publish.code_needs import absent_for
from hubkit.publish.errors import hub_errors
from hubkit.publish.rehearse import Prepared
from hubkit.publish.remote import read_card
from hubkit.publish.verify import Verification
from hubkit.release.layout import README

if TYPE_CHECKING:
    from huggingface_hub import HfApi


def with_code(proof: Verification, api: HfApi, report: Progress = silent) -> Verification:
    """The proof, and what came of the card's code run against this Hub as a reader would run it: from main, without fetching a base model."""
    card = read_card(proof.repo_id, proof.commit, api)
    if card is None or not python_blocks(card) or missing_packages(card):
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
