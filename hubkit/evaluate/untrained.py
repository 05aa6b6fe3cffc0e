"""SAEs that nobody trained: random directions, firing as often as a trained SAE's latents."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hubkit.measures.bootstrap import SEED

if TYPE_CHECKING:
    from numpy.typing import NDArray


def random_latents(
    x: NDArray[np.float32], d_sae: int, l0: float, *, each_row: bool, seed: int = 0
) -> NDArray[np.float32]:
    """(n, d_sae) relu(w (x - mean)) of unit directions w: the `l0` largest of each row (TopK), or those above the one threshold at which so many of a row
    are left on average. The mean is over all rows: no label enters, and no fold."""
    generator = np.random.default_rng([SEED, x.shape[1], d_sae, seed])
    directions = generator.standard_normal((x.shape[1], d_sae), dtype=np.float32)
    directions /= np.linalg.norm(directions, axis=0)
    found: NDArray[np.float32] = (x - x.mean(axis=0, dtype=np.float64).astype(np.float32)) @ directions
    if each_row:
        k = int(np.clip(round(l0), 1, d_sae))
        kept = np.partition(found, d_sae - k, axis=1)[:, d_sae - k, None]
    else:
        count = int(np.clip(round(l0 * len(x)), 1, found.size))
        kept = np.partition(found, found.size - count, axis=None)[found.size - count]
    found[(found < kept) | (found < 0)] = 0.0
    return found
