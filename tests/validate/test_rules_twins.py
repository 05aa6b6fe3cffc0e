"""Every rule fires on its bad twin, is silent on its good one, and says what its catalogue entry promises."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from hubkit.validate.need import Need
from hubkit.validate.rule import REGISTRY
from hubkit.validate.run import Selection, validate

HERE = Path(__file__).parent


def load() -> ModuleType:
    """The table beside this file: tests are imported by path, without packages."""
    spec = importlib.util.spec_from_file_location("hubkit_test_twins", HERE / "twins.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


twins = load()
PAIRS = {**twins.TWINS, **twins.MORE}


def ask(code: str, which: int) -> list[str]:
    pair, code = PAIRS[code], code.partition(" ")[0]
    report = validate(pair[which](), Selection(select=(code,)), deep=True)
    assert not report.crashes, report.crashes[0].traceback
    assert all(f.path or f.pointer or f.code == "REL001" for f in report.findings if f.code == code), (
        "a finding has a place"
    )
    assert all(f.message and f.hint for f in report.findings if f.code == code)
    return [finding.code for finding in report.findings if finding.code == code]


@pytest.mark.parametrize("code", sorted(PAIRS))
def test_the_bad_twin_makes_the_rule_fire(code: str) -> None:
    assert ask(code, 0)


@pytest.mark.parametrize("code", sorted(PAIRS))
def test_the_good_twin_does_not(code: str) -> None:
    assert ask(code, 1) == []


def test_every_rule_has_its_twins() -> None:
    elsewhere = "".join(
        p.read_text(encoding="utf-8")
        for p in (*HERE.glob("test_*.py"), HERE / "card_twins.py")
        if p.name != Path(__file__).name
    )
    missing = [
        c for c in REGISTRY if c not in twins.TWINS and c not in twins.ENGINE and f'"{c}"' not in elsewhere
    ]
    assert missing == []
    assert set(twins.TWINS) <= set(REGISTRY)


@pytest.mark.parametrize("code", sorted(twins.TWINS))
def test_two_runs_give_the_same_fingerprints_and_no_two_findings_share_one(code: str) -> None:
    first, second = (
        [f.fingerprint for f in validate(twins.TWINS[code][0](), deep=True).findings] for _ in range(2)
    )
    assert first == second
    assert len(set(first)) == len(first)


def test_a_default_run_reads_no_whole_weights() -> None:
    rules = [rule for rule in REGISTRY.values() if Need.WEIGHTS in rule.needs]
    assert {rule.code for rule in rules} == {"WTS011", "WTS012", "WTS013", "WTS019"}
    repository = twins.TWINS["WTS012"][0]()
    report = validate(repository)
    assert "WTS012" not in {f.code for f in report.findings}
