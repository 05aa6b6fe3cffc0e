"""Names of base models: which strings mean the same model, which mean none, and what the Hub calls them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

PLACEHOLDERS = {
    "", "-", "?", "blah", "dummy", "foo", "model", "model_name", "my-model", "n/a", "na", "none", "null", "placeholder", "tbd", "test",
    "todo", "unknown", "we_will_override", "xxx", "your-model", "hook_name", "hook",
}  # fmt: skip

ALIASES = {"gpt2-small": "gpt2", "mistral-7b": "mistral-7b-v0.1"}
"""TransformerLens's short names where more than the organisation is missing."""

HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}")

OWNERS = (
    (r"gpt2|gpt2-(medium|large|xl)", "openai-community"),
    (r"distilgpt2", "distilbert"),
    (r"pythia-[\d.]+[mb](-deduped)?(-v0|-seed\d)?|gpt-neo-\w+\.?\w*|gpt-neox-20b|gpt-j-6b", "EleutherAI"),
    (r"gemma-\d.*", "google"),
    (r"(meta-)?llama-[23].*", "meta-llama"),
    (r"qwen\d?.*", "Qwen"),
    (r"phi-[\d_].*", "microsoft"),
    (r"mi[sx]tral-(7b|8x7b|nemo|small).*", "mistralai"),
    (r"opt-\d.*", "facebook"),
    (r"bloom-.*", "bigscience"),
    (r"smollm\d?-.*", "HuggingFaceTB"),
    (r"olmo(e|-\d).*", "allenai"),
    (r"tinystories-.*", "roneneldan"),
    (r"tinyllama-.*", "TinyLlama"),
    (r"falcon-\d+b.*", "tiiuae"),
    (r"granite-\d.*", "ibm-granite"),
)
"""Whose model a bare name is, where the name says it; the rest of the id is the name as it was written."""

SHORT = {
    "gpt2-small": "openai-community/gpt2", "gpt2-xs": "distilbert/distilgpt2", "distil-gpt2": "distilbert/distilgpt2",
    "distill-gpt2": "distilbert/distilgpt2", "distillgpt2": "distilbert/distilgpt2",
    "gpt-j": "EleutherAI/gpt-j-6b", "gptj": "EleutherAI/gpt-j-6b", "neox": "EleutherAI/gpt-neox-20b", "gpt-neox": "EleutherAI/gpt-neox-20b",
    "gpt-neo-small": "EleutherAI/gpt-neo-125m", "neo-small": "EleutherAI/gpt-neo-125m", "neo": "EleutherAI/gpt-neo-125m",
    "neo-medium": "EleutherAI/gpt-neo-1.3B", "gpt-neo-medium": "EleutherAI/gpt-neo-1.3B",
    "neo-large": "EleutherAI/gpt-neo-2.7B", "gpt-neo-large": "EleutherAI/gpt-neo-2.7B",
    "pythia": "EleutherAI/pythia-70m", "opt": "facebook/opt-125m", "opt-small": "facebook/opt-125m",
    "mistral-7b": "mistralai/Mistral-7B-v0.1", "mistral-7b-instruct": "mistralai/Mistral-7B-Instruct-v0.1",
    "mixtral": "mistralai/Mixtral-8x7B-v0.1", "mixtral-instruct": "mistralai/Mixtral-8x7B-Instruct-v0.1",
    "olmo-1b": "allenai/OLMo-1B-hf", "olmo-7b": "allenai/OLMo-7B-hf", "olmo-2-1b": "allenai/OLMo-2-0425-1B",
    "olmo-2-7b": "allenai/OLMo-2-1124-7B", "olmoe": "allenai/OLMoE-1B-7B-0924",
    "tinyllama": "TinyLlama/TinyLlama-1.1B-intermediate-step-1431k-3T", "tinyllama-1.1b": "TinyLlama/TinyLlama-1.1B-intermediate-step-1431k-3T",
    "phi-3": "microsoft/Phi-3-mini-4k-instruct", "phi-4-mini": "microsoft/Phi-4-mini-instruct",
    "llama-2-7b": "meta-llama/Llama-2-7b-hf", "llama-2-7b-chat": "meta-llama/Llama-2-7b-chat-hf",
    "llama-2-13b": "meta-llama/Llama-2-13b-hf", "llama-2-13b-chat": "meta-llama/Llama-2-13b-chat-hf",
    "llama-3-8b": "meta-llama/Meta-Llama-3-8B", "llama-3-8b-instruct": "meta-llama/Meta-Llama-3-8B-Instruct",
    "nanochat-d32": "karpathy/nanochat-d32",
}  # fmt: skip
"""Names of TransformerLens, and some that people use, that are not the last part of the Hub's."""

OLD_SIZES = {
    "19m": "70m", "125m": "160m", "350m": "410m", "800m": "1b", "1.3b": "1.4b", "2.7b": "2.8b", "6.7b": "6.9b", "13b": "12b",
}  # fmt: skip
"""Pythia's first names counted without the embedding: https://huggingface.co/EleutherAI/pythia-160m (naming convention)."""
PYTHIA = re.compile(r"(?:EleutherAI/)?pythia-([\d.]+[mb])(-.*)?", re.IGNORECASE)

LENS_ONLY = re.compile(
    r"(attn-only|gelu|solu|attn_only|redwood_attn|othello-gpt|tiny-stories-instruct-2l)\b.*", re.IGNORECASE
)
"""Models that only TransformerLens has, without a config.json of transformers."""


LENS_NAMES = Path(__file__).with_name("lens_names.json")
"""TransformerLens 3.9's other names that cannot be derived from the model's own (supported_models.py: MODEL_ALIASES), in lower case."""


@cache
def lens_names() -> Mapping[str, str]:
    """What TransformerLens loads by each of them."""
    names: dict[str, str] = json.loads(LENS_NAMES.read_text(encoding="utf-8"))
    return names


ROOT = re.compile(
    r"(?:distil)?(?:bert|roberta|gpt2)(?!-small$|-xs$|-distil)(?:-.+)?|openai-gpt|(?:al|camem)bert-.+|xlm-.+|xlnet-.+|t5-.+|transfo-xl-.+|ctrl",
    re.IGNORECASE,
)
"""The first models of transformers: their ids had no owner, and lead to those that they have now."""


def is_hub_id(name: str) -> bool:
    """Whether a name can be an id of the Hub as it stands: with an owner, or one of the first models. `gpt2-small` and `gemma-2-2b` are names of TransformerLens."""
    return HUB_ID.fullmatch(name) is not None or ROOT.fullmatch(name) is not None


def is_placeholder(name: str) -> bool:
    """Whether `name` only fills its place."""
    return name.strip().lower() in PLACEHOLDERS


def model_key(name: str) -> str:
    """Equal for names of one model: without the organisation, in lower case, TransformerLens's aliases resolved."""
    last = name.strip().rstrip("/").rsplit("/", maxsplit=1)[-1].lower()
    return ALIASES.get(last, last)


def is_lens_only(name: str) -> bool:
    """Whether `name` is one of the small models that TransformerLens alone can load."""
    return LENS_ONLY.fullmatch(name.strip().rsplit("/", maxsplit=1)[-1]) is not None


def hub_id(name: str) -> str | None:
    """What the Hub calls the model that people call `name`; None where nobody can tell: a path, a made-up name, a model of TransformerLens alone."""
    name = name.strip()
    if match := PYTHIA.fullmatch(name):
        size = match.group(1).lower()
        return f"EleutherAI/pythia-{OLD_SIZES.get(size, size)}{(match.group(2) or '').lower()}"
    if "/" in name:
        return name if HUB_ID.fullmatch(name) and ".." not in name else None
    if is_lens_only(name):
        return None
    if name.lower() in lens_names():
        return lens_names()[name.lower()]
    name = re.sub(r"^tiny-stories-", "TinyStories-", name, flags=re.IGNORECASE)
    key = name.lower()
    if key in SHORT:
        return SHORT[key]
    owner = next((owner for pattern, owner in OWNERS if re.fullmatch(pattern, key)), None)
    return f"{owner}/{name}" if owner else None
