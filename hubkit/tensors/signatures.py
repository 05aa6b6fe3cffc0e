"""What a file is by how it begins: data that no reader runs, programs, or text. What is none of them, nobody here knows.

A format stands in INERT only where reading it in the usual way runs nothing that is in it. Sources: the formats' own specifications, and `file`'s magic
numbers for programs.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hubkit.tensors.protobuf import is_onnx, is_sentencepiece

if TYPE_CHECKING:
    from hubkit.tensors.view_file import Readable

INERT = {
    "png": rb"\x89PNG\r\n\x1a\n", "jpeg": rb"\xff\xd8\xff", "gif": rb"GIF8[79]a", "bmp": rb"BM....\x00\x00\x00\x00", "tiff": rb"II\*\x00|MM\x00\*|II\+\x00|MM\x00\+",
    "icon": rb"\x00\x00[\x01\x02]\x00[^\x00]\x00|icns", "riff": rb"RIFF....|RIFX....|FORM....AIF[FC]", "jpeg 2000 or xl": rb"\x00\x00\x00\x0c(?:jP  |JXL )|\xff\x0a|\xff\x4f\xff\x51",
    "photoshop": rb"8BPS\x00\x01", "openexr": rb"v/1\x01", "mpeg 4 or heif": rb"....ftyp", "mp3": rb"ID3[\x02-\x04]|\xff[\xf2\xf3\xfa\xfb]", "ogg": rb"OggS\x00", "flac": rb"fLaC",
    "matroska": rb"\x1a\x45\xdf\xa3", "midi": rb"MThd", "au": rb"\.snd", "aac": rb"\xff[\xf0\xf1\xf8\xf9]",
    "pdf": rb"%PDF-", "font": rb"\x00\x01\x00\x00\x00[\x01-\x40]|OTTO\x00|true\x00|ttcf|wOFF|wOF2", "djvu": rb"AT&TFORM",
    "parquet": rb"PAR1", "arrow": rb"ARROW1|FEA1|\xff\xff\xff\xff...\x00[\x08-\x20]\x00", "avro": rb"Obj\x01", "orc": rb"ORC", "netcdf": rb"CDF[\x01\x02\x05]",
    "gguf": rb"GGUF|FUGG|lmgg|fmgg|tjgg|algg", "npy": rb"\x93NUMPY", "tflite": rb"....TFL3", "onnx runtime": rb"....ORTM", "fasttext": rb"\xba\x16\x4f\x2f",
    "megatron's index": rb"MMIDIDX\x00\x00", "tensorboard": rb"[\x01-\xff][\x00\x01]\x00{6}....\t.{8}.{0,4}brain\.Event:2", "wandb": rb":W&B", "matlab": rb"MATLAB 5\.0 MAT-file",
    "msgpack": rb"[\x81-\x8f](?:[\xa1-\xbf]|\xd9.)[\x20-\x7e]{3}|\xde..(?:[\xa1-\xbf]|\xd9.)[\x20-\x7e]{3}|\xdf....(?:[\xa1-\xbf]|\xd9.)[\x20-\x7e]{3}",
    "glb": rb"glTF[\x01\x02]", "ply": rb"ply\r?\nformat ", "gettext": rb"\xde\x12\x04\x95|\x95\x04\x12\xde", "finder": rb"\x00\x00\x00\x01Bud1", "mobile index": rb"bplist0",
    "hdf5": rb"\x89HDF\r\n\x1a\n",
}  # fmt: skip
"""Name to how it begins. What HDF5 may hold beside arrays is looked for elsewhere (`validate.code_files`)."""
PROGRAMS = {
    "ELF": rb"\x7fELF", "Mach-O": rb"\xfe\xed\xfa[\xce\xcf]|[\xce\xcf]\xfa\xed\xfe|\xca\xfe\xba[\xbe\xbf]\x00\x00\x00[\x01-\x14]", "a program of Windows": rb"MZ.{58}..\x00\x00",
    "WebAssembly": rb"\x00asm[\x01-\x10]", "a class of Java": rb"\xca\xfe\xba\xbe\x00.\x00[\x2b-\x7f]", "Dalvik": rb"dex\n0", "compiled Lua": rb"\x1bLua", "LLVM's bitcode": rb"BC\xc0\xde|\xde\xc0\x17\x0b",
    "compiled Python": rb"(?:[\x00-\xff][\x0b-\x0f]|\xf3\xf2|\x03\xf3)\r\n(?:[\x00-\x03]\x00\x00\x00|....[\xe3\x63])", "code for a GPU": rb"\x50\xed\x55\xba|\x51\xed\x55\xba|__CLANG_OFFLOAD_BUNDLE__",
    "a library of objects": rb"!<(?:arch|thin)>\n",
}  # fmt: skip
_INERT = [(name, re.compile(pattern, re.DOTALL)) for name, pattern in INERT.items()]
_PROGRAMS = [(name, re.compile(pattern, re.DOTALL)) for name, pattern in PROGRAMS.items()]
HDF5, FIRST_USER_BLOCK = b"\x89HDF\r\n\x1a\n", 512
STRANGE = bytes({*range(32), 127} - {8, 9, 10, 12, 13, 26, 27})
"""Bytes that no text has."""
WIDE_END = bytes(4)
"""No two characters of UTF-16 or 32 have so many zeros between them: a page of a database has."""
MOST_STRANGE = 0.01
"""Of a text's bytes: a log may have one in a line."""
LFS_POINTER = b"version https://git-lfs"


def inert(head: bytes) -> str | None:
    """The name of the format that `head` begins, of which nothing runs when it is read; None for any other."""
    found = next((name for name, pattern in _INERT if pattern.match(head)), None)
    return found or (
        "sentencepiece" if is_sentencepiece(head) else "onnx" if is_onnx(head) else _safetensors(head)
    )


def program(head: bytes) -> str | None:
    """What kind of compiled program `head` begins; None where it begins none."""
    return next((name for name, pattern in _PROGRAMS if pattern.match(head)), None)


def is_hdf5_further_on(file: Readable) -> bool:
    """Whether HDF5 begins behind a block of its user: its readers look at 512 bytes, 1,024, 2,048 and so on. Source: HDF5 File Format Specification 3.0, II.A."""
    at = FIRST_USER_BLOCK
    file.seek(at)
    while found := file.read(len(HDF5)):
        if found == HDF5:
            return True
        at *= 2
        file.seek(at)
    return False


def _safetensors(head: bytes) -> str | None:
    length = int.from_bytes(head[:8], "little")
    return "safetensors" if head[8:9] == b"{" and 0 < length <= 100_000_000 else None


def reads_as_text(head: bytes) -> bool:
    """Whether `head` is the beginning of a text in any 8-bit encoding, or UTF-16 or 32: hardly a byte is one that texts do not have."""
    if head[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        return True
    bare = head.replace(b"\0", b"")
    zeros = len(head) - len(bare)
    strange = len(bare) - len(bare.translate(None, STRANGE))
    wide = zeros >= 0.4 * len(head) and bare.isascii() and WIDE_END not in head
    return strange + (0 if wide else zeros) <= MOST_STRANGE * len(head)
