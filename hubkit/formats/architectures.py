"""SAELens's own facts about each architecture, once: since when it loads, what it computes, what it is saved as, which keys only its training has.

Source: the wheels of sae_lens up to 6.54.12, `__init__.py` (`register_sae_class`, `register_sae_training_class`) and the dataclasses of saes/*.py; tests
hold the two together where sae_lens is installed. How hubkit trains one is `hubkit/train/architectures/`.
"""

from __future__ import annotations

from dataclasses import dataclass

NEWEST = "6.54.12"
"""The newest version whose registry was read."""


@dataclass(frozen=True)
class SaelensArchitecture:
    """One entry of SAELens's registries."""

    name: str
    first: str | None
    """The first version on PyPI that loads it; None where it is registered for training only."""
    encoder: str | None = None
    """What it computes from pre = (x - b_dec) W_enc + b_enc, in a card's words."""
    saved_as: str | None = None
    """Its inference form, where that is another architecture."""
    training_keys: frozenset[str] | None = None
    """What only its training reads (`training_architecture_details` of an export); None where SAELens does not train it."""
    in_cards: bool = False
    """Whether cards and configurations mean the same thing by its name."""


def _keys(names: str) -> frozenset[str]:
    return frozenset(names.split())


OF_TOPK = "decoder_init_norm use_sparse_activations aux_loss_coefficient"
OF_BATCHTOPK = f"{OF_TOPK} k rescale_acts_by_decoder_norm topk_threshold_lr"
OF_MATRYOSHKA = f"{OF_BATCHTOPK} matryoshka_widths use_matryoshka_aux_loss"
OF_JUMPRELU = (
    "decoder_init_norm jumprelu_init_threshold jumprelu_bandwidth jumprelu_sparsity_loss_mode l0_coefficient "
    "l0_warm_up_steps pre_act_loss_coefficient jumprelu_tanh_scale jumprelu_ste_to_input target_l0"
)
JUMP = "pre where pre > threshold, else 0"

ALL = tuple(
    SaelensArchitecture(name, first, encoder, saved_as, None if keys is None else _keys(keys), in_cards)
    for name, first, encoder, saved_as, keys, in_cards in (
        ("standard", "6.0.0", "ReLU(pre)", None, "decoder_init_norm l1_coefficient lp_norm l1_warm_up_steps", True),
        ("gated", "6.0.0", "ReLU(r_mag-scaled pre + b_mag) where the gate is open", None, "decoder_init_norm l1_coefficient l1_warm_up_steps", True),
        ("topk", "6.0.0", "the k largest of ReLU(pre)", None, OF_TOPK, True),
        ("abstopk", "6.53.0", "the k of largest absolute value", None, OF_TOPK, False),
        ("jumprelu", "6.0.0", JUMP, None, OF_JUMPRELU, True),
        ("transcoder", "6.5.0", "ReLU(pre)", None, None, False),
        ("skip_transcoder", "6.5.0", "ReLU(pre), and a linear skip", None, None, False),
        ("jumprelu_transcoder", "6.5.0", JUMP, None, None, False),
        ("jumprelu_skip_transcoder", "6.24.0", f"{JUMP}, and a linear skip", None, None, False),
        ("temporal", "6.20.1", None, None, None, False),
        ("matching_pursuit", "6.26.0", "matching pursuit on the decoder", None, "decoder_init_norm", False),
        ("batchtopk", None, None, "jumprelu", OF_BATCHTOPK, True),
        ("matryoshka_batchtopk", None, None, "jumprelu", OF_MATRYOSHKA, False),
    )
)  # fmt: skip
"""In the order of SAELens's registries."""

BY_NAME = {one.name: one for one in ALL}
INFERENCE = tuple(one.name for one in ALL if one.first is not None)
"""`SAE_CLASS_REGISTRY`: what a published configuration may name."""
TRAINING_ONLY = tuple(one.name for one in ALL if one.first is None)
"""Registered for training only; what they are saved as is in `saved_as`."""
TRANSCODERS = {name for name in INFERENCE if name.endswith("transcoder")}
JUMPRELU = {name for name in INFERENCE if name.startswith("jumprelu")}
TOPK = {name for name in INFERENCE if name.endswith("topk")}
TRAINING_KEYS = {one.name: one.training_keys for one in ALL if one.training_keys is not None}
"""By training architecture."""
ALL_TRAINING_KEYS: frozenset[str] = frozenset().union(*TRAINING_KEYS.values())
ALSO_INFERENCE = {"k", "rescale_acts_by_decoder_norm"}
"""Of these: a BatchTopK has them in training only, a TopK in both."""
