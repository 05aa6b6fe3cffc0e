"""A published SAE with those of its folds and its membership control, on one pool."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from hubkit.errors import HubkitError
from hubkit.evaluate import rows
from hubkit.evaluate.control import PoolControl
from hubkit.evaluate.encoded import dictionary_of, encode
from hubkit.evaluate.probe import fold_of_labels
from hubkit.evaluate.subject import Subject
from hubkit.formats.sae import TOPK
from hubkit.measures.design import numbered
from hubkit.measures.estimate import NotMeasured
from hubkit.measures.matching import Reseeded
from hubkit.measures.reconstructed import Encoded, Reconstructed
from hubkit.measures.separation import Labelled
from hubkit.release.folds import CONTROL, SEED, WITHOUT, rows_of
from hubkit.release.layout import CFG, WEIGHTS
from hubkit.release.pool import MIXED

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from hubkit.evaluate.probe import Permuting
    from hubkit.formats.sae import Sae
    from hubkit.measures.design import Floats
    from hubkit.measures.measure import Split


@dataclass(frozen=True)
class PoolSae(Subject):
    """One published SAE, the SAEs of its folds, and its membership control, over the rows of its layer."""

    folder: Path
    """Of the published SAE."""
    beside: Mapping[str, Path]
    """Draw (fold, whole-scenario fold, control) to the SAE of that draw; a folder need not exist."""
    published: Sae
    layer: int
    """The pool's."""

    @property
    def condition(self) -> str:
        """Which completions the published SAE saw."""
        return str(self.published.training.condition)

    @cached_property
    def own(self) -> NDArray[np.bool_]:
        """(n,) the rows that the published SAE saw."""
        return rows_of(self.manifest, self.condition)

    @property
    def permuting(self) -> Permuting:
        """The SAEs of the folds know the folds."""
        return "folds held"

    @property
    def exchangeable(self) -> bool:
        """SAEs of one label know the labels: the rows that they saw were chosen by them."""
        return self.condition == MIXED

    @property
    def incomparable(self) -> str | None:
        """Why its probe stands beside no other, or None."""
        if self.condition == MIXED:
            return None
        return f"{self.condition}: the rows that train its probe were seen by the SAE where they have that label, its test rows were not"

    def labelled(self, split: Split, /) -> tuple[Labelled, ...] | None:
        """The published SAE on the rows that it saw, blind to their labels; or those of the folds on the rows that they did not see."""
        if self.condition != MIXED:
            return None
        if split == "train":
            return (self._beside_labels(self._published, np.arange(len(self.x)), self._scenarios),)
        return tuple(test for _, test in self.labelled_folds() or [])

    def worded(self, split: Split, /) -> list[tuple[str, tuple[Labelled, ...]]]:
        """By the same SAEs on the same rows. Permuted within the scenario, whatever its wording: a wording is not dealt into folds by itself."""
        if self.condition != MIXED:
            return []
        found = []
        for contrast, chosen, first in rows.wordings_of(self.manifest):
            if split == "train":
                parts = [(self._published, chosen)]
            elif isinstance(self._of_folds, str):
                raise NotMeasured(self._of_folds, len(self.x))
            else:
                parts = [(one, chosen & (self.design.fold == fold)) for fold, one in self._of_folds.items()]
            scenario = numbered(np.array([row.scenario_id for row in self.manifest.rows]))
            labelled = (Labelled(one.acts[there], first[there], scenario[there]) for one, there in parts)
            found.append((contrast, tuple(labelled)))
        return found

    def labelled_folds(self) -> list[tuple[Labelled, Labelled]] | None:
        """By the SAEs of the folds. Permuted within scenario and fold: the labels dealt the folds."""
        if self.condition != MIXED:
            return None
        encoded = self._of_folds
        if isinstance(encoded, str):
            raise NotMeasured(encoded, len(self.x))
        cells = self._scenarios * len(self.design.folds) + numbered(self.design.fold)
        return [
            (
                self._beside_labels(encoded[fold], np.flatnonzero(self.design.fold != fold), cells),
                self._beside_labels(encoded[fold], np.flatnonzero(self.design.fold == fold), cells),
            )
            for fold in self.design.folds
        ]

    def _beside_labels(
        self, encoded: Encoded, chosen: NDArray[np.int64], strata: NDArray[np.int64]
    ) -> Labelled:
        return Labelled(encoded.acts[chosen], self.design.positive[chosen], strata[chosen])

    @property
    def _scenarios(self) -> NDArray[np.int64]:
        return numbered(self.design.scenario)

    @cached_property
    def control(self) -> PoolControl | None:
        """`mixed` saw every row: there is no row to tell from the others."""
        if self.condition == MIXED:
            return None
        seen = rows_of(self.manifest, self.condition, CONTROL)
        folds = fold_of_labels(
            seen, numbered(self.design.scenario), max(2, len(self.design.folds)), "membership"
        )
        names = np.array([f"fold{number}" for number in folds], dtype=np.str_)
        encoded = self._encoded([CONTROL])
        return PoolControl(
            replace(self.design, positive=seen, fold=names),
            self.x,
            encoded if isinstance(encoded, str) else encoded[CONTROL],
        )

    def features(self, draws: Sequence[str]) -> Mapping[str, Floats] | str:
        """Of the SAE of each draw."""
        encoded = self._of_folds if draws == self.design.folds else self._encoded(draws)
        if isinstance(encoded, str):
            return encoded
        return {draw: one.acts for draw, one in encoded.items()}

    def reconstructed(self, split: Split) -> Reconstructed:
        """`train`: its own rows. `crossfit`: each own row by the SAE of the fold that holds it out."""
        return self._on_training_rows if split == "train" else self._on_unseen_rows

    @property
    def firing(self) -> tuple[int, float, bool] | str | None:
        """By the SAEs of the folds, on all rows that they did not see."""
        if isinstance(encoded := self._of_folds, str):
            return encoded
        acts = [one.acts[self.design.fold == fold] for fold, one in encoded.items()]
        l0 = sum(int(np.count_nonzero(part)) for part in acts) / len(self.x)
        k, each_row = self.published.k, self.published.architecture in TOPK
        return acts[0].shape[1], float(k) if each_row and k else l0, each_row

    def reconstructed_of(self, positive: bool, _: Split, /) -> Reconstructed:
        """Each row of the label by the SAE of the fold that holds it out: of the other label, an SAE of one label saw none."""
        chosen = self.design.positive == positive
        encoded = self._of_folds
        if isinstance(encoded, str):
            raise NotMeasured(encoded, int(chosen.sum()))
        parts = (one.rows(chosen & (self.design.fold == fold)) for fold, one in encoded.items())
        return Reconstructed(tuple(part for part in parts if len(part.x)))

    @cached_property
    def reseeded(self) -> Reseeded | None:
        """On the rows that they all saw."""
        seeds = [draw for draw in self.beside if draw.startswith(SEED) and WITHOUT not in draw]
        return self._seeds(self.folder, seeds, self.own) if seeds else None

    @cached_property
    def reseeded_unseen(self) -> Reseeded | None:
        """On the rows of the first fold, those of its condition, by the SAEs of all seeds that were trained without it."""
        fold = self.manifest.folds[0]
        seeds = [draw for draw in self.beside if draw.startswith(SEED) and draw.endswith(f"{WITHOUT}{fold}")]
        if not seeds or not (self.beside[fold] / CFG).is_file():
            return None
        self._check(fold)
        held_out = self.own & (self.design.fold == fold)
        return self._seeds(self.beside[fold], seeds, self.own & ~held_out, held_out)

    def _seeds(
        self,
        first: Path,
        others: Sequence[str],
        seen: NDArray[np.bool_],
        unseen: NDArray[np.bool_] | None = None,
    ) -> Reseeded:
        """The SAE in `first` and those of the draws `others`, all of the rows `seen` (n,), with their activations there, or on the rows `unseen` (n,)."""
        for draw in others:
            self._check(draw)
        trained, rows = self.x[seen], None if unseen is None else self.x[unseen]
        folders = [first, *(self.beside[draw] for draw in others)]
        found = tuple(dictionary_of(folder, trained, rows) for folder in folders)
        wide = trained.astype(np.float64)
        return Reseeded(found, wide, wide if rows is None else rows.astype(np.float64))

    @cached_property
    def _published(self) -> Encoded:
        """The published SAE on the rows that it saw."""
        return encode(self.folder, self.x[self.own])

    @cached_property
    def _on_training_rows(self) -> Reconstructed:
        return Reconstructed((self._published,))

    @cached_property
    def _on_unseen_rows(self) -> Reconstructed:
        encoded = self._of_folds
        if isinstance(encoded, str):
            raise NotMeasured(encoded, int(self.own.sum()))
        parts = (encoded[fold].rows(self.own & (self.design.fold == fold)) for fold in self.design.folds)
        return Reconstructed(tuple(part for part in parts if len(part.x)))

    @cached_property
    def _of_folds(self) -> dict[str, Encoded] | str:
        return self._encoded(self.design.folds)

    def _encoded(self, draws: Sequence[str]) -> dict[str, Encoded] | str:
        """All rows through the SAE of each draw, or why not."""
        here = [all((self.beside[draw] / name).is_file() for name in (CFG, WEIGHTS)) for draw in draws]
        if not all(here):
            what = (
                "the control was"
                if list(draws) == [CONTROL]
                else f"{here.count(False)} of {len(here)} SAEs of the folds were"
            )
            return f"not measured: {what} not trained"
        return {draw: self._encode(draw) for draw in draws}

    def _encode(self, draw: str) -> Encoded:
        self._check(draw)
        return encode(self.beside[draw], self.x)

    def _check(self, draw: str) -> None:
        """Raises HubkitError when it is not the SAE of that layer, condition and draw."""
        folder = self.beside[draw]
        found = rows.read_sae(folder)
        layer = rows.layer_in(found, self.manifest, folder)
        if (layer, found.training.condition) != (self.layer, self.condition):
            raise HubkitError(
                f"{folder}: layer {layer}, {found.training.condition}, expected {self.layer}, {self.condition}",
                hint="hubkit train STUDY.yaml",
            )
        rows.check_rows(found, draw, self.manifest, folder)
