"""THR: thresholds of which only a part is wrong, and what the numbers around them say."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from hubkit.formats.sae import JUMPRELU
from hubkit.readme.disclosure import discloses, tells_of_dead
from hubkit.readme.prose import table_rows
from hubkit.release.layout import README
from hubkit.validate.facts import RepoFacts, SaeFacts
from hubkit.validate.finding import Found, Severity
from hubkit.validate.need import Need
from hubkit.validate.rule import repo_rule, sae_rule
from hubkit.validate.rules.thr_unlearned import (
    as_loaded,
    equals,
    found,
    known_init,
    set_not_learned,
    thresholds,
)

NARROW = {"BF16", "F16"}
FEW = 64
MANY = 1024
SHARE, NARROW_SHARE = 0.01, 0.2
MOSTLY = 0.75
NOTHING = 1e-7
"""The rounding of float32 at 1: pre-activations are between some hundredths and some thousands, and no trainer begins with a threshold below 0.001."""
NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")


@sae_rule("THR003", Severity.WARNING, Need.THRESHOLD)
def mostly_zero(sae: SaeFacts) -> Iterator[Found]:
    """More than half of the thresholds are 0, or so small that they hold nothing back (below 1e-7), not all.

    Those latents compute a plain ReLU. SAELens clamps a threshold at 0 when the training pushes it below, so a few zeros are healthy; a majority says that
    the training wanted no threshold at all, or that only a part of them was ever trained.
    """
    values = thresholds(sae)
    if values is None or not values.any():
        return
    zeros, small = int((values == 0).sum()), int(((values >= 0) & (values < NOTHING)).sum())
    if values.size > small > values.size / 2:
        which = (
            "exactly 0" if zeros == small else f"0 or below {NOTHING:g}" if zeros else f"below {NOTHING:g}"
        )
        yield found(
            sae,
            f"{small:,} of {values.size:,} thresholds are {which}{as_loaded(sae)}: those latents compute a plain ReLU",
            "train again from a larger initial threshold, within the scale of the pre-activations",
        )


@sae_rule("THR006", Severity.WARNING, Need.HEADER | Need.THRESHOLD)
def too_coarse(sae: SaeFacts) -> Iterator[Found]:
    """Half-precision thresholds with hardly any distinct values.

    Fewer than 64 distinct values over at least 1,024 latents in bfloat16 or float16: steps smaller than the format's spacing were rounded away, so
    the threshold stopped learning (SAELens PR 728). Ties among many distinct values are healthy; one value for all is not this rule's.
    """
    values = thresholds(sae)
    dtype = sae.sae.threshold.dtype if sae.sae.threshold else None
    if values is None or dtype not in NARROW or values.size < MANY:
        return
    distinct = np.unique(values).size
    if not set_not_learned(sae) and 1 < distinct < FEW:
        yield found(
            sae,
            f"{values.size:,} thresholds in {dtype} have {distinct} distinct values: steps below its precision were lost",
            "train the threshold again in float32 (SAELens 6.50 or later does) and save it so",
        )


@sae_rule("THR007", Severity.WARNING, Need.TREE | Need.THRESHOLD)
def straight_through_in_name_only(sae: SaeFacts) -> Iterator[Found]:
    """The id says `_ste_`, and every threshold is 0.

    The name promises a threshold trained with a straight-through estimator; the tensor says that it never had a gradient.
    """
    values = thresholds(sae)
    if (
        values is not None
        and not values.any()
        and re.search(r"(?:^|[_\-./])ste(?:$|[_\-./])", sae.sae_id, re.IGNORECASE)
    ):
        yield found(
            sae,
            f"{sae.sae_id!r} promises a straight-through estimator and all {values.size:,} thresholds are 0",
            "upload the SAE that was trained with it, or rename this one",
        )


@sae_rule("THR009", Severity.WARNING, Need.CFG | Need.THRESHOLD)
def latents_without_gradient(sae: SaeFacts) -> Iterator[Found]:
    """Over 1 % of the thresholds are exactly the initial value that the configuration states.

    Adam moves any parameter with a gradient by about the learning rate, so a float32 threshold that equals its initial value to the bit never received
    one: a dead latent, or an initial value beyond the pre-activations. In bfloat16 and float16 the initial value is compared as it is rounded there (1.1 is
    1.1015625), and since near values round to it too, one in five is counted as too many. All of them is THR002.
    """
    values, init = thresholds(sae), known_init(sae)
    dtype = sae.sae.threshold.dtype if sae.sae.threshold else None
    if values is None or not init or set_not_learned(sae):
        return
    same = (
        int(equals(values, init).sum())
        if dtype in NARROW
        else int((values == np.float64(np.float32(init))).sum())
    )
    if values.size * (NARROW_SHARE if dtype in NARROW else SHARE) < same < values.size:
        yield found(
            sae,
            f"{same:,} of {values.size:,} thresholds are exactly the initial {init:g}: no gradient ever reached those latents",
            "train for more steps or from a smaller initial value; to publish it as it is, say in the card that these latents are dead, and ignore THR009 in hubkit.toml with that reason",
            init=init,
        )


@repo_rule("THR008", Severity.WARNING, Need.CFG | Need.THRESHOLD | Need.README | Need.EVALUATION)
def far_from_sparse(repo: RepoFacts) -> Iterator[Found]:
    """An L0 over a quarter of d_sae is reported for a JumpReLU or a Gated SAE.

    With a third of all latents active on every input nothing is sparse: the mark of a threshold or a gate that never learned. Counts for `standard` too where
    `metadata.training_architecture` is jumprelu. Read from evaluation.json and evidence.yaml, from tables of the card that name the SAE,
    and from `metadata.l0`, the mean over the last steps that SAELens's training writes. Silent where the card says that it is dense.
    """
    if repo.page is not None and discloses(repo.page, "dense"):
        return
    saes = {sae.sae_id: sae for sae in repo.saes if _sparse_by_design(sae)}
    reported: dict[str, tuple[float, str, int | None]] = {}
    for value in repo.values:
        if value.measure == "l0" and value.number is not None and value.sae_id in saes:
            reported.setdefault(value.sae_id, (value.number, value.path, value.line))
    for sae_id, number, row in _in_tables(repo, saes):
        reported.setdefault(sae_id, (number, README, row))
    for sae_id, sae in saes.items():
        if (stated := training_number(sae, "l0")) is not None:
            place = sae.at("/metadata/l0")
            reported.setdefault(sae_id, (stated, place["path"], place["line"]))
    for sae_id, (number, path, line) in reported.items():
        d_sae = saes[sae_id].sae.d_sae
        if d_sae and d_sae / 4 < number <= d_sae:
            yield Found(
                f"L0 {number:g} of {d_sae:,} latents ({number / d_sae:.0%}) are active on average: not sparse",
                "train with a target L0 and a straight-through estimator, or say in the card that it is dense",
                path=path,
                line=line,
                sae_id=sae_id,
                measured={"l0": number, "d_sae": d_sae},
            )


@repo_rule("THR011", Severity.NOTE, Need.CFG | Need.README)
def mostly_dead(repo: RepoFacts) -> Iterator[Found]:
    """Most latents were dead at the end of the training, as SAELens wrote down.

    `metadata.num_dead_features` counts the latents that had not fired for the whole of the dead-feature window. With more than half of them dead d_sae says little
    of what the SAE has learned; with more than three quarters (a warning) the initial threshold, the learning rate or the penalty was wrong for these activations.
    Any architecture; what other programs write is not read. Silent where the card says of each such SAE how many latents are dead, or alive.
    """
    for sae in repo.saes:
        dead, d_sae = training_number(sae, "num_dead_features"), sae.sae.d_sae
        if dead is None or not d_sae or not d_sae / 2 < dead <= d_sae:
            continue
        if repo.page is not None and tells_of_dead(repo.page, round(dead), d_sae):
            continue
        yield Found(
            f"{dead:,g} of {d_sae:,} latents ({dead / d_sae:.0%}) were dead at the end of the training",
            f'train longer, with a smaller penalty or an auxiliary loss; or say in the card "{dead:,g} of its {d_sae:,} latents are dead"',
            severity=Severity.WARNING if dead > MOSTLY * d_sae else None,
            **sae.at("/metadata/num_dead_features"),
            sae_id=sae.sae_id,
            measured={"num_dead_features": dead, "d_sae": d_sae},
        )


def training_number(sae: SaeFacts, name: str) -> float | None:
    """A number that SAELens's training wrote into the metadata; None where it is none, or none that can be."""
    value = sae.cfg.metadata.get(name) if sae.cfg else None
    number = float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
    return number if number is not None and np.isfinite(number) and number >= 0 else None


def _sparse_by_design(sae: SaeFacts) -> bool:
    return sae.architecture in JUMPRELU | {"gated"} or (
        sae.architecture is not None and sae.sae.training.architecture == "jumprelu"
    )


def _in_tables(repo: RepoFacts, saes: dict[str, SaeFacts]) -> Iterator[tuple[str, float, int]]:
    """(sae_id, L0, line) of table rows that name one SAE and have a column called L0."""
    for row in table_rows(repo.card) if repo.card else ():
        named = [cell for cell in row.cells.values() if cell in saes]
        stated = next((cell for title, cell in row.cells.items() if title.strip().lower() == "l0"), "")
        number = NUMBER.match(stated)
        if len(named) == 1 and number:
            yield named[0], float(number.group().replace(",", "")), row.line
