"""Same first weights, same batches, same optimiser kernel: what hubkit trains is what SAELens trains."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch

from hubkit.engine.threads import one_thread
from hubkit.train.member import Member
from hubkit.train.spec import SaeSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy as np

    from hubkit.train.lane import Lane

pytestmark = pytest.mark.train

D_IN, D_SAE, K, BATCH, STEPS, STACK, FEW = 16, 96, 6, 24, 100, 8, 3
CASES: dict[str, dict[str, Any]] = {
    "standard": {"architecture": "standard"},
    "topk": {"architecture": "topk"},
    "topk with dead latents": {"architecture": "topk", "dead_window": 4},
    "batchtopk": {"architecture": "batchtopk"},
    "batchtopk with dead latents": {"architecture": "batchtopk", "dead_window": 4},
    "gated": {"architecture": "gated"},
    "jumprelu": {"architecture": "jumprelu"},
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
TOLERANCE = {torch.float64: 1e-10, torch.float32: 1e-5}


@pytest.fixture(autouse=True)
def _small_matrices_on_one_thread() -> Iterator[None]:
    with one_thread():
        yield


@pytest.fixture
def members(make_activations: Callable[..., np.ndarray]) -> Callable[[str], list[Member]]:
    """Eight SAEs of one case: each its own rows, its own number of them, its own seed."""

    def make(case: str) -> list[Member]:
        fields = {
            "d_sae": D_SAE,
            "k": K,
            "steps": STEPS,
            "batch_size": BATCH,
            "layer": 0,
            "condition": "mixed",
        }
        return [
            Member(
                f"sae{i}",
                SaeSpec.model_validate(fields | CASES[case] | {"sae_id": f"sae{i}", "seed": i}),
                torch.from_numpy(make_activations(60 + 7 * i, D_IN, i)),
            )
            for i in range(STACK)
        ]

    return make


def saelens_trainer(lane: Lane, dtype: torch.dtype) -> Any:
    """SAELens's trainer of its own class with the first weights of `lane`; only Adam's kernel is ours to choose."""
    import sae_lens
    from sae_lens.config import LoggingConfig, SAETrainerConfig
    from sae_lens.training.sae_trainer import SAETrainer

    spec = lane.member.spec
    name = {"topk": "TopK", "batchtopk": "BatchTopK", "jumprelu": "JumpReLU"}.get(
        spec.architecture, spec.architecture.capitalize()
    )
    sae = getattr(sae_lens, f"{name}TrainingSAE")(lane.sae.cfg).to(dtype)
    sae.load_state_dict(lane.sae.state_dict())
    widen(sae, dtype)
    cfg = SAETrainerConfig(
        total_training_samples=STEPS * BATCH,
        train_batch_size_samples=BATCH,
        lr=spec.lr,
        lr_end=spec.lr / 10,
        lr_scheduler_name=spec.lr_schedule,
        lr_warm_up_steps=spec.lr_warm_up_steps,
        lr_decay_steps=spec.lr_decay_steps,
        dead_feature_window=spec.dead_window or STEPS,
        logger=LoggingConfig(log_to_wandb=False),
    )
    trainer: Any = SAETrainer(cfg, sae, iter([]))
    for group in trainer.optimizer.param_groups:
        group.update(fused=True, foreach=False)
    return trainer


def widen(sae: Any, dtype: torch.dtype) -> None:
    """SAELens keeps thresholds in float32; in a float64 run they would be the coarsest number there."""
    if hasattr(sae, "threshold"):
        sae.threshold.data = sae.threshold.data.to(dtype)


def lanes_of(members: list[Member], dtype: torch.dtype, *, written_out: bool) -> list[Lane]:
    from hubkit.train.lane import Lane

    lanes = [Lane(member, written_out=written_out, dtype=dtype) for member in members]
    for lane in lanes:
        widen(lane.sae, dtype)
    return lanes


def step(trainer: Any, x: torch.Tensor) -> None:
    trainer.step(x)
    trainer.n_training_steps += 1


def batches(lanes: list[Lane]) -> Iterator[list[torch.Tensor]]:
    orders = [lane.order.take(STEPS) for lane in lanes]
    for number in range(STEPS):
        yield [lane.batch(order[number]) for lane, order in zip(lanes, orders, strict=True)]


def difference(found: torch.Tensor, expected: torch.Tensor) -> float:
    """|found - expected| / |expected|, Euclidean."""
    return float((found.detach() - expected.detach()).norm() / expected.detach().norm().clamp(min=1e-30))


def gradients_of(trainer: Any, x: torch.Tensor) -> dict[str, torch.Tensor]:
    """SAELens's own backward pass, its side effects undone."""
    from sae_lens.saes.sae import TrainStepInput

    threshold = getattr(trainer.sae, "topk_threshold", None)
    trainer.sae.training_forward_pass(
        TrainStepInput(
            sae_in=x,
            coefficients=trainer.get_coefficients(),
            dead_neuron_mask=trainer.dead_neurons,
            n_training_steps=trainer.n_training_steps,
            is_logging_step=False,
        )
    ).loss.backward()
    if threshold is not None:
        trainer.sae.topk_threshold = threshold
    found = {name: weight.grad.clone() for name, weight in trainer.sae.named_parameters()}
    trainer.optimizer.zero_grad()
    return found


@pytest.mark.parametrize(
    ("case", "dtype"),
    [(case, torch.float32) for case in CASES]
    + [(case, torch.float64) for case in CASES if case == CASES[case]["architecture"]],
)
def test_a_stack_of_8_is_8_times_saelens(
    case: str, dtype: torch.dtype, members: Callable[[str], list[Member]]
) -> None:
    """Gradients to the bit at several steps; weights, thresholds and schedules after 100."""
    from hubkit.train.mapped import MappedStack

    lanes = lanes_of(members(case), dtype, written_out=False)
    stack, trainers = MappedStack(lanes, "cpu"), [saelens_trainer(lane, dtype) for lane in lanes]
    for number, xs in enumerate(batches(lanes)):
        if number in (0, 10, 60):
            stack.project()
            gradients, _ = stack.gradients(torch.stack(xs))
            for index, trainer in enumerate(trainers):
                for name, expected in gradients_of(trainer, xs[index]).items():
                    assert torch.equal(gradients[f"sae.{name}"][index], expected), (number, index, name)
        stack.take(torch.stack(xs))
        for trainer, x in zip(trainers, xs, strict=True):
            step(trainer, x)
    for index, trainer in enumerate(trainers):
        for name, expected in trainer.sae.named_parameters():
            assert difference(stack.weights[f"sae.{name}"][index], expected) <= TOLERANCE[dtype], name
        if hasattr(trainer.sae, "topk_threshold"):
            assert float(stack.threshold[index]) == pytest.approx(float(trainer.sae.topk_threshold), rel=1e-6)
            assert float(stack.threshold[index]) > 0
    if "dead_window" in CASES[case]:
        assert any(bool(trainer.dead_neurons.any()) for trainer in trainers), "the auxiliary loss had work"


@pytest.mark.parametrize("case", WRITTEN_OUT)
def test_written_out_gradients_train_the_same_sae_in_float64(
    case: str, members: Callable[[str], list[Member]]
) -> None:
    lanes = lanes_of(members(case)[:FEW], torch.float64, written_out=True)
    assert all(lane.gradient is not None for lane in lanes)
    trainers = [saelens_trainer(lane, torch.float64) for lane in lanes]
    sparse = 0
    for xs in batches(lanes):
        for lane, trainer, x in zip(lanes, trainers, xs, strict=True):
            sparse += lane.take(x).places is not None
            step(trainer, x)
    for lane, trainer in zip(lanes, trainers, strict=True):
        for name, expected in trainer.sae.named_parameters():
            assert difference(lane.sae.get_parameter(name), expected) <= TOLERANCE[torch.float64], name
    if case in ("topk", "jumprelu"):
        assert sparse > STEPS, "the sparse products had work"
    if case == "jumprelu":
        assert sparse < STEPS * len(lanes), "and the dense ones"


@pytest.mark.parametrize("case", WRITTEN_OUT)
def test_written_out_gradients_train_the_same_sae_in_float32_until_rounding_picks_another_latent(
    case: str, members: Callable[[str], list[Member]]
) -> None:
    """Selecting latents is a jump: once rounding moves one across it, two float32 runs go their own ways. Until then they agree."""
    lanes = lanes_of(members(case)[:FEW], torch.float32, written_out=True)
    trainers = [saelens_trainer(lane, torch.float32) for lane in lanes]
    together = set(range(FEW))
    agreed = 0
    for xs in batches(lanes):
        for index in sorted(together):
            lane, trainer = lanes[index], trainers[index]
            if not torch.equal(jumps(lane.sae, xs[index]), jumps(trainer.sae, xs[index])):
                together.discard(index)
                continue
            lane.take(xs[index])
            step(trainer, xs[index])
            agreed += 1
            if case.startswith("topk") or lane.done % 10 == 0:
                for name, expected in trainer.sae.named_parameters():
                    assert difference(lane.sae.get_parameter(name), expected) <= TOLERANCE[torch.float32], (
                        name
                    )
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
    from hubkit.train.sparse import Places

    generator = torch.Generator().manual_seed(1)
    mask = torch.rand(6, 40, generator=generator) < 0.2
    mask[2] = False
    places = Places.where(mask)
    values = torch.randn(int(mask.sum()), generator=generator, dtype=torch.float64)
    matrix = torch.zeros(6, 40, dtype=torch.float64).masked_scatter(mask, values)
    left, right = (torch.randn(n, 5, generator=generator, dtype=torch.float64) for n in (6, 40))
    assert torch.equal(places.dense(values), matrix)
    for found, expected in (
        (places.times(values, right), matrix @ right),
        (places.transposed_times(values, left), matrix.t() @ left),
        (places.product(left, right), (left @ right.t())[mask]),
        (places.sums(values), matrix.sum(dim=0)),
    ):
        assert torch.allclose(found, expected, rtol=1e-12, atol=1e-12)
    none = Places.where(torch.zeros(2, 40, dtype=torch.bool))
    assert none.product(left[:2], right).shape == (0,)
    assert bool((none.times(values[:0], right) == 0).all())
    assert bool((none.transposed_times(values[:0], left[:2]) == 0).all())
