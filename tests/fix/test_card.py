"""Fixes of the card and of private paths."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from builders import cfg
from fix.folders import codes, contents, fixed, read, sae

from hubkit.fix.card import with_keys
from hubkit.fix.paths import without_private_paths
from hubkit.readme.mojibake import repair_all
from hubkit.repo.local import open_folder
from hubkit.validate.run import validate

NAMED = cfg(metadata={"model_name": "openai-community/gpt2"})
FRONT = "---\n# mine\nlicense: mit   # as the data\nlibrary_name: transformers  # wrong\ntags:\n- a\n\n- b\n---\n\n# Title\n\nlibrary_name: keep\n"


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_card003_changes_two_lines_and_nothing_else(tmp_path: Path, end: str, mark: str) -> None:
    text = mark + FRONT.replace("\n", end)
    sae(tmp_path, NAMED, readme=text)
    plan = fixed(tmp_path, "CARD003")
    assert plan.refused == []
    after = (tmp_path / "README.md").read_bytes().decode()
    expected = text.replace("library_name: transformers", "library_name: saelens")
    expected = expected.replace(f"- b{end}---", f"- b{end}base_model: openai-community/gpt2{end}---")
    assert after == expected
    assert "CARD003" not in codes(tmp_path)
    assert fixed(tmp_path).fixes == []


def test_card003_adds_front_matter_where_there_is_none(tmp_path: Path) -> None:
    sae(tmp_path, NAMED, readme="# Title\n")
    fixed(tmp_path, "CARD003")
    text = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert text == "---\nlibrary_name: saelens\nbase_model: openai-community/gpt2\n---\n\n# Title\n"


@pytest.mark.parametrize("blank", ["\n", "\n\n", "  \n", "\r\n"])
def test_card003_adds_front_matter_above_empty_lines(tmp_path: Path, blank: str) -> None:
    sae(tmp_path, NAMED, readme=f"{blank}# Title\n")
    plan = fixed(tmp_path, "CARD003")
    assert plan.refused == []
    text = (tmp_path / "README.md").read_bytes().decode()
    assert text.splitlines()[:4] == [
        "---",
        "library_name: saelens",
        "base_model: openai-community/gpt2",
        "---",
    ]
    assert text.endswith("# Title\n")
    assert "CARD003" not in codes(tmp_path)


@pytest.mark.parametrize(
    "model", [["openai-community/gpt2", "a/b"], ["my-finetune"], ["attn-only-2l"], ["gpt2", None], [None]]
)
def test_card003_does_not_guess_the_model(tmp_path: Path, model: list[str | None]) -> None:
    for index, name in enumerate(model):
        sae(tmp_path, cfg(metadata={"model_name": name}), folder=f"sae_{index}", readme="# Title\n")
    fixed(tmp_path, "CARD003")
    assert "base_model" not in (tmp_path / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["gpt2-small", "gpt2", "openai-community/gpt2"], "openai-community/gpt2"),
        (["gemma-2-2b"], "google/gemma-2-2b"),
        (["pythia-70m-deduped", "EleutherAI/pythia-70m-deduped"], "EleutherAI/pythia-70m-deduped"),
        (["somebody/model"], "somebody/model"),
    ],
)
def test_card003_writes_the_id_that_the_table_of_names_has(
    tmp_path: Path, names: list[str], expected: str
) -> None:
    for index, name in enumerate(names):
        sae(tmp_path, cfg(metadata={"model_name": name}), folder=f"sae_{index}", readme="# Title\n")
    (finding,) = [f for f in validate(open_folder(tmp_path)).findings if f.pointer == "/base_model"]
    assert (finding.fix, f"base_model: {expected}" in finding.hint) == ("safe", True)
    fixed(tmp_path, "CARD003")
    assert f"base_model: {expected}\n" in (tmp_path / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "readme",
    ["---\nlibrary_name: >\n  a\n  b\n---\n", "---\n{library_name: x}\n---\n", "---\nnever closed\n"],
)
def test_card003_refuses_a_layout_that_one_line_does_not_change(tmp_path: Path, readme: str) -> None:
    sae(tmp_path, NAMED, readme=readme)
    plan = fixed(tmp_path, "CARD003")
    assert plan.fixes == []
    assert (tmp_path / "README.md").read_text(encoding="utf-8") == readme


def test_keys_are_found_only_in_the_front_matter() -> None:
    assert with_keys("---\na: 1\n---\nb: 2\n", {"b": "3"}) == "---\na: 1\nb: 3\n---\nb: 2\n"


@pytest.mark.parametrize("word", list("—–’“…≥≤×±éüßµ→✓🚀²"))
def test_mojibake_is_mended_and_mending_again_changes_nothing(word: str) -> None:
    broken = "".join(bytes([b]).decode("cp1252", "ignore") or chr(b) for b in word.encode())
    assert broken != word
    assert repair_all(f"a {broken} b") == f"a {word} b"
    assert repair_all(f"a {word} b") == f"a {word} b"


@pytest.mark.parametrize(
    "text",
    ["LIBERTÉ» et « ÉGALITÉ »", "Ångström, façade, naïve, São Paulo, über", "«Éa»", "Γ(x) = Ô", "â", "Ã", "日本語 — ok", "Â", "r² ≥ 0.9 ± 0.1 µm", "São", "50 °C", "├──┬─", "└── cfg.json", "ΓΩ"],
)  # fmt: skip
def test_right_text_is_left_alone(text: str) -> None:
    assert repair_all(text) == text


def test_card012_on_a_card(tmp_path: Path) -> None:
    sae(
        tmp_path,
        readme="---\nlibrary_name: saelens\nbase_model: gpt2\nlicense: mit\n---\r\nDeception â€” L21, â‰¥ 0.9\r\n",
    )
    fixed(tmp_path, "CARD012")
    data = (tmp_path / "README.md").read_bytes()
    assert data.endswith("---\r\nDeception — L21, ≥ 0.9\r\n".encode())


@pytest.mark.parametrize(
    ("text", "after"),
    [
        (r"C:\Users\anna\runs\x", r"~\runs\x"),
        (r'"C:\\Users\\anna\\runs"', r'"~\\runs"'),
        ("/home/anna/runs/x.py", "~/runs/x.py"),
        ("/Users/anna/x", "~/x"),
        ("/root/x", "~/x"),
        ("/home/user/x", "/home/user/x"),
        ("/home/<name>/x", "/home/<name>/x"),
        ("/rooted/x", "/rooted/x"),
        ("https://example.org/home/page", "https://example.org/home/page"),
        ("data/home/a", "data/home/a"),
    ],
)
def test_private_paths(text: str, after: str) -> None:
    assert without_private_paths(text) == after
    assert without_private_paths(after) == after


def test_sec003_in_configuration_card_and_evaluation(tmp_path: Path) -> None:
    place = sae(
        tmp_path,
        cfg(metadata={"dataset_path": "C:\\Users\\anna\\data"}),
        readme="---\nlibrary_name: saelens\nbase_model: gpt2\n---\nrun /home/anna/x\n",
    )
    (tmp_path / "evaluation.json").write_text(json.dumps({"from": "/home/anna/y"}), encoding="utf-8")
    before = contents(tmp_path)
    assert {code for _, code in fixed(tmp_path, "SEC003").offered} == {"SEC003"}
    assert contents(tmp_path) == before
    plan = fixed(tmp_path, "SEC003", unsafe=True)
    assert plan.refused == []
    assert read(place)["metadata"]["dataset_path"] == "~\\data"
    assert b"anna" not in b"".join(contents(tmp_path).values())
    assert json.loads((tmp_path / "evaluation.json").read_text(encoding="utf-8")) == {"from": "~/y"}
