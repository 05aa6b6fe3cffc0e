"""What is wrong in a study file is told with its line, and with what would be right."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hubkit.errors import UsageError
from hubkit.study.several import load_study_file

if TYPE_CHECKING:
    from pathlib import Path

GOOD = """\
name: tiny
collect:
  model: HuggingFaceTB/SmolLM2-135M
  model_name: HuggingFaceTB/SmolLM2-135M
  scenarios: [{scenario_id: a, prompt: "Q:"}]
  samples: 8
  max_new_tokens: 4
  labels: [honest, deceptive]
  judge: {kind: keyword, keywords: {honest: ["yes"], deceptive: ["no"]}, within: 3, unit: words}
  layers: [1, 29]
grid:
  prefix: t
  architectures:
    topk: {d_sae: 16, k: 2, lr: 1.0e-3}
  conditions: [mixed, honest_only]
card:
  repo_id: o/r
  base_model: HuggingFaceTB/SmolLM2-135M
  license: apache-2.0
"""
TOPK = "    topk: {d_sae: 16, k: 2, lr: 1.0e-3}\n"
WRONG = {
    "1e-3": ("lr: 1.0e-3", "lr: 1e-3", "line 14: grid.architectures.topk.lr: Input should be a valid number; 1e-3 is text to YAML, write 1.0e-3"),
    "3E4": ("lr: 1.0e-3", "lr: 3E-4", "line 14: grid.architectures.topk.lr: Input should be a valid number; 3E-4 is text to YAML, write 3.0E-4"),
    "1,000": ("samples: 8", "samples: 1,000", "1,000 is text to YAML, write 1000"),
    "no as a label": ("labels: [honest, deceptive]", "labels: [honest, no]", "line 8: collect.labels.1: Input should be a valid string; no, off and false are booleans to YAML"),
    "yes as a word": ('honest: ["yes"]', "honest: [yes]", "line 9: collect.judge.keyword.keywords.honest.0: Input should be a valid string; yes, on and true are booleans"),
    "yes as a number": ("samples: 8", "samples: yes", "line 6: collect: samples: yes, on and true are booleans to YAML, expected a number"),
    "no k": ("k: 2, ", "", "line 11: grid: t_topk_L1_mixed: topk needs k, the latents that are on for a row, such as `k: 16`"),
    "k 0": ("k: 2", "k: 0", "line 14: grid.architectures.topk.k: Input should be greater than or equal to 1"),
    "half a k": ("k: 2,", "k: 2.5,", "line 14: grid.architectures.topk.k: Input should be a valid integer"),
    "k above d_sae": ("k: 2", "k: 17", "line 14: grid.architectures.topk: k is 17, more than d_sae = 16"),
    "k of gated": ("topk: {", "gated: {", "line 14: grid: architectures.gated.k: 2, gated has no k: leave it out"),
    "an architecture": ("topk: {", "topkk: {", "line 14: grid.architectures.topkk: Input should be 'batchtopk'"),
    "its near name": ("topk: {", "jumprelue: {", "; was 'jumprelu' meant?"),
    "a licence in capitals": ("license: apache-2.0", "license: MIT", "line 19: card.license: 'MIT', expected a licence id of the Hub (`other` for one that it has not); was 'mit' meant?"),
    "a licence in words": ("license: apache-2.0", "license: Apache License 2.0", "was 'apache-2.0' meant?"),
    "a model without an owner": ("  base_model: HuggingFaceTB/SmolLM2-135M", "  base_model: smollm2-135", "line 18: card.base_model: 'smollm2-135', expected an id of the Hub, OWNER/NAME; was 'HuggingFaceTB/SmolLM2-135M' meant?"),
    "a block that the model has not": ("layers: [1, 29]", "layers: [1, 30]", "line 10: collect.layers: 30, HuggingFaceTB/SmolLM2-135M has 30 blocks, 0 to 29"),
    "a key left out": ("  labels: [honest, deceptive]\n", "", "line 2: collect.labels: Field required"),
    "a condition": ("conditions: [mixed, honest_only]", "conditions: [mixed, sad_only]", "line 15: grid.conditions: sad_only, expected some of"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_a_mistake_has_its_line_and_what_would_be_right(tmp_path: Path, name: str) -> None:
    right, wrong, words = WRONG[name]
    assert right in GOOD
    path = tmp_path / "study.yaml"
    path.write_text(GOOD.replace(right, wrong, 1), encoding="utf-8")
    with pytest.raises(UsageError) as raised:
        load_study_file(path)
    assert words in raised.value.message


def test_the_good_twin_and_what_looks_odd_and_is_right(tmp_path: Path) -> None:
    path = tmp_path / "study.yaml"
    for right, other in (
        ("k: 2", "k: 2"),
        ("lr: 1.0e-3", "lr: 0.001"),
        ("license: apache-2.0", "license: other"),
        ("  base_model: HuggingFaceTB/SmolLM2-135M", "  base_model: gpt2"),
        ("  base_model: HuggingFaceTB/SmolLM2-135M", "  base_model: somebody/new-model"),
        (TOPK, "    gated: {d_sae: 16}\n"),
    ):
        path.write_text(GOOD.replace(right, other, 1), encoding="utf-8")
        assert len(load_study_file(path).studies[0].specs()) == 4


def test_of_several_releases_a_line_is_that_of_the_release(tmp_path: Path) -> None:
    one = "".join(f"    {line}\n" for line in GOOD.splitlines()).replace("    name", "  - name", 1)
    path = tmp_path / "study.yaml"
    path.write_text(
        f"name: both\nreleases:\n{one.replace('license: apache-2.0', 'license: MIT')}", encoding="utf-8"
    )
    with pytest.raises(UsageError, match=r"line 21: releases\.0.*card\.license: 'MIT'"):
        load_study_file(path)
