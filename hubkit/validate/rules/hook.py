"""HOOK: the hook and the width, against the base model's config.json. What that does not decide is left alone.

Layers and widths are asked always, of the models in the shipped table; `--base-model` reads the config.json of others, and asks the rest.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Container, Iterator
from dataclasses import dataclass

from hubkit.formats.foreign import sizes_of
from hubkit.models.ambiguous import ambiguity
from hubkit.models.base_model import BaseModel
from hubkit.models.config import ModelShape
from hubkit.models.hooks import layers_named, parse_hook
from hubkit.models.widths import layer_at, spellings, strip_ending, widths_at
from hubkit.validate.facts import RepoFacts, SaeFacts
from hubkit.validate.finding import Found, Severity
from hubkit.validate.need import Need
from hubkit.validate.rule import repo_rule, sae_rule

HOOKS = (
    ("hook_name", "hook_head_index", "d_in"),
    ("hf_hook_name", "hook_head_index", "d_in"),
    ("hook_name_out", "hook_head_index_out", "d_out"),
    ("hf_hook_name_out", "hook_head_index_out", "d_out"),
)
"""Fields of an SAE: the hook, the key of its head in SAELens's metadata, and the width that must be found there."""
SHOWN = 3
ANY_LAYER = re.compile(r"\.\d+")
"""The layer in a hook's name, of either grammar."""
MADE_WITH = re.compile(
    r"\b(?:transformer[-_ ]?lens|transformers|nnsight|nnterp|baukit|sae[-_ ]?lens|vllm)\b\W{0,4}(?:version |release |v\.? ?)?[<>=~]{0,2} ?\d+(?:\.\d+)+",
    re.IGNORECASE,
)
"""A library that takes activations, with its version."""


@dataclass(frozen=True)
class Place:
    """One hook that the files name."""

    key: str
    name: str
    head: int | None
    width_key: str
    width: int | None


def _places(sae: SaeFacts) -> Iterator[Place]:
    for key, head_key, width_key in HOOKS:
        name: str | None = getattr(sae.sae, key)
        if name:
            head = sae.cfg.metadata.get(head_key) if sae.cfg else None
            # What SAELens takes for no head index, and what it takes for one.
            index = head if isinstance(head, int) and not isinstance(head, bool) else None
            width = sae.cfg.integer(width_key) if sae.cfg else sae.sae.size(width_key)
            yield Place(key, name.strip(), index, width_key, width)


@repo_rule("HOOK001", Severity.WARNING, Need.CFG | Need.BASE)
def base_model_unresolved(facts: RepoFacts) -> Iterator[Found]:
    """The base model cannot be resolved.

    `--base-model auto` looks for the `model_name` of each cfg.json in hubkit's own table and then on the Hub; it reads config.json and nothing else.
    A name that only TransformerLens knows, a path on somebody's machine, a repository that is missing, private, gated or without config.json leaves a
    user without the model, and the other HOOK rules without an answer. A model of an architecture that hubkit does not know is a note.
    """
    named: dict[str, list[SaeFacts]] = {}
    bases: dict[str, BaseModel] = {}
    for sae in facts.saes:
        if sae.base is not None:
            named.setdefault(sae.base.name, []).append(sae)
            bases[sae.base.name] = sae.base
    for name, base in bases.items():
        saes = named[name]
        where = saes[0].where("model_name") if len(saes) == 1 else {"path": None}
        if base.problem is not None:
            yield Found(
                f"{base.problem}; {_of(saes)} could not be checked against it",
                base.hint,
                identity=name,
                **where,
            )
        elif base.shape is None:
            kind = (
                f"its model_type {base.model_type!r} is"
                if base.model_type
                else "a config.json without model_type is"
            )
            yield Found(
                f"{name}: {kind} not in hubkit's table of architectures; layers and widths of {_of(saes)} were not checked",
                "check by hand that the layer is inside the model and d_in its width there",
                severity=Severity.NOTE,
                identity=name,
                **where,
            )


def _of(saes: list[SaeFacts]) -> str:
    return f"{len(saes)} SAEs" if len(saes) > 1 else saes[0].sae_id


@sae_rule("HOOK002", Severity.ERROR, Need.CFG, helped=Need.BASE)
def layer_outside(sae: SaeFacts) -> Iterator[Found]:
    """The layer is outside the base model.

    Blocks are counted from 0 in both grammars of hook names, so a model of 12 has `blocks.0` to `blocks.11`, `transformer.h.0` to `transformer.h.11`.
    The usual causes: counting from 1, `hidden_states[12]` (the output of block 11), or the cfg of a larger model. Asked without a request where hubkit's
    table has the model; `--base-model` reads the config.json of any other. Of families whose hooks are said in hubkit's words a note, unless asked for.
    """
    if sae.base is None or sae.base.shape is None:
        return
    shape = sae.base.shape
    for place in _places(sae):
        layer = layer_at(shape, place.name)
        if layer is not None and layer >= shape.n_layers:
            hint = _inside(sae, place.name, layer, shape.n_layers)
            yield Found(
                f"{place.key} {place.name} is in layer {layer}; {sae.base.name} has {shape.n_layers} layers, 0 to {shape.n_layers - 1} ({sae.base.source})",
                hint,
                **sae.where(place.key),
                measured={"layer": layer, "n_layers": shape.n_layers},
                severity=_weight(sae),
            )


def _inside(sae: SaeFacts, hook: str, layer: int, n_layers: int) -> str:
    """Which layer to write: the one that the folder names, the other name of the same place, or the last."""
    named = {one for one in layers_named(sae.sae_id) if one < n_layers}
    larger = "or the model_name of a larger model"
    if len(named) == 1:
        other = ANY_LAYER.sub(f".{min(named)}", hook, count=1)
        return f"write {other!r} if the folder {sae.sae_id!r} has the right layer, else the layer that was hooked, 0 to {n_layers - 1}, and rename the folder; {larger}"
    if layer == n_layers and hook.endswith("hook_resid_pre"):
        other = f"blocks.{layer - 1}.hook_resid_post"
        return f"blocks count from 0: what comes in front of layer {layer} is the output of the last, write {other!r} (hidden_states[{layer}] before the final norm), {larger}"
    if layer == n_layers:
        return f"blocks count from 0: write layer {layer - 1}, whose output (after the final norm) is hidden_states[{layer}], {larger}"
    return f"write the layer that was hooked, 0 to {n_layers - 1}, or the model_name of a model that has layer {layer}"


@sae_rule("HOOK003", Severity.ERROR, Need.CFG, helped=Need.BASE)
def width_of_another_place(sae: SaeFacts) -> Iterator[Found]:
    """d_in is not the width of the activations at that hook.

    The residual stream and the outputs of attention and MLP have the hidden size; inside the MLP it is the MLP width; queries and `hook_z` have heads x
    head dimension, which is not the hidden size in Gemma and Qwen3; keys and values have the key-value heads. An SAE of another width was trained at another
    hook or on another model. For transcoders d_out is held against `hook_name_out` in the same way. Hooks whose width config.json does not decide
    are left alone. Asked without a request where hubkit's table has the model; `--base-model` reads the config.json of any other. Of families
    whose hooks are said in hubkit's words a note, unless asked for.
    """
    if sae.base is None or sae.base.shape is None:
        return
    shape = sae.base.shape
    for place in _places(sae):
        widths = widths_at(shape, place.name, place.head)
        if not widths or place.width is None or place.width in widths:
            continue
        expected = " or ".join(f"{width} ({words})" for width, words in widths.items())
        yield Found(
            f"{place.width_key} is {place.width}; at {place.name} {sae.base.name} has {expected}",
            _right_size(sae, place.width_key, widths) or _where_else(shape, place.width),
            **sae.where(place.width_key),
            measured={"width": place.width, "expected": sorted(widths)},
            identity=place.key,
            severity=_weight(sae),
        )


def _weight(sae: SaeFacts) -> Severity | None:
    """Of another family, whose hook is said in hubkit's words, a note where nobody asked."""
    return Severity.NOTE if sae.base and sae.base.by_default and not sae.is_saelens else None


def _right_size(sae: SaeFacts, key: str, widths: Container[int]) -> str | None:
    """Of a d_in that the tensors contradict (WTS006) and that is wrong here for the same reason: theirs is a width of this place."""
    size = sizes_of(sae.sae.tensors).d_in if key == "d_in" else None
    return f'write "d_in": {size}, which the tensors have' if size is not None and size in widths else None


def _where_else(shape: ModelShape, width: int) -> str:
    """What in this model has that width."""
    candidates = {
        "blocks.N.hook_resid_post": shape.d_model,
        "blocks.N.mlp.hook_post": shape.d_mlp,
        "blocks.N.attn.hook_z": shape.n_heads * shape.d_head if shape.n_heads and shape.d_head else None,
    }
    found = [name for name, size in candidates.items() if size == width]
    if found:
        return (
            f"{width} is the width at {' and '.join(found)} of this model: write the hook that was trained on"
        )
    return "no hook of this model has that width: check model_name, and write the one that was trained on"


@sae_rule("HOOK004", Severity.ERROR, Need.CFG | Need.BASE)
def module_missing(sae: SaeFacts) -> Iterator[Found]:
    """The module path does not exist in the transformers class of the base model.

    Asked only with `--base-model` and `--deep`, where torch and transformers are installed: the model is built from its config.json on the meta device, in a
    process of its own, without weights and without remote code. A hook of that name can be attached to nothing. Module paths have moved between
    versions of transformers: the known ones of multimodal models count as the same, and the finding names the version.
    """
    if sae.base is None or sae.base.modules is None:
        return
    modules = sae.base.modules
    for place in _places(sae):
        path = strip_ending(place.name)
        spelt = spellings(sae.base.shape, path) if sae.base.shape else [path]
        if parse_hook(place.name).form != "module_path" or not modules.names.isdisjoint(spelt):
            continue
        near = difflib.get_close_matches(path, modules.names, n=SHOWN)
        yield Found(
            f"{place.key} {place.name}: {' and '.join(dict.fromkeys(modules.classes))} (transformers {modules.version}) has no such module",
            f"write one that is there: {', '.join(near)}"
            if near
            else "write the module path, and the model_name, that was trained on",
            confidence="medium",
            **sae.where(place.key),
        )


@repo_rule("HOOK005", Severity.NOTE, Need.CFG | Need.BASE | Need.README)
def hook_ambiguous(facts: RepoFacts) -> Iterator[Found]:
    """The hook means different tensors in different loaders for this architecture.

    `hook_attn_out` and `hook_mlp_out` are what is added to the residual stream in TransformerLens's HookedTransformer. Its bridge once took the modules'
    outputs instead: in BLOOM these already contain the residual stream, in OLMo 2 and 3 they come before a norm, in Granite before a factor. State in
    the card which library, and which version of it, made the activations: where it does, the rule is silent.
    """
    if facts.page is not None and any(MADE_WITH.search(line.raw) for line in facts.page.prose):
        return
    seen: dict[tuple[str, str], list[SaeFacts]] = {}
    for sae in facts.saes:
        model_type = sae.base.model_type if sae.base else None
        for place in _places(sae):
            if model_type and ambiguity(model_type, place.name):
                seen.setdefault((model_type, place.name.rsplit(".", 1)[-1]), []).append(sae)
    for (model_type, site), saes in sorted(seen.items()):
        found = ambiguity(model_type, f"blocks.0.{site}")
        if found is not None:
            yield Found(
                f"{site} in a {model_type} model ({_of(saes)}): {found.meanings}",
                f"say in the card which library and version made the activations (TransformerLens 2.15.4); see {found.source}",
                path=saes[0].cfg_path if len(saes) == 1 else None,
                identity=f"{model_type} {site}",
            )
