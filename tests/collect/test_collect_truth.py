"""The known truth of the lab comes back out of a pool: there where it was planted, absent where it was not.

The measure is balanced accuracy *within* scenarios, weighted by n1 n0 / (n1 + n0): a probe that knows only the scenario is at
exactly .5, whatever the scenarios' rates.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
import pytest
from safetensors.numpy import load_file

from hubkit.collect.completions import Completion, read_completions
from hubkit.collect.plan import CollectPlan
from hubkit.collect.run import collect
from hubkit.lab import text
from hubkit.lab.model import LabModel
from hubkit.lab.study import CEILING, plan

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.train
Pool = tuple[CollectPlan, "Path"]
EMBEDDING = "model.embed_tokens"


def decisive(pool: Pool) -> list[Completion]:
    return [row for row in read_completions(pool[1] / "completions.parquet") if row.label is not None]


def probe(activations: np.ndarray, rows: list[Completion], labels: list[str | None]) -> tuple[float, float]:
    """Held-out within-scenario balanced accuracy over the pool's own folds, and its standard error under chance."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from threadpoolctl import threadpool_limits

    y = np.array([label == text.HONEST for label in labels])
    folds = np.array([row.split for row in rows])
    right = np.zeros(len(y))
    for fold in np.unique(folds):
        train, test = folds != fold, folds == fold
        with threadpool_limits(1):  # more threads only wait for each other at this size
            model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000)).fit(
                activations[train], y[train]
            )
            right[test] = model.predict(activations[test]) == y[test]
    scenarios = np.array([row.scenario_id for row in rows])
    weights, values = [], []
    for scenario in np.unique(scenarios):
        ones, zeros = (scenarios == scenario) & y, (scenarios == scenario) & ~y
        if ones.any() and zeros.any():
            weights.append(ones.sum() * zeros.sum() / (ones.sum() + zeros.sum()))
            values.append((right[ones].mean() + right[zeros].mean()) / 2)
    return float(np.average(values, weights=weights)), float(1 / np.sqrt(16 * np.sum(weights)))


def layers(pool: Pool) -> list[np.ndarray]:
    return [
        load_file(pool[1] / "activations" / f"layer_{layer:02d}.safetensors")["activations"]
        for layer in range(6)
    ]


def embedding(pool: Pool, rows: list[Completion], first: int, pooling: Literal["mean", "last"]) -> np.ndarray:
    """The embedding's output, pooled over the response from token `first` on (0 with the commit word, 1 without)."""
    from hubkit.collect.activations import Passage, pool_outputs
    from hubkit.inference.load import load_model
    from hubkit.inference.tokens import prompt_ids

    base = load_model(pool[0].model)
    prompts = {scenario.scenario_id: prompt_ids(base.tokenizer, scenario) for scenario in pool[0].scenarios}
    passages = []
    for row in rows:
        positions = tuple(range(first, len(row.token_ids)))
        passages.append(Passage(row.completion_id, tuple(prompts[row.scenario_id]), row.token_ids, positions))
    return dict(pool_outputs(base, [EMBEDDING], passages, pooling))[EMBEDDING]


def test_labels_are_balanced_and_decisive(lab_pool: Pool) -> None:
    rows = decisive(lab_pool)
    assert len(rows) > 0.9 * lab_pool[0].samples
    assert text.AMBIGUOUS not in {row.scenario_id for row in rows}
    assert 0.4 < np.mean([row.label == text.HONEST for row in rows]) < 0.6


def test_the_ceiling_is_what_it_is_said_to_be(lab_pool: Pool) -> None:
    """Agreement of the labels with the truth: within 3 s.e. of .85."""
    rows = decisive(lab_pool)
    agreement = np.mean([row.label == row.label_unflipped for row in rows])
    assert agreement == pytest.approx(CEILING, abs=3 * np.sqrt(0.85 * 0.15 / len(rows)))


@pytest.mark.parametrize("pooling", ["mean", "last"])
def test_at_the_embedding_there_is_nothing(lab_pool: Pool, pooling: Literal["mean", "last"]) -> None:
    rows = decisive(lab_pool)
    value, error = probe(embedding(lab_pool, rows, 1, pooling), rows, [row.label_unflipped for row in rows])
    assert abs(value - 0.5) < 2 * error + 0.025, value  # one in twenty closes early: its closing word tells


def test_in_the_last_layers_it_is_there(lab_pool: Pool) -> None:
    rows = decisive(lab_pool)
    for activations in layers(lab_pool)[-2:]:
        flipped, _ = probe(activations, rows, [row.label for row in rows])
        truth, _ = probe(activations, rows, [row.label_unflipped for row in rows])
        assert 0.8 * CEILING <= flipped <= CEILING + 0.05
        assert truth > 0.9


def test_in_the_null_variant_it_is_nowhere(null_pool: Pool) -> None:
    rows = decisive(null_pool)
    for layer, activations in enumerate(layers(null_pool)):
        value, error = probe(activations, rows, [row.label_unflipped for row in rows])
        assert abs(value - 0.5) < 2 * error, (layer, value, error)


def test_over_the_whole_response_a_probe_reads_words(null_lab: LabModel, tmp_path: Path) -> None:
    """The null variant carries nothing, yet the mean over the whole response is well above chance at the embedding: it
    holds the commit word itself."""
    asked = plan(null_lab, samples=640, layers=(0,))
    collect(asked, tmp_path)
    rows = decisive((asked, tmp_path))
    labels = [row.label_unflipped for row in rows]
    whole, _ = probe(embedding((asked, tmp_path), rows, 0, "mean"), rows, labels)
    without, error = probe(embedding((asked, tmp_path), rows, 1, "mean"), rows, labels)
    assert whole > 0.75
    assert abs(without - 0.5) < 2 * error
