"""CFG025: what a configuration says of its training, against what a training can have."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from hubkit.formats.cfg_models import Legacy
from hubkit.validate.facts import SaeFacts
from hubkit.validate.finding import Found, Severity
from hubkit.validate.need import Need
from hubkit.validate.rule import sae_rule

AT_LEAST_ONE = re.compile(r"context_size$|train_batch_size(?:_tokens)?$|n_batches_in_buffer$")
ABOVE_ZERO = re.compile(r"(?:lr|learning_rate|lp_norm|adam_eps|expansion_factor)$")
NOT_NEGATIVE = re.compile(
    r"(?:n_|total_)?(?:training|train)_(?:tokens|samples|steps)$|(?:l1|l0|sparsity|aux)_(?:coefficient|penalty)$|\w*warm_?up_steps$|lr_decay_steps$|(?>\w*?threshold_init)\w*$|hook_layer$|hook_head_index$"
)
FLAGS = {"prepend_bos"}
TEXTS = {"dataset_path"}
LEAST = (
    (AT_LEAST_ONE, 1.0, "at least 1"),
    (ABOVE_ZERO, 5e-324, "above 0"),
    (NOT_NEGATIVE, 0.0, "at least 0"),
)
DETAILS = "training_architecture_details"
TRAINED = "write the value of the training, or take the key out"
Setting = tuple[str, str, Any]
"""JSON pointer, key and value."""


@sae_rule("CFG025", Severity.ERROR, Need.CFG)
def impossible_training(sae: SaeFacts) -> Iterator[Found]:
    """A setting of the training that no training can have.

    A context of no tokens, a negative number of tokens, steps or coefficient, a learning rate of 0, positions of a slice beyond the context, a head that the base model has
    not, a BOS flag that is neither true nor false. A context longer than the base model has positions is an error where it learns an embedding for each (GPT-2, OPT): such a text
    cannot be run; with rotary positions it can, without any having been trained, which is a warning.
    SAELens reads none of this when it loads, so nobody else says it; who computes activations by these settings fails, or gets others.
    """
    if not sae.is_saelens or sae.document is None:
        return
    for pointer, key, value in _settings(sae):
        if wanted := _wanted(key, value):
            yield Found(
                f"{key} is {_shown(value)}, expected {wanted}", TRAINED, **sae.at(pointer), identity=key
            )
    yield from _slice(sae)
    yield from _of_the_model(sae)


def _settings(sae: SaeFacts) -> Iterator[Setting]:
    """Everything under a key of a training: at the top of older layouts, in `metadata`, and in the details there. What the schema has is CFG003's."""
    metadata = sae.raw.get("metadata")
    places: list[tuple[str, object]] = [("", sae.raw)]
    if isinstance(metadata, Mapping):
        places = [("/metadata", metadata), (f"/metadata/{DETAILS}", metadata.get(DETAILS))]
    for where, values in places:
        for key, value in values.items() if isinstance(values, Mapping) else ():
            if where or key not in Legacy.model_fields:
                yield f"{where}/{key}", key, value


def _wanted(key: str, value: object) -> str | None:
    """What would be possible, where the value is not."""
    if key in FLAGS:
        return None if value is None or isinstance(value, bool) or value in (0, 1) else "true or false"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if key in TEXTS:
        return "the id or path of a dataset"
    return next((words for pattern, least, words in LEAST if pattern.match(key) and value < least), None)


def _shown(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else repr(value)[:60]


def _stated(sae: SaeFacts, key: str) -> tuple[str, Any]:
    """Pointer and value of a key where the layout keeps it."""
    metadata = sae.raw.get("metadata")
    inside = isinstance(metadata, Mapping)
    source = metadata if isinstance(metadata, Mapping) else sae.raw
    return f"/metadata/{key}" if inside else f"/{key}", source.get(key)


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _slice(sae: SaeFacts) -> Iterator[Found]:
    """Positions that a context does not have: a slice that begins, or ends, behind it."""
    pointer, positions = _stated(sae, "seqpos_slice")
    context = _whole(_stated(sae, "context_size")[1])
    if not isinstance(positions, list) or not context or context < 1:
        return
    bounds = [_whole(one) for one in positions[:2]]
    if any(one is not None and not -context <= one <= context for one in bounds):
        yield Found(
            f"seqpos_slice is {positions}, and context_size is {context:,}: there are no such positions",
            "write the slice, and the context, of the training",
            **sae.at(pointer),
            identity="seqpos_slice",
        )


def _of_the_model(sae: SaeFacts) -> Iterator[Found]:
    """What the base model has not: positions, heads."""
    shape = sae.base.shape if sae.base else None
    if shape is None:
        return
    pointer, context = _stated(sae, "context_size")
    if shape.positions and _whole(context) and context > shape.positions:
        counting = shape.architecture.counting
        learned = counting is not None and counting.positions_key is not None
        yield Found(
            f"context_size is {context:,}; {sae.sae.model_name} has {shape.positions:,} positions"
            + ("" if learned else ", and was trained on no longer text"),
            "write the context of the training",
            **sae.at(pointer),
            severity=None if learned else Severity.WARNING,
            identity="context_size positions",
        )
    pointer, head = _stated(sae, "hook_head_index")
    if shape.n_heads and _whole(head) is not None and head >= shape.n_heads:
        yield Found(
            f"hook_head_index is {head}; {sae.sae.model_name} has {shape.n_heads} heads, counted from 0",
            "write the head that the SAE was trained on, or null where it is no head's",
            **sae.at(pointer),
            identity="hook_head_index heads",
        )
