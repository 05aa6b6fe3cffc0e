"""Every family by ranges: the same findings as on disk, from kilobytes. The SAEs are 2 MB a matrix, so that whole files would show."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import pytest
from families import CASES, LARGE, grown, plants
from huggingface_hub import HfApi, close_session

from hubkit.publish.rehearse import local_hub, publish_locally
from hubkit.repo.hub import open_repo
from hubkit.repo.local import open_folder
from hubkit.repo.memory import MemoryView
from hubkit.repo.view import Entry
from hubkit.validate.finding import Severity
from hubkit.validate.run import validate

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning", "ignore::UserWarning")

THRESHOLDS = 4 * LARGE[1]
BUDGET = THRESHOLDS + 24_000
"""Bytes an SAE: its thresholds, and the heads, directories and configurations of whatever container it has."""
REQUESTS = 24
LAYOUT_ONLY = {
    "encoder turned round",
    "decoder turned round",
    "thresholds all zero",
    "k is 0",
    "W_dec is missing",
}


@dataclass
class FarView(MemoryView):
    """Files in memory, read as sparingly as the Hub's."""

    near: ClassVar[bool] = False
    whole: set[str] = field(default_factory=set)

    def _read_range(self, entry: Entry, start: int, stop: int) -> bytes:
        if start == 0 and stop >= entry.size:
            self.whole.add(entry.path)
        return super()._read_range(entry, start, stop)

    def at_hand(self, path: str, start: int, stop: int) -> bool:
        """What was read whole costs nothing more, as on the Hub."""
        del start, stop
        return path in self.whole


@pytest.mark.parametrize("case", CASES)
def test_a_large_healthy_sae_is_judged_from_kilobytes(case: str) -> None:
    folder, weights, config, *_ = CASES[case]
    view = FarView(name=folder, files=grown(folder, weights, config))
    report = validate(view)
    above = {finding.code for finding in report.findings if finding.severity > Severity.NOTE}
    assert above <= {"CARD001", "WTS014"}
    assert report.complete
    assert report.total_bytes > 2 * 4 * LARGE[0] * LARGE[1]
    assert report.bytes_read < BUDGET, f"{report.bytes_read:,} bytes"
    assert report.requests < REQUESTS


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[HfApi, Path]]:
    folder = tmp_path_factory.mktemp("families")
    with local_hub(folder / "store") as (_, api):
        yield api, folder
    close_session()


@pytest.mark.parametrize("case", CASES)
def test_planted_defects_are_found_by_ranges_too(case: str, hub: tuple[HfApi, Path]) -> None:
    api, scratch = hub
    folder, weights, config, names, widths = CASES[case]
    chosen = [
        one for one in plants(names, widths, log="log" in names.get("threshold", "")) if one[0] in LAYOUT_ONLY
    ]
    assert len(chosen) >= 3
    for number, (what, change, code) in enumerate(chosen):
        release = scratch / f"{case}-{number}"
        for path, data in grown(folder, weights, config, change).items():
            (release / path).parent.mkdir(parents=True, exist_ok=True)
            (release / path).write_bytes(data)
        publish_locally(release, f"owner/{case.replace('_', '-')}-{number}", api)
        remote = validate(open_repo(f"owner/{case.replace('_', '-')}-{number}", None, api))
        local = validate(open_folder(release))
        assert [f.fingerprint for f in remote.findings] == [f.fingerprint for f in local.findings], what
        assert code in {f.code for f in remote.findings if f.severity > Severity.NOTE}, what
        assert remote.bytes_read < BUDGET, f"{what}: {remote.bytes_read:,} bytes of {remote.total_bytes:,}"
