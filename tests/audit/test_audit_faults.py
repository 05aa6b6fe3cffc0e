"""Every fault of the local Hub, once and for ever, against validate and audit: the true findings or an incomplete run, never a wrong "clean"."""

from __future__ import annotations

import json
import time
from contextlib import closing
from pathlib import Path

import pytest
from audit.conftest import Place
from audit.repositories import OWNER, publish, sae_files
from builders import README

from hubkit.audit.ranking import ranked, totals
from hubkit.audit.run import audit
from hubkit.audit.store import Store
from hubkit.audit.targets import sources
from hubkit.errors import ExitCode, HubkitError
from hubkit.localhub.faults import Fault, Kind
from hubkit.repo.hub import open_repo
from hubkit.repo.memory import MemoryView
from hubkit.repo.ratelimit import RateLimits
from hubkit.repo.transport import Transport
from hubkit.validate.finding import Severity
from hubkit.validate.run import validate

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning", "ignore::UserWarning")
REPO = f"{OWNER}/zero"
PLACES = {"cfg": "GET .*cfg.json", "weights": "GET .*(sae_weights|lfs)", "listing": "GET /api/models/"}
FAULTS: dict[str, dict[str, object]] = {
    "delay": {"seconds": 0.2},
    "rate_limit": {"seconds": 0.2},
    "status": {"status": 503},
    "drop": {"after_bytes": 20},
    "truncate": {"after_bytes": 20},
    "ignore_range": {},
    "expired": {},
    "redirect_loop": {},
    "redirect": {"to": "http://127.0.0.1:9/elsewhere"},
}
SECONDS = 60.0
"""No fault may hold a run of one SAE up for longer."""


@pytest.fixture
def zero(place: Place) -> Place:
    publish(place.api, REPO, sae_files(1, 1))
    return place


def fault(kind: str, where: str, times: int | None) -> Fault:
    named: Kind = kind  # type: ignore[assignment]
    return Fault(named, match=PLACES[where], times=times, **FAULTS[kind])  # type: ignore[arg-type]


@pytest.mark.parametrize("times", [1, None])
@pytest.mark.parametrize("where", PLACES)
@pytest.mark.parametrize("kind", FAULTS)
def test_validate_tells_the_truth_or_that_it_could_not(
    zero: Place, kind: str, where: str, times: int | None
) -> None:
    zero.hub.faults.add(fault(kind, where, times))
    begun = time.monotonic()
    brief = Transport(RateLimits(patience=5), sleep=lambda seconds: time.sleep(min(seconds, 0.01)))
    try:
        report = validate(open_repo(REPO, None, zero.api, cache=False, transport=brief))
    except HubkitError as error:
        assert error.exit_code in {ExitCode.INCOMPLETE, ExitCode.USAGE}
        assert where == "listing"
    else:
        codes = {f.code for f in report.findings if f.severity is Severity.ERROR}
        assert (
            codes == {"THR001"}
            if report.complete
            else report.exit_code(Severity.ERROR) is ExitCode.INCOMPLETE
        )
    finally:
        brief.close()
    assert time.monotonic() - begun < SECONDS


@pytest.mark.parametrize("where", PLACES)
@pytest.mark.parametrize("kind", FAULTS)
def test_audit_keeps_what_was_true_and_asks_again_for_the_rest(
    zero: Place, tmp_path: Path, kind: str, where: str
) -> None:
    zero.hub.faults.add(fault(kind, where, None))
    store = tmp_path / "store.sqlite"

    def run() -> tuple[ExitCode, list[tuple[str, int]]]:
        with closing(audit(sources([REPO], "", ()), zero.api, store, targets=[REPO])) as kept:
            found = [(row.worst, row.errors) for row in ranked(kept)], totals(kept).exit_code(Severity.ERROR)
            kept.finish()
        return found[1], found[0]

    try:
        code, rows = run()
    except HubkitError as error:
        assert error.exit_code is ExitCode.INCOMPLETE
    else:
        assert code is ExitCode.INCOMPLETE or rows == [("THR001", 1)]
    if store.exists():
        Store(store).close()  # it opens: nothing half-written
    zero.hub.faults.clear()
    assert run() == (ExitCode.FINDINGS, [("THR001", 1)])


YAML_BOMB = "---\nlibrary_name: saelens\n" + "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{name}: &{name} [{','.join(['*' + before] * 9)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
) + "---\n# x\n"  # fmt: skip


@pytest.mark.parametrize(
    ("path", "content", "words"),
    [
        ("README.md", YAML_BOMB.encode(), ""),
        ("layer_00/cfg.json", b"[" * 100_000, "deeper"),
        ("layer_00/cfg.json", b'{"a":' * 50_000, "deeper"),
        ("layer_00/cfg.json", json.dumps({"d_in": "9" * 900_000}).encode(), ""),
        ("layer_00/sae_weights.safetensors", (99_000_000).to_bytes(8, "little") + b"{" * 2000, "header"),
    ],
)
def test_bombs_are_findings_and_cost_little(path: str, content: bytes, words: str) -> None:
    import tracemalloc

    repository = MemoryView(
        name="bomb", files=sae_files(1, 0) | {"README.md": README.encode(), path: content}
    )
    tracemalloc.start()
    report = validate(repository)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert not report.crashes
    assert peak < 64 << 20
    if words:
        assert any(words in f.message for f in report.findings), report.findings
