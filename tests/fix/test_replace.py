"""Writing: in one step, never over a file that changed, and killed at any moment without loss."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from builders import cfg, tensors
from fix.folders import SAE, codes, contents, counts, fixed, read, sae, zero
from typer.testing import CliRunner

from hubkit.cli.main import app
from hubkit.errors import IncompleteError
from hubkit.fix.content import Text
from hubkit.fix.replace import ChangedError, Signature, replace_files, signature
from hubkit.fix.run import apply_fix, planned
from hubkit.repo.local import open_folder

posix = pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")


@pytest.mark.parametrize("name", ["cfg.json", "sae_weights.safetensors"])
def test_a_file_that_changed_since_the_plan_is_not_overwritten(tmp_path: Path, name: str) -> None:
    place = sae(tmp_path, cfg(), zero())
    with planned(open_folder(tmp_path), unsafe=True) as plan:
        path = place / name
        path.write_bytes(path.read_bytes()[:-1] + b" ")
        before = contents(tmp_path)
        with pytest.raises(ChangedError, match=name):
            apply_fix(open_folder(tmp_path), plan.fixes[0])
    assert contents(tmp_path) == before


def test_a_file_that_grows_while_the_folder_is_read_is_not_cut(tmp_path: Path) -> None:
    sae(tmp_path, cfg(d_sae=64), tensors("jumprelu"))
    view = open_folder(tmp_path)
    view.list()
    (tmp_path / "README.md").write_text("a longer card than there was in the listing" * 9, encoding="utf-8")
    before = contents(tmp_path)
    with pytest.raises(ChangedError, match="being written to"), planned(view):
        pass
    assert contents(tmp_path) == before


def test_a_file_that_came_since_the_plan_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"theirs")
    with pytest.raises(ChangedError):
        replace_files(tmp_path, (("a", Text(b"ours")),), {"a": Signature()})
    assert contents(tmp_path) == {"a": b"theirs"}


def test_when_the_second_file_cannot_be_made_the_first_is_not_replaced(tmp_path: Path) -> None:
    class Broken(Text):
        def blocks(self):  # type: ignore[no-untyped-def]
            yield b"half"
            raise OSError(28, "No space left on device")

    (tmp_path / "a").write_bytes(b"old")
    with pytest.raises(IncompleteError, match="No space"):
        replace_files(tmp_path, (("a", Text(b"new")), ("b", Broken(b""))), {"a": signature(tmp_path / "a")})
    assert contents(tmp_path) == {"a": b"old"}


def test_weights_that_do_not_open_are_not_put_in_place(tmp_path: Path) -> None:
    (tmp_path / "w.safetensors").write_bytes(b"old")
    with pytest.raises(IncompleteError):
        replace_files(tmp_path, (("w.safetensors", Text(b"\x02\0\0\0\0\0\0\0{}extra")),), {})
    assert contents(tmp_path) == {"w.safetensors": b"old"}


@posix
def test_the_mode_of_the_file_is_kept(tmp_path: Path) -> None:
    place = sae(tmp_path, cfg(d_sae=64), tensors("jumprelu"))
    (place / "cfg.json").chmod(0o640)
    fixed(tmp_path, "WTS006")
    assert (place / "cfg.json").stat().st_mode & 0o777 == 0o640


def run(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["fix", *arguments], standalone_mode=False)
    code = getattr(done.exception, "exit_code", None) if done.exception else done.return_value
    return (done.exit_code if code is None else int(code)), done.output


def test_diff_shows_text_and_tensors_changes_nothing_and_exits_with_one(tmp_path: Path) -> None:
    sae(tmp_path, cfg(), zero())
    before = contents(tmp_path)
    code, output = run(str(tmp_path), "--diff", "--unsafe-fixes")
    assert code == 1
    assert '-  "architecture": "jumprelu",' in output
    assert '+  "architecture": "standard",' in output
    assert "  - threshold F32 [32]" in output
    assert contents(tmp_path) == before
    assert run(str(tmp_path), "--unsafe-fixes")[0] == 0
    assert run(str(tmp_path), "--diff", "--unsafe-fixes")[0] == 0


def test_diff_shows_only_what_changes_of_a_compact_file(tmp_path: Path) -> None:
    import json

    sae(tmp_path, json.dumps(cfg(d_sae=64)), tensors("jumprelu"))
    _, output = run(str(tmp_path), "--diff", "--select", "wts006")
    changed = [line for line in output.splitlines() if line[:1] in "+-" and line[:3] not in ("+++", "---")]
    assert changed == ['-  "d_sae": 64,', '+  "d_sae": 32,']


def test_json_names_what_was_done_refused_and_offered(tmp_path: Path) -> None:
    import json

    sae(tmp_path, cfg(), zero())
    _, output = run(str(tmp_path), "--format", "json", "--quiet")
    offered = [{"place": SAE, "code": "THR001"}]
    assert json.loads(output) == {"fixes": [], "card": [], "refused": [], "offered": offered}


RUNNER = """
import sys
from pathlib import Path
from hubkit.fix.run import planned, apply_fix
from hubkit.repo.local import open_folder
view = open_folder(Path(sys.argv[1]))
import os, time
fsync = os.fsync
os.fsync = lambda handle: (time.sleep(0.004), fsync(handle))  # a slow disk: a kill then falls between any two steps
if len(sys.argv) > 2:  # killed by itself after that many replacements
    import os, signal
    left, really = int(sys.argv[2]), Path.replace
    def replace(self, target):
        global left
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1
        return really(self, target)
    Path.replace = replace
with planned(view, unsafe=True) as plan:
    print("planned", flush=True)
    for fix in plan.fixes:
        apply_fix(view, fix)
print("done", flush=True)
"""
SAES = 6


def release(root: Path) -> None:
    for index in range(SAES):
        sae(root, cfg(), zero(W_enc=tensors()["W_enc"] + index), folder=f"sae_{index}")
    sae(root, cfg(d_sae=64), tensors(), folder="sized")


def states(root: Path) -> set[tuple[str, ...]]:
    return {
        tuple(codes_of(root, folder))
        for folder in sorted(path.name for path in root.iterdir() if path.is_dir())
    }


def codes_of(root: Path, folder: str) -> list[str]:
    from hubkit.fix.proposal import one_sae
    from hubkit.validate.run import validate

    return sorted(f.code for f in validate(one_sae(open_folder(root), folder)).findings if counts(f))


def visible(root: Path) -> dict[str, bytes]:
    return {path: data for path, data in contents(root).items() if not path.endswith(".hubkit-fix")}


def started(root: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", RUNNER, str(root)], stdout=subprocess.PIPE)


def seconds_of_writing(root: Path) -> float:
    """How long an undisturbed run takes from its plan to its end."""
    release(root)
    with started(root) as process:
        assert process.stdout is not None
        process.stdout.readline()
        begun = time.monotonic()
        process.stdout.readline()
        return time.monotonic() - begun


@posix
def test_killed_at_random_moments_nothing_is_lost_and_the_next_run_completes_it(tmp_path: Path) -> None:
    release(tmp_path / "model")
    fixed(tmp_path / "model", unsafe=True)
    expected = contents(tmp_path / "model")
    generator = random.Random(0)
    killed = between = 0
    length = seconds_of_writing(tmp_path / "whole")
    for attempt in range(24):
        root = tmp_path / str(attempt)
        release(root)
        before = contents(root)
        process = started(root)
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(generator.uniform(0, length))
        process.send_signal(signal.SIGKILL)
        rest = process.stdout.read()
        process.stdout.close()
        process.wait()
        killed += b"done" not in rest
        for path, data in visible(root).items():
            assert data in (before.get(path), expected[path]), (
                path
            )  # every file is the old or the new one, whole
        found = states(root)
        # as before, as after, or the one state between, which SAELens refuses and the next run knows
        assert found <= {("THR001",), ("WTS006",), (), ("WTS005",)}, found
        between += visible(root) != before and visible(root) != expected
        fixed(root, unsafe=True)
        assert contents(root) == expected
    assert killed >= 12
    assert between >= 6


@posix
@pytest.mark.parametrize("after", range(2 * SAES + 1))
def test_killed_before_each_replacement(tmp_path: Path, after: int) -> None:
    release(tmp_path / "model")
    fixed(tmp_path / "model", unsafe=True)
    root = tmp_path / "root"
    release(root)
    before = contents(root)
    done = subprocess.run(
        [sys.executable, "-c", RUNNER, str(root), str(after)], capture_output=True, check=False
    )
    assert done.returncode == -signal.SIGKILL
    new = [path for path, data in visible(root).items() if data != before[path]]
    assert len(new) == after
    halfway = {
        SAE_ID for SAE_ID in {path.split("/")[0] for path in new} if codes_of(root, SAE_ID) == ["WTS005"]
    }
    assert len(halfway) == after % 2 or "sized/cfg.json" in new
    assert all(read(root / folder)["architecture"] == "standard" for folder in halfway)
    fixed(root, unsafe=True)
    assert contents(root) == contents(tmp_path / "model")
    assert codes(root) == []


def test_what_killed_runs_left_among_temporary_files_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    old, young, other = (tmp_path / "tmp" / name for name in ("hubkit-fix-old", "hubkit-fix-new", "somebody"))
    for folder in (old, young, other):
        folder.mkdir(parents=True)
        (folder / "0").write_bytes(b"weights")
    days_ago = time.time() - 3 * 86_400
    for path in (old, other):
        os.utime(path, (days_ago, days_ago))
    (tmp_path / "release").mkdir()
    sae(tmp_path / "release", cfg(), tensors())
    with planned(open_folder(tmp_path / "release")):
        pass
    assert sorted(path.name for path in (tmp_path / "tmp").iterdir()) == ["hubkit-fix-new", "somebody"]
