"""`card.yaml` for SAEs made elsewhere: what their files say already, and what only their author knows, as comments to fill in."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml
from pydantic import ValidationError

from hubkit.cards.settings import NAME, CardSettings
from hubkit.errors import NothingFound, UsageError
from hubkit.licenses import LICENSES
from hubkit.models.hooks import hook_layer
from hubkit.models.names import HUB_ID, hub_id, is_placeholder
from hubkit.readme.generated import edited_by_hand
from hubkit.release.layout import EVIDENCE, README
from hubkit.release.writing import write_text
from hubkit.repo.local import open_folder
from hubkit.repo.view import RepoView
from hubkit.validate.facts import RepoFacts, SaeFacts
from hubkit.validate.gather import gather
from hubkit.validate.need import Need

LICENSE_FILES = ("LICENSE", "LICENSE.md", "LICENSE.txt", "LICENCE", "COPYING")
LICENSE_TEXTS = (
    (r"\bMIT License\b|Permission is hereby granted, free of charge", "mit"),
    (r"Apache License\s+Version 2\.0", "apache-2.0"),
    (r"GNU GENERAL PUBLIC LICENSE\s+Version 3", "gpl-3.0"),
    (r"BSD 3-Clause", "bsd-3-clause"),
    (r"Creative Commons Attribution 4\.0", "cc-by-4.0"),
)
REQUIRED = ("repo_id", "base_model", "license")
ASKED = (*REQUIRED, "title", "summary", "measures", "does_not_measure")
"""What is asked on a terminal, in this order; the rest waits in the file as comments."""
EXAMPLES: Mapping[str, str] = {
    "repo_id": "your-name/gemma-2-2b-saes",
    "base_model": "google/gemma-2-2b",
    "license": "apache-2.0",
    "title": "Sparse autoencoders for Gemma 2 2B",
    "summary": "TopK SAEs of the residual stream at layers 6, 12 and 18.",
    "measures": "Whether an answer was given under the honest or the deceptive instruction.",
    "does_not_measure": "Deception outside these prompts.",
    "recommended": "[Comparing dictionaries across layers]",
    "not_recommended": "[Any decision about people]",
    "tags": "[residual-stream]",
    "datasets": "[owner/dataset]",
    "citation": '"@misc{key, title={...}, author={...}, year={2026}}"',
    "example_text": "The capital of France is",
    "base_model_license": "gemma",
    "study": "{name: Name of the study, url: 'https://example.org'}",
    "companions": "[{name: The same at layer 12, url: 'https://huggingface.co/your-name/gemma-2-2b-saes-l12'}]",
    "code": "https://github.com/owner/code",
    "papers": "[{title: Some paper, arxiv: '2406.04093'}]",
    "new_version": "your-name/gemma-2-2b-saes-v2",
    "publish_prompts": "true",
    "scenario_families": "[]",
    "transfers": "[{to: the bfloat16 model, expected: high, why: same weights}]",
    "sections": "[{heading: Acknowledgements, text: 'Markdown of your own.'}]",
    "front_matter": "{language: en}",
    "withdrawn": "[{text: 57 SAEs, line: 2, reason: the repository has 54}]",
    "restated": "[{text: Two layers, line: 3}]",
    "prose": "{summary: 'Markdown of your own under the title.'}",
    "templates": "my-templates",
}


@dataclass(frozen=True)
class Seen:
    """What the files of a folder say."""

    folder: Path
    families: Mapping[str, int]
    """Family and architecture of the SAEs to their count: `saelens topk`."""
    saelens: int
    """SAEs that a card can describe."""
    layers: tuple[int, ...]
    hooks: tuple[str, ...]
    known: Mapping[str, str]
    """Keys of card.yaml that the files answer."""
    sources: Mapping[str, str]
    """Where each of them was read."""
    foreign_card: bool
    """Whether there is a README.md that hubkit did not write, or that was edited since: it would be replaced."""

    @property
    def count(self) -> int:
        """SAEs of any family."""
        return sum(self.families.values())


def look(folder: Path) -> Seen:
    """Read the configurations and the card of a folder. Raises NothingFound where there is no SAE, UsageError for no folder."""
    facts = gather(open_folder(folder), Need.TREE | Need.CFG | Need.HEADER | Need.README)
    if not facts.saes:
        raise NothingFound(
            f"{folder}: no SAE of a format that hubkit knows", hint=f"hubkit validate {folder} --notes"
        )
    hooks = sorted({hook for sae in facts.saes if (hook := sae.sae.hook_name)})
    found = {key: (value, source) for key, value, source in answers_of(facts)}
    return Seen(
        folder=folder,
        families=Counter(_family(sae) for sae in facts.saes),
        saelens=sum(sae.is_saelens and sae.architecture is not None for sae in facts.saes),
        layers=tuple(sorted({layer for hook in hooks if (layer := hook_layer(hook)) is not None})),
        hooks=tuple(hooks),
        known={key: value for key, (value, _) in found.items()},
        sources={key: source for key, (_, source) in found.items()},
        foreign_card=facts.readme is not None and edited_by_hand(facts.readme.text),
    )


def fault(key: str, value: str) -> str | None:
    """Why `value` cannot stand under `key` of card.yaml; None where it can."""
    if key == "license" and value not in LICENSES and not re.fullmatch(r"[a-z0-9][a-z0-9.+-]*", value):
        return "an identifier of the Hub is expected: mit, apache-2.0, gemma, ..., or other"
    if key == "base_model" and not HUB_ID.fullmatch(value):
        return f"the Hub's id of the model is expected, OWNER/MODEL, such as {EXAMPLES[key]}"
    if key == "repo_id" and not HUB_ID.fullmatch(value):
        return f"OWNER/NAME is expected, such as {EXAMPLES[key]}"
    filled = {name: EXAMPLES[name] for name in REQUIRED}
    try:
        CardSettings.model_validate({**filled, key: value})
    except ValidationError as error:
        return str(error.errors()[0]["msg"])
    return None


def doubt(key: str, value: str) -> str | None:
    """What should be looked at twice, though it can stand: the Hub's list of licences grows and is not published."""
    if key == "license" and value and value not in LICENSES:
        return f"{value!r} is no licence that the Hub is known to take; `other` stands for one of your own"
    return None


def missing(answers: Mapping[str, str]) -> list[str]:
    """The keys without which no card can be built."""
    return [key for key in REQUIRED if not answers.get(key)]


def write_settings(seen: Seen, answers: Mapping[str, str], *, force: bool = False) -> Path:
    """Write `card.yaml` beside the SAEs. Raises UsageError for a value that cannot stand, or where there is one already, unless `force`."""
    for key, value in answers.items():
        if value and (wrong := fault(key, value)):
            raise UsageError(f"{key}: {value!r}: {wrong}")
    path = seen.folder / NAME
    if path.exists() and not force:
        raise UsageError(
            f"{path}: there is a card.yaml already, which would be lost",
            hint="edit it, or let --force write it anew",
        )
    write_text(path, "\n".join(_lines(seen, answers)) + "\n")
    return path


def next_steps(seen: Seen, lacking: list[str]) -> list[str]:
    """What to type next, in order, each with its reason after a `#`."""
    folder = seen.folder
    steps = []
    if lacking:
        steps.append(f"edit {folder / NAME}  # {', '.join(lacking)} still needed")
    if seen.saelens < seen.count:
        others = f"{seen.count - seen.saelens} of {seen.count} SAEs are not in SAELens's format, which a card describes: it says what reads them"
        steps.append(f"hubkit validate {folder} --notes  # {others}")
    else:
        steps.append(f"hubkit validate {folder}  # are the SAEs what they say?")
    force = " --force" if seen.foreign_card else ""
    why = (
        f"the README.md there is replaced; hubkit adopt {folder} takes it apart instead, and keeps its words"
        if seen.foreign_card
        else "writes README.md"
    )
    return [*steps, f"hubkit build-cards {folder}{force}  # {why}", f"hubkit preview {folder}  # look at it"]


def _lines(seen: Seen, answers: Mapping[str, str]) -> Iterator[str]:
    yield "# What only you know about these SAEs. hubkit build-cards reads everything else from the files."
    families = ", ".join(f"{count} {family}" for family, count in sorted(seen.families.items()))
    yield f"# Found: {_one_line(families)}"
    if seen.layers:
        yield f"# Layers: {', '.join(map(str, seen.layers))}"
    if seen.hooks:
        more = f", and {len(seen.hooks) - 4} more" if len(seen.hooks) > 4 else ""
        yield f"# Hooks: {', '.join(_one_line(hook) for hook in seen.hooks[:4])}{more}"
    yield ""
    for key in REQUIRED:
        source = (
            f"  # from {seen.sources[key]}"
            if answers.get(key) == seen.known.get(key) and key in seen.sources
            else ""
        )
        yield (
            f"{key}: {_scalar(answers[key])}{source}"
            if answers.get(key)
            else f"{key}:  # needed, for example {EXAMPLES[key]}"
        )
    yield ""
    yield f"# Numbers that were measured elsewhere belong into {EVIDENCE} beside this file, each with its n and source: hubkit schema evidence"
    yield ""
    yield "# Everything below may be left out. Take the # before a key away to use it."
    for key, field in CardSettings.model_fields.items():
        if key in REQUIRED:
            continue
        yield ""
        if field.description:
            yield f"# {_one_line(field.description)}"
        yield (
            f"{key}: {_scalar(answers[key])}" if answers.get(key) else f"# {key}: {EXAMPLES.get(key, '...')}"
        )


def answers_of(facts: RepoFacts) -> Iterator[tuple[str, str, str]]:
    """Keys of card.yaml that the files answer: key, value, where it was read. Later ones win."""
    named = Counter(name for sae in facts.saes if (name := _model(sae)))
    if named:
        name, times = named.most_common(1)[0]
        value = hub_id(name) or name
        if fault("base_model", value) is None:
            yield (
                "base_model",
                value,
                f"{times} of {len(facts.saes)} configurations"
                + (f": {_one_line(name)}" if value != name else ""),
            )
    if found := license_in_files(facts.view):
        yield "license", found[1], found[0]
    front = (facts.readme.front_matter if facts.readme else None) or {}
    for key in ("license", "base_model"):
        stated = front.get(key)
        if isinstance(stated, str) and fault(key, stated) is None:
            yield key, stated, README


def license_in_files(view: RepoView) -> tuple[str, str] | None:
    """A file whose text is that of a licence, and the Hub's id of it."""
    found = [(file, licence) for file in LICENSE_FILES if (licence := _license_of(view, file))]
    return found[-1] if found else None


def _license_of(view: RepoView, path: str) -> str | None:
    if view.entry(path) is None:
        return None
    head = view.read_range(path, 0, 4000).decode("utf-8", "replace")
    return next((name for pattern, name in LICENSE_TEXTS if re.search(pattern, head)), None)


def _family(sae: SaeFacts) -> str:
    return " ".join(filter(None, (sae.sae.family.name, sae.sae.architecture)))


def _model(sae: SaeFacts) -> str | None:
    name = sae.sae.model_name
    return None if name is None or is_placeholder(name) else name


def _scalar(value: str) -> str:
    """A text as YAML on one line: bare where that is safe, else in quotes."""
    lines = yaml.safe_dump(value, allow_unicode=True, width=10_000).removesuffix("...\n").splitlines()
    return lines[0] if len(lines) == 1 else json.dumps(value, ensure_ascii=False)


def _one_line(text: str) -> str:
    return " ".join(text.split())[:200]
