"""`hubkit audit`"""

from __future__ import annotations

import sys
from dataclasses import replace
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hubkit.cli.options import FailOn, FailOnOption, Ignore, Quiet, Select, codes
from hubkit.console import Console

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from huggingface_hub import HfApi

    from hubkit.audit.run import Options
    from hubkit.audit.store import Store
    from hubkit.validate.selection import Selection

EPILOG = (
    "Examples:  hubkit audit ./release-a OWNER/REPO OWNER/OTHER@main   ·   hubkit audit OWNER --since last   ·   "
    "hubkit audit --filter library=saelens --format csv --output saes.csv   ·   hubkit audit --from ids.txt"
)
TARGETS = "Folders, OWNER/REPO[@revision], OWNER for all its models, collection:SLUG."
LINES_AT_ONCE = 200


class AuditFormat(StrEnum):
    """How the table is written."""

    text = "text"
    json = "json"
    csv = "csv"
    markdown = "markdown"
    html = "html"


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(epilog=EPILOG)(audit)


def audit(
    targets: Annotated[list[str] | None, typer.Argument(help=TARGETS, show_default=False)] = None,
    from_file: Annotated[
        str, typer.Option("--from", metavar="FILE", help="More targets, one a line, # comments; - for stdin.")
    ] = "",
    search: Annotated[
        str, typer.Option("--search", metavar="WORDS", help="Models with this in their name; narrows OWNER.")
    ] = "",
    filter: Annotated[  # noqa: A002 - the option's name in the contract
        list[str] | None,
        typer.Option(
            "--filter",
            metavar="KEY=VALUE",
            help="Models with this library, tag, base_model, license, dataset, author; narrows OWNER.",
        ),
    ] = None,
    store: Annotated[
        Path | None,
        typer.Option(
            "--store",
            metavar="FILE",
            help="Keep what was read here.  \\[default: hubkit-audit.sqlite for the Hub, nothing for folders]",
        ),
    ] = None,
    since: Annotated[
        str,
        typer.Option(
            "--since",
            metavar="DATE|last",
            help="Only what changed since a day, or since the last finished audit.",
        ),
    ] = "",
    refresh: Annotated[bool, typer.Option("--refresh", help="Read again what the store knows.")] = False,
    jobs: Annotated[int, typer.Option("--jobs", "-j", min=1, max=64, help="Repositories at a time.")] = 4,
    timeout: Annotated[
        float | None,
        typer.Option(
            "--timeout",
            metavar="SECONDS",
            min=1,
            help="Give up on a repository after this long; waiting for the rate limit does not count.  \\[default: 600]",
        ),
    ] = None,
    select: Select = "",
    ignore: Ignore = "",
    config: Annotated[
        Path | None,
        typer.Option("--config", metavar="FILE", help="Rules by this hubkit.toml; none is looked for."),
    ] = None,
    fail_on: FailOnOption = FailOn.error,
    format: Annotated[  # noqa: A002 - the option's name in the contract
        AuditFormat, typer.Option("--format", "-f", help="How the table is written.")
    ] = AuditFormat.text,
    reports: Annotated[
        bool, typer.Option("--reports", help="With --format json: every row's whole report too.")
    ] = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write to FILE, not to stdout.")
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option("--html", metavar="FILE", help="Write the page for a browser too, whatever the format."),
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Validate many folders or repositories, worst first. What was read is kept: an audit that was stopped goes on where it stopped."""
    from hubkit.audit.across import disagreements
    from hubkit.audit.ranking import totals
    from hubkit.audit.run import audit as run
    from hubkit.audit.run import selection
    from hubkit.audit.targets import sources
    from hubkit.errors import UsageError

    typed = [
        *(targets or []),
        *(f"--filter {one}" for one in filter or []),
        *([f"--search {search}"] if search else []),
    ]
    if not typed and not from_file:
        raise UsageError(
            "there is nothing to audit", hint="hubkit audit OWNER, or hubkit audit --filter library=saelens"
        )
    if reports and format is not AuditFormat.json:
        raise UsageError("--reports is part of JSON", hint="--format json --reports")
    console = Console(quiet=quiet)
    wanted = sources(_all(targets or [], from_file), search, filter or [])
    options = _options(selection(codes(select), codes(ignore), config), jobs, since, refresh=refresh)
    if timeout is not None:
        options = replace(options, timeout=timeout)
    try:
        with console.progress() as report:
            found = run(wanted, _api(), store, options, targets=[*typed, from_file], report=report)
    except KeyboardInterrupt:
        console.say("stopped; the same command goes on from here")
        raise
    try:
        _write(found, "reports" if reports else format.value, output, console)
        if html is not None:
            _write(found, AuditFormat.html, html, console)
        found.finish()
        across = any(True for _ in disagreements(found))
        code = totals(found).exit_code(fail_on.severity(), contradictions=across)
    finally:
        found.close()
    raise typer.Exit(int(code))


def _api() -> HfApi:
    from huggingface_hub import HfApi
    from huggingface_hub.utils import logging

    logging.set_verbosity_error()  # type: ignore[no-untyped-call]  # its retries; what fails in the end is a row
    return HfApi(library_name="hubkit")


def _options(selection: Selection, jobs: int, since: str, *, refresh: bool) -> Options:
    from hubkit.audit.run import Options
    from hubkit.audit.targets import parse_since

    moment = parse_since(since) if since else None
    return Options(selection, jobs, moment, bool(since) and moment is None, refresh)


def _all(targets: Iterable[str], from_file: str) -> Iterator[str]:
    """The arguments, then the lines of the file, which is never whole in memory."""
    from hubkit.audit.targets import lines_of
    from hubkit.errors import UsageError

    yield from targets
    if from_file == "-":
        yield from lines_of(sys.stdin)
    elif from_file:
        try:
            with Path(from_file).open(encoding="utf-8-sig") as lines:
                yield from lines_of(lines)
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"--from {from_file}: cannot be read: {error}") from error


def _write(found: Store, format: str, output: Path | None, console: Console) -> None:  # noqa: A002
    from hubkit.audit.output import pieces

    if output is not None:
        _write_file(found, format, output)
        console.say(f"written to {output}")
        return
    lines = pieces(found, format)
    while several := "".join(islice(lines, LINES_AT_ONCE)):
        if format == AuditFormat.text:
            console.show(several.removesuffix("\n"))
        else:
            sys.stdout.write(several)


def _write_file(found: Store, format: str, output: Path) -> None:  # noqa: A002
    """In one step: what was at `output` stays until the new table is whole."""
    from hubkit.audit.output import pieces
    from hubkit.release.writing import answering
    from hubkit.validate.reporters.text import without_markup

    plain = without_markup if format == AuditFormat.text else str
    with answering(output) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(plain(piece) for piece in pieces(found, format))
