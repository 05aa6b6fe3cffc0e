"""Every way in which a text with a secret may lie in a file, or a file's name; and what is bounded."""

from __future__ import annotations

import base64
import bz2
import gzip
import io
import json
import lzma
import pickle
import random
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from builders import FOLDER, cfg, tensors, view
from safetensors.numpy import save

from hubkit.repo.local import open_folder
from hubkit.repo.memory import MemoryView
from hubkit.validate.run import Selection, validate
from hubkit.validate.secret_kinds import masked

TOKEN = "hf_" + "aB3" * 12
HEX = "0123456789" * 4
LINE = f"HF_TOKEN={TOKEN}\n"


def packed(name: str, data: bytes, kind: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", kind) as archive:
        archive.writestr("notes.txt", "x")
        archive.writestr(name, data)
    return file.getvalue()


def tarred(name: str, data: bytes) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        member = tarfile.TarInfo(name)
        member.size = len(data)
        archive.addfile(member, io.BytesIO(data))
    return file.getvalue()


def noted(note: bytes, of_member: bytes = b"") -> bytes:
    """A zip with a comment, and one of its member."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        info = zipfile.ZipInfo("notes.txt")
        info.comment = of_member
        archive.writestr(info, "x")
        archive.comment = note
    return file.getvalue()


def named(name: str) -> bytes:
    """A gzip with a name in its header."""
    file = io.BytesIO()
    with gzip.GzipFile(name, "wb", fileobj=file) as packing:
        packing.write(b"x")
    return file.getvalue()


ESCAPED = json.dumps({"t": TOKEN}).replace("hf_", "\\u0068f_")
WAYS: dict[str, bytes] = {
    "escaped.json": ESCAPED.encode(),
    "escaped twice.ipynb": json.dumps(ESCAPED).encode(),
    "hexadecimal.py": b't = "' + TOKEN.replace("h", "\\x68", 1).encode() + b'"',
    "url.txt": TOKEN.replace("_", "%5F").encode(),
    "page.html": TOKEN.replace("h", "&#104;", 1).encode(),
    ".env": LINE.encode("utf-16-le"),
    "a/.env": LINE.encode("utf-16-be"),
    "b/.env": LINE.encode("utf-32-le"),
    "c/.env": LINE.encode("utf-32"),
    "d/.env": LINE.encode("utf-32-be"),
    "e/.env": LINE.encode("utf-16"),
    "train.log": b"step 1\0\n" + b"loss 0.1\n" * 40 + LINE.encode(),
    ".env.bin": LINE.encode(),
    "UTF16.env.bin": LINE.encode("utf-16-le"),
    "token.dat": LINE.encode(),
    "training_args.bin": pickle.dumps({"hub_token": TOKEN, "seed": 1}),
    "photo.png": LINE.encode(),
    "log.txt.gz": gzip.compress(LINE.encode()),
    "log": gzip.compress(LINE.encode()),
    "log.txt.bz2": bz2.compress(LINE.encode()),
    "log.txt.xz": lzma.compress(LINE.encode()),
    "run.zip": packed("a/.env", LINE.encode()),
    "stored.zip": packed("a/.env", LINE.encode(), zipfile.ZIP_STORED),
    "run.tar": tarred("a/.env", LINE.encode()),
    "run.tar.gz": gzip.compress(tarred("a/.env", LINE.encode())),
    "deep.zip": packed("in.tgz", gzip.compress(tarred("a/.env", LINE.encode()))),
    "comment.zip": noted(TOKEN.encode()),
    "a member's comment.zip": noted(b"", TOKEN.encode()),
    "name.gz": named(f"{TOKEN}.txt"),
    "comment.gz": b"\x1f\x8b\x08\x1c" + bytes(6) + b"\3\0abc" + b"name\0" + TOKEN.encode() + b"\0" + gzip.compress(b"x")[10:],
    "README.md": LINE.encode("utf-16"),
    f"{FOLDER}/notes.safetensors": save({"a": np.zeros(2, np.float32)}, {"format": "pt", "token": TOKEN}),
    f"{FOLDER}/other/cfg.json": ESCAPED.encode(),
    "evaluation.json": ESCAPED.encode(),
}  # fmt: skip


@pytest.mark.parametrize("name", WAYS)
def test_however_it_is_written_it_is_named_once_and_never_shown(name: str, tmp_path: Path) -> None:
    there = view()
    there.files[name] = WAYS[name]
    for path, data in there.files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(data)
    for one in (there, open_folder(tmp_path)):
        report = validate(one, Selection(select=("SEC002",)))
        assert [(f.path, f.message.split(" (")[0]) for f in report.findings] == [
            (name, "a Hugging Face token")
        ]
        assert report.remarks == ()
        assert TOKEN[3:] not in json.dumps(report.to_json())


def test_a_setting_in_a_member_is_one_too() -> None:
    (one,) = validate(
        view(files={"x.zip": packed("a/.env", b"DB_PASSWORD=hunter2")}), Selection(select=("SEC002",))
    ).findings
    assert "in a/.env, line 1" in one.message


@pytest.mark.parametrize("name", [f"{TOKEN}.txt", f"runs/{TOKEN}/metrics.csv", f"{FOLDER}/{TOKEN}.png"])
@pytest.mark.parametrize("repository", [None, "o/r"])
def test_a_name_that_is_a_secret_is_told_masked(name: str, repository: str | None) -> None:
    there = view(files={name: b"x"})
    there.repository = repository
    (one,) = validate(there, Selection(select=("SEC002",))).findings
    assert "in the name of" in one.message
    assert "hf_a..." in one.message
    assert "rename" in one.hint
    assert TOKEN not in json.dumps(one.to_json())


def test_a_member_s_name_is_masked() -> None:
    (one,) = validate(
        view(files={"x.zip": packed(f"{TOKEN}.txt", b"x")}), Selection(select=("SEC002",))
    ).findings
    assert "in the name of its member hf_a....txt" in one.message
    assert masked("a/b.txt") == "a/b.txt"


def test_the_metadata_of_weights_is_read_on_the_hub_too() -> None:
    there = view()
    there.files[f"{FOLDER}/sae_weights.safetensors"] = save(tensors(), {"format": "pt", "token": TOKEN})
    for repository in (None, "o/r"):
        there.repository = repository
        report = validate(there)
        assert [f.path for f in report.findings if f.code == "SEC002"] == [
            f"{FOLDER}/sae_weights.safetensors"
        ]


def bomb() -> bytes:
    return gzip.compress(b"a" * 30_000_000)


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"x.txt.gz": bomb()}, "not all that is packed in it"),
        ({"x.zip": packed("a.txt", b"a" * 30_000_000)}, "not all that is packed in it"),
        ({"x.txt.gz": gzip.compress(b"a" * 99)[:-9]}, ""),
        ({"x.txt.gz": b"\x1f\x8b\x08 no gzip"}, ""),
        ({"x.zip": b"PK\x03\x04 no zip"}, ""),
    ],
)
def test_what_is_packed_is_bounded_and_damage_is_none_of_its_business(
    files: dict[str, bytes], said: str
) -> None:
    report = validate(view(files=files), Selection(select=("SEC002",)))
    assert report.complete
    assert said in "".join(report.remarks)
    assert bool(report.remarks) is bool(said)


def test_a_healthy_folder_with_everything_in_it_is_silent() -> None:
    noise = random.Random(1)
    there = view(
        cfg(metadata={"wandb_run": HEX, "sha256": HEX + HEX[:24]}),
        files={
            "tokenizer.json": json.dumps({"vocab": {f"hf_{n}": n for n in range(999)}}).encode(),
            "train.ipynb": json.dumps({"png": base64.b64encode(noise.randbytes(200_000)).decode()}).encode(),
            "raw.dat": noise.randbytes(300_000),
            "data.npz": packed("a.npy", noise.randbytes(300_000)),
            "rows.jsonl.gz": gzip.compress(b'{"text": "the password is: swordfish"}\n' * 99),
            ".env.example": b"HF_TOKEN=hf_your_token\nDB_PASSWORD=changeme\nWANDB_API_KEY=\n",
            "setup.cfg": b"[metadata]\nname = x\n[tool]\ntoken = os.environ['X']\n",
        },
    )  # fmt: skip
    report = validate(there, Selection(select=("SEC002",)))
    assert (list(report.findings), report.remarks) == ([], ())


def test_far_packed_logs_are_read_where_they_are_small() -> None:
    there = MemoryView(
        name="o/r", repository="o/r", files=view(files={"train.log.gz": WAYS["log.txt.gz"]}).files
    )
    assert [f.path for f in validate(there, Selection(select=("SEC002",))).findings] == ["train.log.gz"]
