"""The fields of an SAE that cards state: what people call each, and how its value is written and compared.

One row of PROPERTIES is one field of an SAE (`hubkit.formats.sae.Sae`) or one key of SAELens's configuration. Every carrier of claims (rows, items, columns, titles,
sentences) reads the fields from here: another property, or another name, is one more entry.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import product

from hubkit.readme.claims import values

NUMBER, FLAG, NAME = values.Number(), values.Flag(), values.Word()
SIZES = ("size", "width", "dim", "dimension", "dimensions", "dimensionality")
COUNTS = ("number of", "num", "n", "no of", "no", "total", "total number of", "count of")
LATENTS = (
    "features", "latents", "sae features", "sae latents", "dictionary features", "dictionary elements", "dictionary atoms", "dictionary entries", "latent features",
    "learned features", "sparse features", "hidden features", "atoms", "codes", "dictionary vectors",
)  # fmt: skip
ACTIVE = (
    "active features",
    "active latents",
    "non zero features",
    "nonzero features",
    "non zero latents",
    "nonzero latents",
)


def names(*parts: tuple[str, ...]) -> tuple[str, ...]:
    """Every name that is made of one of each."""
    return tuple(" ".join(filter(None, one)) for one in product(*parts))


@dataclass(frozen=True)
class Field:
    """One field of an SAE."""

    name: str
    kind: values.Kind
    called: tuple[str, ...] = ()
    """Besides its own name: in lower case, with spaces for `_` and `-`."""
    loosely: tuple[str, ...] = field(default=())
    """Names that mean it only in a list of properties of SAEs: not among results, nor about the base model."""


PROPERTIES = (
    Field(
        "architecture", values.Architecture(),
        (*names(("sae", "autoencoder", "dictionary"), ("architecture", "type", "variant", "kind")), "architecture type", "sae activation", "sae activation function",
         "encoder activation", "encoder activation function", "encoder nonlinearity", "sparsity mechanism", "sparsity method"),
        ("type", "variant", "activation", "activation function", "activation fn", "nonlinearity", "non linearity", "arch"),
    ),
    Field("model_name", values.Model(), ("base model", "target model", "subject model", "source model", "host model", "language model", "base lm", "base llm", "underlying model", "target llm", "source llm", "base language model", "trained on model"), ("model", "llm")),
    Field("hook_name", values.Hook(), (*names(("", "sae", "tl", "transformerlens"), ("hook",)), *names(("hook", "sae hook", "activation"), ("site", "point", "location", "position")), "hookpoint", "where", "tl hook name", "transformerlens hook name", "sae hook name"), ("site", "location", "activations", "module", "hook id")),
    Field("layer", values.Layer(), (*names(("target", "sae", "trained", "model", "transformer", "hooked", "source"), ("layer",)), *names(("layer", "hook layer", "block"), ("index", "number", "no", "idx", "id")), "block", "transformer block", "target block"), ("layer", "hook layer")),
    Field("place", values.Site(), ("activation type", "activation source", "activations from", "input activations", "stream", "sublayer", "component", "hook type"), ()),
    Field("d_in", NUMBER, (*names(("input", "activation", "activations", "sae input", "encoder input", "in", "input feature", "input activation"), SIZES), "d in", "d input", "input features")),
    Field("d_model", NUMBER, (*names(("residual", "residual stream", "embedding", "embed"), SIZES), *names(("model",), SIZES[1:4]), "d model", "n embd"), names(("hidden", "hidden layer", "hidden state"), SIZES)),
    Field(
        "d_sae", NUMBER,
        (*names(("sae", "dictionary", "dict", "codebook", "latent", "latent space", "autoencoder", "sae hidden", "sae latent", "encoder output", "bottleneck"), SIZES), "d sae", "d hidden", "d dict", "d latent", "n dict", "sae hidden units",
         *names(COUNTS, LATENTS)),
        ("width", "dictionary", *LATENTS, "feature count", "latent count", "hidden units"),
    ),
    Field("d_out", NUMBER, ("d out", *names(("output",), SIZES))),
    Field("k", NUMBER, ("k", "top k", "k / l0", "l0 / k", "l0/k", "sparsity k", "k sparsity", "k value", "target k", "topk k", "k per token", "top k value", *names(COUNTS[:5], ACTIVE)), ()),
    Field("target_l0", values.Number(whole=False), ("target l0", "target sparsity", "l0 target")),
    Field("l0", values.Number(whole=False), (), ("l0", "mean l0", "average l0", "active features per token", "active latents per token", "l0 sparsity")),
    Field("dtype", values.DTYPE, (*names(("", "weights", "weight", "sae", "tensor", "storage", "parameter"), ("dtype",)), "sae precision", "weights precision", "weight precision", "data type", "tensor type", "numeric precision", "floating point precision"), ("precision",)),
    Field("model_dtype", values.MODEL_DTYPE, names(("base model", "model", "base lm", "llm", "language model", "activation", "activations", "inference"), ("precision", "dtype", "quantization")), ()),
    Field("context_size", NUMBER, (*names(("context", "ctx", "training context", "training sequence"), ("size", "len")), "training context length", "training sequence length", "ctx length", "training context window"), ("sequence length", "seq len", "context length", "context window", "context", "max length", "max seq len", "max sequence length")),
    Field("dataset_path", values.Dataset(), ("dataset", "training dataset", "training data", "dataset path", "pretraining dataset", "activation dataset", "training corpus", "corpus", "text dataset"), ("data",)),
    Field("prepend_bos", FLAG, ("prepend bos", "prepend bos token", "bos prepended", "bos token prepended", "prepends bos", "bos"), ("bos token",)),
    Field("apply_b_dec_to_input", FLAG, ("apply b dec to input", "b dec applied to input", "b dec subtracted from input", "apply b dec", "subtract b dec", "b dec subtraction", *names(("pre encoder", "pre"), ("bias",)), "decoder bias subtracted", "decoder bias subtraction", "subtract decoder bias")),
    Field("normalize_activations", values.Normalization(), ("normalize activations", "normalise activations", "activation normalization", "activation normalisation", "input normalization", "input normalisation", "activations normalization"), ("normalization", "normalisation")),
    Field("training_tokens", NUMBER, ("training tokens", "tokens trained on", "trained tokens", *names(COUNTS, ("training tokens",))), ("tokens", "total tokens", "number of tokens", "n tokens")),
    Field("num_dead_features", NUMBER, names(("dead", *(f"{count} dead" for count in COUNTS)), ("features", "latents", "neurons")), ()),
    Field("tied_weights", FLAG, ("tied weights", "weights tied", "weight tying", "tied", "encoder tied to decoder"), ()),
    Field("unit_norm_decoder", FLAG, ("unit norm decoder", "decoder unit norm", *names(("normalized", "normalised"), ("decoder",)), *names(("decoder",), ("normalized", "normalised"))), ()),
    Field("l1_coefficient", values.Real(), names(("l1",), ("coefficient", "coeff", "coef", "penalty", "weight", "lambda", "penalty coefficient", "regularization", "regularisation", "sparsity coefficient", "sparsity penalty")), ("sparsity coefficient", "sparsity penalty")),
    Field("lr", values.Real(), ("lr", "learning rate", "peak learning rate"), ()),
    Field("rescale_acts_by_decoder_norm", FLAG, ("rescale acts by decoder norm",)),
    Field("reshape_activations", values.Word(("none", "hook_z")), ("reshape activations",)),
    Field("hook_head_index", NUMBER, ("hook head index", "head index")),
    Field("model_class_name", NAME, ("model class name", "model class")),
    Field("sae_lens_version", NAME, ("sae lens version",)),
    Field("sae_lens_training_version", NAME, ("sae lens training version",)),
    Field("neuronpedia_id", NAME, ("neuronpedia id",)),
)  # fmt: skip
BY_NAME = {
    spelling: (one, False) for one in PROPERTIES for spelling in {one.name.replace("_", " "), *one.called}
} | {spelling: (one, True) for one in PROPERTIES for spelling in one.loosely}
FIELDS = {one.name: one for one in PROPERTIES}
ASIDE = {
    "sae", "saes", "features", "latents", "per token", "topk", "top k", "tokens", "active features", "active latents", "dimension", "dim", "width", "0 indexed", "zero indexed",
    "0 based", "zero based", "of the sae", "number of features", "number of latents", "hidden size", "transformerlens", "saelens", "training", "m",
}  # fmt: skip
"""What may stand in brackets behind a name without changing it."""
SYMBOL = re.compile(r"^(.{1,40}?) ?\(([^()]{1,40})\)$")
ARTICLE = re.compile(r"^(?:the|our|its) | of the saes?$")
SIZE_OF = re.compile(r"^(size|width|dim|dimension|dimensionality) of (?:the |its |our )?(.{1,40})$")


def named(label: str) -> tuple[Field, bool] | None:
    """The field that a label names, and whether loosely: `Hidden size (d_model)` is what stands in brackets, `# Latents` and `Num. latents` are numbers of latents, `width of the dictionary` is the dictionary's."""
    if len(label) > LONGEST_LABEL:
        return None
    plain = label.strip(" :`*\"'").lower().replace("#", "number of ").replace(".", " ")
    plain = ARTICLE.sub("", re.sub(r"[\s_-]+", " ", plain).strip())
    plain = SIZE_OF.sub(r"\2 \1", plain)
    if plain in BY_NAME:
        return BY_NAME[plain]
    match = SYMBOL.match(plain)
    if match is None:
        return None
    name, aside = match.group(1), match.group(2)
    if aside in BY_NAME and not BY_NAME[aside][1]:
        return BY_NAME[aside]
    return BY_NAME.get(name) if aside in ASIDE else None


def understood(about: Field, text: str) -> tuple[Field, values.Value] | None:
    """What a value says, and of which field: "Hook point: layer 12 residual stream" is of the layer."""
    for one in (about, *((FIELDS["layer"], FIELDS["place"]) if about.name == "hook_name" else ())):
        if (stated := one.kind.read(text)) is not None:
            return one, stated
    return None


LONGEST_LABEL = 100
