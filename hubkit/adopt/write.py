"""What was made of a card, on disk: in a folder of its own, or beside the SAEs, where nothing of the author's is written over without a copy."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Mapping
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
RECORD = "# As hubkit adopt wrote these files (sha256; of this one, of what stands above). One that is still so is written over by the next run."
RECORDED = re.compile(r"^# (\S+) ([0-9a-f]{64})$", re.MULTILINE)


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
    published. In another folder a file that says something else is refused, unless an earlier run wrote it and nobody edited it since, or `force`, which
    keeps a copy too. Raises UsageError.
    """
    ours = unedited(folder, {NAME, EVIDENCE, *found.files})
    texts = {NAME: card_yaml(found, folder if beside and NAME not in ours else None), **found.files}
    if found.evidence_text is not None:
        texts[EVIDENCE] = found.evidence_text
    if not beside or (found.built.card is None and (NAME in ours or not (folder / NAME).exists())):
        texts[NAME] += recorded(texts)
    differing = [path for path, text in texts.items() if path not in ours and _differs(folder / path, text)]
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


def recorded(texts: Mapping[str, str]) -> str:
    """Comments at the end of card.yaml that say how each file was written."""
    return "".join(f"{line}\n" for line in (RECORD, *(f"# {path} {_digest(texts[path].encode())}" for path in sorted(texts))))  # fmt: skip


def unedited(folder: Path, paths: Collection[str]) -> set[str]:
    """Which of these files are as an earlier run wrote them, by the record in its card.yaml."""
    if not (folder / NAME).is_file():
        return set()
    card = _data(folder / NAME)
    written = _record(card)[1]
    others = {path: folder / path for path in paths if path != NAME and (folder / path).is_file()}
    same = {path for path, file in others.items() if _digest(_data(file)) == written.get(path)}
    return same | ({NAME} if is_ours(card) else set())


def is_ours(card: bytes) -> bool:
    """Whether a card.yaml is as an earlier run wrote it: nobody edited it."""
    above, written = _record(card.replace(b"\r\n", b"\n"))
    lines = "".join(f"# {path} {digest}\n" for path, digest in written.items())
    as_it_was = card.replace(b"\r\n", b"\n") == above + f"{RECORD}\n{lines}".encode()
    return as_it_was and _digest(above) == written.get(NAME)


def _record(card: bytes) -> tuple[bytes, dict[str, str]]:
    """What stands above the record in a card.yaml; path to sha256."""
    above, _, record = card.partition(f"{RECORD}\n".encode())
    return above, dict(RECORDED.findall(record.decode("utf-8", "replace")))


def _data(path: Path) -> bytes:
    return path.read_bytes().replace(b"\r\n", b"\n")


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


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
