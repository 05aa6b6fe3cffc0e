"""`hubkit fix`"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hubkit.cli.options import Quiet, Select
from hubkit.console import Console

EPILOG = "Examples:  hubkit fix ./my-release --diff   ·   hubkit fix ./my-release --select CFG008"


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(epilog=EPILOG)(fix)


def fix(
    folder: Annotated[Path, typer.Argument(help="A folder that holds SAEs.")],
    select: Select = "",
    diff: Annotated[bool, typer.Option("--diff", help="Show what would change, and change nothing.")] = False,
    quiet: Quiet = False,
) -> None:
    """Mend in cfg.json what the weights prove; every fix is tried in memory first."""
    from hubkit.fix.run import apply_fix, plan_fixes
    from hubkit.repo.local import open_folder
    from hubkit.validate.reporters.text import escape

    console = Console(quiet=quiet)
    view = open_folder(folder)
    codes = tuple(code.strip().upper() for code in select.split(",") if code.strip())
    fixes, refused = plan_fixes(view, codes)
    for one in fixes:
        if diff:
            console.data(one.diff())
        else:
            apply_fix(view, one)
            console.show(f"[green]fixed[/] {escape(one.path)}  [dim]{', '.join(one.codes)}[/]")
    for other in refused:
        console.show(
            f"[yellow]left alone[/] {escape(other.path)}  {', '.join(other.codes)}: {escape(other.reason)}"
        )
    if not fixes and not refused:
        console.say("nothing that can be fixed safely")
