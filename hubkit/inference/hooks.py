"""What chosen modules of a model give for sequences of tokens, and what is put in its place, by forward hooks. Needs torch."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from hubkit.inference.load import BaseModel

    Change = Callable[[Any], Any]
    """From a module's output (rows, positions, d) to what stands in its place, of the same shape."""


def module_outputs(
    base: BaseModel, module_paths: Sequence[str], sequences: Sequence[Sequence[int]]
) -> Mapping[str, Any]:
    """Module path -> (rows, positions, d) on the model's device, from one forward pass over all `sequences` of token ids.

    Padding is on the right and masked, so a token's position is its index and, attention being causal, no token sees padding;
    what stands there is of no use. A module that gives a tuple counts with its first element.
    """
    longest = max(len(sequence) for sequence in sequences)
    ids = torch.zeros((len(sequences), longest), dtype=torch.int64)
    mask = torch.zeros_like(ids)
    for row, sequence in enumerate(sequences):
        ids[row, : len(sequence)] = torch.tensor(sequence)
        mask[row, : len(sequence)] = 1
    device = base.model.device
    with torch.no_grad(), recorded(base.model, module_paths) as outputs:
        # the backbone alone: the head would fill memory with (rows, positions, vocabulary) that nobody reads
        base.model.base_model(input_ids=ids.to(device), attention_mask=mask.to(device), use_cache=False)
    return outputs


@contextmanager
def recorded(model: Any, module_paths: Sequence[str]) -> Iterator[dict[str, Any]]:
    """While the block runs, forward hooks put each module's output into the dictionary."""
    outputs: dict[str, Any] = {}

    def record(path: str) -> Any:
        def hook(_module: Any, _inputs: Any, output: Any) -> None:
            outputs[path] = output[0] if isinstance(output, tuple) else output

        return hook

    handles = [model.get_submodule(path).register_forward_hook(record(path)) for path in module_paths]
    try:
        yield outputs
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def changed(model: Any, changes: Mapping[str, Change]) -> Iterator[None]:
    """While the block runs, what each of these modules gives is what its change makes of it; of a module that gives a tuple, the first element."""

    def hook_of(change: Change) -> Any:
        def hook(_module: Any, _inputs: Any, output: Any) -> Any:
            if isinstance(output, tuple):
                return (change(output[0]), *output[1:])
            return change(output)

        return hook

    handles = [
        model.get_submodule(path).register_forward_hook(hook_of(change)) for path, change in changes.items()
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def adding(vector: Any) -> Change:
    """Adds `vector` (d,) at every position, in the numbers of the output."""

    def change(output: Any) -> Any:
        return output + vector.to(output.device, output.dtype)

    return change
