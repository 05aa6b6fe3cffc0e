"""The plan, carried out against a Hub on this machine with the real client, and everything that a stranger would do there."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from hubkit.cards.build import recorded_digest
from hubkit.cards.snippets import SnippetRun, missing_packages, python_blocks, run_snippets
from hubkit.engine.events import Event, Progress, silent
from hubkit.errors import HubkitError, UsageError
from hubkit.localhub.seeding import seed
from hubkit.localhub.server import RunningHub, serving
from hubkit.publish.code_needs import absent_for, loadable, seed_base_model
from hubkit.publish.commit import LIMITS, Limits, Pushed
from hubkit.publish.gate import Gate
from hubkit.publish.plan import MAIN, PushPlan, Target, make_plan
from hubkit.publish.push import push
from hubkit.publish.remote import read_remote
from hubkit.publish.verify import Verification, verify
from hubkit.release.layout import README
from hubkit.words import human_bytes

if TYPE_CHECKING:
    from huggingface_hub import HfApi

TOKEN = "local-rehearsal"  # noqa: S105 - of a Hub on this machine only
CHECK = "hubkit.publish.verify:compare_loaded"
MOST_TOLD = 5
SPARE = 100_000_000
"""Bytes of the disk that a rehearsal leaves free."""


@dataclass(frozen=True)
class Prepared:
    """A release that passed the gate, and what is to be done with it."""

    release: Path
    plan: PushPlan
    gate: Gate

    @property
    def allowed(self) -> frozenset[str]:
        """Codes that were let through."""
        return frozenset(problem.code for problem in self.gate.allowed)


@dataclass(frozen=True)
class Rehearsal:
    """What came of publishing a release to a Hub on this machine."""

    plan: PushPlan
    pushed: Pushed
    verification: Verification
    snippet: SnippetRun | None
    not_run: str = ""
    """Why the card's code was not run."""

    @property
    def ok(self) -> bool:
        """The tree is the plan's, it validates without errors, and the card's code ran (where it was run)."""
        return self.verification.ok and (self.snippet is None or self.snippet.ok)


@dataclass(frozen=True)
class Code:
    """That the card's code is run."""

    sae_ids: list[str]
    """SAEs that the same process then loads with SAELens, from the Hub and from the folder, and compares."""


@contextmanager
def local_hub(folder: Path) -> Iterator[tuple[RunningHub, HfApi]]:
    """A Hub that keeps its repositories in `folder`, and a client of it."""
    from huggingface_hub import HfApi

    with serving(folder, token=TOKEN) as hub:
        yield hub, HfApi(endpoint=hub.endpoint, token=TOKEN, library_name="hubkit")


@contextmanager
def rehearsal_hub(prepared: Sequence[Prepared]) -> Iterator[tuple[RunningHub, HfApi]]:
    """A throw-away Hub in the state in which the plans will find the real one: what stays is there, what will be replaced or deleted has a
    stand-in. The base models are there where this machine has them. Raises UsageError where the disk has no room for it.
    """
    _check_room(prepared)
    with tempfile.TemporaryDirectory(prefix="hubkit-rehearsal-", ignore_cleanup_errors=True) as scratch:
        hub = Path(scratch) / "hub"
        hub.mkdir()
        stand_in = Path(scratch) / "stand-in"
        stand_in.write_bytes(b"what was there before\n")
        # `any_card`: what is there already was taken by the real Hub, whatever today's list of licences says.
        for one in prepared:
            if one.plan.parent is not None:
                seed(hub, one.plan.repo_id, _before(one, stand_in), any_card=True)
        taken = {one.plan.repo_id for one in prepared}
        for one in prepared:
            seed_base_model(hub, one.gate.base_model, taken)
        with local_hub(hub) as running:
            yield running


def _before(one: Prepared, stand_in: Path) -> dict[str, Path]:
    """The repository as the plan will find it, but for a card that will be replaced: the Hub takes no stand-in for that."""
    there = {}
    for file in one.plan.files:
        if file.action == "unchanged":
            there[file.path] = one.release / file.path
        elif file.action != "add" and file.path != README:
            there[file.path] = stand_in
    return there


def _check_room(prepared: Sequence[Prepared]) -> None:
    need = sum(one.plan.total_bytes for one in prepared) + SPARE
    free = shutil.disk_usage(tempfile.gettempdir()).free
    if free < need:
        raise UsageError(
            f"{tempfile.gettempdir()}: {human_bytes(free)} are free, the rehearsal needs {human_bytes(need)}; nothing was sent",
            hint="set TMPDIR to a larger disk, or --no-rehearse",
        )


def rehearse_prepared(
    one: Prepared,
    api: HfApi,
    *,
    run_code: bool = True,
    limits: Limits = LIMITS,
    report: Progress = silent,
) -> Rehearsal:
    """Carry the plan out on the rehearsal's Hub: as a push to main, whatever branch or pull request it is for. Raises HubkitError."""
    plan = one.plan
    here = read_remote(plan.repo_id, MAIN, api)
    # The card's code loads from main, so that is where the rehearsal puts it. `kept` is empty, because files that only the real
    # repository has are not here.
    target = replace(plan.target, revision=MAIN, pull_request=False, tag=None)
    plan = replace(plan, target=target, parent=here.commit, begins_branch=False, kept=())
    code = Code(loadable(one.release, one.gate.report)) if run_code else None
    done = carry_out(plan, one.release, api, code=code, allowed=one.allowed, limits=limits, report=report)
    return done if run_code else replace(done, not_run="--no-code" if plan.changes else "it is there already")


def carry_out(  # noqa: PLR0913 - one keyword a choice
    plan: PushPlan,
    release: Path,
    api: HfApi,
    *,
    code: Code | None,
    allowed: frozenset[str] = frozenset(),
    limits: Limits = LIMITS,
    report: Progress = silent,
) -> Rehearsal:
    """Push a plan to a Hub of this machine that the caller keeps, verify it there, and run its card's code against it. Raises HubkitError."""
    renamed = _renamed(report)
    pushed = push(plan, release, api, report=renamed, limits=limits, own_hub=True)
    verification = verify(plan, pushed.commit, api, allowed=allowed, report=renamed)
    snippet, why = _run_code(plan.repo_id, release, code, api, report) if code else (None, "")
    return Rehearsal(plan, pushed, verification, snippet, why)


def _run_code(
    repo_id: str, release: Path, code: Code, api: HfApi, report: Progress
) -> tuple[SnippetRun | None, str]:
    """The card's code against this Hub, then every SAE from there and from the folder; or why not."""
    card = (release / README).read_text(encoding="utf-8", errors="replace")
    if not python_blocks(card):
        return None, "the card has no Python code"
    if lacking := missing_packages(card):
        return None, f"{', '.join(lacking)} not installed"
    report(Event("code", 0, 1, "running the card's code"))
    # Whatever else this Hub has (base models of the cache, the demo's model) the code may fetch; the rest is left out and told.
    there = {repo_id, *(model.id for model in api.list_models())}
    run = run_snippets(
        card,
        endpoint=api.endpoint,
        check=CHECK if code.sae_ids else None,
        arguments={"repo_id": repo_id, "folder": str(release.resolve()), "sae_ids": code.sae_ids},
        absent=absent_for(card, there),
    )
    report(Event("code", 1, 1, f"{run.blocks} of its blocks, {run.seconds:.0f} s"))
    return run, ""


def check_rehearsal(one: Prepared, outcome: Rehearsal) -> None:
    """Raise HubkitError that says what went wrong; nothing was sent then."""
    verification, snippet = outcome.verification, outcome.snippet
    name = one.plan.repo_id
    if verification.differing:
        raise HubkitError(
            f"{name}: the rehearsal failed: {', '.join(verification.differing[:5])} arrived with other bytes; nothing was sent",
            hint="run the same command again; if it stays so, the disk or hubkit's own Hub is at fault: report it",
        )
    if not verification.ok:
        raise _refused_there(one, verification)
    if snippet is not None and not snippet.ok and "SNIPPET" not in one.gate.reasons:
        where = f"line {snippet.failed_line}: " if snippet.failed_line else ""
        raise HubkitError(
            f"{one.release / README}: {where}SNIPPET: the card's own code fails: {snippet.reason}; nothing was sent",
            hint=f"mend the code{_and_build(one)}; or --allow SNIPPET --reason TEXT",
        )


def _and_build(one: Prepared) -> str:
    """What a card needs that hubkit wrote; one that was written by hand is mended where it stands."""
    card = one.release / README
    written = card.is_file() and recorded_digest(card.read_text("utf-8", "replace")) is not None
    return f" and run hubkit build-cards {one.release}" if written else f" in {README}"


def _refused_there(one: Prepared, verification: Verification) -> HubkitError:
    """What the validator says of the repository and did not say of the folder: told whole, for no command shows it here."""
    name, errors = one.plan.repo_id, verification.errors
    if not errors:
        return HubkitError(
            f"{name}: the rehearsal failed: not everything could be read back; nothing was sent",
            hint="run the same command again",
        )
    codes = ", ".join(sorted({found.code for found in errors}))
    lines = [f"{name}: the rehearsal failed: {codes}; nothing was sent"]
    for found in errors[:MOST_TOLD]:
        lines.append(f"  {found.code:<11} {found.path or found.sae_id or '.'}: {found.message}")
        lines.append(f"  {'':<11} try: {found.hint}")
    return HubkitError("\n".join(lines))


def _renamed(report: Progress) -> Progress:
    """The same events under names that tell the rehearsal from the push."""
    names = {"sending": "rehearsing", "verifying": "comparing"}
    return lambda event: report(replace(event, stage=names.get(event.stage, event.stage)))


def publish_locally(
    folder: Path, repo_id: str, api: HfApi, message: str | None = None
) -> tuple[PushPlan, Pushed]:
    """Plan and push any folder to a local Hub."""
    plan = make_plan(folder, Target(repo_id), api, message=message)
    return plan, push(plan, folder, api, own_hub=True)
