"""`hubkit audit` as a person types it, against a local Hub."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from audit.conftest import Place
from audit.repositories import OWNER, publish, sae_files

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning", "ignore::UserWarning")


@pytest.fixture
def shelf(place: Place) -> Place:
    for name, zero in (("a", 2), ("b", 0)):
        publish(place.api, f"{OWNER}/{name}", sae_files(3, zero))
    return place


def run(place: Place, cwd: Path, *arguments: str, stdin: str | None = None) -> tuple[int, str, str]:
    with place.start(cwd, *arguments) as process:
        out, err = process.communicate(stdin, timeout=120)
    assert "Traceback" not in err, err
    return process.returncode, out, err


def test_the_table_the_progress_and_the_second_run(shelf: Place, tmp_path: Path) -> None:
    code, out, err = run(shelf, tmp_path, OWNER)
    assert code == 1
    head, first, second, *rest = out.splitlines()
    assert head.split()[:2] == ["repository", "SAEs"]
    assert first.split()[:3] + first.split()[4:5] == ["lab/a", "3", "2", "THR001"]
    assert "2 of 2 (100 %)" in first
    assert first.split()[-1] == str(shelf.api.model_info("lab/a").sha)[:8]
    assert second.split()[0] == "lab/b"
    assert "6 SAEs in 2 of 2" in "".join(rest)
    assert "kB an SAE" in "".join(rest)
    assert "audit      2/2" in err
    assert "requests" in err
    code, out, err = run(shelf, tmp_path, OWNER, "--quiet", "--since", "last")
    assert (code, err) == (0, "")
    assert "nothing changed" in out
    assert [path.name for path in tmp_path.iterdir() if "audit" in path.name] == ["hubkit-audit.sqlite"]


def test_formats_files_and_stdin(shelf: Place, tmp_path: Path) -> None:
    ids, store = "lab/a  # the bad one\nlab/b\nlab/a\n", str(tmp_path / "own.sqlite")
    (tmp_path / "ids.txt").write_text(ids, encoding="utf-8")
    target = tmp_path / "table.csv"
    code, out, err = run(
        shelf, tmp_path, "--from", "ids.txt", "--store", store, "--format", "csv", "--output", str(target)
    )
    assert (code, out) == (1, "")
    assert f"written to {target.name}" in err.replace(str(tmp_path) + "/", "")
    rows = list(csv.DictReader(io.StringIO(target.read_text(encoding="utf-8"))))
    assert [(row["target"], row["error"]) for row in rows] == [("lab/a", "2"), ("lab/b", "0")]
    code, out, _ = run(
        shelf, tmp_path, "--from", "-", "--store", store, "--format", "json", "--reports", stdin=ids
    )
    found = json.loads(out)
    assert [(row["target"], row["read_now"]) for row in found] == [("lab/a", False), ("lab/b", False)]
    assert found[0]["report"]["summary"]["error"] == 2
    code, out, _ = run(shelf, tmp_path, "lab/a", "--store", store, "--format", "markdown", "--quiet")
    assert out.splitlines()[2].startswith("| lab/a | 3 | 2 |")
    assert not (tmp_path / "hubkit-audit.sqlite").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "nothing to audit"),
        (["x", "--since", "soon"], "soon"),
        (["x", "--filter", "licence=mit"], "licence=mit"),
        (["--from", "gone.txt"], "gone.txt"),
        (["lab/a", "--select", "ZZZ"], "ZZZ"),
        (["lab/a", "--reports"], "--format json"),
        (["lab/a", "--store", "."], "store"),
    ],
)
def test_mistakes_are_told_before_anything_is_made(
    place: Place, tmp_path: Path, arguments: list[str], words: str
) -> None:
    here = tmp_path / "here"
    here.mkdir()
    code, out, err = run(place, here, *arguments)
    assert (code, out) == (2, "")
    assert words in err
    assert list(here.iterdir()) == []
