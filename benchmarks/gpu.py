"""Training on a GPU in one run: checked against itself, timed against SAELens one by one, and as whole grids, in one table.

    python benchmarks/gpu.py                          # a data-centre GPU takes some minutes
    python benchmarks/gpu.py --device cpu --quick     # the same way in small, in seconds: nothing of it is about a GPU

The shapes of the SmolLM2 grid (576 -> 2304, k 64, n 181, batch 128, 300 epochs; 9 layers x topk and jumprelu x 3 conditions), and of TinyLlama's (2048 -> 8192, batch 1,024,
20,000 rows). SAELens, eager stacks, captured ones and those with tf32 products take turns in each round; the figures are medians over the rounds. `wandb`
may be an empty module: SAELens imports it and nothing here uses it.
"""

from __future__ import annotations

import argparse
import logging
import shutil
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
import train as against
from safetensors.torch import save_file

from hubkit.engine.machine import machine
from hubkit.release.digests import sha256_of_file
from hubkit.release.layout import MANIFEST
from hubkit.release.pool import PoolManifest
from hubkit.train.cpu_trainer import CpuTrainer
from hubkit.train.grid import GridPlan
from hubkit.train.mapped import MappedStack
from hubkit.train.member import Member
from hubkit.train.plan import CrossFit
from hubkit.train.products import products
from hubkit.train.run import Options, train
from hubkit.train.spec import SaeSpec, Settings

ARCHITECTURES = ("topk", "jumprelu")
STACKS = (9, 27, 81)
CONDITIONS = ("mixed", "deceptive_only", "honest_only")
CAP = 4 << 30
"""Bytes of the author's own GPU."""


class Shapes:
    """What is trained: the real sizes, or small ones that show that all of it runs."""

    def __init__(self, *, quick: bool) -> None:
        self.d_in, self.d_sae, self.k, self.rows, self.batch = (
            (16, 32, 4, 40, 16) if quick else (576, 2304, 64, 181, 128)
        )
        self.epochs, self.layers, self.steps = (4, 2, 6) if quick else (300, 9, 60)
        self.stacks = (2, 3) if quick else STACKS
        self.wide = (32, 64, 32, 200, 4) if quick else (2048, 8192, 1024, 20_000, 40)
        """d_in, d_sae, batch, rows, steps of the compute-bound shape."""

    def spec(self, name: str, seed: int = 0, **more: object) -> SaeSpec:
        """An SAE of these sizes."""
        own = {
            "sae_id": f"{name}{seed}",
            "architecture": name,
            "layer": 0,
            "condition": "mixed",
            "seed": seed,
        }
        sizes = {"d_sae": self.d_sae, "k": self.k, "batch_size": self.batch, "steps": self.steps}
        return SaeSpec.model_validate(own | sizes | more)


def settled(device: str) -> float:
    """Now, when the device has done what it was asked for."""
    if device != "cpu":
        torch.cuda.synchronize()
    return time.perf_counter()


def stack_of(specs: list[SaeSpec], rows: torch.Tensor, device: str, *, graphs: bool = False) -> MappedStack:
    """A stack before its first step."""
    trainers = [CpuTrainer(Member(one.sae_id, one, rows), written_out=False) for one in specs]
    return MappedStack(trainers, device, graphs=graphs)


def step_ms(stack: MappedStack, steps: int, device: str, setting: str | None) -> float:
    """Milliseconds a step of one SAE, after a first look at the program (and its capture)."""
    active, first = range(len(stack.trainers)), max(1, steps // 4)
    with products(setting, torch.device(device)):
        stack.advance(first, active)
        begun = settled(device)
        stack.advance(steps - first, active)
        return 1e3 * (settled(device) - begun) / (steps - first) / len(stack.trainers)


def steps_table(shapes: Shapes, device: str, rounds: int) -> None:
    """SAELens one by one beside the stacks."""
    against.D_IN, against.D_SAE, against.K = shapes.d_in, shapes.d_sae, shapes.k
    against.ROWS, against.BATCH = shapes.rows, shapes.batch
    rows = against.activations()
    ways: dict[tuple[str, str], list[float]] = {}
    for _ in range(rounds):
        for name in ARCHITECTURES:
            one = against.seconds(against.saelens(name, rows, shapes.steps)) / shapes.steps
            ways.setdefault((name, "SAELens (on the CPU)" if device == "cpu" else "SAELens"), []).append(
                1e3 * one
            )
            for size in shapes.stacks:
                specs = [shapes.spec(name, seed) for seed in range(size)]
                for way, graphs, setting in variants(device):
                    stack = stack_of(specs, rows, device, graphs=graphs)
                    taken = step_ms(stack, shapes.steps, device, setting)
                    ways.setdefault((name, f"stack of {size}{way}"), []).append(taken)
    print("\n| ms a step of one SAE | topk | jumprelu |\n|---|---|---|")
    for way in dict.fromkeys(way for _, way in ways):
        print(
            f"| {way} | "
            + " | ".join(f"{statistics.median(ways[name, way]):.3f}" for name in ARCHITECTURES)
            + " |"
        )


def variants(device: str) -> list[tuple[str, bool, str | None]]:
    """In words, whether captured, and the products."""
    if device == "cpu":
        return [("", False, None)]
    return [("", False, None), (", captured", True, None), (", captured, tf32", True, "tf32")]


def check_equality(shapes: Shapes, device: str) -> None:
    """An SAE beside others of other lengths and batches is the one it is alone, to rounding; captured and eager are bit-equal, where there are graphs."""
    rows = against.activations()
    print("\n| equality, after all steps | largest difference, relative to the largest weight |\n|---|---|")
    for name in ARCHITECTURES:
        mixed = [
            shapes.spec(name, seed, steps=shapes.steps - seed, batch_size=max(2, shapes.batch - seed))
            for seed in range(3)
        ]
        together = finished(stack_of(mixed, rows, device))
        alone = [finished(stack_of([one], rows, device))[0] for one in mixed]
        worst = max(difference(a, b) for a, b in zip(together, alone, strict=True))
        print(f"| {name}: three lengths and batches in one stack, against alone | {worst:.1e} |")
        if device != "cpu":
            specs = [shapes.spec(name, seed) for seed in range(3)]
            eager, captured = (
                finished(stack_of(specs, rows, device, graphs=graphs)) for graphs in (False, True)
            )
            worst = max(difference(a, b) for a, b in zip(eager, captured, strict=True))
            print(f"| {name}: captured against eager (expected: 0) | {worst:.1e} |")


def finished(stack: MappedStack) -> list[dict[str, torch.Tensor]]:
    """The weights of every SAE after its own steps."""
    ends = [one.steps for one in stack.trainers]
    stack.advance(max(ends), range(len(ends)))
    return [
        {name: part.detach().clone() for name, part in one.sae.state_dict().items()} for one in stack.finish()
    ]


def difference(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> float:
    """The largest, relative to the largest value of its tensor."""
    return max(
        float((one[name] - other[name]).abs().max() / one[name].abs().max().clamp(min=1e-30)) for name in one
    )


@contextmanager
def capped(device: str, memory: int | None) -> Iterator[None]:
    """The allocator of the device given no more than `memory`; its peak counted from here."""
    if device == "cpu":
        yield
        return
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    whole = torch.cuda.get_device_properties(device).total_memory
    torch.cuda.set_per_process_memory_fraction(1.0 if memory is None else memory / whole)
    try:
        yield
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)


def write_pool(folder: Path, shapes: Shapes) -> None:
    """A pool of random activations of two labels, in five folds."""
    folder.mkdir()
    layers = []
    for layer in range(shapes.layers):
        path = folder / f"layer_{layer}.safetensors"
        g = torch.Generator().manual_seed(layer)
        low = torch.randn(shapes.rows, 40, generator=g) @ torch.randn(40, shapes.d_in, generator=g)
        save_file({"activations": low + 0.3 * torch.randn(shapes.rows, shapes.d_in, generator=g)}, path)
        hook = {"hook_name": f"blocks.{layer}.hook_resid_post", "hf_hook_name": f"model.layers.{layer}"}
        layers.append({"layer": layer, "file": path.name, "sha256": sha256_of_file(path), **hook})
    rows = [
        {"completion_id": f"c{i}", "scenario_id": f"s{i % 10}", "label": ("deceptive", "honest")[i % 2], "split": f"fold{i // 10 % 5}"}
        for i in range(shapes.rows)
    ]  # fmt: skip
    manifest = {
        "model_name": "bench/none", "model_revision": "f" * 40, "model_class_name": "AutoModelForCausalLM", "d_in": shapes.d_in, "n_layers": shapes.layers,
        "precision": "float32", "pooling": "mean", "token_span": "response", "labels": ["deceptive", "honest"], "judge": "none", "layers": layers, "rows": rows,
        "inputs_sha256": "ab" * 32,
    }  # fmt: skip
    PoolManifest.model_validate(manifest, strict=False).save(folder / MANIFEST)


def grids_table(shapes: Shapes, device: str, folder: Path) -> None:
    """Whole grids through hubkit's own training: saved, read back, proven, validated, marked done."""
    write_pool(folder / "pool", shapes)
    settings = Settings(d_sae=shapes.d_sae, k=shapes.k, epochs=shapes.epochs, batch_size=shapes.batch)
    plan = GridPlan(
        prefix="bench", architectures=dict.fromkeys(ARCHITECTURES, settings), conditions=CONDITIONS
    )
    specs = plan.on(list(range(shapes.layers))).expand()
    print(
        "\n| the grid, through hubkit's training | SAEs | seconds | peak memory of the device |\n|---|---|---|---|"
    )
    runs: list[tuple[str, CrossFit, int | None]] = [
        ("published", CrossFit(folds=0), None),
        ("cross-fitted", CrossFit(scenarios=False, control=False), None),
        (f"published, at most {CAP >> 30} GiB", CrossFit(folds=0), CAP),
    ]
    for words, crossfit, memory in runs:
        place = folder / words.replace(" ", "-")
        options = Options(crossfit, workers=1, device=device, memory=memory)
        with capped(device, memory):
            begun = settled(device)
            done = train(specs, folder / "pool", place / "release", place / "work", options=options)
            seconds = settled(device) - begun
        peak = "" if device == "cpu" else f"{torch.cuda.max_memory_allocated() / 2**30:.2f} GiB"
        print(f"| {words} | {done.trained} | {seconds:.1f} | {peak} |", flush=True)


def wide_line(shapes: Shapes, device: str) -> None:
    """The compute-bound shape: five products of a dense step, as a rate."""
    d_in, d_sae, batch, n, steps = shapes.wide
    rows = torch.randn(n, d_in, generator=torch.Generator().manual_seed(0))
    spec = shapes.spec("jumprelu", d_sae=d_sae, batch_size=batch, steps=steps)
    for way, graphs, setting in variants(device):
        taken = step_ms(stack_of([spec], rows, device, graphs=graphs), steps, device, setting)
        rate = 5 * 2 * batch * d_in * d_sae / taken / 1e9
        print(f"{d_in} -> {d_sae}, batch {batch}{way}: {taken:.2f} ms a step, {rate:.1f} TF/s")


def main() -> None:
    """Check, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    shapes = Shapes(quick=options.quick)
    print(f"{machine()}; torch {torch.__version__}")
    if options.device == "cpu":
        print(
            "No GPU in this run: the mapped form on a CPU, eager, says that the way is whole and nothing about speed."
        )
    work: list[Callable[[], None]] = [
        lambda: steps_table(shapes, options.device, options.rounds),
        lambda: check_equality(shapes, options.device),
        lambda: wide_line(shapes, options.device),
    ]
    for one in work:
        one()
    folder = Path(tempfile.mkdtemp(prefix="hubkit-gpu-"))
    try:
        grids_table(shapes, options.device, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
