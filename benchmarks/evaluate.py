"""How long the evaluation's own arithmetic takes: permutations of the labels for every latent, and probes beside scikit-learn's.

    PYTHONPATH=. OMP_NUM_THREADS=2 python benchmarks/evaluate.py

Prints wall and CPU seconds; on a busy machine the second is what counts.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable

import numpy as np

from hubkit.evaluate.probe import probe
from hubkit.measures.design import Design
from hubkit.measures.separation import largest

ROWS, LATENTS, PERMUTATIONS, L0 = 1327, 8192, 1000, 64
PROBES = ((181, 2304), (1327, 8192))
"""Rows and latents of one SAE."""


def timed(what: str, run: Callable[[], object]) -> None:
    """One line."""
    wall, cpu = time.perf_counter(), time.process_time()
    run()
    print(
        f"{what:70} {time.perf_counter() - wall:7.2f} s wall {time.process_time() - cpu:7.2f} s CPU",
        flush=True,
    )


def latents(n: int, m: int) -> np.ndarray:
    """Rows with about L0 non-zero latents each."""
    rng = np.random.default_rng(0)
    z = np.zeros((n, m), dtype=np.float32)
    for row in z:
        row[rng.choice(m, size=L0, replace=False)] = rng.exponential(size=L0)
    return z


def with_scikit_learn(design: Design, x: np.ndarray) -> None:
    """One call of its logistic regression a fold, to convergence, features standardised by the training rows."""
    from sklearn.linear_model import LogisticRegression

    for fold in design.folds:
        train = x[design.fold != fold].astype(np.float64)
        deviation = train.std(axis=0)
        kept = deviation > 0
        scaled = (train[:, kept] - train[:, kept].mean(axis=0)) / deviation[kept]
        one = LogisticRegression(class_weight="balanced", max_iter=5000, tol=1e-6)
        one.fit(scaled, design.positive[design.fold != fold])


def main() -> None:
    """All of it."""
    warnings.simplefilter("ignore")
    rng = np.random.default_rng(0)
    positive = rng.random(ROWS) < 0.5
    columns = np.stack([positive, *(rng.permutation(positive) for _ in range(PERMUTATIONS))], axis=1)
    z = latents(ROWS, LATENTS)
    timed(f"d of {LATENTS} latents, {ROWS} rows, {PERMUTATIONS} permutations", lambda: largest(z, columns))
    for n, m in PROBES:
        x = latents(n, m)
        names, folds = np.array(["s"] * n), np.array([f"fold{i % 5}" for i in range(n)])
        design = Design(rng.random(n) < 0.5, names, folds)
        features = dict.fromkeys(design.folds, x)
        each = {fold: x.copy() for fold in design.folds}
        timed(f"5 folds, features of 5 SAEs, {n} x {m}", lambda design=design, each=each: probe(design, each))
        timed("  scikit-learn", lambda design=design, x=x: with_scikit_learn(design, x))
        if n < 1000:
            timed(
                "  199 permutations, folds dealt again",
                lambda design=design, features=features: probe(design, features, "folds dealt again"),
            )


if __name__ == "__main__":
    main()
