"""Many SAEs in one run: every one is found, and what one costs is bounded. With -s the costs are printed: docs/scale.md has them."""

from __future__ import annotations

import json
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from audit.conftest import Place
from audit.repositories import OWNER, publish, sae_files
from huggingface_hub import HfApi

from hubkit.audit import run
from hubkit.audit.listing import Candidate
from hubkit.audit.ranking import totals
from hubkit.audit.reading import Reading
from hubkit.audit.run import audit

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning", "ignore::UserWarning")
STUDY = (57, 45, 39, 45, 54, 18, 30, 42, 18)
"""SAEs of the nine repositories of the published study."""
FEATURES = 2304
"""As in that study, so that thresholds have their size; the residual stream is tiny, for nobody reads the matrices."""


def audit_all(place: Place, cwd: Path, *arguments: str) -> tuple[dict[str, dict[str, Any]], dict[str, float]]:
    """The rows by name, and what an SAE cost by the Hub's own log."""
    place.hub.clear_requests()
    begun = time.perf_counter()
    _, rows = place.rows(cwd, OWNER, *arguments)
    seconds = time.perf_counter() - begun
    log, saes = place.hub.requests, sum(row["saes"] for row in rows)
    content = sum(request.path.startswith("/-/") for request in log)
    resolvers = sum("/resolve/" in r.path or r.path.startswith("/api/resolve-cache/") for r in log)
    found = {
        "saes": saes,
        "seconds": seconds,
        "kB an SAE": sum(request.sent for request in log) / saes / 1000,
        "resolver requests an SAE": resolvers / saes,
        "content requests an SAE": content / saes,
        "API requests a repository": (len(log) - content - resolvers) / len(rows),
        "store bytes an SAE": (cwd / "hubkit-audit.sqlite").stat().st_size / saes,
    }
    print(json.dumps({key: round(value, 2) for key, value in found.items()}))
    return {row["target"]: row for row in rows}, found


def test_348_saes_in_nine_repositories(place: Place, tmp_path: Path) -> None:
    for number, size in enumerate(STUDY):
        publish(place.api, f"{OWNER}/r{number}", sae_files(size, zero=number, d_sae=FEATURES))
    rows, found = audit_all(place, tmp_path)
    assert {name: row["saes"] for name, row in rows.items()} == {
        f"{OWNER}/r{n}": size for n, size in enumerate(STUDY)
    }
    assert {name: row["never_learned"] for name, row in rows.items()} == {
        f"{OWNER}/r{n}": n for n in range(len(STUDY))
    }
    assert found["saes"] == 348
    assert found["kB an SAE"] < 10
    assert found["resolver requests an SAE"] < 3
    assert found["store bytes an SAE"] < 1000


@pytest.mark.parametrize(("architecture", "most"), [("jumprelu", 14.0), ("topk", 4.0)])
def test_what_an_sae_costs(place: Place, tmp_path: Path, architecture: str, most: float) -> None:
    publish(place.api, f"{OWNER}/r", sae_files(50, d_sae=FEATURES, architectures=(architecture,)))
    _, found = audit_all(place, tmp_path)
    assert found["saes"] == 50
    assert found["kB an SAE"] < most
    assert found["resolver requests an SAE"] < 3


@pytest.mark.parametrize("count", [1000, pytest.param(10_000, marks=pytest.mark.full)])
def test_what_the_listing_says_is_known_costs_no_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    def listed() -> Any:
        for number in range(count):
            name = f"o/r{number:06d}"
            yield Candidate(
                name, name, "hub", name, sha=f"{number:040x}", modified="2026-08-01T00:00:00+00:00"
            )

    monkeypatch.setattr(run, "candidates", lambda sources, api: listed())
    monkeypatch.setattr(
        "hubkit.audit.member.Reader._read_once",
        lambda self, member, sha, view: run.Step(
            member, Reading(member.repo_id, sha, 1, complete=True, settled=True)
        ),
    )
    nowhere, store = HfApi(endpoint="http://127.0.0.1:9", token="none"), tmp_path / "store"
    with closing(audit([], nowhere, store)) as kept:
        kept.finish()
    monkeypatch.undo()
    monkeypatch.setattr(run, "candidates", lambda sources, api: listed())
    begun = time.perf_counter()
    with closing(audit([], nowhere, store)) as kept:
        found = totals(kept)
    print(json.dumps({"known": count, "seconds": round(time.perf_counter() - begun, 2)}))
    assert (found.rows, found.read_now, found.incomplete, found.saes) == (count, 0, 0, count)
