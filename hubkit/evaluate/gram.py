"""Products of standardised rows: what a ridge-penalised fit of wide features needs of them, and all that it needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.sparse import csr_array

    Floats = NDArray[np.float64]

FILLED = 0.03
"""Share of all entries that may be other than 0 where rows are multiplied as sparse ones: above it the dense product is the faster."""
OFTEN = 0.2
"""Share of the rows on which a column is other than 0 from which it is multiplied as a dense one: the mean of a sparse one is small beside its deviation."""
CONSTANT = 1e-12
"""Deviation, relative to the mean, below which a column does not vary."""


def standardised(features: NDArray[np.floating]) -> Floats:
    """(n, r) the columns of `features` (n, d) that vary, less their mean, by their deviation over the rows."""
    wide = features.astype(np.float64)
    mean, deviation = wide.mean(axis=0), wide.std(axis=0)
    kept = _varies(mean, deviation)
    if not kept.all():
        wide, mean, deviation = wide[:, kept], mean[kept], deviation[kept]
    wide -= mean
    wide /= deviation
    return wide


def gram(features: NDArray[np.floating]) -> Floats:
    """(n, n) products of the rows of `standardised(features)`, without making them where most are 0: latents that seldom fire are multiplied where they do."""
    if np.count_nonzero(features) > FILLED * features.size:
        wide = standardised(features)
        return wide @ wide.T
    from scipy.sparse import csr_array

    rows = csr_array(features).astype(np.float64)
    often = np.bincount(rows.indices, minlength=features.shape[1]) > OFTEN * len(features)
    found = _sparse(rows, often)
    if often.any():
        wide = standardised(features[:, often])
        found += wide @ wide.T
    return found


def _sparse(rows: csr_array, without: NDArray[np.bool_]) -> Floats:
    """(z - m)(z - m)' = z z' - u 1' - 1 u' + m m' of rows z by their deviation, u = z m; of all columns but some."""
    n = rows.shape[0]
    mean = np.asarray(rows.sum(axis=0)) / n
    deviation = np.sqrt(np.maximum(np.asarray(rows.power(2).sum(axis=0)) / n - mean**2, 0.0))
    kept = _varies(mean, deviation) & ~without
    share = np.where(kept, 1 / np.where(kept, deviation, 1.0), 0.0)
    rows.data *= share[rows.indices]
    mean *= share
    cross = rows @ mean
    found: Floats = (rows @ rows.T).toarray()
    found -= cross[:, None] + cross[None, :] - float(mean @ mean)
    return found


def _varies(mean: Floats, deviation: Floats) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = deviation > CONSTANT * np.maximum(1.0, np.abs(mean))
    return found
