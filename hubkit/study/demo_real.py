"""`hubkit demo --real`: the same way with a real language model, SmolLM2-135M-Instruct from an installed package: a study of four SAEs, to a Hub in a folder."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING

from hubkit.engine.events import Progress, silent
from hubkit.errors import UsageError
from hubkit.inference.source import INSTALL_SMOLLM2
from hubkit.publish.plan import Target, make_plan
from hubkit.publish.rehearse import Code, Rehearsal, carry_out, local_hub
from hubkit.study.demo import OWNER
from hubkit.study.stage import Stage
from hubkit.study.stages import StageDone, StudyRun, errors_of
from hubkit.study.starter import PACKAGE, write_starter
from hubkit.study.study import load_study
from hubkit.train.plan import CrossFit
from hubkit.train.run import Options

if TYPE_CHECKING:
    from pathlib import Path

FOLDER = "smollm2-study"
"""Below the demo's folder: the study file is there, for whoever goes on with it."""


@dataclass(frozen=True)
class RealDemo:
    """What came of it."""

    study: Path
    """The study file."""
    release: Path
    done: tuple[StageDone, ...]
    rehearsal: Rehearsal

    @property
    def holds(self) -> bool:
        """No error in the release, and its card's code ran against the Hub that it was pushed to."""
        return not errors_of(self.done) and self.rehearsal.ok


def need_packages() -> None:
    """Raise UsageError where the model, or what reads it, is not installed."""
    missing = [name for name in (PACKAGE, "gguf") if find_spec(name) is None]
    if missing:
        raise UsageError(
            f"--real takes a language model from a package, and {', '.join(missing)} is not installed",
            hint=f"{INSTALL_SMOLLM2} gguf",
        )


def run_real(folder: Path, *, workers: int = 2, report: Progress = silent) -> RealDemo:
    """Write the starter study below `folder` (unless it is there), carry it out, publish it to a Hub in `folder`. What is finished is used again. Raises HubkitError."""
    home = folder / FOLDER
    path = home / "study.yaml"
    if not path.exists():
        write_starter(home, repo_id=f"{OWNER}/{FOLDER}")
    study = load_study(path)
    options = Options(CrossFit(scenarios=False, control=False), workers=workers)
    run = StudyRun(study, home, options=options, report=report)
    done = [run.carry_out(stage) for stage in Stage if stage is not Stage.push]
    release = run.where.release
    with local_hub(folder / "hub") as (_, api):
        plan = make_plan(release, Target(study.card.repo_id), api)
        ids = [spec.sae_id for spec in study.specs()]
        rehearsal = carry_out(plan, release, api, code=Code(ids), report=report)
    return RealDemo(path, release, tuple(done), rehearsal)
