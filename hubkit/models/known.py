"""Facts of the models that people train SAEs on, shipped: what their config.json says, so that nothing has to be asked of anybody.

`known.json` holds one entry a shape: the ids on the Hub, the keys of config.json that matter, and the parameter count that the model's files have
(`parameters`, tied matrices once), which a test computes again from the sizes. Add a model only with numbers read from its own config.json.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from hubkit.models.architecture import WRAPPED

TABLE = Path(__file__).with_name("known.json")
NANOCHAT = re.compile(r"nanochat[-_]d(\d{1,3})", re.IGNORECASE)
"""nanochat's models are made by one dial: https://github.com/karpathy/nanochat, scripts/base_train.py."""

LAB = "hubkit/lab-"
"""How the names of hubkit's own models begin (`hubkit.lab`): they stand for no model that anybody uses."""
LAB_NAME = re.compile(LAB + r"([a-z0-9-]+?)-(\d{1,3})x(\d{1,5})(-[A-Za-z0-9._-]+)?")


@dataclass(frozen=True, slots=True)
class KnownModel:
    """One entry of the table."""

    ids: tuple[str, ...]
    config: Mapping[str, Any]
    parameters: int | None


@cache
def known_models() -> tuple[KnownModel, ...]:
    """The whole table."""
    entries = json.loads(TABLE.read_text(encoding="utf-8"))
    return tuple(
        KnownModel(tuple(one["ids"]), one["config"], one.get("parameters")) for one in entries["models"]
    )


@cache
def _by_id() -> dict[str, KnownModel]:
    return {name.lower(): model for model in known_models() for name in model.ids}


def known_config(hub_id: str) -> Mapping[str, Any] | None:
    """The config.json (the keys that matter) of a model on the Hub, or None for one that is not in the table."""
    found = _by_id().get(hub_id.lower())
    return found.config if found else None


def nanochat_config(name: str) -> Mapping[str, Any] | None:
    """For the name of a nanochat model its config as transformers would write it, or None: depth L, width 64 L, heads of 128, 65,536 tokens.

    None for an odd depth, whose width later versions round up to a multiple of 128.
    """
    match = NANOCHAT.fullmatch(name.strip().rsplit("/", maxsplit=1)[-1])
    depth = int(match.group(1)) if match else 0
    width = 64 * depth
    if not width or width % 128:
        return None
    heads = width // 128
    return {
        "model_type": "nanochat", "num_hidden_layers": depth, "hidden_size": width, "intermediate_size": 4 * width,
        "num_attention_heads": heads, "num_key_value_heads": heads, "vocab_size": 65536, "tie_word_embeddings": False,
    }  # fmt: skip


def lab_config(name: str) -> Mapping[str, Any] | None:
    """For the name of a lab model (`hubkit/lab-llama-6x64`) what it says: type of its text model, depth and width. None for any other name."""
    match = LAB_NAME.fullmatch(name)
    if match is None:
        return None
    sizes = {"num_hidden_layers": int(match[2]), "hidden_size": int(match[3])}
    model_type = match[1].replace("-", "_")
    return {"model_type": WRAPPED.get(model_type, model_type), **sizes}
