"""Names of base models: which strings mean the same model, and which mean none."""

from __future__ import annotations

PLACEHOLDERS = {
    "", "-", "?", "blah", "dummy", "foo", "model", "model_name", "my-model", "n/a", "na", "none", "null", "placeholder", "tbd", "test",
    "todo", "unknown", "we_will_override", "xxx", "your-model", "hook_name", "hook",
}  # fmt: skip

ALIASES = {"gpt2-small": "gpt2", "mistral-7b": "mistral-7b-v0.1"}
"""TransformerLens's short names where more than the organisation is missing."""


def is_placeholder(name: str) -> bool:
    """Whether `name` only fills its place."""
    return name.strip().lower() in PLACEHOLDERS


def model_key(name: str) -> str:
    """Equal for names of one model: without the organisation, in lower case, TransformerLens's aliases resolved."""
    last = name.strip().rstrip("/").rsplit("/", maxsplit=1)[-1].lower()
    return ALIASES.get(last, last)
