"""What a run did, as a text that can be pasted into an issue: no secret, and no name of a folder of the user's."""

from __future__ import annotations

import os
import sys
import time
import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Self

from hubkit import __version__
from hubkit.engine.machine import hardware, software
from hubkit.errors import HubkitError
from hubkit.study.provenance import PACKAGES
from hubkit.validate.secret_kinds import masked

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from hubkit.engine.events import Event, Progress


class RunLog:
    """A file that grows by one part a run; a context, whose error is its last line."""

    def __init__(self, path: Path, folder: Path, command: Sequence[str], device: str = "cpu") -> None:
        self.path = path
        self._begun = time.monotonic()
        self._kept: set[tuple[str, int]] = set()
        self._shown = _shown_places(folder)
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("a", encoding="utf-8", newline="\n")
        now = datetime.now(UTC).isoformat(timespec="seconds")
        versions = ", ".join(f"{name} {version}" for name, version in software(PACKAGES).items())
        self.write(f"--- {now}  hubkit {__version__}: {' '.join(command)}")
        self.write(f"{hardware(device)}; {versions}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        if isinstance(error, HubkitError):
            self.write(f"error {error.message}" + (f"\n  try: {error.hint}" if error.hint else ""))
        elif isinstance(error, KeyboardInterrupt):
            self.write("stopped by the user")
        elif error is not None:
            self.write("".join(traceback.format_exception(error)).rstrip("\n"))
        elif kind is None:
            self.write("ended")
        self._file.close()

    def write(self, text: str) -> None:
        """A line (or some), behind the seconds since the run began; on the disk when this returns, for whoever is killed next."""
        self._file.write(f"{time.monotonic() - self._begun:8.1f} s  {self.cleaned(text)}\n")
        self._file.flush()

    def cleaned(self, text: str) -> str:
        """The text without secrets, and with the places that only this machine has named by a word."""
        for place, word in self._shown:
            text = text.replace(place, word)
        return masked(text)

    def follow(self, report: Progress) -> Progress:
        """`report`, and of each stage the beginning, the end and every note in the log."""

        def both(event: Event) -> None:
            self._keep(event)
            report(event)

        return both

    def _keep(self, event: Event) -> None:
        if event.note:
            self.write(f"{event.stage}: {event.note}")
        ends = event.done >= event.total
        mark = (event.stage, event.total if ends else -1)
        if mark not in self._kept:
            self._kept.add(mark)
            self.write(f"{event.stage}: {event.done}/{event.total} {event.text}".rstrip())


def _shown_places(folder: Path) -> list[tuple[str, str]]:
    """Path to the word for it, the longest first: what lies in another is told by the inner one."""
    places = {str(folder.resolve()): "<folder>", str(Path.cwd()): "<here>", str(Path.home()): "~"}
    places |= {sys.prefix: "<python>", str(Path(__file__).parents[1]): "<hubkit>"}
    both = {form: word for place, word in places.items() for form in (place, place.replace(os.sep, "/"))}
    return sorted(
        ((place, word) for place, word in both.items() if len(place) > 1), key=lambda pair: -len(pair[0])
    )
