"""`card.yaml`: what only the author knows, beside the release's own facts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator

from hubkit import plain_yaml
from hubkit.errors import UsageError
from hubkit.release.layout import CARD_SETTINGS, README
from hubkit.release.writing import keep_or_write
from hubkit.small_files import read_regular_text
from hubkit.texts import shortened

if TYPE_CHECKING:
    from pathlib import Path

NAME = CARD_SETTINGS
REPO_ID = r"^[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*$"
MOST_MISTAKES = 20
"""That a message names."""
ARXIV_ID = r"^\d{4}\.\d{4,5}$"


class Part(BaseModel):
    """A part of card.yaml: unknown keys refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class Paper(Part):
    """A paper that the card cites in its context."""

    title: str
    """As it is cited."""
    arxiv: str | None = Field(default=None, pattern=ARXIV_ID)
    """Its id, `2509.20393`."""
    url: str | None = None
    """Where it is, beside or in place of arXiv."""
    role: str | None = None
    """What it is to this release: `this is a follow-up to it`, ..."""


class ExpectedTransfer(Part):
    """What the author expects on activations of another precision or model. A measured transfer of the same name stands beside it."""

    to: str
    """The precision or model: `bfloat16`, `nf4`."""
    expected: Literal["high", "medium-high", "medium", "low", "none"] | None = None
    """How well it carries over."""
    why: str = ""
    """The reason, in a sentence."""


class Link(Part):
    """A name and where it leads."""

    name: str
    """As it is shown."""
    url: str | None = None
    """Where it leads."""


class OwnSection(Part):
    """A section of the author's that is none of hubkit's."""

    heading: str
    """Without the marks of Markdown."""
    text: str
    """Markdown; it may use facts, as prose does."""


class Withdrawn(Part):
    """What an earlier card said, and its files contradict: kept here, no longer in the card."""

    text: str
    """Word for word."""
    line: int = Field(ge=1)
    """Of the earlier card."""
    reason: str
    """What the files say."""


class Restated(Part):
    """What an earlier card said, and hubkit's own sections say too."""

    text: str
    """Word for word."""
    line: int = Field(ge=1)
    """Of the earlier card."""


class CommonSettings(Part):
    """What the cards of a release and of a study have in common."""

    repo_id: str = Field(pattern=REPO_ID)
    """OWNER/NAME: the loading code names it."""
    license: str
    """A licence id of the Hub: `mit`, `apache-2.0`, `gemma`, ..."""
    title: str | None = None
    """The card's heading; without it the repository's name."""
    summary: str | None = None
    """One sentence under the title."""
    code: str | None = None
    """Where the code is: a URL."""
    papers: list[Paper] = Field(default_factory=list)
    """That the card cites in its context."""
    tags: list[str] = Field(default_factory=list)
    """Of the front matter, beside hubkit's own."""
    citation: str | None = None
    """BibTeX."""
    prose: dict[str, str] = Field(default_factory=dict)
    """The author's own Markdown, by section; it may use facts: `{{ facts.best_sae.balanced_accuracy | pct }}`."""
    sections: list[OwnSection] = Field(default_factory=list)
    """Sections of the author's own, in their order, with their headings."""
    templates: str | None = None
    """A folder, relative to card.yaml, whose `<section>.md.j2` replace hubkit's."""
    front_matter: dict[str, Any] = Field(default_factory=dict)
    """Further keys of the card's front matter: `language`, `pipeline_tag`, `license_name`; those that hubkit writes stay hubkit's, and `model-index` has computed values only."""

    @field_validator("front_matter")
    @classmethod
    def _no_values(cls, value: dict[str, Any]) -> dict[str, Any]:
        if "model-index" in value:
            raise ValueError(
                "model-index has computed values only; numbers measured elsewhere belong into evidence.yaml"
            )
        return value


class CardSettings(CommonSettings):
    """Every key may be left out but the repository's name, the licence and the base model."""

    base_model: str
    """The base model's id on the Hub."""
    base_model_license: str | None = None
    """The base model's own licence."""
    study: str | Link | None = None
    """The study this release is part of; a link is to its index card."""
    companions: list[Link] = Field(default_factory=list)
    """Other repositories of SAEs of the same base model. Releases of a study that are of one base model name each other."""
    new_version: str | None = Field(default=None, pattern=REPO_ID)
    """The repository that replaces this one."""
    publish_prompts: bool = True
    """Whether provenance.json holds a study's prompts. Without them the card's code cannot take rows as the training did."""
    measures: str | None = None
    """What the labels tell apart, in one sentence."""
    does_not_measure: str | None = None
    """What a reader might take the labels for, and they are not."""
    recommended: list[str] = Field(default_factory=list)
    """Uses, each a short sentence."""
    not_recommended: list[str] = Field(default_factory=list)
    """Uses that the SAEs are not for."""
    scenario_families: list[str] = Field(default_factory=list)
    """Names of `hubkit/cards/scenario_families.py`, where provenance.json does not record them."""
    transfers: list[ExpectedTransfer] = Field(default_factory=list)
    """What is expected at other precisions."""
    datasets: list[str] = Field(default_factory=list)
    """Ids on the Hub, for the front matter."""
    example_text: str = "Your text here"
    """What the loading code feeds the model."""
    withdrawn: list[Withdrawn] = Field(default_factory=list)
    """What an earlier card said and its files contradict (`hubkit adopt`): kept, and not in the card."""
    restated: list[Restated] = Field(default_factory=list)
    """What an earlier card said and the new one's own sections say (`hubkit adopt`): kept, and not twice in the card."""

    @field_validator("new_version")
    @classmethod
    def _of_another(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is not None and value == info.data.get("repo_id"):
            raise ValueError("is this repository: a card names the one that replaces it")
        return value


class IndexSettings(CommonSettings):
    """The card of a study over all its releases."""


def load_settings(path: Path) -> CardSettings:
    """Read `card.yaml`. Raises UsageError with every mistake named."""
    try:
        raw: Any = plain_yaml.load(read_regular_text(path))
    except FileNotFoundError as error:
        raise UsageError(
            f"{path}: there is no {path.name}",
            hint=f"hubkit adopt {path.parent} --write writes one, with the words of the README.md that is there"
            if (path.parent / README).is_file()
            else f"hubkit init {path.parent} writes one",
        ) from error
    except plain_yaml.YamlFault as error:
        raise UsageError(f"{path}: not YAML that can be read: line {error.line}: {error.message}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: not UTF-8: {error.reason} at byte {error.start}") from error
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from error
    try:
        return CardSettings.model_validate({} if raw is None else raw)
    except ValidationError as error:
        several = error.errors(include_url=False, include_context=False)
        mistakes = "; ".join(
            f"{shortened('.'.join(str(part) for part in item['loc'])) or 'the file'}: "
            f"{'is missing' if item.get('input') is None or item['type'] == 'missing' else shortened(item['msg'], 300)}"
            for item in several[:MOST_MISTAKES]
        )
        if len(several) > MOST_MISTAKES:
            mistakes += f"; and {len(several) - MOST_MISTAKES:,} more"
        raise UsageError(
            f"{path}: {mistakes}",
            hint=f"edit {path}: repo_id, base_model and license are needed; hubkit schema card has every key",
        ) from error


def stated_name(folder: Path) -> str | None:
    """`repo_id` of a folder's card.yaml, where there is one that can be read."""
    try:
        settings = plain_yaml.load(read_regular_text(folder / NAME))
    except (OSError, ValueError):
        return None
    name = settings.get("repo_id") if isinstance(settings, dict) else None
    return name if isinstance(name, str) else None


def save_settings(settings: CardSettings, path: Path) -> None:
    """Write `card.yaml`."""
    keep_or_write(path, settings_text(settings.model_dump(exclude_defaults=True)))


def settings_text(values: dict[str, Any]) -> str:
    """The YAML of card.yaml: texts of several lines as blocks, so that they can be read and edited."""
    return yaml.dump(values, Dumper=_Readable, sort_keys=False, allow_unicode=True, width=120)


class _Readable(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]
    """Without aliases, which card.yaml does not need."""

    def ignore_aliases(self, data: Any) -> bool:
        """Write everything out."""
        del data
        return True


def _block(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Readable.add_representer(str, _block)
