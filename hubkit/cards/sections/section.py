"""What a section is: facts in, the context of its template out, or the reason why there is nothing to say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hubkit.cards.facts import Facts

NOT_COMPUTED = "not computed by hubkit"
NEITHER = "neither computed nor stated"


@dataclass(frozen=True)
class Absent:
    """A section without facts. Its title and reason are listed near the end of the card, so that nothing is silently missing."""

    title: str
    reason: str = "not measured"


Context = dict[str, Any]
Section = Callable[[Facts], Context | Absent]
