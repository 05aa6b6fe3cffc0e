"""`hubkit hub`"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hubkit.console import Console

app = typer.Typer(help="A Hub on this machine.", no_args_is_help=True)
EPILOG = "Examples:  hubkit hub serve ./hub   ·   hubkit hub serve ./hub --port 8123 --token local --user me"


@app.callback()
def _hub() -> None:
    """A Hub on this machine, spoken to by the real client: HF_ENDPOINT=http://127.0.0.1:8000."""


@app.command(epilog=EPILOG)
def serve(
    folder: Annotated[Path, typer.Argument(help="Where its repositories are.")],
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0 takes a free one.")] = 8000,
    token: Annotated[
        str | None,
        typer.Option(
            "--token",
            envvar="HUBKIT_HUB_TOKEN",
            show_envvar=True,
            help="Writing and private repositories need it; without one everybody may.",
        ),
    ] = None,
    user: Annotated[str, typer.Option("--user", help="Whom the token belongs to.")] = "local",
) -> None:
    """Serve the repositories in a folder until Ctrl-C."""
    from hubkit.localhub.server import serve as run

    console = Console()
    login = " HF_TOKEN=TOKEN[dim], the one that this Hub was started with[/]" if token else ""
    run(
        folder,
        port=port,
        token=token,
        user=user,
        announce=lambda hub: console.say(
            f"[bold]{hub.endpoint}[/]  serves {folder}; stop with Ctrl-C\n"
            f"[dim]in another terminal:[/] export HF_ENDPOINT={hub.endpoint} HF_HUB_DISABLE_XET=1{login}"
        ),
    )
