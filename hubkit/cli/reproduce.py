"""`hubkit reproduce`"""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hubkit.cli.options import Format, FormatOption, Quiet
from hubkit.cli.stages import DEFAULT_WORKERS, Workers
from hubkit.console import Console
from hubkit.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hubkit.evaluate.reproduce import Reproduction

EPILOG = (
    "Examples:  hubkit reproduce OWNER/NAME   ·   hubkit reproduce ./release --tolerance 1e-4 --format json"
)
MOST_SHOWN = 20
"""Numbers of one kind that the table names; `--format json` has all."""
TITLES = {
    "exact": "come back, every digit",
    "close": "come back, within the tolerance",
    "differs": "do not come back",
    "cannot": "cannot be computed again",
}


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(epilog=EPILOG)(reproduce)


def reproduce(
    target: Annotated[
        str, typer.Argument(metavar="OWNER/REPO[@REVISION]|FOLDER", help="A release with its pool.")
    ],
    tolerance: Annotated[
        float | None,
        typer.Option(
            "--tolerance", min=0, help="How far a number may be off, relative to it (below 1: absolute)."
        ),
    ] = None,
    workers: Workers = DEFAULT_WORKERS,
    format: FormatOption = Format.text,  # noqa: A002 - the option's name in the contract
    quiet: Quiet = False,
) -> None:
    """Compute every number of evaluation.json again from the release's own files, and say which come back."""
    import json

    from hubkit.evaluate.reproduce import TOLERANCE
    from hubkit.evaluate.reproduce import reproduce as computed

    console = Console(quiet=quiet)
    with _folder(target) as folder, console.progress() as report:
        found = computed(
            folder, tolerance=TOLERANCE if tolerance is None else tolerance, workers=workers, report=report
        )
    if format is Format.json:
        console.data(json.dumps(_json(target, found), indent=2, ensure_ascii=False))
    else:
        _show(console, found)
    raise typer.Exit(int(ExitCode.CLEAN if found.ok else ExitCode.FINDINGS))


@contextmanager
def _folder(target: str) -> Iterator[Path]:
    """The release as a folder: what is needed of a repository is fetched into one that goes again. Raises HubkitError."""
    from hubkit.repo.target import HUB, open_target

    path, match = Path(target), HUB.fullmatch(target)
    if path.exists() or match is None:
        open_target(target)  # says what is wrong with a path
        yield path
        return
    from huggingface_hub.utils import disable_progress_bars

    from hubkit.evaluate.reproduce import FILES
    from hubkit.publish.client import client
    from hubkit.publish.errors import hub_errors

    disable_progress_bars()
    with tempfile.TemporaryDirectory(prefix="hubkit-reproduce-", ignore_cleanup_errors=True) as scratch:
        with hub_errors(match["repo"]):
            # the client's cache would give links, and links that lead out of a folder are not followed
            client().snapshot_download(
                match["repo"], revision=match["revision"], allow_patterns=list(FILES), local_dir=scratch
            )
        yield Path(scratch)


def _show(console: Console, found: Reproduction) -> None:
    from rich.markup import escape
    from rich.table import Table

    from hubkit.evaluate.numbers import largest

    table = Table(box=None, pad_edge=False)
    for title in ("", "entries", "numbers"):
        table.add_column(title, justify="left" if not title else "right")
    for status, title in TITLES.items():
        several = found.of(status)
        table.add_row(title, f"{len(several):,}", f"{sum(one.numbers for one in several):,}")
    console.show(table)
    if found.of("close"):
        console.show(f"[dim]furthest of those within {found.tolerance:g}: {largest(found.entries):.1g}[/]")
    differing = found.of("differs")
    for one in differing[:MOST_SHOWN]:
        console.show(f"[bold red]differs[/] {escape(one.place)}: {escape(one.why)}")
    if len(differing) > MOST_SHOWN:
        console.show(f"and {len(differing) - MOST_SHOWN:,} more: --format json")
    for why, places in _by_reason(found).items():
        more = f" and {len(places) - 3:,} more" if len(places) > 3 else ""
        console.show(f"[yellow]cannot[/]  {escape('; '.join(places[:3]))}{more}: {escape(why)}")


def _by_reason(found: Reproduction) -> dict[str, list[str]]:
    reasons: dict[str, list[str]] = {}
    for one in found.of("cannot"):
        reasons.setdefault(one.why, []).append(one.place)
    return reasons


def _json(target: str, found: Reproduction) -> dict[str, Any]:
    from hubkit.evaluate.numbers import largest

    return {
        "target": target,
        "ok": found.ok,
        "computed_by": found.hubkit_version,
        "tolerance": found.tolerance,
        "furthest": largest(found.entries),
        "counts": {status: len(found.of(status)) for status in TITLES},
        "differs": [
            {
                "place": one.place,
                "why": one.why,
                "numbers": {name: list(both) for name, both in one.details.items()},
            }
            for one in found.of("differs")
        ],
        "cannot": [{"why": why, "places": places} for why, places in _by_reason(found).items()],
        "came_back": [one.place for one in found.entries if one.status in {"exact", "close"}],
    }
