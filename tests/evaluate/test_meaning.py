"""What a label means, from rows beside the pool: activations that know the word, the facts or nothing, and what the measures say of each."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from hubkit.evaluate.beside import AT_THE_WORD, OTHERS, POOLED, TURNED, LayerBeside, at_token
from hubkit.evaluate.pool_sae import PoolSae
from hubkit.evaluate.rows import wordings_of
from hubkit.evaluate.values import values_beside
from hubkit.measures.catalogue import get
from hubkit.measures.estimate import Estimate
from hubkit.measures.reconstructed import Encoded
from hubkit.release.pool import PoolManifest
from hubkit.release.pool_extras import PoolExtras

if TYPE_CHECKING:
    from hubkit.release.metrics import MetricValue
    from hubkit.release.pool_extras import ExtraSet

N, SCENARIOS, WIDTH, FOLDS = 120, 6, 10, 5
WORD, FACT, OTHER_WORD = 0, 1, 2
"""Dimensions: what was said (in the second family another one), and what is so."""


def rows_of(kind: str, n: int = N) -> list[dict[str, Any]]:
    """Rows as the pool and its extras name them; labels go round within scenarios, folds too."""
    return [
        {
            "completion_id": f"{kind}{at}",
            "scenario_id": f"s{at % SCENARIOS}",
            "label": ("lie", "truth")[(at // SCENARIOS) % 2],
            "split": f"fold{(at // (2 * SCENARIOS)) % FOLDS}",
        }
        for at in range(n)
    ]


def activations(rows: list[dict[str, Any]], seed: int, *, word: float = 0.0, fact: float = 0.0) -> np.ndarray:
    """Noise, with so much of the word that was said, and of what is so."""
    x = np.random.default_rng(seed).normal(size=(len(rows), WIDTH))
    said = np.array([1.0 if one["label"] == "lie" else -1.0 for one in rows])
    second = np.array([int(one["scenario_id"][1:]) >= SCENARIOS // 2 for one in rows])
    x[:, WORD] += word * said * ~second
    x[:, OTHER_WORD] += word * said * second
    x[:, FACT] += fact * said
    return x.astype(np.float32)


def beside(*, word: float, fact: float, neutral: bool = True) -> LayerBeside:
    """The pool of a model whose activations know the word, three deviations at it and nothing of it ten tokens on, and the facts, everywhere alike."""
    own, controls = rows_of("c"), rows_of("n")
    turned = [one | {"control": "turned", "variant": "turned"} for one in rows_of("t")]
    near = [one | {"distance": 0, "token": 1} for one in own]
    far = [one | {"distance": 10, "token": 11} for one in own]
    near_neutral = [one | {"distance": 0, "token": 1, "control": "neutral"} for one in controls]
    kept = [one | {"control": "neutral"} for one in controls]
    of_words = 3.0 if neutral else 0.0
    tensors = {
        "controls": np.concatenate([activations(turned, 1, word=word, fact=-fact), activations(kept, 2, word=of_words)]),
        "distances": np.concatenate([activations(own, 3, word=word, fact=fact), activations(own, 4, fact=fact), activations(controls, 5, word=of_words)]),
        "swapped": activations(own, 6, word=-word, fact=fact),
        "deleted": activations(own, 7, fact=fact),
    }  # fmt: skip
    sets = {"controls": turned + kept, "distances": near + far + near_neutral, "swapped": own, "deleted": own}
    layer = {
        "layer": 1,
        "hook_name": "blocks.1.hook_resid_post",
        "hf_hook_name": "h.1",
        "file": "x",
        "sha256": "0",
    }
    families = [
        {"scenario_id": f"s{at}", "sampled": 30, "decisive": 20, "family": ("first", "second")[at >= SCENARIOS // 2], "words": [f"w{at >= 3}"]}
        for at in range(SCENARIOS)
    ]  # fmt: skip
    manifest = {
        "model_name": "m", "model_revision": None, "model_class_name": "M", "d_in": WIDTH, "n_layers": 2, "precision": "float32", "pooling": "last",
        "token_span": "response", "labels": ["lie", "truth"], "judge": "keyword", "layers": [layer], "rows": own, "scenarios": families,
        "inputs_sha256": "1",
    }  # fmt: skip
    extras = {
        "pool_sha256": "1", "d_in": WIDTH, "distances": [0, 10], "activations": {"dtype": "float32", "device": "cpu", "batch_size": 1, "taken": "afterwards"},
        "sets": [{"name": name, "rows": rows, "layers": [layer]} for name, rows in sets.items()], "inputs_sha256": "2",
    }  # fmt: skip
    return LayerBeside(
        PoolManifest.model_validate_json(json.dumps(manifest)),
        activations(own, 8, word=word, fact=fact),
        PoolExtras.model_validate_json(json.dumps(extras)),
        lambda kept: tensors[kept.name],
    )


@cache
def told(word: float, fact: float, *, neutral: bool = True) -> dict[tuple[str, str | None], MetricValue]:
    found = values_beside(beside(word=word, fact=fact, neutral=neutral))
    return {(one.measure, one.contrast): one for one in found}


def test_a_word_is_told_from_what_it_stands_for() -> None:
    found = told(3.0, 0.0)
    assert {key: round(one.value or 0, 1) for key, one in found.items() if one.measure != "over_neutral"} == {
        ("token_auroc", AT_THE_WORD): 1.0,
        ("token_auroc", at_token(10)): pytest.approx(0.5, abs=0.11),
        ("neutral_auroc", POOLED): 1.0,
        ("neutral_auroc", AT_THE_WORD): 1.0,
        ("word_changed_auroc", "word swapped"): 0.0,
        ("word_changed_auroc", "word deleted"): pytest.approx(0.5, abs=0.11),
        ("facts_turned_auroc", TURNED): 0.0,
        ("new_families_auroc", f"{OTHERS}, {POOLED}"): pytest.approx(0.5, abs=0.11),
        ("new_families_auroc", f"{OTHERS}, {AT_THE_WORD}"): pytest.approx(0.5, abs=0.11),
        ("new_families_auroc", f"{OTHERS}, {at_token(10)}"): pytest.approx(0.5, abs=0.11),
    }
    for measure, contrast, is_told in [("token_auroc", AT_THE_WORD, True), ("token_auroc", at_token(10), False), ("word_changed_auroc", "word swapped", True), ("word_changed_auroc", "word deleted", False)]:  # fmt: skip
        assert (found[measure, contrast].p_value <= 0.05) is is_told, contrast
    over = found["over_neutral", AT_THE_WORD]
    assert over.interval[0] < 0 < over.interval[1]


def test_facts_are_told_from_the_word_that_says_them() -> None:
    found = told(0.0, 3.0, neutral=False)
    for measure, contrast in [("token_auroc", AT_THE_WORD), ("token_auroc", at_token(10)), ("word_changed_auroc", "word swapped"), ("word_changed_auroc", "word deleted"), ("facts_turned_auroc", TURNED), ("new_families_auroc", f"{OTHERS}, {POOLED}")]:  # fmt: skip
        assert found[measure, contrast].value > 0.9, contrast
        assert found[measure, contrast].p_value <= 0.05
    assert found["neutral_auroc", POOLED].p_value > 0.01
    assert found["over_neutral", POOLED].interval[0] > 0.2


def test_noise_is_nothing_of_all_this() -> None:
    found = told(0.0, 0.0, neutral=False)
    several = [one for one in found.values() if one.measure != "over_neutral"]
    assert sum(one.p_value <= 0.05 for one in several) <= 2
    assert all(abs(one.value - one.null_mean) < 0.2 for one in several)


def test_what_was_not_kept_is_not_there() -> None:
    assert values_beside(replace(beside(word=1.0, fact=0.0), extras=None)) == []


def test_families_that_share_their_words_hold_each_other_out() -> None:
    own = beside(word=1.0, fact=0.0)
    shared = [one.model_copy(update={"words": ["ally", "enemy"]}) for one in own.manifest.scenarios]
    same = replace(own, manifest=own.manifest.model_copy(update={"scenarios": shared}))
    assert same.families_held_out == []
    unknown = [one.model_copy(update={"family": ""}) for one in own.manifest.scenarios]
    assert (
        replace(own, manifest=own.manifest.model_copy(update={"scenarios": unknown})).families_held_out == []
    )


def test_too_few_controls_are_a_reason_and_no_number() -> None:
    own = beside(word=1.0, fact=0.0)
    assert own.extras is not None

    def few(kept: ExtraSet) -> ExtraSet:
        return kept.model_copy(update={"rows": [row.model_copy(update={"split": None}) if row.control == "neutral" else row for row in kept.rows]})  # fmt: skip

    without = own.extras.model_copy(update={"sets": [few(one) for one in own.extras.sets]})
    found = values_beside(replace(own, extras=without))
    neutral = [one for one in found if one.measure in {"neutral_auroc", "over_neutral"}]
    assert neutral
    assert all(one.value is None and one.reason == f"{N} rows, too few for folds" for one in neutral)


def worded(*, apart: float) -> PoolSae:
    """An SAE of all rows on scenarios in two wordings, and one in the neutral wording alone; latent 0 knows the wording."""
    own = [one | {"variant": ("neutral", "instructed")[at >= N // 2]} for at, one in enumerate(rows_of("w"))]
    alone = [one | {"scenario_id": "only neutral", "variant": "neutral"} for one in rows_of("a", 12)]
    manifest = beside(word=0.0, fact=0.0).manifest
    manifest = PoolManifest.model_validate_json(
        json.dumps(manifest.model_dump(mode="json", by_alias=True) | {"rows": own + alone})
    )
    acts = np.abs(np.random.default_rng(0).normal(size=(len(manifest.rows), 20))).astype(np.float32)
    acts[:, 0] += apart * np.array([row.variant == "instructed" for row in manifest.rows])
    x = np.zeros((len(acts), WIDTH), dtype=np.float32)
    published: Any = SimpleNamespace(training=SimpleNamespace(condition="mixed"))
    found = PoolSae(manifest, x, Path(), {}, published, 1)
    encoded = Encoded(x, x, acts)
    found.__dict__.update(_published=encoded, _of_folds=dict.fromkeys(found.design.folds, encoded))
    return found


@pytest.mark.parametrize("split", ["train", "crossfit"])
def test_an_sae_that_knows_its_inputs_is_told_beside_one_that_does_not(split: Any) -> None:
    contrasts = get("d_max").contrasts
    assert contrasts is not None
    ((name, found),) = contrasts(worded(apart=4.0), split)
    assert name == "neutral wording against instructed"
    assert isinstance(found, Estimate)
    assert found.n == N, "a scenario in one wording tells nothing"
    assert found.value > 2
    assert found.null.p_value == 0.001
    ((_, blind),) = contrasts(worded(apart=0.0), split)
    assert blind.null.p_value > 0.05


def test_one_wording_has_no_contrast_and_each_is_a_scenario_of_its_own() -> None:
    own = worded(apart=1.0)
    assert len(set(own.design.scenario.tolist())) == 2 * SCENARIOS + 1
    plain = [row.model_copy(update={"variant": ""}) for row in own.manifest.rows]
    assert wordings_of(own.manifest.model_copy(update={"rows": plain})) == []
