"""One validation: choose the rules, read what they need, ask them, and never let one of them take the others down.

Where several releases lie in what was named, each is validated as if it had been named alone (`validate.inside`), and the reports are joined.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hubkit.engine.events import Progress, silent
from hubkit.formats.folder import may_be_weights
from hubkit.readme.code import unread_code
from hubkit.repo.part import part_of
from hubkit.validate import rules as _rules  # noqa: F401 - importing them registers them
from hubkit.validate.asking import Outcome, ask
from hubkit.validate.base_model import TABLE, BaseModels, add_base_models
from hubkit.validate.card import cards_inside
from hubkit.validate.coverage import Coverage, coverage_beside, coverage_of, whole_card
from hubkit.validate.evidence import Evidence, evidence_of
from hubkit.validate.facts import RepoFacts
from hubkit.validate.finding import Finding
from hubkit.validate.gather import gather
from hubkit.validate.hint_commands import addressed
from hubkit.validate.inside import Split, split_of
from hubkit.validate.need import Need
from hubkit.validate.report import (
    Crash,
    Ignored,
    Report,
    Suppressed,
    below,
    joined,
    order,
)
from hubkit.validate.rule import Rule
from hubkit.validate.selection import Ignore, Selection
from hubkit.validate.statements import Statement, statements
from hubkit.words import many

if TYPE_CHECKING:
    from hubkit.repo.view import RepoView

__all__ = ["Selection", "validate"]

ACROSS = "CARD015"
OF_THE_WHOLE = ("CARD004", "CARD005", "CARD006", ACROSS)
"""What the card around several releases may say of all of them."""
DEEPEST = 8
"""Releases inside releases that are looked for."""


@dataclass(frozen=True)
class _Asked:
    """What one validation asks for, beside its selection."""

    deep: bool = False
    load: bool = False
    base_model: str | None = None
    more: tuple[Rule, ...] = ()
    report: Progress = silent
    only: tuple[str, ...] = ()
    """Codes of rules; others are not asked, whatever is selected. Empty: all are."""
    never: tuple[str, ...] = ()
    """Prefixes of rules that are not asked."""
    coverage: bool = False
    """Whether somebody wants to know what of the card was held against the files."""

    def rules(self, selection: Selection) -> list[Rule]:
        """Those that are asked."""
        left_out = (Need.NOTHING if self.deep else Need.WEIGHTS) | (Need.NOTHING if self.load else Need.LOAD)
        left_out |= Need.NOTHING if self.base_model else Need.BASE
        return [rule for rule in selection.rules(self.more) if not rule.needs & left_out and self.takes(rule)]

    def takes(self, rule: Rule) -> bool:
        """Whether this part of a validation asks it."""
        return (not self.only or rule.code in self.only) and not rule.code.startswith(self.never or ("\0",))


def validate(  # noqa: PLR0913 - a keyword for each thing that a run may do beside
    view: RepoView,
    selection: Selection | None = None,
    *,
    deep: bool = False,
    load: bool = False,
    base_model: str | None = None,
    more: tuple[Rule, ...] = (),
    report: Progress = silent,
    coverage: bool = False,
) -> Report:
    """Validate the repository that `view` shows; `deep` also asks the rules that read whole weights, `load` those that ask SAELens.

    Base models are looked up in the shipped table; `base_model` (`auto`, an id of the Hub, a folder) also asks the Hub, or the folder, for the config.json
    of others, and those rules that need it. `more` are rules that other rooms bring; they are selected and set aside as all others.
    With `coverage` the report says what of the card was held against the files, which takes as long again as reading the card.
    `report` hears of every SAE whose weights were read whole. Raises HubkitError when the repository cannot even be listed.
    """
    asked = _Asked(deep, load, base_model, more, report, coverage=coverage)
    found = _validate(view, selection or Selection(), asked, DEEPEST)
    found = replace(found, findings=list(addressed(found, view)))
    if unread := _values_unread(found, deep=deep):
        found = replace(found, remarks=(*found.remarks, unread))
    return found if found.saes else replace(found, remarks=(*found.remarks, _passed_over(view)))


def _values_unread(report: Report, *, deep: bool) -> str | None:
    """That headers tell shapes and no values, where rules of the weights were asked."""
    if deep or not report.saes or not any(code.startswith("WTS") for code in report.asked):
        return None
    return "the values of the weights were not looked at, thresholds and scaling factors aside: --deep finds NaN, infinities, and latents that were never trained"


def _passed_over(view: RepoView) -> str:
    """What there is where no SAE was found."""
    entries = view.list()
    weights = [one.path for one in entries if may_be_weights(one)]
    shown = ", ".join(weights[:5]) + (f" and {len(weights) - 5} more" if len(weights) > 5 else "")
    which = f"weights of no format that hubkit knows: {shown}" if weights else "none of them weights"
    return f"passed over: {many(len(entries), 'file')}, {which}"


def unasked(
    selection: Selection, *, deep: bool, load: bool, base_model: str | None, more: tuple[Rule, ...] = ()
) -> list[str]:
    """The selected codes and prefixes of which no rule would be asked, though there are some: they need another option."""
    asked = {rule.code for rule in _Asked(deep, load, base_model, more).rules(selection)}
    silenced = {rule.code for rule in selection.silenced_rules()}
    return [one for one in selection.select if not any(code.startswith(one) for code in asked | silenced)]


def _validate(view: RepoView, selection: Selection, asked: _Asked, depth: int) -> Report:
    begun = time.perf_counter()
    split = split_of(view) if depth else Split()
    if not split.releases:
        return _one(view, selection, asked)
    reports, views = [], [view]
    for folder in split.releases:
        part = part_of(view, folder)
        report = _validate(part, selection.below(folder), asked, depth - 1)
        reports.append(below(report, folder))
        views.append(part)
    # What lies around them: without a card of its own there, a README is that of a code base.
    rest = part_of(view, ".", frozenset(split.releases))
    rest.refused = view.refused
    around = _one(
        rest, selection, asked if split.has_card or split.has_saes else replace(asked, never=("CARD",))
    )
    whole = _of_the_whole(view, selection, replace(asked, only=OF_THE_WHOLE), split)
    found = joined([_agreed(around, whole, split), *reports, _only(whole, ACROSS)], view.name)
    shown = ", ".join(split.releases[:3]) + (
        f" and {len(split.releases) - 3} more" if len(split.releases) > 3 else ""
    )
    several = "a release" if len(split.releases) == 1 else f"{len(split.releases)} releases"
    return replace(
        found,
        folder=None,
        releases=tuple(sorted({*split.releases, *found.releases})),
        requests=sum(one.requests for one in (*views, rest)),
        bytes_read=sum(one.bytes_read for one in (*views, rest)),
        total_bytes=view.total_bytes,
        seconds=time.perf_counter() - begun,
        remarks=(f"{several} inside, validated as if named alone: {shown}", *found.remarks),
    )


def _of_the_whole(view: RepoView, selection: Selection, asked: _Asked, split: Split) -> Report:
    """What the card around the releases, and all cards against each other, come to over everything."""
    asked = asked if split.has_card else replace(asked, only=(ACROSS,))
    if not asked.rules(selection):
        return Report(view.name, view.revision, [], [], [], [], 0, 0, 0, 0.0)
    return _one(view, selection, asked, split.releases)


def _agreed(around: Report, whole: Report, split: Split) -> Report:
    """What lies around the releases. What its card says of SAEs may be meant of all, or of those outside: it is wrong where both readings are."""
    if not split.has_card:
        return around
    over_all = [f for f in whole.findings if f.code in OF_THE_WHOLE and f.code != ACROSS]
    prints = {finding.fingerprint for finding in over_all}
    if not split.has_saes:
        kept = [f for f in around.findings if f.code not in OF_THE_WHOLE]
        return replace(around, findings=[*kept, *over_all], coverage=whole.coverage)
    return replace(
        around,
        findings=[f for f in around.findings if f.code not in OF_THE_WHOLE or f.fingerprint in prints],
    )


def _only(report: Report, code: str) -> Report:
    """What one rule found, and nothing beside it that the others say already."""
    return replace(
        report,
        saes=[],
        findings=[finding for finding in report.findings if finding.code == code],
        skipped=[one for one in report.skipped if one.code == code],
        suppressed=[one for one in report.suppressed if one.finding.code == code],
        ignored=[],
        coverage=(),
        statements=(),
        remarks=(),
    )


def _one(view: RepoView, selection: Selection, asked: _Asked, releases: tuple[str, ...] = ()) -> Report:
    """One repository or folder as it is; `releases` inside only bring their cards."""
    begun = time.perf_counter()
    rules = asked.rules(selection)
    needs = Need.TREE
    for rule in rules:
        needs |= rule.needs
    # A silenced rule is asked, so that the report can say what it hides, but nothing more is read for it.
    silenced = [rule for rule in selection.silenced_rules() if rule.needs in needs and asked.takes(rule)]
    # One reading for all rules: what two of them need is fetched once, and many requests run at a time.
    facts = gather(view, needs, asked.report, releases)
    if not asked.only:
        _add_base_models(facts, asked, wanted=any(Need.BASE in rule.needs | rule.helped for rule in rules))
    outcome = ask(rules, facts)
    hidden = ask(silenced, facts).findings
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
        coverage=_coverage(facts, {rule.code for rule in (*rules, *silenced)}, outcome, hidden)
        if asked.coverage
        else (),
        evidence={} if asked.only else _evidence(facts, outcome),
        statements=_statements(facts) if any(rule.code == ACROSS for rule in rules) else (),
        remarks=(*facts.remarks, *(_of_the_card(facts) if Need.README in needs else ())),
    )


def _coverage(
    facts: RepoFacts, asked: set[str], outcome: Outcome, hidden: list[Finding]
) -> tuple[Coverage, ...]:
    """What of the card was held against the files, where every rule that holds it was asked: what a configuration hides agrees with nothing.

    A crash here hides nothing of what was found.
    """
    if not asked >= whole_card():
        return ()
    try:
        found = coverage_of(facts, [*outcome.findings, *hidden])
    except Exception:  # noqa: BLE001 - as for rules: it is told, and the findings stay
        outcome.crashes.append(Crash("COVERAGE", traceback.format_exc()))
        return ()
    return (*([found] if found else []), *coverage_beside(facts))


def _evidence(facts: RepoFacts, outcome: Outcome) -> dict[str, Evidence]:
    """What was seen of the SAEs. A crash here hides nothing of what was found."""
    try:
        return evidence_of(facts)
    except Exception:  # noqa: BLE001 - as for rules
        outcome.crashes.append(Crash("EVIDENCE", traceback.format_exc()))
        return {}


def _of_the_card(facts: RepoFacts) -> Iterator[str]:
    """What was not read of the card, and the cards inside."""
    if facts.page is not None and (unread := facts.page.unread):
        yield f"README.md: not read for what it claims: {unread}"
    if facts.readme is not None and (unread := unread_code(facts.readme.code_blocks)):
        yield f"README.md: code that is not parsed: {unread}"
    yield from cards_inside(facts)


def _statements(facts: RepoFacts) -> tuple[Statement, ...]:
    return tuple(statements(facts.card, facts.claims)) if facts.card else ()


def _set_aside(
    findings: list[Finding], hidden: list[Finding], selection: Selection, silenced: list[Rule]
) -> tuple[list[Finding], list[Suppressed], list[Ignored]]:
    """The findings that stay, those that an ignore covers, and every ignore with its count."""
    kept: list[Finding] = []
    suppressed: list[Suppressed] = []
    counts = [0] * len(selection.ignores)
    for finding in [*findings, *(f for f in hidden if not f.code.startswith("RUN"))]:
        which = next(
            (i for i, one in enumerate(selection.ignores) if one.covers(finding, selection.seen)), None
        )
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


def _add_base_models(facts: RepoFacts, asked: _Asked, *, wanted: bool) -> None:
    """From the Hub or a folder where a rule looks at them (`wanted`) and they were asked for, else from the shipped table."""
    models = BaseModels(TABLE)
    if asked.base_model:
        typed = BaseModels(asked.base_model, deep=asked.deep, deadline=facts.view.deadline)
        if wanted:
            models = typed
        else:
            typed.check_typed(ask=False)
    add_base_models(facts, models)
