"""What a study will train, take and need, told before hours of it: counts, shapes, bytes, and the time by arithmetic on what this machine does in a moment.

Times are of a quiet machine and of the most there can be: every completion decided, half of them for each label, dense products. Torch-free.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from hubkit.engine.memory import free_on_host
from hubkit.models.base_width import base_shape
from hubkit.release.pool import MIXED
from hubkit.train.plan import FLOAT32, SMALL_FILES, CrossFit
from hubkit.words import human_bytes

if TYPE_CHECKING:
    from collections.abc import Callable

    from hubkit.collect.plan import CollectPlan
    from hubkit.inference.precision import Precision
    from hubkit.study.study import Study
    from hubkit.train.spec import SaeSpec

BYTES = {"float32": 4.0, "bfloat16": 2.0, "float16": 2.0, "int8": 1.0, "nf4": 0.56, "fp4": 0.56}
"""Of a parameter in memory; of the four-bit types with the scales of their blocks. GGUF's block types are rounded and held as what is computed with."""
PRODUCTS = 5
"""Of (B, d_in) with (d_in, d_sae) in one dense step (docs/benchmarks.md)."""
COPIES = 7
"""Of an SAE's weights in training: those, Adam's two moments, the gradient and what it is summed from."""
PROCESS = 0.7e9
"""Bytes that a worker takes beside its stack."""
AT_ONCE = 32
"""Completions that share one reading of the weights."""
LONG = 24 * 3600
"""Seconds from which a GPU is advised."""


@dataclass(frozen=True)
class Speed:
    """Of this machine, one process."""

    flops: float
    """Multiplications and additions a second."""
    bandwidth: float
    """Bytes a second."""


@dataclass(frozen=True)
class Trained:
    """What the training of one release takes."""

    published: int
    """Bytes of the weights that are published."""
    disk: int
    """Bytes of all weights, and of the pool."""
    seconds: float
    """On all workers."""
    memory: float
    """Bytes of all workers, with one SAE each."""


@dataclass(frozen=True)
class Forecast:
    """Of one release."""

    name: str
    repo_id: str
    base_model: str
    precision: str
    layers: tuple[int, ...]
    conditions: tuple[str, ...]
    kinds: dict[tuple[str, int | None, int | None, int], int]
    """Architecture, k, d_in (None where it is not known here), d_sae, to published SAEs."""
    completions: int
    units: int
    """SAEs that are trained: those of the folds and the controls too."""
    collecting: float | None
    """Seconds; None where the base model's size is not known here."""
    model_memory: float | None
    """Bytes of the base model."""
    trained: Trained | None
    """None where the width of its activations is not known here."""
    notes: list[str]
    """Where this machine does not do, and what is known before: rows and dimensions, scenarios."""

    @property
    def saes(self) -> int:
        """Published ones."""
        return sum(self.kinds.values())


def forecast(
    study: Study, crossfit: CrossFit, workers: int, *, speed: Speed | None = None, free: int | None = None
) -> Forecast:
    """What `study` will come to. Raises UsageError where the grid needs a width that is not known here."""
    here = speed or measured_speed()
    free = free_on_host() if free is None else free
    specs, plan = study.specs(), study.collect
    shape = base_shape(plan.model, plan.model_name, study.card.base_model)
    d_in, parameters = (shape.d_model, shape.parameters) if shape else (None, None)
    draws = {spec.sae_id: _draws(study, spec, crossfit) for spec in specs}
    held = parameters * bytes_of(plan.precision) if parameters else None
    found = Forecast(
        name=study.name,
        repo_id=study.card.repo_id,
        base_model=study.card.base_model,
        precision=str(plan.precision),
        layers=plan.layers,
        conditions=tuple(dict.fromkeys(spec.condition for spec in specs)),
        kinds=dict(Counter((str(spec.architecture), spec.k, d_in, spec.d_sae) for spec in specs)),
        completions=plan.total,
        units=sum(draws.values()),
        collecting=_collecting(plan, parameters, held, here),
        model_memory=held,
        trained=None if d_in is None else _trained(study, specs, draws, d_in, workers, here),
        notes=[],
    )
    found.notes.extend(_notes(study, found, free))
    return found


def _collecting(plan: CollectPlan, parameters: int | None, held: float | None, speed: Speed) -> float | None:
    """Seconds: each completion is drawn, and run once more for its activations."""
    if parameters is None or held is None:
        return None
    token = max(4 * parameters / speed.flops, 2 * held / speed.bandwidth / AT_ONCE)
    return plan.total * plan.max_new_tokens * token


def _trained(
    study: Study, specs: list[SaeSpec], draws: dict[str, int], d_in: int, workers: int, speed: Speed
) -> Trained:
    plan = study.collect
    weights = {spec.sae_id: 2 * FLOAT32 * spec.d_sae * d_in + SMALL_FILES for spec in specs}
    seconds = sum(
        _step(spec, d_in, speed) * _steps(plan.samples, spec) * draws[spec.sae_id] for spec in specs
    )
    pool = plan.samples * d_in * FLOAT32 * len(plan.layers) * len(plan.sites)
    return Trained(
        published=sum(weights.values()),
        disk=pool + sum(weights[name] * draws[name] for name in draws),
        seconds=seconds / workers,
        memory=workers * (PROCESS + COPIES * max(weights.values())),
    )


def bytes_of(precision: Precision) -> float:
    """Of a parameter in memory."""
    return BYTES[precision.weights if precision.weights in BYTES else precision.compute]


def _draws(study: Study, spec: SaeSpec, crossfit: CrossFit) -> int:
    """How often one published SAE is trained: of all its rows from each seed, without each fold, from each other seed without the first, and the control."""
    if crossfit.folds == 0:
        return crossfit.seeds
    folds = study.collect.folds
    scenarios = len({one.scenario_id for one in study.collect.scenarios if not one.control})
    whole = min(folds, scenarios) if crossfit.scenarios and scenarios > 1 else 0
    seeds = 2 * crossfit.seeds - 1
    return seeds + folds + whole + (crossfit.control and spec.condition != MIXED)


def _steps(samples: int, spec: SaeSpec) -> int:
    return spec.steps_for(max(1, samples if spec.condition == MIXED else samples // 2))


def _step(spec: SaeSpec, d_in: int, speed: Speed) -> float:
    """Seconds of a dense step of one SAE: its products, and Adam's way through the weights."""
    products = PRODUCTS * 2 * spec.batch_size * d_in * spec.d_sae / speed.flops
    return products + COPIES * 2 * FLOAT32 * d_in * spec.d_sae / speed.bandwidth


def _notes(study: Study, found: Forecast, free: int) -> list[str]:
    told = []
    if found.model_memory is None:
        told.append(
            f"how large {found.base_model} is, is not known here: neither its memory nor its time can be told"
        )
    elif found.model_memory > free:
        told.append(
            f"needs a GPU, or a machine with more memory: the base model takes {human_bytes(found.model_memory)}, {human_bytes(free)} are free here"
        )
    trained = found.trained
    if trained is None:
        told.append(f"how wide {found.base_model} is, is not known here: what training takes cannot be told")
    elif trained.memory > free:
        told.append(
            f"training takes {human_bytes(trained.memory)}, {human_bytes(free)} are free here: fewer --workers"
        )
    for what, seconds in (
        ("collecting", found.collecting),
        ("training", trained.seconds if trained else None),
    ):
        if seconds is not None and seconds > LONG:
            device = "device: cuda under collect" if what == "collecting" else "--device cuda"
            told.append(
                f"needs a GPU to be done in a day: {what} takes about {duration(seconds)} here ({device})"
            )
    narrow = [d_in for _, _, d_in, _ in found.kinds if d_in is not None and study.collect.samples < d_in]
    if narrow:
        told.append(
            f"{study.collect.samples:,} completions are fewer than the {narrow[0]:,} dimensions: SAEs can learn the rows by heart (EVL004)"
        )
    scenarios = len({one.scenario_id for one in study.collect.scenarios if not one.control})
    if scenarios < 12:
        told.append(
            f"{scenarios} scenarios, fewer than 12: what holds on new scenarios will be descriptive only"
        )
    return told


@cache
def measured_speed() -> Speed:
    """What numpy does here in a fifth of a second: the best of several, which is a quiet machine's."""
    import numpy as np

    x, w = np.ones((128, 576), dtype=np.float32), np.ones((576, 2304), dtype=np.float32)
    block = np.ones(1 << 23, dtype=np.float32)
    into = np.empty_like(block)
    products = min(_seconds(lambda: x @ w) for _ in range(12))
    copies = min(_seconds(lambda: np.copyto(into, block)) for _ in range(6))
    return Speed(2 * 128 * 576 * 2304 / products, 2 * block.nbytes / copies)


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return max(time.perf_counter() - start, 1e-9)


def duration(seconds: float) -> str:
    """`12 min`, `3.5 h`, `9 days`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 2 * LONG else f"{seconds / 86400:.0f} days"
