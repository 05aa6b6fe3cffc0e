"""Which SAEs can be trained together, and how many fit the memory at hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from hubkit.engine.memory import free_on_host
from hubkit.train.alike import program
from hubkit.train.footprint import bytes_in_training, for_stacks

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hubkit.train.member import Member

ENOUGH = 27
"""SAEs that one GPU is given at once whatever they are: with fewer, starting kernels decides how long a step takes (docs/training.md)."""
MOST_FILLED = 1.3
"""How much of a larger stack's work may be done for the widest batch and the longest run, as a multiple of its SAEs' own. Arithmetic, not measured."""


def compatible(a: Member, b: Member) -> bool:
    """Whether the two can be in one stack: the same architecture, shapes and settings of a step. How many rows, steps and rows a step each has is its own, unless its architecture mixes rows: then batches are of one size."""
    return (
        program(a.spec) == program(b.spec)
        and a.rows.shape[1] == b.rows.shape[1]
        and (_batch(a) == _batch(b) or not a.spec.kind.mixes_rows)
    )


def _batch(member: Member) -> int:
    """Rows of a step."""
    return member.spec.batch_for(len(member.rows))


def _work(member: Member) -> tuple[int, int]:
    """Steps, and rows of one."""
    return member.spec.steps_for(len(member.rows)), _batch(member)


def chunks(
    members: Sequence[Member], *, memory: int | None = None, device: str = "cpu"
) -> list[list[Member]]:
    """`members` as lists that can be stacked and fit `memory` (bytes that a chunk may fill; of what is free on `device`), in the order of their first members.

    Those with as many steps and rows a step stay together, the longest first: who is done stays in its stack until the last is, and batches are as wide as the widest.
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
        size = max(1, memory // max(map(memory_per_sae, stack)))
        found.extend(_cut(sorted(stack, key=_work, reverse=True), size))
    return found


def _cut(members: Sequence[Member], size: int) -> Iterator[list[Member]]:
    """`members`, the longest first, in stacks of at most `size`, which are not mostly filling."""
    stack: list[Member] = []
    longest, widest, own = 0, 0, 0
    for member in members:
        steps, batch = _work(member)
        filled = (len(stack) + 1) * longest * max(widest, batch)
        if len(stack) == size or (len(stack) >= ENOUGH and filled > MOST_FILLED * (own + steps * batch)):
            yield stack
            stack = []
        if not stack:
            longest, widest, own = steps, batch, 0
        widest, own = max(widest, batch), own + steps * batch
        stack.append(member)
    yield stack


def memory_per_sae(member: Member) -> int:
    """Bytes that one SAE needs in training."""
    return bytes_in_training(member.spec, len(member.rows), int(member.rows.shape[1]))


def free_memory(device: str) -> int:
    """Bytes that a chunk may fill on `device`, of those that are free."""
    if torch.device(device).type == "cuda":
        return for_stacks(torch.cuda.mem_get_info(device)[0])
    return for_stacks(free_on_host())
