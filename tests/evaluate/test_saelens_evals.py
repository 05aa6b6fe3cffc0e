"""Reconstruction, sparsity and density as SAELens's own evaluation computes them, on the same rows of a model built from a configuration."""

from __future__ import annotations

import warnings
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from hubkit.evaluate.values import densities_of, value_of
from hubkit.measures.reconstructed import Encoded, Reconstructed

pytestmark = pytest.mark.train

BOTH = {
    "explained_variance": "explained_variance",
    "mse_sum": "mse",
    "cosine": "cossim",
    "l2_ratio": "l2_ratio",
    "relative_bias": "relative_reconstruction_bias",
    "l0": "l0",
    "l1": "l1",
}
"""Ours, and SAELens's word for it."""


@pytest.fixture(scope="module")
def parts() -> Any:
    """A model of two blocks, tokens, and an SAE whose activations are neither small nor centred."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import torch
        from sae_lens import JumpReLUSAE, JumpReLUSAEConfig
        from sae_lens.saes.sae import SAEMetadata
        from transformer_lens import HookedTransformer, HookedTransformerConfig

    torch.manual_seed(0)
    cfg = HookedTransformerConfig(
        n_layers=2, d_model=16, n_ctx=12, d_head=8, n_heads=2, d_mlp=32, d_vocab=50, act_fn="relu", seed=0
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = HookedTransformer(cfg)
    metadata = SAEMetadata(hook_name="blocks.1.hook_resid_pre", hook_head_index=None)
    sae = JumpReLUSAE(JumpReLUSAEConfig(d_in=16, d_sae=48, metadata=metadata))
    with torch.no_grad():
        for parameter in sae.parameters():
            parameter.copy_(torch.randn_like(parameter) * 0.3)
        sae.threshold.copy_(torch.rand(48) * 0.05)
        sae.b_enc[:5] = -100.0  # latents that never fire
    return SimpleNamespace(model=model, sae=sae, tokens=torch.randint(0, 50, (8, 12)), torch=torch)


def test_the_same_numbers(parts: Any) -> None:
    from sae_lens.evals import get_sparsity_and_variance_metrics
    from sae_lens.training.activation_scaler import ActivationScaler

    torch, tokens = parts.torch, parts.tokens
    with torch.no_grad():
        theirs, of_latents = get_sparsity_and_variance_metrics(
            parts.sae, parts.model, SimpleNamespace(get_batch_tokens=lambda _: tokens), ActivationScaler(), 1,
            compute_l2_norms=True, compute_sparsity_metrics=True, compute_variance_metrics=True,
            compute_featurewise_density_statistics=True, eval_batch_size_prompts=8, model_kwargs={},
        )  # fmt: skip
        _, cache = parts.model.run_with_cache(tokens, prepend_bos=False)
        x = cache["blocks.1.hook_resid_pre"].flatten(0, 1)
        acts = parts.sae.encode(x)
        encoded = Encoded(x.numpy(), parts.sae.decode(acts).numpy(), acts.numpy())
    subject: Any = SimpleNamespace(reconstructed=lambda _: Reconstructed((encoded,)))
    for ours, name in BOTH.items():
        value = value_of(ours, subject, "held_out")
        assert value is not None
        assert value.value == pytest.approx(theirs[name], rel=1e-4), ours
    (density,) = densities_of(subject, ["held_out"])
    shares = np.array(of_latents["feature_density"])
    assert density.dead == int((shares == 0).sum()) >= 5
    assert density.dense == int((shares > 0.1).sum())
    assert sum(density.counts) + density.dead == density.latents == 48
