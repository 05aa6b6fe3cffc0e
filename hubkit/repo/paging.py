"""Listings of the Hub's client, page by page, from the Hub that was asked and no other: the client sends its token to wherever an answer says that the next page is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

from huggingface_hub.utils import get_session

from hubkit.errors import IncompleteError
from hubkit.repo.addresses import origin

T = TypeVar("T")


def pages_of(listing: Iterable[T]) -> Iterator[T]:
    """The items of `listing`, one of the client's, whose requests have not begun. Raises IncompleteError where its next page is on another host."""
    hooks = get_session().event_hooks["response"]
    if _same_host not in hooks:
        hooks.append(_same_host)
    yield from listing


def _same_host(response: Any) -> None:
    """The session's hook."""
    following = response.links.get("next", {}).get("url")
    if following is None:
        return
    here = origin(str(response.request.url))
    there = origin(str(response.request.url.join(following)))
    if there != here:
        raise IncompleteError(
            f"the next page of {here} is on {there}, another host: not followed, it would be sent your token"
        )
