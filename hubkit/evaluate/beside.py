"""A layer's raw activations of the pool and of the rows that were kept beside it, with the probes that say what the label means."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from hubkit.evaluate.carried import carried, held_out_by_group
from hubkit.evaluate.probe import probe
from hubkit.evaluate.rows import design_of
from hubkit.measures.beside import Asked
from hubkit.measures.design import Design
from hubkit.release.activations import read_layer
from hubkit.release.pool_extras import read_extra, read_extras

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from hubkit.measures.design import Booleans
    from hubkit.measures.probed import Probe
    from hubkit.release.pool import PoolLayer, PoolManifest
    from hubkit.release.pool_extras import ExtraRow, ExtraSet, PoolExtras, SetName

    Rows = NDArray[np.float32]

POOLED = "pooled as the pool is"
AT_THE_WORD = "the committing word"
CHANGES: tuple[SetName, ...] = ("swapped", "deleted")
OTHERS = "families of scenarios held out with the words that they share"
TURNED = "facts turned around"
NEVER = "outside"
"""The fold of rows that no probe was fitted on."""


def at_token(distance: int) -> str:
    """What a token is called by its distance."""
    return (
        AT_THE_WORD
        if distance == 0
        else f"{distance} token{'s' if distance > 1 else ''} behind {AT_THE_WORD}"
    )


@dataclass(frozen=True)
class LayerBeside:
    """Of one layer and site."""

    manifest: PoolManifest
    x: Rows
    """(n, d_in) the pool's rows."""
    extras: PoolExtras | None
    read: Callable[[ExtraSet], Rows]
    """A set's rows of this layer."""

    @cached_property
    def at_tokens(self) -> list[Asked]:
        """By distance, the nearest first."""
        return self._by_distance("")

    @cached_property
    def at_tokens_of_neutral(self) -> list[Asked]:
        """The same of neutral questions."""
        return self._by_distance("neutral")

    @cached_property
    def pooled(self) -> list[Asked]:
        """Where something was kept to hold it against."""
        if self.extras is None:
            return []
        return [Asked(POOLED, self.design, _plain(self.design, self.x))]

    @cached_property
    def pooled_of_neutral(self) -> list[Asked]:
        """Of the neutral controls."""
        rows, x = self._of("controls", lambda row: row.control == "neutral")
        return [self._asked(POOLED, rows, x)] if rows else []

    @cached_property
    def word_changed(self) -> list[Asked]:
        """Each row by the probe that was fitted without its completion."""
        place = {(row.completion_id, row.token): at for at, row in enumerate(self.manifest.rows)}
        found = []
        for name in CHANGES:
            rows, x = self._of(name, lambda row: (row.completion_id, row.token) in place)
            if not rows:
                continue
            own = np.array([place[row.completion_id, row.token] for row in rows])
            design = Design(self.design.positive[own], self.design.scenario[own], self.design.fold[own])
            found.append(Asked(f"word {name}", design, carried(self.design, self.x, design, x, own)))
        return found

    @cached_property
    def facts_turned(self) -> list[Asked]:
        """By the probe of all of the pool's rows: its scenarios' controls are none of them."""
        rows, x = self._of("controls", lambda row: row.control == "turned")
        if not rows:
            return []
        true = ~self._positive(rows)
        design = Design(true, _prompts(rows), np.array([NEVER] * len(rows)))
        return [Asked(TURNED, design, carried(self.design, self.x, design, x, None))]

    @cached_property
    def families_held_out(self) -> list[Asked]:
        """From the pool's rows, and from single tokens."""
        if self.extras is None or len(self._families) < 2:
            return []
        several = [
            (f"{OTHERS}, {POOLED}", self.design, [row.scenario_id for row in self.manifest.rows], self.x)
        ]
        for distance in self.extras.distances:
            rows, x = self._at(distance, "")
            if rows:
                names = [row.scenario_id for row in rows]
                several.append((f"{OTHERS}, {at_token(distance)}", self._design(rows), names, x))
        return [asked for one in several if (asked := self._other_families(*one)) is not None]

    @cached_property
    def design(self) -> Design:
        """Of the pool's rows."""
        return design_of(self.manifest)

    @cached_property
    def _families(self) -> dict[str, set[str]]:
        """Family to its scenarios."""
        found: dict[str, set[str]] = {}
        for one in self.manifest.scenarios:
            if one.family:
                found.setdefault(one.family, set()).add(one.scenario_id)
        return found

    def _other_families(self, contrast: str, design: Design, names: Sequence[str], x: Rows) -> Asked | None:
        """None where no family has rows that others can be held against."""
        words = {one.scenario_id: {word.casefold() for word in one.words} for one in self.manifest.scenarios}
        groups = []
        for members in self._families.values():
            shared = set().union(*(words[name] for name in members))
            test = np.array([name in members for name in names])
            train = np.array([name not in members and not shared & words.get(name, set()) for name in names])
            if test.any() and len(set(design.positive[train].tolist())) == 2:
                groups.append((test, train))
        if not groups:
            return None
        kept = np.any([test for test, _ in groups], axis=0)
        predicted = Design(design.positive[kept], design.scenario[kept], design.fold[kept])
        return Asked(contrast, predicted, held_out_by_group(design, x, groups))

    def _by_distance(self, control: str) -> list[Asked]:
        asked = []
        for distance in sorted(self.extras.distances) if self.extras else ():
            rows, x = self._at(distance, control)
            if rows:
                asked.append(self._asked(at_token(distance), rows, x))
        return asked

    def _at(self, distance: int, control: str) -> tuple[list[ExtraRow], Rows]:
        return self._of("distances", lambda row: row.distance == distance and row.control == control)

    def _of(self, name: SetName, chosen: Callable[[ExtraRow], bool]) -> tuple[list[ExtraRow], Rows]:
        kept = self.extras.named(name) if self.extras else None
        if kept is None:
            return [], self.x[:0]
        which = [at for at, row in enumerate(kept.rows) if chosen(row)]
        return [kept.rows[at] for at in which], self.read(kept)[which]

    def _asked(self, contrast: str, rows: Sequence[ExtraRow], x: Rows) -> Asked:
        design = self._design(rows)
        if any(row.split is None for row in rows):
            return Asked(contrast, design, f"{len(rows)} rows, too few for folds")
        return Asked(contrast, design, _plain(design, x))

    def _design(self, rows: Sequence[ExtraRow]) -> Design:
        folds = np.array([row.split or NEVER for row in rows])
        return Design(self._positive(rows), _prompts(rows), folds, self.design.positive_first)

    def _positive(self, rows: Sequence[ExtraRow]) -> Booleans:
        return np.array([row.label == self.manifest.labels[0] for row in rows], dtype=bool)


def _plain(design: Design, x: Rows) -> Probe:
    return probe(design, dict.fromkeys(design.folds, x), "folds dealt again")


def _prompts(rows: Sequence[ExtraRow]) -> NDArray[np.str_]:
    """A scenario is one prompt: of one wording."""
    return np.array([f"{row.scenario_id}/{row.variant}" for row in rows], dtype=np.str_)


def beside_of(pool_folder: Path, manifest: PoolManifest, entry: PoolLayer) -> LayerBeside:
    """The rows of one layer and site. Raises IncompleteError where a file is not the one that was described."""
    extras = read_extras(pool_folder, manifest)

    def read(kept: ExtraSet) -> Rows:
        layer = next(one for one in kept.layers if one.hook_name == entry.hook_name)
        return read_extra(pool_folder, extras, kept, layer)  # type: ignore[arg-type]

    return LayerBeside(manifest, read_layer(pool_folder, manifest, entry), extras, read)
