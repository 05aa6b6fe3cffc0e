"""In what numbers a base model runs, as a study file says it and as artefacts tell it. Torch-free, so that a plan can name it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, model_serializer, model_validator

if TYPE_CHECKING:
    from pydantic import GetJsonSchemaHandler
    from pydantic_core import CoreSchema

Floats = Literal["float32", "bfloat16", "float16"]
FourBit = Literal["nf4", "fp4"]
BnbType = Literal["int8", "nf4", "fp4"]
GgufType = Literal["Q4_0", "Q4_1", "Q5_0", "Q8_0"]
PACKAGES = ("torch", "transformers", "safetensors", "bitsandbytes", "gguf")
"""That a loaded model's numbers depend on."""
FLOATS, FOUR_BIT, BNB_TYPES, GGUF_TYPES = map(get_args, (Floats, FourBit, BnbType, GgufType))


class Precision(BaseModel):
    """What the weights are rounded to, and what is computed with.

    A study file writes a word (`precision: bfloat16`, `precision: nf4`) or a mapping (`{weights: nf4, double_quant: true, compute: bfloat16}`);
    it is written back as a word where a word says it all.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    weights: Floats | BnbType | GgufType = "float32"
    """Of the linear layers: a float type; `int8`, `nf4` or `fp4` of bitsandbytes; or a block type of GGUF, to which every matrix is rounded."""
    double_quant: bool = False
    """Whether the scales of `nf4` and `fp4` are quantized too (QLoRA, arXiv:2305.14314, section 3)."""
    compute: Floats = "float32"
    """The type of the residual stream, of everything that is not quantized, and of the products. Of a float type of the weights: the same."""

    @model_validator(mode="before")
    @classmethod
    def _word_or_mapping(cls, value: Any) -> Any:
        if isinstance(value, str):
            value = {"weights": value}
        if isinstance(value, dict) and value.get("weights") in FLOATS:
            return {"compute": value["weights"], **value}
        return value

    @model_validator(mode="after")
    def _means_something(self) -> Self:
        if self.double_quant and self.weights not in FOUR_BIT:
            raise ValueError(
                f"double_quant with weights {self.weights}, expected it with {' or '.join(FOUR_BIT)} only"
            )
        if self.weights in FLOATS and self.compute != self.weights:
            raise ValueError(
                f"weights {self.weights} and compute {self.compute}, expected the same where nothing is quantized"
            )
        return self

    @model_serializer
    def _written(self) -> str | dict[str, Any]:
        plain = not self.double_quant and self.compute == (
            self.weights if self.weights in FLOATS else "float32"
        )
        if plain:
            return self.weights
        double = {"double_quant": True} if self.double_quant else {}
        return {"weights": self.weights, **double, "compute": self.compute}

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """A word of `weights`, or the mapping."""
        mapping = handler(schema)
        mapping = handler.resolve_ref_schema(mapping)
        return {"anyOf": [dict(mapping["properties"]["weights"]) | {"title": "Word"}, mapping]}

    @classmethod
    def of(cls, value: Precision | str) -> Precision:
        """The value that a word stands for. Raises pydantic's ValidationError for a word that there is not."""
        return value if isinstance(value, Precision) else cls.model_validate(value)

    @property
    def is_bnb(self) -> bool:
        """Whether bitsandbytes holds the weights."""
        return self.weights in BNB_TYPES

    @property
    def gguf_type(self) -> str | None:
        """The block type of GGUF that matrices are rounded to."""
        return self.weights if self.weights in GGUF_TYPES else None

    def steps(self, stored: str, *, gguf: bool = False) -> tuple[str, ...]:
        """What the numbers of the weights went through, in order, from the type in which they were `stored`.

        A GGUF file is read as float32. bitsandbytes rounds what was cast to the compute type, not what was stored.
        """
        read = (stored, "float32") if gguf else (stored,)
        if self.gguf_type is not None:
            path: tuple[str, ...] = (*read, "float32", self.gguf_type, self.compute)
        elif self.is_bnb:
            path = (*read, self.compute, str(self))
        else:
            path = (*read, self.compute)
        return tuple(step for before, step in zip((None, *path), path, strict=False) if step != before)

    def chain(self, stored: str, *, gguf: bool = False) -> str:
        """The steps as one text, `Q4_1 -> float32 -> nf4 (compute float32)`. Floats of a checkpoint of floats are told by the last alone."""
        steps = self.steps(stored, gguf=gguf)
        return steps[-1] if not gguf and self.weights in FLOATS else " -> ".join(steps)

    def __str__(self) -> str:
        """`nf4 (double quantization, compute bfloat16)`, `Q4_0 (compute float32)`, `bfloat16`."""
        if self.weights in FLOATS:
            return self.weights
        return (
            f"{self.weights} ({'double quantization, ' if self.double_quant else ''}compute {self.compute})"
        )

    def quantization_config(self) -> dict[str, Any] | None:
        """The keys of transformers' BitsAndBytesConfig that say it, as JSON has them; None where bitsandbytes has no part in it."""
        if not self.is_bnb:
            return None
        config: dict[str, Any] = {"quant_method": "bitsandbytes"}
        if self.weights == "int8":
            return config | {"load_in_8bit": True}
        return config | {
            "load_in_4bit": True,
            "bnb_4bit_quant_type": self.weights,
            "bnb_4bit_use_double_quant": self.double_quant,
            "bnb_4bit_compute_dtype": self.compute,
        }

    def arguments(self) -> dict[str, Any]:
        """What `from_pretrained` of transformers takes for it, as JSON: `model_from_pretrained_kwargs` of an SAE's cfg.json."""
        quantization = self.quantization_config()
        return {"dtype": self.compute} | ({"quantization_config": quantization} if quantization else {})
