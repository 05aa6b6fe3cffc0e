"""Cards with one fact wrong, and their right twins: every property that a card states of an SAE, in every way that people put one into a card.

`PROPERTIES` says for each property its true value, a wrong one, its label, a noun phrase and sentences; `CARRIERS` what a card is made of. `cases` gives each pair of both.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from builders import cfg
from header_only import Cell, HeaderOnlyView, release

HEAD = "---\nlibrary_name: saelens\nbase_model: openai-community/gpt2\nlicense: mit\n---\n\n# Sparse autoencoder\n\n"
METADATA = {
    "context_size": 128, "dataset_path": "Skylion007/openwebtext", "prepend_bos": True, "model_name": "gpt2", "hook_name": "blocks.6.hook_resid_post",
    "training_architecture": "topk", "training_condition": "mixed", "model_from_pretrained_kwargs": {"torch_dtype": "float16"},
    "training_tokens": 300_000_000, "num_dead_features": 737,
}  # fmt: skip
EVALUATION = {
    "$schema": "urn:hubkit:evaluation:2",
    "saes": [
        {
            "sae_id": ".",
            "values": [
                {"measure": "l0", "version": 1, "split": "held_out", "value": 31.4, "n": 1000},
                {"measure": "explained_variance", "version": 1, "split": "held_out", "value": 0.874, "n": 1000},
                {"measure": "alive_share", "version": 1, "split": "held_out", "value": 0.97, "n": 1000},
                {"measure": "mse", "version": 1, "split": "held_out", "value": 0.0123, "n": 1000},
                {"measure": "cosine", "version": 1, "split": "held_out", "value": 0.93, "n": 1000},
            ],
        }
    ],
}  # fmt: skip


@dataclass(frozen=True)
class Stated:
    """One property: how it is written, rightly and wrongly."""

    true: str
    wrong: str
    label: str
    phrase: str
    """What stands in brackets, a comment, a heading."""
    sentences: tuple[str, ...]
    ranges: tuple[str, str] | None = None
    """A range that holds the true value, and one that does not."""
    latex: str | None = None


PROPERTIES = {
    "layer": Stated("6", "9", "Layer", "layer {}", ("We trained a sparse autoencoder on layer {} of GPT-2 small.", "The activations come from layer {}.", "Trained on the output of layer {}."), None, "$\\ell = {}$"),
    "d_sae": Stated("24576", "16384", "Latents", "{} latents", ("The dictionary has {} latents.", "We trained an SAE with {} features.", "Its hidden layer has {} units.", "The SAE decomposes each activation into {} features."), ("16k-32k", "32k-64k"), "$d_{{sae}} = {}$"),
    "d_in": Stated("768", "1024", "Input dimension", "d_in = {}", ("The input dimension is {}.", "The SAE reads {}-dimensional activations.", "It takes activations of size {}."), ("512-1024", "1024-2048"), "$d_{{\\text{{in}}}}={}$"),
    "k": Stated("32", "64", "Top-k", "k = {}", ("Exactly {} latents are active per token.", "We trained a TopK SAE with k = {}.", "The sparsity k is {}.", "Only {} latents fire on each token."), ("16-64", "48-96"), "$k={}$"),
    "architecture": Stated("TopK", "Gated", "Architecture", "{} SAE", ("We trained a {} SAE.", "This repository contains a {} SAE.", "The architecture is {}.", "The autoencoder is a {} SAE.")),
    "hook_name": Stated("blocks.6.hook_resid_post", "blocks.9.hook_resid_post", "Hook point", "hook blocks.{}.hook_resid_post", ("The SAE is hooked at `{}`.", "Activations were taken from `{}`.", "It was trained at hook {}.")),
    "place": Stated("residual stream", "MLP output", "Activation site", "{}", ("The SAE reads the {}.", "We trained an SAE on the {}.", "It was trained on the {} of layer 6.")),
    "context_size": Stated("128", "1024", "Context length", "context size {}", ("The context length is {}.", "Training used a context size of {} tokens.", "The SAE was trained on sequences of {} tokens.", "It was trained with a context length of {}."), ("64-256", "512-1024"), "$\\text{{context size}} = {}$"),
    "dataset_path": Stated("Skylion007/openwebtext", "monology/pile-uncopyrighted", "Dataset", "dataset {}", ("The SAE was trained on {}.", "Training data: {}.", "The dataset is {}.", "Activations were collected on {}.")),
    "corpus": Stated("OpenWebText", "the Pile", "Training dataset", "trained on {}", ("The SAE was trained on {}.", "It was trained on 300M tokens of {}.", "We used {} as training data.", "The training corpus is {}.")),
    "prepend_bos": Stated("true", "false", "prepend_bos", "prepend_bos = {}", ("`prepend_bos` is {}.", "prepend_bos was set to {}.")),
    "bos": Stated("with", "without", "", "{} BOS token", ("The SAE was trained {} a BOS token.", "Activations were computed {} a BOS token.", "Sequences were fed {} BOS.")),
    "normalize_activations": Stated("none", "layer_norm", "Activation normalization", "normalize_activations = {}", ("`normalize_activations` is {}.", "normalize_activations was set to {}.")),
    "normalization": Stated("not normalized", "layer-normalized", "", "activations {}", ("Activations were {} before encoding.", "The inputs are {}.", "Activations are {} first.")),
    "dtype": Stated("float32", "bfloat16", "Precision", "{} weights", ("Weights are stored in {}.", "The SAE is saved in {}.", "The precision of the weights is {}.", "The weights are {}.")),
    "l0": Stated("31.4", "61.2", "Mean L0", "L0 = {}", ("The mean L0 is {}.", "The SAE reaches an L0 of {}.", "On average {} latents are active.", "Mean L0: {} on held-out tokens."), ("30-33", "60-64"), "$L_0 = {}$"),
    "explained_variance": Stated("0.874", "0.95", "Explained variance", "explained variance {}", ("The explained variance is {}.", "The SAE explains a share of {} of the variance.", "It reaches an explained variance of {} on held-out data.", "Explained variance of {} was measured."), ("0.86-0.88", "0.93-0.96"), "$\\text{{explained variance}} = {}$"),
    "explained_percent": Stated("87.4%", "95%", "Variance explained", "{} explained variance", ("The SAE explains {} of the variance.", "{} of the variance is explained.", "It has {} explained variance."), ("86-88%", "93-96%")),
    "license": Stated("MIT", "Apache 2.0", "License", "{} license", ("The weights are released under the {} license.", "This repository is licensed under {}.", "License: {}.")),
    "model_name": Stated("openai-community/gpt2", "EleutherAI/pythia-70m", "Base model", "SAE for {}", ("The base model is {}.", "This SAE was trained on {}.", "Activations of {} were used.")),
    "model_dtype": Stated("float16", "bfloat16", "Base model precision", "model loaded in {}", ("The base model was loaded in {}.", "Activations were computed in {}.", "The model was run in {}.")),
    "expansion": Stated("32", "16", "Expansion factor", "{}x expansion", ("The expansion factor is {}.", "It has an expansion factor of {}.", "The dictionary is {} times as wide as its input."), None, "$\\text{{expansion factor}} = {}$"),
}  # fmt: skip
"""Properties of one SAE: TopK, k = 32, 768 to 24,576, layer 6 of GPT-2 small."""


def _comment(phrase: str) -> str:
    return f'```python\nfrom sae_lens import SAE\n\nsae = SAE.load_from_disk(".")  # {phrase}\n```'


CARRIERS: dict[str, Callable[[Stated, str], str]] = {
    "sentence": lambda _, value: value,
    "bullet": lambda one, value: f"## Details\n\n- {one.label}: {value}" if one.label else "",
    "bold": lambda one, value: f"**{one.label}:** {value}" if one.label else "",
    "two columns": lambda one, value: f"| Property | Value |\n|---|---|\n| {one.label} | {value} |" if one.label else "",
    "columns": lambda one, value: f"| File | {one.label} |\n|---|---|\n| `sae_weights.safetensors` | {value} |" if one.label else "",
    "HTML": lambda one, value: f"<table>\n<tr><th>{one.label}</th><td>{value}</td></tr>\n</table>" if one.label else "",
    "arrow": lambda one, value: f"- {one.label} → {value}" if one.label else "",
    "heading": lambda one, value: f"## The SAE ({_phrase(one, value)})\n\nText.",
    "comment": lambda one, value: _comment(_phrase(one, value)),
    "brackets": lambda one, value: f"The SAE ({_phrase(one, value)}) is in this repository.",
    "item of an SAE": lambda one, value: f"- `sae_weights.safetensors`: {_phrase(one, value)}",
    "alt text": lambda one, value: f"![The SAE, {_phrase(one, value)}](plot.png)",
    "latex": lambda one, value: f"The SAE has {one.latex.format(value)}." if one.latex else "",
    "range": lambda one, value: f"- {one.label}: {value}" if one.ranges else "",
}  # fmt: skip


def _phrase(one: Stated, value: str) -> str:
    return one.phrase.format(value.split(".")[1] if value.startswith("blocks.") else value)


@dataclass(frozen=True)
class Case:
    """A card, and its twin."""

    field: str
    carrier: str
    wrong: str
    right: str


def cases() -> Iterator[Case]:
    """Each property in each carrier; a sentence for each of its sentences."""
    for field, one in PROPERTIES.items():
        for carrier, write in CARRIERS.items():
            if carrier == "sentence":
                yield from (
                    Case(field, carrier, text.format(one.wrong), text.format(one.true))
                    for text in one.sentences
                )
                continue
            right, wrong = one.ranges if carrier == "range" and one.ranges else (one.true, one.wrong)
            if text := write(one, wrong):
                yield Case(field, carrier, text, write(one, right))
    for text in (
        "- Dimensions: 768 → {}",
        "The encoder maps 768 → {}.",
        "An SAE, 768 -> {}.",
        "The SAE ($768 \\to {}$) is here.",
        "```python\n# SAE: 768 -> {}\n```",
    ):
        yield Case("d_sae", "pair", text.format("16384"), text.format("24576"))


def repository(text: str) -> HeaderOnlyView:
    """The SAE with this card."""
    view = release(
        "r",
        f"{HEAD}{text}\n".encode(),
        (Cell(".", "topk", "blocks.6.hook_resid_post", k=32),),
        768,
        24576,
        "gpt2",
    )
    view.files["cfg.json"] = json.dumps(cfg("topk", d_in=768, d_sae=24576, metadata=METADATA, k=32)).encode()
    view.files["evaluation.json"] = json.dumps(EVALUATION).encode()
    return view
