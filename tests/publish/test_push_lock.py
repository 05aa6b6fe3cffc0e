"""One push at a time from a machine to a repository: in threads, in processes, and after a process that was killed."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import pytest
from builders import tensors
from huggingface_hub import HfApi
from safetensors.numpy import save_file

from hubkit.cards.build import build_card
from hubkit.engine.events import Event
from hubkit.errors import IncompleteError
from hubkit.localhub.server import RunningHub
from hubkit.publish.plan import Target, make_plan
from hubkit.publish.push import Pushed, push
from hubkit.publish.push_lock import push_lock

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning", "ignore::UserWarning")
TARGET = Target("owner/release")
ENDPOINT = "http://hub.test"
HOLDS = """
import sys, time
from hubkit.publish.push_lock import push_lock
with push_lock(sys.argv[1], sys.argv[2]):
    print("held", flush=True)
    time.sleep(600)
"""


def uploads(hub: RunningHub) -> Counter[str]:
    """How often each object was sent."""
    return Counter(request.path for request in hub.requests if request.method == "PUT" and request.received)


def test_a_second_push_of_the_same_release_waits_and_finds_everything_there(
    hub: tuple[RunningHub, HfApi], release: Path
) -> None:
    running, api = hub
    api.create_repo("owner/release")
    plans = [make_plan(release, TARGET, api) for _ in range(2)]
    events: list[Event] = []
    results: list[Pushed] = []

    def second() -> None:
        results.append(push(plans[1], release, api, report=events.append))

    with push_lock(api.endpoint, "owner/release") as waited:
        assert not waited
        thread = threading.Thread(target=second)
        thread.start()
        while not any("another push" in event.text for event in events):
            assert thread.is_alive()
        commit = push(plans[0], release, api, own_hub=True).commit  # by whoever has the turn
    thread.join()
    assert (results[0].commit, results[0].new_commit, results[0].sent_bytes) == (commit, False, 0)
    assert uploads(running)
    assert set(uploads(running).values()) == {1}


def test_a_push_of_something_else_is_told_so_before_it_sends_a_byte(
    hub: tuple[RunningHub, HfApi], release: Path
) -> None:
    running, api = hub
    push(make_plan(release, TARGET, api), release, api)
    values = tensors()
    values["threshold"] = values["threshold"] + 1
    save_file(values, release / "lab_L2_mixed" / "sae_weights.safetensors")
    build_card(release)
    plan = make_plan(release, TARGET, api)
    told = threading.Event()
    errors: list[Exception] = []

    def second() -> None:
        try:
            push(plan, release, api, report=lambda _: told.set())
        except IncompleteError as error:
            errors.append(error)

    with push_lock(api.endpoint, "OWNER/release"):  # the Hub's names have no case either
        thread = threading.Thread(target=second)
        thread.start()
        assert told.wait(30)
        api.upload_file(path_or_fileobj=b"first", path_in_repo="README.md", repo_id="owner/release")
        running.clear_requests()
    thread.join()
    assert [str(error) for error in errors] == [
        "owner/release: another commit came in between (412); nothing was changed"
    ]
    assert not uploads(running)


def test_other_repositories_and_other_hubs_do_not_wait() -> None:
    with push_lock(ENDPOINT, "owner/a"), push_lock(ENDPOINT, "owner/b") as waited:
        assert not waited
        with push_lock("http://other.test", "owner/a") as again:
            assert not again


def test_a_killed_push_lets_go() -> None:
    client = subprocess.Popen(
        [sys.executable, "-c", HOLDS, ENDPOINT, "owner/killed"], stdout=subprocess.PIPE, text=True
    )
    assert client.stdout is not None
    assert client.stdout.readline().strip() == "held"
    events: list[Event] = []

    def kill(event: Event) -> None:
        events.append(event)
        client.kill()

    with push_lock(ENDPOINT, "owner/killed", kill) as waited:
        assert waited
    assert [event.text for event in events] == ["another push from this machine to owner/killed is under way"]
    client.wait()
    client.stdout.close()


def test_without_a_place_for_locks_a_push_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("not a folder", encoding="utf-8")
    monkeypatch.setenv("HUBKIT_CACHE", str(tmp_path / "file"))
    with push_lock(ENDPOINT, "owner/a") as first, push_lock(ENDPOINT, "owner/a") as second:
        assert (first, second) == (False, False)
