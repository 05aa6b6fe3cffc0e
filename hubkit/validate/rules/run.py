"""RUN: the run itself. The engine makes these findings; the functions hold their places in the catalogue and their texts."""

from __future__ import annotations

from collections.abc import Iterator

from hubkit.validate.facts import RepoFacts
from hubkit.validate.finding import Found, Severity
from hubkit.validate.need import Need
from hubkit.validate.rule import repo_rule


@repo_rule("RUN001", Severity.ERROR, Need.NOTHING)
def rule_crashed(_: RepoFacts) -> Iterator[Found]:
    """A rule crashed: a defect of hubkit.

    Every other rule was still asked; the traceback is in the JSON report; the exit code is 4.
    """
    yield from ()


@repo_rule("RUN002", Severity.NOTE, Need.NOTHING)
def unread(_: RepoFacts) -> Iterator[Found]:
    """Something could not be read (gated, network, rate limit, permissions).

    The rules that needed it are listed as skipped, with the reason; the exit code is 4, for nothing can be said of what was not seen.
    """
    yield from ()
