"""`hubkit schema`"""

from __future__ import annotations

from typing import Annotated

import typer

from hubkit.console import Console

EPILOG = "Examples:  hubkit schema cfg   ·   hubkit schema report > report.schema.json"


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(epilog=EPILOG)(schema)


def schema(
    name: Annotated[
        str,
        typer.Argument(help="cfg, report, metrics, evaluation, evidence, provenance, pool, card or study."),
    ] = "cfg",
) -> None:
    """Print a JSON Schema: of cfg.json, of hubkit's report and files."""
    import json

    from hubkit.formats.shipped import shipped_schema

    Console().data(json.dumps(shipped_schema(name), indent=2, ensure_ascii=False))
