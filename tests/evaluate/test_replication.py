"""Forms of SAEs beside one another: which pairs there are, and a JumpReLU that learned its threshold beside one that could not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from hubkit.evaluate.replication import Alike, replication
from hubkit.measures.design import Design, numbered
from hubkit.measures.probed import Columns, Probed, balanced_accuracy

pytestmark = pytest.mark.train  # scipy comes with the train extra

N = 240
LAYERS, CONDITIONS = (1, 2), ("mixed", "yes_only")
STE, NAIVE = "jumprelu (gaussian)", "naive jumprelu"


def design() -> Design:
    rng = np.random.default_rng(0)
    fold, scenario = np.array([f"fold{i % 5}" for i in range(N)]), np.array([f"s{i % 4}" for i in range(N)])
    return Design(rng.random(N) < 0.5, scenario, fold)


ROWS = design()


def probe(share: float, seed: int) -> Probed:
    """Right on so many of the rows."""
    hit = np.random.default_rng(seed).random(N) < share
    scores = np.where(hit == ROWS.positive, 1.0, -1.0)[:, None]
    return Probed(Columns(ROWS.positive[:, None], numbered(ROWS.fold)[:, None], scores))


def sae(form: str, share: float, number: int, cell: tuple[object, ...], **changes: Any) -> Alike:
    naive = form.startswith("naive")
    said: dict[str, Any] = {"k": None if naive else 8, "seed": 0, "collapsed": False}
    said["probe"] = probe(share, number)
    return Alike(form, form.split()[naive], naive, cell, **said | changes)


def form_of(form: str, share: float, first: int, **changes: Any) -> list[Alike]:
    cells = [(layer, condition) for layer in LAYERS for condition in CONDITIONS]
    return [sae(form, share, first + number, cell, **changes) for number, cell in enumerate(cells)]


def test_a_learned_threshold_stands_beside_one_that_could_not_be_learned() -> None:
    """By hand: the same definitions as beside TopK."""
    good, bad = form_of(STE, 0.95, 10), form_of(NAIVE, 0.55, 20, collapsed=True)
    good[3] = sae(STE, 0.0, 0, good[3].cell, probe=bad[3].probe, collapsed=True)
    tallies, tests = replication([*form_of("topk", 0.9, 30), *bad, *good], ROWS)
    found = {(one.subject, one.reference): one for one in tallies}
    assert list(found) == [
        (f"{STE} SAE probes", "topk at the same layer and condition"),
        (f"{NAIVE} SAE probes", "topk at the same layer and condition"),
        (f"{STE} SAE probes", f"{NAIVE} at the same layer and condition"),
    ]
    direct = found[f"{STE} SAE probes", f"{NAIVE} at the same layer and condition"]
    assert (direct.above, direct.inconclusive, direct.total, direct.collapsed) == (3, 1, 4, 1)
    assert found[f"{NAIVE} SAE probes", "topk at the same layer and condition"].collapsed == 4
    for mean, saes in ((direct.subject_mean, good), (direct.reference_mean, bad)):
        each = [balanced_accuracy(one.probe.predicted, ROWS) for one in saes]  # type: ignore[union-attr]
        assert mean == pytest.approx(np.mean(each))
    whole = [one for one in tests if one.reference == direct.reference]
    points = 100 * (direct.subject_mean - direct.reference_mean)  # type: ignore[operator]
    assert [one.subject for one in whole] == [
        f"3 of 4 {STE} SAE probes above",
        f"{STE} as a whole, 4 SAEs: {points:+.1f} points",
    ]
    assert max(one.p_value for one in whole) < 0.01


def test_without_topk_the_two_are_compared_once() -> None:
    tallies, _ = replication([*form_of(NAIVE, 0.6, 0), *form_of(STE, 0.9, 10)], ROWS)
    assert [(one.subject, one.reference) for one in tallies] == [
        (f"{STE} SAE probes", f"{NAIVE} at the same layer and condition")
    ]
    others = [*form_of(NAIVE, 0.6, 0), *form_of("standard", 0.9, 10)]
    assert [(one.subject, one.reference) for one in replication(others, ROWS)[0]] == [
        (f"{NAIVE} SAE probes", "standard at the same layer and condition")
    ], "another architecture has no threshold to learn"
    assert replication(form_of(STE, 0.9, 0), ROWS) == ([], [])


def test_each_estimate_of_the_threshold_has_its_own_comparison() -> None:
    other = "jumprelu (rectangle + input)"
    tallies, _ = replication(
        [*form_of(STE, 0.9, 0), *form_of(other, 0.9, 10), *form_of(NAIVE, 0.6, 20)], ROWS
    )
    assert [(one.subject.removesuffix(" SAE probes"), one.reference.split(" at ")[0]) for one in tallies] == [
        (other, STE),
        (STE, NAIVE),
        (other, NAIVE),
    ]


def test_a_pair_has_the_same_l0_asked_for_but_beside_a_naive_one_which_is_asked_for_none() -> None:
    wide = form_of(STE, 0.9, 0, k=16)
    tallies, _ = replication([*form_of("topk", 0.9, 10), *wide, *form_of(NAIVE, 0.6, 20)], ROWS)
    assert [(one.subject.removesuffix(" SAE probes"), one.reference.split(" at ")[0]) for one in tallies] == [
        (NAIVE, "topk"),
        (STE, NAIVE),
    ]


def test_of_several_saes_of_a_cell_those_of_one_seed_are_a_pair() -> None:
    topk = [one for seed in (0, 1, 2) for one in form_of("topk", 0.6, 10 * seed, seed=seed)]
    ste = [one for seed in (1, 2) for one in form_of(STE, 0.9, 100 + 10 * seed, seed=seed)]
    (tally,), _ = replication([*topk, *ste], ROWS)
    assert tally.total == 2 * 4
    of_seeds = [balanced_accuracy(one.probe.predicted, ROWS) for one in topk if one.seed]  # type: ignore[union-attr]
    assert tally.reference_mean == pytest.approx(np.mean(of_seeds))
    assert replication([*topk, *topk, *ste], ROWS) == ([], []), "two of a seed: nobody knows which"
    (alone,), _ = replication([*form_of("topk", 0.6, 0, seed=3), *form_of(STE, 0.9, 50)], ROWS)
    assert alone.total == 4, "one of each needs no seed to be told"


def test_an_sae_without_a_probe_is_in_no_pair() -> None:
    topk, ste = form_of("topk", 0.6, 0), form_of(STE, 0.9, 10)
    ste[0] = sae(STE, 0.0, 0, ste[0].cell, probe="not measured")
    (tally,), _ = replication([*topk, *ste], ROWS)
    assert tally.total == 3
