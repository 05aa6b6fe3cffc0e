"""`hubkit convert`"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from hubkit.cli.options import Format, FormatOption, Quiet
from hubkit.console import Console
from hubkit.errors import ExitCode, UsageError

EPILOG = (
    "Examples:  hubkit convert ./trainer_0 --to saelens --out ./my-sae   ·   "
    "hubkit convert ./runs --to saelens --out ./my-saes --all --model EleutherAI/pythia-70m --hook blocks.{layer}.hook_resid_post --dry-run"
)


class To(StrEnum):
    """The formats that can be written."""

    saelens = "saelens"


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(epilog=EPILOG)(convert)


def convert(
    folder: Annotated[
        Path, typer.Argument(help="A folder that holds another library's SAE, or the file of its weights.")
    ],
    to: Annotated[To, typer.Option("--to", help="The format to write.")],
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            "-o",
            metavar="FOLDER",
            help="Where the new folder goes. Nothing that lies there is overwritten.",
        ),
    ],
    every: Annotated[
        bool, typer.Option("--all", help="Every SAE below FOLDER, each into a folder of its own below --out.")
    ] = False,
    model: Annotated[
        str | None, typer.Option("--model", metavar="ID", help="The base model, where no file names it.")
    ] = None,
    hook: Annotated[
        str | None,
        typer.Option(
            "--hook",
            metavar="NAME",
            help="Where the activations come from, as blocks.14.hook_resid_post; {layer} is each SAE's own.",
        ),
    ] = None,
    hook_out: Annotated[
        str | None, typer.Option("--hook-out", metavar="NAME", help="Of a transcoder: where its output goes.")
    ] = None,
    architecture: Annotated[
        str | None,
        typer.Option(
            "--architecture",
            metavar="NAME",
            help="What it computes, where no file says it: standard, topk, jumprelu, gated, ...",
        ),
    ] = None,
    k: Annotated[int | None, typer.Option("--k", min=1, help="Of a TopK, where no file says it.")] = None,
    subtracts: Annotated[
        bool | None,
        typer.Option(
            "--apply-b-dec-to-input/--no-apply-b-dec-to-input",
            help="Whether the encoder sees x - b_dec, where no library says it.  \\[default: asked for]",
            show_default=False,
        ),
    ] = None,
    check: Annotated[
        Path | None,
        typer.Option(
            "--check",
            metavar="FILE",
            help="Arrays x, latents and reconstruction (.npz, .safetensors) that your own code gave: compared too.",
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the plan; write and load nothing.")
    ] = False,
    format: FormatOption = Format.text,  # noqa: A002 - the option's name in the contract
    quiet: Quiet = False,
) -> None:
    """Write another library's SAE as a folder that SAELens loads; only where SAELens then computes the same. The source stays as it is."""
    import json

    from hubkit.cli import convert_shown as shown
    from hubkit.convert.explained import Stated
    from hubkit.convert.run import How
    from hubkit.convert.run import convert as carried_out

    del to  # there is one
    console = Console(quiet=quiet)
    if not folder.exists():
        raise UsageError(
            f"{folder}: there is no such file or folder",
            hint="hf download OWNER/REPO --local-dir FOLDER, for one that is on the Hub",
        )
    stated = Stated(
        model=model, hook=hook, hook_out=hook_out, architecture=architecture, k=k, subtracts=subtracts
    )
    with console.progress() as report:
        how = How(several=every, dry_run=dry_run, check=check)
        outcome = carried_out(folder, out, stated, how, report)
    if format is Format.json:
        console.data(
            json.dumps(shown.as_json(folder, outcome, dry_run=dry_run), indent=2, ensure_ascii=False)
        )
    else:
        for line in shown.lines(outcome, dry_run=dry_run):
            console.show(line)
        if outcome.converted and not dry_run:
            console.say(f"[dim]{shown.next_step(out)}[/]")
    unread = any(one.unread for one in outcome.left)
    code = ExitCode.INCOMPLETE if unread else ExitCode.FINDINGS if outcome.left else ExitCode.CLEAN
    raise typer.Exit(int(code))
