"""Quantization of the base model: what was asked for, and how many bits a weight then takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hubkit.cards.facts import Facts, SaeFact
from hubkit.cards.trained import metadata_of, pointer_of
from hubkit.release.layout import CFG, PROVENANCE

BLOCK, SECOND_BLOCK = 64, 256
"""Weights that share an absmax, and absmaxes that share a second one: bitsandbytes' own defaults for 4 bits."""
ASKED = "model_from_pretrained_kwargs"
SHORT = ("load_in_4bit", "load_in_8bit")
"""Arguments of from_pretrained that ask for bitsandbytes with its defaults."""


@dataclass(frozen=True)
class Quantization:
    """The base model's quantization, and where it is written."""

    config: Mapping[str, Any]
    file: str
    pointer: str

    @property
    def bits(self) -> int | None:
        """Of a stored weight."""
        return 4 if self.config.get("load_in_4bit") else 8 if self.config.get("load_in_8bit") else None

    @property
    def bits_per_weight(self) -> float | None:
        """With the scales, of a layer that is quantized: 4 + 32/64, or 4 + 8/64 + 32/(64 x 256) with double quantization (Dettmers et al. 2023, QLoRA).

        None for 8 bits: LLM.int8's scales are per row, and its outliers stay in 16 bits.
        """
        if self.bits != 4:
            return None
        if self.config.get("bnb_4bit_use_double_quant"):
            return 4 + 8 / BLOCK + 32 / (BLOCK * SECOND_BLOCK)
        return 4 + 32 / BLOCK

    @property
    def words(self) -> str:
        """`4-bit nf4 with double quantization, float16 compute`."""
        parts = [f"{self.bits}-bit" if self.bits else str(self.config.get("quant_method", "quantized"))]
        if self.bits == 4:
            parts.append(str(self.config.get("bnb_4bit_quant_type", "fp4")))
        double = " with double quantization" if self.config.get("bnb_4bit_use_double_quant") else ""
        compute = self.config.get("bnb_4bit_compute_dtype")
        return " ".join(parts) + double + (f", {compute} compute" if compute else "")

    @property
    def arguments(self) -> list[tuple[str, str]]:
        """The keyword arguments of transformers' BitsAndBytesConfig, as Python."""
        return [
            (key, f'"{value}"' if isinstance(value, str) else repr(value))
            for key, value in sorted(self.config.items())
            if key.startswith(("load_in_", "bnb_"))
        ]


def quantized_count(facts: Facts) -> int:
    """SAEs whose base model was quantized as `quantization_of` says: those whose configuration says so, or all where provenance.json does."""
    if facts.provenance and facts.provenance.quantization:
        return len(facts.saes)
    every = [own.config for sae in facts.saes if (own := own_quantization(sae)) is not None]
    return sum(config == every[0] for config in every)


def own_quantization(sae: SaeFact) -> Quantization | None:
    """What an SAE's `model_from_pretrained_kwargs` asked for: a `quantization_config`, or transformers' short form of one, `load_in_4bit` and its like."""
    kwargs = metadata_of(sae).get(ASKED)
    if not isinstance(kwargs, Mapping):
        return None
    file = CFG if sae.sae_id == "." else f"{sae.sae_id}/{CFG}"
    config = kwargs.get("quantization_config")
    if isinstance(config, Mapping):
        return Quantization(config, file, f"{pointer_of(sae, ASKED)}/quantization_config")
    short = next((key for key in SHORT if kwargs.get(key) is True), None)
    if short is None:
        return None
    given = {key: value for key, value in kwargs.items() if key == short or key.startswith("bnb_")}
    return Quantization(given, file, f"{pointer_of(sae, ASKED)}/{short}")


def quantization_of(facts: Facts, *those: SaeFact) -> Quantization | None:
    """From the configuration of `those` SAEs, of all where none are given, else from provenance.json; None where neither records any."""
    for sae in those or facts.saes:
        if (own := own_quantization(sae)) is not None:
            return own
    recorded = facts.provenance.quantization if facts.provenance else None
    return Quantization(recorded, PROVENANCE, "/quantization") if recorded else None
