"""`hubkit validate` as a user runs it: a process of its own, on bad input, with a clear message, the right code and nothing changed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from builders import FOLDER, README, cfg, tensors, view

from hubkit.errors import ExitCode, IncompleteError
from hubkit.repo.local import LocalView
from hubkit.repo.memory import MemoryView
from hubkit.validate.run import validate

WINDOWS = sys.platform == "win32"


def write(folder: Path, repository: MemoryView) -> Path:
    for path, data in repository.files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return folder


def state(folder: Path) -> dict[str, tuple[int, int]]:
    """Everything below, links not followed: size and time of the last change."""
    found = {}
    for root, folders, files in os.walk(folder):
        for name in (*folders, *files):
            at = Path(root, name).lstat()
            found[str(Path(root, name))] = (at.st_size, at.st_mtime_ns)
    return found


def hubkit(*arguments: str, cwd: Path, stdin: bytes = b"") -> subprocess.CompletedProcess[str]:
    """Run it; whatever it says, nothing on disk may change and no traceback may show."""
    before = state(cwd)
    environment = {key: value for key, value in os.environ.items() if key not in {"COLUMNS", "FORCE_COLOR"}}
    done = subprocess.run(
        [sys.executable, "-m", "hubkit", "validate", *arguments],
        cwd=cwd, input=stdin, capture_output=True, env=environment, timeout=60, check=False,
    )  # fmt: skip
    out, err = done.stdout.decode("utf-8"), done.stderr.decode("utf-8")
    assert "Traceback" not in err, err
    if not {"--output", "--write-baseline"} & set(arguments):
        assert state(cwd) == before
    return subprocess.CompletedProcess(done.args, done.returncode, out, err)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["missing"], ExitCode.USAGE, "there is no such folder"),
        (["file.txt"], ExitCode.USAGE, "this is a file"),
        (["empty"], ExitCode.NOTHING_FOUND, "no SAE found"),
        (["empty", "--select", "ZZZ"], ExitCode.USAGE, "'ZZZ' is no rule"),
        (["empty", "--baseline", "none.json"], ExitCode.USAGE, "there is no such baseline"),
        (["empty", "--config", "none.toml"], ExitCode.USAGE, "no such configuration"),
        (["empty", "--output", "file.txt/x.json", "--format", "json"], ExitCode.USAGE, "cannot be written"),
        (["-"], ExitCode.NOTHING_FOUND, "belongs to a release"),
    ],
)
def test_what_cannot_be_validated_is_said(
    tmp_path: Path, arguments: list[str], code: ExitCode, said: str
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file.txt").write_text("x", encoding="utf-8")
    done = hubkit(*arguments, cwd=tmp_path)
    assert done.returncode == code, done
    assert said in " ".join((done.stdout + done.stderr).split())


@pytest.mark.skipif(WINDOWS, reason="links need a privilege there")
def test_a_loop_of_links_ends(tmp_path: Path) -> None:
    write(tmp_path / "release", view())
    (tmp_path / "release" / "again").symlink_to(tmp_path / "release", target_is_directory=True)
    (tmp_path / "release" / "itself").symlink_to("itself")
    (tmp_path / "release" / "a").symlink_to("b")
    (tmp_path / "release" / "b").symlink_to("a")
    done = hubkit("release", "--format", "json", cwd=tmp_path)
    assert done.returncode == ExitCode.CLEAN, done
    assert [sae["sae_id"] for sae in json.loads(done.stdout)["saes"]] == [FOLDER]


@pytest.mark.skipif(WINDOWS, reason="files are not sparse there unless asked")
def test_a_huge_sparse_file_is_judged_at_once(tmp_path: Path) -> None:
    write(tmp_path / "release", view())
    with (tmp_path / "release" / FOLDER / "sae_weights.safetensors").open("wb") as file:
        file.truncate(100 * 10**9)
    begun = time.perf_counter()
    done = hubkit("release", cwd=tmp_path)
    assert time.perf_counter() - begun < 30, "100 GB of zeros take minutes"
    assert done.returncode == ExitCode.FINDINGS, done
    assert "WTS003" in done.stdout
    assert "of 100.0 GB" in done.stdout


def test_a_huge_configuration_is_refused_at_once(tmp_path: Path) -> None:
    write(tmp_path / "release", view())
    (tmp_path / "release" / FOLDER / "cfg.json").write_bytes(b'{"a": "' + b"x" * 50_000_000 + b'"}')
    done = hubkit("release", "--format", "json", cwd=tmp_path)
    report = json.loads(done.stdout)
    assert done.returncode == ExitCode.FINDINGS, done
    assert "CFG002" in {finding["code"] for finding in report["findings"]}
    # once to its end for what is packed in it, and the parts that are searched for secrets, for tags of Python, for templates, for base64 and for pickles behind text
    assert report["io"]["bytes"] < 50_000_000 + 35_000_000 + 33_600_000, (
        "for pickles, names of code, and templates"
    )


def test_line_ends_do_not_matter_and_the_code_page_does(tmp_path: Path) -> None:
    text = json.dumps(cfg(metadata={"note": "é"}), indent=2, ensure_ascii=False).replace("\n", "\r\n")
    write(tmp_path / "crlf", view(text.encode("utf-8")))
    write(tmp_path / "cp1252", view(text.encode("cp1252")))
    assert "CFG002" not in hubkit("crlf", cwd=tmp_path).stdout
    done = hubkit("cp1252", cwd=tmp_path)
    assert done.returncode == ExitCode.FINDINGS, done
    assert "CFG002" in done.stdout
    assert "UTF-8" in done.stdout


@pytest.mark.parametrize("kind", ["text", "json", "sarif", "github", "markdown"])
def test_strange_names_are_shown_and_do_nothing(tmp_path: Path, kind: str) -> None:
    names = ["🦙 sae", "[bold]x[!]", "a,b%;'&"]
    names += [] if WINDOWS else ["new\nline", "::error::x", "\x1b[31mred", "<script>", "back\\slash"]
    for name in names:
        write(tmp_path / "release", view(cfg("topk", k="8"), tensors("topk"), folder=name, readme=README))
    done = hubkit("release", "--format", kind, cwd=tmp_path)
    assert done.returncode == ExitCode.FINDINGS, done
    assert "\x1b" not in done.stdout
    assert not any(line.startswith("::error::") for line in done.stdout.splitlines())
    if kind == "json":
        assert {sae["sae_id"] for sae in json.loads(done.stdout)["saes"]} == set(names)
    elif kind == "sarif":
        assert len(json.loads(done.stdout)["runs"][0]["results"]) >= len(names)
    elif kind == "text":
        assert "[bold]x[!]/cfg.json:1" in done.stdout
    else:
        assert "🦙 sae" in done.stdout


@pytest.mark.skipif(WINDOWS, reason="names are text there")
def test_a_name_that_is_no_text_is_reported_not_fatal(tmp_path: Path) -> None:
    release = write(tmp_path / "release", view(cfg("topk", k="8"), tensors("topk")))
    try:
        (release / FOLDER).rename(os.fsdecode(os.fsencode(release) + b"/sae_\xff"))
    except OSError:
        pytest.skip("this file system takes only UTF-8 names")
    for kind in ("text", "sarif", "markdown"):
        done = hubkit("release", "--format", kind, cwd=tmp_path)
        assert done.returncode == ExitCode.FINDINGS, done
        assert "CFG003" in done.stdout


def test_a_list_of_files_validates_each_release_once(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write(tmp_path / name, view(cfg("topk", k="8"), tensors("topk"), readme=README))
    files = f"one/{FOLDER}/cfg.json\r\none/README.md\ntwo/{FOLDER}/sae_weights.safetensors\nnothing.txt\n"
    done = hubkit("-", "--format", "json", cwd=tmp_path, stdin=files.encode())
    assert done.returncode == ExitCode.FINDINGS, done
    report = json.loads(done.stdout)
    assert report["target"] == "-"
    assert [sae["sae_id"] for sae in report["saes"]] == [f"one/{FOLDER}", f"two/{FOLDER}"]
    assert {f["path"] for f in report["findings"]} >= {f"one/{FOLDER}/cfg.json", f"two/{FOLDER}/cfg.json"}


def test_a_baseline_from_end_to_end(tmp_path: Path) -> None:
    write(tmp_path / "release", view(cfg("topk", k="8"), tensors("topk")))
    assert hubkit("release", "--quiet", cwd=tmp_path).returncode == ExitCode.FINDINGS
    written = hubkit("release", "--write-baseline", "known.json", cwd=tmp_path)
    assert written.returncode == ExitCode.CLEAN, written
    done = hubkit("release", "--baseline", "known.json", cwd=tmp_path)
    assert done.returncode == ExitCode.CLEAN
    assert "1 known finding (known.json)" in done.stdout


def test_output_goes_to_the_file_as_it_would_to_the_terminal(tmp_path: Path) -> None:
    write(tmp_path / "release", view(cfg("topk", k="8"), tensors("topk")))
    for kind in ("text", "sarif"):
        done = hubkit("release", "--format", kind, "--output", f"out/{kind}", "--quiet", cwd=tmp_path)
        assert done.returncode == ExitCode.FINDINGS, done
        assert done.stdout == ""
        assert "CFG003" in (tmp_path / "out" / kind).read_text(encoding="utf-8")


def test_reports_are_named_from_the_working_directory(tmp_path: Path) -> None:
    write(tmp_path / "releases" / "a", view(cfg("topk", k="8"), tensors("topk")))
    github = hubkit("releases/a", "--format", "github", cwd=tmp_path)
    assert f"::error file=releases/a/{FOLDER}/cfg.json,line=1," in github.stdout
    inside = hubkit(".", "--format", "github", cwd=tmp_path / "releases" / "a")
    assert f"::error file={FOLDER}/cfg.json,line=1," in inside.stdout


def test_a_folder_without_permission_is_incomplete(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, view())

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "open", refuse)
        report = validate(LocalView(name="x", root=tmp_path))
        assert not report.complete
        assert any("Permission denied" in f.message for f in report.findings if f.code == "RUN002")
    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(IncompleteError, match="cannot be listed"):
        validate(LocalView(name="x", root=tmp_path))


@pytest.mark.skipif(
    WINDOWS or not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads everything"
)
def test_no_permission_through_the_command(tmp_path: Path) -> None:
    weights = write(tmp_path / "release", view()) / FOLDER / "sae_weights.safetensors"
    weights.chmod(0)
    done = hubkit("release", cwd=tmp_path)
    assert done.returncode == ExitCode.INCOMPLETE
    assert "cannot be read" in done.stdout


def test_a_local_folder_needs_no_network_and_no_web_package(tmp_path: Path) -> None:
    write(tmp_path / "release", view())
    code = (
        "import sys\nsys.argv = ['hubkit', 'validate', 'release']\nfrom hubkit.cli.main import main\n"
        "try:\n main()\nexcept SystemExit as leave:\n assert not leave.code, leave.code\n"
        "bad = {'huggingface_hub', 'jinja2', 'starlette', 'uvicorn', 'httpx', 'torch'} & set(sys.modules)\nassert not bad, bad\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
