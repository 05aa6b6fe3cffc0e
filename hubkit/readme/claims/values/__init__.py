"""How the value of a property is written in a card, and when it says the same as a file: one class a kind of value.

`read` gives None for what it does not understand wholly: "varies", "16k to 64k", "64 (train), 128 (evaluation)". What was read is plain JSON.
"""

from __future__ import annotations

from hubkit.readme.claims.values.kind import Kind, Value
from hubkit.readme.claims.values.names import Dataset, Model, corpora, is_foundry, resolved, squeezed
from hubkit.readme.claims.values.numbers import (
    AMOUNT,
    NUMBER_OR_WORD,
    REAL,
    SPELLED,
    SPELLED_BELOW,
    Number,
    Real,
    amount,
)
from hubkit.readme.claims.values.places import Hook, Layer, Site
from hubkit.readme.claims.values.words import DTYPE, MODEL_DTYPE, Architecture, Flag, Normalization, Word

__all__ = [
    "AMOUNT", "DTYPE", "MODEL_DTYPE", "NUMBER_OR_WORD", "REAL", "SPELLED", "SPELLED_BELOW", "Architecture", "Dataset", "Flag", "Hook", "Kind", "Layer", "Model", "Normalization", "Number", "Real", "Site", "Value", "Word", "amount", "corpora", "is_foundry",
    "resolved", "squeezed",
]  # fmt: skip
