"""The only module that knows rich, terminals, colour and `--quiet`. stdout is data, stderr is progress and talk."""

from __future__ import annotations

import contextlib
import io
import sys
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rich.console import Console as RichConsole

    from hubkit.engine.events import Event, Report

WIDTH_WITHOUT_TERMINAL = 120


def use_utf8() -> None:
    """Write UTF-8 with `\\n` on every platform, whatever the code page of the terminal says."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and (stream.encoding or "").lower() not in {"utf-8", "utf8"}:
            stream.reconfigure(encoding="utf-8", errors="replace")


def _rich(stream: Any) -> RichConsole:
    from rich.console import Console as RichConsole

    terminal = bool(getattr(stream, "isatty", lambda: False)())
    return RichConsole(
        emoji=False,  # a name such as :key: is a name
        file=stream,
        highlight=False,
        soft_wrap=not terminal,
        width=None if terminal else WIDTH_WITHOUT_TERMINAL,
    )


class Console:
    """What commands print with."""

    def __init__(self, *, quiet: bool = False) -> None:
        self.quiet = quiet
        self.terminal = sys.stderr.isatty()

    def data(self, text: str) -> None:
        """Text as it stands, to stdout: JSON, a file, an id a line."""
        sys.stdout.write(text if text.endswith("\n") else text + "\n")

    def show(self, renderable: Any) -> None:
        """Markup or a rich object, to stdout: the answer for a person."""
        _rich(sys.stdout).print(renderable, soft_wrap=True if isinstance(renderable, str) else None)

    def say(self, markup: str) -> None:
        """Talk, to stderr; nothing with `--quiet`."""
        if not self.quiet:
            _rich(sys.stderr).print(markup)

    def error(self, message: str, hint: str | None = None) -> None:
        """An expected failure, to stderr, also with `--quiet`."""
        from rich.markup import escape

        console = _rich(sys.stderr)
        console.print(f"[bold red]error[/] {escape(message)}")
        if hint:
            console.print(f"      [dim]try:[/] {escape(hint)}")

    def warn(self, warnings: Mapping[str, list[str]]) -> None:
        """Warnings by subject, to stderr."""
        from rich.markup import escape

        for subject, texts in warnings.items():
            for text in texts:
                self.say(f"[yellow]warning[/] {escape(subject)}: {escape(text)}")

    @contextlib.contextmanager
    def progress(self) -> Iterator[Report]:
        """A callable for events: a live overview on a terminal, a plain line now and then elsewhere, nothing with `--quiet`."""
        if self.quiet:
            yield lambda _: None
        elif self.terminal:
            with _live() as report:
                yield report
        else:
            yield _PlainLines()


class _PlainLines:
    """For CI: the first and the last event of a stage, and in between one every few seconds."""

    EVERY = 5.0

    def __init__(self) -> None:
        self.begun: dict[str, float] = {}
        self.last = 0.0

    def __call__(self, event: Event) -> None:
        now = time.monotonic()
        begun = self.begun.setdefault(event.stage, now)
        if event.done < event.total and now - self.last < self.EVERY:
            return
        self.last = now
        rate = f", {event.done / (now - begun):.1f}/s" if event.done and now > begun + 0.5 else ""
        sys.stderr.write(f"{event.stage:<10} {event.done}/{event.total}{rate}  {event.text}\n")
        sys.stderr.flush()


@contextlib.contextmanager
def _live() -> Iterator[Report]:
    """One bar a stage, with rate and remaining time."""
    from rich.markup import escape
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TaskID,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description:<10}"), BarColumn(24), MofNCompleteColumn(), TimeElapsedColumn(),
        TextColumn("[dim]left[/]"), TimeRemainingColumn(), TextColumn("[dim]{task.fields[text]}"),
    )  # fmt: skip
    with Progress(*columns, console=_rich(sys.stderr)) as progress:
        tasks: dict[str, TaskID] = {}

        def report(event: Event) -> None:
            if event.stage not in tasks:
                tasks[event.stage] = progress.add_task(event.stage, total=event.total, text="")
            progress.update(
                tasks[event.stage], completed=event.done, total=event.total, text=escape(event.text[:60])
            )

        yield report
