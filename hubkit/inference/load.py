"""A base model in memory: any causal language model of transformers, its blocks found by shape. Needs torch."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
import transformers
from transformers.utils import logging as transformers_logging

from hubkit.errors import IncompleteError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hubkit.inference.precision import Precision


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
        """The module path of block `layer`. Raises UsageError when the model has no such block."""
        if not 0 <= layer < self.n_layers:
            raise UsageError(
                f"layer {layer} was asked of {self.class_name}, which has {self.n_layers} blocks",
                hint=f"choose layers from 0 to {self.n_layers - 1}",
            )
        return f"{self.blocks}.{layer}"


def load_model(
    source: str, *, revision: str | None = None, precision: Precision = "float32", device: str = "cpu"
) -> BaseModel:
    """Open a folder or a Hub id with transformers; code of a repository is never run.

    A `revision` is used for ids only: a folder has none. Raises IncompleteError when it cannot be opened, UsageError when its
    blocks cannot be told.
    """
    commit = None if Path(source).is_dir() else revision
    try:
        with quiet_transformers():
            tokenizer = transformers.AutoTokenizer.from_pretrained(source, revision=commit)
            model = transformers.AutoModelForCausalLM.from_pretrained(
                source, revision=commit, dtype=getattr(torch, precision), use_safetensors=True
            )
    except (OSError, ValueError) as error:
        raise IncompleteError(
            f"{source}: transformers cannot open it as a causal language model: {error}",
            hint="give a folder with config.json, safetensors weights and a tokenizer, or the id of such a repository",
        ) from error
    return wrap_model(model.to(device), tokenizer)


def wrap_model(model: Any, tokenizer: Any) -> BaseModel:
    """Find the blocks of a model that is in memory. Raises UsageError when they cannot be told."""
    config = model.config.get_text_config()
    blocks = block_path(model, config.num_hidden_layers)
    return BaseModel(model.eval(), tokenizer, blocks, int(config.num_hidden_layers), int(config.hidden_size))


def block_path(model: Any, n_layers: int) -> str:
    """The path of the `ModuleList` that holds the blocks: of those with `n_layers` members, the outermost.

    The outermost, because the experts of a block can be as many as the blocks. Raises UsageError when none fits, or two fit alike.
    """
    lists = [
        path
        for path, module in model.named_modules()
        if isinstance(module, torch.nn.ModuleList) and len(module) == n_layers
    ]
    outermost = min((path.count(".") for path in lists), default=0)
    fitting = [path for path in lists if path.count(".") == outermost]
    if len(fitting) != 1:
        raise UsageError(
            f"{type(model).__name__}: {len(fitting)} module lists of {n_layers} members ({', '.join(fitting) or 'none'}), "
            "expected one list of blocks",
            hint="collect its activations with another tool and describe the SAEs with `hubkit build-cards`",
        )
    return str(fitting[0])


@contextmanager
def quiet_transformers() -> Iterator[None]:
    """No progress bars and no advice from transformers inside the block: progress is reported by events."""
    bars, level = transformers_logging.is_progress_bar_enabled(), transformers_logging.get_verbosity()
    transformers_logging.disable_progress_bar()
    transformers_logging.set_verbosity(logging.ERROR)
    try:
        yield
    finally:
        transformers_logging.set_verbosity(level)
        if bars:
            transformers_logging.enable_progress_bar()
