"""One validation: choose the rules, read what they need, ask them, and never let one of them take the others down."""

from __future__ import annotations

import time
import traceback
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from hubkit.engine.events import Report as Progress
from hubkit.engine.events import silent
from hubkit.errors import IncompleteError
from hubkit.validate import rules as _rules  # noqa: F401 - importing them registers them
from hubkit.validate.base_model import TABLE, BaseModels, add_base_models
from hubkit.validate.card import cards_inside
from hubkit.validate.facts import RepoFacts, SaeFacts
from hubkit.validate.finding import Finding, Found, Severity, fingerprint
from hubkit.validate.gather import gather
from hubkit.validate.need import Need
from hubkit.validate.report import Crash, Ignored, Report, Skipped, Suppressed, order
from hubkit.validate.rule import Rule
from hubkit.validate.selection import Ignore, Selection
from hubkit.validate.statements import Statement, statements
from hubkit.words import many

if TYPE_CHECKING:
    from hubkit.repo.view import RepoView

__all__ = ["Selection", "validate"]

ACROSS = "CARD015"
CRASHED = "this is a defect of hubkit: please report it with the traceback of `--format json`"


@dataclass
class _Outcome:
    findings: list[Finding] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    crashes: list[Crash] = field(default_factory=list)


def validate(  # noqa: PLR0913 - a keyword for each thing that a run may do beside
    view: RepoView,
    selection: Selection | None = None,
    *,
    deep: bool = False,
    load: bool = False,
    base_model: str | None = None,
    more: tuple[Rule, ...] = (),
    report: Progress = silent,
) -> Report:
    """Validate the repository that `view` shows; `deep` also asks the rules that read whole weights, `load` those that ask SAELens.

    Base models are looked up in the shipped table; `base_model` (`auto`, an id of the Hub, a folder) also asks the Hub, or the folder, for the config.json
    of others, and those rules that need it. `more` are rules that other rooms bring; they are selected and set aside as all others.
    `report` hears of every SAE whose weights were read whole. Raises HubkitError when the repository cannot even be listed.
    """
    begun = time.perf_counter()
    selection = selection or Selection()
    left_out = (Need.NOTHING if deep else Need.WEIGHTS) | (Need.NOTHING if load else Need.LOAD)
    left_out |= Need.NOTHING if base_model else Need.BASE
    rules = [rule for rule in selection.rules(more) if not rule.needs & left_out]
    needs = Need.TREE
    for rule in rules:
        needs |= rule.needs
    # A silenced rule is asked, so that the report can say what it hides, but nothing more is read for it.
    silenced = [rule for rule in selection.silenced_rules() if rule.needs in needs]
    facts = gather(view, needs, report)
    asked = base_model if any(Need.BASE in rule.needs | rule.helped for rule in rules) else None
    add_base_models(facts, BaseModels(asked or TABLE, deep=deep and asked is not None))
    outcome = _ask(rules, facts)
    hidden = _ask(silenced, facts).findings
    kept, suppressed, ignored = _set_aside(outcome.findings, hidden, selection, silenced)
    return Report(
        target=view.name,
        revision=view.revision,
        saes=[sae.sae for sae in facts.saes],
        findings=sorted(_weighed(kept, selection), key=order),
        skipped=outcome.skipped,
        ignored=ignored,
        requests=view.requests,
        bytes_read=view.bytes_read,
        total_bytes=view.total_bytes,
        seconds=time.perf_counter() - begun,
        crashes=outcome.crashes,
        suppressed=suppressed,
        severities=dict(selection.severity),
        asked=tuple(rule.code for rule in rules),
        statements=_statements(facts) if any(rule.code == ACROSS for rule in rules) else (),
        remarks=(*facts.remarks, *(cards_inside(facts) if Need.README in needs else ())),
    )


def _statements(facts: RepoFacts) -> tuple[Statement, ...]:
    return tuple(statements(facts.readme, facts.claims)) if facts.readme else ()


def _set_aside(
    findings: list[Finding], hidden: list[Finding], selection: Selection, silenced: list[Rule]
) -> tuple[list[Finding], list[Suppressed], list[Ignored]]:
    """The findings that stay, those that an ignore covers, and every ignore with its count."""
    kept: list[Finding] = []
    suppressed: list[Suppressed] = []
    counts = [0] * len(selection.ignores)
    for finding in [*findings, *(f for f in hidden if not f.code.startswith("RUN"))]:
        which = next((i for i, one in enumerate(selection.ignores) if one.covers(finding)), None)
        if which is None:
            kept.append(finding)
        else:
            counts[which] += 1
            suppressed.append(Suppressed(finding, "ignore", selection.ignores[which].reason))
    asked = {rule.code for rule in silenced}
    return kept, suppressed, [
        Ignored(one.code, one.reason, one.path, one.sae_id, count if _was_asked(one, selection, asked) else None)
        for one, count in zip(selection.ignores, counts, strict=True)
    ]  # fmt: skip


def _was_asked(one: Ignore, selection: Selection, asked: set[str]) -> bool:
    """Whether every rule that `one` silences was asked all the same."""
    return not one.everywhere or all(
        rule.code in asked for rule in selection.silenced_rules() if rule.code.startswith(one.code)
    )


def _weighed(findings: Iterable[Finding], selection: Selection) -> Iterator[Finding]:
    """With the severities that the configuration gives."""
    for finding in findings:
        severity = selection.severity_of(finding.code, finding.severity)
        yield finding if severity is finding.severity else replace(finding, severity=severity)


def _ask(rules: Iterable[Rule], facts: RepoFacts) -> _Outcome:
    outcome = _Outcome()
    for rule in rules:
        subjects: list[SaeFacts | RepoFacts] = list(facts.saes) if rule.scope == "sae" else [facts]
        for subject in subjects:
            if reason := _missing(rule, subject):
                outcome.skipped.append(Skipped(rule.code, reason, _sae_id(subject)))
            else:
                _ask_one(rule, subject, outcome)
    outcome.findings += _unread(outcome.skipped)
    return outcome


def _sae_id(subject: SaeFacts | RepoFacts) -> str | None:
    return subject.sae_id if isinstance(subject, SaeFacts) else None


def _missing(rule: Rule, subject: SaeFacts | RepoFacts) -> str | None:
    return next((reason for need, reason in subject.unread.items() if need in rule.needs | rule.helped), None)


def _unread(skipped: list[Skipped]) -> Iterator[Finding]:
    """One finding for every reason; the report's `skipped` names each rule."""
    reasons: dict[str, list[Skipped]] = {}
    for one in skipped:
        reasons.setdefault(one.reason, []).append(one)
    for reason, several in sorted(reasons.items()):
        saes = {one.sae_id for one in several}
        checks = many(len(several), "check")
        where = f" on {len(saes)} SAEs" if len(saes) > 1 else ""
        found = Found(f"{reason}; {checks}{where} could not be made", identity=reason)
        yield _finding("RUN002", Severity.NOTE, next(iter(saes)) if len(saes) == 1 else None, found)


def _ask_one(rule: Rule, subject: SaeFacts | RepoFacts, outcome: _Outcome) -> None:
    sae_id = _sae_id(subject)
    try:
        found = list(rule.check(subject))
    except IncompleteError as error:
        outcome.skipped.append(Skipped(rule.code, error.message, sae_id))
        return
    except Exception as error:  # noqa: BLE001 - the one place that isolates rules: a crash must not hide what the others found
        outcome.crashes.append(Crash(rule.code, traceback.format_exc()))
        message = f"the rule {rule.code} crashed: {type(error).__name__}: {error}"
        crash = Found(message, CRASHED, identity=rule.code)
        outcome.findings.append(_finding("RUN001", Severity.ERROR, sae_id, crash))
        return
    outcome.findings += [_finding(rule.code, f.severity or rule.severity, sae_id, f, rule) for f in found]


def _finding(
    code: str, severity: Severity, sae_id: str | None, found: Found, rule: Rule | None = None
) -> Finding:
    sae_id = sae_id or found.sae_id
    return Finding(
        code=code,
        severity=severity,
        confidence=found.confidence,
        sae_id=sae_id,
        path=found.path,
        pointer=found.pointer,
        line=found.line,
        message=found.message,
        hint=found.hint,
        measured=found.measured,
        fix=found.fix if rule and rule.fix else None,
        fingerprint=fingerprint(code, sae_id, found),
    )
