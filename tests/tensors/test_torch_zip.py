"""torch checkpoints without torch: what is in them, and hostile ones. The comparison with torch itself is marked."""

from __future__ import annotations

import contextlib
import io
import pickle
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tensors.files import checkpoint, integer, table, tensor, text, view, zipped

from hubkit.errors import HubkitError
from hubkit.tensors.container import read_header, read_values
from hubkit.tensors.header import Header, HeaderError
from hubkit.tensors.torch_zip import ALLOWED_IMPORTS, MAX_PICKLE

SIX = np.arange(6, dtype="<f4").tobytes()


def header_of(data: bytes, name: str = "ae.pt") -> Header:
    repository = view(data, name)
    try:
        return read_header(repository, name)
    finally:
        assert repository.bytes_read <= 2 * MAX_PICKLE + 200_000


def test_names_shapes_strides_and_values() -> None:
    body = table(
        a=tensor("0", (2, 3), (3, 1), 6), t=tensor("0", (3, 2), (1, 3), 6), s=tensor("0", (), (), 6, offset=4)
    )
    repository = view(checkpoint(body, {"0": SIX}), "ae.pt")
    header = read_header(repository, "ae.pt")
    assert header.container == "torch"
    assert set(header.imports) <= ALLOWED_IMPORTS
    assert header.refused == ()
    assert (header.tensors["a"].order, header.tensors["t"].order) == ("C", "F")
    assert read_values(repository, "ae.pt", header.tensors["a"]).tolist() == [[0, 1, 2], [3, 4, 5]]
    assert read_values(repository, "ae.pt", header.tensors["t"]).tolist() == [[0, 3], [1, 4], [2, 5]]
    assert read_values(repository, "ae.pt", header.tensors["s"]).tolist() == 4.0


def test_a_tensor_that_is_negated_as_it_is_loaded_is_not_read_as_its_storage() -> None:
    """torch keeps `{"neg": True}` beside the storage: thresholds that are all negative would look positive."""
    import torch

    file = io.BytesIO()
    torch.save({"t": torch._neg_view(torch.ones(3)), "u": -torch.ones(3)}, file)
    header = header_of(file.getvalue())
    assert list(header.tensors) == ["u"]
    assert header.refused == ("t: a tensor whose values are negated or conjugated as it is loaded",)


def test_nested_and_tupled_state_dicts_are_flattened() -> None:
    inner = table(W=tensor("0", (6,), (1,), 6))
    nested = b"(" + table(state_dict=inner, step=integer(3)) + integer(7) + b"t"
    assert list(header_of(checkpoint(nested, {"0": SIX})).tensors) == ["0.state_dict.W"]
    parameter = b"ctorch._utils\n_rebuild_parameter\n(" + tensor("0", (6,), (1,), 6) + b"\x88}tR"
    ordered = b"ccollections\nOrderedDict\n)R(" + text("p") + parameter + b"u"
    assert list(header_of(checkpoint(ordered, {"0": SIX})).tensors) == ["p"]
    assert list(header_of(checkpoint(tensor("0", (6,), (1,), 6), {"0": SIX})).tensors) == ["tensor"]


def test_repeated_values_are_read_and_not_without_limit() -> None:
    repository = view(checkpoint(table(a=tensor("0", (4, 2), (0, 1), 6)), {"0": SIX}), "a.pt")
    info = read_header(repository, "a.pt").tensors["a"]
    assert info.order is None
    assert read_values(repository, "a.pt", info).tolist() == [[0, 1]] * 4
    repository = view(checkpoint(table(a=tensor("0", (1 << 40, 2), (0, 1), 6)), {"0": SIX}), "a.pt")
    info = read_header(repository, "a.pt").tensors["a"]
    with pytest.raises(HubkitError, match="at most"):
        read_values(repository, "a.pt", info)


def test_storages_of_a_big_endian_machine() -> None:
    data = checkpoint(
        table(a=tensor("0", (6,), (1,), 6)), {"0": np.arange(6, dtype=">f4").tobytes()}, byteorder=b"big"
    )
    repository = view(data, "a.pt")
    assert read_values(repository, "a.pt", read_header(repository, "a.pt").tensors["a"]).tolist() == [
        0,
        1,
        2,
        3,
        4,
        5,
    ]


def test_an_executor_is_listed_refused_and_never_run(tmp_path: Path) -> None:
    trace = tmp_path / "ran"
    call = b"cos\nsystem\n(" + text(f"touch {trace}") + b"tR"
    header = header_of(checkpoint(table(a=tensor("0", (6,), (1,), 6), evil=call), {"0": SIX}))
    assert "os.system" in header.imports
    assert list(header.tensors) == ["a"]
    assert header.refused == ("evil: an object of os.system, which is not rebuilt",)
    stacked = (
        b"\x8c\x02os\x8c\x06system\x93("
        + text(f"touch {trace}")
        + b"tR0"
        + table(a=tensor("0", (6,), (1,), 6))
    )
    assert "os.system" in header_of(checkpoint(stacked, {"0": SIX})).imports
    assert not trace.exists()


def test_a_whole_module_is_refused_and_its_imports_are_listed() -> None:
    module = b"ctorch.nn.modules.linear\nLinear\n)\x81" + table(weight=tensor("0", (6,), (1,), 6)) + b"b"
    header = header_of(checkpoint(module, {"0": SIX}))
    assert header.tensors == {}
    assert header.imports[0] == "torch.nn.modules.linear.Linear"
    assert "not rebuilt" in header.refused[0]


def test_a_huge_key_and_a_long_list_cost_little() -> None:
    values = b"]q\x01(" + b"K\x01" * 200_000 + b"e"
    body = (
        b"}("
        + text("k" * 500_000)
        + values
        + text("list")
        + b"h\x01"
        + text("a")
        + tensor("0", (6,), (1,), 6)
        + b"u"
    )
    header = header_of(checkpoint(body, {"0": SIX}))
    assert list(header.tensors) == ["a"]
    assert len(header.refused) == 1
    assert len(header.refused[0]) < 200


GOOD = table(a=tensor("0", (6,), (1,), 6))
NOTED = b"q\x01"
UNFOLDING = b"".join(b"(" + (b"h\x01" * 10 if level else b"]" * 10) + b"l" + NOTED for level in range(12))
BAD = {
    "no data.pkl": zipped({"archive/data/0": SIX, "archive/xdata.pkl": b""}),
    "two data.pkl": zipped({"a/data.pkl": b"N.", "b/data.pkl": b"N."}),
    "data.pkl too deep": zipped({"a/b/data.pkl": b"N."}),
    "torchscript": checkpoint(GOOD, {"0": SIX}, **{"constants.pkl": b"N."}),
    "pickle too large": zipped({"a/data.pkl": b"N" * (MAX_PICKLE + 1)}),
    "duplicate members": checkpoint(GOOD, {"0": SIX, "1": SIX}).replace(b"data/1", b"data/0"),
    "wrong crc": checkpoint(GOOD, {"0": SIX}).replace(b"_rebuild_tensor_v2", b"_rebuild_tensor_v9", 1),
    "storage missing": checkpoint(GOOD, {"1": SIX}),
    "storage too short": checkpoint(GOOD, {"0": SIX[:-1]}),
    "beyond the storage": checkpoint(table(a=tensor("0", (7,), (1,), 6)), {"0": SIX}),
    "offset beyond": checkpoint(table(a=tensor("0", (6,), (1,), 6, offset=1)), {"0": SIX}),
    "stride beyond": checkpoint(table(a=tensor("0", (6,), (2,), 6)), {"0": SIX}),
    "negative stride": checkpoint(table(a=tensor("0", (6,), (-1,), 6)), {"0": SIX}),
    "shape against stride": checkpoint(table(a=tensor("0", (6,), (1, 1), 6)), {"0": SIX}),
    "a key with a path": checkpoint(table(a=tensor("../../0", (6,), (1,), 6)), {"0": SIX}),
    "no end": zipped({"archive/data.pkl": b"\x80\x02}"}),
    "empty pickle": zipped({"archive/data.pkl": b""}),
    "empty stack": zipped({"archive/data.pkl": b"."}),
    "no mark": zipped({"archive/data.pkl": b"Nt."}),
    "unknown memo": zipped({"archive/data.pkl": b"h\x07."}),
    "unknown opcode": zipped({"archive/data.pkl": b"\xff."}),
    "uneven dict": zipped({"archive/data.pkl": b"(Nd."}),
    "global without a name": zipped({"archive/data.pkl": b"NN\x93."}),
    "nested lists": zipped({"archive/data.pkl": b"]" * 5000 + b"a" * 4999 + b"."}),
    "nested tuples": zipped({"archive/data.pkl": b"(" * 500_000 + b"t" * 500_000 + b"."}),
    "nested keys": zipped({"archive/data.pkl": b"}" + b")" + b"\x85" * 500_000 + b"Ns" + b"\x85" * 20 + b"."}),
    "itself": zipped({"archive/data.pkl": b"]q\x00h\x00a."}),
    "unfolding": zipped({"archive/data.pkl": UNFOLDING + b"."}),
    "many globals": zipped({"archive/data.pkl": b"".join(b"ca\nb%d\n" % n for n in range(2000)) + b"."}),
    "a long number": zipped({"archive/data.pkl": b"L" + b"9" * 10_000 + b"L\n."}),
    "a text beyond the end": zipped({"archive/data.pkl": b"X\xff\xff\xff\x7fabc"}),
    "a name that cannot be shown": checkpoint(b"}(" + text("a\x1b[31m") + tensor("0", (6,), (1,), 6) + b"u", {"0": SIX}),
    "two tensors of one name": checkpoint(b"}(" + 2 * (text("a") + tensor("0", (6,), (1,), 6)) + b"u", {"0": SIX}),
    "truncated": checkpoint(GOOD, {"0": SIX})[:-40],
    "no torch file": b"hello" * 20,
    "empty": b"",
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_hostile_files_end_in_a_fault(name: str) -> None:
    with pytest.raises(HeaderError):
        header_of(BAD[name])


def test_a_fault_still_names_the_imports_before_it() -> None:
    with pytest.raises(HeaderError) as caught:
        header_of(zipped({"archive/data.pkl": b"cos\nsystem\n(" + text("true") + b"tR\xff"}))
    assert caught.value.imports == ("os.system",)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_members_of_one_name_are_refused() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", b"N.")
        archive.writestr("archive/data.pkl", b"cos\nsystem\n.")
    with pytest.raises(HeaderError, match="two members"):
        header_of(file.getvalue())


def test_a_bare_pickle_gives_its_imports_and_no_tensors() -> None:
    class Executor:
        def __reduce__(self) -> tuple[object, tuple[object, ...]]:
            return print, ("ran",)

    for protocol in range(6):
        header = header_of(pickle.dumps({"a": Executor(), "b": "\\q"}, protocol))
        assert header.container == "pickle"
        assert header.imports[-1] in {"builtins.print", "__builtin__.print"}
        assert header.tensors == {}


def test_the_legacy_form_is_recognised() -> None:
    first = (
        pickle.dumps(0x1950A86A20F9469CFC6C, 2)
        + pickle.dumps(1001, 2)
        + pickle.dumps({"little_endian": True}, 2)
    )
    body = b"\x80\x02" + GOOD + b"." + pickle.dumps(["0"], 2)
    header = header_of(first + body + struct.pack("<Q", 6) + SIX)
    assert header.container == "pickle"
    assert set(header.imports) <= ALLOWED_IMPORTS
    assert len(header.refused) == 1
    cut = header_of(first + b"\x80\x02cos\nsystem\n(")
    assert cut.imports == ("os.system",)
    assert "more imports may be there" in cut.refused[1]


def test_the_header_of_a_large_checkpoint_is_cheap() -> None:
    big = b"\0" * 4_000_000
    repository = view(
        checkpoint(table(W=tensor("0", (1000, 1000), (1000, 1), 1_000_000)), {"0": big}), "a.pt"
    )
    assert read_header(repository, "a.pt").tensors["W"].shape == (1000, 1000)
    assert repository.bytes_read < 10_000
    assert repository.requests <= 5


@settings(max_examples=300)
@given(at=st.integers(0, 500), value=st.binary(max_size=4), cut=st.integers(0, 60))
def test_damage_gives_a_fault_or_a_header(at: int, value: bytes, cut: int) -> None:
    good = checkpoint(GOOD, {"0": SIX})
    repository = view(good[:at] + value + good[at + len(value) : len(good) - cut], "a.pt")
    try:
        header = read_header(repository, "a.pt")
        for info in header.tensors.values():
            read_values(repository, "a.pt", info)
    except HubkitError:
        pass


OPCODES = st.sampled_from(
    [bytes([code]) for code in b"()]}tldsaube02.NRQch\x8c\x8d\x93\x94\x85\x86\x87\x81\x92q"]
)


@settings(max_examples=500)
@given(st.lists(OPCODES | st.binary(max_size=3) | st.just(GOOD), max_size=30).map(b"".join))
def test_any_pickle_gives_a_fault_or_a_header(body: bytes) -> None:
    for data in (checkpoint(body, {"0": SIX}), b"\x80\x02" + body):
        with contextlib.suppress(HeaderError):
            header_of(data)


@pytest.mark.train
@pytest.mark.parametrize("crc", [True, False])
def test_what_torch_writes_is_read_as_torch_reads_it(crc: bool, tmp_path: Path) -> None:
    import torch

    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(6, 4, generator=generator)
    saved = {
        "encoder.weight": weight, "decoder.weight": weight.T, "view": weight[1:3, 1:], "scalar": torch.tensor(-1.0),
        "parameter": torch.nn.Parameter(weight.clone()), "bf16": weight.bfloat16(), "f16": weight.half(), "f64": weight.double(),
        "i64": torch.arange(3), "u16": torch.arange(3).to(torch.uint16), "bool": torch.tensor([True, False]),
        "f8": weight.to(torch.float8_e4m3fn), "f8b": weight.to(torch.float8_e5m2), "empty": torch.zeros(0, 4), "step": 3, "size": weight.shape,
    }  # fmt: skip
    before = torch.serialization.get_crc32_options()
    torch.serialization.set_crc32_options(crc)
    try:
        torch.save({"state_dict": saved}, tmp_path / "ae.pt")
    finally:
        torch.serialization.set_crc32_options(before)
    repository = view((tmp_path / "ae.pt").read_bytes(), "ae.pt")
    header = read_header(repository, "ae.pt")
    assert set(header.imports) <= ALLOWED_IMPORTS
    assert header.refused == ()
    tensors = {name: value.detach() for name, value in saved.items() if isinstance(value, torch.Tensor)}
    assert list(header.tensors) == [f"state_dict.{name}" for name in tensors]
    for name, value in tensors.items():
        info = header.tensors[f"state_dict.{name}"]
        assert info.shape == tuple(value.shape)
        np.testing.assert_array_equal(read_values(repository, "ae.pt", info), value.double().numpy())


@pytest.mark.train
def test_torchs_legacy_form_and_its_module_are_told_apart(tmp_path: Path) -> None:
    import torch

    torch.save({"a": torch.ones(3)}, tmp_path / "a.pt", _use_new_zipfile_serialization=False)
    header = header_of((tmp_path / "a.pt").read_bytes())
    assert (header.container, set(header.imports) <= ALLOWED_IMPORTS) == ("pickle", True)
    torch.save(torch.nn.Linear(2, 3), tmp_path / "m.pt")
    assert "torch.nn.modules.linear.Linear" in header_of((tmp_path / "m.pt").read_bytes()).imports
