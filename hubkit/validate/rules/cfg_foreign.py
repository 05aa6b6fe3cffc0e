"""CFG: another family's configuration against its own weights. SAELens's have CFG004 to CFG008 and WTS004 to WTS008."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from hubkit.errors import IncompleteError
from hubkit.formats.foreign import sizes_of
from hubkit.formats.sae import BATCH_TOPK, TOPK
from hubkit.validate.facts import SaeFacts
from hubkit.validate.finding import Found, Severity
from hubkit.validate.need import Need
from hubkit.validate.rule import sae_rule
from hubkit.validate.rules.cfg_families import asked_by_loader
from hubkit.validate.rules.cfg_topk import keeps_all

K_GIVEN_TO_LOADER = {"circuit_tracer", "mwhanna_transcoder"}
"""Families whose loader can be told k (for one repository it knows it); others keep it with the SAE."""
MATRIX = 2


@sae_rule("CFG022", Severity.ERROR, Need.CFG | Need.HEADER | Need.THRESHOLD)
def foreign_contradiction(sae: SaeFacts) -> Iterator[Found]:
    """In another family's files the configuration and the weights contradict each other, or something that its loader needs is missing.

    A tensor that the family's own code needs; a width in the configuration that the tensors do not have; an encoder or a decoder that is turned round (its
    other shapes say which way it belongs); a TopK without k, with a k below 1 or above the number of latents, or with another k in its weights than in its
    configuration; a k of a groupmax that does not divide the number of latents; group sizes of a Matryoshka whose sum is another; an activation that the family's own code has not, or for which the tensors are missing.
    What else its loader asks: of OpenMOSS norms of the data set that can be divided by, a threshold, the tensors of a GLU; of circuit-tracer layers of one width. A warning, where a TopK
    keeps all of its latents; an expansion_factor gives another width than d_sae; a dict_class is none of dictionary_learning's own; a circuit-tracer's set is to be a TopK and has thresholds. Where a family has no configuration the tensors are held against each other.
    """
    if sae.is_saelens or not sae.sae.is_judged:
        return
    yield from _k(sae)
    yield from asked_by_loader(sae)
    if sae.sae.refused is not None:
        yield Found(
            f"{sae.sae.refused.said}, expected {', '.join(sae.sae.refused.known[:-1])} or {sae.sae.refused.known[-1]}: {sae.sae.refused.effect}",
            "write the activation that it was trained with, and save the SAE again where that needs tensors that are missing",
            **sae.where("activation"),
            identity="activation",
        )
    if sae.header is None:
        return
    missing = sorted(sae.sae.required - sae.sae.tensors.keys())
    if missing and sae.header.refused:
        raise IncompleteError(f"{sae.sae.weights}: {'; '.join(sae.header.refused[:3])}")
    if missing:
        there = ", ".join(tensor.info.name for tensor in sae.sae.tensors.values()) or "no tensors"
        yield Found(
            f"{sae.sae.family.name} needs {', '.join(missing)} (in SAELens's names); the file has {there}",
            f"save the SAE again, with {', '.join(missing)}, with the library that wrote it",
            path=sae.sae.weights,
            identity="missing",
        )
    yield from _shapes(sae)
    yield from _groups(sae)


def _groups(sae: SaeFacts) -> Iterator[Found]:
    """The levels of a Matryoshka: what its loader builds it of, and what it was trained with."""
    trainer = sae.raw.get("trainer")
    stated = trainer.get("group_sizes") if isinstance(trainer, Mapping) else None
    stored, d_sae = sae.stored_groups, sae.sae.d_sae
    if stored is not None and d_sae is not None and (sum(stored) != d_sae or min(stored) < 1):
        yield Found(
            f"group_sizes of the weights are {list(stored)}, expected numbers above 0 whose sum is d_sae = {d_sae}: loading raises",
            "save the SAE again with the group sizes of the training",
            **sae.in_weights("group_sizes"),
            identity="groups",
        )
    elif stored is not None and isinstance(stated, list) and stated != list(stored):
        yield Found(
            f"group_sizes are {stated} in the configuration and {list(stored)} in the weights",
            "find out which the training had, and correct the other",
            **sae.where("trainer"),
            severity=Severity.WARNING,
            identity="groups",
        )


def _shapes(sae: SaeFacts) -> Iterator[Found]:
    """Each tensor against the sizes; a matrix the wrong way round is told apart from one of another width."""
    turned: list[tuple[str, str]] = []
    wrong: list[tuple[str, str]] = []
    for name, tensor in sae.sae.tensors.items():
        expected = sae.sae.shape(name)
        if expected is None or tensor.shape == expected:
            continue
        back = len(expected) == MATRIX and tensor.shape == expected[::-1]
        said = f"{tensor.info.name} has shape {list(tensor.info.shape)}, expected {_stored(expected, transposed=tensor.transposed)}"
        (turned if back else wrong).append((name, said))
    if turned:
        names = ", ".join(sae.sae.tensors[name].info.name for name, _ in turned)
        yield Found(
            f"transposed: {'; '.join(said for _, said in turned)}",
            f"save {names} transposed, as the library that reads it expects it",
            **sae.in_weights(turned[0][0]),
            identity="turned",
        )
    if wrong:
        sizes = ", ".join(
            f"{axis} {size}"
            for axis in ("d_in", "d_sae", "d_out")
            if (size := getattr(sae.sae, axis)) is not None
        )
        source = f"{sizes} by the configuration" if sae.cfg_path else f"{sizes} by the other tensors"
        yield Found(
            f"{'; '.join(said for _, said in wrong)} ({source})",
            _about_widths(sae, [name for name, _ in wrong]),
            **sae.in_weights(wrong[0][0]),
            identity="shape",
            measured={"tensors": {name: list(sae.sae.tensors[name].shape) for name, _ in wrong}},
        )


def _about_widths(sae: SaeFacts, wrong: list[str]) -> str:
    """The sizes that the tensors say, against those of the configuration."""
    sizes = sizes_of(sae.sae.tensors)
    says = {"d_in": sizes.d_in, "d_sae": sizes.d_sae}
    odd = {axis: size for axis, size in says.items() if size is not None and size != getattr(sae.sae, axis)}
    names = ", ".join(sae.sae.tensors[name].info.name for name in wrong)
    if not odd or not sae.cfg_path:
        return f"save {names} again in the shape that is expected"
    where = [sae.sae.origins[axis].pointer.rpartition("/")[2] for axis in odd if axis in sae.sae.origins]
    values = ", ".join(f"{axis} {size}" for axis, size in odd.items())
    keys = f" ({', '.join(where)})" if where else ""
    return f"write {values}{keys} into the configuration if the tensors are right, else save {names} again"


def _stored(shape: tuple[int, ...], *, transposed: bool) -> list[int]:
    return list(shape[::-1] if transposed else shape)


def _k(sae: SaeFacts) -> Iterator[Found]:
    found = sae.sae
    if found.architecture not in TOPK | BATCH_TOPK:
        return
    place = sae.where("k")
    stored = sae.stored_k
    in_weights = "k" in found.tensors and found.origins["k"].path == found.weights
    if found.k is None and not in_weights and sae.header is not None:
        yield Found(
            f"a {found.architecture} without k",
            f"add the k of the training to {place.get('path') or 'the configuration'}",
            **place,
            severity=Severity.WARNING if found.family.name in K_GIVEN_TO_LOADER else None,
            identity="k",
        )
    elif found.k is not None and (found.k < 1 or (found.d_sae is not None and found.k > found.d_sae)):
        yield Found(
            f"k is {found.k}, expected 1 to {found.d_sae or 'the number of latents'}",
            f"write the k of the training, 1 to {found.d_sae or 'the number of latents'}"
            if stored is None or stored == found.k
            else f"write {stored}, as the weights say",
            **place,
            identity="k",
            measured={"k": found.k, "d_sae": found.d_sae},
        )
    elif found.k and found.d_sae and str(found.architecture).startswith("groupmax") and found.d_sae % found.k:
        yield Found(
            f"k is {found.k}, which does not divide the {found.d_sae:,} latents into groups: encoding raises",
            f"write the k of the training, one that divides {found.d_sae}",
            **place,
            identity="k",
            measured={"k": found.k, "d_sae": found.d_sae},
        )
    elif stored is not None and found.k is not None and stored != found.k:
        yield Found(
            f"k is {found.k} in the configuration and {stored} in the weights",
            f"find out which the training had: write {stored} into the configuration if the weights are right, else save them with {found.k}",
            **place,
            identity="k",
            measured={"configuration": found.k, "weights": stored},
        )
    elif found.k == found.d_sae and found.k is not None and found.k > 1:
        yield Found(
            keeps_all(found.k),
            f"write the k of the training, below {found.d_sae}",
            **place,
            severity=Severity.WARNING,
            identity="k",
            measured={"k": found.k, "d_sae": found.d_sae},
        )
