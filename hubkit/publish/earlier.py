"""Pull requests of hubkit that are open already beside the one that was just proposed, and the order in which they are merged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hubkit.publish.errors import hub_errors
from hubkit.publish.pull import MARK
from hubkit.publish.retry import with_retries

if TYPE_CHECKING:
    from huggingface_hub import HfApi

MEND, CORRECT = "Mend", "Correct the card"
"""How the titles of `fix --pr` and `adopt --pr` begin: what each is for."""
MOST = 10
"""Pull requests that are looked into: a request each."""
ORDER = {
    MEND: "merge this one first; then, for the card: hubkit adopt {0} --pr (both may change README.md, and two that do conflict when they are open together)",
    CORRECT: "where hubkit fix {0} --pr has something to mend, that comes first: merge it, then run this again (both may change README.md)",
}
"""What is said at the end of each, with the repository's id."""


@dataclass(frozen=True)
class Earlier:
    """One that is still open."""

    num: int
    url: str
    title: str
    author: str
    same: bool
    """Whether it is for the same purpose as the one that was just proposed."""

    @property
    def words(self) -> str:
        """Which, and what to do about it."""
        which = f"still open: #{self.num} {self.url} ({self.title}; by {self.author})"
        if self.same:
            return f"{which}, made from another state of the files: merge one of the two, and close the other on its page"
        if self.title.startswith(MEND):
            return f"{which}: merge it first, then run this again"
        return f"{which}: both may change README.md; merge the new one first, close that one, and run hubkit adopt again"

    def to_json(self) -> dict[str, Any]:
        """For `--format json`."""
        return {**vars(self), "message": self.words}


def earlier_pulls(repo_id: str, purpose: str, api: HfApi) -> list[Earlier]:
    """Open pull requests that hubkit made to mend a repository or to correct its card. Nothing is changed. Raises HubkitError."""
    with hub_errors(repo_id):
        return with_retries(lambda: _looked(repo_id, purpose, api))


def _looked(repo_id: str, purpose: str, api: HfApi) -> list[Earlier]:
    found = []
    listed = api.get_repo_discussions(repo_id, discussion_type="pull_request", discussion_status="open")
    titled = (one for one in listed if one.title.startswith((MEND, CORRECT)))
    for one, _ in zip(titled, range(MOST), strict=False):
        url = f"{api.endpoint}/{repo_id}/discussions/{one.num}"
        if _is_ours(repo_id, one.num, api):
            found.append(Earlier(one.num, url, one.title, one.author, one.title.startswith(purpose)))
    return found


def _is_ours(repo_id: str, num: int, api: HfApi) -> bool:
    events = api.get_discussion_details(repo_id, num).events
    return any(MARK in getattr(event, "content", "") for event in events)
