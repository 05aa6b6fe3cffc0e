"""What the Hub's client raises, in hubkit's words: what was found, where, and what to type next."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from hubkit.errors import HubkitError, IncompleteError, UsageError


@contextmanager
def hub_errors(repo_id: str) -> Iterator[None]:
    """Turn the client's errors into HubkitError; those a caller wants to see itself it must catch inside the block."""
    from huggingface_hub.errors import HfHubHTTPError, LocalTokenNotFoundError
    from huggingface_hub.utils import httpx

    try:
        yield
    except HubkitError:
        raise
    except LocalTokenNotFoundError as error:
        raise UsageError(f"{repo_id}: no token found", hint="hf auth login") from error
    except HfHubHTTPError as error:
        status = getattr(error.response, "status_code", None)
        if status in {401, 403}:
            raise UsageError(
                f"{repo_id}: the token may not do this ({status})",
                hint="hf auth login, with a token that may write to this repository",
            ) from error
        if status == 412:
            raise IncompleteError(
                f"{repo_id}: another commit came in between; nothing was changed",
                hint="run the same command again: the plan is made anew",
            ) from error
        raise IncompleteError(
            f"{repo_id}: the Hub answered: {error}",
            hint="try again; nothing was half-written: a commit is there whole or not at all",
        ) from error
    except (httpx.HTTPError, OSError) as error:
        raise IncompleteError(
            f"{repo_id}: the Hub could not be reached: {error}",
            hint="try again; HF_ENDPOINT names another Hub",
        ) from error
