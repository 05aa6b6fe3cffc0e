"""Templates of chats that reach for Python's own insides: what renders them outside of a sandbox runs whatever they say.

Where they stand: tokenizer_config.json, chat_template.json and .jinja, any text of JSON, YAML or TOML under whatever key, plain texts, and the metadata of GGUF.
Source: transformers 4.57 (chat_template_utils.py), smolagents 1.20 (prompts.yaml), GGUF 3, llama-cpp-python before 0.2.72 (which rendered them without a sandbox).
"""

from __future__ import annotations

import json
import re
import types
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hubkit.errors import IncompleteError
from hubkit.validate.code_by_name import CodeFile
from hubkit.validate.code_values import Form, Pairs, strings, values
from hubkit.validate.finding import Severity
from hubkit.validate.plain_text import plain
from hubkit.validate.secret_bytes import text_of
from hubkit.words import some

if TYPE_CHECKING:
    from hubkit.repo.view import Entry, RepoView
    from hubkit.validate.code_files import SearchedCode

TEMPLATES = (".jinja", ".jinja2", ".j2", ".tmpl", ".tpl", ".template", ".prompt")
TEXTS = (".txt", ".html", ".htm", ".xml")
"""What may be a template, and mostly is none: as one that reads as a template from its beginning to its end."""
FOR_PEOPLE = ("readme", "license", "licence", "notice", "changelog", "security", "authors", "requirements")
"""What a text is called that people read, and nobody renders."""
ROWS = (".jsonl", ".ndjson")
"""Of data, in which texts may be about anything."""
TOO_LONG = "a template that is too long to be followed, or one of too many; its words were looked at"
MENTION = re.compile(r"chat_template|template_format|jinja|doc_to_(?:text|target|choice)|prompt_?[Tt]emplate")
"""What stands in settings that have a template: of a chat, of a prompt (langchain, Haystack), of a task (lm-evaluation-harness)."""
SETTINGS: dict[str, Form] = {
    ".json": "json",
    ".json5": "json",
    ".yaml": "yaml",
    ".yml": "yaml",
    ".toml": "toml",
}
"""Files that may have one as the value of a key."""
EXPRESSION = re.compile(r"\{[{%]")
MAY_BE = re.compile(r"\{[{%]|\\(?:u007|x7|U0000007)[bB]")
"""The same, or a brace as JSON, YAML and TOML may write it."""
ACCESS = re.compile(r"__|_[A-Z]|\b[a-z]{1,4}_(?:frame|globals|builtins|code|back|locals)\b")
"""What stands in every text of data that reaches inside by a name that is written down."""
LONGEST_PARSED, MOST_PARSED = 1 << 17, 1 << 21
"""Characters of one text, and of all of one repository, that are parsed: six seconds a million at the worst. Templates of models have some ten thousand."""
LARGEST = 1 << 22
"""Characters of a text that is parsed: tokenizer_config.json lists every added token."""
MOST_SEARCHED = 1 << 25
"""Bytes of a longer one, whose texts with braces are taken one by one."""
SPEAKS = re.compile(
    rf"(?:{MENTION.pattern})\w{{0,20}}[\"']\s{{0,9}}[:=]\s{{0,9}}(?!-?\d)|^[ \t-]{{0,60}}\w{{0,40}}?(?:{MENTION.pattern})\w{{0,20}}\s{{0,9}}[:=]",
    re.MULTILINE,
)
"""The same as a key, and not as a word among data, nor as a token with its number."""
QUOTED = re.compile(r'"(?:[^"\\]++|\\.)*+"')
"""A text of JSON."""
GGUF = b"GGUF"
GGUF_NAMES = (".gguf", ".ggml")
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
MOST_LOOKS, MOST_BACKSLASHES = 2_000, 100
FEWEST_ROWS = 3
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


@dataclass
class Parsing:
    """What may still be parsed of one repository."""

    left: int = MOST_PARSED
    missed: bool = False
    """Whether a text was too long, or came too late."""

    def reach(self, text: str) -> str | None:
        """How a template reaches inside, in words. Raises ValueError for what is none, or is not parsed."""
        if EXPRESSION.search(text) is None:
            return None
        if len(text) > min(self.left, LONGEST_PARSED):
            self.missed = True
            raise ValueError("not parsed")
        self.left -= len(text)
        from hubkit.validate.template_tree import computed_reach  # jinja2 takes as long as a small validation

        return computed_reach(text)


def search_templates(view: RepoView, searched: SearchedCode) -> None:
    """Look at every template that is at hand, into `searched`."""
    templates, others = Parsing(), Parsing()
    passed: list[str] = []
    far: list[str] = []
    for entry in view.list():
        if not entry.size or not view.at_hand(entry.path, 0, min(entry.size, MOST_SEARCHED)):
            far += [entry.path] if entry.size and entry.name.lower().endswith(GGUF_NAMES) else []
            continue
        templates.missed = others.missed = False
        try:
            found = next(_reaches(view, entry, templates, others), None)
        except IncompleteError as error:
            searched.unread.append(error.message)
            continue
        if found is not None:
            what, severity = found
            searched.found.append(CodeFile(entry.path, "template", told(what), severity))
        elif templates.missed:
            searched.unread.append(f"{entry.path}: {TOO_LONG}")
        elif others.missed:
            passed.append(entry.path)
    if far:
        searched.remarks.append(f"{some(far)}: not brought here to be searched for a template of chats")
    if passed:
        searched.remarks.append(f"{some(passed)}: too much text with braces to be followed as templates")


def told(what: str) -> str:
    """What is said of a template that reaches inside."""
    return f"a template with {what}: rendered without a sandbox, it runs code"


def template_reach(text: str, parsing: Parsing | None = None) -> str | None:
    """How a template reaches inside, in words: by its tree, and by Python's own names in its texts; of what is none that Jinja reads, by its words."""
    try:
        what = (parsing or Parsing()).reach(text)
    except ValueError:
        name = reaches_inside(text)
        return repr(name) if name else None
    return what or _own_name(text)


def _own_name(text: str) -> str | None:
    """A name of Python's insides that stands in a text of a template which asks for nothing by it: somebody else may."""
    name = reaches_inside(text)
    return repr(name) if name in PYTHONS else None


def _reaches(
    view: RepoView, entry: Entry, templates: Parsing, others: Parsing
) -> Iterator[tuple[str, Severity]]:
    """How a file reaches inside, and what that is. Raises IncompleteError where its bytes do not come."""
    if may_have_template(entry.name):
        yield from reaches(entry.name, _text(view, entry), templates, others)
    elif view.read_range(entry.path, 0, len(GGUF)) == GGUF:
        found = (template_reach(text, templates) for text in _of_gguf(view, entry))
        yield from ((what, Severity.ERROR) for what in found if what)


def may_have_template(name: str) -> bool:
    """Whether a file of this name is a template, or a text that may have some in it."""
    small = name.lower()
    return small.endswith((*TEMPLATES, *SETTINGS, *ROWS)) or (
        small.endswith(TEXTS) and not small.startswith(FOR_PEOPLE)
    )


def reaches(name: str, text: str, templates: Parsing, others: Parsing) -> Iterator[tuple[str, Severity]]:
    """How the text of a file of this name reaches inside, and what that is."""
    small = name.lower()
    form = next((form for ending, form in SETTINGS.items() if small.endswith(ending)), None)
    severity = Severity.ERROR
    found: Iterable[str | None]
    if small.endswith(TEMPLATES):
        found = [template_reach(plain(text), templates)]
    elif form is not None:
        if not (SPEAKS.search(text) or MENTION.search(small)):
            yield from _of_settings(text, form, others)
            return
        found = _of_speaking(text, form, templates)
    else:
        rows = _strings(text, "lines") if small.endswith(ROWS) else [text]
        found = _of_others((one for one in rows if EXPRESSION.search(one) and ACCESS.search(one)), others)
        severity = Severity.WARNING
    yield from ((what, severity) for what in found if what)


def _of_settings(text: str, form: Form, parsing: Parsing) -> Iterator[tuple[str, Severity]]:
    """Of settings that speak of no template; of what lies in lists of JSON, below numbers or in a table of YAML, as rows of data do, a warning."""
    own, rows = list(_strings(text, form)), list[str]()
    if form in {"json", "yaml"} and own and len(text) <= LARGEST:
        own, rows = [], []
        parted = _parted if form == "json" else _of_documents
        for value, is_row in (one for root in values(text, form, MAY_BE) for one in parted(root)):
            (rows if is_row else own).extend(one for one in strings(value) if EXPRESSION.search(one))
    for texts, severity in ((own, Severity.ERROR), (rows, Severity.WARNING)):
        yield from ((what, severity) for what in _of_others(texts, parsing) if what)


def _parted(root: Any) -> Iterator[tuple[Any, bool]]:
    """Each value of a document of JSON, and whether it is one of many: in a list, or below a number."""
    left = [root]
    while left:
        value = left.pop()
        if isinstance(value, Pairs):
            left += [inner for key, inner in value if not key.isdecimal()]
            yield from ((inner, True) for key, inner in value if key.isdecimal())
        else:
            yield value, isinstance(value, list)


def _of_documents(parts: list[Any]) -> Iterator[tuple[Any, bool]]:
    """The same of a document of YAML, its tags before its root: lists are settings there too (steps, tasks), but for a whole document of equal, flat rows."""
    for value in parts:
        yield value, isinstance(value, list) and len(value) >= FEWEST_ROWS and _are_rows(value)


def _are_rows(values: list[Any]) -> bool:
    if not all(isinstance(one, Pairs) for one in values):
        return False
    keys = {tuple(key for key, _ in one) for one in values}
    return len(keys) == 1 and not any(isinstance(value, list) for one in values for _, value in one)


def _text(view: RepoView, entry: Entry) -> str:
    """As far as it is searched. Raises IncompleteError for settings that have a template and are longer than that."""
    text = text_of(view.read_range(entry.path, 0, min(entry.size, MOST_SEARCHED)))
    if entry.size > MOST_SEARCHED and SPEAKS.search(text):
        raise IncompleteError(
            f"{entry.path}: searched for templates only in its first {MOST_SEARCHED >> 20} MiB"
        )
    return text


def _of_speaking(text: str, form: Form, parsing: Parsing) -> Iterator[str | None]:
    """Of settings that speak of a template each that they have; the words of the whole, where one is none that Jinja reads."""
    read: list[bool] = []
    for one in _strings(text, form):
        try:
            yield parsing.reach(one) or _own_name(one)
            read.append(True)
        except ValueError:
            read.append(False)
    if not (read and all(read)):
        found = reaches_inside(plain(text))
        yield repr(found) if found else None


def _of_others(texts: Iterable[str], parsing: Parsing) -> Iterator[str | None]:
    """Of other texts each that is a template from its beginning to its end."""
    for one in texts:
        try:
            yield parsing.reach(one)
        except ValueError:  # braces of something else
            continue


def _strings(text: str, form: Form) -> Iterator[str]:
    """The texts in a text that may be templates; of JSON that is too long to be parsed, each by its quotes."""
    if len(text) > LARGEST and form == "json":
        yield from _quoted(text)
        return
    for root in values(text, form, MAY_BE) if MAY_BE.search(text) else ():
        yield from (one for one in strings(root) if EXPRESSION.search(one))


def _opening(text: str, least: int, at: int) -> int:
    """Where the text of JSON begins that `at` lies in: the nearest quote before it that no backslash stands before."""
    begin = text.rfind('"', least, at)
    while begin > 0 and _backslashes(text, begin) % 2:
        begin = text.rfind('"', least, begin)
    return begin


def _backslashes(text: str, at: int) -> int:
    """How many stand just before a place."""
    before = text[max(0, at - MOST_BACKSLASHES) : at]
    return len(before) - len(before.rstrip("\\"))


def _quoted(text: str) -> Iterator[str]:
    """Every text of JSON that has braces."""
    until = 0
    for match in MAY_BE.finditer(text):
        if match.start() < until:
            continue
        begin = _opening(text, until, match.start())
        if begin >= 0 and (whole := QUOTED.match(text, begin)) is not None:
            until = whole.end()
            with suppress(ValueError):
                yield json.loads(whole.group())


def _of_gguf(view: RepoView, entry: Entry) -> Iterator[str]:
    for start in range(0, min(entry.size, MOST_OF_GGUF), BLOCK):
        block = view.read_range(entry.path, start, min(entry.size, start + BLOCK + OVERLAP))
        for match in GGUF_TEMPLATE.finditer(block):
            begin = start + match.end()
            length = min(int.from_bytes(match[1], "little"), LONGEST_TEMPLATE)
            yield view.read_range(entry.path, begin, min(entry.size, begin + length)).decode(
                "utf-8", "replace"
            )
