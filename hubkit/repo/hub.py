"""A repository on the Hub, read by one listing, small files whole and ranges of large ones, at one pinned commit."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from hubkit.errors import IncompleteError, UsageError
from hubkit.repo.account import account_of
from hubkit.repo.addresses import Reach
from hubkit.repo.answers import ClosedError, disabled, file_error, listing_error
from hubkit.repo.cache import RangeCache, cache_root
from hubkit.repo.deadline import Deadline, OverdueError
from hubkit.repo.listing import MAX_LISTING, Listing, parse_listing
from hubkit.repo.range_cache import HeldRanges
from hubkit.repo.range_request import range_request
from hubkit.repo.route import Route
from hubkit.repo.transport import IN_FLIGHT, Meter, Transport, UnreachableError, shared
from hubkit.repo.view import SMALL_FILE, Entry, RepoView, Want, nothing_more

if TYPE_CHECKING:
    from huggingface_hub import HfApi

T = TypeVar("T")
Clip = tuple[Entry, int, int]
"""Bytes [start, stop) of a file that exists."""
WORTH_A_BATCH = 4
"""LFS files from which on one question for all of them is cheaper than a redirect for each."""
MEANWHILE = 15
"""Regular files that are brought while that question is answered: what else there is room for."""
MOST_FAILURES = 8
"""Files in a row without an answer before the Hub is taken for gone."""


@dataclass
class HubView(RepoView):
    """`repo_id` at `revision` (a commit once the listing is there)."""

    block = 8 << 20
    """Far: a request costs as much time as some megabytes."""
    near = False
    at_once = 4

    repo_id: str = ""
    api: HfApi | None = None
    cache: bool | None = None
    """Whether to keep what was read for the next run; None: yes, but for Hubs on this machine, which cost nothing."""
    transport: Transport = field(default_factory=shared, repr=False)
    _route: Route | None = field(default=None, repr=False)
    _meter: Meter = field(default_factory=Meter, repr=False)
    _held: HeldRanges = field(default_factory=HeldRanges, repr=False)
    _closed: ClosedError | None = field(default=None, repr=False)
    _failures: int = field(default=0, repr=False)
    _kept: int = field(default=-1, repr=False)
    """Bytes of this commit in the cache; -1 where it is not used."""
    _key: tuple[str, str, str] = field(default=("", "", ""), repr=False)

    def _list(self) -> list[Entry]:
        self.deadline = self.deadline or Deadline()
        route = Route(account_of(self.api), self.transport, self._meter, self.repo_id, deadline=self.deadline)
        try:
            answer = route.listing(self.revision, MAX_LISTING)
        except IncompleteError as error:
            raise type(error)(f"{self.repo_id}: {error.message}", hint=error.hint) from error
        finally:
            self._show_cost()
        if answer.status != 200:
            raise listing_error(answer, self.repo_id, self.revision, token=route.account.token is not None)
        if answer.too_long:
            raise UsageError(
                f"{self.repo_id}: its listing has more than {MAX_LISTING:,} bytes, expected one release"
            )
        listing = parse_listing(answer.body, self.repo_id)
        if listing.disabled:
            raise disabled(self.repo_id)
        self.revision, self.refused = listing.commit, listing.refused
        route.commit, self._route = listing.commit, route
        self._recall(listing, route)
        return listing.entries

    def prefetch(self, wants: Iterable[Want], then: Callable[[str], Iterable[Want]] = nothing_more) -> None:
        """Bring them, IN_FLIGHT at a time, each followed by what it leads to; `read_range` then answers from memory.

        Where many LFS files are wanted, one question finds out where they lie, while the first regular files come.
        """
        todo, size = [], self._held.size
        for want in dict.fromkeys(wants):
            if (clipped := self._clipped(want)) is not None:
                size += clipped[2] - clipped[1]
                if size > self._held.limit:
                    break
                todo.append(clipped)

        large = [want for want in todo if want[0].sha256 is not None]
        if len(large) < WORTH_A_BATCH or self._route is None:
            self.each(lambda want: self._bring_all(want, then), todo)
            return
        small = [want for want in todo if want[0].sha256 is None]
        with ThreadPoolExecutor(1, thread_name_prefix="hubkit-locate") as asking:
            located = asking.submit(self._route.locate, [want[0] for want in large])

            def bring(want: Clip) -> None:
                if want[0].sha256 is not None:
                    located.result()
                self._bring_all(want, then)

            self.each(bring, [*small[:MEANWHILE], *large, *small[MEANWHILE:]])

    def _bring_all(self, want: Clip, then: Callable[[str], Iterable[Want]]) -> None:
        """A range, and what it leads to."""
        if self._bring(want):
            for further in map(self._clipped, then(want[0].path)):
                if further is not None and further[2] - further[1] <= SMALL_FILE:
                    self._bring(further)

    def _clipped(self, want: Want) -> Clip | None:
        """The part of a want that exists and is not here yet."""
        entry = self.entry(want[0])
        if entry is None:
            return None
        start, stop = want[1], min(want[2], entry.size)
        return None if start >= stop or self._held.has(entry.path, start, stop) else (entry, start, stop)

    def each(self, action: Callable[[T], None], items: Iterable[T]) -> None:
        """IN_FLIGHT items at a time. The first exception ends it."""
        pool = ThreadPoolExecutor(IN_FLIGHT, thread_name_prefix="hubkit-read")
        try:
            for _ in pool.map(action, items):
                pass
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
            self._show_cost()

    def at_hand(self, path: str, start: int, stop: int) -> bool:
        """Whether they were brought before."""
        entry = self.entry(path)
        return entry is not None and (
            start >= (stop := min(stop, entry.size)) or self._held.has(path, start, stop)
        )

    def settle(self) -> None:
        """Write what was read to the cache, where something new was read."""
        root = cache_root()
        if 0 <= self._kept < self._held.size and root is not None:
            RangeCache(root).store(self._key, self._held)
            self._kept = self._held.size

    def _bring(self, want: Clip) -> bool:
        entry, start, stop = want
        try:
            self._held.put(entry.path, start, self._fetch(entry, start, stop))
        except IncompleteError as error:
            self._held.fail(entry.path, start, stop, error)
            return False
        return True

    def _read_range(self, entry: Entry, start: int, stop: int) -> bytes:
        data = self._held.get(entry.path, start, stop)
        if data is None:
            data = self._fetch(entry, start, stop)
            if len(data) <= SMALL_FILE:
                self._held.put(entry.path, start, data)
        return data

    def _read_into(self, entry: Entry, start: int, buffer: memoryview) -> int:
        """Whole weights pass through here: nothing of them is held."""
        stop = start + len(buffer)
        data = self._held.get(entry.path, start, stop) or self._fetch(entry, start, stop)
        buffer[:] = data
        return len(data)

    def _count(self, size: int) -> None:  # noqa: ARG002 - not what was served, but what went over the wire
        self._show_cost()

    def _show_cost(self) -> None:
        self.requests, self.bytes_read = self._meter.requests, self._meter.bytes_read

    def _fetch(self, entry: Entry, start: int, stop: int) -> bytes:
        """Bytes [start, stop) over the wire. Raises IncompleteError."""
        if self._closed is not None:
            raise ClosedError(self._closed.message, hint=self._closed.hint)
        try:
            body = self._body(entry, start, stop)
        except IncompleteError as error:
            raise self._noted(error, entry.path) from error
        self._failures = 0
        return body

    def _body(self, entry: Entry, start: int, stop: int) -> bytes:
        route = self._route
        if route is None:
            raise IncompleteError("it is not listed yet")
        answer = route.content(entry, range_request(entry, start, stop))
        if answer.status not in (200, 206):
            raise file_error(answer, self.repo_id, entry.path, token=route.account.token is not None)
        if answer.too_long:
            raise IncompleteError(f"more came than the {stop - start:,} bytes that were asked for")
        if len(answer.body) != stop - start:
            raise IncompleteError(f"{len(answer.body):,} bytes came where {stop - start:,} were asked for")
        return answer.body

    def _noted(self, error: IncompleteError, path: str) -> IncompleteError:
        """The error with its file; one that concerns the whole repository, or a Hub that stays away, closes it."""
        if isinstance(error, OverdueError):
            error = ClosedError(error.message, hint=error.hint)
        if isinstance(error, ClosedError):
            self._closed = error
            return error
        reason = error.message.removeprefix(f"{path}: ").removeprefix(f"{self.repo_id}: ")
        if isinstance(error, UnreachableError):
            self._failures += 1
            if self._failures >= MOST_FAILURES:
                self._closed = ClosedError(f"{self.repo_id}: {reason}", hint=error.hint)
        return IncompleteError(f"{path}: {reason}", hint=error.hint or "try again")

    def _recall(self, listing: Listing, route: Route) -> None:
        """What an earlier run kept of this commit. Not for gated repositories: their listing is open and proves nothing."""
        self._key = route.account.endpoint, self.repo_id, listing.commit
        here = route.hub_reach is Reach.LOOPBACK
        root = cache_root()
        if listing.gated or root is None or not (not here if self.cache is None else self.cache):
            return
        sizes = {entry.path: entry.size for entry in listing.entries}
        for path, start, data in RangeCache(root).load(self._key):
            if 0 <= start <= start + len(data) <= sizes.get(path, -1):
                self._held.put(path, start, data)
        self._kept = self._held.size


def open_repo(
    repo_id: str,
    revision: str | None,
    api: HfApi | None = None,
    *,
    cache: bool | None = None,
    transport: Transport | None = None,
    deadline: Deadline | None = None,
) -> HubView:
    """The view of a repository; nothing is asked of the network before the listing. `transport`: connections and rate limits to share.

    `deadline`: when asking ends; by default LIMIT seconds after it began.
    """
    return HubView(
        name=repo_id,
        revision=revision,
        repository=repo_id,
        deadline=deadline or Deadline(),
        repo_id=repo_id,
        api=api,
        cache=cache,
        transport=transport or shared(),
    )
