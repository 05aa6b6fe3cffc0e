"""Rows that are given, and what an SAE of any family makes of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from hubkit.errors import UsageError
from hubkit.evaluate.probe import probe
from hubkit.evaluate.probing import Probing
from hubkit.measures.design import numbered
from hubkit.measures.estimate import NotMeasured
from hubkit.measures.reconstructed import Encoded, Reconstructed, Streamed
from hubkit.measures.separation import Labelled
from hubkit.release.folds import whole_scenarios

if TYPE_CHECKING:
    from hubkit.evaluate.given import Rows
    from hubkit.measures.design import Design
    from hubkit.measures.measure import Split
    from hubkit.measures.probed import Probe


@dataclass(frozen=True)
class GivenRows(Probing):
    """The raw activations of a hook, or what an SAE makes of them, on rows that are given: nobody trained anything on their folds."""

    x: Rows
    design: Design
    encoded: Encoded | None = None
    """All that an SAE makes of them; None of raw activations."""
    streamed: Streamed | None = None
    """The same where no latent need be kept: without labels nothing is probed."""
    labels: tuple[str, str] = ("", "")
    each_row: int | None = None
    """Latents that the SAE keeps of each row, where it is a TopK."""

    def _of_each_fold(self) -> dict[str, Any]:
        return dict.fromkeys(self.design.folds, self.features)

    @property
    def firing(self) -> tuple[int, float, bool] | str | None:
        """On all rows."""
        if self.encoded is None:
            return None
        acts = self.encoded.acts
        l0 = float(np.count_nonzero(acts)) / len(acts)
        return acts.shape[1], float(self.each_row or l0), self.each_row is not None

    @property
    def features(self) -> Any:
        """(n, d)."""
        return self.x if self.encoded is None else self.encoded.acts

    @cached_property
    def by_scenario(self) -> Design | None:
        """With whole scenarios held out; None where there is but one."""
        names = self.design.scenario.tolist()
        folds = whole_scenarios(names, self.design.positive.tolist(), len(self.design.folds))
        return replace(self.design, fold=np.array(folds, dtype=np.str_)) if folds else None

    @property
    def control(self) -> None:
        """Nobody knows which rows the SAE saw."""
        return None

    @cached_property
    def probed(self) -> Probe:
        """The features know no folds: labels permuted, folds dealt again."""
        return probe(self.design, dict.fromkeys(self.design.folds, self.features), "folds dealt again")

    @cached_property
    def probed_elsewhere(self) -> Probe:
        """The same out of whole-scenario folds."""
        if self.by_scenario is None:
            return "there is one scenario"
        return probe(self.by_scenario, dict.fromkeys(self.by_scenario.folds, self.features), "scenarios held")

    def labelled(self, _: Split, /) -> tuple[Labelled, ...] | None:
        """All rows."""
        return None if self.encoded is None else (self._beside_labels(self.encoded, np.arange(len(self.x))),)

    def worded(self, _: Split, /) -> list[tuple[str, tuple[Labelled, ...]]]:
        """Nobody says how the rows were asked for."""
        return []

    def labelled_folds(self) -> list[tuple[Labelled, Labelled]] | None:
        """The same latents on either side."""
        if self.encoded is None:
            return None
        fold = self.design.fold
        return [
            (
                self._beside_labels(self.encoded, np.flatnonzero(fold != name)),
                self._beside_labels(self.encoded, np.flatnonzero(fold == name)),
            )
            for name in self.design.folds
        ]

    def _beside_labels(self, encoded: Encoded, chosen: Any) -> Labelled:
        strata = numbered(self.design.scenario)
        return Labelled(encoded.acts[chosen], self.design.positive[chosen], strata[chosen])

    def reconstructed(self, split: Split) -> Reconstructed:
        """All rows."""
        part = self.encoded or self.streamed
        if part is None:
            raise NotMeasured(f"raw activations are not reconstructed ({split})", len(self.x))
        return Reconstructed((part,))

    def reconstructed_of(self, positive: bool, split: Split, /) -> Reconstructed:
        """The rows of one label."""
        if self.encoded is None:
            raise NotMeasured(f"raw activations are not reconstructed ({split})", len(self.x))
        return Reconstructed((self.encoded.rows(self.design.positive == positive),))


def streamed(run: Callable[[Any], tuple[Any, Any]], x: Rows) -> Streamed:
    """Rows through an SAE, some at a time: its arithmetic is float64, what is given back float32. Raises UsageError, once it is asked, where rows of another shape come out."""

    def one(rows: Any) -> tuple[Any, Any]:
        acts, out = run(rows.astype(np.float64))
        if out.shape != rows.shape:
            raise UsageError(f"an SAE gives {out.shape} for activations {rows.shape}")
        return acts.astype(np.float32), out.astype(np.float32)

    return Streamed(x, one)


def encode_rows(run: Callable[[Any], tuple[Any, Any]], x: Rows) -> Encoded:
    """All of it at once, kept. Raises UsageError as above."""
    pieces = list(streamed(run, x).pieces())
    return Encoded(
        x, np.concatenate([one.x_hat for one in pieces]), np.concatenate([one.acts for one in pieces])
    )
