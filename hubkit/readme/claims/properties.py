"""Properties of the repository's SAEs: the rows of a table, or of a list, of names and values.

One row of PROPERTIES is one field of an SAE (`hubkit.formats.sae.Sae`) or one key of SAELens's configuration: what people call it, and how its value is
written and compared. Another property, or another name, is one more entry there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from hubkit.readme.claims import values
from hubkit.readme.claims.kinds import Claim, Property
from hubkit.readme.claims.names import SAE_COLUMN
from hubkit.readme.page import Line, Page, shortened

NUMBER, FLAG, NAME = values.Number(), values.Flag(), values.Word()
COUNTS = ("", "number of ", "num ", "n ", "no of ", "total ", "sae ", "number of sae ", "total number of ")


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
    Field("architecture", values.Architecture(), ("sae architecture", "sae type", "sae variant", "architecture type", "autoencoder type"), ("type", "variant", "activation", "activation function")),
    Field("model_name", values.Model(), ("base model", "target model", "subject model", "source model", "host model", "language model", "base lm", "base llm", "underlying model"), ("model", "llm")),
    Field("hook_name", values.Hook(), ("hook", "hook point", "hookpoint", "hook site", "sae hook", "activation site", "tl hook", "transformerlens hook", "hook location"), ("site", "location", "activations", "module")),
    Field("layer", values.Layer(), ("target layer", "sae layer", "layer index", "layer number", "trained layer", "hook layer index"), ("layer", "hook layer")),
    Field("d_in", NUMBER, ("d in", "input dim", "input dimension", "input size", "input width", "activation dim", "activation dimension", "activation size", "sae input dimension", "sae input size")),
    Field("d_model", NUMBER, ("d model", "model dim", "model dimension", "residual dim", "residual dimension", "residual width", "residual stream dim", "residual stream dimension", "residual stream width", "embedding dim", "embedding dimension", "embedding size", "n embd"), ("hidden size", "hidden dim", "hidden dimension")),
    Field(
        "d_sae", NUMBER,
        ("d sae", "sae dim", "sae dimension", "sae width", "sae size", "sae hidden size", "sae hidden dim", "sae hidden dimension", "dictionary size", "dict size", "dictionary width", "codebook size", "latent dim", "latent dimension", "latent size", *(f"{count}{noun}" for count in COUNTS[1:] for noun in ("features", "latents"))),
        ("width", "features", "latents", "dictionary", "feature count", "latent count"),
    ),
    Field("d_out", NUMBER, ("d out", "output dim", "output dimension", "output size")),
    Field("k", NUMBER, ("k", "top k", "k / l0", "l0 / k", "sparsity k", "k sparsity", "k value", "target k", "topk k")),
    Field("target_l0", values.Number(whole=False), ("target l0", "target sparsity", "l0 target")),
    Field("l0", values.Number(whole=False), (), ("l0", "mean l0", "average l0", "active features per token", "active latents per token", "l0 sparsity")),
    Field("dtype", values.DTYPE, ("dtype", "weights dtype", "weight dtype", "sae dtype", "sae precision", "weights precision", "weight precision", "data type", "tensor type"), ("precision",)),
    Field("context_size", NUMBER, ("context size", "training context size", "training context length", "training sequence length", "ctx size", "ctx len"), ("sequence length", "seq len", "context length", "context window")),
    Field("dataset_path", values.Dataset(), ("dataset", "training dataset", "training data", "dataset path", "pretraining dataset", "activation dataset", "training corpus", "corpus"), ("data",)),
    Field("prepend_bos", FLAG, ("prepend bos", "prepend bos token", "bos prepended", "bos token prepended", "prepends bos", "bos"), ("bos token",)),
    Field("apply_b_dec_to_input", FLAG, ("apply b dec to input", "b dec applied to input", "b dec subtracted from input", "apply b dec", "subtract b dec")),
    Field("normalize_activations", values.Normalization(), ("normalize activations", "normalise activations", "activation normalization", "activation normalisation", "input normalization", "input normalisation", "activations normalization"), ("normalization", "normalisation")),
    Field("rescale_acts_by_decoder_norm", FLAG, ("rescale acts by decoder norm",)),
    Field("reshape_activations", values.Word(("none", "hook_z")), ("reshape activations",)),
    Field("hook_head_index", NUMBER, ("hook head index", "head index")),
    Field("model_class_name", NAME, ("model class name", "model class")),
    Field("sae_lens_version", NAME, ("sae lens version",)),
    Field("sae_lens_training_version", NAME, ("sae lens training version",)),
    Field("neuronpedia_id", NAME, ("neuronpedia id",)),
)  # fmt: skip
BY_NAME = {
    spelling: (one, False) for one in PROPERTIES for spelling in (one.name.replace("_", " "), *one.called)
} | {spelling: (one, True) for one in PROPERTIES for spelling in one.loosely}
FIELDS = {one.name: one for one in PROPERTIES}
ASIDE = {
    "sae", "saes", "features", "latents", "per token", "topk", "top k", "tokens", "active features", "active latents", "dimension", "dim", "width",
    "of the sae", "number of features", "number of latents", "hidden size", "transformerlens", "saelens", "training",
}  # fmt: skip
"""What may stand in brackets behind a name without changing it."""
SYMBOL = re.compile(r"^(.{1,40}?) ?\(([^()]{1,40})\)$")
HEADLINE = re.compile(r"^[\"']?([A-Za-z#][\w# /()-]{0,58}?)[\"']?\s*(?::|=| [–—] )\s*(\S.{0,300})$")
PAIRED = re.compile(
    rf"(?<![\w.-])(d_in|d_sae|d_model|d_out|k)(?: ?= ?| ?: )({values.AMOUNT})(?![\w^×%-]|\.\d)(?! ?[/–])"
)
GROUPS = {
    "dimensions",
    "dims",
    "config",
    "configuration",
    "sizes",
    "shape",
    "sae",
    "saes",
    "sae config",
    "sae configuration",
    "sae dimensions",
}
"""Heads of a list of `d_in=768, d_sae=3072`."""
VALUE_TITLE = re.compile(r"^(?:values?|settings?|details?)$", re.IGNORECASE)
ABOUT_BASE = re.compile(
    r"\bbase model\b|\b(?:language|target|subject) model (?:details|information|architecture)\b",
    re.IGNORECASE,
)
LOOSE_SECTIONS = {"contents", "training", "other"}
END = re.compile(r"\.\s")


def read(page: Page) -> Iterator[Claim]:
    """Every property of a card; under a loose name only beside one that can mean nothing else, under the same heading."""
    found = list(_read(page))
    sure = {heading for heading, claim in found if not claim.loosely}
    yield from (claim for heading, claim in found if not claim.loosely or heading in sure)


def _read(page: Page) -> Iterator[tuple[str, Property]]:
    titles: tuple[str, ...] = ()
    tabulates = False
    for line in page.prose:
        if line.of_others:
            continue
        if line.titles is not titles:
            titles = line.titles
            first = _headed_by(line)
            tabulates = first is None and any(named(title) for title in titles)
            if first is not None:
                yield line.heading, first
        if line.column(SAE_COLUMN):
            yield from ((line.heading, claim) for claim in _of_sae(line))
        elif not (line.titles and tabulates):
            yield from ((line.heading, claim) for claim in _rows(line))


def named(label: str) -> tuple[Field, bool] | None:
    """The field that a label names, and whether loosely: `Hidden size (d_model)` is what stands in brackets."""
    plain = re.sub(r"[\s_-]+", " ", label.strip(" :`*").lower()).strip()
    if plain in BY_NAME:
        return BY_NAME[plain]
    match = SYMBOL.match(plain)
    if match is None:
        return None
    name, aside = match.group(1), match.group(2)
    if aside in BY_NAME and not BY_NAME[aside][1]:
        return BY_NAME[aside]
    return BY_NAME.get(name) if aside in ASIDE else None


def _rows(line: Line) -> Iterator[Property]:
    """A row of a table of two columns, or an item of a list."""
    if line.cells:
        value = _value(line)
        pair = (line.cells[0], value) if value else None
    else:
        match = HEADLINE.match(line.text[:400])
        pair = (match.group(1), END.split(match.group(2), maxsplit=1)[0]) if match else None
    if pair is None:
        return
    found = _claim(line, pair[0], pair[1], line.quote)
    if found is not None:
        yield found
    yield from _pairs(line, pair[0], found)


def _value(line: Line) -> str | None:
    """The value of a row: its second cell, where there is no third, where that repeats it, or where the titles say so."""
    first, *rest = line.cells
    filled = [cell for cell in rest if cell]
    if not first or not filled or not rest[0]:
        return None
    titled = len(line.titles) > 1 and VALUE_TITLE.match(line.titles[1])
    return rest[0] if titled or len(set(filled)) == 1 else None


def _headed_by(line: Line) -> Property | None:
    """The titles of a table of two columns, where they are themselves a name and its value; else they name columns of many values."""
    if len(line.titles) != 2 or not all(line.titles):
        return None
    found = _claim(line, line.titles[0], line.titles[1], shortened(f"{line.titles[0]} | {line.titles[1]}"))
    if found is not None:
        found.line = max(line.number - 2, 1)
    return found


def _claim(line: Line, label: str, value: str, quote: str) -> Property | None:
    meant = named(label)
    if meant is None:
        return None
    about, loosely = meant
    base = ABOUT_BASE.search(line.heading) is not None and about.name not in {
        "model_name",
        "hook_name",
        "d_model",
    }
    if base or (loosely and line.section not in LOOSE_SECTIONS):
        return None
    value = value.strip(" \"'`")
    stated = about.kind.read(value)
    if stated is None and about.name == "hook_name":
        about, stated = FIELDS["layer"], FIELDS["layer"].kind.read(value)  # "Layer 12 residual stream"
    if stated is None or _unsure(about.name, stated, value, label, loosely=loosely):
        return None
    return Property(
        line=line.number, quote=quote, field=about.name, stated=stated, scope="any", loosely=loosely
    )


def _unsure(name: str, stated: values.Value, text: str, label: str, *, loosely: bool) -> bool:
    """What a loose name may mean otherwise, or another family of claims reads."""
    if name == "model_name":
        return loosely and not values.is_foundry(stated)  # the repository's own name
    if name == "dataset_path":
        return "/" not in stated and not label.lower().rstrip().endswith(
            "dataset"
        )  # "Training data: the Pile and more of it"
    if name == "architecture":
        return loosely and stated == ["standard"]  # the activation function of any SAE
    return (
        name == "layer" and loosely and text.partition(" (")[0].strip(" L.").isdecimal()
    )  # a list of layers


def _pairs(line: Line, label: str, found: Property | None) -> Iterator[Property]:
    """`Dimensions: d_in=768, d_sae=3072`: the pairs of a line that begins with a property, or with a word for them all."""
    plain = re.sub(r"[\s_-]+", " ", label.lower()).strip()
    if plain not in GROUPS and (named(label) is None or line.cells):
        return
    for match in PAIRED.finditer(line.text[:600]):
        bounds = NUMBER.read(match.group(2))
        if bounds and not (found and found.field == match.group(1)):
            yield Property(
                line=line.number, quote=line.quote, field=match.group(1), stated=bounds, scope="any"
            )


ROW_FIELDS = {"architecture", "hook_name", "k", "dtype", "model_name"}
"""What a column may say of the SAE of its row; `scores` reads the numbers."""


def _of_sae(line: Line) -> Iterator[Property]:
    """A row of a table with a line for each SAE."""
    sae_id = line.column(SAE_COLUMN)
    for title, cell in zip(line.titles, line.cells, strict=False):
        meant = None if SAE_COLUMN.search(title) else named(title)
        stated = meant[0].kind.read(cell) if meant and meant[0].name in ROW_FIELDS and cell else None
        if meant and stated is not None:
            yield Property(
                line=line.number,
                quote=line.quote,
                field=meant[0].name,
                stated=stated,
                scope="any",
                sae_id=sae_id,
            )
