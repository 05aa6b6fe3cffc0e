"""sae_ids and files that a card names as this repository's."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hubkit.models.hooks import layers_named
from hubkit.readme.claims.kinds import Claim, NamedFile, NamedSae
from hubkit.readme.page import Line, Page
from hubkit.release.layout import CFG, EVALUATION, METRICS, PROVENANCE, WEIGHTS

SAE_ID = re.compile(r"(?<![\w.])sae_id\s*=\s*[\"']([^\"'{}<>\n]{1,200})[\"']")
PRETRAINED = re.compile(
    r"\bSAE\.from_pretrained\(\s*(?:release\s*=\s*)?[\"']([^\"'\n]{1,120})[\"']\s*,\s*(?:sae_id\s*=\s*)?[\"']([^\"'{}<>\n]{1,200})[\"']"
)
RELEASE = re.compile(r"(?<![\w.])(?:release|repo_id)\s*=\s*[\"']([^\"'\n]{1,120})[\"']")
FETCHED = re.compile(r"\bfilename\s*=\s*[\"']([^\"'{}<>\n]{1,250})[\"']")
LOADED = re.compile(r"\b(?:load_file|torch\.load)\(\s*[\"']([^\"'{}<>\n]{1,250})[\"']")
TOKEN = re.compile(r"(?<![\w./{-])[A-Za-z0-9][\w.-]{0,60}(?:/[\w.-]{1,60}){0,3}(?![\w/{}*-])")
QUOTED = re.compile(r"`([^`\n]{2,200})`")
IN_PARENTHESES = re.compile(r"\(((?:[A-Za-z0-9]+_){2,}[A-Za-z0-9_]{1,60})\)")
BARE = re.compile(r"(?<![\w/.{-])((?:[A-Za-z0-9]+[_]){2,}[A-Za-z0-9]+)(?![\w/{.*-])")
OWN_FILES = {
    CFG,
    WEIGHTS,
    "sae.safetensors",
    "sparsity.safetensors",
    EVALUATION,
    PROVENANCE,
    METRICS,
}
"""Names that can only mean a file of an SAE repository."""
HELD_IN = re.compile(
    r"\b(?:weights|parameters|checkpoints?|tensors|state dict|SAEs?) (?:are|is|lies?|lives?|sits?|resides?|stands?) (?:(?:stored|saved|kept|found|provided|located) )?(?:in|at|as|under) (?:the file )?`([^`\s]{2,100}\.(?:safetensors|pt|pth|npz|bin))`",
    re.IGNORECASE,
)
"""`The weights are in ae.pt`."""
FILE_HEADING = re.compile(r"\bfiles?\b", re.IGNORECASE)
ELSEWHERE = re.compile(
    r"\b(?:companion|upstream|source|other|another|separate) (?:\w+ )?(?:repo|repository|code)|github",
    re.IGNORECASE,
)
NOT_THERE = re.compile(
    r"\b(?:not|never) (?:yet )?(?:been )?(?:trained|uploaded|included|published|available)|\bmissing\b|\bwill be added\b|\bfailed\b|\bremoved\b",
    re.IGNORECASE,
)
"""What the card itself says is not in the repository."""
SAE_COLUMN = re.compile(r"^(?:sae[ _]?id|sae|id|tag|folder|path)$", re.IGNORECASE)
FILE_COLUMN = re.compile(r"^(?:file(?: ?name)?|weights(?: file)?|checkpoint)$", re.IGNORECASE)
OF_WEIGHTS = re.compile(r"(?:^|/)[^/\s]+\.(?:safetensors|pt|pth|json|npz)$")


def sae_of(name: str) -> str:
    """The id of an SAE by its own, by its folder, or by a file in it; `.` for a file without a folder."""
    return OF_WEIGHTS.sub("", name).strip("/") or "."


def sae_in_row(line: Line) -> str | None:
    """The id of the SAE that the row of a table is about, by its id or by its file."""
    if (cell := line.column(SAE_COLUMN)) is not None:
        return cell and sae_of(cell)
    cell = line.column(FILE_COLUMN)
    return sae_of(cell) if cell and OF_WEIGHTS.search(cell) else None


def read(page: Page) -> Iterator[Claim]:
    """Every name of an SAE or of a file."""
    release: str | None = None
    for line in page.lines:
        if match := RELEASE.search(line.text):
            release = match.group(1)
        yield from _in_code(line, release)
        if not line.code:
            yield from _in_prose(line)


def _in_code(line: Line, release: str | None) -> Iterator[Claim]:
    for match in SAE_ID.finditer(line.text):
        yield NamedSae(
            line=line.number,
            quote=line.quote,
            sae_id=match.group(1),
            certain=release is None or "/" in release,
            repo_id=release,
        )
    for match in PRETRAINED.finditer(line.text):
        if "/" in match.group(1):  # a release of SAELens's registry has other ids
            yield NamedSae(
                line=line.number,
                quote=line.quote,
                sae_id=match.group(2),
                certain=True,
                repo_id=match.group(1),
            )
    for match in FETCHED.finditer(line.text):
        yield NamedFile(line=line.number, quote=line.quote, path=match.group(1), repo_id=release)
    for match in LOADED.finditer(line.text):
        if "sae" in match.group(1).lower():
            yield NamedFile(line=line.number, quote=line.quote, path=match.group(1))


def _in_prose(line: Line) -> Iterator[Claim]:
    if (cell := line.column(SAE_COLUMN)) is not None and re.fullmatch(r"[\w./-]{2,200}", cell):
        yield NamedSae(line=line.number, quote=line.quote, sae_id=cell, certain=False)
        return
    if NOT_THERE.search(line.text) or line.text == line.heading:  # a title names the repository
        return
    seen: set[str] = set()
    elsewhere = ELSEWHERE.search(line.text) is not None
    for match in (*QUOTED.finditer(line.raw), *IN_PARENTHESES.finditer(line.raw), *BARE.finditer(line.raw)):
        name = match.group(1).strip()
        if name in seen or not TOKEN.fullmatch(name):
            continue
        seen.add(name)
        if not elsewhere and _is_file(line, name):
            yield NamedFile(line=line.number, quote=line.quote, path=name)
        elif layers_named(name):
            yield NamedSae(line=line.number, quote=line.quote, sae_id=name, certain=False)


def _is_file(line: Line, name: str) -> bool:
    base = name.rsplit("/", 1)[-1]
    if "." not in base:
        return False
    listed = (
        line.bullet
        and FILE_HEADING.search(line.heading) is not None
        and re.search(r"\.[a-z]{2,11}$", base) is not None
    )
    return base in OWN_FILES or listed or any(match.group(1) == name for match in HELD_IN.finditer(line.raw))
