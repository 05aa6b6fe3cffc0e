"""Precision as data: how a study writes it, the chain that it stands for, and models that are what the chain says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from pydantic import TypeAdapter, ValidationError

from hubkit.inference.precision import BNB_TYPES, FLOATS, GGUF_TYPES, Precision

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hubkit.inference.load import BaseModel

NF4: dict[str, Any] = {"weights": "nf4", "double_quant": True, "compute": "bfloat16"}
IDS = list(range(7, 27))


@pytest.mark.parametrize("word", [*FLOATS, *BNB_TYPES, *GGUF_TYPES])
def test_a_word_stays_a_word(word: str) -> None:
    """So that studies of float types are, digest and all, what they were before there was anything else."""
    value = Precision.of(word)
    assert value.model_dump(mode="json") == word
    assert Precision.model_validate({"weights": word}) == value
    assert value.compute == (word if word in FLOATS else "float32")


def test_a_mapping_is_written_where_a_word_does_not_say_it() -> None:
    assert Precision.model_validate(NF4).model_dump(mode="json") == NF4
    half = {"weights": "int8", "compute": "float16"}
    assert Precision.model_validate(half).model_dump(mode="json") == half
    adapter = TypeAdapter(Precision)
    assert adapter.validate_json(adapter.dump_json(Precision.model_validate(NF4))) == Precision.model_validate(NF4)  # fmt: skip


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("float64", "weights"),
        ("Q6_K", "weights"),
        ({"weights": "int8", "double_quant": True}, "double_quant with weights int8"),
        ({"weights": "float16", "compute": "bfloat16"}, "weights float16 and compute bfloat16"),
        ({"weights": "nf4", "compute": "int8"}, "compute"),
        ({"bits": 4}, "bits"),
        (4, "Precision"),
    ],
)
def test_what_means_nothing_is_refused(value: object, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Precision.model_validate(value)


@pytest.mark.parametrize(
    ("value", "stored", "gguf", "chain"),
    [
        ("float32", "bfloat16", False, "float32"),
        ("bfloat16", "float32", False, "bfloat16"),
        ("float32", "Q4_1", True, "Q4_1 -> float32"),
        ("float16", "Q4_1", True, "Q4_1 -> float32 -> float16"),
        ("nf4", "Q4_1", True, "Q4_1 -> float32 -> nf4 (compute float32)"),
        (NF4, "Q4_1", True, "Q4_1 -> float32 -> bfloat16 -> nf4 (double quantization, compute bfloat16)"),
        (NF4, "bfloat16", False, "bfloat16 -> nf4 (double quantization, compute bfloat16)"),
        ("int8", "float32", False, "float32 -> int8 (compute float32)"),
        ("Q4_0", "Q4_1", True, "Q4_1 -> float32 -> Q4_0 -> float32"),
        ({"weights": "Q8_0", "compute": "bfloat16"}, "float32", False, "float32 -> Q8_0 -> bfloat16"),
    ],
)
def test_the_chain(value: object, stored: str, gguf: bool, chain: str) -> None:
    assert Precision.model_validate(value).chain(stored, gguf=gguf) == chain


def load(source: Path, precision: object = "float32") -> BaseModel:
    from hubkit.inference.load import load_model

    return load_model(str(source), precision=Precision.model_validate(precision))


def logits(base: BaseModel) -> Any:
    import torch

    with torch.no_grad():
        return base.model(input_ids=torch.tensor([IDS]), use_cache=False).logits[0].float()


def away(one: Any, other: Any) -> float:
    """Relative difference of two logits."""
    return float((one - other).norm() / other.norm())


AWAY = {
    "float32": (0.0, 0.0), "bfloat16": (1e-4, 0.05), "float16": (1e-5, 0.01), "int8": (1e-4, 0.2), "nf4": (0.01, 1.0), "fp4": (0.01, 1.2),
    "Q8_0": (1e-4, 0.1), "Q5_0": (5e-3, 0.5), "Q4_1": (0.01, 0.8), "Q4_0": (0.01, 0.8),
}  # fmt: skip
"""How far the logits of a tiny model may be from those of float32: no precision is a silent float32, and none is broken."""


@pytest.mark.train
@pytest.mark.parametrize("family", ["llama", "gpt2", "gpt_neox", "gemma4"])
@pytest.mark.parametrize("word", AWAY)
def test_every_precision_loads_in_every_kind_of_class(
    random_model: Callable[[str], Path], family: str, word: str
) -> None:
    """GPT-2 keeps its matrices the other way round, and a multimodal class has parts that are never run here."""
    base, plain = load(random_model(family), word), load(random_model(family))
    least, most = AWAY[word]
    assert least <= away(logits(base), logits(plain)) <= most
    record = base.loaded
    assert record is not None
    assert plain.loaded is not None
    assert (
        record.parameters == plain.loaded.parameters == sum(one.numel() for one in plain.model.parameters())
    )
    assert base.precision == Precision.of(word).chain("float32")
    assert record.effective_bits <= 32
    assert (record.effective_bits < 32) == (word != "float32")


@pytest.mark.train
@pytest.mark.parametrize("family", ["llama", "gpt2", "gpt_neox", "gemma4"])
@pytest.mark.parametrize("kind", ["nf4", "fp4"])
def test_four_bits_are_the_dequantised_weights(
    random_model: Callable[[str], Path], family: str, kind: str
) -> None:
    """A float32 model whose linear layers (without the head) are put through bitsandbytes' functions, one by one, gives the same logits."""
    import torch
    from bitsandbytes.functional import dequantize_4bit, quantize_4bit
    from transformers.pytorch_utils import Conv1D

    base, plain = load(random_model(family), kind), load(random_model(family))
    for module in plain.model.modules():
        transposed = isinstance(module, Conv1D)
        if (isinstance(module, torch.nn.Linear) or transposed) and module is not plain.model.lm_head:
            weight = (module.weight.data.T if transposed else module.weight.data).contiguous()
            again = dequantize_4bit(*quantize_4bit(weight, quant_type=kind))
            module.weight.data = again.T.contiguous() if transposed else again
    assert away(logits(base), logits(plain)) < 1e-6


def linear_shares(base: BaseModel) -> tuple[int, int]:
    """Numbers in the blocks' linear layers, and all others."""
    import torch

    blocks = base.model.get_submodule(base.blocks)
    inside = sum(one.weight.numel() for one in blocks.modules() if isinstance(one, torch.nn.Linear))
    return inside, sum(one.numel() for one in base.model.parameters()) - inside


@pytest.mark.train
@pytest.mark.parametrize(
    ("value", "bits"),
    [
        ({"weights": "nf4"}, 4 + 32 / 64),
        ({"weights": "fp4"}, 4 + 32 / 64),
        ({"weights": "int8"}, None),
    ],
)
def test_bits_are_those_of_the_tensors(
    random_model: Callable[[str], Path], value: object, bits: float | None
) -> None:
    """By arithmetic: blocks of 64 share a scale of 32 bits; int8 has one for each row. The tied embedding and the norms stay float32."""
    import torch

    plain, base = load(random_model("llama")), load(random_model("llama"), value)
    inside, outside = linear_shares(plain)
    if bits is None:
        blocks = plain.model.get_submodule(plain.blocks)
        rows = sum(one.weight.shape[0] for one in blocks.modules() if isinstance(one, torch.nn.Linear))
        expected = (8 * inside + 32 * rows + 32 * outside) / (inside + outside)
    else:
        expected = (bits * inside + 32 * outside) / (inside + outside)
    assert base.loaded is not None
    assert base.loaded.effective_bits == pytest.approx(expected, abs=1e-3)


@pytest.mark.train
def test_double_quantization_makes_the_scales_smaller(random_model: Callable[[str], Path]) -> None:
    once = load(random_model("llama"), {"weights": "nf4", "compute": "bfloat16"}).loaded
    twice = load(random_model("llama"), NF4).loaded
    assert once is not None
    assert twice is not None
    assert twice.steps[-1].bits < once.steps[-1].bits
    assert [step.type for step in twice.steps] == [
        "float32",
        "bfloat16",
        "nf4 (double quantization, compute bfloat16)",
    ]


@pytest.mark.train
def test_four_bits_compute_in_the_type_that_is_stated(random_model: Callable[[str], Path]) -> None:
    """The layer's output is that of its dequantised weights in float32; some processors would take scales and products in bfloat16."""
    import torch
    from bitsandbytes.functional import dequantize_4bit

    base = load(random_model("llama"), "nf4")
    layer = base.model.model.layers[0].self_attn.q_proj
    weights = dequantize_4bit(layer.weight.data, layer.weight.quant_state)
    rows = torch.randn(5, 32, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        torch.testing.assert_close(layer(rows), rows @ weights.T, rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(
            layer(rows), rows @ weights.T, rtol=1e-5, atol=1e-6
        )  # and so at its second use


@pytest.mark.train
@pytest.mark.parametrize("kind", GGUF_TYPES)
def test_weights_are_rounded_to_the_blocks_of_gguf(random_model: Callable[[str], Path], kind: str) -> None:
    """A block of 32 of the rounded weights is at most 16 (Q4), 32 (Q5) or 256 (Q8) multiples of one scale from one offset; rounding stops there."""
    import numpy as np
    from gguf import GGMLQuantizationType
    from gguf.quants import dequantize, quantize

    plain, base = load(random_model("llama")), load(random_model("llama"), kind)
    before, after = (dict(one.model.named_parameters()) for one in (plain, base))
    form = GGMLQuantizationType[kind]
    for name, weight in after.items():
        if weight.ndim == 2 and weight.shape[1] % 32 == 0:
            levels = [len(np.unique(block)) for block in weight.detach().numpy().reshape(-1, 32)]
            assert max(levels) <= {"Q4_0": 16, "Q4_1": 16, "Q5_0": 32, "Q8_0": 32}[kind]
            again = dequantize(quantize(before[name].detach().numpy(), form), form)
            assert np.array_equal(weight.detach().numpy(), again)
        else:  # norms, and the MLP's second matrix, whose rows of 48 are no whole number of blocks
            assert np.array_equal(weight.detach().numpy(), before[name].detach().numpy())


@pytest.mark.train
def test_a_gguf_file_is_float32_of_its_numbers(
    tiny_gguf: Callable[[str], Path], random_model: Callable[[str], Path], tmp_path: Path
) -> None:
    """Read by us, read and saved as safetensors, or rounded by us to the same type: one model."""
    import torch

    from hubkit.inference.quantize import plain_copy

    read = load(tiny_gguf("Q8_0"))
    assert read.precision == "Q8_0 -> float32"
    assert read.loaded is not None
    assert set(read.loaded.gguf) == {"Q8_0", "F32"}
    plain_copy(read.model).save_pretrained(tmp_path)
    read.tokenizer.save_pretrained(tmp_path)
    saved, rounded = load(tmp_path), load(random_model("llama"), "Q8_0")
    assert saved.precision == "float32"
    assert torch.equal(logits(read), logits(saved))
    torch.testing.assert_close(logits(read), logits(rounded), rtol=0, atol=1e-5)
    assert rounded.loaded is not None
    assert read.loaded.effective_bits == pytest.approx(rounded.loaded.effective_bits, abs=1e-3)


@pytest.mark.train
@pytest.mark.parametrize("value", [NF4, "fp4", "int8", "Q4_0", "bfloat16"])
def test_a_gguf_file_at_another_precision_is_its_float32_at_that_precision(
    tiny_gguf: Callable[[str], Path], tmp_path: Path, value: object
) -> None:
    import torch

    from hubkit.inference.quantize import plain_copy

    read = load(tiny_gguf("Q4_1"))
    plain_copy(read.model).save_pretrained(tmp_path)
    read.tokenizer.save_pretrained(tmp_path)
    direct, saved = load(tiny_gguf("Q4_1"), value), load(tmp_path, value)
    assert torch.equal(logits(direct), logits(saved))
    assert direct.loaded is not None
    assert direct.loaded.steps[0].type == "Q4_1"
    assert direct.precision.startswith("Q4_1 -> float32 -> ")


@pytest.mark.train
def test_a_record_says_what_a_reader_needs(random_model: Callable[[str], Path]) -> None:
    from hubkit.release.loaded import LoadedModel

    record = load(random_model("llama"), NF4).loaded
    assert record is not None
    assert record.arguments == {
        "dtype": "bfloat16",
        "quantization_config": {
            "quant_method": "bitsandbytes", "load_in_4bit": True, "bnb_4bit_quant_type": "nf4", "bnb_4bit_use_double_quant": True,
            "bnb_4bit_compute_dtype": "bfloat16",
        },
    }  # fmt: skip
    assert {"python", "torch", "transformers", "bitsandbytes"} <= record.software.keys()
    assert "CPU cores" in record.hardware
    assert LoadedModel.model_validate_json(record.model_dump_json()) == record


@pytest.mark.train
def test_the_recorded_arguments_load_the_same_model(random_model: Callable[[str], Path]) -> None:
    """What stands in cfg.json as `model_from_pretrained_kwargs`, given to transformers as SAELens gives it."""
    import json

    import torch
    import transformers

    folder = random_model("llama")
    for value in (NF4, "int8", "bfloat16"):
        base = load(folder, value)
        assert base.loaded is not None
        arguments = json.loads(json.dumps(base.loaded.arguments))
        again = transformers.AutoModelForCausalLM.from_pretrained(folder, **arguments).eval()
        for one, other in zip(base.model.parameters(), again.parameters(), strict=True):
            assert torch.equal(one, other)


@pytest.mark.train
def test_a_file_rounded_to_its_own_type_has_two_steps_of_it(tiny_gguf: Callable[[str], Path]) -> None:
    """And neither is what transformers would load by the model's name."""
    record = load(tiny_gguf("Q4_1"), "Q4_1").loaded
    assert record is not None
    assert [step.type for step in record.steps] == ["Q4_1", "float32", "Q4_1", "float32"]
    assert record.steps[0].bits == pytest.approx(record.steps[2].bits, abs=1e-3)
    assert not record.repeatable
