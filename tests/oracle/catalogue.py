"""All cases."""

from __future__ import annotations

from oracle import cases_clean, cases_config, cases_legacy, cases_threshold, cases_weights

GROUPS = {
    "Right": cases_clean.CASES,
    "cfg.json, v6": cases_config.CASES,
    "cfg.json, v2 to v5": cases_legacy.CASES,
    "Weights": cases_weights.CASES,
    "Threshold": cases_threshold.CASES,
}
CASES = [case for cases in GROUPS.values() for case in cases]

OPEN: dict[str, str] = {}
"""Cases on which hubkit does not agree yet, by name, and why: expected failures. A rule that learns one takes it off the list."""
