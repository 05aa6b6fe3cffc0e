"""What the Hub takes as metadata in the head of a card, and what it refuses: one list of rules for the validator and for the Hub of this machine.

Sources: https://huggingface.co/docs/hub/model-cards#model-card-metadata and the specification beside it (hub-docs, modelcard.md); the docstrings of
huggingface_hub's ModelCardData (languages); answers of the Hub's validate-yaml in public reports: "must only contain lowercase characters" (zh-CN),
"must be an array" (tags, widget, metrics), "dataset.config must be a string", "metrics[1].config must be a string", ids of base models.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import yaml

from hubkit.licenses import LICENSES
from hubkit.plain_yaml import MOST_NODES, PREFIX
from hubkit.texts import shortened

PYTHON = f"{PREFIX}python/"
REPO_ID = re.compile(r"[\w-][\w.-]{0,95}(?:/[\w-][\w.-]{0,95})?", re.ASCII)
LICENSE_ID = re.compile(r"[a-z0-9][a-z0-9.+-]*")
TEXTS = (
    "library_name",
    "pipeline_tag",
    "license_name",
    "license_link",
    "base_model_relation",
    "new_version",
    "thumbnail",
)
LISTS = ("tags", "widget", "model-index")
IDS = (("base_model", "models"), ("datasets", "datasets"), ("new_version", "models"))
"""Keys that hold ids of the Hub, and of what."""
RELATIONS = {"adapter", "finetune", "merge", "quantized"}
SPECIAL_LANGUAGES = {"code", "multilingual"}
LANGUAGE = re.compile(r"[a-z]{2,3}")
REGION = re.compile(r"[a-z]{2,3}(?:-[a-z0-9]{2,8}){1,3}")
LANGUAGES = frozenset(
    """
    aa ab ae af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de dv dz ee el en eo es et eu fa ff fi fj fo fr
    fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie ig ii ik io is it iu ja jv ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln
    lo lt lu lv mg mh mi mk ml mn mr ms mt my na nb nd ne ng nl nn no nr nv ny oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg sh si
    sk sl sm sn so sq sr ss st su sv sw ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu
    """.split()  # noqa: SIM905 - a list of this length is read as a text
)
"""The two-letter codes of ISO 639-1; of the three-letter ones only the form is looked at."""

Wanted = Literal[
    "finite",
    "license",
    "own_license",
    "listed_license",
    "id",
    "text",
    "list",
    "texts",
    "language",
    "relation",
    "model",
    "result",
    "field",
    "metrics",
    "metric",
]


@dataclass(frozen=True)
class Misform:
    """What no card may have in its YAML, whatever it says: the Hub reads neither other tags nor merge keys, and refuses a key that comes twice."""

    kind: Literal["tag", "merge", "twice"]
    what: str
    """The tag, or the key."""
    line: int
    """In the head, 1-based."""


def misforms(root: yaml.Node) -> Iterator[Misform]:
    """Everything of that kind below a node, in no order; what an alias names is looked at once."""
    stack: list[yaml.Node] = [root]
    seen: set[int] = set()
    while stack:
        node = stack.pop()
        # An alias is the node that it names, not a copy: once is enough, and a few aliases can name billions of values.
        if id(node) in seen:
            continue
        seen.add(id(node))
        if not node.tag.startswith(PREFIX) or node.tag.startswith(PYTHON):
            yield Misform("tag", node.tag, node.start_mark.line + 1)
        if isinstance(node, yaml.MappingNode):
            yield from _misformed_keys(node)
            stack += [part for pair in node.value for part in pair]
        elif isinstance(node, yaml.SequenceNode):
            stack += node.value


def _misformed_keys(node: yaml.MappingNode) -> Iterator[Misform]:
    keys: set[str] = set()
    for key, _ in node.value:
        line = key.start_mark.line + 1
        if key.tag == f"{PREFIX}merge":
            yield Misform("merge", "<<", line)
        elif isinstance(key, yaml.ScalarNode):
            if key.value in keys:
                yield Misform("twice", key.value, line)
            keys.add(key.value)


@dataclass(frozen=True)
class Breach:
    """One value that breaks a rule."""

    where: str
    """Way to it: `license`, `model-index[0].results[0].dataset.config`."""
    wanted: Wanted
    value: Any
    place: str = ""
    """For an id: of what on the Hub."""
    doubt: bool = False
    """The Hub may accept it."""

    @property
    def key(self) -> str:
        """The top-level key."""
        return re.split(r"[.\[]", self.where, maxsplit=1)[0]

    @property
    def refused(self) -> bool:
        """Whether a Hub with just these rules refuses it. One that is the real Hub's may know a licence more, so the validator only doubts that."""
        return self.wanted == "license" or not self.doubt


def breaches(front: Mapping[Any, Any]) -> Iterator[Breach]:
    """Everything in the metadata that the Hub would refuse, or might."""
    for where, value in leaves(front):
        if isinstance(value, float) and not math.isfinite(value):
            yield Breach(where, "finite", value)
    given = {key: value for key, value in front.items() if value is not None}
    yield from _licenses(given)
    yield from _own_license(given)
    yield from _ids(given)
    yield from _kinds(given)
    yield from _languages(given)
    relation = given.get("base_model_relation")
    if isinstance(relation, str) and relation not in RELATIONS:
        yield Breach("base_model_relation", "relation", relation, doubt=True)
    if isinstance(given.get("model-index"), list):
        yield from _index(given["model-index"])


def leaves(value: Any) -> Iterator[tuple[str, Any]]:
    """Every value below `value` with the way to it, at most one more than MOST_NODES."""
    stack: list[tuple[str, Any]] = [("", value)]
    for _ in range(MOST_NODES + 1):
        if not stack:
            return
        where, item = stack.pop()
        if isinstance(item, Mapping):
            stack += [(f"{where}.{shortened(str(key))}".lstrip("."), inner) for key, inner in item.items()]
        elif isinstance(item, list | tuple | set):
            stack += [(f"{where}[{index}]", inner) for index, inner in enumerate(item)]
        yield where, item


def _licenses(given: Mapping[Any, Any]) -> Iterator[Breach]:
    """The Hub's list grows: one of its form that is not known here is doubted."""
    for one in listed(given.get("license")):
        if not isinstance(one, str) or one not in LICENSES:
            formed = isinstance(one, str) and LICENSE_ID.fullmatch(one) is not None
            yield Breach(
                "license", "license", one, doubt=formed and not str(one).endswith(("-or-later", "-only"))
            )


def _own_license(given: Mapping[Any, Any]) -> Iterator[Breach]:
    """`license_name` and `license_link` say what `other` is; beside a licence of the list, which the Hub then shows, they are for nothing, or say another one."""
    named = [key for key in ("license_name", "license_link") if key in given]
    if "other" in listed(given.get("license")):
        yield from (
            Breach(key, "own_license", None, doubt=True)
            for key in ("license_name", "license_link")
            if key not in named
        )
    elif named:
        yield Breach(named[0], "listed_license", given[named[0]], doubt=True)


def _ids(given: Mapping[Any, Any]) -> Iterator[Breach]:
    for key, place in IDS:
        for one in listed(given.get(key)):
            if isinstance(one, str) and REPO_ID.fullmatch(one) and ".." not in one and "--" not in one:
                continue
            if key != "new_version" or isinstance(
                one, str
            ):  # the kinds say of another value that it is no text
                yield Breach(key, "id", one, place)


def _kinds(given: Mapping[Any, Any]) -> Iterator[Breach]:
    yield from (
        Breach(key, "text", given[key]) for key in TEXTS if key in given and not isinstance(given[key], str)
    )
    yield from (
        Breach(key, "list", given[key]) for key in LISTS if key in given and not isinstance(given[key], list)
    )
    if isinstance(given.get("tags"), list) and not all(isinstance(one, str) for one in given["tags"]):
        yield Breach("tags", "texts", next(one for one in given["tags"] if not isinstance(one, str)))


def _languages(given: Mapping[Any, Any]) -> Iterator[Breach]:
    """ISO 639-1, 639-2 or 639-3, in lower case, or a special value; `en-us` may pass, `en-US` and `english` do not."""
    for one in listed(given.get("language")):
        if not isinstance(one, str):
            yield Breach("language", "texts", one)
        elif one not in SPECIAL_LANGUAGES and one not in LANGUAGES:
            three = LANGUAGE.fullmatch(one) is not None and len(one) > len("en")
            if not three:
                yield Breach(
                    "language", "language", one, doubt=bool(REGION.fullmatch(one) or LANGUAGE.fullmatch(one))
                )


def _index(index: list[Any]) -> Iterator[Breach]:
    for i, model in enumerate(index):
        results = model.get("results") if isinstance(model, Mapping) else None
        if not isinstance(results, list) or not isinstance(model.get("name"), str):
            yield Breach(f"model-index[{i}]", "model", model)
            continue
        for j, result in enumerate(results):
            yield from _result(result, f"model-index[{i}].results[{j}]")


NEEDED = (("task", "type"), ("dataset", "type"), ("dataset", "name"))
OPTIONAL = (
    ("task", "name"),
    ("dataset", "config"),
    ("dataset", "split"),
    ("dataset", "revision"),
    ("source", "name"),
    ("source", "url"),
)


def _result(result: Any, where: str) -> Iterator[Breach]:
    if not isinstance(result, Mapping):
        yield Breach(where, "result", result)
        return
    for part, key in (*NEEDED, *OPTIONAL):
        inner = result.get(part)
        value = inner.get(key) if isinstance(inner, Mapping) else None
        if not isinstance(value, str) and (value is not None or (part, key) in NEEDED):
            yield Breach(f"{where}.{part}.{key}", "field", value)
    metrics = result.get("metrics")
    if not isinstance(metrics, list):
        yield Breach(f"{where}.metrics", "metrics", metrics)
        return
    for k, metric in enumerate(metrics):
        yield from _metric(metric, f"{where}.metrics[{k}]")


def _metric(metric: Any, where: str) -> Iterator[Breach]:
    if (
        not isinstance(metric, Mapping)
        or not isinstance(metric.get("type"), str)
        or metric.get("value") is None
    ):
        yield Breach(where, "metric", metric)
        return
    for key in ("name", "config"):
        if not isinstance(metric.get(key, ""), str):
            yield Breach(f"{where}.{key}", "field", metric[key])


def listed(value: Any) -> list[Any]:
    """One value or several, as a list."""
    return [] if value is None else value if isinstance(value, list) else [value]
