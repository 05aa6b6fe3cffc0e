"""The fixes: which finding each mends, whether it is safe, and the function that plans it.

To add one: write a function from facts to a `Change` (or to a new configuration), decorate it, name it in `ORDER`, and test a case that it mends
and one that it refuses. It writes nothing: `run` proves what it returns, `replace` writes it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from hubkit.errors import HubkitError
from hubkit.fix.content import Content, Text
from hubkit.repo.view import RepoView
from hubkit.validate.facts import RepoFacts, SaeFacts
from hubkit.validate.finding import FixKind

ORDER = (
    "WTS014", "WTS001", "WTS004", "WTS005", "CFG005", "CFG004", "CFG008", "CFG009", "WTS006", "CFG014", "CFG015", "CFG016", "CFG013",
    "WTS007", "WTS008", "THR001", "SEC003", "CARD012", "CARD003",
)  # fmt: skip
"""Each sees what those before it made. Weights come into their container first; what only the whole configuration can tell comes last."""


class Refusal(HubkitError):  # noqa: N818 - not a failure: a fix that is not made, and why
    """The finding is there, and this fix cannot mend it; the message says why."""


@dataclass(frozen=True)
class Change:
    """Files as a fix would have them, by path."""

    files: Mapping[str, Content]
    note: str = ""
    """What is left for a person to do, or to know, once it is made."""


@dataclass(frozen=True)
class Subject:
    """What a fix of an SAE looks at."""

    sae: SaeFacts
    view: RepoView
    scratch: Path
    """A folder outside the repository for what must lie on a disk to be made."""


Plan = Callable[[Any], Change | None]
CfgEdit = Callable[[SaeFacts], dict[str, Any] | None]


@dataclass(frozen=True)
class Fixer:
    """One entry of the registry."""

    code: str
    """The rule under which it is selected and reported."""
    finding: str
    """The rule whose finding it makes go away: `code`, but where it completes what was begun."""
    kind: FixKind
    scope: Literal["sae", "repo"]
    plan: Plan

    @property
    def title(self) -> str:
        """The first line of the docstring."""
        return (self.plan.__doc__ or "").strip().split("\n")[0]


FIXERS: list[Fixer] = []


def sae_fix(code: str, kind: FixKind, *, finding: str = "") -> Callable[[Plan], Plan]:
    """A fix of one SAE: `Subject` to `Change`, or None where it has nothing to do. May raise Refusal."""
    return _registered(code, kind, "sae", finding or code)


def repo_fix(code: str, kind: FixKind) -> Callable[[Callable[[RepoFacts], Change | None]], Plan]:
    """A fix of a file at the root: `RepoFacts` to `Change`, or None. May raise Refusal."""
    return _registered(code, kind, "repo", code)


def cfg_fix(code: str, kind: FixKind) -> Callable[[CfgEdit], CfgEdit]:
    """A fix of a SAELens configuration: facts to the whole new configuration, or None. May raise Refusal."""

    def decorate(edit: CfgEdit) -> CfgEdit:
        def plan(subject: Subject) -> Change | None:
            sae = subject.sae
            if not sae.is_saelens or sae.document is None or sae.cfg_path is None:
                return None
            cfg = edit(sae)
            if cfg is None or cfg == sae.raw:
                return None
            return Change({sae.cfg_path: Text(relaid(cfg, sae.cfg_text).encode("utf-8"))})

        plan.__doc__ = edit.__doc__
        _registered(code, kind, "sae", code)(plan)
        return edit

    return decorate


def in_order() -> list[Fixer]:
    """The fixes as they are tried."""
    return sorted(FIXERS, key=lambda fixer: (ORDER.index(fixer.code), fixer.finding != fixer.code))


def _registered(
    code: str, kind: FixKind, scope: Literal["sae", "repo"], finding: str
) -> Callable[[Plan], Plan]:
    def decorate(plan: Plan) -> Plan:
        if code not in ORDER:
            raise ValueError(f"{code} has no place in ORDER")
        FIXERS.append(Fixer(code, finding, kind, scope, plan))
        return plan

    return decorate


def relaid(cfg: Mapping[str, Any], before: str) -> str:
    """`cfg` as JSON in the layout of `before`: its indentation (two where it had none), its line ends, its way with characters beyond ASCII."""
    indented = re.search(r"\n([ \t]+)\"", before)
    text = json.dumps(
        cfg, indent=indented.group(1) if indented else 2, ensure_ascii="\\u" in before, allow_nan=False
    )
    return (text + "\n").replace("\n", "\r\n" if "\r\n" in before else "\n")
