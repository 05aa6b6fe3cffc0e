"""Pickles that stand in a text, in base64: in JSON, YAML or whatever else, as stable-baselines3 and others write objects into their settings and unpickle them on loading."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Iterator
from io import BytesIO
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hubkit.tensors.view_file import Readable, Share

READ_BY_PEOPLE = (".md", ".rst", ".tex", ".html", ".py", ".ipynb", ".sh", ".js", ".ts")
"""Texts that show such things, and programs: nothing is loaded from them."""
PIECE = 1 << 20
"""Bytes of a text that are read at once."""
LONGEST = 1 << 22
"""Bytes of one run of base64; where it is longer, it is searched in parts."""
MOST = 1 << 23
"""Bytes of a text: 8 MiB. Settings that hold objects are far smaller, and a long text is read often enough as it is."""
LETTER = rb"[A-Za-z0-9+/_-]"
RUN = re.compile(
    rb"(?<![A-Za-z0-9+/_-])(?:gA[I-X]|Y[123]|K[A-P])"
    + LETTER + rb"{12,}(?:(?:\\n|\s)\s{0,40}" + LETTER + rb"{40,})*(?:(?:\\n|\s)\s{0,40}" + LETTER + rb"{1,80}(?==|[\"'\s]*\Z))?"
)  # fmt: skip
"""PROTO of protocols 2 to 5, or `c` or `(` as the first opcode; in lines, too, as `!!binary` has them."""
LETTERS = bytes(range(48, 58)) + bytes(range(65, 91)) + bytes(range(97, 123)) + b"+/_-\\ \t\r\n"
PER_COST = 5
"""Bits: how many bytes are searched in the time of a pickle's opcode."""
BLANKS = re.compile(rb"\\n|\s+")


def encoded(file: Readable, share: Share) -> Iterator[tuple[int, BytesIO]]:
    """(line, content) of each run of base64 that begins as a pickle does. Raises BeyondError where nothing is left to spend."""
    file.seek(0)
    line, rest = 1, b""
    for _ in range(MOST // PIECE):
        piece = file.read(PIECE)
        share.spend_cost(len(piece) >> PER_COST)
        share.check()
        text = rest + piece
        cut = len(text.rstrip(LETTERS)) if piece else len(text)
        cut = cut if len(text) - cut < LONGEST else len(text)
        at = 0
        for match in RUN.finditer(text, 0, cut):
            line += text.count(b"\n", at, match.start())
            at = match.start()
            yield line, BytesIO(_decoded(match[0]))
        line += text.count(b"\n", at, cut)
        rest = text[cut:]
        if not piece:
            return


def _decoded(run: bytes) -> bytes:
    run = BLANKS.sub(b"", run)
    return b64decode(
        run[: len(run) // 4 * 4] + _padded(run[len(run) // 4 * 4 :]),
        altchars=b"-_" if b"-" in run or b"_" in run else None,
    )


def _padded(last: bytes) -> bytes:
    return last + b"=" * (4 - len(last)) if len(last) > 1 else b""
