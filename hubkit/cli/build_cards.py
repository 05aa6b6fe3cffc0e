"""`hubkit build-cards`"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hubkit.cli.options import Quiet
from hubkit.console import Console

EPILOG = "Examples:  hubkit build-cards ./my-release   ·   hubkit build-cards ./my-release --force"


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("build-cards", epilog=EPILOG)(build_cards)


def build_cards(
    release: Annotated[Path, typer.Argument(help="A release folder with a card.yaml.")],
    force: Annotated[
        bool,
        typer.Option(
            "--force", help="Overwrite a README.md that hubkit did not write, or that was edited since."
        ),
    ] = False,
    quiet: Quiet = False,
) -> None:
    """Write README.md from a release's own files."""
    from hubkit.cards.build import build_card
    from hubkit.repo.local import open_folder

    open_folder(release)  # a missing folder is told in the words of every verb
    card = build_card(release, force=force)
    Console(quiet=quiet).say(
        f"{len(card.facts.saes)} SAEs described" + ("" if card.changed else "; the card was current")
    )
    Console().data(str(card.path))
