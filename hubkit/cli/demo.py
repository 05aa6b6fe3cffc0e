"""`hubkit demo`"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hubkit.cli.options import Format, FormatOption, Quiet, text_width
from hubkit.console import Console
from hubkit.errors import INSTALL_TRAIN, ExitCode, UsageError

if TYPE_CHECKING:
    from hubkit.study.demo import Demo

EPILOG = "Examples:  hubkit demo   ·   hubkit demo --folder /tmp/demo --seed 1"


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(epilog=EPILOG)(demo)


def demo(
    folder: Annotated[
        Path,
        typer.Option(
            "--folder", help="Where everything goes; a second run there goes on from what is finished."
        ),
    ] = Path("hubkit-demo"),
    seed: Annotated[int, typer.Option("--seed", help="Another seed, another model.")] = 0,
    null: Annotated[
        bool, typer.Option("--null", help="A model whose behaviour leaves no trace: nothing should be found.")
    ] = False,
    workers: Annotated[int, typer.Option("--workers", min=1, help="Training processes.")] = min(
        2, os.cpu_count() or 1
    ),
    format: FormatOption = Format.text,  # noqa: A002 - the option's name in the contract
    quiet: Quiet = False,
) -> None:
    """Walk the whole way on this machine: model, activations, SAEs, card, a local Hub, and back through SAELens."""
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")  # offline: nothing is asked of the real Hub
    _need_training()
    from hubkit.study import demo_summary
    from hubkit.study.demo import run_demo

    console = Console(quiet=quiet)
    begun = time.perf_counter()
    console.say(f"[bold]hubkit demo[/]  everything goes into [cyan]{folder}[/]")
    with console.progress() as report:
        outcome = run_demo(folder, seed=seed, null=null, workers=workers, report=report)
    seconds = time.perf_counter() - begun
    if format is Format.json:
        console.data(demo_summary.as_json(outcome, seconds))
    else:
        _show(console, outcome, demo_summary.as_markup(outcome, seconds))
    raise typer.Exit(int(ExitCode.CLEAN if demo_summary.holds(outcome) else ExitCode.FINDINGS))


def _show(console: Console, outcome: Demo, summary: str) -> None:
    from hubkit.validate.reporters import text

    console.show(summary)
    console.show(
        "\n[bold]And the defect that started it all[/]: a JumpReLU trained the naive way, as [cyan]hubkit validate[/] shows it\n"
    )
    console.show(text.render(outcome.naive_report, width=text_width()))
    console.show("\nWhy it matters: [cyan]hubkit explain THR001[/]")


def _need_training() -> None:
    from importlib.util import find_spec

    missing = [
        name
        for name in ("torch", "transformers", "sae_lens", "sklearn", "pyarrow")
        if find_spec(name) is None
    ]
    if missing:
        raise UsageError(f"the demo trains SAEs and needs {', '.join(missing)}", hint=INSTALL_TRAIN)
