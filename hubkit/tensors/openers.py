"""How each form of file that holds others is opened: one function a form, which hands what it finds back to the look (`inside.py`)."""

from __future__ import annotations

import re
from collections.abc import Callable
from io import BytesIO
from typing import TYPE_CHECKING, Protocol

from hubkit.tensors.arrow_types import pickled_types
from hubkit.tensors.header import HeaderError
from hubkit.tensors.kinds import HEAD, ZIPS
from hubkit.tensors.npz import MAGIC as NPY
from hubkit.tensors.npz import plain_bytes
from hubkit.tensors.pickle_stream import BeyondError, PickleError, UndoneError
from hubkit.tensors.unpacked import Packing, PackingError, Unpacked
from hubkit.tensors.view_file import MOST_AT_ONCE, Window, is_streamed
from hubkit.tensors.zip_entries import ZipEntry, ends_as_zip, zip_entries
from hubkit.tensors.zip_open import open_member

if TYPE_CHECKING:
    from hubkit.errors import IncompleteError
    from hubkit.tensors.contents import Contents
    from hubkit.tensors.view_file import Readable, Share

MAX_MEMBERS = 200_000
"""Of one file, at all depths together."""
MEMBER = 150
"""What a member costs, in the time of a pickle's opcode."""
MAX_NPY_HEADER = 1 << 16
"""Bytes."""
STORAGE = re.compile(r"(?:[^/]+/)?data/\d+")
"""A member of a torch checkpoint that holds raw numbers."""
CUT = "its header says more numbers than there are bytes"
TYPES = "a column of the type arrow.py_extension_type, which is a pickle that older pyarrow runs as it reads the schema"
OLDEST = "torch's oldest form: what stands behind its raw numbers was not followed"
RAW = {"tensors", "storages"}
"""Members of torch's oldest tars, where pickles and raw numbers follow each other."""
CODE = re.compile(
    r"(?:[^/]+/)?(?:constants\.pkl|code/.*\.py)|(?:[^/]+/)?\.data/(?:extern_modules|python_version)"
)
"""What only archives with code have: TorchScript's, and torch.package's."""


class Look(Protocol):
    """The way through one file, as an opener sees it."""

    contents: Contents
    share: Share
    near: bool
    """Whether reading costs nothing."""

    def into(self, file: Readable, place: str, depth: int, name: str, *, raw: bool = False) -> None:
        """Look into something that was found inside; `raw`: it is there to hold numbers and nothing else."""

    def pickles(self, file: Readable, head: bytes, place: str, name: str) -> None:
        """The pickles with which `file` goes on, where `head` was read of it."""

    def among(self, file: Readable, begin: int, place: str) -> None:
        """Pickles among other bytes, from `begin` on."""

    def unread(self, place: str, error: IncompleteError, what: str = "") -> None:
        """Say that something could not be read to its end, and why."""

    def member(self, place: str, name: str) -> str:
        """The place of a member, counted. Raises BeyondError above MAX_MEMBERS."""


Opener = Callable[["Look", "Readable", str, int], bool]
"""Looks into one form of a file; whether it is of that form."""


def last_name(path: str) -> str:
    """The name at the end of a path in an archive."""
    return path.rpartition("/")[2]


def zip_archive(look: Look, file: Readable, place: str, depth: int) -> bool:
    """Every member. Where several zips stand one after the other (torch's distributed checkpoints), all of them, the last first."""
    lost: dict[str, IncompleteError] = {}  # members that no entry of their name could be opened for
    file.seek(0)
    begun = file.read(4) in ZIPS
    stop = size = file.seek(0, 2)
    while stop > 0 and (stop == size or begun or ends_as_zip(Window(file, 0, stop))):
        entries, begin = zip_entries(Window(file, 0, stop), MAX_MEMBERS)
        checkpoint = any(last_name(entry.name) == "data.pkl" for entry in entries)
        for entry in entries:
            where = look.member(place, entry.name)
            if CODE.fullmatch(entry.name):
                look.contents.code.append(where)
            raw = STORAGE.fullmatch(entry.name) is not None
            if look.near or not raw:
                why = _zip_member(look, file, entry, where, depth, raw=raw and checkpoint)
                if why is None:
                    lost.pop(where, None)
                else:
                    lost[where] = why
        stop = begin if begin < stop else 0
    for where, why in lost.items():
        look.unread(where, why)
    return True


def _zip_member(
    look: Look, file: Readable, entry: ZipEntry, where: str, depth: int, *, raw: bool
) -> IncompleteError | None:
    """Looks into one member; why it could not be opened."""
    try:
        content = open_member(file, entry, look.share)
    except (PickleError, BeyondError) as error:
        return error
    look.into(content, where, depth + 1, last_name(entry.name), raw=raw)
    return None


def packed(kind: Packing, name: str) -> Opener:
    """Of one kind of compression; `name` is that of what is in it."""

    def opener(look: Look, file: Readable, place: str, depth: int) -> bool:
        content = Unpacked(file, kind, look.share)
        if kind in {"zlib", "lzma"}:  # two or three bytes that anything may begin with
            try:
                content.read(1)
            except PackingError:
                return False
        look.into(content, place, depth + 1, name)
        return True

    return opener


def old_joblib(look: Look, file: Readable, place: str, depth: int) -> bool:
    """What joblib wrote before 0.10: a length, and what zlib made."""
    file.seek(21)
    at = 21 + (file.read(1) == b" ")
    look.into(Unpacked(Window(file, at, file.seek(0, 2) - at), "zlib", look.share), place, depth + 1, "")
    return True


def arrays(look: Look, file: Readable, place: str, depth: int) -> bool:
    """Every array, and what stands behind the last: whoever has read one from an open file may read the next from it."""
    at = 0
    while True:
        stop = _array(look, file, at, place)
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
        look.share.spend_cost(MEMBER)
        look.share.check()
    if head:
        found, rest = len(look.contents.pickles), _rest(file, stop)
        look.into(rest, place, depth + 1, "")
        if len(look.contents.pickles) == found:
            look.among(rest, 0, place)
    return True


def _array(look: Look, file: Readable, at: int, place: str) -> int | None:
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
        look.unread(place, PickleError(error.message), "an array of numpy")
        size = None
    if size is not None:
        return at + len(head) + size
    found = len(look.contents.pickles)
    look.pickles(file, file.read(HEAD), place, "")
    if len(look.contents.pickles) == found:
        look.among(file, at + len(head), place)
    return None


def table(look: Look, file: Readable, place: str, depth: int) -> bool:
    """Types of columns that are pickles. Whatever else the file is, it stays."""
    del depth
    for schema in pickled_types(file):
        look.among(BytesIO(schema), 0, place)
        look.unread(place, PickleError(TYPES))
    return False


def _raw(look: Look, name: str, where: str) -> None:
    """Says of what torch wrote before 0.1.10 that pickles may stand behind numbers there."""
    if name in RAW and any(one.place == where for one in look.contents.pickles):
        look.unread(where, PickleError(OLDEST))


def tar(look: Look, file: Readable, place: str, depth: int) -> bool:
    """Every member that is a file."""
    import tarfile

    file.seek(0)
    try:
        with tarfile.open(fileobj=file, mode="r:") as archive:  # type: ignore[call-overload]  # it reads, seeks and tells, nothing else
            for member in archive:
                where = look.member(place, ascii(member.name)[1:-1])
                if member.issparse():
                    look.unread(where, UndoneError("a file with holes, which is not put together here"))
                elif member.isreg():
                    content = Window(file, member.offset_data, member.size)
                    look.into(content, where, depth + 1, last_name(member.name))
                    _raw(look, member.name, where)
    except (tarfile.TarError, OSError, ValueError, EOFError, OverflowError) as error:
        raise PickleError(f"it is damaged: {str(error)[:100]}") from error
    return True


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


def cannot_unpack(look: Look, file: Readable, place: str, depth: int) -> bool:
    """Says so."""
    del look, file, place, depth
    raise UndoneError("which is not undone here")
