"""The window that the Hub states is never overdrawn, and nobody waits longer than they said."""

from __future__ import annotations

import pytest

from hubkit.errors import IncompleteError
from hubkit.repo.ratelimit import RateLimits, retry_after


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def limits(clock: Clock, **options: object) -> RateLimits:
    return RateLimits(clock=clock, sleep=clock.sleep, **options)  # type: ignore[arg-type]


def said(r: int, t: int, q: int = 3000, name: str = "resolvers") -> dict[str, str]:
    return {"ratelimit": f'"{name}";r={r};t={t}', "ratelimit-policy": f'"fixed window";"{name}";q={q};w=300'}


def test_pauses_until_the_window_ends_when_little_is_left() -> None:
    clock = Clock()
    waits: list[float] = []
    budget = limits(clock, on_wait=waits.append)
    budget.learn("hub", "resolve", said(r=20, t=30))
    for _ in range(4):
        budget.take("hub", "resolve")
    assert clock.slept == []
    budget.take("hub", "resolve")  # 16 are left to others
    assert clock.slept == waits == [30.0]
    assert budget.remaining("hub", "resolve") is None


def test_a_small_window_keeps_a_small_reserve() -> None:
    clock = Clock()
    budget = limits(clock)
    budget.learn("hub", "api", said(r=5, t=10, q=5, name="api"))
    for _ in range(4):
        budget.take("hub", "api")
    assert clock.slept == []
    budget.take("hub", "api")
    assert clock.slept == [10.0]


def test_requests_under_way_are_not_given_back_by_older_answers() -> None:
    budget = limits(Clock())
    budget.learn("hub", "resolve", said(r=100, t=30))
    for _ in range(10):
        budget.take("hub", "resolve")
    budget.learn("hub", "resolve", said(r=99, t=30))
    assert budget.remaining("hub", "resolve") == 90
    budget.learn("hub", "resolve", said(r=50, t=29))
    assert budget.remaining("hub", "resolve") == 50
    budget.learn("hub", "resolve", said(r=2999, t=300))
    assert budget.remaining("hub", "resolve") == 2999
    budget.learn("hub", "resolve", said(r=1, t=20))
    assert budget.remaining("hub", "resolve") == 2999


def test_routes_that_share_a_name_share_a_window_and_origins_do_not() -> None:
    budget = limits(Clock())
    budget.learn("hub", "resolve", said(r=100, t=30))
    budget.learn("hub", "direct", said(r=90, t=30))
    assert budget.remaining("hub", "resolve") == 90
    assert budget.remaining("other", "resolve") is None


def test_patience_ends_with_the_seconds_to_wait() -> None:
    clock = Clock()
    budget = limits(clock, patience=20)
    budget.learn("hub", "api", said(r=0, t=250, name="api"))
    with pytest.raises(IncompleteError, match="another 250 s"):
        budget.take("hub", "api")
    assert clock.slept == []


def test_a_429_names_its_wait() -> None:
    budget = limits(Clock())
    assert budget.refused("hub", "api", said(r=0, t=55, name="api")) == 56
    assert budget.refused("hub", "api", {"retry-after": "120"}) == 120
    assert budget.refused("hub", "api", {}) is None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("3", 3.0), ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0), ("soon", None), ("", None), ("9" * 40, None)],
)
def test_retry_after(text: str, seconds: float | None) -> None:
    assert retry_after({"retry-after": text}) == seconds


@pytest.mark.parametrize("text", ["", "nonsense", '"api";r=;t=3', '"api";r=99999999999999999999;t=1'])
def test_what_cannot_be_read_limits_nothing(text: str) -> None:
    budget = limits(Clock())
    budget.learn("hub", "api", {"ratelimit": text})
    budget.take("hub", "api")
    assert budget.remaining("hub", "api") is None
