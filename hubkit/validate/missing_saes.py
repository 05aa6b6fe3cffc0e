"""Which SAEs are missing from a grid, by the names of those that are there."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import product

from hubkit.validate.facts import SaeFacts
from hubkit.validate.finding import natural
from hubkit.words import some

MOST = 5
LAYER = re.compile(r"(?<![A-Za-z])(?:[Ll](?:ayers?)?|blocks|h)[_.-]?(\d{1,4})(?!\d)")
"""The number of the layer in a name: `L12`, `layer_12`, `blocks.12`."""


def missing_from_grid(saes: Iterable[SaeFacts], expected: int) -> list[str]:
    """The ids that are missing where names and layers, every one of which occurs, make a grid of `expected` SAEs; else nothing.

    A name is an id without the number of its layer: what architecture, condition and the like are, nobody needs to know for that.
    """
    there = {sae.sae_id for sae in saes}
    cut = [_cut(sae_id) for sae_id in there]
    stems = sorted({(one[0], one[2]) for one in cut if one})
    layers = {one[1] for one in cut if one}
    if None in cut or len(stems) * len(layers) != expected or expected <= len(there):
        return []
    whole = (f"{before}{layer}{after}" for (before, after), layer in product(stems, layers))
    return sorted((sae_id for sae_id in whole if sae_id not in there), key=natural)


def missing_words(saes: Iterable[SaeFacts], expected: int) -> str:
    """` (by the names of the others: L5_mixed)`; empty where nobody can tell."""
    names = missing_from_grid(saes, expected)
    return f" (by the names of the others: {some(names, most=MOST)})" if names else ""


def _cut(sae_id: str) -> tuple[str, str, str] | None:
    """What stands before the layer's number, the number, and what stands after it; None where no one number is the layer's."""
    found = list(LAYER.finditer(sae_id))
    if len(found) != 1:
        return None
    start, end = found[0].span(1)
    return sae_id[:start], sae_id[start:end], sae_id[end:]
