"""Words: truth values, names out of a known set, precisions, architectures."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hubkit.readme.claims.values.kind import BRACKETS, Value

I = re.IGNORECASE  # noqa: E741 - as short as it is common here
YES = {
    "true",
    "yes",
    "on",
    "enabled",
    "✓",
    "✅",
    "1",
    "used",
    "applied",
    "subtracted",
    "prepended",
    "included",
}
NO = {
    "false",
    "no",
    "off",
    "disabled",
    "✗",
    "❌",
    "0",
    *(f"not {word}" for word in ("used", "applied", "subtracted", "prepended", "included")),
    "unused",
}


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
        if self.known and word not in self.known:
            word = re.sub(r"[ -]", "_", word)
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

MODEL_DTYPE = Word(
    (*DTYPES, "4-bit", "8-bit"),
    (*DTYPE.same, *((name, "4-bit") for name in ("4 bit", "4bit", "int4", "nf4", "fp4", "bnb 4-bit")), *((name, "8-bit") for name in ("8 bit", "8bit", "int8"))),
)  # fmt: skip
"""In which precision a base model is run."""

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
