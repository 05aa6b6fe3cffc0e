"""What the base model is: from the shipped table of configurations, or from provenance.json. No request, no weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from hubkit.models.blocks import block_form
from hubkit.models.config import ModelShape, read_shape
from hubkit.models.known import known_config, nanochat_config
from hubkit.release.layout import PROVENANCE

if TYPE_CHECKING:
    from hubkit.release.provenance import Provenance

TABLE = "hubkit/models/known.json"
NANOCHAT = "hubkit/models/known.py"


@dataclass(frozen=True)
class BaseFacts:
    """A base model as far as it is known; None where nothing says."""

    hub_id: str
    source: str | None = None
    """The file that the rest is from."""
    model_type: str | None = None
    n_layers: int | None = None
    """Blocks."""
    d_model: int | None = None
    parameters: int | None = None
    """Tied matrices once; by formula, unless provenance.json states it."""
    by_formula: bool = False
    attention: str | None = None
    """How the heads share keys and values, in words."""
    mlp: str | None = None
    form: str | None = None
    """Norm, positions, and how attention and MLP stand to each other, in words."""
    vocab: int | None = None
    blocks: str | None = None
    """Module path of the blocks in its transformers class; None also where that moved between releases of transformers."""
    shape: ModelShape | None = None
    """Its sizes, where the table has its configuration."""

    @property
    def name(self) -> str:
        """Without its owner."""
        return self.hub_id.rsplit("/", maxsplit=1)[-1]

    def depth(self, layer: int) -> float | None:
        """Share of the blocks that have run at the output of block `layer`, counted from 0: (layer + 1) / n_layers."""
        return (layer + 1) / self.n_layers if self.n_layers and 0 <= layer < self.n_layers else None


def base_facts(hub_id: str, provenance: Provenance | None) -> BaseFacts:
    """What is known of `hub_id`; a model that neither the table nor provenance.json has is a name and nothing more."""
    made = nanochat_config(hub_id)
    config = made if made is not None else known_config(hub_id)
    shape = read_shape(config) if config is not None else None
    stated = provenance.base_model_shape if provenance else None
    if shape is not None:
        found = _of_shape(hub_id, shape, NANOCHAT if made is not None else TABLE, _form(config))
        if found.parameters is None and stated and (stated.n_layers, stated.d_model) == (shape.n_layers, shape.d_model):  # fmt: skip
            return replace(found, parameters=stated.parameters)
        return found
    if stated is None:
        return BaseFacts(hub_id)
    form = _form({"model_type": stated.model_type})
    return BaseFacts(
        hub_id, PROVENANCE, stated.model_type, stated.n_layers, stated.d_model, stated.parameters, form=form
    )


def _form(config: Mapping[str, Any] | None) -> str | None:
    found = block_form(config) if config is not None else None
    return found.words if found else None


def _of_shape(hub_id: str, shape: ModelShape, source: str, form: str | None) -> BaseFacts:
    return BaseFacts(
        hub_id,
        source,
        shape.model_type,
        shape.n_layers,
        shape.d_model,
        shape.parameters,
        by_formula=shape.parameters is not None,
        attention=_attention(shape),
        mlp=_mlp(shape),
        form=form,
        vocab=shape.vocab,
        blocks=shape.blocks if source == TABLE and not _nested(shape) else None,
        shape=shape,
    )


def _nested(shape: ModelShape) -> bool:
    """Whether the class may be a text model inside a multimodal one."""
    return any("language_model" in path for path in shape.architecture.blocks)


def _attention(shape: ModelShape) -> str | None:
    if not shape.n_heads or not shape.n_kv_heads:
        return None
    if shape.n_kv_heads == shape.n_heads:
        return f"{shape.n_heads} heads"
    kind = "multi-query" if shape.n_kv_heads == 1 else "grouped-query"
    return f"{kind}, {shape.n_heads} heads that share {shape.n_kv_heads} of keys and values"


def _mlp(shape: ModelShape) -> str | None:
    counting = shape.architecture.counting
    if counting is None or shape.d_mlp is None:
        return None
    return f"{'gated, ' if counting.gated else ''}width {shape.d_mlp:,}"


def short_count(parameters: int) -> str:
    """`135M`, `1.88B`: three digits."""
    for size, letter in ((10**12, "T"), (10**9, "B"), (10**6, "M"), (10**3, "k")):
        if parameters >= size * 0.9995:
            value = parameters / size
            return f"{value:.{max(0, 3 - len(str(int(value))))}f}{letter}"
    return str(parameters)
