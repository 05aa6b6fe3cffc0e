"""What a rule is: a function from facts to findings, with a code, a severity and the facts it needs.

To add one: write the function in `rules/`, decorate it with `@rule`, and give it a test with a bad and a good twin.
Its docstring is what `hubkit explain` prints; the first line is the rule's title.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from hubkit.validate.finding import FixKind, Found, Severity
from hubkit.validate.need import Need

if TYPE_CHECKING:
    from hubkit.validate.facts import RepoFacts, SaeFacts


Scope = Literal["sae", "repo"]
Against = Literal["files", "card", "code", "cards", "voice"]
"""What a rule holds the words of a card against: the files of the repository, the card itself and what is known of base models, SAELens (its code), other cards, and what only
hubkit says.
"""
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
    against: Against | None = None
    """What it holds the card's words against; None for a rule that judges something else, or says what is missing."""

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


def holding(*what: Against) -> frozenset[str]:
    """The codes of the rules that hold a card's words against one of these."""
    return frozenset(code for code, rule in REGISTRY.items() if rule.against in what)


def _register(code: str, made: Callable[[Check], Rule]) -> Callable[[Check], Check]:
    def decorate(check: Check) -> Check:
        if code in REGISTRY:
            raise ValueError(f"the code {code} is taken by {REGISTRY[code].check.__name__}")
        if not check.__doc__ and sys.flags.optimize < 2:  # which takes every docstring away
            raise ValueError(f"{code} has no docstring: it is what `hubkit explain {code}` prints")
        REGISTRY[code] = made(check)
        return check

    return decorate


def sae_rule(
    code: str, severity: Severity, needs: Need, fix: FixKind | None = None, *, helped: Need = Need.NOTHING
) -> Callable[[SaeCheck], SaeCheck]:
    """A rule that is asked once for every SAE. A need that could not be read, or a help that was asked for, skips it for that SAE."""
    return _register(code, lambda check: Rule(code, severity, needs, "sae", check, fix, helped))


def repo_rule(
    code: str, severity: Severity, needs: Need, fix: FixKind | None = None, *, against: Against | None = None
) -> Callable[[RepoCheck], RepoCheck]:
    """A rule that is asked once for the repository."""
    return _register(code, lambda check: Rule(code, severity, needs, "repo", check, fix, against=against))
