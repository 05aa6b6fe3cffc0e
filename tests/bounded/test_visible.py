"""Whatever a repository is called and holds, what is shown has no control, bidirectional or C1 character; and the same names go through unharmed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from builders import README, cfg, tensors
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save_file

from hubkit.texts import Lines, json_text, printable, shortened, visible
from hubkit.validate.reporters import text as terminal

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="such names there are none")
HOSTILE = "a\x1b]0;owned\x07\x9b2J\u202eb\u2066c\u200bd"
HARMFUL = {
    chr(code)
    for code in (
        *range(0x20),
        *range(0x7F, 0xA0),
        0x200E,
        0x200F,
        *range(0x202A, 0x202F),
        *range(0x2066, 0x206A),
    )
} - {"\n", "\t"}


def harmful(shown: str) -> set[str]:
    return set(shown) & HARMFUL


@given(st.text(st.characters()))
def test_one_function_makes_visible_and_changes_nothing_else(text: str) -> None:
    assert printable(text).isprintable()
    assert all(line.isprintable() for line in visible(text).replace("\t", "").split("\n"))
    if text.isprintable():
        assert printable(text) == visible(text) == text
    assert printable(text) == "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
    assert json.loads(json_text(text)) == text
    assert json.loads(visible(json.dumps({text: [text]}, ensure_ascii=False, indent=2))) == {text: [text]}
    assert not harmful(json_text({text: text}, 2))


@given(st.text("ab\n"), st.integers(0, 40))
def test_lines_are_counted_as_a_naive_reader_counts(text: str, place: int) -> None:
    place = min(place, len(text))
    assert Lines(text).at(place) == text.count("\n", 0, place) + 1


def test_shortened_says_how_much_it_leaves_out() -> None:
    assert (shortened("abc", 3), shortened("abcd", 3)) == ("abc", "abc... (4 characters)")


@given(st.text("\\[]a/ \n"))
def test_escaped_text_is_shown_as_it_is(text: str) -> None:
    from rich.text import Text

    shown = Text.from_markup(f"[bold]{terminal.escape(text)}[/]").plain
    assert shown.replace(terminal.LIKE_A_SLASH, "\\") == printable(text).replace(terminal.LIKE_A_SLASH, "\\")


@pytest.fixture
def release(tmp_path: Path) -> Path:
    folder = tmp_path / HOSTILE
    for sae in ("good_L2", HOSTILE):
        (folder / sae).mkdir(parents=True)
        made = cfg(
            hook_point=HOSTILE,
            metadata={"model_name": HOSTILE, "hook_name": f"blocks.1.{HOSTILE}", HOSTILE: "x"},
        )
        (folder / sae / "cfg.json").write_text(json.dumps(made, ensure_ascii=False), encoding="utf-8")
        save_file(tensors(), folder / sae / "sae_weights.safetensors")
    (folder / "README.md").write_text(f'{README}sae_id="{HOSTILE}" TODO', encoding="utf-8")
    (folder / "card.yaml").write_text(
        "repo_id: o/n\nbase_model: gpt2\nlicense: mit\nprose: {uses: '{{ facts.none }}'}\n", encoding="utf-8"
    )
    return folder


def said(*arguments: object) -> tuple[str, str]:
    environment = {**os.environ, "HF_ENDPOINT": "http://127.0.0.1:9", "HF_HUB_OFFLINE": "1"}
    ended = subprocess.run(
        [sys.executable, "-m", "hubkit", *map(str, arguments)],
        capture_output=True,
        timeout=120,
        check=False,
        env=environment,
    )
    assert b"Traceback" not in ended.stderr
    return ended.stdout.decode("utf-8"), ended.stderr.decode("utf-8")


@POSIX
@pytest.mark.parametrize("kind", ["text", "json", "sarif", "markdown", "github"])
def test_validate_shows_nothing_that_deceives(release: Path, kind: str) -> None:
    out, err = said("validate", release, "--deep", "--notes", "--format", kind)
    assert not harmful(out + err)
    assert "good" in out or kind == "github"
    if kind == "json":
        assert HOSTILE in {sae["sae_id"] for sae in json.loads(out)["saes"]}
    if kind == "sarif":
        assert json.loads(out)["version"] == "2.1.0"


@POSIX
def test_nor_does_a_report_in_a_file(release: Path, tmp_path: Path) -> None:
    for kind in ("json", "sarif", "text"):
        said("validate", release, "--format", kind, "--output", tmp_path / kind)
        assert not harmful((tmp_path / kind).read_text(encoding="utf-8"))


VERBS = (
    ["fix", "{}", "--diff"], ["push", "{}", "--dry-run", "--no-code"], ["diff", "{}", "{}", "--format", "json"], ["audit", "{}", "--format", "json", "--reports"],
    ["build-cards", "{}", "--no-run"],
)  # fmt: skip
MORE_VERBS = (
    ["fix", "{}", "--diff", "--format", "json"], ["fix", "{}"], ["push", "{}", "--to", "o/n", "--no-code"], ["build-cards", "{}", "--facts"], ["init", "{}"],
    ["preview", "{}", "--once", "{}/page.html"], ["validate", "{}/nowhere"], ["audit", "{}"], ["audit", "{}", "--format", "csv"],
    ["validate", "{}", "--select", "\x1b[2J"],
)  # fmt: skip


@POSIX
@pytest.mark.parametrize(
    "arguments",
    [*VERBS, *(pytest.param(one, marks=pytest.mark.full) for one in MORE_VERBS)],
    ids=lambda arguments: " ".join(arguments).replace("\x1b", "ESC"),
)
def test_no_verb_shows_what_deceives(release: Path, arguments: list[str]) -> None:
    out, err = said(*(part.format(release) for part in arguments))
    assert not harmful(out + err), repr(out + err)


def test_good_names_of_every_script_are_shown_as_they_are() -> None:
    for name in (
        "größe_L2",
        "研究/模型",
        "модель",
        "نموذج",
        "שלום",
        "e\u0301",
        "emoji \U0001f600 \u2714\ufe0f",
        "한국어",
        "ひらがな",
    ):
        assert printable(name) == visible(name) == name
        assert name in json_text({name: 1})
