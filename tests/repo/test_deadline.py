"""A hostile Hub ends: what drips, what asks to wait, what never ends. The seconds are short here; nothing else is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from builders import view
from repo.double import Asked, Double, Reply, ranged

from hubkit.errors import ExitCode, IncompleteError, UsageError
from hubkit.localhub.faults import Fault
from hubkit.localhub.seeding import seed
from hubkit.localhub.server import serving
from hubkit.repo import listing as listing_module
from hubkit.repo import transport as transport_module
from hubkit.repo.deadline import Deadline, OverdueError, each_within
from hubkit.repo.listing import parse_listing
from hubkit.repo.local import open_folder
from hubkit.repo.ratelimit import RateLimits
from hubkit.validate.finding import Severity
from hubkit.validate.run import validate

SECONDS = 1.0
SLACK = 3.0
"""Seconds: the machine may be busy."""
CFG = json.dumps({"architecture": "topk", "d_in": 8, "d_sae": 32, "k": "8"}).encode()


@pytest.fixture
def hub(double: Double) -> Double:
    """Twenty SAEs."""
    for n in range(20):
        double.files[f"sae_{n}/cfg.json"] = CFG
        double.files[f"sae_{n}/sae_weights.safetensors"] = b"\x08\0\0\0\0\0\0\0{}      "
    double.files["README.md"] = b"---\nlicense: mit\n---\n"
    return double


def content(asked: Asked) -> bool:
    return "/resolve" in asked.path


def dripping(hub: Double, asked: Asked) -> Reply | None:
    """The right answer, a byte at a time."""
    if not content(asked):
        return None
    found = ranged(
        hub.files["/".join(asked.path.split("/")[-2:])] if "sae_" in asked.path else b"x" * 24, asked
    )
    found.drip = 0.05
    return found


SLOW: dict[str, Callable[[Double, Asked], Reply | None]] = {
    "every head drips": lambda _, asked: Reply(drip=0.05, drip_head=True, headers={"X-Long": "x" * 5000}),
    "heads of files drip": lambda _, asked: Reply(drip=0.05, drip_head=True, headers={"X-Long": "x" * 5000}) if content(asked) else None,
    "bodies drip": dripping,
    "retry after 59 s, on every file": lambda _, asked: Reply(503, headers={"Retry-After": "59"}) if content(asked) else None,
    "a rate limit of 59 s, on every file": lambda _, asked: Reply(429, headers={"Retry-After": "59"}) if content(asked) else None,
    "a rate limit that is always nearly used up": lambda _, asked: (
        None if not content(asked) else Reply(404, headers={"RateLimit": '"resolvers";r=1;t=59', "RateLimit-Policy": '"fixed window";"resolvers";q=3000;w=300'})
    ),
    "faults without end": lambda _, asked: Reply(500) if content(asked) else None,
}  # fmt: skip


@pytest.mark.parametrize("name", SLOW)
def test_it_ends_at_the_deadline_with_what_was_found(hub: Double, name: str) -> None:
    hub.fault = lambda asked: SLOW[name](hub, asked)
    begun = time.monotonic()
    view = hub.view(wait=True, deadline=Deadline(SECONDS))
    if name == "every head drips":
        with pytest.raises(OverdueError, match=r"o/r: .*not finished within the 1 s") as caught:
            validate(view)
        assert "--timeout" in (caught.value.hint or "")
        assert caught.value.exit_code is ExitCode.INCOMPLETE
    else:
        report = validate(view)
        assert report.exit_code(Severity.ERROR) is ExitCode.INCOMPLETE
        assert report.shortfall is not None
        assert {f.code for f in report.findings} >= {"RUN002"}
    assert time.monotonic() - begun < SECONDS + SLACK


def test_what_came_before_the_deadline_is_told(hub: Double) -> None:
    hub.fault = lambda asked: (
        Reply(drip=0.05, drip_head=True, headers={"X": "x" * 999}) if "sae_19/cfg" in asked.path else None
    )
    report = validate(hub.view(wait=True, deadline=Deadline(SECONDS)))
    assert not report.complete
    assert len({f.sae_id for f in report.findings if f.code == "CFG003"}) == 19


def test_a_hub_that_is_slow_and_honest_is_read_whole(hub: Double) -> None:
    def fault(asked: Asked) -> Reply | None:
        if not asked.path.endswith("sae_3/cfg.json"):
            return None
        return Reply(body=CFG, drip=0.01)

    hub.fault = fault
    report = validate(hub.view(wait=True, deadline=Deadline(30)))
    assert report.complete
    assert len({f.sae_id for f in report.findings if f.code == "CFG003"}) == 20


def test_one_request_that_drips_is_given_up_before_the_command_is(
    hub: Double, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The head has an end of its own: one bad file of many costs its attempts, not the whole time."""
    monkeypatch.setattr(transport_module, "PATIENT", 0.3)
    hub.fault = lambda asked: (
        Reply(drip=0.05, drip_head=True, headers={"X": "x" * 9999}) if "sae_7/cfg" in asked.path else None
    )
    begun = time.monotonic()
    report = validate(hub.view(wait=True, deadline=Deadline(60)))
    assert time.monotonic() - begun < 4 * 0.3 + 4 + SLACK
    assert any("sae_7/cfg.json" in one.reason for one in report.skipped)
    assert len({f.sae_id for f in report.findings if f.code == "CFG003"}) == 19


def test_the_deadline_of_a_command_is_one_for_all_it_asks(hub: Double) -> None:
    """The base model's repository does not begin anew."""
    deadline = Deadline(SECONDS)
    hub.fault = lambda asked: dripping(hub, asked)
    validate(hub.view(wait=True, deadline=deadline))
    begun = time.monotonic()
    with pytest.raises(OverdueError):
        hub.view(wait=True, deadline=deadline).list()
    assert time.monotonic() - begun < 0.5


@pytest.mark.parametrize("unit", [b'{"rfilename": "x", "size": 1},', b"{},", b"[],", b"1,", b'"",', b" "])
def test_a_listing_without_end_is_refused_in_bounded_memory(
    hub: Double, monkeypatch: pytest.MonkeyPatch, unit: bytes
) -> None:
    """As many bytes come as the limit lets in, of the most expensive kind, and go on after it."""
    monkeypatch.setattr("hubkit.repo.hub.MAX_LISTING", 8 << 20)
    body = unit * (65536 // len(unit))
    hub.fault = lambda asked: Reply(body=body, length=10**12, endless=True)
    tracemalloc.start()
    with pytest.raises(UsageError, match="its listing has more than"):
        hub.view().list()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5 * (8 << 20)


@pytest.mark.parametrize("unit", [b"{},", b"[],", b"1,", b'"",'])
def test_a_listing_of_cheap_parts_is_refused_before_it_is_parsed(
    monkeypatch: pytest.MonkeyPatch, unit: bytes
) -> None:
    monkeypatch.setattr(listing_module, "MOST_VALUES", 30_000)
    raw = b'{"sha": "' + b"a" * 40 + b'", "siblings": [' + unit * 1_000_000 + b"1]}"
    tracemalloc.start()
    with pytest.raises(UsageError, match="more parts than"):
        parse_listing(raw, "o/r")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000


def test_a_file_that_never_ends_is_refused(hub: Double) -> None:
    hub.files["config.json"] = b"{}"
    hub.fault = lambda asked: (
        Reply(body=b"x" * 65536, length=10**12, endless=True)
        if content(asked) and "config.json" in asked.path
        else None
    )
    view = hub.view()
    with pytest.raises(IncompleteError, match="announces"):
        view.read("config.json")

    def chunked(asked: Asked) -> Reply | None:
        return (
            Reply(
                body=b"4000\r\n" + b"x" * 0x4000 + b"\r\n",
                headers={"Transfer-Encoding": "chunked"},
                endless=True,
            )
            if "config.json" in asked.path
            else None
        )

    hub.fault = chunked
    with pytest.raises(IncompleteError):
        hub.view().read("config.json")


def test_waiting_for_the_window_does_not_count_for_those_who_mean_to_wait() -> None:
    now = [0.0]
    deadline = Deadline(10, patience=100, clock=lambda: now[0])
    assert deadline.left == 10
    budget = RateLimits(
        patience=900, clock=lambda: now[0], sleep=lambda seconds: now.__setitem__(0, now[0] + seconds)
    )
    budget.pause(90, "hub", deadline)
    assert deadline.left == 10
    with pytest.raises(OverdueError, match=r"asks to wait 90 s, and 20 of the 10 s"):
        budget.pause(90, "hub", deadline)  # ten more of patience were left
    hurried = Deadline(10, clock=lambda: now[0])
    with pytest.raises(OverdueError, match=r"hub: asks to wait 59 s, and 10 of the 10 s"):
        budget.pause(59, "hub", hurried)
    assert now == [90.0]


def test_the_watch_ends_when_nothing_is_under_way(hub: Double, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hubkit.repo.watch.IDLE", 0.05)
    before = set(threading.enumerate())

    def watches() -> list[threading.Thread]:
        return [one for one in threading.enumerate() if one.name == "hubkit-watch" and one not in before]

    hub.view().list()
    end = time.monotonic() + 5
    while watches() and time.monotonic() < end:
        time.sleep(0.02)
    assert not watches()


@pytest.mark.parametrize(
    ("verb", "fault", "shown"),
    [
        ("validate", Fault("drip_head", match="GET .*cfg.json", times=None, seconds=0.1), "incomplete"),
        ("verify", Fault("drip_head", match="GET /api/models", times=None, seconds=0.1), "not finished within the 1 s"),
        ("audit", Fault("drip", match="GET .*cfg.json", times=None, seconds=0.1), "checks could not be made"),
    ],
)  # fmt: skip
def test_through_the_command(tmp_path: Path, verb: str, fault: Fault, shown: str) -> None:
    folder = tmp_path / "release" / "sae"
    folder.mkdir(parents=True)
    (folder / "cfg.json").write_bytes(CFG + b" " * 300)
    (folder / "sae_weights.safetensors").write_bytes(b"\x08\0\0\0\0\0\0\0{}      ")
    (tmp_path / "store").mkdir()
    paths = {f"sae/{path.name}": path for path in folder.iterdir()}
    seed(tmp_path / "store", "owner/saes", paths)
    with serving(tmp_path / "store", token="t") as running:
        running.faults.add(fault)
        environment = {
            **os.environ,
            "HF_ENDPOINT": running.endpoint,
            "HF_TOKEN": "t",
            "HUBKIT_CACHE": str(tmp_path / "c"),
            "HF_HOME": str(tmp_path / "hf"),
        }
        begun = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-m", "hubkit", verb, "owner/saes", "--timeout", "1", *(["--format", "json"] if verb == "audit" else [])],
            capture_output=True, text=True, encoding="utf-8", cwd=tmp_path, env=environment, check=False, timeout=60,
        )  # fmt: skip
        assert time.monotonic() - begun < 1 + 25  # a process that begins on a busy machine takes ten
    assert done.returncode == ExitCode.INCOMPLETE, done
    assert shown in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_a_listing_of_which_one_page_never_comes_ends() -> None:
    def pages() -> Iterator[int]:
        yield 1
        threading.Event().wait(60)
        yield 2

    found = each_within(0.3, pages())
    assert next(found) == 1
    with pytest.raises(OverdueError):
        next(found)


def test_a_listing_that_comes_is_whole_and_its_error_is_its_own() -> None:
    def pages() -> Iterator[int]:
        yield from range(300)
        raise ValueError("page 4")

    got = []
    with pytest.raises(ValueError, match="page 4"):  # noqa: PT012 - what came before the error counts
        for one in each_within(5, pages()):
            got.append(one)  # noqa: PERF402
    assert got == list(range(300))


def test_the_rules_end_with_the_command_and_what_was_found_stays() -> None:
    """Of what takes the processor's time, too: the clock moves with every question."""
    now = iter(range(10_000))
    one = view(readme="# x\n")
    one.deadline = Deadline(40, clock=lambda: float(next(now)))
    report = validate(one)
    assert report.findings
    assert {skipped.reason for skipped in report.skipped} == {
        "not finished within the 40 s for this repository"
    }
    assert not report.complete
    one.deadline = Deadline(40, clock=lambda: 0.0)
    assert not validate(one).skipped


def test_a_folder_is_not_read_beyond_the_command_s_time(tmp_path: Path) -> None:
    (tmp_path / "cfg.json").write_bytes(CFG)
    found = open_folder(tmp_path)
    found.deadline = Deadline(0)
    with pytest.raises(OverdueError):
        found.read("cfg.json")
    found.deadline = Deadline(60)
    assert found.read("cfg.json") == CFG
