"""How a base model was loaded: which numbers its weights are, where they came from, and on what it ran. Part of a pool's manifest and of provenance.json."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from hubkit.release.model import Artefact


class WeightStep(Artefact):
    """One form that the weights had on their way from the file to the model."""

    type: str
    """`Q4_1`, `float32`, `nf4 (double quantization, compute bfloat16)`."""
    bits: float = Field(gt=0)
    """A parameter of the whole model took in this form, scales and what was left unquantized included."""


class LoadedModel(Artefact):
    """Recorded when the model is loaded, from the tensors that it then has."""

    left_out: ClassVar[frozenset[str]] = frozenset({"gguf"})

    steps: list[WeightStep] = Field(min_length=1)
    """In order; the last is what the model computes with."""
    parameters: int = Field(gt=0)
    """Tied matrices once."""
    arguments: dict[str, Any] = Field(default_factory=dict)
    """Of transformers' `from_pretrained`, as JSON: an SAE's `model_from_pretrained_kwargs`."""
    gguf: dict[str, int] = Field(default_factory=dict)
    """Of a GGUF file: type of its tensors to how many numbers have it."""
    repeatable: bool
    """Whether transformers, given the model's id on the Hub and `arguments`, loads these weights. Not where they came from a GGUF file outside it,
    or were rounded to a type of GGUF."""
    device: str
    software: dict[str, str]
    """Package name to version."""
    hardware: str

    @property
    def chain(self) -> str:
        """The steps, `Q4_1 -> float32`."""
        return " -> ".join(step.type for step in self.steps)

    @property
    def effective_bits(self) -> float:
        """Bits a parameter that the weights can carry: those of the narrowest form that they went through."""
        return min(step.bits for step in self.steps)
