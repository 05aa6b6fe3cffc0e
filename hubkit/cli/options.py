"""Options that several verbs share, and what they mean."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from hubkit.errors import UsageError

if TYPE_CHECKING:
    from hubkit.validate.finding import Severity
    from hubkit.validate.selection import Selection


class FailOn(StrEnum):
    """The lowest severity that makes the exit code 1."""

    error = "error"
    warning = "warning"
    note = "note"

    def severity(self) -> Severity:
        """As the validator counts it."""
        from hubkit.validate.finding import Severity

        return Severity[self.name.upper()]


class Format(StrEnum):
    """How the answer is written to stdout."""

    text = "text"
    json = "json"


class ReportFormat(StrEnum):
    """How a validation report is written."""

    text = "text"
    json = "json"
    sarif = "sarif"
    github = "github"
    markdown = "markdown"
    html = "html"


Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", help="No progress and no talk; stdout still has the answer.")
]
Select = Annotated[
    str,
    typer.Option("--select", metavar="CODES", help="Only these rules: codes or prefixes, comma-separated."),
]
Ignore = Annotated[
    str, typer.Option("--ignore", metavar="CODES", help="Not these rules; the report names them.")
]
Timeout = Annotated[
    float | None,
    typer.Option(
        "--timeout",
        metavar="SECONDS",
        min=1,
        help="Give up on the Hub after this long; what was found by then is told.  \\[default: 600; more with --deep]",
    ),
]
FailOnOption = Annotated[
    FailOn, typer.Option("--fail-on", help="The lowest severity that makes the exit code 1.")
]
FormatOption = Annotated[Format, typer.Option("--format", "-f", help="How the answer is written.")]


def codes(text: str) -> tuple[str, ...]:
    """`thr, CFG004` as the tuple of codes and prefixes it stands for."""
    return tuple(code.strip().upper() for code in text.split(",") if code.strip())


def allowed(codes: list[str], reasons: list[str]) -> dict[str, str]:
    """Each `--allow CODE` with its `--reason`; one reason may be that of all. Raises UsageError."""
    if len(reasons) not in {len(codes), 1}:
        raise UsageError(
            f"{len(codes)} --allow and {len(reasons)} --reason: each exception needs its reason",
            hint='--allow THR001 --reason "kept for comparison"',
        )
    given = reasons if len(reasons) == len(codes) else reasons * len(codes)
    return {code.strip().upper(): text for code, text in zip(codes, given, strict=True)}


def selection(select: str, ignore: str) -> Selection:
    """The rules that `--select` and `--ignore` leave."""
    from hubkit.validate.selection import Selection

    return Selection(codes(select), codes(ignore))


def text_width() -> int:
    """Columns to break lines at: those of the terminal, but no more than one reads with ease."""
    import shutil

    return min(shutil.get_terminal_size(fallback=(121, 24)).columns - 1, 120)
