"""What a run came to, as a person reads it at its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from hubkit.console import Console
    from hubkit.study.stages import StageDone


def show_run(
    console: Console, done: Mapping[str, Sequence[StageDone]], pushed: str, log_file: Path | None = None
) -> None:
    """A line for each stage of each release, then the push, and where the log is."""
    from rich.markup import escape

    from hubkit.study.forecast import duration

    for name, several in done.items():
        seconds = sum(one.seconds for one in several)
        console.say(f"\n[bold]{escape(name)}[/]  [dim]({duration(seconds)})[/]")
        for one in several:
            told = f"[bold red]{escape(one.told)}[/]" if one.errors else escape(one.told)
            state = "[green]done[/]     " if one.fresh else "[dim]was there[/]"
            console.say(f"  {state} {one.stage:<11} {told}  [dim]{duration(one.seconds)}[/]")
    if pushed:
        console.say(f"  [green]done[/]      push        {escape(pushed)}")
    if log_file is not None:
        console.say(
            f"[dim]log: {escape(str(log_file))}: without secrets and names of your folders, to be pasted into an issue[/]"
        )
