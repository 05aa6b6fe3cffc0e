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
from hubkit.train.lane import Lane
from hubkit.train.mapped import MappedStack
from hubkit.train.member import Diverged, Member, MemberState, Snapshot, Trained

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["Diverged", "Member", "MemberState", "Snapshot", "Trained", "chunks", "compatible", "train_stack"]

Form = Literal["lanes", "mapped"]


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
    and after the last, in the calling thread. `form` is `lanes` on a CPU (each SAE on one thread, as many at a time as torch has
    threads, gradients written out where that is faster) and `mapped` elsewhere (SAELens's losses under vmap); `mapped` runs on a CPU too.
    A member that cannot be trained, or whose weights stop being numbers, comes back as Diverged and leaves its neighbours alone.
    Raises UsageError for members that are not compatible, torch.OutOfMemoryError for a chunk too large for its device.
    """
    for member in members:
        if not compatible(members[0], member):
            raise UsageError(
                f"{member.key} cannot be stacked with {members[0].key}", hint="stack what chunks() returns"
            )
    mapped = (form or ("lanes" if torch.device(device).type == "cpu" else "mapped")) == "mapped"
    results: dict[str, Trained | Diverged] = {}
    lanes = []
    for member in members:
        try:
            lanes.append(Lane(member, written_out=not mapped))
        except HubkitError as error:
            results[member.key] = Diverged(member.key, 0, error.message)
    if lanes:
        results |= _run(MappedStack(lanes, device) if mapped else LaneStack(lanes), watch, every)
    return [results[member.key] for member in members]


class LaneStack:
    """Members on threads of their own."""

    def __init__(self, lanes: Sequence[Lane]) -> None:
        self.lanes = list(lanes)
        self.threads = min(torch.get_num_threads(), len(self.lanes))

    def advance(self, steps: int, active: Sequence[int]) -> list[MemberState]:
        """Take `steps` steps with the lanes numbered `active`; where each then stands."""
        lanes = [self.lanes[index] for index in active]
        # One thread inside each SAE's products: sums in one order, whoever else is there.
        with one_thread():
            if self.threads == 1:
                return [lane.advance(steps) for lane in lanes]
            with ThreadPoolExecutor(self.threads) as pool:
                return list(pool.map(lambda lane: lane.advance(steps), lanes))

    def finite(self, active: Sequence[int]) -> list[bool]:
        """Whether every weight of each is a number."""
        return [self.lanes[index].finite for index in active]

    def finish(self) -> list[Trained]:
        """All SAEs as they now are."""
        return [lane.finish() for lane in self.lanes]


def _run(
    training: LaneStack | MappedStack, watch: Callable[[Snapshot], None] | None, every: int
) -> dict[str, Trained | Diverged]:
    """All steps of a stack, looking at it every `every` of them."""
    lanes = training.lanes
    steps, batch = lanes[0].steps, lanes[0].order.size
    lost: dict[int, Diverged] = {}
    done = 0
    while done < steps and len(lost) < len(lanes):
        active = [index for index in range(len(lanes)) if index not in lost]
        count = min(every, steps - done)
        started = time.perf_counter()
        states = training.advance(count, active)
        seconds = time.perf_counter() - started
        done += count
        for index, state, finite in zip(active, states, training.finite(active), strict=True):
            if not (finite and math.isfinite(state.loss)):
                lost[index] = _diverged(state, lanes[index], done)
        if watch is not None:
            well = [state for index, state in zip(active, states, strict=True) if index not in lost]
            watch(Snapshot(done, steps, len(active) * count * batch / max(seconds, 1e-9), well))
    trained = training.finish()
    return {lane.member.key: lost.get(index, trained[index]) for index, lane in enumerate(lanes)}


def _diverged(state: MemberState, lane: Lane, step: int) -> Diverged:
    sae_id = lane.member.spec.sae_id
    return Diverged(state.key, step, f"{sae_id}: diverged by step {step}, its loss is {state.loss}")
