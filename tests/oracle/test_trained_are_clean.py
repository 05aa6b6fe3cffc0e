"""What SAELens's training classes export after a training that works has no finding, and is computed as trained."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest
from oracle.case import Draft
from oracle.saes import Spec, fresh, written
from oracle.verdict import judge
from oracle.ways import one_thread

if TYPE_CHECKING:
    import torch

pytestmark = pytest.mark.train

D_IN, D_SAE, N, STEPS, BATCH, LR = 32, 128, 512, 200, 64, 1e-3
TOPK = {"k": 8, "aux_loss_coefficient": 0.0}
LEARNS = {"jumprelu_ste_to_input": True, "jumprelu_sparsity_loss_mode": "quadratic", "target_l0": 8.0}


def spec(config: str, **arguments: Any) -> Spec:
    return Spec(config, arguments, D_SAE, D_IN, export="save_inference_model")


TRAINED = {
    "standard": spec("StandardTrainingSAEConfig", l1_coefficient=0.5),
    "gated": spec("GatedTrainingSAEConfig", l1_coefficient=0.5),
    "topk": spec("TopKTrainingSAEConfig", **TOPK),
    "abstopk": spec("AbsTopKTrainingSAEConfig", **TOPK),
    "jumprelu": spec("JumpReLUTrainingSAEConfig", **LEARNS),
    "batchtopk": spec("BatchTopKTrainingSAEConfig", **TOPK),
    "matryoshka_batchtopk": spec("MatryoshkaBatchTopKTrainingSAEConfig", **TOPK, matryoshka_widths=[32, 128]),
    "matching_pursuit": spec(
        "MatchingPursuitTrainingSAEConfig", decoder_init_norm=1.0, residual_threshold=1.0, max_iterations=8
    ),
}


@pytest.mark.parametrize("architecture", TRAINED)
def test_an_export_has_no_finding(architecture: str) -> None:
    settings = TRAINED[architecture]
    with one_thread():
        sae, first, last = train(settings)
    assert last < 0.7 * first, f"it did not learn: mean squared error {first:.3f} to {last:.3f}"
    built = written(sae, settings)
    ways, found = judge(Draft(built.cfg, dict(built.tensors)), built.meant)
    assert [way.verdict for way in ways] == ["=", "=", "="], [way.detail for way in ways]
    assert not [entry for entry in found if not entry.startswith("note")]


def train(settings: Spec) -> tuple[Any, float, float]:
    """The SAE after a bare loop of Adam on its own losses, and its mean squared error before and after."""
    import torch
    from sae_lens.saes.sae import TrainStepInput

    torch.manual_seed(0)
    x = data()
    sae = fresh(settings)
    sae.b_dec.data.copy_(x.mean(0))
    coefficients = {name: float(getattr(c, "value", c)) for name, c in sae.get_coefficients().items()}
    optimiser = torch.optim.Adam(sae.parameters(), lr=LR)
    errors = []
    for step in range(STEPS):
        batch = x[torch.randint(N, (BATCH,))]
        output = sae.training_forward_pass(TrainStepInput(batch, coefficients, None, step, False))
        errors.append(output.losses["mse_loss"].item())
        optimiser.zero_grad()
        output.loss.backward()
        torch.nn.utils.clip_grad_norm_(sae.parameters(), 1.0)
        optimiser.step()
    sae.eval()
    return sae, errors[0], sum(errors[-10:]) / 10


def data() -> torch.Tensor:
    """Rows (N, D_IN) that are sums of a few of 64 directions, around a mean, with E||x|| = sqrt(D_IN)."""
    import torch

    directions = torch.nn.functional.normalize(torch.randn(64, D_IN), dim=1)
    codes = torch.rand(N, 64) * (torch.rand(N, 64) < 0.08)
    x = codes @ directions + 0.5 * torch.randn(D_IN) / math.sqrt(D_IN) + 0.02 * torch.randn(N, D_IN)
    return x * math.sqrt(D_IN) / x.norm(dim=1).mean()
