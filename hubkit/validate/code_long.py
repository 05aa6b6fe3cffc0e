"""Names of code in texts that are too long to be parsed whole: what stands around the words, judged as in any other text.

Of JSON the innermost object that a word lies in, or, where that is too long, the pair by itself; of other forms each `key: value` of a line.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import islice
from typing import Any

from hubkit.errors import IncompleteError
from hubkit.validate.code_loaders import KEYS
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
    Named,
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
REACH = 20_000
"""Characters of an object that is read by itself."""
MOST_BRACES, MOST_WORDS = 20, 200_000


def names_in(text: str, form: Form) -> list[Named]:
    """What a text that is short enough to be parsed names."""
    return names_in_long(text, form) if form == "jsonnet" else names_of_code(text, form)


def names_in_long(text: str, form: Form) -> list[Named]:
    """What a text names, each key and name once. Raises IncompleteError where the value of a word of JSON cannot be read by itself."""
    found: dict[Named, None] = {}
    for root in _of_json(text) if form in {"json", "lines"} else _of_lines(text):
        found |= dict.fromkeys(judged(objects(root)))
    return list(found)


def _of_json(text: str) -> Iterator[Any]:
    text = ESCAPED.sub(lambda match: chr(int(match[1], 16)), text)
    until = 0
    for number, match in enumerate(WORD.finditer(text)):
        if number == MOST_WORDS:
            raise IncompleteError(f"only the first {MOST_WORDS:,} of its places that may name code were read")
        if match.start() < until:
            continue
        root, until = _object_around(text, match)
        if isinstance(root, Pairs) and "${" in str(dict(root).get(TARGET)):
            raise IncompleteError(
                f"{TARGET} is put together of other values, and the text is too long for that"
            )
        yield root


def _object_around(text: str, match: re.Match[str]) -> tuple[Any, int]:
    """The innermost object that holds the pair, and where it ends. Raises IncompleteError."""
    brace = match.start()
    for _ in range(MOST_BRACES):
        brace = text.rfind("{", max(0, match.start() - REACH), brace)
        if brace < 0:
            break
        value, end = _decoded(text, brace)
        if end > match.end():
            return value, end
    value, end = _decoded(text, match.end())
    if end and not match.group():
        return [value], end
    if end:
        pair = json.loads(match.group().rstrip().removesuffix(":")), value
        return Pairs([*_before(text, match.start()), pair, *_behind(text, end)]), end
    raise IncompleteError(f"{match.group().rstrip(' :')} has a value that is too long to be read by itself")


def _before(text: str, end: int) -> Iterator[tuple[str, Any]]:
    """The plain pairs that stand just before a pair, in the same object."""
    if (beside := PLAIN.search(text[max(0, end - REACH // 10) : end])) is not None:
        yield from _decoded(f"{{{beside.group().rstrip().removesuffix(',')}}}", 0)[0] or ()


def _behind(text: str, at: int) -> Iterator[tuple[str, Any]]:
    """The pairs that stand just behind one, in the same object, so far as each can be read by itself."""
    while (key := NEXT.match(text, at)) is not None:
        value, at = _decoded(text, key.end())
        if not at:
            return
        yield key[1], value


def _decoded(text: str, begin: int) -> tuple[Any, int]:
    """The value that begins there, and where it ends: 0 where none ends within reach."""
    try:
        value, end = DECODER.raw_decode(text[begin : begin + REACH])
    except (ValueError, RecursionError):
        return None, 0
    return value, begin + end


DECODER = json.JSONDecoder(object_pairs_hook=Pairs)


def _of_lines(text: str) -> Iterator[Any]:
    for match in islice(LINE.finditer(text), MOST_WORDS):
        yield Pairs([(match[1], match[2].strip())])
