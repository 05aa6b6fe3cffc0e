"""The keys that only a training has, by training architecture.

Source: the dataclasses of sae_lens 6.54.12, saes/*.py; a test holds the two together where sae_lens is installed.
"""

from __future__ import annotations

from hubkit.validate.rules.vocabulary import TRAINING

_TOPK_TRAINING = {"decoder_init_norm", "use_sparse_activations", "aux_loss_coefficient"}
_BATCHTOPK = _TOPK_TRAINING | {"k", "rescale_acts_by_decoder_norm", "topk_threshold_lr"}
TRAINING_KEYS: dict[str, frozenset[str]] = {
    "standard": frozenset({"decoder_init_norm", "l1_coefficient", "lp_norm", "l1_warm_up_steps"}),
    "gated": frozenset({"decoder_init_norm", "l1_coefficient", "l1_warm_up_steps"}),
    "topk": frozenset(_TOPK_TRAINING),
    "abstopk": frozenset(_TOPK_TRAINING),
    "jumprelu": frozenset(
        {
            "decoder_init_norm", "jumprelu_init_threshold", "jumprelu_bandwidth", "jumprelu_sparsity_loss_mode", "l0_coefficient",
            "l0_warm_up_steps", "pre_act_loss_coefficient", "jumprelu_tanh_scale", "jumprelu_ste_to_input", "target_l0",
        }
    ),
    "batchtopk": frozenset(_BATCHTOPK),
    "matryoshka_batchtopk": frozenset(_BATCHTOPK | {"matryoshka_widths", "use_matryoshka_aux_loss"}),
    "matching_pursuit": frozenset({"decoder_init_norm"}),
}  # fmt: skip
"""What only the training reads, by training architecture: `metadata.training_architecture_details` of an export."""

ALL_TRAINING_KEYS: frozenset[str] = frozenset().union(*TRAINING_KEYS.values())
RUNNER_KEYS = TRAINING - ALL_TRAINING_KEYS
"""What the runner of a training reads; SAELens's export leaves it out of cfg.json."""
