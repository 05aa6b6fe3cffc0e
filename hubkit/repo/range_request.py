"""How a part of a file is asked for, and what is accepted as its answer: exactly that part, or nothing."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from hubkit.errors import IncompleteError
from hubkit.repo.transport import Answer, Ask

if TYPE_CHECKING:
    from hubkit.repo.view import Entry

RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)")


def range_request(entry: Entry, start: int, stop: int) -> Callable[[str], Ask]:
    """From an address to the request for bytes [start, stop) of `entry` there.

    A part is asked for by range and uncompressed: a store that may compress drops the range and sends everything
    (https://github.com/huggingface/huggingface_hub/pull/3778). A whole regular file may come compressed.
    """
    if entry.sha256 is None and start == 0 and stop == entry.size:
        return lambda url: Ask(url, "resolve", {}, stop, lambda answer: _check_whole(answer, stop))
    headers = {"Accept-Encoding": "identity", "Range": f"bytes={start}-{stop - 1}"}
    return lambda url: Ask(
        url, "resolve", headers, stop - start, lambda answer: _check_part(answer, start, stop, entry.size)
    )


def _check_whole(answer: Answer, size: int) -> None:
    length = answer.headers.get("content-length")
    if answer.status != 200:
        raise IncompleteError(f"the server answered {answer.status} to a plain request, expected 200")
    if length is not None and "content-encoding" not in answer.headers and length != str(size):
        raise IncompleteError(f"the server announces {length} bytes, the listing {size}")


def _check_part(answer: Answer, start: int, stop: int, size: int) -> None:
    if answer.status != 206:
        raise IncompleteError(f"the server answered {answer.status} to a range request, expected 206")
    if answer.headers.get("content-encoding", "identity") != "identity":
        raise IncompleteError("the server compressed a range, expected its bytes as they are")
    said = answer.headers.get("content-range", "")
    found = RANGE.fullmatch(said)
    if found is None or (int(found[1]), int(found[2])) != (start, stop - 1):
        raise IncompleteError(f"the server sent the range {said!r}, expected bytes {start}-{stop - 1}")
    if found[3] not in ("*", str(size)):
        raise IncompleteError(f"the file has {found[3]} bytes, the listing says {size}")
    length = answer.headers.get("content-length")
    if length is not None and length != str(stop - start):
        raise IncompleteError(f"the server announces {length} bytes for a range of {stop - start}")
