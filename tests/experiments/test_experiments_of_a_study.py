"""`experiments:` of a study, from its file to the card: done once, kept, taken into evaluation.json, and said of by `hubkit reproduce`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from ledger.places import values
from ledger.table import rules
from pydantic import ValidationError
from whole_values import lacking

from hubkit.experiments.plan import SteeringPlan
from hubkit.experiments.run import Places, called, run_experiments
from hubkit.inference.precision import Precision
from hubkit.release.metrics import Evaluation, SaeMetrics
from hubkit.study.experiments import Experiments

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.train, pytest.mark.filterwarnings("ignore::DeprecationWarning")]
LAYER = 3


def study_of(lab: Any) -> Any:
    from hubkit.collect.judges import KeywordJudge
    from hubkit.lab import text
    from hubkit.study.demo import demo_study
    from hubkit.train.grid import GridPlan, Settings

    study = demo_study(lab, null=False, seed=0)
    collect = study.collect.model_copy(update={"samples": 64, "layers": (LAYER,)})
    grid = GridPlan(
        prefix="lab", architectures={"topk": Settings(d_sae=32, k=4, steps=200)}, conditions=("mixed",)
    )
    closing = KeywordJudge(keywords={name: (word,) for name, word in text.CLOSING.items()}, within=20)
    steering = SteeringPlan(
        saes=("lab_topk_L3_mixed",), alphas=(-1, 1), completions=16, controls=1, latents=1, judge=closing, max_new_tokens=text.RESPONSE,
    )  # fmt: skip
    asked = Experiments.model_validate({"steering": steering, "precisions": ["bfloat16"], "spliced": 200})
    return study.model_copy(update={"collect": collect, "grid": grid, "experiments": asked})


def test_from_the_study_file_to_the_card(lab: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from hubkit.evaluate.numbers import MODEL, compare
    from hubkit.study.pipeline import run_evaluate, run_study
    from hubkit.study.study import load_study, save_study

    save_study(study_of(lab), tmp_path / "study.yaml")
    study = load_study(tmp_path / "study.yaml")
    assert study.experiments == study_of(lab).experiments
    outcome = run_study(study, tmp_path / "out")
    found, (spec,) = outcome.evaluation, study.specs(64)
    assert found.is_computed
    assert lacking(found.model_dump(mode="json")) == []
    assert [one.direction for one in found.steering][:2] == [
        "decoded difference of means",
        "raw difference of means",
    ]
    assert found.steering[2].direction.startswith("latent ")
    (transfer,) = found.transfers
    assert (transfer.to, transfer.sae_id, bool(transfer.ceiling)) == ("bfloat16", spec.sae_id, True)
    metrics = SaeMetrics.load(outcome.folders.release / spec.sae_id / "metrics.json")
    assert metrics.get("ce_loss_increase", "train") is not None
    assert metrics.texts is not None
    assert metrics.texts.trained_on is not None
    assert metrics.texts.after_prompt
    computed = {
        rule.where
        for rule in rules()
        if rule.where.startswith(("evaluation.json /steering", "evaluation.json /transfers"))
    }
    assert len(computed) >= 5
    assert [where for where in sorted(computed) if not values(outcome.folders.release, where)] == []
    for words in (
        "<b>Steering</b>",
        "**raw difference of means**",
        "| its own, run again |",
        "single tokens are out of what they were trained on",
    ):
        assert words in outcome.card.text, words

    # nothing is run again: neither where all is there, nor where one result is lost but not its parts
    opened: list[str] = []
    monkeypatch.setattr("hubkit.inference.load.load_model", lambda *_, **__: opened.append("model"))
    before = (outcome.folders.release / "evaluation.json").read_bytes()
    run_evaluate(study, tmp_path / "out")
    assert (opened, (outcome.folders.release / "evaluation.json").read_bytes()) == ([], before)

    there = Evaluation.load(outcome.folders.release / "evaluation.json")
    without = there.model_copy(
        update={"steering": [], "transfers": [], "saes": [one.model_copy(update={"values": [value for value in one.values if not value.measure.startswith(("ce_", "kl_"))]}) for one in there.saes]}
    )  # fmt: skip
    cannot = [one for one in compare(there, without, tolerance=0, same_hubkit=True) if one.status != "exact"]
    assert {one.why for one in cannot} == {MODEL}
    assert len(cannot) == 3 + 1 + 10

    run_evaluate(study.model_copy(update={"experiments": Experiments()}), tmp_path / "out")
    left = Evaluation.load(outcome.folders.release / "evaluation.json")
    assert (left.steering, left.transfers, left.saes[0].texts) == ([], [], None)


@pytest.mark.full
def test_the_same_study_twice_gives_the_same_last_digit(lab: Any, tmp_path: Path) -> None:
    """Everything that a study may ask: measures, other seeds, draws, top latents, steering, the loss, a precision."""
    from hubkit.study.pipeline import run_study
    from hubkit.train.plan import CrossFit
    from hubkit.train.run import Options

    study = study_of(lab)
    asked = study.experiments.model_copy(update={"top_latents": 3, "resampled": (1, 2)})
    study = study.model_copy(update={"experiments": asked})
    options = Options(crossfit=CrossFit(seeds=3))
    one, other = (run_study(study, tmp_path / name, options=options).evaluation for name in ("one", "other"))
    assert one.steering
    assert one.transfers
    assert one.top_features
    assert one.stability
    measured = {value.measure for value in one.saes[0].values}
    assert {"seed_agreement", "ce_loss_score", "probe_balanced_accuracy"} <= measured
    assert one.saes[0].get("seed_activation_agreement", "crossfit").n == 3
    assert lacking(one.model_dump(mode="json")) == []
    assert one.computed.values_sha256 == other.computed.values_sha256


def test_what_cannot_be_done_is_said_when_the_file_is_read() -> None:
    for raw, words in (
        ({"steering": {"saes": []}}, "at least 1 item"),
        ({"steering": {"saes": ["a"], "alphas": [0]}}, "no alpha but 0"),
        ({"steering": {"saes": ["a"], "judge": {"kind": "human", "label_names": ["a", "b"]}}}, "does not look at a text by itself"),
        ({"precisions": ["fp8"]}, "Input should be"),
        ({"steeering": {}}, "Extra inputs"),
    ):  # fmt: skip
        with pytest.raises(ValidationError, match=words):
            Experiments.model_validate_json(json.dumps(raw))
    assert Experiments.model_validate({"spliced": True}).tokens == 20_480
    double = {"weights": "nf4", "double_quant": True, "compute": "bfloat16"}
    assert [called(Precision.model_validate(one)) for one in ("nf4", double)] == [
        "nf4",
        "nf4 (double quantization, compute bfloat16)",
    ]
    assert (Experiments().tokens, Experiments.model_validate({"spliced": 500}).tokens) == (0, 500)


def test_an_sae_that_is_not_there_and_a_precision_that_cannot_be_had(
    pool: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import shutil

    from hubkit.errors import HubkitError, UsageError
    from hubkit.inference import load
    from hubkit.release.layout import ACTIVATIONS, EXPERIMENTS
    from hubkit.release.ran import Ran
    from hubkit.train.grid import GridPlan
    from hubkit.train.plan import CrossFit
    from hubkit.train.run import Options, train
    from hubkit.train.spec import Settings

    plan, folder = pool
    work = tmp_path / "work"
    shutil.copytree(folder, work)
    places = Places(work / ACTIVATIONS, tmp_path / "release", work)
    specs = (
        GridPlan(prefix="a", architectures={"topk": Settings(d_sae=32, k=4, steps=5)}, conditions=("mixed",))
        .on([LAYER])
        .expand()
    )
    train(
        specs,
        places.pool,
        places.release,
        work,
        options=Options(CrossFit(folds=0), workers=1),
    )
    ids = [one.sae_id for one in specs]
    with pytest.raises(UsageError, match="b is no SAE of this study"):
        run_experiments(Experiments(steering=SteeringPlan(saes=("b",))), plan, places, ids)
    own = load.load_model

    def loads(*arguments: Any, **named: Any) -> Any:
        if str(named["precision"]) == "bfloat16":
            raise HubkitError("no bfloat16 here")
        return own(*arguments, **named)

    monkeypatch.setattr(load, "load_model", loads)
    asked = Experiments.model_validate({"precisions": ["float32", "bfloat16"]})
    found = run_experiments(asked, plan, places, ids)
    first, second = found.transfers
    assert (first.to, first.verdict is None, first.reason) == ("float32", False, None)
    assert (second.to, second.verdict, second.reason) == ("bfloat16", None, "no bfloat16 here")
    assert Ran.load(work / EXPERIMENTS) == found
    monkeypatch.setattr(load, "load_model", own)
    again = run_experiments(asked, plan, places, ids)
    assert again.inputs_sha256 != found.inputs_sha256
    assert again.transfers[1].verdict is not None
