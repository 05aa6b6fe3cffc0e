"""The modes `verify` and `push` of the action against a Hub on this machine: what is done, what is refused, and what the summary says of it."""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from ci.test_action import needs_bash, parse_outputs, run_action
from huggingface_hub import HfApi, close_session
from publish.releases import Shape, make_release

from hubkit.cli import action
from hubkit.errors import UsageError
from hubkit.localhub import serving
from hubkit.localhub.server import RunningHub
from hubkit.publish.plan import Target, make_plan
from hubkit.publish.push import push

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning", "ignore::UserWarning")
TOKEN = "a-token"  # of the local Hub
REPO = "owner/release"
SHAPE = Shape("tiny", "lab/tiny", "mit", 16, 64, (1,), ("jumprelu",), 2)
IDENTITY = ("ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN", "GITHUB_ACTIONS")


@pytest.fixture(autouse=True)
def _no_login(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_OIDC_ID_TOKEN", "HF_OIDC_RESOURCE", *IDENTITY):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    for name in ("GITHUB_EVENT_NAME", "GITHUB_EVENT_PATH", "GITHUB_BASE_REF"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "no-token"))
    monkeypatch.setenv("HUBKIT_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunningHub]:
    with serving(tmp_path / "hub", token=TOKEN) as running:
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", running.endpoint)
        yield running
    close_session()


@pytest.fixture
def release(tmp_path: Path) -> Path:
    return make_release(tmp_path / "release", SHAPE, REPO)


@pytest.fixture
def published(hub: RunningHub, release: Path) -> str:
    """The commit of the release on the Hub."""
    api = HfApi(endpoint=hub.endpoint, token=TOKEN)
    commit = push(make_plan(release, Target(REPO), api), release, api).commit
    hub.clear_requests()
    return commit


@dataclass(frozen=True)
class Said:
    code: int
    outputs: dict[str, str]
    summary: str


def run_here(tmp_path: Path, **environment: str) -> Said:
    """The step in this process."""
    files = {name: tmp_path / name.lower() for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
    for file in files.values():
        file.write_text("", encoding="utf-8")
    code = action.main(
        {**{name: str(path) for name, path in files.items()}, "RUNNER_TEMP": str(tmp_path), **environment}
    )
    summary = files["GITHUB_STEP_SUMMARY"].read_text(encoding="utf-8")
    return Said(int(code), parse_outputs(files["GITHUB_OUTPUT"].read_text(encoding="utf-8")), summary)


@dataclass
class Identity:
    """A Hub that trades the identity of a job for a token, in front of the one on this machine, and the runner's own address that vouches for the job."""

    behind: str
    address: str = ""
    audiences: list[str] = field(default_factory=list)
    resources: list[str] = field(default_factory=list)

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        parts = urlsplit(handler.path)
        if parts.path == "/identity":
            assert handler.headers["Authorization"] == "Bearer of-the-runner"
            self.audiences += parse_qs(parts.query)["audience"]
            return self._say(handler, 200, json.dumps({"value": "who-this-job-is"}).encode())
        if parts.path == "/oauth/token":
            asked = json.loads(body)
            assert asked["subject_token"] == "who-this-job-is"
            self.resources.append(asked["resource"])
            token = {"access_token": TOKEN, "token_type": "bearer", "expires_in": 3600}
            return self._say(handler, 200, json.dumps(token).encode())
        headers = {
            name: value
            for name, value in handler.headers.items()
            if name.lower() not in {"host", "connection", "accept-encoding"}
        }
        reply = httpx.request(
            handler.command, self.behind + handler.path, headers=headers, content=body, timeout=30
        )
        kept = {
            name: value
            for name, value in reply.headers.items()
            if name.lower() not in {"content-length", "transfer-encoding", "connection", "content-encoding"}
        }
        return self._say(handler, reply.status_code, reply.content, kept)

    def _say(
        self,
        handler: BaseHTTPRequestHandler,
        status: int,
        body: bytes,
        headers: dict[str, str] | None = None,
    ) -> None:
        handler.send_response(status)
        for name, value in (headers or {"content-type": "application/json"}).items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        if handler.command != "HEAD":
            handler.wfile.write(body)


@pytest.fixture
def identity(hub: RunningHub) -> Iterator[Identity]:
    known = Identity(hub.endpoint)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            """Nothing."""

        def do(self) -> None:
            known.answer(self)

    for method in ("GET", "POST", "PUT", "HEAD", "DELETE"):
        setattr(Handler, f"do_{method}", Handler.do)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    known.address = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield known
    server.shutdown()
    server.server_close()


@pytest.fixture
def without_torch(tmp_path: Path) -> str:
    """The Python that the action makes for itself, which has no torch."""
    program = tmp_path / "python-of-the-action"
    code = (
        "import runpy, sys; sys.modules.update(dict.fromkeys(('torch', 'sae_lens'))); "
        "runpy.run_module('hubkit.cli.action', run_name='__main__', alter_sys=True)"
    )
    text = f'#!/bin/sh\n[ "$*" = "-I -m hubkit.cli.action" ] || exit 99\nexec "{sys.executable}" -I -c "{code}"\n'
    program.write_text(text, encoding="utf-8", newline="\n")
    program.chmod(0o755)
    return str(program)


@needs_bash
def test_a_push_without_a_token_is_by_the_identity_of_the_job(
    hub: RunningHub, identity: Identity, release: Path, without_torch: str, tmp_path: Path
) -> None:
    known = {
        "HF_ENDPOINT": identity.address,
        "HF_HOME": str(tmp_path / "home"),
        "HF_HUB_OFFLINE": "",
        "GITHUB_ACTIONS": "true",
        "GITHUB_EVENT_NAME": "push",
        "ACTIONS_ID_TOKEN_REQUEST_URL": f"{identity.address}/identity?api-version=2.0",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "of-the-runner",
        "HUBKIT_PYTHON": without_torch,
    }
    ran = run_action(tmp_path, tmp_path, known, mode="push", target="release")
    assert ran.code == 0, ran.log
    assert (set(identity.resources), set(identity.audiences)) == ({REPO}, {identity.address})
    commit = HfApi(endpoint=hub.endpoint).model_info(REPO).sha
    assert ran.outputs["commit-url"] == f"{identity.address}/{REPO}/commit/{commit}"
    assert (ran.outputs["exit-code"], ran.outputs["errors"]) == ("0", "0")
    assert Path(ran.outputs["sarif-path"]).exists()
    assert ran.summary.index("## hubkit validate") < ran.summary.index("## hubkit push")
    done, not_checked = ran.summary.partition("## hubkit push")[2].split("**Not checked:**")
    assert "no token is stored" in done
    assert "ok verified" in done
    assert f"]({ran.outputs['commit-url']})" in done
    assert "own code was not run" in not_checked
    assert "sae&#95;lens" in not_checked
    assert "whole weights" in not_checked
    assert f'revision="{commit}"' in not_checked
    assert TOKEN not in ran.log + ran.summary
    assert "of-the-runner" not in ran.log + ran.summary


def test_the_identity_is_used_only_where_there_is_no_token_and_the_job_has_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    minted = {"ACTIONS_ID_TOKEN_REQUEST_URL": "http://127.0.0.1:1/identity"}
    assert not action._go_keyless(REPO, {})
    assert "HF_OIDC_RESOURCE" not in os.environ
    assert action._go_keyless(REPO, minted | {"HF_OIDC_RESOURCE": "another/one"})
    assert "HF_OIDC_RESOURCE" not in os.environ  # what the workflow says stays as it says
    monkeypatch.setenv("HF_TOKEN", "mine")
    assert not action._go_keyless(REPO, minted)
    assert "HF_OIDC_RESOURCE" not in os.environ
    monkeypatch.delenv("HF_TOKEN")
    assert action._go_keyless(REPO, minted)
    assert os.environ["HF_OIDC_RESOURCE"] == REPO


@pytest.mark.parametrize(
    ("event", "payload"),
    [
        ("pull_request", {}),
        ("pull_request_target", {}),
        ("pull_request_review", {}),
        ("merge_group", {}),
        ("workflow_run", {"workflow_run": {"event": "pull_request"}}),
        ("", {"pull_request": {"base": {"sha": "0" * 40}}}),
    ],
)
def test_what_is_not_merged_is_not_published(
    hub: RunningHub, release: Path, tmp_path: Path, event: str, payload: dict[str, object]
) -> None:
    path = tmp_path / "event.json"
    path.write_text(json.dumps(payload), encoding="utf-8")
    base = {} if event else {"GITHUB_BASE_REF": "main"}
    said = run_here(
        tmp_path, HUBKIT_MODE="push", HUBKIT_TARGET=str(release), GITHUB_EVENT_NAME=event,
        GITHUB_EVENT_PATH=str(path), **base,
    )  # fmt: skip
    assert (said.code, said.outputs["exit-code"], said.outputs["commit-url"]) == (2, "2", "")
    assert "what is not merged is not published" in said.summary
    assert not hub.requests


@pytest.mark.parametrize(
    ("event", "payload"), [("push", {}), ("workflow_run", {"workflow_run": {"event": "push"}})]
)
def test_what_is_merged_may_be(tmp_path: Path, event: str, payload: dict[str, object]) -> None:
    path = tmp_path / "event.json"
    path.write_text(json.dumps(payload), encoding="utf-8")
    action._refuse_unmerged({"GITHUB_EVENT_NAME": event, "GITHUB_EVENT_PATH": str(path)})


def test_what_does_not_pass_is_not_pushed(hub: RunningHub, release: Path, tmp_path: Path) -> None:
    cfg = next(release.glob("*/cfg.json"))
    cfg.write_text(cfg.read_text(encoding="utf-8").replace('"d_sae": 64', '"d_sae": 65'), encoding="utf-8")
    said = run_here(tmp_path, HUBKIT_MODE="push", HUBKIT_TARGET=str(release))
    assert (said.code, said.outputs["exit-code"], said.outputs["commit-url"]) == (1, "1", "")
    assert int(said.outputs["errors"]) >= 1
    assert "Nothing was pushed" in said.summary
    assert not hub.requests


def test_what_the_gate_refuses_is_not_pushed(hub: RunningHub, release: Path, tmp_path: Path) -> None:
    """The validator passes a card that was edited by hand; the gate does not."""
    card = release / "README.md"
    card.write_text(card.read_text(encoding="utf-8") + "\nMade with care.\n", encoding="utf-8", newline="\n")
    (release / "LICENSE").write_text("Apache License\nVersion 2.0, January 2004\n", encoding="utf-8")
    said = run_here(tmp_path, HUBKIT_MODE="push", HUBKIT_TARGET=str(release), HUBKIT_FAIL_ON="error")
    assert said.outputs["errors"] == "0", said.summary
    assert (said.code, said.outputs["exit-code"]) == (1, "1"), said.summary
    assert "not pushed, or not proven" in said.summary
    assert not [request for request in hub.requests if request.method != "GET"]


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({"HUBKIT_TO": "no repository"}, "is not the name of a repository"),
        ({"HUBKIT_TO": "$(touch hacked)"}, "is not the name of a repository"),
        ({"HUBKIT_MODE": "Publish"}, "expected validate, verify or push"),
    ],
)
def test_inputs_that_mean_nothing(
    hub: RunningHub, release: Path, tmp_path: Path, inputs: dict[str, str], words: str
) -> None:
    said = run_here(tmp_path, **{"HUBKIT_MODE": "push", "HUBKIT_TARGET": str(release)} | inputs)
    assert (said.code, said.outputs["exit-code"], said.outputs["commit-url"]) == (2, "2", "")
    assert words in said.summary.replace("&#36;", "$")
    assert not hub.requests


def test_where_it_goes(release: Path, tmp_path: Path) -> None:
    assert action._repository(release, {"HUBKIT_TO": " another/place "}) == "another/place"
    assert action._repository(release, {"HUBKIT_TO": ""}) == REPO
    with pytest.raises(UsageError, match="mode push is of a release's folder"):
        action._repository(tmp_path / "owner" / "release", {"HUBKIT_TO": REPO})


def test_a_repository_is_verified(hub: RunningHub, published: str, tmp_path: Path) -> None:
    said = run_here(tmp_path, HUBKIT_MODE="verify", HUBKIT_TARGET=REPO)
    assert (said.code, said.outputs["exit-code"], said.outputs["errors"]) == (0, "0", "0"), said.summary
    assert said.outputs["commit-url"] == f"{hub.endpoint}/{REPO}/commit/{published}"
    assert "hubkit verify" in said.summary
    assert "own code was not run" in said.summary
    assert Path(said.outputs["report-path"]).exists()
    assert {request.method for request in hub.requests} <= {"GET", "HEAD", "POST"}


def test_a_repository_that_was_changed_is_not(hub: RunningHub, published: str, tmp_path: Path) -> None:
    api = HfApi(endpoint=hub.endpoint, token=TOKEN)
    api.upload_file(path_or_fileobj=b"{}", path_in_repo="config.json", repo_id=REPO)
    said = run_here(tmp_path, HUBKIT_MODE="verify", HUBKIT_TARGET=REPO)
    assert (said.code, said.outputs["exit-code"]) == (1, "1")
    assert "- differs: config.json" in said.summary
    assert "revision=" not in said.summary  # nothing is shown that loads what is not proven


def test_a_repository_that_is_not_there(hub: RunningHub, tmp_path: Path) -> None:
    said = run_here(tmp_path, HUBKIT_MODE="verify", HUBKIT_TARGET="owner/nothing")
    assert (said.code, said.outputs["exit-code"], said.outputs["report-path"]) == (2, "2", "")
    assert "nothing was verified" in said.summary
