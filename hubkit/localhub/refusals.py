"""What the local Hub refuses, and why. No HTTP here: `answers.py` knows the status of each.

HubRefusalError
├── InvalidRequestError   a name or a body that cannot be meant
│   └── InvalidPathError  a path that no repository can have
├── AccessError           a token is missing or wrong
├── ForbiddenError        the token is good, but not for this
├── GatedError            the repository can be seen, its files need its owner's leave
├── LinkError             a signed link that was altered or is too old
├── RepoMissingError      no such repository, or none that this caller may see
├── KindMissingError      a dataset or a Space: this Hub holds models only
├── RevisionMissingError  no such branch, tag or commit
├── EntryMissingError     no such file or folder at that commit
├── ThingMissingError     no such discussion or collection
├── RepoMovedError        the repository has another name now
├── RepoExistsError       the name is taken
├── RefExistsError        the branch or tag is there already
├── ConflictError         a pull request that changes what has changed since
├── HeadMovedError        the branch is not where the caller believed it was
├── TooLargeError         more bytes than allowed or announced
└── StorageFullError      the disk below the Hub is full
"""

from __future__ import annotations

from hubkit.errors import HubkitError


class HubRefusalError(HubkitError):
    """The local Hub will not do this."""


class InvalidRequestError(HubRefusalError):
    """A name or a body that cannot be meant."""


class InvalidPathError(InvalidRequestError):
    """A path that no repository can have."""


class AccessError(HubRefusalError):
    """A token is missing or wrong."""


class ForbiddenError(HubRefusalError):
    """The token is good, but not for this."""


class GatedError(HubRefusalError):
    """The repository can be seen, its files need its owner's leave."""


class LinkError(HubRefusalError):
    """A signed link that was altered or is too old."""


class RepoMissingError(HubRefusalError):
    """No such repository, or none that this caller may see: the two look the same from outside."""


class KindMissingError(HubRefusalError):
    """A dataset or a Space: this Hub holds models only."""


class RevisionMissingError(HubRefusalError):
    """No such branch, tag or commit."""


class EntryMissingError(HubRefusalError):
    """No such file or folder at that commit."""

    def __init__(self, message: str, commit: str | None = None) -> None:
        super().__init__(message)
        self.commit = commit
        """The commit that was looked at; the client remembers that the file is absent there."""


class ThingMissingError(HubRefusalError):
    """No such discussion or collection."""


class RepoMovedError(HubRefusalError):
    """The repository has another name now."""

    def __init__(self, old: str, new: str) -> None:
        super().__init__(f"{old} is now {new}")
        self.old = old
        self.new = new


class RepoExistsError(HubRefusalError):
    """The name is taken."""


class RefExistsError(HubRefusalError):
    """The branch or tag is there already."""


class ConflictError(HubRefusalError):
    """A pull request that changes what has changed since."""


class HeadMovedError(HubRefusalError):
    """The branch is not where the caller believed it was."""

    def __init__(self, ref: str, head: str, parent: str) -> None:
        super().__init__(
            "The branch was updated since you opened this page. Please refresh and try again. "
            f"({ref} is at {head}, the parent was to be {parent})"
        )


class TooLargeError(HubRefusalError):
    """More bytes than allowed or announced."""


class StorageFullError(HubRefusalError):
    """The disk below the Hub is full."""
