"""Spearman's rank correlation with its exact permutation test: for the few models of a study."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations
from random import Random
from statistics import mean

FEWEST = 4
EXACT = 8
"""Up to so many pairs all n! orders are tried."""
DRAWN = 20_000
"""Orders drawn of more pairs, with the seed below: p = (1 + b) / (1 + B), Phipson & Smyth 2010."""
SEED = 0


@dataclass(frozen=True)
class Trend:
    """How one quantity goes with another over n models."""

    n: int
    rho: float
    """Spearman's, ties at their mean rank."""
    p_value: float
    """Two-sided, by permutation."""

    @property
    def verdict(self) -> str:
        """In words."""
        if self.p_value > 0.05:
            return "no trend that this many models could show"
        return "rises with size" if self.rho > 0 else "falls with size"


def trend(x: Sequence[float], y: Sequence[float]) -> Trend | None:
    """None for fewer than four pairs, or where either side is constant."""
    if len(x) < FEWEST or len(set(x)) < 2 or len(set(y)) < 2:
        return None
    a, b = ranks(x), ranks(y)
    rho = correlation(a, b)
    limit = abs(rho) - 1e-12
    if len(x) <= EXACT:
        orders = list(permutations(b))
        p_value = sum(abs(correlation(a, order)) >= limit for order in orders) / len(orders)
    else:
        random, shuffled, hits = Random(SEED), list(b), 0  # noqa: S311 - no secret
        for _ in range(DRAWN):
            random.shuffle(shuffled)
            hits += abs(correlation(a, shuffled)) >= limit
        p_value = (1 + hits) / (1 + DRAWN)
    return Trend(len(x), rho, p_value)


def ranks(values: Sequence[float]) -> list[float]:
    """1 for the smallest; equal values share their mean rank."""
    ordered = sorted(values)
    return [mean([i + 1 for i, other in enumerate(ordered) if other == value]) for value in values]


def correlation(a: Sequence[float], b: Sequence[float]) -> float:
    """Pearson's, of ranks."""
    mean_a, mean_b = mean(a), mean(b)
    over = sum((x - mean_a) * (y - mean_b) for x, y in zip(a, b, strict=True))
    under = sum((x - mean_a) ** 2 for x in a) * sum((y - mean_b) ** 2 for y in b)
    return float(over / under**0.5)
