"""A whole cross-fitted release, from a model to a validated folder: `python benchmarks/release.py FOLDER [--rows-only] [--layers 9] [--workers 2]`.

The shapes of the SmolLM2 grid: 27 topk and 27 jumprelu over 9 layers and 3 conditions, 576 -> 2304, k 64, 300 epochs, about 181 labelled rows. The base
model is a lab model of that width, trained first (its truth is known: the behaviour is carried by its state, and 15 % of the labels are flipped). Then
`collect`, `train`, `evaluate`, `build-cards` and `validate`, as the verbs do them. FOLDER keeps everything: a run that was stopped goes on.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hubkit.engine.events import Event, Report
from hubkit.repo.local import open_folder
from hubkit.study.study import Study, save_study

K, EXPANSION, EPOCHS, BATCH = 64, 4, 300, 128
SAMPLES = 194
"""15 of the lab's 16 scenarios are decisive: about 181 labelled rows."""


@contextmanager
def timed(what: str, took: dict[str, float]) -> Iterator[None]:
    """Keep and print the wall time of a stage."""
    started = time.perf_counter()
    yield
    took[what] = time.perf_counter() - started
    print(f"{what}: {took[what]:.1f} s", flush=True)


def every(seconds: float) -> Report:
    """A report that prints a line now and then."""
    last = [0.0]

    def report(event: Event) -> None:
        if time.monotonic() - last[0] > seconds:
            last[0] = time.monotonic()
            print(f"  {event.stage} {event.done}/{event.total} {event.text}", flush=True)

    return report


def study_of(folder: Path, layers: int, report: Report) -> Study:
    """The study of a wide lab model, which is trained here when it is not there."""
    from hubkit.lab.model import Shape, build
    from hubkit.study.demo import demo_study
    from hubkit.study.grid import GridPlan
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


def thresholds(release: Path) -> list[str]:
    """Of each published JumpReLU: held-out and training L0, and how far its thresholds are from where they began."""
    from safetensors.numpy import load_file

    lines = []
    for path in sorted(release.glob("*jumprelu*/sae_weights.safetensors")):
        learned = load_file(path)["threshold"]
        lines.append(
            f"{path.parent.name}: threshold {learned.min():.3g} to {learned.max():.3g}, zero {int((learned == 0).sum())}"
        )
    return lines


def measured(release: Path, sae_ids: list[str]) -> dict[str, object]:
    """Medians over the published SAEs, by architecture and condition."""
    found: dict[str, list[dict[str, object]]] = {}
    for sae_id in sae_ids:
        metrics = json.loads((release / sae_id / "metrics.json").read_text(encoding="utf-8"))
        found.setdefault("_".join(sae_id.split("_")[1:2] + sae_id.split("_")[3:]), []).append(metrics)
    return {name: len(group) for name, group in found.items()}


def main() -> None:
    """Run and print."""
    from hubkit.study.pipeline import describe, places, run_collect, run_evaluate, run_train
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
    where = places(study, chosen.folder)
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
    print(f"  {summary.trained} SAEs trained, {summary.skipped} were there")
    for warning in summary.warnings:
        print(f"  {warning}")
    with timed("evaluate", took):
        run_evaluate(study, chosen.folder, report=report, workers=chosen.workers)
    with timed("card", took):
        describe(study, pool, where)
    with timed("validate", took):
        found = validate(open_folder(where.release))
    for finding in found.findings:
        print(f"  {finding.code} {finding.severity} {finding.message}")
    for line in thresholds(where.release):
        print(f"  {line}")
    print(json.dumps(took))


if __name__ == "__main__":
    main()
