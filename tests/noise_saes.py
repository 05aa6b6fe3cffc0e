"""The whole way on noise: a pool with collect's folds, SAEs trained and cross-fitted, evaluated; what each condition comes to."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from hubkit.collect.folds import assign_folds
from hubkit.evaluate.run import evaluate
from hubkit.release.digests import sha256_of_file
from hubkit.release.metrics import MetricValue
from hubkit.release.pool import PoolManifest
from hubkit.train.grid import GridPlan
from hubkit.train.plan import CrossFit
from hubkit.train.run import Options, train
from hubkit.train.spec import Settings

N, SCENARIOS, D_IN, LAYER = 120, 4, 24, 1
CONDITIONS = ("mixed", "one_only", "two_only")
SETTINGS = {
    "topk": Settings(d_sae=48, k=6, steps=60, batch_size=64),
    "jumprelu": Settings(d_sae=48, k=6, steps=100, batch_size=64),
}
SPECS = GridPlan(prefix="n", architectures=SETTINGS, conditions=CONDITIONS).on([LAYER]).expand()


@dataclass
class Held:
    """Values of one condition over many pools."""

    values: list[float] = field(default_factory=list)
    covered: list[bool] = field(default_factory=list)
    found: list[bool] = field(default_factory=list)

    def note(self, value: MetricValue) -> None:
        """One pool's."""
        assert value.value is not None, value.reason
        assert value.interval is not None
        reference = value.null_mean
        assert reference is not None
        self.values.append(value.value)
        self.covered.append(value.interval[0] <= reference <= value.interval[1])
        if value.p_value is not None:
            self.found.append(value.p_value <= 0.05)

    def line(self) -> str:
        """Cells of a table."""
        error = np.std(self.values) / len(self.values) ** 0.5
        rate = f"{np.mean(self.found):.3f}" if self.found else "–"
        return f"{np.mean(self.covered):.3f} | {np.mean(self.values):.3f} | {error:.3f} | {rate}"


def noise_pool(folder: Path, seed: int) -> None:
    """Rows with an effect of their scenario, and labels that are throws of a coin."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True)
    scenario = np.arange(N) % SCENARIOS
    x = rng.normal(size=(N, D_IN)) + rng.normal(size=(SCENARIOS, D_IN))[scenario]
    save_file({"activations": x.astype(np.float32)}, folder / "layer.safetensors")
    labels = np.where(rng.random(N) < 0.5, "one", "two").tolist()
    names = [f"s{one}" for one in scenario]
    ids = [f"{seed}-{row}" for row in range(N)]
    folds = assign_folds(ids, list(zip(names, labels, strict=True)), folds=5, seed=seed)
    each = zip(ids, names, labels, folds, strict=True)
    rows = [
        {"completion_id": one, "scenario_id": name, "label": label, "split": fold}
        for one, name, label, fold in each
    ]
    layer = {
        "layer": LAYER, "hook_name": f"blocks.{LAYER}.hook_resid_post", "hf_hook_name": f"model.layers.{LAYER}",
        "file": "layer.safetensors", "sha256": sha256_of_file(folder / "layer.safetensors"),
    }  # fmt: skip
    manifest = {
        "model_name": "noise", "model_revision": None, "model_class_name": "AutoModelForCausalLM", "d_in": D_IN, "n_layers": 3, "precision": "float32",
        "pooling": "last", "token_span": "response", "labels": ("one", "two"), "judge": "coin", "layers": [layer], "rows": rows, "inputs_sha256": "cd" * 32,
    }  # fmt: skip
    PoolManifest.model_validate_json(json.dumps(manifest)).save(folder / "manifest.json")


def measured(home: Path, seed: int) -> Iterator[tuple[str, MetricValue]]:
    """Name and value of each probe and difference of one pool."""
    noise_pool(home / "pool", seed)
    places = (home / "pool", home / "release", home / "work")
    train(SPECS, *places, options=Options(CrossFit(scenarios=False, control=False), workers=1))
    evaluation = evaluate(*places, SPECS)
    for measure in ("probe_balanced_accuracy", "probe_auroc"):
        raw = evaluation.layers[0].get(measure)
        assert raw is not None
        yield f"raw, {measure}", raw
        for one in evaluation.saes:
            value = one.get(measure, "crossfit")
            assert value is not None
            yield f"{one.sae_id.replace(f'_L{LAYER}_', ' ')[2:]}, {measure}", value
    for comparison in evaluation.comparisons:
        if comparison.difference.value is not None:
            yield (
                f"{comparison.sae_id[2:].replace(f'_L{LAYER}_', ' ')}, difference from raw",
                comparison.difference,
            )
