"""Whole cards of the four releases that started this, and of their study. When one changes on purpose: HUBKIT_WRITE_GOLDENS=1 pytest tests/cards"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import pytest
from cards import shapes
from cards.reading import section, visible
from cards.seeds import CITATION, CODE, JUMPING_AHEAD, SECRET_AGENDA, SEEDS
from cards.shapes import sound, write
from huggingface_hub import ModelCard

from hubkit.cards import checksums
from hubkit.cards.build import build_card
from hubkit.cards.index import build_index, write_index
from hubkit.cards.settings import IndexSettings
from hubkit.localhub.frontmatter import check
from hubkit.release.digests import sha256_of_file
from hubkit.repo.local import open_folder
from hubkit.validate.run import validate

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="7 GB of weights are holes in their files, which Windows would fill"
)
LONGEST, LONGEST_OF_ONE = 120, 70
"""Lines that are seen at once."""
COUNTS = {"nanochat_d32": 54, "smollm2_135m": 54, "tinyllama": 39, "gemma4_e2b": 1}
DEFECTS = {
    "nanochat_d32": {"THR001", "THR008", "EVL004"},
    "smollm2_135m": {"THR001", "THR008", "EVL004"},
    "tinyllama": {"THR001", "THR008", "EVL004"},
    "gemma4_e2b": {"EVL004"},
}
"""What is wrong with the releases themselves: the cards disclose it, and nothing else is found."""
SOURCES = {
    name: f"the card of https://huggingface.co/{make().settings.repo_id} as it was before hubkit"
    for name, make in SEEDS.items()
}
"""Where the values of each can be looked up: none of them was computed by hubkit."""
INDEX = IndexSettings(
    repo_id="Solshine/deception-behavioral-saes-saelens",
    license="mit",
    title="Cross-model deception SAEs",
    summary="What a probe reads of deceptive and honest completions from raw activations, and from sparse autoencoders.",
    papers=[SECRET_AGENDA, JUMPING_AHEAD],
    code=CODE,
    citation=CITATION,
)


def of_name_and_size(path: Path, over: Event | None = None) -> str:
    """For weights that are holes: reading them takes seconds and says nothing."""
    if path.suffix != ".safetensors":
        return sha256_of_file(path, over)
    return f"{path.stat().st_size:064x}"


@pytest.fixture(scope="module")
def releases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Path]]:
    """The four releases with their cards."""
    root = tmp_path_factory.mktemp("seeds")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checksums, "sha256_of_file", of_name_and_size)
        patch.setattr(shapes, "sha256_of_file", of_name_and_size)
        folders = {name: write(make(), root / name, source=SOURCES[name]) for name, make in SEEDS.items()}
        for folder in folders.values():
            build_card(folder)
        yield folders


def compare(name: str, text: str) -> None:
    golden = Path(__file__).with_name(f"golden_{name}.md")
    masked = re.sub(r"[0-9a-f]{64}", "<digest>", text)
    if os.environ.get("HUBKIT_WRITE_GOLDENS"):
        golden.write_text(masked, encoding="utf-8", newline="\n")
    assert masked == golden.read_text(encoding="utf-8")


def card(folder: Path) -> str:
    return (folder / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", SEEDS)
def test_golden(releases: dict[str, Path], name: str) -> None:
    compare(name, card(releases[name]))


@pytest.mark.parametrize("name", SEEDS)
def test_a_second_build_gives_the_same_bytes(releases: dict[str, Path], name: str) -> None:
    before = card(releases[name])
    again = build_card(releases[name])
    assert (again.changed, again.text, again.diff) == (False, before, "")


@pytest.mark.parametrize("name", SEEDS)
def test_the_hubs_own_parser_and_its_rules_take_it(releases: dict[str, Path], name: str) -> None:
    text = card(releases[name])
    assert (check(text).errors, check(text).warnings) == ([], [])
    data = ModelCard(text).data
    assert data.library_name == "saelens"
    assert data.eval_results is None, "stated values are in no model index"


@pytest.mark.parametrize("name", SEEDS)
def test_nothing_is_found_but_the_releases_own_defects_and_the_card_names_each(
    releases: dict[str, Path], name: str
) -> None:
    report = validate(open_folder(releases[name]))
    assert {finding.code for finding in report.findings} == DEFECTS[name]
    limitations = section(card(releases[name]), "Limitations")
    assert all(f"({code})" in limitations for code in DEFECTS[name])


@pytest.mark.parametrize("name", SEEDS)
def test_nothing_at_all_is_found_where_the_release_has_no_defect(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checksums, "sha256_of_file", of_name_and_size)
    monkeypatch.setattr(shapes, "sha256_of_file", of_name_and_size)
    folder = write(sound(SEEDS[name]()), tmp_path / name)
    build_card(folder)
    assert validate(open_folder(folder)).findings == []
    checks = section(card(folder), "What was checked")
    these = "this SAE" if COUNTS[name] == 1 else f"these SAEs ({COUNTS[name]} checked)"
    assert f"rules found no defect in {these}." in checks
    results = ModelCard(card(folder)).data.eval_results or []
    assert all(type(result.metric_value) is float for result in results)
    assert all(re.search(r", n = \d+$", str(result.metric_name)) for result in results)
    assert "see [Limitations](#limitations)" not in card(folder)
    assert len(visible(card(folder))) <= (LONGEST if COUNTS[name] > 1 else LONGEST_OF_ONE)
    assert "not cross-fitted" not in card(folder)


@pytest.mark.parametrize("name", SEEDS)
def test_one_row_per_sae_with_its_id(releases: dict[str, Path], name: str) -> None:
    folders = sorted(path.parent.name for path in releases[name].glob("*/cfg.json"))
    table = section(card(releases[name]), "The SAEs")
    assert sorted(re.findall(r"^\| `([^`]+)` \|", table, re.MULTILINE)) == (
        folders if len(folders) > 1 else []
    )
    assert len(folders) == COUNTS[name]


@pytest.mark.parametrize("name", SEEDS)
def test_a_reader_sees_little_before_opening_anything(releases: dict[str, Path], name: str) -> None:
    assert len(visible(card(releases[name]))) <= (LONGEST if COUNTS[name] > 1 else LONGEST_OF_ONE)


@pytest.mark.parametrize("name", SEEDS)
def test_nothing_is_left_unfilled(releases: dict[str, Path], name: str) -> None:
    text = re.sub(r"```.*?```", "code", card(releases[name]), flags=re.DOTALL)
    assert not re.search(r"TODO|\{\{|\}\}|\bNone\b|Undefined|\bnan\b|More [Ii]nformation", text)
    assert "\n\n\n" not in text


def test_the_contradictions_of_the_originals_are_gone(releases: dict[str, Path]) -> None:
    nanochat, smollm2, tinyllama, gemma = (card(releases[name]) for name in SEEDS)
    assert not re.search(
        r"\b57\b(?! points)", nanochat.split("\n# ")[1].replace("0.57", "")
    )  # 6 x 3 x 3 is 54
    assert "2 of 54 (4 %)" in nanochat
    assert "GPT-NeoX" not in nanochat
    assert "27 of 54 SAEs, every jumprelu SAE" in smollm2  # not all 54
    assert "24 of 54 (44 %); expected by chance: 27. **No evidence of a difference.**" in smollm2
    assert "15 of 39 SAEs, every jumprelu SAE of the recipe original" in tinyllama
    assert "**No evidence of a difference.**" in tinyllama  # "SAEs help" at 14 of 30
    assert "4.127 bits" in gemma  # not 3.5
    assert "0.753" not in gemma
    assert "what is stable here is what noise gives" in gemma
    assert ".pt" not in gemma
    for text in (nanochat, smollm2, tinyllama):
        assert not re.search(r"model\.layers\.\d+\.hook_", text)


def test_the_index(releases: dict[str, Path], tmp_path: Path) -> None:
    built = build_index(list(releases.values()), INDEX)
    compare("index", built.text)
    assert "148 sparse autoencoders on 4 models" in built.text
    assert built.text == build_index(list(reversed(releases.values())), INDEX).text
    verdict = check(built.text)
    assert (verdict.errors, verdict.warnings) == ([], [])
    first = write_index(list(releases.values()), INDEX, tmp_path / "README.md")
    assert first.changed
    assert not write_index(list(releases.values()), INDEX, tmp_path / "README.md").changed
    assert not [f for f in validate(open_folder(tmp_path)).findings if f.code.startswith("CARD")]


def test_the_index_states_commits_where_it_is_given_them(releases: dict[str, Path]) -> None:
    folder = releases["smollm2_135m"]
    text = build_index([folder], INDEX, commits={"Solshine/deception-saes-smollm2-135m": "a" * 40}).text
    link = f"https://huggingface.co/Solshine/deception-saes-smollm2-135m/tree/{'a' * 40}"
    assert f"[`{'a' * 12}`]({link})" in text
