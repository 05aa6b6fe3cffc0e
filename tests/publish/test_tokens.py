"""Where tokens come from, and that they go nowhere else: not to the terminal, not into an address, not into a file."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import HfApi, close_session
from huggingface_hub.errors import OIDCError
from publish.fault_matrix import SHAPE, impatient
from publish.releases import make_release

from hubkit.errors import UsageError
from hubkit.localhub import serving
from hubkit.localhub.faults import Fault
from hubkit.publish.client import check_login, client
from hubkit.publish.plan import Target, make_plan
from hubkit.publish.push import push

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning", "ignore::UserWarning")
TOKEN = "hf_" + "s3cr3tS3CR3T" * 3
REPO = "owner/release"


@pytest.fixture
def no_login(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    for name in (
        "HF_TOKEN",
        "HUGGING_FACE_HUB_TOKEN",
        "HF_OIDC_RESOURCE",
        "GITHUB_ACTIONS",
        "HF_OIDC_ID_TOKEN",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "no-token"))
    yield
    close_session()


def test_a_missing_token_is_told_before_anything_else(no_login: None) -> None:
    api = HfApi(endpoint="https://hub.invalid")
    with pytest.raises(UsageError, match="no token found") as told:
        check_login(api, REPO)
    assert told.value.hint == "hf auth login"
    check_login(HfApi(endpoint="http://127.0.0.1:1"), REPO)  # a local Hub may need none


def test_keyless_ci_that_cannot_work_is_told_in_words(
    no_login: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_OIDC_RESOURCE", REPO)
    with pytest.raises(UsageError, match="keyless login failed") as told:
        check_login(HfApi(endpoint="https://hub.invalid"), REPO)
    assert isinstance(told.value.__cause__, OIDCError)
    assert "id-token: write" in (told.value.hint or "")


def test_keyless_ci_pushes_with_the_token_that_was_exchanged(
    no_login: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The exchange itself is huggingface_hub's, and needs the real Hub; what it returns is what the push uses, asked for anew each time."""
    asked: list[dict[str, Any]] = []

    def exchange(**arguments: Any) -> dict[str, Any]:
        asked.append(arguments)
        return {"access_token": TOKEN, "expires_in": 3600}

    monkeypatch.setenv("HF_OIDC_RESOURCE", REPO)
    monkeypatch.setenv("HF_OIDC_ID_TOKEN", "an-id-token")
    monkeypatch.setattr("huggingface_hub._oidc.oidc_login", exchange)
    monkeypatch.setattr("huggingface_hub.utils._auth._OIDC_TOKEN_CACHE", None)
    release = make_release(tmp_path / "release", SHAPE, REPO)
    with serving(tmp_path / "hub", token=TOKEN) as hub:
        api = client()
        api.endpoint = hub.endpoint
        pushed = push(make_plan(release, Target(REPO), api), release, api)
        assert pushed.new_commit
        assert asked == [{"resource": REPO, "subject_token": "an-id-token"}]
    monkeypatch.setattr("huggingface_hub.utils._auth._OIDC_TOKEN_CACHE", None)


def test_nothing_of_a_token_or_a_signed_link_is_printed_or_written(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    release = make_release(tmp_path / "release", SHAPE, REPO)
    logging.getLogger("huggingface_hub").propagate = True
    with serving(tmp_path / "hub", token=TOKEN) as hub, impatient():
        hub.faults.add(
            Fault("status", match="PUT /-/lfs", status=503, times=3),
            Fault("hang_up", match="PUT /-/lfs", after_bytes=9_000, skip=4),
            Fault("status", match="/commit/", status=500),
        )
        api = HfApi(endpoint=hub.endpoint, token=TOKEN)
        plan = make_plan(release, Target(REPO), api)
        push(plan, release, api)
        assert not any(TOKEN in request.path for request in hub.requests)
        uploads = [request for request in hub.requests if request.path.startswith("/-/lfs")]
        assert uploads
        assert not any(request.authorized for request in uploads)
    out, err = capfd.readouterr()
    for text in (out, err, caplog.text, str(plan.to_json())):
        assert TOKEN not in text
        assert "signature=" not in text
    for path in release.rglob("*"):
        assert path.is_dir() or TOKEN.encode() not in path.read_bytes()
    close_session()
