"""The card that is there, as it is taken apart: read, its broken characters mended, without secrets, its front matter sorted."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import yaml

from hubkit.adopt.copied import restored, still_lost
from hubkit.cards.front import TAGS
from hubkit.cards.init import answers_of, fault
from hubkit.errors import NothingFound, UsageError
from hubkit.readme.claims.kinds import NamedSae
from hubkit.readme.document import Readme, parse_readme
from hubkit.readme.frontmatter import faults
from hubkit.readme.generated import recorded
from hubkit.readme.mojibake import repair_all
from hubkit.readme.page import MOST_LINES
from hubkit.release.layout import README
from hubkit.repo.view import RepoView
from hubkit.validate.facts import RepoFacts
from hubkit.validate.secret_kinds import Hit, find_secrets

MOST_CHARACTERS = 200_000
"""Of a card, which has no more lines than are read for claims: it is read and judged some ten times on the way. Cards that people write have a tenth of that."""
PRIVATE_KEY = "a private key"
PRIVATE_KEY_END = re.compile(r"-----END (?:[A-Z0-9]{1,16} ){0,3}PRIVATE KEY(?: BLOCK)?-----")
OURS = {"hubkit", "base_model", "license", "tags", "datasets", "model-index"}
"""Keys that card.yaml has a place of its own for, or that hubkit computes."""
LIBRARY = "library_name"


@dataclass(frozen=True)
class Source:
    """The text that is taken apart. Its lines are those of the file."""

    text: str
    readme: Readme
    mended: bool
    """Whether broken characters were put right."""
    secrets: tuple[str, ...]
    """What was taken out, each by its kind and line."""
    broken: tuple[int, ...] = ()
    """Lines with a sign that a copy lost, and whose place does not tell which it was."""


def read_source(view: RepoView) -> Source | None:
    """README.md of `view`; None where hubkit wrote it. Raises NothingFound where there is none, UsageError for what is no text."""
    if view.entry(README) is None:
        raise NothingFound(
            f"{view.name}: no {README} to adopt", hint=f"hubkit init {view.name} begins a card from the files"
        )
    try:
        text = view.read(README).decode("utf-8").removeprefix("\ufeff").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise UsageError(
            f"{view.name}/{README}: not UTF-8 at byte {error.start}",
            hint="save it as UTF-8, and run the same command again",
        ) from error
    if recorded(text) is not None:
        return None
    if len(text) > MOST_CHARACTERS or text.count("\n") > MOST_LINES:
        raise UsageError(
            f"{view.name}/{README}: {text.count(chr(10)):,} lines, {len(text):,} characters; a card of up to {MOST_LINES:,} lines "
            f"and {MOST_CHARACTERS:,} characters is taken apart",
            hint="move what is no part of a card (logs, long tables) to a file beside it, and run the same command again",
        )
    repaired = repair_all(text)
    whole = restored(repaired)
    clean, secrets = without_secrets(whole)
    return Source(clean, parse_readme(clean), whole != text, secrets, still_lost(repaired, whole))


def without_secrets(text: str) -> tuple[str, tuple[str, ...]]:
    """`text` with every secret replaced by what it was, line for line; and what was replaced."""
    hits = find_secrets(text)
    if not hits:
        return text, ()
    lines = text.split("\n")
    told = []
    for hit in hits:
        last = _end_of_key(lines, hit.last) if hit.kind == PRIVATE_KEY else hit.last
        told.append(f"{hit.kind} on line {hit.line}")
        _blank(lines, hit.line - 1, last - 1, hit)
    return "\n".join(lines), tuple(told)


def _blank(lines: list[str], first: int, last: int, hit: Hit) -> None:
    """Take the secret out of its lines. Behind escapes it is not found in them as it reads, and the whole line goes."""
    was = f"[{hit.kind} was here]"
    if first == last and hit.whole in lines[first]:
        lines[first] = lines[first].replace(hit.whole, was)
    else:
        lines[first : last + 1] = [was, *[""] * (last - first)]


def _end_of_key(lines: list[str], begun: int) -> int:
    """The last line of a private key (1-based) of which line `begun` is read: that which closes it, or the one before the next blank one, or the text's last."""
    for number in range(begun, len(lines) + 1):
        if PRIVATE_KEY_END.search(lines[number - 1]):
            return number
        if number < len(lines) and not lines[number]:
            return number
    return len(lines)


def settings_of(
    facts: RepoFacts,
    source: Source,
    given: Mapping[str, str],
    contradicted: Mapping[int, str] = MappingProxyType({}),
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The keys of card.yaml that the files, the front matter and the command line answer; and what of the front matter has no place in it.

    `contradicted`: lines that the files speak against, with what they say.
    """
    front = dict(source.readme.front_matter or {})
    found: dict[str, Any] = {key: value for key, value, _ in answers_of(facts)}
    models = front.get("base_model")
    if (
        isinstance(models, list)
        and len(models) == 1
        and isinstance(models[0], str)
        and fault("base_model", models[0]) is None
    ):
        found["base_model"] = models[0]
    if name := _repository(facts):
        found["repo_id"] = name
    found |= given
    settings = {key: found[key] for key in ("repo_id", "base_model", "license") if found.get(key)}
    wrong = {one.key: one for one in faults(source.readme) if not one.doubt}
    out: list[dict[str, Any]] = []
    if source.readme.fault:
        out.append({"text": source.readme.head or "---", "line": 1, "reason": source.readme.fault})
    for key, value in front.items():
        if key in wrong and not (given.get(key)):
            out.append({"text": _yaml(key, value), "line": wrong[key].line, "reason": wrong[key].message})
        elif key in {"tags", "datasets"}:
            gone = _contradicted(source, contradicted)
            settings |= _listed(str(key), value, gone)
            out += [
                {"text": f"{key}: {name}", "line": line, "reason": contradicted[line]}
                for name, line in gone.items()
                if _names(value, name)
            ]
        elif key == "license" and settings.get("license") != value:
            out.append({"text": _yaml(key, value), "line": 1, "reason": "another licence was chosen"})
        elif key == "base_model" and value not in (settings.get("base_model"), [settings.get("base_model")]):
            out.append({"text": _yaml(key, value), "line": 1, "reason": "card.yaml names one base model"})
        elif key == LIBRARY and value != "saelens":
            out.append(
                {
                    "text": _yaml(key, value),
                    "line": 1,
                    "reason": "the card is for SAELens: library_name saelens",
                }
            )
        elif key not in OURS and key != LIBRARY:
            settings.setdefault("front_matter", {})[str(key)] = value
    return settings, out


def index_values(readme: Readme) -> list[tuple[str, float]]:
    """The numbers of a `model-index`, each with its name."""
    found = []
    models = (readme.front_matter or {}).get("model-index")
    for model in models if isinstance(models, list) else []:
        results = model.get("results") if isinstance(model, Mapping) else None
        for result in results if isinstance(results, list) else []:
            found += _of_result(result) if isinstance(result, Mapping) else []
    return found


def _of_result(result: Mapping[Any, Any]) -> list[tuple[str, float]]:
    data = result.get("dataset")
    on = f", {data['name']}" if isinstance(data, Mapping) and isinstance(data.get("name"), str) else ""
    metrics = result.get("metrics")
    return [
        (f"{metric.get('name') or metric.get('type')}{on}", float(metric["value"]))
        for metric in (metrics if isinstance(metrics, list) else [])
        if isinstance(metric, Mapping) and type(metric.get("value")) in {int, float}
    ]


def _repository(facts: RepoFacts) -> str | None:
    """OWNER/NAME: of the Hub, of the folder's own files, or the one that the card's code loads SAEs from."""
    if facts.repository and fault("repo_id", facts.repository) is None:
        return facts.repository
    named = {claim.repo_id for claim in facts.claims.of(NamedSae) if claim.repo_id}
    only = named.pop() if len(named) == 1 else None
    return only if only and fault("repo_id", only) is None else None


def _contradicted(source: Source, contradicted: Mapping[int, str]) -> dict[str, int]:
    """Items of lists of the front matter that the files speak against, each with its line."""
    lines = source.text.split("\n")
    return {
        lines[line - 1].strip(" -'\""): line
        for line in contradicted
        if line <= len(lines) and lines[line - 1].lstrip().startswith("-")
    }


def _names(value: Any, name: str) -> bool:
    return name == value or (isinstance(value, list) and name in value)


def _listed(key: str, value: Any, gone: Collection[str]) -> dict[str, Any]:
    """Tags that hubkit does not write by itself; data sets."""
    names = (
        [value]
        if isinstance(value, str)
        else [one for one in value if isinstance(one, str)]
        if isinstance(value, list)
        else []
    )
    kept = [name for name in dict.fromkeys(names) if name not in TAGS and name not in gone]
    return {key: kept} if kept else {}


def _yaml(key: Any, value: Any) -> str:
    return yaml.safe_dump({key: value}, sort_keys=False, allow_unicode=True).strip()[:1000]
