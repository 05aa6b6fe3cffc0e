"""A whole cross-fitted release, from a model to a validated folder: `python benchmarks/release.py FOLDER [--rows-only] [--layers 9] [--workers 2]`.

The shapes of the SmolLM2 grid: 27 topk and 27 jumprelu over 9 layers and 3 conditions, 576 -> 2304, k 64, 300 epochs, 180 labelled rows of seed 0. The base
model is a lab model of that width, trained first (its truth is known: the behaviour is carried by its state, and 15 % of the labels are flipped). Then
`collect`, `train`, `evaluate`, `build-cards` and `validate`, as the verbs do them. FOLDER keeps everything: a run that was stopped goes on.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from hubkit.engine.events import Event, Progress
from hubkit.release.metrics import Evaluation
from hubkit.repo.local import open_folder
from hubkit.study.study import Study, save_study

K, EXPANSION, EPOCHS, BATCH = 64, 4, 300, 128
SAMPLES = 194
"""15 of the lab's 16 scenarios are decisive: 180 labelled rows of seed 0."""

MEASURES = (
    "l0",
    "explained_variance",
    "probe_balanced_accuracy",
    "probe_new_scenarios_balanced_accuracy",
    "membership_balanced_accuracy",
)


@contextmanager
def timed(what: str, took: dict[str, float]) -> Iterator[None]:
    """Keep and print the wall time of a stage."""
    started = time.perf_counter()
    yield
    took[what] = time.perf_counter() - started
    print(f"{what}: {took[what]:.1f} s", flush=True)


def every(seconds: float) -> Progress:
    """A report that prints a line now and then."""
    last = [0.0]

    def report(event: Event) -> None:
        if time.monotonic() - last[0] > seconds:
            last[0] = time.monotonic()
            print(f"  {event.stage} {event.done}/{event.total} {event.text}", flush=True)

    return report


def study_of(folder: Path, layers: int, report: Progress) -> Study:
    """The study of a wide lab model, which is trained here when it is not there."""
    from hubkit.lab.model import Shape, build
    from hubkit.study.demo import demo_study
    from hubkit.train.grid import GridPlan
    from hubkit.train.spec import Settings

    shape = Shape(n_layers=layers, d_model=576, n_heads=9, d_mlp=576, learning_rate=1e-3)
    model = build(folder / "model", shape=shape, report=report)
    print(f"  loss {model.losses[0]:.2f} -> {statistics.mean(model.losses[-5:]):.2f}")
    study = demo_study(model, null=False, seed=0)
    settings = Settings(expansion=EXPANSION, k=K, epochs=EPOCHS, batch_size=BATCH)
    grid = GridPlan(
        prefix="lab",
        architectures={"topk": settings, "jumprelu": settings.model_copy(update={"lr": 2e-3})},
        conditions=("mixed", "deceptive_only", "honest_only"),
    )
    collect = study.collect.model_copy(update={"samples": SAMPLES, "layers": tuple(range(layers))})
    summary = "A whole release of the SmolLM2 grid's shapes, of a lab model as wide."
    card = study.card.model_copy(update={"title": "SAEs of a wide lab model", "summary": summary})
    study = study.model_copy(update={"name": "wide-lab-saes", "collect": collect, "grid": grid, "card": card})
    save_study(study, folder / "study.yaml")
    return study


def thresholds(release: Path) -> Iterator[str]:
    """By condition: the thresholds of the published JumpReLUs, and how many are where they began or at 0."""
    from safetensors.numpy import load_file

    found: dict[str, list[np.ndarray]] = {}
    for path in sorted(release.glob("*jumprelu*/sae_weights.safetensors")):
        found.setdefault(path.parent.name.split("_", 3)[3], []).append(load_file(path)["threshold"])
    for condition, several in found.items():
        every = np.concatenate(several)
        low, middle, high = np.quantile(every, [0.05, 0.5, 0.95])
        yield (
            f"thresholds, {condition}, {len(several)} JumpReLUs: {low:.3f}, {middle:.3f}, {high:.3f} (5 %, median, 95 %); "
            f"{(every == 0).mean():.2%} at 0"
        )


def measured(evaluation: Evaluation) -> Iterator[str]:
    """By architecture and condition: median and range of what was measured, on each side of the split."""
    found: dict[tuple[str, ...], list[float]] = {}
    for sae in evaluation.saes:
        _, architecture, _, condition = sae.sae_id.split("_", 3)
        for value in sae.values:
            if value.value is not None and value.measure in MEASURES:
                found.setdefault((architecture, condition, value.measure, value.split), []).append(
                    value.value
                )
    for name, values in sorted(found.items()):
        yield f"{' '.join(name)}: {np.median(values):.3f} ({min(values):.3f} to {max(values):.3f}, {len(values)} SAEs)"


def main() -> None:
    """Run and print."""
    from hubkit.engine.local import Local
    from hubkit.study.pipeline import describe, run_collect, run_evaluate, run_train, study_folders
    from hubkit.train.plan import CrossFit
    from hubkit.train.run import Options
    from hubkit.validate.run import validate

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rows-only", action="store_true")
    parser.add_argument("--layers", type=int, default=9)
    parser.add_argument("--workers", type=int, default=2)
    chosen = parser.parse_args()
    took: dict[str, float] = {}
    report = every(20)
    with timed("model", took):
        study = study_of(chosen.folder, chosen.layers, report)
    where = study_folders(study, chosen.folder)
    with timed("collect", took):
        pool = run_collect(study, chosen.folder, report=report)
    print(
        f"  {len(pool.rows)} rows: "
        + ", ".join(f"{sum(r.label == name for r in pool.rows)} {name}" for name in pool.labels)
    )
    crossfit = CrossFit(scenarios=not chosen.rows_only, control=not chosen.rows_only)
    with timed("train", took):
        summary = run_train(
            study, chosen.folder, options=Options(crossfit, workers=chosen.workers), report=report
        )
    print(
        f"  {summary.trained} SAEs trained, {summary.skipped} were there; {len(summary.warnings)} published ones have warnings"
    )
    with timed("evaluate", took):
        evaluation = run_evaluate(study, chosen.folder, report=report, engine=Local(chosen.workers))
    with timed("card", took):
        describe(study, pool, where)
    with timed("validate", took):
        found = validate(open_folder(where.release))
    for finding in found.findings:
        print(f"  {finding.severity.word} {finding.code}: {finding.message}")
    for line in (*thresholds(where.release), *measured(evaluation)):
        print(f"  {line}")
    print("in all: " + ", ".join(f"{stage} {seconds:.0f} s" for stage, seconds in took.items()))


if __name__ == "__main__":
    main()
