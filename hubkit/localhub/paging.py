"""Long lists in pages, the next one named in the `Link` header, as the Hub and GitHub do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlencode

from starlette.responses import JSONResponse

from hubkit.localhub.refusals import InvalidRequestError

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

T = TypeVar("T")


def paged(
    request: Request, found: Sequence[T], most: int, view: Callable[[Sequence[T]], list[Any]]
) -> Response:
    """The page that `limit` (at most `most`) and `cursor` ask for; `view` says what of it is sent."""
    limit = min(_number(request, "limit", most), most)
    if limit < 1:
        raise InvalidRequestError("limit must be at least 1")
    start = _number(request, "cursor", 0)
    answer = JSONResponse(view(found[start : start + limit]))
    if start + limit < len(found):
        others = [(key, value) for key, value in request.query_params.multi_items() if key != "cursor"]
        query = urlencode([*others, ("cursor", str(start + limit))])
        path = request.scope["raw_path"].decode("latin-1")
        answer.headers["Link"] = f'<http://{request.headers["host"]}{path}?{query}>; rel="next"'
    return answer


def _number(request: Request, name: str, otherwise: int) -> int:
    text = request.query_params.get(name)
    if text is None:
        return otherwise
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise InvalidRequestError(f"{name} must be a number, it is {text[:40]!r}")
    return int(text)
