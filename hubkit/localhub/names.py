"""Names and paths out of requests. What passes here can be stored; none of it ever becomes a path on disk as it is."""

from __future__ import annotations

import re
from dataclasses import dataclass

from hubkit.localhub.refusals import InvalidPathError, InvalidRequestError

NAME = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?")
COMMIT = re.compile(r"[0-9a-f]{40}")
SHORT_COMMIT = re.compile(r"[0-9a-f]{7,39}")
"""At least seven digits, as git and the Hub shorten them."""
SHA256 = re.compile(r"[0-9a-f]{64}")
DRIVE = re.compile(r"[A-Za-z]:")
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
NO_REF = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{")
LONGEST_NAME = 96
LONGEST_PATH = 1024
RESERVED_NAMESPACES = frozenset({"api", "datasets", "spaces", "collections", "models", "resolve"})


@dataclass(frozen=True, order=True)
class RepoId:
    """`namespace/name`, checked."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"

    @property
    def folder(self) -> str:
        """The folder that holds it: lower case, so that two names that differ only in case cannot be two repositories
        on one system and one on another; the prefix keeps `con` and `nul` from being devices on Windows."""
        return f"models--{self.namespace}--{self.name}".lower()


def repo_id(namespace: str, name: str) -> RepoId:
    """Check both parts by the Hub's rules. Raises InvalidRequestError."""
    for part in (namespace, name):
        if not NAME.fullmatch(part) or len(part) > LONGEST_NAME or "--" in part or ".." in part:
            raise InvalidRequestError(
                f"{namespace!r}/{name!r} is not a repository id: each part has at most {LONGEST_NAME} of the characters "
                "A-Z a-z 0-9 _ . -, neither begins nor ends with . or -, and holds no -- or .."
            )
    if name.endswith(".git"):
        raise InvalidRequestError(f"{name!r} is not a repository name: it ends in .git")
    if namespace.lower() in RESERVED_NAMESPACES:
        raise InvalidRequestError(f"{namespace!r} is not a namespace: the Hub keeps this word for itself")
    return RepoId(namespace, name)


def check_path(path: str) -> str:
    """A path inside a repository: relative, `/` between its parts, nothing that climbs out. Raises InvalidPathError."""
    reason = _objection(path)
    if reason is not None:
        raise InvalidPathError(f"{path[:200]!r} is not a path inside a repository: {reason}")
    return path


def check_ref(name: str) -> str:
    """The short name of a branch or tag, by git's rules (git-check-ref-format). Raises InvalidRequestError."""
    parts = name.split("/")
    bad = (
        not 0 < len(name) <= LONGEST_NAME * 2
        or NO_REF.search(name)
        or any(not part or part.startswith(".") or part.endswith((".lock", ".")) for part in parts)
        or name.startswith(("-", "refs/"))
        or COMMIT.fullmatch(name)
    )
    if bad:
        raise InvalidRequestError(f"{name[:200]!r} is not the name of a branch or tag")
    return name


def _objection(path: str) -> str | None:
    parts = path.split("/")
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        return "it is not valid Unicode"
    objections = {
        f"it must have 1 to {LONGEST_PATH} characters": not 0 < len(path) <= LONGEST_PATH,
        "it holds a control character": bool(CONTROL.search(path)),
        "it holds a backslash": "\\" in path,
        "it names a drive": bool(DRIVE.match(path)),
        "it is absolute": path.startswith("/"),
        "it has an empty part": "" in parts,
        "it has a part . or ..": "." in parts or ".." in parts,
        "it has a part .git": any(part.lower() == ".git" for part in parts),
    }
    return next((reason for reason, holds in objections.items() if holds), None)
