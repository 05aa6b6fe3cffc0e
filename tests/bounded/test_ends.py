"""However a command ends: no traceback, no hanging, and an exit code of the contract. Each in a process of its own, as people start it."""

from __future__ import annotations

import errno
import json
import os
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from builders import FOLDER, README, cfg, tensors
from safetensors.numpy import save_file

from hubkit.cli import main as program
from hubkit.errors import ExitCode
from hubkit.release.writing import write_text

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="pipes and devices of POSIX")
CARD = "repo_id: o/n\nbase_model: gpt2\nlicense: mit\n"


@pytest.fixture
def release(tmp_path: Path) -> Path:
    folder = tmp_path / "release"
    (folder / FOLDER).mkdir(parents=True)
    (folder / FOLDER / "cfg.json").write_text(json.dumps(cfg()), encoding="utf-8")
    save_file(tensors(), folder / FOLDER / "sae_weights.safetensors")
    (folder / "README.md").write_text(README, encoding="utf-8")
    return folder


def hubkit(*arguments: object, **more: Any) -> subprocess.CompletedProcess[bytes]:
    given: dict[str, Any] = {
        "stdout": subprocess.PIPE,
        "stderr": subprocess.PIPE,
        "timeout": 60,
    } | more
    return subprocess.run([sys.executable, "-m", "hubkit", *map(str, arguments)], check=False, **given)


def said(ended: subprocess.CompletedProcess[bytes]) -> str:
    text = ended.stderr.decode("utf-8")
    assert "Traceback" not in text
    assert "Exception ignored" not in text
    return " ".join(text.split())


@POSIX
@pytest.mark.parametrize("kind", ["text", "json"])
def test_a_full_stdout_is_incomplete(release: Path, kind: str) -> None:
    with Path("/dev/full").open("wb") as full:
        ended = hubkit("validate", release, "--format", kind, stdout=full)
    assert ended.returncode == ExitCode.INCOMPLETE
    assert "No space left on device" in said(ended)


@POSIX
def test_a_reader_that_has_gone_ends_it_quietly(release: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    ended = hubkit("validate", release, "--format", "json", stdout=write)
    os.close(write)
    assert (ended.returncode, said(ended)) == (ExitCode.NO_READER, "")


@POSIX
@pytest.mark.parametrize(
    "arguments", [["--version"], ["rules"], ["explain", "THR001"], ["--help"], ["schema", "report"]]
)
def test_every_verb_heeds_its_stdout(arguments: list[str]) -> None:
    with Path("/dev/full").open("wb") as full:
        ended = hubkit(*arguments, stdout=full)
    said(ended)
    assert ended.returncode == ExitCode.INCOMPLETE


@POSIX
def test_closed_streams(release: Path) -> None:
    command = f"{sys.executable} -m hubkit validate {release}"
    ended = subprocess.run(["sh", "-c", f"{command} >&-"], stderr=subprocess.PIPE, timeout=60, check=False)
    assert ended.returncode == ExitCode.INCOMPLETE
    assert b"Traceback" not in ended.stderr
    ended = subprocess.run(["sh", "-c", f"{command} 2>&-"], stdout=subprocess.PIPE, timeout=60, check=False)
    assert ended.returncode == ExitCode.CLEAN
    with Path("/dev/full").open("wb") as full:
        assert hubkit("validate", release / "nowhere", stderr=full).returncode == ExitCode.USAGE


@POSIX
@pytest.mark.parametrize(
    "name",
    [
        "card.yaml",
        "README.md",
        *(
            pytest.param(name, marks=pytest.mark.full)
            for name in ("evaluation.json", "provenance.json", "hubkit.toml")
        ),
    ],
)
def test_a_pipe_in_a_release_is_never_opened(release: Path, name: str) -> None:
    (release / "card.yaml").write_text(CARD, encoding="utf-8")
    (release / name).unlink(missing_ok=True)
    os.mkfifo(release / name)
    for arguments in (
        ["build-cards", release, "--no-run"],
        ["validate", release],
        ["push", release, "--dry-run", "--no-code"],
    ):
        ended = hubkit(
            *arguments, env={**os.environ, "HF_ENDPOINT": "http://127.0.0.1:9", "HF_HUB_OFFLINE": "1"}
        )
        text = said(ended)
        assert ended.returncode in set(ExitCode) - {ExitCode.CRASHED}, text


@POSIX
def test_a_pipe_or_device_that_is_named_is_told(release: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for arguments in (
        ["validate", release, "--config", tmp_path / "pipe"], ["validate", release, "--baseline", "/dev/zero"], ["build-cards", tmp_path / "study.yaml"],
    ):  # fmt: skip
        (tmp_path / "study.yaml").unlink(missing_ok=True)
        os.mkfifo(tmp_path / "study.yaml")
        ended = hubkit(*arguments)
        assert "expected a regular file" in said(ended)
        assert ended.returncode == ExitCode.USAGE


@POSIX
def test_a_report_goes_through_a_device_and_does_not_replace_it(release: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    got: list[bytes] = []
    reader = threading.Thread(target=lambda: got.append((tmp_path / "pipe").read_bytes()))
    reader.start()
    assert hubkit("validate", release, "--format", "json", "--output", tmp_path / "pipe").returncode == 0
    reader.join(20)
    assert json.loads(got[0])["complete"] is True
    assert (tmp_path / "pipe").is_fifo()


def test_sparse_giants_are_not_read(release: Path) -> None:
    for name in ("hubkit.toml", "card.yaml"):
        with (release / name).open("wb") as file:
            file.truncate(1 << 40)
    ended = hubkit("validate", release)  # a configuration in the target is named, and not read
    assert "not obeyed" in ended.stdout.decode()
    assert ended.returncode == ExitCode.CLEAN
    ended = hubkit("validate", release, "--config", release / "hubkit.toml")
    assert "bytes, expected at most" in said(ended)
    assert ended.returncode == ExitCode.USAGE
    ended = hubkit("build-cards", release)
    assert "bytes, expected at most" in said(ended)
    assert ended.returncode == ExitCode.USAGE


@POSIX
def test_folders_deeper_than_pythons_stack(release: Path) -> None:
    here = Path.cwd()
    os.chdir(release)
    try:
        for _ in range(1500):
            Path("a").mkdir()
            os.chdir("a")
    finally:
        os.chdir(here)
    assert hubkit("validate", release).returncode == ExitCode.CLEAN
    (release / "card.yaml").write_text(CARD, encoding="utf-8")
    for arguments in (
        ["preview", release, "--once", release.parent / "page.html"],
        ["fix", release, "--diff"],
    ):
        said(ended := hubkit(*arguments))
        assert ended.returncode in {0, 1}
    subprocess.run(["rm", "-rf", str(release / "a")], check=True)


@pytest.mark.parametrize(
    ("tag", "line"),
    [("x: !!bool maybe", 4), ("x: !!timestamp x", 4), ('x: !!int ""', 4), ("x: !!float x", 4), ("x: !!python/tuple [1]", 4), ("x: !!omap 1", 4),
     ("x: !!binary é", 4), ("? [a]\n: b", 4), ("2026-13-01: x", 4), ("x: *nowhere", 4), ("x: &a [*a]", 4), ("1 : !!int 0x", 4), ("x: !!nobody 1", 4)],
)  # fmt: skip
def test_values_that_do_not_fit_their_tags_are_told_with_their_line(
    release: Path, tag: str, line: int
) -> None:
    from hubkit.cards.settings import load_settings
    from hubkit.errors import UsageError
    from hubkit.readme.document import parse_readme
    from hubkit.readme.frontmatter import faults
    from hubkit.study.study import load_study

    text = f"{CARD}{tag}\n"
    for name, load in (("card.yaml", load_settings), ("study.yaml", load_study)):
        (release / name).write_text(text, encoding="utf-8")
        with pytest.raises(UsageError) as error:
            load(release / name)
        assert len(error.value.message) < 2000
    found = faults(parse_readme(f"---\n{text}---\n"))
    assert found
    assert any(fault.line in {line + 1, line + 2} for fault in found)


def test_good_yaml_is_read_as_before(release: Path) -> None:
    from hubkit.plain_yaml import load

    text = (
        "a: &x [1, 2.5, yes, null, 2026-01-02]\nb: *x\nc: {<<: {d: 1}, e: !!str 1}\nf: >-\n  folded\n  text\n"
    )
    import yaml

    assert load(text) == yaml.safe_load(text)
    assert (load(""), load("# nothing"), load("[]")) == (None, None, [])


def fails(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    from hubkit.validate import request

    def answer(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(request, "answer", answer)
    monkeypatch.setattr(sys, "argv", ["hubkit", "validate", "x"])


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (KeyError("x" * 5000), ExitCode.CRASHED, "the program itself failed: KeyError"),
        (RecursionError("deep"), ExitCode.CRASHED, "HUBKIT_TRACEBACK"),
        (TypeError("a\x1b]0;b\x07 \u202e"), ExitCode.CRASHED, "defect of hubkit"),
        (MemoryError(), ExitCode.INCOMPLETE, "memory"),
        (OSError(errno.ENOSPC, "No space left on device", "report.json"), ExitCode.INCOMPLETE, "report.json: No space left on device"),
        (OSError(errno.EROFS, "Read-only file system", "x"), ExitCode.INCOMPLETE, "read-only"),
        (PermissionError(errno.EACCES, "Permission denied", "x"), ExitCode.INCOMPLETE, "permissions"),
    ],
)  # fmt: skip
def test_a_crash_is_told_in_three_lines_and_exits_70(
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    error: BaseException,
    code: ExitCode,
    words: str,
) -> None:
    fails(monkeypatch, error)
    with pytest.raises(SystemExit) as ended:
        program.main()
    out, err = capfd.readouterr()
    assert (ended.value.code, out) == (code, "")
    assert words in " ".join(err.split())
    assert "Traceback" not in err
    assert len(err) < 1000
    assert not set(err) & {"\x1b", "\x07", "\u202e"}


def test_the_traceback_is_there_on_request(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    fails(monkeypatch, KeyError("x"))
    monkeypatch.setenv(program.TRACEBACK, "1")
    with pytest.raises(SystemExit):
        program.main()
    assert "Traceback" in capfd.readouterr().err


def test_a_full_disk_while_a_card_or_report_is_written(
    monkeypatch: pytest.MonkeyPatch, release: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    def full(self: Path, data: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self))

    (release / "card.yaml").write_text(CARD, encoding="utf-8")
    before = (release / "README.md").read_bytes()
    monkeypatch.setattr(Path, "write_bytes", full)
    for arguments in (
        ["build-cards", str(release), "--no-run", "--force"],
        ["validate", str(release), "--output", str(release / "out.txt")],
    ):
        monkeypatch.setattr(sys, "argv", ["hubkit", *arguments])
        with pytest.raises(SystemExit) as ended:
            program.main()
        assert ended.value.code == ExitCode.INCOMPLETE, capfd.readouterr()
        assert os.strerror(errno.ENOSPC) in " ".join(capfd.readouterr().err.split())
    assert (release / "README.md").read_bytes() == before
    assert not list(release.glob(".*.tmp"))


def test_a_device_is_written_through(tmp_path: Path) -> None:
    write_text(tmp_path / "plain.txt", "a\r\nb")
    assert (tmp_path / "plain.txt").read_bytes() == b"a\nb"


def store(tmp_path: Path, release: Path) -> Path:
    path = tmp_path / "store.sqlite"
    assert hubkit("audit", release, "--store", path).returncode == 0
    return path


def test_a_damaged_store_is_incomplete(tmp_path: Path, release: Path) -> None:
    path = store(tmp_path, release)
    data = bytearray(path.read_bytes())
    data[100:] = b"\xff" * (len(data) - 100)
    path.write_bytes(data)
    ended = hubkit("audit", release, "--store", path)
    assert (ended.returncode, "store" in said(ended)) == (ExitCode.INCOMPLETE, True)
    path.write_bytes(bytes(100) + data)
    assert hubkit("audit", release, "--store", path).returncode == ExitCode.INCOMPLETE
    path.write_bytes(b"the notes of somebody, " * 100)  # not damaged: no store at all
    assert hubkit("audit", release, "--store", path).returncode == ExitCode.USAGE


def test_a_locked_store_is_incomplete(tmp_path: Path, release: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from hubkit.audit import schema
    from hubkit.audit.store import Store
    from hubkit.errors import IncompleteError

    path = store(tmp_path, release)
    monkeypatch.setattr(schema, "BUSY_SECONDS", 0.1)
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    with pytest.raises(IncompleteError, match="locked"):
        Store(path).begin([], "")
    holder.close()


def test_a_store_on_a_full_disk_is_incomplete(tmp_path: Path, release: Path) -> None:
    from hubkit.audit.store import Store
    from hubkit.errors import IncompleteError

    full = Store(tmp_path / "full.sqlite")
    full._database.execute(
        f"PRAGMA max_page_count = {full._database.execute('PRAGMA page_count').fetchone()[0]}"
    )
    with pytest.raises(IncompleteError, match="full"):
        full.begin(["x" * 100_000], "")
    full.close()


def test_a_store_that_cannot_be_opened_is_incomplete_and_a_folder_is_a_slip(
    tmp_path: Path, release: Path
) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    for place, code in (
        (tmp_path, ExitCode.USAGE),
        (tmp_path / "file" / "store.sqlite", ExitCode.INCOMPLETE),
    ):
        ended = hubkit("audit", release, "--store", place)
        assert (ended.returncode, "store" in said(ended)) == (code, True)
