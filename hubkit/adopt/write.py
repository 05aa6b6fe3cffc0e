"""What was made of a card, on disk: in a folder of its own, or beside the SAEs, where nothing of the author's is written over without a copy."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hubkit import plain_yaml
from hubkit.adopt.merge import merged_text
from hubkit.adopt.outcome import Adoption
from hubkit.cards.init import EXAMPLES
from hubkit.cards.settings import NAME, settings_text
from hubkit.errors import UsageError
from hubkit.release.layout import EVIDENCE, README
from hubkit.release.writing import keep_or_write
from hubkit.small_files import read_regular_text

MOST_COPIES = 100


@dataclass(frozen=True)
class Put:
    """What lies where."""

    written: tuple[Path, ...]
    """Files that are new, or other than they were."""
    copies: tuple[Path, ...] = ()
    """What was there before, of the files that were written over."""


def write(found: Adoption, folder: Path, *, beside: bool, force: bool = False) -> Put:
    """Write card.yaml, evidence.yaml, README.md and its figures into `folder`.

    `beside` the SAEs the author's README.md, evidence.yaml and card.yaml are there: they are kept as copies, whose names end in `~` and which are never
    published. In another folder a file that says something else is refused, unless `force`, which keeps a copy too. Raises UsageError.
    """
    texts = {NAME: card_yaml(found, folder if beside else None), **found.files}
    if found.evidence_text is not None:
        texts[EVIDENCE] = found.evidence_text
    differing = [path for path, text in texts.items() if _differs(folder / path, text)]
    if differing and not beside and not force:
        raise UsageError(
            f"{folder / differing[0]}: is there already, and is not what would be written",
            hint="--into ANOTHER-FOLDER, or --force, which keeps a copy of it",
        )
    copies = tuple(_copied(folder / path) for path in differing if path in {NAME, EVIDENCE, README})
    folder.mkdir(parents=True, exist_ok=True)
    return Put(
        tuple(folder / path for path, text in texts.items() if keep_or_write(folder / path, text)), copies
    )


def card_yaml(found: Adoption, folder: Path | None = None) -> str:
    """The text of card.yaml: the author's own with what it lacks, or a new one. Keys that are needed and not known stand as comments."""
    there = folder / NAME if folder is not None else None
    if there is not None and there.is_file():
        text = read_regular_text(there).replace("\r\n", "\n")
        own = plain_yaml.load(text)
        return merged_text(text, found.settings, own if isinstance(own, dict) else {})
    needed = "".join(f"{key}:  # needed, for example {EXAMPLES[key]}\n" for key in found.lacking)
    return needed + settings_text(dict(found.settings))


def _differs(path: Path, text: str) -> bool:
    return path.is_file() and path.read_bytes() != text.encode("utf-8")


def _copied(path: Path) -> Path:
    """A copy beside `path` under a name that is free, or that holds it already."""
    data = path.read_bytes()
    for number in range(MOST_COPIES):
        copy = path.with_name(f"{path.name}{f'.{number}' if number else ''}~")
        if not copy.exists():
            copy.write_bytes(data)
            return copy
        if copy.is_file() and copy.read_bytes() == data:
            return copy
    raise UsageError(f"{path}: {MOST_COPIES} copies of it lie there already", hint="take the old ones away")
