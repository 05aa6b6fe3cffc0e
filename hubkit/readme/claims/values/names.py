"""Names of base models and of datasets."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from hubkit.models.names import HUB_ID, OWNERS, PYTHIA, SHORT, hub_id
from hubkit.readme.claims.values.kind import BRACKETS, Value

I = re.IGNORECASE  # noqa: E741 - as short as it is common here
NOT_A_MODEL = re.compile(r"\b(?:various|several|multiple|see|none|n/a|fine-?tuned|merged|custom|any)\b", I)
ID_FIRST = re.compile(r"`?([A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95})`?(?=$|[ ,;(@])")
"""An id, whatever is said of it behind."""
SPOKEN = re.compile(
    r"([A-Za-z][\w.]{1,30}(?:-[\w.]{1,20}){0,8}(?: (?:\d[\w.]{0,10}|[ve]\d[\w.]{0,6}|small|medium|large|xl|mini|nano|tiny|base|it|pt|instruct|chat|deduped|reasoning)\b){0,4})",
    I,
)
"""A name as people say it: what follows a blank can be nothing but a part of it."""
LINKED = re.compile(r"\[([^\[\]\n]{1,200})\]\([^()\s]{1,500}\)")
KNOWN = {re.sub(r"[^a-z0-9.]", "", name.lower()): found for name, found in SHORT.items()}


@dataclass(frozen=True)
class Model:
    """The name of a base model: an id of the Hub, TransformerLens's name, or what people say ("Gemma 2 2B")."""

    def read(self, text: str) -> Value | None:
        """The name, where the Hub's id of it is known; what stands in brackets behind it is about it."""
        text = LINKED.sub(r"\1", text).strip(" .;`")
        if NOT_A_MODEL.search(text):
            return None
        plain = BRACKETS.sub("", text).strip(" .;`").removesuffix(" model")
        match = ID_FIRST.match(text) or SPOKEN.fullmatch(plain)
        return match.group(1) if match and resolved(match.group(1)) else None

    def agrees(self, stated: Value, true: Any) -> bool | None:
        """Whether both are one model. A name that people say may leave out what follows ("GPT-2" for gpt2-medium); an id may not."""
        if not isinstance(true, str) or not is_foundry(
            true
        ):  # a fine-tuned child has a base model of its own
            return None
        found, named = resolved(true), resolved(stated)
        if found is None or named is None:
            return None
        other = squeezed(found)
        return squeezed(named) == other or (
            HUB_ID.fullmatch(stated) is None and other.startswith(squeezed(stated))
        )

    def shown(self, stated: Value) -> str:
        """The name."""
        return str(stated)


FOUNDRIES = {owner.lower() for _, owner in OWNERS} | {
    found.partition("/")[0].lower() for found in SHORT.values()
}
"""Whose models people train SAEs on."""


def is_foundry(name: str) -> bool:
    """Whether the Hub's id of a model begins with one of the known owners of base models."""
    return ((resolved(name) or "").partition("/")[0].lower()) in FOUNDRIES


def resolved(name: str) -> str | None:
    """The Hub's id of a model, where it can be told."""
    dashed = re.sub(r"\s+", "-", name.strip())
    if PYTHIA.fullmatch(dashed) or HUB_ID.fullmatch(dashed):
        return hub_id(dashed)
    plain = re.sub(r"[^a-z0-9.]", "", dashed.lower())
    return KNOWN.get(plain) or hub_id(dashed) or hub_id(re.sub(r"^gpt-(?=\d)", "gpt", dashed, flags=I))


def squeezed(name: str) -> str:
    """Equal for the spellings of one id: `Meta-Llama-3.1-8B` and `llama-3.1-8b`."""
    parts = [part for part in re.split(r"[^a-z0-9.]+", name.rsplit("/", 1)[-1].lower()) if part]
    kept = [part for at, part in enumerate(parts) if not (part == "meta" and at == 0) and part != "hf"]
    return "".join(kept)


CORPORA = (
    ("OpenWebText2", re.compile(r"open-?web-?text-?2", I)), ("openwebtext", re.compile(r"open-?web-?text(?!-?2)|\bowt\b", I)), ("the Pile", re.compile(r"(?<![a-z])pile(?![a-z])", I)),
    ("C4", re.compile(r"(?<![a-z0-9])c4(?![a-z0-9])", I)), ("FineWeb-Edu", re.compile(r"fine-?web[-_ ]?edu", I)), ("FineWeb", re.compile(r"fine-?web(?![-_ ]?edu)", I)), ("RedPajama", re.compile(r"red-?pajama|(?<![a-z])rpj(?![a-z])", I)),
    ("SlimPajama", re.compile(r"slim-?pajama", I)), ("TinyStories", re.compile(r"tiny-?stories", I)), ("LMSYS-Chat", re.compile(r"lmsys", I)),
    ("UltraChat", re.compile(r"ultra-?chat", I)), ("WikiText", re.compile(r"wiki-?text", I)), ("Dolma", re.compile(r"dolma", I)),
)  # fmt: skip


@dataclass(frozen=True)
class Dataset:
    """A dataset: copies of one corpus go by many ids, so only two known corpora, or two ids without a common word, differ."""

    def read(self, text: str) -> Value | None:
        """The id, or the name of a known corpus."""
        plain = LINKED.sub(r"\1", text).strip(" .;`")
        if found := HUB_ID.fullmatch(plain):
            return found.group()
        if NEGATED.match(plain):
            return None
        return (
            plain if len(plain) < LONGEST_NAME and " and " not in plain and len(corpora(plain)) == 1 else None
        )

    def agrees(self, stated: Value, true: Any) -> bool | None:
        """Whether both may be copies of one corpus."""
        if not isinstance(true, str) or HUB_ID.fullmatch(true) is None:
            return None
        ours, theirs = corpora(stated), corpora(true)
        if ours and theirs:
            return bool(ours & theirs)
        return bool(_words(stated) & _words(true)) or (None if ours or theirs else False)

    def shown(self, stated: Value) -> str:
        """The id, or the name."""
        return str(stated)


NEGATED = re.compile(r"(?:not?|non|none|never|without|except|other than)\b", I)
LONGEST_NAME = 30
"""Characters of a corpus's name: more is a sentence about it."""


def corpora(text: str) -> set[str]:
    """The corpora that a dataset's id names."""
    return {name for name, words in CORPORA if words.search(text)}


def _words(text: str) -> set[str]:
    return {word for word in re.split(r"[^a-z0-9]+", text.rsplit("/", 1)[-1].lower()) if len(word) > 2}
