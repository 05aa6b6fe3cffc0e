"""The defect and the recipe, on activations of the lab model; the published forms of what SAELens trains."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from known_dictionary import dictionary, recovery, rows_of
from train.published import fit, saved

from hubkit.engine.threads import one_thread
from hubkit.train.member import Member, Trained
from hubkit.train.spec import SaeSpec

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hubkit.release.pool import PoolManifest

pytestmark = pytest.mark.train

N, D_SAE, K = 181, 256, 16


@pytest.fixture(autouse=True)
def _small_matrices_on_one_thread() -> Iterator[None]:
    with one_thread():
        yield


@pytest.fixture(scope="module")
def lab_pool(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with a pool of the lab model's middle layer."""
    from hubkit.collect.run import collect
    from hubkit.lab.model import build
    from hubkit.lab.study import plan

    folder = tmp_path_factory.mktemp("lab")
    with one_thread():
        collect(plan(build(folder / "model"), samples=448, layers=(3,)), folder / "pool")
    return folder / "pool"


@pytest.fixture(scope="module")
def lab_manifest(lab_pool: Path) -> PoolManifest:
    from hubkit.release.layout import MANIFEST
    from hubkit.release.pool import PoolManifest

    (path,) = lab_pool.rglob(MANIFEST)
    return PoolManifest.load(path)


@pytest.fixture(scope="module")
def lab(lab_pool: Path, lab_manifest: PoolManifest) -> tuple[torch.Tensor, torch.Tensor]:
    """Its activations: 181 rows to train on and as many held out."""
    from safetensors.torch import load_file

    (path,) = lab_pool.rglob(lab_manifest.layers[0].file)
    rows = load_file(path)["activations"]
    rows = rows[torch.randperm(len(rows), generator=torch.Generator().manual_seed(0))]
    assert len(rows) >= 2 * N
    return rows[:N], rows[N : 2 * N]


def train(rows: torch.Tensor, **changes: Any) -> Trained:
    from hubkit.train.stack import train_stack

    fields = {
        "sae_id": "sae",
        "architecture": "jumprelu",
        "layer": 3,
        "condition": "mixed",
        "d_sae": D_SAE,
        "k": K,
    }
    (trained,) = train_stack([Member("sae", SaeSpec.model_validate(fields | changes), rows)])
    assert isinstance(trained, Trained), trained
    return trained


def l0(trained: Trained, rows: torch.Tensor) -> float:
    return float((trained.encode(rows) > 0).sum(dim=1).double().mean())


def test_the_naive_threshold_stays_0_and_half_of_the_latents_fire(lab: Any) -> None:
    rows, held_out = lab
    naive = train(rows, recipe="naive")
    assert bool((naive.sae.threshold == 0).all())
    assert 0.4 * D_SAE < l0(naive, rows) < 0.6 * D_SAE
    assert 0.4 * D_SAE < l0(naive, held_out) < 0.65 * D_SAE


@pytest.mark.parametrize(
    "changes", [{}, {"seed": 1}, {"ste": "gaussian + input"}], ids=["defaults", "seed 1", "gaussian"]
)
def test_the_recipe_reaches_its_l0_and_every_live_threshold_moves(changes: Any, lab: Any) -> None:
    rows, held_out = lab
    trained = train(rows, **changes)
    live = (trained.encode(rows) > 0).any(dim=0)
    assert bool((trained.sae.threshold[live] != 0.01).all())
    assert bool((trained.sae.threshold >= 0).all())
    assert l0(trained, rows) == pytest.approx(K, rel=0.25)
    # Rows that it has not seen fire more latents; 181 rows are few (docs/training.md).
    assert K < l0(trained, held_out) < 2.5 * K


def test_batchtopk_in_a_short_run_keeps_a_threshold_near_its_k(lab: Any) -> None:
    """SAELens's rate of 0.01 leaves 37 % of the starting 0 in a run of 100 steps; its published form then fires far too often."""

    def published_l0(trained: Trained) -> float:
        sae, x = trained.sae, rows * trained.scale
        with torch.no_grad():
            pre = ((x - sae.b_dec) @ sae.W_enc + sae.b_enc) * sae.W_dec.norm(dim=1)
        return float((pre > sae.topk_threshold).sum(dim=1).double().mean())

    rows, _ = lab
    ours = train(rows, architecture="batchtopk", steps=100)
    slow = train(rows, architecture="batchtopk", steps=100, threshold_lr=0.01)
    assert published_l0(ours) == pytest.approx(K, rel=0.25)
    assert published_l0(slow) > 1.5 * K


def test_b_dec_starts_at_the_mean(lab: Any) -> None:
    from hubkit.train.cpu_trainer import CpuTrainer

    rows, _ = lab
    spec = SaeSpec(sae_id="a", architecture="topk", layer=3, condition="mixed", d_sae=D_SAE, k=K)
    trainer = CpuTrainer(Member("a", spec, rows))
    scaled = rows * trainer.scale
    assert float(scaled.norm(dim=1).mean()) == pytest.approx(8.0, rel=1e-5), "sqrt(d_in)"
    assert torch.allclose(trainer.sae.b_dec, scaled.mean(dim=0), atol=1e-6)


@pytest.mark.parametrize("steps", [1, 40, 400, 4000])
def test_the_rate_of_batchtopks_threshold(steps: int) -> None:
    from hubkit.train.architectures.batchtopk import threshold_rate

    rate = threshold_rate(steps)
    assert 0.01 <= rate < 1
    assert (1 - rate) ** (steps / 4) <= 0.01 * (1 + 1e-6)


def test_what_the_configuration_says_of_the_estimator() -> None:
    from hubkit.train.cpu_trainer import build

    for ste, to_input in (("rectangle", False), ("gaussian + input", True)):
        spec = SaeSpec.model_validate(
            {"sae_id": "a", "architecture": "jumprelu", "layer": 0, "condition": "mixed", "d_sae": 8, "k": 2}
            | {"ste": ste, "bandwidth": 0.1, "sparsity": "step"}
        )
        details = spec.kind.details(spec, build(spec, torch.zeros(4), 400))
        assert details["straight_through_estimator"] == ste
        assert details["jumprelu_ste_to_input"] is to_input
        assert (details["jumprelu_bandwidth"], details["jumprelu_sparsity_loss_mode"]) == (0.1, "step")


def test_validate_says_thr001_of_the_naive_one_and_nothing_of_the_recipe(
    lab: Any, lab_manifest: PoolManifest, tmp_path: Path
) -> None:
    rows, _ = lab
    assert saved(train(rows, recipe="naive"), lab_manifest, rows, tmp_path / "naive") == ["THR001"]
    assert saved(train(rows), lab_manifest, rows, tmp_path / "learns") == []


@pytest.mark.parametrize("architecture", ["topk", "jumprelu", "gated"])
@pytest.mark.parametrize("form", ["threads", "mapped"])
def test_autocast_changes_the_result_by_rounding_only_and_not_from_run_to_run(
    architecture: str, form: Any, lab: Any
) -> None:
    from hubkit.train.stack import train_stack

    rows, held_out = lab

    def trained(seeds: tuple[int, ...], *, autocast: bool) -> list[Trained]:
        found = []
        for seed in seeds:
            fields = {"architecture": architecture, "layer": 3, "condition": "mixed", "d_sae": D_SAE, "k": K}
            more = {"sae_id": f"sae{seed}", "steps": 150, "seed": seed, "autocast": autocast}
            found.append(Member(f"sae{seed}", SaeSpec.model_validate(fields | more), rows))
        return [one for one in train_stack(found, form=form) if isinstance(one, Trained)]

    full, half = trained((0,), autocast=False)[0], trained((0,), autocast=True)[0]
    weights, rounded = full.sae.state_dict(), half.sae.state_dict()
    assert all(weight.dtype == torch.float32 for weight in rounded.values())
    assert not torch.equal(weights["W_dec"], rounded["W_dec"]), "products in bfloat16 round"
    assert explained(half, rows) == pytest.approx(explained(full, rows), abs=0.02)
    assert explained(half, held_out) == pytest.approx(explained(full, held_out), abs=0.05)
    assert l0(half, rows) == pytest.approx(l0(full, rows), rel=0.15)
    again = trained((1, 0), autocast=True)[1].sae.state_dict()
    assert all(torch.equal(weight, again[name]) for name, weight in rounded.items())


def test_on_20_000_rows_the_defaults_find_a_dictionary_that_those_of_few_rows_do_not() -> None:
    features = dictionary()
    rows, held_out = rows_of(features, 20_000, seed=1), rows_of(features, 1000, seed=2)
    fields = {"sae_id": "a", "architecture": "jumprelu", "layer": 0, "condition": "mixed"}
    few = SaeSpec.model_validate(fields | {"d_sae": 128, "k": 8, "steps": 1500, "batch_size": 128})

    def found(spec: SaeSpec) -> float:
        trained = fit(spec, rows)
        decoder = trained.sae.W_dec.detach()
        return recovery(decoder, trained.encode, trained.reconstruct, features, held_out).found

    assert found(few) < 0.1
    assert found(few.settled(len(rows))) > 0.8


def explained(trained: Trained, rows: torch.Tensor) -> float:
    error = (rows - trained.reconstruct(rows)).square().sum()
    return float(1 - error / (rows - rows.mean(dim=0)).square().sum())
