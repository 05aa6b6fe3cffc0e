"""Specs with every field, and grids of overrides; no torch."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from hubkit.errors import UsageError
from hubkit.train.grid import GridPlan, SaeGrid
from hubkit.train.spec import MOST_SEED, MOST_STEPS, SaeSpec, Settings

STUDY: dict[str, Any] = {
    "prefix": "smollm2",
    "spec": {"expansion": 4, "k": 64, "epochs": 300, "batch_size": 128},
    "axes": {
        "layer": [3, 21],
        "architecture": ["topk", "jumprelu"],
        "condition": ["mixed", "honest_only"],
        "seed": [0, 1],
    },
    "overrides": [{"when": {"architecture": "jumprelu"}, "set": {"ste": "gaussian", "lr": 0.003}}],
}


def spec(**changes: object) -> SaeSpec:
    fields = {"sae_id": "a", "architecture": "topk", "layer": 0, "condition": "mixed", "d_sae": 8, "k": 2}
    return SaeSpec.model_validate(fields | changes)


def test_one_spec_and_a_grid_of_overrides() -> None:
    specs = SaeGrid.model_validate(STUDY).expand(d_in=576)
    assert len(specs) == len({one.sae_id for one in specs}) == 16
    assert specs[0].sae_id == "smollm2_topk_L3_mixed_seed-0"
    assert specs[-1].sae_id == "smollm2_jumprelu_L21_honest_only_seed-1"
    assert {one.d_sae for one in specs} == {2304}
    assert {(one.architecture, one.ste, one.lr) for one in specs} == {
        ("topk", "rectangle + input", 1e-3),
        ("jumprelu", "gaussian", 3e-3),
    }
    assert [one.seed for one in specs[:2]] == [0, 1]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"axes": {"layers": [1]}}, r"axes: layers, expected some of architecture, autocast"),
        ({"spec": {"colour": "red"}}, "spec: colour"),
        ({"overrides": [{"when": {"arch": "topk"}, "set": {}}]}, r"overrides\.0\.when: arch"),
        ({"axes": {"seed": []}}, "seed has no values"),
        ({"colour": "red"}, "Extra inputs"),
    ],
)
def test_a_key_that_nobody_knows_is_refused(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        SaeGrid.model_validate(STUDY | changes)


def test_a_combination_that_means_nothing_and_a_name_used_twice_are_refused() -> None:
    twice = SaeGrid.model_validate(STUDY | {"axes": STUDY["axes"] | {"layer": [3, 3]}})
    with pytest.raises(UsageError, match="two SAEs"):
        twice.expand(576)
    with pytest.raises(ValueError, match="width of the activations"):
        SaeGrid.model_validate(STUDY).expand()
    wide = SaeGrid.model_validate(STUDY | {"spec": STUDY["spec"] | {"k": 5000}})
    with pytest.raises(ValidationError, match="k is 5000, more than d_sae = 2304"):
        wide.expand(576)


def test_the_plain_grid_takes_an_expansion_too() -> None:
    settings = Settings(expansion=4, k=3)
    grid = GridPlan(prefix="a", architectures={"topk": settings}, conditions=("mixed",)).on([0])
    assert grid.has_expansion
    assert grid.expand(16)[0].d_sae == 64
    with pytest.raises(ValueError, match="width of the activations"):
        grid.expand()


def test_epochs_count_whole_batches_as_saelens_does() -> None:
    """300 epochs of the study's 181 rows in batches of 128 are 424 steps."""
    study = spec(epochs=300, batch_size=128)
    assert study.steps_for(181) == 424
    assert (study.batch_for(181), study.batch_for(38)) == (128, 38)
    assert study.steps_for(38) == 300
    assert spec(epochs=1, batch_size=128).steps_for(130) == 1
    assert (spec().steps, spec().steps_for(7)) == (400, 400)
    assert spec(steps=9).steps_for(181) == 9


def test_more_steps_than_a_schedule_can_be_held_for_are_refused() -> None:
    assert spec(steps=MOST_STEPS, seed=MOST_SEED).steps_for(2) == MOST_STEPS
    for changes in ({"steps": MOST_STEPS + 1}, {"epochs": 10**13}, {"seed": 2**70}):
        with pytest.raises(ValidationError, match="less than or equal to"):
            spec(**changes)
    with pytest.raises(UsageError, match="20,000,000 steps, expected at most 10,000,000"):
        spec(epochs=MOST_STEPS, batch_size=1).steps_for(2)


def test_the_learning_rate_that_learns() -> None:
    assert spec().lr == 1e-3
    assert spec(architecture="jumprelu").lr == 2e-3
    assert spec(architecture="jumprelu", lr=5e-4).lr == 5e-4
    assert spec(architecture="jumprelu", recipe="naive").lr == 1e-3
    settings = Settings(d_sae=8, k=2)
    assert Settings.model_validate(settings.model_dump(mode="json")) == settings
    plan = GridPlan(prefix="a", architectures={"topk": settings, "jumprelu": settings}, conditions=("mixed",))
    both = plan.on([0]).expand()
    assert not plan.on([0]).has_expansion
    assert [one.lr for one in both] == [1e-3, 2e-3]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"k": None}, "topk needs k"),
        ({"k": None, "architecture": "batchtopk"}, "batchtopk needs k"),
        ({"k": None, "architecture": "jumprelu"}, "jumprelu needs k"),
        ({"steps": 10, "epochs": 2}, "found both"),
        ({"expansion": 4}, "one of d_sae and expansion"),
        ({"dead_window": 400}, "dead_window is 400, expected fewer than the run's 400 steps"),
        ({"steps": 50, "lr_warm_up_steps": 50}, "lr_warm_up_steps"),
        ({"ste": "triangle"}, "rectangle"),
        ({"sparsity": "l1"}, "step"),
        ({"bandwidth": 0}, "greater than 0"),
    ],
)
def test_a_spec_that_would_not_train_is_refused(changes: dict[str, object], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        spec(**changes)


def test_architectures_without_k_need_none() -> None:
    for changes in ({"architecture": "standard"}, {"architecture": "gated"}):
        plain = spec(k=None, **changes)
        assert not plain.kind.needs_k(plain)
    step = spec(k=None, architecture="jumprelu", sparsity="step")
    assert not step.kind.needs_k(step)
