"""SEC001 over pickles that a text holds in base64, beside texts that only look so."""

from __future__ import annotations

import base64
import os
import pickle
import time

import numpy as np
import pytest
from builders import check, view
from tensors.hostile import Pid, zipped

from hubkit.validate.finding import Severity


def lines(code: bytes, width: int = 76, between: bytes = b"\n  ") -> bytes:
    return between.join(code[at : at + width] for at in range(0, len(code), width))


FORMS = {
    "a.json": lambda code: b'{"policy": {":serialized:": "' + code + b'"}}',
    "a.yaml": lambda code: b"x: !!binary |\n  " + lines(code) + b"\ny: 1\n",
    "folded.json": lambda code: b'{"x": "' + lines(code, 60, b"\\n") + b'"}',
    "rows.jsonl": lambda code: b'{"a": 1}\n{"b": "' + code + b'"}\n',
    "data": lambda code: b"  \n" + code,
    "far.json": lambda code: b'{"a": "' + b"words and words, " * 80_000 + b'", "b": "' + code + b'"}',
    "a.zip": lambda code: zipped(("data", b'{"policy": {":serialized:": "' + code + b'"}}')),
}  # fmt: skip


@pytest.mark.parametrize("protocol", [0, 1, 2, 5])
@pytest.mark.parametrize("name", FORMS)
def test_a_pickle_in_base64_is_one(name: str, protocol: int) -> None:
    code = base64.b64encode(pickle.dumps(Pid(), protocol))
    for one in (code, code.rstrip(b"="), code.translate(bytes.maketrans(b"+/", b"-_"))):
        (finding,) = check(view(files={name: FORMS[name](one)}), "SEC001").findings
        assert (finding.path, finding.severity) == (name, Severity.ERROR)
        assert "base64 in line " in finding.message


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.json", b'{"x": "' + base64.b64encode(pickle.dumps({"a": np.float64(1), "b": list(range(99))})) + b'"}'),
        ("a.json", b'{"x": "' + base64.b64encode(os.urandom(90_000)) + b'"}'),
        ("a.txt", b"gASVAAAAAAAAAAAAAAAAAAAAA " + b"Y2FuYXJ5IGNhbmFyeSBjYW5hcnk= " * 9),
        ("notes.md", base64.b64encode(pickle.dumps(Pid()))),  # what a text shows
        ("tokens.json", b'["gA==", "gAI=", "gASV", "gAJ9cQA="]'),
    ],
)  # fmt: skip
def test_other_base64_is_left_alone(name: str, text: bytes) -> None:
    report = check(view(files={name: text}), "SEC001")
    assert (report.findings, report.complete) == ([], True)


@pytest.mark.parametrize(
    "text",
    [
        b"gAS" + b"A" * 1_000_000,
        b"gASA" * 9 + b" ",
        b"Y2JhbmFuYWJhbmFuYWJhbmFuYQ== ",
        b"K" + b"A" * 75 + b"\n",
    ],
)
def test_time_is_bounded(text: bytes) -> None:
    data = text * (1_000_000 // len(text))
    begun = time.process_time()
    check(view(files={"a.json": data}), "SEC001")
    assert time.process_time() - begun < 2
