"""The only module that knows rich, terminals, colour and `--quiet`. stdout is data, stderr is progress and talk."""

from __future__ import annotations

import contextlib
import io
import sys
import time
from typing import TYPE_CHECKING, Any

from hubkit.texts import printable, visible
from hubkit.words import some

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rich.console import Console as RichConsole
    from rich.console import RenderableType
    from rich.progress import TaskID

    from hubkit.engine.events import Cell, Event, Line, Progress

WIDTH_WITHOUT_TERMINAL = 120
MEGABYTE = 1e6
SUBJECTS = 3
"""That a warning names; how many more there are is said."""


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
        """Text, to stdout: JSON, a file, an id a line. What cannot be seen is written as JSON writes it."""
        text = visible(text)
        sys.stdout.write(text if text.endswith("\n") else text + "\n")

    def show(self, renderable: Any) -> None:
        """Markup or a rich object, to stdout: the answer for a person."""
        plain = isinstance(renderable, str)
        _rich(sys.stdout).print(
            visible(renderable) if plain else renderable, soft_wrap=True if plain else None
        )

    def say(self, markup: str) -> None:
        """Talk, to stderr; nothing with `--quiet`."""
        if not self.quiet:
            _rich(sys.stderr).print(visible(markup))

    def error(self, message: str, hint: str | None = None) -> None:
        """An expected failure, to stderr, also with `--quiet`."""
        from rich.markup import escape

        console = _rich(sys.stderr)
        console.print(f"[bold red]error[/] {escape(visible(message))}")
        if hint:
            console.print(f"      [dim]try:[/] {escape(visible(hint))}")

    def warn(self, warnings: Mapping[str, list[str]]) -> None:
        """Warnings by subject, to stderr; the same of several subjects once."""
        from rich.markup import escape

        subjects: dict[str, list[str]] = {}
        for subject, texts in warnings.items():
            for text in texts:
                subjects.setdefault(text, []).append(subject)
        for text, several in subjects.items():
            whose = some(several, most=SUBJECTS)
            self.say(f"[yellow]warning[/] {escape(printable(whose))}: {escape(printable(text))}")

    @contextlib.contextmanager
    def progress(self) -> Iterator[Progress]:
        """A callable for events: a live overview on a terminal, a plain line now and then elsewhere, nothing with `--quiet`."""
        if self.quiet:
            yield lambda _: None
        elif self.terminal:
            with _live() as report:
                yield report
        else:
            yield _PlainLines()


class _PlainLines:
    """For CI: the first and the last event of a stage, and in between one every few seconds; a note at once."""

    EVERY = 5.0

    def __init__(self) -> None:
        self.begun: dict[str, tuple[float, int]] = {}
        self.last = 0.0
        self.ended: set[tuple[str, int]] = set()

    def __call__(self, event: Event) -> None:
        now = time.monotonic()
        begun, there = self.begun.setdefault(event.stage, (now, event.done))
        if event.note:
            sys.stderr.write(printable(f"{event.stage:<10} {event.note}") + "\n")
        elif (event.stage, event.total) in self.ended:
            return
        elif event.done >= event.total or now - self.last >= self.EVERY:
            self.last = now
            if event.done >= event.total:
                self.ended.add((event.stage, event.total))
            fresh = event.done - there
            rate = f", {_rate(fresh, event.unit, now - begun)}" if fresh and now > begun + 0.5 else ""
            sys.stderr.write(printable(f"{event.stage:<10} {_count(event)}{rate}  {_in_words(event)}") + "\n")
        sys.stderr.flush()


def _count(event: Event) -> str:
    """`12/54`, or `3.1/574.7 MB`."""
    if event.unit == "bytes":
        return f"{event.done / MEGABYTE:.1f}/{event.total / MEGABYTE:.1f} MB"
    return f"{event.done}/{event.total}"


def _rate(done: int, unit: str, seconds: float) -> str:
    """How many a second."""
    each = done / seconds
    return f"{each / MEGABYTE:.1f} MB/s" if unit == "bytes" else f"{each:.1f}/s"


def _in_words(event: Event) -> str:
    """What an event says beside its count: its text, or where the first of the things in the works stands."""
    working = [line for line in event.lines if not line.finished]
    if event.text or not working:
        return event.text
    others = f" and {len(working) - 1} more" if len(working) > 1 else ""
    return f"{working[0].key}{others}: " + "  ".join(
        f"{name} {_cell(value)}" for name, value in working[0].cells.items()
    )


def _cell(value: Cell) -> str:
    """A number in three significant digits."""
    if isinstance(value, str):
        return value
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:#.3g}".rstrip(".")


class _Overview:
    """For a terminal: one bar a stage, with rate and remaining time, and below it what is in the works as a table."""

    def __init__(self, console: RichConsole) -> None:
        from rich.progress import (
            BarColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )

        columns = (
            TextColumn("{task.description:<10}"), BarColumn(24), TextColumn("{task.fields[count]}"), TimeElapsedColumn(),
            TextColumn("[dim]left[/]"), TimeRemainingColumn(), TextColumn("[dim]{task.fields[text]}"),
        )  # fmt: skip
        self.console = console
        self.bars = Progress(*columns, console=console)
        self._tasks: dict[str, TaskID] = {}
        self._working: dict[str, Line] = {}

    def __call__(self, event: Event) -> None:
        from rich.markup import escape

        if event.note:
            self.console.print(f"[yellow]{escape(printable(event.note))}[/]")
        if event.stage not in self._tasks:
            self._tasks[event.stage] = self.bars.add_task(event.stage, total=event.total, count="", text="")
        for line in event.lines:
            if line.finished:
                self._working.pop(line.key, None)
            else:
                self._working[line.key] = line
        task, completed = self._tasks[event.stage], event.done + event.part
        self.bars.update(task, completed=completed, total=event.total, count=_count(event))
        if event.text:
            self.bars.update(task, text=escape(printable(event.text)[:60]))

    def __rich__(self) -> RenderableType:
        from rich.console import Group

        return Group(self.bars, *([self._table()] if self._working else []))

    def _table(self) -> RenderableType:
        """As many lines as the terminal is high enough for, the least finished first; the rest is counted."""
        from rich.markup import escape
        from rich.table import Table

        room = max(3, self.console.size.height - len(self._tasks) - 6)
        working = sorted(self._working.values(), key=lambda line: line.share)
        names = list(working[0].cells)
        table = Table(
            box=None, padding=(0, 1), header_style="dim", caption_style="dim", caption_justify="left"
        )
        table.add_column("")
        for name in names:
            table.add_column(name, justify="right", no_wrap=True)
        for line in working[:room]:
            table.add_row(escape(printable(line.key)), *(_cell(line.cells.get(name, "")) for name in names))
        if len(working) > room:
            table.caption = f"  and {len(working) - room} more"
        return table


@contextlib.contextmanager
def _live() -> Iterator[Progress]:
    from rich.live import Live

    overview = _Overview(_rich(sys.stderr))
    with Live(overview, console=overview.console, refresh_per_second=8):
        yield overview
