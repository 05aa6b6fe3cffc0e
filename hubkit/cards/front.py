"""The front matter: what the Hub reads, and the digests that tell a stale card and one edited by hand."""

from __future__ import annotations

import re
from collections.abc import Mapping
from statistics import median
from typing import Any

import yaml

from hubkit import __version__
from hubkit.cards.facts import Facts, SaeFact
from hubkit.cards.measured import SPLIT_WORDS
from hubkit.cards.settings import CardSettings, CommonSettings
from hubkit.errors import HubkitError
from hubkit.measures.catalogue import CATALOGUE, Definitions, columns
from hubkit.readme.generated import text_digest
from hubkit.release.card_digest import KEY, settings_digest
from hubkit.texts import printable

SAELENS = "saelens"
TAGS = ("sparse-autoencoder", SAELENS, "interpretability")
DIGITS = 6
SURROGATE = re.compile("[\ud800-\udfff]")
FEW = 3
"""So many SAEs are listed one by one in the model index; of more, the medians of each architecture."""


def release_front_matter(facts: Facts) -> dict[str, Any]:
    """Everything but the digest of the text itself."""
    settings = facts.settings
    data: dict[str, Any] = {
        "library_name": facts.library.name if facts.library else SAELENS,
        "base_model": settings.base_model,
        "license": settings.license,
        "tags": tags(settings, facts.library.name if facts.library else SAELENS),
    }
    if settings.new_version:
        data["new_version"] = settings.new_version
    if settings.datasets:
        data["datasets"] = list(settings.datasets)
    if index := model_index(facts):
        data["model-index"] = index
    more = {key: value for key, value in settings.front_matter.items() if key not in {*data, KEY}}
    return {**data, **more}


def tags(settings: CommonSettings, library: str = SAELENS) -> list[str]:
    """The field's with the library's, the author's, and the papers', each once."""
    papers = [f"arxiv:{paper.arxiv}" for paper in settings.papers if paper.arxiv]
    return list(
        dict.fromkeys([*(library if tag == SAELENS else tag for tag in TAGS), *settings.tags, *papers])
    )


def digests(facts: Facts) -> dict[str, str]:
    """Of all files, of the texts and of the weights: the last two can be computed again from the Hub's listing and the configurations."""
    return {
        "version": __version__,
        "facts_sha256": facts.digest,
        "texts_sha256": facts.texts_digest,
        "weights_sha256": facts.weights_digest,
        "settings_sha256": settings_digest(_settings(facts)),
    }


def _settings(facts: Facts) -> Mapping[str, Any]:
    """What card.yaml says where that are the card's settings, else what it would say."""
    there = facts.settings_there
    try:
        same = bool(there) and CardSettings.model_validate(there) == facts.settings
    except ValueError:
        same = False
    return there if same else facts.settings.model_dump(exclude_defaults=True)


def with_front_matter(data: dict[str, Any], ours: dict[str, Any], body: str) -> str:
    """The whole card: front matter, the digest of what hubkit wrote, and the body. Raises HubkitError where that is no text."""
    _check_text(body)
    ours = {**ours, "text_sha256": text_digest(data, body)}
    head = yaml.safe_dump({**data, KEY: ours}, sort_keys=False, allow_unicode=True, width=1000)
    return f"---\n{head}---\n\n{body}"


def _check_text(body: str) -> None:
    """The name of a folder, or a value of a configuration, may hold half a character, which no file in UTF-8 can."""
    if lone := SURROGATE.search(body):
        around = " ".join(body[max(0, lone.start() - 40) : lone.end() + 40].split())
        raise HubkitError(
            f"the card would hold {printable(lone.group())}, which is no text in UTF-8: ...{printable(around)}...",
            hint="rename the folder, or correct the value in the configuration, that it comes from",
        )


def model_index(facts: Facts) -> list[dict[str, Any]]:
    """The Hub's `model-index`: computed values of single SAEs, or medians that say over what, each with its n. Empty where nothing was computed."""
    groups: list[tuple[str, list[SaeFact]]]
    if len(facts.saes) <= FEW:
        groups = [(sae.sae_id, [sae]) for sae in facts.saes]
    else:
        groups = [
            (kind, [sae for sae in facts.saes if sae.trained_as == kind])
            for kind in facts.distinct("trained_as")
        ]
    results = [result for name, saes in groups if (result := _result(name, saes)) is not None]
    return [{"name": facts.settings.repo_id.split("/")[1], "results": results}] if results else []


def _result(name: str, saes: list[SaeFact]) -> dict[str, Any] | None:
    metrics = [metric for wanted in columns("index") if (metric := _metric(saes, wanted)) is not None]
    if not metrics:
        return None
    return {
        "task": {"type": "feature-extraction", "name": "Sparse autoencoder"},
        "dataset": {"type": "activations", "name": _of_what(name, saes)},
        "metrics": metrics,
    }


def _of_what(name: str, saes: list[SaeFact]) -> str:
    """`median of 15 topk SAEs over 5 layers and 3 conditions`."""
    if len(saes) == 1:
        return name
    layers = len({sae.layer for sae in saes if sae.layer is not None})
    conditions = len({sae.condition for sae in saes if sae.condition is not None})
    over = [f"{n} {what}s" for n, what in ((layers, "layer"), (conditions, "condition")) if n > 1]
    return f"median of {len(saes)} {name} SAEs" + (f" over {' and '.join(over)}" if over else "")


def _metric(saes: list[SaeFact], wanted: Definitions) -> dict[str, Any] | None:
    for measure, split in wanted:
        found = [m for sae in saes if (m := sae.metric(measure, split)) and m.value is not None]
        if len(found) == len(saes):
            rows = sorted({metric.n for metric in found})
            n = f"n = {rows[0]}" + (f" to {rows[-1]}" if len(rows) > 1 else "")
            value = float(median([metric.value for metric in found if metric.value is not None]))
            title = f"{CATALOGUE[measure].title}, {SPLIT_WORDS[split]}, {n}"
            return {"type": measure, "name": title, "value": round(value, DIGITS)}
    return None
