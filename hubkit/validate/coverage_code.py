"""What a card's code, addresses and trees of files name outside of the repository: nobody here can say whether it is right, so the verdict lists it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hubkit.readme.code import Parsed, parsed
from hubkit.readme.constants import argument, called, constants_of, text_of
from hubkit.readme.trees import trees
from hubkit.validate.card import same_repository
from hubkit.validate.file_trees import anchored

if TYPE_CHECKING:
    from hubkit.validate.facts import RepoFacts

Line = tuple[int, str]
"""A line, 1-based, and what stands there in words."""
CLONED = re.compile(
    r"\bgit (?:lfs )?clone (?:-\S{1,40} ){0,4}(?:https?://|git@)(?:huggingface\.co|hf\.co)[/:](?P<id>[\w.-]{1,96}/[\w.-]{1,96}?)(?:\.git)?(?:[\s\"'`]|$)"
)
DASHBOARD = re.compile(
    r"\bneuronpedia\.org/(?P<id>[A-Za-z0-9][\w.-]{0,60}/[A-Za-z0-9]{1,12}-[\w.-]{0,80}\w)", re.IGNORECASE
)
FILLED_IN = re.compile(
    r"\b(?:path|your|my|some|folder|dir|local|out\w*|tmp)\b|[<>{}$~]|^/|^\.\.", re.IGNORECASE
)
"""A path of the reader's own."""
LONGEST = 2_000
"""Characters of a line that are looked at."""
MOST_NAMES = 3


@dataclass(frozen=True)
class Load:
    """One call that loads an SAE."""

    by: str
    """`from_pretrained` or `load_from_disk`."""
    name: str
    line: int


def beside_code(repo: RepoFacts) -> Iterator[Line]:
    """In no order."""
    if repo.page is None:
        return
    loads = list(_loads(repo))
    yield from _addresses(repo, {one.name for one in loads if one.by == "from_pretrained"})
    paths = {entry.path for entry in repo.entries} | {entry.folder for entry in repo.entries}
    for one in loads:
        if one.by == "from_pretrained" and "/" not in one.name:
            yield one.line, f"the SAE is loaded from {one.name}, of SAELens's own table"
        elif one.by == "from_pretrained" and not same_repository(repo, one.name):
            yield one.line, f"the SAE is loaded from {one.name}"
        local = one.name.removeprefix("./").rstrip("/")
        if one.by == "load_from_disk" and local not in paths and not FILLED_IN.search(one.name):
            yield one.line, f"the SAE is loaded from the folder {local}"
    for tree in trees(repo.page):
        if tree.nodes and not anchored(repo, tree):
            names = [node.path for node in tree.nodes]
            yield tree.line, f"a tree of files: {', '.join(names[:MOST_NAMES])}" + (", ..." if len(names) > MOST_NAMES else "")  # fmt: skip


def _addresses(repo: RepoFacts, loaded: set[str]) -> Iterator[Line]:
    """Copies of another repository than the code loads from, and dashboards that no configuration names."""
    own = {str(sae.cfg.metadata.get("neuronpedia_id")).lower() for sae in repo.saes if sae.cfg is not None}
    loaded = {name for name in loaded if "/" in name}
    for line in repo.page.lines if repo.page else ():
        for match in CLONED.finditer(line.raw[:LONGEST]):
            other = repo.repository is None and loaded and match["id"] not in loaded
            if other or not same_repository(repo, match["id"]):
                yield line.number, f"a copy of {match['id']}"
        for match in DASHBOARD.finditer(line.raw[:LONGEST]):
            if match["id"].lower() not in own:
                yield line.number, f"the dashboards of {match['id']}"


def _loads(repo: RepoFacts) -> Iterator[Load]:
    """Calls of SAELens's classes by which the card's code loads SAEs, where the name is written out."""
    blocks = [one for one in parsed(repo.card.code_blocks if repo.card else ()) if isinstance(one, Parsed)]
    constants = constants_of([one.tree for one in blocks])
    for one in blocks:
        for node in ast.walk(one.tree):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                continue
            owner, by = node.func.value, called(node)
            of_sae = isinstance(owner, ast.Name) and re.search(r"(?:SAE|Transcoder)$", owner.id)
            if of_sae and by in {"from_pretrained", "load_from_disk"}:
                name = text_of(argument(node, 0, "release" if by == "from_pretrained" else "path"), constants)
                if name:
                    yield Load(by, name, one.place(node)[0])
