"""Forms in which cards state a field, as templates with a gap for the value; how each value may be written; and what says nothing of the SAE, whatever it looks like."""

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
TRAPS = [
    "GPT-2 has 12 layers and a hidden dimension of 768.", "The model's hidden dimension is 768.", "The base model has 12 layers and a context length of 1024.",
    "GPT-2 small has 3072 neurons in each MLP.", "It was trained with 64 tokens of context.", "We trained for 64 steps.", "Unlike standard ReLU SAEs, this SAE uses TopK.",
    "Compared with JumpReLU, training is stable.", "This SAE is not a JumpReLU SAE.", "We will release layer 9 soon.", "An SAE for layer 9 is planned.", "```\nlayer = 9\nd_sae = 16384\n```",
    "Text.\n\n    layer: 9\n    d_sae: 16384\n", "Bricken et al. trained SAEs with 4096 features on layer 0.", "Gemma Scope has SAEs with 16k latents at layer 20.",
    "Features 64 and 128 are interesting.", "Feature 64 fires on names.", "This SAE reads layer 6 of the 12.", "Ablating layer 9 hurts.",
    "## Ablations\n\nWith k = 64 the loss is lower.\n\n| k | loss |\n|---|---|\n| 64 | 3.2 |\n| 32 | 3.3 |", "## Results\n\n| Layer | L0 | EV |\n|---|---|---|\n| 9 | 32 | 0.9 |\n| 6 | 32 | 0.9 |",
    "| Layer | Probe accuracy |\n|---|---|\n| 9 | 0.9 |", "We inspected 64 features by hand.", "The top 64 features were labelled.", "The 100 most active latents are listed in features.csv.",
    "Joseph Bloom's SAEs have 24576 features on layer 8.", "- Batch size: 4096\n- Steps: 30k\n- Training tokens: 300M\n- Layers: 12", "Trained on 300M tokens with a batch size of 4096.",
    "> Anthropic's SAE has 4096 features.", "The SAE has 24576 latents, of which 64 are dead.", "The logits at layer 9 change.", "Steering with feature 12 at layer 9 works.",
    "Layer 9 is where names are resolved.", "The vocabulary has 50257 tokens; the embedding has dimension 768.", "There are 12 attention heads per layer with 64 dimensions each.",
    "## Related work\n\nThis SAE reads layer 9.", "## Citation\n\n@misc{x, title={TopK SAEs on layer 9 with 64 latents}}", "[1] Gao et al., Scaling and evaluating sparse autoencoders, TopK with k = 64.",
    "See also the layer 9 SAE: other/repo.", "| Model | Layers | Hidden size |\n|---|---|---|\n| GPT-2 small | 12 | 768 |\n| GPT-2 medium | 24 | 1024 |",
    "| Hyperparameter | Value |\n|---|---|\n| batch size | 4096 |\n| steps | 64 |\n| layers | 12 |\n| heads | 12 |", "| Author | Layer | Width | k |\n|---|---|---|---|\n| them | 9 | 16k | 64 |",
    "## Comparison\n\n| Architecture | k | Loss |\n|---|---|---|\n| JumpReLU | - | 3.1 |\n| TopK | 64 | 3.0 |", "We chose k = 32 after trying k = 64 and k = 128.",
    "The residual stream of layer 6 has dimension 768; the MLP has 3072.", "Weights take 64 MB.", "Training used 16k sequences of 1024 tokens.",
    "The first layer of the encoder maps 768 inputs to 24576 latents.", "The encoder is a linear layer with 24576 outputs.", "Reads the residual stream after layer 6, which is what layer 7 reads.",
    "This SAE reads the input of block 7.", "This SAE reads the residual stream before block 7.", "On average 32 of 24576 latents are active.", "Only 9 features are about layer 9.", "Does layer 9 matter?",
    "| Width | 768 |\n|---|---|\n| Heads | 12 |", "The seventh layer is layer 6.", "This notebook explains JumpReLU SAEs.", "- Width: 8\n- Features: 24", "Layers are numbered from 0: this SAE reads layer 6, the seventh layer.",
    'This SAE reads layer 6. It has 24,576 latents. Exactly 32 latents are active per token.',
    'The SAE was trained on 8 GPUs for 9 hours.',
    'The repository has 3 files.',
    '## Training\n\n- Learning rate: 4e-4\n- Layers frozen: 12\n- Context: 128 tokens\n- Warmup: 64 steps',
    'It was trained on 300M tokens; each context has 128 tokens.',
    'We use a batch of 4096 activations and a buffer of 64 contexts.',
    'Each feature is a direction in the 768-dimensional residual stream of layer 6.',
    'Decoder columns have dimension 768.',
    'The SAE reconstructs 90% of the variance at layer 6.',
    'Features are indexed from 0 to 24575.',
    'Feature 9 of layer 6 fires on dates.',
    'The median feature fires on 64 of 100,000 tokens.',
    '64 features fire on more than 10% of tokens.',
    '64 features never fire.',
    'About 9% of latents are dead.',
    'There are 64 dead features.',
    'Of the 24576 latents, 20000 are alive.',
    'Alive features: 20000',
    '- Alive latents: 20,000\n- Dead latents: 4,576',
    '- Parameters: 37.8M\n- Size: 151 MB',
    '- Model size: 124M',
    '- **Model type:** Sparse autoencoder',
    '- **Type:** Sparse autoencoder (TopK)',
    '- **Developed by:** Layer 9 Labs',
    '- **License:** MIT',
    '- **Activation:** ReLU after TopK',
    '- **Activation function:** ReLU',
    'The encoder applies a ReLU, then keeps the top 32.',
    'Pre-activations pass through ReLU and TopK.',
    'The TopK activation keeps the 32 largest pre-activations.',
    '- **Languages:** English',
    '- Version: 9',
    '- Seed: 64',
    '- Steps: 16384',
    '- Epochs: 9',
    '- Version: 2\n- Layer: 6',
    '| Metric | Value |\n|---|---|\n| Layer | 6 |\n| MSE | 0.9 |',
    '| Feature | Layer | Description |\n|---|---|---|\n| 64 | 6 | names |\n| 128 | 6 | dates |',
    '| Feature | Top token |\n|---|---|\n| 9 | the |',
    '| Layer | 9 | 10 |\n|---|---|---|\n| cosine | 0.1 | 0.2 |',
    '## Evaluation\n\nThe SAE has a loss of 3.2 at layer 9.',
    'It transfers to layer 9 with some loss.',
    'The input of this SAE is the output of layer 6.',
    'It is the 6th of 12 SAEs.',
    'GPT-2 small has hidden size 768 and 12 layers; this SAE reads layer 6.',
    'GPT-2 small (12 layers, 768 dimensions) was used.',
    'Hidden dimension: 768',
    '- Hidden size: 768\n- Layers: 12\n- Heads: 12\n- Vocabulary: 50257',
    '## Base model\n\n| Property | Value |\n|---|---|\n| Layers | 12 |\n| Width | 768 |\n| Context length | 1024 |',
    'The base model, GPT-2 small, has a residual stream of width 768 and MLPs of width 3072.',
    '| Layer | Mean norm |\n|---|---|\n| 5 | 40 |\n| 6 | 45 |\n| 7 | 50 |',
    'Layers 7 to 11 are not covered.',
    'SAEs for the other layers are in other repositories.',
    'Layer 6 was chosen because it is in the middle of the 12 layers.',
    'We picked layer 6 of 12.',
    'Sits after block 6 (the 7th of 12).',
    'Six of twelve heads read this layer.',
    'In layer 9, the same features can be seen.',
    'Downstream effects at layer 9 were measured.',
    'Attribution to layer 9 MLPs is possible.',
    'sae-lens >= 6.0, transformer-lens 2.9',
    'Trained with SAELens 6.54.',
    'A wider SAE with 49152 latents exists.',
    'The wider SAE has 49152 latents.',
    'A smaller version with 12288 latents is planned.',
    'An earlier version had 16384 latents.',
    'In version 1 the SAE had 16384 latents.',
    'Previously, k was 64.',
    'We also trained k = 64.',
    'k = 64 gave worse results.',
    'With k = 64, reconstruction improves.',
    'Increasing k to 64 improves reconstruction.',
    'At inference you can set k = 64.',
    'TopK SAEs (Gao et al., 2024) keep k latents.',
    'Gated SAEs are an alternative.',
    'JumpReLU SAEs were introduced by Rajamanoharan et al.',
    'JumpReLU SAEs have a learned threshold.',
    'Standard SAEs use an L1 penalty.',
    'ReLU SAEs suffer from shrinkage.',
    'A standard SAE would shrink its activations.',
    'The TopK SAE avoids the shrinkage of ReLU SAEs.',
    'TopK SAEs avoid L1 penalties, which JumpReLU SAEs need.',
    'Our SAE beats a JumpReLU SAE of the same size.',
    '| SAE | MSE |\n|---|---|\n| TopK (ours) | 0.1 |\n| JumpReLU | 0.2 |',
    'The code is tested with layer 9 and k = 64.',
    '```python\nsae = TopKSAE(d_in=768, d_sae=16384, k=64)\n```',
    'Run `python train.py --layer 9 --k 64` to train one for layer 9.',
    'Use `--layer 9` for another layer.',
    'To train on layer 9, change the config.',
    'For layer 9 use the sibling repository.',
    '<!-- Layer: 9 -->',
    '<details><summary>Layer 6</summary>\n\nThis SAE reads layer 6.\n</details>',
    '![layer 9](l9.png)',
    '[Layer 9 SAE](https://huggingface.co/me/l9)',
    '- [SAE of layer 9](https://huggingface.co/me/l9)\n- [SAE of layer 6](https://huggingface.co/me/l6)',
    '| Repository | Layer | Width |\n|---|---|---|\n| me/l9 | 9 | 16k |\n| me/l6 | 6 | 24k |',
    '## Collection\n\n- Layer 3: me/l3\n- Layer 6: me/l6\n- Layer 9: me/l9',
    'This SAE is part of a collection with layers 3, 6 and 9.',
    'One of three SAEs (layers 3, 6, 9).',
    'The collection has SAEs for layers 3, 6 and 9.',
    'The first 64 features are shown.',
    'Top-5 tokens per feature.',
    'top-1 accuracy 64',
    'The 10 features with the largest activation are listed.',
    'Each latent has a decoder vector of 768 dimensions.',
    'It uses tied weights and 2 layers: an encoder and a decoder.',
    'This two-layer network has 24576 hidden units.',
    'The decoder has unit norm.',
    'Dataset: 300M tokens of OpenWebText',
    'The loss is the sum of MSE and an auxiliary loss over 512 dead latents (k_aux = 512).',
    '- k_aux: 512\n- k: 32',
    'AuxK with k_aux = 512.',
    '- aux k: 512',
    'Matryoshka prefixes: 2048, 6144 and 24576.',
    'Sparsity: 0.13% of latents are active.',
    '- Sparsity: 0.0013',
    '- L0: 32\n- L0 (eval): 31.9',
    'Mean L0 is 31.9.',
    'Residual stream after layer 6 (`hook_resid_post`), that is before layer 7.',
    'In HuggingFace terms: hidden_states[7].',
    'Zero-indexed layer 6, the seventh layer.',
    'Layer 6 (counting from 0).',
    'Layer 7 (counting from 1).',
]  # fmt: skip
"""Of an SAE with k = 32 and 24,576 latents at `blocks.6.hook_resid_post` of GPT-2 small: nothing of this is wrong."""


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
