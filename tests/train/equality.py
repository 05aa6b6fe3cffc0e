"""SAELens's own trainer beside hubkit's: the same first weights, the same batches, the same optimiser kernel. For the tests of every architecture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from train.conftest import activations

from hubkit.train.member import Member
from hubkit.train.spec import SaeSpec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hubkit.train.cpu_trainer import CpuTrainer

D_IN, D_SAE, K, BATCH, STEPS, STACK = 16, 96, 6, 24, 100, 8
TOLERANCE = {torch.float64: 1e-10, torch.float32: 1e-5}


def members_of(case: dict[str, Any]) -> list[Member]:
    """Eight SAEs of one case: each its own rows, its own number of them, its own seed."""
    fields = {"d_sae": D_SAE, "k": K, "steps": STEPS, "batch_size": BATCH, "layer": 0, "condition": "mixed"}
    return [
        Member(
            f"sae{i}",
            SaeSpec.model_validate(fields | case | {"sae_id": f"sae{i}", "seed": i}),
            torch.from_numpy(activations(60 + 7 * i, D_IN, i)),
        )
        for i in range(STACK)
    ]


def saelens_trainer(one: CpuTrainer, dtype: torch.dtype) -> Any:
    """SAELens's trainer of its own class with the first weights of `one`; only Adam's kernel is ours to choose."""
    from sae_lens.config import LoggingConfig, SAETrainerConfig
    from sae_lens.registry import SAE_TRAINING_CLASS_REGISTRY
    from sae_lens.training.sae_trainer import SAETrainer

    spec = one.member.spec
    sae = SAE_TRAINING_CLASS_REGISTRY[spec.architecture][0](one.sae.cfg).to(dtype)
    sae.load_state_dict(one.sae.state_dict())
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


def ours_of(members: list[Member], dtype: torch.dtype, *, written_out: bool) -> list[CpuTrainer]:
    from hubkit.train.cpu_trainer import CpuTrainer

    ours = [CpuTrainer(member, written_out=written_out, dtype=dtype) for member in members]
    for one in ours:
        widen(one.sae, dtype)
    return ours


def step(trainer: Any, x: torch.Tensor) -> None:
    trainer.step(x)
    trainer.n_training_steps += 1


def batches(ours: list[CpuTrainer]) -> Iterator[list[torch.Tensor]]:
    orders = [one.order.take(STEPS) for one in ours]
    for number in range(STEPS):
        yield [one.batch(order[number]) for one, order in zip(ours, orders, strict=True)]


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


def assert_a_stack_is_saelens(case: dict[str, Any], dtype: torch.dtype) -> None:
    """The mapped form of eight SAEs: gradients to the bit at several steps; weights, thresholds and schedules after 100."""
    from hubkit.train.mapped import MappedStack

    ours = ours_of(members_of(case), dtype, written_out=False)
    stack, trainers = MappedStack(ours, "cpu"), [saelens_trainer(one, dtype) for one in ours]
    for number, xs in enumerate(batches(ours)):
        (settings,) = stack.settings(1)
        if number in (0, 10, 60):
            stack.project()
            gradients, _ = stack.gradients(torch.stack(xs), settings)
            for index, trainer in enumerate(trainers):
                for name, expected in gradients_of(trainer, xs[index]).items():
                    assert torch.equal(gradients[name][index], expected), (number, index, name)
        stack.take(torch.stack(xs), settings)
        for trainer, x in zip(trainers, xs, strict=True):
            step(trainer, x)
    for index, trainer in enumerate(trainers):
        for name, expected in trainer.sae.named_parameters():
            assert difference(stack.weights[name][index], expected) <= TOLERANCE[dtype], name
        for name, expected in trainer.sae.named_buffers():
            assert difference(stack.buffers[name][index], expected) <= 1e-6, name
            assert float(stack.buffers[name][index]) > 0
    if "dead_window" in case:
        assert any(bool(trainer.dead_neurons.any()) for trainer in trainers), "the auxiliary loss had work"
