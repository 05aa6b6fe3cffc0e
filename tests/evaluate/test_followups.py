"""What stands beside the measures: top latents with their completions, other draws of the rows, and one form of SAE beside another; each against a reference of a few lines."""

from __future__ import annotations

import importlib
import json
import shutil
import warnings
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file
from train.conftest import write_pool

from hubkit.evaluate.followups import Followups, half_of
from hubkit.evaluate.reproduce import reproduce
from hubkit.evaluate.run import evaluate
from hubkit.measures.separation import Labelled, strongest
from hubkit.release.metrics import Evaluation
from hubkit.train.run import train
from hubkit.train.spec import SaeSpec

pytestmark = pytest.mark.train

CONDITIONS = ("mixed", "deceptive_only", "honest_only")
SPECS = [
    SaeSpec(sae_id=f"{form}_{condition}", architecture=form, layer=2, condition=condition, d_sae=32, k=4, steps=60)
    for form in ("topk", "jumprelu") for condition in CONDITIONS
]  # fmt: skip
ASKED = Followups(latents=3, seeds=(101, 107))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        importlib.import_module("sae_lens")
    home = tmp_path_factory.mktemp("followups")
    manifest = write_pool(home / "work" / "activations", 80, 16)
    lines = [
        {"completion_id": row.completion_id, "text": f"{row.completion_id}: " + "word " * 40}
        for row in manifest.rows
    ]
    (home / "work" / "completions.jsonl").write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    train(SPECS, home / "work" / "activations", home / "release", home / "work")
    evaluate(home / "work" / "activations", home / "release", home / "work", SPECS, followups=ASKED)
    return home


@pytest.fixture(scope="module")
def found(home: Path) -> Evaluation:
    return Evaluation.load(home / "release" / "evaluation.json")


@pytest.fixture(scope="module")
def acts(home: Path) -> np.ndarray:
    """Of the published TopK on all rows, from its file alone."""
    weights = load_file(home / "release" / "topk_mixed" / "sae_weights.safetensors")
    x = load_file(home / "work" / "activations" / "layer_2.safetensors")["activations"]
    hidden = (x - weights["b_dec"]) @ weights["W_enc"] + weights["b_enc"]
    kept = np.zeros_like(hidden)
    for row, values in enumerate(hidden):
        best = np.argsort(-values)[:4]
        kept[row, best] = np.maximum(values[best], 0)
    return kept


def naive_d(acts: np.ndarray, positive: np.ndarray) -> np.ndarray:
    one, other = acts[positive], acts[~positive]
    pooled = ((len(one) - 1) * one.var(0, ddof=1) + (len(other) - 1) * other.var(0, ddof=1)) / (len(acts) - 2)
    enough = (acts != 0).sum(0) >= 5
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(enough & (pooled > 0), (one.mean(0) - other.mean(0)) / np.sqrt(pooled), 0.0)


def positive_of(home: Path) -> np.ndarray:
    manifest = json.loads((home / "work" / "activations" / "manifest.json").read_text(encoding="utf-8"))
    return np.array([row["label"] == manifest["labels"][0] for row in manifest["rows"]])


def test_the_furthest_latents_with_the_completions_that_excite_them(
    home: Path, found: Evaluation, acts: np.ndarray
) -> None:
    assert [one.sae_id for one in found.top_features] == ["jumprelu_mixed", "topk_mixed"], (
        "the label chose the rows of the others"
    )
    shown, positive = found.top_features[1], positive_of(home)
    d = naive_d(acts, positive)
    furthest = np.argsort(-np.abs(d))[:3]
    assert [one.latent for one in shown.features] == furthest.tolist()
    assert [one.d for one in shown.features] == pytest.approx(d[furthest].tolist(), abs=1e-5)
    assert shown.seed is None
    assert sum(shown.rows.values()) == 80
    for one in shown.features:
        for label, text in one.examples.items():
            rows = np.flatnonzero(positive == (label == "deceptive"))
            best = rows[acts[rows, one.latent].argmax()]
            assert text == (f"c{best}: " + "word " * 40)[:80]


def test_other_draws_of_the_rows(home: Path, found: Evaluation, acts: np.ndarray) -> None:
    one = next(one for one in found.stability if one.sae_id == "topk_mixed")
    positive = positive_of(home)
    assert one.reference.value == pytest.approx(np.abs(naive_d(acts, positive)).max(), abs=1e-5)
    assert [(run.seed, run.of) for run in one.runs] == [(101, 5), (107, 5)]
    assert one.runs[0].value.value != one.runs[1].value.value
    for run in one.runs:
        assert run.value.n < 80
        assert run.value.null_point is not None, "of as few rows"
        assert 0 <= run.shared <= 5


def test_a_draw_is_half_of_each_cell_and_its_own_seed() -> None:
    rng = np.random.default_rng(11)
    acts = rng.normal(size=(101, 6))
    part = Labelled(acts, rng.random(101) < 0.4, rng.integers(0, 4, 101))
    drawn = half_of(part, 7)
    assert np.array_equal(drawn.acts, half_of(part, 7).acts)
    assert not np.array_equal(drawn.acts, half_of(part, 8).acts)
    for cell in range(4):
        for label in (True, False):
            whole = int(((part.strata == cell) & (part.positive == label)).sum())
            there = int(((drawn.strata == cell) & (drawn.positive == label)).sum())
            assert there in {whole // 2, (whole + 1) // 2}
    assert {tuple(row) for row in drawn.acts} <= {tuple(row) for row in acts}


def test_a_planted_latent_is_the_strongest_and_one_label_has_none() -> None:
    rng = np.random.default_rng(12)
    acts, positive = rng.normal(size=(60, 30)), np.arange(60) % 2 == 0
    acts[:, 17] -= 4.0 * positive
    latents, d = strongest(Labelled(acts, positive, np.zeros(60, dtype=np.int64)), 2)
    assert latents[0] == 17
    assert d[0] < -2
    assert len(strongest(Labelled(acts, np.ones(60, dtype=bool), np.zeros(60, dtype=np.int64)), 2)[0]) == 0


def test_one_form_beside_another(home: Path, found: Evaluation) -> None:
    (tally,) = found.tallies
    assert (tally.subject, tally.reference) == (
        "jumprelu (rectangle + input) SAE probes",
        "topk at the same layer and condition",
    )
    assert tally.total == 3
    assert tally.above + tally.inconclusive <= 3
    assert tally.collapsed == sum(
        one.get("l0", "crossfit").value < 1 or one.get("explained_variance", "crossfit").value <= 0
        for one in found.saes if one.sae_id.startswith("jumprelu")
    )  # fmt: skip
    for name, mean in (("jumprelu", tally.subject_mean), ("topk", tally.reference_mean)):
        each = [
            one.get("probe_balanced_accuracy", "crossfit").value
            for one in found.saes
            if one.sae_id.startswith(name)
        ]
        assert mean == pytest.approx(np.mean(each), abs=1e-9)
    whole = next(
        one for one in found.tests if one.subject.startswith("jumprelu (rectangle + input) as a whole")
    )
    points = 100 * (tally.subject_mean - tally.reference_mean)
    assert f"{points:+.1f} points" in whole.subject
    assert 0 < whole.p_value <= 1


def test_what_was_asked_comes_back_from_a_release_that_carries_its_pool(home: Path, tmp_path: Path) -> None:
    release = Path(shutil.copytree(home / "release", tmp_path / "release"))
    shutil.copytree(home / "work" / "activations", release / "pool" / "activations")
    shutil.copy(home / "work" / "completions.jsonl", release / "pool" / "completions.jsonl")
    beside = {one.place: one.status for one in reproduce(release, beside=home / "work").entries}
    assert set(beside.values()) <= {"exact", "close"}
    for place in (
        "SAE topk_mixed: top latents",
        "tally of jumprelu (rectangle + input) SAE probes against topk at the same layer and condition",
    ):
        assert beside[place] == "exact"
    alone = {one.place: one.status for one in reproduce(release).entries}
    assert alone["SAE topk_mixed: top latents"] == "exact", "it needs no SAE of a fold"
    assert (
        alone["tally of jumprelu (rectangle + input) SAE probes against topk at the same layer and condition"]
        == "cannot"
    )


def test_nothing_is_cited_unasked(home: Path, tmp_path: Path) -> None:
    release = Path(shutil.copytree(home / "release", tmp_path / "release"))
    again = evaluate(home / "work" / "activations", release, home / "work", SPECS)
    assert (again.top_features, again.stability) == ([], []), "another question, another evaluation"
    assert again.tallies


def test_saes_of_another_release_on_these_rows(home: Path, tmp_path: Path) -> None:
    """Against scikit-learn, fold by fold, on features that SAELens gives; a release without such SAEs is there with its reason, and what comes later is measured by the next run."""
    import torch
    from sae_lens import SAE
    from sklearn.linear_model import LogisticRegression

    release, other = tmp_path / "release", tmp_path / "input"
    shutil.copytree(home / "release", release)
    asked = Followups(beside={"input": other})
    pool, work = home / "work" / "activations", home / "work"
    (missing,) = (
        one
        for one in evaluate(pool, release, work, SPECS, followups=asked).representations
        if one.representation == "input"
    )
    assert missing.values[0].value is None

    shutil.copytree(home / "work" / "folds" / "fold0" / "topk_mixed", other / "topk_mixed")
    cfg = json.loads((other / "topk_mixed" / "cfg.json").read_text(encoding="utf-8"))
    cfg["metadata"]["hubkit"]["pool_sha256"] = "0f" * 32
    (other / "topk_mixed" / "cfg.json").write_text(json.dumps(cfg), encoding="utf-8")
    found = evaluate(pool, release, work, SPECS, followups=asked)
    (one,) = (one for one in found.representations if one.representation == "SAE topk_mixed of input")
    manifest = json.loads((pool / "manifest.json").read_text(encoding="utf-8"))
    x = load_file(pool / "layer_2.safetensors")["activations"]
    with torch.no_grad():
        acts = SAE.load_from_disk(other / "topk_mixed").encode(torch.from_numpy(x)).numpy().astype(np.float64)
    positive, fold = positive_of(home), np.array([row["split"] for row in manifest["rows"]])
    scenario = np.array([row["scenario_id"] for row in manifest["rows"]])
    varied = acts[:, acts.std(0) > 1e-12]
    scaled = (varied - varied.mean(0)) / varied.std(0)
    said = np.zeros(len(acts), dtype=bool)
    for held in np.unique(fold):
        probe = LogisticRegression(C=1.0, class_weight="balanced", solver="newton-cholesky", tol=1e-12).fit(
            scaled[fold != held], positive[fold != held]
        )
        said[fold == held] = probe.predict(scaled[fold == held])
    weights, right = [], []
    for name in np.unique(scenario):
        here = scenario == name
        n1, n0 = (here & positive).sum(), (here & ~positive).sum()
        if n1 and n0:
            weights.append(n1 * n0 / (n1 + n0))
            right.append((said[here & positive].mean() + (~said[here & ~positive]).mean()) / 2)
    assert one.values[0].value == pytest.approx(np.average(right, weights=weights), abs=1e-9)
    shutil.copytree(home / "work" / "activations", release / "pool" / "activations")
    shutil.copy(home / "work" / "completions.jsonl", release / "pool" / "completions.jsonl")
    status = {entry.place: entry.status for entry in reproduce(release).entries if "of input" in entry.place}
    assert set(status.values()) == {"cannot"}
