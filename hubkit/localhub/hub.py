"""What every request handler needs: the Hub, the repository that a request is about, and who is asking."""

from __future__ import annotations

import hmac
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from hubkit.localhub.names import RepoId, check_path, repo_id
from hubkit.localhub.refusals import AccessError, InvalidRequestError, RepoMissingError, TooLargeError

if TYPE_CHECKING:
    from starlette.requests import Request

    from hubkit.localhub.entries import Commit, Repo
    from hubkit.localhub.signing import Signer
    from hubkit.localhub.store import Store

LARGEST_BODY = 32_000_000
"""Bytes of a JSON or form body."""
OTHER_ORIGIN = {"127.0.0.1": "localhost", "localhost": "127.0.0.1"}
"""Two names of one server that a client takes for two, so that it leaves its token behind on the way to the content."""


@dataclass(frozen=True)
class Hub:
    """One local Hub: its content and how it answers."""

    store: Store
    signer: Signer
    token: str | None
    """The one token that may write and see private repositories; None lets everybody."""
    user: str
    chunk_size: int
    """Bytes: a larger LFS object is uploaded in parts of this size."""


def hub_of(request: Request) -> Hub:
    """The Hub that this request reached."""
    hub: Hub = request.app.state.hub
    return hub


def origin(request: Request) -> str:
    """Where the client finds this Hub: `http://127.0.0.1:8000`."""
    return f"http://{request.headers['host']}"


def content_origin(request: Request) -> str:
    """The other origin of the same server, for signed links."""
    name, colon, port = request.headers["host"].partition(":")
    return f"http://{OTHER_ORIGIN.get(name, name)}{colon}{port}"


def knows_token(request: Request) -> bool:
    """Whether the caller may write and see what is private. Raises AccessError for a token that is not the Hub's."""
    hub = hub_of(request)
    if hub.token is None:
        return True
    given = request.headers.get("authorization")
    if given is None:
        return False
    if not hmac.compare_digest(given.encode(), f"Bearer {hub.token}".encode()):
        raise AccessError("Invalid credentials in Authorization header")
    return True


def require_token(request: Request) -> None:
    """Raises AccessError for a caller without the token."""
    if not knows_token(request):
        raise AccessError(
            "a token is needed for this: set HF_TOKEN to the token that the local Hub was started with"
        )


def part(request: Request, name: str) -> str:
    """One segment of the path, decoded (once)."""
    try:
        return unquote(request.path_params[name], errors="strict")
    except UnicodeDecodeError:
        raise InvalidRequestError(f"the {name} in the address is not UTF-8") from None


def path_of(request: Request) -> str:
    """The file or folder in the address, checked."""
    return check_path(part(request, "path"))


def named_repo(request: Request) -> RepoId:
    """The repository in the address, checked by form only."""
    return repo_id(part(request, "namespace"), part(request, "name"))


def readable(request: Request) -> Repo:
    """The repository in the address. Raises RepoMissingError, also when it is private and the caller has no token."""
    known = knows_token(request)
    repo = hub_of(request).store.repo(named_repo(request))
    if repo.private and not known:
        raise RepoMissingError(f"Repository not found: {repo.id}")
    return repo


def writable(request: Request) -> Repo:
    """The repository in the address, for a caller who may write to it."""
    require_token(request)
    return readable(request)


def commit_in(request: Request, repo: Repo) -> Commit:
    """The commit in the address; `main` where it names none."""
    revision = part(request, "revision") if "revision" in request.path_params else "main"
    return hub_of(request).store.commit_at(repo.id, revision)


async def read_body(request: Request, limit: int = LARGEST_BODY) -> bytes:
    """The whole body. Raises TooLargeError past `limit` bytes."""
    blocks: list[bytes] = []
    size = 0
    async for block in body_blocks(request):
        size += len(block)
        if size > limit:
            raise TooLargeError(f"the body has more than {limit} bytes")
        blocks.append(block)
    return b"".join(blocks)


async def body_blocks(request: Request) -> Any:
    """The body in blocks, as they come. Raises InvalidRequestError when the client leaves in the middle."""
    try:
        async for block in request.stream():
            yield block
    except ClientDisconnect:
        raise InvalidRequestError("the client left before its request was whole") from None


async def read_json(request: Request) -> dict[str, Any]:
    """The body as a JSON object. Raises InvalidRequestError."""
    data = await read_body(request)
    return await run_in_threadpool(json_object, data, "the body")


def json_object(data: bytes, where: str) -> dict[str, Any]:
    """Parse one JSON object. Raises InvalidRequestError."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise InvalidRequestError(f"{where} is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise InvalidRequestError(f"{where} must be a JSON object, it is a {type(value).__name__}")
    return value


def field(value: dict[str, Any], name: str, kind: type[Any], where: str = "the body") -> Any:
    """`value[name]` if it is a `kind`. Raises InvalidRequestError."""
    found = value.get(name)
    if not isinstance(found, kind) or (kind is int and isinstance(found, bool)):
        raise InvalidRequestError(f"{where} needs {name!r} as {kind.__name__}, found {found!r:.80}")
    return found
