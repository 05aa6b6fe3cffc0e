"""What a measure may ask of the rows that were kept beside a pool: the same probe, on rows that say what its label means. `evaluate.beside` has them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hubkit.measures.design import Design
    from hubkit.measures.probed import Probe


@dataclass(frozen=True)
class Asked:
    """One probe on one kind of rows."""

    contrast: str
    """Which rows, or what was done to them: `3 tokens behind the committing word`."""
    design: Design
    """Of the rows that are predicted."""
    probe: Probe


class Beside(Protocol):
    """The raw activations of a layer, of the pool and of what was kept beside it. Each is empty where nothing was kept for it."""

    @property
    def at_tokens(self) -> Sequence[Asked]:
        """The label from single tokens of the pool's completions, by their distance from the committing word."""

    @property
    def at_tokens_of_neutral(self) -> Sequence[Asked]:
        """The answers to neutral questions, at the same distances, under the same contrasts."""

    @property
    def pooled(self) -> Sequence[Asked]:
        """The label from the pool's rows themselves."""

    @property
    def pooled_of_neutral(self) -> Sequence[Asked]:
        """The answers to neutral questions, pooled as the pool is."""

    @property
    def word_changed(self) -> Sequence[Asked]:
        """The pool's probe on its own completions with the committing word swapped, or deleted, by the label that they had."""

    @property
    def facts_turned(self) -> Sequence[Asked]:
        """The pool's probe on completions of scenarios with the facts turned around, by the label that the turned facts make true."""

    @property
    def families_held_out(self) -> Sequence[Asked]:
        """The label of each family of scenarios by a probe of the other families, without scenarios that share a word for a label with it."""
