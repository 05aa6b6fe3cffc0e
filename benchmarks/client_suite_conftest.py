"""The `conftest.py` of huggingface_hub's tests when they speak to a local Hub; the client's sdist comes without its own.

`client_suite.py` copies this file beside the tests and sets HF_ENDPOINT. Every test's end, and whether it asked the Hub
anything, is written to the file that SUITE_REPORT names, one line of JSON each.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, Protocol

import httpx2
import pytest
from huggingface_hub import HfApi, RepoUrl, close_session, constants
from huggingface_hub.cli._output import out
from huggingface_hub.utils import _auth, _detect_agent

from . import testing_constants

ENDPOINT = os.environ["HF_ENDPOINT"]
testing_constants.ENDPOINT_STAGING = ENDPOINT  # before any test imports the name

from .testing_utils import repo_name  # noqa: E402 - after the name has its new value

ASKED: set[str] = set()
"""Tests that sent the Hub a request."""
MARKS = ("api", "transfer", "inference", "xet", "no_xet", "production", "deprecated", "git_lfs")


def pytest_configure(config: pytest.Config) -> None:
    """The suite's marks, and a count of who asks the Hub."""
    for mark in MARKS:
        config.addinivalue_line("markers", f"{mark}: see huggingface_hub's pyproject.toml")
    send = httpx2.HTTPTransport.handle_request

    def counted(transport: httpx2.HTTPTransport, request: Any) -> Any:
        if str(request.url).startswith(ENDPOINT):
            ASKED.add(os.environ.get("PYTEST_CURRENT_TEST", "").rpartition(" ")[0])
        return send(transport, request)

    httpx2.HTTPTransport.handle_request = counted


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what the list of `client_suite.py` names; write down what is left out, and why."""
    from client_suite import reason_out_of_scope

    kept, left = [], []
    for item in items:
        marks = {mark.name for mark in item.iter_markers()}
        reason = reason_out_of_scope(item.nodeid, marks)
        (left if reason else kept).append(item)
        if reason:
            _write(item.nodeid, "out of scope", reason)
    items[:] = kept
    config.hook.pytest_deselected(items=left)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """One line a test: its call, or what went wrong around it."""
    if report.when == "call" or (report.when == "setup" and not report.passed) or report.failed:
        text = report.longreprtext.strip().rpartition("\n")[2] if report.failed else ""
        if report.skipped:
            text = report.longrepr[2] if isinstance(report.longrepr, tuple) else "expected to fail"
        _write(report.nodeid, report.outcome, text)


def _write(test: str, outcome: str, text: str) -> None:
    line = {"test": test, "outcome": outcome, "text": text, "asked": test in ASKED}
    with Path(os.environ["SUITE_REPORT"]).open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


@pytest.fixture(autouse=True)
def own_home(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A cache, assets and tokens of the test's own."""
    home = tmp_path_factory.mktemp("home")
    places = {
        "HF_HUB_CACHE": "hub",
        "HUGGINGFACE_HUB_CACHE": "hub",
        "HF_XET_CACHE": "xet",
        "HF_ASSETS_CACHE": "assets",
    }
    places |= {"HF_HOME": "", "HF_TOKEN_PATH": "token", "HF_STORED_TOKENS_PATH": "stored_tokens"}
    for name, place in places.items():
        monkeypatch.setattr(constants, name, str(home / place), raising=False)
    monkeypatch.setattr(_auth, "_OAUTH_REFRESH_CACHE", None, raising=False)
    monkeypatch.setattr(_auth, "_OAUTH_REFRESH_WARNED", False, raising=False)


@pytest.fixture(autouse=True)
def plain_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """No agent, no colours, 200 columns, whoever runs the suite."""
    monkeypatch.setattr(_detect_agent, "_registry", _detect_agent._EMPTY_REGISTRY)  # noqa: SLF001 - the client has no other switch
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_EXPERIMENTAL_WARNING", True)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "200")
    out.set_mode()
    out.set_no_truncate(False)


@pytest.fixture(autouse=True)
def marked(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What the marks ask for: Xet switched on, and the warnings that a deprecated function must give."""
    if request.node.get_closest_marker("xet"):
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", False)
        monkeypatch.delenv("HF_HUB_DISABLE_XET", raising=False)
    with ExitStack() as stack:
        for mark in request.node.iter_markers("deprecated"):
            for name in mark.args:
                stack.enter_context(pytest.warns(FutureWarning, match=f".*'{name}'.*"))
        yield
    close_session()


@pytest.fixture(scope="session")
def api() -> HfApi:
    """The suite's own user."""
    return HfApi(endpoint=ENDPOINT, token=testing_constants.TOKEN)


class RepoFactory(Protocol):
    """Makes a repository of a fresh name, which is gone after the test."""

    def __call__(self, repo_type: str = "model", **kwargs: Any) -> RepoUrl: ...


@pytest.fixture
def repo_factory(api: HfApi) -> Iterator[RepoFactory]:
    """See RepoFactory."""
    made: list[tuple[str, str]] = []

    def make(repo_type: str = "model", **kwargs: Any) -> RepoUrl:
        if repo_type == "space":
            kwargs.setdefault("space_sdk", "gradio")
        kwargs.setdefault("repo_id", repo_name(prefix=repo_type))
        url = api.create_repo(repo_type=repo_type, **kwargs)
        made.append((url.repo_id, repo_type))
        return url

    yield make
    for repo_id, repo_type in made:
        with suppress(Exception):  # the test may have moved or deleted it
            api.delete_repo(repo_id, repo_type=repo_type)


@pytest.fixture
def new_repo_id(api: HfApi) -> Iterator[str]:
    """A free name; what gets it is gone after the test."""
    name = f"{testing_constants.USER}/{repo_name()}"
    yield name
    api.delete_repo(name, missing_ok=True)
