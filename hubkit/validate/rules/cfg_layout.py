"""CFG: what the configuration as a whole means: its layout, its metadata, its layer, its hook."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from hubkit.formats import saelens
from hubkit.models.hooks import Hook, layers_named, parse_hook, same_place
from hubkit.models.mixed_hooks import translated
from hubkit.validate.facts import SaeFacts
from hubkit.validate.finding import FixKind, Found, Severity, mend
from hubkit.validate.need import Need
from hubkit.validate.rule import sae_rule

ANY_LAYER = re.compile(r"\.\d+(?=\.|$)")
LENS_NAME = re.compile(r"blocks\.\d{1,9}\.[\w.]*hook_\w+")


@sae_rule("CFG008", Severity.ERROR, Need.CFG, fix="safe")
def version_missing(sae: SaeFacts) -> Iterator[Found]:
    """The v6 layout has no usable `sae_lens_version`: SAELens drops the metadata without a word.

    A configuration with `metadata` but no version of 6.0 or later is taken for one older than 6: its metadata is rebuilt from top-level keys,
    so hook_name, model_name and everything else in it are gone after loading. In any layout a version that is no version number (`latest`) makes
    load_from_disk and from_pretrained raise InvalidVersion.
    """
    if not sae.is_saelens:
        return
    if "metadata" not in sae.raw:
        yield from _no_version(sae)
        return
    metadata = sae.raw["metadata"]
    if not isinstance(metadata, Mapping):
        yield Found(
            f"metadata is {'null' if metadata is None else type(metadata).__name__}, expected an object: loading raises TypeError",
            'write "metadata": {"sae_lens_version": "6.0.0", "model_name": ..., "hook_name": ...}',
            **sae.at("/metadata"),
        )  # fmt: skip
        return
    if saelens.keeps_metadata(sae.raw):
        return
    version = saelens.stated_version(sae.raw)
    state = "missing" if version in (None, "") else f"{version!r}, expected 6.0.0 or later"
    lost = [
        key for key in ("hook_name", "model_name") if metadata.get(key) is not None and key not in sae.raw
    ]
    consequence = (
        f"; after loading {' and '.join(lost)} {'are' if len(lost) > 1 else 'is'} None" if lost else ""
    )
    above = bool(sae.raw.get("sae_lens_version"))
    safe = not above and not saelens.LEGACY_MARKS - {"architecture"} & sae.raw.keys()
    what = f"{'' if above else 'metadata.'}sae_lens_version is {state}"
    raises = saelens.version_fault(sae.raw) is not None
    yield Found(
        f"{what}: load_from_disk raises InvalidVersion"
        if raises
        else f"{what}: SAELens throws the metadata away{consequence}",
        mend("CFG008")
        if safe
        else 'write "sae_lens_version": "6.0.0" into metadata, and nothing of the old layout beside it',
        **(
            sae.at("/sae_lens_version")
            if above
            else sae.at("/metadata") | {"pointer": "/metadata/sae_lens_version"}
        ),
        fix="safe" if safe else None,
    )


def _no_version(sae: SaeFacts) -> Iterator[Found]:
    """A legacy file, or one of a later version without metadata, whose version cannot be read."""
    if (version := saelens.version_fault(sae.raw)) is not None:
        yield Found(
            f"sae_lens_version is {version}, expected a version number: load_from_disk raises InvalidVersion",
            "write the version that saved the file, or remove the key",
            **sae.at("/sae_lens_version"),
        )


@sae_rule("CFG012", Severity.WARNING, Need.TREE | Need.CFG)
def layers_disagree(sae: SaeFacts) -> Iterator[Found]:
    """The folder, `hook_name` and `hook_layer` do not name the same layer.

    L21, layer_21, layers.21, blocks.21 and h.21 name a layer; `l0_40` is a sparsity. resid_pre of N is the output of block N - 1, so both
    numbers are accepted for it, in the folder's name too. When hook_name and hook_layer, or hook_name and hf_hook_name, disagree inside one configuration
    the finding is an error: readers hook what hf_hook_name says.
    """
    hook_name = _hook_name(sae) if sae.is_saelens else sae.sae.hook_name
    hook = parse_hook(hook_name) if hook_name else None
    stated, named = sae.sae.stated_layer, layers_named(sae.sae_id)
    place = sae.at(_hook_pointer(sae)) if sae.is_saelens else sae.where("hook_name")
    if hook is None or hook.layer is None:
        if stated is not None and named and stated not in named:
            yield _elsewhere(sae, named, f"the layer is {stated}", sae.where("layer"), str(stated))
        return
    if stated is not None and stated not in same_place(hook):
        yield Found(
            f"hook_name is {hook.name!r} and hook_layer is {stated}"
            if sae.is_saelens
            else f"the hook is {hook.name!r} and the layer is {stated}",
            f'write "hook_layer": {hook.layer} if the hook is right, else {_in_layer(hook.name, stated)!r}'
            if sae.is_saelens
            else f"write {hook.layer} for the layer if the hook is right, else the hook of layer {stated}",
            severity=Severity.ERROR,
            **place,
        )
    module = parse_hook(sae.sae.hf_hook_name) if sae.sae.hf_hook_name else None
    if module is not None and module.layer is not None and not same_place(hook) & same_place(module):
        yield Found(
            f"hook_name is {hook.name!r} and hf_hook_name is {module.name!r}",
            f"write the module of layer {hook.layer} if hook_name is right, else {_in_layer(hook.name, module.layer)!r}",
            severity=Severity.ERROR,
            identity="hf_hook_name",
            **place,
        )
    if named and not named & same_place(hook) and not _same_site(sae.sae_id, hook):
        yield _elsewhere(sae, named, f"hook_name is {hook.name!r}", place, str(hook.layer))


def _elsewhere(sae: SaeFacts, named: set[int], says: str, place: dict[str, Any], layer: str) -> Found:
    layers = " and ".join(str(layer) for layer in sorted(named))
    message = f"the folder {sae.sae_id!r} names layer {layers}, {says}"
    stated = sae.sae.hook_name if sae.sae.hook_name and ANY_LAYER.search(sae.sae.hook_name) else None
    other = repr(_in_layer(stated, min(named))) if stated and len(named) == 1 else None
    write = f"hook_name {other}" if other else f"layer {layers}"
    hint = f"rename the folder to layer {layer} if the configuration is right, else write {write} into it"
    depth = sae.base.shape.n_layers if sae.base and sae.base.shape else None
    if depth and layer.isdecimal() and int(layer) >= depth and max(named) < depth:
        hint = f"write {write} into the configuration: the base model has no layer {layer} (HOOK002)"
    return Found(message, hint, **place)


def _in_layer(hook_name: str, layer: int) -> str:
    """The same site of another layer."""
    return ANY_LAYER.sub(f".{layer}", hook_name, count=1)


def _same_site(sae_id: str, hook: Hook) -> bool:
    """Whether a part of the id is the hook's name, or its other name: `blocks.4.hook_resid_pre` is `blocks.3.hook_resid_post`."""
    return any(
        same_place(parse_hook(part)) & same_place(hook)
        for part in sae_id.split("/")
        if LENS_NAME.fullmatch(part)
    )


@sae_rule("CFG013", Severity.WARNING, Need.CFG, fix="unsafe")
def hook_name_form(sae: SaeFacts) -> Iterator[Found]:
    """`hook_name` is neither a TransformerLens name nor a module path, or mixes both.

    TransformerLens: `blocks.21.hook_resid_post`. Module path: `model.layers.21`. A mixture such as `model.layers.21.hook_resid_post` names
    no place in either: HookedSAETransformer logs a warning and attaches nothing, a forward hook cannot be registered.
    """
    hook_name = _hook_name(sae) if sae.cfg else None
    if not hook_name:
        return
    hook = parse_hook(hook_name)
    place = sae.at(_hook_pointer(sae))
    if hook.form == "mixed":
        hint, fix = _about_mixture(sae, hook)
        yield Found(
            f"hook_name {hook_name!r} mixes a module path with a TransformerLens hook",
            hint,
            fix=fix,
            **place,
        )
    elif hook.form == "unknown":
        yield Found(
            f"hook_name {hook_name!r} has neither the TransformerLens form nor that of a module path",
            _example(sae, hook),
            **place,
        )


def _about_mixture(sae: SaeFacts, hook: Hook) -> tuple[str, FixKind | None]:
    """The two names that it stands for."""
    try:
        lens, module = translated(hook.name)
    except ValueError:
        return f"{_example(sae, hook)}, or the path of the module alone", None
    beside = f", and {module!r} as hf_hook_name" if module else ""
    return f"write {lens!r}{beside}: {mend('CFG013', unsafe=True)}", "unsafe"


def _example(sae: SaeFacts, hook: Hook) -> str:
    """A name of the right form, in the layer that the files say."""
    stated = sae.sae.stated_layer
    named = layers_named(sae.sae_id)
    layer = (
        hook.layer
        if hook.layer is not None
        else stated
        if stated is not None
        else named.pop()
        if len(named) == 1
        else None
    )
    known = (
        f"'blocks.{layer}.hook_resid_post'"
        if layer is not None
        else "'blocks.N.hook_resid_post' with the layer for N"
    )
    return f"write {known}, if it was trained on the residual stream, or the site that it was trained on"


def _hook_name(sae: SaeFacts) -> str | None:
    """The hook name as written, wherever the layout keeps it."""
    metadata = sae.raw.get("metadata")
    for source in (metadata if isinstance(metadata, Mapping) else {}, sae.raw):
        for key in ("hook_name", "hook_point"):
            if isinstance(source.get(key), str):
                return str(source[key])
    return None


def _hook_pointer(sae: SaeFacts) -> str:
    return next(
        (p for p in ("/metadata/hook_name", "/hook_name", "/hook_point") if sae.at(p)["line"] is not None),
        "/hook_name",
    )
