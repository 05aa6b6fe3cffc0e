"""How much of a known dictionary hubkit's defaults find, beside SAELens's trainer: `PYTHONPATH=.:tests python benchmarks/recovery.py [--seeds 3] [--d-sae 128] [--recipes]`.

128 unit features in 64 dimensions, each row a sum of about 8 of them with magnitudes from 0.5 to 1.5 and noise (`tests/known_dictionary.py`); 200, 2,000 and 20,000 rows.
Equal budget: the same rows, steps, batch size, d_sae and k. SAELens stands there twice: with its own defaults (lr 3e-4; JumpReLU's penalty `step`), and `aimed`, where it is given
what its user would have to find out: hubkit's learning rate of that size, and the `quadratic` penalty around L0 = k. Both have their activations scaled. One thread.
`--recipes` trains hubkit's recipe of hundreds of rows and that of thousands side by side over rows and steps: where they meet.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import logging
import statistics
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import astuple, fields
from typing import Any

import torch
from known_dictionary import ACTIVE, D_IN, Recovery, dictionary, recovery, rows_of

from hubkit.train.spec import SaeSpec

SIZES = {200: (400, 64), 2000: (1000, 64), 20000: (1500, 128)}
"""Rows to steps and batch size."""
MEETING = dict.fromkeys((500, 1000, 2000), (400, 1500))
CLASSES = {
    "topk": "TopK",
    "jumprelu": "JumpReLU",
    "batchtopk": "BatchTopK",
    "matryoshka_batchtopk": "MatryoshkaBatchTopK",
    "gated": "Gated",
    "standard": "Standard",
}
"""hubkit's names to those of SAELens's classes."""
WAYS = {"hubkit": "hubkit", "defaults": "SAELens", "aimed": "SAELens, aimed"}
HELD_OUT = 3000


def spec_of(architecture: str, steps: int, batch: int, seed: int, d_sae: int) -> SaeSpec:
    """hubkit's, nothing given but the budget."""
    given: dict[str, Any] = {"steps": steps, "batch_size": batch, "seed": seed, "d_sae": d_sae}
    if architecture not in {"gated", "standard"}:
        given["k"] = ACTIVE
    named = {"sae_id": f"s{seed}", "architecture": architecture, "layer": 0, "condition": "mixed"}
    return SaeSpec.model_validate(named | given)


def hubkit(specs: Sequence[SaeSpec], rows: torch.Tensor, features: torch.Tensor) -> list[Recovery]:
    """Trained as they stand."""
    from hubkit.train.stack import Member, Trained, train_stack

    found = []
    for one in train_stack([Member(spec.sae_id, spec, rows) for spec in specs]):
        if not isinstance(one, Trained):
            raise SystemExit(one.reason)
        decoder = one.sae.W_dec.detach()
        found.append(recovery(decoder, one.encode, one.reconstruct, features, held_out(features)))
    return found


def saelens(spec: SaeSpec, rows: torch.Tensor, features: torch.Tensor, *, aimed: bool) -> Recovery:
    """SAELens's class and trainer with the budget of `spec`."""
    import sae_lens
    from sae_lens.config import LoggingConfig, SAETrainerConfig
    from sae_lens.training.sae_trainer import SAETrainer

    name, batch = CLASSES[spec.architecture], spec.batch_for(len(rows))
    own: dict[str, Any] = {} if spec.k is None or spec.architecture == "jumprelu" else {"k": spec.k}
    if spec.architecture == "matryoshka_batchtopk":
        own["matryoshka_widths"] = [*(spec.d_sae // share for share in (16, 8, 4, 2)), spec.d_sae]
    if spec.architecture == "jumprelu" and aimed:
        own |= {"jumprelu_sparsity_loss_mode": "quadratic", "target_l0": float(ACTIVE)}
    config = getattr(sae_lens, f"{name}TrainingSAEConfig")(
        d_in=D_IN, d_sae=spec.d_sae, normalize_activations="expected_average_only_in", **own
    )
    torch.manual_seed(spec.seed)
    sae = getattr(sae_lens, f"{name}TrainingSAE")(config)

    def provider() -> Iterator[torch.Tensor]:
        g = torch.Generator().manual_seed(spec.seed)
        while True:
            order = torch.randperm(len(rows), generator=g)
            for start in range(0, len(rows) - batch + 1, batch):
                yield rows[order[start : start + batch]]

    settings = {"lr": spec.lr, "lr_end": spec.lr / 10} if aimed else {}
    cfg = SAETrainerConfig(
        total_training_samples=spec.steps_for(len(rows)) * batch,
        train_batch_size_samples=batch,
        logger=LoggingConfig(log_to_wandb=False),
        n_batches_for_norm_estimate=20,
        **({"lr_end": 3e-5} | settings),
    )
    with contextlib.redirect_stderr(io.StringIO()):  # its progress bar
        SAETrainer(cfg, sae, provider()).fit()
    sae.eval()

    def encode(x: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            # BatchTopK as it is published: by the running threshold
            acts, pre = sae.encode_with_hidden_pre(x)
            return pre.relu() * (pre > sae.topk_threshold) if hasattr(sae, "topk_threshold") else acts

    def reconstruct(x: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            out: torch.Tensor = sae.decode(encode(x))
        return out

    return recovery(sae.W_dec.detach(), encode, reconstruct, features, held_out(features))


def held_out(features: torch.Tensor) -> torch.Tensor:
    """Rows that nothing is trained on."""
    return rows_of(features, HELD_OUT, seed=1_000_000)


def line(names: Sequence[str], found: Sequence[Recovery]) -> None:
    """Means over the seeds, and the range of the share that was found."""
    cosine, share, alive, l0, ev = (
        statistics.mean(values) for values in zip(*map(astuple, found), strict=True)
    )
    least, most = min(one.found for one in found), max(one.found for one in found)
    cells = [
        f"{cosine:.3f}",
        f"{share:.0%} ({least:.0%} to {most:.0%})",
        f"{alive:.0%}",
        f"{l0:.1f}",
        f"{ev:.3f}",
    ]
    print(f"| {' | '.join([*names, *cells])} |", flush=True)


def compare(options: argparse.Namespace, features: torch.Tensor) -> None:
    """hubkit beside SAELens."""
    head("rows", "steps x batch", "architecture", "by")
    for n in options.rows:
        steps, batch = SIZES[n]
        rows = rows_of(features, n, seed=1)
        for architecture in options.architectures:
            specs = [
                spec_of(architecture, steps, batch, seed, options.d_sae).settled(n)
                for seed in range(options.seeds)
            ]
            names = (f"{n:,}", f"{steps:,} x {batch}", architecture)
            for way in options.by:
                found = (
                    hubkit(specs, rows, features)
                    if way == "hubkit"
                    else [saelens(spec, rows, features, aimed=way == "aimed") for spec in specs]
                )
                line((*names, WAYS[way]), found)


def recipes(options: argparse.Namespace, features: torch.Tensor) -> None:
    """Both recipes at every size, whichever would be chosen."""
    head("rows", "steps", "architecture", "recipe")
    for n, lengths in MEETING.items():
        rows = rows_of(features, n, seed=1)
        for steps in lengths:
            for architecture in options.architectures:
                few = [spec_of(architecture, steps, 64, seed, options.d_sae) for seed in range(options.seeds)]
                many = [spec.model_copy(update=spec.kind.suited(spec, n)) for spec in few]
                for name, specs in (("hundreds", few), ("thousands", many)):
                    line((f"{n:,}", f"{steps:,}", architecture, name), hubkit(specs, rows, features))


def head(*names: str) -> None:
    """Of a table."""
    measures = ("mean max cosine", "found", "alive", "L0", "EV")
    assert len(measures) == len(fields(Recovery))
    print(f"| {' | '.join([*names, *measures])} |\n|{'---|' * (len(names) + len(measures))}")


def main() -> None:
    """Train, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", choices=SIZES, default=list(SIZES))
    parser.add_argument("--architectures", nargs="+", choices=CLASSES, default=["topk", "jumprelu"])
    parser.add_argument("--by", nargs="+", choices=WAYS, default=list(WAYS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--d-sae", type=int, default=128)
    parser.add_argument("--recipes", action="store_true")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    torch.set_num_threads(1)
    (recipes if options.recipes else compare)(options, dictionary())


if __name__ == "__main__":
    main()
