"""Which SAEs can be trained together, and how many fit the memory at hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from hubkit.engine.memory import free_on_host

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hubkit.train.member import Member

OWN = {"sae_id": "own", "layer": 0, "condition": "mixed", "seed": 0}
"""What may differ within a stack, at some one value."""
WEIGHT_COPIES = 7
"""The first weights, those in training, Adam's two moments, the gradient and what it is summed from."""
LATENT_COPIES = 24
"""(batch, d_sae) matrices that one step of the mapped form holds at once; with WEIGHT_COPIES, what a stack of 9 was seen to need (docs/training.md)."""
INPUT_COPIES = 6
"""The same of (batch, d_in)."""
SHARE = 0.8
"""Of the free memory; the rest is for the allocator's gaps and the activations."""


def compatible(a: Member, b: Member) -> bool:
    """Whether the two can be in one stack: the same architecture, shapes, hyper-parameters, batch size and number of steps."""
    return (
        a.spec.model_copy(update=OWN) == b.spec.model_copy(update=OWN)
        and a.rows.shape[1] == b.rows.shape[1]
        and a.spec.batch_for(len(a.rows)) == b.spec.batch_for(len(b.rows))
        and a.spec.steps_for(len(a.rows)) == b.spec.steps_for(len(b.rows))
    )


def chunks(
    members: Sequence[Member], *, memory: int | None = None, device: str = "cpu"
) -> list[list[Member]]:
    """`members` as lists that can be stacked and fit `memory` (bytes; what is free on `device`), in the order of their first members.

    A member that is too large by itself is a chunk of its own: whether it fits is for the device to say.
    """
    memory = free_memory(device) if memory is None else memory
    stacks: list[list[Member]] = []
    for member in members:
        home = next((stack for stack in stacks if compatible(stack[0], member)), None)
        if home is None:
            stacks.append([member])
        else:
            home.append(member)
    found: list[list[Member]] = []
    for stack in stacks:
        size = max(1, memory // memory_per_sae(stack[0]))
        found.extend(stack[start : start + size] for start in range(0, len(stack), size))
    return found


def memory_per_sae(member: Member) -> int:
    """Bytes that one SAE needs in training: WEIGHT_COPIES of its float32 weights and one step's matrices."""
    d_in, d_sae = int(member.rows.shape[1]), member.spec.d_sae
    batch = member.spec.batch_for(len(member.rows))
    weights = 2 * d_in * d_sae + 3 * d_sae + d_in
    return 4 * (WEIGHT_COPIES * weights + batch * (LATENT_COPIES * d_sae + INPUT_COPIES * d_in))


def free_memory(device: str) -> int:
    """Bytes that a chunk may fill on `device`."""
    if torch.device(device).type == "cuda":
        return int(SHARE * torch.cuda.mem_get_info(device)[0])
    return int(SHARE * free_on_host())
