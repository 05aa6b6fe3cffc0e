"""A grid trained by hubkit against SAELens's SAETrainer one by one: `python benchmarks/train.py [--steps 24] [--rounds 3] [--saes 4] [--whole] [--threads 1]`.

The shapes of the SmolLM2 grid: topk and jumprelu, 576 -> 2304, k 64, n = 181, batch 128. Both sides have the same settings (TopK; JumpReLU with the
quadratic penalty, its estimate passed to the encoder), the same rows and all cores. In each round SAELens, hubkit and the floor take turns on a slice of
the first steps, so that a busy machine is busy for all of them; the table has the medians over the rounds, and the median of each round's ratio.
The floor of a dense step is five products (128 x 576 x 2304) at the rate of this machine and one pass of fused Adam over the weights; of a TopK
step one product and that pass: all else is of its 2.8 % entries that are not zero. `--whole` runs 300 epochs (424 steps) instead of a slice: a
JumpReLU starts dense and ends sparse. `--forms` adds the mapped form that GPUs run. `--threads 1` gives both sides one core and counts CPU time.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import logging
import os
import platform
import statistics
import time
import warnings
from collections.abc import Callable, Iterator

import torch

D_IN, D_SAE, K, ROWS, BATCH, EPOCHS = 576, 2304, 64, 181, 128, 300
WHOLE = EPOCHS * ROWS // BATCH
ARCHITECTURES = ("topk", "jumprelu")
GRID = 27
"""SAEs of each architecture in the whole grid."""


def activations() -> torch.Tensor:
    """Rank 40 and noise, with a mean."""
    g = torch.Generator().manual_seed(0)
    low = torch.randn(ROWS, 40, generator=g) @ torch.randn(40, D_IN, generator=g)
    return low + 0.3 * torch.randn(ROWS, D_IN, generator=g) + torch.randn(D_IN, generator=g)


def saelens(architecture: str, rows: torch.Tensor, steps: int) -> Callable[[], object]:
    """SAELens's own trainer, ready to fit one SAE."""
    import sae_lens
    from sae_lens.config import LoggingConfig, SAETrainerConfig
    from sae_lens.training.sae_trainer import SAETrainer

    sae = (
        sae_lens.TopKTrainingSAE(sae_lens.TopKTrainingSAEConfig(d_in=D_IN, d_sae=D_SAE, k=K))
        if architecture == "topk"
        else sae_lens.JumpReLUTrainingSAE(
            sae_lens.JumpReLUTrainingSAEConfig(
                d_in=D_IN,
                d_sae=D_SAE,
                jumprelu_ste_to_input=True,
                jumprelu_sparsity_loss_mode="quadratic",
                target_l0=float(K),
            )
        )
    )
    data = rows * (D_IN**0.5 / float(rows.norm(dim=1).mean()))
    with torch.no_grad():
        sae.b_dec.copy_(data.mean(dim=0))

    def provider() -> Iterator[torch.Tensor]:
        g = torch.Generator().manual_seed(0)
        while True:
            order = torch.randperm(ROWS, generator=g)
            for start in range(0, ROWS - BATCH + 1, BATCH):
                yield data[order[start : start + BATCH]]

    cfg = SAETrainerConfig(
        total_training_samples=steps * BATCH,
        train_batch_size_samples=BATCH,
        lr=1e-3,
        lr_end=1e-4,
        logger=LoggingConfig(log_to_wandb=False),
    )
    return SAETrainer(cfg, sae, provider()).fit


def hubkit(architecture: str, rows: torch.Tensor, steps: int, saes: int, form: str) -> Callable[[], object]:
    """hubkit's trainer, ready to train `saes` of them."""
    from hubkit.train.spec import SaeSpec
    from hubkit.train.stack import Member, train_stack

    members = [
        Member(
            f"{architecture}{seed}",
            SaeSpec.model_validate(
                {
                    "sae_id": f"{architecture}{seed}",
                    "architecture": architecture,
                    "layer": 0,
                    "condition": "mixed",
                    "d_sae": D_SAE,
                    "k": K,
                    "steps": steps,
                    "batch_size": BATCH,
                    "seed": seed,
                }
            ),
            rows,
        )
        for seed in range(saes)
    ]
    return lambda: train_stack(members, form=form)  # type: ignore[arg-type]


def seconds(work: Callable[[], object]) -> float:
    """Time of one call: by the wall, or of this process's own work when it has one thread, which a busy machine stretches less."""
    clock = time.process_time if torch.get_num_threads() == 1 else time.perf_counter
    with contextlib.redirect_stderr(io.StringIO()):  # SAELens's progress bar
        started = clock()
        work()
        return clock() - started


def floor() -> tuple[float, float]:
    """Milliseconds of one product, and of one pass of fused Adam over one SAE's weights, with all threads; the best of 9."""
    x, latents = torch.randn(BATCH, D_IN), torch.randn(BATCH, D_SAE)
    weights = torch.randn(D_IN, D_SAE)
    parameters = [torch.nn.Parameter(torch.randn(D_IN, D_SAE)) for _ in range(2)]
    for parameter in parameters:
        parameter.grad = torch.randn_like(parameter)
    adam = torch.optim.Adam(parameters, fused=True)
    products: list[Callable[[], object]] = [
        lambda: x @ weights,
        lambda: latents @ weights.t(),
        lambda: x.t() @ latents,
    ]
    product = statistics.mean(min(seconds(work) for _ in range(9)) for work in products)
    return product * 1e3, min(seconds(adam.step) for _ in range(9)) * 1e3


def measure(options: argparse.Namespace, rows: torch.Tensor) -> dict[str, dict[str, list[float]]]:
    """Milliseconds a step of one SAE: by architecture, by way, one figure a round."""
    forms = ["threads", "mapped"] if options.forms else ["threads"]
    steps = WHOLE if options.whole else options.steps
    found: dict[str, dict[str, list[float]]] = {name: {} for name in ARCHITECTURES}
    for number in range(options.rounds):
        for name, ways in found.items():
            product, adam = floor()
            ways.setdefault("floor", []).append((1 if name == "topk" else 5) * product + adam)
            one = seconds(saelens(name, rows, steps)) / steps
            ways.setdefault("SAELens", []).append(one * 1e3)
            for form in forms:
                saes = options.saes
                each = seconds(hubkit(name, rows, steps, saes, form)) / steps / saes
                ways.setdefault(form, []).append(each * 1e3)
        print(
            f"round {number + 1}: " + ", ".join(line(name, found[name]) for name in ARCHITECTURES), flush=True
        )
    return found


def line(name: str, ways: dict[str, list[float]]) -> str:
    """The last round of one architecture."""
    return f"{name} " + " ".join(f"{way} {values[-1]:.1f}" for way, values in ways.items())


def table(found: dict[str, dict[str, list[float]]]) -> None:
    """Medians, and the medians of the rounds' ratios."""
    print("\n| ms a step of one SAE | SAELens | hubkit | times faster | floor | hubkit / floor |")
    print("|---|---|---|---|---|---|")
    rows = dict(found)
    rows["the grid (27 + 27)"] = {
        way: [sum(pair) / 2 for pair in zip(*(found[name][way] for name in ARCHITECTURES), strict=True)]
        for way in found["topk"]
    }
    median = statistics.median
    for name, ways in rows.items():
        for form in [way for way in ways if way not in ("floor", "SAELens")]:
            faster = median(s / h for s, h in zip(ways["SAELens"], ways[form], strict=True))
            distance = median(h / f for h, f in zip(ways[form], ways["floor"], strict=True))
            print(
                f"| {name}, {form} | {median(ways['SAELens']):.1f} | {median(ways[form]):.1f} | {faster:.2f} "
                f"| {median(ways['floor']):.1f} | {distance:.2f} |"
            )


def main() -> None:
    """Measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--steps", type=int, default=24)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--saes", type=int, default=4, help="of each architecture, for hubkit")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--whole", action="store_true")
    parser.add_argument("--forms", action="store_true")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    torch.set_num_threads(options.threads)
    print(
        f"{os.cpu_count()} cores, {torch.get_num_threads()} threads, {platform.machine()}, torch {torch.__version__}"
    )
    rows = activations()
    for name in ARCHITECTURES:  # first calls: imports, thread pools
        saelens(name, rows, 2)()
        hubkit(name, rows, 2, 2, "threads")()
    table(measure(options, rows))


if __name__ == "__main__":
    main()
