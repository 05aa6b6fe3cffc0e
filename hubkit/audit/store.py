"""The file that knows what was read: readings by repository and commit, and what each run is about."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

from hubkit.audit.listing import Candidate
from hubkit.audit.reading import COLUMNS, Reading
from hubkit.audit.schema import open_database
from hubkit.errors import IncompleteError

KEPT_DAYS = 7
"""How long it is remembered what a killed run was about."""
BATCH = 500


class Store:
    """One run's view of the store. Threads may share it."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        """None: a temporary file, gone when the store is closed."""
        self.run = 0
        self.rules = ""
        self._database = open_database(path)
        self._lock = threading.Lock()

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._database.close()

    def begin(self, targets: Sequence[str], rules: str) -> None:
        """Begin a run. Forgets what runs that are over were about; never what was read."""
        old = (datetime.now(UTC) - timedelta(days=KEPT_DAYS)).isoformat()
        with self._writing() as database:
            database.execute(
                "DELETE FROM member WHERE run IN (SELECT id FROM run WHERE finished IS NOT NULL OR begun < ?)",
                (old,),
            )
            cursor = database.execute(
                "INSERT INTO run (begun, targets, rules) VALUES (?, ?, ?)",
                (_now(), json.dumps(list(targets)), rules),
            )
        self.run, self.rules = cursor.lastrowid or 0, rules

    def finish(self) -> None:
        """The run is over: its table was shown."""
        with self._writing() as database:
            database.execute("UPDATE run SET finished = ? WHERE id = ?", (_now(), self.run))

    def enrol(self, candidates: Iterable[Candidate], since: str | None = None) -> Iterator[int]:
        """Make `candidates` members of the run, the same one only once; gives their number now and then.

        With `since` (ISO, UTC), repositories that did not change since then are members to be left out.
        """
        source = iter(candidates)
        while batch := list(islice(source, BATCH)):
            rows = [
                (self.run, c.key, c.shown, c.kind, c.repo_id, c.revision, c.sha, c.modified, c.failure,
                 "unchanged" if since and c.modified and c.modified < since else "open")
                for c in batch
            ]  # fmt: skip
            with self._writing() as database:
                database.executemany(
                    "INSERT OR IGNORE INTO member (run, key, shown, kind, repo_id, revision, sha, modified, failure, state)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    rows,
                )
            yield self.count()

    def count(self, state: str = "%") -> int:
        """Members of the run, in one state or in all."""
        return int(
            self.rows("SELECT count(*) FROM member WHERE run = ? AND state LIKE ?", self.run, state)[0][0]
        )

    def open_members(self) -> Iterator[Candidate]:
        """What is left to do, by name; fetched in small batches."""
        last = ""
        while batch := self.rows(
            "SELECT key, shown, kind, repo_id, revision, sha, modified, failure FROM member"
            " WHERE run = ? AND state = 'open' AND key > ? ORDER BY key LIMIT 100", self.run, last,
        ):  # fmt: skip
            for row in batch:
                yield Candidate(*row)
            last = batch[-1][0]

    def is_known(self, name: str, sha: str, *, refresh: bool) -> bool:
        """Whether the reading at this commit still says all; with `refresh`, only if this very run read it."""
        found = self.rows(
            "SELECT 1 FROM reading WHERE name = ? AND sha = ? AND settled AND rules = ? AND (read_in = ? OR NOT ?)",
            name, sha, self.rules, self.run, refresh,
        )  # fmt: skip
        return bool(found)

    def was_shown(self, name: str, sha: str) -> bool:
        """Whether a run that came to its end had a settled reading of this commit, by whatever rules."""
        return bool(
            self.rows(
                "SELECT 1 FROM reading JOIN run ON run.id = reading.run"
                " WHERE name = ? AND sha = ? AND settled AND run.finished IS NOT NULL",
                name, sha,
            )
        )  # fmt: skip

    def keep(self, key: str, reading: Reading) -> None:
        """Write down a reading and that the member `key` is done, both or neither."""
        values = (*astuple(reading), self.rules, self.run, self.run, _now())
        names = (*COLUMNS, "rules", "run", "read_in", "read_at")
        marks = ", ".join("?" * len(names))
        with self._writing() as database:
            if reading.sha:  # what an earlier run could not even list
                database.execute("DELETE FROM reading WHERE name IN (?, ?) AND sha = ''", (key, reading.name))
            database.execute(f"INSERT OR REPLACE INTO reading ({', '.join(names)}) VALUES ({marks})", values)  # noqa: S608 - names of columns
            self._done(database, key, reading.name, reading.sha)

    def reuse(self, key: str, name: str, sha: str) -> None:
        """The member `key` is what was read before."""
        with self._writing() as database:
            database.execute(
                "UPDATE reading SET run = ? WHERE name = ? AND sha = ?"
                " AND NOT EXISTS (SELECT 1 FROM run WHERE run.id = reading.run AND run.finished IS NOT NULL)",
                (self.run, name, sha),
            )
            self._done(database, key, name, sha)

    def leave_out(self, key: str) -> None:
        """The member `key` did not change."""
        with self._writing() as database:
            database.execute(
                "UPDATE member SET state = 'unchanged' WHERE run = ? AND key = ?", (self.run, key)
            )

    def _done(self, database: sqlite3.Connection, key: str, name: str, sha: str) -> None:
        database.execute(
            "UPDATE member SET state = 'done', name = ?, at = ? WHERE run = ? AND key = ?",
            (name, sha, self.run, key),
        )

    def rows(self, query: str, *values: Any) -> list[Any]:
        """All rows of a small answer."""
        with self._lock, _translated(self.path):
            return self._database.execute(query, values).fetchall()

    def stream(self, query: str, *values: Any) -> Iterator[Any]:
        """The rows of a large answer, a batch at a time. Only while nobody writes."""
        with self._lock, _translated(self.path):
            cursor = self._database.execute(query, values)
        while True:
            with self._lock, _translated(self.path):
                batch = cursor.fetchmany(BATCH)
            if not batch:
                return
            yield from batch

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._lock, _translated(self.path):
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield self._database
            except BaseException:
                self._database.execute("ROLLBACK")
                raise
            self._database.execute("COMMIT")


@contextmanager
def _translated(path: Path | None) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise IncompleteError(
            f"{path or 'the temporary store'}: {error}", hint="--store FILE names another place"
        ) from error


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
