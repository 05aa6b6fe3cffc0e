"""An SAE in a few lines of torch, for readers without SAELens."""

from __future__ import annotations

from collections.abc import Mapping

from hubkit.cards.facts import SaeFact
from hubkit.formats.architectures import JUMPRELU, TRANSCODERS
from hubkit.tensors.dtypes import CFG_NAMES

PLAIN_TORCH: Mapping[str, tuple[str, ...]] = {
    "standard": ("return torch.relu(pre)",),
    "topk": ("top = torch.relu(pre).topk({k})", "return torch.zeros_like(pre).scatter(-1, top.indices, top.values)"),
    "abstopk": ("top = pre.abs().topk({k}).indices", "return torch.zeros_like(pre).scatter(-1, top, pre.gather(-1, top))"),
    "jumprelu": ("return torch.relu(pre) * (pre > w['threshold'])",),
    "gated": ("gate, size = pre + w['b_gate'] > 0, pre * w['r_mag'].exp() + w['b_mag']", "return gate * torch.relu(size)"),
}  # fmt: skip
"""What an architecture makes of its pre-activations: `hubkit/formats/forward.py` in torch."""
FLOATS = {"float32", "float64", "float16", "bfloat16"}
ALIKE = {"transcoder": "standard", "skip_transcoder": "standard", **dict.fromkeys(JUMPRELU, "jumprelu")}


def loaded_as(sae: SaeFact) -> str:
    """The float type that SAELens computes in: that of the configuration, to which it casts the weights and what they are given."""
    return str(sae.sae.dtype or "float32").removeprefix("torch.")


def is_cast(sae: SaeFact) -> bool:
    """Whether the weights are stored in another type than SAELens computes in."""
    stored = {tensor.info.dtype for tensor in sae.sae.tensors.values()}
    return any(CFG_NAMES.get(one, loaded_as(sae)) != loaded_as(sae) for one in stored)


def plain_torch(sae: SaeFact) -> list[str] | None:
    """`encode` and `decode` of this SAE, its tensors in `w`; None for what a few lines do not compute."""
    cfg = sae.sae.cfg.effective if sae.sae.cfg else {}
    steps = PLAIN_TORCH.get(ALIKE.get(sae.architecture, sae.architecture))
    if type(sae.sae.k) is not int and any("{k}" in step for step in steps or ()):
        return None
    if (
        loaded_as(sae) not in FLOATS
        or steps is None
        or str(cfg.get("normalize_activations") or "none") != "none"
    ):
        return None
    transcoder, skip = sae.architecture in TRANSCODERS, "skip" in sae.architecture
    x = f"x.to(torch.{dtype})" if (dtype := loaded_as(sae)) != "float32" else "x"
    inside = x if transcoder or cfg.get("apply_b_dec_to_input") is False else f"({x} - w['b_dec'])"
    pre = f"{inside} @ w['W_enc']" + ("" if sae.architecture == "gated" else " + w['b_enc']")
    decoder = "w['W_dec']"
    if sae.rescaled:
        pre, decoder = (
            f"({pre}) * {decoder}.norm(dim=1)",
            f"({decoder} / {decoder}.norm(dim=1, keepdim=True))",
        )
    lines = [
        f"def encode(x):  # (rows, {sae.d_in}) to (rows, {sae.d_sae})",
        f"    pre = {pre}",
        *(f"    {step.format(k=sae.sae.k)}" for step in steps),
        "",
        "",
        f"def decode(latents{', x' if skip else ''}):",
        f"    return latents @ {decoder} + w['b_dec']{f' + {x} @ w[' + repr('W_skip') + '].T' if skip else ''}",
    ]
    return [line.replace("'", '"') for line in lines]
