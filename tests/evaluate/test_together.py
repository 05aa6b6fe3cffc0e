"""Several SAEs as one: each architecture as a whole, the best of several; and the texts of a pool."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from hubkit.errors import IncompleteError
from hubkit.evaluate import assemble, together
from hubkit.evaluate.assemble import Beside
from hubkit.evaluate.baselines import baselines
from hubkit.evaluate.pool_texts import pool_texts
from hubkit.evaluate.together import PAIRS, ROWS, selection
from hubkit.measures.design import Design, numbered
from hubkit.measures.probed import Columns, Probed, balanced_accuracy

pytestmark = pytest.mark.train  # scipy comes with the train extra

N = 200


def design() -> Design:
    rng = np.random.default_rng(0)
    fold, scenario = np.array([f"fold{i % 5}" for i in range(N)]), np.array([f"s{i % 4}" for i in range(N)])
    return Design(rng.random(N) < 0.5, scenario, fold)


def right(rows: Design, share: float, seed: int) -> Probed:
    hit = np.random.default_rng(seed).random(N) < share
    scores = np.where(hit == rows.positive, 1.0, -1.0)[:, None]
    return Probed(Columns(rows.positive[:, None], numbered(rows.fold)[:, None], scores))


def test_an_architecture_is_tested_by_rows_and_as_it_is_often_reported() -> None:
    from scipy.stats import ttest_1samp

    rows, raw = design(), right(design(), 0.8, 0)
    worse = [right(rows, 0.6, seed) for seed in (1, 2, 3)]
    same = [right(rows, 0.8, seed) for seed in (4, 5, 6)]
    pairs = [("topk", one, raw) for one in worse] + [("jumprelu", one, raw) for one in same]
    pairs += [("gated", right(rows, 0.9, 7), raw), ("topk", "one label only", raw)]
    found = {
        (one.subject.split()[0], one.test): one for one in together.tests_of_architectures(pairs, "raw", rows)
    }
    assert set(found) == {(kind, test) for kind in ("topk", "jumprelu") for test in (ROWS, PAIRS)}, (
        "one gated SAE is no architecture"
    )
    differences = [
        balanced_accuracy(one.predicted, rows) - balanced_accuracy(raw.predicted, rows) for one in worse
    ]
    naive = min(1.0, 2 * ttest_1samp(differences, 0).pvalue)
    assert found["topk", PAIRS].p_value == pytest.approx(naive)
    assert (
        found["topk", PAIRS].subject == f"topk as a whole, 3 SAEs: {100 * np.mean(differences):+.1f} points"
    )
    assert found["topk", ROWS].p_value < 0.01 < found["jumprelu", ROWS].p_value


def test_pairs_that_share_their_rows_are_not_as_many_as_they_look() -> None:
    """Ten SAEs that are one and the same, but for a row each: the t-test is sure of a difference that the rows do not show."""
    rows, raw = design(), right(design(), 0.75, 0)
    base = right(rows, 0.75, 3).real.scores
    several = []
    for row in range(10):
        scores = base.copy()
        scores[row] *= -1
        several.append(
            ("topk", Probed(Columns(rows.positive[:, None], numbered(rows.fold)[:, None], scores)), raw)
        )
    by_rows, by_pairs = together.tests_of_architectures(several, "raw", rows)
    assert by_pairs.p_value < 0.001
    assert by_rows.p_value > 0.05


def test_how_many_stand_out_once_all_are_tested_together() -> None:
    rows, raw = design(), right(design(), 0.6, 0)
    saes = {
        f"s{seed}": Beside(right(rows, 0.95 if seed < 3 else 0.6, seed), raw, False) for seed in range(1, 7)
    }
    _, furthest = assemble.tests_of(saes, rows)
    assert furthest.subject.endswith("the furthest of 6 (2 above and 0 below once all are tested together)")


def test_the_best_is_chosen_among_those_that_were_measured() -> None:
    rows = design()
    probes: dict[str, Any] = {"a": right(rows, 0.6, 1), "b": right(rows, 0.9, 2), "c": "not trained"}
    (found,) = selection("SAEs", probes, rows)
    assert (found.chosen, found.of, found.value.measure) == ("b", 2, "selected_balanced_accuracy")
    assert found.value.value == pytest.approx(balanced_accuracy(probes["b"].predicted, rows), abs=0.02)
    assert selection("SAEs", {"a": probes["a"], "c": "not trained"}, rows) == []


def test_an_embedding_that_the_pool_keeps_is_probed() -> None:
    rows = design()
    embedded = np.random.default_rng(0).normal(size=(N, 3)) + 3 * np.outer(rows.positive, np.eye(3)[0])
    first = baselines(rows, None, embedded)[0]
    assert first.representation == "embedding layer"
    assert first.values[0].value > 0.9
    assert first.values[1].n_pairs is not None


def test_texts_are_those_of_the_rows_in_their_order(tmp_path: Path) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    manifest: Any = SimpleNamespace(rows=[SimpleNamespace(completion_id=one) for one in ("b", "a")])
    pool = tmp_path / "activations"
    assert pool_texts(pool, manifest) is None
    table = pa.table({"completion_id": ["a", "b", "c"], "text": ["A", "B", "C"], "more": [1, 2, 3]})
    parquet.write_table(table, tmp_path / "completions.parquet")
    assert pool_texts(pool, manifest) == ["B", "A"]
    manifest.rows.append(SimpleNamespace(completion_id="d"))
    assert pool_texts(pool, manifest) is None, "rows that came without their text"
    (tmp_path / "completions.parquet").write_bytes(b"PAR1")
    with pytest.raises(IncompleteError, match="not readable"):
        pool_texts(pool, manifest)
