"""What the local Hub refuses, and why. No HTTP here: `answers.py` knows the status of each.

HubRefusalError
├── InvalidRequestError   a name, a path or a body that cannot be meant
├── AccessError           a token is missing or wrong
├── LinkError             a signed link that was altered or is too old
├── RepoMissingError      no such repository, or none that this caller may see
├── RevisionMissingError  no such branch, tag or commit
├── EntryMissingError     no such file or folder at that commit
├── RepoExistsError       the name is taken
├── HeadMovedError        the branch is not where the caller believed it was
└── TooLargeError         more bytes than allowed or announced
"""

from __future__ import annotations

from hubkit.errors import HubkitError


class HubRefusalError(HubkitError):
    """The local Hub will not do this."""


class InvalidRequestError(HubRefusalError):
    """A name, a path or a body that cannot be meant."""


class AccessError(HubRefusalError):
    """A token is missing or wrong."""


class LinkError(HubRefusalError):
    """A signed link that was altered or is too old."""


class RepoMissingError(HubRefusalError):
    """No such repository, or none that this caller may see: the two look the same from outside."""


class RevisionMissingError(HubRefusalError):
    """No such branch, tag or commit."""


class EntryMissingError(HubRefusalError):
    """No such file or folder at that commit."""

    def __init__(self, message: str, commit: str | None = None) -> None:
        super().__init__(message)
        self.commit = commit
        """The commit that was looked at; the client remembers that the file is absent there."""


class RepoExistsError(HubRefusalError):
    """The name is taken."""


class HeadMovedError(HubRefusalError):
    """The branch is not where the caller believed it was."""


class TooLargeError(HubRefusalError):
    """More bytes than allowed or announced."""
