"""The program as a person types it: exit codes, messages, where they go."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from builders import GONE, cfg, tensors, view


def hubkit(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "hubkit", *arguments],
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        cwd=cwd,
        timeout=120,
    )


def on_disk(folder: Path, repository: object) -> Path:
    for path, data in repository.files.items():  # type: ignore[attr-defined]
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    return folder


@pytest.fixture
def good(tmp_path: Path) -> Path:
    return on_disk(tmp_path / "good", view())


@pytest.fixture
def zero(tmp_path: Path) -> Path:
    values = tensors()
    values["threshold"] = values["threshold"] * 0
    return on_disk(tmp_path / "zero", view(weights=values))


def test_validate_clean_and_not(good: Path, zero: Path) -> None:
    assert hubkit("validate", str(good)).returncode == 0
    found = hubkit("validate", str(zero))
    assert found.returncode == 1
    assert "THR001" in found.stdout
    assert found.stderr == ""
    assert (
        json.loads(hubkit("validate", str(zero), "--format", "json").stdout)["findings"][0]["code"]
        == "THR001"
    )


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["validate", "does-not-exist"], 2, "no such folder"),
        (["diff"], 2, "Missing argument"),
        (["validate", ".", "--fail-on", "nonsense"], 2, "fail-on"),
        (["validate", ".", "--select", "ZZZ"], 2, "ZZZ"),
        (["validate", "."], 3, ""),
        (["nonsense"], 2, "nonsense"),
        (["explain", "THR999"], 2, "THR999"),
        (["run", "nope.yaml"], 2, "nope.yaml"),
        (["build-cards", "."], 2, "card.yaml"),
        (["fix", "nope"], 2, "nope"),
        (["audit", "nope-a", "nope-b"], 4, ""),
    ],
)
def test_bad_input_has_a_message_and_the_contracts_exit_code(
    tmp_path: Path, arguments: list[str], code: int, words: str
) -> None:
    done = hubkit(*arguments, cwd=tmp_path)
    assert done.returncode == code, done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_file_instead_of_a_folder(good: Path) -> None:
    done = hubkit("validate", str(good / "README.md"))
    assert done.returncode == 2
    assert f"hubkit validate {good}" in done.stderr


def test_every_verb_has_help_with_two_examples() -> None:
    verbs = [
        "demo",
        "validate",
        "audit",
        "explain",
        "rules",
        "fix",
        "run",
        "collect",
        "train",
        "evaluate",
        "build-cards",
        "push",
        "verify",
        "schema",
    ]
    for verb in verbs:
        done = hubkit(verb, "--help")
        assert done.returncode == 0, verb
        text = " ".join(done.stdout.split())
        assert text.count(f"hubkit {verb}") >= 3, verb  # usage and two examples
        assert "bool" not in text.lower(), verb  # `--deep`, not `--deep <bool>`
        assert "--help -h" in text, verb


def test_help_is_fast() -> None:
    """The budget is 0.25 s on a quiet machine (docs/benchmarks.md); here only that nothing heavy crept in."""
    best = min(_seconds() for _ in range(3))
    assert best < 1.5


def _seconds() -> float:
    begun = time.perf_counter()
    assert hubkit("--help").returncode == 0
    return time.perf_counter() - begun


def test_audit_ranks_and_counts(good: Path, zero: Path) -> None:
    done = hubkit("audit", str(good), str(zero), "--format", "json")
    assert done.returncode == 1
    rows = {row["target"]: row for row in json.loads(done.stdout)}
    assert rows[str(zero)]["never_learned"] == 1
    assert rows[str(zero)]["worst"] == "THR001"
    assert rows[str(good)]["error"] == 0


def test_validate_is_usable_on_many_kinds_of_wrong_at_once(tmp_path: Path) -> None:
    repository = view(cfg("topk", k=GONE, metadata={"sae_lens_version": GONE}), tensors("topk"), readme=None)
    found = hubkit("validate", str(on_disk(tmp_path / "bad", repository)))
    assert found.returncode == 1
    for code in ("CFG006", "CFG008", "CARD001"):
        assert code in found.stdout
