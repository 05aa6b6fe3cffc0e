"""The plan, carried out against a Hub on this machine with the real client, and everything that a stranger would do there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hubkit.cards.snippets import SnippetRun, run_snippets
from hubkit.engine.events import Event, Report, silent
from hubkit.localhub.server import RunningHub, serving
from hubkit.publish.plan import PushPlan, make_plan
from hubkit.publish.push import Pushed, push
from hubkit.publish.verify import Verification, verify
from hubkit.release.layout import README

if TYPE_CHECKING:
    from huggingface_hub import HfApi

TOKEN = "local-rehearsal"  # noqa: S105 - of a Hub on this machine only
STEPS = 4


@dataclass(frozen=True)
class Rehearsal:
    """What came of publishing a release to a Hub on this machine."""

    plan: PushPlan
    pushed: Pushed
    verification: Verification
    snippet: SnippetRun | None

    @property
    def ok(self) -> bool:
        """The tree is the plan's, it validates without errors, and the card's code ran (where it was run)."""
        return self.verification.ok and (self.snippet is None or self.snippet.ok)


@contextmanager
def local_hub(folder: Path) -> Iterator[tuple[RunningHub, HfApi]]:
    """A Hub that keeps its repositories in `folder`, and a client of it."""
    from huggingface_hub import HfApi

    with serving(folder, token=TOKEN) as hub:
        yield hub, HfApi(endpoint=hub.endpoint, token=TOKEN, library_name="hubkit")


def publish_locally(
    folder: Path, repo_id: str, api: HfApi, message: str | None = None
) -> tuple[PushPlan, Pushed]:
    """Plan and push any folder to a local Hub."""
    plan = make_plan(folder, repo_id, api, message=message)
    return plan, push(plan, folder, api)


def rehearse(
    release: Path,
    repo_id: str,
    hub: RunningHub,
    api: HfApi,
    *,
    sae_ids: list[str] | None = None,
    report: Report = silent,
) -> Rehearsal:
    """Push `release` to the local Hub, verify it there, and run its card's code against it.

    With `sae_ids`, the same process then loads each of them with SAELens from there and from the folder and compares what they compute;
    with None the code is not run (no torch is needed then).
    """
    report(Event("publish", 0, STEPS, "planning"))
    plan, pushed = publish_locally(release, repo_id, api)
    report(Event("publish", 1, STEPS, f"commit {pushed.commit[:12]}"))
    verification = verify(plan, pushed.commit, api)
    report(Event("publish", 2, STEPS, f"{verification.compared} files compared"))
    snippet = None
    if sae_ids is not None:
        arguments = {"repo_id": repo_id, "folder": str(release.resolve()), "sae_ids": sae_ids}
        card = (release / README).read_text(encoding="utf-8")
        snippet = run_snippets(
            card, endpoint=hub.endpoint, check="hubkit.publish.verify:compare_loaded", arguments=arguments
        )
    report(Event("publish", STEPS, STEPS, "the card's code ran" if snippet and snippet.ok else "done"))
    return Rehearsal(plan, pushed, verification, snippet)
