"""The texts in a file, whatever it is called: by its first bytes, unpacked where it is packed, and of what is no text its beginning."""

from __future__ import annotations

import re
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from hubkit.tensors.kinds import ZIPS, is_tar, packing
from hubkit.tensors.pickle_stream import BeyondError, PickleError
from hubkit.tensors.unpacked import PackingError, Unpacked
from hubkit.tensors.view_file import Allowance, Share, SpentError, Window, is_streamed
from hubkit.tensors.zip_entries import zip_entries
from hubkit.tensors.zip_open import open_member
from hubkit.validate.secret_containers import PNG, gzip_notes, key_of, png_texts, tar_notes, zip_note

if TYPE_CHECKING:
    from hubkit.tensors.view_file import Readable

PIECE, OVERLAP = 1 << 22, 4096
"""Bytes of a text that are searched at a time, and that are looked at twice; both even, as UTF-16 needs it."""
EDGE = 1 << 16
"""Bytes that are searched of what is no text: there a pickle, a GGUF or a picture has its words."""
HOLDS_TEXTS = re.compile(
    rb"\x80[\x02-\x05]|SQLite format 3\0|:W&B|\x89HDF\r\n|[\xcd-\xcf]\x9a\x57\x13|\x13\x57\x9a[\xcd-\xcf]"
)
"""How pickles, databases and logs of runs begin, which are searched as texts are, up to MOST_OF_BINARY."""
MOST_OF_BINARY = 1 << 25
HEAD = 8192
"""Bytes that show whether a file is text."""
BOMS = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}
CONTROLS = bytes({*range(32), 127} - {0, 8, 9, 10, 12, 13, 27})
"""What texts do not have; a zero may be half a letter."""
MAX_DEPTH, MAX_MEMBERS = 3, 5000
"""Containers inside each other, and what lies in those of one file."""
PACKED = {"gzip", "bz2", "xz", "lzip"}
LONGEST_HEADER = 100_000_000
"""Bytes: safetensors's own limit."""
NO_TEXT = (
    ".safetensors", ".npz", ".npy", ".pt", ".pth", ".bin", ".pkl", ".pickle", ".ckpt", ".joblib", ".gguf", ".onnx", ".h5", ".parquet",
    ".arrow", ".png", ".jpg", ".jpeg", ".gif", ".webp", ".ico", ".bmp", ".tif", ".tiff", ".pdf", ".zip", ".gz", ".bz2", ".xz", ".zst",
    ".tar", ".7z", ".whl", ".pyc", ".so", ".dll", ".exe", ".woff", ".woff2", ".ttf", ".mp3", ".mp4", ".wav",
)  # fmt: skip
"""Endings of files that hold no text, unless nearly all of their first bytes are."""


class Text(NamedTuple):
    """A piece of a text."""

    place: str
    """The member that it is of; empty for the file itself."""
    text: str
    lines: int
    """Line ends before it."""
    key: tuple[str, bytes] | None = None
    """Of a key in binary form, instead of a text: its kind, and how it begins."""


def text_of(data: bytes) -> str:
    """The text that bytes hold: in UTF-16 where they begin so, else UTF-8. Of UTF-16 and UTF-32 without a mark, zeros stand between letters."""
    for bom, encoding in BOMS.items():
        if data.startswith(bom):
            return data[2:].decode(encoding, errors="replace")
    return data.decode("utf-8", errors="replace")


def is_text(head: bytes, name: str) -> bool:
    """Whether a file of this name that begins so is searched whole."""
    sure = not name.lower().endswith(NO_TEXT)
    if head[:2] in BOMS or (sure and b"\0" not in head):
        return True
    bare = head.replace(b"\0", b"")
    strange = (
        len(bare) - len(bare.translate(None, CONTROLS)) + bare.decode("utf-8", "replace").count("\ufffd")
    )
    return strange <= len(bare) * (0.3 if sure else 0.01)


@dataclass
class Texts:
    """The way through one file. `most` bytes of each text are read."""

    allowance: Allowance
    most: int
    binary: bool = True
    """Whether what is no text is looked at, too."""
    piece: int = PIECE
    """Bytes that are given at once."""
    cut: list[str] = field(default_factory=list)
    """Where more could be read than was, or could not be unpacked: the members, empty for the file itself."""
    _members: int = 0
    _share: Share = field(init=False)

    def __post_init__(self) -> None:
        self._share = Share(self.allowance, self.allowance.cost)

    def of(self, file: Readable, name: str, place: str = "", depth: int = 0) -> Iterator[Text]:
        """Every text of `file`, piece by piece. Raises IncompleteError where the bytes do not come."""
        try:
            yield from self._of(file, name, place, depth)
        except (PackingError, PickleError):
            return  # damaged: what stood before it was given, and nobody reads what comes after
        except (BeyondError, SpentError):
            self.cut.append(place)

    def _of(self, file: Readable, name: str, place: str, depth: int) -> Iterator[Text]:
        file.seek(0)
        head = file.read(HEAD)
        kind = packing(head)
        deep = depth >= MAX_DEPTH
        if (key := key_of(head)) is not None:
            yield Text(place, "", 0, (key, head))
        if name.lower().endswith(".safetensors") and (length := _header_length(head)):
            yield from self._plain(Window(file, 8, length), place, self.most)
        elif head.startswith(ZIPS) and not deep:
            yield from self._zip(file, place, depth)
        elif is_tar(head) and not deep:
            yield from self._tar(file, place, depth)
        elif kind is not None and kind in PACKED and not deep:
            inner = name.rpartition(".")[0]
            if kind == "gzip" and (notes := gzip_notes(head)):
                yield Text(place, text_of(notes), 0)
            yield from self.of(Unpacked(file, kind, self._share), inner, place or inner, depth + 1)
        elif is_text(head, name):
            yield from self._plain(file, place, self.most)
        else:
            yield from self._binary(file, head, place)

    def _binary(self, file: Readable, head: bytes, place: str) -> Iterator[Text]:
        """What is no text: its beginning and its end, more of what holds texts anywhere, and a picture's own texts."""
        if not self.binary:
            return
        most = min(self.most, MOST_OF_BINARY) if HOLDS_TEXTS.match(head) else EDGE
        yield from self._plain(file, place, most, whole=False)
        if is_streamed(file):
            return
        size = file.seek(0, 2)
        if size > most:
            begin = max(most, size - EDGE)
            yield from self._plain(Window(file, begin, size - begin), place, EDGE, whole=False)
        if head.startswith(PNG):
            for data in png_texts(file, self._share):
                yield Text(place, text_of(data), 0)

    def _plain(self, file: Readable, place: str, most: int, *, whole: bool = True) -> Iterator[Text]:
        """The file in pieces: what stands across a border is seen with the next one, which begins as the file does where that tells its encoding."""
        file.seek(0)
        before, bom, lines, read = b"", b"", 0, 0
        while read < most and (piece := file.read(min(self.piece, most - read))):
            bom = piece[:2] if not read and piece[:2] in BOMS else bom
            read += len(piece)
            text = text_of(before + piece)
            yield Text(place, text, lines)
            before = bom + piece[-OVERLAP:]
            lines += text.count("\n") - text_of(before).count("\n")
        if whole and read >= most and file.read(1):
            self.cut.append(place)

    def _zip(self, file: Readable, place: str, depth: int) -> Iterator[Text]:
        entries, _ = zip_entries(file, MAX_MEMBERS)
        if note := zip_note(file):
            yield Text(place, text_of(note), 0)
        for entry in entries:
            where = self._member(place, entry.name)
            yield Text(where, "", 0)
            if entry.comment:
                yield Text(where, text_of(entry.comment), 0)
            try:
                member = open_member(file, entry, self._share)
            except (PickleError, BeyondError):
                continue
            yield from self.of(member, entry.name.rpartition("/")[2], where, depth + 1)

    def _tar(self, file: Readable, place: str, depth: int) -> Iterator[Text]:
        file.seek(0)
        try:
            with tarfile.open(fileobj=file, mode="r:") as archive:  # type: ignore[call-overload]  # it reads, seeks and tells, nothing else
                for member in archive:
                    where = self._member(place, member.name)
                    yield Text(where, "", 0)
                    yield Text(where, tar_notes(archive, member), 0)
                    if member.isreg() and not member.issparse():
                        part = Window(file, member.offset_data, member.size)
                        yield from self.of(part, member.name.rpartition("/")[2], where, depth + 1)
        except (tarfile.TarError, OSError, ValueError, EOFError, OverflowError) as error:
            raise PickleError(f"it is damaged: {str(error)[:100]}") from error

    def _member(self, place: str, name: str) -> str:
        self._members += 1
        if self._members > MAX_MEMBERS:
            raise BeyondError(f"more than {MAX_MEMBERS:,} members")
        return f"{place}/{name}" if place else name


def _header_length(head: bytes) -> int:
    """Of safetensors; 0 where the bytes are none."""
    length = int.from_bytes(head[:8], "little")
    return length if head[8:9] == b"{" and length <= LONGEST_HEADER else 0
