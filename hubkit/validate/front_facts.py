"""What the front matter says of the SAEs under keys that the Hub knows: the datasets against the configurations, and the licence against the text."""

from __future__ import annotations

from collections.abc import Iterator

from hubkit.readme.claims.fields import FIELDS
from hubkit.readme.claims.kinds import Licensed
from hubkit.readme.claims.licences import plain as plain_licence
from hubkit.release.layout import CARD_SETTINGS
from hubkit.validate.card import CARD, claim_finding, same_model
from hubkit.validate.facts import RepoFacts, SaeFacts
from hubkit.validate.finding import Found, Severity
from hubkit.validate.true_values import values_of


def datasets(repo: RepoFacts, saes: list[SaeFacts]) -> Iterator[Found]:
    """`datasets` of the front matter, where every configuration names one: none of them is any of those."""
    stated = (repo.readme.front_matter or {}).get("datasets") if repo.readme else None
    names = [name for name in (stated if isinstance(stated, list) else [stated]) if isinstance(name, str)]
    true = [values[0] for sae in saes if (values := values_of(sae, "dataset_path"))]
    kind = FIELDS["dataset_path"].kind
    verdicts = {kind.agrees(name, one) for name in names for one in true}
    if len(true) < len(saes) or verdicts != {False}:
        return
    head = (repo.readme.head or "").split("\n") if repo.readme else []
    line = next((number for number, text in enumerate(head, 2) if text.startswith("datasets")), 1)
    yield Found(
        f"datasets of the front matter is {' and '.join(names[:3])}; dataset_path of the configurations is {' or '.join(sorted({str(one) for one in true})[:3])}",
        "name the dataset that the SAEs were trained on",
        path=CARD, line=line, pointer="/datasets", identity="datasets",
    )  # fmt: skip


def newer(repo: RepoFacts) -> Iterator[Found]:
    """`new_version` of the front matter, which the Hub shows as the repository to take instead: not this one, and no base model."""
    stated = (repo.readme.front_matter or {}).get("new_version") if repo.readme else None
    if not isinstance(stated, str) or not stated.strip():
        return
    named = stated.strip()
    bases = {name for sae in repo.saes if (name := sae.sae.model_name)}
    front = (repo.readme.front_matter or {}).get("base_model") if repo.readme else None
    bases |= {name for name in (front if isinstance(front, list) else [front]) if isinstance(name, str)}
    if repo.repository and same_name(named, repo.repository):
        what = "is this repository itself: the Hub sends readers in a circle"
    elif any(same_model(named) == same_model(base) for base in bases):
        what = "is the base model, not a newer release of the SAEs"
    else:
        return
    head = (repo.readme.head or "").split("\n") if repo.readme else []
    line = next((number for number, text in enumerate(head, 2) if text.startswith("new_version")), 1)
    yield Found(
        f"new_version {named} {what}",
        "name the repository that replaces this one, or take new_version out",
        path=CARD, line=line, pointer="/new_version", severity=Severity.WARNING, identity="new_version",
    )  # fmt: skip


def same_name(one: str, other: str) -> bool:
    """The Hub tells names apart by their letters, not by their case."""
    return one.casefold() == other.casefold()


def licences(repo: RepoFacts) -> Iterator[Found]:
    """The text against the front matter, which the Hub shows."""
    stated = (repo.readme.front_matter or {}).get("license") if repo.readme else None
    names = [name for name in (stated if isinstance(stated, list) else [stated]) if isinstance(name, str)]
    settings = repo.card_settings.get("license")
    if names and isinstance(settings, str) and settings not in names:
        yield Found(
            f"license of card.yaml is {settings}, that of the front matter is {' and '.join(names)}",
            "give the licence that the SAEs are under, in both places; hubkit build-cards takes that of card.yaml",
            path=CARD_SETTINGS, pointer="/license", identity="license of card.yaml",
        )  # fmt: skip
    if not names or "other" in names:
        return
    for claim in repo.claims.of(Licensed):
        said = plain_licence(claim.name)
        if not any(
            plain_licence(name).startswith(said) or said.startswith(plain_licence(name)) for name in names
        ):
            yield claim_finding(
                claim,
                f"license of the front matter is {' and '.join(names)}, the text says {claim.name}",
                "give the licence that the SAEs are under, in both places",
                topic=f"license {said}",
            )
            return
