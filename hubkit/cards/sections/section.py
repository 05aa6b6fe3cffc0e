"""What a section is: facts in, the context of its template out, or the reason why there is nothing to say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hubkit.cards.facts import Facts

NOT_COMPUTED = "not computed by hubkit"
NEITHER = "not computed by hubkit, and stated in no file beside this card"
NO_FIELD = "no field of `card.yaml` gives it"
"""What the author may say elsewhere is not denied."""


@dataclass(frozen=True)
class Absent:
    """A section without facts. Its title and reason are listed near the end of the card, so that nothing is silently missing."""

    title: str
    reason: str = "not measured"
    said_in: tuple[str, ...] = ()
    """Sections whose prose, where the author wrote one, says it: then nothing is listed."""


OF_LABELS = ("caveat", "labels", "research")
"""Where an author says how labels were made, and what they mean."""

Context = dict[str, Any]
Section = Callable[[Facts], Context | Absent]
