"""Where a loaded model keeps what is read from it: its blocks, and inside a block attention and MLP. Found by shape, for any class. Needs torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import torch

from hubkit.errors import UsageError
from hubkit.models.architecture import BY_TYPE

if TYPE_CHECKING:
    from hubkit.inference.site import Site

ATTENTIONS = frozenset(one.attn for one in BY_TYPE.values() if one.attn)
MLPS = frozenset(one.mlp for one in BY_TYPE.values() if one.mlp)
AFTER_ATTENTION, AFTER_MLP = "post_attention_layernorm", "post_feedforward_layernorm"
"""Norms of what attention and MLP give, before it is added to the residual stream (Gemma 2 and later, OLMo 2). Elsewhere the first is the name of the norm
before the MLP: only together with the second is it one of these."""


@dataclass(frozen=True)
class Place:
    """One place in a model, by both of its names."""

    layer: int
    site: Site
    hf_hook_name: str
    """The module path whose output it is."""

    @property
    def hook_name(self) -> str:
        """TransformerLens's name, `blocks.3.hook_resid_post`."""
        return f"blocks.{self.layer}.hook_{self.site}"


def decoder_of(model: Any) -> tuple[str, Any]:
    """Path and module of the part that turns tokens into the last residual stream: inside a multimodal model the language model's."""
    decoder = model.get_decoder() if hasattr(model, "get_decoder") else model
    path = next((path for path, module in model.named_modules() if module is decoder), "")
    return path, decoder


def block_path(model: Any, n_layers: int) -> str:
    """The path of the `ModuleList` that holds the blocks: of those with `n_layers` members in the decoder, the outermost.

    The outermost, because the experts of a block can be as many as the blocks; in the decoder, because a vision tower can be as deep.
    Raises UsageError when none fits, or two fit alike.
    """
    under, decoder = decoder_of(model)
    lists = [
        joined(under, path)
        for path, module in decoder.named_modules()
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
    return fitting[0]


def in_block(model: Any, block: str, site: Literal["mlp_out", "attn_out"]) -> str:
    """The path of the module of `block` that gives what its attention or MLP adds to the residual stream.

    Raises UsageError that lists what is in the block when there is none, or more than one could be meant.
    """
    parts = dict(model.get_submodule(block).named_children())
    after = AFTER_MLP if site == "mlp_out" else AFTER_ATTENTION
    if AFTER_MLP in parts and after in parts:
        return joined(block, after)
    found = sorted((MLPS if site == "mlp_out" else ATTENTIONS) & parts.keys())
    if len(found) != 1:
        raise UsageError(
            f"{type(model).__name__}: {len(found)} modules of {block} could give {site}; in it are {', '.join(parts) or 'none'}",
            hint="choose resid_post or resid_pre",
        )
    return joined(block, found[0])


def entry(model: Any, blocks: str) -> str:
    """The path of the module whose output goes into block 0, found by running one token. Raises UsageError where no module gives it.

    The embedding in most classes; GPT-2 adds positions to it and drops out after. nanochat applies its final norm there too: what that gave first is
    gone when the pass is over.
    """
    under, decoder = decoder_of(model)
    given: dict[str, Any] = {}
    entered: list[Any] = []
    handles = [
        module.register_forward_hook(_keep(given, joined(under, name)))
        for name, module in decoder.named_children()
        if joined(under, name) != blocks
    ]

    def enter(_module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        entered.append((args[0] if args else kwargs["hidden_states"]).detach().clone())

    handles.append(model.get_submodule(f"{blocks}.0").register_forward_pre_hook(enter, with_kwargs=True))
    try:
        with torch.no_grad():
            model.base_model(input_ids=torch.tensor([[1]], device=model.device), use_cache=False)
    finally:
        for handle in handles:
            handle.remove()
    fitting = [path for path, output in given.items() if _equal(output, entered[0])]
    if not fitting:
        raise UsageError(
            f"{type(model).__name__}: no module gives what goes into block 0 (looked at {', '.join(given)})",
            hint="choose resid_post, or resid_pre of a later layer",
        )
    return fitting[-1]


def _keep(given: dict[str, Any], path: str) -> Any:
    def hook(_module: Any, _inputs: Any, output: Any) -> None:
        given[path] = output

    return hook


def _equal(output: Any, entered: Any) -> bool:
    return isinstance(output, torch.Tensor) and output.shape == entered.shape and torch.equal(output, entered)


def joined(path: str, name: str) -> str:
    """`path.name`, or what is there of the two."""
    return ".".join(filter(None, (path, name)))
