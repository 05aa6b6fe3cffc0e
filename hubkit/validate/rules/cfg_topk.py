"""CFG: the k of a TopK."""

from __future__ import annotations

from collections.abc import Iterator

from hubkit.formats import architectures, saelens
from hubkit.validate.facts import SaeFacts
from hubkit.validate.finding import Found, Severity
from hubkit.validate.need import Need
from hubkit.validate.rule import sae_rule


@sae_rule("CFG006", Severity.ERROR, Need.CFG)
def topk_without_k(sae: SaeFacts) -> Iterator[Found]:
    """A TopK without a reachable `k`: SAELens silently uses k = 100.

    In the v6 layout `k` must stand at the top level; in legacy files `activation_fn_kwargs.k` counts as well.
    An SAE trained with k = 64 then keeps 100 latents, and nothing says so.
    """
    if sae.cfg is None or sae.cfg.architecture not in architectures.TOPK or "k" in sae.cfg.effective:
        return
    kwargs = sae.raw.get("activation_fn_kwargs")
    elsewhere = kwargs.get("k") if isinstance(kwargs, dict) else None
    where = (
        f" (activation_fn_kwargs.k = {elsewhere!r} is not read in this layout)"
        if elsewhere is not None
        else ""
    )
    yield Found(
        f"{sae.cfg.architecture} without k{where}: SAELens runs it with k = 100",
        f'add "k": {elsewhere} at the top level'
        if elsewhere is not None
        else f'add "k": {sae.stored_k} at the top level, as the weights say'
        if sae.stored_k is not None
        else 'add "k" with the value of the training at the top level',
        **(sae.at("/architecture") | {"pointer": "/k"}),
    )


@sae_rule("CFG007", Severity.ERROR, Need.CFG)
def k_contradicts(sae: SaeFacts) -> Iterator[Found]:
    """`k` is out of range, stated twice differently, or beside an empty `activation_fn_kwargs`.

    k above d_sae loads and fails in encode, and k equal to d_sae keeps every latent, which makes it no TopK (a warning); in legacy files SAELens reads `activation_fn_kwargs["k"]` whenever that key exists, so an empty one raises KeyError('k').
    """
    cfg = sae.cfg
    if cfg is None or cfg.architecture not in architectures.TOPK:
        return
    k, d_sae = cfg.integer("k"), cfg.integer("d_sae")
    place = sae.at("/k" if "k" in sae.raw else "/activation_fn_kwargs/k")
    if k is not None and d_sae is not None and k > d_sae:
        yield Found(
            f"k is {k}, d_sae only {d_sae}: encode fails",
            f"write the k of the training, below {d_sae}",
            **place,
        )
    elif k is not None and k == d_sae and k > 1:
        yield Found(
            keeps_all(k),
            f"write the k of the training, below {d_sae}, or publish it as what it computes",
            **place,
            severity=Severity.WARNING,
        )
    inner = cfg.effective.get("k")
    if (
        "k" not in sae.raw and "k" in cfg.effective and (k is None or k < 1)
    ):  # at the top level CFG003 sees it
        shown = "null" if inner is None else repr(inner)
        yield Found(
            f"k is {shown}, expected a whole number of at least 1", "write the k of the training", **place
        )
    kwargs = sae.raw.get("activation_fn_kwargs")
    if not isinstance(kwargs, dict):
        return
    if "k" in sae.raw and "k" in kwargs and kwargs["k"] != sae.raw["k"]:
        yield Found(
            f"k is {sae.raw['k']!r} at the top level and {kwargs['k']!r} in activation_fn_kwargs",
            "find out which the training had, and remove the other",
            **place,
        )
    elif (
        sae.raw.get("architecture") == "topk"
        and "k" not in kwargs
        and "k" in sae.raw
        and not saelens.keeps_metadata(sae.raw)
    ):
        yield Found(
            "activation_fn_kwargs is there without k: loading raises KeyError('k') although k stands at the top level",
            f'write "activation_fn_kwargs": {{"k": {sae.raw["k"]}}}, or remove the key',
            **place,
        )


def keeps_all(k: int) -> str:
    """What is said of a TopK whose k is its number of latents."""
    return f"k is {k}, as many as there are latents: all of them are kept, and nothing is selected"
