"""Activations are those of the model: against hidden_states, one by one, and in every class that hubkit names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tiny_models import FAMILIES

from hubkit.errors import HubkitError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hubkit.collect.activations import Passage
    from hubkit.inference.load import BaseModel

pytestmark = pytest.mark.train


def passages(n: int = 9) -> list[Passage]:
    """Prompts of 2 to 9 tokens and completions of 3 to 12; every third token from the third on is pooled."""
    from hubkit.collect.activations import Passage

    rng = np.random.default_rng(0)
    tokens = [tuple(int(token) for token in rng.integers(3, 90, length)) for length in rng.integers(3, 13, n)]
    prompts = [
        tuple(int(token) for token in rng.integers(3, 90, length)) for length in rng.integers(2, 10, n)
    ]
    prompts[-1] = prompts[0]
    return [
        Passage(f"c{row}", prompt, ids, tuple(range(2, len(ids), 3)))
        for row, (prompt, ids) in enumerate(zip(prompts, tokens, strict=True))
    ]


def to_rounding(rows: np.ndarray, expected: np.ndarray) -> bool:
    """Each row to 1e-5 of its norm."""
    away = np.linalg.norm(rows - expected, axis=1)
    return bool((away <= 1e-5 * np.linalg.norm(expected, axis=1)).all())


def pooled_by(
    base: BaseModel, paths: list[str], rows: list[Passage], pooling: Any, batch_size: int = 32
) -> dict[str, np.ndarray]:
    from hubkit.collect.activations import pool_outputs
    from hubkit.inference.prompts import Prompts

    prompts = Prompts(base)
    batches = [
        pool_outputs(base, paths, rows[start : start + batch_size], pooling, prompts)
        for start in range(0, len(rows), batch_size)
    ]
    return {path: np.concatenate([batch[path] for batch in batches]) for path in paths}


@pytest.mark.parametrize(
    ("family", "pooling"),
    [(family, "all") for family in FAMILIES] + [("gpt2", pooling) for pooling in ("mean", "last", "first")],
)
def test_batched_is_one_by_one_is_hidden_states(
    random_model: Callable[[str], Path], family: str, pooling: str
) -> None:

    from hubkit.inference.load import load_model

    base = load_model(str(random_model(family)))
    paths = [base.hf_hook_name(layer) for layer in range(3)]
    batched, single = (pooled_by(base, paths, passages(), pooling, size) for size in (4, 1))
    for path in paths:
        assert batched[path].dtype == np.float32
        assert to_rounding(batched[path], single[path])
    states = [hidden_states(base, passage) for passage in passages()]
    for layer in (0, 1):  # the last entry of hidden_states is behind the final norm: not a block's output
        naive = [
            {"mean": rows.mean(0, keepdim=True), "last": rows[-1:], "first": rows[:1], "all": rows}[
                pooling
            ].numpy()
            for rows in (
                one[layer + 1][0, len(passage.prompt) :][list(passage.pooled)]
                for one, passage in zip(states, passages(), strict=True)
            )
        ]
        assert to_rounding(batched[paths[layer]], np.concatenate(naive))


def hidden_states(base: BaseModel, passage: Passage) -> Any:
    import torch

    ids = torch.tensor([[*passage.prompt, *passage.token_ids]])
    with torch.no_grad():
        return base.model(ids, output_hidden_states=True).hidden_states


def test_the_last_block_is_taken_before_the_final_norm(random_model: Callable[[str], Path]) -> None:
    import torch

    from hubkit.inference.load import load_model

    base = load_model(str(random_model("gpt_neox")))
    (passage,) = passages(1)
    taken = torch.from_numpy(
        pooled_by(base, ["gpt_neox.layers.2"], [passage], "last")["gpt_neox.layers.2"][0]
    )
    states = hidden_states(base, passage)
    with torch.no_grad():
        normed = base.model.gpt_neox.final_layer_norm(taken)
    np.testing.assert_allclose(
        normed.numpy(), states[-1][0, len(passage.prompt) + passage.pooled[-1]].numpy(), atol=2e-6
    )
    assert float((taken - normed).abs().max()) > 0.1


def test_hooks_are_gone_afterwards_also_after_an_error(random_model: Callable[[str], Path]) -> None:
    import torch

    from hubkit.inference.load import load_model

    base = load_model(str(random_model("gpt2")))
    with torch.no_grad():
        base.model.transformer.h[1].mlp.c_proj.bias.fill_(torch.inf)
    with pytest.raises(
        HubkitError, match=r"transformer\.h\.1: NaN or infinite activations in completion c0 \(9 of 9"
    ):
        pooled_by(base, ["transformer.h.0", "transformer.h.1"], passages(), "mean")
    assert not any(module._forward_hooks for module in base.model.modules())


def test_one_bad_completion_is_named(random_model: Callable[[str], Path]) -> None:
    import torch

    from hubkit.inference.load import load_model

    base = load_model(str(random_model("gpt2")))
    rows = passages()
    with torch.no_grad():
        base.model.transformer.wte.weight[rows[5].token_ids[2]] = torch.nan
    holders = [row.completion_id for row in rows if rows[5].token_ids[2] in (*row.prompt, *row.token_ids)]
    with pytest.raises(HubkitError, match=rf"in completion {holders[0]} \({len(holders)} of 9"):
        pooled_by(base, ["transformer.h.0"], rows, "mean")


def test_half_precision_gives_float32_rows_near_the_exact_ones(random_model: Callable[[str], Path]) -> None:
    from hubkit.inference.load import load_model

    path = "gpt_neox.layers.1"
    exact = pooled_by(load_model(str(random_model("gpt_neox"))), [path], passages(), "mean")[path]
    half = load_model(str(random_model("gpt_neox")), precision="bfloat16")
    rounded = pooled_by(half, [path], passages(), "mean")[path]
    assert rounded.dtype == np.float32
    assert 0 < np.abs(rounded - exact).max() < 0.02 * np.abs(exact).max()
