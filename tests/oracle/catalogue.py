"""All cases."""

from __future__ import annotations

from oracle import cases_clean, cases_config, cases_legacy, cases_threshold, cases_weights

GROUPS = {
    "Right": cases_clean.CASES,
    "cfg.json, v6": cases_config.CASES,
    "cfg.json, v2 to v5": cases_legacy.CASES,
    "Weights": cases_weights.CASES,
    "Threshold": cases_threshold.CASES,
}
CASES = [case for cases in GROUPS.values() for case in cases]

_VERSION = (
    "CFG008 asks only where metadata is; InvalidVersion is raised for any stated version that is no version"
)
_TEMPORAL = "the cfg model of temporal knows no defaults that matter: a missing field is a guess of SAELens's"
_TENSORS = "tensor_shapes gives None for temporal; d_sae, bottleneck_factor, n_attn_layers and tied_weights determine them"
_TRAINED_AS = "metadata.training_architecture is not compared with architecture (only the folder's name is)"
_AUTOENCODER = (
    "CFG017 takes d_out for a mark only where it differs from d_in; an autoencoder's cfg has no d_out at all"
)
_PURSUIT = "residual_threshold and max_iterations decide what matching pursuit computes; missing, SAELens takes 0.01 and d_in"
_SCALING = (
    "WTS005 leaves scaling_factor alone; it loads only when all its values are 1, so its values must be read"
)

OPEN: dict[str, str] = {
    "flat, sae_lens_version latest": _VERSION,
    "v4 top-level sae_lens_version latest": _VERSION,
    "covariance_whitening, matrix nowhere": "CFG010: SAELens treats it as none on loading, the matrix is stored nowhere",
    "trained with layer_norm, normalize_activations missing": "CFG009 asks only for apply_b_dec_to_input; this one is guessed too",
    "standard with topk weights, k still there": "CFG016 takes k for legacy vocabulary; in a v6 standard it is a dropped key that decides",
    "standard with activation_fn_str topk (v6)": "CFG019 asks only legacy files; in v6 the activation is dropped and the SAE runs dense",
    "standard with topk weights, metadata says topk": _TRAINED_AS,
    "jumprelu export as standard, threshold thrown away": _TRAINED_AS,
    "abstopk export as topk": _TRAINED_AS,
    "transcoder as standard, d_out = d_in": _AUTOENCODER,
    "transcoder as standard, apply_b_dec_to_input true": _AUTOENCODER,
    "matching_pursuit without residual_threshold": _PURSUIT,
    "matching_pursuit without max_iterations": _PURSUIT,
    "temporal without n_heads": _TEMPORAL,
    "temporal without bottleneck_factor": _TEMPORAL,
    "temporal without kval_topk": _TEMPORAL,
    "temporal without its scale factor": _TEMPORAL,
    "temporal, sae_diff_type unknown": "the cfg model of temporal has no sae_diff_type (relu or topk)",
    "temporal with another n_attn_layers": _TENSORS,
    "temporal, untied, without tied_weights": _TENSORS,
    "cfg.json called config.json": "SAELens opens cfg.json only; hubkit takes config.json for it",
    "v4 standard with activation_fn_str topk and no k": "neither CFG006 nor CFG019 sees it: SAELens leaves it standard and runs it dense",
    "v4 topk with activation_fn_str relu, k in activation_fn_kwargs": "CFG006 is wrong: SAELens takes the k of the kwargs for any topk; migrated() does not",
    "v4 activation_fn_str tanh-relu": "SAELens 6 has no tanh-relu and runs a plain ReLU",
    "v4 hook_name null": "a null hook_name raises TypeError in the migration; CFG011 says warning",
    "scaling_factor not ones": _SCALING,
    "v4 scaling_factor not ones, finetuning_scaling_factor true": _SCALING,
    "v4 scaling_factor not ones, finetuning_scaling_factor false": _SCALING,
}
"""Cases on which hubkit does not agree yet, by name, and why: expected failures. A rule that learns one takes it off the list."""
