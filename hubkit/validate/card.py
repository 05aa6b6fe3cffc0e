"""What the CARD rules share: findings that quote the card, what the repository is to be counted by, and the base model that the card is about."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from hubkit.formats import architectures
from hubkit.models.config import ModelShape, read_shape
from hubkit.models.known import known_config, nanochat_config
from hubkit.models.names import hub_id, model_key
from hubkit.models.widths import widths_at
from hubkit.readme.claims.kinds import Claim, ModelSize
from hubkit.readme.claims.values import is_foundry
from hubkit.release.layout import README
from hubkit.validate.finding import Found, Severity
from hubkit.validate.passed_over import passed_over
from hubkit.validate.reading import inner_cards

if TYPE_CHECKING:
    from hubkit.readme.document import Readme
    from hubkit.validate.facts import RepoFacts, SaeFacts

CARD = README
ARCHITECTURES = {one.name for one in architectures.ALL if one.in_cards}
"""Names by which cards and configurations mean the same thing."""


def claim_finding(
    claim: Claim, message: str, hint: str, *, topic: str, severity: Severity | None = None
) -> Found:
    """A finding about `claim`, with its words; `topic` tells findings about one line apart, `severity` is another than the rule's."""
    identity = f"{topic} {claim.quote}"
    return Found(
        f'{message}: "{claim.quote}"', hint, path=CARD, line=claim.line, identity=identity, severity=severity
    )


def countable(repo: RepoFacts) -> bool:
    """Whether SAEs can be counted: there are some, and every file of weights is one's."""
    return bool(repo.saes) and not passed_over(repo)


def cards_inside(repo: RepoFacts) -> tuple[str, ...]:
    """A remark on the READMEs inside that were taken for notes on a group of SAEs, and not for the card of a release."""
    ids = {sae.sae_id for sae in repo.saes}
    cards = [entry for entry in inner_cards(repo.entries) if entry.folder not in ids]
    notes = [one.path for one in cards if any(sae_id.startswith(f"{one.folder}/") for sae_id in ids)]
    if not notes:
        return ()
    shown = ", ".join(notes[:3]) + (f" and {len(notes) - 3} more" if len(notes) > 3 else "")
    return (
        f"{shown}: no front matter, so not read as the card of a release; its words are not held against the files",
    )


def width_is_doubted(sae: SaeFacts) -> bool:
    """Whether d_in is no width that the configuration's own model has at its hook, as HOOK003 says: then the configuration is no measure of the card's model."""
    shape = shape_of(sae.sae.model_name) if sae.sae.model_name else None
    known = widths_at(shape, sae.sae.hook_name) if shape and sae.sae.hook_name else ()
    return bool(known) and sae.sae.d_in is not None and sae.sae.d_in not in known


def told(repo: RepoFacts, words: str) -> bool:
    """Whether the card's text speaks of it."""
    return repo.page is not None and any(words in line.raw for line in repo.page.prose)


def trained_as(sae: SaeFacts) -> str | None:
    """The architecture as a card names it: that of the training, else that of the file."""
    name = sae.sae.trained_as
    return name if name in ARCHITECTURES else None


def layer_of(sae: SaeFacts) -> int | None:
    """The layer of an SAE by its files."""
    return sae.sae.layer


def plain(name: str) -> str:
    """`JumpReLU`, `Jump-ReLU` and `jumprelu` are one."""
    return re.sub(r"[^a-z]", "", name.lower()).removesuffix("saes").removesuffix("sae")


def same_repository(repo: RepoFacts, repo_id: str | None) -> bool:
    """Whether `repo_id` may be the repository that is judged: by the Hub, or by what a folder says of itself. A folder's path says nothing, so
    where no file does, any name may be its own that is not known to hold a base model.
    """
    if repo_id is None:
        return True
    if repo.repository is not None:
        return repo.repository.lower() == repo_id.lower()
    named = {sae.sae.model_name for sae in repo.saes} | {stated_model(repo.card) if repo.card else None}
    return not is_foundry(repo_id) and repo_id not in named


def own_model(repo: RepoFacts) -> str | None:
    """The base model of the repository's card: its front matter's, else the one that its configurations, or its own sentences, name."""
    if repo.card is None:
        return None
    named = {name for sae in repo.saes if (name := sae.sae.model_name)}
    return (
        stated_model(repo.card) or _only(named) or _only({claim.model for claim in repo.claims.of(ModelSize)})
    )


def stated_model(readme: Readme) -> str | None:
    """`base_model` of the front matter, where it is one."""
    stated = (readme.front_matter or {}).get("base_model")
    if isinstance(stated, list) and len(stated) == 1:
        stated = stated[0]
    return stated if isinstance(stated, str) else None


def front_line(repo: RepoFacts, key: str) -> int:
    """Where the front matter has a key."""
    head = (repo.readme.head or "").split("\n") if repo.readme else []
    return next((number for number, text in enumerate(head, 2) if re.match(rf"{key}\s*:", text)), 1)


def _only(names: set[str]) -> str | None:
    """One of several names for one model."""
    return min(names) if len({same_model(name) for name in names}) == 1 else None


def same_model(name: str) -> str:
    """Equal for names of one model: `TinyLlama-1.1B`, `Llama 3.2-1B` and the ids of the Hub."""
    dashed = re.sub(r"\s+", "-", name.strip())
    return model_key(hub_id(dashed) or dashed)


@lru_cache(maxsize=256)
def shape_of(model: str) -> ModelShape | None:
    """The shape of a base model that hubkit's table has; None for another one."""
    name = re.sub(r"\s+", "-", model.strip())
    config = nanochat_config(name)
    if config is None and (found := hub_id(name)) is not None:
        config = known_config(found)
    return read_shape(config) if config is not None else None
