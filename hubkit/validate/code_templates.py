"""Templates of chats that reach for Python's own insides: what renders them outside of a sandbox runs whatever they say.

Where they stand: tokenizer_config.json, chat_template.json and .jinja, other settings that name one, and the metadata of GGUF. Source: transformers 4.57 (chat_template_utils.py), GGUF 3,
llama-cpp-python before 0.2.72 (which rendered them without a sandbox).
"""

from __future__ import annotations

import re
import types
from collections.abc import Iterator
from typing import TYPE_CHECKING

from hubkit.errors import IncompleteError
from hubkit.validate.code_by_name import CodeFile
from hubkit.validate.finding import Severity
from hubkit.validate.plain_text import plain
from hubkit.validate.secret_bytes import text_of

if TYPE_CHECKING:
    from hubkit.repo.view import Entry, RepoView
    from hubkit.validate.code_files import SearchedCode

TEMPLATES = (".jinja", ".jinja2", ".j2")
MENTION = re.compile(r"chat_template|template_format|jinja|doc_to_(?:text|target|choice)|prompt_?[Tt]emplate")
"""What stands in settings that have a template: of a chat, of a prompt (langchain, Haystack), of a task (lm-evaluation-harness)."""
SETTINGS = (".json", ".json5", ".yaml", ".yml", ".toml")
"""Files that may name one: read where they mention it."""
LARGEST = 1 << 22
"""Bytes of a text: tokenizer_config.json lists every added token."""
GGUF = b"GGUF"
GGUF_TEMPLATE = re.compile(rb"tokenizer\.chat_template[\w.]{0,40}\x08\0\0\0(.{8})", re.DOTALL)
"""The key, the type of a text, its length."""
LONGEST_TEMPLATE = 1 << 20
BLOCK, OVERLAP, MOST_OF_GGUF = 1 << 20, 200, 1 << 26
"""Bytes: the vocabulary stands before the template in many."""
INSIDE = re.compile(
    r"__(?:[a-z]{1,20}_?){1,2}__|_TemplateReference__|\|\s{0,9}attr\s{0,9}\(\s{0,9}(?![\"'][A-Za-z][^\"']{0,80}[\"']\s{0,9}\))"
    r"|[\w)\]]\[\s{0,9}\(?[\"'][^\"'\]]{0,80}[\"']\s{0,9}(?:\*|\|\s{0,9}(?:replace|reverse|format|lower|join)\b)"
)
"""`__globals__` and its like, and an attribute or a key whose name is put together."""
KINDS = (
    object, type, int, float, str, bytes, list, tuple, dict, set, property, range, BaseException, types.FunctionType, types.MethodType, types.BuiltinFunctionType,
    types.ModuleType, types.CodeType, types.FrameType, types.TracebackType, types.GeneratorType, types.CoroutineType, types.MappingProxyType, types.GetSetDescriptorType,
)  # fmt: skip
PYTHONS = frozenset(name for kind in KINDS for name in [*dir(kind), *dir(type(kind))]) | frozenset(
    "__builtins__ __import__ __loader__ __spec__ __file__ __path__ __package__ __name__ __main__ __wrapped__ __debug__".split()  # noqa: SIM905 - as in imports.py
)
"""What objects have inside; `__start__` and `__en__`, tokens of some models, are none of it."""
BEGUN = re.compile(r"(?<![\[(])([\"'])[^\"'{}%]{0,80}\Z")
"""A text that is printed or joined, and neither a key nor what a function is given."""
JOINED = re.compile(r"[\"']\s{0,9}[+~]?\s{0,9}[\"']")
"""Where one text ends and the next begins, which Jinja makes one of: `'__cl' + 'ass__'`, `'__cl' 'ass__'`."""
OCTAL = re.compile(r"\\{1,2}(?:(1[0-7]{2}|[4-7][0-7](?![0-7]))|N\{LOW LINE\}|U0000005[fF])")
"""A letter or underscore as a text of Jinja may write it, and nothing else does."""
MOST_LOOKS = 2_000
REACH = 4_000
"""Characters of an expression."""
OPENERS, CLOSERS = ("{{", "{%"), ("}}", "%}")


def reaches_inside(text: str) -> str | None:
    """The name of Python's insides in an expression of a template; None where there is none."""
    text = JOINED.sub("", OCTAL.sub(lambda match: chr(int(match[1], 8)) if match[1] else "_", text))
    for number, match in enumerate(INSIDE.finditer(text)):
        if number == MOST_LOOKS:
            return None
        before = text[max(0, match.start() - REACH) : match.start()]
        if max(map(before.rfind, OPENERS)) > max(map(before.rfind, CLOSERS)) and not _is_token(
            match.group(), before[-100:], text[match.end() : match.end() + 100]
        ):
            return match.group()
    return None


def _is_token(name: str, before: str, after: str) -> bool:
    """Whether a name stands in a text as a model's own token: Python has no such name, and nothing is made of the text."""
    begun = BEGUN.search(before)
    if begun is None or not name.startswith("__") or name in PYTHONS:
        return False
    ended = re.match(rf"[^\"'{{}}%]{{0,80}}{begun[1]}\s{{0,9}}(?![|\]%.*(])", after)
    return ended is not None


def search_templates(view: RepoView, searched: SearchedCode) -> None:
    """Look at every template that is at hand, into `searched`."""
    for entry in view.list():
        if not entry.size or not view.at_hand(entry.path, 0, min(entry.size, LARGEST)):
            continue
        try:
            names = [name for text in _templates(view, entry) if (name := reaches_inside(text))]
        except IncompleteError as error:
            searched.unread.append(error.message)
            continue
        if names:
            what = f"a template with {names[0]!r}: rendered without a sandbox, it runs code"
            searched.found.append(CodeFile(entry.path, "template", what, Severity.ERROR))


def _templates(view: RepoView, entry: Entry) -> Iterator[str]:
    """The texts of an entry that may be templates. Raises IncompleteError where its bytes do not come."""
    small = entry.name.lower()
    if small.endswith((*TEMPLATES, *SETTINGS)):
        text = text_of(view.read_range(entry.path, 0, min(entry.size, LARGEST)))
        if MENTION.search(text) or MENTION.search(small) or small.endswith(TEMPLATES):
            yield plain(text)
    elif view.near and view.read_range(entry.path, 0, len(GGUF)) == GGUF:
        yield from _of_gguf(view, entry)


def _of_gguf(view: RepoView, entry: Entry) -> Iterator[str]:
    for start in range(0, min(entry.size, MOST_OF_GGUF), BLOCK):
        block = view.read_range(entry.path, start, min(entry.size, start + BLOCK + OVERLAP))
        for match in GGUF_TEMPLATE.finditer(block):
            begin = start + match.end()
            length = min(int.from_bytes(match[1], "little"), LONGEST_TEMPLATE)
            yield view.read_range(entry.path, begin, min(entry.size, begin + length)).decode(
                "utf-8", "replace"
            )
