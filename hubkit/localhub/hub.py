"""What every request handler needs: the Hub, the repository that a request is about, and who is asking."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from hubkit.localhub.names import RepoId, check_path, repo_id
from hubkit.localhub.refusals import (
    AccessError,
    ForbiddenError,
    GatedError,
    InvalidRequestError,
    RepoMissingError,
    RepoMovedError,
    TooLargeError,
)
from hubkit.localhub.store import NOT_FOUND

if TYPE_CHECKING:
    from starlette.requests import Request

    from hubkit.localhub.collection_store import Collections
    from hubkit.localhub.discussions import Discussions
    from hubkit.localhub.entries import Commit, Repo
    from hubkit.localhub.signing import Signer
    from hubkit.localhub.store import Store
    from hubkit.localhub.users import Accounts, User
    from hubkit.localhub.xet import Xet

LARGEST_BODY = 32_000_000
"""Bytes of a JSON or form body."""
OTHER_ORIGIN = {"127.0.0.1": "localhost", "localhost": "127.0.0.1"}
"""Two names of one server that a client takes for two, so that it leaves its token behind on the way to the content."""


@dataclass(frozen=True)
class Hub:
    """One local Hub: its content and how it answers."""

    store: Store
    discussions: Discussions
    collections: Collections
    signer: Signer
    accounts: Accounts
    chunk_size: int
    """Bytes: a larger LFS object is uploaded in parts of this size."""
    xet: Xet | None = None
    """Where content goes and comes by Xet; None for LFS alone."""


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


def caller(request: Request) -> User | None:
    """Who asks; None for somebody without a token. Raises AccessError for a token that is not of this Hub."""
    return hub_of(request).accounts.find(request.headers.get("authorization"))


def signed_in(request: Request) -> User:
    """Who asks. Raises AccessError for somebody without a token."""
    user = caller(request)
    if user is None:
        raise AccessError(
            "a token is needed for this: set HF_TOKEN to the token that the local Hub was started with"
        )
    return user


def writer(request: Request, namespace: str) -> User:
    """Who asks, if what is in `namespace` is theirs to change. Raises AccessError, ForbiddenError."""
    user = _with_write_token(request)
    if not user.owns(namespace):
        raise ForbiddenError(f"{user.name} has no right to change what is under the namespace {namespace}")
    return user


def _with_write_token(request: Request) -> User:
    user = signed_in(request)
    if user.role != "write":
        raise ForbiddenError("this token can only read: use a token with the role write")
    return user


def sees(user: User | None, repo: Repo) -> bool:
    """Whether `user` (None: anybody) learns that `repo` exists."""
    return user.sees(repo) if user is not None else not repo.private


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
    """The repository in the address. Raises RepoMissingError, also when it is private and not the caller's."""
    user, store, wanted = caller(request), hub_of(request).store, named_repo(request)
    try:
        repo = store.repo(wanted)
    except RepoMovedError as moved:
        if not sees(user, store.repo(repo_id(*moved.new.split("/")))):
            raise RepoMissingError(NOT_FOUND) from None
        raise
    if not sees(user, repo):
        raise RepoMissingError(NOT_FOUND)
    return repo


def with_files(request: Request) -> Repo:
    """The repository in the address, for a caller who may have its files. Raises GatedError too."""
    repo = readable(request)
    user = caller(request)
    if not repo.gated or (user is not None and (user.owns(repo.id.namespace) or user.name in repo.granted)):
        return repo
    reason = (
        f"you are not in the authorized list: its owner can add {user.name}"
        if user is not None
        else "you must be authenticated to access it"
    )
    raise GatedError(f"Access to model {repo.id} is restricted and {reason}")


def writable(request: Request) -> tuple[Repo, User]:
    """The repository in the address, and the caller, who may write to it."""
    signed_in(request)
    repo = readable(request)
    return repo, writer(request, repo.id.namespace)


def contributable(request: Request) -> tuple[Repo, User]:
    """The repository in the address, and the caller, who may open discussions and pull requests there."""
    user = _with_write_token(request)
    return readable(request), user


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


def optional(value: dict[str, Any], name: str, kind: type[Any]) -> Any:
    """`value[name]` if it is there; None where it is absent or null. Raises InvalidRequestError for another kind."""
    return None if value.get(name) is None else field(value, name, kind)
