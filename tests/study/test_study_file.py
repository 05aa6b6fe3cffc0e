"""The study file: what it refuses, what survives a round trip, and that schemas are current."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from hubkit.errors import IncompleteError, UsageError
from hubkit.formats.shipped import shipped_schema
from hubkit.study.schemas import all_schemas
from hubkit.study.study import load_study, save_study

STUDY = {
    "name": "tiny",
    "collect": {
        "model": "some/model",
        "model_name": "some/model",
        "scenarios": [{"scenario_id": "a", "prompt": "Q:"}],
        "samples": 8,
        "max_new_tokens": 4,
        "labels": ["honest", "deceptive"],
        "judge": {
            "kind": "keyword",
            "keywords": {"honest": ["yes"], "deceptive": ["no"]},
            "within": 3,
            "unit": "words",
        },
        "layers": [1, 2],
    },
    "grid": {
        "prefix": "t",
        "architectures": {"topk": {"d_sae": 16, "k": 2}},
        "conditions": ["mixed", "honest_only"],
    },
    "card": {"repo_id": "o/r", "base_model": "some/model", "license": "mit"},
}


def written(folder: Path, study: object) -> Path:
    path = folder / "study.yaml"
    path.write_text(yaml.safe_dump(study), encoding="utf-8")
    return path


def test_round_trip(tmp_path: Path) -> None:
    study = load_study(written(tmp_path, STUDY))
    assert [spec.sae_id for spec in study.specs()] == [
        "t_topk_L1_mixed",
        "t_topk_L1_honest_only",
        "t_topk_L2_mixed",
        "t_topk_L2_honest_only",
    ]
    save_study(study, tmp_path / "again.yaml")
    assert load_study(tmp_path / "again.yaml") == study


@pytest.mark.parametrize(
    ("place", "value", "words"),
    [
        (("grid", "conditions"), ["mixed", "sad_only"], "sad_only"),
        (("grid", "conditions"), ["mxied"], "grid: condition 'mxied'"),
        (("grid", "architectures"), {"topk": {"d_sae": 16, "k": 17}}, "more than d_sae"),
        (("grid", "architectures"), {"topk": {"d_sae": 16, "k": 2, "stpes": 5}}, "stpes"),
        (("collect", "layers"), [], "layers"),
        (("card", "repo_id"), "no-slash", "repo_id"),
        (("unknown",), 1, "unknown"),
    ],
)
def test_a_mistake_is_named_by_its_place(
    tmp_path: Path, place: tuple[str, ...], value: object, words: str
) -> None:
    study = json.loads(json.dumps(STUDY))
    at = study
    for part in place[:-1]:
        at = at[part]
    at[place[-1]] = value
    with pytest.raises(UsageError, match=words):
        load_study(written(tmp_path, study))


def test_a_misspelt_key_and_the_one_that_is_lacking_are_brought_together(tmp_path: Path) -> None:
    study = {("colect" if key == "collect" else key): value for key, value in STUDY.items()}
    with pytest.raises(UsageError, match=r"colect: .*was 'collect' meant"):
        load_study(written(tmp_path, study))


def test_a_folder_is_no_study(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="a folder, expected a study file"):
        load_study(tmp_path)


def test_without_a_pool_it_is_said_what_makes_one(tmp_path: Path) -> None:
    from hubkit.study.pipeline import run_evaluate, run_train

    study = load_study(written(tmp_path, STUDY))
    for stage in (run_train, run_evaluate):
        with pytest.raises(IncompleteError, match="no pool of activations") as error:
            stage(study, tmp_path)
        assert "hubkit collect" in error.value.hint


@pytest.mark.parametrize("text", ["[1, 2", "just text", ""])
def test_what_is_no_study_is_a_usage_error(tmp_path: Path, text: str) -> None:
    path = tmp_path / "study.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=r"study\.yaml"):
        load_study(path)


def test_a_model_folder_is_found_beside_the_study_file(tmp_path: Path) -> None:
    (tmp_path / "some" / "model").mkdir(parents=True)
    assert load_study(written(tmp_path, STUDY)).collect.model == str(tmp_path / "some" / "model")


@pytest.mark.parametrize("name", sorted(all_schemas()))
def test_the_shipped_schemas_are_those_of_the_models(name: str) -> None:
    """When this fails: python -m hubkit.study.schemas schemas"""
    assert shipped_schema(name) == json.loads(json.dumps(all_schemas()[name]))
    jsonschema.Draft202012Validator.check_schema(shipped_schema(name))
