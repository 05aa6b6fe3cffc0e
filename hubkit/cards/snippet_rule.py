"""CARD009's part that runs code: a rule that `hubkit validate --run-snippets` adds to the others."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from hubkit.cards.snippets import (
    TIMEOUT,
    SnippetOutcome,
    SnippetRun,
    missing_packages,
    python_blocks,
    run_card,
    run_snippets,
)
from hubkit.errors import INSTALL_TRAIN, IncompleteError, UsageError
from hubkit.release.layout import README
from hubkit.repo.local import LocalView
from hubkit.validate.facts import RepoFacts
from hubkit.validate.finding import Found, Severity
from hubkit.validate.need import Need
from hubkit.validate.rule import REGISTRY, Rule

CODE = "CARD009"
Where = Literal["local", "hub"]
"""A throw-away Hub on this machine that holds the folder, or the Hub that the client is set to."""


def snippet_rule(where: Where | None, base_model: Path | None = None, timeout: float = TIMEOUT) -> Rule:
    """The rule that runs the card's code; with `where` None a folder's on a local Hub, a repository's on its own.

    Raises UsageError where the packages that such code needs are not installed.
    """
    if lacking := missing_packages():
        raise UsageError(
            f"the card's code needs {', '.join(lacking)}, not installed here",
            hint=INSTALL_TRAIN,
        )

    def code_runs(repo: RepoFacts) -> Iterator[Found]:
        """The card's code fails when it is run."""
        text = repo.readme.text if repo.readme else ""
        if not python_blocks(text):
            repo.remarks.append(
                f"nothing was run: {'the card has no Python code' if repo.readme else 'there is no README.md'}"
            )
            return
        # What is seen without running is said once.
        seen = {found.line for found in REGISTRY[CODE].check(repo)}
        outcome = SnippetOutcome(_run(repo, text, where, base_model, timeout))
        if outcome.ok:
            repo.remarks.append(f"the card's code: {outcome.sentence[:1].lower()}{outcome.sentence[1:]}")
        assert outcome.run is not None, "it was just run"  # noqa: S101
        yield from (one for one in _judge(outcome.run, text) if one.line is None or one.line not in seen)

    return Rule(CODE, Severity.ERROR, Need.TREE | Need.README, "repo", code_runs, None)


def _run(
    repo: RepoFacts, text: str, where: Where | None, base_model: Path | None, timeout: float
) -> SnippetRun:
    view = repo.view
    if isinstance(view, LocalView) and where != "hub":
        run = run_card(text, view.root, base_model=base_model, timeout=timeout).run
        assert run is not None, "packages and blocks were looked at before"  # noqa: S101
        return run
    if where == "local":
        raise IncompleteError(
            f"{view.name}: its code runs on a local Hub only from a folder",
            hint=f"hf download {view.name} --local-dir FOLDER, or --snippets-on hub",
        )
    return run_snippets(text, timeout=timeout)


def _judge(run: SnippetRun, text: str) -> Iterator[Found]:
    """The failure with its line; raises IncompleteError for code that was not run, which is no success."""
    if not run.ok:
        quoted = text.split("\n")[run.failed_line - 1].strip() if run.failed_line else ""
        where = f"`{quoted[:120]}` fails" if quoted else "the code fails"
        yield Found(
            f"{where} when it is run: {run.reason}",
            "run the block as a reader would; for a card of hubkit: hubkit build-cards",
            path=README,
            line=run.failed_line,
            measured={"versions": dict(run.versions or {})},
            identity=" ".join(quoted.split()) or run.reason,
        )
    elif run.not_run:
        lines = ", ".join(str(one.line) for one in run.not_run[:8])
        reasons = "; ".join(sorted({one.reason for one in run.not_run}))
        more = "..." if len(run.not_run) > 8 else ""
        raise IncompleteError(
            f"README.md, line{'s' if len(run.not_run) > 1 else ''} {lines}{more} of its code not run: {reasons} (--base-model FOLDER names a model's folder)"
        )
