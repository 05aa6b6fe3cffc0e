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
from hubkit.train.products import products

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["Diverged", "Member", "MemberState", "Snapshot", "Trained", "chunks", "compatible", "train_stack"]

Form = Literal["threads", "mapped"]


def train_stack(
    members: Sequence[Member],
    *,
    device: str = "cpu",
    watch: Callable[[Snapshot], None] | None = None,
    every: int | Sequence[int] = 50,
    form: Form | None = None,
    memory: int | None = None,
) -> list[Trained | Diverged]:
    """Train `members`, all `compatible`; results in their order.

    Deterministic on one machine, and each result is the same whatever it is stacked with (in the mapped form to rounding, where batches are of several sizes:
    each is computed as wide as the widest). `watch` is called after every `every` steps of all members, or of each, and after the last of each, in the calling thread. `form` is `threads` on a CPU (each SAE on one thread, as many at a time as torch has
    threads, gradients written out where that is faster) and `mapped` elsewhere (SAELens's losses under vmap); `mapped` runs on a CPU too. `memory` is MappedStack's.
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
    trainers, looks = [], []
    for member, own in zip(members, [every] * len(members) if isinstance(every, int) else every, strict=True):
        try:
            trainers.append(CpuTrainer(member, written_out=not mapped))
            looks.append(own)
        except HubkitError as error:
            results[member.key] = Diverged(member.key, 0, error.message)
    if trainers:
        training = MappedStack(trainers, device, memory=memory) if mapped else CpuStack(trainers)
        with products(members[0].spec.products, torch.device(device)):
            results |= _run(training, watch, looks)
    return [results[member.key] for member in members]


class CpuStack:
    """Members on threads of their own."""

    def __init__(self, trainers: Sequence[CpuTrainer]) -> None:
        self.trainers = list(trainers)
        self.threads = min(torch.get_num_threads(), len(self.trainers))

    def advance(self, steps: int, active: Sequence[int]) -> None:
        """Take `steps` steps with the SAEs numbered `active`."""
        trainers = [self.trainers[index] for index in active]
        # One thread inside each SAE's products: sums in one order, whoever else is there.
        with one_thread():
            if self.threads == 1:
                for trainer in trainers:
                    trainer.advance(steps)
                return
            with ThreadPoolExecutor(self.threads) as pool:
                list(pool.map(lambda trainer: trainer.advance(steps), trainers))

    def look(self, members: Sequence[int]) -> list[MemberState]:
        """Where each SAE of `members` stands after its last step."""
        with one_thread():
            return [self.trainers[index].look() for index in members]

    def finite(self, active: Sequence[int]) -> list[bool]:
        """Whether every weight of each is a number."""
        return [self.trainers[index].finite for index in active]

    def finish(self) -> list[Trained]:
        """All SAEs as they now are."""
        return [trainer.finish() for trainer in self.trainers]


def _run(
    training: CpuStack | MappedStack, watch: Callable[[Snapshot], None] | None, every: Sequence[int]
) -> dict[str, Trained | Diverged]:
    """All steps of a stack, looking at each SAE every so many of them and after its last."""
    trainers = training.trainers
    ends = [trainer.steps for trainer in trainers]
    lost: dict[int, Diverged] = {}
    done = 0
    while active := [index for index, end in enumerate(ends) if done < end and index not in lost]:
        started = time.perf_counter()
        turns = {index: min(done + every[index] - done % every[index], ends[index]) for index in active}
        count = min(turns.values()) - done
        training.advance(count, active)
        done += count
        due = [index for index, turn in turns.items() if turn == done]
        states = training.look(due)
        seconds = time.perf_counter() - started
        for index, state, finite in zip(due, states, training.finite(due), strict=True):
            if not (finite and math.isfinite(state.loss)):
                lost[index] = _diverged(state, trainers[index], done)
        if watch is not None:
            well = [state for index, state in zip(due, states, strict=True) if index not in lost]
            watch(Snapshot(done, count / max(seconds, 1e-9), well))
    trained = training.finish()
    return {trainer.member.key: lost.get(index, trained[index]) for index, trainer in enumerate(trainers)}


def _diverged(state: MemberState, trainer: CpuTrainer, step: int) -> Diverged:
    sae_id = trainer.member.spec.sae_id
    return Diverged(state.key, step, f"{sae_id}: diverged by step {step}, its loss is {state.loss}")
