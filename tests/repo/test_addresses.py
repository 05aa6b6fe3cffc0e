"""Where a redirect may lead."""

from __future__ import annotations

import pytest

from hubkit.errors import IncompleteError
from hubkit.repo.addresses import Reach, next_url, origin, reach_of

HUB = "https://huggingface.co/o/r/resolve/main/w"
NAMES = {
    "cdn.example": Reach.PUBLIC,
    "inside.example": Reach.PRIVATE,
    "localhost": Reach.LOOPBACK,
    "127.0.0.1": Reach.LOOPBACK,
}


def follow(location: str, url: str = HUB, hub: Reach = Reach.PUBLIC) -> str:
    return next_url(url, location, hub, lambda host: NAMES.get(host) or reach_of(host))


@pytest.mark.parametrize(
    "location", ["https://cdn.example/x?sig=1", "/api/resolve-cache/x", "https://huggingface.co/y"]
)
def test_onward_is_fine(location: str) -> None:
    assert follow(location).startswith("https://")


@pytest.mark.parametrize(
    ("location", "words"),
    [
        ("http://cdn.example/x", "give up encryption"),
        ("https://localhost/x", "loopback"),
        ("https://127.0.0.1:8080/x", "loopback"),
        ("https://[::1]/x", "loopback"),
        ("https://[::ffff:127.0.0.1]/x", "loopback"),
        ("https://inside.example/x", "private"),
        ("https://10.0.0.8/x", "private"),
        ("https://100.64.0.1/x", "private"),
        ("https://169.254.169.254/x", "none"),
        ("https://0.0.0.0/x", "none"),
        ("//user:pass@cdn.example/x", "user name"),
        ("ftp://cdn.example/x", "no http or https"),
        ("https://[::1", "no http or https"),
        ("https://cdn.example:99999/x", "no http or https"),
        ("https://cdn.example/\r\nX: y", "no http or https"),
        ("https://cdn.example/" + "x" * 9000, "no http or https"),
    ],
)
def test_elsewhere_is_refused(location: str, words: str) -> None:
    with pytest.raises(IncompleteError, match=words):
        follow(location)


def test_a_hub_inside_may_send_inside_and_one_on_this_machine_to_it() -> None:
    assert follow("http://10.0.0.8/x", "http://hub.inside/x", Reach.PRIVATE)
    assert follow("http://localhost:9/x", "http://127.0.0.1:9/x", Reach.LOOPBACK)
    with pytest.raises(IncompleteError, match="loopback"):
        follow("http://localhost:9/x", "http://hub.inside/x", Reach.PRIVATE)


def test_origins() -> None:
    assert origin("https://Hub.Example/x") == origin("https://hub.example:443") == "https://hub.example:443"
    assert origin("http://[::1]:9/x") == "http://[::1]:9"
    assert len({origin(u) for u in ("http://a/", "https://a/", "http://a:81/", "http://b/")}) == 4
