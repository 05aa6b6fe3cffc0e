"""What the Hub's client raises, in hubkit's words: what was found, where, and what to type next."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from hubkit.errors import HubkitError, IncompleteError, UsageError

LONGEST = 300
"""Characters of what the Hub says that are shown."""
AGAIN = "run the same command again: what arrived is not sent twice"
LOGIN = "hf auth login, with a token that may write to this repository"
DENIED = {
    401: "the Hub does not know this token: it is wrong, or has expired",
    403: "the token may not do this",
}
PASSING = {
    412: ("another commit came in between", "run the same command again: the plan is made anew"),
    429: ("the rate limit is used up", f"wait a few minutes; {AGAIN}"),
    507: ("the Hub's disk is full", f"make room there; {AGAIN}"),
}
"""Status to what it means, and what to do."""


def overtaken(repo_id: str) -> HubkitError:
    """The head is not the one that the plan was made against."""
    return _passing(412, repo_id)


@contextmanager
def hub_errors(repo_id: str) -> Iterator[None]:
    """Turn the client's errors into HubkitError; those a caller wants to see itself it must catch inside the block."""
    from huggingface_hub.errors import HfHubHTTPError, LocalTokenNotFoundError, OIDCError
    from huggingface_hub.utils import httpx

    try:
        yield
    except HubkitError:
        raise
    except (
        HfHubHTTPError,
        LocalTokenNotFoundError,
        OIDCError,
        httpx.HTTPError,
        OSError,
        RuntimeError,
        ValueError,
    ) as error:
        raise as_hub_error(error, repo_id) from error


def as_hub_error(error: Exception, repo_id: str) -> HubkitError:
    """The error that says the same to a person. A RuntimeError or ValueError is the client's wrapper for what happened to one file."""
    from huggingface_hub.errors import HfHubHTTPError, LocalTokenNotFoundError, OIDCError
    from huggingface_hub.utils import httpx

    if isinstance(error, LocalTokenNotFoundError):
        return UsageError(f"{repo_id}: no token found", hint="hf auth login")
    if isinstance(error, OIDCError):
        return UsageError(
            f"{repo_id}: keyless login failed: {error}",
            hint="set `permissions: id-token: write` on the job, or unset HF_OIDC_RESOURCE",
        )
    if isinstance(error, RuntimeError) and isinstance(error.__cause__, Exception):
        return as_hub_error(error.__cause__, repo_id)
    if isinstance(error, HfHubHTTPError):
        return _refused(error, repo_id)
    if isinstance(error, httpx.HTTPError | OSError):
        return IncompleteError(
            f"{repo_id}: the Hub could not be reached: {str(error) or type(error).__name__}",
            hint=f"{AGAIN}; HF_ENDPOINT names another Hub",
        )
    return IncompleteError(f"{repo_id}: the Hub's client gave up: {error}", hint=AGAIN)


def status_of(error: BaseException) -> int | None:
    """The HTTP status behind an error of the client, also behind its wrapper; None where there was no answer."""
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status is None and error.__cause__ is not None:
        return status_of(error.__cause__)
    return status


def _refused(error: Exception, repo_id: str) -> HubkitError:
    status, said = status_of(error) or 0, _said(error)
    if status == 403 and "expired" in said:
        return IncompleteError(
            f"{repo_id}: the Hub's own links had expired when they were used (403): one of the two clocks is wrong",
            hint=f"check the clock of this machine; {AGAIN}",
        )
    if status in DENIED:
        return UsageError(f"{repo_id}: {DENIED[status]} ({status})", hint=LOGIN)
    if status in PASSING:
        return _passing(status, repo_id)
    return IncompleteError(
        f"{repo_id}: the Hub answered {status}{': ' + said if said else ''}",
        hint=f"{AGAIN}; nothing is half-written: a commit is there whole or not at all",
    )


def _passing(status: int, repo_id: str) -> HubkitError:
    what, hint = PASSING[status]
    return IncompleteError(f"{repo_id}: {what} ({status}); nothing was changed", hint=hint)


def _said(error: Exception) -> str:
    """The Hub's own words in one line, and the number under which it remembers them. Not the client's text: that names the address, which may be signed."""
    response = getattr(error, "response", None)
    words = getattr(error, "server_message", None) or getattr(response, "text", "") or ""
    number = getattr(error, "request_id", None)
    return " ".join(words.split())[:LONGEST] + (f" (request {number})" if number and words else "")
