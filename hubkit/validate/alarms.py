"""How often each rule fires on the public corpus: measured by benchmarks/alarms.py, shipped as data."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("alarm_rates.json")
NOT_MEASURED = {
    "HOOK001": "--base-model",
    "HOOK004": "--base-model and --deep",
    "HOOK005": "--base-model",
    "LOAD": "--load",
}
"""Rules and areas that the corpus cannot show, and the option that asks them."""


NEEDS_A_REPOSITORY = ("RUN", "CARD001", "CARD006", "CARD007", "CARD010", "CARD013", "CARD014", "CARD015")
"""Rules that the corpus's single files cannot show; for the cards' rules tests/validate/test_card_good.py has the best ten beside folders."""


@cache
def _rates() -> dict[str, Any]:
    rates: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return rates


def alarm_rate(code: str) -> str:
    """`2 of 57 configurations, 0 of 24 cards, 0 of 27 generated folders`, or why it was not measured."""
    option = next((option for area, option in NOT_MEASURED.items() if code.startswith(area)), None)
    if option or code.startswith(NEEDS_A_REPOSITORY):
        return (
            f"not measured: asked only with {option}"
            if option
            else "not measured: the corpus holds single files, not repositories"
        )
    if code not in _rates()["asked"]:
        return "not measured yet"
    fired = _rates()["fired"].get(code, {})
    return ", ".join(f"{fired.get(kind, 0)} of {total} {kind}" for kind, total in _rates()["totals"].items())
