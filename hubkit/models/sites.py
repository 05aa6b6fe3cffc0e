"""Which hooks and modules there are: the closed vocabulary of TransformerLens, and where each architecture of transformers keeps its blocks.

Read in TransformerLens 3.9 (components/, model_bridge/generalized_components/): the hook points of HookedTransformer, HookedEncoder and T5, and the aliases of
the bridge, in which every component has a `hook_in` and a `hook_out` of its own. Other libraries name hooks as they like, so a name that is merely unknown is left
alone: judged is what is all but one of these names, and what the architecture cannot have.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hubkit.models.architecture import BY_TYPE
from hubkit.models.hooks import parse_hook

if TYPE_CHECKING:
    from hubkit.models.config import ModelShape

NORMS = ("ln1", "ln2", "ln1_post", "ln2_post", "ln3")
IN_BLOCK = frozenset(
    {
        "hook_resid_pre", "hook_resid_mid", "hook_resid_post", "hook_normalized_resid_post", "hook_attn_in", "hook_attn_out", "hook_mlp_in", "hook_mlp_out",
        "hook_q_input", "hook_k_input", "hook_v_input", "hook_in", "hook_out", "hook_resid_mid_cross", "hook_cross_attn_in", "hook_cross_attn_out",
        "attn.hook_q", "attn.hook_k", "attn.hook_v", "attn.hook_z", "attn.hook_attn_scores", "attn.hook_pattern", "attn.hook_result", "attn.hook_attn_input",
        "attn.hook_rot_q", "attn.hook_rot_k", "attn.hook_in", "attn.hook_out", "attn.hook_hidden_states",
        "mlp.hook_pre", "mlp.hook_pre_linear", "mlp.hook_post", "mlp.hook_in", "mlp.hook_out", "mlp.hook_mid", "mlp.hook_gate",
        "mlp.hook_expert_weights", "mlp.hook_expert_indices", "mlp.ln.hook_normalized", "mlp.ln.hook_scale",
        *(f"{norm}.hook_{what}" for norm in NORMS for what in ("normalized", "scale", "in", "out")),
    }
)  # fmt: skip
"""Behind `blocks.N.`"""
OUTSIDE = frozenset(
    {
        "hook_embed", "hook_pos_embed", "hook_tokens", "hook_full_embed", "hook_unembed", "ln_final.hook_normalized", "ln_final.hook_scale", "ln_final.hook_in",
        "ln_final.hook_out", "embed.hook_in", "embed.hook_out", "pos_embed.hook_out", "unembed.hook_in", "unembed.hook_out", "embed_ln.hook_out",
        "embed.ln.hook_scale", "embed.ln.hook_normalized",
    }
)  # fmt: skip
PARALLEL = frozenset({"gpt_neox", "gptj", "phi", "codegen", "cohere"})
"""Model types whose attention and MLP read the same residual stream: there is no state between them, so no `hook_resid_mid`."""
OWN_CODE = frozenset({"nanochat"})
"""Model types that people load with the authors' own code, whose modules and hooks have other names."""
CLOSE = 0.86
"""How alike two names must be (difflib) for one to be a slip of the other: a letter or two."""
BEFORE_BLOCKS = re.compile(r"(?:^|.*\.)blocks$")
LAYERED = re.compile(r"((?:[A-Za-z_]\w*\.)+|)(\d{1,9})(?:\.(.+))?")
WRAPPERS = {
    "model", "transformer", "gpt_neox", "base_model", "language_model", "module", "decoder", "backbone", "text_model", "llm", "lm", "_orig_mod",
    "original_component", "_model",
}  # fmt: skip
"""What may stand before the list of blocks: the class, what wraps it, what compiles it."""
HEADS = sorted({blocks for one in BY_TYPE.values() for blocks in one.blocks})
NO_HOOK = "TransformerLens has no such hook"
NAKED = {"resid_pre", "resid_mid", "resid_post", "mlp_out", "attn_out"}
"""Sites that TransformerLens writes with `hook_`."""


@dataclass(frozen=True, slots=True)
class Misnamed:
    """A hook that is not there."""

    why: str
    instead: str | None = None
    certain: bool = False
    """Whether it can be attached to nothing: the architecture is known."""


def misnamed(name: str, shape: ModelShape | None = None, model: str = "") -> Misnamed | None:
    """Why there can be no hook `name`, in a base model of `shape` called `model`; None where it may exist."""
    own = shape is not None and shape.model_type in OWN_CODE
    known = None if own else shape
    form = parse_hook(name).form
    if form == "transformer_lens":
        return _lens(name, known, model)
    return _module(name, known, model) if form == "module_path" and not own else None


def _lens(name: str, shape: ModelShape | None, model: str) -> Misnamed | None:
    match = re.fullmatch(r"([A-Za-z_][\w.]*?)\.(\d{1,9})\.(.+)", name)
    if match is None:
        near = _near(name, OUTSIDE)
        return Misnamed(NO_HOOK, near, shape is not None) if near else None
    head, layer, site = match.groups()
    if BEFORE_BLOCKS.match(head):
        return _site(f"{head}.{layer}", site, shape, model)
    good = site if site in IN_BLOCK else _near(site, IN_BLOCK)
    if good is None or not (head.lower() == "blocks" or _near(head.lower(), {"blocks"}, 0.8)):
        return None
    return Misnamed(
        "TransformerLens calls the list of blocks `blocks`", f"blocks.{layer}.{good}", shape is not None
    )


def _site(block: str, site: str, shape: ModelShape | None, model: str) -> Misnamed | None:
    """What is wrong with a hook inside a block."""
    if site == "hook_resid_mid" and shape is not None and shape.model_type in PARALLEL:
        why = f"attention and MLP of {model or shape.model_type} are parallel: there is no residual stream between them"
        return Misnamed(why, f"{block}.hook_resid_pre or {block}.hook_resid_post", certain=True)
    if site in IN_BLOCK or site.endswith((".hook_in", ".hook_out")):
        return None
    if (moved := _moved(site)) is not None:
        return Misnamed(NO_HOOK, f"{block}.{moved}", shape is not None)
    if (near := _near(site, IN_BLOCK)) is not None:
        return Misnamed(NO_HOOK, f"{block}.{near}", shape is not None)
    good = _cut_short(site) if shape is not None else ()
    return Misnamed(NO_HOOK, " or ".join(f"{block}.{one}" for one in good)) if good else None


def _moved(site: str) -> str | None:
    """`hook_mlp_pre` for `mlp.hook_pre`: the module is a part of the path, not of the hook."""
    part = re.fullmatch(r"hook_(attn|mlp)_(\w+)", site)
    meant = f"{part[1]}.hook_{part[2]}" if part else ""
    return meant if meant in IN_BLOCK else None


def _cut_short(site: str) -> list[str]:
    """The hooks of which a part was left out: `hook_z`, which is in `attn`, `hook_mlp`, which is in or out."""
    inside = [one for one in sorted(IN_BLOCK) if one in {f"attn.{site}", f"mlp.{site}"}]
    return inside or [one for one in sorted(IN_BLOCK) if one.startswith(f"{site}_")][:3]


def _module(name: str, shape: ModelShape | None, model: str) -> Misnamed | None:
    match = LAYERED.fullmatch(name)
    if match is None or not match.group(1):
        return None
    head, layer, rest = match.group(1).rstrip("."), match.group(2), match.group(3)
    if head == "blocks":  # of TransformerLens, or of a vision model, whose modules these may be
        site = f"hook_{rest}" if rest in NAKED else _near(rest or "", IN_BLOCK)
        why = "TransformerLens writes the site with `hook_`"
        return Misnamed(why, f"blocks.{layer}.{site}", shape is not None) if site else None
    tail = f".{rest}" if rest else ""
    if shape is not None:
        return _elsewhere(head, layer, tail, shape, model)
    near = _near(head, HEADS) if head not in HEADS and _plain(head) else None
    return (
        Misnamed(f"no decoder of transformers has its blocks in {head}", f"{near}.{layer}{tail}")
        if near
        else None
    )


def _elsewhere(head: str, layer: str, tail: str, shape: ModelShape, model: str) -> Misnamed | None:
    """A path in a known architecture whose list of blocks has another name. What else has numbered parts (a vision tower, experts) is left alone."""
    lists = {blocks.rsplit(".", 1)[-1] for blocks in shape.architecture.blocks}
    *before, last = head.split(".")
    slips = [word for word in before if word not in WRAPPERS and _near(word, WRAPPERS)]
    if not slips and (last in lists or not set(before) <= WRAPPERS):
        return None
    if (
        last not in lists
        and last not in {"layers", "layer", "h", "hs", "block"}
        and not _near(last, lists, 0.75)
    ):
        return None
    why = f"the blocks of {model or shape.model_type} are in {shape.blocks}"
    # nnterp calls the blocks of any model `layers`, and remote code had other names than transformers has now
    return Misnamed(why, f"{shape.blocks}.{layer}{tail}", certain=bool(slips) or last not in {"layers", "h"})


def _plain(head: str) -> bool:
    """Whether it is a decoder's path: `encoder.layer`, `transformer.layer` (DistilBERT, XLNet) and their like are real."""
    return "encoder" not in head and not head.endswith("transformer.layer")


def _near(name: str, names: object, cutoff: float = CLOSE) -> str | None:
    """The name that `name` is a slip of: a letter or two, a dot or underscore; None where it is one, or like none."""
    known = sorted(names)  # type: ignore[call-overload]
    if name in known:
        return None
    folded = {re.sub(r"[._]", "", one).lower(): one for one in known}
    if (same := folded.get(re.sub(r"[._]", "", name).lower())) is not None:
        return str(same)
    found = difflib.get_close_matches(name, known, n=1, cutoff=cutoff)
    return str(found[0]) if found and _slip(name, str(found[0])) else None


def _slip(name: str, known: str) -> bool:
    """Whether the two differ by letters inside their words, not by a word of its own (`hook_resid_post_ln`, `hook_attn_out2`)."""
    if known in name and re.match(r"[._]\w{2,}|\d", name[name.index(known) + len(known) :]):
        return False
    same_numbers = re.sub(r"\D", "", name) == re.sub(r"\D", "", known)
    return same_numbers and len(re.split(r"[._]", name)) == len(re.split(r"[._]", known))
