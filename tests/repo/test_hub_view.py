"""The Hub as a source of bytes, against the local Hub with the real client."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from builders import tensors, view
from huggingface_hub import HfApi, close_session

from hubkit.errors import ExitCode, IncompleteError, UsageError
from hubkit.localhub.server import RunningHub
from hubkit.publish.rehearse import local_hub, publish_locally
from hubkit.repo.hub import HubView, open_repo
from hubkit.repo.local import open_folder
from hubkit.validate.finding import Severity
from hubkit.validate.run import validate

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning", "ignore::UserWarning")
WIDE = 4096


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RunningHub, HfApi, Path]]:
    folder = tmp_path_factory.mktemp("hub")
    release = folder / "release"
    zero = tensors(d_sae=WIDE)
    zero["threshold"] = zero["threshold"] * 0
    repository = view({**_cfg(), "d_sae": WIDE}, zero)
    for path, data in repository.files.items():
        (release / path).parent.mkdir(parents=True, exist_ok=True)
        (release / path).write_bytes(data)
    with local_hub(folder / "store") as (running, api):
        publish_locally(release, "owner/zero", api)
        yield running, api, release
    close_session()


def _cfg() -> dict[str, object]:
    from builders import cfg

    return cfg()


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
    monkeypatch.setattr(remote, "_url", lambda path: f"{hub[1].endpoint}/owner/zero/resolve/main/gone/{path}")
    report = validate(remote)
    assert not report.complete
    assert report.exit_code(Severity.ERROR) is ExitCode.INCOMPLETE
    assert "RUN002" in {f.code for f in report.findings}
