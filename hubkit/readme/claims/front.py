"""What the front matter states of the SAEs: keys that are named like a field, and tags that name an architecture. The base model and the datasets are other rules'."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from hubkit.readme.claims.fields import FIELDS, named
from hubkit.readme.claims.kinds import Claim, Property
from hubkit.readme.page import Page, shortened

if TYPE_CHECKING:
    import yaml

HUBS = {"model_name", "base_model", "base_model_relation", "datasets", "tags", "license", "language", "library_name", "pipeline_tag", "metrics", "model-index", "widget"}  # fmt: skip
"""Keys that the Hub gives a meaning of its own."""
TAGS = {"topk", "top-k", "jumprelu", "batchtopk", "batch-topk"}
"""Not "gated", which may be the access to the files, nor "standard"."""
NAMED_TAG = re.compile(r"(?P<name>[A-Za-z][A-Za-z_]{0,20}(?:-[a-z]{1,10})?)[-_=:](?P<value>\d{1,9}k?)")
DEEPEST = 3
MOST = 2_000
"""Keys that are looked at."""


def read(page: Page) -> Iterator[Claim]:
    """Every field that the front matter states."""
    node = page.readme.node
    if node is None or page.readme.fault is not None or page.readme.front_matter is None:
        return
    seen = 0
    level: list[Any] = [node]
    for _ in range(DEEPEST):
        deeper: list[Any] = []
        for one in level:
            for key, value in _pairs(one):
                seen += 1
                if seen > MOST:
                    return
                yield from _stated(key, value)
                if _pairs(value) and key.value not in HUBS:
                    deeper.append(value)
        level = deeper


def _pairs(node: yaml.Node) -> list[tuple[yaml.Node, yaml.Node]]:
    """Of a mapping."""
    value = node.value
    return (
        [pair for pair in value if isinstance(pair, tuple) and _is_scalar(pair[0])]
        if isinstance(value, list)
        else []
    )


def _is_scalar(node: yaml.Node) -> bool:
    return isinstance(node.value, str)


def _stated(key: yaml.Node, value: yaml.Node) -> Iterator[Property]:
    if key.value == "tags" and isinstance(value.value, list):
        kind = FIELDS["architecture"].kind
        tags = [
            one
            for one in value.value[:MOST]
            if not isinstance(one, tuple) and _is_scalar(one) and one.value.lower() in TAGS
        ]
        found = {repr(kind.read(one.value)): one for one in tags}
        if len(found) == 1:
            (tag,) = found.values()
            yield _property(tag, "architecture", kind.read(tag.value), f"- {tag.value}")
        yield from _named_tags(value.value[:MOST])
        return
    meant = named(key.value) if key.value not in HUBS and _is_scalar(value) else None
    if meant is None or meant[0].name == "model_name":
        return
    stated = meant[0].kind.read(value.value)
    if stated is not None:
        yield _property(key, meant[0].name, stated, f"{key.value}: {value.value}", loosely=meant[1])


def _named_tags(tags: list[Any]) -> Iterator[Property]:
    """`layer-9`, `d_sae:4096`: the sure name of a field and a number; one that stands there twice is a list of several."""
    found: dict[str, list[tuple[yaml.Node, Any]]] = {}
    for tag in tags:
        match = NAMED_TAG.fullmatch(tag.value) if not isinstance(tag, tuple) and _is_scalar(tag) else None
        meant = named(match["name"].replace("-", "_")) if match else None
        if match is None or meant is None or (meant[1] and match["name"].lower() != "layer"):
            continue
        if (stated := meant[0].kind.read(match["value"])) is not None:
            found.setdefault(meant[0].name, []).append((tag, stated))
    for name, values in found.items():
        if len(values) == 1:
            ((tag, stated),) = values
            yield _property(tag, name, stated, f"- {tag.value}")


def _property(node: yaml.Node, field: str, stated: Any, quote: str, *, loosely: bool = False) -> Property:
    line = node.start_mark.line + 2  # behind the line of dashes, and counted from 1
    return Property(
        line=line, quote=shortened(quote), field=field, stated=stated, scope="any", loosely=loosely
    )
