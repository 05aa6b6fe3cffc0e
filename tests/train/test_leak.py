"""The leak, reproduced and closed: on labels of pure noise nothing may be found, and an SAE probed on rows that it saw finds it."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np
import pytest
from safetensors.numpy import save_file
from train.specs import grid

from hubkit.collect.folds import assign_folds
from hubkit.engine.local import Local
from hubkit.evaluate.run import evaluate
from hubkit.release.digests import sha256_of_file
from hubkit.release.pool import PoolManifest
from hubkit.train.run import Options, train
from hubkit.train.spec import SaeSpec, Settings

if TYPE_CHECKING:
    from pathlib import Path

    from hubkit.release.metrics import Evaluation

pytestmark = pytest.mark.train

N, LAYER = 181, 4
STANDARD_ERROR = math.sqrt(0.25 / N)
LEAK = 0.58
"""What an SAE that saw its rows must beat for the leak to be there; chance is 0.5."""
PROBE, NEW, MEMBERSHIP = (
    "probe_balanced_accuracy",
    "probe_new_scenarios_balanced_accuracy",
    "membership_auroc",
)


@dataclass(frozen=True)
class NoiseStudy:
    """SAEs of rows whose labels are coin throws, evaluated."""

    home: Path
    evaluation: Evaluation

    def leaked(self, sae_id: str) -> float:
        """Balanced accuracy of an ordinary cross-validated probe of the published SAE, which saw the rows."""
        from hubkit.evaluate.encoded import encode
        from hubkit.evaluate.probe import probe
        from hubkit.evaluate.rows import design_of
        from hubkit.measures.probed import Probed, balanced_accuracy
        from hubkit.release.activations import read_layer

        manifest = PoolManifest.load(self.home / "pool" / "manifest.json")
        x = read_layer(self.home / "pool", manifest, manifest.layer(LAYER))
        seen, design = encode(self.home / "release" / sae_id, x).acts, design_of(manifest)
        probed = probe(design, dict.fromkeys(design.folds, seen))
        assert isinstance(probed, Probed)
        return balanced_accuracy(probed.predicted, design)

    def value(self, sae_id: str, measure: str) -> float:
        """What it came to."""
        metrics = self.evaluation.sae(sae_id)
        assert metrics is not None
        value = metrics.get(measure, "control" if measure == MEMBERSHIP else "crossfit")
        assert value is not None
        assert value.value is not None, value.reason
        return value.value

    def off(self, sae_id: str, measure: str) -> float:
        """Standard errors of independent rows between a cross-fitted value and chance."""
        return (self.value(sae_id, measure) - 0.5) / STANDARD_ERROR


def noise_pool(folder: Path, d_in: int, seed: int) -> None:
    """Rows of rank 40 in 12 scenarios, and labels that have nothing to do with them."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True)
    x = rng.normal(size=(N, 40)) @ rng.normal(size=(40, d_in)) / 40**0.5 + 0.3 * rng.normal(size=(N, d_in))
    save_file({"activations": x.astype(np.float32)}, folder / "layer.safetensors")
    label = np.where(rng.permutation(N) < 85, "honest", "deceptive").tolist()
    ids, scenarios = [f"c{i}" for i in range(N)], [f"s{i % 12}" for i in range(N)]
    fold = assign_folds(ids, list(zip(scenarios, label, strict=True)), folds=5, seed=seed)
    rows = [
        {"completion_id": ids[i], "scenario_id": scenarios[i], "label": label[i], "split": fold[i]}
        for i in range(N)
    ]
    layer = {
        "layer": LAYER,
        "hook_name": f"blocks.{LAYER}.hook_resid_post",
        "hf_hook_name": f"model.layers.{LAYER}",
        "file": "layer.safetensors",
        "sha256": sha256_of_file(folder / "layer.safetensors"),
    }
    manifest = {
        "model_name": "noise",
        "model_revision": None,
        "model_class_name": "AutoModelForCausalLM",
        "d_in": d_in,
        "n_layers": 6,
        "precision": "float32",
        "pooling": "last",
        "token_span": "response",
        "labels": ("honest", "deceptive"),
        "judge": "coin",
        "layers": [layer],
        "rows": rows,
        "inputs_sha256": "cd" * 32,
    }
    PoolManifest.model_validate_json(json.dumps(manifest)).save(folder / "manifest.json")


def studied(home: Path, specs: list[SaeSpec], d_in: int, *, seed: int = 0, workers: int = 1) -> NoiseStudy:
    noise_pool(home / "pool", d_in, seed)
    places = (home / "pool", home / "release", home / "work")
    train(specs, *places, options=Options(workers=workers))
    return NoiseStudy(home, evaluate(*places, specs, engine=Local(workers)))


CONDITIONS = ("mixed", "honest_only", "deceptive_only")
QUICK = [
    *grid([LAYER], ["topk"], CONDITIONS, prefix="q", settings=Settings(d_sae=512, k=32, steps=200)),
    *grid([LAYER], ["jumprelu"], ["honest_only"], prefix="q", settings=Settings(d_sae=256, k=32, steps=400)),
]


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> NoiseStudy:
    return studied(tmp_path_factory.mktemp("noise"), QUICK, 128)


def test_an_sae_that_saw_its_rows_finds_labels_that_are_noise(quick: NoiseStudy) -> None:
    assert quick.leaked("q_topk_L4_honest_only") > LEAK
    raw = quick.evaluation.layers[0].get(PROBE)
    assert raw is not None
    assert abs(float(raw.value or 0) - 0.5) < 2 * STANDARD_ERROR, "there is nothing to find"


@pytest.mark.parametrize("sae_id", [spec.sae_id for spec in QUICK])
def test_cross_fitted_nothing_is_found(quick: NoiseStudy, sae_id: str) -> None:
    assert abs(quick.off(sae_id, PROBE)) < 2
    assert abs(quick.off(sae_id, NEW)) < 2


def test_the_membership_control_shows_that_it_is_memory(quick: NoiseStudy) -> None:
    """The controls never saw a label; the rows that they saw are found by their error, in each architecture."""
    assert quick.value("q_topk_L4_honest_only", MEMBERSHIP) > 0.95
    assert quick.value("q_jumprelu_L4_honest_only", MEMBERSHIP) > 0.95
    mixed = quick.evaluation.sae("q_topk_L4_mixed")
    assert mixed is not None
    assert mixed.get(MEMBERSHIP, "control") is None, "`mixed` saw every row"


SHARED = {"d_sae": 256, "batch_size": 64}
EVERY = {
    "topk": Settings(**SHARED, k=32, steps=200),
    "batchtopk": Settings(**SHARED, k=32, steps=200),
    "jumprelu": Settings(**SHARED, k=32, steps=300),
    "standard": Settings(**SHARED, steps=200),
    "gated": Settings(**SHARED, steps=200),
}
SEEDS = (1, 2)


@pytest.fixture(scope="module")
def every(tmp_path_factory: pytest.TempPathFactory) -> list[NoiseStudy]:
    """Every architecture and condition, on two draws of the noise."""
    specs = grid([LAYER], EVERY, CONDITIONS, prefix="e", settings=EVERY)
    return [studied(tmp_path_factory.mktemp("every"), specs, 96, seed=seed, workers=2) for seed in SEEDS]


@pytest.mark.full
@pytest.mark.parametrize("condition", CONDITIONS)
@pytest.mark.parametrize("architecture", list(EVERY))
@pytest.mark.parametrize("measure", [PROBE, NEW])
def test_cross_fitted_nothing_is_found_in_any_architecture_and_condition(
    every: list[NoiseStudy], architecture: str, condition: str, measure: str
) -> None:
    """Both draws together, at the bound that the fifteen SAEs keep together: one of fifteen is often beyond 2 by itself."""
    off = [study.off(f"e_{architecture}_L{LAYER}_{condition}", measure) for study in every]
    print(architecture, condition, measure, [round(0.5 + one * STANDARD_ERROR, 3) for one in off])
    together = NormalDist().inv_cdf(1 - 0.05 / (2 * len(EVERY) * len(CONDITIONS)))
    assert abs(float(np.mean(off))) < together / math.sqrt(len(SEEDS))


@pytest.mark.full
def test_the_leak_of_each_architecture(every: list[NoiseStudy]) -> None:
    leaks = {
        name: float(np.mean([study.leaked(f"e_{name}_L{LAYER}_honest_only") for study in every]))
        for name in EVERY
    }
    print("probed on their own rows:", {name: round(value, 3) for name, value in leaks.items()})
    assert leaks["topk"] > LEAK
