"""A Hub that misbehaves: what is refused, what is repeated, what is told, and what never leaves."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from huggingface_hub import constants
from repo.double import SHA, TOKEN, Asked, Double, Reply, ranged

from hubkit.errors import IncompleteError, UsageError
from hubkit.repo.hub import MOST_FAILURES
from hubkit.repo.ratelimit import RateLimits
from hubkit.repo.transport import ATTEMPTS, IN_FLIGHT, Transport
from hubkit.repo.view import MOST_REFUSED

BIG = bytes(range(256)) * 40


def content(*replies: Reply | Callable[[Asked], Reply | None]) -> Callable[[Asked], Reply | None]:
    """The first answers of the content store, then good ones."""
    left = iter(replies)

    def fault(asked: Asked) -> Reply | None:
        reply = next(left, None) if asked.is_content else None
        return reply(asked) if callable(reply) else reply

    return fault


@pytest.fixture
def hub(double: Double) -> Double:
    double.files, double.lfs = {"w.bin": BIG, "small.json": b"{}"}, {"w.bin"}
    return double


def test_the_signed_address_serves_several_ranges_and_never_sees_the_token(hub: Double) -> None:
    view = hub.view()
    assert view.read_range("w.bin", 10, 20) == BIG[10:20]
    assert view.read_range("w.bin", 500, 600) == BIG[500:600]
    assert view.read("small.json") == b"{}"
    assert [path.split("?")[0] for path in hub.paths()] == [
        "/api/models/o/r", f"/o/r/resolve/{SHA}/w.bin", "/content/w.bin", "/content/w.bin",
        f"/api/resolve-cache/models/o/r/{SHA}/small.json",
    ]  # fmt: skip
    for asked in hub.log:
        assert ("authorization" in asked.headers) is not asked.is_content
        assert asked.headers.get("authorization", f"Bearer {TOKEN}") == f"Bearer {TOKEN}"
        assert asked.headers["user-agent"].startswith("hubkit/")
    assert {a.headers["accept-encoding"] for a in hub.log if a.is_content} == {"identity"}
    assert view.requests == 5
    assert view.bytes_read == len(hub.listing()) + 10 + 100 + 2
    assert TOKEN not in repr(view)


def test_a_hub_without_the_direct_route_is_asked_by_the_other_one(hub: Double) -> None:
    hub.direct = False
    hub.files |= {"b.json": b"[1]", "c.json": b"[2]"}
    view = hub.view()
    assert [view.read(name) for name in ("small.json", "b.json", "c.json")] == [b"{}", b"[1]", b"[2]"]
    assert len([path for path in hub.paths() if "resolve-cache" in path]) == 1


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (Reply(200, BIG), "answered 200 to a range request, expected 206"),
        (Reply(206, BIG[:10], {"Content-Range": "bytes 5-14/10240"}), "expected bytes 0-9"),
        (Reply(206, BIG[:10]), "expected bytes 0-9"),
        (Reply(206, BIG[:10], {"Content-Range": "bytes 0-9/77"}), "has 77 bytes, the listing says 10240"),
        (
            Reply(206, BIG[:10], {"Content-Range": "bytes 0-9/*"}, length=10**15),
            "announces 1000000000000000 bytes",
        ),
        (Reply(206, BIG[:10], {"Content-Range": "bytes 0-9/*", "Content-Encoding": "gzip"}), "compressed"),
        (Reply(206, BIG[:4], {"Content-Range": "bytes 0-9/*"}), "announces 4 bytes"),
        (Reply(404), "404"),
    ],
)
def test_what_is_not_the_asked_range_is_refused_unread(hub: Double, reply: Reply, words: str) -> None:
    hub.fault = content(reply)
    view = hub.view()
    listed = len(view.list()) and view.bytes_read
    with pytest.raises(IncompleteError, match=words) as caught:
        view.read_range("w.bin", 0, 10)
    assert caught.value.message.startswith("w.bin: ")
    assert view.bytes_read - listed <= 10


def test_more_than_was_announced_is_not_read(hub: Double) -> None:
    hub.fault = lambda asked: Reply(200, BIG * 1000) if "small" in asked.path else None
    view = hub.view()
    with pytest.raises(IncompleteError, match="announces 10240000 bytes, the listing 2"):
        view.read("small.json")
    assert view.bytes_read == len(hub.listing())


@pytest.mark.parametrize(
    "reply",
    [
        Reply(503),
        Reply(500, b"oops"),
        Reply(429, headers={"Retry-After": "7"}),
        Reply(206, BIG[:3], {"Content-Range": "bytes 0-9/10240"}, length=10, drop=True),
    ],
)
def test_what_may_pass_is_tried_again(hub: Double, reply: Reply) -> None:
    hub.fault = content(reply, reply)
    assert hub.view().read_range("w.bin", 0, 10) == BIG[:10]
    assert len(hub.slept) == 2
    assert all((7 <= seconds < 8) if reply.status == 429 else seconds < 2 for seconds in hub.slept)


def test_trying_again_has_an_end_and_a_name(hub: Double) -> None:
    hub.fault = lambda asked: Reply(502) if asked.is_content else None
    with pytest.raises(IncompleteError, match=r"w.bin: .*\(502\)"):
        hub.view().read_range("w.bin", 0, 10)
    assert sum(asked.is_content for asked in hub.log) == ATTEMPTS


def test_an_address_that_expired_is_asked_for_again(hub: Double) -> None:
    view = hub.view()
    view.read_range("w.bin", 0, 10)
    hub.fault = lambda asked: Reply(403, b"<Error>expired</Error>") if asked.path.endswith("n=1") else None
    assert view.read_range("w.bin", 20, 30) == BIG[20:30]
    assert hub.signed == 2


def test_an_address_that_never_works_is_given_up(hub: Double) -> None:
    hub.fault = lambda asked: Reply(403) if asked.is_content else None
    with pytest.raises(IncompleteError, match="refuses"):
        hub.view().read_range("w.bin", 0, 10)
    assert hub.signed == 2


def test_endless_redirects_end(hub: Double) -> None:
    count = itertools.count()
    hub.fault = lambda asked: (
        Reply(302, headers={"Location": f"/o/r/{next(count)}"})
        if "/o/r/" in asked.path and "api" not in asked.path
        else None
    )
    with pytest.raises(IncompleteError, match="more than 5 redirects"):
        hub.view().read_range("w.bin", 0, 10)
    assert len(hub.log) == 1 + 6


@pytest.mark.parametrize(
    ("location", "words"),
    [
        ("http://169.254.169.254/latest/meta-data", "a none address"),
        ("file:///etc/passwd", "no http or https"),
        ("http://user@localhost/x", "user name"),
        ("http://[::1", "no http or https"),
    ],
)
def test_redirects_that_lead_astray_are_refused(hub: Double, location: str, words: str) -> None:
    hub.fault = lambda asked: Reply(302, headers={"Location": location}) if "resolve" in asked.path else None
    with pytest.raises(IncompleteError, match=words):
        hub.view().read_range("w.bin", 0, 10)


def test_the_rate_limit_is_obeyed_before_it_bites(hub: Double) -> None:
    """A Hub that counts: 60 requests in a window of 30 s. It never has to answer 429."""
    now, used = [0.0], [0]
    hub.files = {f"{n}.json": b"1" for n in range(200)}

    def sleep(seconds: float) -> None:
        with hub.lock:
            if used[0] and now[0] % 30 + seconds >= 30:
                used[0] = 0
            now[0] += seconds

    def fault(asked: Asked) -> Reply | None:
        with hub.lock:
            used[0] += 1
            left = 60 - used[0]
        stated = {
            "RateLimit": f'"all";r={max(0, left)};t=30',
            "RateLimit-Policy": '"fixed window";"all";q=60;w=30',
        }
        if left < 0:
            return Reply(429, headers=stated)
        return Reply(
            200, hub.listing() if "/revision/" in asked.path or "blobs" in asked.path else b"1", stated
        )

    hub.fault = fault
    waits: list[float] = []
    limits = RateLimits(clock=lambda: now[0], sleep=sleep, on_wait=waits.append)
    view = hub.view(transport=Transport(limits, sleep=sleep))
    refused = 0
    for name in hub.files:
        assert view.read(name) == b"1"
        refused += used[0] > 60
    assert refused == 0
    assert len(waits) == 3
    assert len(hub.log) == 201


def test_gated_files_are_asked_for_once_and_said_to_be_gated(hub: Double) -> None:
    hub.extra = {"gated": "manual"}
    hub.fault = lambda asked: (
        Reply(403, headers={"X-Error-Code": "GatedRepo"}) if "resolve" in asked.path else None
    )
    view = hub.view()
    for _ in range(3):
        with pytest.raises(IncompleteError, match="o/r is gated"):
            view.read_range("w.bin", 0, 10)
    assert len(hub.log) == 2


@pytest.mark.parametrize(
    ("reply", "kind", "words"),
    [
        (Reply(404, headers={"X-Error-Code": "RepoNotFound"}), UsageError, "no such repository"),
        (Reply(401), UsageError, "no such repository, or a private one"),
        (
            Reply(401, b'{"error":"Invalid credentials in Authorization header"}'),
            UsageError,
            "does not take this token",
        ),
        (Reply(404, headers={"X-Error-Code": "RevisionNotFound"}), UsageError, "no revision 'v1'"),
        (Reply(403, headers={"X-Error-Code": "GatedRepo"}), IncompleteError, "is gated"),
        (
            Reply(403, headers={"X-Error-Message": "Access to this resource is disabled."}),
            IncompleteError,
            "is disabled",
        ),
        (Reply(200, b'{"sha": "../..", "siblings": []}'), IncompleteError, "no commit"),
        (Reply(200, b"[" * 100_000), IncompleteError, "not JSON"),
        (
            Reply(200, b'{"sha": "' + b"a" * 40 + b'", "siblings": [], "disabled": true}'),
            IncompleteError,
            "is disabled",
        ),
        (Reply(500), IncompleteError, r"\(500\)"),
        (
            Reply(429, headers={"RateLimit": '"api";r=0;t=250'}),
            IncompleteError,
            "rate limit is used up for another 25",
        ),
    ],
)
def test_why_a_repository_cannot_be_listed(hub: Double, reply: Reply, kind: type, words: str) -> None:
    hub.fault = lambda _: reply
    with pytest.raises(kind, match=words) as caught:
        hub.view("v1").list()
    assert type(caught.value) in {kind, *kind.__subclasses__()}
    assert caught.value.hint


def test_without_a_token_none_is_sent_and_the_hint_says_so(hub: Double) -> None:
    hub.fault = lambda _: Reply(401)
    with pytest.raises(UsageError, match="no token was sent") as caught:
        hub.view(token=False).list()
    assert "hf auth login" in str(caught.value.hint)
    assert "authorization" not in hub.log[0].headers


def test_a_token_that_is_none_is_not_shown(hub: Double) -> None:
    with pytest.raises(UsageError) as caught:
        hub.view(token="hf_se\ncret").list()
    assert "cret" not in caught.value.message


def test_offline_nothing_is_asked(hub: Double, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(IncompleteError, match="HF_HUB_OFFLINE"):
        hub.view().list()
    assert not hub.log


def test_names_that_lead_out_are_dropped_and_told(hub: Double) -> None:
    bad = ["../up", "/abs", "a//b", "a/./b", "C:/x", "a\\b", "new\nline", "\u202egpj.exe", "", "a/.."]
    hub.files |= dict.fromkeys(bad, b"x")
    view = hub.view()
    assert [entry.path for entry in view.list()] == ["small.json", "w.bin"]
    assert view.refused == bad
    hub.files |= dict.fromkeys((f"../{n}" for n in range(2 * MOST_REFUSED)), b"")
    crowded = hub.view()
    assert len(crowded.list()) == 2
    assert len(crowded.refused) == MOST_REFUSED


def test_a_renamed_repository_is_followed_and_pinned(hub: Double) -> None:
    hub.fault = lambda asked: (
        Reply(307, headers={"Location": "/api/models/o/r?blobs=true"})
        if "refs%2Fpr%2F1" in asked.path
        else None
    )
    view = hub.view("refs/pr/1")
    view.read_range("w.bin", 0, 1)
    assert view.revision == SHA
    assert hub.paths()[:2] == [
        "/api/models/o/r/revision/refs%2Fpr%2F1?blobs=true",
        "/api/models/o/r?blobs=true",
    ]


def test_ranges_asked_for_ahead_come_from_memory(hub: Double) -> None:
    hub.files |= {f"{n}.json": bytes([n]) * 9 for n in range(40)}
    view = hub.view()
    wants = [
        ("w.bin", 0, 100),
        *((f"{n}.json", 0, 9) for n in range(40)),
        ("none", 0, 1),
        ("w.bin", 10**6, 10**7),
    ]
    view.prefetch(wants)
    asked = len(hub.log)
    assert view.requests == asked == 1 + 2 + 40
    assert view.read_range("w.bin", 20, 60) == BIG[20:60]
    assert [view.read(f"{n}.json") for n in range(40)] == [bytes([n]) * 9 for n in range(40)]
    view.prefetch(wants)
    assert len(hub.log) == asked


def test_sixteen_requests_at_a_time_on_connections_that_are_kept(hub: Double) -> None:
    now, most, clients = [0], [0], set()
    hub.files |= {f"{n}.bin": b"1" for n in range(100)}
    hub.lfs |= {f"{n}.bin" for n in range(100)}

    def fault(asked: Asked) -> None:
        with hub.lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
            clients.add(asked.client)
        time.sleep(0.03)  # long against what the client needs for a request, also on a busy machine
        with hub.lock:
            now[0] -= 1

    hub.fault = fault
    views = [hub.view()]
    views.append(hub.view(transport=views[0].transport))
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda view: view.prefetch([(f"{n}.bin", 0, 1) for n in range(100)]), views))
    assert (
        len(hub.log) == 2 * 202
    )  # the listing, the question where all lie (unanswered), and two for each file
    assert 8 <= most[0] <= IN_FLIGHT
    assert len(clients) <= 2 * IN_FLIGHT


def test_what_a_range_leads_to_is_brought_with_it(hub: Double) -> None:
    view = hub.view()
    view.prefetch(
        [("w.bin", 0, 8), ("small.json", 0, 2)],
        lambda path: [(path, 100, 200), (path, 0, 4), ("none", 0, 1)] if path == "w.bin" else [],
    )
    asked = len(hub.log)
    assert asked == 1 + 3 + 1
    assert view.read_range("w.bin", 150, 160) == BIG[150:160]
    assert len(hub.log) == asked


def test_what_could_not_be_brought_ahead_says_why_when_it_is_read(hub: Double) -> None:
    hub.fault = lambda asked: (
        Reply(404, headers={"X-Error-Code": "EntryNotFound"}) if "small" in asked.path else None
    )
    view = hub.view()
    view.prefetch([("small.json", 0, 2), ("w.bin", 0, 2)])
    asked = len(hub.log)
    with pytest.raises(IncompleteError, match=r"small.json: listed, but the Hub does not have it"):
        view.read("small.json")
    assert len(hub.log) == asked


def test_a_hub_that_went_down_is_not_asked_for_every_file(hub: Double) -> None:
    hub.files |= {f"{n}.json": b"1" for n in range(200)}
    hub.fault = lambda asked: Reply(500) if "resolve" in asked.path else None
    view = hub.view()
    view.prefetch([(f"{n}.json", 0, 1) for n in range(200)])
    assert len(hub.log) < 200
    with pytest.raises(IncompleteError):
        view.read("199.json")
    assert len(hub.log) >= MOST_FAILURES * ATTEMPTS


def test_files_that_are_missing_do_not_hide_those_that_are_there(hub: Double) -> None:
    hub.files |= {f"{n}.bin": b"1" for n in range(40)}
    hub.lfs |= {f"{n}.bin" for n in range(40)}
    hub.fault = lambda asked: Reply(404) if asked.is_content and "w.bin" not in asked.path else None
    view = hub.view()
    view.prefetch([(f"{n}.bin", 0, 1) for n in range(40)])
    assert view.read_range("w.bin", 0, 9) == BIG[:9]


def test_who_sends_us_back_to_the_hub_does_not_get_the_token_with_us(hub: Double) -> None:
    back = f"{hub.endpoint}/content/w.bin"
    hub.fault = lambda asked: Reply(302, headers={"Location": back}) if asked.path.endswith("n=1") else None
    assert hub.view().read_range("w.bin", 0, 9) == BIG[:9]
    assert [a.path for a in hub.log if "authorization" not in a.headers] == [
        "/content/w.bin?n=1",
        "/content/w.bin",
    ]
    assert hub.log[-1].host == f"127.0.0.1:{hub.port}"


def test_the_server_of_these_tests_cuts_ranges() -> None:
    assert ranged(b"0123", Asked("", "", {"range": "bytes=1-9"})).body == b"123"
