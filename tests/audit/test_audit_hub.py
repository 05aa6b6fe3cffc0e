"""Audits of a local Hub with the real client: what is listed, what is read, and what is not read again."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from audit.conftest import Place
from audit.repositories import OWNER, publish, sae_files

from hubkit.audit import run
from hubkit.audit.ranking import Row, ranked, totals
from hubkit.audit.reading import unpack
from hubkit.audit.run import Options, audit
from hubkit.audit.store import Store
from hubkit.audit.targets import sources
from hubkit.engine.events import Event, Progress, silent
from hubkit.errors import ExitCode
from hubkit.localhub.faults import Fault
from hubkit.localhub.limits import Quotas
from hubkit.repo.hub import open_repo
from hubkit.validate.finding import Severity
from hubkit.validate.run import Selection, validate

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning", "ignore::UserWarning")
NAMES = {f"{OWNER}/{name}" for name in "abc"}


@pytest.fixture
def shelf(place: Place) -> Place:
    for name, zero in (("a", 2), ("b", 0), ("c", 1)):
        publish(place.api, f"{OWNER}/{name}", sae_files(3, zero))
    publish(place.api, "other/one", sae_files(1))
    place.hub.clear_requests()
    return place


class Auditor:
    """Finished runs over one store."""

    def __init__(self, place: Place, store: Path) -> None:
        self.place, self.store = place, store

    def __call__(
        self, *targets: str, search: str = "", filters: tuple[str, ...] = (), options: Options | None = None,
        report: Progress = silent,
    ) -> list[Row]:  # fmt: skip
        self.place.hub.clear_requests()
        with self.open(*targets, search=search, filters=filters, options=options, report=report) as kept:
            rows = list(ranked(kept))
            kept.finish()
        return rows

    @contextmanager
    def open(
        self, *targets: str, search: str = "", filters: tuple[str, ...] = (), options: Options | None = None,
        report: Progress = silent,
    ) -> Iterator[Store]:  # fmt: skip
        found = sources(targets, search, filters)
        with closing(
            audit(found, self.place.api, self.store, options, targets=targets, report=report)
        ) as kept:
            yield kept

    @property
    def read(self) -> set[str]:
        """Repositories that the last run asked for."""
        return {name for name in (*NAMES, "other/one") if self.place.read_of(name)}


@pytest.fixture
def auditor(shelf: Place, tmp_path: Path) -> Auditor:
    return Auditor(shelf, tmp_path / "store.sqlite")


def test_everything_once_and_worst_first(auditor: Auditor, shelf: Place) -> None:
    slug = shelf.api.create_collection("best", namespace=OWNER).slug
    for name in ("lab/b", "other/one"):
        shelf.api.add_collection_item(slug, name, "model")
    rows = auditor(OWNER, "lab/a", "lab/a@main", f"collection:{slug}", OWNER)
    assert [row.target for row in rows] == ["lab/a", "lab/c", "lab/b", "other/one"]
    assert [(row.errors, row.never_learned, row.jumprelu, row.worst) for row in rows[:2]] == [
        (2, 2, 2, "THR001"),
        (1, 1, 2, "THR001"),
    ]
    # The same files, so about the same requests; reading it for each of its names would double them.
    assert 0 < shelf.read_of("lab/a") < 1.6 * shelf.read_of("lab/c")
    assert all(row.sha == shelf.api.model_info(row.target.split("@")[0]).sha for row in rows)


def test_the_same_verdict_as_validate(auditor: Auditor, shelf: Place) -> None:
    alone = validate(open_repo("lab/a", None, shelf.api))
    with auditor.open("lab/a") as kept:
        (row,) = ranked(kept, reports=True)
    assert row.report is not None
    assert [f["fingerprint"] for f in row.report["findings"]] == [f.fingerprint for f in alone.findings]
    assert (row.errors, row.warnings, row.saes) == (
        alone.count(Severity.ERROR),
        alone.count(Severity.WARNING),
        3,
    )
    assert row.requests == row.report["io"]["requests"] > 3


def test_search_and_filters(auditor: Auditor) -> None:
    assert {row.target for row in auditor(search="one")} == {"other/one"}
    assert {row.target for row in auditor(filters=("library=saelens",))} == {*NAMES, "other/one"}
    assert {row.target for row in auditor(OWNER, search="lab/b", filters=("library=saelens",))} == {"lab/b"}
    (row,) = auditor(OWNER, filters=("library=nothing-of-the-kind",))
    assert (row.kind, row.complete, row.failure[:8]) == ("empty", 1, "there is")


def test_only_a_new_commit_is_read_again(auditor: Auditor, shelf: Place) -> None:
    auditor(OWNER)
    assert auditor.read == NAMES
    assert {row.target for row in auditor(OWNER, "lab/b") if row.read_now} == set()
    old = shelf.api.model_info("lab/b").sha
    new = publish(shelf.api, "lab/b", sae_files(3, zero=1))
    rows = {row.target: row for row in auditor(OWNER)}
    assert auditor.read == {"lab/b"}
    assert (rows["lab/b"].sha, rows["lab/b"].errors, rows["lab/b"].read_now) == (new, 1, 1)
    with auditor.open("lab/b@" + str(old)) as kept:  # the old commit is still known
        (row,) = ranked(kept)
        assert (row.sha, row.errors, row.read_now) == (old, 0, 0)


def test_other_rules_and_refresh_read_again(auditor: Auditor) -> None:
    auditor("other")
    only = Options(Selection(("THR",)))
    for options, read in ((None, 0), (only, 1), (only, 0), (Options(only.selection, refresh=True), 1)):
        assert [row.read_now for row in auditor("other", options=options)] == [read]


def test_since_a_day(auditor: Auditor) -> None:
    now = datetime.now(UTC)
    for targets in ((OWNER,), ("lab/a",)):
        assert auditor(*targets, options=Options(since=now + timedelta(days=1))) == []
        assert auditor.read <= {"lab/a"}
        assert auditor(*targets, options=Options(since=now - timedelta(days=1)))
    with auditor.open(OWNER, options=Options(since=now + timedelta(days=1))) as kept:
        assert totals(kept).unchanged == 3
        assert totals(kept).exit_code(Severity.ERROR) is ExitCode.CLEAN


def test_a_failure_is_a_row_and_is_tried_again(auditor: Auditor, shelf: Place) -> None:
    shelf.hub.faults.add(Fault("status", match="GET /api/models/lab/b", status=403, times=None))
    with auditor.open(OWNER, "lab/nope") as kept:
        rows = {row.target: row for row in ranked(kept)}
        assert totals(kept).exit_code(Severity.NOTE) is ExitCode.INCOMPLETE
    assert not rows["lab/b"].complete
    assert "403" in rows["lab/b"].failure
    assert "no such repository" in rows["lab/nope"].failure
    assert rows["lab/a"].errors == 2
    shelf.hub.faults.clear()
    publish(shelf.api, "lab/nope", sae_files(1))
    rows = {row.target: row for row in auditor(OWNER, "lab/nope")}
    assert auditor.read == {"lab/b"}
    assert {name for name, row in rows.items() if row.read_now} == {"lab/b", "lab/nope"}
    assert all(row.complete for row in rows.values())


def test_what_was_read_in_part_counts_and_is_read_again(auditor: Auditor, shelf: Place) -> None:
    shelf.hub.faults.add(Fault("status", match="lab/a/.*layer_00/cfg.json", status=404, times=None))
    row = auditor(OWNER)[0]
    assert (row.target, row.complete, row.saes) == ("lab/a", 0, 3)
    assert "could not be made" in row.failure
    shelf.hub.faults.clear()
    rows = auditor(OWNER)
    assert auditor.read == {"lab/a"}
    assert all(row.complete for row in rows)


def test_a_used_up_quota_is_waited_for(
    auditor: Auditor, shelf: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = [(row.target, row.errors) for row in auditor(OWNER)]
    heard: list[Event] = []
    shelf.hub.limits.quotas = Quotas(resolvers=12, window=1)
    rows = auditor(OWNER, options=Options(refresh=True), report=heard.append)
    assert [(row.target, row.errors) for row in rows] == expected
    assert all(row.complete for row in rows)
    assert any("rate limit" in event.text for event in heard)
    assert run.PATIENCE >= 2 * 300  # the Hub's window


def test_a_listing_that_fails_keeps_what_else_there_is(auditor: Auditor, shelf: Place) -> None:
    shelf.hub.faults.add(Fault("status", match="GET /api/models$", status=403))
    rows = {row.target: row for row in auditor("other", "lab/a", "collection:lab/none-1f")}
    assert {name: row.complete for name, row in rows.items()} == {
        "other": 0,
        "lab/a": 1,
        "collection:lab/none-1f": 0,
    }


def test_no_hub_at_all_is_told_at_once(tmp_path: Path) -> None:
    from huggingface_hub import HfApi

    begun = time.monotonic()
    api = HfApi(endpoint="http://127.0.0.1:9", token="none")
    with closing(audit(sources(["a", "b"], search="x"), api, tmp_path / "store")) as kept:
        assert [(row.target, row.complete) for row in ranked(kept)] == [
            ("a, search x", 0),
            ("b, search x", 0),
        ]
    assert time.monotonic() - begun < 5


def test_progress_says_what_it_cost(auditor: Auditor) -> None:
    heard: list[Event] = []
    rows = auditor(OWNER, report=heard.append)
    read = [event for event in heard if event.stage == "audit"]
    assert [(event.done, event.total) for event in read] == [(0, 3), (1, 3), (2, 3), (3, 3)]
    assert f"{sum(row.requests for row in rows):,} requests" in read[-1].text


def test_the_store_holds_whole_reports(auditor: Auditor) -> None:
    auditor("other")
    with closing(Store(auditor.store)) as store:
        packed, seen = store.rows("SELECT report, total_bytes FROM reading")[0]
    report = unpack(packed)
    assert report is not None
    assert (report["target"], report["io"]["total_bytes"]) == ("other/one", seen)
