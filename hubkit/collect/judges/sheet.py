"""The table that a person labels in: CSV that spreadsheets open as they should, and read back as they save it. Torch-free."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from hubkit.collect.judges.answers import UNDECIDED
from hubkit.errors import UsageError
from hubkit.release.writing import write_bytes
from hubkit.small_files import read_regular
from hubkit.texts import shortened

COLUMNS = ("id", "scenario", "text", "label", "notes")
NEEDED = {"id", "label"}
MARK = "\ufeff".encode()
"""Without it spreadsheets take UTF-8 for the encoding of their country."""
FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""How a cell begins that a spreadsheet computes instead of showing it."""
GUARD = "'"
MOST_BYTES = 256 << 20
MOST_TOLD = 10
DELIMITERS = (",", ";", "\t")
"""What spreadsheets of several countries save as CSV."""


@dataclass(frozen=True)
class SheetRow:
    """One completion to be labelled."""

    completion_id: str
    scenario: str
    text: str


@dataclass(frozen=True)
class Filled:
    """What a person wrote beside one completion."""

    label: str | None
    """None where nothing is filled in, and where it cannot be told."""
    notes: str
    filled: bool


def write_sheet(path: Path, rows: Iterable[SheetRow]) -> None:
    """Write the table, its last two columns empty, in the order given."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n", quoting=csv.QUOTE_MINIMAL)
    writer.writerow(COLUMNS)
    for row in rows:
        writer.writerow([_guarded(row.completion_id), _guarded(row.scenario), _guarded(row.text), "", ""])
    write_bytes(path, MARK + out.getvalue().encode("utf-8", "replace"))


def read_sheet(path: Path, labels: frozenset[str]) -> dict[str, Filled]:
    """Completion id to what was filled in. Raises FileNotFoundError, and UsageError that names every wrong row by its line."""
    reader = csv.reader(io.StringIO(text := _text(path)), delimiter=_delimiter(text), strict=True)
    found: dict[str, Filled] = {}
    wrong: list[str] = []
    try:
        header = [name.strip().casefold() for name in next(reader, [])]
        if NEEDED.difference(header):
            raise UsageError(f"{path}: columns {', '.join(header) or 'none'}, expected {', '.join(COLUMNS)}")
        after = reader.line_num
        for cells in reader:
            line, after = after + 1, reader.line_num
            row = dict(zip(header, cells, strict=False))
            name = row.get("id", "").strip()
            name = name[1:] if name[1:2] in FORMULA and name.startswith(GUARD) else name
            if not any(cell.strip() for cell in cells):
                continue
            said = _filled(row, labels)
            if not name:
                wrong.append(f"line {line}: no id")
            elif name in found:
                wrong.append(f"line {line}: {name} is there twice")
            elif said is None:
                wrong.append(f"line {line}: label {shortened(row.get('label', ''), 40)!r}")
            else:
                found[name] = said
    except csv.Error as error:
        raise UsageError(f"{path}: line {reader.line_num}: not a table: {error}") from error
    if wrong:
        more = f"\n  and {len(wrong) - MOST_TOLD} more" if len(wrong) > MOST_TOLD else ""
        told = "\n".join(f"  {one}" for one in wrong[:MOST_TOLD])
        raise UsageError(
            f"{path}: {len(wrong)} rows that cannot be used:\n{told}{more}",
            hint=f"a label is one of {', '.join(sorted(labels))}, {UNDECIDED}, or nothing",
        )
    return found


def _filled(row: dict[str, str], labels: frozenset[str]) -> Filled | None:
    """None for a label that is none."""
    said, notes = row.get("label", "").strip().casefold(), row.get("notes", "").strip()
    if said in {"", UNDECIDED, "?"}:
        return Filled(None, notes, bool(said))
    label = next((label for label in labels if label.casefold() == said), None)
    return None if label is None else Filled(label, notes, filled=True)


def _text(path: Path) -> str:
    try:
        data = read_regular(path, MOST_BYTES)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from error
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise UsageError(
            f"{path}: line {line}: not UTF-8", hint="save it as `CSV UTF-8`, not as plain CSV"
        ) from error


def _delimiter(text: str) -> str:
    """What stands between the columns of the first line."""
    first = text.partition("\n")[0]
    return max(DELIMITERS, key=first.count)


def _guarded(text: str) -> str:
    """`text` so that no spreadsheet computes it: the apostrophe is the sign for that. Characters that CSV cannot hold are left out."""
    clean = text.replace("\0", "").replace("\r\n", "\n").replace("\r", "\n")
    return GUARD + clean if clean.lstrip().startswith(FORMULA) or clean[:1] in {"\t", "\n"} else clean
