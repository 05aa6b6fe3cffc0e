"""The Hub as a source of bytes, against the local Hub with the real client."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Literal

import pytest
from builders import cfg, tensors, view
from huggingface_hub import CommitOperationAdd, HfApi, close_session

from hubkit.errors import ExitCode, IncompleteError, UsageError
from hubkit.localhub.faults import Fault
from hubkit.localhub.server import RunningHub
from hubkit.publish.rehearse import local_hub, publish_locally
from hubkit.repo.hub import HubView, open_repo
from hubkit.repo.local import open_folder
from hubkit.repo.route import Route
from hubkit.repo.transport import Transport
from hubkit.validate.finding import Severity
from hubkit.validate.report import Report
from hubkit.validate.run import validate

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning", "ignore::UserWarning")
WIDE = 4096


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RunningHub, HfApi, Path]]:
    folder = tmp_path_factory.mktemp("hub")
    release = folder / "release"
    zero = tensors(d_sae=WIDE)
    zero["threshold"] = zero["threshold"] * 0
    repository = view({**cfg(), "d_sae": WIDE}, zero)
    for path, data in repository.files.items():
        (release / path).parent.mkdir(parents=True, exist_ok=True)
        (release / path).write_bytes(data)
    with local_hub(folder / "store") as (running, api):
        publish_locally(release, "owner/zero", api)
        yield running, api, release
    close_session()


def opened(
    hub: tuple[RunningHub, HfApi, Path], repo_id: str = "owner/zero", revision: str | None = None
) -> HubView:
    return open_repo(repo_id, revision, hub[1])


def test_validates_by_ranges_what_the_folder_says(hub: tuple[RunningHub, HfApi, Path]) -> None:
    hub[0].clear_requests()
    remote, local = validate(opened(hub)), validate(open_folder(hub[2]))
    assert [f.fingerprint for f in remote.findings] == [f.fingerprint for f in local.findings]
    assert [f.code for f in remote.findings if f.severity is Severity.ERROR] == ["THR001"]
    assert remote.findings[0].measured == local.findings[0].measured
    assert remote.exit_code(Severity.ERROR) is ExitCode.FINDINGS
    assert remote.bytes_read < 0.1 * remote.total_bytes
    sent = sum(
        request.sent for request in hub[0].requests if "sae_weights" in request.path or "lfs" in request.path
    )
    assert sent < 0.1 * remote.total_bytes


def test_the_report_names_the_commit(hub: tuple[RunningHub, HfApi, Path]) -> None:
    head = hub[1].model_info("owner/zero").sha
    assert validate(opened(hub)).revision == head
    assert validate(opened(hub, revision=head)).revision == head


def test_ranges_are_exact(hub: tuple[RunningHub, HfApi, Path]) -> None:
    path = next(e.path for e in opened(hub).list() if e.path.endswith(".safetensors"))
    data = (hub[2] / path).read_bytes()
    remote = opened(hub)
    for start, stop in ((0, 10), (1000, 1001), (len(data) - 5, len(data) + 50), (0, len(data))):
        assert remote.read_range(path, start, stop) == data[start:stop]


def test_a_missing_repository_or_revision_is_a_usage_error(hub: tuple[RunningHub, HfApi, Path]) -> None:
    with pytest.raises(UsageError, match="no such repository"):
        opened(hub, "owner/nope").list()
    with pytest.raises(UsageError, match="no revision"):
        opened(hub, revision="nope").list()


def test_a_hub_that_does_not_answer_is_incomplete() -> None:
    with pytest.raises(IncompleteError, match="did not answer"):
        open_repo("o/r", None, HfApi(endpoint="http://127.0.0.1:9")).list()


def test_a_file_that_vanished_is_run002_and_never_clean(
    hub: tuple[RunningHub, HfApi, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    remote = opened(hub)
    remote.list()
    monkeypatch.setattr(
        Route, "url", lambda self, path: f"{hub[1].endpoint}/owner/zero/resolve/main/gone/{path}"
    )
    monkeypatch.setattr(Route, "_direct", Route.url)
    report = validate(remote)
    assert not report.complete
    assert report.exit_code(Severity.ERROR) is ExitCode.INCOMPLETE
    assert "RUN002" in {f.code for f in report.findings}


@pytest.fixture(scope="module")
def grid(hub: tuple[RunningHub, HfApi, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six SAEs, three with thresholds, one of them broken, one of somebody else; a card and an evaluation."""
    folder = tmp_path_factory.mktemp("grid")
    for number in range(6):
        architecture = "jumprelu" if number % 2 else "topk"
        weights = tensors(architecture, d_sae=WIDE)
        weights["b_enc"] += number  # no two are the same
        if number == 1:
            weights["threshold"] = weights["threshold"] * 0
        if number == 2:
            weights["W_enc"] = weights["W_enc"].T.copy()  # the size is the same: only the header tells
        repository = view(
            {**cfg(architecture), "d_sae": WIDE}, weights, folder=f"{architecture}_L2_{number}",
            files={"ae/ae.pt": b"no checkpoint"} if number == 5 else None,
        )  # fmt: skip
        for path, data in repository.files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(data)
    publish_locally(folder, "owner/grid", hub[1])
    return folder


def told(report: Report) -> list[object]:
    return [(f.code, f.sae_id, f.message, f.measured) for f in report.findings]


def test_a_grid_costs_four_requests_for_each_sae_at_most(
    hub: tuple[RunningHub, HfApi, Path], grid: Path
) -> None:
    hub[0].clear_requests()
    remote, local = validate(opened(hub, "owner/grid")), validate(open_folder(grid))
    assert told(remote) == told(local)
    assert {"THR001", "WTS007"} <= {f.code for f in remote.findings}
    asked = hub[0].requests
    assert len(asked) == remote.requests
    assert sum(request.sent for request in asked) == remote.bytes_read
    # the listing; each configuration; each signed address and head; three thresholds; card, evaluation; the file that is no checkpoint
    assert len(asked) <= 1 + 6 + 2 * 6 + 3 + 2 + 2


def test_answers_in_any_order_make_the_same_report(hub: tuple[RunningHub, HfApi, Path], grid: Path) -> None:
    expected = told(validate(open_folder(grid)))
    for step in range(3):
        hub[0].faults.add(Fault("delay", match="_[024]/|lfs", skip=step, seconds=0.02 * (step + 1), times=4))
        assert told(validate(opened(hub, "owner/grid"))) == expected
        hub[0].faults.clear()


@pytest.mark.parametrize(
    "fault",
    [
        Fault("status", match="resolve", status=503),
        Fault("status", match="GET /api/models/", status=502),
        Fault("drop", match="/-/lfs/", after_bytes=100, times=2),
        Fault("drop", match="cfg.json", after_bytes=-1),
        Fault("expired", match="/-/lfs/", skip=2),
        Fault("rate_limit", match="resolve", seconds=1),
    ],
)
def test_what_passes_leaves_no_trace(hub: tuple[RunningHub, HfApi, Path], grid: Path, fault: Fault) -> None:
    expected = told(validate(open_folder(grid)))
    hub[0].faults.add(fault)
    remote = opened(hub, "owner/grid")
    remote.transport = Transport(sleep=lambda _: None)
    with closing(remote.transport):
        report = validate(remote)
    assert not hub[0].faults.waiting
    assert report.complete
    assert told(report) == expected


@pytest.mark.parametrize("kind", ["ignore_range", "redirect_loop", "truncate"])
def test_what_stays_is_incomplete_and_never_clean(
    hub: tuple[RunningHub, HfApi, Path],
    grid: Path,
    kind: Literal["ignore_range", "redirect_loop", "truncate"],
) -> None:
    match = "resolve" if kind == "redirect_loop" else "/-/lfs/"
    hub[0].faults.add(Fault(kind, match=match, times=None, after_bytes=50))
    try:
        remote = opened(hub, "owner/grid")
        report = validate(remote)
    finally:
        hub[0].faults.clear()
    assert not report.complete
    assert report.exit_code(Severity.ERROR) is ExitCode.INCOMPLETE
    assert remote.bytes_read < 80_000


def test_pull_requests_branches_and_tags_are_revisions(hub: tuple[RunningHub, HfApi, Path]) -> None:
    api = hub[1]
    api.create_tag("owner/zero", tag="v1")
    head = api.model_info("owner/zero").sha
    commit = api.create_commit(
        "owner/zero", [CommitOperationAdd("notes.txt", b"x")], commit_message="notes", create_pr=True
    )
    assert opened(hub, revision="v1").list() == opened(hub).list()
    proposed = opened(hub, revision="refs/pr/1")
    assert proposed.entry("notes.txt") is not None
    assert proposed.revision == commit.oid != head
    at_tag = opened(hub, revision="v1")
    at_tag.list()
    assert at_tag.revision == head


def test_thresholds_that_came_by_ranges_are_the_files_bits(hub: tuple[RunningHub, HfApi, Path]) -> None:
    from safetensors.numpy import load_file

    from hubkit.validate.gather import gather
    from hubkit.validate.need import Need

    files = {f"sae_{i}/{name.split('/')[-1]}": data for i in range(6) for name, data in _learned(i).items()}
    folder = hub[2].parent / "many"
    for path, data in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    publish_locally(folder, "owner/many", hub[1])
    facts = gather(opened(hub, "owner/many"), Need.CFG | Need.HEADER | Need.THRESHOLD)
    assert len(facts.saes) == 6
    for sae in facts.saes:
        assert sae.thresholds is not None
        assert (
            sae.thresholds.astype("float32").tobytes()
            == load_file(folder / sae.sae_id / "sae_weights.safetensors")["threshold"].tobytes()
        )


def _learned(seed: int) -> dict[str, bytes]:
    import numpy as np

    values = tensors(d_sae=WIDE)
    values["threshold"] = np.random.default_rng(seed).uniform(0.01, 0.5, WIDE).astype(np.float32)
    return {p: d for p, d in view({**cfg(), "d_sae": WIDE}, values).files.items() if "/" in p}
