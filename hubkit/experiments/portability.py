"""Precision portability: the pool's tokens run again in other numbers, and what the SAEs make of them. Needs torch.

Beside each precision stand its ceiling, the pool's own precision run again, and noise as long as the change.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from hubkit.collect.activations import Passage
from hubkit.collect.rows import Runs, prompts_of
from hubkit.collect.spans import pooled_tokens
from hubkit.errors import HubkitError
from hubkit.evaluate.given_rows import GivenRows, encode_rows
from hubkit.evaluate.values import measured, value_of, values_paired
from hubkit.measures.bootstrap import SEED
from hubkit.measures.paired import Paired, alive_shift_of_halves
from hubkit.release.experiments import Transfer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from hubkit.collect.completions import Completion
    from hubkit.collect.plan import CollectPlan, Pooling
    from hubkit.inference.load import BaseModel
    from hubkit.measures.design import Design
    from hubkit.measures.reconstructed import Encoded
    from hubkit.release.metrics import MetricValue

    Rows = NDArray[np.float32]
    Run = Callable[[Any], tuple[Any, Any]]

DRAWS = 3
"""Of the noise."""
HALVED = "two halves of the rows, at the precision that the SAE was trained on"
BATCH = 16
Verdict = Literal["portable", "retrain", "undecided"]


@dataclass(frozen=True)
class Rule:
    """From when on an SAE is to be trained again."""

    drop: float = 0.2
    """Of explained variance, relative."""
    shift: float = 0.5
    """Of the latents that fire."""

    def __str__(self) -> str:
        """In words."""
        return (
            f"retrain where the explained variance drops by more than {self.drop:.0%}, or more than {self.shift:.0%} of the alive latents change and more "
            "than between two halves of the rows; portable where neither does; undecided where an interval holds the bound"
        ).replace("%", " %")


@dataclass(frozen=True)
class Subject:
    """The SAE that is asked."""

    sae_id: str
    run: Run
    """Rows (n, d) to latents (n, d_sae) and reconstructions (n, d)."""


@dataclass(frozen=True)
class PoolRows:
    """The rows that an SAE was trained on."""

    x: Rows
    """(n, d)"""
    design: Design
    """Of these rows. Rows of one label say nothing of d."""
    labels: tuple[str, str]

    @property
    def two_labels(self) -> bool:
        """Whether both labels are there."""
        return bool(self.design.positive.any() and not self.design.positive.all())


def passages_of(plan: CollectPlan, base: BaseModel, completions: Sequence[Completion]) -> list[Passage]:
    """The completions that have rows in the pool of `plan`, in the order of its rows, with the tokens that were pooled."""
    prompts = prompts_of(plan, base)
    return [
        Passage(
            one.completion_id,
            prompts[one.scenario_id, one.variant],
            one.token_ids,
            pooled_tokens(plan, base.tokenizer, one.token_ids, one.commit_span),
        )
        for one in completions
        if one.decisive
    ]


def rows_again(
    base: BaseModel, passages: Sequence[Passage], pooling: Pooling, module_paths: Sequence[str]
) -> Mapping[str, Rows]:
    """The rows (n, d) of each module for these passages, as `base` gives them. Raises HubkitError for what is no number."""
    runs = Runs(base, module_paths, pooling, BATCH)
    parts = [runs.rows(passages[start : start + BATCH], start) for start in range(0, len(passages), BATCH)]
    return {path: np.concatenate([part[path] for part in parts]) for path in module_paths}


def transfer(
    to: str, sae: Subject, pool: PoolRows, other: Rows, again: Rows | None = None, rule: Rule | None = None
) -> Transfer:
    """What an SAE makes of `other` (n, d), the rows of `pool` at the precision `to`; `again` are those at the pool's own precision, run once more."""
    if other.shape != pool.x.shape:
        raise HubkitError(
            f"{sae.sae_id}: {other.shape} rows at {to}, expected {pool.x.shape}",
            hint="hubkit collect STUDY.yaml",
        )
    wanted = rule or Rule()
    before = encode_rows(sae.run, pool.x)
    values = _values(sae.run, pool, before, other, noise=True)
    halves = measured("alive_shift", alive_shift_of_halves(before), "train").model_copy(
        update={"contrast": HALVED}
    )
    verdict, why = judged(values, halves.value, wanted)
    return Transfer(
        to=to,
        sae_id=sae.sae_id,
        values=[*values, halves],
        ceiling=[] if again is None else _values(sae.run, pool, before, again, noise=False),
        verdict=verdict,
        because=why,
        rule=str(wanted),
    )


def not_measured(to: str, reason: str) -> Transfer:
    """A precision that this machine cannot do: what is said of it is an expectation."""
    return Transfer(to=to, values=[], reason=reason)


def judged(values: Sequence[MetricValue], halves: float | None, rule: Rule) -> tuple[Verdict, str]:
    """The verdict of a rule, and why."""
    by_name = {one.measure: one for one in values if one.contrast is None}
    drop, shift = by_name["explained_variance_drop"], by_name["alive_shift"]
    bounds = (
        (drop, rule.drop, "explained variance"),
        (shift, max(rule.shift, halves or 0.0), "alive latents"),
    )
    beyond = [name for one, bound, name in bounds if one.interval is not None and one.interval[0] > bound]
    if beyond:
        return "retrain", f"beyond its bound: {' and '.join(beyond)}"
    open_ = [name for one, bound, name in bounds if one.interval is None or one.interval[1] > bound]
    if not open_:
        return "portable", "both are below their bounds"
    missing = [one.reason for one, _, _ in bounds if one.value is None and one.reason]
    return "undecided", "; ".join(missing) or f"the interval holds the bound: {' and '.join(open_)}"


def _values(run: Run, pool: PoolRows, before: Encoded, other: Rows, *, noise: bool) -> list[MetricValue]:
    after = encode_rows(run, other)
    drawn = tuple(encode_rows(run, rows) for rows in _noisy(pool.x, other)) if noise else ()
    paired = Paired(before, after, pool.design.positive if pool.two_labels else None, drawn)
    subject: Any = GivenRows(other, pool.design, after, labels=pool.labels)
    names = ["explained_variance", "l0", *(["d_max"] if pool.two_labels else [])]
    own = [value_of(name, subject, "train") for name in names]
    return [*(one for one in own if one is not None), *values_paired(paired, "train")]


def _noisy(x: Rows, other: Rows) -> list[Rows]:
    """`x` with noise that is as long in each row as `other` is away."""
    generator = np.random.default_rng(SEED)
    length = np.linalg.norm(other.astype(np.float64) - x, axis=1, keepdims=True)
    found = []
    for _ in range(DRAWS):
        drawn = generator.normal(size=x.shape)
        found.append((x + length * drawn / np.linalg.norm(drawn, axis=1, keepdims=True)).astype(np.float32))
    return found
