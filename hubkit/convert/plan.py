"""What an SAE of another library becomes in SAELens's format, by its files and by what a person states; or why it becomes nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from hubkit.convert.explained import Refused, Stated, explained, unexplained
from hubkit.fix.convert import OLD_FORM, sources_of
from hubkit.formats.architectures import TOPK, TRANSCODERS
from hubkit.formats.conversion import NAMED_RELEASE, cfg_of, obstacle
from hubkit.formats.foreign import one_threshold
from hubkit.formats.foreign_forward import Definition, definition_of
from hubkit.formats.sae import BATCH_TOPK, THRESHOLDED, Sae
from hubkit.models.hooks import hook_layer, parse_hook
from hubkit.models.kinship import kinship
from hubkit.models.names import is_placeholder
from hubkit.tensors.slices import read_values

if TYPE_CHECKING:
    from hubkit.repo.view import RepoView
    from hubkit.validate.facts import SaeFacts

LAYER = "{layer}"
"""In a stated hook: the layer that the SAE's own files or path say."""
BLOCK = re.compile(r"(?:\w+\.)*(?:layers|h)\.(\d{1,9})", re.ASCII)
"""A module path that is a whole block: what comes out of block N is `blocks.N.hook_resid_post`."""
OTHER_MODEL = {"different", "tuned", "sibling"}
AS_HOOK = "as blocks.14.hook_resid_post, or with {layer}, for each SAE's own"


@dataclass(frozen=True)
class Planned:
    """One SAE that can be written, and what it is written as."""

    sae: Sae
    """With what was stated."""
    definition: Definition
    """What its own library, or the person, says that it computes."""
    cfg: Mapping[str, Any]
    sources: Mapping[str, str]
    """The sha256 of each file that it is made of, by name."""
    said: Mapping[str, Any] = field(default_factory=dict)
    """What a person stated and this SAE took."""
    notes: tuple[str, ...] = ()


def planned(facts: SaeFacts, view: RepoView, stated: Stated) -> Planned:
    """What becomes of one SAE. Raises Refused; IncompleteError where a file could not be read."""
    _readable(facts)
    _known(facts.sae, stated)
    notes: list[str] = []
    said: dict[str, Any] = {}
    sae = _completed(facts.sae, view, stated, said, notes)
    definition = explained(sae, view, stated, said)
    in_the_way = obstacle(_as_if_said(sae), definition)
    if definition is None or in_the_way is not None:
        raise Refused(str(in_the_way))
    if (missing := _missing(sae, definition, facts.sae.hook_name)) is not None:
        raise Refused(missing)
    _inference(sae, view, definition, facts.folder.keys)
    if definition.written_as in TOPK and "threshold" in definition.unread and "threshold" in sae.tensors:
        notes.append(
            "its threshold is left out: its library's own encode reads it only with use_threshold=True"
        )
    sources = sources_of(sae, view, facts.cfg_path)
    return Planned(sae, definition, cfg_of(sae, definition, sources, said), sources, said, tuple(notes))


def _known(sae: Sae, stated: Stated) -> None:
    """Raises Refused for what no option helps: a family that is only named, an architecture that SAELens has not."""
    if sae.family.name == "qwen_scope" and sae.architecture is None and stated.architecture is None:
        raise Refused(f"{NAMED_RELEASE}; or give --architecture topk, --k and --model")
    own = replace(sae, architecture=sae.architecture or stated.architecture)
    if definition_of(own) is None and not unexplained(sae):
        raise Refused(str(obstacle(own)))


def _as_if_said(sae: Sae) -> Sae:
    """With something for everything that an option can say: what stands in the way then, no option helps."""
    said = sae.model_name or "?", sae.hook_name or "?", sae.hook_name_out or "?", sae.k or 1
    return replace(sae, model_name=said[0], hook_name=said[1], hook_name_out=said[2], k=said[3])


def _readable(facts: SaeFacts) -> None:
    """Raises Refused for what is not opened, or holds no tensors that can be read without running it."""
    name = facts.weights.name if facts.weights else facts.sae_id
    if facts.pickle is not None and facts.pickle.executors:
        raise Refused(
            f"{name} imports {facts.pickle.executors[0]}, which runs code (SEC001): it is not opened"
        )
    if facts.head is not None and facts.head.fault is not None:
        raise Refused(f"{name} cannot be read: {facts.head.fault.message}")
    if facts.pickle is not None and facts.header is not None and not facts.header.tensors:
        raise Refused(f"{name} {OLD_FORM}")
    if facts.weights is None and facts.sae.is_judged:
        raise Refused("there are no weights beside its configuration")


def _completed(sae: Sae, view: RepoView, stated: Stated, said: dict[str, Any], notes: list[str]) -> Sae:
    """The SAE with what was stated. Raises Refused where the files say otherwise."""
    architecture = _agreed("architecture", sae.architecture, stated.architecture, said)
    k = sae.k if sae.k is not None else stored_k(sae, view)
    k = _agreed("k", k, stated.k if architecture in TOPK else None, said)
    hook, hf = _hook(sae, "--hook", stated.hook, _translated(sae), said)
    out = stated.hook_out if "transcoder" in str(architecture) else None
    hook_out, hf_out = _hook(sae, "--hook-out", out, sae.hook_name_out, said)
    threshold = sae.threshold or (one_threshold(sae.tensors) if architecture in THRESHOLDED else None)
    return replace(
        sae,
        architecture=architecture,
        k=k,
        hook_name=hook,
        hook_name_out=hook_out,
        hf_hook_name=sae.hf_hook_name or hf,
        hf_hook_name_out=sae.hf_hook_name_out or hf_out,
        model_name=_model(sae, stated, said, notes),
        threshold=threshold,
    )


def _model(sae: Sae, stated: Stated, said: dict[str, Any], notes: list[str]) -> str | None:
    """A stated name may be another spelling of what the files have (a path, a name without its owner), and not another model."""
    found = None if sae.model_name is None or is_placeholder(sae.model_name) else sae.model_name
    if stated.model in (None, found):
        return found
    if found is not None:
        if kinship(found, str(stated.model)) in OTHER_MODEL:
            raise Refused(
                f"--model says {stated.model}, its files say {found}",
                {"stated": stated.model, "found": found},
            )
        notes.append(f"its files call the model {found}")
    said["model_name"] = stated.model
    return stated.model


def _agreed(what: str, found: Any, stated: Any, said: dict[str, Any]) -> Any:
    """What the files say, else what a person does; what decides the computation is never overruled."""
    if stated is None or stated == found:
        return found
    if found is not None:
        raise Refused(f"--{what} says {stated}, its files say {found}", {"stated": stated, "found": found})
    said[what] = stated
    return stated


def stored_k(sae: Sae, view: RepoView) -> int | None:
    """The k that the weights keep as a tensor."""
    tensor = sae.tensors.get("k")
    if tensor is None or tensor.info.count != 1:
        return None
    return int(read_values(view, tensor.path, tensor.info).reshape(-1)[0])


def _translated(sae: Sae) -> str | None:
    """sparsify names modules of the model's inner part, which no path from the outside is; a whole block is told by its number alone."""
    if sae.family.name != "sparsify" or sae.hook_name is None:
        return sae.hook_name
    block = BLOCK.fullmatch(sae.hook_name)
    return f"blocks.{block[1]}.hook_resid_post" if block else None


def _hook(
    sae: Sae, option: str, stated: str | None, found: str | None, said: dict[str, Any]
) -> tuple[str | None, str | None]:
    """The hook, and the module path that the files give where a person gave TransformerLens's name for it. Raises Refused where they are two places."""
    if stated is None:
        return found, None
    if LAYER in stated and sae.layer is None:
        raise Refused(f"{option} has {LAYER}, and neither its files nor its path say a layer")
    hook = stated.replace(LAYER, str(sae.layer))
    layer, other = hook_layer(hook), parse_hook(found) if found else None
    if other is not None and hook != found and parse_hook(hook).form == other.form:
        raise Refused(f"{option} says {hook}, its files say {found}", {"stated": hook, "found": found})
    if layer is not None and sae.layer is not None and layer != sae.layer:
        raise Refused(
            f"{option} names layer {layer}, its files say layer {sae.layer}",
            {"stated": layer, "found": sae.layer},
        )
    if hook != found:
        said["hook_name" if option == "--hook" else "hook_name_out"] = hook
    return hook, found if other is not None and other.form == "module_path" else None


def _missing(sae: Sae, definition: Definition, named: str | None) -> str | None:
    """The options that say what no file does, or None where all is said. `named` is the hook in the family's own words."""
    inner = f" ({named} is a module of the model's inner part)" if named and sae.hook_name is None else ""
    wanted = [
        (sae.model_name, "model", "--model (as google/gemma-2-2b)"),
        (sae.hook_name, f"hook{inner}", f"--hook ({AS_HOOK})"),
    ]
    if definition.written_as in TRANSCODERS:
        wanted.append((sae.hook_name_out, "hook of its output", "--hook-out (as blocks.14.hook_mlp_out)"))
    if definition.written_as in TOPK:
        wanted.append((str(sae.k) if sae.k else None, "k", "--k"))
    absent = [(what, option) for value, what, option in wanted if value is None]
    if not absent:
        return None
    names = " and ".join(what for what, _ in absent)
    return f"no file says its {names}: give {' and '.join(option for _, option in absent)}"


def _inference(sae: Sae, view: RepoView, definition: Definition, keys: Mapping[str, Any]) -> None:
    """What the formula is the same for, and what is not what was trained. Raises Refused."""
    stored = stored_k(sae, view)
    if sae.k is not None and stored is not None and stored != sae.k and definition.written_as in TOPK:
        raise Refused(
            f"its configuration says k {sae.k}, the k in its weights is {stored}: its own library refuses that too; a checkpoint from before the end "
            "of an annealing has the larger one",
            {"k": sae.k, "stored_k": stored},
        )
    if definition.written_as in TOPK and sae.d_sae is not None and (sae.k or 0) > sae.d_sae:
        raise Refused(f"k is {sae.k}, and it has {sae.d_sae} latents", {"k": sae.k, "d_sae": sae.d_sae})
    if sae.architecture in BATCH_TOPK and sae.threshold is not None:
        value = float(sae.threshold.stored(view).reshape(-1)[0])
        if not value >= 0:
            raise Refused(
                f"its threshold is {value:g}: none was estimated before the training ended (threshold_start_step). A {sae.architecture} keeps the k "
                f"largest of a batch in training, which no architecture of SAELens does, and at inference what is above the threshold; with {value:g} "
                f"that is every positive latent, and not {sae.k or 'k'} a row. Estimate it on activations, and save it again",
                {"threshold": value, "k": sae.k},
            )
    if keys.get("normalize_activations") not in (None, False, "none", "") and sae.family.name == "sae_bench":
        raise Refused(
            f"normalize_activations is {keys['normalize_activations']!r}: its class does not compute that"
        )
    if sae.family.name == "gemma_scope" and "embedding" in sae.sae_id.split("/"):
        raise Refused(
            "the SAEs of embeddings expect inputs that are divided by sqrt(d_in), as SAELens's own loader does with their weights: take "
            'SAE.from_pretrained("gemma-scope-2b-pt-res", ...) and sae.save_model'
        )
