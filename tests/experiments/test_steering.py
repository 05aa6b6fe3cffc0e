"""Steering on a model whose behaviour was planted: along the planted direction the closing word moves, along random ones it does not."""

from __future__ import annotations

from math import comb
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from hubkit.errors import UsageError
from hubkit.experiments.directions import (
    CONTROLS,
    DECODED,
    RAW,
    difference,
    directions,
    dose_of,
    random_directions,
)
from hubkit.experiments.steering import (
    Steered,
    asked_of,
    check_judge,
    effect,
    holm,
    mcnemar,
    steer,
    trend,
)

if TYPE_CHECKING:
    from pathlib import Path

    from hubkit.collect.plan import CollectPlan

pytestmark = pytest.mark.train
LAYER = 3


def rows_of(folder: Path) -> tuple[Any, Any]:
    """The pool's rows, and what each of them truly is: the study's judge errs on purpose."""
    from hubkit.collect.completions import read_completions
    from hubkit.release.activations import read_layer
    from hubkit.release.layout import ACTIVATIONS, COMPLETIONS, MANIFEST
    from hubkit.release.pool import PoolManifest

    manifest = PoolManifest.load(folder / ACTIVATIONS / MANIFEST)
    x = read_layer(folder / ACTIVATIONS, manifest, manifest.layer(LAYER))
    truth = {one.completion_id: one.label_unflipped for one in read_completions(folder / COMPLETIONS)}
    return x, np.array([truth[row.completion_id] == "honest" for row in manifest.rows])


def closing_judge() -> Any:
    """The study's judge reads the first word, which nothing steers: this one reads the last."""
    from hubkit.collect.judges import KeywordJudge
    from hubkit.lab import text

    return KeywordJudge(keywords={name: (word,) for name, word in text.CLOSING.items()}, within=20)


def test_the_planted_direction_moves_the_closing_word_and_random_ones_do_not(
    base: Any, pool: tuple[CollectPlan, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    from hubkit.experiments import steering
    from hubkit.lab import text

    plan, folder = pool
    x, positive = rows_of(folder)
    rng = np.random.default_rng(0)
    # half of the space: it decodes a part of the difference
    decoder = np.linalg.qr(rng.normal(size=(64, 64)))[0][:32]
    acts = np.maximum(x @ decoder.T, 0)
    monkeypatch.setattr(steering, "batch_size_for", lambda *_: 17)
    asked = asked_of(plan, base, 40, max_new_tokens=text.RESPONSE)
    told: list[str] = []
    steered = Steered(
        base.place(LAYER), directions(x, positive, acts, decoder, latents=[0]), dose_of(x, positive), x, text.HONEST, "sae", (-1, 1), 3,
    )  # fmt: skip
    found = {
        one.direction: one
        for one in steer(base, asked, closing_judge(), steered, report=lambda event: told.append(f"{event.done}/{event.total}"))
    }  # fmt: skip
    raw = found[RAW]
    rates = {dose.alpha: dose.rate for dose in raw.doses}
    assert rates[-1] < 0.15, rates
    assert 0.3 < rates[0] < 0.65, rates
    assert rates[1] > 0.75, rates
    assert raw.p_value is not None
    assert raw.p_value < 0.01
    assert raw.effect is not None
    assert raw.effect > 0.5
    assert {one.kind for one in raw.controls} == set(CONTROLS)
    for control in raw.controls:
        assert max(map(abs, control.effects)) < raw.effect
        assert abs(float(np.mean(control.effects))) < 0.25
        assert control.p_value == 1 / (1 + len(control.effects))
    for dose in raw.doses:
        assert dose.n is not None
        assert dose.undecided == pytest.approx(1 - dose.n / 40)
        assert dose.bounds is not None
        assert dose.bounds[0] <= dose.rate <= dose.bounds[1]
        assert (dose.p_value is None) == (dose.alpha == 0)
    assert raw.doses[0].corrected is not None
    assert raw.doses[0].corrected < 0.05
    decoded = found[DECODED]
    assert (decoded.sae_id, raw.sae_id, raw.cosine) == ("sae", None, None)
    assert decoded.cosine is not None
    assert 0.2 < decoded.cosine < 0.99
    assert told[-1] == f"{told[-1].split('/')[1]}/{told[-1].split('/')[1]}"


def test_nothing_is_added_to_a_prompt(base: Any, pool: tuple[CollectPlan, Path]) -> None:
    """The first token of each completion is that of alpha 0, whatever is added; with nothing added, everything is."""
    import torch

    from hubkit.inference.generate import sample
    from hubkit.inference.hooks import adding
    from hubkit.inference.prompts import Prompts

    asked = asked_of(pool[0], base, 16)
    path = base.place(LAYER).hf_hook_name

    def drawn(vector: Any, prompts: Any) -> list[tuple[int, ...]]:
        changes = {path: adding(vector)}
        return [one.token_ids for one in sample(base, [one.draw for one in asked], prompts, changes=changes)]

    plain = [one.token_ids for one in sample(base, [one.draw for one in asked])]
    assert drawn(torch.zeros(64), Prompts(base)) == plain
    strong = drawn(100 * torch.ones(64), None)
    assert [one[0] for one in strong] == [one[0] for one in plain]
    assert strong != plain


def test_what_is_remembered_is_not_drawn_again(base: Any, pool: tuple[CollectPlan, Path]) -> None:
    x, positive = rows_of(pool[1])
    asked = asked_of(pool[0], base, 16)
    steered = Steered(base.place(LAYER), directions(x, positive, x, np.eye(64)), dose_of(x, positive), x, "honest", "sae", (1,), 0)  # fmt: skip
    kept: dict[str, Any] = {}

    def remember(name: str, compute: Any) -> Any:
        kept[name] = compute()
        return kept[name]

    first = steer(base, asked, closing_judge(), steered, remember=remember)

    def only(name: str, _: Any) -> Any:
        return kept[name]

    assert steer(base, asked, closing_judge(), steered, remember=only) == first
    assert {"alpha 0", f"{RAW}, alpha 1"} <= kept.keys()
    decoded = first[0]
    assert decoded.cosine == pytest.approx(1.0)  # the SAE that says everything back has the raw difference


def test_directions_are_what_they_are_called() -> None:
    rng = np.random.default_rng(0)
    x, positive = rng.normal(size=(40, 6)) * [5, 1, 1, 1, 1, 1], np.arange(40) < 15
    acts, decoder = np.maximum(rng.normal(size=(40, 8)), 0), rng.normal(size=(8, 6))
    found = {one.name: one for one in directions(x, positive, acts, decoder, [2])}
    bias = rng.normal(size=6)
    naive = (acts[:15] @ decoder + bias).mean(0) - (acts[15:] @ decoder + bias).mean(0)
    assert found[DECODED].unit == pytest.approx(naive / np.linalg.norm(naive))
    raw = x[:15].mean(0) - x[15:].mean(0)
    assert found[RAW].unit == pytest.approx(raw / np.linalg.norm(raw))
    sign = np.sign(acts[:15, 2].mean() - acts[15:, 2].mean())
    assert found["latent 2"].unit == pytest.approx(sign * decoder[2] / np.linalg.norm(decoder[2]))
    dose = dose_of(x, positive)
    assert dose.length == pytest.approx(np.linalg.norm(raw))
    assert dose.share(-2) == pytest.approx(2 * np.linalg.norm(raw) / np.median(np.linalg.norm(x, axis=1)))
    first = {
        kind: abs(np.array([one.unit[0] for one in random_directions(x, 200, kind)])).mean()
        for kind in CONTROLS
    }
    assert first[CONTROLS[1]] > 2 * first[CONTROLS[0]]  # the wide dimension is where the covariance points
    with pytest.raises(UsageError, match="latent 8 of an SAE of 8"):
        directions(x, positive, acts, decoder, [8])
    with pytest.raises(UsageError, match="all of one label"):
        difference(x, np.ones(40, dtype=bool))


def test_the_tests_by_hand() -> None:
    def naive_mcnemar(b: int, c: int) -> float:
        tail = sum(comb(b + c, k) for k in range(min(b, c) + 1)) / 2 ** (b + c)
        return min(1.0, 2 * tail)

    for both in ((0, 0), (5, 1), (1, 9), (4, 4)):
        assert mcnemar(*both) == pytest.approx(naive_mcnemar(*both))
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    rng = np.random.default_rng(1)
    alphas = np.array([-1.0, 0.0, 1.0])
    flat = (rng.random((3, 60)) < 0.5).astype(float)
    rising = (rng.random((3, 60)) < np.array([[0.2], [0.5], [0.8]])).astype(float)
    assert trend(rising, alphas) < 0.01
    assert trend(1 - rising, alphas) < 0.01
    noise = [trend((rng.random((3, 20)) < 0.5).astype(float), alphas) for _ in range(40)]
    assert sum(p < 0.05 for p in noise) <= 6
    assert trend(np.ones((3, 5)), alphas) == 1.0
    assert trend(flat, alphas) > 0.001
    assert effect({-1.0: ["a", None], 1.0: ["b", "b"]}, "b") == pytest.approx(1 - 0.25)


def test_a_judge_that_costs_money_is_refused() -> None:
    from hubkit.collect.judges import HumanJudge

    with pytest.raises(UsageError, match="the judge human does not look at a text by itself"):
        check_judge(HumanJudge(label_names=("a", "b")))
    check_judge(closing_judge())
