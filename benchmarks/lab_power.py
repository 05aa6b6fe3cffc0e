"""How often hubkit's test finds what was planted: pools drawn from many completions of the lab model, whose truth is known.

    PYTHONPATH=. python benchmarks/lab_power.py [--samples 3000] [--pools 200] [--out FOLDER]

A row of the table is a number of rows and a layer; the share of pools whose probe of raw activations is told from permuted labels at 5 %, its mean balanced accuracy,
and that of all completions. Where the layer does not know the behaviour, 5 % should be found.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from hubkit.collect.folds import assign_folds
from hubkit.collect.run import collect
from hubkit.evaluate.probe import probe
from hubkit.lab.model import build
from hubkit.lab.study import plan
from hubkit.measures.design import Design
from hubkit.measures.families.probe import against_chance
from hubkit.measures.inference import accuracy_deviation
from hubkit.measures.probed import Probed, accuracies
from hubkit.release.activations import read_layer
from hubkit.release.layout import ACTIVATIONS
from hubkit.release.pool import PoolManifest

SIZES, FOLDS, DRAWS = (60, 180), 5, 99


def design_of(manifest: PoolManifest, chosen: np.ndarray, seed: int) -> Design:
    """Some rows of a pool, dealt into folds as collect deals them."""
    rows = [manifest.rows[place] for place in chosen]
    strata = [(row.scenario_id, row.label) for row in rows]
    folds = assign_folds([row.completion_id for row in rows], strata, folds=FOLDS, seed=seed)
    positive = np.array([row.label == manifest.labels[0] for row in rows])
    first = min(manifest.labels) == manifest.labels[0]
    return Design(
        positive, np.array([row.scenario_id for row in rows]), np.array(folds), positive_first=first
    )


def probed(design: Design, x: np.ndarray, draws: int = DRAWS) -> Probed:
    """Of one layer's rows."""
    found = probe(design, dict.fromkeys(design.folds, x), "folds dealt again", draws)
    if isinstance(found, str):
        raise SystemExit(found)
    return found


def main() -> None:
    """From the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=3000)
    parser.add_argument("--pools", type=int, default=200)
    parser.add_argument("--out", type=Path, default=Path("lab-power"))
    asked = parser.parse_args()
    print("| lab model | rows | layer | found at 5 % | mean balanced accuracy | of all completions |")
    print("|---" * 6 + "|")
    for null in (False, True):
        folder = asked.out / ("null" if null else "planted")
        model = build(folder / "model", seed=0, null=null)
        manifest = collect(plan(model, samples=asked.samples), folder / "work")
        everything = np.arange(len(manifest.rows))
        for entry in manifest.layers:
            x = read_layer(folder / "work" / ACTIVATIONS, manifest, entry)
            whole = design_of(manifest, everything, 0)
            truth = float(accuracies(probed(whole, x, 1).real, whole)[0])
            for n in SIZES:
                found, values = [], []
                for seed in range(asked.pools):
                    chosen = np.random.default_rng([seed, n]).choice(everything, n, replace=False)
                    design = design_of(manifest, chosen, seed)
                    one = against_chance(probed(design, x[chosen]), design, accuracies, accuracy_deviation)
                    assert one.null is not None
                    found.append((one.null.p_value or 1.0) <= 0.05)
                    values.append(one.value)
                name = "nothing planted" if null else "planted"
                print(
                    f"| {name} | {n} | {entry.layer} | {np.mean(found):.3f} | {np.mean(values):.3f} | {truth:.3f} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
