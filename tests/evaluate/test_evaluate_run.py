"""The whole stage on a pool of noise labels: the leak of SAEs that saw their rows, and the cross-fitting that removes it."""

from __future__ import annotations

import dataclasses
import importlib
import json
import math
import shutil
import warnings
from typing import TYPE_CHECKING

import numpy as np
import pytest
from safetensors.numpy import save_file

from hubkit.errors import HubkitError, IncompleteError, NothingFound, UsageError
from hubkit.evaluate.run import evaluate
from hubkit.evaluate.unit import SPLITS
from hubkit.evaluate.values import computed_versions
from hubkit.measures.catalogue import CATALOGUE, get
from hubkit.release.digests import sha256_of_file
from hubkit.release.metrics import Evaluation, SaeMetrics
from hubkit.release.pool import PoolManifest
from hubkit.train.plan import CrossFit
from hubkit.train.run import Options, train
from hubkit.train.spec import SaeSpec

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.train

N, D_IN = 181, 128


@pytest.fixture(scope="module", autouse=True)
def _sae_lens_imported() -> None:
    """Its dependencies' deprecation warnings are theirs; hubkit's own stay errors."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        importlib.import_module("sae_lens")


def noise_pool(folder: Path) -> PoolManifest:
    """Rows of rank 40 and labels that have nothing to do with them."""
    rng = np.random.default_rng(0)
    folder.mkdir(parents=True)
    x = rng.normal(size=(N, 40)) @ rng.normal(size=(40, D_IN)) / 40**0.5 + 0.3 * rng.normal(size=(N, D_IN))
    save_file({"activations": x.astype(np.float32)}, folder / "layer_4.safetensors")
    label = np.where(rng.random(N) < 0.47, "honest", "deceptive").tolist()
    fold = [f"fold{i % 5}" for i in rng.permutation(N)]
    rows = [
        {"completion_id": f"c{i}", "scenario_id": f"s{i % 4}", "label": label[i], "split": fold[i]}
        for i in range(N)
    ]
    layer = {
        "layer": 4,
        "hook_name": "blocks.4.hook_resid_post",
        "hf_hook_name": "model.layers.4",
        "file": "layer_4.safetensors",
        "sha256": sha256_of_file(folder / "layer_4.safetensors"),
    }
    manifest = {
        "model_name": "noise",
        "model_revision": None,
        "model_class_name": "AutoModelForCausalLM",
        "d_in": D_IN,
        "n_layers": 6,
        "precision": "float32",
        "pooling": "last",
        "token_span": "response",
        "labels": ("honest", "deceptive"),
        "judge": "coin",
        "layers": [layer],
        "rows": rows,
        "inputs_sha256": "cd" * 32,
    }
    pool = PoolManifest.model_validate_json(json.dumps(manifest))
    pool.save(folder / "manifest.json")
    return pool


SPECS = [
    SaeSpec(sae_id="topk", architecture="topk", layer=4, condition="honest_only", d_sae=512, k=32, steps=200),
    SaeSpec(
        sae_id="broken",
        architecture="jumprelu",
        layer=4,
        condition="mixed",
        d_sae=64,
        k=8,
        steps=20,
        recipe="naive",
    ),
]


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pool, its trained SAEs with those of the folds, and their evaluation."""
    home = tmp_path_factory.mktemp("study")
    noise_pool(home / "pool")
    train(SPECS, home / "pool", home / "release", home / "work")
    evaluate(home / "pool", home / "release", home / "work", SPECS)
    return home


def test_latents_stand_beside_those_of_other_seeds(tmp_path: Path) -> None:
    from safetensors.numpy import load_file

    noise_pool(tmp_path / "pool")
    folders = [tmp_path / name for name in ("pool", "release", "work")]
    spec = SaeSpec(sae_id="topk", architecture="topk", layer=4, condition="mixed", d_sae=64, k=8, steps=150)
    options = Options(crossfit=CrossFit(folds=0, seeds=3))
    assert train([spec], *folders, options=options).trained == 3
    value = evaluate(*folders, [spec]).sae("topk").get("seed_agreement", "train")
    assert value.n == 3
    decoders = []
    for place in ("release", "work/seeds/seed1", "work/seeds/seed2"):
        weights = load_file(tmp_path / place / "topk" / "sae_weights.safetensors")["W_dec"]
        decoders.append(weights / np.linalg.norm(weights, axis=1, keepdims=True))
    cosines = []
    for one, other in ((0, 1), (0, 2), (1, 2)):
        from scipy.optimize import linear_sum_assignment

        table = decoders[one] @ decoders[other].T
        assert table.max() < 1, "other weights"
        cosines.append(table[linear_sum_assignment(table, maximize=True)].mean())
    assert value.value == pytest.approx(np.mean(cosines), abs=0.02), "latents that never fire are few here"
    assert value.null_level < value.value
    assert value.interval[0] <= value.value <= value.interval[1]
    assert train([spec], *folders, options=options).trained == 0
    shutil.rmtree(tmp_path / "work" / "seeds" / "seed2")
    assert evaluate(*folders, [spec]).sae("topk").get("seed_agreement", "train").n == 2, "what is there"
    shutil.copytree(tmp_path / "release" / "topk", tmp_path / "work" / "seeds" / "seed2" / "topk")
    with pytest.raises(HubkitError, match="expected `seed2`"):
        evaluate(*folders, [spec])


def test_activations_are_held_against_other_seeds_on_rows_that_none_of_them_saw(tmp_path: Path) -> None:
    """By hand, from the files of the SAEs without the first fold; on the training rows where one of these is not there."""
    from safetensors.numpy import load_file
    from scipy.optimize import linear_sum_assignment

    pool = noise_pool(tmp_path / "pool")
    folders = [tmp_path / name for name in ("pool", "release", "work")]
    spec = SaeSpec(
        sae_id="topk", architecture="topk", layer=4, condition="honest_only", d_sae=64, k=8, steps=150
    )
    options = Options(crossfit=CrossFit(scenarios=False, control=False, seeds=3))
    assert train([spec], *folders, options=options).trained == 1 + 5 + 2 + 2
    found = evaluate(*folders, [spec]).sae("topk")
    value = found.get("seed_activation_agreement", "crossfit")
    assert found.get("seed_activation_agreement", "train") is None
    assert (value.n, value.version, value.null.n) == (3, 2, 3)
    assert value.interval[0] <= value.value <= value.interval[1]

    x = load_file(tmp_path / "pool" / "layer_4.safetensors")["activations"].astype(np.float64)
    own = np.array([row.label == "honest" for row in pool.rows])
    held_out = own & np.array([row.split == "fold0" for row in pool.rows])
    saes = []
    for place in ("folds/fold0", "seeds/seed1-without-fold0", "seeds/seed2-without-fold0"):
        tensors = load_file(tmp_path / "work" / place / "topk" / "sae_weights.safetensors")
        pre = (x - tensors["b_dec"]) @ tensors["W_enc"] + tensors["b_enc"]
        acts = np.where(pre >= np.sort(pre, axis=1)[:, -8, None], np.maximum(pre, 0), 0)
        there = (acts[own & ~held_out] != 0).any(axis=0)
        decoder = tensors["W_dec"][there]
        saes.append((decoder / np.linalg.norm(decoder, axis=1, keepdims=True), acts[held_out][:, there]))
    each = []
    for one, other in ((0, 1), (0, 2), (1, 2)):
        rows, columns = linear_sum_assignment(saes[one][0] @ saes[other][0].T, maximize=True)
        pairs = [(saes[one][1][:, a], saes[other][1][:, b]) for a, b in zip(rows, columns, strict=True)]
        firing = [(a, b) for a, b in pairs if a.any() or b.any()]
        each.append(
            np.mean([np.corrcoef(a, b)[0, 1] if a.std() and b.std() else 0.0 for a, b in firing]),
        )
    assert value.value == pytest.approx(np.mean(each), abs=1e-4)

    shutil.rmtree(tmp_path / "work" / "seeds" / "seed2-without-fold0")
    two = evaluate(*folders, [spec]).sae("topk").get("seed_activation_agreement", "crossfit")
    assert (two.n, two.interval) == (2, None), "what is there"
    shutil.rmtree(tmp_path / "work" / "folds" / "fold0")
    seen = evaluate(*folders, [spec]).sae("topk")
    assert seen.get("seed_activation_agreement", "crossfit") is None
    assert seen.get("seed_activation_agreement", "train").n == 3
    shutil.copytree(
        tmp_path / "work" / "seeds" / "seed1" / "topk", tmp_path / "work" / "folds" / "fold0" / "topk"
    )
    with pytest.raises(HubkitError, match="expected `fold0`"):
        evaluate(*folders, [spec])


def again(study: Path) -> Evaluation:
    return evaluate(study / "pool", study / "release", study / "work", SPECS)


def test_a_second_site_of_a_layer_has_its_own_profile_and_saes_stand_beside_the_first(study: Path) -> None:
    """Noise at the second site: what is planted at the first must not be read there."""
    from hubkit.engine.events import silent
    from hubkit.evaluate.layer_unit import evaluate_layer, layer_units

    pool = study / "pool"
    manifest = PoolManifest.load(pool / "manifest.json")
    labels = np.array([row.label == "honest" for row in manifest.rows])
    planted = np.random.default_rng(1).normal(size=(N, D_IN)) + 3.0 * labels[:, None]
    with_sites = pool.with_name("sites")
    shutil.copytree(pool, with_sites)
    noise = manifest.layers[0].model_copy(
        update={"hook_name": "blocks.4.hook_mlp_out", "file": "mlp.safetensors"}
    )
    shutil.copy(pool / "layer_4.safetensors", with_sites / "mlp.safetensors")
    save_file({"activations": planted.astype(np.float32)}, with_sites / "layer_4.safetensors")
    first = manifest.layers[0].model_copy(
        update={"sha256": sha256_of_file(with_sites / "layer_4.safetensors")}
    )
    both = manifest.model_copy(update={"layers": [first, noise]})
    both.save(with_sites / "manifest.json")
    assert [one.compared for one in layer_units(with_sites, both, {4})] == [True, False]
    found = {
        one.hook_name: one.get("probe_balanced_accuracy").value
        for unit in layer_units(with_sites, both, {4})
        for one in [evaluate_layer(unit, silent).profile]
    }
    assert found["blocks.4.hook_resid_post"] > 0.95
    assert found["blocks.4.hook_mlp_out"] < 0.65


@pytest.fixture
def copy(study: Path, tmp_path: Path) -> Path:
    return shutil.copytree(study, tmp_path / "study")


def test_an_sae_that_saw_its_rows_leaks_membership_and_cross_fitting_does_not(study: Path) -> None:
    from hubkit.evaluate.encoded import encode
    from hubkit.evaluate.probe import probe
    from hubkit.evaluate.rows import design_of
    from hubkit.measures.probed import balanced_accuracy
    from hubkit.release.activations import read_layer

    manifest = PoolManifest.load(study / "pool" / "manifest.json")
    design = design_of(manifest)
    x = read_layer(study / "pool", manifest, manifest.layer(4))
    seen = encode(study / "release" / "topk", x).acts
    leaked = balanced_accuracy(probe(design, dict.fromkeys(design.folds, seen)).predicted, design)
    assert leaked > 0.6, "labels are coin throws: this is the leak, in an ordinary cross-validation"

    evaluation = Evaluation.load(study / "release" / "evaluation.json")
    standard_error = math.sqrt(0.25 / N)
    for value in (
        evaluation.sae("topk").get("probe_balanced_accuracy", "crossfit"),
        evaluation.layers[0].get("probe_balanced_accuracy"),
    ):
        assert abs(value.value - 0.5) < 2 * standard_error
        assert value.interval[0] < 0.5 < value.interval[1]


def test_what_is_written(study: Path) -> None:
    evaluation = Evaluation.load(study / "release" / "evaluation.json")
    assert [metrics.sae_id for metrics in evaluation.saes] == ["broken", "topk"]
    for metrics in evaluation.saes:
        assert SaeMetrics.load(study / "release" / metrics.sae_id / "metrics.json") == metrics
        assert {(value.measure, value.split) for value in metrics.values} == {
            (name, split)
            for name in computed_versions()
            for split in get(name).splits
            if split in SPLITS
            and get(name).compute is not None
            and not name.startswith(("sparse_components", "seed_"))
            and get(name).of_beside is None
            and (split != "control" or metrics.sae_id == "topk")
            and (not name.startswith(("d_", "auroc_max")) or metrics.sae_id == "broken")
        }
        for name in ("membership_auroc", "membership_balanced_accuracy"):
            assert (metrics.get(name, "control") is None) == (metrics.sae_id == "broken"), "`mixed` saw all"
        assert all(value.interval is not None for value in metrics.values if value.value is not None)
    honest = sum(row.label == "honest" for row in PoolManifest.load(study / "pool" / "manifest.json").rows)
    topk = evaluation.sae("topk")
    assert topk.get("l0", "train").n == topk.get("l0", "crossfit").n == honest
    assert topk.get("probe_balanced_accuracy", "crossfit").n == N
    assert (
        topk.get("explained_variance", "train").value > topk.get("explained_variance", "crossfit").value + 0.2
    )
    assert topk.get("l0", "train").value <= 32
    assert any("never moved" in warning for warning in evaluation.sae("broken").warnings)
    assert topk.get("probe_balanced_accuracy", "train") is None
    profile = evaluation.layers[0]
    assert (profile.layer, profile.hook_name) == (4, "blocks.4.hook_resid_post")
    of_both, of_one = evaluation.comparisons
    assert {one.reference for one in evaluation.comparisons} == {"raw activations at layer 4"}
    expected = (
        evaluation.sae("broken").get("probe_balanced_accuracy", "crossfit").value
        - profile.get("probe_balanced_accuracy").value
    )
    assert of_both.difference.value == pytest.approx(expected)
    assert of_one.difference.value is None
    assert of_one.difference.reason.startswith("honest_only: the rows that train its probe were seen")
    assert of_both.over_folds.value == pytest.approx(of_both.difference.value)
    assert of_both.over_folds.detectable > of_both.difference.detectable, "five folds see less"
    assert of_one.over_folds.reason == of_one.difference.reason
    assert [one.representation.split()[0] for one in evaluation.representations] == [
        "embedding",
        "all",
        "length",
        "the",
    ]
    assert evaluation.representations[1].values[0].reason == "the pool keeps no texts"
    assert evaluation.selections == [], "one SAE whose probe stands beside others, one layer"
    assert {one.split for one in topk.densities} == {"train", "crossfit"}
    assert all(sum(one.counts) + one.dead == one.latents for one in topk.densities)
    for label in ("honest", "deceptive"):
        assert topk.of_label("explained_variance", "crossfit", label).value is not None
    assert topk.of_label("l0", "crossfit", "honest") == topk.get("l0", "crossfit").model_copy(
        update={"label": "honest"}
    )


def test_what_a_value_would_be_without_an_effect(study: Path) -> None:
    evaluation = Evaluation.load(study / "release" / "evaluation.json")
    raw = evaluation.layers[0].get("probe_balanced_accuracy")
    assert (raw.null.n, raw.null.kind) == (199, "labels permuted within scenarios, folds dealt again")
    assert 0.005 <= raw.p_value <= 1
    assert raw.n_effective == pytest.approx(4 * sum(n1 * n0 / (n1 + n0) for n1, n0 in counts(study)), abs=1)
    both = evaluation.sae("broken").get("probe_balanced_accuracy", "crossfit")
    assert both.null.kind == "labels permuted within scenarios, folds held"
    elsewhere = evaluation.sae("broken").get("probe_new_scenarios_balanced_accuracy", "crossfit")
    assert elsewhere.null.kind == "labels permuted within scenarios, scenarios held"
    one = evaluation.sae("topk").get("probe_balanced_accuracy", "crossfit")
    assert (one.null.kind, one.null.mean, one.p_value) == ("chance", 0.5, None), "the label chose its rows"
    assert evaluation.sae("topk").get("membership_auroc", "control").value > 0.95


def counts(study: Path) -> list[tuple[int, int]]:
    found: dict[str, list[int]] = {}
    for row in PoolManifest.load(study / "pool" / "manifest.json").rows:
        found.setdefault(row.scenario_id, [0, 0])[row.label == "honest"] += 1
    return [(n1, n0) for n0, n1 in found.values()]


def test_the_same_inputs_are_not_measured_again_and_others_are(copy: Path) -> None:
    path = copy / "release" / "evaluation.json"
    before = (path.read_bytes(), path.stat().st_mtime_ns)
    again(copy)
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before

    (copy / "release" / "topk" / "metrics.json").unlink()
    again(copy)
    assert path.read_bytes() == before[0], "measured again: the same bytes"
    assert path.stat().st_mtime_ns != before[1]
    assert (copy / "release" / "topk" / "metrics.json").is_file()


def test_a_measure_that_is_not_computed_makes_no_evaluation_old_and_a_computed_one_does(
    copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = copy / "release" / "evaluation.json"
    before = (path.read_bytes(), path.stat().st_mtime_ns)
    monkeypatch.setitem(CATALOGUE, "another", dataclasses.replace(get("d"), name="another"))
    again(copy)
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before
    monkeypatch.setitem(CATALOGUE, "l0", dataclasses.replace(get("l0"), version=2))
    topk = again(copy).sae("topk")
    assert topk is not None
    assert topk.get("l0", "train").version == 2


def test_without_fold_saes_cross_fitted_values_are_missing_with_a_reason(copy: Path) -> None:
    shutil.rmtree(copy / "work" / "folds" / "fold3" / "topk")
    topk = again(copy).sae("topk")
    for name in ("explained_variance", "l0", "alive_share", "probe_balanced_accuracy"):
        assert topk.get(name, "crossfit").value is None
        assert "1 of 5 SAEs of the folds" in topk.get(name, "crossfit").reason
    assert topk.get("probe_new_scenarios_balanced_accuracy", "crossfit").value is not None
    shutil.rmtree(copy / "work" / "control")
    control = again(copy).sae("topk").get("membership_balanced_accuracy", "control")
    assert (control.value, control.reason) == (None, "not measured: the control was not trained")
    assert topk.get("l0", "train").value is not None


def test_an_sae_that_did_see_the_fold_is_refused(copy: Path) -> None:
    folds = copy / "work" / "folds"
    shutil.rmtree(folds / "fold1" / "topk")
    shutil.copytree(folds / "fold0" / "topk", folds / "fold1" / "topk")
    with pytest.raises(HubkitError, match=r"trained on the rows `fold0` \(\w+\), expected `fold1`"):
        again(copy)


def test_an_sae_whose_cfg_lies_about_its_rows_is_refused(copy: Path) -> None:
    folder = copy / "work" / "folds" / "fold1" / "topk"
    cfg = (copy / "work" / "folds" / "fold0" / "topk" / "cfg.json").read_text(encoding="utf-8")
    (folder / "cfg.json").write_text(cfg.replace('"rows": "fold0"', '"rows": "fold1"'), encoding="utf-8")
    with pytest.raises(HubkitError, match=r"trained on the rows `fold1` \(\w+\), expected `fold1`"):
        again(copy)


def test_an_l0_that_misses_on_unseen_rows_is_said(study: Path) -> None:
    evaluation = Evaluation.load(study / "release" / "evaluation.json")
    warnings = evaluation.sae("broken").warnings
    assert any("on rows it has not seen, 8 was asked for" in warning for warning in warnings)
    assert not any("not seen" in warning for warning in evaluation.sae("topk").warnings)


def test_a_pool_that_it_was_not_trained_on_is_refused(copy: Path) -> None:
    path = copy / "pool" / "manifest.json"
    path.write_text(path.read_text(encoding="utf-8").replace("cd" * 32, "ee" * 32), encoding="utf-8")
    with pytest.raises(HubkitError, match="trained on pool cdcd"):
        again(copy)


def test_nothing_to_evaluate(copy: Path) -> None:
    with pytest.raises(NothingFound):
        evaluate(copy / "pool", copy / "release", copy / "work", [])
    shutil.rmtree(copy / "release" / "topk")
    with pytest.raises(IncompleteError, match="no SAE there"):
        again(copy)


def test_what_was_computed_is_on_record_and_an_edit_is_neither_taken_for_it_nor_lost(copy: Path) -> None:
    path = copy / "release" / "evaluation.json"
    assert Evaluation.load(path).is_computed
    text = path.read_text(encoding="utf-8")
    metrics = copy / "release" / "topk" / "metrics.json"
    value = Evaluation.load(path).sae("topk").get("l0", "train").value
    for file in (path, metrics):
        file.write_text(file.read_text(encoding="utf-8").replace(repr(value), "12.5"), encoding="utf-8")
    assert path.read_text(encoding="utf-8") != text
    with pytest.raises(UsageError, match="was changed since it was computed") as error:
        again(copy)
    assert "evidence.yaml" in str(error.value.hint)
    assert "12.5" in path.read_text(encoding="utf-8")
    path.unlink()
    again(copy)
    assert path.read_text(encoding="utf-8") == text


def test_an_evaluation_without_a_record_is_measured_again_and_a_copy_of_it_stays(copy: Path) -> None:
    path = copy / "release" / "evaluation.json"
    text = path.read_bytes()
    Evaluation.load(path).model_copy(update={"computed": None}).save(path)
    typed = path.read_bytes()
    again(copy)
    assert path.read_bytes() == text
    assert (copy / "work" / "evaluation.unrecorded.json").read_bytes() == typed
