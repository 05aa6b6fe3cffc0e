"""CARD004 names the SAE that is missing, where the names of the others tell which it is."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from hubkit.repo.memory import MemoryView
from hubkit.validate.missing_saes import missing_from_grid
from hubkit.validate.run import Selection, validate


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "hubkit_missing_twins", Path(__file__).with_name("card_twins.py")
    )
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


GRID = load().grid
CONDITIONS = ("mixed", "deceptive_only", "honest_only")


def release(text: str, *without: str) -> MemoryView:
    """A grid of 3 layers, 2 architectures and 3 conditions, without some of it."""
    whole: MemoryView = GRID(text, layers=(2, 5, 12), conditions=CONDITIONS)
    files = {path: data for path, data in whole.files.items() if path.partition("/")[0] not in without}
    return MemoryView(name="memory", files=files)


def hints(view: MemoryView) -> list[str]:
    report = validate(view, Selection(select=("CARD004",)))
    assert not report.crashes
    return [one.hint for one in report.findings]


@pytest.mark.parametrize(
    "text",
    [
        "This repository contains 18 SAEs.",
        "18 SAEs: 3 layers x 2 architectures x 3 conditions = 18",
        "This repository contains 18 SAEs: 9 JumpReLU + 9 TopK.",
    ],
)
def test_the_one_that_is_missing_is_named(text: str) -> None:
    missing = "lab_topk_L12_deceptive_only"
    found = hints(release(text, missing))
    assert found
    assert all(f"(by the names of the others: {missing})" in hint for hint in found)
    assert hints(release(text)) == []


def test_at_most_five_are_named() -> None:
    gone = [f"lab_{a}_L{n}_{c}" for a, n, c in (("topk", 2, "mixed"), ("topk", 5, "mixed"), ("topk", 12, "honest_only"), ("jumprelu", 2, "mixed"), ("jumprelu", 5, "honest_only"), ("jumprelu", 12, "mixed"))]  # fmt: skip
    (hint,) = hints(release("This repository contains 18 SAEs.", *gone))
    assert hint.count("lab_") == 5
    assert "and 1 more" in hint


def test_nobody_is_named_where_the_names_do_not_tell() -> None:
    (hint,) = hints(release("This repository contains 20 SAEs.", "lab_topk_L12_mixed"))
    assert "lab_" not in hint
    gone = [f"lab_topk_L12_{one}" for one in CONDITIONS] + [f"lab_jumprelu_L12_{one}" for one in CONDITIONS]
    (hint,) = hints(release("This repository contains 18 SAEs.", *gone))  # no SAE of that layer at all
    assert "lab_" not in hint


def of(*ids: str) -> list[Any]:
    return [SimpleNamespace(sae_id=one) for one in ids]


def test_the_number_of_the_layer_must_be_the_only_one() -> None:
    assert missing_from_grid(of("a/layer_3", "a/layer_4", "b/layer_3"), 4) == ["b/layer_4"]
    assert missing_from_grid(of("blocks.3.x", "blocks.10.x", "blocks.3.y"), 4) == ["blocks.10.y"]
    assert missing_from_grid(of("L3_L4", "L4_L5", "L3_L5"), 4) == []
    assert missing_from_grid(of("one", "two", "three"), 4) == []
    assert missing_from_grid(of("L3_a", "L4_a", "L3_b", "L4_b"), 4) == []
