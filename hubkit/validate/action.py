"""The mode `validate` of `action.yml`. Everything comes from the environment, so that no input meets a shell.

HUBKIT_TARGET and the other HUBKIT_ names are the action's inputs. What is found is told as `hubkit.validate.runner` says; the exit code is that of
`hubkit validate`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from hubkit.errors import ExitCode, HubkitError, UsageError
from hubkit.validate.base_ref import base_of, settle
from hubkit.validate.finding import Severity
from hubkit.validate.request import STDIN, Request, answer
from hubkit.validate.runner import NO_REPORT, failed, output, publish_report

TRUTH = {"true": True, "false": False, "": False}


def main(environment: Mapping[str, str]) -> ExitCode:
    """Validate as `environment` says; the exit code. What is wrong with the inputs is an annotation, too."""
    outputs = dict(NO_REPORT)
    try:
        found = answer(_held_to_base(request_of(environment), environment))
        code = found.report.exit_code(found.fail_on)
        outputs |= publish_report(found.report, environment, notes=found.notes)
    except HubkitError as error:
        code = failed("validate", "nothing was validated", error, environment)
    output({"exit-code": str(int(code)), **outputs}, environment)
    return code


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
