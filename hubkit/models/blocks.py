"""What a block of a base model is made of: its norm, its positions, and whether attention and MLP stand in parallel.

By the class of transformers that `model_type` names, and the keys of config.json that change it. `tests/models/test_blocks.py` builds a small model of each.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from hubkit.models.config import text_config

Norm = Literal["RMSNorm", "LayerNorm", "RMSNorm without weights", "LayerNorm without weights"]
Positions = Literal["rotary", "learned", "ALiBi"]


@dataclass(frozen=True)
class BlockForm:
    """How the blocks of a model are built."""

    norm: Norm
    positions: Positions | None
    """None for a model without attention."""
    parallel: bool | None = False
    """Attention and MLP read the same input; None where there are no two of them."""

    @property
    def words(self) -> str:
        """`RMSNorm, rotary positions, attention before MLP`."""
        order = {None: "", True: "attention and MLP in parallel", False: "attention before MLP"}[
            self.parallel
        ]
        positions = f"{self.positions} positions" if self.positions else ""
        return ", ".join(filter(None, (self.norm, positions, order)))


RMS_ROTARY = BlockForm("RMSNorm", "rotary")
BY_TYPE: Mapping[str, BlockForm] = {
    **dict.fromkeys(
        (
            "llama", "mistral", "qwen2", "qwen3", "gemma", "gemma2", "gemma3_text", "phi3", "olmo2", "olmo3", "granite", "smollm3", "mixtral",
            "qwen2_moe", "qwen3_moe", "olmoe",
        ),
        RMS_ROTARY,
    ),
    "gemma3n_text": RMS_ROTARY,
    "gemma4_text": RMS_ROTARY,
    "olmo": BlockForm("LayerNorm without weights", "rotary"),
    "nanochat": BlockForm("RMSNorm without weights", "rotary"),
    "gpt2": BlockForm("LayerNorm", "learned"),
    "gpt_neo": BlockForm("LayerNorm", "learned"),
    "opt": BlockForm("LayerNorm", "learned"),
    "gptj": BlockForm("LayerNorm", "rotary", parallel=True),
    "gpt_neox": BlockForm("LayerNorm", "rotary", parallel=True),
    "phi": BlockForm("LayerNorm", "rotary", parallel=True),
    "bloom": BlockForm("LayerNorm", "ALiBi"),
    "mamba": BlockForm("RMSNorm", None, parallel=None),
}  # fmt: skip
"""`model_type` to the form of its blocks."""


def block_form(config: Mapping[str, Any]) -> BlockForm | None:
    """The form that a config.json states; None for a type that is not known here."""
    text = text_config(config)
    kind = text.get("model_type")
    found = BY_TYPE.get(kind) if isinstance(kind, str) else None
    if kind == "gpt_neox" and text.get("use_parallel_residual") is False:
        return BlockForm("LayerNorm", "rotary")
    return found
