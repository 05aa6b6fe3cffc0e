"""Which SAEs one program can train side by side. Torch-free."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hubkit.train.spec import SaeSpec

OWN = {
    "sae_id": "own",
    "layer": 0,
    "condition": "mixed",
    "seed": 0,
    "steps": None,
    "epochs": None,
    "batch_size": 1,
    "lr": 1.0,
    "lr_schedule": "constant",
    "lr_warm_up_steps": 0,
    "lr_decay_steps": 0,
    "sparsity_coefficient": 1.0,
    "sparsity_warm_up_steps": 0,
    "threshold_lr": None,
}
"""What each SAE of a stack has for itself, at some one value: numbers that a step is given, and how many steps there are."""


def program(spec: SaeSpec) -> SaeSpec:
    """`spec` as far as it decides what a step computes: equal where two SAEs of equally wide activations can be in one stack."""
    window = None if spec.dead_window is None else 1
    return spec.model_copy(update=OWN | {"dead_window": window})
