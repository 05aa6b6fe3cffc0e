"""From what was typed to single repositories and folders, page by page; a listing that fails is a candidate that says so."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from hubkit.audit.targets import Collection, Folder, Query, Repository, Source
from hubkit.errors import IncompleteError
from hubkit.repo.deadline import each_within

if TYPE_CHECKING:
    from huggingface_hub import HfApi

Kind = Literal["hub", "folder", "failed", "empty"]
TIMEOUT = 20.0
"""Seconds for one answer."""
PAGES = 6
"""So many answers, with their repetitions, before the next repository is named."""
MOST_REPEATED, MOST_LISTED = 1000, 3_000_000
"""Repositories of a listing; the Hub has some two million models."""


@dataclass(frozen=True)
class Candidate:
    """One thing to audit, or a target that gave none."""

    key: str
    """What is audited once: `OWNER/REPO`, `OWNER/REPO@revision`, or an absolute folder."""
    shown: str
    kind: Kind
    repo_id: str = ""
    revision: str | None = None
    """As it was asked for."""
    sha: str | None = None
    """The commit, where the listing tells it."""
    modified: str | None = None
    """When the repository last changed (ISO, UTC), where the listing tells it."""
    failure: str = ""


def candidates(sources: Iterable[Source], api: HfApi) -> Iterator[Candidate]:
    """Everything that `sources` stand for; the same may come several times."""
    door = _Door(api)
    for source in sources:
        match source:
            case Folder(path):
                yield Candidate(path.absolute().as_posix(), str(path), "folder")
            case Repository(repo_id, revision):
                name = f"{repo_id}@{revision}" if revision else repo_id
                yield Candidate(name, name, "hub", repo_id, revision)
            case Collection(slug):
                yield from _listed(f"collection:{slug}", _in_collection(slug, api), door)
            case Query():
                yield from _listed(str(source), _found(source, api), door)


def _listed(name: str, found: Iterator[Candidate], door: _Door) -> Iterator[Candidate]:
    """`found`, and what became of the listing where that is not all."""
    nothing = True
    try:
        door.check()
        with hub_errors(name):
            for candidate in each_within(TIMEOUT * PAGES, _once(found)):
                nothing = False
                yield candidate
    except IncompleteError as error:
        yield Candidate(name, name, "failed", failure=error.message)
        return
    if nothing:
        yield Candidate(name, name, "empty", failure="there is no model here, or none that you may see")


def _once(found: Iterator[Candidate]) -> Iterator[Candidate]:
    """`found`, each once. Raises IncompleteError where a listing does not end: it comes around again and again, or names more than there is."""
    seen: set[str] = set()
    repeated = 0
    for candidate in found:
        repeated += candidate.key in seen
        if repeated > MOST_REPEATED or len(seen) > MOST_LISTED:
            raise IncompleteError("the listing does not end")
        if candidate.key not in seen:
            seen.add(candidate.key)
            yield candidate


def _found(query: Query, api: HfApi) -> Iterator[Candidate]:
    from hubkit.repo.paging import pages_of

    listing = api.list_models(
        author=query.author, search=query.search, filter=query.tags or None, expand=["sha", "lastModified"]
    )
    for model in pages_of(listing):
        yield Candidate(model.id, model.id, "hub", model.id, None, model.sha, _iso(model.last_modified))


def _in_collection(slug: str, api: HfApi) -> Iterator[Candidate]:
    for item in api.get_collection(slug).items:
        if item.item_type == "model":
            yield Candidate(item.item_id, item.item_id, "hub", item.item_id)


def _iso(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).isoformat() if moment else None


def last_modified(repo_id: str, api: HfApi) -> str | None:
    """When the repository last changed. Raises IncompleteError."""
    with hub_errors(repo_id):
        return _iso(api.model_info(repo_id, expand=["lastModified"], timeout=TIMEOUT).last_modified)


class _Door:
    """Whether there is a Hub at all, asked once: the client's own retries would spend half a minute on every target."""

    def __init__(self, api: HfApi) -> None:
        self.api = api
        self.asked = False
        self.failure = ""

    def check(self) -> None:
        """Raise IncompleteError where no connection can be made."""
        from huggingface_hub.utils import get_session, httpx

        if not self.asked:
            self.asked = True
            try:
                get_session().head(f"{self.api.endpoint}/api/models?limit=1", timeout=TIMEOUT)
            except httpx.HTTPError as error:
                self.failure = f"no Hub at {self.api.endpoint}: {error}"
        if self.failure:
            raise IncompleteError(self.failure)


@contextmanager
def hub_errors(name: str) -> Iterator[None]:
    """The client's errors as IncompleteError."""
    from huggingface_hub.errors import HfHubHTTPError
    from huggingface_hub.utils import httpx

    try:
        yield
    except HfHubHTTPError as error:
        raise IncompleteError(
            f"{name}: the Hub answered {error.response.status_code}: {error.server_message or error}"
        ) from error
    except (httpx.HTTPError, OSError, ValueError) as error:  # a name that is none is a ValueError
        raise IncompleteError(f"{name}: {error}") from error
