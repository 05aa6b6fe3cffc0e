"""`hubkit explain`"""

from __future__ import annotations

from typing import Annotated

import typer

from hubkit.cli.options import text_width
from hubkit.console import Console

EPILOG = "Examples:  hubkit explain THR001   ·   hubkit explain cfg006   ·   hubkit explain THR"


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(epilog=EPILOG)(explain)


def explain(
    code: Annotated[
        str, typer.Argument(help="The code of a rule, as in THR001, or of its family, as in THR.")
    ],
) -> None:
    """Say what a rule looks for, why it matters and what helps."""
    from hubkit.fix import run  # noqa: F401 - registers the fixes
    from hubkit.fix.registry import FIXERS
    from hubkit.validate.catalogue import explain as text

    changes = [
        fixer.title + (" (only with --unsafe-fixes)" if fixer.kind == "unsafe" else "")
        for fixer in FIXERS
        if fixer.code == fixer.finding == code.upper()
    ]
    Console().show(text(code.upper(), text_width(), changes=changes))
