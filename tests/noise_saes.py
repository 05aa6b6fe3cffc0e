"""The whole way on noise: a pool with collect's folds, SAEs trained and cross-fitted, evaluated; what each condition comes to."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from noise_pools import Setting
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

D_IN, LAYER = 24, 1
CONDITIONS = ("mixed", "one_only", "two_only")
SETTINGS = {
    "topk": Settings(d_sae=48, k=6, steps=30, lr=4e-3, batch_size=64),
    "jumprelu": Settings(d_sae=48, k=6, steps=40, lr=6e-3, batch_size=64),
}
"""As few steps as it takes: the error of an SAE of a fold tells the rows that it saw from those that it did not."""
ONE_LABEL = {"topk": "one_only", "jumprelu": "two_only"}
SPECS = [
    spec
    for spec in GridPlan(prefix="n", architectures=SETTINGS, conditions=CONDITIONS).on([LAYER]).expand()
    if spec.condition in ("mixed", ONE_LABEL[spec.architecture])
]
"""Both architectures on all rows, and each on one label: on noise the labels are each other's mirror."""


@dataclass
class Held:
    """Values of one condition over many pools."""

    values: list[float] = field(default_factory=list)
    covered: list[bool] = field(default_factory=list)
    found: list[bool] = field(default_factory=list)
    missing: int = 0

    def note(self, one: dict[str, Any]) -> None:
        """One pool's."""
        if one["value"] is None:
            self.missing += 1
            return
        self.values.append(one["value"])
        if one["interval"] is not None:
            low, high = one["interval"]
            self.covered.append(low <= one["reference"] <= high)
        if one["p_value"] is not None:
            self.found.append(one["p_value"] <= 0.05)

    def line(self) -> str:
        """Cells of a table."""
        error = np.std(self.values) / max(1, len(self.values)) ** 0.5
        cells = [f"{np.mean(one):.3f}" if one else "–" for one in (self.covered, self.values)]
        rate = f"{np.mean(self.found):.3f}" if self.found else "–"
        return f"{len(self.values)} | {cells[0]} | {cells[1]} | {error:.3f} | {rate}"


def noise_pool(folder: Path, setting: Setting, seed: int) -> None:
    """Rows with an effect of their scenario, and labels that are throws of a coin."""
    rng = np.random.default_rng([seed, setting.n, setting.scenarios])
    folder.mkdir(parents=True)
    scenario = np.arange(setting.n) % setting.scenarios
    place = rng.normal(size=(setting.scenarios, D_IN)) * setting.effect
    x = rng.normal(size=(setting.n, D_IN)) + place[scenario]
    save_file({"activations": x.astype(np.float32)}, folder / "layer.safetensors")
    labels = np.where(rng.random(setting.n) < 0.5, "one", "two").tolist()
    names = [f"s{one:02}" for one in scenario]
    ids = [f"{seed}-{row}" for row in range(setting.n)]
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


def measured(home: Path, setting: Setting, seed: int, *, control: bool = False) -> dict[str, dict[str, Any]]:
    """What each probe, each difference and each joint test of one pool came to."""
    noise_pool(home / "pool", setting, seed)
    places = (home / "pool", home / "release", home / "work")
    train(SPECS, *places, options=Options(CrossFit(scenarios=False, control=control), workers=1))
    evaluation = evaluate(*places, SPECS)
    found = {}
    for measure in ("probe_balanced_accuracy", "probe_auroc"):
        raw = evaluation.layers[0].get(measure)
        assert raw is not None
        found[f"raw, {measure}"] = _record(raw)
        for one in evaluation.saes:
            value = one.get(measure, "crossfit")
            assert value is not None
            found[f"{_short(one.sae_id)}, {measure}"] = _record(value)
    for comparison in evaluation.comparisons:
        found[f"{_short(comparison.sae_id)}, difference from raw"] = _record(comparison.difference)
    for name, test in zip(("k of n above", "the furthest, max-T"), evaluation.tests, strict=False):
        found[name] = {"value": 0.0, "interval": None, "reference": 0.0, "p_value": test.p_value}
    if control:
        for one in evaluation.saes:
            if (seen := one.get("membership_auroc", "control")) is not None:
                found[f"{_short(one.sae_id)}, membership"] = _record(seen)
    return found


def _short(sae_id: str) -> str:
    return sae_id.replace(f"_L{LAYER}_", " ")[2:]


def _record(value: MetricValue) -> dict[str, Any]:
    null = value.null.kind if value.null else None
    return {"value": value.value, "interval": value.interval, "reference": value.null_mean, "p_value": value.p_value, "null": null, "reason": value.reason}  # fmt: skip
