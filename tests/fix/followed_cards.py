"""What a person does who takes the hint of a CARD rule at its word, by the twin's name."""

from __future__ import annotations

from builders import FOLDER, README
from fix.steps import configured, said, written

from hubkit.repo.memory import MemoryView


def carded(view: MemoryView) -> None:
    """What `hubkit init` and `hubkit build-cards` write, as far as a rule goes: a card."""
    view.files["README.md"] = README.encode()


CARD = {
    "CARD004": written(("5 SAEs", "4 SAEs")),
    "CARD004 product": written(("57 SAEs", "54 SAEs")),
    "CARD004 written": written(("= 57", "= 54")),
    "CARD004 incomplete": written(("25 SAEs", "27 SAEs")),
    "CARD004 list": written(("4 layers", "3 layers")),
    "CARD004 layers": written(("3 layers", "2 layers")),
    "CARD004 rewritten": written(("1 jumprelu, 2 standard", "2 jumprelu")),
    "CARD004 parts": written(("3 TopK + 1 JumpReLU", "2 TopK + 2 JumpReLU")),
    "CARD004 parts joined by and": written(("3 TopK and 1 JumpReLU", "2 TopK and 2 JumpReLU")),
    "CARD004 threshold": written(("(4 SAEs)", "(2 SAEs)")),
    "CARD004 part of": written(("7 SAEs", "4 SAEs")),
    "CARD004 there are": written(("5 SAEs", "4 SAEs")),
    "CARD004 architectures as published": written(("4 architectures: TopK, JumpReLU, Standard, Gated", "2 architectures: TopK, JumpReLU")),
    "CARD004 architectures as trained": written(("1 architecture: TopK", "2 architectures: TopK, JumpReLU")),
    "CARD005": written(("d_sae=64", "d_sae=32")),
    "CARD005 k": written(("| 8 |", "| 4 |")),
    "CARD005 shape": written(("[32, 8]", "[8, 32]")),
    "CARD005 dtype": written(("bfloat16", "float32")),
    "CARD005 two hooks": written(("transformer.h.16", "blocks.16.hook_resid_post")),
    "CARD005 tensors": written((", threshold [32]", "")),
    "CARD005 expansion": written(("factor: 8", "factor: 4")),
    "CARD005 site": written(("hook_mlp_out", "hook_resid_post")),
    "CARD005 k of TopK": written(("k=64", "k=4")),
    "CARD005 layers": written(("L7", "L5")),
    "CARD005 size": written(("1.88B", "561M")),
    "CARD005 family": written(("GPT-NeoX", "GPT-2")),
    "CARD005 model layers": written(("24 transformer", "12 transformer")),
    "CARD005 row": written(("| 64 |", "| 32 |")),
    "CARD005 peak": said("No SAE can be compared with the peak: there is no SAE at layer 9."),
    "CARD006": written(("lab_L9_mixed", FOLDER)),
    "CARD006 text": written(("lab_topk_L9_mixed", "lab_topk_L5_mixed")),
    "CARD006 file": written(("sae.safetensors", "sae_weights.safetensors")),
    "CARD006 fetched": written(("best_sae.pt", f"{FOLDER}/sae_weights.safetensors")),
    "CARD007": written(("5.2", "5.04")),
    "CARD007 best": written(("63.1%", "61.23%")),
    "CARD007 peak": written(("L5", "L2")),
    "CARD007 peak accuracy": written(("72.4%", "71.00%")),
    "CARD008": written(("(3%)", "(3.5%)")),
    "CARD008 difference": written(("+8.68", "+5.5")),
    "CARD008 sum": written(("42 SAEs", "36 SAEs")),
    "CARD008 expansion": written(("8x", "4x")),
    "CARD008 expansion beside its widths": written(("8x", "4x")),
    "CARD008 bits": written(("3.5 bits", "4.13 bits")),
    "CARD008 depth": written(("80%", "33%")),
    "CARD008 convention": written(("73%", "67%")),
    "CARD008 peak": written(("| Peak layer | L21 |", "| Peak layer | L15 |")),
    "CARD008 original": written(("0.753", "0.724")),
    "CARD008 help": written((", SAEs help", ": 95 % interval 31 to 58 %, by chance 50 %")),
    "CARD009": written(('subfolder="L2"', '"L2"')),
    "CARD009 syntax": written(("def f(:", "def f():")),
    "CARD009 import": written(("SparseAutoencoder", "SAE")),
    "CARD009 method": written(("get_feature_activations", "encode")),
    "CARD009 chained": written(("encode_all", "encode")),
    "CARD009 later block": written(("encode_all", "encode")),
    "CARD009 attribute": written(("sae.n_latents", "sae.cfg.d_sae")),
    "CARD009 needs": written(('"a/b"', '"a/b", "L2"')),
    "CARD009 pinned": written(("import TopKSAE", "import SAE")),
    "CARD010": said("These thresholds never learned: they are all 0."),
    "CARD010 pickle": said("The weights are a pickle."),
    "CARD010 quantized": said("The activations came from the quantized model."),
    "CARD011": written(("{model}", "gpt2")),
    "CARD011 code": written(("<sae_id>", "L2")),
    "CARD011 words": written(("TODO", "mit")),
    "CARD013": configured(lambda value: value.update(device="cpu")),
    "CARD014": carded,
    "CARD016 filter": written(("blocks.9", "blocks.12")),
    "CARD015": written(("355M", "124M"), path="release1/README.md"),
    "CARD015 total": written(("366", "348"), path="release1/README.md"),
    "CARD015 depth": written(("80%", "13%"), path="release1/README.md"),
    "CARD015 peak": written(("L6", "L4"), path="release1/README.md"),
    "CARD015 arXiv": written(("2509.20393", "2503.07683"), path="release1/README.md"),
}  # fmt: skip
