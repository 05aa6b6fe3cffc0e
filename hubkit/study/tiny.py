"""`hubkit run --scale tiny`: a study as its file has it, with a lab model of the real class in place of each base model. Torch-free but for `build_model`.

What stays: the architectures, conditions and seeds, how many layers and SAEs, the precision, and every stage. What becomes small is told by `Tiny.notes`,
and neither name nor card of such a release can be taken for the real one's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from importlib.util import find_spec
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hubkit.cards.settings import CardSettings, IndexSettings
from hubkit.collect.also import Also
from hubkit.errors import UsageError
from hubkit.inference.precision import Precision
from hubkit.lab import text
from hubkit.lab.model import STANDARD, LabModel, Shape, build
from hubkit.lab.study import judge
from hubkit.models.base_width import base_config
from hubkit.models.config import text_config
from hubkit.models.kinship import kinship
from hubkit.models.known import known_models
from hubkit.models.names import model_key
from hubkit.study.several import with_companions
from hubkit.study.study import Study, save_study
from hubkit.study.tiny_grid import tiny_grids

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hubkit.collect.plan import CollectPlan
    from hubkit.engine.events import Progress
    from hubkit.study.publication import Publication
    from hubkit.study.several import StudyFile

TINY = "-tiny"
"""Behind the name of everything that is made so."""
OWNER = "hubkit-trial"
"""Whose the repositories are, whoever the study's are: of a Hub on this machine."""
MODELS = "models"
SAMPLES = 256
"""Completions: of these some 240 are decided, above the 181 rows from which JumpReLU's recipe was seen to converge."""
TRAINING_STEPS = 80
"""Of the base model: all classes give a clear first word by then."""
SPARE = 3
"""Blocks beside those that are looked at."""
LATEST = 10
"""Tokens behind the commit span that can be skipped: two are left of a lab response then."""


@dataclass(frozen=True)
class Tiny:
    """A study made small, and the model that it needs."""

    study: Study
    shape: Shape
    replaced: str
    """The base model in whose place it is."""
    notes: tuple[str, ...]
    """What is not as the study file says, beside the sizes."""


def tiny_file(file: StudyFile, folder: Path) -> tuple[StudyFile, list[Tiny]]:
    """The study file with every release that hubkit trains made small, to be carried out below `folder`. Releases that are folders are left out.

    Raises UsageError where the class of a base model is not known here.
    """
    found = [tiny(one, file, folder) for one in file.studies]
    publish = _publication(file.publish)
    studies = with_companions([one.study for one in found])
    named = [replace(one, study=study) for one, study in zip(found, studies, strict=True)]
    return replace(file, name=file.name + TINY, publish=publish, releases=studies), named


def tiny(study: Study, file: StudyFile, folder: Path) -> Tiny:
    """One release made small."""
    plan = study.collect
    config, whose = _config(study)
    sizes = text_config(config)
    real_layers = next(
        (int(sizes[key]) for key in ("num_hidden_layers", "n_layer") if key in sizes), max(plan.layers) + 1
    )
    width = next((int(sizes[key]) for key in ("hidden_size", "n_embd") if key in sizes), None)
    layers = tiny_layers(plan.layers, real_layers)
    shape = replace(STANDARD, family=str(config["model_type"]), n_layers=depth(len(plan.layers), real_layers))
    name = f"{shape.name}-for-{_slug(_first_of_model(study, file).name)}"
    precision, notes = _precision(plan.precision)
    if whose:
        notes.append(
            f"which class {study.card.base_model} is of is not known here: it is taken to be that of {whose}"
        )
    if plan.completions_from is not None:
        notes.append("completions_from is left out: a tiny model's completions are its own")
    if study.experiments.needs_model:
        notes.append(
            "experiments with the base model are left out: their doses, texts and precisions are the real model's"
        )
    collect = _collect(plan, name, folder, tuple(layers.values()), precision)
    grid = tiny_grids(study, layers, width)
    card = _card(study, name, collect.scenarios[0].prompt, file)
    small = {one.name: one.name + TINY for one in file.studies}
    beside = tuple(small.get(name, name) for name in study.experiments.beside)
    made = Study(
        name=study.name + TINY,
        collect=collect,
        grid=grid,
        card=card,
        experiments=study.experiments.model_copy(
            update={"beside": beside, "steering": None, "precisions": (), "spliced": False}
        ),
        publish=_publication(study.publish),
    )
    return Tiny(made, shape, study.card.base_model, tuple(notes))


def _collect(
    plan: CollectPlan, name: str, folder: Path, layers: tuple[int, ...], precision: Precision
) -> CollectPlan:
    """What is collected: the lab's prompts and its judge, with what the study says of pooling, sites, folds and seed."""
    return plan.model_copy(
        update={
            "model": str(folder / MODELS / name.rpartition("/")[2]),
            "gguf_file": None,
            "model_name": name,
            "revision": None,
            "scenarios": text.scenarios(),
            "chat": False,
            "samples": SAMPLES,
            "completions_from": None,
            "temperature": 1.0,
            "top_p": 1.0,
            "max_new_tokens": text.RESPONSE_TO_LAST_FILLER,
            "stop": (),
            "judge": judge(labels=plan.labels),
            "second_judges": (judge(flipped=0, labels=plan.labels),) if plan.second_judges else (),
            "layers": layers,
            "skip_after_commit": None
            if plan.skip_after_commit is None
            else min(plan.skip_after_commit, LATEST),
            "also": Also(),
            "precision": precision,
            "device": "cpu",
            "batch_size": None,
        }
    )


def build_model(one: Tiny, report: Progress) -> LabModel:
    """Train the model, or find it."""
    return build(
        Path(one.study.collect.model),
        seed=one.study.collect.seed,
        steps=TRAINING_STEPS,
        shape=one.shape,
        report=report,
    )


def keep_study(one: Tiny, folder: Path) -> Path:
    """The tiny study as a file of its own below `folder`: with it every stage can be run by itself."""
    path = folder / f"{one.study.name}.yaml"
    relative = f"{MODELS}/{one.study.collect.model_name.rpartition('/')[2]}"
    collect = one.study.collect.model_copy(update={"model": relative})
    save_study(one.study.model_copy(update={"collect": collect}), path)
    return path


def depth(n: int, real_layers: int) -> int:
    """Blocks of a tiny model of which `n` are looked at: no more than the real one has."""
    return min(real_layers, max(STANDARD.n_layers, n + SPARE))


def tiny_layers(layers: Sequence[int], real_layers: int) -> dict[int, int]:
    """Each of `layers` to that of the tiny model which is as deep, in share of the blocks that have run; different layers stay different, in their order.

    Of all ways to choose them the one whose depths are off by the least, in squares.
    """
    blocks, chosen = depth(len(layers), real_layers), sorted(layers)
    wanted = [(layer + 1) * blocks / real_layers - 1 for layer in chosen]
    best = min(
        combinations(range(blocks), len(chosen)),
        key=lambda some: sum((a - b) ** 2 for a, b in zip(some, wanted, strict=True)),
    )
    found = dict(zip(chosen, best, strict=True))
    return {layer: found[layer] for layer in layers}


def _config(study: Study) -> tuple[Mapping[str, Any], str]:
    """The configuration of the real base model; and whose it is, where it is that of a relative. Raises UsageError."""
    plan = study.collect
    for name in (plan.model, plan.model_name, study.card.base_model):
        if (config := base_config(name)) is not None and isinstance(config.get("model_type"), str):
            return config, ""
    for model in known_models():
        for name in model.ids:
            if kinship(study.card.base_model, name) in {"same", "quantized", "tuned", "sibling"}:
                return model.config, name
    raise UsageError(
        f"{study.name}: which class {study.card.base_model} is of is not known here, and --scale tiny takes a model of that class",
        hint="name a folder with its config.json as collect.model; no weights are needed there",
    )


def _precision(wanted: Precision) -> tuple[Precision, list[str]]:
    """The study's own, where this machine can do it without a GPU; else what it computes with, and why."""
    package = "bitsandbytes" if wanted.is_bnb else "gguf" if wanted.gguf_type else None
    if package is None or find_spec(package) is not None:
        return wanted, []
    return Precision.of(wanted.compute), [
        f"precision {wanted} needs the package {package}, which is not installed: the tiny model runs in {wanted.compute}"
    ]


def _card(study: Study, name: str, example: str, file: StudyFile) -> CardSettings:
    """What the card of a tiny release says. Nothing of the author's: it would be of another model."""
    publish = _publication(study.publish or file.publish)
    slug = name.rpartition("/")[2]
    if (
        _first_of_model(study, file).name != study.name
    ):  # a companion: no pattern but {release} tells them apart
        repo_id = f"{OWNER}/{slug}-{_slug(study.name)}"
    else:
        repo_id = publish.repo_id(file.name, study.name, name) if publish else f"{OWNER}/{slug}-saes"
    return CardSettings(
        repo_id=repo_id,
        base_model=name,
        license="mit",
        title=f"A trial run of the study {study.name}, not its SAEs",
        summary="Made by `hubkit run --scale tiny`: every stage of a study, on a model of a few hundred thousand parameters that was trained for some seconds on the text of hubkit's lab. "
        "It is of the class of the study's base model and has none of its weights: no number here says anything of that model.",
        measures="Which of two words the lab model began its response with; a share of 15 % of the labels is flipped on purpose, so no probe can be right more often than 85 %.",
        does_not_measure="Anything about a language model that anybody uses.",
        recommended=["Trying a study before the hours that it takes."],
        not_recommended=["Any claim about the base model of the study."],
        tags=["lab-model"],
        example_text=example,
    )


def _publication(publish: Publication | None) -> Publication | None:
    """To repositories of their own, by the same pattern: the lab model's name is in theirs."""
    if publish is None:
        return None
    index = publish.index and IndexSettings(
        repo_id=f"{OWNER}/{publish.index.repo_id.partition('/')[2]}{TINY}",
        license="mit",
        title="A trial run of a study, not its SAEs",
        summary="Made by `hubkit run --scale tiny`: lab models in place of the study's base models.",
        tags=["lab-model"],
    )
    collection = publish.collection and publish.collection.model_copy(
        update={"title": "hubkit: a trial run of a study", "description": None}
    )
    return publish.model_copy(update={"owner": OWNER, "index": index, "collection": collection, "tag": None})


def _first_of_model(study: Study, file: StudyFile) -> Study:
    """Whose model a release has: that of the first release of the file with the same base model, looked at in as many layers and with the same seed."""

    def what(one: Study) -> tuple[str, int, int]:
        return model_key(one.card.base_model), len(one.collect.layers), one.collect.seed

    return next((one for one in file.studies if what(one) == what(study)), study)


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9.]+", "-", name.lower()).strip("-.")
