"""The sockets that a local Hub listens on."""

from __future__ import annotations

import errno
import ipaddress
import socket
import sys

from hubkit.errors import UsageError


def listen(host: str, port: int) -> list[socket.socket]:
    """Listening sockets, all on one port; the first is the one asked for. Raises UsageError."""
    for _ in range(20):
        first = _bind(host, port)
        if host != "127.0.0.1" or not socket.has_ipv6:
            return [first]
        try:
            return [first, _bind("::1", first.getsockname()[1])]
        except _NoAddressError:
            return [first]  # this machine has no ::1
        except UsageError:
            first.close()
            if port:
                raise
    raise UsageError("no port is free on both 127.0.0.1 and ::1", hint="give a port")


class _NoAddressError(UsageError):
    pass


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        # Named TCP, or asyncio leaves Nagle's delay on: 40 ms for every answer whose head and body go out apart.
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    except OSError as error:
        raise _NoAddressError(f"{host}: {error}") from error
    try:
        if sys.platform == "win32":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind((host, port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        raise _refused(host, port, error) from error
    return listener


def _refused(host: str, port: int, error: OSError) -> UsageError:
    missing = {
        errno.EADDRNOTAVAIL,
        errno.EAFNOSUPPORT,
        getattr(errno, "WSAEADDRNOTAVAIL", errno.EADDRNOTAVAIL),
    }
    if error.errno in missing:
        return _NoAddressError(f"{host} is not an address of this machine")
    return UsageError(
        f"cannot listen on {host}:{port}: {error.strerror}", hint="give another port; 0 takes a free one"
    )


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches `host`."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
