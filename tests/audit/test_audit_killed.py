"""Killed at any moment, the next run ends with the same table and reads nothing twice."""

from __future__ import annotations

import signal
import sqlite3
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from audit.conftest import Place
from audit.repositories import OWNER, publish, sae_files

from hubkit.localhub.limits import Quotas

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning", "ignore::UserWarning")
REPOS, SAES = 6, 3
OF_THE_RUN = {"read_now", "read_at", "seconds", "requests", "bytes"}


def table(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What does not depend on when it was read."""
    return [{key: value for key, value in row.items() if key not in OF_THE_RUN} for row in rows]


def stop_after(place: Place, cwd: Path, requests: int, how: signal.Signals, *more: str) -> int:
    """Begin an audit and stop it as soon as the Hub has seen so many requests; the exit code."""
    place.hub.clear_requests()
    process = place.start(cwd, OWNER, "--jobs", "2", *more)
    while len(place.hub.requests) < requests and process.poll() is None:
        time.sleep(0.001)
    assert process.poll() is None, "it ended before it could be stopped"
    process.send_signal(how)
    process.communicate(timeout=60)
    return process.returncode


def finished(store: Path) -> dict[str, str]:
    with closing(sqlite3.connect(store)) as database:
        return dict(database.execute("SELECT name, sha FROM reading WHERE settled"))


@pytest.fixture
def shelf(place: Place) -> Place:
    for number in range(REPOS):
        publish(place.api, f"{OWNER}/r{number}", sae_files(SAES, zero=number % 2))
    return place


def test_sigkill_at_several_moments(shelf: Place, tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    whole.mkdir()
    shelf.hub.clear_requests()
    code, expected = shelf.rows(whole, OWNER)
    assert (code, len(expected)) == (1, REPOS)
    alone = {row["target"]: shelf.read_of(row["target"]) for row in expected}
    assert min(alone.values()) > SAES  # so that a kill can be in the middle of one

    killed = tmp_path / "killed"
    killed.mkdir()
    store = killed / "hubkit-audit.sqlite"
    done: dict[str, str] = {}
    for requests in (1, 6, 40, 55):
        stop_after(shelf, killed, requests, signal.SIGKILL if sys.platform != "win32" else signal.SIGTERM)
        assert {name: shelf.read_of(name) for name in done} == dict.fromkeys(done, 0)
        done = finished(store) if store.exists() else {}
    assert done, "no kill left anything finished: the moments are wrong"

    shelf.hub.clear_requests()
    code, rows = shelf.rows(killed, OWNER)
    assert (code, table(rows)) == (1, table(expected))
    assert {name for name in alone if shelf.read_of(name) == 0} == set(done)
    assert {row["target"] for row in rows if not row["read_now"]} == set(done)

    shelf.hub.clear_requests()
    code, again = shelf.rows(killed, OWNER)
    assert (code, table(again)) == (1, table(expected))
    assert {request.path for request in shelf.hub.requests} == {"/api/models"}


@pytest.mark.skipif(sys.platform == "win32", reason="a process cannot be sent Ctrl-C alone there")
def test_ctrl_c_keeps_what_is_finished(shelf: Place, tmp_path: Path) -> None:
    assert stop_after(shelf, tmp_path, 50, signal.SIGINT) == 130
    done = finished(tmp_path / "hubkit-audit.sqlite")
    assert 0 < len(done) < REPOS
    shelf.hub.clear_requests()
    _, rows = shelf.rows(tmp_path, OWNER)
    assert len(rows) == REPOS
    assert {name: shelf.read_of(name) for name in done} == dict.fromkeys(done, 0)


@pytest.mark.skipif(sys.platform == "win32", reason="a process cannot be sent Ctrl-C alone there")
def test_ctrl_c_does_not_wait_for_the_rate_limit(shelf: Place, tmp_path: Path) -> None:
    shelf.hub.limits.quotas = Quotas(resolvers=12, window=100)
    shelf.hub.clear_requests()
    process = shelf.start(tmp_path, OWNER)
    seen = -1
    while seen != len(shelf.hub.requests) or seen < 12:  # until nothing more is asked
        seen = len(shelf.hub.requests)
        time.sleep(0.5)
    begun = time.monotonic()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    assert time.monotonic() - begun < 10


def test_since_last_after_a_kill_shows_what_an_undisturbed_run_would(shelf: Place, tmp_path: Path) -> None:
    shelf.rows(tmp_path, OWNER)
    for number in (1, 2, 4, 5):
        publish(shelf.api, f"{OWNER}/r{number}", {"layer_00/more.txt": b"new"})
    stop_after(
        shelf, tmp_path, 40, signal.SIGKILL if sys.platform != "win32" else signal.SIGTERM, "--since", "last"
    )
    assert len(finished(tmp_path / "hubkit-audit.sqlite")) > REPOS - 4
    _, rows = shelf.rows(tmp_path, OWNER, "--since", "last")
    assert {row["target"] for row in rows} == {f"{OWNER}/r{number}" for number in (1, 2, 4, 5)}
    assert shelf.rows(tmp_path, OWNER, "--since", "last") == (0, [])
