"""Whether SAELens's class, loaded from what was written, computes what the source's own definition does; with numbers.

Both are computed in float64 over the same stored values, so that what is left between them is the order of additions: CLOSE of the sizes of the terms that
are added. As people load it, in the format of the file, SAELens's own rounding comes in, which no conversion decides: TOLERANCE.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hubkit.convert.explained import Refused
from hubkit.convert.inputs import LIMITS, Array, Inputs
from hubkit.formats.foreign_forward import Definition, outputs
from hubkit.tensors.dtypes import CFG_NAMES
from hubkit.validate.load import TOLERANCE

CLOSE = 1e-11
"""Relative to the sum of the absolute values of what is added (float64 rounds each to 1e-16)."""
FLIPPED = 0.02
"""Of the latents in question, how many a narrow format may decide otherwise by its rounding."""
LARGEST = {CFG_NAMES[kind]: largest for kind, (largest, _) in LIMITS.items()}
GIVEN = 1e-3
"""Relative to the largest of a row, what outputs that a person gives may differ by: they are of float32, or narrower."""


@dataclass(frozen=True)
class Compared:
    """What the comparison saw."""

    saelens: str
    """Its version."""
    rows: int
    boundary: int
    """Rows on, just below or just above a threshold, or where two latents tie at k."""
    on_threshold: int
    """Latents for which an input lies on the threshold to the last bit."""
    latents: int
    """That were compared."""
    of_latents: int
    largest_latents: float
    """The largest difference of a latent, relative to the largest of its row."""
    largest_reconstruction: float
    ties: int
    """Rows in which equal latents tie at k and the two keep different ones: which, neither library says."""
    as_loaded: float
    """The largest relative difference of SAELens in the file's own format."""
    as_loaded_dtype: str
    flipped: float
    """Share of the latents that the rounding of that format decides otherwise."""
    given: float | None = None
    """The largest relative difference from outputs that a person gave."""

    def to_json(self) -> dict[str, Any]:
        """For `--format json`."""
        return asdict(self)


@dataclass(frozen=True)
class Loaded:
    """What SAELens made of the folder."""

    version: str
    dtype: str
    """Of its tensors, as people load it."""
    outputs: Mapping[str, Array]
    """`latents` and `out` of all rows in float64; `native_latents` and `native_out` of the plain rows in `dtype`."""
    of_latents: int
    """All that the SAE has, of which some may have been compared."""


def source_outputs(
    definition: Definition, own: Mapping[str, Array], rows: Array, k: int | None
) -> tuple[Array, Array]:
    """Latents and reconstruction by the source's own definition. Raises Refused where its tensors are not those of the class, or give no numbers."""
    try:
        latents, out = outputs(definition, own, rows, k)
    except (KeyError, ValueError) as error:
        raise Refused(
            f"its tensors ({', '.join(sorted(own))}) are not those that its class computes with: {error}"
        ) from error
    if not (np.isfinite(latents).all() and np.isfinite(out).all()):
        bad = int((~np.isfinite(out)).any(1).sum())
        raise Refused(
            f"its own definition gives infinities or NaN on {bad} of {len(rows)} inputs: hubkit validate --deep says where its weights have them",
            {"rows": bad},
        )
    return latents, out


def compared(
    inputs: Inputs,
    source: tuple[Array, Array],
    loaded: Loaded,
    w: Mapping[str, Array],
    every: Array | None = None,
) -> Compared:
    """The verdict on what SAELens computed, where it is good. Raises Refused with the numbers.

    `w` are the tensors by SAELens's names; `every`, of an SAE that keeps k latents, is what all of them would be with k as large as they are many.
    """
    found = loaded.outputs
    latents, out = source
    terms = np.abs(inputs.rows) @ np.abs(w["W_enc"]) + np.abs(w["b_dec"]).max() * np.abs(w["W_enc"]).sum(0)
    terms = terms * (np.exp(w["r_mag"]) if "r_mag" in w else 1.0) + sum(
        np.abs(w[name]) for name in ("b_enc", "b_mag") if name in w
    )
    tied = (
        np.zeros(len(latents), dtype=bool)
        if every is None
        else _ties(latents, found["latents"], every, terms)
    )
    _equal("latents", inputs, latents, found["latents"], terms, tied)
    rebuilt = terms @ np.abs(w["W_dec"]) + np.abs(w["b_dec"])
    if "W_skip" in w:
        rebuilt = rebuilt + np.abs(inputs.rows) @ np.abs(w["W_skip"]).T
    _equal("reconstruction", inputs, out, found["out"], rebuilt, tied)
    reach = np.maximum(terms.max(1), (np.abs(latents) @ np.abs(w["W_dec"])).max(1) + np.abs(out).max(1))
    largest, flipped = _as_loaded(inputs, source, found, loaded.dtype, reach)
    keep = ~tied
    return Compared(
        loaded.version,
        len(latents),
        int((~inputs.plain).sum()),
        inputs.exact,
        latents.shape[1],
        loaded.of_latents,
        _largest(latents[keep], found["latents"][keep]),
        _largest(out[keep], found["out"][keep]),
        int(tied.sum()),
        largest,
        loaded.dtype,
        flipped,
    )


def _ties(ours: Array, theirs: Array, every: Array, terms: Array) -> npt.NDArray[np.bool_]:
    """Rows in which the two keep different ones of latents that are equal: as many, each with its own value, and those that differ as large as the smallest kept."""
    room = CLOSE * np.maximum(terms.max(1, keepdims=True), 1e-300)
    apart = np.abs(ours - theirs) > room
    smallest = np.where(ours != 0, np.abs(ours), np.inf).min(1, keepdims=True)
    alike = np.abs(np.abs(every) - smallest) <= room
    its_own = (theirs == 0) | (np.abs(theirs - every) <= room)
    as_many = (ours != 0).sum(1) == (theirs != 0).sum(1)
    tied: npt.NDArray[np.bool_] = apart.any(1) & as_many & (its_own & (alike | ~apart)).all(1)
    return tied


def _equal(
    what: str, inputs: Inputs, ours: Array, theirs: Array, terms: Array, tied: npt.NDArray[np.bool_]
) -> None:
    """Raises Refused with the row that is furthest apart."""
    if ours.shape != theirs.shape:
        raise Refused(
            f"the {what} are {theirs.shape[1]} numbers a row in SAELens, {ours.shape[1]} by its own definition"
        )
    apart = np.abs(ours - theirs)
    bad = ~(apart <= CLOSE * np.maximum(terms, 1e-300)) & ~tied[:, None]
    if not bad.any():
        return
    share = np.where(bad, apart / np.maximum(terms, 1e-300), -1.0)
    share[np.isnan(share)] = np.inf
    row, column = np.unravel_index(int(share.argmax()), share.shape)
    kinds = sorted({inputs.kinds[one] for one in np.flatnonzero(bad.any(1))})
    raise Refused(
        f"the {what} would differ on {int(bad.any(1).sum())} of {len(ours)} inputs ({', '.join(kinds)}): number {column} of input {row} is "
        f"{ours[row, column]:.6g} by its own definition and {theirs[row, column]:.6g} in SAELens",
        {
            "what": what,
            "rows": int(bad.any(1).sum()),
            "of_rows": len(ours),
            "kinds": kinds,
            "own": float(ours[row, column]),
            "saelens": float(theirs[row, column]),
        },
    )


def _as_loaded(
    inputs: Inputs, source: tuple[Array, Array], found: Mapping[str, Array], dtype: str, reach: Array
) -> tuple[float, float]:
    """Of the rows on no boundary: the largest relative difference, and the share of latents decided otherwise. Raises Refused beyond what rounding does.

    `reach` is the largest number that is met on the way of each row: one that the format does not have is an infinity in any library.
    """
    within = reach[inputs.plain] < LARGEST[dtype]
    ours, out = (part[inputs.plain][within] for part in source)
    theirs, theirs_out = found["native_latents"][within], found["native_out"][within]
    other = (ours != 0) != (theirs != 0)
    either = max(1, int(((ours != 0) | (theirs != 0)).sum()))
    both = ~other
    largest = _largest(np.where(both, ours, 0.0), np.where(both, theirs, 0.0))
    plain = both.all(1)
    largest = max(largest, _largest(out[plain], theirs_out[plain]))
    flipped = float(other.sum()) / either
    if not largest <= TOLERANCE[dtype] or flipped > FLIPPED:
        raise Refused(
            f"loaded in {dtype}, SAELens's outputs differ by up to {largest:.2g} of a row's largest, and {flipped:.1%} of the latents fire otherwise: more than "
            f"the rounding of {dtype} explains",
            {"as_loaded": largest, "flipped": flipped},
        )
    return largest, flipped


def _largest(ours: Array, theirs: Array) -> float:
    """The largest difference, relative to the largest value of its row."""
    if not ours.size:
        return 0.0
    scale = np.maximum(np.abs(ours).max(1, keepdims=True), np.finfo(np.float64).tiny)
    return float((np.abs(ours - theirs) / scale).max())


def against_given(
    definition: Definition, own: Mapping[str, Array], k: int | None, given: Mapping[str, Array]
) -> float:
    """The largest relative difference from outputs that somebody's own code gave: `x` and `latents`, `reconstruction` or both.

    Raises Refused where they are others.
    """
    latents, out = source_outputs(definition, own, given["x"], k)
    worst = 0.0
    for what, ours in (("latents", latents), ("reconstruction", out)):
        if what not in given:
            continue
        if given[what].shape != ours.shape:
            raise Refused(f"--check has {what} of {given[what].shape}, expected {ours.shape}")
        scale = np.maximum(np.abs(given[what]).max(1, keepdims=True), 1e-30)
        apart = np.abs(ours - given[what]) / scale
        worst = max(worst, float(apart.max()))
        if not worst <= GIVEN:
            row, column = np.unravel_index(int(apart.argmax()), apart.shape)
            raise Refused(
                f"the {what} that --check gives are others: number {column} of row {row} is {given[what][row, column]:.6g} there and {ours[row, column]:.6g} by "
                "what was stated. Another architecture, k, or --apply-b-dec-to-input?",
                {"what": what, "largest": worst},
            )
    return worst
