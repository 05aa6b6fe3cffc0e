"""Which recipe a training takes where nothing is said: that of hundreds of rows, or that of thousands. Torch-free.

Measured by dictionary recovery (`benchmarks/recovery.py`, docs/benchmarks.md): what converges in 400 steps on 181 rows finds next to nothing of a known
dictionary on 20,000, and what finds it there fits the noise of 200 rows.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hubkit.train.spec import SaeSpec

MANY_ROWS = 2000
"""Rows from which the recipe of thousands is ahead in every measure; at 1,000 it comes nearer to the features and explains less of new rows."""
ENOUGH_STEPS = 400
"""Steps from which it was seen to reach its L0; hubkit's default."""
SLOWEST, FASTEST = 3e-3, 8e-3
"""Between which the rate is for REFERENCE latents: the lower for a run that sees SEEN rows, repeated ones counted, and more for a shorter one."""
SEEN = 192_000
"""1,500 steps of 128 rows."""
REFERENCE = 128
"""Latents of the dictionary that the rates were found on; with more the rate falls with the root of their number (as Gao et al. 2024 let it, https://arxiv.org/abs/2406.04093)."""
DECAY = 5
"""Of a run, one part in this many."""
DEAD_WINDOW = 200
"""Steps, where a run has eight times as many."""


def many_rows(n: int, steps: int) -> bool:
    """Whether `n` rows and `steps` steps are enough for the recipe of thousands of rows."""
    return n >= MANY_ROWS and steps >= ENOUGH_STEPS


def rate(spec: SaeSpec, n: int) -> float:
    """Adam's learning rate of that recipe for `spec` on `n` rows; never below what its architecture takes on hundreds."""
    seen = spec.steps_for(n) * spec.batch_for(n)
    alone = min(FASTEST, SLOWEST * max(1.0, math.sqrt(SEEN / seen)))
    return max(spec.kind.lr(spec.recipe), alone * min(1.0, math.sqrt(REFERENCE / spec.d_sae)))


def scheduled(spec: SaeSpec, n: int) -> dict[str, float | int]:
    """The rate of a run of `spec` on `n` rows and its decay at the end, where what moved fast settles; no decay beside a schedule of the user's own."""
    found = rate(spec, n)
    own = spec.lr_schedule != "constant" or spec.lr_warm_up_steps > 0
    return {"lr": found} if own else {"lr": found, "lr_decay_steps": spec.steps_for(n) // DECAY}


def dead_window(steps: int) -> int:
    """Steps without firing after which a latent of such a run is dead."""
    return min(DEAD_WINDOW, steps // 8)
