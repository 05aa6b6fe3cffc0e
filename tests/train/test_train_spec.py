from __future__ import annotations

import subprocess
import sys

import pytest
from pydantic import ValidationError

from hubkit.train.grid import GridPlan
from hubkit.train.spec import SaeSpec, Settings

SHARED = Settings(d_sae=256, k=16)


def test_a_grid_is_every_combination_under_its_own_name() -> None:
    settings = {"topk": SHARED, "jumprelu": SHARED}
    plan = GridPlan(prefix="lab", architectures=settings, conditions=("mixed", "honest_only"))
    specs = plan.on([1, 3]).expand()
    names = [spec.sae_id for spec in specs]
    assert len(set(names)) == len(names) == 8
    assert names[0] == "lab_topk_L1_mixed"
    assert names[-1] == "lab_jumprelu_L3_honest_only"
    assert {(spec.d_sae, spec.k, spec.steps) for spec in specs} == {(256, 16, 400)}


def test_settings_can_differ_by_architecture() -> None:
    settings = {"topk": SHARED, "jumprelu": Settings(d_sae=256, k=16, steps=800)}
    specs = GridPlan(prefix="lab", architectures=settings, conditions=("mixed",)).on([0]).expand()
    assert [spec.steps for spec in specs] == [400, 800]


def spec(**changes: object) -> SaeSpec:
    fields = {"sae_id": "a", "architecture": "topk", "layer": 0, "condition": "mixed", "d_sae": 8, "k": 2}
    return SaeSpec.model_validate(fields | changes)


def test_the_digest_is_of_the_content() -> None:
    assert spec().digest() == spec().digest()
    assert spec().digest() != spec(seed=1).digest()


def test_the_label_of_a_condition() -> None:
    assert spec().label is None
    assert spec(condition="very_honest_only").label == "very_honest"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"k": 9}, "more than d_sae = 8"),
        ({"recipe": "naive"}, "broken JumpReLU"),
        ({"sae_id": "../up"}, "sae_id"),
        ({"sae_id": "/abs"}, "sae_id"),
        ({"condition": "honest"}, "condition"),
        ({"k": 2.0}, "valid integer"),
        ({"colour": "red"}, "Extra inputs"),
    ],
)
def test_a_spec_that_means_nothing_is_refused(changes: dict[str, object], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        spec(**changes)


def test_specs_measures_engine_and_plans_need_no_torch() -> None:
    code = (
        "import sys, hubkit.train.spec, hubkit.train.run, hubkit.measures.catalogue, hubkit.engine.local, hubkit.evaluate;"
        "print([m for m in ('torch', 'sae_lens', 'sklearn', 'transformers') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
