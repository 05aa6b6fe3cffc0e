"""Files whose loading calls something, in every disguise that is known, and healthy files as like them as can be.

What is called is `os.getpid`, which changes nothing, or the tests' own canary.
"""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import pickle
import struct
import tarfile
import warnings
import zipfile
import zlib
from typing import Any

import numpy as np
from safetensors.numpy import save

CALL = b"cos\ngetpid\n)R."
"""In protocol 0: a text of two lines and a bit."""
NEW_CALL = b"\x80\x04\x8c\x02os\x8c\x06getpid\x93)R."


class Pid:
    """An object whose unpickling calls os.getpid."""

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        import os

        return os.getpid, ()


def objects(*values: Any) -> np.ndarray:
    """An array of objects."""
    array = np.empty(len(values), object)
    array[:] = values
    return array


def npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    return file.getvalue()


def npz(*, compressed: bool = False, **arrays: np.ndarray) -> bytes:
    file = io.BytesIO()
    (np.savez_compressed if compressed else np.savez)(file, allow_pickle=True, **arrays)
    return file.getvalue()


def zipped(*members: tuple[str, bytes], method: int = zipfile.ZIP_STORED, comment: bytes = b"") -> bytes:
    """A zip; names may repeat."""
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with zipfile.ZipFile(file, "w", method) as archive:
            for name, content in members:
                archive.writestr(zipfile.ZipInfo(name), content, method)
            archive.comment = comment
    return file.getvalue()


def shifted(prefix: bytes, *members: tuple[str, bytes]) -> bytes:
    """A zip behind something, whose places count from the beginning of the file."""
    file = io.BytesIO(prefix)
    with zipfile.ZipFile(file, "a") as archive:
        for name, content in members:
            archive.writestr(name, content)
    return file.getvalue()


def tarred(*members: tuple[str, bytes]) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return file.getvalue()


def torch_zip(pickled: bytes, *more: tuple[str, bytes], root: str = "archive") -> bytes:
    """As torch.save writes it since 1.6."""
    return zipped((f"{root}/data.pkl", pickled), (f"{root}/version", b"3\n"), *more)


def legacy(body: bytes, tail: bytes = b"") -> bytes:
    """As torch.save wrote it before 1.6."""
    first = [
        0x1950A86A20F9469CFC6C,
        1001,
        {"protocol_version": 1001, "little_endian": True, "type_sizes": {}},
    ]
    return b"".join(pickle.dumps(value, 2) for value in first) + body + pickle.dumps([], 2) + tail


def joblib_file(value: Any, compress: Any = 0, protocol: int | None = None) -> bytes:
    import joblib

    file = io.BytesIO()
    joblib.dump(value, file, compress=compress, protocol=protocol)
    return file.getvalue()


def padded(padding: bytes, call: bytes = CALL) -> bytes:
    """A pickle that pushes and forgets before it calls."""
    return b"\x80\x04" + padding + call


def long_bytes(size: int) -> bytes:
    return b"B" + struct.pack("<I", size) + b"\0" * size + b"0"


BRACE = b"\x80\x02\x8a\x05\x00\x00\x00\x00{0" + CALL
"""Byte 8 is a brace, as in safetensors."""
SHORT_BRACE = b"\x80\x02U\x05aaaa{0" + CALL
POLYGLOT_HEADER = b'{"a":"' + b"x" * 200 + b'"}'


def polyglot() -> bytes:
    """A file that safetensors opens and pickle runs: a JSON header inside a number of the pickle, whose length is the header's."""
    # LONG1 of 255 bytes takes its own two bytes and the zeros of the length for a beginning: the JSON stands inside, the opcodes behind it
    length = 0xFF8A
    text = b"{}".ljust(249)
    body = text + b"0" + CALL
    return struct.pack("<Q", length) + body + b" " * (length - len(body))


def zip_of_two_minds() -> bytes:
    """Before the archive stands another one: Python sees the last, torch's reader the one that the places lead to."""
    return zipped(("archive/data.pkl", NEW_CALL)) + zipped(("archive/data.pkl", b"\x80\x02}."))


def shuffled_header() -> bytes:
    """An array of objects whose header says so in a way that only Python reads."""
    head = b"{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'des' 'cr': '|O'}"
    text = head.ljust(118) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + NEW_CALL


def lzma_alone(data: bytes, lc: int, lp: int, pb: int, dictionary: int = 1 << 16) -> bytes:
    """LZMA alone, whose first byte is (pb * 5 + lp) * 9 + lc."""
    chain = [{"id": lzma.FILTER_LZMA1, "lc": lc, "lp": lp, "pb": pb, "dict_size": dictionary}]
    return lzma.compress(data, lzma.FORMAT_ALONE, filters=chain)


def lzip(data: bytes) -> bytes:
    """As lzip writes it, which liblzma reads since 5.4 where it is not told the form."""
    chain = [{"id": lzma.FILTER_LZMA1, "lc": 3, "lp": 0, "pb": 2, "dict_size": 1 << 16}]
    body = lzma.compress(data, lzma.FORMAT_RAW, filters=chain)
    return b"LZIP\x01\x10" + body + struct.pack("<IQQ", zlib.crc32(data), len(data), len(body) + 26)


SKIPPED_FRAME = b"\x5a\x2a\x4d\x18" + struct.pack("<I", 3) + b"abc"
"""What readers of zstd and lz4 step over."""


def old_joblib(pickled: bytes) -> bytes:
    """joblib before 0.10, compressed."""
    return b"ZF" + hex(len(pickled)).encode().ljust(19) + zlib.compress(pickled)


def joblib_by_hand(
    numbers: bytes, dtype: bytes = b"u1", width: int = 1, state_of_dtype: bytes = b"", new: bytes = b")\x81"
) -> bytes:
    """A pickle of joblib with these numbers, without the padding that its newer versions write; then a call."""
    state = {
        "shape": b"M" + struct.pack("<H", len(numbers) // width) + b"\x85", "dtype": b"cnumpy\ndtype\n(X" + struct.pack("<I", len(dtype)) + dtype + b"\x89\x88tR" + state_of_dtype,
        "subclass": b"cnumpy\nndarray\n", "order": b"X\x01\x00\x00\x00C", "allow_mmap": b"\x89",
    }  # fmt: skip
    written = b"".join(
        b"X" + struct.pack("<I", len(key)) + key.encode() + value for key, value in state.items()
    )
    return b"\x80\x03(cjoblib.numpy_pickle\nNumpyArrayWrapper\n" + new + b"}(" + written + b"ub" + numbers


HOSTILE: dict[str, bytes] = {
    "protocol 0": CALL,
    "protocol 0 from a mark": b"(" + b"lp0\n0" + CALL,
    "INST": b"(ios\ngetpid\n.",
    "INST without a last line feed": b"(ios\ngetpidX",
    "OBJ": b"(cos\ngetpid\no.",
    "a call and then rubbish": CALL[:-1] + b"\xff\xff",
    "text before the call": b"Vhello\n0S'there'\n0I7\n0F1.5\n0" + CALL,
    "octal numbers": b"I010\n0" + CALL,
    "a number behind a NUL": b"I1\x00zzz\n0" + CALL,
    "what is put behind a NUL": b"\x80\x02Np0\x00x\n0" + CALL,
    "what is got behind a NUL": b"\x80\x04N\x940g0\x00y\n0" + CALL,
    "a module that is no word": b"codd-name\n__name__\n0" + CALL,
    "a module that is no word, and INST": b"codd-name\n__name__\n0(ios\ngetpid\n.",
    "a module that is no word, and a stack global": b"codd-name\n__name__\n0" + NEW_CALL[2:],
    "INST of words before it": b"(icalendar\nCalendar\n0codd-name\n__name__\n0" + CALL,
    "stack global": NEW_CALL,
    "stack global from escapes": b"\x80\x04V\\u006f\\u0073\nS'get\\160id'\n\x93)R.",
    "stack global by memo": b"\x80\x04\x8c\x02os\x94\x8c\x06getpid\x940(h\x00h\x01\x93)R.",
    "stack global of computed names": b"\x80\x04cbuiltins\nstr\n\x8c\x02os\x85R\x8c\x06getpid\x93)R.",
    "dotted": b"\x80\x04\x8c\x13torch.serialization\x8c\x09os.getpid\x93)R.",
    "Python 2's names": b"c__builtin__\neval\n(S'1'\ntR.",
    "byte 8 is a brace": BRACE,
    "byte 8 is a brace, short": SHORT_BRACE,
    "safetensors and a pickle": polyglot(),
    "3 MB of bytes before it": padded(long_bytes(3 << 20)),
    "3 MB of opcodes before it": padded(b"N0" * (3 << 19)),
    "a long line before it": padded(b"V" + b"a" * (3 << 20) + b"\n0"),
    "pickles before it": pickle.dumps({"a": 1}) * 3 + pickle.dumps(Pid()),
    "legacy": legacy(b"\x80\x02cos\ngetpid\n)R."),
    "legacy, in the magic": b"\x80\x02cos\ngetpid\n)R0" + pickle.dumps(0x1950A86A20F9469CFC6C, 2)[2:],
    "torch": torch_zip(NEW_CALL),
    "torch, two data.pkl": zipped(("a/data.pkl", b"\x80\x02}."), ("a/data.pkl", NEW_CALL)),
    "torch, two data.pkl the other way": zipped(("a/data.pkl", NEW_CALL), ("a/data.pkl", b"\x80\x02}.")),
    "torch, two folders": zipped(("a/data.pkl", b"\x80\x02}."), ("b/data.pkl", NEW_CALL)),
    "torch, deep folder": zipped(("a/b/data.pkl", NEW_CALL)),
    "torch, a pickle of 2 MB": torch_zip(padded(long_bytes(2 << 20), NEW_CALL)),
    "torch, deflated": zipped(("a/data.pkl", NEW_CALL), method=zipfile.ZIP_DEFLATED),
    "a zip behind a zip": zip_of_two_minds(),
    "a zip with a comment": zipped(("x", NEW_CALL), comment=b"PK\x05\x06" + b"c" * 300),
    "a zip behind a text": b"# A text\n" * 50 + zipped(("x.pkl", NEW_CALL)),
    "a zip behind numbers, with a comment": bytes(9000) + zipped(("x.pkl", NEW_CALL), comment=b"c" * 60_000),
    "a zip behind a prefix, its places right": shifted(b"junk" * 9, ("x.pkl", NEW_CALL)),
    "a zip behind a pickle": NEW_CALL + zipped(("x", b"text")),
    "a zip in a zip": zipped(("inner.zip", zipped(("x.bin", NEW_CALL)))),
    "npy of objects": npy(objects(Pid())),
    "npy with a shuffled header": shuffled_header(),
    "npy of records": npy(np.array([(1, Pid())], dtype=[("a", "i4"), ("b", "O")])),
    "npz of objects": npz(W_enc=np.ones((2, 3), np.float32), meta=objects(Pid())),
    "npz of objects, compressed": npz(compressed=True, meta=objects(Pid())),
    "npz, no ending inside": zipped(("W_enc", npy(objects(Pid())))),
    "npz, large bytes first": npz(a=objects(b"\0" * 200_000, Pid())),
    "gzip": gzip.compress(NEW_CALL),
    "gzip of protocol 0": gzip.compress(CALL),
    "gzip, two streams": gzip.compress(b"\x80\x04N0") + gzip.compress(CALL),
    "gzip and rubbish": gzip.compress(NEW_CALL) + b"rubbish",
    "gzip of gzip": gzip.compress(gzip.compress(NEW_CALL)),
    "bz2": bz2.compress(NEW_CALL),
    "xz": lzma.compress(NEW_CALL),
    "lzma": lzma.compress(NEW_CALL, lzma.FORMAT_ALONE),
    **{f"lzma, lc {lc} lp {lp} pb {pb}": lzma_alone(NEW_CALL, lc, lp, pb) for lc, lp, pb in ((0, 0, 0), (4, 0, 4), (0, 4, 0), (1, 3, 2), (2, 2, 3), (3, 1, 1), (0, 0, 4))},
    "lzma, of a known size": lzma.compress(NEW_CALL, lzma.FORMAT_ALONE)[:5] + struct.pack("<Q", len(NEW_CALL)) + lzma.compress(NEW_CALL, lzma.FORMAT_ALONE)[13:],
    "lzma behind xz": lzma.compress(b"\x80\x04N0") + lzma_alone(CALL, 0, 0, 0),
    "lzma behind an empty one": lzma_alone(b"", 1, 0, 0) + lzma_alone(NEW_CALL, 4, 0, 0),
    "lzip": lzip(NEW_CALL),
    "zlib": zlib.compress(NEW_CALL),
    "tar": tarred(("a.txt", b"text"), ("b.bin", NEW_CALL)),
    "tar.gz with torch": gzip.compress(tarred(("deep/w.pt", torch_zip(NEW_CALL)))),
    "torch's tar": tarred(("storages", pickle.dumps(0)), ("tensors", pickle.dumps(0)), ("pickle", NEW_CALL)),
    "joblib, before 0.10": old_joblib(NEW_CALL),
    "joblib's numbers are opcodes": joblib_by_hand(b"0" + CALL) + b"e.",
    "opcodes behind joblib's numbers": joblib_by_hand(b"\xff" * 9000) + b"0" + CALL,
    "opcodes behind numbers of a letter": joblib_by_hand(b"t.\0\0" * 2, b"f", 4) + b"0" + CALL,
    "opcodes behind texts of another length": joblib_by_hand(b"t." + b"a" * 8, b"S1", 5, b"(K\x03X\x01\0\0\0|NNNK\x05K\x01K\x00tb") + b"0" + CALL,
    "opcodes behind numbers that end the pickle": joblib_by_hand(b"t.") + b"0" + CALL,
}  # fmt: skip
NAMES = [
    "w.pickle", "w.joblib", "w.dill", "w.npy", "w.npz", "w.pth.tar", "w.model", ".metadata", "__0_0.distcp", "w.dcp", "w.gz", "w.tar", "w.zip", "w.dat",
    "w.pkl", "w.PT", "w.bin", "w", "w.json", "w.md", "w.png", "w.safetensors", "w.csv", "LICENSE", "w.parquet", "w.txt", ".gitattributes",
]  # fmt: skip


def png() -> bytes:
    return b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 8


HEALTHY: dict[str, tuple[str, bytes]] = {
    "safetensors": ("w.safetensors", save({"a": np.ones((3, 4), np.float32)})),
    "npz": ("w.npz", npz(a=np.ones(3), b=np.array(["text"]), c=np.array(["2020-01-01"], "M8[D]"))),
    "npz, compressed": ("w.npz", npz(compressed=True, a=np.arange(1000))),
    "npy": ("w.npy", npy(np.arange(10_000, dtype=np.uint8))),
    "npy of records": ("w.npy", npy(np.zeros(4, [("Output", "f4"), ("n", "i8")]))),
    "npy of harmless objects": ("w.npy", npy(objects(1, "a", None, np.ones(3)))),
    "torch": ("w.pt", torch_zip(b"\x80\x02}.", ("archive/data/0", b"\0" * 64))),
    "legacy": ("w.pt", legacy(b"\x80\x02}.", tail=np.random.default_rng(0).bytes(1 << 16))),
    "npy behind npy": ("w.npy", npy(np.arange(10)) + npy(np.array(["a"])) + npy(np.zeros((0, 3)))),
    "npy and zeros": ("w.npy", npy(np.arange(10)) + bytes(512)),
    "pickle of data": ("w.pkl", pickle.dumps({"a": [1, 2.0, "three"], "b": np.ones(3)})),
    "pickle of data, protocol 0": ("w.pkl", pickle.dumps({"a": [1, 2.0, "three"]}, 0)),
    "pickle of data, protocol 5": ("w.pkl", pickle.dumps(np.ones(1000), 5)),
    "gzip of a text": ("rows.jsonl.gz", gzip.compress(b'{"a": 1}\n' * 10_000)),
    "tar of texts": ("texts.tar", tarred(("a.txt", b"const\nfoo\n"), ("b.md", b"# B\n" * 500))),
    "tar.gz of texts": ("texts.tar.gz", gzip.compress(tarred(("a.txt", b"text"), ("b.csv", b"a,b\n1,2\n")))),
    "zip of texts": ("texts.zip", zipped(("a.txt", b"cold\nwater\n"), ("b/", b""), ("c.json", b"{}"))),
    "empty zip": ("e.zip", zipped()),
    "zip of texts behind a text": ("texts.zip", b"#!/bin/sh\n" + zipped(("a.txt", b"cold\nwater\n"))),
    "empty tar": ("e.tar", bytes(10_240)),
    "bz2 of a text": ("t.txt.bz2", bz2.compress(b"text" * 99)),
    "lzma of a text": ("t.txt.lzma", lzma_alone(b"text\n" * 99, 0, 2, 0)),
    "LFS pointer to an archive": ("w.tar.gz", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"),
    "numbers that could be LZMA": ("w.bin", np.array([0, 1, 0, 1, 0.5, 0] * 5000, "<f4").tobytes()),
    "zeros and numbers": ("w.bin", bytes(200_000) + np.arange(9000, dtype="<f4").tobytes()),
    "small whole numbers": ("w.bin", np.arange(20_000, dtype="<i8").tobytes()),
    "one-hot": ("w.bin", np.eye(300, dtype="<f4").tobytes()),
    "known names, protocol 0, not called": ("w.pkl", b"(lp0\nccollections\nOrderedDict\nactorch\nFloatStorage\na."),
    "png": ("p.png", png()),
    "parquet": ("d.parquet", b"PAR1" + bytes(range(256)) * 4 + b"PAR1"),
    "LFS pointer": ("w.bin", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"),
    "raw numbers": ("w.bin", np.random.default_rng(0).standard_normal(10_000).astype("<f4").tobytes()),
    "json": ("c.json", json.dumps({"c": "os", "(": 1}).encode()),
}  # fmt: skip
TEXTS = [
    b"cos\nsin\ntan\n", b"cache\nbuild\n.venv\n", b"code\nname\n.\n", b"(import os\nfoo\n", b"import os\nimport sys\n", b"cat\ndog\nbird\n", b"(in\nthe beginning\n",
    b"Version 1\nconfig\nname\n", b"None\n", b"I1\n.", b"N.", b"]\n", b"}\n", b"())(R.", b"Probe\ncos\nnumbers\n", b"Using c\nos\n", b"conv1,conv2\n1,2\n",
    b"c\n\n)R.", b"cold water\nhot_water\n)R.", b"const_p1,const_p2\n2.5,1\n", b"Copyright 2024 by nobody\n" * 20, b"S'a'\n.", b"X", b"", b"\n", b"(", b"c",
    b"collections\nOrderedDict\n", b"(lp0\n.", b"builtins\nprint\n", b"cache\n__pycache__\n.pytest_cache\n",
]  # fmt: skip
"""What people write, beginning with the letters of opcodes."""


def joblib_hostile() -> dict[str, bytes]:
    """What joblib itself writes."""
    return {
        "joblib": joblib_file({"a": np.ones(1000), "b": Pid()}),
        "joblib, compressed": joblib_file({"a": np.ones(1000), "b": Pid()}, compress=3),
        "joblib, xz": joblib_file({"a": np.ones(1000), "b": Pid()}, compress=("xz", 3)),
        "joblib, objects": joblib_file(objects(1, Pid())),
        "joblib, texts before it": joblib_file(
            [np.array(["ab", "c"]), np.asfortranarray(np.ones((9, 7))), Pid()]
        ),
    }


def joblib_healthy() -> dict[str, tuple[str, bytes]]:
    """The same without a call."""
    return {
        "joblib": ("w.joblib", joblib_file({"a": np.ones(1000), "b": [np.arange(7), "x"]})),
        "joblib, compressed": ("w.joblib.gz", joblib_file({"a": np.ones(1000)}, compress=("gzip", 3))),
        "joblib, Fortran and texts": (
            "w.joblib",
            joblib_file([np.asfortranarray(np.ones((5, 6))), np.array(["ab", "c"])]),
        ),
        "joblib, dates and objects": (
            "w.joblib",
            joblib_file([np.array(["2020-01-01"], "M8[D]"), objects(1, "a")]),
        ),
        **{
            f"joblib, protocol {number}": ("w.joblib", joblib_file([np.ones(3), True], protocol=number))
            for number in (0, 1, 2)
        },
        "joblib, records": (
            "w.joblib",
            joblib_file(
                [np.zeros(3, [("a", "f4"), ("b", "U3")]), np.array([b"a", b"bc"]), np.ones(2, "f2")], 0
            ),
        ),
    }
