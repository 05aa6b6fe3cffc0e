"""The keys of SAELens's configurations: what survives a load, what is known and dropped.

Source: the dataclasses of sae_lens 6.54.12 (saes/*.py, config.py), and the legacy keys as found in published configurations.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from functools import cache

from hubkit.formats.architectures import ALL_TRAINING_KEYS, ALSO_INFERENCE
from hubkit.formats.saelens import METADATA_KEYS, RENAMED
from hubkit.formats.shipped import shipped_schema

NEAR = 0.8
"""difflib's ratio above which a key is taken for another one misspelt."""
TRAINING = (ALL_TRAINING_KEYS - ALSO_INFERENCE) | frozenset(
    """
    decoder_orthogonal_init decoder_heuristic_init decoder_heuristic_init_norm init_encoder_as_decoder_transpose
    normalize_sae_decoder scale_sparsity_penalty_by_decoder_norm mse_loss_normalization noise_scale use_ghost_grads b_dec_init_method
    lr lr_end lr_scheduler_name lr_warm_up_steps lr_decay_steps n_restart_cycles adam_beta1 adam_beta2 training_tokens
    train_batch_size_tokens train_batch_size_samples train_batch_size store_batch_size_prompts eval_batch_size_prompts n_eval_batches
    n_batches_in_buffer n_batches_for_norm_estimate activations_mixing_fraction dead_feature_window feature_sampling_window
    dead_feature_threshold n_checkpoints checkpoint_path output_path resume_from_checkpoint resume save_final_checkpoint
    log_to_wandb log_activations_store_to_wandb log_optimizer_state_to_wandb log_weights_to_wandb wandb_project wandb_id wandb_entity
    wandb_log_frequency eval_every_n_wandb_logs run_name logger from_pretrained_path use_cached_activations cached_activations_path
    autocast autocast_lm autocast_sae autocast_dtype compile_llm llm_compilation_mode compile_sae sae_compilation_mode
    finetuning_tokens finetuning_method streaming is_dataset_tokenized use_chat_formatting hook_eval prefetch_llm_batches
    tokens_per_buffer act_store_device llm_device expansion_factor
    """.split()  # noqa: SIM905 - a list of this length is read as a text
)
"""Only a training or its runner has these."""

LEGACY = frozenset(
    """
    architecture d_in d_sae dtype device hook_point hook_point_layer hook_point_head_index hook_layer hook_name hook_head_index model_name
    activation_fn activation_fn_str activation_fn_kwargs apply_b_dec_to_input finetuning_scaling_factor normalize_activations
    reshape_activations prepend_bos dataset_path dataset_trust_remote_code context_size sae_lens_version sae_lens_training_version
    neuronpedia_id model_from_pretrained_kwargs model_kwargs model_class_name seqpos_slice is_dataset_tokenized tokenizer_name seed verbose
    """.split()  # noqa: SIM905 - the same
)
"""What versions 2 to 5 kept at the top level."""


@cache
def keys_of(architecture: str) -> frozenset[str]:
    """The top-level keys that survive a load for this architecture."""
    return _fields("then").get(architecture, frozenset())


@cache
def others_keys(architecture: str) -> frozenset[str]:
    """Fields that only other architectures have, `k` in a standard: dropped, and not by an oversight of the vocabulary."""
    return frozenset().union(*_fields("then").values()) - keys_of(architecture)


@cache
def known() -> frozenset[str]:
    """Keys that somebody at home in SAELens would recognise: never reported as misspelled."""
    fields = (*_fields("then").values(), *_fields("else").values())
    return TRAINING | LEGACY | frozenset(METADATA_KEYS) | frozenset(RENAMED) | frozenset().union(*fields)


def dropped(architecture: str, cfg: Iterable[str]) -> list[str]:
    """The keys of a v6 configuration that SAELens drops and that are nobody's: neither of this architecture nor of an older layout or a training.

    A field of another architecture is among them; d_out is not, it marks a transcoder (CFG017).
    """
    fields, familiar, foreign = keys_of(architecture), known(), others_keys(architecture) - {"d_out"}
    return [
        key
        for key in cfg
        if key not in fields and (key not in familiar or key in foreign) and not key.startswith(("_", "$"))
    ]


def near_key(architecture: str, key: str) -> tuple[str | None, bool]:
    """Of a dropped key: the field that it may be a misspelling of, and whether it is a field of another architecture."""
    if key in others_keys(architecture):
        return None, True
    near = difflib.get_close_matches(key.lower(), keys_of(architecture), n=1, cutoff=NEAR)
    return (near[0] if near else None), False


@cache
def _fields(branch: str) -> dict[str, frozenset[str]]:
    """By architecture, the fields in the shipped schema: `then` is v6, `else` the older layouts."""
    schema = shipped_schema("cfg")
    return {
        choice["if"]["properties"]["architecture"]["const"]: frozenset(
            schema["$defs"][choice["then"]["$ref"].rpartition("/")[2]]["properties"]
        )
        for choice in schema[branch]["allOf"]
    }
