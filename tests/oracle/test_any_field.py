"""Every field of the configuration, one at a time, with a value of no right type: never silent where SAELens stumbles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from oracle.case import Case, Draft, every, legacy, nothing
from oracle.verdict import run

if TYPE_CHECKING:
    from oracle.case import Mutate

pytestmark = [pytest.mark.train, pytest.mark.full]

VALUES: tuple[Any, ...] = (None, "x", [], {"a": 4}, 8.5)
BASES = {
    "v6": (
        "standard",
        "topk, unit rows",
        "gated",
        "jumprelu_skip_transcoder",
        "matching_pursuit",
        "temporal",
    ),
    "v3": ("standard", "topk, unit rows", "jumprelu"),
    "v5": ("standard", "topk, unit rows"),
}
LAYOUTS: dict[str, Mutate] = {"v6": nothing, "v3": legacy(3), "v5": legacy(5)}
POSSIBLE = {"max_iterations": [None], "residual_threshold": [8.5], "kval_topk": [None]}
"""Values of the list that an author could mean, and the file then says what SAELens does."""


@pytest.mark.parametrize(("layout", "base"), [(layout, base) for layout in BASES for base in BASES[layout]])
def test_silence_means_that_it_loads_and_is_right(layout: str, base: str) -> None:
    silent = []
    for inside, key in fields(layout, base):
        for value in VALUES:
            case = Case(f"{key} {value!r}", base, every(LAYOUTS[layout], setting(inside, key, value)))
            result = run(case)
            if not result.alarms and not result.sound and value not in POSSIBLE.get(key, []):
                silent.append(f"{inside}/{key} = {value!r}: {result.ways[1]}")
    assert not silent


def fields(layout: str, base: str) -> list[tuple[str, str]]:
    """(where, key) of every field, at the top level and in metadata."""
    cfg = Case("", base, LAYOUTS[layout]).draft().cfg
    return [("", key) for key in cfg] + [("metadata", key) for key in cfg.get("metadata", {})]


def setting(inside: str, key: str, value: Any) -> Mutate:
    """One value put into the configuration or its metadata."""

    def mutate(draft: Draft) -> None:
        (draft.cfg[inside] if inside else draft.cfg)[key] = value

    return mutate
