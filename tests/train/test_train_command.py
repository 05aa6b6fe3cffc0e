"""`hubkit train` as it is typed: exit codes, and the command in failed.json, typed again."""

from __future__ import annotations

import json
import shlex
import sys
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from typer.testing import CliRunner, Result

from hubkit.cli.main import app
from hubkit.errors import HubkitError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hubkit.release.pool import PoolManifest

pytestmark = pytest.mark.train

STUDY: dict[str, Any] = {
    "name": "tiny",
    "collect": {
        "model": "some/model",
        "model_name": "some/model",
        "scenarios": [{"scenario_id": "a", "prompt": "Q:"}],
        "samples": 8,
        "max_new_tokens": 4,
        "labels": ["deceptive", "honest"],
        "judge": {"kind": "keyword", "keywords": {"honest": ["yes"], "deceptive": ["no"]}, "within": 3, "unit": "words"},
        "layers": [2],
    },
    "grid": {
        "prefix": "t",
        "architectures": {"topk": {"d_sae": 16, "k": 2, "steps": 5}},
        "conditions": ["mixed", "honest_only"],
    },
    "card": {"repo_id": "o/r", "base_model": "some/model", "license": "mit"},
}  # fmt: skip


@pytest.fixture
def study(tmp_path: Path, make_pool: Callable[..., PoolManifest]) -> Path:
    """A study file whose pool is there."""
    make_pool(tmp_path / "work" / "tiny" / "activations", 40, 8)
    path = tmp_path / "study.yaml"
    path.write_text(yaml.safe_dump(STUDY), encoding="utf-8")
    return path


def typed(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def test_everything_then_nothing(study: Path) -> None:
    first = typed("train", str(study), "--workers", "1")
    assert first.exit_code == 0, first.output
    assert "11 SAEs trained, 0 were there" in first.stderr
    assert first.stdout.strip() == str(study.parent / "tiny")
    again = typed("train", str(study), "--workers", "1")
    assert "0 SAEs trained, 11 were there" in again.stderr


@pytest.mark.parametrize(
    ("more", "count"),
    [(["--folds", "0"], 2), (["--rows-only"], 6), (["--shard", "1/2"], 6), (["--shard", "2/2"], 5)],
)
def test_how_many_are_trained(study: Path, more: list[str], count: int) -> None:
    done = typed("train", str(study), "--workers", "1", *more)
    assert f"{count} SAEs trained" in done.stderr


def test_strict_fails_on_a_warning_and_only_then(study: Path) -> None:
    clean = typed("train", str(study), "--workers", "1", "--folds", "0", "--strict")
    assert clean.exit_code == 0, clean.stderr
    grid = STUDY["grid"] | {"architectures": {"jumprelu": {"d_sae": 16, "k": 2, "steps": 5}}}
    study.write_text(yaml.safe_dump(STUDY | {"grid": grid}), encoding="utf-8")
    strict = typed("train", str(study), "--workers", "1", "--folds", "0", "--strict")
    assert "warning t_jumprelu_L2_mixed" in strict.stderr
    assert strict.exit_code == 1
    assert "--strict was asked for" in strict.stderr
    assert typed("train", str(study), "--workers", "1", "--folds", "0").exit_code == 0


def test_the_command_in_failed_json_can_be_typed(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from hubkit.train import finishing

    with monkeypatch.context() as broken:
        broken.setattr(finishing, "read_back", lambda *_: (_ for _ in ()).throw(HubkitError("not today")))
        failed = typed("train", str(study), "--workers", "1", "--rows-only")
    assert isinstance(failed.exception, HubkitError)
    record = json.loads((study.parent / "work" / "tiny" / "failed.json").read_text(encoding="utf-8"))
    assert len(record["failed"]) == 6
    if sys.platform == "win32":
        return
    program, *arguments = shlex.split(record["command"])
    assert program == "hubkit"
    again = typed(*arguments, "--workers", "1")
    assert "6 SAEs trained, 0 were there" in again.stderr


def test_what_means_nothing_is_refused(study: Path, tmp_path: Path) -> None:
    for arguments in (
        ["--shard", "3/2"],
        ["--folds", "7"],
        ["--device", "abacus"],
        ["--only", str(tmp_path / "none.json")],
    ):
        assert isinstance(typed("train", str(study), *arguments).exception, UsageError), arguments
