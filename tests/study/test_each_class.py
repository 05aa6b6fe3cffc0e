"""`--scale tiny` with a model of each class that the studies have, down to a repository on a Hub of this machine: the quick form, one published SAE each.

What is scaled is scaled further: a model and an SAE of some steps, 96 completions, no folds. The whole studies are `test_whole_studies.py`, and one with
everything, Llama's, is `test_whole_study.py`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from huggingface_hub import HfApi, close_session
from study.whole import STUDIES

from hubkit.publish.plan import Target, make_plan
from hubkit.publish.rehearse import carry_out, local_hub
from hubkit.release.pool import PoolManifest
from hubkit.repo.local import open_folder
from hubkit.study import tiny
from hubkit.study.several import load_study_file
from hubkit.study.stage import Stage
from hubkit.study.stages import StudyRun
from hubkit.train.grid import GridPlan, Override, grids_of
from hubkit.train.plan import CrossFit
from hubkit.train.run import Options
from hubkit.validate.finding import Severity
from hubkit.validate.run import validate

pytestmark = [
    pytest.mark.train,
    pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning"),
]
CLASSES = {
    "nanochat-d32": "NanoChatForCausalLM", "qwen3-1.7b": "Qwen3ForCausalLM", "phi-2": "PhiForCausalLM",
    "phi-4-mini-reasoning": "Phi3ForCausalLM", "pythia-160m": "GPTNeoXForCausalLM", "gemma4-e2b": "Gemma4ForConditionalGeneration",
}  # fmt: skip
"""Release to the class of its base model; `smollm2-135m`, `tinyllama-1.1b` and `llama-3.2-1b` are `LlamaForCausalLM`."""
ON_UNSEEN_ROWS = {"EVL004"}
"""Of an SAE without folds: its numbers are of rows that it was trained on."""


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HfApi]:
    with local_hub(tmp_path_factory.mktemp("classes-hub")) as (_, api):
        yield api
    close_session()


def small(name: str, folder: Path) -> tiny.Tiny:
    """The release of that name at one layer, with one TopK of both labels."""
    file = load_study_file(STUDIES / ("gemma4-e2b.yaml" if name == "gemma4-e2b" else "nine-models.yaml"))
    (study,) = [one for one in file.studies if one.name == name]
    collect = study.collect.model_copy(update={"layers": study.collect.layers[-1:]})
    grid = study.grid[0] if isinstance(study.grid, tuple) else study.grid
    assert isinstance(grid, GridPlan)
    only = {"architectures": {"topk": grid.architectures["topk"]}, "conditions": ("mixed",), "layers": None}
    study = study.model_copy(update={"collect": collect, "grid": grid.model_copy(update=only)})
    made = tiny.tiny(study, file, folder)
    (cut,) = grids_of(made.study.grid, made.study.collect.layers)
    few = Override(when={"architecture": "topk"}, set={"steps": 60})
    cut = cut.model_copy(update={"overrides": [*cut.overrides, few]})
    collect = made.study.collect.model_copy(update={"samples": 96})
    return replace(made, study=made.study.model_copy(update={"grid": cut, "collect": collect}))


@pytest.mark.parametrize(("name", "kind"), CLASSES.items(), ids=CLASSES)
def test_a_study_of_each_class_goes_to_the_hub_and_back(
    name: str, kind: str, hub: HfApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tiny, "TRAINING_STEPS", 40)
    one = small(name, tmp_path)
    tiny.build_model(one, lambda _: None)
    run = StudyRun(one.study, tmp_path, options=Options(CrossFit(folds=0), workers=1))
    for stage in Stage:
        if stage is not Stage.push:
            assert run.carry_out(stage).errors == 0

    pool = PoolManifest.load(run.where.pool / "manifest.json")
    (cfg,) = run.where.release.glob("*/cfg.json")
    said = json.loads(cfg.read_text(encoding="utf-8"))
    (layer,) = pool.layers
    assert (pool.model_class_name, said["d_in"], said["d_sae"]) == (kind, 64, 256)
    assert said["metadata"]["hook_name"] == layer.hook_name
    assert said["metadata"]["hf_hook_name"] == layer.hf_hook_name
    assert ("nf4" in pool.precision) == (name == "gemma4-e2b")

    told = validate(open_folder(run.where.release)).findings
    assert {finding.code for finding in told if finding.severity > Severity.NOTE} <= ON_UNSEEN_ROWS

    repo_id = one.study.card.repo_id
    back = carry_out(make_plan(run.where.release, Target(repo_id), hub), run.where.release, hub, code=None)
    assert back.ok
    assert f"{cfg.parent.name}/sae_weights.safetensors" in hub.list_repo_files(repo_id)
