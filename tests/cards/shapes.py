"""Releases of stated shapes on disk: right counts, sizes and configurations; weights that are holes in the file, or small real ones."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
from builders import tensors
from safetensors.numpy import save

from hubkit.cards.settings import CardSettings, save_settings
from hubkit.formats.saelens import tensor_shapes
from hubkit.release.digests import sha256_of_file
from hubkit.release.evidence import of_evaluation
from hubkit.release.experiments import (
    RepresentationProbe,
    Stability,
    Steering,
    Tally,
    TestResult,
    TopFeatures,
    Transfer,
)
from hubkit.release.metrics import (
    Comparison,
    Evaluation,
    LayerProfile,
    MetricValue,
    NullReference,
    SaeMetrics,
)
from hubkit.release.provenance import Provenance

Values = dict[str, list[MetricValue]]
TINY = (8, 32)
"""d_in and d_sae of the small form."""


@dataclass(frozen=True)
class Member:
    """One SAE of a release."""

    sae_id: str
    architecture: str
    layer: int
    condition: str
    n_rows: int
    k: int | None = None
    learned: bool = True
    """Whether its thresholds are other than 0."""
    recipe: str = "original"
    training: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Release:
    """A release to be written."""

    settings: CardSettings
    provenance: Provenance | None
    d_in: int
    d_sae: int
    blocks: str
    """Module path of the base model's blocks."""
    members: tuple[Member, ...]
    saes: Values = field(default_factory=dict)
    layers: tuple[LayerProfile, ...] = ()
    comparisons: tuple[Comparison, ...] = ()
    tallies: tuple[Tally, ...] = ()
    tests: tuple[TestResult, ...] = ()
    representations: tuple[RepresentationProbe, ...] = ()
    stability: tuple[Stability, ...] = ()
    steering: tuple[Steering, ...] = ()
    top_features: tuple[TopFeatures, ...] = ()
    transfers: tuple[Transfer, ...] = ()
    model_kwargs: dict[str, Any] = field(default_factory=dict)

    def small(self) -> Release:
        """The same with weights of 8 x 32: for what loads them."""
        d_in, d_sae = TINY
        members = tuple(replace(one, k=None if one.k is None else 4) for one in self.members)
        title = re.sub(r"k = \d+", "k = 4", self.settings.title or "") or None
        return replace(
            self,
            d_in=d_in,
            d_sae=d_sae,
            members=members,
            settings=self.settings.model_copy(update={"title": title}),
        )


def sound(release: Release) -> Release:
    """The same release as it should have been: thresholds that learned, and every value on enough rows that the SAE has not seen, with its interval."""

    def of(metric: MetricValue) -> MetricValue:
        assert metric.value is not None
        probe = metric.measure.startswith("probe_")
        l0 = metric.measure == "l0" and metric.value > release.d_sae / 4
        number = 80.0 if l0 else metric.value
        changed = {
            "measure": metric.measure.replace("probe_cv_", "probe_"),
            "split": "crossfit" if probe else "held_out",
            "value": number,
            "n": 4 * release.d_in,
            "interval": metric.interval or (number - abs(number) / 50, number + abs(number) / 50),
            "interval_method": metric.interval_method or "percentile bootstrap",
        }
        return metric.model_copy(update=changed)

    def values(them: Iterable[MetricValue]) -> list[MetricValue]:
        return list({(one.measure, one.split, one.contrast): one for one in map(of, them)}.values())

    prose = {
        key: text
        for key, text in release.settings.prose.items()
        if key not in {"limitations", "key_findings"}
    }
    return replace(
        release,
        settings=release.settings.model_copy(update={"prose": prose}),
        provenance=release.provenance.model_copy(update={"completions": {"decisive": 4 * release.d_in}}),
        members=tuple(replace(one, learned=True, n_rows=4 * release.d_sae) for one in release.members),
        saes={sae_id: values(them) for sae_id, them in release.saes.items()},
        layers=tuple(one.model_copy(update={"values": values(one.values)}) for one in release.layers),
        comparisons=tuple(
            one.model_copy(update={"difference": of(one.difference)}) for one in release.comparisons
        ),
        tallies=tuple(one.model_copy(update={"split": "crossfit"}) for one in release.tallies),
        representations=tuple(
            one.model_copy(update={"values": values(one.values)}) for one in release.representations
        ),
    )


def grid(
    prefix: str, layers: Iterable[int], architectures: Iterable[str], rows: dict[str, int], **common: Any
) -> tuple[Member, ...]:
    """Layers x architectures x conditions; `rows` maps a condition to its training rows."""
    k = common.pop("k", 64)
    learned = common.pop("learned", False)
    return tuple(
        Member(
            f"{prefix}_{kind}_L{layer}_{condition}",
            kind.split("_")[0],
            layer,
            condition,
            n,
            k if kind.startswith("topk") else None,
            learned,
            **common,
        )
        for kind in architectures
        for layer in layers
        for condition, n in rows.items()
    )


def value(measure: str, number: float, n: int, split: str = "train", **more: Any) -> MetricValue:
    """One value, version 1."""
    return MetricValue(measure=measure, version=1, value=number, n=n, split=split, **more)  # type: ignore[arg-type]


def accuracy(number: float, classes: tuple[int, int], split: str = "crossfit", **more: Any) -> MetricValue:
    """A balanced accuracy by plain cross-validation, with the interval that the class counts alone give."""
    n1, n0 = classes
    half = 1.96 * 0.5 * (number * (1 - number) * (1 / n1 + 1 / n0)) ** 0.5
    bounds = (round(max(0.0, number - half), 4), round(min(1.0, number + half), 4))
    return value(
        "probe_cv_balanced_accuracy", number, n1 + n0, split, interval=bounds,
        interval_method="binomial, from the counts of both labels", null=NullReference(kind="chance", mean=0.5), **more,
    )  # fmt: skip


def d_max(
    number: float, n: int, null: float, split: str = "train", contrast: str | None = None
) -> MetricValue:
    """A largest |d| with the 95 % point of the same maximum over independent latents."""
    reference = NullReference(
        kind="95 % point of the maximum over as many independent latents", quantiles={"0.95": null}
    )
    return value("d_max", number, n, split, null=reference, contrast=contrast)


def write(release: Release, folder: Path, *, small: bool = False, source: str | None = None) -> Path:
    """The folder with everything in it but the card. Its values are computed by hubkit, or with a `source` stated by its author in evidence.yaml."""
    if small:
        release = release.small()
    for member in release.members:
        place = folder / member.sae_id
        place.mkdir(parents=True)
        (place / "cfg.json").write_text(json.dumps(configuration(release, member), indent=2) + "\n", "utf-8")
        if small:
            (place / "sae_weights.safetensors").write_bytes(_real_weights(release, member))
        else:
            _hollow_weights(place / "sae_weights.safetensors", release, member)
        if source is None and member.sae_id in release.saes:
            SaeMetrics(sae_id=member.sae_id, values=release.saes[member.sae_id]).save(place / "metrics.json")
    evaluation = _evaluation(release)
    computed = evaluation.recorded("0.1.0") if source is None else None
    if computed is not None:
        computed.save(folder / "evaluation.json")
    else:
        of_evaluation(evaluation).model_copy(update={"source": source}).save(folder / "evidence.yaml")
    if release.provenance is not None:
        files = {path: sha256_of_file(folder / path) for path in _files(folder)}
        release.provenance.model_copy(
            update={"files": files, "evaluation": computed.computed if computed else None}
        ).save(folder / "provenance.json")
    save_settings(release.settings, folder / "card.yaml")
    return folder


def measure_again(
    folder: Path, values: Values | None = None, layers: Iterable[LayerProfile] | None = None
) -> None:
    """Other values for some SAEs (by sae_id) or all layers, as if hubkit had computed them again: with its record."""
    evaluation = Evaluation.load(folder / "evaluation.json")
    saes = [
        one.model_copy(update={"values": (values or {}).get(one.sae_id, one.values)})
        for one in evaluation.saes
    ]
    for one in saes:
        one.save(folder / one.sae_id / "metrics.json")
    changed = {"saes": saes, "layers": evaluation.layers if layers is None else list(layers)}
    evaluation.model_copy(update=changed).recorded("0.1.0").save(folder / "evaluation.json")


def _files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def _evaluation(release: Release) -> Evaluation:
    saes = [SaeMetrics(sae_id=sae_id, values=values) for sae_id, values in sorted(release.saes.items())]
    return Evaluation(
        saes=saes, layers=list(release.layers), comparisons=list(release.comparisons), inputs_sha256="0" * 64,
        tallies=list(release.tallies), tests=list(release.tests), representations=list(release.representations),
        stability=list(release.stability), steering=list(release.steering), top_features=list(release.top_features),
        transfers=list(release.transfers),
    )  # fmt: skip


def configuration(release: Release, member: Member) -> dict[str, Any]:
    """cfg.json as hubkit writes it."""
    metadata = {
        "sae_lens_version": "6.54.12",
        "sae_lens_training_version": None,
        "model_name": release.settings.base_model,
        "model_class_name": "AutoModelForCausalLM",
        "hook_name": f"blocks.{member.layer}.hook_resid_post",
        "hf_hook_name": f"{release.blocks}.{member.layer}",
        "training_architecture": member.architecture,
        "training_condition": member.condition,
        "hubkit": {"recipe": member.recipe, "n_rows": member.n_rows, **member.training},
    }
    if release.model_kwargs:
        metadata["model_from_pretrained_kwargs"] = release.model_kwargs
    cfg = {
        "architecture": member.architecture,
        "d_in": release.d_in,
        "d_sae": release.d_sae,
        "dtype": "float32",
        "device": "cpu",
        "apply_b_dec_to_input": True,
        "normalize_activations": "none",
        "reshape_activations": "none",
        "metadata": metadata,
    }
    return cfg | ({"k": member.k, "rescale_acts_by_decoder_norm": True} if member.k else {})


def _real_weights(release: Release, member: Member) -> bytes:
    found = tensors(member.architecture, release.d_in, release.d_sae)
    if "threshold" in found and not member.learned:
        found["threshold"] = found["threshold"] * 0
    found["W_dec"] = found["W_dec"] * np.float32(
        1 + crc32(member.sae_id.encode()) / 2**32
    )  # each has its own
    return save(found)


def _hollow_weights(path: Path, release: Release, member: Member) -> None:
    """A file of the right size and header whose values are zeros that take no room; thresholds that have learned are written."""
    shapes = tensor_shapes(member.architecture, release.d_in, release.d_sae) or {}
    header: dict[str, Any] = {}
    end = 0
    for name, shape in shapes.items():
        start, end = end, end + 4 * int(np.prod(shape))
        header[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [start, end]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        if member.learned and "threshold" in header:
            file.seek(8 + len(text) + header["threshold"]["data_offsets"][0])
            file.write(
                np.random.default_rng(member.layer).uniform(0.02, 0.4, release.d_sae).astype("<f4").tobytes()
            )
        file.truncate(8 + len(text) + end)
