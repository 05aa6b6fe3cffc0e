"""`hubkit reproduce`"""

from __future__ import annotations

import math
import tempfile
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hubkit.cli.options import Format, FormatOption, Quiet
from hubkit.cli.stages import DEFAULT_WORKERS, Workers
from hubkit.console import Console
from hubkit.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hubkit.evaluate.reproduce import Reproduction
    from hubkit.study.retrain import Retrained

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
    retrain: Annotated[
        bool,
        typer.Option(
            "--retrain", help="First train the SAEs of the folds and controls again, and the release's own."
        ),
    ] = False,
    folder: Annotated[
        Path | None,
        typer.Option(
            "--folder", help="With --retrain: where these are kept, so that another run goes on there."
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

    if folder is not None and not retrain:
        raise UsageError("--folder without --retrain keeps nothing", hint="hubkit reproduce --help")
    console = Console(quiet=quiet)
    trained = None
    with _release(target) as release, _kept(folder) as kept, console.progress() as report:
        if retrain:
            from hubkit.study.retrain import retrain as train_again

            trained = train_again(release, kept, workers=workers, report=report)
        found = computed(
            release,
            beside=kept / "work" if retrain else None,
            tolerance=TOLERANCE if tolerance is None else tolerance,
            workers=workers,
            report=report,
        )
    if format is Format.json:
        console.data(json.dumps(_json(target, found, trained), indent=2, ensure_ascii=False))
    else:
        _show(console, found, trained)
    raise typer.Exit(int(ExitCode.CLEAN if found.ok else ExitCode.FINDINGS))


@contextmanager
def _kept(folder: Path | None) -> Iterator[Path]:
    """The folder, or one that goes again."""
    if folder is not None:
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="hubkit-retrain-", ignore_cleanup_errors=True) as scratch:
        yield Path(scratch)


@contextmanager
def _release(target: str) -> Iterator[Path]:
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


def _show(console: Console, found: Reproduction, trained: Retrained | None) -> None:
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
    if trained is not None:
        off = (
            ""
            if trained.identical == trained.saes
            else f", the others within {trained.furthest:.1g} of a tensor's largest weight"
        )
        console.show(
            f"trained again: {trained.saes} SAEs of the release, {trained.identical} of them the same in every bit{off}; {trained.beside} of folds, controls and other seeds"
        )
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


def _finite(number: float) -> float | None:
    """JSON knows no infinity."""
    return number if math.isfinite(number) else None


def _json(target: str, found: Reproduction, trained: Retrained | None) -> dict[str, Any]:
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
        "retrained": trained and asdict(trained) | {"furthest": _finite(trained.furthest)},
        "came_back": [one.place for one in found.entries if one.status in {"exact", "close"}],
    }
