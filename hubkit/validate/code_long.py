"""Names of code in texts that are too long to be parsed whole: what stands around the words, judged as in any other text.

Of JSON the innermost object that a word lies in, or, where that is too long, the pair by itself; of other forms each `key: value` of a line.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from typing import Any

from hubkit.errors import IncompleteError
from hubkit.validate.code_loaders import KEYS, Named
from hubkit.validate.code_programs import BACKBONE, DISTRIBUTED, PROVIDERS
from hubkit.validate.code_texts import (
    CODE,
    FILTERS,
    FROM_THE_REPOSITORY,
    KERNELS,
    LAYER,
    MODEL_FILE,
    PIPELINE,
    REPR,
    ROUTER,
    SERVERS,
    SOURCE,
    TARGET,
    TOOLS,
    WORDS,
    judged,
    names_of_code,
)
from hubkit.validate.code_values import Form, Pairs, objects
from hubkit.validate.configured_names import UNMISTAKABLE

ORDINARY = frozenset(["type", "name", "module", "function", "id", "target", "provider", "()"])
"""Keys of all kinds of data: of those only values that can be nothing else are looked at."""
TELLING = frozenset(
    [*(KEYS - ORDINARY), *FROM_THE_REPOSITORY, *KERNELS, *SERVERS, LAYER, PIPELINE, REPR, TOOLS, MODEL_FILE, FILTERS, ROUTER[0], SOURCE, "pipeline", "preprocessors", BACKBONE, PROVIDERS, DISTRIBUTED]
)  # fmt: skip
PROGRAM = rf"[^\"'\n]{{0,100}}?(?<!\w)(?:{'|'.join(sorted(UNMISTAKABLE))})\.\w"
WORD = re.compile(
    rf'"(?:{"|".join(sorted(map(re.escape, TELLING)))})"\s{{0,9}}:\s{{0,9}}(?=["\[{{])'
    rf'|"(?:{"|".join(sorted(map(re.escape, ORDINARY)))})"\s{{0,9}}:\s{{0,9}}(?="{PROGRAM})'
    r'|"type"\s{0,9}:\s{0,9}(?="(?:pyref|constructor)")|"provider"\s{0,9}:\s{0,9}(?="\w{1,80}\.)'
    rf'|"{CODE}"\s{{0,9}}:\s{{0,9}}(?=\{{)|(?="\$[^\n]{{0,400}}(?:eval|exec|compile|breakpoint|system|__))'
)
"""A key before a value that may name code, and nothing before a text that may be an expression."""
LINE = re.compile(
    rf"(?:^[ \t-]{{0,60}}|[{{,]\s{{0,9}})[\"']?({'|'.join(sorted(map(re.escape, TELLING | ORDINARY)))})[\"']?[ \t]{{0,9}}[:=][ \t]{{0,9}}[\"']?([^\"'\n]{{1,400}})",
    re.MULTILINE,
)
ESCAPED = re.compile(r"\\u00(2[89a-fA-F]|3[0-9]|[46][1-9a-fA-F]|[57][0-9aA]|5[fF])")
"""Letters, figures and points as JSON may write them; no quotes and no backslashes."""
PLAIN = re.compile(
    r'(?:"[^"\\]{1,60}"\s{0,9}:\s{0,9}(?:"[^"\\]{0,200}"|[\w.+-]{1,40})\s{0,9},\s{0,9}){1,20}\Z'
)
NEXT = re.compile(r'\s{0,99},\s{0,99}"([^"\\]{1,60})"\s{0,9}:\s{0,9}')
DECODER = json.JSONDecoder(object_pairs_hook=Pairs)
REACH = 20_000
"""Characters of an object that is read by itself."""
MOST_BRACES, MOST_LINES = 20, 20_000
UNPARSED = "it has words that may name code, and is too long to be parsed"
READ_AGAIN, COPY, SPARE = 3, 200, 200_000
"""How many times its length a text may cost to read, what a look at one place costs beside that, and what every text may: in characters."""


def names_in(text: str, form: Form) -> list[Named]:
    """What a text that is short enough to be parsed names."""
    return names_in_long(text, form)[0] if form == "jsonnet" else names_of_code(text, form)


def names_in_long(text: str, form: Form) -> tuple[list[Named], str | None]:
    """What a text names, each key and name once, and why there may be more; None where there is none."""
    found: dict[Named, None] = {}
    if form not in {"json", "lines"}:
        for root in _of_lines(text):
            found |= dict.fromkeys(judged(objects(root)))
        return list(found), UNPARSED if WORDS.search(text) else None
    try:
        for root in _Around(text).roots():
            found |= dict.fromkeys(judged(objects(root)))
    except IncompleteError as error:
        return list(found), error.message
    return list(found), None


def _of_lines(text: str) -> Iterator[Any]:
    for match in islice(LINE.finditer(text), MOST_LINES):
        yield Pairs([(match[1], match[2].strip())])


class _Around:
    """What stands around the words of a text of JSON, read in time that grows as the text does."""

    def __init__(self, text: str) -> None:
        self._text = ESCAPED.sub(lambda match: chr(int(match[1], 16)), text)
        self._left = READ_AGAIN * len(text) + SPARE

    def roots(self) -> Iterator[Any]:
        """Each object or value once. Raises IncompleteError."""
        until = 0
        for match in WORD.finditer(self._text):
            if match.start() < until:
                continue
            root, until = self._object_around(match)
            if isinstance(root, Pairs) and "${" in str(dict(root).get(TARGET)):
                raise IncompleteError(
                    f"{TARGET} is put together of other values, and the text is too long for that"
                )
            yield root

    def _object_around(self, match: re.Match[str]) -> tuple[Any, int]:
        """The innermost object that holds the pair, and where it ends; where that is too long the pair, with what can be read beside it."""
        brace = match.start()
        for _ in range(MOST_BRACES):
            brace = self._text.rfind("{", max(0, match.start() - REACH), brace)
            if brace < 0:
                break
            value, end = self._decoded(brace)
            if end > match.end():
                return value, end
        value, end = self._decoded(match.end())
        if not end:
            raise IncompleteError(
                f"{match.group().rstrip(' :') or 'an expression'} has a value that is too long to be read by itself"
            )
        if not match.group():
            return [value], end
        pair = json.loads(match.group().rstrip().removesuffix(":")), value
        return Pairs([*self._before(match.start()), pair, *self._behind(end)]), end

    def _before(self, end: int) -> Iterator[tuple[str, Any]]:
        """The plain pairs that stand just before a pair, in the same object."""
        self._spend(COPY)
        beside = PLAIN.search(self._text[max(0, end - REACH // 10) : end])
        if beside is None:
            return
        with suppress(ValueError):  # what only looks like JSON stands beside nothing
            yield from json.loads(f"{{{beside.group().rstrip().removesuffix(',')}}}", object_pairs_hook=Pairs)

    def _behind(self, at: int) -> Iterator[tuple[str, Any]]:
        """The pairs that stand just behind one, in the same object, so far as each can be read by itself."""
        while (key := NEXT.match(self._text, at)) is not None:
            value, at = self._decoded(key.end())
            if not at:
                return
            yield key[1], value

    def _decoded(self, begin: int) -> tuple[Any, int]:
        """The value that begins there, and where it ends: 0 where none ends within reach."""
        try:
            value, end = DECODER.raw_decode(self._text[begin : begin + REACH])
        except json.JSONDecodeError as error:
            self._spend(error.pos + COPY)
            return None, 0
        except (ValueError, RecursionError):
            self._spend(REACH)
            return None, 0
        self._spend(end + COPY)
        return value, begin + end

    def _spend(self, characters: int) -> None:
        self._left -= characters
        if self._left < 0:
            raise IncompleteError("it has too many places that may name code to be read one by one")
