"""`hubkit demo`: the whole way, from a model trained on the spot to SAEs loaded from a Hub by their card's own code."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from hubkit.cards.build import build_card
from hubkit.cards.settings import NAME as CARD_SETTINGS
from hubkit.cards.settings import CardSettings, save_settings
from hubkit.cards.snippets import run_card
from hubkit.engine.events import Progress, silent
from hubkit.errors import HubkitError
from hubkit.publish.gate import check_gate
from hubkit.publish.plan import Target, make_plan
from hubkit.publish.rehearse import Code, Rehearsal, carry_out, local_hub, publish_locally
from hubkit.release.layout import WEIGHTS
from hubkit.repo.local import open_folder
from hubkit.study.experiments import Experiments
from hubkit.study.pipeline import Outcome, run_study
from hubkit.study.study import Study, save_study
from hubkit.train.grid import GridPlan
from hubkit.train.spec import SaeSpec, Settings
from hubkit.validate.report import Report as Validation
from hubkit.validate.run import validate

if TYPE_CHECKING:
    from hubkit.lab.model import LabModel

D_SAE = 256
K = 16
SEEDS = 3
"""Of each published SAE: the fewest with an interval of their agreement."""
OWNER = "hubkit-demo"


@dataclass(frozen=True)
class Demo:
    """What the demo proved, and where it left everything."""

    folder: Path
    study: Study
    outcome: Outcome
    naive: Path
    naive_report: Validation
    refusal: str
    """What the gate said of the naive release."""
    clean_report: Validation
    rehearsal: Rehearsal


def demo_study(model: LabModel, *, null: bool, seed: int) -> Study:
    """The demo's study of a lab model."""
    from hubkit.lab.study import plan

    collect = plan(model, seed=seed)
    name = "lab-saes-null" if null else "lab-saes"
    return Study(
        name=name,
        collect=collect,
        grid=GridPlan(
            prefix="lab",
            architectures={
                "topk": Settings(d_sae=D_SAE, k=K, steps=400, seed=seed),
                "jumprelu": Settings(d_sae=D_SAE, k=K, steps=400, lr=2e-3, seed=seed),
            },
            conditions=("mixed", "deceptive_only", "honest_only"),
        ),
        experiments=Experiments(top_latents=3, resampled=(1, 2, 3)),
        card=CardSettings(
            repo_id=f"{OWNER}/{name}",
            base_model=model.name,
            license="mit",
            title=f"SAEs of a model with a {'null ' if null else ''}known behaviour",
            summary="Made by `hubkit demo`: a model of 262 thousand parameters, trained in seconds, whose truth is known.",
            measures="`honest` and `deceptive` are the two behaviours that the lab model was trained to show; a share of 15 % of the labels is flipped on purpose, so no probe can be right more often than 85 %.",
            does_not_measure="Deception. The lab model says one of two words and is consistent with it afterwards, nothing more.",
            recommended=["Trying hubkit, and testing tools that read SAE repositories."],
            not_recommended=["Any claim about language models."],
            tags=["lab-model"],
            example_text=collect.scenarios[0].prompt,
        ),
    )


def run_demo(
    folder: Path, *, seed: int = 0, null: bool = False, workers: int = 2, report: Progress = silent
) -> Demo:
    """Walk the whole way below `folder`; what is finished there from an earlier run is used again. Raises HubkitError."""
    from hubkit.lab.model import build
    from hubkit.train.plan import CrossFit
    from hubkit.train.run import Options

    model = build(folder / "model", seed=seed, null=null, report=report)
    study = demo_study(model, null=null, seed=seed)
    save_study(
        study.model_copy(update={"collect": study.collect.model_copy(update={"model": "model"})}),
        folder / "study.yaml",
    )
    # Whole-scenario folds would nearly double the training, and the demo is there to be over soon.
    options = Options(CrossFit(scenarios=False, seeds=SEEDS), workers=workers)
    outcome = run_study(study, folder, options=options, report=report)
    build_card(outcome.folders.release, study.card, run=partial(run_card, base_model=model.folder))
    clean_report = validate(open_folder(outcome.folders.release))
    naive, naive_report, refusal = _naive_release(study, outcome, folder, report)
    ids = [spec.sae_id for spec in study.specs(outcome.pool.d_in)]
    with local_hub(folder / "hub") as (_, api):
        publish_locally(model.folder, model.name, api, message="The base model of the demo")
        plan = make_plan(outcome.folders.release, Target(study.card.repo_id), api)
        rehearsal = carry_out(plan, outcome.folders.release, api, code=Code(ids), report=report)
    return Demo(folder, study, outcome, naive, naive_report, refusal, clean_report, rehearsal)


def _naive_release(
    study: Study, outcome: Outcome, folder: Path, report: Progress
) -> tuple[Path, Validation, str]:
    """One JumpReLU trained without a gradient in its threshold, as a release of its own; what the validator and the gate say of it."""
    from hubkit.train.plan import CrossFit
    from hubkit.train.run import Options, train

    release = folder / f"{study.name}-naive"
    spec = SaeSpec(
        sae_id=f"lab_jumprelu_naive_L{study.collect.layers[1]}_mixed",
        architecture="jumprelu",
        layer=study.collect.layers[1],
        condition="mixed",
        d_sae=D_SAE,
        k=K,
        recipe="naive",
        seed=study.collect.seed,
    )
    train(
        [spec],
        outcome.folders.pool,
        release,
        folder / "work" / release.name,
        options=Options(crossfit=CrossFit(folds=0)),
        report=_as("naive", report),
    )
    settings = study.card.model_copy(
        update={
            "repo_id": f"{OWNER}/{release.name}",
            "title": "The defect: a JumpReLU whose threshold never left 0",
        }
    )
    save_settings(settings, release / CARD_SETTINGS)
    build_card(release, settings)
    found = validate(open_folder(release))
    try:
        check_gate(release)
    except HubkitError as error:
        return release, found, error.message
    raise HubkitError(
        f"{release}: the gate let a never-learned JumpReLU pass", hint=f"hubkit validate {release}"
    )


def _as(stage: str, report: Progress) -> Progress:
    """The same events under another name: a line of its own in the overview."""
    return lambda event: report(replace(event, stage=stage))


def weights_bytes(release: Path) -> int:
    """Bytes of all weights of a release."""
    return sum(path.stat().st_size for path in release.rglob(WEIGHTS))
