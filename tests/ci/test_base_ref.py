"""What a pull request may not change by itself: in a real checkout, as actions/checkout makes it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from builders import README, cfg, tensors, view

from hubkit.validate import base_ref
from hubkit.validate.action import main

GIT = shutil.which("git")
pytestmark = pytest.mark.skipif(GIT is None, reason="git is not installed")
IGNORE = 'ignore = { CFG003 = "kept for the paper" }\n'
IDENTITY = {f"GIT_{who}_{what}": "x@y.z" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
ISOLATED = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull, **IDENTITY}


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        [str(GIT), *arguments],
        cwd=folder,
        env={**os.environ, **ISOLATED},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def commit(folder: Path, files: Mapping[str, str | bytes | None]) -> str:
    for path, data in files.items():
        place = folder / path
        if data is None:
            place.unlink()
            continue
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data if isinstance(data, bytes) else data.encode())
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "x", "--allow-empty")
    return git(folder, "rev-parse", "HEAD")


class Pull:
    """A repository, and the checkout of a pull request to it, with only the commit that is checked."""

    def __init__(
        self, root: Path, base: Mapping[str, str | bytes | None], mine: Mapping[str, str | bytes | None]
    ) -> None:
        self.origin, self.checkout, self.head = root / "origin" / "me" / "saes", root / "work", "me/saes"
        self.origin.mkdir(parents=True)
        git(self.origin, "init", "-qb", "main")
        broken = view(cfg("topk", k="8"), tensors("topk"), readme=README).files
        self.base = commit(
            self.origin, {f"release/{path}": data for path, data in broken.items()} | dict(base)
        )
        git(self.origin, "checkout", "-qb", "change")
        commit(self.origin, mine)
        git(self.origin, "config", "uploadpack.allowAnySHA1InWant", "true")
        self.checkout.mkdir()
        git(self.checkout, "init", "-q")
        git(self.checkout, "remote", "add", "origin", self.origin.as_uri())
        git(self.checkout, "fetch", "-q", "--depth=1", "origin", "change")
        git(self.checkout, "checkout", "-q", "FETCH_HEAD")

    def run(self, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], **more: str) -> Ran:
        monkeypatch.chdir(self.checkout)
        for name, value in ISOLATED.items():
            monkeypatch.setenv(name, value)
        scratch = self.checkout.parent
        event = scratch / "event.json"
        pull = {"base": {"sha": self.base}, "head": {"repo": {"full_name": self.head}}}
        event.write_text(json.dumps({"pull_request": pull}), encoding="utf-8")
        summary = scratch / "summary.md"
        summary.write_text("", encoding="utf-8")
        environment = {
            "HUBKIT_TARGET": "release", "GITHUB_BASE_REF": "main", "GITHUB_REPOSITORY": "me/saes", "GITHUB_EVENT_PATH": str(event),
            "GITHUB_WORKSPACE": str(self.checkout), "GITHUB_STEP_SUMMARY": str(summary), "RUNNER_TEMP": str(scratch),
        } | more  # fmt: skip
        code = main(environment)
        return Ran(code, capfd.readouterr().out, summary.read_text(encoding="utf-8"))


class Ran:
    def __init__(self, code: int, log: str, summary: str) -> None:
        self.code, self.log, self.summary = code, log, summary


CASES: dict[str, tuple[Mapping[str, str | bytes | None], Mapping[str, str | bytes | None], int, str]] = {
    "the base has the ignore": ({"hubkit.toml": IGNORE}, {}, 0, ""),
    "the pull request adds the file": ({}, {"hubkit.toml": IGNORE}, 1, "new in this pull request"),
    "the pull request adds an ignore": ({"hubkit.toml": 'ignore = { THR = "x" }\n'}, {"hubkit.toml": 'ignore = { THR = "x", CFG003 = "me" }\n'}, 1, "differs from that of main"),
    "the pull request widens an ignore": ({"hubkit.toml": 'ignore = [{code = "CFG003", reason = "x", path = "old/*"}]\n'}, {"hubkit.toml": IGNORE}, 1, "differs"),
    "the pull request takes an ignore away": ({"hubkit.toml": IGNORE}, {"hubkit.toml": ""}, 1, "differs"),
    "the pull request only gives another reason": ({"hubkit.toml": IGNORE}, {"hubkit.toml": IGNORE.replace("paper", "book")}, 0, ""),
    "the pull request lowers a severity": ({"hubkit.toml": ""}, {"hubkit.toml": 'severity = { CFG003 = "note" }\n'}, 1, "differs"),
    "the pull request selects less": ({"hubkit.toml": ""}, {"hubkit.toml": 'select = ["THR"]\n'}, 1, "differs"),
    "the base's severity counts": ({"hubkit.toml": 'severity = { CFG003 = "note" }\n'}, {}, 0, ""),
    "the pull request takes the file away": ({"hubkit.toml": IGNORE}, {"hubkit.toml": None}, 1, ""),
    "the base's cannot be read": ({"hubkit.toml": "ignore = ["}, {"hubkit.toml": IGNORE}, 1, "that of main cannot be read"),
    "in the target it is never obeyed": ({"release/hubkit.toml": IGNORE}, {}, 1, "it is not obeyed"),
    "another change": ({"hubkit.toml": IGNORE}, {"release/notes.txt": "x"}, 0, ""),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_pull_request_is_judged_by_what_both_silence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], name: str
) -> None:
    base, mine, code, words = CASES[name]
    ran = Pull(tmp_path, base, mine).run(monkeypatch, capfd)
    assert ran.code == code, ran.log
    assert words in ran.log
    assert words in ran.summary.replace("&#46;", ".")
    assert ("CFG003" in ran.log) is (code == 1) or "severity" in name


@pytest.mark.parametrize(
    ("base", "mine", "code"), [({}, {"hubkit.toml": IGNORE}, 1), ({"hubkit.toml": IGNORE}, {}, 0)]
)
def test_a_checkout_of_the_fork_is_judged_by_the_base_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str],
    base: Mapping[str, str], mine: Mapping[str, str], code: int,
) -> None:  # fmt: skip
    """`repository: head.repo` in actions/checkout: `origin` is the fork, and its branch `main` whatever its owner says."""
    pull = Pull(tmp_path, base, mine)
    fork = tmp_path / "origin" / "mallory" / "saes-fork"
    shutil.copytree(pull.origin, fork)
    git(fork, "branch", "-f", "main", "change")
    git(pull.checkout, "remote", "set-url", "origin", fork.as_uri())
    git(pull.checkout, "fetch", "-q", "--depth=1", "origin", "main:refs/remotes/origin/main")
    pull.head = "mallory/saes-fork"
    assert pull.run(monkeypatch, capfd).code == code
    pull.head = ""  # a checkout of some other repository, which no pull request brought
    assert pull.run(monkeypatch, capfd).code == 0


def test_a_push_is_judged_by_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    pull = Pull(tmp_path, {}, {"hubkit.toml": IGNORE})
    assert pull.run(monkeypatch, capfd, GITHUB_BASE_REF="", GITHUB_EVENT_PATH="").code == 0


def test_where_the_base_cannot_be_had_nothing_is_silenced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    pull = Pull(tmp_path, {"hubkit.toml": IGNORE}, {})
    git(pull.checkout, "remote", "set-url", "origin", (tmp_path / "gone" / "me" / "saes").as_uri())
    ran = pull.run(monkeypatch, capfd)
    assert ran.code == 1
    assert "hubkit.toml is not obeyed: what main has of it is not known" in ran.log
    shutil.rmtree(pull.checkout / ".git")  # a checkout without git
    assert "made without git" in pull.run(monkeypatch, capfd).log
    monkeypatch.setenv("PATH", "")
    (pull.checkout / ".git").mkdir()
    assert "there is no git" in pull.run(monkeypatch, capfd).log


def test_where_the_base_is_there_nothing_is_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    pull = Pull(tmp_path, {"hubkit.toml": IGNORE}, {})
    git(pull.checkout, "fetch", "-q", "--depth=1", "origin", "main:refs/remotes/origin/main")
    git(pull.checkout, "remote", "set-url", "origin", (tmp_path / "gone" / "me" / "saes").as_uri())
    assert pull.run(monkeypatch, capfd).code == 0


def test_what_the_workflow_made_is_obeyed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    pull = Pull(tmp_path, {}, {})
    (tmp_path / "made.toml").write_text(IGNORE, encoding="utf-8")
    assert pull.run(monkeypatch, capfd, HUBKIT_CONFIG=str(tmp_path / "made.toml")).code == 0
    (pull.checkout / "made.toml").write_text(IGNORE, encoding="utf-8")  # not under version control
    assert pull.run(monkeypatch, capfd, HUBKIT_CONFIG="made.toml").code == 0


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege there")
def test_a_link_is_not_followed_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    pull = Pull(tmp_path, {"hubkit.toml": IGNORE, "other.toml": 'ignore = { C = "all" }\n'}, {})
    (pull.checkout / "hubkit.toml").unlink()
    (pull.checkout / "hubkit.toml").symlink_to("other.toml")
    ran = pull.run(monkeypatch, capfd)
    assert ran.code == 1
    assert "it is a link" in ran.log


def test_nothing_in_the_checkout_is_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    pull = Pull(tmp_path, {"hubkit.toml": IGNORE}, {".gitattributes": "* diff=evil filter=evil\n"})
    hooks = pull.checkout / ".git" / "hooks"
    hooks.mkdir(exist_ok=True)
    for name in ("post-checkout", "reference-transaction", "post-index-change"):
        (hooks / name).write_text(f"#!/bin/sh\ntouch '{tmp_path}/hacked'\n", encoding="utf-8", newline="\n")
        (hooks / name).chmod(0o755)
    git(pull.checkout, "config", "core.fsmonitor", f"touch {tmp_path}/hacked")
    (tmp_path / "hacked").unlink(missing_ok=True)
    assert pull.run(monkeypatch, capfd).code == 0
    assert not (tmp_path / "hacked").exists()


def known(folder: Path) -> str:
    """A baseline of everything there."""
    from hubkit.validate.request import Request, answer

    path = folder.parent / "known.json"
    answer(Request(str(folder / "release"), write_baseline=path))
    return path.read_text(encoding="utf-8")


@pytest.mark.parametrize("where", ["input", "config"])
def test_the_lines_that_a_pull_request_adds_to_a_baseline_do_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], where: str
) -> None:
    empty = json.dumps({"hubkit_baseline": "1", "findings": []})
    config = {"hubkit.toml": 'baseline = "known.json"\n'} if where == "config" else {}
    given = {"HUBKIT_BASELINE": "known.json"} if where == "input" else {}
    full = known(Pull(tmp_path / "first", {}, {}).checkout)
    for name, base, mine, code, words in (
        (
            "adds",
            {"known.json": empty},
            {"known.json": full},
            1,
            "1 lines that this pull request adds do not count",
        ),
        ("new", {}, {"known.json": full}, 1, "1 lines that this pull request adds"),
        ("has", {"known.json": full}, {}, 0, "1 warnings"),
        ("mends", {"known.json": full}, {"known.json": empty}, 1, ""),
        ("broken", {"known.json": "["}, {"known.json": full}, 1, "that of main cannot be read"),
    ):
        ran = Pull(tmp_path / name, {**base, **config}, mine).run(monkeypatch, capfd, **given)
        assert ran.code == code, (name, ran.log)
        assert words in ran.log or words == "1 warnings"


def test_a_merge_group_has_a_base_too(tmp_path: Path) -> None:
    event = tmp_path / "event.json"
    event.write_text(
        json.dumps({"merge_group": {"base_sha": "a" * 40, "base_ref": "refs/heads/main"}}), encoding="utf-8"
    )
    assert base_ref.base_of({"GITHUB_EVENT_PATH": str(event)}) == base_ref.Base("main", "a" * 40)
    assert base_ref.base_of({}) is None
    assert base_ref.base_of({"GITHUB_BASE_REF": "main"}) == base_ref.Base("main")
    event.write_text('{"pull_request": {"base": {"sha": "--upload-pack=x"}}}', encoding="utf-8")
    assert base_ref.base_of({"GITHUB_BASE_REF": "main", "GITHUB_EVENT_PATH": str(event)}) == base_ref.Base(
        "main"
    )


def test_nothing_to_check_and_incomplete_say_so_everywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "model.bin").write_bytes(b"x")
    summary = tmp_path / "summary.md"
    monkeypatch.chdir(tmp_path)
    assert (
        main({"HUBKIT_TARGET": "empty", "GITHUB_STEP_SUMMARY": str(summary), "RUNNER_TEMP": str(tmp_path)})
        == 3
    )
    log, text = capfd.readouterr().out, summary.read_text(encoding="utf-8")
    assert "::error title=hubkit::empty: no SAE was found (exit code 3): nothing was validated" in log
    assert "passed over: 1 file, weights of no format that hubkit knows: model.bin" in log
    assert "no findings" not in text
    assert "exit code 3" in text.replace("&#40;", "(")
    assert "model.bin" in text.replace("&#46;", ".")
    assert (
        main({"HUBKIT_TARGET": "nowhere", "GITHUB_STEP_SUMMARY": str(summary), "RUNNER_TEMP": str(tmp_path)})
        == 2
    )
    assert "the inputs cannot be meant" in summary.read_text(encoding="utf-8")

    unreadable = view()
    for path, data in unreadable.files.items():
        (tmp_path / "partly" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "partly" / path).write_bytes(data)
    (tmp_path / "partly" / "evaluation.json").write_bytes(b" " * 2_000_000)
    summary.unlink()
    assert (
        main({"HUBKIT_TARGET": "partly", "GITHUB_STEP_SUMMARY": str(summary), "RUNNER_TEMP": str(tmp_path)})
        == 4
    )
    log, text = capfd.readouterr().out, summary.read_text(encoding="utf-8")
    assert "::error title=hubkit::partly: incomplete (exit code 4): " in log
    assert "evaluation.json" in log
    assert "no findings" not in text
    assert "does not mean clean" in text
