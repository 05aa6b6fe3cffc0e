"""A step of the mapped form never asks the host: nothing waits for a GPU, and the step can be captured as a CUDA graph. There is no GPU here."""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from train.equality import ours_of
from train.test_mixed_stacks import CASES, everything, mixed

from hubkit.engine.threads import one_thread

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hubkit.train.mapped import MappedStack

pytestmark = pytest.mark.train

READS = ("_local_scalar_dense", "is_nonzero", "equal", "nonzero", "masked_select", "unique", "lift_fresh")
"""Operators that wait for values, have a shape that depends on them, or bring a number from the host."""


class NoHost(TorchDispatchMode):
    """Refuses them."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        del types
        name = func._schema.name.partition("::")[2]
        assert not name.lstrip("_").startswith(tuple(one.lstrip("_") for one in READS)), name
        by_mask = name.startswith("index") and any(
            one is not None and one.dtype == torch.bool
            for many in args
            if isinstance(many, (list, tuple))
            for one in many
        )
        assert not by_mask, f"{name} by a mask"
        return func(*args, **(kwargs or {}))


@pytest.fixture(autouse=True)
def _small_matrices_on_one_thread() -> Iterator[None]:
    with one_thread():
        yield


def stack_of(case: dict[str, Any], *, graphs: bool = False) -> MappedStack:
    from hubkit.train.mapped import MappedStack

    return MappedStack(ours_of(mixed(case), torch.float32, written_out=False), "cpu", graphs=graphs)


@pytest.mark.parametrize("case", CASES)
def test_a_step_asks_the_host_for_nothing(case: str) -> None:
    stack = stack_of(CASES[case])
    rows, settings = stack.rows(7), stack.settings(7)
    for number in range(7):  # the dead windows of 4 steps are over
        x = stack.batch(rows[number])
        with NoHost():
            stack.take(x, settings[number])


def test_what_does_is_seen() -> None:
    x = torch.ones(3)
    reads = [
        lambda: float(x[0]),
        lambda: bool(x.any()),
        lambda: x.new_tensor(0.0),
        lambda: torch.tensor(0.0),
        lambda: x[x > 0],
        x.nonzero,
        lambda: torch.func.vmap(lambda one: one + one.new_tensor(0.0))(x),
    ]
    for read in reads:
        with pytest.raises(AssertionError), NoHost():
            read()
    with NoHost():
        assert x.new_zeros(()).shape == ()


def test_without_a_gpu_graphs_say_so_once_and_the_steps_are_the_same() -> None:
    eager, asked = stack_of(CASES["topk"]), stack_of(CASES["topk"], graphs=True)
    eager.advance(10, range(3))
    with pytest.warns(UserWarning, match="cannot be captured as a CUDA graph.*this is cpu"):
        asked.advance(5, range(3))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        asked.advance(5, range(3))
    same(asked, eager)


def same(found: MappedStack, expected: MappedStack) -> None:
    for index in range(3):
        theirs = everything(expected, index)
        for name, tensor in everything(found, index).items():
            assert torch.equal(tensor, theirs[name]), (index, name)


@pytest.mark.parametrize("case", ["jumprelu", "schedules", "topk with dead latents", "batchtopk"])
def test_a_captured_step_is_given_what_each_step_is_given(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a recorder in the place of CUDA's: it holds the tensors of the recording, and replays the step on what then lies in them."""
    from hubkit.train import captured

    stack, eager = stack_of(CASES[case], graphs=True), stack_of(CASES[case])
    step, given = stack._step, []

    def recorded(x: torch.Tensor, settings: Any) -> Any:
        given.append((x, settings, tuple(one.clone() for one in step(x, settings))))
        return given[-1][2]

    class Recorder:
        def replay(self) -> None:
            x, settings, places = given[-1]
            for place, found in zip(places, step(x, settings), strict=True):
                place.copy_(found)

    @contextmanager
    def recording(_: Recorder) -> Iterator[None]:
        """Capturing moves nothing."""
        moved = [*stack.weights.values(), *stack.buffers.values(), stack.quiet, stack.fired]
        for parts in (stack.optimiser.averages, stack.optimiser.squares, stack.optimiser.steps):
            moved += [one for group in parts for one in group]
        before = [one.clone() for one in moved]
        yield
        for one, was in zip(moved, before, strict=True):
            one.copy_(was)

    class OnCuda(captured.CapturedStep):
        def __init__(self, _: Any, x: torch.Tensor, settings: Any) -> None:
            class Cuda(torch.Tensor):
                device = torch.device("cuda")

            super().__init__(recorded, x.as_subclass(Cuda), settings)

    monkeypatch.setattr(torch.cuda, "CUDAGraph", Recorder)
    monkeypatch.setattr(torch.cuda, "graph", recording)
    monkeypatch.setattr("hubkit.train.mapped.CapturedStep", OnCuda)
    for one in (stack, eager):
        for count in (2, 30, 30):
            one.advance(count, range(3))
    assert len(given) == 1, "captured once"
    same(stack, eager)
    assert [at.loss for at in stack.look(range(3))] == [at.loss for at in eager.look(range(3))]
