"""`hubkit reproduce`: a release's numbers computed again from its own files; one that was changed by hand is found, and a release that is as it was comes back whole."""

from __future__ import annotations

import importlib
import json
import shutil
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from train.conftest import write_pool
from typer.testing import CliRunner

from hubkit.cli.main import app
from hubkit.engine.events import silent
from hubkit.errors import IncompleteError, NothingFound, UsageError
from hubkit.evaluate.numbers import FOLDS, entries
from hubkit.evaluate.reproduce import reproduce
from hubkit.evaluate.run import evaluate
from hubkit.release.metrics import Evaluation
from hubkit.study.retrain import PublishedSpecs, retrain
from hubkit.train.plan import CrossFit
from hubkit.train.run import Options, train
from hubkit.train.spec import SaeSpec

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.train

SPECS = [
    SaeSpec(sae_id=f"topk_{condition}", architecture="topk", layer=2, condition=condition, d_sae=32, k=4, steps=20)
    for condition in ("mixed", "honest_only")
]  # fmt: skip


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A release that carries its pool and nothing of its work folder."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        importlib.import_module("sae_lens")
    home = tmp_path_factory.mktemp("reproduce")
    pool, release, work = home / "work" / "activations", home / "release", home / "work"
    manifest = write_pool(pool, 60, 16)
    train(SPECS, pool, release, work, options=Options(crossfit=CrossFit(seeds=2)))
    evaluate(pool, release, work, SPECS)
    shutil.copytree(pool, release / "pool" / "activations")
    lines = [{"completion_id": row.completion_id, "text": f"one {row.label} word"} for row in manifest.rows]
    (release / "pool" / "completions.jsonl").write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    PublishedSpecs(specs=SPECS).save(release / "pool" / "specs.json")
    return release


@pytest.fixture
def release(released: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(released, tmp_path / "release"))


def change(release: Path, edit: Callable[[dict[str, Any]], None]) -> None:
    """Change evaluation.json and write the record of its computation anew, as who forges a number would."""
    path = release / "evaluation.json"
    said = json.loads(path.read_text(encoding="utf-8"))
    edit(said)
    said.pop("computed")
    changed = Evaluation.model_validate_json(json.dumps(said))
    changed.recorded(Evaluation.load(path).computed.hubkit_version).save(path)  # type: ignore[union-attr]
    assert Evaluation.load(path).is_computed


def test_a_release_as_it_was_comes_back_to_the_last_digit(release: Path) -> None:
    (release / "pool" / "completions.jsonl").unlink()  # it was evaluated without texts
    found = reproduce(release)
    assert (found.ok, found.of("differs"), found.of("close")) == (True, [], [])
    back = {one.place for one in found.of("exact")}
    assert "layer 2 (blocks.2.hook_resid_post): probe_balanced_accuracy, crossfit" in back
    assert "SAE topk_mixed: explained_variance, train" in back
    assert "SAE topk_mixed: densities, train" in back
    held = {one.place: one.why for one in found.of("cannot")}
    assert held["SAE topk_mixed: explained_variance, crossfit"] == FOLDS
    assert held["SAE topk_mixed: seed_agreement, train"] == FOLDS
    assert held["SAE topk_mixed: seed_activation_agreement, crossfit"] == FOLDS
    assert set(held.values()) == {FOLDS}
    numbers = [one for one in entries(Evaluation.load(release / "evaluation.json")) if "value" in one.numbers]
    assert {one.place for one in numbers} <= back | held.keys(), "no number is passed over"


def _of(values: list[dict[str, Any]], measure: str) -> dict[str, Any]:
    return next(one for one in values if one["measure"] == measure)


FORGED: dict[str, tuple[str, Callable[[dict[str, Any]], None]]] = {
    "a value": (
        "SAE topk_mixed: explained_variance, train",
        lambda said: _of(said["saes"][1]["values"], "explained_variance").update(value=0.995),
    ),
    "an interval": (
        "layer 2 (blocks.2.hook_resid_post): probe_auroc, crossfit",
        lambda said: _of(said["layers"][0]["values"], "probe_auroc").update(interval=[0.9, 0.95]),
    ),
    "an n": (
        "SAE topk_honest_only: l0, train",
        lambda said: _of(said["saes"][0]["values"], "l0").update(n=1327),
    ),
    "a number left out": (
        "SAE topk_mixed: l0, train",
        lambda said: said["saes"][1]["values"].remove(_of(said["saes"][1]["values"], "l0")),
    ),
    "a number where there is none": (
        "layer 2 (blocks.2.hook_resid_post): d_max, crossfit",
        lambda said: said["layers"][0]["values"].append(
            _of(said["saes"][1]["values"], "d_max") | {"split": "crossfit", "value": 1.7}
        ),
    ),
}


@pytest.mark.parametrize("what", FORGED)
def test_what_was_changed_by_hand_is_found_under_a_record_that_was_written_anew(
    release: Path, what: str
) -> None:
    place, edit = FORGED[what]
    (release / "pool" / "completions.jsonl").unlink()
    change(release, edit)
    found = reproduce(release)
    assert [one.place for one in found.of("differs")] == [place]


def test_what_is_stated_cannot_come_back_and_says_from_where(release: Path) -> None:
    (release / "evidence.yaml").write_text(
        "$schema: urn:hubkit:evidence:1\nsource: the paper\nvalues:\n- {name: CE loss recovered, value: 0.9, n: 5}\n",
        encoding="utf-8",
    )
    stated = reproduce(release).of("cannot")[-1]
    assert (stated.place, stated.why) == (
        "evidence.yaml: values.0",
        "stated in evidence.yaml, source: the paper",
    )


def test_texts_that_the_release_carries_are_read(release: Path) -> None:
    """The lab pool was evaluated without texts: with them words are a representation, which the file does not have."""
    places = [one.place for one in reproduce(release).of("differs")]
    assert places[:1] == [
        "all words of the completion, those that decide its label too (TF-IDF): probe_balanced_accuracy, crossfit"
    ]


def test_exit_codes_and_answer_are_those_of_the_contract(release: Path) -> None:
    (release / "pool" / "completions.jsonl").unlink()
    good = CliRunner().invoke(
        app, ["reproduce", str(release), "--format", "json", "--quiet", "--workers", "1"]
    )
    said = json.loads(good.stdout)
    assert (good.exit_code, said["ok"], said["counts"]["differs"]) == (0, True, 0)
    assert said["cannot"][0]["why"] == FOLDS
    change(release, FORGED["a value"][1])
    bad = CliRunner().invoke(app, ["reproduce", str(release), "--workers", "1"])
    assert bad.exit_code == 1
    assert "explained_variance, train: value is 0.995 in the file, computed as" in bad.stdout


def test_every_number_comes_back_once_the_saes_are_trained_again(release: Path, tmp_path: Path) -> None:
    (release / "pool" / "completions.jsonl").unlink()
    before = {path: path.read_bytes() for path in release.rglob("*") if path.is_file()}
    found = retrain(release, tmp_path / "kept", workers=1, report=silent)
    assert (found.saes, found.identical, found.furthest) == (2, 2, 0.0)
    assert found.beside == 2 * 2 + 2 * 2 + 1 + 2 + 2, (
        "folds, whole-scenario folds, one control, another seed, and it without a fold"
    )
    again = reproduce(release, beside=tmp_path / "kept" / "work")
    assert (again.of("differs"), again.of("close"), again.of("cannot")) == ([], [], [])
    assert len(again.of("exact")) > 40
    assert {path: path.read_bytes() for path in release.rglob("*") if path.is_file()} == before
    change(release, lambda said: _of(said["saes"][1]["values"], "l0").update(value=3.0))
    crossfit = _forged_in(release, "l0", "crossfit")
    assert [
        one.place for one in reproduce(release, beside=tmp_path / "kept" / "work").of("differs")
    ] == crossfit


def _forged_in(release: Path, measure: str, split: str) -> list[str]:
    """Change the value of one cross-fitted measure, too; what both changes are called."""

    def edit(said: dict[str, Any]) -> None:
        values = said["saes"][1]["values"]
        next(one for one in values if (one["measure"], one["split"]) == (measure, split)).update(value=2.5)

    change(release, edit)
    first = next(
        one for one in Evaluation.load(release / "evaluation.json").saes[1].values if one.measure == measure
    )
    return [f"SAE topk_mixed: {measure}, {one}" for one in dict.fromkeys([first.split, split])]


def test_another_weight_and_another_spec_are_found(release: Path, tmp_path: Path) -> None:
    weights = release / "topk_mixed" / "sae_weights.safetensors"
    tensors = load_file(weights)
    tensors["b_dec"] = tensors["b_dec"] + np.float32(0.5)
    save_file(tensors, weights)
    found = retrain(release, tmp_path / "kept", workers=1, report=silent)
    assert (found.saes, found.identical) == (2, 1)
    assert 0.01 < found.furthest < 100
    specs = [SPECS[0].model_copy(update={"k": 5}), SPECS[1]]
    PublishedSpecs(specs=specs).save(release / "pool" / "specs.json")
    with pytest.raises(
        IncompleteError, match=r"topk_mixed has the digest [0-9a-f]{64}, expected that of its cfg"
    ):
        retrain(release, tmp_path / "kept", workers=1, report=silent)
    PublishedSpecs(specs=SPECS[:1]).save(release / "pool" / "specs.json")
    with pytest.raises(
        IncompleteError, match="topk_honest_only is not there, expected the same SAEs in both"
    ):
        retrain(release, tmp_path / "kept", workers=1, report=silent)
    (release / "pool" / "specs.json").unlink()
    with pytest.raises(NothingFound, match=r"no pool/specs\.json"):
        retrain(release, tmp_path / "kept", workers=1, report=silent)


def test_a_spec_of_another_width_is_told_before_anything_is_trained(release: Path, tmp_path: Path) -> None:
    wide = SPECS[0].model_copy(update={"d_sae": 10**9})
    PublishedSpecs(specs=[wide, SPECS[1]]).save(release / "pool" / "specs.json")
    cfg = release / "topk_mixed" / "cfg.json"
    told = json.loads(cfg.read_text(encoding="utf-8"))
    told["d_sae"], told["metadata"]["hubkit"]["spec_sha256"] = 10**9, wide.digest()
    cfg.write_text(json.dumps(told), encoding="utf-8")
    with pytest.raises(
        IncompleteError,
        match="topk_mixed has d_sae 1000000000, expected 32, as many latents as its sae_weights",
    ):
        retrain(release, tmp_path / "kept", workers=1, report=silent)


def test_the_verb_trains_again_where_it_is_asked_to(release: Path, tmp_path: Path) -> None:
    (release / "pool" / "completions.jsonl").unlink()
    words = ["reproduce", str(release), "--retrain", "--folder", str(tmp_path / "kept"), "--workers", "1"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.stdout
    assert (
        "trained again: 2 SAEs of the release, 2 of them the same in every bit; 13 of folds, controls and other seeds"
        in (" ".join(done.stdout.split()))
    )
    said = json.loads(CliRunner().invoke(app, [*words, "--format", "json", "--quiet"]).stdout)
    assert said["retrained"] == {"saes": 2, "identical": 2, "furthest": 0.0, "beside": 13}
    refused = CliRunner().invoke(app, ["reproduce", str(release), "--folder", str(tmp_path)])
    assert isinstance(refused.exception, UsageError)
    assert "--folder without --retrain" in refused.exception.message


def test_without_a_pool_or_with_another_there_is_nothing_to_compute(release: Path) -> None:
    layer = release / "pool" / "activations" / "layer_2.safetensors"
    layer.write_bytes(layer.read_bytes()[:-1] + b"\1")
    with pytest.raises(
        IncompleteError, match=r"layer_2\.safetensors: not the file that the manifest describes"
    ):
        reproduce(release)
    shutil.rmtree(release / "pool")
    with pytest.raises(NothingFound, match="published without its pool"):
        reproduce(release)


def test_a_name_that_leads_out_of_the_release_is_not_followed(release: Path) -> None:
    shutil.copytree(release / "topk_mixed", release.parent / "topk_mixed")
    change(release, lambda said: said["saes"][1].update(sae_id="../topk_mixed"))
    with pytest.raises(IncompleteError, match=r"no \.\./topk_mixed/cfg\.json"):
        reproduce(release)
