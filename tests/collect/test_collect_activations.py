"""Activations are those of the model: against hidden_states, one by one, and in three families."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from hubkit.errors import HubkitError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hubkit.collect.activations import Passage

pytestmark = pytest.mark.train
FAMILIES = ("gpt2", "gpt_neox", "mixtral")


def passages(n: int = 9) -> list[Passage]:
    """Sequences of 4 to 20 tokens; every third token from the third on is pooled."""
    from hubkit.collect.activations import Passage

    rng = np.random.default_rng(0)
    lengths = [int(length) for length in rng.integers(4, 21, n)]
    tokens = [tuple(int(token) for token in rng.integers(3, 90, length)) for length in lengths]
    return [Passage(f"c{row}", ids, tuple(range(2, len(ids), 3))) for row, ids in enumerate(tokens)]


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("pooling", ["mean", "last"])
def test_batched_is_one_by_one_is_hidden_states(
    random_model: Callable[[str], Path], family: str, pooling: str
) -> None:
    import torch

    from hubkit.collect.activations import pool_outputs
    from hubkit.inference.load import load_model

    base = load_model(str(random_model(family)))
    paths = [base.hf_hook_name(layer) for layer in range(3)]
    batched = pool_outputs(base, paths, passages(), pooling, batch_size=4)  # type: ignore[arg-type]
    single = pool_outputs(base, paths, passages(), pooling, batch_size=1)  # type: ignore[arg-type]
    for path in paths:
        assert batched[path].dtype == np.float32
        np.testing.assert_allclose(batched[path], single[path], atol=2e-6)
    for row, passage in enumerate(passages()):
        with torch.no_grad():
            states = base.model(torch.tensor([passage.token_ids]), output_hidden_states=True).hidden_states
        for layer in (0, 1):  # the last entry of hidden_states is behind the final norm: not a block's output
            pooled = states[layer + 1][0, list(passage.pooled)]
            naive = pooled.mean(0) if pooling == "mean" else pooled[-1]
            np.testing.assert_allclose(batched[paths[layer]][row], naive.numpy(), atol=2e-6)


def test_the_last_block_is_taken_before_the_final_norm(random_model: Callable[[str], Path]) -> None:
    import torch

    from hubkit.collect.activations import pool_outputs
    from hubkit.inference.load import load_model

    base = load_model(str(random_model("gpt_neox")))
    (passage,) = passages(1)
    taken = torch.from_numpy(
        pool_outputs(base, ["gpt_neox.layers.2"], [passage], "last")["gpt_neox.layers.2"][0]
    )
    with torch.no_grad():
        states = base.model(torch.tensor([passage.token_ids]), output_hidden_states=True).hidden_states
        normed = base.model.gpt_neox.final_layer_norm(taken)
    np.testing.assert_allclose(normed.numpy(), states[-1][0, passage.pooled[-1]].numpy(), atol=2e-6)
    assert float((taken - normed).abs().max()) > 0.1


def test_hooks_are_gone_afterwards_also_after_an_error(random_model: Callable[[str], Path]) -> None:
    import torch

    from hubkit.collect.activations import pool_outputs
    from hubkit.inference.load import load_model

    base = load_model(str(random_model("gpt2")))
    with torch.no_grad():
        base.model.transformer.h[1].mlp.c_proj.bias.fill_(torch.inf)
    with pytest.raises(
        HubkitError, match=r"transformer\.h\.1: NaN or infinite activations in completion c0 \(9 of 9"
    ):
        pool_outputs(base, ["transformer.h.0", "transformer.h.1"], passages(), "mean")
    assert not any(module._forward_hooks for module in base.model.modules())


def test_one_bad_completion_is_named(random_model: Callable[[str], Path]) -> None:
    import torch

    from hubkit.collect.activations import pool_outputs
    from hubkit.inference.load import load_model

    base = load_model(str(random_model("gpt2")))
    rows = passages()
    with torch.no_grad():
        base.model.transformer.wte.weight[rows[5].token_ids[2]] = torch.nan
    holders = [row.completion_id for row in rows if rows[5].token_ids[2] in row.token_ids]
    with pytest.raises(HubkitError, match=rf"in completion {holders[0]} \({len(holders)} of 9"):
        pool_outputs(base, ["transformer.h.0"], rows, "mean")


def test_half_precision_gives_float32_rows_near_the_exact_ones(random_model: Callable[[str], Path]) -> None:
    from hubkit.collect.activations import pool_outputs
    from hubkit.inference.load import load_model

    path = "gpt_neox.layers.1"
    exact = pool_outputs(load_model(str(random_model("gpt_neox"))), [path], passages(), "mean")[path]
    half = load_model(str(random_model("gpt_neox")), precision="bfloat16")
    rounded = pool_outputs(half, [path], passages(), "mean")[path]
    assert rounded.dtype == np.float32
    assert 0 < np.abs(rounded - exact).max() < 0.02 * np.abs(exact).max()
