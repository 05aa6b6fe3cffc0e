"""How two names of base models stand to each other: one model, a copy in another precision, a child by further training, or two models.

Decided by the names alone: `Llama-3.2-1B-Instruct` is taken apart into a family, a version, a size, and what was done to it since. Where a name belongs
to no family that is known here, nothing is claimed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cache, lru_cache
from typing import Literal

from hubkit.models.known import known_models
from hubkit.models.names import OLD_SIZES, SHORT, hub_id, is_placeholder, lens_names, model_key

Kinship = Literal["same", "quantized", "tuned", "sibling", "misspelt", "different", "unknown"]
"""`sibling`: the same size of the same family, from other data or another release (`pythia-70m-deduped`, `Mistral-7B-v0.3`). `misspelt`: one of the two is no
known name, and a letter or two from one (`gpt2-meduim`)."""

FAMILIES = (
    "codegemma", "codellama", "deepseek", "distilgpt2", "falcon", "gemma", "gpt2", "gptj", "gptneo", "gptneox", "gptoss", "granite", "llama",
    "mamba", "mistral", "mixtral", "nanochat", "olmo", "olmoe", "opt", "bloom", "phi", "pythia", "qwen", "smollm", "stablelm", "tinyllama",
    "tinystories",
)  # fmt: skip
JOINED = (
    (r"distil+-?gpt-?2", "distilgpt2"), (r"gpt-?2", "gpt2"), (r"gpt-?neo-?x", "gptneox"), (r"gpt-?neo", "gptneo"), (r"gpt-?j", "gptj"),
    (r"gpt-?oss", "gptoss"), (r"tiny-?llama", "tinyllama"), (r"tiny-?stories", "tinystories"), (r"code-?gemma", "codegemma"),
    (r"code-?llama", "codellama"),
)  # fmt: skip
"""Spellings of a family, and the word that they are here; the first that fits."""
UNVERSIONED = {
    "gemma",
    "qwen",
    "mistral",
    "mixtral",
    "olmo",
    "phi",
    "falcon",
    "smollm",
    "codegemma",
    "stablelm",
}
"""Their first release has no number in its name: without one it is meant."""
NEVER_VERSIONED = {
    "gpt2", "distilgpt2", "pythia", "opt", "bloom", "gptj", "gptneo", "gptneox", "gptoss", "nanochat", "tinyllama", "tinystories", "mamba",
}  # fmt: skip
UNSIZED = {"gpt2", "distilgpt2", "phi"}
"""Without a size one model is meant."""
VERSION = re.compile(r"\d{1,2}(?:\.\d{1,2})?n?")
SIZE = re.compile(
    r"[ea]?\d+(?:\.\d+)?[mb]|\d+x\d+(?:\.\d+)?b|d\d{1,3}|small|medium|large|xl|mini|nano|tiny|nemo|moe"
)
NUMBER = re.compile(r"[ea]?(\d+(?:\.\d+)?)([mb])")
TUNED = {
    "it",
    "instruct",
    "instruction",
    "chat",
    "sft",
    "dpo",
    "rlhf",
    "orpo",
    "lora",
    "finetuned",
    "ft",
    "tuned",
    "aligned",
    "base",
    "reasoning",
}
QUANTIZED = re.compile(
    r"bnb|[48]bit|nf4|fp[48]|int[48]|gptq|awq|gguf|ggml|quantized[\w.]*|quant|exl2|hqq|aqlm|q\d(?:_\w+)?|w\dg\d+|w\da\d+|g128|dynamic|unsloth"
)
EMPTY = {"meta", "hf", "pt", "model", "hq", "pretrained", "uncased", "mlx", "org", "ai"}
"""Words of a name that tell no model from another."""
SIZE_NAMES = {
    "117m": "small",
    "124m": "small",
    "345m": "medium",
    "355m": "medium",
    "774m": "large",
    "1.5b": "xl",
    "1558m": "xl",
}
"""GPT-2's sizes by their parameters."""
CHILDREN = {
    "deepseek-r1-distill-llama-8b": "llama-3.1-8b", "deepseek-r1-distill-llama-70b": "llama-3.3-70b-instruct",
    "deepseek-r1-distill-qwen-1.5b": "qwen2.5-math-1.5b", "deepseek-r1-distill-qwen-7b": "qwen2.5-math-7b",
    "deepseek-r1-distill-qwen-14b": "qwen2.5-14b", "deepseek-r1-distill-qwen-32b": "qwen2.5-32b",
}  # fmt: skip
"""Models trained on from another whose name does not say it: https://huggingface.co/deepseek-ai/DeepSeek-R1 (DeepSeek-R1-Distill)."""
CODE_BASES = {
    "coder",
    "code",
    "math",
    "vl",
    "vision",
    "omni",
    "audio",
    "embedding",
    "reranker",
    "guard",
    "vit",
}
"""Words of models that were trained apart from the plain one of their size."""
RELEASE = re.compile(
    r"v?\d+(?:\.\d+)*|\d{2,3}k|deduped|seed\d+|v0|preview|intermediate|step|\d+[kt]|alldropout"
)
"""Words that tell releases of one size apart, not what somebody made of one."""
BUILT_AS = {
    "pythia": "gptneox",
    "tinyllama": "llama",
    "distilgpt2": "gpt2",
    "smollm": "llama",
    "codellama": "llama",
}
"""Families that go by another one's name as well: that of their architecture."""
LONGEST = 96
"""Characters of a name on the Hub."""
ALIKE, SHORTEST = 0.8, 5
"""From which share of common letters on, and from how many letters, a word is taken for another that was mistyped: `meduim`, `dedupped`."""
ROUNDING = 1.35
"""By how much people round a number of parameters: Gemma 2 2B has 2.6 B."""


@dataclass(frozen=True, slots=True)
class Named:
    """A model's name, taken apart."""

    family: str
    version: str | None
    size: tuple[str, ...]
    tuned: frozenset[str]
    quantized: frozenset[str]
    rest: tuple[str, ...]
    """What is left of it: `deduped`, `coder`, `v0.1`."""


def kinship(one: str, other: str) -> Kinship:
    """What `other` is to `one`, both as files and code call a model."""
    if model_key(_meant(one)) == model_key(_meant(other)):
        return "same"
    first, second = _exact(one), _exact(other)
    if first is None or second is None:
        return "unknown"
    if _parent(one, second) or _parent(other, first):
        return "tuned"
    if first.family == second.family and (meant(one) or meant(other)):
        return "misspelt"
    return _apart(first, second) or _made_of(first, second)


def meant(name: str) -> str | None:
    """The known name that `name` is a slip of the pen away from, in one word of it; None for a known name, and for one that is like none."""
    last = name.strip().rstrip("/").rsplit("/", maxsplit=1)[-1].lower()
    if last in _known() or len(last) > LONGEST:
        return None
    words = last.split("-")
    for at, word in enumerate(words):
        for near in get_close_matches(word, _known_words(), cutoff=ALIKE) if word.isalpha() else ():
            found = "-".join([*words[:at], near, *words[at + 1 :]])
            if found in _known() and not (word.startswith(near) or near.startswith(word)):  # `instructed`
                return found
    return None


@cache
def _known() -> frozenset[str]:
    """Every name of the tables, without its owner."""
    known = [name for model in known_models() for name in model.ids]
    names = [*SHORT, *SHORT.values(), *lens_names(), *lens_names().values(), *known]
    return frozenset(name.rsplit("/", maxsplit=1)[-1].lower() for name in names)


@cache
def _known_words() -> tuple[str, ...]:
    """Their words of letters alone: a slip in a number is another model as often as not."""
    words = {word for name in _known() for word in name.split("-")}
    return tuple(sorted(word for word in words if word.isalpha() and len(word) >= SHORTEST))


def _apart(first: Named, second: Named) -> Kinship | None:
    """Whether two names are of two models, or cannot be told; None for one size of one family."""
    if first.family != second.family:
        return "different"
    if first.family == "llama" and not (first.version and second.version):
        return "unknown"
    if (first.version, first.size) != (second.version, second.size):
        return "unknown" if _vague(first) or _vague(second) else "different"
    return None if _flavour(first) == _flavour(second) else "different"


def _made_of(first: Named, second: Named) -> Kinship:
    """What was done to one of two models of one size of one family."""
    if first.tuned != second.tuned:
        return "tuned"
    if first.rest != second.rest:
        return "tuned" if _own_words(first) or _own_words(second) else "sibling"
    return "quantized" if first.quantized != second.quantized else "same"


def agrees(mention: str, name: str) -> bool | None:
    """Whether words of a text can mean the model `name`: they may say less (`Gemma 2`), and round a size; None where nobody can tell."""
    said, exact = take_apart(mention), _exact(name)
    if said is None or exact is None:
        return None
    if said.family != exact.family:
        return said.family in exact.rest or _related(mention, name) or _builds(said, exact)
    if said.version and not _same_version(said, exact):
        return False
    return not said.size or _same_size(said, exact)


def says_no_more(mention: str, name: str) -> bool:
    """Whether words of a text have nothing of their own that the model `name` has not: `Pythia-70M-deduped` is a sibling of pythia-70m, and agrees with it in size alone."""
    said, exact = take_apart(mention), _exact(name)
    if said is None or exact is None:
        return True
    mine = {*said.rest, *said.tuned, *said.quantized}
    return mine <= {*exact.rest, *exact.tuned, *exact.quantized}


def _builds(said: Named, exact: Named) -> bool:
    """Whether what is said is the architecture of `exact`: Pythia is a GPT-NeoX, TinyLlama a Llama 2."""
    return not said.size and BUILT_AS.get(exact.family) == said.family


def _related(mention: str, name: str) -> bool:
    parent = CHILDREN.get(model_key(name))
    return parent is not None and agrees(mention, parent) is True


def _same_version(said: Named, exact: Named) -> bool:
    if exact.version is None:
        return said.version in {"1", "1.0"}
    return exact.version.startswith(str(said.version)) or str(said.version).startswith(exact.version)


def _same_size(said: Named, exact: Named) -> bool:
    if said.size == exact.size or set(said.size) & set(exact.size):
        return True
    mine, its = _amounts(said), _amounts(exact)
    if exact.family == "pythia":
        its |= {amount for old, new in OLD_SIZES.items() if (new,) == exact.size and (amount := _amount(old))}
    if not mine or not its:
        return not its and bool(mine) and exact.family not in UNSIZED | {"nanochat"}
    return any(1 / ROUNDING <= a / b <= ROUNDING for a in mine for b in its)


def _amounts(named: Named) -> set[float]:
    return {amount for size in named.size if (amount := _amount(size))}


def _amount(size: str) -> float | None:
    match = NUMBER.fullmatch(size)
    return float(match.group(1)) * {"m": 1e6, "b": 1e9}[match.group(2)] if match else None


def _exact(name: str) -> Named | None:
    """A name as a file or code states it: the model that TransformerLens or the Hub loads by it."""
    return None if is_placeholder(name) else take_apart(_meant(name))


def _meant(name: str) -> str:
    """What the Hub, or TransformerLens, calls it; the name itself where neither has another."""
    return hub_id(name) or lens_names().get(name.strip().lower(), name)


@lru_cache(maxsize=512)
def take_apart(name: str) -> Named | None:
    """The parts of a name; None where it begins with no family that is known here."""
    last = name.strip().rstrip("/").rsplit("/", maxsplit=1)[-1].lower()
    last = re.sub(r"(?<=\d)_(?=\d)", ".", last)
    last = re.sub(r"[\s_,()]+", "-", last)
    for spelling, word in JOINED:
        last, times = re.subn(rf"(?<![a-z]){spelling}(?![a-z])", f"{word}-", last, count=1)
        if times:
            break
    words = [word for part in last.split("-") if part for word in _split(part)]
    at = next((i for i, word in enumerate(words) if word in FAMILIES), None)
    if at is None:
        return None
    family, after = words[at], words[at + 1 :]
    before = [word for word in words[:at] if word not in EMPTY]
    version = (
        after.pop(0) if after and family not in UNSIZED - {"phi"} and VERSION.fullmatch(after[0]) else None
    )
    return _named(family, version, [*before, *after])


def _split(part: str) -> list[str]:
    """`qwen2.5` are two words, a family and its version."""
    match = re.fullmatch(r"([a-z]+?)(\d.*)", part)
    if match and match.group(1) in FAMILIES:
        return [match.group(1), match.group(2)]
    return [part]


def _named(family: str, version: str | None, words: list[str]) -> Named:
    tuned = frozenset("it" if word.startswith("instruct") else word for word in words if word in TUNED)
    quantized = frozenset(word for word in words if QUANTIZED.fullmatch(word))
    sizes = [word for word in words if SIZE.fullmatch(word)]
    rest = [word for word in words if word not in {*TUNED, *EMPTY, *sizes, *quantized}]
    if family == "gpt2":
        named = [SIZE_NAMES.get(size, size) for size in sizes]
        sizes = [size for size in named if size != "small"]
    if quantized:  # `bnb-4bit`, `Q4_K_M`: what is left of the name of a format
        rest = [word for word in rest if word not in {"k", "m", "s", "4", "8", "bit", "i1", "imat"}]
    return Named(family, version, tuple(dict.fromkeys(sizes)), tuned, quantized, tuple(rest))


def _flavour(named: Named) -> frozenset[str]:
    return frozenset(named.rest) & CODE_BASES


def _own_words(named: Named) -> bool:
    """Whether the name has words that are neither the family's nor a release's: somebody trained on."""
    return any(not RELEASE.fullmatch(word) and word not in CODE_BASES for word in named.rest)


def _vague(named: Named) -> bool:
    """Whether the name leaves out what tells the sizes of its family apart."""
    no_size = not named.size and named.family not in UNSIZED
    return no_size or (named.version is None and named.family not in UNVERSIONED | NEVER_VERSIONED)


def _parent(name: str, other: Named) -> bool:
    """Whether `name` is known to have been trained on from `other`, or from the same size of the same family."""
    parent = CHILDREN.get(model_key(name))
    named = take_apart(parent) if parent else None
    return named is not None and replace(named, tuned=frozenset(), quantized=frozenset()) == replace(
        other, tuned=frozenset(), quantized=frozenset()
    )
