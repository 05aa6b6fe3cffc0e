"""Files beside pickles that run code when somebody uses them: YAML with Python's tags, path files, compiled code, layers of Keras.

Source: CPython 3.13 (site.py: addpackage), Keras 3 (saving/serialization_lib.py).
"""

from __future__ import annotations

import json
import re
import zipfile
import zlib
from codecs import getincrementaldecoder
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from hubkit.errors import IncompleteError
from hubkit.tensors.code_names import IMPORT_LINE, LINE_ENDS, may_be_path_file
from hubkit.tensors.view_file import Allowance, ViewFile
from hubkit.validate.code_by_name import CodeFile, by_name, may_be_loaded
from hubkit.validate.code_loaders import Named
from hubkit.validate.code_long import REACH, names_in, names_in_long
from hubkit.validate.code_programs import GIN, of_gin
from hubkit.validate.code_templates import search_templates
from hubkit.validate.code_texts import form_of, names_of_code
from hubkit.validate.finding import Severity
from hubkit.validate.secret_bytes import BOMS, HEAD, NO_TEXT, is_text, text_of
from hubkit.validate.yaml_tags import python_tags, tag_words
from hubkit.words import some

if TYPE_CHECKING:
    from hubkit.repo.view import Entry, RepoView
    from hubkit.validate.code_values import Form

LONGEST_YAML = 1 << 20
"""Bytes that are parsed; of a longer text only the words are looked for."""
MOST_BYTES = 1 << 26
"""Bytes of a file that are searched for words."""
MOST_OF_HDF5 = 1 << 30
"""The same of HDF5, whose attributes may stand anywhere."""
MOST_OBJECTS = 10_000
KERAS_REQUESTS = 16
"""Of a far `.keras`: its directory, and the configuration in it."""
BLOCK, OVERLAP = 1 << 20, 200
MOST_BLOCKS = 4
"""Of a text that is not called YAML: a tag far down in something else's file is nobody's YAML."""
MOST_OTHERS = 1 << 30
"""Bytes of all texts of one repository that are not called YAML."""
PROSE = (".md", ".txt", ".rst", ".tex", ".html", ".py", ".ipynb")
"""Texts that people read, or programs other than YAML's."""
FENCE = re.compile(rb"(?:\xef\xbb\xbf)?---[ \t]*\r?\n")
CLOSING = re.compile(r"^(?:---|\.\.\.)[ \t\r]*$", re.MULTILINE)
"""Where front matter begins and ends."""
LONG = "it is too long to be parsed here, and by its words"
KERAS_OBJECT = re.compile(
    rb'"class_name"\s{0,9}:\s{0,9}"(Lambda|__lambda__|TorchModuleWrapper|TFSMLayer|JaxLayer|FlaxLayer)"'
    rb'|"module"\s{0,9}:\s{0,9}"([\w.]{1,80})"\s{0,9},\s{0,9}"class_name"\s{0,9}:\s{0,9}"(\w{1,80})"(?:\s{0,9},\s{0,9}"config"\s{0,9}:\s{0,9}"(\w{1,80})")?'
)
"""An object of Keras as HDF5 holds it: a layer that is a piece of compiled Python or loads one, or what is imported by its name."""
ESCAPED = re.compile(rb"\\u00([2-7][0-9A-Fa-f])")
"""A visible character as JSON may write it."""
ODD = (zipfile.BadZipFile, KeyError, ValueError, OSError, RuntimeError, EOFError, zlib.error)
"""What zipfile raises for an archive that it cannot read."""
KERAS = (".h5", ".hdf5", ".keras")


@dataclass
class SearchedCode:
    """What was found, and what the report says beside it."""

    found: list[CodeFile]
    remarks: list[str]
    unread: list[str]


def search_code(view: RepoView) -> SearchedCode:
    """Look at every file of such a kind. Of a far repository only what is at hand: its texts were brought in search of secrets."""
    searched = SearchedCode([], [], [])
    names = [entry for entry in view.list() if entry.size]
    searched.found += by_name([entry.path for entry in names])
    far: list[str] = []
    loaded: list[str] = []
    texts: list[str] = []
    long: list[str] = []
    beyond: list[str] = []
    left = MOST_OTHERS
    for entry in names:
        small = entry.name.lower()
        named = small.endswith((".yaml", ".yml", ".pth", *KERAS))
        if not named and small.endswith((*NO_TEXT, *PROSE)):
            searched.found += _of_front_matter(view, entry) if small.endswith(PROSE) else ()
            continue
        if not view.at_hand(entry.path, 0, entry.size) and not small.endswith(".keras"):
            if may_be_loaded(small):
                loaded.append(entry.path)
            elif small.endswith(KERAS):
                far.append(entry.path)
            elif form_of(small) is not None:
                texts.append(entry.path)
            continue
        left -= 0 if named else min(entry.size, MOST_BYTES)
        if left < 0 and not named:
            beyond.append(entry.path)
            continue
        try:
            searched.found += _naming(view, entry)
        except IncompleteError as error:
            searched.unread.append(error.message)
        try:
            if not named and not _has_words(view, entry):
                continue
            if not named and entry.size > LONGEST_YAML:
                long.append(entry.path)
                continue
            searched.found += _looked_at(view, entry)
        except IncompleteError as error:
            searched.unread.append(error.message)
    searched.remarks += _said(far, "not brought here to be searched for code that runs when it is loaded")
    searched.remarks += _said(texts, "not brought here to be searched for names of code")
    searched.unread += _said(
        loaded,
        "not brought here to be searched for names of code, beyond what is read of a repository on the Hub: of a copy on disk all of it is",
    )
    searched.unread += _said(beyond, "not searched for names of code: too much text in this repository")
    searched.remarks += _said(
        long, "has the words of Python's tags in YAML, and is too long to be read as that"
    )
    search_templates(view, searched)
    keras = [e.path for e in names if e.name.lower().endswith(KERAS) and e.path not in far]
    searched.remarks += _said(
        keras, "searched for layers and names of Keras that run code, and for nothing else that runs"
    )
    return searched


def _said(paths: list[str], what: str) -> Iterable[str]:
    if paths:
        yield f"{some(paths)}: {what}"


def _looked_at(view: RepoView, entry: Entry) -> Iterator[CodeFile]:
    """What the bytes of one file say. Raises IncompleteError where they do not come."""
    small = entry.name.lower()
    if small.endswith((".yaml", ".yml")):
        yield from _of_yaml(view, entry)
    elif small.endswith(".pth"):
        yield from _of_path_file(view, entry)
    elif not small.endswith(KERAS):
        yield from _of_yaml(view, entry)
    elif told := _of_keras(view, entry):
        worst = max(told, key=lambda one: one.severity)
        yield CodeFile(entry.path, "keras", worst.what, worst.severity)


def _of_path_file(view: RepoView, entry: Entry) -> Iterator[CodeFile]:
    """Its first import line. What begins as a checkpoint and is no UTF-8 is none: Python gives it up."""
    utf8 = getincrementaldecoder("utf-8")()
    lines = 0
    for start in range(0, entry.size, BLOCK):
        block = view.read_range(entry.path, start, min(entry.size, start + BLOCK + OVERLAP))
        if not start and not may_be_path_file(block):
            try:
                utf8.decode(block[:BLOCK])
            except UnicodeDecodeError:
                return
        block = block if start else b"\n" + block
        if match := IMPORT_LINE.search(block):
            line = lines + len(LINE_ENDS.findall(block, 0, match.end()))
            what = "a path file with an import line, which Python runs at its start where the file lies in site-packages"
            yield CodeFile(entry.path, "path", what, Severity.WARNING, line)
            return
        lines += len(LINE_ENDS.findall(block, 0, BLOCK + (not start)))


def _blocks(view: RepoView, entry: Entry, most: int = MOST_BYTES, overlap: int = OVERLAP) -> Iterator[bytes]:
    """The file in pieces that overlap."""
    for start in range(0, min(entry.size, most), BLOCK):
        yield view.read_range(entry.path, start, min(entry.size, start + BLOCK + overlap))


def _of_keras(view: RepoView, entry: Entry) -> list[Named]:
    """What Keras would import or run: by words anywhere in HDF5, in config.json in its own zip."""
    if not entry.name.lower().endswith(".keras"):
        return [one for one in _of_hdf5(view, entry) if one.severity > Severity.NOTE]
    allowance = Allowance(KERAS_REQUESTS, KERAS_REQUESTS << 16, 0)
    try:
        with (
            zipfile.ZipFile(ViewFile(view, entry.path, allowance)) as archive,
            archive.open("config.json") as file,
        ):
            text = text_of(file.read(LONGEST_YAML * 16))
    except ODD:  # SEC001 says so
        return []
    return [one for one in names_of_code(text, "json") if one.kind == "keras"]


def _of_hdf5(view: RepoView, entry: Entry) -> Iterator[Named]:
    """Each object of Keras once. Raises IncompleteError where there is more than is read."""
    known: set[tuple[bytes | None, ...]] = set()
    for block in _blocks(view, entry, MOST_OF_HDF5):
        for match in KERAS_OBJECT.finditer(ESCAPED.sub(_letter, block)):
            if match.groups() not in known:
                known.add(match.groups())
                yield from names_of_code(_as_json(match.groups()), "json")
        if len(known) > MOST_OBJECTS:
            raise IncompleteError(f"{entry.path}: more than {MOST_OBJECTS:,} objects of Keras")
    if entry.size > MOST_OF_HDF5:
        raise IncompleteError(
            f"{entry.path}: searched for layers of Keras only in its first {MOST_OF_HDF5 >> 20:,} MiB"
        )


def _as_json(groups: tuple[bytes | None, ...]) -> str:
    """What a match in HDF5 says, as the object that it is the beginning of."""
    layer, module, name, config = (part.decode() if part else None for part in groups)
    return json.dumps(
        {"class_name": layer} if layer else {"module": module, "class_name": name, "config": config}
    )


def _letter(match: re.Match[bytes]) -> bytes:
    return bytes([int(match[1], 16)])


def _of_yaml(view: RepoView, entry: Entry) -> Iterator[CodeFile]:
    """One finding for all Python tags of a text, as severe as the worst."""
    if entry.size > LONGEST_YAML:
        if any(map(tag_words, _texts(view, entry))):
            what = "it has Python's tags, or declares some, and is too long to be read for what they call"
            yield CodeFile(entry.path, "yaml", what, Severity.WARNING)
        return
    yield from _of_tags(entry.path, text_of(view.read_range(entry.path, 0, entry.size)))


def _of_front_matter(view: RepoView, entry: Entry) -> Iterator[CodeFile]:
    """The YAML before a text that people read; what such a text says itself is no YAML."""
    size = min(entry.size, LONGEST_YAML)
    try:
        if view.at_hand(entry.path, 0, size) and FENCE.match(view.read_range(entry.path, 0, 8)):
            text = text_of(view.read_range(entry.path, 0, size))
            end = CLOSING.search(text, 3)
            yield from _of_tags(entry.path, text[: end.start()] if end else "")
    except IncompleteError:  # whoever wants the text says so
        return


def _of_tags(path: str, text: str) -> Iterator[CodeFile]:
    found = python_tags(text)
    if not found:
        return
    severity, _, line = max(found, key=lambda one: (one[0], -one[2]))
    names = tuple(dict.fromkeys(name for _, name, _ in found))
    what = f"tags of Python ({some(list(names))}), which an unsafe YAML loader imports or calls"
    yield CodeFile(path, "yaml", what, severity, line, names=names)


def _naming(view: RepoView, entry: Entry) -> Iterator[CodeFile]:
    """What JSON and YAML name for a loader to call: one finding a kind, as severe as the worst. Raises IncompleteError where its bytes do not come."""
    form = form_of(entry.name.lower())
    if form is None and entry.name.lower().endswith(GIN) and entry.size <= LONGEST_YAML:
        if (told := of_gin(text_of(view.read_range(entry.path, 0, entry.size)))) is not None:
            what = f"it names {told[0]!r}, which gin imports and calls"
            yield CodeFile(entry.path, "gin", what, Severity.ERROR, told[1])
        return
    if form is None:
        if view.read_range(entry.path, 0, 1) not in (b"{", b"["):
            return
        form = "json"  # whatever it is called
    if entry.size > LONGEST_YAML:
        if view.read_range(entry.path, 0, HEAD).strip(b"\0"):  # a file of holes names nothing
            yield from _naming_far_apart(view, entry, form)
        return
    text = text_of(view.read_range(entry.path, 0, entry.size))
    found = names_in(text, form)
    for kind in dict.fromkeys(one.kind for one in found):
        worst = max((one for one in found if one.kind == kind), key=lambda one: one.severity)
        at = text.find(worst.key)
        line = text.count("\n", 0, at) + 1 if at >= 0 else None
        pointer = f"/{kind}" if kind == worst.key else None
        yield CodeFile(entry.path, kind, worst.what, worst.severity, line, pointer)


def _naming_far_apart(view: RepoView, entry: Entry, form: Form) -> Iterator[CodeFile]:
    """The same of a text that is read in pieces. Raises IncompleteError, behind what was found, where a value is too long."""
    found: dict[str, Named] = {}
    unread = None
    for text in _texts(view, entry, REACH):
        names, why = names_in_long(text, form)
        for one in names:
            if one.kind not in found or one.severity > found[one.kind].severity:
                found[one.kind] = one
        if why is not None:
            unread = f"{entry.path}: {why}"
    yield from (CodeFile(entry.path, one.kind, one.what, one.severity) for one in found.values())
    if entry.size > MOST_BYTES:
        unread = f"{entry.path}: searched for names of code only in its first {MOST_BYTES >> 20} MiB"
    if unread is not None:
        raise IncompleteError(unread)


def _texts(view: RepoView, entry: Entry, overlap: int = OVERLAP) -> Iterator[str]:
    """The pieces of a text."""
    bom = b""
    for number, block in enumerate(_blocks(view, entry, overlap=overlap)):
        bom = bom if number else block[:2] if block[:2] in BOMS else b""
        yield text_of(bom + block if number else block)


def _has_words(view: RepoView, entry: Entry) -> bool:
    """Whether a text that is not called YAML has Python's tags written out. Raises IncompleteError where its bytes do not come."""
    head = view.read_range(entry.path, 0, min(entry.size, HEAD))
    return is_text(head, entry.name) and any(map(tag_words, islice(_texts(view, entry), MOST_BLOCKS)))
