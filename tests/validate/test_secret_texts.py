"""Secrets in the texts that nobody validates else: one list and one search, on disk, on the Hub and before a push."""

from __future__ import annotations

import json
from pathlib import Path
from typing import ClassVar

import pytest
from builders import FOLDER, view

from hubkit.repo.local import open_folder
from hubkit.repo.memory import MemoryView
from hubkit.validate import secret_texts
from hubkit.validate.pre_commit import main
from hubkit.validate.report import Report
from hubkit.validate.run import Selection, validate
from hubkit.validate.secret_bytes import is_text, text_of
from hubkit.validate.secret_texts import FAR_OTHERS, LONGEST_OTHER

TOKEN = "hf_" + "aB3" * 12
WANDB = "0123456789" * 4


PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 300
"""Longer than what is searched of a file that is no text."""


def notebook(source: str) -> bytes:
    return json.dumps({"cells": [{"cell_type": "code", "source": [source], "outputs": []}]}).encode()


PLACES: dict[str, bytes] = {
    ".env": f"HF_TOKEN={TOKEN}\n".encode(),
    "config/.env.local": f"HF_TOKEN={TOKEN}\n".encode(),
    "prod.env": f"export HF_TOKEN='{TOKEN}'\n".encode(),
    "train.ipynb": notebook(f'login("{TOKEN}")\n'),
    "a/b/c/probe.ipynb": notebook(f'os.environ["WANDB_API_KEY"] = "{WANDB}"\n'),
    "train.py": f"login('{TOKEN}')".encode(),
    "run.sh": f"export WANDB_API_KEY={WANDB}\n".encode(),
    "sweep.yaml": f"hf_token: {TOKEN}\n".encode(),
    "setup.toml": f'token = "{TOKEN}"\n'.encode(),
    "notes.txt": f"the token is {TOKEN}\n".encode(),
    "train.log": f"loading with {TOKEN}\n".encode(),
    f"{FOLDER}/runner.cfg": f"token={TOKEN}\n".encode(),
    ".netrc": f"machine api.wandb.ai\n  login user\n  password {WANDB}\n".encode(),
    ".aws-credentials": b"aws_secret_access_key = " + b"abcdEFGH12" * 4 + b"\n",
    "key.pem": b"-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIB\n",
    "powershell.env": b"\xff\xfe" + f"HF_TOKEN={TOKEN}\r\n".encode("utf-16-le"),
    "mac.env": b"\xfe\xff" + f"HF_TOKEN={TOKEN}\n".encode("utf-16-be"),
    "wandb/run-1/files/config.yaml": f"hf: {TOKEN}\n".encode(),
    ".ipynb_checkpoints/x-checkpoint.ipynb": notebook(TOKEN),
    "slurm-1234.out": f"HF_TOKEN={TOKEN}\n".encode(),
    "LICENSE.md": f"{TOKEN}\n".encode(),
}


def found(repository: MemoryView) -> list[tuple[str | None, int | None]]:
    report = validate(repository, Selection(select=("SEC002",)))
    assert report.complete
    assert not any(
        TOKEN in json.dumps(f.to_json()) or WANDB in json.dumps(f.to_json()) for f in report.findings
    )
    return [(f.path, f.line) for f in report.findings]


@pytest.mark.parametrize("name", PLACES)
@pytest.mark.parametrize("repository", [None, "o/r"])
def test_a_secret_is_found_wherever_it_is(name: str, repository: str | None) -> None:
    there = view(files={name: PLACES[name]})
    there.repository = repository
    assert [path for path, _ in found(there)] == [name]


@pytest.mark.parametrize("name", ["data.csv", "results.json", "noending", "figures/a.svg"])
def test_a_folder_is_searched_whole(name: str) -> None:
    assert found(view(files={name: f"x\ny {TOKEN}\n".encode()})) == [(name, 2)]


@pytest.mark.parametrize(
    "files",
    [
        {".env": b"HF_TOKEN=hf_xxx\nHF_TOKEN=$HF_TOKEN\nWANDB_API_KEY=\n"},
        {"train.ipynb": notebook("login(os.environ['HF_TOKEN'])")},
        {"photo.png": PICTURE + TOKEN.encode() + PICTURE},
        {"a.py": b"aws_secret_access_key = os.environ['AWS_SECRET_ACCESS_KEY']\n"},
        {"a.log": b"wandb: key " + b"0" * 39 + b"\nmd5 " + WANDB.encode() + b"\n"},
        {"README.txt": b"hf_hook_name " * 20},
    ],
)
def test_what_only_looks_like_one(files: dict[str, bytes]) -> None:
    assert found(view(files=files)) == []


def test_machinery_is_not_searched_and_the_fingerprint_is_one(tmp_path: Path) -> None:
    files = view(files={".env": PLACES[".env"]}).files
    for path, data in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(data)
    for folder in (".venv/lib", "__pycache__", ".git", "my env", "node_modules/x"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "a.py").write_bytes(PLACES["train.py"])
    (tmp_path / "my env" / "pyvenv.cfg").write_text("home = /usr\n", encoding="utf-8")
    here = open_folder(tmp_path)
    report = validate(here)
    assert [f.path for f in report.findings if f.code == "SEC002"] == [".env"]
    assert sorted(here.skipped) == [".git", ".venv", "__pycache__", "my env", "node_modules"]
    there = validate(MemoryView(name="m", files=files, repository="o/r"))
    prints = [{f.fingerprint for f in one.findings if f.code == "SEC002"} for one in (report, there)]
    assert prints[0] == prints[1]


def test_the_hook_reads_them_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    for path, data in view(files={".env": PLACES[".env"]}).files.items():
        (tmp_path / "release" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "release" / path).write_bytes(data)
    monkeypatch.chdir(tmp_path)
    assert main(["release/README.md"]) == 1
    assert "SEC002" in capfd.readouterr().out


def limited(
    monkeypatch: pytest.MonkeyPatch, files: dict[str, bytes], repository: str | None = None, **limits: int
) -> Report:
    for name, value in limits.items():
        monkeypatch.setattr(secret_texts, name, value)
    there = view(files=files)
    there.repository = repository
    return validate(there, Selection(select=("SEC002",)))


def test_what_is_too_long_is_searched_as_far_as_said(monkeypatch: pytest.MonkeyPatch) -> None:
    early, late = b"x " + TOKEN.encode() + b" " * 3000, b" " * 3000 + TOKEN.encode()
    report = limited(monkeypatch, {"early.log": early, "late.log": late}, LARGEST_TEXT=2000)
    assert [f.path for f in report.findings] == ["early.log"]
    assert report.remarks == ("early.log, late.log: searched for secrets only in the first 2,000 bytes",)
    assert limited(monkeypatch, {"short.log": b"x"}).remarks == ()


def test_too_many_texts_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    many = {f"{n}.log": b"x" * 10 for n in range(8)} | {".env": PLACES[".env"]}
    report = limited(monkeypatch, many, MOST_FILES=3)
    assert [f.path for f in report.findings] == [".env"]  # what hides by its name comes first
    assert report.remarks == (
        "2.log, 3.log, 4.log and 4 files more: not searched for secrets: too much text",
    )
    far = limited(monkeypatch, many, "o/r", FAR_BYTES=60)
    assert far.remarks[0].startswith("1.log, 2.log, 3.log and")


class Far(MemoryView):
    """A repository on the Hub: every read is a request."""

    near: ClassVar[bool] = False


def test_on_the_hub_a_usual_release_costs_no_read_more() -> None:
    files = {f"sae_{n}/metrics.json": b"{}" for n in range(9)} | {".gitattributes": b"x"}
    far, plain = (Far(name="o/r", repository="o/r", files=view(files=more).files) for more in (files, {}))
    validate(far)
    validate(plain)
    assert far.requests == plain.requests


def test_on_the_hub_a_few_texts_of_programs_are_searched_and_the_others_told() -> None:
    files = {f"{n:02}.csv": b"a,b\n" + b"1,2\n" * n + TOKEN.encode() for n in range(20)}
    files["long.csv"] = b"1,2\n" * LONGEST_OTHER + TOKEN.encode()
    report = validate(
        Far(name="o/r", repository="o/r", files=view(files=files).files), Selection(select=("SEC002",))
    )
    assert {one.path for one in report.findings} == {f"{n:02}.csv" for n in range(FAR_OTHERS)}
    [told] = [one for one in report.remarks if "too much text" in one]
    assert told.startswith("16.csv, 17.csv, 18.csv and 2 files more")


def test_a_text_that_cannot_be_read_is_incomplete() -> None:
    there = view()
    there.unreadable[".env"] = 20
    report = validate(there, Selection(select=("SEC002",)))
    assert [one.code for one in report.skipped] == ["SEC002"]


def test_the_list() -> None:
    assert is_text(b"a\n", "w.safetensors")
    assert not is_text(PICTURE, "a.png")
    assert not is_text(PICTURE, "a")
    assert is_text(b"a b c\0\x07" * 9, "a.log")
    assert not is_text(b"a b c\0\x07" * 9, "a.bin")
    assert text_of(b"") == ""
    assert text_of("é".encode("cp1252")) == "�"


@pytest.mark.parametrize("before", ["token:\\n", "%3D", "\\t", "x", "=", "\x1b[32m"])
def test_a_token_is_one_whatever_stands_before_it(before: str) -> None:
    """An escape of JSON, a URL and a coloured log end in letters and digits."""
    (found,) = secret_texts.secrets_of("run.ipynb", f'{{"text": "{before}hf_{"aB3" * 12}"}}')
    assert found.length == 39
