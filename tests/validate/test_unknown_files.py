"""SEC005: every file is known as inert, looked into, or named; the programs among them are told by their bytes."""

from __future__ import annotations

import dbm.dumb
import gzip
import io
import pickle
import py_compile
import shelve
import sqlite3
import struct
import sys
import time
import wave
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from builders import check, view
from safetensors.numpy import save
from tensors.hostile import CALL, HEALTHY, legacy, npy, npz, tarred, torch_zip, zipped
from validate.test_pickle_search import far

from hubkit.repo.local import open_folder
from hubkit.tensors import embedded, encoded
from hubkit.tensors.signatures import inert, program, reads_as_text
from hubkit.validate.finding import Severity
from hubkit.validate.run import Selection, validate

RAW = np.random.default_rng(0).standard_normal(5000).astype("<f4").tobytes()


def varint(value: int) -> bytes:
    found = b""
    while value > 127:
        found, value = found + bytes([value & 127 | 128]), value >> 7
    return found + bytes([value])


def field(number: int, value: bytes | int) -> bytes:
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def onnx() -> bytes:
    graph = field(1, field(1, b"x") + field(4, b"MatMul")) + field(2, b"graph") + field(5, field(9, RAW))
    return field(1, 8) + field(2, b"pytorch") + field(3, b"2.9") + field(7, graph) + field(8, field(2, 17))


def sentencepiece() -> bytes:
    words = [field(1, f"\u2581word{n}".encode()) + b"\x15" + struct.pack("<f", -n) for n in range(500)]
    special = field(1, b"<unk>") + b"\x15" + bytes(4) + field(3, 2)
    return field(1, special) + b"".join(field(1, one) for one in words) + field(2, b"x")


def sound() -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(RAW)
    return file.getvalue()


INERT: dict[str, bytes] = {
    "a.png": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + RAW, "a.jpg": b"\xff\xd8\xff\xe0\0\x10JFIF\0" + RAW, "a.gif": b"GIF89a" + RAW, "a.webp": b"RIFF\x10\0\0\0WEBPVP8 " + RAW,
    "a.pdf": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n" + RAW, "a.parquet": b"PAR1" + RAW, "a.arrow": b"ARROW1\0\0" + RAW, "s.arrow": b"\xff\xff\xff\xff\x78\x01\0\0\x10\0\0\0" + RAW,
    "a.gguf": b"GGUF\3\0\0\0" + RAW, "a.onnx": onnx(), "tokenizer.model": sentencepiece(), "flax_model.msgpack": b"\x82\xa6params\x81\xa1w\xc8" + RAW, "a.csv": b"a,b\n1,2\n",
    "a.wav": sound(), "a.mp3": b"ID3\4\0\0\0\0\0\0" + RAW, "a.ogg": b"OggS\0\2" + RAW, "a.flac": b"fLaC\0\0\0\x22" + RAW, "a.mp4": b"\0\0\0\x20ftypisom" + RAW, "a.webm": b"\x1a\x45\xdf\xa3" + RAW,
    "a.ttf": b"\0\1\0\0\0\x12\1\0\0\4\0\x20" + RAW, "a.woff2": b"wOF2\0\1\0\0" + RAW, "a.otf": b"OTTO\0\x0b" + RAW, "a.h5": b"\x89HDF\r\n\x1a\n" + bytes(80) + RAW, "a.npy": npy(np.ones(9)), "a.npz": npz(a=np.ones(9)),
    "a.safetensors": save({"a": np.ones(9, np.float32)}), "no_ending": save({"a": np.ones(9, np.float32)}), ".DS_Store": b"\0\0\0\1Bud1\0\0\x10\0" + RAW, "a.tflite": b"\x1c\0\0\0TFL3" + RAW,
    "run.wandb": b":W&B\xe1\xbe\0\0" + RAW, "a.mat": b"MATLAB 5.0 MAT-file, Platform: posix".ljust(124) + b"\0\1IM" + RAW, "a.ico": b"\0\0\1\0\1\0\x10\x10" + RAW, "a.bmp": b"BM\x36\0\0\0\0\0\0\0\x36\0\0\0" + RAW,
    "events.out.tfevents.1700000000.host.1.0": b"\x18\0\0\0\0\0\0\0\xa3\x7f\x4b\x22\x09\0\0\xc0\x0c\x1b\x5c\xd9\x41\x1a\x0dbrain.Event:2" + RAW, "a.idx": b"MMIDIDX\0\0\1\0\0\0\0\0\0\0" + RAW,
    "model.bin": torch_zip(b"\x80\x02}.", ("archive/data/0", RAW)), "opt.pt": pickle.dumps({"a": 1}, 2), "empty": b"", "zeros.bin": bytes(9000), "a.txt.gz": HEALTHY["gzip of a text"][1],
    "latin.txt": "Gr\u00fc\u00dfe aus K\u00f6ln\n".encode("latin-1") * 9, "sjis.txt": "\u65e5\u672c\u8a9e\u306e\u6587\u7ae0\n".encode("shift-jis") * 9, "utf16.csv": "a,b\n1,2\n".encode("utf-16"), "bare16.txt": "a,b\n1,2\n".encode("utf-16-le"),
    "log.txt": b"\x1b[32mstep 1\x1b[0m\n" * 30 + b"\0\n", "a.ipynb": b'{"cells": []}', "LICENSE": b"MIT\n", "a.docx": zipped(("word/document.xml", b"<w/>"), ("word/media/a.png", b"\x89PNG\r\n\x1a\n" + RAW)),
    "a.tar": tarred(("a.txt", b"x"), ("b.npy", npy(np.ones(4)))), "a.avro": b"Obj\1\4" + RAW, "a.aiff": b"FORM\0\0\1\0AIFF" + RAW, "pointer.bin": HEALTHY["LFS pointer"][1],
}  # fmt: skip


def test_a_small_database_is_named(tmp_path: Path) -> None:
    """Most of its first page are zeros, as of a text in UTF-16 every second byte is."""
    base = sqlite3.connect(tmp_path / "runs.db")
    base.execute("create table runs(name)")
    base.commit()
    base.close()
    (tmp_path / "notes").write_text("which runs these are", encoding="utf-16")
    found = validate(open_folder(tmp_path), Selection(select=("SEC005",))).findings
    assert [one.path for one in found] == ["runs.db"]


@pytest.mark.parametrize("name", INERT)
def test_what_is_common_and_healthy_is_quiet(name: str) -> None:
    report = validate(
        view(files={f"x/{name}": INERT[name]}), Selection(select=("SEC005", "SEC004", "SEC001"))
    )
    assert report.findings == []
    assert report.complete


RAW_NUMBERS = {"raw numbers", "numbers that could be LZMA", "small whole numbers", "one-hot"}


@pytest.mark.parametrize("name", HEALTHY)
def test_healthy_files_are_known_but_raw_numbers(name: str) -> None:
    called, data = HEALTHY[name]
    told = [f.code for f in check(view(files={f"x/{called}": data}), "SEC005").findings]
    assert told == (["SEC005"] if name in RAW_NUMBERS else []), name


UNKNOWN: dict[str, bytes] = {
    "raw.bin": RAW, "a.png": RAW, "notes.txt": RAW, "activations": RAW, "a.sqlite": b"SQLite format 3\0\x10\0" + RAW, "lock.mdb": bytes(16) + b"\xde\xc0\xef\xbe\1\0\0\0" + RAW,
    "a.gdbm": b"\xcf\x9a\x57\x13" + RAW, "x.duckdb": bytes(8) + b"DUCK" + RAW, "a.doc": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + RAW, "saved_model.pb": b"text", "a.rds": b"A\n3\n", "half.onnx": b"\x08\x08\xff" + RAW,
    "in.zip": zipped(("a.txt", b"x"), ("b.bin", RAW)), "in.tar": tarred(("b.bin", RAW)), "not_torch.zip": zipped(("archive/data/0", RAW)),
}  # fmt: skip


@pytest.mark.parametrize("name", UNKNOWN)
@pytest.mark.parametrize("there", [lambda files: view(files=files), far])
def test_what_nobody_knows_is_named(name: str, there: object) -> None:
    if name in {"in.tar", "a.png", "notes.txt", "half.onnx", "not_torch.zip"}:
        there = lambda files: view(files=files)  # noqa: E731 - of far repositories these go by their names, which the report says
    report = check(there({f"x/{name}": UNKNOWN[name]}), "SEC005")  # type: ignore[operator]
    (finding,) = report.findings
    assert (finding.severity, finding.path) == (Severity.WARNING, f"x/{name}")


def test_all_of_them_are_one_finding() -> None:
    (finding,) = check(view(files={f"{n}.bin": RAW for n in range(200)}), "SEC005").findings
    assert "200 files" in finding.message
    assert len(finding.measured["files"]) == 100


class Runs:
    def __reduce__(self) -> tuple[object, tuple[str, ...]]:
        import os

        return os.getcwd, ()


HDF5 = b"\x89HDF\r\n\x1a\n" + bytes(90)


def test_shelves_of_every_kind(tmp_path: Path) -> None:
    """As Python itself writes them: the call is found where it stands in one piece, and the file is named in any case."""
    for name, value in (("bad", Runs()), ("good", {"a": 1})):
        with shelve.Shelf(dbm.dumb.open(str(tmp_path / name), "c")) as shelf:
            shelf["first"] = {"a": 1}
            shelf["second"] = value
        with sqlite3.connect(tmp_path / f"{name}.db") as base:
            base.execute("CREATE TABLE Dict (key BLOB UNIQUE NOT NULL, value BLOB NOT NULL)")
            base.execute("INSERT INTO Dict VALUES (?, ?)", (b"second", pickle.dumps(value)))
        base.close()
    report = validate(open_folder(tmp_path), Selection(select=("SEC001", "SEC005")))
    errors = {finding.path for finding in report.findings if finding.severity is Severity.ERROR}
    assert errors == {"bad.dat", "bad.db"}
    (named,) = [finding for finding in report.findings if finding.code == "SEC005"]
    assert named.measured["files"] == ["bad.dat", "bad.db", "good.dat", "good.db"]


@pytest.mark.parametrize(
    "where",
    [
        "behind rubbish", "in HDF5", "in HDF5 behind a text", "in HDF5 behind zeros", "in HDF5 of MATLAB", "in a member",
        "behind another pickle and zeros", "behind zeros",
    ],
)  # fmt: skip
@pytest.mark.parametrize("call", [CALL, b"\x80\x04\x8c\x02os\x94\x8c\x06getpid\x94\x93)R."])
def test_an_import_among_other_bytes_is_found(where: str, call: bytes) -> None:
    data = {
        "behind rubbish": RAW + call + RAW,
        "in HDF5": b"\x89HDF\r\n\x1a\n" + bytes(2000) + call + RAW,
        "in HDF5 behind a text": b"a block of the user's\n".ljust(512) + HDF5 + call + RAW,
        "in HDF5 behind zeros": bytes(4096) + HDF5 + call + RAW,
        "in HDF5 of MATLAB": b"MATLAB 7.3 MAT-file".ljust(512) + HDF5 + call + RAW,
        "in a member": zipped(("a", RAW + call)),
        "behind zeros": bytes(100_000) + call,
        "behind another pickle and zeros": pickle.dumps({"a": 1}) + bytes(490) + call,
    }[where]
    (finding,) = [
        f for f in check(view(files={"x": data}), "SEC001").findings if f.severity is Severity.ERROR
    ]
    assert "os.getpid" in finding.message


@pytest.mark.parametrize("pack", [bytes, gzip.compress, lambda data: gzip.compress(tarred(("a.h5", data)))])
def test_hdf5_is_searched_to_its_end_packed_or_not(
    pack: Callable[[bytes], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "PIECE", 1 << 12)
    data = HDF5 + bytes(1 << 16) + CALL + bytes(1 << 16)
    (finding,) = check(view(files={"x": pack(data)}), "SEC001").findings[:1]
    assert finding.severity is Severity.ERROR
    if pack is bytes:
        monkeypatch.setattr(embedded, "MOST", 1 << 12)
        assert check(view(files={"x.h5": data}), "SEC001").findings[0].severity is Severity.ERROR
    assert check(view(files={"x": pack(HDF5 + bytes(1 << 17))}), "SEC001").findings == []


def test_what_was_searched_in_part_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    old = legacy(b"\x80\x02}.", bytes(1 << 16))
    for most, said in ((1 << 12, 1), (1 << 20, 0)):
        monkeypatch.setattr(embedded, "MOST", most)
        report = check(view(files={"old.pt": old}), "SEC001")
        assert report.complete
        assert len([one for one in report.remarks if "searched for pickles only in part" in one]) == said


def test_a_text_that_is_longer_than_is_searched_for_base64_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoded, "MOST", encoded.PIECE)
    for size, said in ((encoded.PIECE + 9, 1), (encoded.PIECE - 9, 0)):
        report = check(view(files={"a.json": b'{"a": "' + b"x " * (size // 2) + b'"}'}), "SEC001")
        assert report.complete
        assert len([one for one in report.remarks if "of a text the first" in one]) == said


@pytest.mark.parametrize(
    "text", [b"ci", b"c" * 122 + b"\na\n", b"ciaciaos\nsystem\n", b"\x8c\x05aaaaa", b"X\5\0\0\0aaaaa", b"\x8c\x50" + b"a" * 121, b"\n", b"X"]
)  # fmt: skip
def test_the_search_among_other_bytes_is_bounded(text: bytes) -> None:
    data = HDF5 + text * (500_000 // len(text))
    begun = time.process_time()
    check(view(files={"a.h5": data}), "SEC001")
    assert time.process_time() - begun < 4


def test_the_search_for_keras_in_hdf5_is_bounded_and_said() -> None:
    many = b"".join(b'"module": "m%d", "class_name": "A", "config": "b" ' % n for n in range(30_000))
    begun = time.process_time()
    assert not check(view(files={"a.h5": HDF5 + many}), "SEC004").complete
    assert time.process_time() - begun < 4


def test_hdf5_behind_a_block_of_its_user_is_data() -> None:
    files = {
        "text.h5": b"notes\n".ljust(1024) + HDF5 + RAW,
        "zeros.h5": bytes(2048) + HDF5 + RAW,
        "a.mat": b"MATLAB 7.3 MAT-file".ljust(512) + HDF5 + RAW,
        "zeros": bytes(5000),
        "not a place of it.txt": b"x".ljust(700) + b"HDF, and the words os system\n" * 100,
    }
    assert validate(view(files=files), Selection(select=("SEC001", "SEC004", "SEC005"))).findings == []


PROGRAMS: dict[str, bytes] = {
    "ELF": b"\x7fELF\2\1\1\0" + RAW, "Mach-O": b"\xcf\xfa\xed\xfe\x0c\0\0\1" + RAW, "fat": b"\xca\xfe\xba\xbe\0\0\0\2" + RAW, "PE": b"MZ\x90\0".ljust(60, b"\0") + b"\x80\0\0\0" + RAW,
    "wasm": b"\0asm\1\0\0\0" + RAW, "class": b"\xca\xfe\xba\xbe\0\0\0\x41" + RAW, "dex": b"dex\n035\0" + RAW, "lua": b"\x1bLua\x54" + RAW, "bitcode": b"BC\xc0\xde" + RAW, "ar": b"!<arch>\n" + RAW,
}  # fmt: skip


@pytest.mark.parametrize("kind", PROGRAMS)
def test_a_program_is_one_whatever_it_is_called(kind: str) -> None:
    for name in ("tool", "a.png", "b.txt", "c.model"):
        report = validate(view(files={name: PROGRAMS[kind]}), Selection(select=("SEC004", "SEC005")))
        assert [(f.code, f.path, f.severity) for f in report.findings] == [("SEC004", name, Severity.WARNING)]
    (inside,) = check(view(files={"x.zip": zipped(("tool", PROGRAMS[kind]))}), "SEC004").findings
    assert "in it: tool" in inside.message
    for name in ("a.so", "a.exe"):  # told once
        assert len(check(view(files={name: PROGRAMS[kind]}), "SEC004").findings) == 1


def test_real_programs(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1\n", encoding="utf-8")
    made = Path(py_compile.compile(str(tmp_path / "a.py"), cfile=str(tmp_path / "a")) or "").read_bytes()
    assert program(made) == "compiled Python"
    assert program(Path(sys.executable).read_bytes()[:520]) is not None
    for good in (
        b"MZ is how it begins, and a text is what it is. " * 3,
        b"#!/bin/sh\necho\n",
        save({"a": np.ones(2)}),
    ):
        assert program(good) is None


def test_noise_is_neither_text_nor_known() -> None:
    noise = np.random.default_rng(1)
    known = sum(inert(noise.bytes(520)) is not None for _ in range(5000))
    assert known <= 15  # two bytes of an MP3 or JPEG 2000 begin one in some thousands
    assert not any(reads_as_text(noise.bytes(520)) for _ in range(2000))


def test_members_packed_by_bz2_and_lzma_are_looked_into() -> None:
    for method in (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        (finding,) = check(view(files={"a.zip": zipped(("x", CALL), method=method)}), "SEC001").findings
        assert finding.severity is Severity.ERROR
        assert (
            check(view(files={"a.zip": zipped(("x", b"text" * 999), method=method)}), "SEC001").findings == []
        )
