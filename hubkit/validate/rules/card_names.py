"""CARD006: names in the card against the listing."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterator
from dataclasses import replace

from hubkit.readme.claims.kinds import NamedFile, NamedSae
from hubkit.readme.fetches import Fetch, fetches
from hubkit.readme.page import shortened
from hubkit.readme.trees import trees
from hubkit.validate.card import CARD, claim_finding, countable, same_repository
from hubkit.validate.facts import RepoFacts
from hubkit.validate.file_trees import anchored, missing
from hubkit.validate.finding import Found, Severity
from hubkit.validate.need import Need
from hubkit.validate.rule import repo_rule

HINT = "name one that is there; hubkit build-cards takes the names from the listing"
PART = re.compile(r"[A-Za-z]+|\d+")
FILES = re.compile(r"\.(?:safetensors|json|pt|pth|npz|bin)$")


@repo_rule("CARD006", Severity.ERROR, Need.TREE | Need.README, against="files")
def missing_name(repo: RepoFacts) -> Iterator[Found]:
    """An sae_id or a file that the card names is not in the repository.

    In code, `sae_id = "..."` and `SAE.from_pretrained("OWNER/REPO", "...")` name this repository's SAEs, and `hf_hub_download(..., filename="...")` its
    files: who copies the snippet gets a 404. In the text a name counts as an sae_id when it is built of the same words as the ids of the repository, and as
    a file when it is listed under "Files" or can be nothing but a file of an SAE folder. Names with a gap for the reader (`{layer}`) are left alone. On the
    command line, `hf download OWNER/REPO FILE` names a file, `--include` a pattern that must fit one, and an address of the Hub a file as well. So does a tree of files (`├── sae/`) that has a file or a folder of the repository: its weights, configurations and
    folders of layers must be there.
    Code that loads SAEs of this repository's ids, or of names that are built as they are, and from other repositories alone, gives the reader somebody else's weights (a warning where the other has this one's name
    under another owner: after a transfer the earlier name leads here). A folder that declares its name and the repository on the Hub get one verdict.
    """
    if not countable(repo):
        return
    fetched = list(fetches(repo.card.code_blocks)) if repo.card else []
    yield from _saes(repo, fetched)
    yield from _of_another(repo, fetched)
    yield from _nothing_of_this(repo, fetched)
    yield from _files(repo, fetched)
    yield from _patterns(repo, fetched)
    yield from _trees(repo)


def _trees(repo: RepoFacts) -> Iterator[Found]:
    """The first file of an SAE, or folder of a layer, that a tree of this repository's files has and the listing has not."""
    for tree in trees(repo.page) if repo.page else ():
        absent = list(missing(repo, tree)) if anchored(repo, tree) else []
        if absent:
            more = f", nor are {len(absent) - 1} more of the tree" if len(absent) > 1 else ""
            claim = NamedFile(line=absent[0].line, quote=absent[0].quote, path=absent[0].path)
            yield claim_finding(
                claim,
                f"{absent[0].path!r} is not in the repository{more}",
                HINT,
                topic=f"tree {absent[0].path}",
            )


def _saes(repo: RepoFacts, fetched: list[Fetch]) -> Iterator[Found]:
    ids = {sae.sae_id for sae in repo.saes} | {entry.folder for entry in repo.entries} | set(repo.other_ids)
    seen: set[str] = set()
    for claim in (*repo.claims.of(NamedSae), *_saes_of(fetched)):
        name = claim.sae_id.strip("/")
        if name in ids or name in seen or not same_repository(repo, claim.repo_id):
            continue
        if claim.certain or _alike(repo, name):
            seen.add(name)
            yield claim_finding(
                claim, f"there is no SAE {name!r} in the repository", HINT, topic=f"sae {name}"
            )


def _alike(repo: RepoFacts, name: str) -> bool:
    """Whether a name is built of the same words as the repository's ids."""
    shapes = {_words(sae.sae_id) for sae in repo.saes}
    words = _words(name)
    vocabulary = {word for known in shapes for word in known}
    begins = {known[0] for known in shapes if known}
    built = len(words) in {len(known) for known in shapes} and len(words) > 2
    return built and words[0] in begins and set(words) <= vocabulary


def _of_another(repo: RepoFacts, fetched: list[Fetch]) -> Iterator[Found]:
    """What is loaded under this repository's ids, where no code loads anything of this repository."""
    ids = {sae.sae_id for sae in repo.saes}
    loads = [
        one
        for one in (*repo.claims.of(NamedSae), *_saes_of(fetched))
        if one.certain and one.repo_id and "/" in one.repo_id
    ]
    if repo.repository is None or any(same_repository(repo, one.repo_id) for one in loads):
        return
    for one in loads:
        moved = _may_have_moved(repo, one.repo_id)
        if one.sae_id.strip("/") in ids:
            found = claim_finding(
                one, f"the code loads {one.sae_id!r} from {one.repo_id}; this repository is {repo.repository}", f"load it from {repo.repository}", topic=f"repository {one.repo_id}"
            )  # fmt: skip
            yield replace(found, severity=Severity.WARNING) if moved else found
            return
        if _alike(repo, one.sae_id.strip("/")):
            yield claim_finding(
                one, f"the code loads {one.sae_id!r} from {one.repo_id}, a name as this repository's SAEs have, and none of {repo.repository}", HINT, topic=f"repository {one.repo_id}"
            )  # fmt: skip
            return


def _nothing_of_this(repo: RepoFacts, fetched: list[Fetch]) -> Iterator[Found]:
    """Code that loads SAEs, each by a name and an id that are none of this repository's. A note: SAELens's own table has names for repositories."""
    from hubkit.readme.code_models import (
        use_of,
    )  # its patterns take longer to compile than a card without code takes

    blocks = repo.card.code_blocks if repo.card else ()
    use = use_of(blocks)
    loads = [one for one in use.loads if one.kind == "sae"]
    ids = {sae.sae_id for sae in repo.saes} | set(repo.other_ids)
    ours = any(
        not one.name or "/" in one.name or str(one.inner).strip("/") in ids or same_repository(repo, one.name)
        for one in loads
    )
    own = any(one.repo_id is None or same_repository(repo, one.repo_id) for one in fetched)
    if repo.repository is None or not loads or ours or own or use.open_sae:
        return
    if any(str(repo.repository) in block.text for block in blocks):
        return
    first = loads[0]
    yield Found(
        f"the card's code loads {first.name!r} of SAELens's own table, and nothing of {repo.repository}",
        f"show how an SAE of this repository is loaded: SAE.from_pretrained({repo.repository!r}, SAE_ID)",
        path=CARD, line=first.line, severity=Severity.NOTE, identity="elsewhere",
    )  # fmt: skip


def _may_have_moved(repo: RepoFacts, other: str | None) -> bool:
    """Whether `other` has this repository's name under another owner: after a transfer the earlier name leads here."""
    return str(other).rpartition("/")[2].lower() == str(repo.repository).rpartition("/")[2].lower()


def _saes_of(fetched: list[Fetch]) -> list[NamedSae]:
    """SAEs that the code loads, as the claims that it makes."""
    return [
        NamedSae(
            line=one.line, quote=shortened(one.quote), sae_id=one.name, certain=True, repo_id=one.repo_id
        )
        for one in fetched
        if one.kind == "sae"
    ]


def _named(one: Fetch) -> NamedFile:
    return NamedFile(line=one.line, quote=shortened(one.quote), path=one.name, repo_id=one.repo_id)


def _patterns(repo: RepoFacts, fetched: list[Fetch]) -> Iterator[Found]:
    """`--include "L9/*"` where no file fits."""
    paths = [entry.path for entry in repo.entries]
    for one in fetched:
        pattern = f"{one.name}*" if one.name.endswith("/") else one.name
        if (
            one.kind == "pattern"
            and same_repository(repo, one.repo_id)
            and not fnmatch.filter(paths, pattern)
        ):
            yield claim_finding(
                _named(one), f"no file of the repository fits {one.name!r}", HINT, topic=f"pattern {one.name}"
            )


def _words(name: str) -> tuple[str, ...]:
    """The words of a name, its numbers all alike: `lab_L2_mixed` and `lab_L12_mixed` are built the same."""
    return tuple("#" if word.isdigit() else word.lower() for word in PART.findall(name))


def _files(repo: RepoFacts, fetched: list[Fetch]) -> Iterator[Found]:
    paths = {entry.path for entry in repo.entries}
    within = f"{repo.view.within}/"
    names = {entry.name for entry in repo.entries}
    seen: set[str] = set()
    folders = {entry.folder for entry in repo.entries}
    named = [
        _named(one)
        for one in fetched
        if one.kind == "file"
        or (one.kind == "local" and one.name.removeprefix("./").rpartition("/")[0] in folders)
    ]
    for claim in (*repo.claims.of(NamedFile), *named):
        path = claim.path.removeprefix("./").removeprefix(within)
        there = path in paths or ("/" not in path and path in names)
        if there or path in seen or not FILES.search(path) or not same_repository(repo, claim.repo_id):
            continue
        seen.add(path)
        yield claim_finding(claim, f"there is no file {path!r} in the repository", HINT, topic=f"file {path}")
