"""What an SAE's cfg.json says of its training: what went in, by which settings, and what the training itself counted. Stated there, measured by nobody here."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hubkit.cards.facts import SaeFact

LENS = "HookedTransformer"
INPUTS = {
    "dataset_path": "Dataset",
    "context_size": "Context, tokens",
    "prepend_bos": "BOS token first",
    "exclude_special_tokens": "Special tokens left out",
    "seqpos_slice": "Positions",
    "model_class_name": "Model class",
    "model_from_pretrained_kwargs": "Loaded with",
    "sae_lens_training_version": "SAELens",
    "neuronpedia_id": "Neuronpedia",
}
"""Keys of `metadata` that SAELens writes of what a training fed and read."""
RUNS = {
    "training_architecture_details": "",
    "lr": "lr",
    "l1_coefficient": "l1_coefficient",
    "l0_coefficient": "l0_coefficient",
    "lp_norm": "lp_norm",
    "train_batch_size": "train_batch_size",
    "train_batch_size_tokens": "train_batch_size_tokens",
    "total_training_tokens": "total_training_tokens",
    "training_tokens": "training_tokens",
    "n_training_tokens": "n_training_tokens",
    "lr_warm_up_steps": "lr_warm_up_steps",
    "lr_scheduler_name": "lr_scheduler_name",
    "b_dec_init_method": "b_dec_init_method",
    "seed": "seed",
}
"""Settings of the training: the object of details whole, the others where older versions wrote them, at the top or in `metadata`."""
COUNTED = re.compile(
    r"(?:^|_)(?:l0|l1|mse|loss|losses|dead|explained_variance|variance_explained|fvu|ce|kl|cossim|recovered|alive)(?:_|$)"
)
"""What a training counts, by the words of its key."""
SETTING = re.compile(
    r"coef|target|weight|scale|lambda|norm|init|warm_?up|window|freq|resample|threshold|lr|tokens?|steps?|aux"
)
"""Words that make a setting of such a key."""
MEASURES = {"l0": "l0", "explained_variance": "explained_variance", "mse": "mse"}
DEAD = {"num_dead_features": "dead latents, as the training counted them"}
NO_SLICE: tuple[object, ...] = (None, [None], [None, None], [], [0, None])


@dataclass(frozen=True)
class Counted:
    """A number that a training left in cfg.json."""

    pointer: str
    key: str
    value: float

    @property
    def measure(self) -> str | None:
        """The measure of the catalogue that it is of, as far as the name says."""
        return MEASURES.get(self.key)

    @property
    def name(self) -> str:
        """In words."""
        return DEAD.get(self.key, self.key.replace("_", " "))


def metadata_of(sae: SaeFact) -> Mapping[str, Any]:
    """The keys that say how it was made, as they are written: `metadata`, or of an older layout the top level."""
    found = sae.raw.get("metadata")
    return found if isinstance(found, Mapping) else sae.raw


def pointer_of(sae: SaeFact, key: str) -> str:
    """JSON pointer of such a key."""
    return f"/metadata/{key}" if isinstance(sae.raw.get("metadata"), Mapping) else f"/{key}"


def settings_of(sae: SaeFact) -> dict[str, Any]:
    """Title to value of everything that cfg.json states of the training; empty where it states nothing."""
    stated = metadata_of(sae)
    found = {title: _shown(stated[key]) for key, title in INPUTS.items() if _says(key, stated.get(key))}
    details = stated.get("training_architecture_details")
    if isinstance(details, Mapping):
        found |= {f"`{key}`": value for key, value in details.items() if _simple(value)}
    for key, title in RUNS.items():
        if title and _simple(stated.get(key)) and f"`{title}`" not in found:
            found[f"`{title}`"] = stated[key]
    return found


def _says(key: str, value: object) -> bool:
    return value is not None and value != {} and not (key == "seqpos_slice" and value in NO_SLICE)


def _simple(value: object) -> bool:
    return isinstance(value, str | int | float | bool)


def _shown(value: Any) -> Any:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ", ".join(f"{key} = {part}" for key, part in value.items())
    return value if _simple(value) else str(value)


def counted_by(sae: SaeFact) -> Iterator[Counted]:
    """The numbers that the training left: an L0, dead latents, losses. What is a setting (`l0_coefficient`) is none."""
    stated = metadata_of(sae)
    for key, value in stated.items():
        number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        if number and COUNTED.search(key) and not SETTING.search(key):
            yield Counted(pointer_of(sae, key), key, float(value))


@dataclass(frozen=True)
class Input:
    """How the activations came about that an SAE was trained on, as far as anything says."""

    model_class: str | None
    model_name: str | None
    arguments: Mapping[str, Any]
    """Of the model's `from_pretrained`."""
    prepend_bos: bool | None
    context: int | None
    """Tokens."""
    head: int | None
    exclude_special: bool
    positions: str | None
    """The slice of the positions that were used, `1:`; None for all of them."""
    pooling: str | None
    """`mean` or `last`, of an SAE that hubkit trained on one row a completion."""
    span: str | None

    @property
    def by_lens(self) -> bool:
        """Whether TransformerLens made them."""
        return self.model_class == LENS and self.model_name is not None


def input_of(sae: SaeFact) -> Input:
    """Read from cfg.json."""
    stated = metadata_of(sae)
    arguments = stated.get("model_from_pretrained_kwargs")
    bos, context, head = (stated.get(key) for key in ("prepend_bos", "context_size", "hook_head_index"))
    special = stated.get("exclude_special_tokens")
    return Input(
        model_class=sae.model_class_name,
        model_name=sae.model_name,
        arguments=arguments if isinstance(arguments, Mapping) else {},
        prepend_bos=bos if isinstance(bos, bool) else None,
        context=context
        if isinstance(context, int) and not isinstance(context, bool) and context > 0
        else None,
        head=head if isinstance(head, int) and not isinstance(head, bool) else None,
        exclude_special=bool(special),
        positions=_slice(stated.get("seqpos_slice")),
        pooling=_text(sae.record.pooling),
        span=_text(sae.record.token_span),
    )


def _slice(value: object) -> str | None:
    """`[1, null]` as Python writes a slice: `1:`."""
    if not _says("seqpos_slice", value) or not isinstance(value, list | tuple) or not 0 < len(value) <= 3:
        return None
    if not all(part is None or type(part) is int for part in value):  # it becomes code
        return None
    return ":".join("" if part is None else str(part) for part in value) if len(value) > 1 else f":{value[0]}"


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
