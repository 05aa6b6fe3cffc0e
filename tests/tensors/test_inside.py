"""Pickles in whatever they are packed in: every disguise is seen through, and nothing healthy is called one."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import io
import lzma
import os
import pickle
import struct
import sys
import tarfile
import time
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tensors import canary
from tensors.hostile import (
    CALL,
    HEALTHY,
    HOSTILE,
    NEW_CALL,
    SKIPPED_FRAME,
    TEXTS,
    Pid,
    joblib_by_hand,
    joblib_healthy,
    joblib_hostile,
    legacy,
    lzma_alone,
    npy,
    npz,
    objects,
    padded,
    tarred,
    torch_zip,
    zipped,
)  # fmt: skip
from tensors.loaders import load_in_every_way

from hubkit.errors import IncompleteError
from hubkit.repo.local import open_folder
from hubkit.repo.memory import MemoryView
from hubkit.repo.view import Entry
from hubkit.tensors import embedded, inside, kinds, unpacked
from hubkit.tensors.inside import Contents, look_into
from hubkit.tensors.view_file import Allowance
from hubkit.validate.imports import is_harmless, is_known, runs_code


def look(data: bytes, *, allowance: Allowance | None = None, name: str = "w") -> Contents:
    view = MemoryView(name="memory", files={name: data})
    return look_into(view, name, allowance or Allowance(100, 1 << 24, 1 << 29), is_known)


def imports(contents: Contents) -> list[str]:
    return [name for one in contents.pickles for name in one.trace.imports]


@pytest.mark.parametrize("name", HOSTILE)
def test_every_disguise_is_seen_through(name: str) -> None:
    contents = look(HOSTILE[name])
    assert any(map(runs_code, imports(contents))), contents


@pytest.mark.parametrize("name", HOSTILE)
def test_the_disguises_are_real(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if name in NOT_BY_THESE:
        pytest.skip(NOT_BY_THESE[name])
    monkeypatch.setattr(os, "getpid", canary.ring)
    monkeypatch.setattr("nt.getpid" if os.name == "nt" else "posix.getpid", canary.ring)
    monkeypatch.setitem(sys.modules, "odd-name", ModuleType("odd-name"))
    canary.RUNG.clear()
    load_in_every_way(HOSTILE[name])
    assert canary.RUNG


NOT_BY_THESE = {
    "Python 2's names": "it evaluates a 1, which leaves no trace",
    "legacy": "only torch reads beyond the first pickle",
    "pickles before it": "only a loop reads beyond the first pickle",
    "a zip behind a zip": "only torch's distributed checkpoints are read so",
    "a zip with a comment": "only readers that look at how long the comment is take it for a zip",
    "joblib, before 0.10": "only old joblib reads it",
    "opcodes behind joblib's numbers": "only joblib steps over the numbers",
    "opcodes behind numbers of a letter": "only joblib steps over the numbers",
    "opcodes behind texts of another length": "only joblib steps over the numbers",
    "opcodes behind numbers that end the pickle": "only joblib steps over the numbers",
}


@pytest.mark.train
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "name",
    [
        "legacy",
        "torch's tar",
        "opcodes behind joblib's numbers",
        "opcodes behind numbers of a letter",
        "opcodes behind texts of another length",
        "opcodes behind numbers that end the pickle",
        "joblib, before 0.10",
    ],
)
def test_what_only_torch_or_joblib_reads_is_real(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import joblib
    import torch

    monkeypatch.setattr(os, "getpid", canary.ring)
    canary.RUNG.clear()
    (tmp_path / "w").write_bytes(HOSTILE[name])
    for load in (lambda path: torch.load(path, weights_only=False), joblib.load):
        with contextlib.suppress(Exception):
            load(tmp_path / "w")
    assert canary.RUNG


@pytest.mark.train
def test_joblibs_own_files() -> None:
    for name, data in joblib_hostile().items():
        assert any(map(runs_code, imports(look(data)))), name
    for name, (_, data) in joblib_healthy().items():
        contents = look(data)
        assert all(map(is_harmless, imports(contents))), name
        assert (contents.unread, [one.trace.beyond for one in contents.pickles]) == ([], [None]), name


@pytest.mark.parametrize(
    "new",
    [
        b"(cnumpy\nndarray\nK\x01\x85X\x01\0\0\0CNtR",
        b"(NtR",
        b"0(ccopyreg\n__newobj__\n(cjoblib.numpy_pickle\nNumpyArrayWrapper\ntR",
    ],
)
def test_an_array_of_joblib_that_begins_nobody_knows_where_is_told(new: bytes) -> None:
    (one,) = look(joblib_by_hand(b"t.", new=new) + b"0" + CALL).pickles
    assert one.trace.beyond is not None
    assert "array of joblib that" in one.trace.beyond


@pytest.mark.parametrize("name", HEALTHY)
def test_what_is_healthy_is_left_alone(name: str) -> None:
    called, data = HEALTHY[name]
    contents = look(data, name=called)
    assert all(map(is_harmless, imports(contents)))
    assert (contents.unread, contents.code, contents.failed) == ([], [], None)
    assert not any(one.trace.fault or one.trace.beyond for one in contents.pickles)


@pytest.mark.parametrize("data", TEXTS, ids=repr)
@pytest.mark.parametrize(
    "wrap", [bytes, gzip.compress, lambda d: zipped(("a.txt", d)), lambda d: tarred(("a.txt", d))]
)
def test_texts_are_left_alone_wherever_they_are(data: bytes, wrap: object) -> None:
    assert look(wrap(data)) == Contents()  # type: ignore[operator]


@settings(max_examples=500, deadline=None)
@given(
    st.binary(max_size=600),
    st.sampled_from(
        [
            b"",
            b"PK\x03\x04",
            b"\x93NUMPY\x01\x00",
            b"\x1f\x8b\x08",
            b"x\x9c",
            b"\x5d\0\0",
            b"ZF0x10",
            b"\x80\x04",
        ]
    ),
)
def test_any_bytes_are_looked_into_without_a_crash(data: bytes, magic: bytes) -> None:
    contents = look(magic + data)
    assert contents.failed is None


@pytest.mark.parametrize("data", [*[npy(np.ones(3))[:n] for n in range(1, 20)], b"\x93NUMPY\x03\x00\x04\x00"])
def test_a_cut_header_of_an_array_is_no_crash(data: bytes) -> None:
    assert look(data).failed is None


CONTAINERS = [zipped(("a/data.pkl", NEW_CALL), ("b.npy", npy(objects(1)))), npz(a=np.ones(2), b=objects(1)), gzip.compress(NEW_CALL), bz2.compress(NEW_CALL),
    lzma.compress(NEW_CALL), tarred(("a", NEW_CALL)), torch_zip(NEW_CALL), zlib.compress(NEW_CALL)]  # fmt: skip


@settings(max_examples=500, deadline=None)
@given(st.sampled_from(CONTAINERS), st.integers(0, 3000), st.binary(max_size=6), st.integers(0, 40))
def test_damage_is_no_crash(data: bytes, at: int, change: bytes, cut: int) -> None:
    at %= len(data)
    look(data[:at] + change + data[at + len(change) : len(data) - cut])


def test_the_depth_is_limited_and_the_limit_is_told() -> None:
    data = NEW_CALL
    for _ in range(inside.MAX_DEPTH):
        data = gzip.compress(data)
    assert imports(look(data)) == ["os.getpid"]
    deeper = look(gzip.compress(data))
    assert imports(deeper) == []
    assert "inside 4 others" in deeper.unread[0]


def test_members_are_limited_and_the_limit_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inside, "MAX_MEMBERS", 5)
    for data in (zipped(*[(f"{n}", b"x") for n in range(6)]), tarred(*[(f"{n}", b"x") for n in range(6)])):
        assert "more than 5 members" in look(data).unread[0]


@pytest.mark.parametrize(
    "pack",
    [
        gzip.compress,
        bz2.compress,
        lzma.compress,
        zlib.compress,
        lambda d: zipped(("a", d), method=zipfile.ZIP_DEFLATED),
    ],
)
def test_bombs_are_unpacked_to_a_limit(pack: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacked, "MAX_UNPACKED", 1 << 20)
    bomb = pack(padded(b"B" + struct.pack("<I", 4 << 20) + b"\0" * (4 << 20) + b"0"))  # type: ignore[operator]
    contents = look(bomb)
    (found,) = contents.pickles
    assert "MiB come out of it" in str(found.trace.beyond)


def test_the_repository_has_an_allowance() -> None:
    bomb = gzip.compress(b"\x80\x04B" + struct.pack("<I", 4 << 20) + b"\0" * (4 << 20) + b"0" + CALL)
    contents = look(bomb, allowance=Allowance(0, 0, 1 << 20))
    assert "used up" in str(contents.failed)


def test_what_cannot_be_unpacked_is_told() -> None:
    encrypted = bytearray(zipped(("a", NEW_CALL)))
    encrypted[encrypted.rindex(b"PK\x01\x02") + 8] |= 1
    cases = {
        "encrypted": bytes(encrypted),
        "zip's method 93": zipped(("a", NEW_CALL)).replace(b"\x14\0\0\0\0\0", b"\x14\0\0\0\x5d\0"),
        "zstd": b"\x28\xb5\x2f\xfd" + b"\0" * 20,
        "lz4": b"\x04\x22\x4d\x18" + b"\0" * 20,
        "zstd or lz4": SKIPPED_FRAME * 3 + b"\x28\xb5\x2f\xfd",
        "7z": b"7z\xbc\xaf\x27\x1c" + b"\0" * 20,
        "no directory": b"PK\x03\x04" + b"\0" * 100,
        "damaged": b"\x1f\x8b\x08" + bytes(7) + b"\xff" * 20,
    }
    for words, data in cases.items():
        contents = look(data)
        assert words in " ".join(contents.unread), contents


def test_torchscript_carries_code() -> None:
    data = torch_zip(
        b"\x80\x02}.",
        ("archive/constants.pkl", b"\x80\x02)."),
        ("archive/code/__torch__.py", b"def f(): pass"),
    )
    assert look(data).code == ["archive/constants.pkl", "archive/code/__torch__.py"]


@dataclass
class SparseView(MemoryView):
    """One file of a size that no memory has: a pickle whose bytes before the call are a hole."""

    size: int = 0
    head: bytes = b""
    tail: bytes = b""

    def _list(self) -> list[Entry]:
        return [Entry("w", self.size)]

    def _read_range(self, entry: Entry, start: int, stop: int) -> bytes:
        whole = bytearray(stop - start)
        for at, data in ((0, self.head), (self.size - len(self.tail), self.tail)):
            low, high = max(at, start), min(at + len(data), stop)
            if low < high:
                whole[low - start : high - start] = data[low - at : high - at]
        return bytes(whole)


def test_24_gigabytes_of_padding_are_stepped_over() -> None:
    hole, tail = 24 << 30, b"0" + CALL
    head = b"\x80\x04\x8e" + struct.pack("<Q", hole)
    view = SparseView(name="sparse", size=len(head) + hole + len(tail), head=head, tail=tail)
    begun = time.perf_counter()
    contents = look_into(view, "w", Allowance(0, 0, 0), is_known, head)
    assert imports(contents) == ["os.getpid"]
    assert time.perf_counter() - begun < 1
    assert view.bytes_read < 1 << 20


def test_24_megabytes_of_opcodes_are_followed() -> None:
    assert imports(look(padded(b"N0" * (12 << 20)))) == ["os.getpid"]


def test_memory_stays_small() -> None:
    resource = pytest.importorskip("resource")
    look(padded(b"N0" * 1000))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    look(gzip.compress(b"\x80\x04B" + struct.pack("<I", 64 << 20) + b"\0" * (64 << 20) + b"0" + CALL))
    assert (
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 150 << 10
    )  # of which the test's own bytes are 128 MiB


def test_a_file_that_cannot_be_read_says_so(tmp_path: Path) -> None:
    view = MemoryView(name="memory", files={"a": NEW_CALL}, unreadable={"b": 10})
    assert "cannot be read" in str(look_into(view, "b", Allowance(0, 0, 0), is_known).failed)
    (tmp_path / "w.json").write_bytes(NEW_CALL)
    folder = open_folder(tmp_path)
    assert imports(look_into(folder, "w.json", Allowance(0, 0, 0), is_known)) == ["os.getpid"]
    with pytest.raises(IncompleteError):
        view.read_range("b", 0, 1)


def test_distributed_checkpoints_are_zips_in_a_row() -> None:
    first, last = torch_zip(NEW_CALL), torch_zip(b"\x80\x02}.")
    assert imports(look(first + last + last)) == ["os.getpid"]


def test_only_arrays_of_objects_are_unpickled() -> None:
    numbers = npy(np.frombuffer(NEW_CALL, np.uint8))
    assert look(numbers) == Contents()
    assert look(npz(a=np.frombuffer(NEW_CALL, np.uint8))) == Contents()
    assert imports(look(npy(objects(pickle.loads)))) != []


NUMBERS = npy(np.arange(12.0).reshape(3, 4))
BEHIND: dict[str, bytes] = {
    "an array of objects behind one of numbers": NUMBERS + npy(objects(Pid())),
    "an array of objects behind two of numbers": NUMBERS + NUMBERS + npy(objects(Pid())),
    "an array of objects behind an empty one": npy(np.zeros((0, 4))) + npy(objects(Pid())),
    "an array of objects behind texts": npy(np.array(["text", "more"])) + npy(objects(Pid())),
    "an array of objects behind one of objects": npy(objects(1, 2)) + npy(objects(Pid())),
    "an array of objects behind records": npy(np.zeros(4, [("a", "f4")])) + npy(objects(Pid())),
    "a pickle behind numbers": NUMBERS + NEW_CALL,
    "a pickle of protocol 0 behind numbers": NUMBERS + CALL,
    "a pickle behind numbers and zeros": NUMBERS + bytes(9000) + CALL,
    "an archive behind numbers": NUMBERS + torch_zip(NEW_CALL),
    "torch's old form twice": legacy(b"\x80\x02}.", bytes(64)) + legacy(NEW_CALL, bytes(64)),
    "zeros and a call behind torch's storages": legacy(b"\x80\x02}.", bytes(4096) + CALL),
}


@pytest.mark.parametrize("name", BEHIND)
@pytest.mark.parametrize("wrap", ["alone", "npz", "tar", "gzip", "deflated"])
def test_what_stands_behind_data_is_looked_into(name: str, wrap: str) -> None:
    data = BEHIND[name]
    followed = name.startswith(
        ("an array of objects behind two", "an array of objects behind an empty", "a pickle", "an archive")
    )
    if wrap in {"gzip", "deflated"} and not followed:
        pytest.skip("what is among other bytes is searched where that costs nothing")
    packed = {
        "alone": lambda: data,
        "npz": lambda: zipped(("a.npy", data)),
        "tar": lambda: tarred(("a.npy", data)),
        "gzip": lambda: gzip.compress(data),
        "deflated": lambda: zipped(("a.npy", data), method=zipfile.ZIP_DEFLATED),
    }[wrap]()
    assert any(one.endswith(".getpid") for one in imports(look(packed)))


@pytest.mark.parametrize(
    "head",
    ["{'descr': '<f4', 'fortran_order': False, 'shape': (-1, 4), }", "{'descr': '<f4'}", "{'descr': '<i3', 'fortran_order': False, 'shape': (4,), }",
     "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999, 9999999999), }", "not a header", "{'descr': '<f4', 'fortran_order': False, 'shape': (7,), }"],
)  # fmt: skip
@pytest.mark.parametrize("wrap", [lambda data: data, lambda data: zipped(("a.npy", data))])
def test_a_broken_array_is_told(head: str, wrap: object) -> None:
    text = head.encode().ljust(117) + b"\n"
    data = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + bytes(16)
    contents = look(wrap(data))  # type: ignore[operator]
    assert [one for one in contents.unread if "an array of numpy" in one]
    assert not contents.beyond


def test_a_large_packed_array_is_not_unpacked_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacked, "MAX_UNPACKED", 1 << 16)
    assert look(npz(compressed=True, a=np.zeros(1 << 18))) == Contents()


def test_the_end_of_a_large_file_is_searched_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "MOST", 1 << 12)
    monkeypatch.setattr(embedded, "PIECE", 1 << 10)
    assert imports(look(legacy(b"\x80\x02}.", bytes(1 << 16) + CALL + bytes(100)))) == ["os.getpid"]


def test_a_stream_of_several_archives_is_read_once() -> None:
    data = gzip.compress(tarred(*[(f"{n}.pt", torch_zip(NEW_CALL)) for n in range(3)]))
    contents = look(data)
    assert [one.place for one in contents.pickles] == [f"{n}.pt/archive/data.pkl" for n in range(3)]
    assert io.BytesIO(data).read(2) == b"\x1f\x8b"


@pytest.mark.parametrize("dictionary", [4096, 3 << 12, 1 << 20, 1 << 25])
def test_lzma_alone_is_known_whatever_its_dictionary(dictionary: int) -> None:
    filters = [{"id": lzma.FILTER_LZMA1, "dict_size": dictionary}]
    assert kinds.packing(lzma.compress(b"x" * 500, format=lzma.FORMAT_ALONE, filters=filters)) == "lzma"
    assert kinds.packing(b"]\0 the first line of a text, and more of it") is None


@pytest.mark.parametrize("written", [b"%06o\0x", b"0o%05o", b"%06o\0 "])
def test_a_tar_is_known_by_its_checksum_as_pythons_reader_reads_it(written: bytes) -> None:
    info = tarfile.TarInfo("a")
    head = bytearray(info.tobuf())
    head[148:156] = (written % tarfile.nti(bytes(head[148:156]))).ljust(8, b"\0")
    assert kinds.is_tar(bytes(head))
    head[148:156] = b"\x80" + (256 + sum(head[:148]) + sum(head[156:])).to_bytes(7, "big")
    assert kinds.is_tar(bytes(head))
    head[0] ^= 1
    assert not kinds.is_tar(bytes(head))


@pytest.mark.parametrize(
    "name",
    [
        "w.lzma",
        "w.xz",
        "w.gz",
        "w.bz2",
        "w.zst",
        "w.lz4",
        "w.z",
        "w.tar",
        "w.tar.gz",
        "w.zip",
        "w.whl",
        "w.egg",
    ],
)
def test_what_is_called_packed_and_is_not_is_told(name: str) -> None:
    for data in (b"\xfe\xfe no packing", b"a text\n", b"\x5d\0\0\x01\0" + b"\xff" * 40):
        assert "of no kind that is known" in " ".join(look(data, name=name).unread)
    assert look(b"a text\n", name="w.txt") == Contents()
    inner = zipped((name, b"\xfe\xfe no packing"))
    assert look(inner).unread == [f"{name}: {inside.UNRECOGNISED}"]


@pytest.mark.parametrize("lc", range(5))
@pytest.mark.parametrize("lp", range(5))
@pytest.mark.parametrize("pb", range(5))
def test_lzma_alone_is_known_whatever_its_properties(lc: int, lp: int, pb: int) -> None:
    if lc + lp <= 4:  # what liblzma takes
        assert kinds.packing(lzma_alone(NEW_CALL, lc, lp, pb)) == "lzma"
    else:
        assert kinds.packing(bytes([(pb * 5 + lp) * 9 + lc]) + lzma_alone(NEW_CALL, 3, 0, 2)[1:]) is None


def test_the_byte_that_older_readers_of_lzma_do_not_mind() -> None:
    data = lzma_alone(NEW_CALL, 3, 0, 2)
    assert imports(look(data[:13] + b"\x07" + data[14:])) == ["os.getpid"]


@pytest.mark.parametrize("end", [b"", b"\xff\xff", b"rest\n"])
def test_an_unknown_import_that_is_not_called(end: bytes) -> None:
    """Importing a module runs it; what could be lines of a text is told by the name of the file."""
    for data in (b"cmypkg.mymod\nity\n." + end, b"(lp0\ncmypkg.mymod\nity\na." + end):
        assert imports(look(data, name="w.pkl")) == ["mypkg.mymod.ity"]
        assert imports(look(data)) == ["mypkg.mymod.ity"]
        assert imports(look(data, name="w.txt")) == (["mypkg.mymod.ity"] if not end else [])
    assert imports(look(b"cmypkg\nity\n." + end, name="w.pkl")) == ["mypkg.ity"]
    assert imports(look(b"\x8c\x05mypkg\x8c\x03ity\x93." + end)) == ["mypkg.ity"]
    assert imports(look(b"cmypkg.mymod\nity\n" + b"\xff", name="w.pkl")) == ["mypkg.mymod.ity"]


@pytest.mark.parametrize("name", [".gitignore", ".dockerignore", "a.txt", "a.yaml", "a.txt.gz"])
def test_lists_of_names_are_no_import(name: str) -> None:
    assert look(b"config.yaml\nbuild\n.venv\n", name=name.removesuffix(".gz")) == Contents()
    if name.endswith(".gz"):
        assert look(gzip.compress(b"config.yaml\nbuild\n.venv\n"), name=name) == Contents()


REPEATED = {
    "imports": b"ca.b\nc\n0", "imports that run code": b"cos\nsystem\n0", "numbers": b"I1\n0", "fractions": b"F1\n0", "texts": b"Va\n0", "escapes": b"S'" + b"\\x41" * 900 + b"'\n0",
    "remembered": b"Nq\x000", "calls": b"cos\ngetcwd\n)R0", "instances": b"(ios\nsystem\n0", "extensions": b"\x82\x010", "stack globals": b"\x8c\x02os\x8c\x01a\x930", "nothing": b"N0",
    "pickles": b"N.\x80\x04",
}  # fmt: skip


@pytest.mark.parametrize("name", REPEATED)
def test_what_is_repeated_comes_to_a_verdict_in_time(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An eighth of what a file may cost, in an eighth of five seconds; what was not followed is told."""
    monkeypatch.setattr(inside, "MAX_COST", 1 << 22)
    step = REPEATED[name]
    data = gzip.compress(gzip.compress(b"\x80\x04" + step * ((24 << 20) // len(step)), 1))
    spent = []
    while not spent or (spent[-1] >= 5 / 8 + 0.3 and len(spent) < 6):  # the best of six: others may be busy
        begun = time.process_time()
        contents = look(data)
        spent.append(time.process_time() - begun)
    assert min(spent) < 5 / 8 + 0.3
    (found,) = contents.pickles
    assert found.trace.beyond


def test_members_and_empty_streams_cost_something(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inside, "MAX_COST", 1 << 20)
    for data in (
        zipped(*[(f"{n}", b"\x80\x04N.") for n in range(9000)]),
        gzip.compress(gzip.compress(b"") * 100_000),
        gzip.compress(bz2.compress(b"") * 100_000),
        gzip.compress(lzma.compress(b"") * 100_000),
    ):
        assert "takes longer" in " ".join(look(data).unread)


def test_the_repository_has_four_files_worth_of_time() -> None:
    allowance = Allowance(0, 0, 1 << 30, cost=1 << 21)
    data = padded(b"N0" * (1 << 20))
    first, second = (look(data, allowance=allowance) for _ in range(2))
    assert "more opcodes" in str(first.pickles[0].trace.beyond)
    assert "more opcodes" in str(second.pickles[0].trace.beyond)
    assert second.pickles[0].trace.at < 1000


def test_a_checkpoint_of_very_many_tensors_is_read_to_its_end() -> None:
    one = b"X\x14\0\0\0model.layers.weightsctorch._utils\n_rebuild_tensor_v2\n((X\x07\0\0\0storageq\x01ctorch\nFloatStorage\nX\x01\0\0\x000X\x03\0\0\0cpuK\x02tQK\0K\x02\x85K\x01\x85\x89}tR"
    pickled = b"\x80\x02}(" + one * 100_000 + b"u."
    storages = [
        (f"archive/data/{n}", b"\0" * 8) for n in range(60_000)
    ]  # above the 50,000 members that were the limit
    contents = look(torch_zip(pickled, *storages), name="w.pt")
    (found,) = contents.pickles
    assert (found.trace.beyond, found.trace.fault, contents.unread) == (None, None, [])
    assert set(found.trace.imports) == {"torch._utils._rebuild_tensor_v2", "torch.FloatStorage"}
