"""What an answer of the Hub means to whoever asked for a repository or a file."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from hubkit.errors import HubkitError, IncompleteError, UsageError
from hubkit.repo.transport import UnreachableError

if TYPE_CHECKING:
    from hubkit.repo.transport import Answer

LOGIN = "hf auth login"


class ClosedError(IncompleteError):
    """The whole repository is closed to us: no other file of it needs to be asked for."""


def listing_error(answer: Answer, repo_id: str, revision: str | None, *, token: bool) -> HubkitError:
    """Why a repository could not be listed."""
    code, text = answer.headers.get("x-error-code"), _text(answer)
    if code == "RevisionNotFound":
        return UsageError(f"{repo_id} has no revision {revision!r}", hint=f"hubkit validate {repo_id}")
    if code == "RepoNotFound" or (answer.status == 404 and code is None):
        return _not_found(repo_id, token=token)
    if answer.status == 401 and code != "GatedRepo":
        if token and "invalid" in text.lower():
            return UsageError(f"{repo_id}: the Hub does not take this token: {text}", hint=LOGIN)
        return _not_found(repo_id, token=token)
    return _common(answer, repo_id, code, text, token=token)


def file_error(answer: Answer, repo_id: str, path: str, *, token: bool) -> IncompleteError:
    """Why a listed file could not be read."""
    code, text = answer.headers.get("x-error-code"), _text(answer)
    if code == "EntryNotFound":
        return IncompleteError(f"{path}: listed, but the Hub does not have it (404)", hint="try again")
    if code == "RepoNotFound":
        return ClosedError(_not_found(repo_id, token=token).message, hint=LOGIN)
    if answer.status in (401, 403):
        return _common(answer, repo_id, code, text, token=token)
    found = _common(answer, repo_id, code, text, token=token)
    if answer.status >= 500:
        return UnreachableError(f"{path}: {found.message}", hint=found.hint)
    return (
        found
        if isinstance(found, ClosedError)
        else IncompleteError(f"{path}: {found.message}", hint=found.hint)
    )


def _not_found(repo_id: str, *, token: bool) -> UsageError:
    return UsageError(
        f"{repo_id}: no such repository, or a private one" + ("" if token else " (no token was sent)"),
        hint=f"check the name; for a private one: {LOGIN}"
        if not token
        else "check the name, and what the token may read",
    )


def _common(answer: Answer, repo_id: str, code: str | None, text: str, *, token: bool) -> IncompleteError:
    if code == "GatedRepo":
        step = "" if token else f", then: {LOGIN}"
        return ClosedError(f"{repo_id} is gated", hint=f"accept its conditions on its page{step}")
    if "disabled" in text.lower() and answer.status in (401, 403, 404, 451):
        return disabled(repo_id)
    if answer.status == 429:
        return ClosedError(
            f"{repo_id}: the Hub's rate limit is used up",
            hint=f"wait five minutes; {LOGIN} gives a larger quota",
        )
    if answer.status in (401, 403):
        return IncompleteError(f"{repo_id}: the Hub refuses to show it ({answer.status}): {text}", hint=LOGIN)
    said = f": {text}" if text else ""
    return IncompleteError(
        f"{repo_id}: the Hub did not answer as expected ({answer.status}){said}",
        hint="try again; HF_ENDPOINT names another Hub",
    )


def disabled(repo_id: str) -> ClosedError:
    """For a repository that the Hub has switched off."""
    return ClosedError(
        f"{repo_id} is disabled: the Hub shows its name and none of its files", hint="ask its owner"
    )


def _text(answer: Answer) -> str:
    """The Hub's own words, on one short line."""
    said = answer.headers.get("x-error-message", "")
    if not said:
        try:
            value = json.loads(answer.body)
            said = value.get("error", "") if isinstance(value, dict) else ""
        except (ValueError, RecursionError):
            said = ""
    return re.sub(r"\s+", " ", "".join(c for c in str(said) if c.isprintable() or c.isspace())).strip()[:200]
