"""What the steps of `action.yml` run: `python -I -m hubkit.validate.action`. Everything comes from the environment, so that no input meets a shell.

HUBKIT_TARGET and the other HUBKIT_ names are the action's inputs. Annotations go to stdout, where the runner reads them; the Markdown to GITHUB_STEP_SUMMARY;
report.json, report.sarif and report.html to a new folder in RUNNER_TEMP; their paths and the counts to GITHUB_OUTPUT. The exit code is that of `hubkit validate`.
"""

from __future__ import annotations

import os
import sys
import tempfile
import uuid
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from hubkit.errors import ExitCode, HubkitError, UsageError
from hubkit.release.writing import write_text
from hubkit.texts import printable
from hubkit.validate.base_ref import base_of, settle
from hubkit.validate.finding import Severity
from hubkit.validate.reporters import render
from hubkit.validate.reporters.markdown import escape
from hubkit.validate.request import STDIN, Answer, Request, answer

SUMMARY_LIMIT = 1 << 20
"""Bytes of GITHUB_STEP_SUMMARY in one step; one more, and GitHub shows none of it."""
WRITTEN = {"report-path": "json", "sarif-path": "sarif", "html-path": "html"}
"""Outputs that name a file, and its format."""
TRUTH = {"true": True, "false": False, "": False}


def main(environment: Mapping[str, str]) -> int:
    """Validate as `environment` says; the exit code. What is wrong with the inputs is an annotation, too."""
    outputs: dict[str, str] = {"errors": "", "warnings": "", **dict.fromkeys(WRITTEN, "")}
    try:
        found = answer(_held_to_base(request_of(environment), environment))
        code = found.report.exit_code(found.fail_on)
        outputs |= _write(found, environment)
        _say(render(found.report, "github", notes=found.notes))
    except HubkitError as error:
        code = error.exit_code
        hint = f"\nTry: {error.hint}" if error.hint else ""
        text = f"nothing was validated (exit code {code:d}: {MEANING[code]}): {error.message}"
        _say(f"::error title=hubkit::{_data(text + hint)}\n")
        if summary := environment.get("GITHUB_STEP_SUMMARY"):
            _append(Path(summary), f"## hubkit validate\n\n**{escape(text)}**\n")
    _output({"exit-code": str(int(code)), **outputs}, environment)
    return int(code)


MEANING = {
    ExitCode.FINDINGS: "findings",
    ExitCode.USAGE: "the inputs cannot be meant",
    ExitCode.NOTHING_FOUND: "nothing to check",
    ExitCode.INCOMPLETE: "incomplete",
}


def _held_to_base(request: Request, environment: Mapping[str, str]) -> Request:
    """On a pull request, with configuration and baseline as far as the base branch has them, too."""
    base = base_of(environment)
    if base is None:
        return request
    from hubkit.validate.config import find_config

    return replace(request, settled=settle(base, request.config or find_config(), request.baseline))


def request_of(environment: Mapping[str, str]) -> Request:
    """The inputs as a request. Raises UsageError."""
    value = {name: environment.get(f"HUBKIT_{name.upper()}", "") for name in INPUTS}
    if value["target"] in ("", STDIN):
        raise UsageError("target is empty", hint="a folder, OWNER/REPO or OWNER/REPO@revision")
    fail_on = value["fail_on"].strip()
    if fail_on and fail_on.upper() not in Severity.__members__:
        raise UsageError(f"fail-on is {fail_on!r}, expected error, warning or note")
    return Request(
        value["target"],
        select=_codes(value["select"]),
        ignore=_codes(value["ignore"]),
        deep=_truth("deep", value["deep"]),
        base_model=value["base_model"] or None,
        fail_on=Severity[fail_on.upper()] if fail_on else None,
        notes=_truth("notes", value["notes"]),
        baseline=Path(value["baseline"]) if value["baseline"] else None,
        config=Path(value["config"]) if value["config"] else None,
    )


INPUTS = ("target", "deep", "base_model", "select", "ignore", "fail_on", "notes", "baseline", "config")


def _codes(text: str) -> tuple[str, ...]:
    return tuple(code.strip().upper() for code in text.split(",") if code.strip())


def _truth(name: str, text: str) -> bool:
    found = TRUTH.get(text.strip().lower())
    if found is None:
        raise UsageError(f"{name} is {text!r}, expected true or false")
    return found


def _write(found: Answer, environment: Mapping[str, str]) -> dict[str, str]:
    """The files, and the outputs that name them."""
    folder = Path(tempfile.mkdtemp(prefix="hubkit-", dir=environment.get("RUNNER_TEMP") or None))
    paths = {name: folder / f"report.{kind}" for name, kind in WRITTEN.items()}
    for name, kind in WRITTEN.items():
        write_text(paths[name], render(found.report, kind, notes=found.notes))
    if summary := environment.get("GITHUB_STEP_SUMMARY"):
        _append(Path(summary), render(found.report, "markdown", notes=found.notes))
    return {
        "errors": str(found.report.count(Severity.ERROR)),
        "warnings": str(found.report.count(Severity.WARNING)),
        **{name: str(path) for name, path in paths.items()},
    }


def _append(path: Path, text: str) -> None:
    """To the summary, if there is room beside what an earlier part of the step wrote."""
    data = text.encode("utf-8", "backslashreplace")
    written = path.stat().st_size if path.exists() else 0
    if written + len(data) <= SUMMARY_LIMIT:
        with path.open("ab") as file:
            file.write(data)


def _output(outputs: Mapping[str, str], environment: Mapping[str, str]) -> None:
    """With a delimiter that nobody can guess, so that no value can end early and set another output."""
    path = environment.get("GITHUB_OUTPUT")
    if not path:
        return
    with Path(path).open("a", encoding="utf-8", newline="\n") as file:
        for name, value in outputs.items():
            mark = f"hubkit-{uuid.uuid4()}"
            file.write(f"{name}<<{mark}\n{value}\n{mark}\n")


def _data(text: str) -> str:
    """As the runner wants the text of a command: one line."""
    return printable(text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A"))


def _say(text: str) -> None:
    sys.stdout.buffer.write(text.encode("utf-8", "backslashreplace"))
    sys.stdout.flush()


if __name__ == "__main__":
    try:
        sys.exit(main(os.environ))
    except KeyboardInterrupt:
        sys.exit(int(ExitCode.INTERRUPTED))
