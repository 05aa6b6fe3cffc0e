"""provenance.json: the grid that was declared, and what the training of each SAE took."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from study.test_study_file import STUDY, written
from study.test_study_grid import AXES, with_grid

from hubkit.errors import IncompleteError
from hubkit.release.pool import PoolManifest
from hubkit.release.provenance import Provenance
from hubkit.study.provenance import Completions, read_training, write_provenance
from hubkit.study.study import load_study

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.train

TOOK = {"seconds": 4.5, "hardware": "a processor", "device": "cpu", "threads": 1, "stack": 2}


def trained(work: Path, *sae_ids: str) -> None:
    work.mkdir(exist_ok=True)
    said = {"saes": {sae_id: TOOK | {"l0": 2.0, "warnings": []} for sae_id in sae_ids}}
    (work / "training.json").write_text(json.dumps(said), encoding="utf-8")


def recorded(tmp_path: Path, study: dict[str, Any]) -> Provenance:
    said = {
        "model_name": "some/model", "model_revision": None, "model_class_name": "M", "d_in": 8, "n_layers": 4, "precision": "float32",
        "pooling": "mean", "token_span": "response", "labels": ("deceptive", "honest"), "judge": "keyword", "layers": [], "rows": [],
        "inputs_sha256": "ab" * 32,
    }  # fmt: skip
    pool = PoolManifest.model_validate(said)
    (tmp_path / "release").mkdir()
    write_provenance(
        load_study(written(tmp_path, study)),
        pool,
        tmp_path / "release",
        completions=Completions(),
        training=read_training(tmp_path / "work"),
    )
    return Provenance.load(tmp_path / "release" / "provenance.json")


def test_time_and_hardware_of_each_sae_of_the_study(tmp_path: Path) -> None:
    trained(tmp_path / "work", "t_topk_L1_mixed", "of_another_study")
    found = recorded(tmp_path, STUDY)
    assert set(found.training) == {"t_topk_L1_mixed"}
    assert found.training["t_topk_L1_mixed"].model_dump() == TOOK
    assert (found.grid.size, found.grid.saes) == (4, None)
    assert found.seeds == {"collect": 0, "train topk": 0}


def test_without_a_record_of_training_the_file_is_as_it_was(tmp_path: Path) -> None:
    recorded(tmp_path, STUDY)
    raw = json.loads((tmp_path / "release" / "provenance.json").read_text(encoding="utf-8"))
    assert "training" not in raw
    assert "saes" not in raw["grid"]


def test_a_grid_of_several_seeds_counts_its_saes(tmp_path: Path) -> None:
    found = recorded(tmp_path, with_grid(AXES))
    assert (found.grid.layers, found.grid.architectures, found.grid.size) == ([1, 2], ["topk", "jumprelu"], 8)
    assert found.seeds["train topk #1"] == 0
    assert found.seeds["train topk #2"] == 1


@pytest.mark.parametrize("text", ["[]", "{}", '{"saes": {"a": {}}}', "{"])
def test_a_damaged_record_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "training.json").write_text(text, encoding="utf-8")
    with pytest.raises(IncompleteError, match=r"training\.json"):
        read_training(tmp_path)


def test_prompts_are_published_unless_the_author_says_no(tmp_path: Path) -> None:
    (tmp_path / "said").mkdir()
    (tmp_path / "silent").mkdir()
    said = recorded(tmp_path / "said", STUDY)
    assert said.sampling is not None
    assert said.sampling.prompts == [one["prompt"] for one in STUDY["collect"]["scenarios"]]
    silent = recorded(tmp_path / "silent", STUDY | {"card": STUDY["card"] | {"publish_prompts": False}})
    assert silent.sampling is None
    assert all(one["prompt"] not in silent.model_dump_json() for one in STUDY["collect"]["scenarios"])
