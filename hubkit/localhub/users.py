"""Who may do what. A Hub without tokens lets everybody do everything, as one user."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from hubkit.localhub.refusals import AccessError

if TYPE_CHECKING:
    from hubkit.localhub.entries import Repo


@dataclass(frozen=True)
class User:
    """One account with one token."""

    name: str
    token: str
    role: Literal["read", "write"] = "write"
    """What the token is good for, as on the Hub's page of tokens."""
    orgs: tuple[str, ...] = ()
    """Namespaces beside the user's own."""
    everywhere: bool = False
    """Whether every namespace is this user's: the one user of a Hub for rehearsals."""

    def __repr__(self) -> str:
        return f"User({self.name!r}, role={self.role!r}, orgs={self.orgs!r})"  # a token is never printed

    def owns(self, namespace: str) -> bool:
        """Whether repositories of `namespace` are this user's own."""
        return self.everywhere or namespace == self.name or namespace in self.orgs

    def sees(self, repo: Repo) -> bool:
        """Whether this user learns that `repo` exists."""
        return not repo.private or self.owns(repo.id.namespace)

    def writes(self, namespace: str) -> bool:
        """Whether this user's token may change what is in `namespace`."""
        return self.role == "write" and self.owns(namespace)


@dataclass(frozen=True)
class Accounts:
    """All users of a Hub."""

    users: tuple[User, ...]
    everybody: User | None
    """Whom a request without any check comes from, on a Hub that has no tokens."""

    def find(self, authorization: str | None) -> User | None:
        """The user of an `Authorization` header; None for nobody in particular. Raises AccessError for a wrong token."""
        if self.everybody is not None:
            return self.everybody
        if authorization is None:
            return None
        for user in self.users:
            if hmac.compare_digest(authorization.encode(), f"Bearer {user.token}".encode()):
                return user
        raise AccessError("Invalid credentials in Authorization header")


def accounts(name: str, token: str | None, users: Sequence[User]) -> Accounts:
    """`name` is at home everywhere, with `token`, or (no token, no other users) without one."""
    first = User(name, token or "", everywhere=True)
    if token is None and not users:
        return Accounts((), first)
    return Accounts((*([first] if token else []), *users), None)
