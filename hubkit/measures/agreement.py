"""How far judges agree beyond what their shares of labels alone would bring: kappa, for two and for several. numpy alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def cohen_kappa(tables: NDArray[Any]) -> NDArray[np.float64]:
    """Cohen's kappa of tables (..., k, k) that count which label the one and the other judge gave: (p_o - p_e) / (1 - p_e).

    NaN where both gave one and the same label throughout, or nothing: no agreement beyond chance can be told there.
    Source: Cohen 1960, Educational and Psychological Measurement 20.
    """
    counts = np.asarray(tables, np.float64)
    total = counts.sum((-2, -1))
    with np.errstate(invalid="ignore", divide="ignore"):
        observed = np.trace(counts, axis1=-2, axis2=-1) / total
        expected = (counts.sum(-1) * counts.sum(-2)).sum(-1) / total**2
        return _beyond(observed, expected)


def fleiss_kappa(votes: NDArray[Any], weights: NDArray[Any] | None = None) -> NDArray[np.float64]:
    """Fleiss' kappa of `votes` (n, k): how many of the m judges gave each completion each label; every row sums to m, at least 2.

    `weights` (..., n) count each completion so many times, for resampling. NaN where only one label was given.
    Source: Fleiss 1971, Psychological Bulletin 76.
    """
    given = np.asarray(votes, np.float64)
    times = np.ones(len(given)) if weights is None else np.asarray(weights, np.float64)
    judges = given[0].sum()
    by_row = (given * (given - 1)).sum(1) / (judges * (judges - 1))
    total = times.sum(-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = (times @ given) / (total * judges)[..., None]
        return _beyond((times @ by_row) / total, (shares**2).sum(-1))


def _beyond(observed: NDArray[np.float64], expected: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(expected < 1 - 1e-12, (observed - expected) / (1 - expected), np.nan)
