"""The application: all routes, the refusals, and the layers around them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.applications import Starlette

from hubkit.localhub import (
    routes_access,
    routes_collections,
    routes_commit,
    routes_discussions,
    routes_files,
    routes_lfs,
    routes_pages,
    routes_repos,
    routes_tree,
    routes_xet,
)
from hubkit.localhub.answers import refuse, refuse_route
from hubkit.localhub.fault_layer import Connections, FaultLayer
from hubkit.localhub.faults import Faults
from hubkit.localhub.layers import DoorLayer, LogLayer, RawPathLayer, RequestIdLayer, RequestLog
from hubkit.localhub.limits import LimitLayer, Limits
from hubkit.localhub.refusals import HubRefusalError

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from hubkit.localhub.hub import Hub


@dataclass(frozen=True)
class Around:
    """What stands around the application."""

    log: RequestLog
    limits: Limits
    faults: Faults
    connections: Connections
    names: frozenset[str] | None
    """The names by which the server is known; None for any."""


def build_app(hub: Hub, around: Around) -> ASGIApp:
    """Everything that answers."""
    app = Starlette(
        routes=[
            *routes_pages.OTHER_ROUTES,  # first: their addresses fit the patterns of models too
            *routes_repos.ROUTES,
            *routes_access.ROUTES,
            *routes_tree.ROUTES,
            *routes_discussions.ROUTES,
            *routes_collections.ROUTES,
            *routes_commit.ROUTES,
            *routes_lfs.ROUTES,
            *routes_xet.ROUTES,
            *routes_files.ROUTES,
            *routes_pages.ROUTES,
        ],
        exception_handlers={HubRefusalError: refuse, 404: refuse_route, 405: refuse_route},
    )
    app.router.redirect_slashes = False
    app.state.hub = hub
    limited = LimitLayer(RawPathLayer(app), around.limits)
    faulty = FaultLayer(limited, around.faults, hub.store, around.connections)
    return LogLayer(RequestIdLayer(DoorLayer(faulty, around.names)), around.log)
