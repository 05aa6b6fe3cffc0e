"""Baselines: what was known does not count, what is new does, and lines that no longer hold are named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from builders import FOLDER, cfg, tensors, view

from hubkit.errors import ExitCode, UsageError
from hubkit.repo.memory import MemoryView
from hubkit.validate.baseline import apply_baseline, read_baseline, write_baseline
from hubkit.validate.finding import Severity
from hubkit.validate.request import Request, answer
from hubkit.validate.run import Selection, validate


def broken(*, indent: int | None = None, **changes: object) -> MemoryView:
    text = json.dumps(cfg("topk", k="8", **changes), indent=indent).encode()
    return view(text, tensors("topk"), readme=None)


def test_known_findings_do_not_count_and_new_ones_do(tmp_path: Path) -> None:
    path = tmp_path / "baseline.json"
    lines = write_baseline(path, validate(broken()))
    assert {line.code for line in lines} == {"CFG003", "CARD001"}
    report = apply_baseline(validate(broken()), read_baseline(path), "baseline.json")
    assert report.findings == []
    assert report.exit_code(Severity.NOTE) is ExitCode.CLEAN
    assert report.baseline is not None
    assert report.baseline.suppressed == 2
    assert [one.by for one in report.suppressed] == ["baseline", "baseline"]
    worse = apply_baseline(validate(broken(dtype="int7")), read_baseline(path), "baseline.json")
    assert {f.pointer for f in worse.findings if f.code == "CFG003"} == {"/dtype"}


def test_a_baseline_survives_moved_lines(tmp_path: Path) -> None:
    path = tmp_path / "baseline.json"
    write_baseline(path, validate(broken()))
    moved = validate(broken(indent=4))
    assert {f.line for f in moved.findings} != {f.line for f in validate(broken()).findings}
    assert apply_baseline(moved, read_baseline(path), "b").findings == []


def test_stale_lines_are_named_and_dropped_only_where_the_run_looked(tmp_path: Path) -> None:
    path = tmp_path / "baseline.json"
    known = write_baseline(path, validate(broken()))
    mended = view(cfg("topk"), tensors("topk"), readme=None)
    use = apply_baseline(validate(mended), known, "b").baseline
    assert use is not None
    assert [line.code for line in use.stale] == ["CFG003"]
    partial = validate(mended, Selection(select=("CARD",)))
    partly = apply_baseline(partial, known, "b").baseline
    assert partly is not None
    assert not partly.stale
    assert {line.code for line in write_baseline(path, partial, known)} == {"CFG003", "CARD001"}
    assert {line.code for line in write_baseline(path, validate(mended), known)} == {"CARD001"}


def test_what_could_not_be_read_is_neither_known_nor_stale(tmp_path: Path) -> None:
    path = tmp_path / "baseline.json"
    known = write_baseline(path, validate(broken()))
    unreadable = broken()
    unreadable.unreadable[f"{FOLDER}/cfg.json"] = len(unreadable.files.pop(f"{FOLDER}/cfg.json"))
    report = validate(unreadable)
    assert not report.complete
    applied = apply_baseline(report, known, "b")
    assert applied.baseline is not None
    assert not [line for line in applied.baseline.stale if line.code == "CFG003"]
    assert "RUN002" in {f.code for f in applied.findings}
    kept = write_baseline(path, report, known)
    assert {line.code for line in kept} == {"CFG003", "CARD001"}


def test_the_file_is_sorted_readable_and_the_same_for_the_same_findings(tmp_path: Path) -> None:
    one, two = tmp_path / "one.json", tmp_path / "two.json"
    lines = write_baseline(one, validate(broken()))
    write_baseline(two, validate(broken(indent=2)), lines)
    assert one.read_bytes() == two.read_bytes()
    content = json.loads(one.read_text(encoding="utf-8"))
    assert [line["code"] for line in content["findings"]] == ["CARD001", "CFG003"]
    assert content["findings"][1]["sae_id"] == FOLDER
    assert sorted(p.name for p in tmp_path.iterdir()) == ["one.json", "two.json"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{}",
        b"\xff",
        b'{"hubkit_baseline": "2", "findings": []}',
        b'{"hubkit_baseline": "1", "findings": [{"code": 1}]}',
    ],
)
def test_what_is_no_baseline_is_a_usage_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "baseline.json"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=r"baseline\.json"):
        read_baseline(path)


def test_a_missing_baseline_says_how_to_write_one(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        read_baseline(tmp_path / "none.json")
    assert "--write-baseline" in (caught.value.hint or "")


def test_writing_and_using_through_a_request(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for path, data in broken().files.items():
        (tmp_path / "release" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "release" / path).write_bytes(data)
    written = answer(Request("release", write_baseline=Path("known.json")))
    assert written.written == 2
    assert written.report.findings == []
    (tmp_path / "hubkit.toml").write_text('baseline = "known.json"', encoding="utf-8")
    report = answer(Request("release")).report
    assert report.findings == []
    assert report.baseline is not None
    assert report.baseline.path == "known.json"
    assert answer(Request("release", no_config=True)).report.findings
    with pytest.raises(UsageError, match="cannot be written"):
        answer(Request("release", write_baseline=Path("known.json/deeper.json")))
    with pytest.raises(UsageError, match="one folder"):
        answer(Request("-", write_baseline=Path("known.json")))
