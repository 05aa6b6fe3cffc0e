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
from hubkit.tensors.arrow_types import is_table, pickled_types
from hubkit.tensors.code_names import runs_as_member
from hubkit.tensors.contents import Contents, Inside
from hubkit.tensors.embedded import embedded
from hubkit.tensors.endings import called, promise, says_packed, without_packing
from hubkit.tensors.header import HeaderError
from hubkit.tensors.joblib_arrays import WRAPPERS, joblib_imports
from hubkit.tensors.kinds import HEAD, JOBLIB_OLD, ZIPS, is_tar, may_hold, packing, unknown_packing
from hubkit.tensors.npz import MAGIC as NPY
from hubkit.tensors.npz import plain_bytes
from hubkit.tensors.pickle_steps import BEGINNINGS
from hubkit.tensors.pickle_stream import BeyondError, PickleError, PickleStream, UndoneError
from hubkit.tensors.pickle_trace import MAX_COST, Trace, trace_pickles
from hubkit.tensors.signatures import LFS_POINTER, inert, program, reads_as_text
from hubkit.tensors.unpacked import Packing, PackingError, Unpacked
from hubkit.tensors.view_file import MOST_AT_ONCE, Share, ViewFile, Window, is_streamed
from hubkit.tensors.zip_entries import ZipEntry, ends_as_zip, zip_entries
from hubkit.tensors.zip_open import open_member

if TYPE_CHECKING:
    from hubkit.repo.view import RepoView
    from hubkit.tensors.view_file import Allowance, Readable

MAX_DEPTH = 4
"""Containers inside each other: a `.tar.gz` with a torch checkpoint in it has three."""
MAX_MEMBERS = 200_000
"""Of one file, at all depths together."""
MEMBER = 150
"""What a member costs, in the time of a pickle's opcode."""
MAX_NPY_HEADER = 1 << 16
"""Bytes."""
STORAGE = re.compile(r"(?:[^/]+/)?data/\d+")
"""A member of a torch checkpoint that holds raw numbers."""
UNRECOGNISED = "its name says that it is packed, and its bytes are of no kind that is known here"
CUT = "its header says more numbers than there are bytes"
TYPES = "a column of the type arrow.py_extension_type, which is a pickle that older pyarrow runs as it reads the schema"
OLDEST = "torch's oldest form: what stands behind its raw numbers was not followed"
RAW = {"tensors", "storages"}
"""Members of torch's oldest tars, where pickles and raw numbers follow each other."""
SEARCHED = {"hdf5"}
"""Kinds of data in which some readers unpickle what they find."""
CODE = re.compile(
    r"(?:[^/]+/)?(?:constants\.pkl|code/.*\.py)|(?:[^/]+/)?\.data/(?:extern_modules|python_version)"
)
"""What only archives with code have: TorchScript's, and torch.package's."""


def look_into(
    view: RepoView, path: str, allowance: Allowance, known: Callable[[str], bool], head: bytes = b""
) -> Contents:
    """Every pickle in a file. `known` says of an import whether pickles are known for it; `head`: the first HEAD bytes, where they were read.

    Never raises for a file that cannot be read: `failed` says why.
    """
    look = _Look(Share(allowance, min(MAX_COST, allowance.cost)), known, near=view.near)
    try:
        look.into(ViewFile(view, path, allowance, head), "", 0, _last(path))
    except IncompleteError as error:
        look.contents.failed = error.message
    return look.contents


Opener = Callable[["Readable", str, int], bool]
"""Looks into one form of a file; whether it is of that form."""


class _Look:
    """The way through one file."""

    def __init__(self, share: Share, known: Callable[[str], bool], *, near: bool) -> None:
        self.contents = Contents()
        self._share, self._known, self._near = share, known, near
        self._members = 0

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
                self._pickles(file, head, place, name)
        except (PackingError, BeyondError) as error:
            self._unread(place, error)
            return
        known = bool(self.contents.pickles) and self.contents.pickles[-1].place == place
        for what, opener in self._openers(file, head, name):
            if depth >= MAX_DEPTH:
                deep = f"{what} inside {MAX_DEPTH} others: nothing is looked into deeper"
                self._unread(place, BeyondError(deep))
                known = True
                continue
            try:
                known = opener(file, place, depth) or known
            except (PickleError, BeyondError) as error:
                self._unread(place, error, what)
                known = True
        if known or native or raw or not head.strip(b"\0") or head.startswith(LFS_POINTER):
            return
        if says_packed(name):
            self._unread(place, PickleError(UNRECOGNISED))
        elif not reads_as_text(head):
            self._other(file, inert(head), place)

    def _other(self, file: Readable, kind: str | None, place: str) -> None:
        """A file that is no text, no pickle and nothing that is opened here: of a `kind`, or of none that is known."""
        if kind is None:
            self.contents.unknown.append(place)
        if kind is None or kind in SEARCHED:
            self._among(file, 0, place)

    def _among(self, file: Readable, begin: int, place: str) -> None:
        """Pickles among other bytes. Only where reading costs nothing."""
        if not self._near or is_streamed(file):
            return
        try:
            found = embedded(file, begin, self._known, self._share)
        except BeyondError as error:
            self._unread(place, error)
        else:
            self.contents.pickles += [Inside(place, found)] if found is not None else []

    def _unread(self, place: str, error: IncompleteError, what: str = "") -> None:
        told = ": ".join(filter(None, (place, what, error.message)))
        if told not in self.contents.unread:
            self.contents.unread.append(told)
            if isinstance(error, BeyondError) and not isinstance(error, UndoneError):
                self.contents.beyond.append(told)

    def _openers(self, file: Readable, head: bytes, name: str) -> Iterator[tuple[str, Opener]]:
        if head.startswith(ZIPS) or self._is_zip_by_its_end(file, name):
            yield "a zip", self._zip
        if head.startswith(NPY):
            yield "an array of numpy", self._npy
        if is_tar(head):
            yield "a tar", self._tar
        if (kind := packing(head)) is not None:
            yield f"compressed by {kind}", self._packed(kind, without_packing(name))
        if is_table(head) and self._near:
            yield "a table", self._table
        if JOBLIB_OLD.match(head):
            yield "joblib's old form", self._old_joblib
        if (unknown := unknown_packing(head)) is not None:
            yield f"packed by {unknown}", _cannot_unpack

    def _is_zip_by_its_end(self, file: Readable, name: str) -> bool:
        """Whether it is an archive behind something else. Where its end costs something, only what is called one is asked for it."""
        named = promise(name) == "zip"
        if isinstance(file, Unpacked) or not (named or (self._near and not is_streamed(file))):
            return False
        return ends_as_zip(file)

    def _pickles(self, file: Readable, head: bytes, place: str, name: str) -> None:
        """The pickles with which `file` begins, where `head` was read of it."""
        if not head or head[0] not in BEGINNINGS or head.startswith(ZIPS):
            return  # `PK` would be a reference to something outside, which no unpickler finds
        begin = file.tell() - len(head)
        trace = self._trace(file, head, name)
        if trace is None:
            return
        if not WRAPPERS.isdisjoint(trace.imports):
            file.seek(begin)
            imports, beyond = joblib_imports(PickleStream(file), self._share)
            merged = tuple(dict.fromkeys((*trace.imports, *imports)))
            trace = replace(trace, imports=merged, fault=None, beyond=trace.beyond or beyond)
        elif not (trace.fault or trace.beyond):
            self._among(file, begin + trace.at, place)
        self.contents.pickles.append(Inside(place, trace))

    def _trace(self, file: Readable, head: bytes, name: str) -> Trace | None:
        share = self._share
        return trace_pickles(
            PickleStream(file, head),
            self._known,
            called=called(name),
            cost=max(0, share.cost),
            spend=share.spend_cost,
        )

    def _member(self, place: str, name: str) -> str:
        """The place of a member. Raises BeyondError above MAX_MEMBERS."""
        self._members += 1
        if self._members > MAX_MEMBERS:
            raise BeyondError(f"more than {MAX_MEMBERS:,} members")
        self._share.spend_cost(MEMBER)
        self._share.check()
        name = name if len(name) <= 100 else f"{name[:50]}...{name[-40:]}"
        return f"{place}/{name}" if place else name

    def _zip(self, file: Readable, place: str, depth: int) -> bool:
        """Every member. Where several zips stand one after the other (torch's distributed checkpoints), all of them, the last first."""
        lost: dict[str, IncompleteError] = {}
        file.seek(0)
        begun = file.read(4) in ZIPS
        stop = size = file.seek(0, 2)
        while stop > 0 and (stop == size or begun or ends_as_zip(Window(file, 0, stop))):
            entries, begin = zip_entries(Window(file, 0, stop), MAX_MEMBERS)
            checkpoint = any(_last(entry.name) == "data.pkl" for entry in entries)
            for entry in entries:
                where = self._member(place, entry.name)
                if CODE.fullmatch(entry.name):
                    self.contents.code.append(where)
                raw = STORAGE.fullmatch(entry.name) is not None
                if self._near or not raw:
                    self._zip_member(file, entry, where, depth, lost, raw=raw and checkpoint)
            stop = begin if begin < stop else 0
        for where, why in lost.items():
            self._unread(where, why)
        return True

    def _zip_member(
        self,
        file: Readable,
        entry: ZipEntry,
        where: str,
        depth: int,
        lost: dict[str, IncompleteError],
        *,
        raw: bool,
    ) -> None:
        """One member; into `lost` why it could not be opened, unless another of its name can."""
        try:
            content = open_member(file, entry, self._share)
        except (PickleError, BeyondError) as error:
            lost[where] = error
            return
        lost.pop(where, None)
        self.into(content, where, depth + 1, _last(entry.name), raw=raw)

    def _packed(self, kind: Packing, name: str) -> Opener:
        def opener(file: Readable, place: str, depth: int) -> bool:
            content = Unpacked(file, kind, self._share)
            if kind in {"zlib", "lzma"}:  # two or three bytes that anything may begin with
                try:
                    content.read(1)
                except PackingError:
                    return False
            self.into(content, place, depth + 1, name)
            return True

        return opener

    def _old_joblib(self, file: Readable, place: str, depth: int) -> bool:
        file.seek(21)
        at = 21 + (file.read(1) == b" ")
        self.into(Unpacked(Window(file, at, file.seek(0, 2) - at), "zlib", self._share), place, depth + 1, "")
        return True

    def _npy(self, file: Readable, place: str, depth: int) -> bool:
        """Every array, and what stands behind the last: whoever has read one from an open file may read the next from it."""
        at = 0
        while True:
            stop = self._array(file, at, place)
            if stop is None:
                return True
            if (size := _size(file)) is not None and size <= stop:
                if size < stop:
                    raise PickleError(CUT)
                return True
            file.seek(stop)
            head = file.read(HEAD)
            if not head.startswith(NPY):
                break
            at = stop
            self._share.spend_cost(MEMBER)
            self._share.check()
        if head:
            found, rest = len(self.contents.pickles), _rest(file, stop)
            self.into(rest, place, depth + 1, "")
            if len(self.contents.pickles) == found:
                self._among(rest, 0, place)
        return True

    def _array(self, file: Readable, at: int, place: str) -> int | None:
        """Where the array that begins at byte `at` ends; None where its header is anything but that of numbers or texts: it is taken for one of objects."""
        file.seek(at)
        head = file.read(12)
        width = 2 if head[6:7] == b"\x01" else 4
        length = int.from_bytes(head[8 : 8 + width], "little")
        if length > MAX_NPY_HEADER:
            raise BeyondError(f"a header of {length:,} bytes, expected at most {MAX_NPY_HEADER:,}")
        file.seek(at)
        head = file.read(8 + width + length)
        try:
            size = plain_bytes(head)
        except HeaderError as error:
            self._unread(place, PickleError(error.message), "an array of numpy")
            size = None
        if size is not None:
            return at + len(head) + size
        found = len(self.contents.pickles)
        self._pickles(file, file.read(HEAD), place, "")
        if len(self.contents.pickles) == found:
            self._among(file, at + len(head), place)
        return None

    def _table(self, file: Readable, place: str, depth: int) -> bool:
        """Types of columns that are pickles. Whatever else the file is, it stays."""
        del depth
        for schema in pickled_types(file):
            self._among(BytesIO(schema), 0, place)
            self._unread(place, PickleError(TYPES))
        return False

    def _raw(self, name: str, where: str) -> None:
        """Says of what torch wrote before 0.1.10 that pickles may stand behind numbers there."""
        if name in RAW and any(one.place == where for one in self.contents.pickles):
            self._unread(where, PickleError(OLDEST))

    def _tar(self, file: Readable, place: str, depth: int) -> bool:
        import tarfile

        file.seek(0)
        try:
            with tarfile.open(fileobj=file, mode="r:") as archive:  # type: ignore[call-overload]  # it reads, seeks and tells, nothing else
                for member in archive:
                    where = self._member(place, ascii(member.name)[1:-1])
                    if member.issparse():
                        self._unread(where, UndoneError("a file with holes, which is not put together here"))
                    elif member.isreg():
                        content = Window(file, member.offset_data, member.size)
                        self.into(content, where, depth + 1, _last(member.name))
                        self._raw(member.name, where)
        except (tarfile.TarError, OSError, ValueError, EOFError, OverflowError) as error:
            raise PickleError(f"it is damaged: {str(error)[:100]}") from error
        return True


def _last(path: str) -> str:
    return path.rpartition("/")[2]


def _size(file: Readable) -> int | None:
    """Bytes of `file`; None where only reading all of it shows that."""
    if isinstance(file, Unpacked):
        return file.stated
    return None if is_streamed(file) else file.seek(0, 2)


def _rest(file: Readable, begin: int) -> Readable:
    """What stands behind byte `begin`: of a stream what one read gives, for going to its end would read all of it. Raises BeyondError where that is not all."""
    if not is_streamed(file):
        return Window(file, begin, file.seek(0, 2) - begin)
    file.seek(begin)
    rest = file.read(MOST_AT_ONCE)
    if file.read(1):
        raise BeyondError(f"more than {MOST_AT_ONCE >> 20} MiB behind its arrays")
    return BytesIO(rest)


def _cannot_unpack(file: Readable, place: str, depth: int) -> bool:
    del file, place, depth
    raise UndoneError("which is not undone here")
