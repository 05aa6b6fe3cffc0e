"""What a pickle hands to torch.storage._load_from_bytes is unpickled in its turn: it is judged by what it is, and told where nobody can see it."""

from __future__ import annotations

import gzip
import io
import pickle
import random
from typing import Any

import numpy as np
import pytest
from builders import check, view
from tensors.hostile import NEW_CALL, torch_zip, zipped

from hubkit.validate.finding import Severity

LOADER = b"ctorch.storage\n_load_from_bytes\n"
HARMLESS = pickle.dumps([1, 2])
STRANGE = b"\x80\x02cnobody.knows\nthis\n)R."


def constant(data: bytes) -> bytes:
    """The bytes as an opcode of their own, and the tuple of them."""
    return b"B" + len(data).to_bytes(4, "little") + data + b"\x85"


def loading(*several: bytes) -> bytes:
    """A list of what is loaded of each, as pickle.dumps writes tensors: the loader is remembered once, and got again."""
    first, *more = several
    again = b"".join(b"h\x00" + constant(data) + b"R" for data in more)
    return b"\x80\x04(" + LOADER + b"\x94" + constant(first) + b"R" + again + b"l."


def told(data: bytes, name: str = "states.pkl") -> list[tuple[Severity, str]]:
    report = check(view(files={name: data}), "SEC001")
    assert report.complete
    return [(finding.severity, finding.message) for finding in report.findings]


GOOD = {
    "a pickle": HARMLESS,
    "a torch zip": torch_zip(HARMLESS),
    "text": b"hello, that is no pickle",
    "nothing": b"",
}
BAD = {
    "a call": NEW_CALL,
    "behind a pickle": HARMLESS + NEW_CALL,
    "a torch zip": torch_zip(NEW_CALL),
    "a zip": zipped(("archive/data.pkl", NEW_CALL)),
    "one in the other": loading(HARMLESS, loading(NEW_CALL)),
    "packed": gzip.compress(NEW_CALL),
}


@pytest.mark.parametrize("kind", GOOD)
def test_data_that_loads_data_is_data(kind: str) -> None:
    assert told(loading(GOOD[kind], HARMLESS)) == []
    assert told(gzip.compress(loading(HARMLESS, GOOD[kind])), "x.gz") == []


@pytest.mark.parametrize("kind", BAD)
def test_it_is_as_bad_as_what_it_loads(kind: str) -> None:
    for data, name in (
        (loading(HARMLESS, BAD[kind]), "a.pkl"),
        (gzip.compress(loading(BAD[kind])), "a.gz"),
        (zipped(("x", loading(BAD[kind]))), "a.zip"),
        (HARMLESS + loading(BAD[kind]), "a"),
    ):
        ((severity, message),) = told(data, name)
        assert severity is Severity.ERROR
        assert "_load_from_bytes" not in message
        assert "bytes at" in message


def test_what_nobody_knows_in_it_is_a_warning_and_what_is_cut_is_too() -> None:
    assert [severity for severity, _ in told(loading(STRANGE))] == [Severity.WARNING]
    ((severity, message),) = told(loading(HARMLESS[:-1] + STRANGE[:20] * 2))
    assert (severity, "not read to its end" in message) == (Severity.WARNING, True)


GIVEN = constant(HARMLESS)
UNSEEN = {
    "never called": LOADER + b".",
    "called with what was computed": LOADER
    + b"c_codecs\nencode\n(X\x01\x00\x00\x00aX\x06\x00\x00\x00latin1tR\x85R.",
    "a bytearray": b"\x80\x05" + LOADER + b"\x96" + (3).to_bytes(8, "little") + b"abc\x85R.",
    "given to another": b"cbuiltins\nmap\n" + LOADER + GIVEN + b"\x86R.",
    "with a second argument": LOADER + GIVEN[:-1] + b"K\x01\x86R.",
    "once seen, once not": LOADER + b"q\x00" + GIVEN + b"R0h\x00N\x85R.",
    "twice on the stack": LOADER + b"2" + GIVEN + b"R\x86.",
    "by INST": LOADER + GIVEN + b"R0(" + GIVEN[:-1] + b"itorch.storage\n_load_from_bytes\n.",
    "by OBJ": LOADER + GIVEN + b"R0(" + LOADER + GIVEN[:-1] + b"o.",
    "built": LOADER + b"}b" + GIVEN + b"R.",
    "by another path": b"\x80\x04\x8c\x05torch\x8c\x18storage._load_from_bytes\x93N\x85R.",
    "too deep": loading(loading(loading(loading(loading(loading(HARMLESS)))))),
}


@pytest.mark.parametrize("kind", UNSEEN)
def test_what_cannot_be_followed_runs_code(kind: str) -> None:
    found = told(UNSEEN[kind])
    assert (Severity.ERROR, True) in [
        (severity, "_load_from_bytes" in message) for severity, message in found
    ]


def test_one_that_breaks_off_behind_what_it_loads_is_told() -> None:
    found = told(b"\x80\x04" + LOADER + constant(NEW_CALL) + b"RR\xff")
    assert Severity.ERROR in {severity for severity, _ in found}


@pytest.mark.parametrize("form", ["torch.save", "before torch 1.6", 3, 4, 5])
def test_states_of_a_trainers_generators_are_data(form: Any) -> None:
    """What accelerate and transformers keep as random_states_0.pkl and rng_state.pth, and the same with pickle alone."""
    torch = pytest.importorskip("torch")
    state = {
        "step": 3,
        "random_state": random.getstate(),
        "numpy_random_seed": np.random.get_state(),  # noqa: NPY002 - what the trainers save
        "torch_manual_seed": torch.get_rng_state(),
        "torch_cuda_manual_seed": [torch.get_rng_state()],
    }
    buffer = io.BytesIO()
    if isinstance(form, int):
        pickle.dump(state, buffer, protocol=form)
    else:
        torch.save(state, buffer, _use_new_zipfile_serialization=form == "torch.save")
    assert told(buffer.getvalue(), "random_states_0.pkl") == []


TEXT = "".join(f"{number}: a line of text, with ümlauts\n" for number in range(200)).encode()


@pytest.mark.parametrize("name", ["weights.bin", "notes.md", "a.json", "log", "x.py"])
@pytest.mark.parametrize("before", [TEXT, b" " * 5_000, b"#" * 2_000_000, TEXT[:521]])
def test_a_pickle_behind_text_is_followed(before: bytes, name: str) -> None:
    ((severity, message),) = told(before + NEW_CALL + TEXT, name)
    assert severity is Severity.ERROR
    assert f"from byte {len(before):,} on" in message


@pytest.mark.parametrize(
    "data",
    [
        TEXT,
        TEXT + HARMLESS,
        TEXT + bytes(range(256)) * 4_000,
        TEXT + np.random.default_rng(0).bytes(2_000_000),
        ("\u0480\u0280 \u0580" * 3_000).encode("utf-16"),
        ("\u0480\u0280 \u0580" * 3_000).encode(),
        TEXT + b"\x80\x04 and so on" + TEXT,
    ],
)
def test_what_stands_behind_text_and_is_no_pickle_is_left_alone(data: bytes) -> None:
    assert told(data, "weights.bin") == []
