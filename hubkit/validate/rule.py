"""What a rule is: a function from facts to findings, with a code, a severity and the facts it needs.

To add one: write the function in `rules/`, decorate it with `@rule`, and give it a test with a bad and a good twin.
Its docstring is what `hubkit explain` prints; the first line is the rule's title.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from hubkit.validate.finding import FixKind, Found, Severity
from hubkit.validate.need import Need

if TYPE_CHECKING:
    from hubkit.validate.facts import RepoFacts, SaeFacts


Scope = Literal["sae", "repo"]
Check = Callable[[Any], Iterable[Found]]


@dataclass(frozen=True)
class Rule:
    """One entry of the catalogue."""

    code: str
    severity: Severity
    needs: Need
    scope: Scope
    check: Check
    fix: FixKind | None
    helped: Need = Need.NOTHING
    """What it takes into account where the run reads it; without it, it judges by the rest."""

    @property
    def title(self) -> str:
        """The first line of the docstring."""
        return self.documentation.split("\n", 1)[0]

    @property
    def documentation(self) -> str:
        """The whole docstring."""
        return inspect.cleandoc(self.check.__doc__ or "")


REGISTRY: dict[str, Rule] = {}

SaeCheck = Callable[["SaeFacts"], Iterable[Found]]
RepoCheck = Callable[["RepoFacts"], Iterable[Found]]


def _register(
    code: str, severity: Severity, needs: Need, scope: Scope, fix: FixKind | None, helped: Need = Need.NOTHING
) -> Callable[[Check], Check]:
    def decorate(check: Check) -> Check:
        if code in REGISTRY:
            raise ValueError(f"the code {code} is taken by {REGISTRY[code].check.__name__}")
        if not check.__doc__:
            raise ValueError(f"{code} has no docstring: it is what `hubkit explain {code}` prints")
        REGISTRY[code] = Rule(code, severity, needs, scope, check, fix, helped)
        return check

    return decorate


def sae_rule(
    code: str, severity: Severity, needs: Need, fix: FixKind | None = None, *, helped: Need = Need.NOTHING
) -> Callable[[SaeCheck], SaeCheck]:
    """A rule that is asked once for every SAE. A need that could not be read, or a help that was asked for, skips it for that SAE."""
    return _register(code, severity, needs, "sae", fix, helped)


def repo_rule(
    code: str, severity: Severity, needs: Need, fix: FixKind | None = None
) -> Callable[[RepoCheck], RepoCheck]:
    """A rule that is asked once for the repository."""
    return _register(code, severity, needs, "repo", fix)
