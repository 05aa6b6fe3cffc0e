"""hubkit validate against SAELens itself: what SAELens refuses or gets wrong is reported, and what is not reported is right.

Continuous integration runs the cases marked `quick` (-m "train and not full"); plain pytest runs all of them.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from oracle.case import Case
from oracle.catalogue import CASES, OPEN
from oracle.saes import SPECS
from oracle.table import render
from oracle.verdict import run, unwritten

from hubkit.validate.finding import Severity
from hubkit.validate.rule import REGISTRY

pytestmark = pytest.mark.train

EACH = [pytest.param(case, id=case.name, marks=() if case.quick else pytest.mark.full) for case in CASES]
ELSEWHERE = {
    "WTS009": "asks for a header that cannot be read", "WTS010": "is about two SAEs", "THR008": "is about evaluation.json", "CFG023": "is about another site's ids",
    "WTS014": "stands beside WTS001 and WTS003", "WTS017": "is about other containers", "WTS016": "is about files beside SAEs",
    "CFG022": "is about other families", "CFG024": "is about what the training wrote down",
    "CFG025": "is about what the training wrote down, which loading does not read",
}  # fmt: skip
"""Rules above a note that no folder of one SAE can provoke by being loaded wrongly, and why."""


@pytest.mark.parametrize("case", EACH)
def test_saelens_does_what_the_case_says(case: Case) -> None:
    result = run(case)
    assert result.measured() == (case.ways, case.lost), [way.detail for way in result.ways]


@pytest.mark.parametrize("case", EACH)
def test_hubkit_agrees_with_saelens(case: Case, request: pytest.FixtureRequest) -> None:
    if case.name in OPEN:
        request.applymarker(pytest.mark.xfail(reason=OPEN[case.name], strict=True))
    if codes := unwritten(case):
        pytest.xfail(f"the catalogue has no {', '.join(codes)} yet")
    result = run(case)
    assert not result.missing(), f"hubkit says {result.found}, SAELens: {[w.detail for w in result.ways]}"
    assert not result.unexpected()
    assert result.alarms or result.sound or case.gap, f"hubkit is silent; load_from_disk: {result.ways[1]}"


def test_the_cases_cover_every_architecture_and_every_rule() -> None:
    assert len({case.name for case in CASES}) == len(CASES) >= 120
    assert {case.base for case in CASES} == set(SPECS)
    assert OPEN.keys() <= {case.name for case in CASES}
    asked = " ".join(case.expect for case in CASES)
    judged = {
        code
        for code, rule in REGISTRY.items()
        if code.startswith(("CFG", "WTS", "THR")) and rule.severity > Severity.NOTE
    }
    assert {code for code in judged if code not in asked} == set(ELSEWHERE)


@pytest.mark.full
def test_the_published_table_is_current() -> None:
    table = Path(__file__).parents[2] / "docs" / "oracle.md"
    assert table.read_text(encoding="utf-8") == render(), "run: python tests/oracle/table.py > docs/oracle.md"
