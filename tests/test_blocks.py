"""Every block of the README and the guides is run, or says why it is not.

They are run where the reader would be: in a folder with `examples/`, a good release `my-release` and a bad one `my-saes`, with a Hub of this machine that has both as OWNER/NAME and
OWNER/REPO. Three things are added to what is typed: `preview` writes its page and ends, and `build-cards` and `push` do not run a card's code with torch (tests/cards does).
"""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from blocks import PARSED, RUN, SHOWN, Block, as_expected, blocks, typed
from huggingface_hub import HfApi, constants

from hubkit.localhub.server import serving

ROOT = Path(__file__).parents[1]
PAGES = [
    "README.md", "docs/index.md", "docs/comparison.md", "docs/upstream.md", *(path.relative_to(ROOT).as_posix() for path in sorted((ROOT / "docs" / "guides").glob("*.md"))),
    *(f"docs/{name}.md" for name in ("adopt", "api", "cards", "claims", "collect", "convert", "init", "preview", "publish", "registry", "running", "smollm2", "study", "training", "validate")),
]  # fmt: skip
BLOCKS = [block for page in PAGES for block in blocks(ROOT / page, page)]
TO_RUN = [
    page
    for page in PAGES
    if any(block.page == page and block.kind in RUN and not block.not_run for block in BLOCKS)
]
SHIM = """#!/usr/bin/env bash
case "$1" in
    preview) [[ " $* " == *" --once "* ]] || set -- "$@" --once page.html ;;
    build-cards) [[ " $* " == *" --no-run "* ]] || set -- "$@" --no-run ;;
    push) [[ " $* " == *" --no-code "* ]] || set -- "$@" --no-code ;;
esac
exec "{python}" -m hubkit "$@"
"""
MARK = "\x1e"
TOKEN = "local"


@pytest.mark.parametrize("block", BLOCKS, ids=str)
def test_a_block_says_what_it_is_and_why_it_is_not_run(block: Block) -> None:
    assert block.kind in RUN | PARSED | SHOWN, (
        f"{block}: say `console`, `bash`, `python`, `yaml`, ... or `text` behind the fence"
    )
    if block.not_run:
        assert block.kind in RUN
        for path in re.findall(r"tests/[\w/]+(?:\.py)?|\.ci/\w+", block.not_run):
            assert (ROOT / path).exists(), f"{block}: {path} is not there"
    if block.kind == "yaml":
        assert yaml.safe_load(block.text) is not None
    if block.kind == "toml":
        assert tomllib.loads(block.text)
    if block.kind == "json":
        assert json.loads(block.text) is not None
    if block.kind == "python":
        ast.parse(block.text)


pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, dict[str, str]]]:
    """The folder in which a reader is, and the environment; each page has a copy of it."""
    bash = shutil.which("bash")
    if bash is None or os.name == "nt":
        pytest.skip("the pages' commands are those of a POSIX shell")
    folder = tmp_path_factory.mktemp("world")
    start = folder / "start"
    shutil.copytree(
        ROOT / "examples", start / "examples", ignore=shutil.ignore_patterns("*.py", "__pycache__")
    )
    shutil.copytree(start / "examples" / "repaired", start / "my-release")
    shutil.copytree(start / "examples" / "broken", start / "my-saes")
    shim = folder / "bin" / "hubkit"
    shim.parent.mkdir()
    shim.write_text(SHIM.format(python=sys.executable), encoding="utf-8", newline="\n")
    shim.chmod(0o755)
    python = shim.with_name(
        "python"
    )  # no link: outside of its environment's folder an interpreter does not know its packages
    python.write_text(f'#!/usr/bin/env bash\nexec "{sys.executable}" "$@"\n', encoding="utf-8", newline="\n")
    python.chmod(0o755)
    with serving(folder / "hub", token=TOKEN, user="me") as hub, pytest.MonkeyPatch.context() as patch:
        patch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        patch.setattr(constants, "HF_HUB_DISABLE_PROGRESS_BARS", True)
        api = HfApi(endpoint=hub.endpoint, token=TOKEN)
        for name, release in (
            ("OWNER/REPO", ROOT / "examples" / "broken"),
            ("OWNER/NAME", renamed(folder / "renamed")),
        ):
            api.create_repo(name)
            api.upload_folder(repo_id=name, folder_path=release, ignore_patterns="card.yaml")
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("HF_", "GITHUB_"))}
        yield start, kept | {
            "HOME": str(folder), "HF_HOME": str(folder / "hf"), "HF_ENDPOINT": hub.endpoint, "HF_TOKEN": TOKEN, "HF_HUB_DISABLE_XET": "1", "COLUMNS": "121", "NO_COLOR": "1",
            "PATH": os.pathsep.join([str(shim.parent), os.environ["PATH"]]), "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8",
        }  # fmt: skip


def renamed(folder: Path) -> Path:
    """The good release under the name that it has on the Hub here, its card built anew."""
    shutil.copytree(ROOT / "examples" / "repaired", folder)
    settings = folder / "card.yaml"
    text = re.sub(r"(?m)^repo_id: .*$", "repo_id: OWNER/NAME", settings.read_text(encoding="utf-8"))
    settings.write_text(text, encoding="utf-8", newline="\n")
    subprocess.run(
        [sys.executable, "-m", "hubkit", "build-cards", folder, "--no-run", "--quiet"],
        check=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    return folder


@pytest.mark.parametrize("page", TO_RUN)
def test_the_blocks_of_a_page_do_what_it_says(
    page: str, world: tuple[Path, dict[str, str]], tmp_path: Path
) -> None:
    start, surroundings = world
    here = tmp_path / "here"
    shutil.copytree(start, here)
    for block in BLOCKS:
        if block.page != page or block.kind not in RUN or block.not_run:
            continue
        if block.before:
            shell(block.before, here, surroundings)
        if block.kind == "console":
            console(block, here, surroundings)
        elif block.alternatives:
            assert len(block.exits) == len(block.lines), f"{block}: an exit code for each line"
            for number, (line, code) in enumerate(zip(block.lines, block.exits, strict=True)):
                shutil.copytree(here, tmp_path / f"{block.line}-{number}")
                done = shell(line, tmp_path / f"{block.line}-{number}", surroundings)
                assert done.returncode == code, (
                    f"{block}: `{line}` ended with {done.returncode}\n{done.stdout}{done.stderr}"
                )
        else:
            text = block.text if block.kind == "bash" else f"python - <<'END'\n{block.text}END\n"
            done = shell(f"set -e\n{text}", here, surroundings)
            assert done.returncode == block.exits[-1], (
                f"{block} ended with {done.returncode}\n{done.stdout}{done.stderr}"
            )


def shell(text: str, folder: Path, surroundings: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-c", text],
        cwd=folder,
        env=surroundings,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


def console(block: Block, folder: Path, surroundings: dict[str, str]) -> None:
    """One shell types all of it; what each command prints is compared."""
    commands = typed(block)
    text = "".join(f"{command}\nlast=$?; printf '\\n{MARK}\\n'; (exit $last)\n" for command, _ in commands)
    done = shell(text, folder, surroundings)
    outputs = done.stdout.split(f"\n{MARK}\n")
    for (command, expected), printed in zip(commands, outputs, strict=False):
        assert as_expected(expected, printed), (
            f"{block}: `{command}` printed\n{printed}\nand on stderr\n{done.stderr}"
        )


def test_what_was_expected_is_compared() -> None:
    assert as_expected(["a", "...", "d 0.2 s"], "a\nb\nc\nd 12.34 s\n")
    assert as_expected(["a ... c"], "a b c")
    assert as_expected([], "")
    assert not as_expected(["a"], "a\nb\n")
    assert not as_expected(["a", "...", "d"], "a\nb\nc\n")
    assert not as_expected(["a.b"], "axb")
    assert not as_expected([], "something")


def test_comments_belong_to_the_block_below_them(tmp_path: Path) -> None:
    path = tmp_path / "page.md"
    path.write_text(
        "<!-- not run: far -->\n\nwords\n\n```bash\nls\n```\n\n<!-- run: exit 1 -->\n```console\n$ false\n```\n\n1. in a list\n\n   ```text\n   a\n   ```\n",
        encoding="utf-8",
    )
    first, second, third = blocks(path, "page.md")
    assert first.not_run == "" and second.exits == (1,)  # noqa: PT018
    assert third.lines == ("a",)
    path.write_text("```bash\nls\n", encoding="utf-8")
    with pytest.raises(ValueError, match="does not end"):
        list(blocks(path, "page.md"))
