"""Weights in fewer bits: by bitsandbytes through transformers, or rounded to a block type of GGUF; and how many bits they then take. Needs torch."""

from __future__ import annotations

import copy
import gc
import logging
import tempfile
import warnings
from typing import TYPE_CHECKING, Any

import torch
import transformers

from hubkit.inference.extras import needed
from hubkit.third_party import without_kernels

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hubkit.inference.precision import Precision


def load_quantized(source: str, precision: Precision, device: str, **arguments: Any) -> Any:
    """A model whose linear layers bitsandbytes holds, from a folder or id of safetensors weights. `arguments` go to `from_pretrained`."""
    _import_bitsandbytes()
    config = dict(precision.quantization_config() or {})
    config.pop("quant_method")
    model = transformers.AutoModelForCausalLM.from_pretrained(
        source,
        quantization_config=transformers.BitsAndBytesConfig(**config),
        dtype=getattr(torch, precision.compute),
        device_map={"": device},
        use_safetensors=True,
        **arguments,
    )
    for module in model.modules():
        # On a processor with AVX512-BF16 bitsandbytes would repack the weights at their first use, with scales and products in bfloat16 whatever the
        # compute type says: other numbers than elsewhere, under the same name.
        if hasattr(module, "support_avx512bf16_for_cpu"):
            module.support_avx512bf16_for_cpu = False
    return model


def quantized_copy(model: Any, precision: Precision, device: str) -> Any:
    """The same of a model in memory that transformers cannot save (read from GGUF): by way of a temporary folder.

    `model` is emptied, so that no two copies are in memory. The folder takes as many bytes as its weights.
    """
    with tempfile.TemporaryDirectory(prefix="hubkit-model-", ignore_cleanup_errors=True) as folder:
        plain_copy(model).save_pretrained(folder)
        model.to_empty(device="meta")
        gc.collect()
        return load_quantized(folder, precision, device)


def plain_copy(model: Any) -> Any:
    """A model of the same class with the same weight tensors (not copied), and nothing that tells where they were read from."""
    config = copy.deepcopy(model.config)
    if hasattr(config, "quantization_config"):
        del config.quantization_config
    with torch.device("meta"):
        fresh = type(model)(config)
    fresh.load_state_dict(model.state_dict(), assign=True)
    fresh.tie_weights()
    return fresh


def rounded_to_gguf(model: Any, kind: str) -> float:
    """Round every matrix to blocks of a GGUF type, in place and one after the other; bits a parameter of the model in that form.

    Matrices are those of linear layers, the embedding and the head, as llama.cpp has it for a file of one type; a matrix whose rows are no whole number of
    blocks, norms, biases and positions stay float32.
    """
    needed("gguf", f"rounding weights to {kind}")
    from gguf import GGML_QUANT_SIZES, GGMLQuantizationType
    from gguf.quants import dequantize, quantize

    form = GGMLQuantizationType[kind]
    block, size = GGML_QUANT_SIZES[form]
    inside = 0
    rounded: set[int] = set()
    for weight, transposed in _matrices(model):
        if id(weight) in rounded:
            continue
        rows = weight.data.transpose(-1, -2) if transposed else weight.data
        if rows.shape[-1] % block:
            continue
        packed = quantize(rows.contiguous().float().cpu().numpy(), form)
        again = torch.from_numpy(dequantize(packed, form)).to(weight.dtype)
        weight.data.copy_(again.transpose(-1, -2) if transposed else again)
        rounded.add(id(weight))
        inside += weight.numel() // block * size
    left = sum(one.numel() * 4 for one in model.parameters() if id(one) not in rounded)
    return float(8 * (inside + left) / count_parameters(model))


def _matrices(model: Any) -> Iterator[tuple[Any, bool]]:
    """Each weight that is quantized, and whether it is stored input first (GPT-2's Conv1D). A tied one comes twice."""
    vocabulary = model.get_input_embeddings().num_embeddings
    for module in model.modules():
        if isinstance(module, transformers.pytorch_utils.Conv1D):
            yield module.weight, True
        elif isinstance(module, torch.nn.Linear) or (
            isinstance(module, torch.nn.Embedding) and module.num_embeddings == vocabulary
        ):
            yield module.weight, False
        for one in module.parameters(recurse=False):
            if one.ndim == 3:  # experts, one matrix behind the other
                yield one, False


def bits_held(model: Any) -> float:
    """Bits a parameter of the tensors in memory: packed weights, the scales that bitsandbytes keeps beside them, and everything else."""
    size = sum(sum(tensor.nbytes for tensor in _held(one)) for one in model.parameters())
    return 8 * size / count_parameters(model)


def count_parameters(model: Any) -> int:
    """Numbers that the weights stand for, tied matrices once; two in each packed byte."""
    return sum(_numbers(one) for one in model.parameters())


def _numbers(parameter: Any) -> int:
    state = getattr(parameter, "quant_state", None)
    return int(torch.Size(state.shape).numel()) if state is not None else int(parameter.numel())


def _held(parameter: Any) -> Iterator[torch.Tensor]:
    yield parameter.data
    scales = getattr(parameter, "SCB", None)
    if scales is not None:
        yield scales
    state = getattr(parameter, "quant_state", None)
    while state is not None:
        # the code book is the same in every layer, one for the whole model
        yield from (one for one in (state.absmax, getattr(state, "offset", None)) if one is not None)
        state = getattr(state, "state2", None)


def _import_bitsandbytes() -> None:
    """So that its import's warnings, and those about its own casts, are not the user's, and that it brings no code from the Hub."""
    needed("bitsandbytes", "8-bit and 4-bit weights: bitsandbytes")
    with warnings.catch_warnings(), without_kernels():
        warnings.simplefilter("ignore")
        logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
        import bitsandbytes  # noqa: F401
