"""Every pickle in a file, however it is packed: by the first bytes of the file, of each member of an archive in it, and so on to a small depth.

A name decides nothing. A file may be a pickle and an archive at once: it is looked at as both, because a loader picks one of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from io import BytesIO
from typing import TYPE_CHECKING

from hubkit.errors import IncompleteError
from hubkit.tensors.arrow_types import is_table
from hubkit.tensors.code_names import runs_as_member
from hubkit.tensors.contents import Contents, Inside
from hubkit.tensors.embedded import MOST, embedded
from hubkit.tensors.encoded import MOST as MOST_OF_TEXT
from hubkit.tensors.encoded import PER_COST, PIECE, READ_BY_PEOPLE, encoded
from hubkit.tensors.endings import called, promise, says_packed, without_packing
from hubkit.tensors.joblib_arrays import WRAPPERS, joblib_imports
from hubkit.tensors.kinds import HEAD, JOBLIB_OLD, ZIPS, is_tar, may_hold, packing, unknown_packing
from hubkit.tensors.npz import MAGIC as NPY
from hubkit.tensors.onnx_parts import asks_for
from hubkit.tensors.openers import (
    MAX_MEMBERS,
    MEMBER,
    Opener,
    arrays,
    cannot_unpack,
    last_name,
    old_joblib,
    packed,
    table,
    tar,
    zip_archive,
)
from hubkit.tensors.pickle_steps import BEGINNINGS
from hubkit.tensors.pickle_stream import BeyondError, PickleError, PickleStream, UndoneError
from hubkit.tensors.pickle_trace import MAX_COST, Trace, trace_pickles
from hubkit.tensors.signatures import LFS_POINTER, inert, is_hdf5_further_on, program, reads_as_text
from hubkit.tensors.unpacked import PackingError, Unpacked
from hubkit.tensors.view_file import MOST_AT_ONCE, Share, ViewFile, Window, is_streamed
from hubkit.tensors.zip_entries import ends_as_zip

if TYPE_CHECKING:
    from hubkit.repo.view import RepoView
    from hubkit.tensors.view_file import Allowance, Readable

MAX_DEPTH = 4
"""Containers inside each other: a `.tar.gz` with a torch checkpoint in it has three."""
UNRECOGNISED = "its name says that it is packed, and its bytes are of no kind that is known here"
NOT_BROUGHT = "HDF5, of which a copy on disk is searched for pickles, and which was not brought here"
WIDE = (b"\xff\xfe", b"\xfe\xff")
"""How UTF-16 begins, in which any two bytes may follow each other."""
ANNOUNCED = re.compile(rb"\x80[\x02-\x05]")
"""PROTO of the protocols that have it. Source: Lib/pickle.py of CPython 3.13."""
MOST_TRIED = 1_000
"""Places in one file at which a pickle may begin: raw numbers have one in 16,000 bytes."""
AS_A_PICKLE = "data.pkl"
"""What bytes are called that a pickle has unpickled."""
SEARCHED = {"hdf5", "parquet", "arrow"}
"""Kinds of data in which some readers unpickle what they find: as far as it is not compressed."""


def look_into(
    view: RepoView, path: str, allowance: Allowance, known: Callable[[str], bool], head: bytes = b""
) -> Contents:
    """Every pickle in a file. `known` says of an import whether pickles are known for it; `head`: the first HEAD bytes, where they were read.

    Never raises for a file that cannot be read: `failed` says why.
    """
    entry = view.entry(path)
    whole = view.near or (entry is not None and view.at_hand(path, 0, entry.size))
    look = _Look(Share(allowance, min(MAX_COST, allowance.cost)), known, near=whole)
    try:
        look.into(ViewFile(view, path, allowance, head), "", 0, last_name(path))
    except IncompleteError as error:
        look.contents.failed = error.message
    return look.contents


class _Look:
    """The way through one file."""

    def __init__(self, share: Share, known: Callable[[str], bool], *, near: bool) -> None:
        self.contents = Contents()
        self.share, self._known, self.near = share, known, near
        self._members = self._nested = 0

    def into(self, file: Readable, place: str, depth: int, name: str, *, raw: bool = False) -> None:
        """What `file` holds, as every reader that may be given it sees it; `raw`: it is there to hold numbers and nothing else.

        Raises IncompleteError where the bytes do not come.
        """
        try:
            file.seek(0)
            head = file.read(HEAD)
            native = program(head) is not None or (bool(place) and runs_as_member(name, head))
            if native:
                self.contents.native.append(place)
            if may_hold(head):
                self.pickles(file, head, place, name)
        except (PackingError, BeyondError) as error:
            self.unread(place, error)
            return
        known = bool(self.contents.pickles) and self.contents.pickles[-1].place == place
        for what, opener in self._openers(file, head, name):
            if depth >= MAX_DEPTH:
                deep = f"{what} inside {MAX_DEPTH} others: nothing is looked into deeper"
                self.unread(place, BeyondError(deep))
                known = True
                continue
            try:
                known = opener(self, file, place, depth) or known
            except (PickleError, BeyondError) as error:
                self.unread(place, error, what)
                known = True
        if known or native or raw or head.startswith(LFS_POINTER):
            return
        if head.strip(b"\0") and says_packed(name):
            self.unread(place, PickleError(UNRECOGNISED))
        elif self.near and not is_streamed(file) and is_hdf5_further_on(file):
            self._other(file, "hdf5", place)
        elif head.strip(b"\0") and not reads_as_text(head):
            self._other(file, inert(head), place)
        elif head and not head.strip(b"\0") and not is_streamed(file):
            self.among(file, 0, place, kind="zeros")
        elif self.near:
            self._text(file, head, place, name)

    def _text(self, file: Readable, head: bytes, place: str, name: str) -> None:
        """What begins as a text: pickles that it holds in base64, and those behind it."""
        if not name.lower().endswith(READ_BY_PEOPLE):
            self._written(file, place)
        if b"\0" not in head and not head.startswith(WIDE) and not is_streamed(file):
            self._behind_text(file, place)

    def _written(self, file: Readable, place: str) -> None:
        """Pickles that a text holds in base64: those of an import that pickles are known for."""
        try:
            for line, content in encoded(file, self.share):
                trace = self._trace(content, content.read(HEAD), "")
                if trace is not None and any(map(self._known, trace.imports)):
                    where = f"base64 in line {line:,}"
                    self.contents.pickles.append(Inside(f"{place}: {where}" if place else where, trace))
            if file.read(1):
                self.contents.partly.append(place)
        except (BeyondError, PackingError) as error:
            self.unread(place, error)

    def _behind_text(self, file: Readable, place: str) -> None:
        """Pickles somewhere behind a beginning that is text, by their first two bytes, which no text has beside each other."""
        at, tried = 0, 0
        try:
            while at < MOST_OF_TEXT:
                file.seek(at)
                piece = file.read(PIECE)
                self.share.spend_cost(len(piece) >> PER_COST)
                self.share.check()
                for match in ANNOUNCED.finditer(piece):
                    file.seek(at + match.start())
                    trace = self._trace(file, file.read(HEAD), "")
                    if trace is not None and self._is_sure(trace):
                        where = f"from byte {at + match.start():,} on"
                        self.contents.pickles.append(Inside(f"{place}: {where}" if place else where, trace))
                        return
                    tried += 1
                    if tried == MOST_TRIED:
                        return
                if len(piece) < PIECE:
                    return
                at += PIECE - 1
        except (BeyondError, PackingError) as error:
            self.unread(place, error)

    def _is_sure(self, trace: Trace) -> bool:
        """Whether it is a pickle even where nobody calls it one: it comes to its end, or imports what pickles are known for."""
        return any(map(self._known, trace.imports)) or (bool(trace.imports) and not trace.fault)

    def _other(self, file: Readable, kind: str | None, place: str) -> None:
        """A file that is no text, no pickle and nothing that is opened here: of a `kind`, or of none that is known."""
        if kind is None:
            self.contents.unknown.append(place)
        if kind is None or kind in SEARCHED:
            self.among(file, 0, place, kind=kind)
        if kind == "onnx" and self.near and not is_streamed(file):
            try:
                self.contents.needs += [
                    f"{place}: {one}" if place else one for one in asks_for(file, self.share)
                ]
            except BeyondError as error:
                self.unread(place, error)

    def among(self, file: Readable, begin: int, place: str, *, kind: str | None = None) -> None:
        """Pickles among other bytes: only where reading costs nothing. What is of no `kind` is told elsewhere; HDF5, which readers unpickle from, is searched to its end."""
        if not self.near:
            if kind == "hdf5":
                self.unread(place, UndoneError(NOT_BROUGHT))
            return
        whole = kind == "hdf5"
        try:
            found, through = embedded(file, begin, self._known, self.share, whole=whole)
        except (BeyondError, PackingError) as error:
            self.unread(place, error)
            return
        self.contents.pickles += [Inside(place, found)] if found is not None else []
        if not through and kind is not None and is_streamed(file):
            self.unread(place, BeyondError(f"more than {MOST >> 20} MiB of {kind}, packed"))
        elif not through:
            self.contents.partly.append(place)

    def unread(self, place: str, error: IncompleteError, what: str = "") -> None:
        told = ": ".join(filter(None, (place, what, error.message)))
        if told not in self.contents.unread:
            self.contents.unread.append(told)
            if isinstance(error, BeyondError) and not isinstance(error, UndoneError):
                self.contents.beyond.append(told)

    def _openers(self, file: Readable, head: bytes, name: str) -> Iterator[tuple[str, Opener]]:
        if head.startswith(ZIPS) or self._is_zip_by_its_end(file, name):
            yield "a zip", zip_archive
        if head.startswith(NPY):
            yield "an array of numpy", arrays
        if is_tar(head):
            yield "a tar", tar
        if (kind := packing(head)) is not None:
            yield f"compressed by {kind}", packed(kind, without_packing(name))
        if is_table(head) and self.near:
            yield "a table", table
        if JOBLIB_OLD.match(head):
            yield "joblib's old form", old_joblib
        if (unknown := unknown_packing(head)) is not None:
            yield f"packed by {unknown}", cannot_unpack

    def _is_zip_by_its_end(self, file: Readable, name: str) -> bool:
        """Whether it is an archive behind something else. Where its end costs something, only what is called one is asked for it."""
        named = promise(name) == "zip"
        if isinstance(file, Unpacked) or not (named or (self.near and not is_streamed(file))):
            return False
        return ends_as_zip(file)

    def pickles(self, file: Readable, head: bytes, place: str, name: str) -> None:
        """The pickles with which `file` begins, where `head` was read of it."""
        if not head or head[0] not in BEGINNINGS or head.startswith(ZIPS):
            return  # `PK` would be a reference to something outside, which no unpickler finds
        begin = file.tell() - len(head)
        trace = self._trace(file, head, name)
        if trace is None:
            return
        if not WRAPPERS.isdisjoint(trace.imports):
            file.seek(begin)
            imports, beyond = joblib_imports(PickleStream(file), self.share)
            merged = tuple(dict.fromkeys((*trace.imports, *imports)))
            trace = replace(trace, imports=merged, fault=None, beyond=trace.beyond or beyond)
        elif not (trace.fault or trace.beyond):
            self.among(file, begin + trace.at, place)
        pickles, own = self.contents.pickles, Inside(place, trace)
        pickles.append(own)
        if trace.loads and self._nested < MAX_DEPTH and self._loaded(file, begin, trace, place):
            pickles.remove(own)
            pickles.append(Inside(place, replace(trace, imports=trace.other_imports)))

    def _loaded(self, file: Readable, begin: int, trace: Trace, place: str) -> bool:
        """What the pickle hands on to be unpickled, as if each were a file of its own; whether all of it could be looked at."""
        self._nested += 1
        try:
            for blob in trace.loads:
                where = self.member(place, f"bytes at {begin + blob.start:,}")
                self.into(_part(file, begin + blob.start, blob.size), where, self._nested, AS_A_PICKLE)
        except (PackingError, BeyondError) as error:
            self.unread(place, error)
            return False
        finally:
            self._nested -= 1
        return True

    def _trace(self, file: Readable, head: bytes, name: str) -> Trace | None:
        share = self.share
        return trace_pickles(
            PickleStream(file, head),
            self._known,
            called=called(name),
            cost=max(0, share.cost),
            spend=share.spend_cost,
        )

    def member(self, place: str, name: str) -> str:
        """The place of a member. Raises BeyondError above MAX_MEMBERS."""
        self._members += 1
        if self._members > MAX_MEMBERS:
            raise BeyondError(f"more than {MAX_MEMBERS:,} members")
        self.share.spend_cost(MEMBER)
        self.share.check()
        name = name if len(name) <= 100 else f"{name[:50]}...{name[-40:]}"
        return f"{place}/{name}" if place else name


def _part(file: Readable, start: int, size: int) -> Readable:
    """A part of `file`; of one that begins anew to go back, a copy. Raises BeyondError where that is too large."""
    part = Window(file, start, size)
    if not is_streamed(file):
        return part
    if size > MOST_AT_ONCE:
        raise BeyondError(f"{size:,} bytes that are unpickled in their turn, packed")
    return BytesIO(part.read(size))
