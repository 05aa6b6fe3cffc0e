"""Faults that a test switches on, and what the real client makes of them."""

from __future__ import annotations

import http.client
import random
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from huggingface_hub import CommitOperationAdd, HfApi, hf_hub_url
from huggingface_hub.errors import HfHubHTTPError
from huggingface_hub.utils import http_backoff, httpx

from hubkit.localhub import Fault, RunningHub, serving

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")
REPO = "me/release"
DATA = random.Random(1).randbytes(100_000)


@pytest.fixture(autouse=True)
def repo(api: HfApi, tmp_path: Path) -> str:
    api.create_repo(REPO)
    (tmp_path / "w.bin").write_bytes(DATA)
    files = [CommitOperationAdd("w.bin", tmp_path / "w.bin"), CommitOperationAdd("a.json", b"0123456789")]
    api.create_commit(REPO, files, commit_message="add")
    return REPO


@pytest.fixture
def other(tmp_path: Path) -> Iterator[RunningHub]:
    """Another host."""
    with serving(tmp_path / "other") as running:
        yield running


def download(api: HfApi, folder: Path, name: str = "w.bin", **more: Any) -> bytes:
    return Path(api.hf_hub_download(REPO, name, cache_dir=folder, **more)).read_bytes()


def test_latency(hub: RunningHub, api: HfApi) -> None:
    hub.faults.add(Fault("delay", match="GET /api/models", seconds=0.3))
    start = time.monotonic()
    api.model_info(REPO)
    slow = time.monotonic() - start
    api.model_info(REPO)
    assert slow >= 0.3 > time.monotonic() - start - slow
    assert hub.faults.waiting == ()


def test_429_is_waited_for(hub: RunningHub, api: HfApi) -> None:
    hub.faults.add(Fault("rate_limit", match="GET /api/models/.*/tree/", seconds=0))
    paths = [item.path for item in api.list_repo_tree(REPO)]
    assert "a.json" in paths
    hub.faults.add(Fault("rate_limit", match="GET /api/models", seconds=60))
    with pytest.raises(HfHubHTTPError, match="Retry after 60 seconds"):
        api.model_info(REPO)  # this one the client does not repeat


def test_5xx_is_repeated_where_the_client_does(hub: RunningHub, api: HfApi) -> None:
    hub.faults.add(Fault("status", match="/tree/", status=502), Fault("status", match="/commit/", status=500))
    assert len(list(api.list_repo_tree(REPO))) == 3
    assert [request.status for request in hub.requests if "/tree/" in request.path] == [502, 200]
    head = api.model_info(REPO).sha
    with pytest.raises(HfHubHTTPError, match="500"):
        api.create_commit(REPO, [CommitOperationAdd("b", b"b")], commit_message="b")
    assert api.model_info(REPO).sha == head


def test_a_dropped_download_is_taken_up_again(hub: RunningHub, api: HfApi, tmp_path: Path) -> None:
    hub.faults.add(Fault("drop", match="GET /-/lfs/", after_bytes=40_000))
    assert download(api, tmp_path) == DATA
    assert [
        request.sent for request in hub.requests if request.path.startswith("/-/") and request.method == "GET"
    ] == [
        40_000,
        100_000,
    ]


def test_a_connection_can_end_before_any_answer(hub: RunningHub, ask: Any) -> None:
    hub.faults.add(
        Fault("drop", match="/api/models", after_bytes=-1), Fault("drop", match="/w.bin", after_bytes=-1)
    )
    with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
        ask("GET", f"/api/models/{REPO}")
    with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
        ask("HEAD", f"/{REPO}/resolve/main/w.bin")
    assert ask("GET", f"/api/models/{REPO}").status == 200


def test_a_body_that_is_too_short_and_says_so_fails_the_clients_check(
    hub: RunningHub, api: HfApi, ask: Any, tmp_path: Path
) -> None:
    hub.faults.add(Fault("truncate", match="GET /-/lfs/", after_bytes=1000, times=None))
    with pytest.raises(OSError, match="should be of size 100000 but has size 1000"):
        download(api, tmp_path)
    place = ask("GET", f"/{REPO}/resolve/main/w.bin").headers["location"]
    answer = ask("GET", place, token=None, Range="bytes=0-4999")
    assert (answer.status, answer.headers["content-length"], answer.body) == (206, "1000", DATA[:1000])
    hub.faults.clear()
    assert download(api, tmp_path, force_download=True) == DATA


def test_a_range_that_is_not_heeded(hub: RunningHub, ask: Any) -> None:
    hub.faults.add(Fault("ignore_range", match="/-/lfs/"))
    place = ask("GET", f"/{REPO}/resolve/main/w.bin").headers["location"]
    whole, part = (ask("GET", place, token=None, Range="bytes=0-9") for _ in range(2))
    assert (whole.status, len(whole.body), part.status, part.body) == (200, 100_000, 206, DATA[:10])
    assert [request.range for request in hub.requests[-2:]] == ["bytes=0-9"] * 2


def test_a_link_that_is_too_old(hub: RunningHub, api: HfApi, tmp_path: Path) -> None:
    hub.faults.add(Fault("expired", match="GET /-/lfs/"))
    with pytest.raises(HfHubHTTPError, match="403"):
        download(api, tmp_path)
    assert download(api, tmp_path) == DATA


def test_a_redirect_that_never_ends(hub: RunningHub, api: HfApi) -> None:
    hub.faults.add(Fault("redirect_loop", match="/resolve/", times=None))
    with pytest.raises(httpx.TooManyRedirects):
        api.get_hf_file_metadata(url=hf_hub_url(REPO, "a.json", endpoint=hub.endpoint))
    hub.faults.clear()
    hub.faults.add(Fault("redirect_loop", match="GET /api/models/", times=None))
    with pytest.raises(httpx.TooManyRedirects):
        api.model_info(REPO)


def test_a_redirect_to_another_host_takes_no_token_along(hub: RunningHub, other: RunningHub) -> None:
    hub.faults.add(Fault("redirect", match="/a.json", to=f"{other.endpoint}/elsewhere"))
    url = hf_hub_url(REPO, "a.json", endpoint=hub.endpoint)
    http_backoff("GET", url, headers={"authorization": "Bearer local-token"}, follow_redirects=True)
    assert hub.requests[-1].authorized
    assert [(request.path, request.authorized) for request in other.requests] == [("/elsewhere", False)]


def test_somebody_else_commits_first(hub: RunningHub, api: HfApi) -> None:
    head = api.model_info(REPO).sha
    hub.faults.add(Fault("race", match="POST .*/commit/"))
    with pytest.raises(HfHubHTTPError, match="412"):
        api.create_commit(REPO, [CommitOperationAdd("b", b"b")], commit_message="b", parent_commit=head)
    commits = api.list_repo_commits(REPO)
    assert (commits[0].title, commits[0].authors) == ("a commit that came first", ["somebody-else"])
    assert commits[1].commit_id == head
    hub.faults.add(Fault("race", match="POST .*/commit/"))
    api.create_commit(REPO, [CommitOperationAdd("b", b"b")], commit_message="b")
    assert len(api.list_repo_commits(REPO)) == 5


def test_nobody_races_where_there_is_no_branch(hub: RunningHub, ask: Any, commit_lines: Any) -> None:
    hub.faults.add(Fault("race", match="POST .*/commit/absent"))
    assert ask("POST", f"/api/models/{REPO}/commit/absent", commit_lines()).status == 404
    assert hub.faults.waiting == ()


def test_faults_are_counted_and_combined(hub: RunningHub, ask: Any) -> None:
    path = f"/api/models/{REPO}"
    hub.faults.add(
        Fault("status", match=f"GET {path}$", skip=1, times=2, status=503),
        Fault("delay", match="GET", times=None, seconds=0.01),
        Fault("status", match=f"GET {path}$", status=500, skip=2),
    )
    assert [ask("GET", path).status for _ in range(5)] == [200, 503, 503, 500, 200]
    assert [fault.kind for fault in hub.faults.waiting] == ["delay"]
    with pytest.raises(re.error):
        hub.faults.add(Fault("status", match="("))


def test_no_request_switches_a_fault_on(hub: RunningHub, ask: Any) -> None:
    for path in ("/faults", "/api/faults", "/-/faults", "/api/models?fault=drop"):
        ask("POST", path, b'{"kind": "drop"}')
    assert hub.faults.waiting == ()


def test_a_request_whose_connection_ends_or_whose_body_is_cut_stores_nothing(
    hub: RunningHub, api: HfApi, source: Path
) -> None:
    api.create_repo("owner/cut")
    weights = "layer 3/sae_weights.safetensors"
    before = set((hub.folder / "objects").glob("lfs/*/*"))
    for kind in ("hang_up", "shorten"):
        hub.faults.add(Fault(kind, match="PUT /-/lfs", after_bytes=70_000, times=None))
        with pytest.raises(RuntimeError, match="Error while uploading"), without_pauses():
            api.upload_file(
                path_or_fileobj=source / weights, path_in_repo="w.safetensors", repo_id="owner/cut"
            )
        hub.faults.clear()
    assert set((hub.folder / "objects").glob("lfs/*/*")) == before
    uploads = [one for one in hub.requests if one.method == "PUT"][1:]  # the first is the fixture's
    assert {one.status for one in uploads} <= {0, 400}
    assert any(one.received > 70_000 for one in uploads)  # of the shortened one all was sent


@contextmanager
def without_pauses() -> Iterator[None]:
    """The client's pauses between attempts, left out."""
    with mock.patch("huggingface_hub.utils._http.time.sleep", return_value=None):
        yield
