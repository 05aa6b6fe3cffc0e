"""The ways to a file's bytes at one commit of one repository: which address, which redirects, which headers go where."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from hubkit.errors import IncompleteError
from hubkit.repo.account import AGENT, Account
from hubkit.repo.addresses import Reach, next_url, origin, reach_of
from hubkit.repo.batch import BATCH, BATCH_HEADERS, MAX_BATCH, batch_body, batch_places, batched
from hubkit.repo.deadline import Deadline
from hubkit.repo.transport import Answer, Ask, Meter, Transport

if TYPE_CHECKING:
    from hubkit.repo.view import Entry

MOST_HOPS = 5
EXPIRED = {400, 401, 403, 410}
"""What content stores answer to a signed address that has grown too old."""


@dataclass
class Route:
    """Safe to use from several threads: at worst two of them find out the same."""

    account: Account
    transport: Transport
    meter: Meter
    repo_id: str
    commit: str = ""
    deadline: Deadline = field(default_factory=Deadline)
    """When it gives up, for all that it asks."""
    _located: dict[str, str] = field(default_factory=dict, repr=False)
    """Path to the signed address of its content."""
    _reaches: dict[str, Reach] = field(default_factory=dict, repr=False)

    @cached_property
    def hub(self) -> str:
        """The Hub's origin: the only one that is shown the token."""
        return origin(self.account.endpoint)

    @property
    def hub_reach(self) -> Reach:
        """From where the Hub itself can be reached."""
        return self._reach_of(urlsplit(self.hub).hostname or "")

    def listing(self, revision: str | None, limit: int) -> Answer:
        """Commit, names, sizes and checksums, in one answer. Raises IncompleteError when none comes."""
        at = f"/revision/{quote(revision, safe='')}" if revision else ""
        return self._follow(
            Ask(f"{self.account.endpoint}/api/models/{self.repo_id}{at}?blobs=true", "api", {}, limit)
        )

    def locate(self, entries: Iterable[Entry]) -> None:
        """Learn where many LFS files lie from one answer, as `git clone` does, instead of being redirected for each of them.

        https://github.com/git-lfs/git-lfs/blob/main/docs/api/batch.md, operation `download`. Never raises for what it does not learn, a
        Hub that has no such answer included: those files are found by way of the Hub, one by one.
        """
        files: dict[str, list[Entry]] = {}
        for entry in entries:
            if entry.sha256 and entry.path not in self._located:
                files.setdefault(entry.sha256, []).append(entry)
        for oids in batched(files, BATCH):
            url = f"{self.account.endpoint}/{self.repo_id}.git/info/lfs/objects/batch"
            body = batch_body(files[oid][0] for oid in oids)
            try:
                answer = self._follow(Ask(url, "api", BATCH_HEADERS, MAX_BATCH, body=body))
                places = batch_places(answer) if answer.status == 200 else {}
                for oid in places.keys() & set(oids):
                    place = next_url(url, places[oid], self.hub_reach, self._reach_of)
                    self._located |= {entry.path: place for entry in files[oid]}
            except IncompleteError:
                return

    def content(self, entry: Entry, ask: Callable[[str], Ask]) -> Answer:
        """From where the content was found before, or by way of the Hub; an address that has grown too old is asked for once more."""
        known = self._located.get(entry.path)
        if known is not None:
            answer = self._follow(ask(known), entry.path)
            if answer.status not in EXPIRED:
                return answer
            self._located.pop(entry.path, None)
        elif entry.sha256 is None:
            return self._regular(entry, ask)
        answer = self._follow(ask(self.url(entry.path)), entry.path)
        if answer.status in EXPIRED and self._located.pop(entry.path, None) is not None and known is None:
            answer = self._follow(ask(self.url(entry.path)), entry.path)
        return answer

    def _regular(self, entry: Entry, ask: Callable[[str], Ask]) -> Answer:
        """By the route that needs no redirect, where this Hub has it; one file per process finds out."""
        home, routes = self.hub, self.transport.direct_routes
        if routes.get(home) is None:
            with self.transport.probing:
                if routes.get(home) is None:
                    answer = self._follow(ask(self._direct(entry.path)), entry.path)
                    if answer.status in (200, 206):
                        routes[home] = True
                        return answer
                    answer = self._follow(ask(self.url(entry.path)), entry.path)
                    if answer.status in (200, 206):
                        routes[home] = False
                    return answer
        url = self._direct(entry.path) if routes[home] else self.url(entry.path)
        return self._follow(ask(url), entry.path)

    def _follow(self, ask: Ask, path: str | None = None) -> Answer:
        """Ask, and go where the Hub sends us, by hand: the token stays with the Hub. Raises IncompleteError."""
        url, home = ask.url, True
        for _ in range(MOST_HOPS + 1):
            home = (
                home and origin(url) == self.hub
            )  # whoever sends us back to the Hub does not get to use the token
            headers = {"User-Agent": AGENT, **ask.headers}
            if home and self.account.token is not None:
                headers["Authorization"] = f"Bearer {self.account.token}"
            route = ask.route if home else "content"
            answer = self.transport.get(
                Ask(url, route, headers, ask.limit, ask.check, ask.body), self.meter, self.deadline
            )
            location = answer.headers.get("location")
            if answer.status not in (301, 302, 303, 307, 308) or location is None or ask.body is not None:
                return answer
            url = next_url(url, location, self.hub_reach, self._reach_of)
            if path is not None and origin(url) != self.hub:
                self._located[path] = url
        raise IncompleteError(f"more than {MOST_HOPS} redirects one after the other", hint="try again")

    def _reach_of(self, host: str) -> Reach:
        if host not in self._reaches:
            self._reaches[host] = reach_of(host)
        return self._reaches[host]

    def url(self, path: str) -> str:
        """Where the Hub serves a file, or says where it lies."""
        return f"{self.account.endpoint}/{self.repo_id}/resolve/{self.commit}/{quote(path)}"

    def _direct(self, path: str) -> str:
        return f"{self.account.endpoint}/api/resolve-cache/models/{self.repo_id}/{self.commit}/{quote(path)}"
