"""The experiments of a study, each kept by the digest of its inputs: a run that was killed goes on, one that is finished opens no model. Imports torch when there is something to run."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from hubkit.collect.completions import read_completions
from hubkit.engine.events import Event, Progress, silent
from hubkit.errors import HubkitError, UsageError
from hubkit.evaluate.encoded import decoder_of
from hubkit.evaluate.rows import design_of, layer_in, read_sae
from hubkit.evaluate.values import computed_versions
from hubkit.experiments.plan import ModelExperiments
from hubkit.formats.computed import computation
from hubkit.formats.detect import read_saes
from hubkit.formats.folder import folders_of
from hubkit.inference.precision import Precision
from hubkit.measures.catalogue import CATALOGUE
from hubkit.measures.separation import Labelled, strongest
from hubkit.release.activations import read_layer
from hubkit.release.digests import sha256_of_file, sha256_of_json
from hubkit.release.experiments import Steering, Transfer
from hubkit.release.folds import rows_of
from hubkit.release.layout import CFG, COMPLETIONS, EXPERIMENTS, MANIFEST, WEIGHTS
from hubkit.release.pool import MIXED, PoolManifest
from hubkit.release.ran import Ran, SaeLoss
from hubkit.release.writing import write_json
from hubkit.repo.local import open_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from hubkit.collect.completions import Completion
    from hubkit.collect.plan import CollectPlan
    from hubkit.evaluate.values import Loss
    from hubkit.experiments.directions import Direction
    from hubkit.experiments.plan import SteeringPlan
    from hubkit.experiments.portability import PoolRows
    from hubkit.formats.computed import Run
    from hubkit.formats.sae import Sae
    from hubkit.inference.load import BaseModel
    from hubkit.release.pool import PoolLayer

FOLDER = "experiments"
"""In the work folder."""
METHOD_VERSION = 1
"""Rises when the same inputs would give other results."""


@dataclass(frozen=True)
class Places:
    """Where the study's artefacts are."""

    pool: Path
    """Activations and their manifest."""
    release: Path
    work: Path


def run_experiments(
    asked: ModelExperiments,
    plan: CollectPlan,
    places: Places,
    sae_ids: Sequence[str],
    report: Progress = silent,
) -> Ran:
    """Do what is asked for and is not there yet, and write `<work>/experiments.json`. Raises UsageError for an SAE that is not in the study, HubkitError where the model cannot be run."""
    work = _Work(asked, plan, places, tuple(sae_ids), report)
    steering, transfers, losses = work.steering(), work.transfers(), work.losses()
    ran = Ran(inputs_sha256=work.digest, steering=steering, transfers=transfers, losses=losses)
    ran.save(places.work / EXPERIMENTS)
    report(Event(FOLDER, 1, 1, "experiments are there"))
    return ran


def called(precision: Precision) -> str:
    """As a study file, and `transfers` of a card.yaml, would write it."""
    written: Any = precision.model_dump(mode="json")
    return written if isinstance(written, str) else str(precision)


class _NotHereError(HubkitError):
    """A precision that cannot be had on this machine."""


@dataclass
class _Work:
    asked: ModelExperiments
    plan: CollectPlan
    places: Places
    sae_ids: tuple[str, ...]
    report: Progress
    not_here: dict[str, str] = field(default_factory=dict)
    """Precision to why it cannot be had."""

    def __post_init__(self) -> None:
        self.manifest = PoolManifest.load(self.places.pool / MANIFEST)
        steering = self.asked.steering
        unknown = sorted(set(steering.saes if steering else ()) - set(self.sae_ids))
        if unknown:
            raise UsageError(
                f"experiments.steering.saes: {unknown[0]} is no SAE of this study",
                hint=f"choose from {', '.join(self.sae_ids[:8])}",
            )

    @cached_property
    def base(self) -> BaseModel:
        """The pool's own model: opened when it is first needed."""
        return self._model(self.plan.precision)

    @cached_property
    def completions(self) -> list[Completion]:
        """Of the pool."""
        return read_completions(self.places.work / COMPLETIONS)

    @cached_property
    def pool_inputs(self) -> dict[str, Any]:
        """What every experiment depends on."""
        return {
            "version": METHOD_VERSION,
            "pool": self.manifest.inputs_sha256,
            "layers": {one.hook_name: one.sha256 for one in self.manifest.layers},
            "measures": computed_versions(["train"], spliced=True),
            "paired": {name: one.version for name, one in CATALOGUE.items() if one.of_paired},
        }

    @property
    def digest(self) -> str:
        """Of everything that these experiments depend on."""
        saes = {name: self._sha256(name) for name in self.sae_ids}
        asked = self.asked.model_dump(mode="json", include=set(ModelExperiments.model_fields))
        return sha256_of_json({**self.pool_inputs, "saes": saes, "asked": asked, "not here": self.not_here})

    def steering(self) -> list[Steering]:
        """Of each SAE that is named."""
        asked = self.asked.steering
        return [] if asked is None else [one for name in asked.saes for one in self._steered(name, asked)]

    def _steered(self, name: str, asked: SteeringPlan) -> list[Steering]:
        from hubkit.experiments import steering
        from hubkit.experiments.directions import directions, dose_of
        from hubkit.inference.structure import Place

        judge = asked.judge or self.plan.judge
        steering.check_judge(judge)
        inputs = {
            "steering": asked.model_dump(mode="json", exclude={"saes", "judge"}),
            "judge": judge.settings(),
            "sae": self._sha256(name),
        }

        def compute() -> Any:
            rows = self._rows(name, every=True)
            decoder = decoder_of(self.places.release / name)
            acts = self._run(name)(rows.x.astype(np.float64))[0]
            latents = strongest(Labelled.of(acts, rows.design.positive), asked.latents)[0].tolist()
            chosen: list[Direction] = directions(rows.x, rows.design.positive, acts, decoder, latents)
            layer = self._layer(name)
            steered = steering.Steered(
                Place(layer.layer, self.plan.sites[0], layer.hf_hook_name), chosen,
                dose_of(rows.x, rows.design.positive), rows.x, self.manifest.labels[0], name, asked.alphas, asked.controls,
            )  # fmt: skip
            drawn = steering.asked_of(self.plan, self.base, asked.completions, asked.max_new_tokens)
            parts = sha256_of_json({**self.pool_inputs, **inputs})
            found = steering.steer(
                self.base, drawn, judge, steered,
                remember=lambda part, ask: self._kept({"of": parts, "part": part}, ask), report=self.report,
            )  # fmt: skip
            return [one.model_dump(mode="json") for one in found]

        return [Steering.model_validate_json(json.dumps(one)) for one in self._kept(inputs, compute)]

    def transfers(self) -> list[Transfer]:
        """Of each SAE at each precision, the own one run again as the ceiling; a precision that cannot be had here is said so, once."""
        from hubkit.experiments.portability import not_measured

        found: list[Transfer] = []
        for precision in self.asked.precisions:
            try:
                found += [self._transferred(name, precision) for name in self.sae_ids]
            except _NotHereError as why:
                self.not_here[str(precision)] = why.message
                found.append(not_measured(called(precision), why.message))
        return found

    def _transferred(self, name: str, precision: Precision) -> Transfer:
        from hubkit.experiments.portability import Subject, transfer

        def compute() -> Any:
            rows, run = self._rows(name), self._run(name)
            path = self._layer(name).hf_hook_name
            own = rows_of(self.manifest, str(self._sae(name).training.condition))
            other, again = self._again(precision)[path][own], self._again(self.plan.precision)[path][own]
            return transfer(called(precision), Subject(name, run), rows, other, again).model_dump(mode="json")

        inputs = {"precision": str(precision), "sae": self._sha256(name)}
        return Transfer.model_validate_json(json.dumps(self._kept(inputs, compute) | {"sae_id": name}))

    def _again(self, precision: Precision) -> Any:
        """The rows of all layers at a precision; the model of another one is let go of as soon as it has run."""
        from hubkit.experiments.portability import passages_of, rows_again

        if precision not in self._rows_at:
            own = precision == self.plan.precision
            paths = sorted({one.hf_hook_name for one in self.manifest.layers})
            self.report(Event("precision", 0, 1, str(precision)))
            try:
                base = self.base if own else self._model(precision)
                passages = passages_of(self.plan, base, self.completions)
                self._rows_at[precision] = rows_again(base, passages, self.plan.pooling, paths)
            except HubkitError as error:
                if own:
                    raise
                raise _NotHereError(error.message) from error
        return self._rows_at[precision]

    @cached_property
    def _rows_at(self) -> dict[Precision, Any]:
        return {}

    def losses(self) -> list[SaeLoss]:
        """Of every SAE, on the completions that have a label."""
        if not self.asked.tokens:
            return []
        return [SaeLoss.model_validate_json(json.dumps(self._kept_loss(name))) for name in self.sae_ids]

    def _kept_loss(self, name: str) -> Any:
        def compute() -> Any:
            from hubkit.evaluate.values import values_spliced

            found = self._lost_at(self._layer(name))[name]
            values = values_spliced(found.spliced, "train")
            return SaeLoss(sae_id=name, values=values, texts=found.run).model_dump(mode="json")

        inputs = {"spliced": self.asked.tokens, "sae": self._sha256(name)}
        return self._kept(inputs, compute) | {"sae_id": name}

    def _lost_at(self, layer: PoolLayer) -> dict[str, Loss]:
        """Of all SAEs of a layer: the clean model and the ablations are theirs together."""
        from hubkit.experiments.spliced import losses

        if layer.hook_name not in self._lost:
            view = open_folder(self.places.release)
            saes = [
                one
                for name, folder in folders_of(view).items()
                for one in read_saes(folder)
                if name in self.sae_ids and self._layer(name) == layer
            ]
            self._lost[layer.hook_name] = losses(self.base, self._documents(), saes, view, self.report)
        return self._lost[layer.hook_name]

    @cached_property
    def _lost(self) -> dict[str, dict[str, Loss]]:
        return {}

    def _documents(self) -> list[Any]:
        from hubkit.collect.rows import prompts_of
        from hubkit.experiments.spliced import Document

        prompts, found, left = prompts_of(self.plan, self.base), [], self.asked.tokens
        for one in self.completions:
            if not one.decisive or left <= 0:
                continue
            prompt = prompts[one.scenario_id, one.variant]
            found.append(Document((*prompt, *one.token_ids), len(prompt)))
            left -= len(one.token_ids)
        return found

    def _sae(self, name: str) -> Sae:
        return read_sae(self.places.release / name)

    def _run(self, name: str) -> Run:
        """What it computes, by the definition of its architecture."""
        view = open_folder(self.places.release / name)
        (sae,) = read_saes(folders_of(view)["."])
        return computation(sae, view)

    def _layer(self, name: str) -> PoolLayer:
        """That the SAE reads."""
        return self.manifest.layer(layer_in(self._sae(name), self.manifest, self.places.release / name))

    def _rows(self, name: str, *, every: bool = False) -> PoolRows:
        """The rows of the SAE's layer that it was trained on; `every` row for what both labels are asked."""
        from hubkit.experiments.portability import PoolRows

        own = rows_of(self.manifest, MIXED if every else str(self._sae(name).training.condition))
        design = design_of(self.manifest)
        chosen = replace(
            design, positive=design.positive[own], scenario=design.scenario[own], fold=design.fold[own]
        )
        x = read_layer(self.places.pool, self.manifest, self._layer(name))
        return PoolRows(x[own], chosen, self.manifest.labels)

    def _model(self, precision: Precision) -> BaseModel:
        from hubkit.inference.load import load_model

        plan = self.plan
        return load_model(
            plan.model,
            revision=plan.revision,
            precision=precision,
            device=plan.device,
            gguf_file=plan.gguf_file,
        )

    def _sha256(self, name: str) -> dict[str, str]:
        folder = self.places.release / name
        return {file: sha256_of_file(folder / file) for file in (CFG, WEIGHTS)}

    def _kept(self, inputs: dict[str, Any], compute: Callable[[], Any]) -> Any:
        """What these inputs gave before, or give now."""
        digest = sha256_of_json({**self.pool_inputs, **inputs})
        path = self.places.work / FOLDER / f"{digest[:32]}.json"
        try:
            found = json.loads(path.read_bytes())
            if found["inputs_sha256"] == digest:
                return found["result"]
        except (OSError, ValueError, KeyError, TypeError):
            pass
        result = compute()
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, {"inputs_sha256": digest, "result": result})
        return result
