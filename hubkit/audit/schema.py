"""The store's tables, and opening a file that has them."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from hubkit.errors import HubkitError, IncompleteError, UsageError

APPLICATION = 0x68756261
"""`huba`, in the header of the file: so that no other program's database is taken for ours."""
VERSION = 2
MAGIC = b"SQLite format 3\0"
GROWN = {1: "ALTER TABLE reading ADD COLUMN statements TEXT NOT NULL DEFAULT ''"}
"""What makes a store of a version one of the next."""
BUSY_SECONDS = 30.0
TABLES = """
CREATE TABLE run (
    id INTEGER PRIMARY KEY,
    begun TEXT NOT NULL,
    finished TEXT,               -- null: killed, or at work
    targets TEXT NOT NULL,
    rules TEXT NOT NULL
);
CREATE TABLE reading (           -- one row for each repository at each commit
    name TEXT NOT NULL,
    sha TEXT NOT NULL,
    rules TEXT NOT NULL,         -- digest of the program and the rules asked
    run INTEGER NOT NULL,        -- the first finished run that showed it, else the last
    read_in INTEGER NOT NULL,    -- the run that read it
    read_at TEXT NOT NULL,
    saes INTEGER NOT NULL, jumprelu INTEGER NOT NULL, never_learned INTEGER NOT NULL,
    errors INTEGER NOT NULL, warnings INTEGER NOT NULL, notes INTEGER NOT NULL, worst TEXT NOT NULL,
    requests INTEGER NOT NULL, bytes_read INTEGER NOT NULL, total_bytes INTEGER NOT NULL, seconds REAL NOT NULL,
    complete INTEGER NOT NULL, settled INTEGER NOT NULL, failure TEXT NOT NULL,
    report BLOB NOT NULL,        -- JSON, zlib
    statements TEXT NOT NULL DEFAULT '',  -- JSON: of the card, to be held against others
    PRIMARY KEY (name, sha)
);
CREATE TABLE member (            -- what a run is about
    run INTEGER NOT NULL,
    key TEXT NOT NULL,
    shown TEXT NOT NULL, kind TEXT NOT NULL, repo_id TEXT NOT NULL,
    revision TEXT, sha TEXT, modified TEXT, failure TEXT NOT NULL,
    state TEXT NOT NULL,         -- open, done, unchanged
    name TEXT, at TEXT,          -- the reading
    PRIMARY KEY (run, key)
) WITHOUT ROWID;
"""


def open_database(path: Path | None) -> sqlite3.Connection:
    """The store at `path`, made where there is none; None is a temporary one on disk. Raises UsageError for another program's, IncompleteError for one that cannot be used."""
    name = "" if path is None else str(path)
    if path is not None:
        _refuse_another_kind(path)
    try:
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
        database = sqlite3.connect(name, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    except (sqlite3.Error, OSError) as error:
        raise IncompleteError(
            f"{path}: the store cannot be opened: {error}", hint="--store FILE names another place"
        ) from error
    try:
        _prepare(database, path)
    except sqlite3.Error as error:
        database.close()
        raise IncompleteError(
            f"{path or 'the temporary store'}: the store cannot be used: {error}",
            hint="--store FILE names another file",
        ) from error
    except HubkitError:
        database.close()
        raise
    return database


def _refuse_another_kind(path: Path) -> None:
    """Raise UsageError for a folder and for a text file: a slip of the pen, and no damaged store."""
    hint = "--store FILE names another file"
    if path.is_dir():
        raise UsageError(f"{path}: the store cannot be opened: it is a folder", hint=hint)
    if path.is_file():
        with path.open("rb") as file:
            head = file.read(64)
        if head and not head.startswith(MAGIC) and head.isascii() and head.decode().isprintable():
            raise UsageError(f"{path}: not a database, and so no store", hint=hint)


def _prepare(database: sqlite3.Connection, path: Path | None) -> None:
    application, version = _pragma(database, "application_id"), _pragma(database, "user_version")
    empty = not database.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone()
    if not empty and application != APPLICATION:
        raise UsageError(f"{path}: a database of another program", hint="--store FILE names another file")
    if version > VERSION:
        raise UsageError(
            f"{path}: a store of version {version}, this hubkit knows up to {VERSION}",
            hint="update hubkit, or --store FILE",
        )
    database.execute("PRAGMA journal_mode = WAL")
    database.execute(
        "PRAGMA synchronous = NORMAL"
    )  # a killed process loses nothing, a power cut the last rows
    if empty:
        # One transaction: two runs that begin at once do not both make the tables.
        database.execute("BEGIN IMMEDIATE")
        if not database.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone():
            for statement in TABLES.split(";\n"):
                if statement.strip():
                    database.execute(statement)
            database.execute(f"PRAGMA application_id = {APPLICATION}")
            database.execute(f"PRAGMA user_version = {VERSION}")
        database.execute("COMMIT")
    elif version < VERSION:
        _grow(database)


def _grow(database: sqlite3.Connection) -> None:
    """Bring an older store to this version; what it holds stays."""
    database.execute("BEGIN IMMEDIATE")
    for version in range(_pragma(database, "user_version"), VERSION):
        database.execute(GROWN[version])
        database.execute(f"PRAGMA user_version = {version + 1}")
    database.execute("COMMIT")


def _pragma(database: sqlite3.Connection, name: str) -> int:
    value: int = database.execute(f"PRAGMA {name}").fetchone()[0]
    return value
