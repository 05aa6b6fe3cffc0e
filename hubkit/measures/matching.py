"""Latents of one SAE beside those of another: which are the same, by how their directions lie.

Sources: PW-MCC (arXiv 2505.20254) for the matching of decoders, Paulo and Belrose 2025 (arXiv 2501.16615) for what two SAEs share.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Self

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Numbers = NDArray[np.int64]

SAME = 0.7
"""Cosine of encoder and of decoder from which two latents are one (Paulo and Belrose)."""


@dataclass(frozen=True, eq=False)
class Dictionary:
    """The latents of an SAE that fire on some rows. Equal to itself alone, so that what it was matched with is kept."""

    decoder: Floats
    """(m, d) unit rows."""
    encoder: Floats
    """(m, d) unit rows."""
    acts: Floats
    """(n, m) on those rows, or on others."""

    @classmethod
    def of(cls, decoder: Floats, encoder: Floats, acts: Floats, elsewhere: Floats | None = None) -> Self:
        """Of all latents (m, d) and (n, m): those that never fire, or point nowhere, are left out. `elsewhere` (k, m) are their activations on other rows, which are kept
        in the place of these."""
        there = (
            (acts != 0).any(axis=0) & (np.abs(decoder).sum(axis=1) > 0) & (np.abs(encoder).sum(axis=1) > 0)
        )
        kept = acts if elsewhere is None else elsewhere
        return cls(unit(decoder[there]), unit(encoder[there]), kept[:, there].astype(np.float64))


@dataclass(frozen=True, eq=False)
class Reseeded:
    """An SAE and its other seeds."""

    seeds: tuple[Dictionary, ...]
    """Its own first; the latents that fire on the training rows."""
    trained: Floats
    """(n, d) the training rows, the same for all of them."""
    rows: Floats
    """(k, d) those that the activations are on: the training rows, or rows that none of them has seen."""


@dataclass(frozen=True)
class Matched:
    """The latents of two dictionaries in pairs: as many as the smaller one has."""

    one: Numbers
    """(p,) places in the one."""
    other: Numbers
    """(p,) in the other."""
    cosines: Floats
    """(p,) of what they were matched by."""


def unit(rows: Floats) -> Floats:
    """Each row by its length; rows of length 0 stay."""
    wide = rows.astype(np.float64)
    found: Floats = wide / np.maximum(np.linalg.norm(wide, axis=1, keepdims=True), 1e-300)
    return found


def matched(one: Floats, other: Floats) -> Matched:
    """Unit rows (m, d) and (m', d) in the pairs whose cosines, signs counting, have the largest sum (Hungarian method)."""
    from scipy.optimize import linear_sum_assignment

    cosines = one @ other.T
    rows, columns = linear_sum_assignment(cosines, maximize=True)
    return Matched(rows, columns, cosines[rows, columns])


@lru_cache(maxsize=8)
def by_decoder(one: Dictionary, other: Dictionary) -> Matched:
    """Their decoders in pairs: the dearest step, which every measure of two SAEs begins with."""
    return matched(one.decoder, other.decoder)


def agreement(one: Dictionary, other: Dictionary) -> float:
    """Mean cosine of decoders in pairs."""
    return float(by_decoder(one, other).cosines.mean())


def shared(one: Dictionary, other: Dictionary) -> float:
    """Share of the pairs that decoder and encoder agree on, both with a cosine of SAME or more."""
    decoders, encoders = by_decoder(one, other), matched(one.encoder, other.encoder)
    same = (decoders.other == encoders.other) & (decoders.one == encoders.one)
    return float((same & (decoders.cosines >= SAME) & (encoders.cosines >= SAME)).mean())


def firing_together(one: Dictionary, other: Dictionary) -> tuple[float, float]:
    """Mean correlation of the activations of latents in pairs, and the same beside the latent of the other that fires next more often than the counterpart.

    Of pairs of which one fires on these rows at least; NaN where none does.
    """
    pairs = by_decoder(one, other)
    order = np.argsort((other.acts[:, pairs.other] != 0).sum(axis=0), kind="stable")
    neighbour = np.empty_like(order)
    neighbour[order] = np.roll(order, -1)
    beside = replace(pairs, other=pairs.other[neighbour])
    return correlated(one, other, pairs), correlated(one, other, beside)


def correlated(one: Dictionary, other: Dictionary, pairs: Matched) -> float:
    """Mean correlation of the activations of those `pairs` of which one fires at least; NaN where none does."""
    own, partners = one.acts[:, pairs.one], other.acts[:, pairs.other]
    fires = (own != 0).any(axis=0) | (partners != 0).any(axis=0)
    return float(_correlations(own[:, fires], partners[:, fires]).mean()) if fires.any() else float("nan")


def _correlations(one: Floats, other: Floats) -> Floats:
    """(p,) of columns; 0 where one does not vary."""
    a, b = one - one.mean(axis=0), other - other.mean(axis=0)
    size = np.sqrt((a * a).sum(axis=0) * (b * b).sum(axis=0))
    found: Floats = np.where(size > 0, (a * b).sum(axis=0) / np.where(size > 0, size, 1.0), 0.0)
    return found


def random_like(rows: Floats | None, sizes: tuple[int, int], d: int, generator: np.random.Generator) -> float:
    """`agreement` of two dictionaries of so many random directions of d dimensions: all alike (None), or of the covariance of `rows` (n, d), less their mean."""
    one, other = (_directions(rows, size, d, generator) for size in sizes)
    return float(matched(one, other).cosines.mean())


def random_dictionary(
    like: Dictionary, of: Floats | None, found: Reseeded, generator: np.random.Generator
) -> Dictionary:
    """As many random directions as `like` has latents, alike or of the covariance of rows (`of`), as an encoder and as its decoder: relu(w (x - mean)), the mean that of the
    training rows. They fire as often as those of `like`, above the one threshold that leaves so many activations on the rows together."""
    w = _directions(of, len(like.decoder), found.rows.shape[1], generator)
    acts = (found.rows - found.trained.mean(axis=0)) @ w.T
    if count := int(np.count_nonzero(like.acts)):
        threshold = np.partition(acts, acts.size - count, axis=None)[acts.size - count]
        return Dictionary(w, w, np.where(acts >= max(threshold, 0.0), acts, 0.0))
    return Dictionary(w, w, np.zeros_like(acts))


def _directions(rows: Floats | None, size: int, d: int, generator: np.random.Generator) -> Floats:
    """(size, d) unit rows."""
    if rows is None:
        return unit(generator.normal(size=(size, d)))
    return unit(generator.normal(size=(size, len(rows))) @ (rows - rows.mean(axis=0)))
