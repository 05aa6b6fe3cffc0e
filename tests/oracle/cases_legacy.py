"""Defects of the layouts of SAELens 2 to 5."""

from __future__ import annotations

from oracle.case import Case, drop, every, extra, legacy, rename

UNIT, WIDE = "topk, unit rows", "topk, unit rows, wide"
SILENT_DEFAULT = "the layout never demanded the key; a note (CFG014) says what is assumed"

CASES = [
    Case("v4 b_dec not subtracted, key missing", "standard, b_dec not subtracted", every(legacy(4), drop("apply_b_dec_to_input")), "~~~", lost="A", gap=SILENT_DEFAULT),
    Case("v4 expected_average_only_in", "standard, scaled inputs", legacy(4, normalize_activations="expected_average_only_in"), "~~~", "warning CFG010", "A"),
    Case("v2 normalize_activations true", "standard, scaled inputs", legacy(2, normalize_activations=True), "!~~", "warning CFG010"),
    Case("v4 normalize_activations unknown", "standard", legacy(4, normalize_activations="foo"), "!!!", "error CFG003|CFG010"),
    Case("v4 trained with layer_norm, key missing", "standard, layer_norm", every(legacy(4), drop("normalize_activations")), "~~~", lost="A", gap=SILENT_DEFAULT),
    Case("v4 topk, no k anywhere", WIDE, legacy(4, activation_fn_kwargs={}), "~!!", "error CFG006|CFG007", "A", quick=True),
    Case("v3 topk, no k and no activation_fn_kwargs", WIDE, every(legacy(3), drop("activation_fn_kwargs")), "~~~", "error CFG006", "A"),
    Case("v4 topk, k at the top level and empty activation_fn_kwargs", UNIT, legacy(4, k=8, activation_fn_kwargs={}), "=!!", "error CFG007", "A", quick=True),
    Case("v4 topk, k at the top level only", UNIT, every(legacy(4, k=8, activation_fn_str="relu"), drop("activation_fn_kwargs")), lost="A"),
    Case("v4 topk, two different k", UNIT, legacy(4, k=8, activation_fn_kwargs={"k": 4}), "=~~", "error CFG007", "A"),
    Case("v4 topk, activation_fn_kwargs null", UNIT, legacy(4, k=8, activation_fn_kwargs=None), "=!!", "error CFG003|CFG007", "A"),
    Case("v4 topk, k 8.0 in activation_fn_kwargs", UNIT, legacy(4, activation_fn_kwargs={"k": 8.0}), "^^^", "error CFG003|CFG007", "A"),
    Case("v4 topk, k above d_sae in activation_fn_kwargs", UNIT, legacy(4, activation_fn_kwargs={"k": 65}), "^^^", "error CFG007", "A"),
    Case("v4 topk, k a string in activation_fn_kwargs", UNIT, legacy(4, activation_fn_kwargs={"k": "8"}), "^^^", "error CFG003|CFG007", "A"),
    Case("v4 standard with activation_fn_str topk, as SAELens 4 wrote its TopK", UNIT, legacy(4, architecture="standard"), "~==", lost="A"),
    Case("v5 standard with activation_fn_str topk, topk meant", UNIT, legacy(5, architecture="standard"), "~==", "warning CFG019", "A"),
    Case("v5 standard with activation_fn_str topk, standard meant", "standard", legacy(5, activation_fn_str="topk", activation_fn_kwargs={"k": 8}), "=~~", "warning CFG019", "A", quick=True),
    Case("v4 jumprelu with activation_fn_str topk", "jumprelu", legacy(4, activation_fn_str="topk", activation_fn_kwargs={"k": 8}), "=!!", "error WTS005", "A"),
    Case("v4 standard with activation_fn_str topk and no k", UNIT, legacy(4, architecture="standard", activation_fn_kwargs={}), "~~~", "error CFG006|CFG019", "A"),
    Case("v4 topk with activation_fn_str relu, k in activation_fn_kwargs", UNIT, legacy(4, activation_fn_str="relu"), "^==", lost="A"),
    Case("v4 activation_fn_str tanh-relu", "standard, tanh", legacy(4, activation_fn_str="tanh-relu"), "~~~", "error CFG003|CFG019", "A"),
    Case("v3 architecture missing, topk weights, activation_fn_str relu", UNIT, every(legacy(3, activation_fn_str="relu"), drop("architecture", "activation_fn_kwargs")), "!~~", gap="standard and topk have the same tensors, and version 2 had no architecture"),
    Case("v4 architecture missing, activation_fn_str topk", UNIT, every(legacy(4), drop("architecture")), "!=="),
    Case("v4 architecture missing, jumprelu weights", "jumprelu", every(legacy(4), drop("architecture")), "!!!", "error WTS005"),
    Case("v4 architecture missing, gated weights", "gated", every(legacy(4), drop("architecture")), "!!!", "error WTS004, error WTS005"),
    Case("v4 architecture JumpReLU", "jumprelu", legacy(4, architecture="JumpReLU"), "!!!", "error CFG004"),
    Case("v4 architecture null", "jumprelu", legacy(4, architecture=None), "!!!", "error CFG004"),
    Case("v4 hook_name null", "standard", legacy(4, hook_name=None), "=!!", "error CFG003|CFG011", "A", quick=True),
    Case("v4 hook_name missing", "standard", every(legacy(4), drop("hook_name")), "===", "warning CFG011", "ABC"),
    Case("v4 model_name missing", "standard", every(legacy(4), drop("model_name")), "===", "warning CFG011", "ABC"),
    Case("v4 hook_layer contradicts hook_name", "standard", legacy(4, hook_layer=7), "===", "error CFG012", "A"),
    Case("v2 hook_point_layer contradicts hook_point", "standard", legacy(2, hook_point_layer=7), "!==", "error CFG012"),
    Case("v4 dtype missing", "standard", every(legacy(4), drop("dtype")), "=!=", "error CFG005", "A"),
    Case("v4 d_sae missing", "standard", every(legacy(4), drop("d_sae")), "!!!", "error CFG005"),
    Case("v2 d_sae missing, expansion_factor there", "standard", every(legacy(2), drop("d_sae")), "!!!", "error CFG005"),
    Case("v4 gated with b_enc", "gated", every(legacy(4), extra("b_enc", "b_mag")), "!!!", "error WTS005"),
    Case("v4 jumprelu with log_threshold", "jumprelu", every(legacy(4), rename(threshold="log_threshold")), "!!!", "error WTS004"),
    Case("v4 scaling_factor not ones, finetuning_scaling_factor true", "standard", every(legacy(4, finetuning_scaling_factor=True), extra("scaling_factor", "b_enc", lambda t: t * 0 + 2)), "!!!", "error WTS005"),
    Case("v4 scaling_factor not ones, finetuning_scaling_factor false", "standard", every(legacy(4), extra("scaling_factor", "b_enc", lambda t: t * 0 + 2)), "!!!", "error WTS005"),
    Case("v4 hook_z, heads joined before", "standard, hook_z joined", legacy(4), "=^^", lost="A", gap="right for activations of three dimensions, which the hook gives"),
    Case("v4 top-level sae_lens_version latest", "standard", legacy(4, sae_lens_version="latest"), "=!!", "error CFG003|CFG008", "A"),
    Case("v4 top-level sae_lens_version 6.1.0", "standard", legacy(4, sae_lens_version="6.1.0"), "===", "warning CFG011", "ABC"),
    Case("v4 topk, rows of many lengths, trained with the rescaling", "topk", legacy(4), "^~~", lost="A", gap="SAELens before 6.14 had no rescaling: an old TopK rightly has such rows"),
    Case("v4 transposed W_dec", "standard", every(legacy(4), lambda d: d.tensors.update(W_dec=d.tensors["W_dec"].T)), "!!!", "error WTS007"),
]  # fmt: skip
