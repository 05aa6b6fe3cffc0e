"""CFG023: where Neuronpedia is said to show an SAE."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from hubkit.models.hooks import parse_hook, same_place
from hubkit.models.kinship import kinship
from hubkit.validate.facts import RepoFacts, SaeFacts
from hubkit.validate.finding import Found, Severity
from hubkit.validate.need import Need
from hubkit.validate.rule import repo_rule

KEY = "neuronpedia_id"
FORM = re.compile(
    r"(?P<model>[A-Za-z0-9][\w.-]*)/(?:(?P<layer>\d{1,9})|[A-Za-z])-(?P<source>[A-Za-z0-9][\w.-]*)"
)
"""`gpt2-small/8-res-jb`: a model, a layer (a letter for the embedding, `pythia-70m-deduped/e-att-sm`), a source."""
ADDRESS = re.compile(r"(?:https?://)?(?:www\.)?neuronpedia\.org/(?P<id>[^/\s]+/[^/\s?#]+).*", re.IGNORECASE)


@repo_rule("CFG023", Severity.WARNING, Need.CFG)
def wrong_dashboard(repo: RepoFacts) -> Iterator[Found]:
    """`neuronpedia_id` is not an id of Neuronpedia, or one of another SAE.

    SAELens and dashboards make addresses of it: `gpt2-small/8-res-jb` is a model, a layer and a source. A whole address in its place, a missing layer, one id for
    two SAEs, or the id of another model or layer shows somebody else's latents under this SAE's name. A resid_pre goes by its own number or by that of the block before,
    the last resid_post also by the number behind it, as Neuronpedia has both.
    """
    owners: dict[str, list[SaeFacts]] = defaultdict(list)
    for sae in repo.saes:
        stated = _stated(sae)
        if stated is None:
            continue
        if isinstance(stated, str) and FORM.fullmatch(stated):
            owners[stated.lower()].append(sae)
            yield from _of_another(sae, stated)
        else:
            yield _misshapen(sae, stated)
    for same in owners.values():
        if len(same) > 1:
            ids = [sae.sae_id for sae in same]
            shown = ", ".join(ids[:3]) + (f" and {len(ids) - 3} more" if len(ids) > 3 else "")
            yield _found(
                same[1],
                f"{_stated(same[0])!r} is the {KEY} of {len(same)} SAEs: {shown}",
                "give each its own, or null",
                "doubled",
            )


def _stated(sae: SaeFacts) -> Any:
    """The id as the configuration has it; None where there is none."""
    value = sae.cfg.metadata.get(KEY) if sae.cfg else None
    return None if value in (None, "") else value


def _misshapen(sae: SaeFacts, stated: Any) -> Found:
    address = ADDRESS.fullmatch(stated.strip()) if isinstance(stated, str) else None
    match = FORM.fullmatch(address.group("id")) if address else None
    hint = f"write {match.group()!r}" if match else _example(sae)
    layers = _layers(sae)
    if match and match.group("layer") and layers and int(match.group("layer")) not in layers:
        hint = f"{match.group()!r} is of layer {match.group('layer')}, the SAE of layer {min(layers)}: write the id of its own dashboard, or null"
    return _found(sae, f"{KEY} is {stated!r}, expected the form 'gpt2-small/8-res-jb'", hint, "form")


def _of_another(sae: SaeFacts, stated: str) -> Iterator[Found]:
    match = FORM.fullmatch(stated)
    assert match is not None  # noqa: S101 - asked before
    model, layer = sae.sae.model_name, match.group("layer")
    if model and kinship(match.group("model"), model) == "different":
        yield _found(
            sae,
            f"{KEY} {stated!r} is of the model {match.group('model')}, the SAE's is {model}",
            _example(sae),
            "model",
        )
    layers = _layers(sae)
    if layer is not None and layers and int(layer) not in layers:
        at = sae.sae.hook_name or f"layer {sae.sae.layer}"
        yield _found(
            sae, f"{KEY} {stated!r} is of layer {int(layer)}, the SAE's hook is {at}", _example(sae), "layer"
        )


def _example(sae: SaeFacts) -> str:
    """What to write, with the SAE's own model and layer where they are known."""
    model = (sae.sae.model_name or "MODEL").rsplit("/", maxsplit=1)[-1].lower()
    layer = min(_layers(sae), default=None)
    form = f"{model}/{'LAYER' if layer is None else layer}-SOURCE"
    return f"write the id of its own dashboard as Neuronpedia's address has it ({form}), or null"


def _layers(sae: SaeFacts) -> set[int]:
    """The numbers by which Neuronpedia may call the SAE's place; empty where it is in no block."""
    hook = parse_hook(sae.sae.hook_name) if sae.sae.hook_name else None
    if hook is None or hook.layer is None:
        return {sae.sae.layer} if sae.sae.layer is not None else set()
    shape = sae.base.shape if sae.base else None
    last = shape is None or hook.layer + 1 == shape.n_layers
    return same_place(hook) | ({hook.layer + 1} if hook.site == "resid_post" and last else set())


def _found(sae: SaeFacts, message: str, hint: str, what: str) -> Found:
    pointer = f"/metadata/{KEY}" if sae.at(f"/metadata/{KEY}")["line"] is not None else f"/{KEY}"
    return Found(message, hint, **sae.at(pointer), sae_id=sae.sae_id, identity=f"{sae.sae_id} {what}")
