"""A repository on the Hub, read by one listing, small files whole and ranges of large ones, at one pinned commit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from hubkit.errors import IncompleteError, UsageError
from hubkit.repo.view import Entry, RepoView

if TYPE_CHECKING:
    from huggingface_hub import HfApi

TIMEOUT = 20.0
"""Seconds for one request."""


@dataclass
class HubView(RepoView):
    """`repo_id` at `revision` (a commit once the listing is there)."""

    repo_id: str = ""
    api: HfApi | None = None

    def _list(self) -> list[Entry]:
        from huggingface_hub.errors import (
            GatedRepoError,
            HfHubHTTPError,
            RepositoryNotFoundError,
            RevisionNotFoundError,
        )
        from huggingface_hub.utils import httpx

        api = self._api()
        try:
            info = api.model_info(self.repo_id, revision=self.revision, files_metadata=True, timeout=TIMEOUT)
        except GatedRepoError as error:
            raise IncompleteError(
                f"{self.repo_id} is gated", hint="accept its conditions on its page, then: hf auth login"
            ) from error
        except RevisionNotFoundError as error:
            raise UsageError(
                f"{self.repo_id} has no revision {self.revision!r}", hint=f"hubkit validate {self.repo_id}"
            ) from error
        except RepositoryNotFoundError as error:
            raise UsageError(
                f"{self.repo_id}: no such repository, or a private one",
                hint="check the name; for a private one: hf auth login",
            ) from error
        except (HfHubHTTPError, httpx.HTTPError, OSError) as error:
            raise IncompleteError(
                f"{self.repo_id}: the Hub did not answer: {error}",
                hint="try again; HF_ENDPOINT names another Hub",
            ) from error
        self.requests += 1
        self.revision = info.sha
        return [
            Entry(sibling.rfilename, sibling.size or 0, sibling.lfs.sha256 if sibling.lfs else None)
            for sibling in info.siblings or []
            if _is_relative(sibling.rfilename)
        ]

    def _read_range(self, entry: Entry, start: int, stop: int) -> bytes:
        """One GET; a part of a file asks for a range and takes nothing but 206, so that no server can make us read the whole."""
        from huggingface_hub.errors import HfHubHTTPError
        from huggingface_hub.utils import get_session, hf_raise_for_status, httpx

        partial = start > 0 or stop < entry.size
        headers = {**self._headers(), "Accept-Encoding": "identity"} | (
            {"Range": f"bytes={start}-{stop - 1}"} if partial else {}
        )
        try:
            with get_session().stream(
                "GET", self._url(entry.path), headers=headers, timeout=TIMEOUT, follow_redirects=True
            ) as response:
                if response.status_code >= 400:
                    response.read()
                hf_raise_for_status(response)
                if partial and response.status_code != 206:
                    raise IncompleteError(
                        f"{entry.path}: the server answered {response.status_code} to a range request, expected 206"
                    )
                return _limited(response, stop - start)
        except (HfHubHTTPError, httpx.HTTPError, OSError) as error:
            raise IncompleteError(f"{entry.path}: {error}", hint="try again") from error

    def _api(self) -> HfApi:
        if self.api is None:
            from huggingface_hub import HfApi

            self.api = HfApi(library_name="hubkit")
        return self.api

    def _headers(self) -> dict[str, str]:
        from huggingface_hub.utils import build_hf_headers

        api = self._api()
        headers: dict[str, str] = build_hf_headers(token=api.token, library_name="hubkit")
        return headers

    def _url(self, path: str) -> str:
        return f"{self._api().endpoint}/{self.repo_id}/resolve/{quote(self.revision or 'main', safe='')}/{quote(path)}"


def _limited(response: Any, limit: int) -> bytes:
    """The body, cut one byte after `limit`: RepoView then sees that the length is wrong."""
    data = bytearray()
    for chunk in response.iter_bytes():
        data += chunk
        if len(data) > limit:
            break
    return bytes(data[: limit + 1])


def _is_relative(path: str) -> bool:
    """Names from a repository never leave it."""
    parts = path.split("/")
    return (
        bool(path)
        and "\\" not in path
        and not path.startswith("/")
        and ".." not in parts
        and ":" not in parts[0]
    )


def open_repo(repo_id: str, revision: str | None, api: HfApi | None = None) -> HubView:
    """The view of a repository; nothing is asked of the network before the listing."""
    return HubView(name=repo_id, revision=revision, repo_id=repo_id, api=api)
