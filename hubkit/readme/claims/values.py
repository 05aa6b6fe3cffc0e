"""How the value of a property is written in a card, and when it says the same as a file: one class a kind of value.

`read` gives None for what it does not understand wholly: "varies", "16k to 64k", "64 (train), 128 (evaluation)". What was read is plain JSON.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from hubkit.models.hooks import parse_hook, same_place
from hubkit.models.names import HUB_ID, OWNERS, PYTHIA, SHORT, hub_id

Value = Any
"""A number and its bounds, a name, or a list of names: whatever the kind reads."""

I = re.IGNORECASE  # noqa: E741 - as short as it is common here
THOUSANDS = r"\d{1,3}(?:[ ,\u00a0\u202f_]\d{3}){1,3}(?!\d)"
AMOUNT = rf"(?:{THOUSANDS}|2(?:\^|\*\*)\d{{1,2}}|\d{{1,9}}(?:\.\d{{1,3}})?(?: ?[kKM](?!\w))?)"
"""`65,536`, `65 536`, `2^16`, `32k`, `1.5M`."""
COUNTED = r"(?:SAE |dictionary |sparse |hidden |learned |active )?(?:features|latents|dimensions|dims|neurons|units|tokens|elements|directions|atoms|wide)"
WHOLE = re.compile(
    rf"(?:[A-Za-z_]{{1,12}} ?= ?)?~?({AMOUNT})(?: {COUNTED}(?: per token)?)?(?: ?\([^()]{{0,120}}\))?[.;]?",
    re.IGNORECASE,
)
"""The number, perhaps what it counts, perhaps a remark in brackets."""
BRACKETS = re.compile(r" ?\([^()]{0,200}\)")


class Kind(Protocol):
    """A kind of value."""

    def read(self, text: str) -> Value | None:
        """What a card's words say; None for what cannot be told."""

    def agrees(self, stated: Value, true: Any) -> bool | None:
        """Whether both say the same; None where nobody can tell."""

    def shown(self, stated: Value) -> str:
        """The stated value, as a finding tells it."""


def amount(text: str) -> tuple[float, float] | None:
    """The bounds of a number as it is written: `32k` may be 32,000 or 32,768, `32768` is itself. None for no number."""
    if not re.fullmatch(AMOUNT, text):
        return None
    if power := re.fullmatch(r"2(?:\^|\*\*)(\d{1,2})", text):
        return 2.0 ** int(power.group(1)), 2.0 ** int(power.group(1))
    unit = text[-1] if text[-1] in "kKM" else ""
    digits = re.sub(r"[ ,_\u00a0\u202f]", "", text.removesuffix(unit))
    number = float(digits)
    if not unit:
        return number, number
    low, high = (1e6, 2.0**20) if unit == "M" else (1e3, 2.0**10)
    half = min(0.5 * 10.0 ** -len(digits.partition(".")[2]), 0.05 * number)
    return (number - half) * low, (number + half) * high


@dataclass(frozen=True)
class Number:
    """A number, whole unless it may be a mean."""

    whole: bool = True

    def read(self, text: str) -> Value | None:
        """The bounds of the one number of the text."""
        match = WHOLE.fullmatch(text.strip())
        found = amount(match.group(1)) if match else None
        return found if found is None or not self.whole or found[0] % 1 == 0 or found[0] != found[1] else None

    def agrees(self, stated: Value, true: Any) -> bool | None:
        """Whether the number lies within the bounds."""
        if isinstance(true, bool) or not isinstance(true, int | float):
            return None
        low, high = stated
        return bool(low <= true <= high)

    def shown(self, stated: Value) -> str:
        """The number, or about what it is."""
        low, high = stated
        return (
            f"{low:g}" if low == high and low < 1e6 else f"{low:.0f}" if low == high else f"about {low:.0f}"
        )


YES = {"true", "yes", "on", "enabled", "✓", "✅", "1"}
NO = {"false", "no", "off", "disabled", "✗", "❌", "0"}


@dataclass(frozen=True)
class Flag:
    """True or false."""

    def read(self, text: str) -> Value | None:
        """Of a word that can be nothing else."""
        word = BRACKETS.sub("", text).strip(" .;").lower()
        return True if word in YES else False if word in NO else None

    def agrees(self, stated: Value, true: Any) -> bool | None:
        """Equal, where the file has a truth value."""
        return bool(stated) == true if isinstance(true, bool) else None

    def shown(self, stated: Value) -> str:
        """As JSON has it."""
        return str(stated).lower()


@dataclass(frozen=True)
class Word:
    """One word out of a known set, or any name; equal regardless of case."""

    known: Sequence[str] = ()
    same: Sequence[tuple[str, str]] = ()
    """What people write for one of them."""

    def read(self, text: str) -> Value | None:
        """The word, where the text is nothing else."""
        word = BRACKETS.sub("", text).strip(" .;").lower()
        word = dict(self.same).get(word, word)
        if self.known:
            return word if word in self.known else None
        return word if re.fullmatch(r"[\w./:+-]{1,200}", word) else None

    def agrees(self, stated: Value, true: Any) -> bool | None:
        """Equal."""
        return str(stated) == true.lower() if isinstance(true, str) else None

    def shown(self, stated: Value) -> str:
        """The word."""
        return str(stated)


FOLDED = {"expected_average_only_in", "covariance_whitening", "constant_scalar_rescale"}
"""Normalizations that SAELens folds into the weights when it saves an SAE, whose configuration then says none."""


@dataclass(frozen=True)
class Normalization(Word):
    """What is done to the activations first."""

    known: Sequence[str] = ("none", "layer_norm", "constant_norm_rescale", *sorted(FOLDED))
    same: Sequence[tuple[str, str]] = (
        ("no", "none"), ("false", "none"), ("off", "none"), ("layernorm", "layer_norm"), ("layer norm", "layer_norm"), ("layer normalization", "layer_norm"),
    )  # fmt: skip

    def agrees(self, stated: Value, true: Any) -> bool | None:
        """Equal; a card may speak of the training where the file says none."""
        return None if true == "none" and stated in FOLDED else super().agrees(stated, true)


DTYPES = ("float64", "float32", "float16", "bfloat16")
DTYPE = Word(
    DTYPES,
    (*((f"torch.{name}", name) for name in DTYPES), ("fp32", "float32"), ("f32", "float32"), ("fp16", "float16"), ("f16", "float16"),
     ("half", "float16"), ("bf16", "bfloat16"), ("fp64", "float64"), ("single", "float32"), ("full precision", "float32")),
)  # fmt: skip

ARCHITECTURES = (
    ("batchtopk", re.compile(r"\bbatch[- _]?top[- _]?k", I)),
    ("matryoshka", re.compile(r"\bmatr[iy]oshka", I)),
    ("jumprelu", re.compile(r"\bjump[- _]?relu", I)),
    ("gated", re.compile(r"\bgated\b(?! MLP)", I)),
    ("topk", re.compile(r"(?<!batch)(?<!batch[- _])\b(?:abs)?top[- _]?k\b", I)),
    ("standard", re.compile(r"\b(?:standard|vanilla)\b|(?<!jump)(?<!jump[- _])\brelu\b", I)),
    ("transcoder", re.compile(r"\btranscoder", I)),
    ("matching_pursuit", re.compile(r"\bmatching[- _]pursuit", I)),
)
"""What people call the architectures."""
ELSE = re.compile(
    r"\bcross-?(?:coder|layer)|\bCLT\b|\bp-?anneal|\b(?:without|not|instead)\b|\btransformers?\b|\bdecoder-only\b",
    I,
)
"""Another kind, a kind that it is not, or the base model's."""


@dataclass(frozen=True)
class Architecture:
    """The kinds of SAE that a text names: of "BatchTopK, published as JumpReLU" both."""

    def read(self, text: str) -> Value | None:
        """The names, where there are any."""
        if ELSE.search(text):
            return None
        return [name for name, words in ARCHITECTURES if words.search(text)] or None

    def agrees(self, stated: Value, true: Any) -> bool | None:
        """Whether one of them is among the names that the SAE may be called by; None where those are not known."""
        return any(name in true for name in stated) if true else None

    def shown(self, stated: Value) -> str:
        """The names."""
        return " and ".join(stated)


HOOK_NAME = re.compile(
    r"(?:blocks\.\d{1,3}\.(?:\w{1,30}\.){0,2}hook_\w{1,30}|(?:[A-Za-z_]\w{0,30}\.){1,4}\d{1,3}(?:\.[A-Za-z_]\w{0,30}){0,3})"
)


LAYER = re.compile(
    r"(?:L|layer )?(\d{1,3})(?: ?(?:of|/|out of) ?(?:the )?\d{1,3}(?: layers)?)?(?: (?:residual stream|resid_post|resid post))?(?: ?\([^()]{0,120}\))?[.;]?",
    I,
)


@dataclass(frozen=True)
class Layer:
    """One layer: `6`, `L6`, `6 of 12`, `6/12 (middle)`."""

    def read(self, text: str) -> Value | None:
        """Its number, counted from 0 as far as anybody can tell."""
        match = LAYER.fullmatch(text.strip(" `"))
        return int(match.group(1)) if match else None

    def agrees(self, stated: Value, true: Any) -> bool | None:
        """Equal."""
        return int(stated) == true if isinstance(true, int) else None

    def shown(self, stated: Value) -> str:
        """The number."""
        return str(stated)


@dataclass(frozen=True)
class Hook:
    """The name of a hook, of either form, with its layer."""

    def read(self, text: str) -> Value | None:
        """The name, where the text is nothing else."""
        match = HOOK_NAME.fullmatch(BRACKETS.sub("", text).strip(" .;`"))
        return match.group() if match else None

    def agrees(self, stated: Value, true: Any) -> bool | None:
        """Equal; of names of two forms only the layer can be compared."""
        if not isinstance(true, str) or not true:
            return None
        ours, theirs = parse_hook(stated), parse_hook(true)
        if ours.form == theirs.form or "unknown" in (ours.form, theirs.form):
            return str(stated) == true
        places = same_place(ours), same_place(theirs)
        return bool(places[0] & places[1]) if all(places) else None

    def shown(self, stated: Value) -> str:
        """The name."""
        return str(stated)


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
    ("openwebtext", re.compile(r"open-?web-?text|\bowt\b", I)), ("the Pile", re.compile(r"(?<![a-z])pile(?![a-z])", I)),
    ("C4", re.compile(r"(?<![a-z0-9])c4(?![a-z0-9])", I)), ("FineWeb", re.compile(r"fine-?web", I)), ("RedPajama", re.compile(r"red-?pajama|(?<![a-z])rpj(?![a-z])", I)),
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


LONGEST_NAME = 30
"""Characters of a corpus's name: more is a sentence about it."""


def corpora(text: str) -> set[str]:
    """The corpora that a dataset's id names."""
    return {name for name, words in CORPORA if words.search(text)}


def _words(text: str) -> set[str]:
    return {word for word in re.split(r"[^a-z0-9]+", text.rsplit("/", 1)[-1].lower()) if len(word) > 2}
