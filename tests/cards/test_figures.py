"""Figures: well-formed, the same bytes, labels that do not touch, numbers that are the files'."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from builders import cfg, tensors, view
from safetensors.numpy import save

from hubkit import svg
from hubkit.cards.facts import Facts, read_facts
from hubkit.cards.figures import draw_figures, write_figures
from hubkit.cards.settings import CardSettings
from hubkit.errors import UsageError
from hubkit.release.experiments import Steering, SteeringControl, SteeringDose, Transfer
from hubkit.release.metrics import (
    Comparison,
    Density,
    Evaluation,
    LayerProfile,
    MetricValue,
    NullReference,
    SaeMetrics,
)

SETTINGS = CardSettings(repo_id="owner/release", base_model="openai-community/gpt2", license="mit")
SVG = "{http://www.w3.org/2000/svg}"


PRECISIONS = (
    "float16",
    "bfloat16",
    "int8 (compute float16)",
    "nf4 (double quantization, compute float16)",
    "Q4_0 (compute float32)",
)


def value(measure: str, number: float | None, **more: Any) -> MetricValue:
    base: dict[str, Any] = {
        "version": 1,
        "n": 200,
        "split": "crossfit",
        "reason": None if number is not None else "no",
    }
    return MetricValue(measure=measure, value=number, **{**base, **more})


def probe(number: float, **more: Any) -> MetricValue:
    return value("probe_balanced_accuracy", number, interval=(number - 0.05, number + 0.05), **more)


STEERED = [
    Steering(
        sae_id=sae_id,
        direction=direction,
        label="honest",
        effect=effect,
        doses=[
            SteeringDose(alpha=float(alpha), rate=0.5 + effect * alpha / 4, n=40)
            for alpha in (-2, -1, 0, 1, 2)
        ],
        controls=[SteeringControl(kind="isotropic", effects=[0.0, 0.05, -0.3], undecided=0.0, p_value=0.25)],
    )
    for sae_id, direction, effect in (
        ("lab_topk_L3", "decoded difference of means", 0.2),
        (None, "raw difference of means", 0.9),
    )
]
CARRIED = [
    Transfer(
        to=to,
        sae_id=f"lab_{architecture}_L3",
        values=[value("explained_variance_drop", lost, interval=(lost - 0.01, lost + 0.01))],
    )
    for architecture in ("topk", "jumprelu")
    for to, lost in zip(PRECISIONS, (0.0, 0.01, 0.05, 0.2, 0.25), strict=True)
]


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> Facts:
    """Two architectures at twelve layers; one JumpReLU never learned."""
    folder = tmp_path_factory.mktemp("release")
    files: dict[str, bytes] = {}
    saes, layers, differences = [], [], []
    for layer in range(12):
        hook = {"hook_name": f"blocks.{layer}.hook_resid_post"}
        chance = NullReference(kind="chance", mean=0.5, std=0.02)
        layers.append(
            LayerProfile(
                layer=layer, hook_name=hook["hook_name"], values=[probe(0.5 + layer / 50, null=chance)]
            )
        )
        for architecture in ("topk", "jumprelu"):
            sae_id = f"lab_{architecture}_L{layer}"
            weights = tensors(architecture)
            if (architecture, layer) == ("jumprelu", 3):
                weights["threshold"] = weights["threshold"] * 0
            files[f"{sae_id}/cfg.json"] = json.dumps(cfg(architecture, metadata=hook)).encode()
            files[f"{sae_id}/sae_weights.safetensors"] = save(weights)
            values = [
                value("explained_variance", 0.6 + layer / 40),
                value("l0", 4.0 + layer),
                probe(0.52 + layer / 60),
                value(
                    "d_max",
                    0.41 + layer / 20,
                    null=NullReference(kind="labels permuted", quantiles={"0.95": 0.6}),
                ),
                value(
                    "seed_agreement",
                    0.3 + layer / 20,
                    split="train",
                    n=3,
                    interval=(0.28 + layer / 20, 0.32 + layer / 20),
                    null=NullReference(kind="random directions", mean=0.5),
                ),
            ]
            densities = [
                Density(
                    split="train",
                    n=200,
                    latents=32,
                    dead=8 if architecture == "topk" else 16,
                    dense=4,
                    edges=(-3.0, -2.0, -1.0, 0.0),
                    counts=(0, 8, 16) if architecture == "topk" else (4, 8, 4),
                )
            ]
            metrics = SaeMetrics(sae_id=sae_id, values=values, densities=densities)
            saes.append(metrics)
            files[f"{sae_id}/metrics.json"] = metrics.model_dump_json(by_alias=True).encode()
            shift = (layer - 6) / 100
            difference = value(
                "probe_balanced_accuracy_difference", shift, interval=(shift - 0.02, shift + 0.02)
            )
            differences.append(Comparison(sae_id=sae_id, reference="raw", difference=difference))
    evaluation = Evaluation(
        saes=saes,
        layers=layers,
        comparisons=differences,
        inputs_sha256="0" * 64,
        steering=STEERED,
        transfers=CARRIED,
    ).recorded("0.1.0")
    files["evaluation.json"] = evaluation.model_dump_json(by_alias=True).encode()
    for path, data in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return read_facts(folder, SETTINGS)


def test_each_has_a_file_a_text_for_the_blind_and_a_caption(facts: Facts, tmp_path: Path) -> None:
    figures = write_figures(facts, tmp_path)
    assert [figure.path for figure in figures] == [
        f"figures/{name}.svg"
        for name in (
            "layer_profile",
            "comparisons",
            "reconstruction",
            "frontier",
            "density",
            "thresholds",
            "effect_sizes",
            "seeds",
            "steering",
            "transfers",
        )
    ]
    for figure in figures:
        root = ET.fromstring((tmp_path / figure.path).read_text(encoding="utf-8"))
        assert root.find(f"{SVG}title").text == figure.alt  # type: ignore[union-attr]
        assert len(figure.alt) > 40
        assert figure.caption


def test_the_numbers_in_words_are_the_files(facts: Facts) -> None:
    by_name = {one.name: one for one in draw_figures(facts)}
    assert (
        "12 layers, 0.500 to 0.720, highest at layer 11; chance is 0.5. 24 SAEs beside them"
        in by_name["layer_profile"].alt
    )
    assert (
        "Whole 95 % interval above zero: 6 of 24; below: 8. Expected by chance: 0.6 of 24 each, or more."
        in by_name["comparisons"].caption
    )
    assert "explained variance 0.600 to 0.875, L0 4.0 to 15.0" in by_name["reconstruction"].alt
    assert by_name["layer_profile"].text.count('class="band"') == 12
    assert by_name["layer_profile"].caption == "n = 200. The band holds 95 % of what chance gives."
    assert by_name["frontier"].text.count('r="3.5"') == 12, "the circles of one of the two"
    assert "24 SAEs; explained variance 0.600 to 0.875, L0 4.0 to 15.0" in by_name["frontier"].alt
    assert "11 differ between latents, 1 never learned" in by_name["thresholds"].alt
    assert "24 SAEs, 0.410 to 0.960; their nulls 0.600." in by_name["effect_sizes"].alt
    assert "(labels permuted): 16 of 24. Expected by chance: 1.2." in by_name["effect_sizes"].caption
    assert by_name["seeds"].caption == "Whole 95 % interval above random directions: 14 of 24."
    assert by_name["density"].caption == "On no row: jumprelu 50 %; topk 25 %."
    assert "raw difference of means 0.05 to 0.95" in by_name["steering"].alt
    assert (
        "as far: 1 of 3 (decoded difference of means of lab_topk_L3); 0 of 3 (raw difference of means)."
        in by_name["steering"].caption
    )
    assert (
        "nf4 (double quantization, compute float16) 0.200; Q4_0 (compute float32) 0.250"
        in by_name["transfers"].alt
    )


def test_same_facts_same_bytes_and_what_no_longer_applies_goes(facts: Facts, tmp_path: Path) -> None:
    assert draw_figures(facts) == draw_figures(facts)
    write_figures(facts, tmp_path)
    stamp = (tmp_path / "figures" / "thresholds.svg").stat().st_mtime_ns
    write_figures(facts, tmp_path)
    assert (tmp_path / "figures" / "thresholds.svg").stat().st_mtime_ns == stamp
    import dataclasses

    write_figures(dataclasses.replace(facts, evaluation=None), tmp_path)
    assert not (tmp_path / "figures" / "layer_profile.svg").exists()


def test_no_figure_is_written_through_a_link_that_leads_out(facts: Facts, tmp_path: Path) -> None:
    release, elsewhere = tmp_path / "release", tmp_path / "elsewhere"
    (release / "drawn").mkdir(parents=True)
    elsewhere.mkdir()
    try:
        (release / "figures").symlink_to(elsewhere, target_is_directory=True)
    except OSError:
        pytest.skip("links need a right of their own here")
    with pytest.raises(UsageError, match="leads out of the release"):
        write_figures(facts, release)
    assert list(elsewhere.iterdir()) == []
    (release / "figures").unlink()
    (release / "figures").symlink_to(release / "drawn", target_is_directory=True)
    assert write_figures(facts, release)
    assert list((release / "drawn").iterdir()) != []


def test_no_label_touches_another_or_leaves_the_picture(facts: Facts) -> None:
    for figure in draw_figures(facts):
        root = ET.fromstring(figure.text)
        height = float(root.get("height") or 0)
        boxes = [box(text) for text in root.iter(f"{SVG}text")]
        for i, (left, top, right, bottom, words) in enumerate(boxes):
            assert left >= 0, (figure.name, words)
            assert right <= svg.WIDTH, (figure.name, words)
            assert bottom <= height, (figure.name, words)
            for other in boxes[i + 1 :]:
                apart = right <= other[0] or other[2] <= left or bottom <= other[1] or other[3] <= top
                assert apart, (figure.name, words, other[4])


def box(text: ET.Element) -> tuple[float, float, float, float, str]:
    """Where a text is, by a generous width of its letters."""
    words, style = text.text or "", text.get("class") or ""
    size = 14 if style == "h" else 12
    width = len(words) * size * 0.55
    x, y = float(text.get("x") or 0), float(text.get("y") or 0)
    left = x - width if style == "e" else x - width / 2 if style == "m" else x
    return (left, y - size * 0.8, left + width, y + size * 0.2, words)


def test_dark_and_light_are_in_the_file_and_nothing_is_fetched(facts: Facts) -> None:
    for figure in draw_figures(facts):
        assert "prefers-color-scheme:dark" in figure.text
        assert re.findall(r"(?:href|src|url\(|@import)", figure.text) == []


def test_a_folder_without_numbers_has_only_what_its_weights_say(tmp_path: Path) -> None:
    for path, data in view(readme=None).files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(data)
    assert [one.name for one in draw_figures(read_facts(tmp_path, SETTINGS))] == ["thresholds"]


def test_one_sae_is_no_comparison_and_one_layer_no_maximum(facts: Facts) -> None:
    import dataclasses

    assert facts.evaluation is not None
    only = facts.saes[0]
    evaluation = facts.evaluation.model_copy(
        update={
            "comparisons": [c for c in facts.evaluation.comparisons if c.sae_id == only.sae_id],
            "layers": [p for p in facts.evaluation.layers if p.layer == only.layer],
        }
    )
    single = dataclasses.replace(facts, saes=(only,), evaluation=evaluation)
    drawn = {one.name: one for one in draw_figures(single)}
    assert "comparisons" not in drawn
    assert "1 SAE beside them" in drawn["layer_profile"].alt
    assert drawn["layer_profile"].caption.startswith("n = 200.")
    assert "frontier" not in drawn
    assert "means" not in drawn["reconstruction"].caption


@pytest.mark.parametrize(
    ("values", "low", "high", "labels"),
    [
        ([0.51, 0.83], 0.5, 0.9, ["0.5", "0.6", "0.7", "0.8", "0.9"]),
        ([16.0, 29.8], 15, 30, ["15", "20", "25", "30"]),
        ([-0.11, 0.04], -0.15, 0.05, ["−0.15", "−0.10", "−0.05", "0.00", "0.05"]),
        ([0.0, 12000.0], 0, 12500, ["0", "2,500", "5,000", "7,500", "10,000", "12,500"]),
        ([3.0, 3.0], 1.0, 5.0, ["1", "2", "3", "4", "5"]),
    ],
)
def test_axes_are_round_and_hold_their_values(
    values: list[float], low: float, high: float, labels: list[str]
) -> None:
    axis = svg.Axis.around(values)
    assert (axis.low, axis.high) == (pytest.approx(low), pytest.approx(high))
    assert [axis.label(tick) for tick in axis.ticks] == labels
