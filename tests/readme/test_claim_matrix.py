"""One fact wrong, in every carrier: nearly all are named, on their own lines, and no right twin is."""

from __future__ import annotations

from collections import Counter

import pytest
from claim_matrix import HEAD, PROPERTIES, Case, cases, repository

from hubkit.validate.finding import Finding, Severity
from hubkit.validate.run import Selection, validate

CASES = list(cases())
NAMED = 0.98
"""Of the wrong ones."""
FACTS = Selection(select=("CARD004", "CARD005", "CARD006", "CARD007", "CARD008", "CARD016"))


def found(text: str) -> list[Finding]:
    return [one for one in validate(repository(text), FACTS).findings if one.severity >= Severity.WARNING]


@pytest.fixture(scope="module")
def silent() -> list[Case]:
    return [case for case in CASES if not found(case.wrong)]


def test_nearly_every_wrong_fact_is_named(silent: list[Case]) -> None:
    assert len(CASES) > 300
    assert len(silent) <= (1 - NAMED) * len(CASES), [(case.field, case.carrier) for case in silent]


def test_no_property_is_left_out(silent: list[Case]) -> None:
    """Not one that only chance would show."""
    missed, every = Counter(case.field for case in silent), Counter(case.field for case in CASES)
    assert {field for field in PROPERTIES if missed[field] > every[field] // 4} == set()


@pytest.mark.parametrize("field", sorted({case.field for case in CASES}))
def test_right_twins_are_silent(field: str) -> None:
    for case in CASES:
        if case.field == field:
            assert [one.message for one in found(case.right)] == [], case.right


def test_a_finding_stands_on_its_line() -> None:
    for case in CASES:
        first = HEAD.count("\n") + 1
        assert all(first <= (one.line or 0) <= first + case.wrong.count("\n") for one in found(case.wrong)), (
            case.wrong
        )
