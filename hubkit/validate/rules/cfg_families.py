"""CFG022: what one family's own loader asks of its files, beyond the shapes and the k that all of them have."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from hubkit.formats.families import circuit_tracer, dictionary_learning, openmoss
from hubkit.formats.folder import YAML_NAMES
from hubkit.formats.foreign import number_in
from hubkit.validate.facts import SaeFacts
from hubkit.validate.finding import Found, Severity

LONGEST = 60
"""Characters of a value that are shown."""
SMALLEST, LARGEST = 1e-12, 1e12
"""Norms of activations lie far within these: what is divided by one that does not is no activation any more."""


def asked_by_loader(sae: SaeFacts) -> Iterator[Found]:
    """What the family's loader refuses, or divides by 0."""
    ask = OF_FAMILY.get(sae.sae.family.name)
    if ask is not None:
        yield from ask(sae)


def _shown(keys: Mapping[str, Any], key: str) -> str:
    """As JSON writes it, or that it is not there."""
    return json.dumps(keys[key], ensure_ascii=False)[:LONGEST] if key in keys else "missing"


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _is_norm(value: Any) -> bool:
    number = _number(value)
    return number is not None and SMALLEST < number < LARGEST


def _openmoss(sae: SaeFacts) -> Iterator[Found]:
    """Its configuration: norms of the data set, the threshold of a JumpReLU, the second encoder, the width twice."""
    raw, names = sae.raw, sae.sae.tensors.keys()
    if not raw:
        return
    yield from _norms(sae)
    jumps = "jumprelu" in str(sae.sae.architecture)
    if jumps and sae.sae.threshold is None and names and not any("threshold" in name for name in names):
        yield Found(
            f"act_fn is jumprelu, and jump_relu_threshold is {_shown(raw, 'jump_relu_threshold')}, expected a number: there is no threshold to compare with",
            "write the threshold that it was trained to, or save the SAE again with its thresholds",
            **sae.at("/jump_relu_threshold"),
            identity="threshold",
        )
    if raw.get("use_glu_encoder") is True and names and not any("glu" in name for name in names):
        yield Found(
            "use_glu_encoder is true, and the file has no tensors of a second encoder: loading raises",
            "write false if it was trained without one, else save the SAE again with its encoder_glu",
            **sae.at("/use_glu_encoder"),
            identity="glu",
        )
    factor, d_model, d_sae = (_number(raw.get(key)) for key in ("expansion_factor", "d_model", "d_sae"))
    if factor and d_model and d_sae and abs(factor * d_model - d_sae) >= 1:
        yield Found(
            f"expansion_factor {factor:g} times d_model {d_model:,.0f} is {factor * d_model:,.0f}, and d_sae is {d_sae:,.0f}: loaders take either",
            f"write expansion_factor {d_sae / d_model:g} if the tensors are right, else d_sae",
            **sae.at("/expansion_factor"),
            severity=Severity.WARNING,
            identity="expansion",
        )


def _norms(sae: SaeFacts) -> Iterator[Found]:
    """With `dataset-wise` an input is divided by the first norm, and the output multiplied by the second; otherwise nobody reads them."""
    if sae.raw.get("norm_activation") != "dataset-wise":
        return
    stored = {name: one for name, one in sae.stored_norms.items() if not _is_norm(one)}
    if stored:
        name, value = next(iter(stored.items()))
        yield Found(
            f"{name} is {value:g}, expected the mean norm of the activations: inputs are divided by it",
            "save the SAE again with the norms of its data set",
            **sae.in_weights(name),
            identity="norm",
        )
    elif not sae.stored_norms and (openmoss.NORM in sae.raw or sae.sae.layout == "hyperparams"):
        stated = sae.raw.get(openmoss.NORM)
        if not isinstance(stated, Mapping) or not stated or not all(map(_is_norm, stated.values())):
            yield Found(
                f"{openmoss.NORM} is {_shown(sae.raw, openmoss.NORM)}, expected mean norms of the activations, above 0: inputs are divided by them (norm_activation is dataset-wise)",
                'write the norms of its data set, {"in": ..., "out": ...}; or norm_activation "inference", if they were folded into the weights',
                **sae.at(f"/{openmoss.NORM}"),
                identity="norm",
            )


def _dictionary(sae: SaeFacts) -> Iterator[Found]:
    """Its `load_dictionary` knows seven classes by name; a fork may have others."""
    trainer = sae.raw.get("trainer")
    if not isinstance(trainer, Mapping) or trainer.get("dict_class") is None:
        return
    if trainer["dict_class"] not in list(dictionary_learning.CLASSES):  # of any kind, a list as well
        known = list(dictionary_learning.CLASSES)
        yield Found(
            f"dict_class is {_shown(trainer, 'dict_class')}, expected {', '.join(known[:-1])} or {known[-1]}: load_dictionary raises, and SAELens takes it for an AutoEncoder",
            "write the class that it was trained as; of a fork's own say in the card which one loads it",
            **sae.at("/trainer/dict_class"),
            severity=Severity.WARNING,
            identity="class",
        )


def _circuit_tracer(sae: SaeFacts) -> Iterator[Found]:
    """A set is of one width, and of one activation."""
    widths = {
        layer: head.shapes["b_enc"][0]
        for head in sae.folder.known_heads()
        if head.entry.name in sae.folder.files
        and (layer := number_in(circuit_tracer.LAYER, head.entry.name)) is not None
        and len(head.shapes.get("b_enc", ())) == 1
    }
    own = sae.sae.stated_layer
    if own in widths and widths[own] != widths[first := min(widths)]:
        yield Found(
            f"{widths[own]:,} latents, and layer {first} has {widths[first]:,}: circuit-tracer loads a set of one width only",
            "publish the layers of each width as a set of their own, in a folder with its own config.yaml",
            **sae.in_weights("b_enc"),
            identity="set",
        )
    name = next((name for name in YAML_NAMES if name in sae.folder.files), None)
    keys = sae.folder.yaml(name) if name else {}
    if keys.get("activation") == "topk" and "threshold" in sae.sae.tensors:
        yield Found(
            "activation is 'topk', and the file has activation_function.threshold: versions of circuit-tracer differ in which of them they run",
            "write the activation that it was trained with; if that is topk, save the file without the thresholds",
            **sae.where("activation"),
            severity=Severity.WARNING,
            identity="activation",
        )


OF_FAMILY: Mapping[str, Callable[[SaeFacts], Iterator[Found]]] = {
    "llama_scope": _openmoss,
    "dictionary_learning": _dictionary,
    "circuit_tracer": _circuit_tracer,
    "mwhanna_transcoder": _circuit_tracer,
}
"""By the family's name."""
