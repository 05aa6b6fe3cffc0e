"""What the gate looks at, and what it says of it."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from hubkit.cards.checksums import is_digested
from hubkit.formats.folder import CONFIG_NAMES
from hubkit.publish.files import LocalFile
from hubkit.readme.document import parse_readme, read_readme
from hubkit.release.digests import sha256_of_json
from hubkit.release.layout import CARD_SETTINGS, EVALUATION, PROVENANCE, README, is_left_out
from hubkit.release.provenance import Provenance
from hubkit.repo.local import open_folder
from hubkit.validate.finding import Finding
from hubkit.validate.pickle_search import Searched, search
from hubkit.validate.report import Report


@dataclass(frozen=True)
class Problem:
    """Something that stands in the way."""

    code: str
    message: str
    hint: str
    """What to type next."""
    count: int = 1
    allowable: bool = True
    """Whether `--allow CODE --reason TEXT` lets it through."""


@dataclass(frozen=True)
class Subject:
    """What the conditions look at."""

    release: Path
    files: tuple[LocalFile, ...]
    report: Report

    @property
    def typed(self) -> str:
        """Its path as one types it in a command."""
        return shlex.quote(str(self.release))

    @cached_property
    def card(self) -> str | None:
        """The text of README.md."""
        path = self.release / README
        return read_readme(path.read_bytes()).text if path.is_file() else None

    @property
    def has_settings(self) -> bool:
        """Whether there is a card.yaml to build a card from."""
        return (self.release / CARD_SETTINGS).is_file()

    @cached_property
    def front_matter(self) -> dict[str, Any]:
        """Of the card; empty where there is none."""
        return dict(parse_readme(self.card).front_matter or {}) if self.card is not None else {}

    @cached_property
    def searched(self) -> Searched:
        """What the files hold in search of pickles; those alone that are sent count."""
        return search(open_folder(self.release))

    @property
    def base_model(self) -> str | None:
        """As the card names it."""
        return _text(self.front_matter.get("base_model"))

    @property
    def license(self) -> str | None:
        """As the card names it."""
        return _text(self.front_matter.get("license"))

    @property
    def digest(self) -> str:
        """What a current card of these files carries: the digest of `cards.checksums`, from the hashes that are known already."""
        return sha256_of_json({file.path: file.sha256 for file in self.files if is_digested(file.path)})

    @cached_property
    def recorded(self) -> dict[str, str]:
        """Path to sha256, as provenance.json has it; empty where hubkit wrote none."""
        record = Provenance.load_ours(self.release / PROVENANCE)
        return dict(record.files) if record else {}


Condition = Callable[[Subject], list[Problem]]


def _text(value: object) -> str | None:
    return value.strip() or None if isinstance(value, str) else None


def concerns(subject: Subject, finding: Finding) -> bool:
    """Whether it speaks of what is sent, and no condition of the gate says it: not of a file that is left out, nor of a secret in one that `no_secret`
    searches to its end.
    """
    if finding.code == "SEC002" and not is_description(finding.path or ""):
        return False
    sent = finding.path is None or not is_left_out(finding.path)
    return sent or any(file.path == finding.path for file in subject.files)


def is_description(path: str) -> bool:
    """Whether it is a small file that the validator reads whole, whatever is in it: SEC002 speaks of it."""
    return path in {README, EVALUATION} or path.rpartition("/")[2] in CONFIG_NAMES
