"""Releases, each with something that a sentence of the card depends on: what is computed, stated, recorded, skipped, or of another kind."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
from builders import GONE, cfg, tensors, view
from cards.seeds import _provenance
from cards.shapes import Member, Release, grid, value, write

from hubkit.cards.build import build_card
from hubkit.cards.facts import read_facts
from hubkit.cards.in_study import InStudy
from hubkit.cards.index import build_index
from hubkit.cards.render import render_card
from hubkit.cards.settings import (
    CardSettings,
    ExpectedTransfer,
    IndexSettings,
    Link,
    Paper,
    save_settings,
)
from hubkit.release.evidence import Evidence, StatedValue
from hubkit.release.experiments import (
    RepresentationProbe,
    Stability,
    StabilityRun,
    Steering,
    SteeringControl,
    SteeringDose,
    Tally,
    TestResult,
    TopFeature,
    TopFeatures,
    Transfer,
)
from hubkit.release.loaded import LoadedModel, WeightStep
from hubkit.release.metrics import (
    Comparison,
    Density,
    Evaluation,
    LayerProfile,
    MetricValue,
    NullReference,
    Selection,
    TextsRun,
)
from hubkit.release.pool_report import PoolReport, ScenarioReport, Texts, TurnedMean, Words
from hubkit.release.provenance import (
    Agreement,
    BaseModelShape,
    Commit,
    Grid,
    Labelling,
    Provenance,
    PublishedPool,
    Sampling,
    ScenarioCount,
    TrainedSae,
)
from hubkit.validate.report import Crash, Skipped

GPT2 = CardSettings(repo_id="owner/release", base_model="openai-community/gpt2", license="mit")
LAB = GPT2.model_copy(update={"base_model": "lab/model"})
FOREIGN = Path(__file__).parents[1] / "formats" / "families" / "gemma_scope"
WIDE = 768


def put(folder: Path, files: dict[str, bytes], settings: CardSettings = GPT2) -> Path:
    for path, data in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    save_settings(settings, folder / "card.yaml")
    return folder


def sae(
    folder: str, architecture: str = "topk", width: int = WIDE, *, weights: Any = None, **metadata: Any
) -> dict[str, bytes]:
    """The files of one SAE of somebody else's."""
    configuration = cfg(architecture, d_in=width, metadata={"model_name": "gpt2", **metadata})
    found = tensors(architecture, d_in=width) if weights is None else weights
    if weights is None:  # each SAE has its own
        found["W_dec"] = found["W_dec"] * np.float32(1 + crc32(folder.encode()) / 2**32)
    place = view(configuration, found, folder=folder, readme=None).files
    return {path: data for path, data in place.items() if path != "evaluation.json"}


def plain(folder: Path) -> Path:
    """Two SAEs that say what model they are of, and nothing of their training."""
    return put(folder, sae("a") | sae("b", hook_name="blocks.3.hook_resid_post"))


def single(folder: Path) -> Path:
    """One SAE without a defect, trained on rows of both labels."""
    settings = GPT2.model_copy(update={"scenario_families": ["instructed"]})
    return put(folder, sae("a", training_condition="mixed"), settings)


def unregistered(folder: Path) -> Path:
    """One SAE of an architecture that no SAELens has."""
    return put(folder, sae("a", "ring", weights=tensors("standard", d_in=WIDE)))


def of_family(name: str) -> Callable[[Path], Path]:
    """One SAE whose labels come from scenarios of this family."""

    def build(folder: Path) -> Path:
        settings = GPT2.model_copy(update={"scenario_families": [name]})
        return put(folder, sae("a", training_condition="mixed"), settings)

    return build


def of_sparsify(folder: Path) -> Path:
    """Two SAEs that sparsify wrote."""
    shutil.copytree(FOREIGN.parent / "sparsify" / "sae_run", folder, dirs_exist_ok=True)
    return put(folder, {}, GPT2.model_copy(update={"base_model": "EleutherAI/pythia-70m"}))


def probe(
    number: float,
    half: float = 0.05,
    measure: str = "probe_balanced_accuracy",
    split: str = "crossfit",
    **more: Any,
) -> MetricValue:
    null = NullReference(kind="chance", mean=0.5)
    return value(measure, number, 100, split, interval=(number - half, number + half), null=null, **more)


def null(point: float) -> NullReference:
    return NullReference(
        kind="permutation of the labels", mean=point - 0.1, quantiles={"0.95": point}, n=1000
    )


def layer(number: int, accuracy: MetricValue, *more: MetricValue) -> LayerProfile:
    return LayerProfile(layer=number, hook_name=f"blocks.{number}.hook_resid_post", values=[accuracy, *more])


MEMBERS = grid("lab", [1, 2], ["topk", "jumprelu"], {"mixed": 100, "yes_only": 50}, k=4, learned=True)
BEST = "lab_topk_L2_yes_only"


def _measured(one: str, number: float) -> list[MetricValue]:
    return [
        value("explained_variance", 0.7, 100, "crossfit", interval=(0.6, 0.8)),
        value("l0", 4.0, 100, "crossfit", interval=(3.9, 4.1)),
        value("alive_share", 0.9, 100, "crossfit"),
        probe(number),
        probe(0.7, 0.1, "probe_new_scenarios_balanced_accuracy"),
        *([probe(0.6, 0.05, "membership_auroc", "control")] if one.endswith("yes_only") else []),
        value("d_max", number, 100, "crossfit", null=null(0.5)),
    ]


def _record(scenarios: int, **more: Any) -> Any:
    listed = [
        ScenarioCount(scenario_id=f"s{i}", counts={"yes": 4, "no": 4} if i else {}, sampled=10)
        for i in range(scenarios)
    ]
    common: dict[str, Any] = {
        "base_model_revision": "abc", "base_model_shape": BaseModelShape(n_layers=4, d_model=8), "scenarios": listed,
        "completions": {"sampled": 10 * scenarios, "decisive": 8 * scenarios, "labelled yes": 4 * scenarios, "labelled no": 4 * scenarios},
        "grid": Grid(layers=[1, 2], architectures=["topk", "jumprelu"], conditions=["mixed", "yes_only"]),
    }  # fmt: skip
    return _provenance("lab/model", [1, 2], ["topk", "jumprelu"], **common | more)


def computed_release(**changes: Any) -> Release:
    saes = {one.sae_id: _measured(one.sae_id, 0.8 if one.sae_id == BEST else 0.7) for one in MEMBERS}
    comparisons = tuple(
        Comparison(
            sae_id=one.sae_id, reference=f"raw activations at layer {one.layer}",
            difference=value("probe_balanced_accuracy_difference", 0.05, 100, "crossfit", interval=(0.01, 0.09)),
        )
        for one in MEMBERS
    )  # fmt: skip
    found = Release(
        LAB, _record(15), 8, 32, "model.layers", MEMBERS, saes=saes, comparisons=comparisons,
        layers=(layer(0, probe(0.6)), layer(1, probe(0.7)), layer(2, probe(0.75), value("probe_auroc", 0.8, 100, "crossfit"))),
    )  # fmt: skip
    return replace(found, **changes)


def computed(folder: Path) -> Path:
    """Everything that hubkit computes, of 8 SAEs."""
    return write(computed_release(), folder, small=True)


def tested(folder: Path) -> Path:
    """The same where values were tested against permuted labels, SAEs of one label stand beside nothing, and the layer with the best SAE beside chance."""
    permuted = NullReference(kind="labels permuted", mean=0.51, std=0.03, n=199, p_value=0.01)
    useless = permuted.model_copy(update={"p_value": 0.8})
    layers = (
        layer(1, probe(0.7).model_copy(update={"null": permuted})),
        layer(2, probe(0.505).model_copy(update={"null": useless})),
    )
    saes = {
        one.sae_id: [probe(0.8 if one.layer == 2 else 0.7).model_copy(update={"null": permuted})]
        for one in MEMBERS
        if one.condition == "mixed"
    } | {one.sae_id: [probe(0.9)] for one in MEMBERS if one.condition != "mixed"}
    name = "probe_balanced_accuracy_difference"
    comparisons = tuple(
        Comparison(
            sae_id=one.sae_id, reference=f"raw activations at layer {one.layer}",
            difference=value(name, 0.05, 100, "crossfit", interval=(0.01, 0.09), detectable=0.08 + one.layer / 100)
            if one.condition == "mixed"
            else MetricValue(measure=name, version=1, value=None, n=100, split="crossfit", reason="yes_only: seen"),
        )
        for one in MEMBERS
    )  # fmt: skip
    return write(computed_release(saes=saes, layers=layers, comparisons=comparisons), folder, small=True)


def reseeded(folder: Path, seeds: int = 3, first: int = 0, unseen: int = 8) -> Path:
    """SAEs that were trained from several seeds: of the first the latents come back, of the others they do not. Of so many the activations are of rows that no seed saw."""
    chance = NullReference(kind="random directions of the activations' covariance", mean=0.3)
    saes = {}
    for number, one in enumerate(MEMBERS[first:]):
        found, reach = (0.31, 0.05) if number else (0.8, 0.1)
        interval = (found - reach, found + reach) if seeds > 2 else None
        saes[one.sae_id] = [
            value("seed_agreement", found, seeds, "train", null=chance, interval=interval),
            value("seed_shared", found / 2, seeds, "train"),
            value(
                "seed_activation_agreement",
                found,
                seeds,
                "crossfit" if number < unseen else "train",
                null=chance.model_copy(update={"mean": 0.02 if number else 0.79}),
                interval=interval,
            ),
        ][: 1 if number == 1 else 3]
    return write(computed_release(saes=saes), folder, small=True)


def two_seeds(folder: Path) -> Path:
    """Two seeds, which give no interval, of all SAEs but one."""
    return reseeded(folder, 2, first=1, unseen=0)


def partly_unseen(folder: Path) -> Path:
    """Three seeds, of which some SAEs were trained without a fold as well."""
    return reseeded(folder, unseen=4)


def beside(folder: Path) -> Path:
    """All that stands beside a probe: few latents, random ones, a control label, probabilities, folds; the best corrected for the choice; rows of each label."""
    whole = computed_release(provenance=None)
    half = NullReference(kind="the label's share", mean=0.25)
    several = [
        probe(0.6, measure=f"{name}_{k}") for name in ("sparse_probe", "sparse_random") for k in (1, 5, 20)
    ]
    several += [
        probe(0.6, measure=name)
        for name in ("random_sae_balanced_accuracy", "control_task_balanced_accuracy", "selectivity")
    ]
    several += [probe(0.2, measure="probe_brier").model_copy(update={"null": half})]
    several += [probe(0.7, measure="probe_auroc").model_copy(update={"n_pairs": 843})]
    several += [
        value("l0", 4.0, 50, "crossfit").model_copy(update={"label": label}) for label in ("yes", "no")
    ]
    density = Density(
        split="train", n=100, latents=32, dead=4, dense=3, edges=(-2.0, -1.0, 0.0), counts=(25, 3)
    )
    write(whole, folder, small=True)
    there = Evaluation.load(folder / "evaluation.json")
    folds = value("probe_over_folds_difference", 0.05, 100, "crossfit", interval=(-0.1, 0.2), detectable=0.19)
    corrected = [("SAEs", BEST, 8, 0.71), ("layers", "2", 3, 0.74)]
    there = there.model_copy(
        update={
            "saes": [one.model_copy(update={"values": [*one.values, *several], "densities": [density]}) for one in there.saes],
            "layers": [one.model_copy(update={"values": [*one.values, probe(0.6, measure="sparse_components_1")]}) for one in there.layers],
            "comparisons": [one.model_copy(update={"over_folds": folds}) for one in there.comparisons],
            "selections": [
                Selection(among=among, chosen=chosen, of=of, value=value("selected_balanced_accuracy", number, 100, "crossfit", interval=(0.6, 0.8)))
                for among, chosen, of, number in corrected
            ],
        }
    ).recorded("0.1.0")  # fmt: skip
    there.save(folder / "evaluation.json")
    for one in there.saes:
        one.save(folder / one.sae_id / "metrics.json")
    return folder


def _told(measure: str, contrast: str, number: float, p_value: float | None = 0.01) -> MetricValue:
    """One answer of what the label means, tested; a difference without a p."""
    null = NullReference(kind="labels permuted", mean=0.5, n=199, p_value=p_value) if p_value else 0.0
    found = value(measure, number, 100, "crossfit", interval=(number - 0.05, number + 0.05), null=null)
    return found.model_copy(update={"contrast": contrast})


AT_THE_WORD, TEN = "the committing word", "10 tokens behind the committing word"


def word_only(folder: Path) -> Path:
    """Two layers that know the word that was just said: gone ten tokens on, swapped with it, read from neutral answers as well, and from turned facts the other way."""
    several = (
        _told("token_auroc", AT_THE_WORD, 0.95),
        _told("token_auroc", TEN, 0.52, 0.6),
        _told("neutral_auroc", AT_THE_WORD, 0.93),
        _told("over_neutral", AT_THE_WORD, 0.02, None),
        _told("word_changed_auroc", "word swapped", 0.08),
        _told("facts_turned_auroc", "facts turned around", 0.12),
    )
    less = (_told("token_auroc", AT_THE_WORD, 0.8), _told("token_auroc", TEN, 0.56, 0.3))
    return write(
        computed_release(
            layers=(
                layer(1, probe(0.7), value("probe_auroc", 0.7, 100, "crossfit"), *several),
                layer(2, probe(0.75), *less),
            )
        ),
        folder,
        small=True,
    )


def facts_known(folder: Path) -> Path:
    """One layer that knows what is so, everywhere."""
    several = (
        _told("token_auroc", AT_THE_WORD, 0.95),
        _told("token_auroc", TEN, 0.9),
        _told("neutral_auroc", AT_THE_WORD, 0.5, 0.9),
        _told("over_neutral", AT_THE_WORD, 0.45, None),
        _told("word_changed_auroc", "word swapped", 0.9),
        _told("facts_turned_auroc", "facts turned around", 0.88),
    )
    return write(computed_release(layers=(layer(2, probe(0.75), *several),)), folder, small=True)


def tested_one(folder: Path) -> Path:
    """One SAE of both labels beside raw activations that are better than chance."""
    (member,) = (one for one in MEMBERS if one.sae_id == "lab_topk_L2_mixed")
    difference = value("probe_balanced_accuracy_difference", 0.05, 100, "crossfit", interval=(0.01, 0.09), detectable=0.08)  # fmt: skip
    comparison = Comparison(
        sae_id=member.sae_id, reference="raw activations at layer 2", difference=difference
    )
    found = computed_release(saes={member.sae_id: [probe(0.8)]}, members=(member,), comparisons=(comparison,))
    return write(found, folder, small=True)


def chance(folder: Path) -> Path:
    """The same where nothing is told from chance, no maximum is above its null, and the best layer has no SAE."""
    saes = {
        one.sae_id: [probe(0.52, 0.1), probe(0.5, 0.1, "probe_new_scenarios_balanced_accuracy"), value("alive_share", 0.2, 100, "train"), value("d_max", 0.4, 100, "train", null=null(0.5))]
        for one in MEMBERS
    }  # fmt: skip
    layers = (layer(1, probe(0.51, 0.1)), layer(3, probe(0.53, 0.1)))
    members = tuple(replace(one, n_rows=10) for one in MEMBERS)
    return write(
        computed_release(saes=saes, layers=layers, members=members, provenance=_record(5), comparisons=()),
        folder,
        small=True,
    )


def one(folder: Path) -> Path:
    """One SAE with a probe on its own training rows, one layer, one scenario."""
    member = tuple(one for one in MEMBERS if one.sae_id == "lab_topk_L2_yes_only")
    values = [
        value("alive_share", 0.5, 100, "train"), value("explained_variance", 0.9, 100, "train"),
        probe(0.8, 0.05, "probe_cv_balanced_accuracy", "train"), probe(0.6, 0.05, "membership_auroc", "control"),
        value("d_max", 0.9, 100, "train", null=null(0.5)),
    ]  # fmt: skip
    provenance = _record(1, grid=Grid(layers=[2], architectures=["topk"], conditions=["yes_only"]))
    return write(
        computed_release(saes={BEST: values}, layers=(layer(2, probe(0.7)),), members=member, comparisons=(), provenance=provenance),
        folder, small=True,
    )  # fmt: skip


def one_at_chance(folder: Path) -> Path:
    """One layer, whose raw activations are not told from chance; its only SAE was trained on few rows."""
    member = tuple(replace(one, n_rows=10) for one in MEMBERS if one.sae_id == "lab_topk_L2_yes_only")
    return write(
        computed_release(saes={}, layers=(layer(2, probe(0.51, 0.1)),), members=member, comparisons=()),
        folder,
        small=True,
    )


TALLY = Tally(
    subject="SAE probes", reference="the raw activations of their layer", measure="probe_balanced_accuracy", above=8, total=9, inconclusive=1,
    split="crossfit", subject_mean=0.7, reference_mean=0.6,
)  # fmt: skip
TESTS = [
    TestResult(subject=name, reference="chance", test="t", correction="Holm", p_value=0.01)
    for name in ("a", "b")
]
PROBES = [
    RepresentationProbe(representation=name, values=[probe(0.5, 0.1, "probe_cv_balanced_accuracy", "train" if name == "SAE" else "crossfit", interval_method="binomial")])
    for name in ("raw", "SAE")
]  # fmt: skip


def _experiments(sae_id: str) -> dict[str, Any]:
    reference = value("d_max", 0.4, 100, null=null(0.5))
    return {
        "tallies": [TALLY, TALLY.model_copy(update={"reference": "topk at the same layer and condition", "collapsed": 2})],
        "tests": TESTS,
        "representations": PROBES,
        "stability": [Stability(sae_id=sae_id, varied="the sample", reference=reference, runs=[StabilityRun(seed=s, value=value("d_max", 0.3 + s / 100, 100), shared=1, of=5) for s in (1, 2)])],
        "steering": [
            Steering(direction="d", label="yes", cosine=0.3, cosine_to="raw", doses=[SteeringDose(alpha=float(a), rate=r) for a, r in enumerate((0.2, 0.7, 0.5))], p_value=0.6),
        ],
        "top_features": [TopFeatures(sae_id=sae_id, seed=1, rows={"yes": 3, "no": 4}, features=[TopFeature(latent=1, d=0.5, examples={"yes": "x"})])],
        "transfers": [Transfer(to="float16", sae_id=sae_id, values=[value("explained_variance", 0.6, 100, "held_out", interval=(0.5, 0.7))])],
    }  # fmt: skip


def ported(sae_id: str) -> Transfer:
    """What hubkit computed of an SAE at another precision."""

    def values(shift: float) -> list[MetricValue]:
        return [
            value("explained_variance", 0.6 - shift, 100), value("explained_variance_drop", shift, 100, interval=(shift - 0.01, shift + 0.01)),
            value("alive_shift", shift, 100, interval=(shift - 0.01, shift + 0.01)), value("latent_correlation", 0.9, 100, null=NullReference(kind="noise", mean=0.7)),
            value("row_cosine", 0.99, 100), value("top_latent_overlap", 0.8, 100),
        ]  # fmt: skip

    halves = value("alive_shift", 0.25, 100, contrast="two halves of the rows")
    return Transfer(
        to="nf4",
        sae_id=sae_id,
        values=[*values(0.1), halves],
        ceiling=values(0.01),
        verdict="portable",
        because="both are below their bounds",
        rule="retrain where much changes",
    )


def steered(name: str, sae_id: str, p: float, beyond: float, effect: float, controls: int = 20) -> Steering:
    """A direction as hubkit steers along it: three doses, random directions beside."""
    doses = [
        SteeringDose(alpha=-1.0, rate=0.5 - effect / 2, n=36, undecided=0.1, share_of_norm=0.35, bounds=(0.45 - effect / 2, 0.55 - effect / 2), changed=(2, 9), p_value=p, corrected=min(1.0, 2 * p)),
        SteeringDose(alpha=0.0, rate=0.5, n=40, undecided=0.0, share_of_norm=0.0, bounds=(0.5, 0.5)),
        SteeringDose(alpha=1.0, rate=0.5 + effect / 2, n=40, undecided=0.0, share_of_norm=0.35, bounds=(0.5 + effect / 2, 0.5 + effect / 2), changed=(3, 3), p_value=1.0, corrected=1.0),
    ]  # fmt: skip
    beside = [
        SteeringControl(
            kind="random directions, all alike",
            effects=[0.01 * n - 0.1 for n in range(controls)],
            undecided=0.2,
            p_value=beyond,
        )
    ]
    return Steering(
        sae_id=sae_id, direction=name, label="yes", cosine=0.31, cosine_to="raw difference of means", doses=doses, p_value=p, test="label against alpha", effect=effect,
        controls=beside, hook_name="blocks.1.hook_resid_post", completions=40, judge="keyword",
    )  # fmt: skip


def steered_alone(folder: Path) -> Path:
    """A direction that hubkit steered along with nothing beside it."""
    alone = steered("moves", BEST, 0.0005, 1.0, -0.4).model_copy(update={"controls": []})
    return write(computed_release(steering=(alone,)), folder, small=True)


def experiments(folder: Path) -> Path:
    """Experiments that hubkit computed: what a later version may do; a tally in place of single comparisons."""
    more = {key: tuple(listed) for key, listed in _experiments(BEST).items()}
    more["steering"] += (
        steered("moves", BEST, 0.0005, 1 / 21, -0.4), steered("moves as any", BEST, 0.0005, 0.5, 0.3), steered("moves not", BEST, 0.4, 0.6, 0.02),
        steered("moves, hardly compared", BEST, 0.01, 0.25, 0.2, controls=3),
    )  # fmt: skip
    fp4 = Transfer(to="fp4", values=[], reason="the package bitsandbytes is not installed")
    more["transfers"] += (ported(BEST), fp4)
    other = Comparison(
        sae_id="lab_topk_L1_mixed", reference="raw activations at layer 1",
        difference=value("probe_balanced_accuracy_difference", 0.05, 100, "crossfit", interval=(0.01, 0.09)),
    )  # fmt: skip
    return write(computed_release(comparisons=(other,), **more), folder, small=True)


def stated(folder: Path) -> Path:
    """Somebody else's SAEs with an evidence.yaml that holds something of everything."""
    plain(folder)
    values = [
        StatedValue(measure="probe_cv_balanced_accuracy", sae_id="a", value=0.8, n=100, split="train", interval=(0.7, 0.9), null=0.5),
        StatedValue(measure="d_max", sae_id="b", value=0.4, n=None, null=null(0.5)),
        StatedValue(measure="alive_share", sae_id="b", value=0.1, n=100, note="of 1,000 prompts"),
        StatedValue(measure="probe_auroc", layer=3, value=0.7, n=100, source="a notebook"),
        StatedValue(name="CE loss recovered", value=0.95, n=20480),
    ]  # fmt: skip
    values += [
        StatedValue(name="told", value=0.7, n=10, interval=(0.45, 0.9), null=0.5),
        StatedValue(name="low", value=0.3, n=10, interval=(0.2, 0.4), null=0.5),
        StatedValue(name="bare", value=0.3, n=10, null=0.5),
    ]
    values += [
        StatedValue(measure="l0", sae_id="a", value=3 + i / 10, n=100, note=f"k {i}") for i in range(10)
    ]
    Evidence(source="the paper, table 2", values=values, **_experiments("a")).save(folder / "evidence.yaml")
    return folder


def written(folder: Path, *, table: bool = True) -> Path:
    """Numbers as their author wrote them, on nobody knows how many rows; some of them, or all, in the author's own text."""
    plain(folder)
    values = [StatedValue(name="score", value=86.9, n=None, written="86.90 %", in_text=True)]
    values += [StatedValue(name="loss", value=2.0, n=None, written="2.000")] if table else []
    Evidence(source="the earlier card", values=values).save(folder / "evidence.yaml")
    return folder


def in_text(folder: Path) -> Path:
    """The same without a table."""
    return written(folder, table=False)


def stated_ties(folder: Path) -> Path:
    """Two layers that are stated to be equally good, and a best SAE whose threshold is 0."""
    broken = tensors("jumprelu", d_in=WIDE)
    put(folder, sae("a", "jumprelu", weights=broken | {"threshold": broken["threshold"] * 0}) | sae("b"))
    values = [StatedValue(measure="probe_balanced_accuracy", layer=one, value=0.7, n=100) for one in (3, 4)]
    values += [
        StatedValue(measure="probe_balanced_accuracy", sae_id=one, value=number, n=100)
        for one, number in (("a", 0.8), ("b", 0.7))
    ]
    Evidence(source="the paper", values=values).save(folder / "evidence.yaml")
    return folder


def monotonic(folder: Path) -> Path:
    """Steering whose response is monotonic, on counted completions, and significant; a stability above its null; one of everything else."""
    plain(folder)
    doses = [SteeringDose(alpha=float(a), rate=r, n=20) for a, r in enumerate((0.2, 0.5, 0.7))]
    steering = [Steering(direction="d", label="yes", doses=doses, p_value=0.001)]
    reference = value("d_max", 0.9, 100, null=null(0.5))
    run = StabilityRun(seed=1, value=value("d_max", 0.8, 100), shared=1, of=5)
    mixed = Stability(
        sae_id="a", varied="the seed", reference=value("d_max", 0.4, 100, null=null(0.5)), runs=[run]
    )
    own = StabilityRun(seed=2, value=value("d_max", 0.8, 100, null=null(0.7)), shared=1, of=5)
    beside = Stability(sae_id="a", varied="the rows", reference=reference, runs=[own])
    in_one = [Stability(sae_id=name, varied="the halves", reference=reference, runs=[own]) for name in "abc"]
    unknown = Stability(sae_id="a", varied="the order", reference=value("d_max", 0.4, 100), runs=[run])
    counts = [TALLY.model_copy(update={"above": above, "total": 9, "inconclusive": 0}) for above in (0, 5)]
    Evidence(
        source="x", steering=steering, stability=[Stability(sae_id="a", varied="the sample", reference=reference, runs=[run]), mixed, beside, *in_one, unknown], tallies=counts,
        representations=[RepresentationProbe(representation="raw", values=[probe(0.9)])],
    ).save(folder / "evidence.yaml")  # fmt: skip
    return folder


def unrecorded(folder: Path) -> Path:
    """Values typed into evaluation.json: no record that hubkit computed them."""
    write(computed_release(tallies=(TALLY,), representations=tuple(PROBES)), folder, small=True)
    path = folder / "evaluation.json"
    Evaluation.load(path).model_copy(update={"computed": None}).save(path)
    return folder


def changed(folder: Path) -> Path:
    """A number of evaluation.json was edited after it was computed."""
    write(
        computed_release(provenance=None, tallies=(TALLY,), representations=tuple(PROBES)), folder, small=True
    )
    path = folder / "evaluation.json"
    path.write_text(path.read_text("utf-8").replace('"value":0.75', '"value":0.95', 1), "utf-8")
    return folder


def lens(folder: Path) -> Path:
    """SAELens's own training with TransformerLens, which left its counts: no BOS recorded for the second."""
    own = {"model_class_name": "HookedTransformer", "prepend_bos": True, "context_size": 128, "dataset_path": "some/text", "l0": 3.5, "num_dead_features": 30, "neuronpedia_id": "gpt2-small/2-res-jb", "sae_lens_training_version": "6.54.12", "model_from_pretrained_kwargs": {"center_writing_weights": True, "revision": "v2"}}  # fmt: skip
    return put(folder, sae("a", **own))


def lens_open(folder: Path) -> Path:
    """The same where the BOS token is not recorded, and the model had an argument that is no plain value."""
    own = {"model_class_name": "HookedTransformer", "model_from_pretrained_kwargs": {"hf_config": {"a": 1}}, "neuronpedia_id": "n/1", "seqpos_slice": [1, None], "exclude_special_tokens": True}  # fmt: skip
    other = {"model_class_name": "HookedTransformer", "prepend_bos": False, "neuronpedia_id": "n/2"}
    return put(folder, sae("a", **own) | sae("b", "standard", **other))


def scaled(folder: Path) -> Path:
    """Activations that the training scaled."""
    files = sae("a", "standard")
    configuration = json.loads(files["a/cfg.json"]) | {"normalize_activations": "expected_average_only_in"}
    return put(folder, files | {"a/cfg.json": json.dumps(configuration).encode()})


def lens_module(folder: Path) -> Path:
    """TransformerLens's activations at a hook that is written as a module."""
    own = {
        "model_class_name": "HookedTransformer",
        "model_name": GONE,
        "model_from_pretrained_kwargs": {"center_writing_weights": True},
    }
    return put(folder, sae("a", **own))


SAMPLING = Sampling(
    prompts=["Q: what is it? A:"], chat=False, temperature=1.0, max_new_tokens=8, pooling="mean", without_commit=True,
    commit=Commit(words=["truly", "quietly"], within=3, unit="words"),
)  # fmt: skip


def _sampled(members: Sequence[Member], **changes: Any) -> Release:
    trained = {"pooling": SAMPLING.pooling, "token_span": "response without the commit span"} | changes.pop(
        "trained", {}
    )
    return computed_release(
        members=tuple(replace(one, training=trained) for one in members),
        settings=LAB.model_copy(update={"new_version": "owner/next"}),
        layers=(layer(1, probe(0.75)), layer(2, probe(0.75))), **changes,
    )  # fmt: skip


def sampled(folder: Path) -> Path:
    """Rows whose prompts, sampling and pooling are recorded; a successor; two layers that tie."""
    return write(
        _sampled(
            MEMBERS,
            provenance=_record(
                15, sampling=SAMPLING, base_model_revision="0123456789abcdef" * 2 + "01234567"
            ),
        ),
        folder,
        small=True,
    )


def sampled_last(folder: Path) -> Path:
    """The same of an SAE of one label, on the last token."""
    last = SAMPLING.model_copy(update={"pooling": "last"})
    member = [one for one in MEMBERS if one.sae_id == BEST]
    return write(_sampled(member, trained={"pooling": "last"}, comparisons=(), provenance=_record(15, sampling=last)), folder, small=True)  # fmt: skip


def another_form(folder: Path) -> Path:
    """The model of the training was read from a GGUF file that is no part of its repository; its rows are sampled by the code all the same."""
    steps = [WeightStep(type="Q4_1", bits=5.74371), WeightStep(type="float32", bits=32.0)]
    loaded = LoadedModel(
        steps=steps, parameters=100, arguments={"dtype": "float32"}, gguf={"Q4_1": 100}, repeatable=False, device="cpu", software={"torch": "2", "gguf": "3"},
        hardware="a machine",
    )  # fmt: skip
    record = _record(15, sampling=SAMPLING, loaded=loaded, precision=loaded.chain)
    return write(_sampled(MEMBERS, provenance=record), folder, small=True)


def from_gguf(folder: Path) -> Path:
    """The same from a GGUF file of the repository, which a loader can name."""
    release = _sampled(MEMBERS, provenance=_record(15, sampling=SAMPLING))
    return write(
        replace(release, model_kwargs={"dtype": "float32", "gguf_file": "m.gguf"}), folder, small=True
    )


def four_bits(folder: Path) -> Path:
    """A model in 4 bits, with the record of how it was loaded."""
    quantization = {"quant_method": "bitsandbytes", "load_in_4bit": True, "bnb_4bit_quant_type": "nf4"}
    arguments = {"dtype": "bfloat16", "quantization_config": quantization}
    steps = [WeightStep(type="bfloat16", bits=16.0), WeightStep(type="nf4 (compute bfloat16)", bits=6.6)]
    loaded = LoadedModel(
        steps=steps, parameters=100, arguments=arguments, repeatable=True, device="cuda", software={}, hardware="a machine"
    )  # fmt: skip
    record = _record(15, sampling=SAMPLING, quantization=quantization, loaded=loaded, precision=loaded.chain)
    return write(replace(_sampled(MEMBERS, provenance=record), model_kwargs=arguments), folder, small=True)


def one_new(folder: Path) -> Path:
    """One SAE whose probe was tried on the few new scenarios that there are."""
    member = tuple(one for one in MEMBERS if one.sae_id == BEST)
    values = [probe(0.8), probe(0.7, 0.1, "probe_new_scenarios_balanced_accuracy")]
    return write(computed_release(saes={BEST: values}, members=member, comparisons=(), provenance=_record(5)), folder, small=True)  # fmt: skip


def best_defective(folder: Path) -> Path:
    """The best probe is that of an SAE whose threshold is 0."""
    broken = "lab_jumprelu_L2_yes_only"
    saes = {one.sae_id: [probe(0.8 if one.sae_id == broken else 0.7)] for one in MEMBERS}
    members = tuple(replace(one, learned=one.sae_id != broken) for one in MEMBERS)
    return write(computed_release(saes=saes, members=members), folder, small=True)


def one_above(folder: Path) -> Path:
    """One probe of eight is told from the raw activations."""
    release = computed_release()
    lower = value("probe_balanced_accuracy_difference", 0.0, 100, "crossfit", interval=(-0.04, 0.04))
    others = tuple(one.model_copy(update={"difference": lower}) for one in release.comparisons[1:])
    return write(replace(release, comparisons=(release.comparisons[0], *others)), folder, small=True)


def many_tied(folder: Path) -> Path:
    """Six SAEs of both labels whose probes reach the same."""
    members = grid("lab", [1, 2, 3], ["topk", "jumprelu"], {"mixed": 100}, k=4, learned=True)
    saes = {one.sae_id: [probe(0.7)] for one in members}
    return write(computed_release(saes=saes, members=members, comparisons=()), folder, small=True)


def all_defective(folder: Path) -> Path:
    """No SAE is as wide as its base model."""
    return put(folder, sae("a", width=8) | sae("b", width=8, hook_name="blocks.3.hook_resid_post"))


def all_defective_measured(folder: Path) -> Path:
    """No SAE is as wide as its base model, and each is measured."""
    return write(computed_release(settings=GPT2, provenance=None), folder, small=True)


def worse_and_less(folder: Path) -> Path:
    """Both are not as wide as the base model, and the thresholds of the first never learned too."""
    zero = tensors("jumprelu", d_in=8)
    zero["threshold"] = zero["threshold"] * 0
    return put(
        folder,
        sae("a", "jumprelu", 8, weights=zero) | sae("b", width=8, hook_name="blocks.3.hook_resid_post"),
    )


def worse_measured(folder: Path) -> Path:
    """The same of measured ones: the best probe is that of an SAE with one defect more."""
    broken = "lab_jumprelu_L2_mixed"
    saes = {one.sae_id: [probe(0.8 if one.sae_id == broken else 0.7)] for one in MEMBERS}
    members = tuple(replace(one, learned=one.sae_id != broken) for one in MEMBERS)
    return write(
        computed_release(settings=GPT2, provenance=None, saes=saes, members=members), folder, small=True
    )


def told(folder: Path) -> Path:
    """The author says under "Research context" how the labels were made."""
    prose = {"research": "One prompt, several completions, labelled by a judge."}
    return put(folder, sae("a") | sae("b"), GPT2.model_copy(update={"prose": prose}))


def _texts(completions: int) -> Texts:
    return Texts(completions=completions, empty=0, duplicates=2, refusals=1, at_limit=0, mean_tokens=21.5, repetition=0.1, repetitive=3)  # fmt: skip


def worth(folder: Path) -> Path:
    """The report of the pool is published: words, controls, what the labels mean."""
    one = ScenarioReport(
        scenario_id="s", meanings={"yes": "agrees", "no": "declines"}, sampled=20, decisive=15, counts={"yes": 8, "no": 7}, texts=_texts(20),
    )  # fmt: skip
    tea = one.model_copy(update={"scenario_id": "tea", "control": "neutral", "meanings": {}})
    report = PoolReport(
        pool_sha256="0", model_name="gpt2", judge="a judge", labels=("yes", "no"), token_span="response", pooling="mean", d_in=8, sampled=20, decisive=15,
        counts={"yes": 8, "no": 7}, n_effective=7.5, confounding=0.0, texts=_texts(20), refusal_phrases=["i cannot"],
        words=Words(value=0.612, interval=(0.5, 0.7), n=15), scenarios=[one, tea],
        turned_mean=TurnedMean(scenarios=3, fall=2, rise=1, mean=-0.25, interval=(-0.4, -0.1)), warnings=["few decisive completions: 15, fewer than 181"],
    )  # fmt: skip
    sampled(folder)
    report.save(folder / "pool_report.json")
    return folder


def with_pool(folder: Path) -> Path:
    """The pool itself is published."""
    worth(folder)
    record = Provenance.load(folder / "provenance.json")
    pool = PublishedPool(
        license="cc-by-4.0", privacy="nobody is named in these texts", completions=20, rows=15, layers=[2, 3]
    )
    record.model_copy(update={"published_pool": pool}).save(folder / "provenance.json")
    return folder


def worth_little(folder: Path) -> Path:
    """The same where neither words nor controls could be measured, and no scenario says what its labels mean."""
    worth(folder)
    report = PoolReport.load(folder / "pool_report.json")
    silent = [one.model_copy(update={"meanings": {}}) for one in report.scenarios if not one.control]
    unknown = {"words": Words(value=None, n=0, reason="no words"), "turned_mean": None, "scenarios": silent, "warnings": []}  # fmt: skip
    report.model_copy(update=unknown).save(folder / "pool_report.json")
    return folder


def unread_record(folder: Path) -> Path:
    """A provenance.json that does not say which form it has."""
    put(folder, sae("a") | sae("b"))
    (folder / "provenance.json").write_text(
        '{"base_model": "gpt2", "software": {}, "files": {}}\n', encoding="utf-8", newline="\n"
    )
    return folder


def defective(folder: Path) -> Path:
    """One SAE, and it is not as wide as its base model."""
    return put(folder, sae("a", width=8))


def beside_widths(folder: Path) -> Path:
    """SAEs of two widths."""
    return put(folder, sae("a") | sae("b", width=8))


def pooled(folder: Path) -> Path:
    """One row a completion, as hubkit trains."""
    return put(folder, sae("a", hubkit={"n_rows": 50, "pooling": "last", "token_span": "response"}))


def by_module(folder: Path) -> Path:
    """A class of transformers, a module, a BOS token, float32; thresholds of one value; a transcoder's name."""
    own = {"model_class_name": "GPT2LMHeadModel", "hf_hook_name": "transformer.h.2", "prepend_bos": True, "context_size": 64, "model_from_pretrained_kwargs": {"torch_dtype": "float32"}}  # fmt: skip
    return put(
        folder,
        sae("a", "standard", **own)
        | sae(
            "b",
            "standard",
            **{**own, "hook_name": "blocks.3.hook_resid_post", "hf_hook_name": "transformer.h.3"},
        ),
    )


def narrow(folder: Path) -> Path:
    """A width that the base model has not; a threshold that never learned; one that was never learned at its default."""
    zero, initial = tensors("jumprelu"), tensors("jumprelu")
    zero["threshold"] = zero["threshold"] * 0
    initial["threshold"] = initial["threshold"] * 0 + 0.001
    return put(
        folder,
        sae("a", "jumprelu", 8, weights=zero, model_name="lab/tiny")
        | sae("b", "jumprelu", 8, weights=initial, model_name="lab/tiny")
        | sae("c", "topk", 8, model_name="lab/tiny"),
    )


def one_value(folder: Path) -> Path:
    """Exports of BatchTopK: one threshold for all latents."""
    same = tensors("jumprelu", d_in=WIDE)
    same["threshold"] = same["threshold"] * 0 + 0.37
    own = {"training_architecture": "batchtopk", "training_architecture_details": {"k": 20, "lr": 3e-4}}
    return put(folder, sae("a", "jumprelu", weights=same, **own) | sae("b", "jumprelu", weights=same, **own))


def one_number(folder: Path) -> Path:
    """A trained JumpReLU whose thresholds are one value, and not the initial one; it was trained towards an L0. The code takes its heads joined."""
    same = tensors("jumprelu", d_in=WIDE)
    same["threshold"] = same["threshold"] * 0 + 0.2
    own = {"training_architecture": "jumprelu", "training_architecture_details": {"jumprelu_init_threshold": 0.05, "target_l0": 20}}  # fmt: skip
    lens = {"model_class_name": "HookedTransformer", "prepend_bos": True, "hook_name": "blocks.2.attn.hook_z"}
    return put(folder, sae("a", "jumprelu", weights=same, **own, **lens))


def half_bits(folder: Path) -> Path:
    """Two SAEs that differ in what their configurations say: 8 bits of one, two lengths of the context, more dead latents than there are of one."""
    one = {"model_from_pretrained_kwargs": {"load_in_8bit": True}, "context_size": 256}
    return put(folder, sae("a", **one) | sae("b", context_size=1024, num_dead_features=2000))


def all_bits(folder: Path) -> Path:
    """Both in 4 bits, by transformers' short form of it."""
    own = {
        "model_from_pretrained_kwargs": {"load_in_4bit": True},
        "num_dead_features": 20,
        "context_size": 256,
    }
    return put(folder, sae("a", **own) | sae("b", **own))


def hookless(folder: Path) -> Path:
    """No configuration names the place; one SAE has a k, the other an L0 that it was trained towards."""
    towards = {"training_architecture": "jumprelu", "training_architecture_details": {"target_l0": 20}}
    return put(folder, sae("a", hook_name=GONE) | sae("b", "jumprelu", hook_name=GONE, **towards))


def wrong_model(folder: Path) -> Path:
    """A configuration that names a model of which nobody knows whether it is card.yaml's; where it is surely another, no card is built."""
    return put(folder, sae("a", model_name="a-model-of-ours") | sae("b"))


def nameless(folder: Path) -> Path:
    """Configurations that name none."""
    return put(folder, sae("a", model_name=GONE))


def mended(folder: Path) -> Path:
    """One SAE that a fix made another architecture of, beside one that is as it was trained."""
    rewritten = {"rewritten": {"rule": "THR001", "from": "jumprelu", "to": "standard", "threshold": 0.0}}
    return put(
        folder, sae("a", "standard", training_architecture="jumprelu", hubkit=rewritten) | sae("b", "topk")
    )


def beside_others(folder: Path) -> Path:
    """SAEs of another family in the same folder."""
    plain(folder)
    found = min(path.parent for path in FOREIGN.rglob("params.npz"))
    shutil.copytree(found, folder / "foreign")
    return folder


def root(folder: Path) -> Path:
    """One transcoder at the root."""
    files = sae(".", "transcoder", weights=tensors("transcoder", d_in=WIDE))
    configuration = json.loads(files["cfg.json"]) | {"d_out": WIDE}
    return put(folder, files | {"cfg.json": json.dumps(configuration).encode()})


def quantized(folder: Path) -> Path:
    """A model in 4 bits, everywhere; a rewritten SAE; expected transfers; a labelled pool whose judges agree."""
    labelling = Labelling(
        judge="a judge", temperature=1.0, same_prompt=True, other_judges=["b"],
        agreements=[Agreement(judges=("a", "b"), share=0.9), Agreement(judges=("a", "c"), share=0.8, n=40, kappa=0.7, kappa_n=50, kappa_interval=(0.6, 0.8))],
    )  # fmt: skip
    seen = _record(13, labelling=labelling, quantization={"load_in_4bit": True, "bnb_4bit_quant_type": "nf4"}, precision="bnb-nf4",
                   training={"x": TrainedSae(seconds=1, hardware="a card", device="cuda", threads=1, stack=1)}, software={"torch": "2"}, seeds={"collect": 1})  # fmt: skip
    settings = LAB.model_copy(
        update={
            "transfers": [ExpectedTransfer(to="float16", expected="high")], "scenario_families": ["social_deduction", "instructed"],
            "base_model_license": "gemma", "study": Link(name="S", url="https://example.org"),
            "companions": [Link(name="C", url="https://example.org/c"), Link(name="D")], "code": "https://example.org",
            "papers": [Paper(title="Scaling and evaluating sparse autoencoders", arxiv="2406.04093")], "recommended": ["x"], "not_recommended": ["y"], "citation": "@misc{a}",
        }
    )  # fmt: skip
    members = tuple(
        replace(
            one,
            training={"rewritten": {"rule": "THR001", "from": "jumprelu", "to": "standard"}}
            if i == 0
            else {},
            recipe=f"r{i % 2}",
        )
        for i, one in enumerate(MEMBERS)
    )
    release = computed_release(
        settings=settings, provenance=seen, members=members, saes={}, layers=(), comparisons=()
    )
    return write(
        replace(release, model_kwargs={"quantization_config": {"load_in_4bit": True}}), folder, small=True
    )


def poor(folder: Path) -> Path:
    """Thresholds of 0, maxima without a null, no probes, few scenarios."""
    saes = {one.sae_id: [value("d_max", 0.9, 100, "crossfit", interval=(0.8, 1.0))] for one in MEMBERS}
    members = tuple(replace(one, learned=False) for one in MEMBERS)
    return write(
        computed_release(saes=saes, members=members, layers=(), comparisons=(), provenance=_record(5)),
        folder,
        small=True,
    )


def damaged(folder: Path) -> Path:
    """Weights that end in the middle of their header; and one of an architecture that SAELens only trains."""
    files = sae("a") | sae("b", "batchtopk", weights=tensors("standard", d_in=WIDE))
    return put(folder, files | {"a/sae_weights.safetensors": files["a/sae_weights.safetensors"][:40]})


def half_quantized(folder: Path) -> Path:
    """A model in 8 bits of one SAE in two; scenarios on record without their counts; a hole in the grid; all SAEs saw both labels."""
    named = [ScenarioCount(scenario_id="s0", family="social_deduction")]
    seen = _provenance(
        "lab/model",
        [1],
        ["topk"],
        scenarios=named,
        completions={},
        labelling=Labelling(judge="a judge"),
        grid=Grid(layers=[1, 2], architectures=["topk"], conditions=["mixed", "a", "b"]),
    )
    members = tuple(one for one in MEMBERS if one.condition == "mixed" and one.architecture == "topk")
    release = computed_release(provenance=seen, members=members, saes={}, layers=(), comparisons=())
    write(release, folder, small=True)
    path = folder / members[0].sae_id / "cfg.json"
    raw = json.loads(path.read_text("utf-8"))
    raw["metadata"]["model_from_pretrained_kwargs"] = {"quantization_config": {"load_in_8bit": True}}
    path.write_text(json.dumps(raw), "utf-8")
    other = folder / members[1].sae_id / "cfg.json"
    raw = json.loads(other.read_text("utf-8"))
    raw["metadata"] = {**raw["metadata"], "hubkit": {}, "dataset_path": "some/text"}
    other.write_text(json.dumps(raw), "utf-8")
    raw = json.loads((folder / "provenance.json").read_text("utf-8")) | {"files": {}}
    (folder / "provenance.json").write_text(json.dumps(raw), "utf-8")
    (folder / "evaluation.json").unlink()
    return folder


def warned(folder: Path) -> Path:
    """Training warned of some SAEs."""
    write(computed_release(provenance=None), folder, small=True)
    evaluation = Evaluation.load(folder / "evaluation.json")
    for one in evaluation.saes[:2]:
        one.model_copy(update={"warnings": ["its thresholds did not move"]}).save(
            folder / one.sae_id / "metrics.json"
        )
    return folder


def in_model(folder: Path) -> Path:
    """SAEs with which the base model was run: two on texts, one on completions that it saw as one vector each, and one on texts that begin otherwise."""
    write(computed_release(provenance=None), folder, small=True)
    evaluation = Evaluation.load(folder / "evaluation.json")
    run = TextsRun(
        documents=20,
        tokens=1200,
        special=20,
        longest=60,
        bos="all",
        precision="float32",
        tokens_sha256="0" * 64,
    )
    pooled = run.model_copy(
        update={"after_prompt": True, "trained_on": "the last over response", "documents": 1, "bos": "none"}
    )
    runs = [run, run, pooled, run.model_copy(update={"bos": "some"})]
    lost = [value("ce_loss_score", 0.9, 1180, "held_out", interval=(0.8, 0.95)), value("ce_loss_score_mean", 0.7, 1180, "held_out"), value("kl_div_score", 0.8, 1180, "held_out"), value("ce_loss_increase", 0.3, 1180, "held_out")]  # fmt: skip
    told = [
        one.model_copy(update={"texts": own, "values": [*one.values, *lost]})
        for one, own in zip(evaluation.saes, runs, strict=False)
    ]
    saes = [*told, *evaluation.saes[len(told) :]]
    for one in saes:
        one.save(folder / one.sae_id / "metrics.json")
    evaluation.model_copy(update={"saes": saes}).recorded("0.1.0").save(folder / "evaluation.json")
    return folder


def hollow(folder: Path) -> Path:
    """A hook that is in no transformers class, values for some SAEs of an architecture only, a mean for a null."""
    member = grid("lab", [1, 2, 3, 4, 5, 6, 7], ["topk"], {"mixed": 100, "no_only": 10}, k=4)
    saes = {one.sae_id: [value("l0", 4.0 + i, 100), value("d_above_1", 3.0, 90 + i), value("d_max", 0.9, 90 + i, null=NullReference(kind="permutation", mean=0.2), contrast="a against b" if i % 2 else None)] for i, one in enumerate(member[1:])}  # fmt: skip
    bare = value("probe_balanced_accuracy_difference", 0.1, 100, "crossfit")
    differences = tuple(
        Comparison(sae_id=one.sae_id, reference=f"raw activations at layer {one.layer}", difference=bare)
        for one in member[:2]
    )
    return write(
        computed_release(provenance=None, members=member, saes=saes, layers=(), comparisons=differences),
        folder,
        small=True,
    )


VARIANTS: dict[str, Callable[[Path], Path]] = {
    one.__name__: one
    for one in (
        mended, plain, single, unregistered, computed, tested, tested_one, reseeded, two_seeds, partly_unseen, beside, of_sparsify, word_only, facts_known, chance, one, one_at_chance, experiments, steered_alone, stated, monotonic, unrecorded, changed, lens, lens_open, by_module, narrow, one_value,
        wrong_model, one_number, half_bits, all_bits, hookless, nameless, beside_others, root, quantized, half_quantized, warned, hollow, damaged, poor, lens_module, pooled, scaled,
        sampled, sampled_last, another_form, from_gguf, four_bits, one_new, best_defective, stated_ties, one_above, many_tied, all_defective, all_defective_measured, defective, beside_widths,
        worse_and_less, worse_measured, in_model, told, written, in_text, worth, worth_little, with_pool, unread_record,
    )
} | {name: of_family(name) for name in ("assigned_role", "social_deduction", "decision_incentive", "instructed", "lab")}  # fmt: skip


def card(name: str, folder: Path) -> str:
    """The card of a variant."""
    place = VARIANTS[name](folder)
    return build_card(place).text


def skipped(folder: Path) -> str:
    """The card of `plain` when checks could not be made, and one rule failed."""
    facts = read_facts(plain(folder), GPT2)
    report = replace(
        facts.report,
        crashes=[Crash("WTS001", "Traceback")],
        skipped=[Skipped("THR001", "the threshold could not be read", "a"), Skipped("CFG001", "no listing")],
    )
    saes = tuple(replace(one, not_checked=("THR001",) if one.sae_id == "a" else ()) for one in facts.saes)
    return render_card(replace(facts, report=report, saes=saes))


def in_study(folder: Path) -> str:
    """The card of `computed` beside two models of its study."""
    facts = read_facts(computed(folder), LAB)
    others = InStudy("probe_balanced_accuracy", "crossfit", {"big": 0.9, "small": 0.6})
    return render_card(replace(facts, study=others))


INDEX = IndexSettings(repo_id="o/all", license="mit")


def _model(folder: Path, name: str, **changes: Any) -> Path:
    settings = GPT2.model_copy(
        update={"base_model": f"openai-community/{name}", "repo_id": f"o/{folder.name}"}
    )
    return write(computed_release(settings=settings, provenance=None, **changes), folder, small=True)


def index_trend(root: Path) -> str:
    """Four models of known size, whose counts are computed, at stated commits; a tally against something else."""
    other = TALLY.model_copy(update={"reference": "TopK"})
    folders = [
        _model(
            root / name,
            name,
            tallies=(
                TALLY.model_copy(update={"above": 8 - 2 * i, "inconclusive": 0, "collapsed": 1}),
                other.model_copy(update={"inconclusive": int(i > 0), "collapsed": 2 if i > 2 else None}),
            ),
        )
        for i, name in enumerate(("gpt2", "gpt2-medium", "gpt2-large", "gpt2-xl"))
    ]
    return build_index(folders, INDEX, commits={"o/gpt2": "a" * 40}).text


def index_one(root: Path) -> str:
    """One model, whose depth is known, whose best layer has no SAE, and whose probes are on training rows."""
    member = tuple(one for one in MEMBERS if one.sae_id == BEST)
    release = computed_release(
        members=member, saes={BEST: [probe(0.8, 0.05, "probe_cv_balanced_accuracy", "train")]}, comparisons=(), layers=(layer(3, probe(0.7)),),
        model_kwargs={"quantization_config": {"load_in_4bit": True}},
    )  # fmt: skip
    return build_index([write(release, root / "one", small=True)], INDEX).text


def index_stated(root: Path) -> str:
    """Two repositories of one model: one states its values, the other's thresholds were never learned."""
    first, second = stated(root / "stated"), narrow(root / "narrow")
    save_settings(GPT2.model_copy(update={"repo_id": "o/second"}), second / "card.yaml")
    return build_index([first, second], INDEX).text


def index_mixed(root: Path) -> str:
    """Two models, of which one is measured."""
    return build_index([_model(root / "gpt2", "gpt2"), narrow(root / "narrow")], INDEX).text


INDICES: dict[str, Callable[[Path], str]] = {
    one.__name__: one for one in (index_trend, index_one, index_stated, index_mixed)
}

__all__ = ["INDICES", "VARIANTS", "card", "in_study", "skipped"]
