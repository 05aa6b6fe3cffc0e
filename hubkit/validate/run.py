"""One validation: choose the rules, read what they need, ask them, and never let one of them take the others down."""

from __future__ import annotations

import time
import traceback
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hubkit.errors import UsageError
from hubkit.validate import rules as _rules  # noqa: F401 - importing them registers them
from hubkit.validate.facts import RepoFacts, SaeFacts, gather
from hubkit.validate.finding import Finding, Found, Severity, fingerprint
from hubkit.validate.report import Crash, Report, SaeSummary, Skipped
from hubkit.validate.rule import REGISTRY, Need, Rule

if TYPE_CHECKING:
    from hubkit.repo.view import RepoView


@dataclass(frozen=True)
class Selection:
    """Codes and prefixes: `THR`, `CFG004`. Nothing selected means everything."""

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()

    def rules(self) -> list[Rule]:
        """The rules to ask, by code. Raises UsageError for a code or prefix that no rule has."""
        for code in (*self.select, *self.ignore):
            if not any(known.startswith(code) for known in REGISTRY):
                raise UsageError(f"{code!r} is no rule and no prefix of one", hint="hubkit rules")
        chosen = [
            rule for code, rule in sorted(REGISTRY.items()) if not self.select or code.startswith(self.select)
        ]
        return [rule for rule in chosen if not self.ignore or not rule.code.startswith(self.ignore)]


@dataclass
class _Outcome:
    findings: list[Finding] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    crashes: list[Crash] = field(default_factory=list)


def validate(view: RepoView, selection: Selection | None = None, *, deep: bool = False) -> Report:
    """Validate the repository that `view` shows; `deep` also asks the rules that read whole weights.

    Raises HubkitError when it cannot even be listed.
    """
    begun = time.perf_counter()
    selection = selection or Selection()
    rules = [rule for rule in selection.rules() if deep or Need.WEIGHTS not in rule.needs]
    needs = Need.TREE
    for rule in rules:
        needs |= rule.needs
    facts = gather(view, needs)
    outcome = _ask(rules, facts)
    return Report(
        target=view.name,
        revision=view.revision,
        saes=[_summary(sae) for sae in facts.saes],
        findings=sorted(
            outcome.findings, key=lambda f: (-f.severity, f.code, f.sae_id or "", f.pointer or "")
        ),
        skipped=outcome.skipped,
        ignored=[Skipped(code, "--ignore") for code in selection.ignore],
        requests=view.requests,
        bytes_read=view.bytes_read,
        total_bytes=view.total_bytes,
        seconds=time.perf_counter() - begun,
        crashes=outcome.crashes,
    )


def _ask(rules: Iterable[Rule], facts: RepoFacts) -> _Outcome:
    outcome = _Outcome()
    for rule in rules:
        subjects: list[SaeFacts | RepoFacts] = list(facts.saes) if rule.scope == "sae" else [facts]
        for subject in subjects:
            if reason := _missing(rule, subject):
                where = subject.sae_id if isinstance(subject, SaeFacts) else facts.view.name
                outcome.skipped.append(Skipped(rule.code, f"{where}: {reason}"))
            else:
                _ask_one(rule, subject, outcome)
    for reason in sorted({skipped.reason for skipped in outcome.skipped}):
        codes = [skipped.code for skipped in outcome.skipped if skipped.reason == reason]
        outcome.findings.append(
            _finding(
                "RUN002",
                Severity.NOTE,
                None,
                Found(f"{reason}; skipped: {', '.join(codes)}", identity=reason),
            )
        )
    return outcome


def _missing(rule: Rule, subject: SaeFacts | RepoFacts) -> str | None:
    return next((reason for need, reason in subject.unread.items() if need in rule.needs), None)


def _ask_one(rule: Rule, subject: SaeFacts | RepoFacts, outcome: _Outcome) -> None:
    sae_id = subject.sae_id if isinstance(subject, SaeFacts) else None
    try:
        found = list(rule.check(subject))
    except Exception as error:  # noqa: BLE001 - the one place that isolates rules: a crash must not hide what the others found
        outcome.crashes.append(Crash(rule.code, traceback.format_exc()))
        message = f"the rule {rule.code} crashed: {type(error).__name__}: {error}"
        hint = "this is a defect of hubkit: please report it with the traceback of `--format json`"
        outcome.findings.append(
            _finding("RUN001", Severity.ERROR, sae_id, Found(message, hint, identity=rule.code))
        )
        return
    outcome.findings += [_finding(rule.code, f.severity or rule.severity, sae_id, f, rule) for f in found]


def _finding(
    code: str, severity: Severity, sae_id: str | None, found: Found, rule: Rule | None = None
) -> Finding:
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


def _summary(sae: SaeFacts) -> SaeSummary:
    cfg = sae.cfg
    name = sae.family.name if sae.family else "unknown"
    size: dict[str, Any] = {key: cfg.integer(key) if cfg else None for key in ("d_in", "d_sae")}
    return SaeSummary(sae.sae_id, name, cfg.architecture if cfg else None, size["d_in"], size["d_sae"])
