"""Every pattern of hubkit is linear on texts made from itself: its own beginnings and its own repeated parts, again and again."""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil
import re
import re._constants as codes
import re._parser as grammar
import time
from collections.abc import Iterator
from typing import Any

import pytest

import hubkit

SIZE = 6_000
HEAVY = ("lab", "train", "collect", "evaluate")
ANCHORED = {
    "hubkit.convert.plan.BLOCK", "hubkit.engine.memory.SIZE", "hubkit.validate.code_by_name.LOADED", "hubkit.publish.neuronpedia.SET", "hubkit.validate.code_arguments.OUTSIDE", "hubkit.validate.code_templates.QUOTED",
    "hubkit.adopt.pieces.FENCE", "hubkit.tensors.code_names.NATIVE", "hubkit.tensors.openers.STORAGE",
    "hubkit.adopt.restated.PLURAL", "hubkit.adopt.split.NUMBERED", "hubkit.readme.prose.OURS", "hubkit.adopt.split.CLOSERS", "hubkit.adopt.split.STATEMENT", "hubkit.adopt.split.WORD", "hubkit.repo.local.NEVER_PUBLISHED",
    "hubkit.validate.code_by_name.COMPILED", "hubkit.validate.code_by_name.NATIVE", "hubkit.validate.code_by_name.INSTALLED", "hubkit.validate.code_by_name.AT_START",
    "hubkit.cards.sections.code.PLAIN_CLASSES", "hubkit.fix.replace.LEFTOVER", "hubkit.formats.tensor_names.SHARD", "hubkit.models.hooks.MODULE_PATH",
    "hubkit.models.hooks.TRANSFORMER_LENS", "hubkit.models.kinship.NUMBER", "hubkit.models.kinship.SIZE", "hubkit.models.mixed_hooks.BLOCK_PATH",
    "hubkit.models.sites.BEFORE_BLOCKS", "hubkit.models.sites.LAYERED", "hubkit.readme.base_mentions.LINE", "hubkit.readme.claims.counts.INTRODUCED",
    "hubkit.readme.code_models.LOADS_MODEL", "hubkit.readme.code_models.LOADS_SAE", "hubkit.readme.code_models.LOADS_TOKENIZER",
    "hubkit.readme.page.CODE", "hubkit.release.layout.LEFT_OUT_FILES", "hubkit.tensors.openers.CODE", "hubkit.tensors.npz.ITEM",
    "hubkit.readme.claims.properties.HOOKS", "hubkit.readme.loaded.BETWEEN",
    "hubkit.validate.identity.NAME", "hubkit.study.mistakes.POWER", "hubkit.validate.rules.cfg_training.NOT_NEGATIVE", "hubkit.validate.rules.cfg_training.LEAST", "hubkit.validate.code_sites.MODULE", "hubkit.validate.properties.SIZE", "hubkit.validate.rules.cfg_neuronpedia.FORM",
    "hubkit.validate.secret_kinds.VERSION", "hubkit.validate.secret_settings.DOCKER", "hubkit.validate.secret_settings.YAML", "hubkit.validate.secret_settings.PASS_FILES", "hubkit.tensors.onnx_parts.OUTSIDE", "hubkit.validate.secret_settings.PROGRAMS",
    "hubkit.validate.secret_settings.SETTINGS", "hubkit.validate.secret_texts.HAND_MADE",
}  # fmt: skip
"""Used with `match` and `fullmatch` only: asked so here."""
SHORT = {
    "hubkit.adopt.contradicted.QUOTED", "hubkit.adopt.difference.QUOTED", "hubkit.adopt.headings.PATTERNS",
    "hubkit.readme.claims.layers.SEPARATOR", "hubkit.readme.claims.layers.TAIL", "hubkit.readme.base_mentions.CLAIM", "hubkit.readme.code_models.MODULE",
    "hubkit.readme.stated.WORD",
    "hubkit.validate.secret_kinds.TOKENIZER",
}  # fmt: skip
"""Given texts without runs of blanks (`page.BLANKS`), of 1,500 characters at most: parts of lines, sentences (`page.LONGEST_SENTENCE`), constants of code, names in settings (64), messages of findings."""
CATEGORIES = {
    codes.CATEGORY_DIGIT: "1", codes.CATEGORY_WORD: "a", codes.CATEGORY_SPACE: " ", codes.CATEGORY_NOT_WORD: "-", codes.CATEGORY_NOT_SPACE: "a",
    codes.CATEGORY_NOT_DIGIT: "a",
}  # fmt: skip


def patterns() -> dict[str, re.Pattern[str]]:
    """Every compiled pattern at the top of a module, also in tables, by its name."""
    found: dict[str, re.Pattern[str]] = {}
    for module in pkgutil.walk_packages(hubkit.__path__, "hubkit."):
        if module.name.split(".")[1] in HEAVY or module.name.endswith(
            ("runner", "__main__", "unpickle", "keeper")
        ):
            continue
        for name, value in vars(importlib.import_module(module.name)).items():
            for place, one in _inside(value, f"{module.name}.{name}", 3):
                if isinstance(one.pattern, str):
                    found.setdefault(place, one)
    return found


def _inside(value: Any, place: str, depth: int) -> Iterator[tuple[str, re.Pattern[Any]]]:
    if isinstance(value, re.Pattern):
        yield place, value
    elif depth and isinstance(value, dict):
        for key, inner in value.items():
            yield from _inside(inner, f"{place}[{key!r}]", depth - 1)
    elif depth and dataclasses.is_dataclass(value) and not isinstance(value, type):
        for one in dataclasses.fields(value):
            yield from _inside(getattr(value, one.name), f"{place}.{one.name}", depth - 1)
    elif depth and isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            yield from _inside(inner, f"{place}[{index}]", depth - 1)


def one_of(items: Any) -> str:
    """A character of a class."""
    if items[0][0] is codes.NEGATE:
        excluded = {chr(value) for op, value in items[1:] if op is codes.LITERAL}
        return next((c for c in "a1 -.;é" if c not in excluded), "é")
    op, value = items[0]
    return chr(value) if op is codes.LITERAL else chr(value[0]) if op is codes.RANGE else CATEGORIES[value]


class Beginnings:
    """A text that a pattern would match, and on the way every beginning of it with the part that may be repeated there."""

    def __init__(self) -> None:
        self.text = ""
        self.pumps: list[tuple[str, str]] = []

    def walk(self, tree: Any) -> None:
        """Append what `tree` matches."""
        for op, value in tree:
            if self.text:
                self.pumps.append(("", self.text))
            if op is codes.LITERAL:
                self.text += chr(value)
            elif op in {codes.NOT_LITERAL, codes.ANY}:
                self.text += "a"
            elif op is codes.IN:
                self.text += one_of(value)
            elif op is codes.BRANCH:
                self._branches(value[1])
            elif op is codes.SUBPATTERN:
                self.walk(value[3])
            elif op in {codes.MAX_REPEAT, codes.MIN_REPEAT, codes.POSSESSIVE_REPEAT}:
                self._repeat(*value)
            elif op is codes.ATOMIC_GROUP:
                self.walk(value)
        if self.text:
            self.pumps.append(("", self.text))

    def _branches(self, several: Any) -> None:
        before = self.text
        for one in several:
            self.text = before
            self.walk(one)

    def _repeat(self, least: int, most: int, inner: Any) -> None:
        part = Beginnings()
        part.walk(inner)
        if part.text and most >= 8:
            self.pumps.append((self.text, part.text))
        self.pumps += [(self.text + before, unit) for before, unit in part.pumps]
        self.pumps += [("", self.text + before + unit) for before, unit in part.pumps]
        self.text += part.text * max(least, 1)


def seconds(pattern: re.Pattern[str], text: str, *, anchored: bool) -> float:
    begun = time.process_time()
    pattern.match(text)
    pattern.fullmatch(text)
    if not anchored:
        for _ in pattern.finditer(text):
            pass
    return time.process_time() - begun


def superlinear(pattern: re.Pattern[str], *, anchored: bool) -> str | None:
    """A text for which the pattern takes more than six times as long when it is four times as long."""
    beginnings = Beginnings()
    beginnings.walk(grammar.parse(pattern.pattern, pattern.flags & ~re.DEBUG))
    for before, unit in dict.fromkeys(beginnings.pumps):
        for end in ("", "\0", " \0"):
            texts = [(before + unit * (size // len(unit) + 1))[:size] + end for size in (SIZE // 4, SIZE)]
            first, last = (seconds(pattern, text, anchored=anchored) for text in texts)
            if last < 0.02:
                continue
            first, last = (min(seconds(pattern, text, anchored=anchored) for _ in range(3)) for text in texts)
            if last > 0.015 and last > 7 * first:
                return f"{before[:40]!r} + {unit[:40]!r} * n: {first:.4f} and {last:.4f} s"
    return None


@pytest.mark.full
def test_every_pattern_is_linear_on_its_own_parts() -> None:
    found = {
        name: said
        for name, pattern in patterns().items()
        if name.partition("[")[0] not in SHORT
        and (said := superlinear(pattern, anchored=name.partition("[")[0] in ANCHORED))
    }
    assert found == {}


def test_the_search_finds_patterns_that_are_not() -> None:
    assert superlinear(re.compile(r'"(?:[^"\\]|\\.)*"'), anchored=False)
    assert superlinear(re.compile(r"\s+$"), anchored=False)
    assert superlinear(re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+\\?+"?+'), anchored=False) is None
    assert superlinear(re.compile(r"\s+$"), anchored=True) is None


def test_the_words_of_a_card_yaml_are_parted_in_a_line_of_time() -> None:
    pattern = patterns()["hubkit.cards.author_check.PIECES"]
    assert superlinear(pattern, anchored=False) is None
    assert pattern.split("a {{ x }} b{% if y %}c {# z #}d\ne {{ {{ f }}") == [
        "a ",
        " b",
        "c ",
        "d",
        "e {{ ",
        "",
    ]


@pytest.mark.parametrize(
    "name", ["validate.stated_measures.PERCENT", "validate.rules.cfg_training.NOT_NEGATIVE"]
)
def test_what_a_file_of_a_stranger_is_asked_is_linear(name: str) -> None:
    whole = f"hubkit.{name}"
    assert superlinear(patterns()[whole], anchored=whole in ANCHORED) is None


def test_what_is_asked_another_way_exists() -> None:
    there = patterns().keys()
    assert there | {name.partition("[")[0] for name in there} >= ANCHORED | SHORT
