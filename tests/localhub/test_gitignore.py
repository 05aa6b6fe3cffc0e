"""`.gitignore` as the local Hub reads it, against git itself."""

from __future__ import annotations

import shutil
import subprocess
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hubkit.localhub.gitignore import ignored_by

GIT = shutil.which("git")


def by_git(folder: Path, texts: list[str], paths: list[str]) -> list[list[str]]:
    """What git itself would leave out by each of `texts`: every one in a folder of its own, all asked at once."""
    for number, text in enumerate(texts):
        (folder / str(number)).mkdir(exist_ok=True)
        (folder / str(number) / ".gitignore").write_bytes(text.encode())
    command = [GIT or "git", "-c", "core.excludesFile=", "-c", "core.ignoreCase=false", "check-ignore"]
    asked = [f"{number}/{path}" for number in range(len(texts)) for path in paths]
    sent = b"".join(path.encode() + b"\0" for path in asked)
    found = subprocess.run(
        [*command, "--no-index", "-z", "--stdin"], cwd=folder, input=sent, capture_output=True, check=False
    )
    assert found.returncode in {0, 1}, found.stderr
    ignored = {path.decode() for path in found.stdout.split(b"\0") if path}
    return [[path for path in paths if f"{number}/{path}" in ignored] for number in range(len(texts))]


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if GIT is None:
        pytest.skip("needs git")
    folder = tmp_path_factory.mktemp("repository")
    subprocess.run([GIT, "init", "-q", str(folder)], check=True)
    return folder


FILES = [
    "README.md",
    "a",
    "b/a",
    "a/b",
    "a/b/c.safetensors",
    "b/a/c",
    "layer_3/cfg.json",
    "layer_3/sae_weights.safetensors",
    "sae_weights.safetensors",
    "#a",
    "!a",
    "a ",
    "a[1]",
    "a1",
    "b/a1/x",
    "a\\b",
    "b/a/x/a/y/b",
    "aabacac",
    "abcbc",
    ".hidden/a",
]
PATTERNS = [
    "*.safetensors", "/*.safetensors", "a", "/a", "a/", "b/a", "a/b", "a/**", "**/a", "**/a/", "b/**/c", "a/*", "*", "!a", "!b/a", "!*/",
    "#a", "\\#a", "\\!a", "a ", "a\\ ", "a[12]", "a[!2]", "a[^12]", "a\\[1\\]", "a[[]1[]]", "[a-b]", "[b-a]", "[[:digit:]]*", "a[[:digit:]]",
    "a[[:what:]]", "a[", "a\\", "?", "a?b", "layer_*/", "**", "/", "!", "", "***", "a**", "a/**/b", ".hidden", "**.safetensors", "a/b/", "[]]", "[]a]",
    "[a/]", "layer_3/*.json", "!layer_3/cfg.json", "\ufeffa", "a\\\\b", "!/b", "//a", "a//b", "b/./a", "**/a/**/b", "a*b*c", "**/*/**/c", "*a*a*",
]  # fmt: skip


def test_a_pattern_is_read_as_git_reads_it(repository: Path) -> None:
    for pattern, theirs in zip(PATTERNS, by_git(repository, PATTERNS, FILES), strict=True):
        assert ignored_by(pattern, FILES) == theirs, pattern


LINES = st.one_of(st.sampled_from(PATTERNS), st.text("ab*/!?[]^-\\. #1", max_size=8))


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(st.lists(LINES, max_size=4).map("\n".join), max_size=30))
def test_lines_are_read_as_git_reads_them(texts: list[str], repository: Path) -> None:
    for text, theirs in zip(texts, by_git(repository, texts, FILES), strict=True):
        assert ignored_by(text, FILES) == theirs, text


def test_windows_line_ends_and_a_byte_order_mark() -> None:
    assert ignored_by("\ufeff*.bin\r\n!keep.bin\r\n", ["a.bin", "keep.bin"]) == ["a.bin"]


@pytest.mark.parametrize("pattern", ["*a" * 40 + "b", "**/a/" * 40 + "b", "x/" + "*a*/" * 20 + "b"])
def test_no_pattern_takes_long(pattern: str) -> None:
    begun = time.perf_counter()
    ignored_by(pattern, ["a" * 1000, "a/" * 500 + "c", "x/" + "aaaa/" * 200 + "c"])
    assert time.perf_counter() - begun < 2
