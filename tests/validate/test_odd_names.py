"""Tensors of any name, through every reporter: what a file calls its tensors is text of somebody else's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from builders import FOLDER, tensors, view
from safetensors.numpy import save_file
from typer.testing import CliRunner

from hubkit.cli.main import app
from hubkit.repo.local import open_folder
from hubkit.validate.run import validate

NAMES = ["a/b", "kernel:0", "w[0]", "[bold]x", "Größe", "", "..", "../../x", "a\nb", "\x1b[31mred", "~1"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for path, data in view().files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(data)
    odd = {name: np.full(3, np.nan, np.float32) for name in NAMES}
    save_file({**tensors(), **odd}, tmp_path / FOLDER / "sae_weights.safetensors")
    return tmp_path


def test_they_are_extra_tensors_and_no_damage(folder: Path) -> None:
    found = validate(open_folder(folder)).findings
    assert {finding.code for finding in found if finding.severity.word == "error"} == {"WTS005"}
    deep = validate(open_folder(folder), deep=True).findings
    places = {finding.pointer for finding in deep if finding.code == "WTS011"}
    assert {"/a~1b", "/~01", "/", "/kernel:0"} <= places


@pytest.mark.parametrize("form", ["text", "json", "markdown", "github", "sarif"])
def test_no_reporter_passes_control_characters_on(folder: Path, form: str) -> None:
    told = CliRunner().invoke(app, ["validate", str(folder), "--format", form]).output
    assert "\x1b[31mred" not in told
    assert "kernel" in told
