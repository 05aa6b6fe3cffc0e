"""The recipe of hundreds of rows and that of thousands: which is taken, and what is written of it (what each finds of a known dictionary: `test_recipe.py`)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from hubkit.train.architecture import LR
from hubkit.train.grid import GridPlan
from hubkit.train.plan import CrossFit, TrainingFolders, plan
from hubkit.train.size import ENOUGH_STEPS, MANY_ROWS, many_rows
from hubkit.train.spec import ARCHITECTURES, SaeSpec, Settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hubkit.release.pool import PoolManifest

MANY, STEPS = 20_000, 1500


def spec(architecture: str = "jumprelu", **changes: Any) -> SaeSpec:
    fields = {"sae_id": "a", "architecture": architecture, "layer": 0, "condition": "mixed", "d_sae": 128}
    k = {"k": 8} if ARCHITECTURES[architecture].takes_k else {}
    return SaeSpec.model_validate(fields | k | changes)


@pytest.mark.parametrize("architecture", sorted(ARCHITECTURES))
def test_on_few_rows_and_in_few_steps_the_defaults_and_their_digest_stay(architecture: str) -> None:
    for n, steps in (
        (181, 400),
        (MANY_ROWS - 1, 10_000),
        (MANY, ENOUGH_STEPS - 1),
    ):
        plain = spec(architecture, steps=steps)
        assert plain.settled(n).model_dump() == plain.model_dump()
        assert plain.settled(n).digest() == plain.digest()


def test_both_rows_and_steps_decide() -> None:
    assert many_rows(MANY_ROWS, ENOUGH_STEPS)
    assert not many_rows(MANY_ROWS - 1, ENOUGH_STEPS)
    assert not many_rows(MANY_ROWS, ENOUGH_STEPS - 1)
    epochs = spec("topk", epochs=4)  # of 2,000 rows in batches of 64: 125 steps
    assert epochs.settled(2000).lr == LR
    assert epochs.model_copy(update={"epochs": 40}).settled(2000).lr > LR


def test_on_many_rows_what_is_trained_is_written_out() -> None:
    jump, top = spec(steps=STEPS).settled(MANY), spec("topk", steps=STEPS).settled(MANY)
    assert (jump.ste, jump.bandwidth, jump.init_threshold) == ("rectangle", 0.1, 0.1)
    assert jump.lr == top.lr == pytest.approx(3e-3 * 2**0.5)
    assert (top.dead_window, top.lr_decay_steps) == (187, 300)
    assert jump.digest() != spec(steps=STEPS).digest()
    assert SaeSpec.model_validate(jump.model_dump()) == jump, "a spec that can be read again"
    assert all(length < STEPS for length in top.windows.values())


def test_what_is_written_out_is_a_users_own_when_it_is_read_again() -> None:
    """`hubkit reproduce --retrain` trains published specs, whatever a later hubkit would choose."""
    settled = spec(steps=STEPS).settled(MANY)
    again = SaeSpec.model_validate_json(json.dumps(settled.model_dump(mode="json")))
    assert again.settled(MANY).digest() == settled.digest()
    few = SaeSpec.model_validate_json(json.dumps(spec(steps=STEPS).model_dump(mode="json")))
    assert few.settled(MANY).digest() == few.digest()


@pytest.mark.parametrize(
    ("architecture", "given"),
    [
        ("jumprelu", {"ste": "rectangle + input"}),
        ("jumprelu", {"lr": 2e-3}),
        ("jumprelu", {"bandwidth": 0.05, "init_threshold": 0.01}),
        ("topk", {"lr": 1e-3}),
        ("topk", {"dead_window": None}),
        ("topk", {"lr_decay_steps": 0}),
        ("batchtopk", {"dead_window": 50}),
    ],
)
def test_what_was_given_stays_though_it_is_the_default(architecture: str, given: dict[str, Any]) -> None:
    found = spec(architecture, steps=STEPS, **given).settled(MANY)
    assert {name: getattr(found, name) for name in given} == given
    others = spec(architecture, steps=STEPS).settled(MANY)
    for name in {"lr", "ste", "dead_window"} - set(given):
        assert getattr(found, name) == getattr(others, name)


@pytest.mark.parametrize(
    "given", [{"lr_schedule": "cosineannealing"}, {"lr_warm_up_steps": STEPS - 1}], ids=["cosine", "warm-up"]
)
def test_no_decay_beside_a_schedule_of_the_users_own(given: dict[str, Any]) -> None:
    found = spec("topk", steps=STEPS, **given).settled(MANY)
    assert found.lr_decay_steps == 0
    assert found.lr > LR


@pytest.mark.parametrize("given", [{"recipe": "naive"}, {"sparsity": "step"}, {"sparsity": "tanh"}])
def test_a_jumprelu_without_a_target_is_left_alone(given: dict[str, Any]) -> None:
    plain = spec(steps=STEPS, **given)
    assert plain.settled(MANY) is plain


def test_the_rate_falls_with_steps_and_with_latents_but_not_below_that_of_few_rows() -> None:
    rates = [spec("topk", steps=steps, batch_size=128).settled(MANY).lr for steps in (400, 1500, 6000)]
    assert rates == [pytest.approx(3e-3 * (1500 / 400) ** 0.5), 3e-3, 3e-3]
    assert spec("topk", steps=400).settled(MANY).lr == 8e-3
    assert spec("topk", steps=6000, d_sae=512).settled(MANY).lr == pytest.approx(1.5e-3)
    assert spec("topk", steps=6000, d_sae=1 << 17).settled(MANY).lr == LR


def test_a_study_file_gives_what_it_says_and_no_more() -> None:
    settings = {"jumprelu": Settings(d_sae=128, k=8, steps=STEPS), "topk": Settings(d_sae=128, k=8, lr=1e-3)}
    grid = GridPlan(prefix="a", architectures=settings, conditions=("mixed",))
    for read in (grid, GridPlan.model_validate_json(json.dumps(grid.written()))):
        jump, top = (one.settled(MANY) for one in read.on([0]).expand())
        assert (jump.ste, top.lr) == ("rectangle", LR)


def test_folds_and_controls_are_trained_as_the_published_sae_is(
    make_pool: Callable[..., PoolManifest], tmp_path: Path
) -> None:
    manifest = make_pool(tmp_path / "pool", n=MANY_ROWS, d_in=4)
    folders = TrainingFolders(tmp_path / "pool", tmp_path / "release", tmp_path / "work")
    half = spec(d_sae=16, sae_id="b", condition="honest_only")
    units = plan([spec(d_sae=16), half], manifest, folders, CrossFit(seeds=2))
    assert {unit.spec.ste for unit in units if unit.spec.sae_id == "a"} == {"rectangle"}
    assert {unit.spec.ste for unit in units if unit.spec.sae_id == "b"} == {"rectangle + input"}
    assert len(units) > 8


@pytest.mark.parametrize(
    ("architecture", "given", "n", "told"),
    [
        ("jumprelu", {"ste": "rectangle + input"}, MANY, "leave ste out"),
        ("jumprelu", {"ste": "gaussian + input"}, MANY, "leave ste out"),
        ("jumprelu", {"ste": "rectangle", "steps": 400}, 200, "leave ste out, or train longer"),
        ("topk", {"lr": 1e-3}, MANY, "leave lr out"),
        ("batchtopk", {"lr": 1e-3}, MANY, "leave lr out"),
    ],
)
def test_a_setting_that_fails_at_that_size_is_named(
    architecture: str, given: dict[str, Any], n: int, told: str
) -> None:
    found = spec(architecture, **({"steps": STEPS} | given)).settled(n)
    said = found.kind.warnings(found, n)
    assert any(told in one and f"{n:,} rows" in one for one in said), said


@pytest.mark.parametrize(
    ("architecture", "given", "n"),
    [
        *((name, {}, n) for name in sorted(ARCHITECTURES) for n in (400, MANY)),
        ("jumprelu", {"ste": "rectangle + input"}, 400),
        ("jumprelu", {"ste": "rectangle"}, MANY),
        ("jumprelu", {"ste": "gaussian"}, 400),  # 1,500 steps: long enough
        ("jumprelu", {"sparsity": "step", "ste": "rectangle + input"}, MANY),
        ("jumprelu", {"recipe": "naive"}, MANY),
        ("topk", {"lr": 1e-3}, 400),
        ("topk", {"lr": 3e-3}, MANY),
        ("topk", {"d_sae": 1 << 15}, MANY),
    ],
)
def test_and_what_does_not_fail_is_not(architecture: str, given: dict[str, Any], n: int) -> None:
    found = spec(architecture, **({"steps": STEPS} | given)).settled(n)
    assert found.kind.warnings(found, n) == []
    fold = n * 4 // 5
    assert found.kind.warnings(found, fold) == []
