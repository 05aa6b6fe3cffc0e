"""Many SAEs trained at once: on a CPU each on a core of its own, on a GPU as one mapped program; one interface, one arithmetic."""

from __future__ import annotations

import math
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Literal

import torch

from hubkit.engine.threads import one_thread
from hubkit.errors import HubkitError, UsageError
from hubkit.train.chunks import chunks, compatible
from hubkit.train.cpu_trainer import CpuTrainer
from hubkit.train.mapped import MappedStack
from hubkit.train.member import Diverged, Member, MemberState, Snapshot, Trained

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["Diverged", "Member", "MemberState", "Snapshot", "Trained", "chunks", "compatible", "train_stack"]

Form = Literal["threads", "mapped"]


def train_stack(
    members: Sequence[Member],
    *,
    device: str = "cpu",
    watch: Callable[[Snapshot], None] | None = None,
    every: int = 50,
    form: Form | None = None,
) -> list[Trained | Diverged]:
    """Train `members`, all `compatible`; results in their order.

    Deterministic on one machine, and each result is the same whatever it is stacked with. `watch` is called after every `every` steps
    and after the last, in the calling thread. `form` is `threads` on a CPU (each SAE on one thread, as many at a time as torch has
    threads, gradients written out where that is faster) and `mapped` elsewhere (SAELens's losses under vmap); `mapped` runs on a CPU too.
    A member that cannot be trained, or whose weights stop being numbers, comes back as Diverged and leaves its neighbours alone.
    Raises UsageError for members that are not compatible, torch.OutOfMemoryError for a chunk too large for its device.
    """
    for member in members:
        if not compatible(members[0], member):
            raise UsageError(
                f"{member.key} cannot be stacked with {members[0].key}", hint="stack what chunks() returns"
            )
    mapped = (form or ("threads" if torch.device(device).type == "cpu" else "mapped")) == "mapped"
    results: dict[str, Trained | Diverged] = {}
    trainers = []
    for member in members:
        try:
            trainers.append(CpuTrainer(member, written_out=not mapped))
        except HubkitError as error:
            results[member.key] = Diverged(member.key, 0, error.message)
    if trainers:
        results |= _run(MappedStack(trainers, device) if mapped else CpuStack(trainers), watch, every)
    return [results[member.key] for member in members]


class CpuStack:
    """Members on threads of their own."""

    def __init__(self, trainers: Sequence[CpuTrainer]) -> None:
        self.trainers = list(trainers)
        self.threads = min(torch.get_num_threads(), len(self.trainers))

    def advance(self, steps: int, active: Sequence[int]) -> list[MemberState]:
        """Take `steps` steps with the SAEs numbered `active`; where each then stands."""
        trainers = [self.trainers[index] for index in active]
        # One thread inside each SAE's products: sums in one order, whoever else is there.
        with one_thread():
            if self.threads == 1:
                return [trainer.advance(steps) for trainer in trainers]
            with ThreadPoolExecutor(self.threads) as pool:
                return list(pool.map(lambda trainer: trainer.advance(steps), trainers))

    def finite(self, active: Sequence[int]) -> list[bool]:
        """Whether every weight of each is a number."""
        return [self.trainers[index].finite for index in active]

    def finish(self) -> list[Trained]:
        """All SAEs as they now are."""
        return [trainer.finish() for trainer in self.trainers]


def _run(
    training: CpuStack | MappedStack, watch: Callable[[Snapshot], None] | None, every: int
) -> dict[str, Trained | Diverged]:
    """All steps of a stack, looking at it every `every` of them."""
    trainers = training.trainers
    steps, batch = trainers[0].steps, trainers[0].order.size
    lost: dict[int, Diverged] = {}
    done = 0
    while done < steps and len(lost) < len(trainers):
        active = [index for index in range(len(trainers)) if index not in lost]
        count = min(every, steps - done)
        started = time.perf_counter()
        states = training.advance(count, active)
        seconds = time.perf_counter() - started
        done += count
        for index, state, finite in zip(active, states, training.finite(active), strict=True):
            if not (finite and math.isfinite(state.loss)):
                lost[index] = _diverged(state, trainers[index], done)
        if watch is not None:
            well = [state for index, state in zip(active, states, strict=True) if index not in lost]
            watch(Snapshot(done, steps, len(active) * count * batch / max(seconds, 1e-9), well))
    trained = training.finish()
    return {trainer.member.key: lost.get(index, trained[index]) for index, trainer in enumerate(trainers)}


def _diverged(state: MemberState, trainer: CpuTrainer, step: int) -> Diverged:
    sae_id = trainer.member.spec.sae_id
    return Diverged(state.key, step, f"{sae_id}: diverged by step {step}, its loss is {state.loss}")
