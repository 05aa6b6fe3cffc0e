"""What was typed, what is written: without a network."""

from __future__ import annotations

import csv
import gc
import io
import json
import sqlite3
import tracemalloc
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
from audit.repositories import sae_files
from huggingface_hub import HfApi

from hubkit.audit import listing, member, run
from hubkit.audit.listing import Candidate
from hubkit.audit.output import harmless, pieces
from hubkit.audit.ranking import ranked, totals
from hubkit.audit.run import Options, audit
from hubkit.audit.schema import APPLICATION
from hubkit.audit.store import Store
from hubkit.audit.targets import Collection, Folder, Query, Repository, lines_of, parse_since, sources
from hubkit.audit.workers import in_threads
from hubkit.errors import ExitCode, HubkitError, UsageError
from hubkit.validate.finding import Severity
from hubkit.validate.reporters.text import without_markup
from hubkit.validate.run import Selection

NOWHERE = HfApi(endpoint="http://127.0.0.1:9", token="none")


def release(folder: Path, zero: int = 0) -> Folder:
    for path, data in sae_files(2, zero).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return Folder(folder)


def test_what_targets_stand_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "here").mkdir()
    found = list(sources(["here", "./gone", "o/r", "o/r@v1", "hf://o/r", "owner", "collection:o/some-1f"]))
    assert found == [
        Folder(Path("here")), Folder(Path("gone")), Repository("o/r"), Repository("o/r", "v1"), Repository("o/r"),
        Query("owner"), Collection("o/some-1f"),
    ]  # fmt: skip


def test_filters_narrow_owners_or_search_the_hub() -> None:
    filters = ["library=saelens", "base_model=org/m", "jumprelu"]
    tags = ("saelens", "base_model:org/m", "jumprelu")
    assert list(sources(["owner", "o/r"], "relu", filters)) == [
        Query("owner", "relu", tags),
        Repository("o/r"),
    ]
    assert list(sources(["o/r"], "", filters)) == [Repository("o/r"), Query(None, None, tags)]
    assert list(sources([], "", ["author=them"])) == [Query("them")]
    assert list(sources(["o/r"])) == [Repository("o/r")]
    with pytest.raises(UsageError, match="licence=mit"):
        list(sources([], "", ["licence=mit"]))


def test_lines_of_a_file() -> None:
    text = ["\ufeff# all of them\n", "o/r\n", "\n", "  o/s@v1  # the old one\r\n", "folder#3\n"]
    assert list(lines_of(text)) == ["o/r", "o/s@v1", "folder#3"]


def test_since() -> None:
    assert parse_since("last") is None
    assert parse_since("2026-08-01") == datetime(2026, 8, 1, tzinfo=UTC)
    with pytest.raises(UsageError, match="yesterday"):
        parse_since("yesterday")


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        ("=1+1", "'=1+1"), ("+a", "'+a"), ("-1", "'-1"), ("@x", "'@x"), (" =x", "' =x"), ("＝x", "'＝x"), ("\t=x", "\\t=x"),
        ("a=1", "a=1"), ("a\nb", "a\\nb"), ("\x1b[31m", "\\x1b[31m"), ("", ""), (-1, -1), (0.5, 0.5),
    ],
)  # fmt: skip
def test_cells_are_no_formulas(cell: object, written: object) -> None:
    assert harmless(cell) == written


def test_names_and_reasons_cannot_style_break_or_calculate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "=cmd|'[bold]x[/]'|<b>\x1b[2J"
    bad = Candidate(name, name, "failed", failure="[red]no[/]\n| `x` | <script>")
    monkeypatch.setattr(run, "candidates", lambda sources, api: iter([bad]))
    with closing(audit([], NOWHERE)) as store:
        text = without_markup("".join(pieces(store, "text")))
        assert "=cmd|'[bold]x[/]'|<b>\\x1b[2J" in text
        assert "[red]no[/]\\n" in text
        assert "\x1b" not in text
        markdown = "".join(pieces(store, "markdown"))
        assert "<script>" not in markdown
        assert len({line.count("|") for line in markdown.splitlines() if line.startswith("|")}) == 1
        rows = list(csv.reader(io.StringIO("".join(pieces(store, "csv")))))
        assert [row[0][:2] for row in rows] == ["ta", "'="]
        assert json.loads("".join(pieces(store, "json")))[0]["target"] == name


def test_folders_are_ranked_and_leave_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    good, bad = release(tmp_path / "good"), release(tmp_path / "bad", zero=1)
    found = [good, Folder(tmp_path / "gone"), bad, Folder(Path("bad")), Folder(tmp_path / "bad/")]
    with closing(audit(found, NOWHERE)) as store:
        rows = [
            (Path(row.target).name, row.saes, row.errors, row.never_learned, row.complete)
            for row in ranked(store)
        ]
        assert rows == [("bad", 2, 1, 1, 1), ("good", 2, 0, 0, 1), ("gone", 0, 0, 0, 0)]
        assert totals(store).exit_code(Severity.ERROR) is ExitCode.INCOMPLETE
        assert "gone: there is no such folder" in "".join(pieces(store, "text"))
    assert {path.name for path in tmp_path.iterdir()} == {"good", "bad"}


def test_exit_codes(tmp_path: Path) -> None:
    def code(*found: Folder, fail_on: Severity = Severity.ERROR, select: str = "THR") -> ExitCode:
        with closing(audit(found, NOWHERE, options=Options(Selection((select,))))) as store:
            return totals(store).exit_code(fail_on)

    good, bad = release(tmp_path / "good"), release(tmp_path / "bad", zero=1)
    empty, gone = Folder(tmp_path / "empty"), Folder(tmp_path / "gone")
    empty.path.mkdir()
    assert code(good) is ExitCode.CLEAN
    assert code(good, empty) is ExitCode.CLEAN
    assert code(good, bad) is ExitCode.FINDINGS
    assert code(good, bad, select="CARD") is ExitCode.CLEAN
    assert code(good, bad, gone) is ExitCode.INCOMPLETE
    assert code(empty) is ExitCode.NOTHING_FOUND
    assert code(good, select="CFG", fail_on=Severity.WARNING) is ExitCode.FINDINGS


def test_a_store_that_is_none_is_refused(tmp_path: Path) -> None:
    text, other, newer = tmp_path / "text", tmp_path / "other", tmp_path / "newer"
    text.write_text("no database" * 100, encoding="utf-8")
    for path, lines in (
        (other, ()),
        (newer, (f"PRAGMA application_id = {APPLICATION}", "PRAGMA user_version = 99")),
    ):
        with closing(sqlite3.connect(path)) as database:
            for line in ("CREATE TABLE t (a)", *lines):
                database.execute(line)
    for path, words in ((text, "not a database"), (other, "another program"), (newer, "version 99")):
        before = path.read_bytes()
        with pytest.raises(UsageError, match=words):
            Store(path)
        assert path.read_bytes() == before


def test_two_runs_may_share_a_store(tmp_path: Path) -> None:
    path = tmp_path / "store"
    with closing(audit([release(tmp_path / "a")], NOWHERE, path)) as one:
        with closing(audit([release(tmp_path / "b", 1)], NOWHERE, path)) as other:
            assert [row.errors for row in ranked(other)] == [1]
            other.finish()
        assert [row.errors for row in ranked(one)] == [0]


def test_a_defect_is_a_row_and_not_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = member.validate

    def sometimes(view: object, *rest: object) -> object:
        if "bad" in str(getattr(view, "root", "")):
            raise ZeroDivisionError("by accident")
        return whole(view, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(member, "validate", sometimes)
    found = [release(tmp_path / "bad"), release(tmp_path / "good")]
    with closing(audit(found, NOWHERE)) as store:
        rows = {Path(row.target).name: row for row in ranked(store)}
    assert "a defect of hubkit: ZeroDivisionError: by accident" in rows["bad"].failure
    assert rows["good"].complete


def test_workers_raise_stop_and_take_little_ahead() -> None:
    taken: list[int] = []

    def numbers() -> Iterator[int]:
        for number in range(1000):
            taken.append(number)
            yield number

    found = in_threads(lambda number: number * number, numbers(), 3)
    first = next(found)
    assert len(taken) == 6
    assert sorted([first, *found]) == [number * number for number in range(1000)]
    with pytest.raises(ZeroDivisionError):
        list(in_threads(lambda number: 1 // number, [1, 0, 2], 2))


def peak(store: Path, count: int, monkeypatch: pytest.MonkeyPatch) -> int:
    """Bytes of Python's memory at most, for an audit of `count` members and its CSV."""
    names = (f"owner-{number:06d}" for number in range(count))
    members = (Candidate(name, name, "failed", failure="could not be listed") for name in names)
    monkeypatch.setattr(run, "candidates", lambda sources, api: members)
    gc.collect()
    tracemalloc.start()
    with closing(audit([], NOWHERE, store)) as kept:
        for _ in pieces(kept, "csv"):
            pass
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return most


def test_memory_does_not_grow_with_the_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    peak(tmp_path / "warm", 1, monkeypatch)
    few = peak(tmp_path / "few", 1000, monkeypatch)
    # what grows, grows each time; what other threads of this process hold in between does not
    many = min(peak(tmp_path / f"many{number}", 6000, monkeypatch) for number in range(3))
    assert many < few * 1.2 + 100_000


def test_an_unwritable_store_says_so(tmp_path: Path) -> None:
    with pytest.raises((UsageError, HubkitError), match="store"):
        audit([release(tmp_path / "a")], NOWHERE, tmp_path / "a" / "README.md" / "store")


class _Endless:
    """A Hub whose listing comes around again."""

    endpoint = "http://127.0.0.1:9"

    def list_models(self, **_: object) -> Iterator[SimpleNamespace]:
        while True:
            yield SimpleNamespace(id="o/a", sha=None, last_modified=None)


def test_a_listing_without_an_end_is_told_and_left() -> None:
    found = list(
        listing._listed(
            "o", listing._found(Query(author="o"), _Endless()), SimpleNamespace(check=lambda: None)
        )
    )
    assert [one.kind for one in found] == ["hub", "failed"]
    assert "does not end" in found[1].failure
