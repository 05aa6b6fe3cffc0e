"""Time and memory of every reader grow in step with the text, whatever the text: at 1x, 2x, 4x, and up to the reader's limit."""

from __future__ import annotations

import gc
import time
import tracemalloc

import pytest
from bounded.readers import READERS, Reader

from hubkit.readme.page import pages

BUDGET = 2.0
"""Seconds of the processor for a text of a reader's limit."""
BUDGETS = {"fix": 3.0}
"""Of what validates a card three times on its way."""
MEMORY = 200_000_000
"""Bytes at the peak, the text not counted."""


def seconds(reader: Reader, text: str) -> float:
    """Of the processor: other programs on the machine do not count, nor does the collection of what earlier tests left behind."""
    pages.cache_clear()
    gc.disable()
    try:
        begun = time.process_time()
        reader.read(text)
        return time.process_time() - begun
    finally:
        gc.enable()


def peak(reader: Reader, text: str) -> int:
    """Bytes that Python took beyond those that were taken before."""
    pages.cache_clear()
    gc.collect()
    tracemalloc.start()
    try:
        reader.read(text)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def superlinear(reader: Reader, name: str, size: int) -> str | None:
    """What grew faster than the text, in words: quadratic time is sixteen times for four times the text. None for what is quick anyway."""
    make = reader.texts[name]
    if seconds(reader, make(size)) < 0.05:
        return None
    first, middle, last = (min(seconds(reader, make(size // by)) for _ in range(3)) for by in (4, 2, 1))
    if last > 7 * first + 0.05 and last > 2.8 * middle:
        return f"{name}: {first:.3f}, {middle:.3f}, {last:.3f} s at {size // 4:,}, {size // 2:,}, {size:,} characters"
    return None


LONG = (
    "model_name",
    "sae_lens_version",
    "architecture",
    "provenance.json",
    "evaluation.json of a build",
    "study.yaml",
    "adopt",
    "adopt, any card",
    "fix",
)
"""Readers whose way another one shares in the quick form."""


@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=[pytest.mark.full] if kind in LONG else []) for kind in READERS]
)
def test_time_grows_in_step_with_the_text(kind: str) -> None:
    reader = READERS[kind]
    reader.read("a")  # imports and compiled patterns
    found = [said for name in reader.texts if (said := superlinear(reader, name, reader.small))]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("kind", ["adopt", "fix"])
def test_a_card_that_is_judged_again_and_again_takes_time_in_step(kind: str) -> None:
    """The quick form of two readers that validate some ten times."""
    READERS[kind].read("a")
    assert superlinear(READERS[kind], "claims", 3_000) is None


QUICK = ("ones under a long key", "deep lists", "head: a bomb", "a bomb", "a ring", "dotted keys", "pairs")


@pytest.mark.parametrize("kind", [kind for kind in READERS if not kind.startswith("adopt")])
def test_memory_grows_in_step_with_the_text(kind: str) -> None:
    reader = READERS[kind]
    reader.read("a")
    for name in (name for name in QUICK if name in reader.texts):
        first, last = (peak(reader, reader.texts[name](size)) for size in (reader.small, 4 * reader.small))
        assert last < 8 * first + 4_000_000, f"{name}: {first:,} and {last:,} bytes"


@pytest.mark.full
@pytest.mark.parametrize("kind", READERS)
def test_the_largest_text_is_read_within_the_budget(kind: str) -> None:
    """1 MB of every nasty text; and its growth from a quarter of it on."""
    reader = READERS[kind]
    reader.read("a")
    found = []
    for name, make in reader.texts.items():
        text = make(reader.largest)[: reader.largest]
        budget = BUDGETS.get(kind, BUDGET)
        spent = min(seconds(reader, text) for _ in range(2 if seconds(reader, text) > budget else 1))
        if spent > budget:
            found.append(f"{name}: {spent:.2f} s")
        if (taken := peak(reader, text)) > MEMORY:
            found.append(f"{name}: {taken / 1e6:.0f} MB")
        if spent > BUDGET / 8 and (said := superlinear(reader, name, reader.largest)):
            found.append(said)
    assert not found, "\n".join(found)


@pytest.mark.full
@pytest.mark.parametrize("kind", READERS)
def test_memory_at_once_twice_and_four_times(kind: str) -> None:
    reader = READERS[kind]
    reader.read("a")
    found = []
    for name, make in reader.texts.items():
        first, middle, last = (
            peak(reader, make(size)) for size in (reader.small, 2 * reader.small, 4 * reader.small)
        )
        if last > 8 * first + 2_000_000 and last > 2.8 * middle + 1_000_000:
            found.append(f"{name}: {first:,}, {middle:,}, {last:,} bytes")
    assert not found, "\n".join(found)


def test_the_measure_sees_what_is_quadratic() -> None:
    """The test's own good and bad twin."""

    def quadratic(text: str) -> None:
        for at in range(0, len(text), 2):
            text.count("b", at)

    linear = Reader(lambda text: [hash(c) for c in text * 20], {"x": lambda n: "a" * n})
    slow = Reader(quadratic, {"x": lambda n: "ab" * (n // 2)})
    assert superlinear(slow, "x", 120_000)
    assert superlinear(linear, "x", 40_000) is None
    assert peak(Reader(list, {}), "ab" * 500_000) > 8_000_000
