"""One audit: list what there is, read what is not known yet, a few repositories at a time, and keep each as soon as it is done."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from hubkit.audit.across import Disagreement, disagreements
from hubkit.audit.fingerprint import rules_digest
from hubkit.audit.listing import Candidate, candidates
from hubkit.audit.member import Options, Reader, Step
from hubkit.audit.ranking import Row, Totals, ranked, totals
from hubkit.audit.store import Store
from hubkit.audit.targets import Source
from hubkit.audit.workers import in_threads
from hubkit.engine.events import Event, Progress, silent
from hubkit.errors import ExitCode, IncompleteError
from hubkit.repo.ratelimit import RateLimits
from hubkit.repo.transport import Transport
from hubkit.validate.config import load_config
from hubkit.validate.finding import Severity
from hubkit.validate.selection import Config, Selection
from hubkit.words import human_bytes

if TYPE_CHECKING:
    from huggingface_hub import HfApi

DEFAULT_STORE = Path("hubkit-audit.sqlite")
PATIENCE = 900.0
"""Seconds to wait for the Hub's next window: an audit that needs several of its five minutes is meant to take them."""

MANY = 1000

__all__ = ["Audit", "Options", "audit", "selection", "whole_audit"]


def selection(select: Sequence[str], ignore: Sequence[str], config: Path | None = None) -> Selection:
    """Rules by codes and prefixes, and by a configuration where one is named. None is looked for: an audit of others' repositories must not depend on where it is run."""
    found = load_config(config) if config else Config()
    kept = (one for one in found.ignore if not any(code.startswith(one.code) for code in select))
    return Selection(tuple(select) or found.select, (*kept, *ignore), found.severity)


def audit(
    sources: Iterable[Source],
    api: HfApi,
    store: Path | None = None,
    options: Options | None = None,
    *,
    targets: Sequence[str] = (),
    report: Progress = silent,
) -> Store:
    """Audit everything that `sources` stand for; the store that is returned, open, has the run's rows (`hubkit.audit.ranking`).

    `store` None: the default file where something is on the Hub, a temporary one otherwise. A run that dies is taken up by the
    next one over the same store: nothing that was read whole, at the same commit by the same rules, is read again. The caller
    marks the run as finished (`Store.finish`) when its table was shown. Raises UsageError for a code that is no rule, HubkitError when the
    store cannot be written.
    """
    options = options or Options()
    rules = rules_digest(options.selection)
    found, worth_keeping = _peek(candidates(sources, api))
    if store is None and (worth_keeping or options.since_last):
        store = DEFAULT_STORE
    kept = Store(store)
    try:
        kept.begin(targets, rules)
        since = options.since.astimezone(UTC).isoformat() if options.since else None
        count = 0
        for count in kept.enrol(found, since):
            report(Event("list", count, count + 1, "repositories and folders so far"))
        report(Event("list", count, count, "repositories and folders"))
        _read_all(kept, api, options, report)
    except BaseException:
        kept.close()
        raise
    return kept


@dataclass(frozen=True)
class Audit:
    """What an audit came to, all of it in memory."""

    rows: tuple[Row, ...]
    """One for each repository or folder, worst first."""
    totals: Totals
    disagreements: tuple[Disagreement, ...]
    """Cards of one owner that cannot both be right."""

    def exit_code(self, fail_on: Severity = Severity.ERROR) -> ExitCode:
        """As the verb would end, by the contract in `hubkit.errors.ExitCode`."""
        return self.totals.exit_code(fail_on, contradictions=bool(self.disagreements))


def whole_audit(
    sources: Iterable[Source],
    api: HfApi,
    store: Path | None = None,
    options: Options | None = None,
    *,
    reports: bool = False,
    report: Progress = silent,
) -> Audit:
    """The same, carried out and read back; nothing is kept without a `store`. `reports` gives every row its whole report. Raises HubkitError."""
    with TemporaryDirectory(prefix="hubkit-audit-", ignore_cleanup_errors=True) as scratch:
        kept = audit(sources, api, store or Path(scratch) / DEFAULT_STORE, options, report=report)
        try:
            found = Audit(tuple(ranked(kept, reports=reports)), totals(kept), tuple(disagreements(kept)))
            kept.finish()
            return found
        finally:
            kept.close()


def _peek(found: Iterator[Candidate]) -> tuple[Iterator[Candidate], bool]:
    """The same candidates, and whether a run over them is worth a file: a repository of the Hub among them, or very many."""
    first: list[Candidate] = []
    for candidate in found:
        first.append(candidate)
        if candidate.kind == "hub" or len(first) == MANY:
            return chain(first, found), True
    return iter(first), False


def _read_all(store: Store, api: HfApi, options: Options, report: Progress) -> None:
    total = store.count("open")
    if not total:
        return
    report(Event("audit", 0, total))
    done = requests = size = 0

    def waiting(seconds: float) -> None:
        report(Event("audit", done, total, f"waits {seconds:.0f} s for the Hub's rate limit"))

    with _transport(waiting) as transport:
        reader = Reader(store, api, transport, options, PATIENCE)
        for done, step in enumerate(in_threads(reader.read, store.open_members(), options.jobs), 1):
            _write_down(store, step)
            reader.written(step)
            if step.reading is not None:
                requests += step.reading.requests
                size += step.reading.bytes_read
            cost = f"{requests:,} requests, {human_bytes(size)}, " if requests else ""
            report(Event("audit", done, total, f"{cost}{step.member.shown}"))


@contextmanager
def _transport(waiting: Callable[[float], None]) -> Iterator[Transport]:
    """Connections that wait for the next window of a used-up rate limit. When the block ends, nobody waits any more: Ctrl-C takes no five minutes."""
    over = threading.Event()

    def sleep(seconds: float) -> None:
        if over.wait(seconds):
            raise IncompleteError("the audit was stopped")

    transport = Transport(RateLimits(patience=PATIENCE, on_wait=waiting, sleep=sleep), sleep=sleep)
    try:
        yield transport
    finally:
        over.set()
        transport.close()


def _write_down(store: Store, step: Step) -> None:
    if step.reading is not None:
        store.keep(step.member.key, step.reading)
    elif step.name:
        store.reuse(step.member.key, step.name, step.sha)
    else:
        store.leave_out(step.member.key)
