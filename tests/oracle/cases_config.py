"""Defects of cfg.json in the v6 layout."""

from __future__ import annotations

from oracle.case import GONE, Case, at, cfg_text, drop, every, flat, meta, named, nothing, put, rename

UNIT, WIDE = "topk, unit rows", "topk, unit rows, wide"
TRANSCODER, SAME = "transcoder", "transcoder, d_out = d_in"

METADATA = [
    Case("metadata without sae_lens_version", "topk", meta(sae_lens_version=GONE), "===", "error CFG008", "BC", quick=True),
    Case("sae_lens_version null", "topk", meta(sae_lens_version=None), "===", "error CFG008", "BC"),
    Case("sae_lens_version empty", "topk", meta(sae_lens_version=""), "===", "error CFG008", "BC"),
    Case("sae_lens_version 5.9.2", "topk", meta(sae_lens_version="5.9.2"), "===", "error CFG008", "BC"),
    Case("sae_lens_version 6.0.0a1", "topk", meta(sae_lens_version="6.0.0a1"), "===", "error CFG008", "BC"),
    Case("sae_lens_version latest", "topk", meta(sae_lens_version="latest"), "=!!", "error CFG008", quick=True),
    Case("sae_lens_version a number", "topk", meta(sae_lens_version=6), "=!!", "error CFG008"),
    Case("top-level sae_lens_version 5.0.0 beside a good one", "topk", put(sae_lens_version="5.0.0"), "===", "error CFG008", "BC"),
    Case("top-level sae_lens_version latest beside a good one", "topk", put(sae_lens_version="latest"), "=!!", "error CFG008"),
    Case("flat, sae_lens_version latest", "standard", flat(sae_lens_version="latest"), "=!!", "error CFG008|CFG003|CFG005", "A"),
    Case("flat, sae_lens_version 6.54.12", "standard", flat(sae_lens_version="6.54.12"), "===", "warning CFG011", "ABC", quick=True),
    Case("flat, no version", "standard", flat(), "===", "", "A"),
    Case("flat, sae_lens_version a number", "standard", flat(sae_lens_version=6), "=!!", "error CFG008", "A"),
    Case("metadata null", "topk", put(metadata=None), "!!!", "error CFG008"),
    Case("metadata a list", "topk", put(metadata=[]), "!!!", "error CFG008"),
    Case("metadata a string", "topk", put(metadata="gpt2"), "!!!", "error CFG008"),
    Case("metadata empty", "topk", put(metadata={}), "===", "error CFG008", "ABC"),
    Case("metadata without sae_lens_version, hook_name also at the top level", "topk", every(meta(sae_lens_version=GONE), put(hook_name="blocks.2.hook_resid_post", model_name="lab/tiny")), "===", "error CFG008"),
    Case("hook_name missing", "topk", meta(hook_name=GONE), "===", "warning CFG011", "ABC", quick=True),
    Case("hook_name null", "topk", meta(hook_name=None), "===", "warning CFG011", "ABC"),
    Case("hook_name empty", "topk", meta(hook_name=""), "===", "warning CFG011|CFG013"),
    Case("model_name missing", "topk", meta(model_name=GONE), "===", "warning CFG011", "ABC"),
    Case("no metadata at all, no version", "topk", drop("metadata"), "===", "warning CFG011", "ABC"),
    Case("hook_name a list", "topk", meta(hook_name=["blocks.2.hook_resid_post"]), "===", "warning CFG011|CFG013"),
]  # fmt: skip

PLACE = [
    Case("folder says L3, hook_name 2", "topk", at("L3_mixed"), "===", "warning CFG012"),
    Case("hook_name of two forms at once", "topk", meta(hook_name="model.layers.2.hook_resid_post"), "===", "warning CFG013"),
    Case("hook_name of no form", "topk", meta(hook_name="layer two"), "===", "warning CFG013"),
    Case("hook_layer contradicts hook_name", "topk", put(hook_layer=7), "===", "error CFG012"),
]  # fmt: skip

INPUT = [
    Case("b_dec not subtracted, key missing", "standard, b_dec not subtracted", drop("apply_b_dec_to_input"), "~~~", "warning CFG009", quick=True),
    Case("b_dec subtracted, key missing", "standard", drop("apply_b_dec_to_input"), "===", "warning CFG009"),
    Case("apply_b_dec_to_input misspelt", "standard, b_dec not subtracted", put(apply_b_dec_to_input=GONE, apply_b_dec_to_inputs=False), "~~~", "warning CFG009, warning CFG016"),
    Case('apply_b_dec_to_input "false"', "standard, b_dec not subtracted", put(apply_b_dec_to_input="false"), "^^^", "error CFG003", quick=True),
    Case("apply_b_dec_to_input null", "standard", put(apply_b_dec_to_input=None), "^^^", "error CFG003"),
    Case("apply_b_dec_to_input 0", "standard, b_dec not subtracted", put(apply_b_dec_to_input=0), "===", "warning CFG003"),
    Case("apply_b_dec_to_input 1 on a transcoder", TRANSCODER, put(apply_b_dec_to_input=1), "!!!", "error CFG017"),
    Case("apply_b_dec_to_input 0 on a transcoder", TRANSCODER, put(apply_b_dec_to_input=0), "===", "warning CFG003"),
    Case("apply_b_dec_to_input 0.5", "standard", put(apply_b_dec_to_input=0.5), "~~~", "error CFG003"),
    Case("normalize_activations null", "standard", put(normalize_activations=None), "!!!", "error CFG003|CFG010", quick=True),
    Case("normalize_activations false", "standard", put(normalize_activations=False), "!!!", "error CFG003|CFG010"),
    Case("normalize_activations unknown", "standard", put(normalize_activations="foo"), "!!!", "error CFG003|CFG010"),
    Case("constant_scalar_rescale outside temporal", "standard", put(normalize_activations="constant_scalar_rescale"), "!!!", "error CFG003|CFG010"),
    Case("expected_average_only_in, factor nowhere", "standard, scaled inputs", put(normalize_activations="expected_average_only_in"), "~~~", "warning CFG010", quick=True),
    Case("covariance_whitening, matrix nowhere", "standard, scaled inputs", put(normalize_activations="covariance_whitening"), "~~~", "warning CFG010"),
    Case("trained with layer_norm, normalize_activations missing", "standard, layer_norm", drop("normalize_activations"), "~~~", "warning CFG009|CFG010"),
    Case("trained with layer_norm, normalize_activations none", "standard, layer_norm", put(normalize_activations="none"), "~~~", gap="nothing in the file says how it was trained"),
    Case("normalize_activations misspelt", "standard, layer_norm", put(normalize_activations=GONE, normalise_activations="layer_norm"), "~~~", "warning CFG016"),
    Case("reshape_activations unknown", "standard", put(reshape_activations="heads"), "===", "warning CFG003"),
    Case("hook_z with the reshaping left out", "standard, hook_z", put(reshape_activations="none"), "^^^", gap="none is right for activations whose heads were joined before"),
    Case("hook_z with the reshaping, heads joined before", "standard, hook_z joined", put(reshape_activations="hook_z"), "^^^", gap="hook_z is right for activations of three dimensions"),
]  # fmt: skip

TYPES = [
    Case("dtype missing", "standard", drop("dtype"), "=!=", "error CFG005", quick=True),
    Case("dtype fp32", "standard", put(dtype="fp32"), "!!=", "error CFG003"),
    Case("dtype null", "standard", put(dtype=None), "!!=", "error CFG003"),
    Case("dtype none", "standard", put(dtype="none"), "!!=", "error CFG003"),
    Case("device of another machine", "standard", put(device="cuda:99"), "!==", gap="right where that device is; load_from_disk and from_pretrained override it"),
    Case("device null", "standard", put(device=None), "!==", "warning CFG003"),
    Case("d_in missing", "standard", drop("d_in"), "!!!", "error CFG005"),
    Case("d_sae missing", "jumprelu", drop("d_sae"), "!!!", "error CFG005"),
    Case("d_in a string", "standard", put(d_in="16"), "!!!", "error CFG003"),
    Case("d_in 16.0", "standard", put(d_in=16.0), "!!!", "error CFG003", quick=True),
    Case("d_sae null", "standard", put(d_sae=None), "!!!", "error CFG003"),
    Case("d_in -16", "standard", put(d_in=-16), "!!!", "error CFG003"),
    Case("d_in 8", "standard", put(d_in=8), "!!!", "error WTS006", quick=True),
    Case("d_sae 128", "jumprelu", put(d_sae=128), "!!!", "error WTS006"),
    Case("d_in and d_sae exchanged", "gated", put(d_in=64, d_sae=16), "!!!", "error WTS006|WTS007"),
]  # fmt: skip

ARCHITECTURE = [
    *[
        Case(f"architecture {written}", "jumprelu", put(architecture=written), "!!!", "error CFG004", quick=written == "JumpReLU")
        for written in ("JumpReLU", "jump_relu", "relu", "batchtopk", "matryoshka_batchtopk", "crosscoder", "", None, 5)
    ],
    Case("architecture TopK", "topk", put(architecture="TopK"), "!!!", "error CFG004"),
    Case("batchtopk checkpoint published", "batchtopk checkpoint", nothing, "!!!", "error CFG004", quick=True),
    Case("matryoshka checkpoint published", "matryoshka checkpoint", nothing, "!!!", "error CFG004"),
    Case("batchtopk checkpoint renamed jumprelu", "batchtopk checkpoint", put(architecture="jumprelu"), "!!!", "error WTS004, error WTS005"),
    Case("batchtopk checkpoint renamed topk", "batchtopk checkpoint", put(architecture="topk", k=8), "!!!", "error WTS005"),
    Case("v6, architecture missing, topk weights", UNIT, drop("architecture"), "!!!", "error CFG005"),
    Case("flat, architecture missing, topk weights", UNIT, every(flat(), drop("architecture")), "!~~", "error CFG005", quick=True),
    Case("flat, architecture missing, jumprelu weights", "jumprelu", every(flat(), drop("architecture")), "!!!", "error CFG005, error WTS005"),
    Case("standard with topk weights, k still there", UNIT, put(architecture="standard"), "~~~", "warning CFG016"),
    Case("standard with topk weights, no k", UNIT, put(architecture="standard", k=GONE, rescale_acts_by_decoder_norm=GONE), "~~~", gap="standard and topk have the same tensors"),
    Case("standard with topk weights, folder says topk", UNIT, every(put(architecture="standard", k=GONE, rescale_acts_by_decoder_norm=GONE), at("L2_topk_mixed")), "~~~", "warning CFG021"),
    Case("standard with topk weights, metadata says topk", UNIT, every(put(architecture="standard", k=GONE, rescale_acts_by_decoder_norm=GONE), meta(training_architecture="topk")), "~~~", "warning CFG021"),
    Case("topk with jumprelu weights", "jumprelu", put(architecture="topk", k=8), "!!!", "error WTS005"),
    Case("standard with jumprelu weights", "jumprelu", put(architecture="standard"), "!!!", "error WTS005", quick=True),
    Case("jumprelu as standard, threshold thrown away", "jumprelu", every(put(architecture="standard"), rename(threshold=None)), "~~~", gap="a standard SAE looks the same"),
    Case("jumprelu export as standard, threshold thrown away", "jumprelu export", every(put(architecture="standard"), rename(threshold=None)), "~~~", "warning CFG021"),
    Case("abstopk as topk", "abstopk", put(architecture="topk"), "~~~", gap="both have the same tensors and keys"),
    Case("abstopk export as topk", "abstopk export", put(architecture="topk"), "~~~", "warning CFG021"),
    Case("gated as standard", "gated", put(architecture="standard"), "!!!", "error WTS004, error WTS005"),
    Case("standard as gated", "standard", put(architecture="gated"), "!!!", "error WTS004, error WTS005"),
    Case("standard with activation_fn_str topk (v6)", UNIT, put(architecture="standard", k=GONE, rescale_acts_by_decoder_norm=GONE, activation_fn_str="topk", activation_fn_kwargs={"k": 8}), "~~~", "error CFG006|CFG019"),
    Case("jumprelu with activation_fn_str topk (v6)", "jumprelu", put(activation_fn_str="topk", activation_fn_kwargs={"k": 8}), "===", "warning CFG019"),
    Case("standard with activation_fn_str tanh-relu (v6)", "standard, tanh", put(activation_fn_str="tanh-relu"), "~~~", "error CFG019"),
    Case("batchtopk export as topk, k from nowhere", "batchtopk export", every(put(architecture="topk", k=8), rename(threshold=None)), "~~~", "warning CFG021"),
    Case("standard of a key twice", "standard", put(architecture=["standard"]), "!!!", "error CFG004"),
]  # fmt: skip

K = [
    Case("k missing", WIDE, drop("k"), "~~~", "error CFG006", quick=True),
    Case("k missing, abstopk", "abstopk, unit rows, wide", drop("k"), "~~~", "error CFG006"),
    Case("k missing, d_sae below 100", UNIT, drop("k"), "^^^", "error CFG006"),
    Case("k under top_k", WIDE, put(k=GONE, top_k=8), "~~~", "error CFG006"),
    Case("k under activation_fn_kwargs (v6)", WIDE, put(k=GONE, activation_fn_kwargs={"k": 8}), "~~~", "error CFG006"),
    Case("k in metadata", WIDE, every(drop("k"), meta(k=8)), "~~~", "error CFG006"),
    Case("k null", UNIT, put(k=None), "^^^", "error CFG003|CFG006"),
    Case("k above d_sae", UNIT, put(k=65), "^^^", "error CFG007", quick=True),
    Case("k a string", UNIT, put(k="8"), "^^^", "error CFG003"),
    Case("k 8.0", UNIT, put(k=8.0), "^^^", "error CFG003", quick=True),
    Case("k 0", UNIT, put(k=0), "~~~", "error CFG003|CFG007"),
    Case("k -1", UNIT, put(k=-1), "^^^", "error CFG003|CFG007"),
    Case("k true", UNIT, put(k=True), "^^^", "error CFG003"),
    Case("another k", UNIT, put(k=16), "~~~", gap="any k is a right k"),
    Case("another k than the folder's", UNIT, every(put(k=16), at("L2_topk_k8")), "~~~", "warning CFG021"),
    Case("another k than the training's", "topk export", put(k=16), "~~~", gap="SAELens writes k nowhere else"),
    Case("rescale_acts_by_decoder_norm missing, rows of many lengths", "topk", drop("rescale_acts_by_decoder_norm"), "~~~", "warning WTS012", quick=True),
    Case("the same, abstopk", "abstopk", drop("rescale_acts_by_decoder_norm"), "~~~", "warning WTS012"),
    Case("rescale_acts_by_decoder_norm false where it was true", "topk", put(rescale_acts_by_decoder_norm=False), "~~~", gap="stated in so many words, and possible"),
    Case('rescale_acts_by_decoder_norm "true"', "topk", put(rescale_acts_by_decoder_norm="true"), "===", "error CFG003"),
]  # fmt: skip

TRANSCODERS = [
    Case("transcoder with apply_b_dec_to_input true", TRANSCODER, put(apply_b_dec_to_input=True), "!!!", "error CFG003|CFG017", quick=True),
    Case("transcoder without apply_b_dec_to_input", TRANSCODER, drop("apply_b_dec_to_input"), "!!!", "error CFG005|CFG009|CFG017"),
    Case("transcoder without d_out", TRANSCODER, drop("d_out"), "!!!", "error CFG005|WTS006"),
    Case("transcoder without d_out, d_out = d_in", SAME, drop("d_out"), "!!!", "error CFG005|WTS006"),
    Case("transcoder with another d_out", TRANSCODER, put(d_out=32), "!!!", "error WTS006"),
    Case("transcoder with d_out a string", TRANSCODER, put(d_out="24"), "!!!", "error CFG003"),
    Case("transcoder as standard", TRANSCODER, put(architecture="standard"), "!!!", "error WTS006|CFG017"),
    Case("transcoder as standard, d_out = d_in", SAME, put(architecture="standard"), "===", "warning CFG017"),
    Case("transcoder as standard, apply_b_dec_to_input true", SAME, put(architecture="standard", apply_b_dec_to_input=True), "~~~", "warning CFG017"),
    Case("transcoder as standard, d_out gone, hook_name_out there", SAME, every(put(architecture="standard", d_out=GONE, apply_b_dec_to_input=True), meta(hook_name_out="blocks.2.hook_mlp_out")), "~~~", "warning CFG017"),
    Case("transcoder without hook_name_out", TRANSCODER, meta(hook_name_out=GONE), "===", "warning CFG011"),
    Case("transcoder as standard, no trace of it", SAME, every(put(architecture="standard", d_out=GONE, apply_b_dec_to_input=True), meta(hook_name_out=GONE)), "~~~", gap="a standard SAE looks the same"),
    Case("skip_transcoder as transcoder", "skip_transcoder", put(architecture="transcoder"), "!!!", "error WTS005"),
    Case("transcoder as skip_transcoder", TRANSCODER, put(architecture="skip_transcoder"), "!!!", "error WTS004"),
    Case("jumprelu_transcoder as transcoder", "jumprelu_transcoder", put(architecture="transcoder"), "!!!", "error WTS005"),
    Case("skip_transcoder, W_skip thrown away", "skip_transcoder", every(put(architecture="transcoder"), rename(W_skip=None)), "~~~", gap="a transcoder without skip looks the same"),
]  # fmt: skip

OTHERS = [
    Case("matching_pursuit without residual_threshold", "matching_pursuit", drop("residual_threshold"), "~~~", "warning CFG005|CFG009"),
    Case("matching_pursuit without max_iterations", "matching_pursuit, 3 steps", drop("max_iterations"), "~~~", "warning CFG005|CFG009"),
    Case("matching_pursuit, residual_threshold a string", "matching_pursuit", put(residual_threshold="1.5"), "^^^", "error CFG003"),
    Case("matching_pursuit, max_iterations 3.0", "matching_pursuit, 3 steps", put(max_iterations=3.0), "^^^", "error CFG003"),
    Case("matching_pursuit, max_iterations 0", "matching_pursuit, 3 steps", put(max_iterations=0), "~~~", "error CFG003"),
    Case("temporal without n_heads", "temporal", drop("n_heads"), "~~~", "warning CFG005|CFG009"),
    Case("temporal without bottleneck_factor", "temporal", drop("bottleneck_factor"), "!!!", "error CFG005|CFG003|WTS006"),
    Case("temporal without kval_topk", "temporal", drop("kval_topk"), "~~~", "error CFG006|CFG005"),
    Case("temporal with another n_attn_layers", "temporal", put(n_attn_layers=2), "!!!", "error WTS004"),
    Case("temporal, untied, without tied_weights", "temporal, untied", drop("tied_weights"), "!!!", "error WTS005"),
    Case("temporal, sae_diff_type unknown", "temporal", put(sae_diff_type="batchtopk"), "~~~", "error CFG003"),
    Case("temporal without its scale factor", "temporal, scaled", drop("activation_normalization_factor"), "~~~", "warning CFG010|CFG009"),
    Case("temporal, d_sae no multiple of bottleneck_factor x n_heads", "temporal", put(n_heads=3), "!!!", "error CFG003"),
    Case("temporal with another bottleneck_factor", "temporal", put(bottleneck_factor=8), "!!!", "error WTS006"),
    Case("temporal without a bias of its attention", "temporal", lambda d: d.tensors.pop("attn_layers.0.c_proj.bias"), "!!!", "error WTS004"),
    Case("temporal with covariance_whitening", "temporal", put(normalize_activations="covariance_whitening"), "!!!", "error CFG010"),
    Case("temporal as standard", "temporal, untied", put(architecture="standard"), "!!!", "error WTS004, error WTS005"),
    Case("a key SAELens drops", "standard", put(noise_level=0.1), "===", "warning CFG016"),
    Case("training_condition at the top level", "standard", put(training_condition="mixed"), "===", "warning CFG016", quick=True),
]  # fmt: skip


def _nan(data: bytes) -> bytes:
    return data.replace(b'"metadata": {', b'"metadata": {"l0": NaN, ')


JSON = [
    Case("cfg.json with a trailing comma", "standard", cfg_text(lambda b: b[:-1] + b",}"), "!!!", "error CFG002", quick=True),
    Case("cfg.json cut off", "standard", cfg_text(lambda b: b[: len(b) // 2]), "!!!", "error CFG002"),
    Case("cfg.json empty", "standard", cfg_text(lambda b: b""), "!!!", "error CFG002"),
    Case("cfg.json a list", "standard", cfg_text(lambda b: b"[" + b + b"]"), "!!!", "error CFG002"),
    Case("cfg.json with a byte order mark", "standard", cfg_text(lambda b: b"\xef\xbb\xbf" + b), "!!!", "error CFG002"),
    Case("cfg.json in Latin-1", "standard", cfg_text(lambda b: b.replace(b'"lab/tiny"', b'"lab/tiny\xe9"')), "!!!", "error CFG002"),
    Case("cfg.json with NaN", "standard", cfg_text(_nan), "===", "error CFG002"),
    Case("cfg.json with k twice", UNIT, cfg_text(lambda b: b[:-1] + b', "k": 4}'), "~~~", "error CFG002", quick=True),
    Case("cfg.json in UTF-16", "standard", cfg_text(lambda b: b.decode().encode("utf-16")), "!!!", "error CFG002"),
    Case("no cfg.json", "jumprelu", named(cfg=""), "!!!", "error CFG001", quick=True),
    Case("cfg.json called config.json", "jumprelu", named(cfg="config.json"), "!!!", "error CFG001"),
]  # fmt: skip

CASES = [*METADATA, *PLACE, *INPUT, *TYPES, *ARCHITECTURE, *K, *TRANSCODERS, *OTHERS, *JSON]
