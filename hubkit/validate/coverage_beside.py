"""What is stated beside a card's sentences, and held against nothing: values of `model-index` that no file has, pictures of the author's, evaluation files of other programs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from hubkit.validate.measured_values import hubkit_files
from hubkit.words import many

if TYPE_CHECKING:
    from hubkit.formats.json_file import JsonFile
    from hubkit.validate.facts import RepoFacts

SHOWN = re.compile(
    r"!\[[^\[\]\n]{0,300}\]\(\s{0,3}<?([^()\s<>]{1,500})|<(?:img|source|object|embed)\b[^<>]{0,500}?\b(?:src|srcset|data) ?= ?[\"']([^\"'<>\s]{1,500})",
    re.IGNORECASE,
)
"""The address of a picture, in Markdown and in HTML."""
PICTURES = {".svg", ".png", ".jpg", ".jpeg", ".gif", ".webp", ".pdf"}
MOST_NAMES = 6
MOST_LOOKED_AT = 10_000
Line = tuple[int, str]
"""A line, 1-based, and what stands there in words."""


def pictures(repo: RepoFacts) -> Iterator[Line]:
    """Pictures of the repository's own that the card shows: whatever their axes and labels say, nobody read it."""
    there = {entry.path for entry in repo.entries}
    for line in repo.page.lines if repo.page else ():
        for match in SHOWN.finditer("" if line.code else line.raw):
            path = _in_repository(match[1] or match[2])
            if path in there and PurePosixPath(path).suffix.lower() in PICTURES:
                yield line.number, f"the picture {path}"


def _in_repository(address: str) -> str:
    """`./figures/a.svg`, or the Hub's address of it, as a path in the repository."""
    path = unquote(address.partition("?")[0].partition("#")[0])
    path = re.sub(
        r"^https?://(?:www\.)?(?:huggingface\.co|hf\.co)/[\w.-]+/[\w.-]+/(?:resolve|blob|raw)/[^/]+/",
        "",
        path,
    )
    return PurePosixPath(path).as_posix()


def indexed(repo: RepoFacts) -> Iterator[tuple[Line, bool]]:
    """Each value of `model-index`, and whether a file has values of its measure to hold it against."""
    from hubkit.validate.rules.card_numbers import index_line, index_values

    line = index_line(repo)
    for metric, there in index_values(repo):
        yield (line, f"model-index: {metric.get('type')} {metric.get('value')}"), bool(there)


def foreign(repo: RepoFacts) -> Iterator[tuple[str, Line]]:
    """Evaluation files without hubkit's `$schema`: path, and what they state in a few words."""
    ours = {file.path for file in hubkit_files(repo)}
    for file in (repo.evaluation, *repo.metrics):
        if file is not None and file.path not in ours and (names := _numbers(file)):
            shown = ", ".join(dict.fromkeys(names[:MOST_NAMES])) + (
                ", ..." if len(names) > MOST_NAMES else ""
            )
            words = f"{many(len(names), 'number')} in a form that is not hubkit's: {shown}"
            yield file.path, (1, words)


def _numbers(file: JsonFile) -> list[str]:
    """`l0 64` of every number that a file holds."""
    stack: list[tuple[str, Any]] = [("", file.document.value if file.document else None)]
    found: list[str] = []
    for _ in range(MOST_LOOKED_AT):
        if not stack:
            break
        name, value = stack.pop()
        if isinstance(value, dict):
            stack += [(str(key)[:40], inner) for key, inner in reversed(value.items())]
        elif isinstance(value, list):
            stack += [(name, inner) for inner in reversed(value)]
        elif isinstance(value, int | float) and not isinstance(value, bool):
            found.append(f"{name} {value:g}")
    return found
