"""`hubkit rules`"""

from __future__ import annotations

import typer

from hubkit.cli.options import Format, FormatOption, text_width
from hubkit.console import Console

EPILOG = "Examples:  hubkit rules   ·   hubkit rules --format json"


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(epilog=EPILOG)(rules)


def rules(format: FormatOption = Format.text) -> None:  # noqa: A002 - the option's name in the contract
    """List every rule of the validator."""
    import json

    from hubkit.validate.catalogue import as_json, as_markup

    console = Console()
    if format is Format.json:
        console.data(json.dumps(as_json(), indent=2, ensure_ascii=False))
    else:
        console.show(as_markup(text_width()))
