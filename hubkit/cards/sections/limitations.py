"""Known limitations: from the validator's findings and the measures. Nothing is typed by hand, so nothing can be left out by hand."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import chain, zip_longest

from hubkit.cards.base_fit import misfits
from hubkit.cards.facts import Facts, SaeFact
from hubkit.cards.measured import ALIVE, BALANCED, NEW_SCENARIOS, number_of, peak_layer
from hubkit.cards.quantization import quantization_of, quantized_count
from hubkit.cards.sections.section import Context
from hubkit.cards.sections.training import counted_scenarios
from hubkit.cards.stated import Item, experiments
from hubkit.cards.text import foreign
from hubkit.measures.measure import UNSEEN
from hubkit.release.sae_record import Rewritten
from hubkit.validate.finding import Severity, natural
from hubkit.validate.need import Need
from hubkit.validate.report import Report, Skipped
from hubkit.validate.rule import REGISTRY

OPTIONS: Mapping[Need, tuple[str, str]] = {
    Need.WEIGHTS: ("the values of the weights, but for thresholds", "--deep"),
    Need.LOAD: ("what SAELens makes of the files", "--load"),
    Need.BASE: ("the base model's own config.json and modules", "--base-model"),
}
"""What only an option of `hubkit validate` looks at."""
MOSTLY_DEAD = 0.5
FEW_IDS = 6
MOST_MESSAGES = 3
NUMBER = re.compile(r"\d[\d,]*\d(?:\.\d+)?|\d(?:\.\d+)?")


def limitations(facts: Facts) -> Context:
    """Defects with the number of SAEs they touch, small samples, dead latents, quantized activations, what was not tried."""
    dead = [sae for sae in facts.saes if _mostly_dead(sae)]
    few_rows = [rows for sae in facts.saes if (rows := _few_rows(sae)) is not None]
    peak = peak_layer(facts)
    compared = {one.sae_id for one in facts.evaluation.representations} if facts.evaluation else set()
    quantization = quantization_of(facts)
    return {
        "defects": defects_of(facts),
        "rewritten": _rewritten(facts),
        "few_ids": FEW_IDS,
        "general": _general(facts),
        "misfits": misfits(facts),
        "dead": len(dead),
        "stated_dead": len(_stated_dead(facts)),
        "few_rows": few_rows,
        "unseen": any(
            value.split in UNSEEN
            for sae in facts.saes
            if sae.metrics
            for value in sae.metrics.values
            if value.value is not None
        ),
        "unmeasured": sum(not _has_value(sae) for sae in facts.saes),
        "unprobed": sum(
            sae.first_metric(*BALANCED) is None and sae.sae_id not in compared for sae in facts.saes
        ),
        "intervals": any(v.interval for sae in facts.saes if sae.metrics for v in sae.metrics.values),
        "scenarios": counted_scenarios(facts),
        "new_scenarios": any(sae.first_metric(*NEW_SCENARIOS) for sae in facts.saes),
        "peak_without_sae": peak.profile.layer
        if peak and peak.profile.layer not in facts.distinct("layer")
        else None,
        "quantization": quantization,
        "quantized": quantized_count(facts) if quantization else 0,
        "untested": not any(one.values for one, _ in experiments(facts, "transfers")),
        "total": len(facts.saes),
    }


def checks(facts: Facts) -> Context:
    """What the validator asked and found, what it could not or was not asked to look at, and what training said."""
    general, report = _general(facts), facts.report
    return {
        "asked": len(report.asked),
        "clean": not (defects_of(facts) or general or misfits(facts)) and report.complete,
        "rewritten": _rewritten(facts),
        "general": general,
        "most_messages": MOST_MESSAGES,
        "not_made": not_made(report),
        "unasked": unasked(report),
        "warned": sum(bool(sae.warnings) for sae in facts.saes),
        "warnings": _warnings(facts),
        "few_ids": FEW_IDS,
        "total": len(facts.saes),
        "repo_id": facts.settings.repo_id,
    }


def _has_value(sae: SaeFact) -> bool:
    return sae.metrics is not None and any(value.value is not None for value in sae.metrics.values)


def unasked(report: Report) -> list[tuple[str, str]]:
    """What no rule looked at, because only an option of `hubkit validate` asks it: what, and the option."""
    asked = set(report.asked)
    found: dict[Need, None] = {}
    for rule in REGISTRY.values():
        if rule.code not in asked:
            found |= {need: None for need in OPTIONS if need in rule.needs}
    return [OPTIONS[need] for need in OPTIONS if need in found]


def not_made(report: Report) -> list[tuple[str, list[str], int]]:
    """Checks that were asked and could not be made: the reason, their rules, and of how many SAEs (0: of the repository)."""
    reasons: dict[str, list[Skipped]] = {}
    for one in report.skipped:
        reasons.setdefault(one.reason, []).append(one)
    found = [
        (reason, sorted({one.code for one in several}), len({one.sae_id for one in several} - {None}))
        for reason, several in sorted(reasons.items())
    ]
    crashed = sorted({crash.code for crash in report.crashes})
    return found + ([("the rule itself failed", crashed, 0)] if crashed else [])


def defects_of(facts: Facts) -> list[tuple[str, str, list[str], str | None]]:
    """Code, title of what was found, SAEs, and the architecture whose every SAE it is."""
    by_title: dict[tuple[str, str], list[SaeFact]] = {}
    for sae in facts.saes:
        for said in {(one.code, one.title or REGISTRY[one.code].title) for one in sae.findings}:
            by_title.setdefault(said, []).append(sae)
    return [
        (code, title, sorted((sae.sae_id for sae in saes), key=natural), exactly(facts, saes))
        for (code, title), saes in sorted(by_title.items())
    ]


def _rewritten(facts: Facts) -> list[tuple[Rewritten, str, list[str]]]:
    """SAEs that a fix made another architecture of; with the title of the rule, whose defect is no longer in the files."""
    found: dict[Rewritten, list[str]] = {}
    for sae in facts.saes:
        if sae.rewritten is not None and sae.rewritten.rule in REGISTRY:
            found.setdefault(sae.rewritten, []).append(sae.sae_id)
    return [(one, REGISTRY[one.rule].title, sorted(ids, key=natural)) for one, ids in sorted(found.items())]


def _general(facts: Facts) -> list[tuple[str, str, list[str]]]:
    """Findings about the release as a whole: code, title, messages."""
    by_code: dict[str, list[str]] = {}
    for finding in facts.report.findings:
        if finding.sae_id is None and finding.severity > Severity.NOTE:
            by_code.setdefault(finding.code, []).append(finding.message)
    return [(code, REGISTRY[code].title, messages) for code, messages in sorted(by_code.items())]


def _warnings(facts: Facts) -> list[tuple[str, list[str]]]:
    """What training said, and of which SAEs: texts that differ in their numbers alone become one, with the lowest and the highest of each number."""
    found: dict[str, list[tuple[str, list[str]]]] = {}
    for sae in facts.saes:
        for text in sae.warnings:
            found.setdefault(NUMBER.sub("\0", text), []).append((sae.sae_id, NUMBER.findall(text)))
    lines = []
    for pattern, several in found.items():
        spans = [_span(column) for column in zip(*(numbers for _, numbers in several), strict=True)]
        text = "".join(chain.from_iterable(zip_longest(pattern.split("\0"), spans, fillvalue="")))
        lines.append((text, sorted({sae_id for sae_id, _ in several}, key=natural)))
    return sorted(lines, key=lambda line: (-len(line[1]), line[0]))


def _span(numbers: Sequence[str]) -> str:
    """`85`, or `85 to 180`: as they were written."""
    ordered = sorted(set(numbers), key=lambda number: float(number.replace(",", "")))
    return ordered[0] if len(ordered) == 1 else f"{ordered[0]} to {ordered[-1]}"


def exactly(facts: Facts, saes: list[SaeFact]) -> str | None:
    """What these SAEs are, where that is all SAEs of one architecture, or of one architecture and recipe."""
    kinds = {sae.trained_as for sae in saes}
    if len(kinds) != 1 or len(saes) == len(facts.saes):
        return None
    kind = next(iter(kinds))
    alike = [sae for sae in facts.saes if sae.trained_as == kind]
    if len(alike) == len(saes):
        return f"every {kind} SAE"
    recipes = {str(sae.record.recipe) for sae in saes}
    if len(recipes) == 1 and sum(str(s.record.recipe) in recipes for s in alike) == len(saes):
        return f"every {kind} SAE of the recipe {foreign(next(iter(recipes)))}"
    return f"{len(saes)} of the {len(alike)} {kind} SAEs"


def _mostly_dead(sae: SaeFact) -> bool:
    metric = sae.first_metric(*ALIVE)
    return metric is not None and number_of(metric) < MOSTLY_DEAD


def _stated_dead(facts: Facts) -> set[str]:
    """SAEs over half of whose latents never fire by what their author or their training states."""
    widths = {sae.sae_id: sae.d_sae for sae in facts.saes}
    return {
        item.value.sae_id
        for group in facts.stated
        for item in group.items
        if item.value.sae_id in widths and _says_dead(item, widths[item.value.sae_id])
    }


def _says_dead(item: Item, d_sae: int) -> bool:
    if item.value.measure == "alive_share":
        return item.value.value < MOSTLY_DEAD
    return item.pointer.endswith("/num_dead_features") and item.value.value > MOSTLY_DEAD * d_sae


def _few_rows(sae: SaeFact) -> int | None:
    """The training rows, where there are fewer than latents: the dictionary can store its rows."""
    rows = sae.record.n_rows
    return rows if rows is not None and rows < sae.d_sae else None
