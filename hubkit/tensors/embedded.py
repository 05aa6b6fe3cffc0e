"""Pickles among other bytes: what they import, found by how an import is written, where nothing says at which byte a pickle begins.

This finds what is there to be found in one piece; it follows nothing, and what it does not find may be there all the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from hubkit.tensors.pickle_trace import Trace
from hubkit.tensors.view_file import is_streamed

if TYPE_CHECKING:
    from hubkit.tensors.view_file import Readable, Share

NAME = rb"([A-Za-z_][\w.]{0,120})"
TEXT = [re.compile(rb"\x8c"), re.compile(rb"X.\0\0\0", re.DOTALL)]
"""Where a text of SHORT_BINUNICODE or BINUNICODE begins."""
MEMO = {0x94: 1, ord("q"): 2, ord("r"): 5}
"""Opcodes that may stand behind it, and their bytes."""
SECOND_LINE = re.compile(rb"\n" + NAME + rb"(?=\r?\n)")
"""That of GLOBAL and INST; from it one looks back, since a `c` may stand anywhere in a run of letters."""
MODULE = re.compile(NAME)
WORD = bytes(range(48, 58)) + bytes(range(65, 91)) + bytes(range(97, 123)) + b"_."
REACH = 123
"""Bytes of the first line that are looked at: an opcode, the longest name, the end of a line."""
PIECE, OVERLAP = 1 << 20, 300
MOST = 1 << 26
"""Bytes that are searched of what nobody unpickles, and again as many before its end: 64 MiB."""
PER_COST = 5
"""Bits: how many bytes are searched in the time of a pickle's opcode."""
FIRST, CANDIDATE = 12, 60
"""What a text costs, and a name that an import may have."""
AMONG = "pickles lie among other bytes in it, and were not followed"


def embedded(
    file: Readable, begin: int, known: Callable[[str], bool], share: Share, *, whole: bool = False
) -> tuple[Trace | None, bool]:
    """The known names that pickles behind byte `begin` of `file` import, or None where there are none; and whether all of it was searched.

    `whole`: to its end, however long it is; a stream is searched from its beginning on. Raises BeyondError where nothing is left to spend.
    """
    found: dict[str, None] = {}
    streamed = is_streamed(file)
    size = begin + MOST if streamed else file.seek(0, 2)
    middle = size if whole else min(size, begin + MOST)
    last = middle if streamed else max(middle, size - MOST)
    for start, stop in ((begin, middle), (last, size)):
        file.seek(start)
        before = b""
        while (left := stop - file.tell()) > 0 and (piece := file.read(min(PIECE, left))):
            share.spend_cost(len(piece) >> PER_COST)
            for name in _imports(before + piece, share):
                if known(name):
                    found[name] = None
            before = piece[-OVERLAP:]
    through = not file.read(1) if streamed else middle == last
    return Trace(tuple(found), 0, 0, AMONG, None, begin) if found else None, through


def _imports(data: bytes, share: Share) -> Iterator[str]:
    """Whatever may be the name of an import, as it stands in `data`. Raises BeyondError where nothing is left to spend."""
    share.spend_cost(data.count(b"\n"))
    share.check()
    for begin in (match for pattern in TEXT for match in pattern.finditer(data)):
        share.spend_cost(FIRST)
        module, after = _text(data, begin.start())
        name, end = _text(data, after) if module else ("", 0)
        if name and data[end : end + 1] == b"\x93":
            share.spend_cost(CANDIDATE)
            yield f"{module}.{name}"
    for second in SECOND_LINE.finditer(data):
        line = data[max(0, second.start() - REACH) : second.start()].removesuffix(b"\r")
        run = line[len(line.rstrip(WORD)) :]
        for at, letter in enumerate(run):
            if letter in b"ci" and (first := MODULE.fullmatch(run, at + 1)):
                share.spend_cost(CANDIDATE)
                yield f"{first[0].decode()}.{second[1].decode()}"
        share.check()


def _text(data: bytes, at: int) -> tuple[str, int]:
    """The name that a text which begins at byte `at` holds, empty where it holds none, and where the next opcode stands."""
    head = data[at : at + 5]
    if head[:1] == b"\x8c" and len(head) > 1:
        start, size = at + 2, head[1]
    elif head[:1] == b"X" and head[2:] == b"\0\0\0":
        start, size = at + 5, head[1]
    else:
        return "", at
    end = start + size
    match = MODULE.fullmatch(data, start, end)
    if match is None or end >= len(data):
        return "", at
    return match[0].decode(), end + MEMO.get(data[end], 0)
