"""The application: all routes, the refusals, and the layers around them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.applications import Starlette

from hubkit.localhub import routes_commit, routes_files, routes_lfs, routes_pages, routes_repos
from hubkit.localhub.answers import refuse, refuse_route
from hubkit.localhub.layers import DoorLayer, LogLayer, RawPathLayer, RequestLog
from hubkit.localhub.refusals import HubRefusalError

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from hubkit.localhub.hub import Hub


def build_app(hub: Hub, log: RequestLog, names: frozenset[str] | None) -> ASGIApp:
    """Everything that answers, for a server that is known by `names` (None for any)."""
    app = Starlette(
        routes=[
            *routes_repos.ROUTES,
            *routes_commit.ROUTES,
            *routes_lfs.ROUTES,
            *routes_files.ROUTES,
            *routes_pages.ROUTES,
        ],
        exception_handlers={HubRefusalError: refuse, 404: refuse_route, 405: refuse_route},
    )
    app.router.redirect_slashes = False
    app.state.hub = hub
    return LogLayer(DoorLayer(RawPathLayer(app), names), log)
