"""Which release folders a list of files belongs to: for hooks, which know what changed and not what a release is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from hubkit.release.layout import PROVENANCE, README
from hubkit.validate.inside import SAE_NAMES

DEPTH = 2
"""How many folders below a card its first SAE may be."""


def releases_of(files: Iterable[str]) -> list[Path]:
    """The release folders that contain `files`, each once, sorted; files of no release are left out.

    A release is the nearest folder above with a provenance.json; else, from the SAE folder that holds the file, the
    nearest folder above with a model card; else the folder around the SAE folder. Nothing above the working directory,
    or above a repository, is looked at.
    """
    found: dict[Path, None] = {}
    for file in files:
        if file and (release := _release(Path(file))) is not None:
            found.setdefault(release)
    return sorted(found)


def _release(file: Path) -> Path | None:
    above = list(_above(file))
    manifest = next((folder for folder in above if (folder / PROVENANCE).is_file()), None)
    if manifest is not None:
        return manifest
    sae = next((folder for folder in above if _is_sae(folder)), None)
    if sae is not None:
        return _around(sae, above)
    # Beside the SAE folders: any of its texts may hold a secret.
    return next((folder for folder in above if _is_release(folder)), None)


def _is_release(folder: Path) -> bool:
    first = next(_saes_below(folder, DEPTH), None)
    return first is not None and _around(first, list(_above(first / README))) == folder


def _above(file: Path) -> Iterator[Path]:
    """The folders that hold `file`, nearest first, up to the working directory or the root of a repository."""
    here = Path.cwd().resolve()
    for folder in file.parents:
        if folder.is_dir():
            yield folder
        if folder.resolve() == here or (folder / ".git").exists():
            return


def _is_sae(folder: Path) -> bool:
    return any((folder / name).is_file() for name in SAE_NAMES)


def _around(sae: Path, above: list[Path]) -> Path:
    """The release that `sae` belongs to."""
    outer = above[above.index(sae) + 1 :]
    if not outer:
        return sae
    if (outer[0] / README).is_file():
        return outer[0]
    return next((folder for folder in outer[1:] if _is_card(folder / README)), outer[0])


def _is_card(path: Path) -> bool:
    """Whether this is a model card rather than the README of a code base: it begins with front matter."""
    try:
        with path.open("rb") as file:
            return file.read(8).removeprefix(b"\xef\xbb\xbf").startswith(b"---")
    except OSError:
        return False


def _saes_below(folder: Path, depth: int) -> Iterator[Path]:
    for inner in sorted(path for path in folder.iterdir() if path.is_dir() and not path.is_symlink()):
        if inner.name.startswith("."):
            continue
        if _is_sae(inner):
            yield inner
        elif depth > 1:
            yield from _saes_below(inner, depth - 1)
