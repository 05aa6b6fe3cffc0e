"""SAEs of any family on rows that are given: the same measures, for the card of a release that hubkit has not trained."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from hubkit import __version__
from hubkit.engine.threads import threads_for
from hubkit.errors import NothingFound
from hubkit.evaluate.assemble import REFERENCE, Beside, comparison, tests_of
from hubkit.evaluate.baselines import SCENARIO, scenario_alone
from hubkit.evaluate.given_rows import GivenRows, encode_rows, streamed
from hubkit.evaluate.layer_unit import at_chance
from hubkit.evaluate.run import keep_what_is_not_ours
from hubkit.evaluate.together import selection, tests_of_architectures
from hubkit.evaluate.values import computed_versions, densities_of, values_of, values_spliced
from hubkit.formats.computed import computation
from hubkit.formats.detect import read_saes
from hubkit.formats.folder import folders_of
from hubkit.formats.sae import TOPK
from hubkit.release.digests import sha256_of_file, sha256_of_json
from hubkit.release.experiments import RepresentationProbe
from hubkit.release.layout import EVALUATION, METRICS
from hubkit.release.metrics import Evaluation, LayerProfile, SaeMetrics
from hubkit.repo.local import open_folder

if TYPE_CHECKING:
    from pathlib import Path

    from hubkit.evaluate.given import Given
    from hubkit.evaluate.values import Loss
    from hubkit.formats.sae import Sae
    from hubkit.measures.design import Design
    from hubkit.measures.measure import Split
    from hubkit.measures.probed import Probe
    from hubkit.release.metrics import Density, MetricValue, TextsRun
    from hubkit.repo.view import RepoView

UNLABELLED = "no labels were given"


Place = tuple[str, int | None]
"""What an SAE reads: the name of the activations, and the layer that it says they are of."""


@dataclass(frozen=True)
class Found:
    """One SAE that was measured."""

    place: Place
    values: list[MetricValue]
    probe: Probe
    kind: str = ""
    densities: tuple[Density, ...] = ()
    texts: TextsRun | None = None
    warnings: tuple[str, ...] = ()


def evaluate_given(
    folder: Path,
    rows: Given | Callable[[list[Sae]], Given],
    *,
    seen: bool = False,
    losses: Callable[[Sequence[Sae], RepoView], Mapping[str, Loss]] | None = None,
) -> Evaluation:
    """Measure every SAE below `folder` on `rows`; writes metrics.json beside each, and evaluation.json. `rows` may be asked for once the SAEs are known.

    `losses` says what the base model loses by each of them, where there is one. `seen` says that the SAEs were trained on these rows: then reconstruction is a value of training rows, and nothing is probed.
    Raises NothingFound without SAEs, UsageError naming an SAE that cannot be computed.
    """
    view = open_folder(folder)
    saes = [one for path in folders_of(view).values() for one in read_saes(path) if one.is_judged]
    if not saes:
        raise NothingFound(
            f"{folder}: no SAEs of a family that hubkit reads", hint=f"hubkit validate {folder}"
        )
    found = rows(saes) if callable(rows) else rows
    keep_what_is_not_ours(folder, folder)
    split: Split = "train" if seen else "held_out"
    done, raw = {}, _Layers(found)
    lost = losses(saes, view) if losses is not None else {}
    for sae in sorted(saes, key=lambda one: one.sae_id):
        name = found.name_of(sae.hook_name, sae.layer, sae.d_in, sae.sae_id)
        done[sae.sae_id] = _measured(sae, view, name, found, split)
        if sae.sae_id in lost:
            done[sae.sae_id] = _with_loss(done[sae.sae_id], lost[sae.sae_id], split)
        if sae.layer is not None and not seen:
            raw.note(sae, name)
    evaluation = _evaluation(done, raw, found, _digest(folder, saes, found, split, lost))
    for metrics in evaluation.saes:
        metrics.save(folder / metrics.sae_id / METRICS)
    evaluation.save(folder / EVALUATION)
    return evaluation


def _measured(sae: Sae, view: RepoView, name: str, given: Given, split: Split) -> Found:
    x, run = given.layers[name], computation(sae, view)
    each_row = sae.k if sae.architecture in TOPK else None
    labelled = given.design is not None and split == "held_out"
    if labelled:
        subject = GivenRows(x, _design(given), encode_rows(run, x), None, _names(given), each_row)
    else:
        subject = GivenRows(x, _design(given), streamed=streamed(run, x))
    with threads_for(x.size):
        values = values_of(subject, [split], labelled=labelled)
        probed = subject.probed if labelled else UNLABELLED
    return Found(
        (name, sae.layer),
        values,
        probed if isinstance(probed, str) else probed.small(),
        sae.trained_as or "",
        tuple(densities_of(subject, [split])),
    )


def _with_loss(found: Found, loss: Loss, split: Split) -> Found:
    return replace(found, values=[*found.values, *values_spliced(loss.spliced, split)], texts=loss.run)


def _names(given: Given) -> tuple[str, str]:
    return (given.labels[0], given.labels[1]) if given.labels else ("", "")


def _design(given: Given) -> Design:
    """A design of nothing where there are no labels: no measure of labels asks for it."""
    if given.design is not None:
        return given.design
    from hubkit.measures.design import Design

    n = given.n
    return Design(np.zeros(n, dtype=bool), np.array(["all"] * n), np.array(["fold0"] * n))


class _Layers:
    """The raw activations beside the SAEs: the profile of each place in the model, once."""

    def __init__(self, given: Given) -> None:
        self.given = given
        self.profiles: dict[Place, LayerProfile] = {}
        self.probes: dict[Place, Probe] = {}
        self.chance: dict[Place, bool] = {}

    def note(self, sae: Sae, name: str) -> None:
        """What this SAE reads."""
        layer, place = sae.layer, (name, sae.layer)
        if layer is None or place in self.profiles or self.given.design is None:
            return
        x = self.given.layers[name]
        subject = GivenRows(x, self.given.design, labels=_names(self.given))
        with threads_for(x.size):
            values = values_of(subject, ["held_out"], layers=True)
            probed = subject.probed
        self.probes[place] = probed if isinstance(probed, str) else probed.small()
        self.chance[place] = any(at_chance(value) for value in values)
        self.profiles[place] = LayerProfile(
            layer=layer, hook_name=sae.hook_name or f"layer {layer}", values=values
        )

    def reference(self, place: Place) -> str:
        """What a comparison calls the raw activations of `place`: by the layer, and by their name too behind others of the same layer."""
        name, layer = place
        first = next(one for one in self.profiles if one[1] == layer)
        return f"raw activations at layer {layer}" + (f", {name}" if place != first else "")


def _evaluation(done: dict[str, Found], raw: _Layers, given: Given, digest: str) -> Evaluation:
    design = given.design
    beside = {sae_id: one for sae_id, one in done.items() if one.place in raw.probes}
    comparisons = [
        comparison(sae_id, raw.reference(one.place), one.probe, raw.probes[one.place], design, "held_out")
        for sae_id, one in beside.items()
        if design is not None
    ]
    compared = {
        sae_id: Beside(one.probe, raw.probes[one.place], raw.chance[one.place])
        for sae_id, one in beside.items()
    }
    tests, more = [], {}
    if design is not None and beside:
        pairs = [(one.kind, one.probe, raw.probes[one.place]) for one in beside.values()]
        tests = tests_of(compared, design) + tests_of_architectures(pairs, REFERENCE, design)
        more = {
            "representations": [
                RepresentationProbe(representation=SCENARIO, values=[scenario_alone(design, "held_out")])
            ],
            "selections": selection(
                "SAEs", {name: one.probe for name, one in beside.items()}, design, "held_out"
            ),
        }
    return Evaluation.model_validate(
        {
            "saes": [
                SaeMetrics(
                    sae_id=sae_id,
                    values=one.values,
                    densities=list(one.densities),
                    texts=one.texts,
                    warnings=list(one.warnings),
                )
                for sae_id, one in done.items()
            ],
            "layers": sorted(raw.profiles.values(), key=lambda one: one.layer),
            "comparisons": comparisons,
            "tests": tests,
            **more,
            "inputs_sha256": digest,
        }
    ).recorded(__version__)


def _digest(folder: Path, saes: list[Sae], given: Given, split: Split, lost: Mapping[str, Loss]) -> str:
    from hashlib import sha256

    files = sorted({path for sae in saes for path in (sae.weights, *sae.files) if path})
    design = given.design
    return sha256_of_json(
        {
            "saes": {path: sha256_of_file(folder / path) for path in files},
            "rows": {name: sha256(rows.tobytes()).hexdigest() for name, rows in given.layers.items()},
            "labels": design.positive.tolist() if design is not None else None,
            "scenarios": design.scenario.tolist() if design is not None else None,
            "split": split,
            "measures": computed_versions(
                [split], labelled=design is not None and split == "held_out", spliced=bool(lost)
            ),
            **(
                {"texts": {name: one.run.model_dump(mode="json") for name, one in lost.items()}}
                if lost
                else {}
            ),
        }
    )
