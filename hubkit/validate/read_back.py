"""A report out of its own JSON: to be shown again, not to be judged again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hubkit.formats.family import Family
from hubkit.formats.sae import Sae
from hubkit.validate.evidence import Evidence
from hubkit.validate.finding import Finding, Severity
from hubkit.validate.report import Crash, Ignored, Report, Skipped


def report_of(raw: Mapping[str, Any]) -> Report:
    """What `Report.to_json` wrote, as far as an audit's has it: no baseline, no coverage of a card. An SAE has what the JSON says of it, and no files."""
    cost = raw["io"]
    return Report(
        target=raw["target"],
        revision=raw["revision"],
        saes=[_sae(one) for one in raw["saes"]],
        findings=[_finding(one) for one in raw["findings"]],
        skipped=[Skipped(**one) for one in raw["skipped"]],
        ignored=[Ignored(**one) for one in raw["ignored"]],
        requests=cost["requests"],
        bytes_read=cost["bytes"],
        total_bytes=cost["total_bytes"],
        seconds=cost["seconds"],
        crashes=[Crash(**one) for one in raw["crashes"]],
        severities={code: Severity[word.upper()] for code, word in raw["severities"].items()},
        config=raw["config"],
        remarks=tuple(raw["remarks"]),
        evidence={
            one["sae_id"]: Evidence.from_json(one["evidence"]) for one in raw["saes"] if one.get("evidence")
        },
    )


def _sae(raw: Mapping[str, Any]) -> Sae:
    return Sae(
        raw["sae_id"],
        Family(raw["format"], "", lambda _, __: ()),
        layout="",
        architecture=raw["architecture"],
        d_in=raw["d_in"],
        d_sae=raw["d_sae"],
        k=raw.get("k"),
        stated_layer=raw.get("layer"),
    )


def _finding(raw: Mapping[str, Any]) -> Finding:
    return Finding(**{**raw, "severity": Severity[raw["severity"].upper()]})
