"""What the demo says at its end can be typed as it stands."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from hubkit.study.demo_summary import _places


@pytest.mark.parametrize("name", ["demo", "my demo"])
def test_each_command_names_what_is_there_from_where_it_is_read(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    release = folder / "release"
    release.mkdir(parents=True)
    (folder / "hub").mkdir()
    (folder / "study.yaml").write_text("", encoding="utf-8")
    report = SimpleNamespace(saes=[])
    demo: Any = SimpleNamespace(
        folder=folder,
        naive=folder,
        clean_report=report,
        outcome=SimpleNamespace(
            folders=SimpleNamespace(release=release), pool=SimpleNamespace(folds=["fold0"], rows=[])
        ),
    )
    commands = [
        found[1]
        for _, what in _places(demo)
        if (found := re.search(r"hubkit (.*?)(?: finds it done.*)?$", what))
    ]
    assert len(commands) == 2
    assert all(
        Path(re.sub(r"^(?:hub serve|run --rows-only) ", "", command).strip('"')).exists()
        for command in commands
    )
    assert all(('"' in command) == (" " in name) for command in commands)
