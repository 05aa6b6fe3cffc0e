"""Rate limits: told in every answer, kept when they are small, and understood by the real client."""

from __future__ import annotations

from typing import Any

import pytest
from huggingface_hub import HfApi
from huggingface_hub.errors import HfHubHTTPError
from huggingface_hub.utils import parse_ratelimit_headers

from hubkit.localhub import RunningHub
from hubkit.localhub.limits import FREE_USER, Limits, Quotas, bucket_of

REPO = "me/release"


def test_every_answer_tells_what_is_left(hub: RunningHub, ask: Any) -> None:
    hub.limits.quotas = FREE_USER
    first, second = (parse_ratelimit_headers(ask("GET", "/api/whoami-v2").headers) for _ in range(2))
    assert first is not None
    assert second is not None
    assert (first.resource_type, first.limit, first.window_seconds) == ("api", 1000, 300)
    assert (first.remaining, second.remaining) == (999, 998)
    pages = parse_ratelimit_headers(ask("GET", "/").headers)
    assert pages is not None
    assert (pages.resource_type, pages.remaining) == ("pages", 199)
    assert "ratelimit" not in ask("GET", "/-/lfs/" + "0" * 64).headers


def test_a_spent_quota_is_429_for_that_caller_and_that_kind(hub: RunningHub, api: HfApi, ask: Any) -> None:
    api.create_repo(REPO)
    hub.limits.quotas = Quotas(api=5, resolvers=1)
    hub.limits.reset()
    for _ in range(5):
        api.model_info(REPO)
    with pytest.raises(
        HfHubHTTPError, match=r"you have reached your 'api' rate limit(.|\n)*0/5 requests remaining"
    ):
        api.model_info(REPO)
    assert hub.requests[-1].status == 429
    assert HfApi(endpoint=hub.endpoint, token=False).model_info(REPO).id == REPO
    path = f"/{REPO}/resolve/main/.gitattributes"
    assert [ask("GET", path).status for _ in range(2)] == [307, 429]
    hub.limits.reset()
    assert api.model_info(REPO).id == REPO


def test_a_window_ends() -> None:
    now = [0.0]
    limits = Limits(Quotas(api=1, window=10), clock=lambda: now[0])
    assert limits.count("me", "api") == (
        True,
        {"RateLimit": '"api";r=0;t=10', "RateLimit-Policy": '"fixed window";"api";q=1;w=10'},
    )
    now[0] = 9.5
    within, told = limits.count("me", "api")
    assert (within, told["RateLimit"]) == (False, '"api";r=0;t=1')
    now[0] = 10.0
    assert limits.count("me", "api")[0]


@pytest.mark.parametrize(
    ("path", "bucket"),
    [
        ("/api/models/me/x/tree/main", "api"),
        ("/me/x.git/info/lfs/objects/batch", "api"),
        ("/me/x/resolve/main/a", "resolvers"),
        ("/api/resolve-cache/models/me/x/0/a", "resolvers"),
        ("/me/x", "pages"),
        ("/-/lfs/0", None),
    ],
)
def test_what_counts_where(path: str, bucket: str | None) -> None:
    assert bucket_of(path) == bucket
