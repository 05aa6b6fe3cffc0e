"""The inputs on which two definitions are compared: random ones, and those on which definitions that are nearly the same part.

A row with one coordinate other than b_dec (or than 0) has pre-activations of one product and one sum each, which every library rounds alike: so it can lie on a
threshold to the last bit, and just below and above it, whatever the order in which a matrix product adds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
RANDOM, LATENTS, DIRECTIONS, STEPS = 32, 12, 4, 8
"""Random rows; latents whose boundary is sought; coordinates along which ties at k are; neighbouring numbers that are tried."""
LIMITS = {
    "F16": (65504.0, 6.0e-8), "BF16": (3.38e38, 9.2e-41), "F32": (3.40e38, 1.4e-45), "F64": (1e150, 5e-324),
}  # fmt: skip
"""The largest and the smallest positive number of a format; of float64 one whose square is no infinity."""
ROOM = 64.0
"""What lies nearer to the largest number than by this factor could overflow on the way, in any library."""
PLAIN = ("random", "zero", "large", "limit")
"""Kinds of rows that lie on no boundary: rounding to a narrow format does not decide them."""


@dataclass(frozen=True)
class Inputs:
    """Rows (n, d_in), what each is for, and how many lie on a boundary to the last bit."""

    rows: Array
    kinds: tuple[str, ...]
    exact: int = 0

    @property
    def plain(self) -> npt.NDArray[np.bool_]:
        """Which rows lie on no boundary."""
        return np.array([kind in PLAIN for kind in self.kinds])


def inputs_for(cfg: Mapping[str, Any], w: Mapping[str, Array], dtype: str) -> Inputs:
    """Inputs for the SAE of `cfg` with the tensors `w`, in SAELens's names and orientation; `dtype` is safetensors' name of its format."""
    base = w["b_dec"] if cfg["apply_b_dec_to_input"] else np.zeros(w["W_enc"].shape[0])
    generator = np.random.default_rng(0)
    d_in = len(base)
    random = generator.standard_normal((RANDOM, d_in)) * np.logspace(-2, 2, RANDOM)[:, None]
    near = base + 0.1 * generator.standard_normal((RANDOM // 4, d_in))
    zero = np.stack([np.zeros(d_in), -np.zeros(d_in), w["b_dec"][:d_in] if len(w["b_dec"]) == d_in else base])
    large = generator.standard_normal((4, d_in)) * np.array([1e3, 1e4, 1e5, 1e6])[:, None]
    found = {
        "random": np.concatenate([random, near]),
        "zero": zero,
        "large": large[:1] if dtype == "F16" else large,
        "limit": _at_limits(generator.standard_normal((2, d_in)), w, dtype),
    }
    found = {kind: _stored_as(rows, dtype) for kind, rows in found.items()}
    on, exact = _on_thresholds(cfg, w, base)
    found["threshold"] = on
    if "k" in cfg:
        found["tie"] = _around_ties(w, base, int(cfg["k"]), signed=cfg["architecture"] == "abstopk")
    kinds = tuple(kind for kind, rows in found.items() for _ in rows)
    return Inputs(np.concatenate([rows.reshape(-1, d_in) for rows in found.values()]), kinds, exact)


def _stored_as(rows: Array, dtype: str) -> Array:
    """The same in numbers that the format has, so that nothing is rounded when SAELens casts them."""
    if dtype == "BF16":
        return (
            (rows.astype(np.float32).view(np.uint32) & np.uint32(0xFFFF0000))
            .view(np.float32)
            .astype(np.float64)
        )
    return rows.astype({"F16": np.float16, "F32": np.float32, "F64": np.float64}[dtype]).astype(np.float64)


def _at_limits(directions: Array, w: Mapping[str, Array], dtype: str) -> Array:
    """Rows whose outputs come near to the largest number of the format, and rows of its smallest numbers."""
    largest, smallest = LIMITS[dtype]
    before = np.abs(directions) @ np.abs(w["W_enc"])
    reach = np.maximum.reduce(
        [before.max(1), (before @ np.abs(w["W_dec"])).max(1), np.abs(directions).max(1)]
    )
    high = directions / np.maximum(reach, 1e-300)[:, None] * (largest / ROOM)
    return np.concatenate([high, np.sign(directions) * smallest])


def _on_thresholds(cfg: Mapping[str, Any], w: Mapping[str, Array], base: Array) -> tuple[Array, int]:
    """For some latents the input at which they begin to fire: just below, exactly there where there is one, and just above."""
    encoder = w["W_enc"]
    bias = w["b_gate"] if cfg["architecture"] == "gated" else w["b_enc"]
    boundary = w.get("threshold", np.zeros(len(bias)))
    chosen = np.unique(np.linspace(0, len(bias) - 1, min(LATENTS, len(bias))).astype(int))
    rows, exact = [], 0
    for latent in chosen:
        axis = int(np.abs(encoder[:, latent]).argmax())
        weight, at = encoder[axis, latent], boundary[latent]
        if weight == 0 or not np.isfinite([weight, at, bias[latent]]).all():
            continue
        values = _neighbours(base[axis] + (at - bias[latent]) / weight)
        before = (values - base[axis]) * weight + bias[latent]
        on, below, above = values[before == at], values[before < at], values[before > at]
        exact += int(len(on) > 0)
        rows += [
            _one_hot(base, axis, value)
            for value in (*on[:1], *below[:1], *below[-1:], *above[:1], *above[-1:])
        ]
    return np.array(rows).reshape(-1, len(base)), exact


def _neighbours(value: float) -> Array:
    """Numbers around `value`, the nearest and ever wider ones, in their order."""
    below, above = [value], [value]
    for _ in range(STEPS):
        below.append(float(np.nextafter(below[-1], -np.inf)))
        above.append(float(np.nextafter(above[-1], np.inf)))
    wide = [
        value + side * max(abs(value), 1e-3) * 10.0**-power for power in range(3, 15, 2) for side in (-1, 1)
    ]
    return np.unique(np.array([*below, *above, *wide]))


def _one_hot(base: Array, axis: int, value: float) -> Array:
    row = base.copy()
    row[axis] = value
    return row


def _around_ties(w: Mapping[str, Array], base: Array, k: int, *, signed: bool) -> Array:
    """Inputs between which another latent comes among the k largest: the two neighbouring numbers, where two latents tie or all but tie."""
    encoder, bias = w["W_enc"], w["b_enc"]
    axes = np.argsort(-np.abs(encoder).max(1), kind="stable")[:DIRECTIONS]
    rows = []
    for axis in axes:
        reach = 10.0 * (1.0 + np.abs(bias).max()) / max(float(np.abs(encoder[axis]).max()), 1e-30)

        def chosen(value: float, axis: int = int(axis)) -> frozenset[int]:
            before = (value - base[axis]) * encoder[axis] + bias
            rank = np.abs(before) if signed else np.maximum(before, 0)
            return frozenset(np.argsort(-rank, kind="stable")[:k].tolist())

        grid = base[axis] + np.linspace(-reach, reach, 33)
        sets = [chosen(value) for value in grid]
        for one in (n for n in range(32) if sets[n] != sets[n + 1]):
            low, high, kept = float(grid[one]), float(grid[one + 1]), sets[one]
            while (middle := (low + high) / 2) not in (low, high):
                low, high = (middle, high) if chosen(middle) == kept else (low, middle)
            rows += [_one_hot(base, int(axis), value) for value in (low, high)]
            if len(rows) >= 8 * DIRECTIONS:
                break
    return np.array(rows).reshape(-1, len(base))
