"""What an engine is given and what it gives back; `local` is one, `ray` another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from hubkit.engine.events import Progress, silent
from hubkit.errors import HubkitError

SHOWN = 10
"""Failed units that an error names."""

Worker = Callable[[Any, Progress], Any]
"""An importable top-level function: payload in, picklable result out. What it reports arrives where the engine was called."""


@dataclass(frozen=True)
class Unit:
    """One piece of work: `key` names it in progress and failures, `payload` is picklable and is all the worker gets."""

    key: str
    payload: Any


Split = Callable[[Unit], list[Unit]]
"""The parts of a unit that was too much for its process; one part or none: it cannot be split."""


@dataclass(frozen=True)
class Failure:
    """A unit that did not come out."""

    key: str
    message: str
    hint: str | None = None
    final: bool = True
    """The work itself said no; a process that died, or an error nobody foresaw, is worth another try."""


@dataclass
class Results:
    """What came of the units: results by key, and the failures."""

    done: dict[str, Any] = field(default_factory=dict)
    failed: list[Failure] = field(default_factory=list)

    def raise_failures(self, what: str, again: str = "") -> None:
        """Raise HubkitError naming the failed units, if there is one; `what` is what the units were to make, `again` how to retry."""
        if not self.failed:
            return
        lines = [f"  {failure.key}: {failure.message}" for failure in self.failed[:SHOWN]]
        if len(self.failed) > SHOWN:
            lines.append(f"  and {len(self.failed) - SHOWN} more")
        hint = next((failure.hint for failure in self.failed if failure.hint), "")
        again = again or ("" if hint else "run the same command again: what finished is kept and skipped")
        total = len(self.failed) + len(self.done)
        raise HubkitError(
            f"{len(self.failed)} of {total} {what} failed:\n" + "\n".join(lines),
            hint="; then: ".join(part for part in (hint, again) if part),
        )


class Engine(Protocol):
    """Runs units somewhere. State is the worker's business (files, done markers): what has finished stays finished."""

    @property
    def slots(self) -> int:
        """Units that it works on at once: what is to be shared out is cut by this."""

    def run(
        self,
        units: Sequence[Unit],
        worker: Worker,
        *,
        report: Progress = silent,
        stage: str = "work",
        split: Split | None = None,
    ) -> Results:
        """Run `worker(unit.payload, report)` for every unit; report an Event when a unit ends.

        Never raises for a unit (see Results.raise_failures). The unit of a process that died is first `split`, so that what was
        too much at once comes in parts; when it cannot be, it is tried again.
        """
