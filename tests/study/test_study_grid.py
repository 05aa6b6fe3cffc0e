"""The grid of a study file: axes and overrides beside settings for each architecture, and expansions of a base model's width."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from study.test_study_file import STUDY, written

from hubkit.errors import UsageError
from hubkit.study.study import load_study, save_study
from hubkit.train.grid import SaeGrid

if TYPE_CHECKING:
    from pathlib import Path

AXES: dict[str, Any] = {
    "prefix": "g",
    "spec": {"d_sae": 16, "k": 2, "epochs": 3, "condition": "mixed"},
    "axes": {"architecture": ["topk", "jumprelu"], "seed": [0, 1]},
    "overrides": [{"when": {"architecture": "jumprelu"}, "set": {"ste": "gaussian + input"}}],
}
KNOWN = "HuggingFaceTB/SmolLM2-135M"


def with_grid(grid: dict[str, Any], base_model: str = "some/model") -> dict[str, Any]:
    study: dict[str, Any] = json.loads(json.dumps(STUDY)) | {"grid": grid}
    study["card"]["base_model"] = base_model
    return study


def test_axes_and_overrides_at_every_collected_layer(tmp_path: Path) -> None:
    study = load_study(written(tmp_path, with_grid(AXES)))
    specs = study.specs()
    assert [spec.sae_id for spec in specs[:4]] == [
        "g_topk_L1_mixed_seed-0",
        "g_topk_L1_mixed_seed-1",
        "g_jumprelu_L1_mixed_seed-0",
        "g_jumprelu_L1_mixed_seed-1",
    ]
    assert [spec.layer for spec in specs] == [1] * 4 + [2] * 4
    assert {(spec.architecture, spec.ste) for spec in specs} == {
        ("topk", "rectangle + input"),
        ("jumprelu", "gaussian + input"),
    }
    save_study(study, tmp_path / "again.yaml")
    assert load_study(tmp_path / "again.yaml") == study


def test_axes_may_name_fewer_layers_than_were_collected(tmp_path: Path) -> None:
    grid = AXES | {"axes": {"layer": [2], "architecture": ["topk"]}}
    specs = load_study(written(tmp_path, with_grid(grid))).specs()
    assert [spec.sae_id for spec in specs] == ["g_topk_L2_mixed"]


@pytest.mark.parametrize(
    "grid",
    [
        {"prefix": "t", "architectures": {"topk": {"expansion": 4, "k": 2}}, "conditions": ["mixed"]},
        {"prefix": "t", "spec": {"expansion": 4, "k": 2, "condition": "mixed"}, "axes": {"architecture": ["topk"]}},
    ],
    ids=["settings", "axes"],
)  # fmt: skip
def test_an_expansion_is_one_of_the_base_models_width(tmp_path: Path, grid: dict[str, Any]) -> None:
    assert {s.d_sae for s in load_study(written(tmp_path, with_grid(grid, KNOWN))).specs()} == {4 * 576}
    unknown = load_study(written(tmp_path, with_grid(grid)))
    with pytest.raises(UsageError, match="how wide some/model is"):
        unknown.specs()
    assert {s.d_sae for s in unknown.specs(8)} == {32}, "the pool says it"


def test_the_width_of_a_model_folder(tmp_path: Path) -> None:
    (tmp_path / "some" / "model").mkdir(parents=True)
    config = {"model_type": "llama", "num_hidden_layers": 4, "hidden_size": 24, "num_attention_heads": 2}
    (tmp_path / "some" / "model" / "config.json").write_text(json.dumps(config), encoding="utf-8")
    grid = AXES | {"spec": {"expansion": 2, "k": 2, "condition": "mixed"}}
    assert {spec.d_sae for spec in load_study(written(tmp_path, with_grid(grid))).specs()} == {48}


def test_a_k_above_the_expansion_is_found_as_soon_as_the_width_is_known(tmp_path: Path) -> None:
    grid = AXES | {"spec": {"expansion": 1, "k": 577, "condition": "mixed"}}
    with pytest.raises(UsageError, match="more than d_sae = 576"):
        load_study(written(tmp_path, with_grid(grid, KNOWN)))
    with pytest.raises(UsageError, match="more than d_sae = 8"):
        load_study(written(tmp_path, with_grid(grid))).specs(8)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"axes": {"layer": [5], "architecture": ["topk"]}}, "grid.layers: 5, expected some of 1, 2"),
        ({"axes": {"architecture": ["topk"], "condition": ["sad_only"]}}, "grid.conditions: sad_only"),
        ({"axes": {"architecture": ["topk"], "lr_": [1.0]}}, "lr_"),
        ({"axes": {"architecture": ["topk", "topk"]}}, "two SAEs of the grid have this name"),
        ({"axes": {"seed": [1]}}, "Field required"),
        ({"kinds": 1}, "grid.kinds"),
    ],
)
def test_a_mistake_in_a_grid_of_axes_is_said(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words) as told:
        load_study(written(tmp_path, with_grid(AXES | change)))
    assert "grid of" not in str(told.value), "the two forms are no level of the file"


def test_the_form_of_docs_training(tmp_path: Path) -> None:
    text = """
prefix: smollm2
spec: {expansion: 4, k: 64, epochs: 300, batch_size: 128}
axes: {layer: [1, 2], architecture: [topk, jumprelu], condition: [mixed, honest_only], seed: [0, 1]}
overrides:
  - {when: {architecture: jumprelu}, set: {ste: gaussian + input}}
"""
    study = load_study(written(tmp_path, with_grid(yaml.safe_load(text), KNOWN)))
    assert isinstance(study.grid, SaeGrid)
    assert len(study.specs()) == 16


def test_two_grids_need_names_that_differ_and_a_mistake_in_one_has_its_place(tmp_path: Path) -> None:
    one = {"prefix": "t", "architectures": {"topk": {"d_sae": 16, "k": 2}}, "conditions": ["mixed"]}
    other = {**one, "tag": "again", "layers": [2]}
    found = load_study(written(tmp_path, STUDY | {"grid": [one, other]})).specs()
    assert [spec.sae_id for spec in found] == ["t_topk_L1_mixed", "t_topk_L2_mixed", "t_topk_again_L2_mixed"]
    for grids, words in (
        ([one, {**one, "layers": [2]}], "t_topk_L2_mixed: SAEs of two grids have this name"),
        ([one, {**other, "layers": [7]}], r"grid\.layers: 7, expected some of 1, 2"),
        ([one, {**other, "tga": "x"}], r"grid\.1\.tga: "),
        ([], "grid: "),
    ):
        with pytest.raises(UsageError, match=words):
            load_study(written(tmp_path, STUDY | {"grid": grids}))
