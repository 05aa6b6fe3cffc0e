"""Rules are asked one by one, and none of them takes the others down: what could not be read is told, and a crash is a finding."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace

from hubkit.errors import IncompleteError
from hubkit.repo.deadline import Deadline
from hubkit.validate.facts import RepoFacts, SaeFacts
from hubkit.validate.finding import Finding, Found, Severity
from hubkit.validate.report import Crash, Skipped
from hubkit.validate.rule import Rule
from hubkit.words import many

MOST_OF_ONE = 1000
"""Findings of one rule on one SAE, or on the repository as a whole, that are listed."""
GRACE = 10.0
"""Seconds for the rules after a time that the network used up."""
CRASHED = "this is a defect of hubkit: please report it with the traceback of `--format json`"


@dataclass
class Outcome:
    """What came of asking."""

    findings: list[Finding] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    crashes: list[Crash] = field(default_factory=list)


def ask(rules: Iterable[Rule], facts: RepoFacts) -> Outcome:
    """Every rule about every SAE, or about the repository. Never raises for a rule."""
    outcome = Outcome()
    overdue = _overdue(facts.view.deadline)
    for rule in rules:
        subjects: list[SaeFacts | RepoFacts] = list(facts.saes) if rule.scope == "sae" else [facts]
        for subject in subjects:
            if reason := overdue() or _missing(rule, subject):
                outcome.skipped.append(Skipped(rule.code, reason, _sae_id(subject)))
            else:
                _ask_one(rule, subject, outcome)
    outcome.findings += _unread(outcome.skipped)
    return outcome


def _overdue(deadline: Deadline | None) -> Callable[[], str | None]:
    """What says that the time of the command is used up; what was read before may still be judged for GRACE seconds."""
    if deadline is None:
        return lambda: None
    ends = deadline.clock() + max(deadline.left, GRACE)
    return lambda: deadline.over().message if deadline.clock() > ends else None


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
        saes = {one.sae_id for one in several if one.sae_id is not None}
        checks = many(len(several), "check")
        where = f" on {len(saes)} SAEs" if len(saes) > 1 else ""
        found = Found(f"{reason}; {checks}{where} could not be made", identity=reason)
        yield found.finding(
            "RUN002", Severity.NOTE, next(iter(saes)) if len(saes) == 1 else None, fixable=False
        )


def _ask_one(rule: Rule, subject: SaeFacts | RepoFacts, outcome: Outcome) -> None:
    sae_id = _sae_id(subject)
    found: list[Found] = []
    try:
        for one in _first(rule.check(subject)):
            found.append(one)  # noqa: PERF402 - one by one: what was found before an IncompleteError stays
    except IncompleteError as error:
        outcome.skipped.append(Skipped(rule.code, error.message, sae_id))
    except Exception as error:  # noqa: BLE001 - the one place that isolates rules: a crash must not hide what the others found
        outcome.crashes.append(Crash(rule.code, traceback.format_exc()))
        message = f"the rule {rule.code} crashed: {type(error).__name__}: {error}"
        crash = Found(message, CRASHED, identity=rule.code)
        outcome.findings.append(crash.finding("RUN001", Severity.ERROR, sae_id, fixable=False))
        return
    outcome.findings += [
        one.finding(rule.code, rule.severity, sae_id, fixable=rule.fix is not None) for one in found
    ]


def _first(found: Iterable[Found]) -> Iterator[Found]:
    """At most MOST_OF_ONE findings, and one that says how many more there are: a file can be made to hold a fault in every line."""
    more, last = 0, None
    for number, one in enumerate(found):
        if number < MOST_OF_ONE:
            yield one
        else:
            more, last = more + 1, one
    if last is not None:
        message = (
            f"{many(more, 'more finding')} of this rule, not listed: the first {MOST_OF_ONE:,} stand above"
        )
        yield replace(
            last, message=message, line=None, pointer=None, measured={}, identity="more of this rule"
        )
