"""Base models as a text speaks of them: `Gemma 2 2B`, `google/gemma-2-2b`, `GPT-2 small`."""

from __future__ import annotations

import re

from hubkit.models.kinship import take_apart

MENTION = re.compile(
    r"(?<![\w./@-])(?:[\w.-]+/)?(?:meta-)?(?:"
    r"(?:distil-?)?gpt-?2(?:[- ](?:small|medium|large|xl))?|gpt-?j(?:-6b)?|gpt-?neox(?:-20b)?|gpt-?neo(?:-[\d.]+[mb])?|gpt-?oss(?:-\d+b)?|"
    r"(?:code-?)?(?:gemma|llama)(?:[- ]?\d(?:\.\d)?(?![\d.]|[mb]\b|x))?(?:[- ]e?\d+(?:\.\d+)?[mb])?|"
    r"(?:tiny-?llama|tiny-?stories|pythia|mistral|mixtral|deepseek|nanochat|stablelm|mamba)(?:[- ](?:d\d+|\d+x\d+b|\d+(?:\.\d+)?[mb]))?|"
    r"(?:qwen|smollm)[- ]?\d?(?:\.\d)?(?:[- ](?:coder|math|vl))?(?:[- ]\d+(?:\.\d+)?[mb])?|"
    r"(?:olmoe?|granite|falcon|opt|bloom|phi)[- ]\d(?:[._]\d+)?(?:[- ](?:\d+-)?\d+(?:\.\d+)?[mb]|[mb]\b|-mini|-medium)?|"
    r"(?:opt|bloom|falcon|olmo)[- ]\d+(?:\.\d+)?[mb]"
    r")(?![A-Za-z])(?:-[A-Za-z0-9_.]+)*",
    re.IGNORECASE,
)  # fmt: skip
"""A base model as a text speaks of it: a family, perhaps with a version and a size."""
NOT_A_MODEL = re.compile(
    r"[- ]?(?:scope|scopes|lens|tokenizer|style|like|architecture|license|licence|terms)\b", re.IGNORECASE
)


def mentions(text: str) -> list[str]:
    """The base models that a text names; `Gemma Scope` and `GPT-2 tokenizer` are none."""
    found = []
    for match in MENTION.finditer(text[:2000]):
        words = match.group().rstrip(".-_")
        inside = re.search(r"scope|lens|tokenizer|style|architecture", words, re.IGNORECASE)
        if not inside and not NOT_A_MODEL.match(text, match.end()) and take_apart(words) is not None:
            found.append(words)
    return found
