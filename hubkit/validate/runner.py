"""What a step of `action.yml` says to GitHub's runner: annotations on stdout, Markdown to GITHUB_STEP_SUMMARY, outputs to GITHUB_OUTPUT, reports to RUNNER_TEMP."""

from __future__ import annotations

import sys
import tempfile
import uuid
from collections.abc import Mapping
from pathlib import Path

from hubkit.errors import ExitCode, HubkitError
from hubkit.release.writing import write_text
from hubkit.texts import printable
from hubkit.validate.finding import Severity
from hubkit.validate.report import Report
from hubkit.validate.reporters import render
from hubkit.validate.reporters.markdown import escape

SUMMARY_LIMIT = 1 << 20
"""Bytes of GITHUB_STEP_SUMMARY in one step; one more, and GitHub shows none of it."""
WRITTEN = {"report-path": "json", "sarif-path": "sarif", "html-path": "html"}
"""Outputs that name a file, and its format."""
NO_REPORT = {"errors": "", "warnings": "", **dict.fromkeys(WRITTEN, "")}
"""The outputs of a step that has no report."""
MEANING = {
    ExitCode.FINDINGS: "findings",
    ExitCode.USAGE: "the inputs cannot be meant",
    ExitCode.NOTHING_FOUND: "nothing to check",
    ExitCode.INCOMPLETE: "incomplete",
}


def failed(verb: str, what: str, error: HubkitError, environment: Mapping[str, str]) -> ExitCode:
    """Tell the error as annotation and in the summary; its exit code. `what` came of it: "nothing was validated"."""
    code = error.exit_code
    hint = f"\nTry: {error.hint}" if error.hint else ""
    text = f"{what} (exit code {code:d}: {MEANING[code]}): {error.message}"
    annotate(text + hint)
    summarise(f"## hubkit {verb}\n\n**{escape(text)}**\n", environment)
    return code


def annotate(text: str) -> None:
    """An error of the whole step."""
    say(f"::error title=hubkit::{_data(text)}\n")


def publish_report(report: Report, environment: Mapping[str, str], *, notes: bool = False) -> dict[str, str]:
    """Annotations, the summary and the files of a report; the outputs that count and name them."""
    folder = Path(tempfile.mkdtemp(prefix="hubkit-", dir=environment.get("RUNNER_TEMP") or None))
    paths = {name: folder / f"report.{kind}" for name, kind in WRITTEN.items()}
    for name, kind in WRITTEN.items():
        write_text(paths[name], render(report, kind, notes=notes))
    summarise(render(report, "markdown", notes=notes), environment)
    say(render(report, "github", notes=notes))
    return {
        "errors": str(report.count(Severity.ERROR)),
        "warnings": str(report.count(Severity.WARNING)),
        **{name: str(path) for name, path in paths.items()},
    }


def summarise(text: str, environment: Mapping[str, str]) -> None:
    """To the summary, if there is one, and room beside what an earlier part of the step wrote."""
    if not environment.get("GITHUB_STEP_SUMMARY"):
        return
    path = Path(environment["GITHUB_STEP_SUMMARY"])
    data = text.encode("utf-8", "backslashreplace")
    written = path.stat().st_size if path.exists() else 0
    if written + len(data) <= SUMMARY_LIMIT:
        with path.open("ab") as file:
            file.write(data)


def output(outputs: Mapping[str, str], environment: Mapping[str, str]) -> None:
    """With a delimiter that nobody can guess, so that no value can end early and set another output. Of two values of a name the later holds."""
    path = environment.get("GITHUB_OUTPUT")
    if not path:
        return
    with Path(path).open("a", encoding="utf-8", newline="\n") as file:
        for name, value in outputs.items():
            mark = f"hubkit-{uuid.uuid4()}"
            file.write(f"{name}<<{mark}\n{value}\n{mark}\n")


def say(text: str) -> None:
    """To stdout, where the runner reads commands."""
    sys.stdout.buffer.write(text.encode("utf-8", "backslashreplace"))
    sys.stdout.flush()


def _data(text: str) -> str:
    """As the runner wants the text of a command: one line."""
    return printable(text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A"))
