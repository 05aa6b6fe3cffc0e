"""`hubkit diff`"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hubkit.cli.options import Format, FormatOption, Quiet
from hubkit.console import Console
from hubkit.errors import ExitCode

if TYPE_CHECKING:
    from hubkit.validate.compare import Comparison, Difference

EPILOG = "Examples:  hubkit diff ./my-release OWNER/REPO   ·   hubkit diff OWNER/REPO@v1 OWNER/REPO@v2 --format json"
WIDEST = 60
"""Characters of a value that are shown."""


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(epilog=EPILOG)(diff)


def diff(
    a: Annotated[str, typer.Argument(help="A folder, OWNER/REPO or OWNER/REPO@revision.")],
    b: Annotated[str, typer.Argument(help="What it is compared with.")],
    deep: Annotated[
        bool, typer.Option("--deep", help="Read local weights of equal size whole and compare their sha256.")
    ] = False,
    format: FormatOption = Format.text,  # noqa: A002 - the option's name in the contract
    quiet: Quiet = False,
) -> None:
    """Say which SAEs came, went and changed from A to B, and in what. The exit code is 1 when something differs."""
    from hubkit.repo.deadline import DEEP_LIMIT, LIMIT, Deadline
    from hubkit.repo.target import open_target
    from hubkit.validate.compare import compare

    console = Console(quiet=quiet)
    with console.progress() as report:
        deadline = Deadline(DEEP_LIMIT if deep else LIMIT)
        one, other = open_target(a, deadline=deadline), open_target(b, deadline=deadline)
        found = compare(one, other, deep=deep, report=report)
    if format is Format.json:
        console.data(json.dumps(found.to_json(), indent=2, ensure_ascii=False, allow_nan=False))
    else:
        console.show(_text(found))
    code = ExitCode.INCOMPLETE if found.unread else ExitCode.CLEAN if found.equal else ExitCode.FINDINGS
    raise typer.Exit(int(code))


def _text(found: Comparison) -> str:
    from hubkit.validate.reporters.text import escape

    lines = [f"[bold]{escape(found.a)}[/] -> [bold]{escape(found.b)}[/]", ""]
    lines += [f"[green]+[/] {escape(sae_id)}" for sae_id in found.added]
    lines += [f"[red]-[/] {escape(sae_id)}" for sae_id in found.removed]
    for one in found.changed:
        lines.append(f"[yellow]~[/] {escape(one.sae_id)}")
        lines += [
            f"    [dim]{part:<9}[/] {escape(difference.pointer or '(whole)')}  {_change(difference)}"
            for part, differences in one.parts.items()
            for difference in differences
        ]
    lines += [f"[yellow]~[/] {escape(text)}" for text in found.files]
    lines += [f"[bold yellow]not read[/] {escape(reason)}" for reason in found.unread]
    return "\n".join([*lines, *([""] if len(lines) > 2 else []), _verdict(found)])


def _change(difference: Difference) -> str:
    from hubkit.validate.compare import ABSENT
    from hubkit.validate.reporters.text import escape

    old, new = difference.old, difference.new
    if old == ABSENT:
        return f"[green]+ {escape(_shown(new))}[/]"
    if new == ABSENT:
        return f"[red]- {escape(_shown(old))}[/]"
    return f"{escape(_shown(old))} -> {escape(_shown(new))}"


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= WIDEST else text[: WIDEST - 3] + "..."


def _verdict(found: Comparison) -> str:
    counts = [
        (len(found.added), "added"),
        (len(found.removed), "removed"),
        (len(found.changed), "changed"),
        (found.same, "the same"),
    ]
    parts = ", ".join(f"{count} {word}" for count, word in counts if count)
    caveat = (
        ""
        if found.by_content
        else "  [dim]weights of equal size compared by header and threshold; --deep reads them[/]"
    )
    head = "[bold green]equal[/]" if found.equal else "[bold]different[/]"
    return f"{head}: {parts or 'no SAEs'}{caveat}"
