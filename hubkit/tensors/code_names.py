"""What runs code and is no pickle, as its name and its lines show it: machine code, and path files of Python's."""

from __future__ import annotations

import re

from hubkit.tensors.kinds import ZIPS, is_tar, packing

NATIVE = re.compile(r".*\.(?:so(?:\.\d+)*|pyd|dll|dylib|exe)", re.IGNORECASE | re.DOTALL)
LINE_END = rb"(?:\r\n|[\n\r\x0b\x0c\x1c-\x1e\x85]|\xe2\x80[\xa8\xa9])"
"""Where str.splitlines ends a line, in UTF-8 and the 8-bit encodings."""
IMPORT_LINE = re.compile(LINE_END + rb"(?:\xef\xbb\xbf)?import[ \t]")
LINE_ENDS = re.compile(LINE_END)


def may_be_path_file(head: bytes) -> bool:
    """Whether a `.pth` that begins so is no checkpoint."""
    return not (head.startswith((*ZIPS, b"\x80")) or packing(head) or is_tar(head))


def runs_as_member(name: str, head: bytes) -> bool:
    """Whether a member of this name, which begins so, runs code where somebody uses it: of a path file the first bytes are looked at."""
    if name.lower().endswith(".pth"):
        return may_be_path_file(head) and IMPORT_LINE.search(b"\n" + head) is not None
    return NATIVE.fullmatch(name) is not None
