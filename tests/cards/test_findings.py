"""The sentences: what a count, a maximum and a trend mean is computed, against naive references."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations
from pathlib import Path

import pytest
from cards.seeds import smollm2_135m
from cards.shapes import accuracy, d_max, value, write
from cards.test_author import BEST, SETTINGS, release_of
from safetensors.numpy import load_file, save_file

from hubkit.cards.base import base_facts, short_count
from hubkit.cards.build import build_card
from hubkit.cards.index import build_index
from hubkit.cards.measured import sign_test
from hubkit.cards.quantization import Quantization
from hubkit.cards.rank import correlation, ranks, trend
from hubkit.cards.saelens_versions import loads
from hubkit.cards.settings import IndexSettings
from hubkit.fix.run import apply_fix, planned
from hubkit.formats.architectures import INFERENCE
from hubkit.release.experiments import Stability, StabilityRun, Steering, SteeringDose, Tally
from hubkit.release.metrics import LayerProfile, MetricValue, SaeMetrics
from hubkit.repo.local import open_folder


def built(tmp_path: Path, **more: object) -> str:
    return build_card(write(replace(release_of(), **more), tmp_path / "release", small=True)).text  # type: ignore[arg-type]


def tally(above: int, total: int) -> Tally:
    return Tally(subject="SAE probes", reference="the raw activations of their layer", measure="probe_cv_balanced_accuracy", above=above, total=total, split="train")  # fmt: skip


@pytest.mark.parametrize(
    ("above", "total", "verdict"),
    [
        (24, 54, "no evidence of a difference"),
        (40, 54, "more often than chance"),
        (2, 54, "less often than chance"),
    ],
)
def test_a_count_stands_beside_its_chance(tmp_path: Path, above: int, total: int, verdict: str) -> None:
    text = built(tmp_path, tallies=(tally(above, total),))
    assert f"{above} of {total}; expected by chance: {total / 2:g}. **{verdict.capitalize()}.**" in text


@pytest.mark.parametrize(("above", "total"), [(0, 1), (1, 5), (8, 8), (14, 30), (24, 54)])
def test_sign_test_against_counting_every_outcome(above: int, total: int) -> None:
    far = abs(above - total / 2)
    ways = [1]
    for _ in range(total):
        ways = [a + b for a, b in zip([0, *ways], [*ways, 0], strict=True)]
    naive = sum(n for i, n in enumerate(ways) if abs(i - total / 2) >= far) / 2**total
    assert sign_test(above, total) == pytest.approx(naive)


@pytest.mark.parametrize(
    ("number", "words"), [(0.9, "more than noise gives"), (0.4, "no more than noise gives")]
)
def test_a_largest_effect_stands_beside_its_null(tmp_path: Path, number: float, words: str) -> None:
    saes = {BEST: [d_max(number, 100, 0.6)]}
    text = built(tmp_path, saes=saes)
    assert f"so this is **{words}**" in text
    assert f"**{int(number > 0.6)} of 1**" in text


def test_stability_below_the_null_is_the_stability_of_noise(tmp_path: Path) -> None:
    reference = d_max(0.5, 100, 0.6)
    run = StabilityRun(seed=7, value=d_max(0.45, 100, 0.6), shared=1, of=5)
    text = built(tmp_path, stability=(Stability(sae_id=BEST, varied="the sample", reference=reference, runs=[run]),))  # fmt: skip
    assert "| 7 | 0.450 | 0.050 | 1 of 5 |" in text
    assert "what is stable here is what noise gives" in text


@pytest.mark.parametrize(("rates", "words"), [((0.2, 0.5, 0.7), "is monotonic"), ((0.2, 0.7, 0.5), "**not monotonic**")])  # fmt: skip
def test_steering_says_whether_the_response_is_monotonic(tmp_path: Path, rates: tuple[float, ...], words: str) -> None:  # fmt: skip
    doses = [SteeringDose(alpha=float(i), rate=rate) for i, rate in enumerate(rates)]
    assert words in built(tmp_path, steering=(Steering(direction="d", label="yes", doses=doses),))


def test_values_on_training_rows_are_not_passed_off_as_unseen(tmp_path: Path) -> None:
    text = built(tmp_path, saes={BEST: [value("explained_variance", 0.99, 100)]})
    assert "Explained variance, training rows" in text
    assert "unseen" not in text.split("## The SAEs")[1].split("## ")[0]


def test_ranks_and_trend_against_every_permutation() -> None:
    assert ranks([3.0, 1.0, 3.0, 2.0]) == [3.5, 1.0, 3.5, 2.0]
    x, y = [1.0, 2.0, 3.0, 4.0, 5.0], [0.5, 0.4, 0.45, 0.1, 0.2]
    found = trend(x, y)
    assert found is not None
    a, b = ranks(x), ranks(y)
    rho = correlation(a, b)
    naive = [abs(correlation(a, list(p))) >= abs(rho) - 1e-12 for p in permutations(b)]
    assert found.rho == pytest.approx(1 - 6 * sum((p - q) ** 2 for p, q in zip(a, b, strict=True)) / (5 * 24))
    assert found.p_value == pytest.approx(sum(naive) / len(naive))
    assert trend(x[:3], y[:3]) is None
    assert trend(x, [1.0] * 5) is None


def test_a_clear_trend_over_nine_models_is_one() -> None:
    found = trend([float(i) for i in range(9)], [float(-i) for i in range(9)])
    assert found is not None
    assert (found.rho, found.verdict) == (pytest.approx(-1.0), "falls with size")
    assert found.p_value < 0.001


def test_the_index_computes_what_goes_with_size(tmp_path: Path) -> None:
    sizes = {"gpt2": 20, "gpt2-medium": 16, "gpt2-large": 11, "gpt2-xl": 4}
    folders = []
    for model, above in sizes.items():
        settings = SETTINGS.model_copy(
            update={"base_model": f"openai-community/{model}", "repo_id": f"o/{model}"}
        )
        release = replace(release_of(settings), tallies=(tally(above, 40),))
        folders.append(write(release, tmp_path / model, small=True))
    text = build_index(folders, IndexSettings(repo_id="o/all", license="mit")).text
    row = next(line for line in text.split("\n") if line.startswith("| SAE probes above the raw"))
    assert (
        row
        == "| SAE probes above the raw activations of their layer | 4 | -1.00 | 0.083 | no trend that this many models could show |"
    )
    assert "51 of 160 SAE probes (32 %)" in text
    assert "10 % to 50 %" in text


@pytest.mark.parametrize(
    ("count", "words"), [(134515008, "135M"), (1879048192, "1.88B"), (999_950, "1.00M"), (512, "512"), (70_000_000_000, "70.0B")]
)  # fmt: skip
def test_short_count(count: int, words: str) -> None:
    assert short_count(count) == words


def test_parameters_by_formula_not_by_hearsay() -> None:
    assert base_facts("karpathy/nanochat-d20", None).parameters == 560_988_160  # not 1.88B
    assert base_facts("somebody/unheard-of", None).n_layers is None


def test_bits_of_a_quantized_weight() -> None:
    nf4 = Quantization(
        {"load_in_4bit": True, "bnb_4bit_use_double_quant": True}, "provenance.json", "/quantization"
    )
    assert nf4.bits_per_weight == pytest.approx(4.127, abs=5e-4)
    assert Quantization({"load_in_4bit": True}, "", "").bits_per_weight == 4.5
    assert Quantization({"load_in_8bit": True}, "", "").bits_per_weight is None


def test_every_architecture_of_the_registry_has_its_first_version() -> None:
    assert all(loads(name, rescaled=False).first for name in INFERENCE)
    assert loads("batchtopk", rescaled=False).first is None


@pytest.mark.parametrize(("low", "chance"), [(0.48, True), (0.55, False)])
def test_new_scenarios_and_membership_stand_beside_the_best_probe(
    tmp_path: Path, low: float, chance: bool
) -> None:
    saes = {
        BEST: [
            accuracy(0.8, (50, 50)),
            value("probe_new_scenarios_balanced_accuracy", 0.6, 100, "crossfit", interval=(low, 0.7)),
            value("membership_auroc", 0.71, 100, "control", interval=(0.62, 0.8)),
        ]
    }
    text = built(tmp_path, saes=saes)
    assert (
        f"On scenarios that neither the best SAE nor its probe has seen, it reaches 0.600 [{low:.3f}, 0.700]"
        in text
    )
    assert ("not told from chance" in text) is chance
    assert "are told from others with an AUROC of 0.710, where 0.5" in text
    assert ("are cross-fitted: memory cannot lift their numbers" in text) is False  # plain cross-validation
    head = next(line for line in text.split("\n") if line.startswith("| sae_id"))
    assert "Probe balanced accuracy, new scenarios, unseen rows" in head
    assert "Membership control, seen against unseen rows" in head


def test_what_was_not_measured_of_both_takes_no_room(tmp_path: Path) -> None:
    missing = MetricValue(measure="membership_auroc", version=1, value=None, n=100, split="control", reason="not measured: no")  # fmt: skip
    text = built(tmp_path, saes={BEST: [accuracy(0.8, (50, 50)), missing]})
    assert "Membership control" not in text


def test_what_training_said_of_many_saes_is_said_once_with_the_range_of_its_numbers(tmp_path: Path) -> None:
    folder = write(release_of(), tmp_path / "release", small=True)
    saes = sorted(path.parent for path in folder.glob("*/cfg.json"))
    for number, sae in enumerate(saes):
        warnings = [f"trained on {85 + 1000 * number:,} rows, fewer than d_in = 5,760"]
        warnings += ["its threshold never moved"] if number == 1 else []
        metrics = SaeMetrics.load_ours(sae / "metrics.json") or SaeMetrics(sae_id=sae.name, values=[])
        metrics.model_copy(update={"warnings": warnings}).save(sae / "metrics.json")
    text = build_card(folder).text
    assert f"What training said about {len(saes)} of {len(saes)} SAEs" in text
    last = f"{85 + 1000 * (len(saes) - 1):,}"
    whom = f"{len(saes)} SAEs" if len(saes) > 6 else ", ".join(f"`{sae.name}`" for sae in saes)
    assert f"- trained on 85 to {last} rows, fewer than d_in = 5,760: {whom}\n" in text
    assert f"- its threshold never moved: `{saes[1].name}`\n" in text


def test_an_sae_that_a_fix_rewrote_stays_one_whose_thresholds_never_learned(tmp_path: Path) -> None:
    seed = smollm2_135m()
    members = tuple(replace(one, learned=True) for one in seed.members if one.layer == 3)
    seed = replace(seed, members=members, saes={}, layers=(), comparisons=(), tallies=())
    folder = write(seed, tmp_path / "release", small=True)
    cfg = folder / "smollm2_jumprelu_L3_mixed" / "cfg.json"
    weights = load_file(cfg.with_name("sae_weights.safetensors"))
    save_file(weights | {"threshold": weights["threshold"] * 0}, cfg.with_name("sae_weights.safetensors"))
    before = build_card(folder, force=True)
    with planned(open_folder(folder), ("THR001",), unsafe=True) as plan:
        for fix in plan.fixes:
            if fix.place == cfg.parent.name:
                apply_fix(open_folder(folder), fix)
    after = build_card(folder, force=True)
    learned = [
        next(line for line in card.text.splitlines() if line.startswith("![Thresholds of the SAEs"))
        for card in (before, after)
    ]
    assert learned[0] == learned[1]
    assert "trained as jumprelu, published as the standard SAE that it computes" in after.text
    assert f"(`{cfg.parent.name}`)" in after.text
    assert "found no defect in these SAEs" not in after.text


@pytest.mark.parametrize(("split", "seen"), [("train", True), ("held_out", False), ("crossfit", False)])
def test_only_a_probe_on_training_rows_is_called_not_cross_fitted(
    tmp_path: Path, split: str, *, seen: bool
) -> None:
    layer = LayerProfile(layer=2, hook_name="blocks.2.hook_resid_post", values=[accuracy(0.7, (90, 91))])
    text = built(tmp_path, saes={BEST: [accuracy(0.66, (90, 91), split)]}, layers=(layer,))
    assert "The best SAE probe" in text
    assert ("The SAE has seen the rows it is tested on" in text) is seen


def test_the_index_adds_up_what_is_against_the_same(tmp_path: Path) -> None:
    """The seeds' 8 of 9 and 7 of 9 are 15 of 18."""
    folders = []
    for model, above in {"gpt2": 8, "gpt2-medium": 7}.items():
        settings = SETTINGS.model_copy(
            update={"base_model": f"openai-community/{model}", "repo_id": f"o/{model}"}
        )
        one = tally(above, 9).model_copy(
            update={"subject": "STE JumpReLU", "reference": "TopK at the same layer", "inconclusive": 1, "collapsed": 9 - above}
        )  # fmt: skip
        folders.append(write(replace(release_of(settings), tallies=(tally(above, 40), one)), tmp_path / model, small=True))  # fmt: skip
    text = build_index(folders, IndexSettings(repo_id="o/all", license="mit")).text
    assert "All 2 of them: STE JumpReLU above TopK at the same layer in 15 of 18 (2 inconclusive, 3 collapsed): more often than chance" in text  # fmt: skip
