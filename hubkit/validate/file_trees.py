"""Trees of files in a card against the listing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from hubkit.models.hooks import layers_named
from hubkit.readme.claims.names import NOT_THERE

if TYPE_CHECKING:
    from hubkit.readme.trees import FileTree, Node
    from hubkit.validate.facts import RepoFacts

OF_AN_SAE = re.compile(r"(?:^|/)(?:cfg\.json|[^/]+\.(?:safetensors|pt|pth|npz))$")
"""What no notebook or program of a reader's has: the weights and configurations of this repository."""


def anchored(repo: RepoFacts, tree: FileTree) -> bool:
    """Whether a tree is of this repository: it has a file or a folder of it."""
    there = _there(repo)
    return any(node.path in there for node in tree.nodes)


def missing(repo: RepoFacts, tree: FileTree) -> Iterator[Node]:
    """Weights, configurations and folders named after layers that a tree of this repository has and the listing has not."""
    there = _there(repo)
    folders = {
        node.path
        for node in tree.nodes
        if any(other.path.startswith(f"{node.path}/") for other in tree.nodes)
    }
    for node in tree.nodes:
        if node.path in there or NOT_THERE.search(node.quote):
            continue
        is_folder = node.path in folders or node.quote.split("#")[0].rstrip().endswith("/")
        if OF_AN_SAE.search(node.path) or (is_folder and layers_named(node.path.rsplit("/", 1)[-1])):
            yield node


def _there(repo: RepoFacts) -> set[str]:
    paths = {entry.path for entry in repo.entries}
    return paths | {path[: at.start()] for path in paths for at in re.finditer("/", path)}
