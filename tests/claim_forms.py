"""Forms in which cards state a field, as templates with a gap for the value, and the ways to write each value."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
ONES = (
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
)


def word(number: int) -> str:
    """`nine`, `sixty-four`; of another number its digits."""
    if number < len(ONES):
        return ONES[number]
    if 20 <= number < 100:
        return TENS[number // 10 - 2] + (f"-{ONES[number % 10]}" if number % 10 else "")
    return str(number)


def nth(number: int) -> str:
    """`9th`."""
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{'th' if number // 10 == 1 else ending}"


def sizes(number: int) -> list[str]:
    """A size, as people write it."""
    found = [
        f"{number}",
        f"{number:,}",
        f"{number:,}".replace(",", "\u2009"),
        f"{number:,}".replace(",", "\u202f"),
        f"{number:_}",
    ]
    if number % 1024 == 0:
        found += [f"{number // 1024}k", f"{number // 1024}K"]
    if number & (number - 1) == 0:
        found += [f"2^{number.bit_length() - 1}", f"2**{number.bit_length() - 1}"]
    return found


LABELS = {
    "layer": ["Layer", "Block", "Target layer", "Layer index", "Hook layer", "Transformer block", "layer"],
    "d_sae": [
        "Latents",
        "Num. latents",
        "# Latents",
        "Number of features",
        "Dictionary size",
        "SAE width",
        "d_sae",
        "Width",
        "Features",
        "Latent dimension",
        "Dictionary elements",
    ],
    "d_in": ["d_in", "Input dimension", "Activation dimension", "Input size"],
    "k": ["k", "Top-k", "TopK k", "k per token", "Target k"],
    "architecture": [
        "Architecture",
        "SAE type",
        "SAE architecture",
        "Activation function",
        "Type",
        "Autoencoder type",
    ],
    "hook_name": ["Hook", "Hook point", "hook_name", "Hookpoint", "Hook site"],
}

"""Names of the fields in tables and lists."""
CARRIERS: dict[str, Callable[[str, str], str]] = {
    "row": lambda name, value: f"| Property | Value |\n|---|---|\n| {name} | {value} |",
    "row in bold": lambda name, value: f"| | |\n|---|---|\n| **{name}** | `{value}` |",
    "titles": lambda name, value: f"| {name} | {value} |\n|---|---|\n| Optimizer | Adam |",
    "HTML": lambda name, value: f"<table>\n<tr><th>{name}</th><td>{value}</td></tr>\n</table>",
    "HTML, spread": lambda name, value: (
        f"<table>\n  <tr>\n    <td><b>{name}</b></td>\n    <td>{value}</td>\n  </tr>\n</table>"
    ),
    "item": lambda name, value: f"- {name}: {value}",
    "bold item": lambda name, value: f"* **{name}:** {value}",
    "bold key": lambda name, value: f"**{name}** {value}",
    "code key": lambda name, value: f"- `{name}`: `{value}`",
    "line": lambda name, value: f"{name}: {value}",
    "terms": lambda name, value: f"<dl><dt>{name}</dt><dd>{value}</dd></dl>",
}
SENTENCES = {
    "layer": [
        "This SAE reads layer {}.", "It was trained on the residual stream after layer {}.", "It is trained on the output of block {}.", "The SAE hooks layer {}.",
        "This sparse autoencoder decomposes the activations of layer {}.", "Activations are taken from layer {}.", "We trained a sparse autoencoder on layer {} of GPT-2 small.",
        "This repository contains an SAE for layer {}.", "The SAE sits at layer {}.", "Trained on activations from\nlayer {} of the residual stream.", "SAE of layer {}, residual stream.",
    ],
    "nth": ["This SAE is trained on the {} layer.", "It reads the residual stream after the {} block.", "The SAE was fitted to the {} transformer layer."],
    "d_sae": [
        "The dictionary has {} features.", "The SAE has {} latents.", "It learns {} latents from the residual stream.", "The SAE's dictionary has {} latents.",
        "Its dictionary size is {}.", "A sparse autoencoder with {} latents.", "The number of latents is {}.", "This SAE maps the residual stream to {} features.", "This repository contains an SAE with {} features.",
    ],
    "d_in": ["It reads activations of dimension {}.", "The input dimension is {}.", "The SAE encodes activations of size {}.", "It takes {}-dimensional activations."],
    "k": [
        "Exactly {} features are active.", "It activates {} latents per token.", "TopK with K = {}.", "TopK (k = {}) SAE.", "This is a TopK-{} SAE.", "It keeps the {} largest latents per token.",
        "The sparsity is k={}.", "Only the top {} latents are kept.", "The SAE was trained with k = {}.", "At each token, {} latents are non-zero.",
    ],
    "architecture": [
        "The activation function is {}.", "This is a {} SAE.", "It uses a {} activation.", "The architecture is {}.", "{} SAEs with a learned bias.", "We train a {} sparse autoencoder.",
        "This repository contains one {} SAE for GPT-2 small.",
    ],
    "place": ["This SAE reads the {}.", "It was trained on the {}.", "Activations come from the {}."],
    "expansion": ["Expansion factor: {}.", "The expansion factor is {}.", "It has an expansion factor of {}.", "The dictionary is {} times wider than its input.", "A {}x expansion."],
}  # fmt: skip
TITLES = {
    "layer": [
        "GPT-2 Small, Layer {} SAE",
        "Sparse autoencoder for GPT-2 small, block {}",
        "GPT-2 small SAE (layer {})",
        "gpt2-small-sae-layer{}",
    ],
    "k": ["TopK-{} SAE for GPT-2 small", "GPT-2 small TopK SAE (k = {})"],
    "architecture": ["{} SAE for GPT-2 small", "GPT-2 small: a {} sparse autoencoder"],
}
PLACES = {
    "right": [
        "residual stream",
        "output of the block",
        "residual stream after the block",
        "residual stream (resid_post)",
    ],
    "wrong": [
        "MLP output",
        "attention output",
        "residual stream before the block",
        "residual stream (resid_pre)",
    ],
}


@dataclass(frozen=True)
class Form:
    """One line of a card, and what it says."""

    field: str
    text: str
    """Below a title."""
    title: str = "A sparse autoencoder"


def made(generator: random.Random, true: dict[str, object], wrong: dict[str, object]) -> tuple[Form, Form]:
    """One form, with a wrong value and with the right one."""
    field = generator.choice(sorted(true))
    seed = generator.random()
    return _form(random.Random(seed), field, wrong[field]), _form(random.Random(seed), field, true[field])


def _form(generator: random.Random, field: str, value: object) -> Form:
    written = _written(generator, field, value)
    kind = generator.choice(["carrier", "sentence", "title"])
    if kind == "title" and field in TITLES:
        plain = str(value) if isinstance(value, int) else written
        return Form(field, "Text.", generator.choice(TITLES[field]).format(plain))
    if kind == "carrier" and field in LABELS:
        carrier = generator.choice(sorted(CARRIERS))
        return Form(
            field,
            CARRIERS[carrier](generator.choice(LABELS[field]), written),
        )
    if field == "hook_name":
        return Form(field, f"The SAE is hooked at `{value}`.")
    if field == "layer" and isinstance(value, int) and generator.random() < 0.3:
        return Form(field, generator.choice(SENTENCES["nth"]).format(nth(value)))
    template = generator.choice(SENTENCES[field])
    return Form(field, template.format(value if "-{}" in template and isinstance(value, int) else written))


def _written(generator: random.Random, field: str, value: object) -> str:
    if isinstance(value, list):
        return str(generator.choice(value))
    if not isinstance(value, int):
        return str(value)
    if field in ("d_sae", "d_in"):
        return generator.choice(sizes(value))
    return generator.choice([str(value), word(value)]) if field in ("layer", "k") else str(value)
