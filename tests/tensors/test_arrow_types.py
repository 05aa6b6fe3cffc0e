"""Columns of Arrow and Parquet whose type is a pickle, as pyarrow writes them, beside tables that are healthy."""

from __future__ import annotations

import gzip
import io
import pickle
from typing import Any

import pytest
from builders import check, view
from tensors.hostile import NEW_CALL, Pid, tarred, zipped

pa = pytest.importorskip("pyarrow")
WRAPS = {
    "alone": lambda data: data,
    "zip": lambda data: zipped(("a", data)),
    "tar": lambda data: tarred(("a", data)),
}


def table(name: bytes, metadata: bytes) -> Any:
    field = pa.field(
        "a",
        pa.int64(),
        metadata={b"ARROW:extension:name": name, b"ARROW:extension:metadata": metadata},
    )
    return pa.table([pa.array(range(5))], schema=pa.schema([field]))


def written(kind: str, one: Any) -> bytes:
    import pyarrow.feather
    import pyarrow.parquet

    file = io.BytesIO()
    if kind == "parquet":
        pyarrow.parquet.write_table(one, file)
    elif kind == "feather":
        pyarrow.feather.write_feather(one, file)
    else:
        make = pa.ipc.new_stream if kind == "stream" else pa.ipc.new_file
        with make(file, one.schema) as writer:
            writer.write_table(one)
    return file.getvalue()


KINDS = ["parquet", "feather", "stream", "file"]


@pytest.mark.parametrize(
    "pickled", [pickle.dumps(Pid(), 0), pickle.dumps(Pid(), 2), NEW_CALL, b"cos\nsystem\n(S'id'\ntR."]
)
@pytest.mark.parametrize("wrap", WRAPS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_type_that_is_a_pickle_is_named(kind: str, wrap: str, pickled: bytes) -> None:
    data = WRAPS[wrap](written(kind, table(b"arrow.py_extension_type", pickled)))
    found = check(view(files={"rows.data": data}), "SEC001").findings
    assert {one.path for one in found} == {"rows.data"}
    assert any("which run code" in one.message for one in found)
    assert any("arrow.py_extension_type" in one.message for one in found)


@pytest.mark.parametrize("kind", KINDS)
def test_the_type_is_named_whatever_its_pickle(kind: str) -> None:
    data = written(kind, table(b"arrow.py_extension_type", b"no pickle"))
    (one,) = check(view(files={"rows.data": data}), "SEC001").findings
    assert "arrow.py_extension_type" in one.message


def test_a_packed_stream_is_looked_into_where_its_schema_stands() -> None:
    data = gzip.compress(written("stream", table(b"arrow.py_extension_type", NEW_CALL)))
    found = check(view(files={"rows.gz": data}), "SEC001").findings
    assert any("which run code" in one.message for one in found)


@pytest.mark.parametrize("wrap", WRAPS)
@pytest.mark.parametrize("kind", KINDS)
def test_healthy_tables_are_left_alone(kind: str, wrap: str) -> None:
    for one in (
        table(b"my.type", b"{}"),
        pa.table({"text": ["a pickle", "arrow.py_extension_type"], "n": [1.5, 2.5]}),
    ):
        assert check(view(files={"rows.data": WRAPS[wrap](written(kind, one))}), "SEC001").findings == []


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("cut", [5, 9, 60, 300])
def test_damage_is_no_crash(kind: str, cut: int) -> None:
    data = written(kind, table(b"arrow.py_extension_type", NEW_CALL))
    check(view(files={"rows.data": data[:cut], "b": data[cut:], "c": data[:-cut]}), "SEC001")


@pytest.mark.parametrize("compression", ["none", "snappy"])
def test_pickles_in_a_column_of_bytes_are_told_as_far_as_they_can_be_seen(compression: str) -> None:
    import pyarrow.parquet

    def parquet(*values: bytes) -> bytes:
        file = io.BytesIO()
        pyarrow.parquet.write_table(pa.table({"x": list(values)}), file, compression=compression)
        return file.getvalue()

    found = check(view(files={"rows.parquet": parquet(pickle.dumps(Pid(), 2), NEW_CALL)}), "SEC001").findings
    assert any("which run code" in one.message for one in found)
    healthy = parquet(b"cos", b"system", b"\x00\x01" * 50, b"import os\nos.system('id')\n")
    assert check(view(files={"rows.parquet": healthy}), "SEC001").findings == []
