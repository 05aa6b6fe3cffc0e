"""Where many LFS files lie, learnt from one answer of git-lfs's batch API; and every way in which that answer can fail."""

from __future__ import annotations

import json

import pytest
from repo.double import TOKEN, Asked, Double, Reply

from hubkit.repo.hub import WORTH_A_BATCH, HubView

COUNT = 120
"""More than one question's worth."""


@pytest.fixture
def hub(double: Double) -> Double:
    double.files = {f"sae{n}/w.bin": bytes([n]) * 64 for n in range(COUNT)} | {
        f"sae{n}/cfg.json": b'{"n": %d}' % n for n in range(20)
    }
    double.lfs = {name for name in double.files if name.endswith(".bin")}
    double.batch = True
    return double


def read_all(hub: Double, view: HubView) -> None:
    view.prefetch([(name, 8, 16) for name in hub.lfs] + [(n, 0, 8) for n in hub.files if n not in hub.lfs])
    before = len(hub.log)
    for name, data in hub.files.items():
        start, stop = (8, 16) if name in hub.lfs else (0, 8)
        assert view.read_range(name, start, stop) == data[start:stop]
    assert len(hub.log) == before


def test_two_questions_replace_a_hundred_and_twenty_redirects(hub: Double) -> None:
    read_all(hub, hub.view())
    paths = hub.paths()
    assert sum(path.endswith("/objects/batch") for path in paths) == 2
    assert not any("/resolve/" in path and path.endswith(".bin") for path in paths)
    assert len(paths) == 1 + 2 + COUNT + 20
    asked = [one for one in hub.log if one.is_batch]
    assert [len(json.loads(one.body)["objects"]) for one in asked] == [100, 20]
    assert json.loads(asked[0].body)["operation"] == "download"


def test_only_the_hub_sees_the_token(hub: Double) -> None:
    read_all(hub, hub.view())
    assert {one.headers.get("authorization") for one in hub.log if one.is_batch} == {f"Bearer {TOKEN}"}
    assert not any("authorization" in one.headers for one in hub.log if one.is_content)


def test_few_files_are_not_worth_a_question(hub: Double) -> None:
    few = sorted(hub.lfs)[: WORTH_A_BATCH - 1]
    hub.view().prefetch([(name, 0, 8) for name in few])
    assert not any(one.is_batch for one in hub.log)


def objects(asked: Asked, **actions: object) -> Reply:
    found = [item | {"actions": actions} for item in json.loads(asked.body)["objects"]]
    return Reply(body=json.dumps({"objects": found}).encode())


def away(asked: Asked) -> Reply:
    return objects(asked, download={"href": "http://169.254.169.254/latest/meta-data"})


def with_header(asked: Asked) -> Reply:
    return objects(asked, download={"href": "http://localhost/x", "header": {"Authorization": "Basic eA=="}})


@pytest.mark.parametrize(
    "answer",
    [
        lambda _: Reply(404), lambda _: Reply(403), lambda _: Reply(422), lambda _: Reply(body=b"<html>"), lambda _: Reply(body=b"[" * 9000),
        lambda _: Reply(body=b"[]"), lambda _: Reply(body=b'{"objects": [1, {"oid": 3}, {"oid": "x", "actions": []}]}'),
        lambda _: Reply(302, headers={"Location": "/elsewhere"}), objects, away, with_header,
        lambda _: Reply(body=b"x" * (2 << 20)),
    ],
)  # fmt: skip
def test_an_answer_that_does_not_help_costs_one_request(hub: Double, answer: object) -> None:
    hub.files = dict(list(hub.files.items())[:8])
    hub.lfs &= hub.files.keys()
    hub.fault = lambda asked: answer(asked) if asked.is_batch else None  # type: ignore[operator]
    read_all(hub, hub.view())
    paths = hub.paths()
    assert sum("/resolve/" in path and path.endswith(".bin") for path in paths) == 8
    assert sum(path.endswith("/objects/batch") for path in paths) == 1
    assert not any("169.254" in one.host for one in hub.log)


def test_addresses_that_have_grown_too_old_are_asked_for_one_by_one(hub: Double) -> None:
    old = {"1", "2"}
    hub.fault = lambda asked: (
        Reply(403) if asked.is_content and asked.path.partition("n=")[2] in old else None
    )
    read_all(hub, hub.view())
    assert sum("/resolve/" in path and path.endswith(".bin") for path in hub.paths()) == COUNT
