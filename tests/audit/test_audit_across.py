"""The cards of one owner's repositories against each other: at the end of an audit, from what it wrote down."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from audit.conftest import Place
from audit.repositories import OWNER, publish, sae_files
from builders import README
from huggingface_hub import HfApi

from hubkit.audit.across import disagreements
from hubkit.audit.output import pieces
from hubkit.audit.run import Options, audit
from hubkit.audit.targets import Folder
from hubkit.validate.reporters.text import without_markup
from hubkit.validate.run import Selection

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning", "ignore::UserWarning")
NOWHERE = HfApi(endpoint="http://127.0.0.1:9", token="none")
ALONE = ("--select", "CARD015")
STUDY = "\nPart of the cross-model study (9 models, {total} total SAEs).\n"


def files(total: int | None) -> dict[str, bytes]:
    """A sound repository whose card gives the SAEs of the study, or does not."""
    found = sae_files(2)
    text = README + (STUDY.format(total=total) if total is not None else "")
    return found | {"README.md": text.encode()}


def folder(place: Path, total: int | None) -> Folder:
    for path, data in files(total).items():
        (place / path).parent.mkdir(parents=True, exist_ok=True)
        (place / path).write_bytes(data)
    return Folder(place)


def test_the_one_that_deviates_is_named_with_both_lines(tmp_path: Path) -> None:
    totals = {"a": 348, "b": 348, "c": 366, "d": None, "e": 366}
    sources = [folder(tmp_path / name, total) for name, total in totals.items()]
    with closing(audit(sources, NOWHERE)) as store:
        (one,) = disagreements(store)
        text = without_markup("".join(pieces(store, "text")))
        rows = json.loads("".join(pieces(store, "json")))
        marked = "".join(pieces(store, "markdown"))
    line = README.count("\n") + 2
    assert one.to_json() == {
        "code": "CARD015", "subject": "SAEs in the study of 9 models", "says": "366", "line": line, "quote": one.said.quote,
        "other": str(tmp_path / "a"), "other_says": "348", "other_line": line,
    }  # fmt: skip
    assert "366 total SAEs" in one.said.quote
    assert "1 contradiction between cards of one owner (CARD015)" in text
    said = f"SAEs in the study of 9 models: 366 in {tmp_path / 'c'} (line {line}), 348 in {tmp_path / 'a'} (line {line})"
    assert said in text
    assert "contradiction between cards" in marked
    assert {Path(row["target"]).name: len(row["contradictions"]) for row in rows} == {
        "a": 0, "b": 0, "c": 1, "d": 0, "e": 0,
    }  # fmt: skip


def test_cards_of_other_owners_and_cards_that_agree_say_nothing(tmp_path: Path) -> None:
    apart = [folder(tmp_path / owner / "release", total) for owner, total in (("one", 348), ("two", 366))]
    with closing(audit(apart, NOWHERE)) as store:
        assert not list(disagreements(store))
        assert "contradiction" not in "".join(pieces(store, "text"))


def test_nothing_is_compared_when_the_rule_was_not_asked(tmp_path: Path) -> None:
    sources = [folder(tmp_path / str(total), total) for total in (348, 366)]
    for selection in (Selection(ignore=("CARD015",)), Selection(select=("THR",))):
        with closing(audit(sources, NOWHERE, options=Options(selection))) as store:
            assert not list(disagreements(store))


def test_on_the_hub_also_when_nothing_is_read_again(place: Place, tmp_path: Path) -> None:
    for name, total in (("a", 348), ("b", 366)):
        publish(place.api, f"{OWNER}/{name}", files(total))
    publish(place.api, "another/c", files(999))
    for _ in range(2):
        code, rows = place.rows(tmp_path, OWNER, "another", *ALONE, "--fail-on", "warning")
        assert code == 1
        found = {row["target"]: [one["says"] for one in row["contradictions"]] for row in rows}
        assert found == {"lab/a": [], "lab/b": ["366"], "another/c": []}
        assert sum(row["error"] + row["warning"] for row in rows) == 0
    assert place.rows(tmp_path, OWNER, *ALONE)[0] == 0  # by default only errors fail


def test_a_store_of_the_version_before_grows_and_keeps_what_it_holds(tmp_path: Path) -> None:
    sources = [folder(tmp_path / str(total), total) for total in (348, 366)]
    path = tmp_path / "store.sqlite"
    audit(sources, NOWHERE, path).close()
    with closing(sqlite3.connect(path)) as database:
        database.execute("ALTER TABLE reading DROP COLUMN statements")
        database.execute("PRAGMA user_version = 1")
        database.commit()
        before = database.execute("SELECT name, errors FROM reading ORDER BY name").fetchall()
    with closing(audit([], NOWHERE, path)) as store:
        assert store.rows("SELECT name, errors FROM reading ORDER BY name") == before
        assert not list(disagreements(store))
    with closing(audit(sources, NOWHERE, path)) as store:
        assert len(list(disagreements(store))) == 1
