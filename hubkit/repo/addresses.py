"""Where a redirect may lead: never from https to http, never from the wide network into this machine or the network around it."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable
from enum import IntEnum
from urllib.parse import urljoin, urlsplit

from hubkit.errors import IncompleteError

PORTS = {"http": 80, "https": 443}
LONGEST_URL = 8192


class Reach(IntEnum):
    """From where an address can be reached; a redirect may only keep it or widen it."""

    PUBLIC = 0
    PRIVATE = 1
    LOOPBACK = 2
    NONE = 3
    """Link-local (the metadata services of clouds), unspecified, multicast, reserved: nothing that holds a repository."""


def origin(url: str) -> str:
    """`scheme://host:port`, in lower case. Raises IncompleteError for what is no http or https address."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
        parts = urlsplit("")
    if parts.scheme not in PORTS or not host:
        raise IncompleteError("a redirect leads to something that is no http or https address")
    return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}:{port or PORTS[parts.scheme]}"


def reach_of(host: str) -> Reach:
    """The narrowest reach among the addresses of `host`. A name that cannot be looked up here is left to the proxy, or to fail."""
    try:
        return _reach(ipaddress.ip_address(host))
    except ValueError:
        pass
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return Reach.PUBLIC
    return max(_reach(ipaddress.ip_address(str(one[4][0]).partition("%")[0])) for one in found)


def _reach(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> Reach:
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    if address.is_loopback:
        return Reach.LOOPBACK
    if address.is_link_local or address.is_unspecified or address.is_multicast:
        return Reach.NONE
    return Reach.PUBLIC if address.is_global else Reach.PRIVATE


def next_url(url: str, location: str, hub: Reach, reach: Callable[[str], Reach] = reach_of) -> str:
    """The address that `location`, an answer of `url`, leads to. Raises IncompleteError where it may not lead.

    `hub` is the reach of the Hub itself: one on this machine may send its clients to this machine.
    """
    if len(location) > LONGEST_URL or not location.isprintable() or " " in location:
        raise IncompleteError("a redirect leads to something that is no http or https address")
    try:
        following = urljoin(url, location)
    except ValueError as error:
        raise IncompleteError("a redirect leads to something that is no http or https address") from error
    target = origin(following)
    host = urlsplit(following).hostname or ""
    if urlsplit(following).username is not None:
        raise IncompleteError(f"a redirect to {target} carries a user name")
    if url.startswith("https:") and not target.startswith("https:"):
        raise IncompleteError(f"a redirect from https to {target} would give up encryption")
    if target != origin(url) and (found := reach(host)) > hub:
        raise IncompleteError(
            f"a redirect from the Hub to {target}, a {found.name.lower()} address, is not followed"
        )
    return following
