"""`hubkit collect`, `hubkit train`, `hubkit evaluate`: one stage of a study each."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hubkit.cli.options import Quiet
from hubkit.console import Console
from hubkit.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from hubkit.engine.events import Progress
    from hubkit.train.run import Options, TrainSummary


class Engine(StrEnum):
    """Where SAEs are trained and measured."""

    local = "local"
    ray = "ray"


StudyFile = Annotated[Path, typer.Argument(metavar="STUDY", help="A study file.")]
Folder = Annotated[
    Path | None,
    typer.Option(
        "--folder", help="Where the release and the work folder are; beside the study file by default."
    ),
]
Workers = Annotated[
    int, typer.Option("--workers", min=1, help="Processes. Each needs about 0.7 GB and one core.")
]
Folds = Annotated[
    int | None,
    typer.Option(
        "--folds",
        metavar="N",
        min=0,
        help="Cross-fit over the pool's N outer folds; 0: only the published SAEs. Default: the pool's folds.",
    ),
]
RowsOnly = Annotated[
    bool,
    typer.Option(
        "--rows-only", help="No whole-scenario folds and no membership controls: half the work and disk."
    ),
]
Seeds = Annotated[
    int,
    typer.Option(
        "--seeds",
        metavar="N",
        min=1,
        help="Train each published SAE from N seeds, to tell whether its latents come back; 3 give an interval. Two more SAEs for each seed where there are folds.",
    ),
]
Shard = Annotated[
    str,
    typer.Option("--shard", metavar="i/N", help="Only this share of the SAEs; N runs make the whole."),
]
Retries = Annotated[
    int, typer.Option("--retries", min=0, help="How often SAEs are tried again whose process died.")
]
Device = Annotated[str, typer.Option("--device", help="cpu, cuda, cuda:1, ...")]
Memory = Annotated[
    str | None,
    typer.Option(
        "--memory",
        metavar="SIZE",
        help="What training may fill, such as 4GiB: of the GPU, or of all workers together. Default: what is free.",
    ),
]
EngineName = Annotated[
    Engine, typer.Option("--engine", help="Where SAEs are trained and measured: here, or on a Ray cluster.")
]
RayAddress = Annotated[
    str | None,
    typer.Option(
        "--ray-address",
        metavar="ADDRESS",
        help="Of the cluster: host:port of its head, or auto (the default): $RAY_ADDRESS, else this machine's.",
    ),
]
Strict = Annotated[
    bool, typer.Option("--strict", help="Exit code 1 when training has a warning for any published SAE.")
]
Only = Annotated[
    Path | None, typer.Option("--only", metavar="FILE", help="Train just what this failed.json names.")
]
Import = Annotated[
    Path | None,
    typer.Option(
        "--import",
        metavar="FILE",
        help="Completions that are there already, in place of sampling: JSON lines with scenario_id, text, a column for each judge.",
    ),
]
Activations = Annotated[
    list[str] | None,
    typer.Option(
        "--activations",
        metavar="LAYER=FILE",
        help="Their activations, in place of running the model: .npy, .npz, safetensors, .pt; FILE#TENSOR names one of several.",
    ),
]
AskAgain = Annotated[
    bool,
    typer.Option(
        "--ask-again", help="Ask judges once more for the verdicts that were lost (timeouts, refusals)."
    ),
]
DEFAULT_WORKERS = min(2, os.cpu_count() or 1)

EPILOGS = {
    "collect": "Examples:  hubkit collect study.yaml   ·   hubkit collect study.yaml --import completions.jsonl --activations 18=layer_18.npy",
    "train": "Examples:  hubkit train study.yaml --workers 4 --strict   ·   hubkit train study.yaml --folds 5 --shard 2/8   ·   hubkit train study.yaml --engine ray",
    "evaluate": "Examples:  hubkit evaluate study.yaml   ·   hubkit evaluate saes/ --activations rows.safetensors --labels labels.txt",
}


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    for verb in (collect, train, evaluate):
        app.command(epilog=EPILOGS[verb.__name__])(verb)


def collect(
    study: StudyFile,
    folder: Folder = None,
    import_: Import = None,
    activations: Activations = None,
    ask_again: AskAgain = False,
    quiet: Quiet = False,
) -> None:
    """Sample completions, label them, take activations. Or take completions, labels and activations that are there already."""
    from hubkit.cli.pool_shown import show
    from hubkit.collect.times import read_times
    from hubkit.release.layout import ACTIVATIONS, POOL_REPORT, TIMES
    from hubkit.release.pool_extras import read_extras
    from hubkit.release.pool_report import PoolReport
    from hubkit.study.pipeline import run_collect, run_import, study_folders
    from hubkit.study.study import load_study

    loaded, console = load_study(study), Console(quiet=quiet)
    if import_ is not None:
        run_import(loaded, folder or study.parent, import_, by_layer(activations or []))
    elif activations:
        raise UsageError(
            "--activations without --import", hint="--import COMPLETIONS.jsonl says what their rows are"
        )
    with console.progress() as report:
        pool = run_collect(loaded, folder or study.parent, report=report, ask_lost=ask_again)
    work = study_folders(loaded, folder or study.parent).work
    show(console, PoolReport.load(work / POOL_REPORT), read_times(work / TIMES))
    console.say(f"{len(pool.rows)} labelled rows, {len(pool.layers)} layers")
    if (extras := read_extras(work / ACTIVATIONS, pool)) is not None:
        console.say("beside the pool: " + ", ".join(f"{one.name} {len(one.rows)}" for one in extras.sets))
    console.data(str(study_folders(loaded, folder or study.parent).pool))


def cluster(engine: Engine, address: str | None) -> str | None:
    """The address of the cluster, None for this machine. Raises UsageError for an address that nobody asks for."""
    if engine is Engine.local and address is not None:
        raise UsageError(f"--ray-address {address} without --engine ray", hint="--engine ray")
    return (address or "auto") if engine is Engine.ray else None


def by_layer(given: list[str]) -> dict[int, str]:
    """`18=cache.npy` as layer and file. Raises UsageError for anything else, and for a layer that is there twice."""
    found: dict[int, str] = {}
    for one in given:
        layer, equals, file = one.partition("=")
        if not (equals and file and layer.strip().isascii() and layer.strip().isdigit()):
            raise UsageError(
                f"--activations {one}: expected LAYER=FILE", hint="--activations 18=layer_18.npy"
            )
        if int(layer) in found:
            raise UsageError(f"--activations: layer {int(layer)} is there twice")
        found[int(layer)] = file
    return found


def train(
    study: StudyFile,
    folder: Folder = None,
    workers: Workers = DEFAULT_WORKERS,
    folds: Folds = None,
    rows_only: RowsOnly = False,
    seeds: Seeds = 1,
    shard: Shard = "1/1",
    retries: Retries = 1,
    device: Device = "cpu",
    memory: Memory = None,
    engine: EngineName = Engine.local,
    ray_address: RayAddress = None,
    strict: Strict = False,
    only: Only = None,
    quiet: Quiet = False,
) -> None:
    """Train the grid on a pool that is there: the published SAEs, one more of each per outer fold, and membership controls.

    What is finished is not done again. What failed is named in failed.json, with the command that tries just that again.
    """
    from hubkit.engine.memory import parse_memory
    from hubkit.engine.shard import Shard
    from hubkit.study.pipeline import run_train, study_folders
    from hubkit.study.study import load_study
    from hubkit.train.plan import CrossFit
    from hubkit.train.run import Options

    loaded, console = load_study(study), Console(quiet=quiet)
    options = Options(
        crossfit=CrossFit(folds, scenarios=not rows_only, control=not rows_only, seeds=seeds),
        workers=workers,
        retries=retries,
        shard=Shard.parse(shard),
        device=device,
        ray_address=cluster(engine, ray_address),
        memory=None if memory is None else parse_memory(memory),
        only=only,
        command=_typed(study, folder, folds, device, rows_only=rows_only, seeds=seeds)
        + (["--memory", memory] if memory is not None else [])
        + _typed_cluster(engine, ray_address),
    )
    with console.progress() as report:
        summary = run_train(loaded, folder or study.parent, options=options, report=report)
    _tell(console, summary, options)
    console.data(str(study_folders(loaded, folder or study.parent).release))
    if strict and summary.warnings:
        console.error(
            f"{len(summary.warnings)} of {len(summary.published)} SAEs have warnings, and --strict was asked for"
        )
        raise typer.Exit(int(ExitCode.FINDINGS))


def _typed(
    study: Path, folder: Path | None, folds: int | None, device: str, *, rows_only: bool, seeds: int
) -> list[str]:
    """The command that makes the same units again."""
    command = ["hubkit", "train", str(study)]
    command += ["--folder", str(folder)] if folder else []
    command += ["--folds", str(folds)] if folds is not None else []
    command += ["--rows-only"] if rows_only else []
    command += ["--seeds", str(seeds)] if seeds > 1 else []
    return command + (["--device", device] if device != "cpu" else [])


def _typed_cluster(engine: Engine, address: str | None) -> list[str]:
    named = ["--ray-address", address] if address else []
    return ["--engine", engine.value, *named] if engine is Engine.ray else []


def _tell(console: Console, summary: TrainSummary, options: Options) -> None:
    share = f" (shard {options.shard})" if options.shard.count > 1 else ""
    console.say(
        f"{summary.trained} SAEs trained, {summary.skipped} were there, {summary.seconds:.0f} s{share}"
    )
    console.warn(summary.warnings)
    if summary.beside:
        console.say(f"[dim]{summary.beside} SAEs of folds, controls and other seeds have warnings too[/]")


def evaluate(
    study: Annotated[Path, typer.Argument(metavar="STUDY|FOLDER", help="A study file, or a folder of SAEs.")],
    folder: Folder = None,
    workers: Workers = DEFAULT_WORKERS,
    engine: EngineName = Engine.local,
    ray_address: RayAddress = None,
    activations: Annotated[
        Path | None,
        typer.Option(
            "--activations", help="Of a folder: rows as .safetensors, .npy or .pt, one tensor a hook."
        ),
    ] = None,
    labels: Annotated[Path | None, typer.Option("--labels", help="One of two labels a row.")] = None,
    scenarios: Annotated[Path | None, typer.Option("--scenarios", help="The scenario of each row.")] = None,
    model: Annotated[
        str | None,
        typer.Option("--model", help="Of a folder: the base model, a folder or an id, to run on --text."),
    ] = None,
    revision: Annotated[str | None, typer.Option("--revision", help="Commit of the base model.")] = None,
    text: Annotated[Path | None, typer.Option("--text", help="A text a line, or .jsonl.")] = None,
    tokens: Annotated[int, typer.Option("--tokens", min=1, help="Rows to take from --text.")] = 4096,
    seen: Annotated[bool, typer.Option("--seen", help="The SAEs were trained on these rows.")] = False,
    quiet: Quiet = False,
) -> None:
    """Measure SAEs on rows that neither they nor the probes have seen: those of a study, or those of a folder on rows that you give."""
    from hubkit.release.layout import EVALUATION

    console = Console(quiet=quiet)
    address = cluster(engine, ray_address)
    if study.is_dir():
        if address is not None:
            raise UsageError(f"{study}: a folder of SAEs is measured here", hint="leave out --engine ray")
        with console.progress() as report:
            _evaluate_folder(
                study, activations, (labels, scenarios), model, revision, text, tokens, report, seen=seen
            )
        console.data(str(study / EVALUATION))
        return
    if activations or labels or scenarios or model or text or seen:
        raise UsageError(
            f"{study}: a study has rows of its own",
            hint="give the folder of the SAEs: hubkit evaluate FOLDER --activations FILE",
        )
    from hubkit.study.pipeline import run_evaluate, study_folders
    from hubkit.study.study import load_study
    from hubkit.train.run import Options

    loaded = load_study(study)
    options = Options(workers=workers, ray_address=address)
    with console.progress() as report:
        run_evaluate(loaded, folder or study.parent, report=report, engine=options.evaluation_engine)
    console.data(str(study_folders(loaded, folder or study.parent).release / EVALUATION))


def _evaluate_folder(
    saes: Path,
    activations: Path | None,
    columns: tuple[Path | None, Path | None],
    model: str | None,
    revision: str | None,
    text: Path | None,
    tokens: int,
    report: Progress,
    *,
    seen: bool,
) -> None:
    from hubkit.evaluate.elsewhere import evaluate_given
    from hubkit.evaluate.given import given

    if activations is not None and model is None and text is None:
        evaluate_given(saes, given(activations, *columns), seen=seen)
        return
    if model is None or text is None or activations is not None or any(columns):
        raise UsageError(
            f"{saes}: a folder of SAEs needs rows: a file of activations, or a base model and a text",
            hint="--activations FILE [--labels FILE --scenarios FILE], or --model ID --text FILE",
        )
    from hubkit.evaluate.texts import collected, read_texts
    from hubkit.experiments.spliced import documents_of, losses
    from hubkit.inference.load import load_model

    texts = read_texts(text)
    base = load_model(model, revision=revision)
    evaluate_given(
        saes,
        lambda found: collected(base, found, texts, tokens=tokens, report=report),
        seen=seen,
        losses=lambda found, view: losses(base, documents_of(base, texts, tokens), found, view, report),
    )
