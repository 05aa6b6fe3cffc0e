"""The study files that ship say what the cards of the seeds say: the numbers here are typed from the cards, and from nothing that hubkit computes."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from hubkit.study.several import load_study_file
from hubkit.study.study import Study, save_study

STUDIES = Path(__file__).parents[2] / "studies"
CONDITIONS = {"mixed", "deceptive_only", "honest_only"}


@dataclass(frozen=True)
class Card:
    """What a card states under "What's in This Repo" and in its table of training."""

    base_model: str
    counts: dict[str, int]
    """Architecture, and tag where there is one, to SAEs."""
    layers: set[int]
    d_in: int
    d_sae: int
    k: int = 64
    epochs: int | None = 300
    batch_size: int = 128
    conditions: frozenset[str] = frozenset(CONDITIONS)
    sae_ids: tuple[str, ...] = ()
    """That the card names."""


CARDS = {
    "smollm2-135m": Card(
        "HuggingFaceTB/SmolLM2-135M", {"topk": 27, "jumprelu": 27}, {3, 4, 5, 6, 9, 12, 15, 18, 21}, 576, 2304,
        sae_ids=("smollm2_topk_L21_deceptive_only", "smollm2_topk_L21_honest_only"),
    ),
    "tinyllama-1.1b": Card(
        "TinyLlama/TinyLlama-1.1B-intermediate-step-1431k-3T", {"topk": 15, "jumprelu": 15, "jumprelu ste": 9}, {3, 6, 9, 12, 15}, 2048, 8192,
        sae_ids=("tinyllama_jumprelu_L15_honest_only", "tinyllama_jumprelu_ste_L12_honest_only", "tinyllama_jumprelu_ste_L15_honest_only"),
    ),
    "nanochat-d32": Card(
        "karpathy/nanochat-d32", {"topk": 18, "jumprelu": 18, "gated": 18}, {4, 8, 12, 16, 20, 24}, 2048, 8192,
        sae_ids=("d32_jumprelu_L12_deceptive_only", "d32_topk_L16_honest_only"),
    ),
    "gemma4-e2b": Card(
        "google/gemma-4-E2B", {"topk": 1}, {25}, 1536, 6144, k=16, epochs=None, batch_size=64, conditions=frozenset({"mixed"})
    ),
}  # fmt: skip
NINE = {
    "nanochat-d32": 54, "nanochat-d20": 45, "tinyllama-1.1b": 39, "qwen3-1.7b": 45, "smollm2-135m": 54, "llama-3.2-1b": 18, "phi-2": 30,
    "phi-4-mini-reasoning": 42, "pythia-160m": 36,
}  # fmt: skip


@cache
def studies(name: str) -> dict[str, Study]:
    return {one.name: one for one in load_study_file(STUDIES / f"{name}.yaml").studies}


@pytest.mark.parametrize("name", CARDS)
def test_a_study_is_what_its_card_says(name: str) -> None:
    card, study = CARDS[name], studies(name)[name]
    specs = study.specs()
    kinds = Counter(
        f"{one.architecture} ste" if "_ste_" in one.sae_id else str(one.architecture) for one in specs
    )
    assert kinds == card.counts
    assert len(specs) == sum(card.counts.values())
    assert {one.layer for one in specs} == card.layers == set(study.collect.layers)
    assert {one.condition for one in specs} == card.conditions
    assert {one.d_sae for one in specs} == {card.d_sae}, "4x of the width that hubkit knows the model to have"
    assert {one.d_sae // 4 for one in specs} == {card.d_in}
    assert {one.k for one in specs if one.architecture != "gated"} == {card.k}
    assert {(one.epochs, one.batch_size) for one in specs if card.epochs} <= {(card.epochs, card.batch_size)}
    assert study.card.base_model == study.collect.model_name == card.base_model
    assert set(card.sae_ids) <= {one.sae_id for one in specs}
    assert study.collect.temperature == 1.0


def test_what_single_cards_say_beside() -> None:
    d32 = studies("nanochat-d32")["nanochat-d32"]
    assert {one.lr for one in d32.specs()} == {3e-4}
    ste = [one for one in studies("tinyllama-1.1b")["tinyllama-1.1b"].specs() if "_ste_" in one.sae_id]
    assert {one.layer for one in ste} == {9, 12, 15}
    assert {one.model_dump()["ste"] for one in ste} == {"gaussian"}
    gemma = studies("gemma4-e2b")["gemma4-e2b"].collect
    assert gemma.precision.model_dump() == {"weights": "nf4", "double_quant": True, "compute": "float16"}
    said = gemma.judge.model_dump()
    assert (said["kind"], said["within"], said["unit"]) == ("keyword", 30, "characters")
    assert len(gemma.second_judges) == 2


def test_the_nine_models_are_363_by_their_grids_and_say_where_366_and_348_come_from() -> None:
    found = {name: len(one.specs()) for name, one in studies("nine-models").items()}
    assert found == NINE
    assert sum(found.values()) == 363
    text = (STUDIES / "nine-models.yaml").read_text(encoding="utf-8")
    assert "366" in text
    assert "348" in text
    assert "57" in (STUDIES / "nanochat-d32.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", [name for name in CARDS if name in NINE])
def test_a_model_has_the_same_saes_alone_and_in_the_study_of_nine(name: str) -> None:
    assert studies("nine-models")[name].specs() == studies(name)[name].specs()


def test_each_of_the_nine_has_a_repository_of_its_own() -> None:
    names = [one.card.repo_id for one in studies("nine-models").values()]
    assert len(set(names)) == 9
    assert "your-name/deception-saes-smollm2-135m" in names


def test_several_grids_survive_a_round_trip(tmp_path: Path) -> None:
    study = studies("tinyllama-1.1b")["tinyllama-1.1b"]
    save_study(study, tmp_path / "again.yaml")
    again = load_study_file(tmp_path / "again.yaml").studies[0]
    assert (again.grid, again.specs()) == (study.grid, study.specs())
