"""`failed.json`: what did not come out, why, and what to type to try just that again."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from typing import TYPE_CHECKING, Literal

from pydantic import Field, ValidationError

from hubkit.errors import UsageError
from hubkit.release.model import Artefact

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from hubkit.engine.work import Failure
    from hubkit.train.unit import TrainingUnit


class FailedUnit(Artefact):
    """One SAE that did not come out."""

    sae_id: str
    draw: str
    digest: str
    """The unit's content address: it is this unit that `--only` tries again, and no other of the same name."""
    message: str
    hint: str | None


class Failures(Artefact):
    """Of one run; not there when nothing failed."""

    schema_: Literal["urn:hubkit:failed:1"] = Field(default="urn:hubkit:failed:1", alias="$schema")
    command: str
    """Tries these again, and only these."""
    failed: list[FailedUnit]


def write_failures(
    path: Path, failures: Sequence[Failure], units: Sequence[TrainingUnit], command: Sequence[str]
) -> str:
    """Write `path` and return what to type to try just those again: `command` with `--only <path>`.

    When nothing failed, remove the file of an earlier run. Raises OSError when it cannot be written.
    """
    again = as_typed([*command, "--only", str(path)])
    if not failures:
        path.unlink(missing_ok=True)
        return again
    of_key = {unit.key: unit for unit in units}
    failed = [
        FailedUnit(
            sae_id=(unit := of_key[failure.key]).spec.sae_id,
            draw=unit.draw,
            digest=unit.digest,
            message=failure.message,
            hint=failure.hint,
        )
        for failure in failures
    ]
    Failures(command=again, failed=failed).save(path)
    return again


def read_failures(path: Path) -> set[str]:
    """The digests of the units that `path` names. Raises UsageError when it is no failed.json."""
    try:
        return {one.digest for one in Failures.model_validate_json(path.read_bytes()).failed}
    except (OSError, ValidationError, json.JSONDecodeError) as error:
        raise UsageError(
            f"{path}: not a failed.json: {error}", hint="hubkit train STUDY.yaml writes one"
        ) from error


def as_typed(command: Sequence[str]) -> str:
    """`command` quoted as this platform's shell wants it."""
    return subprocess.list2cmdline(command) if sys.platform == "win32" else shlex.join(command)
