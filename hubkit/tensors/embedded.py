"""Pickles among other bytes: what they import, found by how an import is written, where nothing says at which byte a pickle begins.

This finds what is there to be found in one piece; it follows nothing, and what it does not find may be there all the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from hubkit.tensors.pickle_trace import Trace

if TYPE_CHECKING:
    from hubkit.tensors.view_file import Readable, Share

NAME = rb"([A-Za-z_][\w.]{0,120})"
TEXT = rb"(?:\x8c.|X.\0\0\0)" + NAME + rb"(?:\x94|q.|r.{4})?"
IMPORT = re.compile(rb"[ci]" + NAME + rb"\r?\n" + NAME + rb"\r?\n|" + TEXT + TEXT + rb"\x93", re.DOTALL)
"""GLOBAL or INST with their two lines, STACK_GLOBAL behind two texts."""
PIECE, OVERLAP = 1 << 20, 300
MOST = 1 << 26
"""Bytes of a file that are searched, and again as many before its end: 64 MiB."""
PER_COST = 5
"""Bits: how many bytes are searched in the time of a pickle's opcode."""
AMONG = "pickles lie among other bytes in it, and were not followed"


def embedded(file: Readable, begin: int, known: Callable[[str], bool], share: Share) -> Trace | None:
    """The known names that pickles behind byte `begin` of `file` import; None where there are none. Raises BeyondError where nothing is left to spend."""
    found: dict[str, None] = {}
    size = file.seek(0, 2)
    middle = min(size, begin + MOST)
    for start, stop in ((begin, middle), (max(middle, size - MOST), size)):
        file.seek(start)
        before = b""
        while (left := stop - file.tell()) > 0 and (piece := file.read(min(PIECE, left))):
            share.spend_cost(len(piece) >> PER_COST)
            share.check()
            for match in IMPORT.finditer(before + piece):
                module, name = (one.decode("ascii", "replace") for one in match.groups() if one is not None)
                if known(f"{module}.{name}"):
                    found[f"{module}.{name}"] = None
            before = piece[-OVERLAP:]
    return Trace(tuple(found), 0, 0, AMONG, None, begin) if found else None
