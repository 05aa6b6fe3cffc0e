"""What can go wrong while a release is pushed, each once: what the Hub holds afterwards, whether running again completes it, what was sent twice.

The repository holds an older release, and a newer one of other weights is pushed over it; so "the old head" and "the complete new one" are
both whole releases, told apart by every checksum. `benchmarks/reliability.py` writes the table of docs/reliability.md from it.
"""

from __future__ import annotations

import errno
import json
import random
import re
import shutil
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

from huggingface_hub import HfApi
from publish.hubs import ending_later
from publish.releases import Shape, make_release

from hubkit.errors import HubkitError
from hubkit.localhub.faults import Fault
from hubkit.localhub.objects import Incoming
from hubkit.localhub.server import RunningHub, serving
from hubkit.publish import retry
from hubkit.publish.plan import Target, make_plan
from hubkit.publish.push import push
from hubkit.publish.remote import differing, read_remote

TOKEN, REPO = "fault-matrix", "owner/release"
SHAPE = Shape("faulty-1m", "lab/tiny", "mit", 64, 256, (1, 2), ("topk", "jumprelu"), 6)
"""Six SAEs of 132 kB."""
PART = 50_000
"""Bytes: where a scenario says so, larger objects are uploaded in parts."""
SETTLES = 0.2
"""Seconds after a kill in which the Hub still takes in what is on its way; no new process could begin sooner."""
WHOLE = re.compile(r"/-/lfs/([0-9a-f]{64})(?:/[^/]+/complete)?")
CLIENT = """
import json, sys
from pathlib import Path
from huggingface_hub import HfApi
from hubkit.publish.plan import Target, make_plan
from hubkit.publish.push import push
endpoint, token, repo, release = sys.argv[1:]
api = HfApi(endpoint=endpoint, token=token)
print("begun", flush=True)
push(make_plan(Path(release), Target(repo), api), Path(release), api)
"""


@dataclass(frozen=True)
class Scenario:
    """One fault. `break_it` may do what no switch of the Hub can."""

    name: str
    faults: tuple[Fault, ...] = ()
    settings: dict[str, Any] = field(default_factory=dict)
    """Of the Hub, while the fault lasts."""
    break_it: Callable[[], Any] | None = None
    """A context in which the first push runs."""


@dataclass(frozen=True)
class Outcome:
    """What came of one run."""

    name: str
    told: str
    """What the first push said; empty where it completed by itself."""
    state: str
    """`old`, `new`, or `broken`: the tree at the head after the first push."""
    completed: bool
    """Whether the Hub holds the new release after the second."""
    sent_twice: int
    """LFS objects that arrived whole more than once."""
    bytes_in: int
    """Bytes of bodies that the Hub received in both runs."""


def on(match: str, kind: Any, **changes: Any) -> Fault:
    """A fault of requests whose `METHOD /path` holds `match`."""
    return Fault(kind, match=match, **changes)


PUT, BATCH, COMMIT, PRE, INFO = r"PUT /-/lfs", r"objects/batch", r"/commit/", r"/preupload/", r"/revision/"


@contextmanager
def full_disk(after: int = 300_000) -> Iterator[None]:
    """The Hub's disk takes so many bytes more and no other."""
    left = after
    plain = Incoming.__dict__["write"]

    def write(self: Incoming, data: bytes) -> None:
        nonlocal left
        left -= len(data)
        if left < 0:
            with mock.patch.object(
                self, "_file", mock.Mock(write=mock.Mock(side_effect=OSError(errno.ENOSPC, "full")))
            ):
                plain(self, data)
        plain(self, data)

    with mock.patch.object(Incoming, "write", write):
        yield


SCENARIOS = (
    *(
        Scenario(f"429 at {name}", (on(match, "rate_limit", seconds=0, times=2),))
        for name, match in (("the listing", INFO), ("preupload", PRE), ("the LFS batch", BATCH), ("an upload", PUT), ("the commit", COMMIT))
    ),
    *(
        Scenario(f"{status} at {name}", (on(match, "status", status=status),))
        for status in (500, 503)
        for name, match in (("the listing", INFO), ("an upload", PUT), ("the commit", COMMIT))
    ),
    Scenario("503 at every commit", (on(COMMIT, "status", status=503, times=None),)),
    Scenario("the commit's answer is lost", (on(COMMIT, "drop", after_bytes=-1),)),
    Scenario("the commit's answer is lost at byte 10", (on(COMMIT, "drop", after_bytes=10),)),
    *(
        Scenario(f"an upload's connection ends at byte {at:,}", (on(PUT, "hang_up", after_bytes=at, skip=2),))
        for at in (1, 65_536, 130_000)
    ),
    Scenario("every upload's connection ends at byte 65,536", (on(PUT, "hang_up", after_bytes=65_536, skip=2, times=None),)),
    Scenario("the commit's connection ends at byte 1,000", (on(COMMIT, "hang_up", after_bytes=1_000),)),
    Scenario("a truncated upload", (on(PUT, "shorten", after_bytes=70_000, skip=1),)),
    Scenario("a truncated part of an upload", (on(PUT, "shorten", after_bytes=20_000, skip=3),), {"chunk_size": PART}),
    Scenario("every upload is truncated", (on(PUT, "shorten", after_bytes=70_000, skip=1, times=None),)),
    Scenario("another commit wins the race (412)", (on(COMMIT, "race"),)),
    Scenario("the Hub's disk is full", break_it=full_disk),
    Scenario("the token expires at the LFS batch", (on(BATCH, "status", status=401, times=None),)),
    Scenario("the token expires at the commit", (on(COMMIT, "status", status=401, times=None),)),
    Scenario("a link expires", (on(PUT, "expired", times=2),)),
    Scenario("a part's link expires", (on(PUT, "expired", skip=4),), {"chunk_size": PART}),
    Scenario("the clocks differ: every link is too old at once", settings={"link_seconds": -60}),
)  # fmt: skip


@dataclass
class Bench:
    """The two releases, the folder of a Hub that holds the older one, and a copy of it for each run."""

    root: Path
    old: Path
    new: Path
    held: Path
    count: int = 0

    def hub_folder(self) -> Path:
        """Another one each time, with the older release at the head."""
        return shutil.copytree(self.held, self.empty_folder())

    def empty_folder(self) -> Path:
        """Another one each time, that is not there yet."""
        self.count += 1
        return self.root / f"hub-{self.count}"


def make_bench(root: Path) -> Bench:
    """Two releases that differ in every weights file, the older one pushed by the real client."""
    old = make_release(root / "old", SHAPE, REPO, seed=1)
    with serving(root / "held", token=TOKEN) as hub:
        publish(old, hub)
    return Bench(root, old, make_release(root / "new", SHAPE, REPO, seed=2), root / "held")


def publish(release: Path, hub: RunningHub) -> None:
    """As `hubkit push` does after gate and rehearsal."""
    api = HfApi(endpoint=hub.endpoint, token=TOKEN)
    push(make_plan(release, Target(REPO), api), release, api)


def state(bench: Bench, hub: RunningHub) -> str:
    """`old` or `new` when every file of the head is that release's and no other is there (a racer's apart); else `broken`."""
    api = HfApi(endpoint=hub.endpoint, token=TOKEN)
    now = read_remote(REPO, "main", api)
    for name, release in (("new", bench.new), ("old", bench.old)):
        files = make_plan(release, Target(REPO), api).local
        strangers = {path for path in now.paths - {f.path for f in files} if not path.startswith("race-")}
        if not differing(now, files) and not strangers:
            return name
    return "broken"


def sent_twice(hub: RunningHub) -> int:
    """Objects whose whole content the Hub accepted more than once."""
    accepted = Counter(
        match.group(1)
        for request in hub.requests
        if request.method in {"PUT", "POST"}
        and request.status == 200
        and (match := WHOLE.fullmatch(request.path))
    )
    return sum(count > 1 for count in accepted.values())


@contextmanager
def impatient(pause: float = 0.02) -> Iterator[None]:
    """Short pauses between attempts, hubkit's and the client's."""
    plain = time.sleep
    with (
        mock.patch.object(retry, "FIRST_PAUSE", pause),
        mock.patch("huggingface_hub.utils._http.time.sleep", lambda seconds: plain(min(seconds, pause))),
    ):
        yield


def run_scenario(scenario: Scenario, bench: Bench) -> Outcome:
    """The old release, then the new one under the fault, then the new one again without it."""
    folder = bench.hub_folder()
    # a fault of the Hub's own settings ends with another Hub on the same folder
    lasting = "link_seconds" in scenario.settings
    told = ""
    served = serving(folder, token=TOKEN, **scenario.settings)
    with served if lasting else ending_later(served) as hub, impatient():
        hub.faults.add(*scenario.faults)
        with scenario.break_it() if scenario.break_it else mock.MagicMock():
            try:
                publish(bench.new, hub)
            except HubkitError as error:
                told = error.message
        hub.faults.clear()
        first = state(bench, hub)
        if not lasting:
            publish(bench.new, hub)
        twice, received = sent_twice(hub), sum(one.received for one in hub.requests)
        completed = state(bench, hub) == "new"
    if lasting:
        with serving(folder, token=TOKEN) as hub:
            publish(bench.new, hub)
            twice += sent_twice(hub)
            completed = state(bench, hub) == "new"
    return Outcome(scenario.name, told, first, completed, twice, received)


def run_killed(bench: Bench, after: float, *, parts: bool = False) -> Outcome:
    """The client's process is killed `after` seconds into its push; then it runs again."""
    folder = bench.hub_folder()
    with serving(folder, token=TOKEN, **({"chunk_size": PART} if parts else {})) as hub:
        hub.faults.add(Fault("delay", seconds=0.02, times=None))
        client = start_client(bench.new, hub)
        time.sleep(after)
        client.kill()
        client.wait()
        time.sleep(SETTLES)
        hub.faults.clear()
        first = state(bench, hub)
        publish(bench.new, hub)
        received = sum(one.received for one in hub.requests)
        return Outcome(
            "SIGKILL of the client", f"killed after {after:.2f} s", first, state(bench, hub) == "new", sent_twice(hub), received
        )  # fmt: skip


def start_client(release: Path, hub: RunningHub) -> subprocess.Popen[str]:
    """Another process that pushes; returns when it is about to begin."""
    client = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", CLIENT, hub.endpoint, TOKEN, REPO, str(release)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert client.stdout is not None
    assert client.stdout.readline() == "begun\n"
    client.stdout.close()
    return client


def seconds_of_a_push(bench: Bench) -> float:
    """How long the client of `run_killed` takes when nobody kills it."""
    with serving(bench.hub_folder(), token=TOKEN) as hub:
        hub.faults.add(Fault("delay", seconds=0.02, times=None))
        begun = time.perf_counter()
        assert start_client(bench.new, hub).wait() == 0
        return time.perf_counter() - begun


def moments(count: int, seconds: float, seed: int = 0) -> list[float]:
    """Random moments of a push that takes `seconds`."""
    generator = random.Random(seed)
    return [generator.uniform(0, seconds) for _ in range(count)]


def run_two_at_once(bench: Bench, *, same: bool) -> Outcome:
    """Two clients push at the same time: the same release, or the new and a third one. One may lose the race; run again, it completes."""
    other = bench.new if same else bench.old
    folder = bench.empty_folder()
    with serving(folder, token=TOKEN) as hub, impatient():
        third = make_release(bench.root / f"third-{bench.count}", SHAPE, REPO, seed=3)
        publish(third, hub)
        errors: list[str] = []

        def one(release: Path) -> None:
            try:
                publish(release, hub)
            except HubkitError as error:
                errors.append(error.message)

        threads = [threading.Thread(target=one, args=(release,)) for release in (bench.new, other)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        first = state(bench, hub)
        twice = sent_twice(hub)
        publish(bench.new, hub)
        received = sum(request.received for request in hub.requests)
        name = f"two pushes at once, {'the same release' if same else 'two releases'}"
        return Outcome(name, "; ".join(errors), first, state(bench, hub) == "new", twice, received)


def as_row(outcomes: list[Outcome]) -> str:
    """One line of the table: several runs of one kind together."""
    states = Counter(outcome.state for outcome in outcomes)
    told = sorted(
        {
            re.sub(r" \(request \w+\)", "", outcome.told.partition(":")[2].strip()) or "completed"
            for outcome in outcomes
            if not outcome.told.startswith("killed")
        }
    )
    words = "; ".join(told) if told else "killed"
    return (
        f"| {outcomes[0].name} | {len(outcomes)} | {states['old']} | {states['new']} | {states['broken']} | "
        f"{sum(one.completed for one in outcomes)} of {len(outcomes)} | {sum(one.sent_twice for one in outcomes)} | {words} |"
    )


def to_json(outcomes: list[Outcome]) -> str:
    """For looking at single runs."""
    return json.dumps([vars(one) for one in outcomes], indent=2)
