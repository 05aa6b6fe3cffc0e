"""`examples/` is what its script makes, and says what the README prints of it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

from hubkit.adopt.adoption import adopt
from hubkit.repo.local import open_folder

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples"


def texts(folder: Path) -> dict[str, str]:
    """Everything below it but the weights."""
    return {
        path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix != ".safetensors"
    }


def test_the_examples_are_what_their_script_makes(tmp_path: Path) -> None:
    """When this fails: python examples/make.py"""
    subprocess.run([sys.executable, EXAMPLES / "make.py", tmp_path], check=True, capture_output=True)
    for name in ("broken", "repaired"):
        assert texts(tmp_path / name) == texts(EXAMPLES / name)
        made = {
            path.relative_to(tmp_path / name): load_file(path)
            for path in (tmp_path / name).rglob("*.safetensors")
        }
        assert len(made) == 3
        for path, tensors in made.items():
            kept = load_file(EXAMPLES / name / path)
            assert kept.keys() == tensors.keys()
            assert all(np.allclose(kept[key], tensors[key]) for key in kept)


def test_adopt_points_at_the_limitation_that_tells_what_the_card_did_not() -> None:
    found = adopt(open_folder(EXAMPLES / "broken"), {"repo_id": "example-lab/smollm2-deception-saes"})
    assert found is not None
    (row,) = [one for one in found.differences if one.code == "CARD010"]
    assert ": - **Every threshold is 0: this JumpReLU computes a plain ReLU.**" in row.now
    assert row.outcome == "added"


def judged(name: str) -> tuple[int, list[dict]]:
    """Exit code and findings."""
    command = [
        sys.executable,
        "-m",
        "hubkit",
        "validate",
        f"examples/{name}",
        "--no-config",
        "--format",
        "json",
    ]
    done = subprocess.run(command, check=False, cwd=ROOT, capture_output=True, text=True, encoding="utf-8")
    return done.returncode, json.loads(done.stdout)["findings"]


def test_the_broken_one_shows_the_defects_and_the_repaired_one_none() -> None:
    code, findings = judged("broken")
    assert code == 1
    errors = {one["code"] for one in findings if one["severity"] == "error"}
    assert errors == {"THR001", "CFG006", "CARD004", "CARD005", "CARD006", "CARD010", "CARD018"}
    code, findings = judged("repaired")
    assert (code, {one["code"] for one in findings}) == (0, {"EVL001"})


def test_the_readme_prints_what_the_command_prints() -> None:
    command = [sys.executable, "-m", "hubkit", "validate", "examples/broken", "--no-config"]
    done = subprocess.run(
        command,
        check=False,
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "120"},
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    block = readme.split("$ hubkit validate examples/broken\n", 1)[1].split("\n```", 1)[0].splitlines()
    printed = [line.rstrip() for line in done.stdout.splitlines()]
    for line in block:
        if line.strip() == "..." or line.startswith("read "):
            continue
        assert line in printed
    read, told = (
        [match.group(1) for line in lines if (match := re.match(r"(read \d+ kB of 453 kB), ", line))]
        for lines in (printed, block)
    )
    assert read == told
    assert len(read) == 1
