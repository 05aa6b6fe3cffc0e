"""`hubkit preview`"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from hubkit.cli.options import Format, FormatOption, Quiet
from hubkit.console import Console

EPILOG = (
    "Examples:  hubkit preview ./my-release   ·   hubkit preview OWNER/REPO   ·   "
    "hubkit preview README.md --once card.html"
)


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(epilog=EPILOG)(preview)


def preview(
    target: Annotated[
        str,
        typer.Argument(
            metavar="RELEASE|README|OWNER/REPO",
            help="A release folder, a README.md, or a repository, of which the card and its pictures are fetched.",
        ),
    ],
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0 takes a free one.")] = 0,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open it in the browser.")] = True,
    once: Annotated[
        Path | None,
        typer.Option("--once", metavar="FILE", help="Write the page to FILE, pictures inside, and end."),
    ] = None,
    format: FormatOption = Format.text,  # noqa: A002 - the option's name in the contract
    quiet: Quiet = False,
) -> None:
    """Show a card as the Hub would, and again whenever it changes."""
    import json

    from hubkit.cards import preview as pages

    console = Console(quiet=quiet)
    if once is not None:
        for name in pages.write_page(target, once):
            console.warn({name: ["too large to be part of the page; its words are shown in its place"]})
        console.data(json.dumps({"page": str(once)}) if format is Format.json else str(once))
        return

    def announce(address: str) -> None:
        console.data(json.dumps({"address": address}) if format is Format.json else address)
        sys.stdout.flush()  # a pipe should have it now, not at the end
        follows = "the page follows the file" if Path(target).exists() else "the card as it was fetched"
        console.say(f"[dim]{follows}; stop with Ctrl-C[/]")
        if browser:
            import webbrowser

            webbrowser.open(address)

    pages.preview(target, port, announce)
