"""Same first weights, same batches, same optimiser kernel: what hubkit trains is what SAELens trains."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from train.equality import (
    STEPS,
    TOLERANCE,
    assert_a_stack_is_saelens,
    batches,
    difference,
    members_of,
    ours_of,
    saelens_trainer,
    step,
)

from hubkit.engine.threads import one_thread
from hubkit.train.architecture import all_architectures

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.train

FEW = 3
CASES: dict[str, dict[str, Any]] = {name: {"architecture": name} for name in all_architectures()} | {
    "topk with dead latents": {"architecture": "topk", "dead_window": 4},
    "batchtopk with dead latents": {"architecture": "batchtopk", "dead_window": 4},
    "jumprelu, DeepMind": {"architecture": "jumprelu", "ste": "rectangle", "sparsity": "step"},
    "jumprelu, Anthropic": {"architecture": "jumprelu", "sparsity": "tanh"},
    "schedules": {
        "architecture": "jumprelu",
        "lr_schedule": "cosineannealing",
        "lr_warm_up_steps": 10,
        "lr_decay_steps": 20,
        "sparsity_warm_up_steps": 30,
    },
}
WRITTEN_OUT = ["topk", "topk with dead latents", "jumprelu", "jumprelu, DeepMind", "schedules"]


@pytest.fixture(autouse=True)
def _small_matrices_on_one_thread() -> Iterator[None]:
    with one_thread():
        yield


@pytest.mark.parametrize(
    ("case", "dtype"),
    [(case, torch.float32) for case in CASES] + [(case, torch.float64) for case in all_architectures()],
)
def test_a_stack_of_8_is_8_times_saelens(case: str, dtype: torch.dtype) -> None:
    """Gradients to the bit at several steps; weights, thresholds and schedules after 100."""
    assert_a_stack_is_saelens(CASES[case], dtype)


@pytest.mark.parametrize("case", WRITTEN_OUT)
def test_written_out_gradients_train_the_same_sae_in_float64(case: str) -> None:
    ours = ours_of(members_of(CASES[case])[:FEW], torch.float64, written_out=True)
    assert all(one.gradient is not None for one in ours)
    trainers = [saelens_trainer(one, torch.float64) for one in ours]
    sparse = 0
    for xs in batches(ours):
        for one, trainer, x in zip(ours, trainers, xs, strict=True):
            sparse += one.take(x).entries is not None
            step(trainer, x)
    for one, trainer in zip(ours, trainers, strict=True):
        for name, expected in trainer.sae.named_parameters():
            assert difference(one.sae.get_parameter(name), expected) <= TOLERANCE[torch.float64], name
    if case in ("topk", "jumprelu"):
        assert sparse > STEPS, "the sparse products had work"
    if case == "jumprelu":
        assert sparse < STEPS * len(ours), "and the dense ones"


@pytest.mark.parametrize("case", WRITTEN_OUT)
def test_written_out_gradients_train_the_same_sae_in_float32_until_rounding_picks_another_latent(
    case: str,
) -> None:
    """Selecting latents is a jump: once rounding moves one across it, two float32 runs go their own ways. Until then they agree."""
    ours = ours_of(members_of(CASES[case])[:FEW], torch.float32, written_out=True)
    trainers = [saelens_trainer(one, torch.float32) for one in ours]
    together = set(range(FEW))
    agreed = 0
    for xs in batches(ours):
        for index in sorted(together):
            one, trainer = ours[index], trainers[index]
            if not torch.equal(jumps(one.sae, xs[index]), jumps(trainer.sae, xs[index])):
                together.discard(index)
                continue
            one.take(xs[index])
            step(trainer, xs[index])
            agreed += 1
            if case.startswith("topk") or one.done % 10 == 0:
                for name, expected in trainer.sae.named_parameters():
                    assert difference(one.sae.get_parameter(name), expected) <= TOLERANCE[torch.float32], name
    assert agreed >= 0.4 * STEPS * FEW, f"{agreed} of {STEPS * FEW} steps were compared"


def jumps(sae: Any, x: torch.Tensor) -> torch.Tensor:
    """The side of every jump that each entry is on."""
    with torch.no_grad():
        if not hasattr(sae, "threshold"):
            return sae.encode(x) != 0
        offset = ((x - sae.b_dec) @ sae.W_enc + sae.b_enc) - sae.threshold.clamp(min=0.0)
        half = sae.bandwidth / 2
        return torch.stack([offset > 0, offset > -half, offset < half])


def test_topk_columns_are_those_of_torch() -> None:
    from hubkit.train.sparse import topk_columns

    generator = torch.Generator().manual_seed(0)
    for rows, columns, k in ((16, 600, 8), (5, 2304, 64), (7, 50, 20), (3, 513, 1)):
        x = torch.randn(rows, columns, generator=generator)
        x[0, : columns // 8] += 10.0  # one part of the row holds all that is large
        values, found = topk_columns(x, k)
        expected = x.topk(k, dim=1)
        assert torch.equal(values.sort(dim=1, descending=True).values, expected.values)
        assert torch.equal(found.sort(dim=1).values, expected.indices.sort(dim=1).values)
        assert torch.equal(x.gather(1, found), values)


def test_topk_columns_of_numbers_that_are_none() -> None:
    from hubkit.train.sparse import topk_columns

    x = torch.full((2, 600), torch.nan)
    values, columns = topk_columns(x, 8)
    assert bool(torch.isnan(values).all())
    assert len(set(columns[0].tolist())) == 8


def test_sparse_products_are_the_dense_ones() -> None:
    from hubkit.train.sparse import SparseEntries

    generator = torch.Generator().manual_seed(1)
    mask = torch.rand(6, 40, generator=generator) < 0.2
    mask[2] = False
    entries = SparseEntries.where(mask)
    values = torch.randn(int(mask.sum()), generator=generator, dtype=torch.float64)
    matrix = torch.zeros(6, 40, dtype=torch.float64).masked_scatter(mask, values)
    left, right = (torch.randn(n, 5, generator=generator, dtype=torch.float64) for n in (6, 40))
    assert torch.equal(entries.dense(values), matrix)
    for found, expected in (
        (entries.times(values, right), matrix @ right),
        (entries.transposed_times(values, left), matrix.t() @ left),
        (entries.product(left, right), (left @ right.t())[mask]),
        (entries.sums(values), matrix.sum(dim=0)),
    ):
        assert torch.allclose(found, expected, rtol=1e-12, atol=1e-12)
    none = SparseEntries.where(torch.zeros(2, 40, dtype=torch.bool))
    assert none.product(left[:2], right).shape == (0,)
    assert bool((none.times(values[:0], right) == 0).all())
    assert bool((none.transposed_times(values[:0], left[:2]) == 0).all())
