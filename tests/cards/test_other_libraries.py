"""The card of SAEs that another library wrote: full after one `hubkit evaluate`, and true of that library."""

from __future__ import annotations

import ast
import shutil
from pathlib import Path

import numpy as np
import pytest

from hubkit.cards.build import build_card
from hubkit.cards.libraries import LIBRARIES
from hubkit.cards.snippets import missing_packages, python_blocks
from hubkit.errors import NothingFound
from hubkit.evaluate.elsewhere import evaluate_given
from hubkit.evaluate.given import Given, designed
from hubkit.readme.document import parse_readme
from hubkit.repo.local import open_folder
from hubkit.validate.run import Selection, validate

FAMILIES = Path(__file__).parents[1] / "formats" / "families"
CASES = {"sparsify": "sparsify/sae_run", "dictionary_learning": "dictionary_learning/topk"}
MODELS = {"sparsify": "EleutherAI/pythia-70m", "dictionary_learning": "EleutherAI/pythia-70m-deduped"}
N, WIDTH = 90, 16


@pytest.fixture(scope="module", params=CASES)
def release(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """Evaluated on labelled rows, with a card of hubkit's."""
    folder = shutil.copytree(FAMILIES / CASES[request.param], tmp_path_factory.mktemp("other") / "release")
    x = np.random.default_rng(0).normal(size=(N, WIDTH)).astype(np.float32)
    labels = [row % 2 == 0 for row in range(N)]
    x[::2, 0] += 2
    names = [f"s{row // 2 % 3}" for row in range(N)]
    places = {"activations": x}
    evaluate_given(folder, Given(places, designed(labels, names), ("no", "yes")))
    settings = f"repo_id: me/saes\nbase_model: {MODELS[request.param]}\nlicense: mit\n"
    (folder / "card.yaml").write_text(settings, encoding="utf-8")
    build_card(folder)
    return request.param, folder


@pytest.fixture
def text(release: tuple[str, Path]) -> str:
    return (release[1] / "README.md").read_text(encoding="utf-8")


def test_what_was_measured_is_on_the_card(text: str) -> None:
    for said in (
        "Explained variance, held-out rows",
        "Probe balanced accuracy, new scenarios",
        "Largest effect d_max",
        "A probe on the raw activations of **layer 3** reaches",
    ):
        assert said in text


def test_it_is_loaded_as_its_own_library_loads_it(release: tuple[str, Path], text: str) -> None:
    name, _ = release
    assert f"\nlibrary_name: {name}\n" in text
    assert f"- {name}\n" in text
    assert f", in {name}'s format" in text
    code = next(block.text for block in python_blocks(text))
    imported = {node.module for node in ast.walk(ast.parse(code)) if isinstance(node, ast.ImportFrom)}
    assert name in {str(module).partition(".")[0] for module in imported}
    assert "sae_lens" not in code
    assert "saelens" not in text.partition("hubkit:")[0]
    assert "no cfg.json records it" not in text
    packages = LIBRARIES[name].packages
    assert f"pip install {' '.join(packages)}\n" in text


def test_code_that_needs_the_library_is_not_run_without_it(release: tuple[str, Path], text: str) -> None:
    assert missing_packages(text)[-1] == release[0]
    assert release[0] not in missing_packages("```python\nfrom sae_lens import SAE\n```\n")


def test_the_card_agrees_with_the_files_and_with_itself(release: tuple[str, Path]) -> None:
    found = validate(open_folder(release[1]), Selection())
    assert [
        one.code for one in found.findings if one.code.startswith(("CARD", "EVL")) and one.severity != "note"
    ] == []
    front = parse_readme((release[1] / "README.md").read_text(encoding="utf-8")).front_matter
    assert front["hubkit"]["weights_sha256"] != front["hubkit"]["texts_sha256"]


def test_a_changed_configuration_makes_it_stale(release: tuple[str, Path], tmp_path: Path) -> None:
    name, folder = release
    other = shutil.copytree(folder, tmp_path / "changed")
    configuration = next(other.rglob(LIBRARIES[name].configuration if name != "sparsify" else "cfg.json"))
    configuration.write_bytes(configuration.read_bytes() + b"\n")
    found = validate(open_folder(other), Selection())
    assert "CARD013" in {one.code for one in found.findings}


def test_a_transcoder_of_another_library_is_not_described(tmp_path: Path) -> None:
    folder = shutil.copytree(FAMILIES / "sparsify" / "transcoder", tmp_path / "transcoder")
    (folder / "card.yaml").write_text("repo_id: me/saes\nbase_model: a/b\nlicense: mit\n", encoding="utf-8")
    with pytest.raises(NothingFound, match="expected the format of SAELens, sparsify or dictionary_learning"):
        build_card(folder)
