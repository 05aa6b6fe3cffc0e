"""A base model in memory: any causal language model of transformers, at a stated precision. Needs torch."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
import transformers
from huggingface_hub.errors import GatedRepoError
from transformers import modeling_gguf_pytorch_utils as gguf_reading
from transformers.utils import logging as transformers_logging

from hubkit.engine.machine import check_device, machine, software
from hubkit.errors import IncompleteError, UsageError
from hubkit.inference.extras import needed
from hubkit.inference.gguf_file import GgufTensors, read_tensors
from hubkit.inference.precision import PACKAGES, Precision
from hubkit.inference.quantize import (
    bits_held,
    count_parameters,
    load_quantized,
    quantized_copy,
    rounded_to_gguf,
)
from hubkit.inference.source import ModelSource, downloaded, find_model
from hubkit.inference.structure import Place, block_path, entry, in_block
from hubkit.release.loaded import LoadedModel, WeightStep

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hubkit.inference.site import Site

BITS = {"float64": 64.0, "float32": 32.0, "float16": 16.0, "bfloat16": 16.0}


@dataclass(frozen=True)
class BaseModel:
    """A loaded model with its tokenizer."""

    model: Any
    """A transformers `PreTrainedModel` for causal language modelling, in eval mode."""
    tokenizer: Any
    blocks: str
    """Module path of the list of blocks: `model.layers`, `transformer.h`, `gpt_neox.layers`."""
    n_layers: int
    d_in: int
    precision: str = "float32"
    """The numbers that the weights are, `Q4_1 -> float32 -> nf4 (compute float32)`."""
    loaded: LoadedModel | None = None
    """The record of it; None of a model that was in memory already."""

    @property
    def class_name(self) -> str:
        """`LlamaForCausalLM` and the like."""
        return type(self.model).__name__

    @property
    def end_ids(self) -> frozenset[int]:
        """The tokens that end a completion, of the generation config and the tokenizer."""
        ends = {self.tokenizer.eos_token_id}
        configured = getattr(self.model.generation_config, "eos_token_id", None)
        ends.update(configured if isinstance(configured, list) else [configured])
        return frozenset(end for end in ends if end is not None)

    def hf_hook_name(self, layer: int) -> str:
        """The module path of block `layer`, whose output is its `resid_post`: of the last block too, before the final norm.

        Raises UsageError when the model has no such block.
        """
        if not 0 <= layer < self.n_layers:
            raise UsageError(
                f"layer {layer} was asked of {self.class_name}, which has {self.n_layers} blocks",
                hint=f"choose layers from 0 to {self.n_layers - 1}",
            )
        return f"{self.blocks}.{layer}"

    def place(self, layer: int, site: Site = "resid_post") -> Place:
        """Where `site` of block `layer` is, by both names. Raises UsageError where the model has no such block or the block no such site."""
        block = self.hf_hook_name(layer)
        if site == "resid_pre":
            return Place(
                layer, site, self.hf_hook_name(layer - 1) if layer else entry(self.model, self.blocks)
            )
        if site == "resid_post":
            return Place(layer, site, block)
        return Place(layer, site, in_block(self.model, block, site))


def load_model(
    source: str,
    *,
    revision: str | None = None,
    precision: Precision | str = "float32",
    device: str = "cpu",
    gguf_file: str | None = None,
) -> BaseModel:
    """Open a model as a user names it (`source.py`) with transformers; code of a repository is never run.

    A `revision` is used for ids only: a folder has none. Raises IncompleteError when it cannot be opened, UsageError when its blocks cannot be
    told, the device is not there, or a package is missing that the precision needs.
    """
    wanted, found = Precision.of(precision), find_model(source, gguf_file)
    check_device(device)
    if wanted.is_bnb:
        needed("bitsandbytes", f"precision {wanted.weights}")
    if wanted.gguf_type or found.gguf_file:
        needed("gguf", f"{source}: GGUF")
    try:
        with quiet_transformers():
            tokenizer, model, record = _open(found, revision, wanted, device)
    except (OSError, ValueError, ImportError) as error:
        raise _refused(source, error) from error
    base = wrap_model(model, tokenizer)
    stored, gguf = record.steps[0].type, bool(record.gguf)
    return BaseModel(
        base.model, tokenizer, base.blocks, base.n_layers, base.d_in, wanted.chain(stored, gguf=gguf), record
    )


def _open(
    source: ModelSource, revision: str | None, wanted: Precision, device: str
) -> tuple[Any, Any, LoadedModel]:
    """Tokenizer, model on its device, and what it is made of."""
    found = downloaded(source, revision)
    own: dict[str, Any] = {} if found.folder is not None else {"revision": revision}
    if found.gguf_file:
        own["gguf_file"] = found.gguf_file
    gguf = read_tensors(found.gguf_path) if found.gguf_path else None
    tokenizer = transformers.AutoTokenizer.from_pretrained(found.where, **own)
    stored = gguf.main_type if gguf else _stored_type(found, own)
    rounded = None
    if wanted.is_bnb:
        model = (
            quantized_copy(_read(found, "float32", own), wanted, device)
            if gguf
            else load_quantized(found.where, wanted, device, **own)
        )
    elif wanted.gguf_type:
        model = _read(found, "float32", own)
        rounded = rounded_to_gguf(model, wanted.gguf_type)
        model.to(device, getattr(torch, wanted.compute))
    else:
        model = _read(found, wanted.compute, own).to(device)
    named = (
        bool(source.hub_id and source.gguf_file) and not wanted.is_bnb
    )  # transformers takes one or the other
    record = LoadedModel(
        steps=_steps(wanted, stored, gguf, rounded, bits_held(model)),
        parameters=count_parameters(model),
        arguments=wanted.arguments() | ({"gguf_file": source.gguf_file} if named else {}),
        gguf=gguf.parameters if gguf else {},
        repeatable=wanted.gguf_type is None and (gguf is None or named),
        device=device,
        software=software(PACKAGES),
        hardware=machine(),
    )
    return tokenizer, model, record


def _steps(
    wanted: Precision, stored: str, gguf: GgufTensors | None, rounded: float | None, held: float
) -> list[WeightStep]:
    names = wanted.steps(stored, gguf=gguf is not None)
    bits = [BITS.get(name, held) for name in names]
    bits[0] = gguf.bits if gguf else bits[0]
    bits[-1] = held
    if rounded is not None:
        bits[-2] = rounded  # what is computed with comes after it
    return [WeightStep(type=name, bits=round(size, 4)) for name, size in zip(names, bits, strict=True)]


def _read(found: ModelSource, dtype: str, own: dict[str, Any]) -> Any:
    safe = {} if found.gguf_file else {"use_safetensors": True}
    return transformers.AutoModelForCausalLM.from_pretrained(
        found.where, dtype=getattr(torch, dtype), **safe, **own
    )


def _stored_type(found: ModelSource, own: dict[str, Any]) -> str:
    """The type in which a checkpoint keeps its weights, as config.json says it.

    Raises UsageError for one that is quantized already: it would stay so, whatever precision is asked for.
    """
    config = transformers.AutoConfig.from_pretrained(found.where, **own)
    stated = getattr(config, "quantization_config", None)
    if stated is not None:
        kind = stated.get("quant_method", "") if isinstance(stated, dict) else stated
        raise UsageError(
            f"{found.name}: its weights are stored quantized ({str(kind)[:80]}), expected floats or a GGUF file",
            hint="name the model that it was made from, and the quantization as the precision (precision: nf4)",
        )
    return str(config.dtype or "float32").removeprefix("torch.")


def _refused(source: str, error: Exception) -> IncompleteError:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, GatedRepoError):
            return IncompleteError(
                f"{source}: a gated model, and this machine's account has no access to it",
                hint=f"accept its conditions on https://huggingface.co/{source}, then hf auth login",
            )
        cause = cause.__cause__ or cause.__context__
    return IncompleteError(
        f"{source}: transformers cannot open it as a causal language model: {error}",
        hint="give a folder with config.json, safetensors weights and a tokenizer, the id of such a repository, or a .gguf file",
    )


def wrap_model(model: Any, tokenizer: Any) -> BaseModel:
    """Find the blocks of a model that is in memory. Raises UsageError when they cannot be told."""
    config = model.config.get_text_config()
    blocks = block_path(model, config.num_hidden_layers)
    return BaseModel(model.eval(), tokenizer, blocks, int(config.num_hidden_layers), int(config.hidden_size))


@contextmanager
def quiet_transformers() -> Iterator[None]:
    """No progress bars and no advice from transformers inside the block: progress is reported by events."""
    bars, level = transformers_logging.is_progress_bar_enabled(), transformers_logging.get_verbosity()
    transformers_logging.disable_progress_bar()
    transformers_logging.set_verbosity(logging.ERROR)
    gguf_bar = gguf_reading.tqdm  # a bar of its own, which transformers' switch does not reach
    gguf_reading.tqdm = partial(gguf_bar, disable=True)
    try:
        yield
    finally:
        gguf_reading.tqdm = gguf_bar
        transformers_logging.set_verbosity(level)
        if bars:
            transformers_logging.enable_progress_bar()
