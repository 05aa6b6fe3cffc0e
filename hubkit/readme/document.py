"""A README.md taken apart: front matter, body, code blocks, each with its line."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from hubkit import plain_yaml
from hubkit.texts import wide_encoding

if TYPE_CHECKING:
    import yaml

FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})[ \t]*([A-Za-z0-9_+.-]*)[^\n]*$")


@dataclass(frozen=True)
class CodeBlock:
    """A fenced block."""

    language: str
    text: str
    line: int
    """Line of the first line of code, 1-based."""
    closed: bool = True
    """False where the text ends before the block does."""


@dataclass(frozen=True)
class Readme:
    """A card. `front_matter` is None when there is none, or when it is not a YAML mapping (`fault` says why)."""

    text: str
    front_matter: Mapping[str, Any] | None
    fault: str | None
    body_line: int
    """Line on which the body begins, 1-based."""
    code_blocks: tuple[CodeBlock, ...]
    head: str | None = None
    """The YAML between the first two `---` lines; None where there is no such pair."""
    node: yaml.Node | None = field(default=None, repr=False, compare=False)
    """The head as YAML nodes, before any value is made of them."""
    yaml_fault: plain_yaml.YamlFault | None = field(default=None, compare=False)
    """Why there is no node, or no value; its line is counted in the head."""
    encoding: str | None = None
    """UTF-16 or UTF-32 where it is saved as that; None for UTF-8, which is what the Hub reads."""


def read_readme(data: bytes) -> Readme:
    """A README.md from its bytes, in whatever encoding they are: so that one that is saved wrongly is told that, and nothing that follows from it."""
    encoding = wide_encoding(data)
    return replace(parse_readme(data.decode(encoding or "utf-8", errors="replace")), encoding=encoding)


def parse_readme(text: str) -> Readme:
    """Take `text` apart. Never raises: what is wrong with the front matter is in `fault`."""
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    lines = text.split("\n")
    end = (
        next((i for i, line in enumerate(lines[1:], 1) if line.rstrip() == "---"), None)
        if lines[0].rstrip() == "---"
        else None
    )
    if lines[0].rstrip() == "---" and end is None:
        return Readme(
            text, None, "the front matter is opened with --- and never closed", 1, code_blocks(text)
        )
    if end is None:
        return Readme(text, None, None, 1, code_blocks(text))
    head = "\n".join(lines[1:end])
    node = yaml_fault = value = None
    try:
        node = plain_yaml.compose(head)
        # a merge key changes the nodes that a value is made of
        value = plain_yaml.construct(plain_yaml.compose(head) if "<<" in head else node)
    except plain_yaml.YamlFault as error:
        yaml_fault = error
    front, fault = _front_matter(value, yaml_fault)
    return Readme(text, front, fault, end + 2, code_blocks(text), head, node, yaml_fault)


def _front_matter(
    value: Any, fault: plain_yaml.YamlFault | None
) -> tuple[Mapping[str, Any] | None, str | None]:
    if fault is not None:
        return None, f"the front matter is not YAML: line {fault.line + 1}: {fault.message}"
    if value is None:
        return {}, None
    if not isinstance(value, Mapping):
        return None, f"the front matter is a {type(value).__name__}, expected keys and values"
    return value, None


@lru_cache(maxsize=4)  # a card that is judged, mended and judged again is taken apart several times
def code_blocks(text: str) -> tuple[CodeBlock, ...]:
    """Every fenced code block, in order; one that is never closed ends with the text (as CommonMark has it)."""
    blocks: list[CodeBlock] = []
    lines = text.split("\n")
    at = 0
    while at < len(lines):
        opened = FENCE.match(lines[at])
        at += 1
        if not opened:
            continue
        start = at
        closing = re.compile(rf"^ {{0,3}}{re.escape(opened.group(1)[0])}{{{len(opened.group(1))},}}[ \t]*$")
        while at < len(lines) and not closing.match(lines[at]):
            at += 1
        blocks.append(
            CodeBlock(opened.group(2).lower(), "\n".join(lines[start:at]), start + 1, at < len(lines))
        )
        at += 1
    return tuple(blocks)
