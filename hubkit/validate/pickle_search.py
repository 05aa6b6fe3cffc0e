"""Every pickle of a repository, whatever its file is called.

On disk the first bytes of every file are looked at, and archives are looked into. Of a far repository the listing says what is asked for: nothing more of
what was brought already, of texts and pictures the first bytes of a few, no archives that have to be unpacked from their beginning, and of the rest as
much as an allowance of requests and bytes lets through. What was left out is told.
"""

from __future__ import annotations

import pickletools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from hubkit.errors import HubkitError, IncompleteError
from hubkit.release.layout import CFG, METRICS
from hubkit.tensors.contents import Contents
from hubkit.tensors.embedded import MOST
from hubkit.tensors.encoded import MOST as MOST_OF_TEXT
from hubkit.tensors.endings import PICKLES, PROGRAMS, promise
from hubkit.tensors.inside import NOT_BROUGHT, look_into
from hubkit.tensors.kinds import HEAD
from hubkit.tensors.pickle_course import LOADERS
from hubkit.tensors.view_file import Allowance
from hubkit.validate.code_by_name import CodeFile, code_members, onnx_needs
from hubkit.validate.imports import is_known
from hubkit.validate.pickles import Pickle, of_contents, of_header
from hubkit.words import many, some

if TYPE_CHECKING:
    from hubkit.repo.view import Entry, RepoView
    from hubkit.tensors.header import Header
    from hubkit.validate.facts import RepoFacts, SaeFacts

OPCODES = {opcode.code: opcode for opcode in pickletools.opcodes}
LENGTHS = {
    pickletools.TAKEN_FROM_ARGUMENT1: 1,
    pickletools.TAKEN_FROM_ARGUMENT4: 4,
    pickletools.TAKEN_FROM_ARGUMENT4U: 4,
    pickletools.TAKEN_FROM_ARGUMENT8U: 8,
}
"""Bytes of the length before an argument, by pickletools's marks for it."""
MAX_REQUESTS = 400
MAX_FAR_BYTES = 1 << 25
"""Bytes asked of the Hub for this: 32 MiB."""
MOST_BY_HEAD = 16
"""Files of a far repository whose names promise nothing to unpickle, and whose first bytes are asked for all the same."""
MAX_UNPACKED = 1 << 30
"""Bytes unpacked of all files together: 1 GiB."""
BY_NAME = {"text", "picture", "table"}
"""Promises by which a far repository's files are judged, beyond the first MOST_BY_HEAD of them."""
SHORT = 1 << 16
"""Bytes of a far file that comes whole, since it costs a request as its beginning does: then it is looked into as one on disk is."""
UNASKED = (".safetensors", f"/{METRICS}", f"/{CFG}", ".gitattributes", ".gitignore")
"""What only its own readers open, and lies beside every SAE or in every repository; a configuration that did not come is not asked for again."""
FAR = {"packed": "packed from its beginning, and not brought here to be looked into", "hdf5": NOT_BROUGHT}
"""What is told of a far repository and not brought."""


@dataclass
class Searched:
    """What was found, and what was not looked at."""

    pickles: dict[str, Pickle] = field(default_factory=dict)
    """By path, in the listing's order."""
    failed: dict[str, str] = field(default_factory=dict)
    """Files that could not be read, each with the reason."""
    code: list[CodeFile] = field(default_factory=list)
    """Members of archives that run code of another kind."""
    unknown: list[str] = field(default_factory=list)
    """Files, and members of files, that are of no kind that is known here, or whose loaders run what nobody here reads."""
    partly: list[str] = field(default_factory=list)
    """Files, and members, in whose middle nothing was looked for."""
    by_name: list[Entry] = field(default_factory=list)
    """Texts and pictures of a far repository, and formats that nothing unpickles: judged by their names."""


def search(view: RepoView, headers: Mapping[str, Header] = MappingProxyType({})) -> Searched:
    """Look at every file. `headers` are those of weights that were read already: of a far repository, and of safetensors, they tell enough (`_told`).

    Raises HubkitError only when the listing itself fails.
    """
    entries = [entry for entry in view.list() if entry.size]
    found = Searched()
    told = {
        path: one for path, one in headers.items() if _told(one) and (not view.near or _is_plain(path, one))
    }
    entries = [entry for entry in entries if entry.path not in told]
    pickles = {path: of_header(path, header, None) for path, header in told.items()}
    found.pickles |= {path: pickle for path, pickle in pickles.items() if pickle is not None}
    contents: dict[str, Contents] = {}
    allowance = Allowance(MAX_REQUESTS, MAX_FAR_BYTES, MAX_UNPACKED)

    def look(entry: Entry) -> None:
        contents[entry.path] = _look(view, entry, allowance)

    view.each(look, entries if view.near else _far(view, entries, contents, found))
    for path in sorted(contents):
        if (why := contents[path].failed) is not None:
            found.failed[path] = why
        found.code += code_members(path, contents[path].native)
        found.code += onnx_needs(path, contents[path].needs)
        found.unknown += [f"{path}: {place}" if place else path for place in contents[path].unknown]
        found.partly += [f"{path}: {place}" if place else path for place in contents[path].partly]
        if (pickle := of_contents(path, contents[path])) is not None:
            found.pickles[path] = pickle
    found.unknown = sorted({*found.unknown, *_by_name(entries)})
    return found


def _by_name(entries: list[Entry]) -> Iterator[str]:
    """What nobody looks into, whatever it begins with: programs of other kinds, and the values of Python's shelves."""
    paths = {entry.path for entry in entries}
    for path in paths:
        if path.lower().endswith(PROGRAMS) or (path.endswith(".dat") and f"{path[:-4]}.dir" in paths):
            yield path


def _told(header: Header) -> bool:
    """Whether a header says all that its loader would unpickle: of an npz of numbers nothing, of a torch zip the imports of its one data.pkl.

    Of safetensors nothing, unless the eight bytes of its length are opcodes that lead into its text.
    """
    if header.container == "safetensors":
        return not _is_a_beginning((header.header_bytes - 8).to_bytes(8, "little"))
    return header.container == "torch" or (header.container == "npz" and not header.refused)


def _is_plain(path: str, header: Header) -> bool:
    """Safetensors that are called so: whatever else their bytes might be, nobody opens them as that."""
    return header.container == "safetensors" and path.lower().endswith(".safetensors")


def _is_a_beginning(data: bytes) -> bool:
    """Whether an unpickler that begins with `data` would still be reading at its end."""
    at = 0
    while at < len(data):
        code = OPCODES.get(chr(data[at]))
        if code is None or code.name == "STOP":
            return False
        at += 1
        width = code.arg.n if code.arg else 0
        if width >= 0:
            at += width
        elif (counted := LENGTHS.get(width)) is not None:
            at += counted + int.from_bytes(data[at : at + counted], "little")
        else:  # to the end of a line
            at = data.find(b"\n", at) + 1 or len(data)
    return True


def _look(view: RepoView, entry: Entry, allowance: Allowance) -> Contents:
    head = b""
    at_hand = view.at_hand(entry.path, 0, min(entry.size, HEAD))
    short = not at_hand and entry.size <= SHORT
    if view.near or short or promise(entry.name) in BY_NAME:
        try:
            if short:
                allowance.spend_request(entry.size)
            head = view.read_range(entry.path, 0, entry.size if short else min(entry.size, HEAD))
        except IncompleteError as error:
            return Contents(failed=error.message)
    return look_into(view, entry.path, allowance, is_known, head)


def _far(view: RepoView, entries: list[Entry], contents: dict[str, Contents], found: Searched) -> list[Entry]:
    """What is looked at of a far repository: the likeliest first."""
    order: dict[str, list[Entry]] = {"at hand": [], "pickle": [], "unknown": []}
    for entry in entries:
        kind = "at hand" if view.at_hand(entry.path, 0, HEAD) else promise(entry.name)
        if kind in FAR:
            contents[entry.path] = Contents(unread=[FAR[kind]])
        elif kind == "zip":
            order["pickle"].append(entry)
        elif kind in order:
            order[kind].append(entry)
        else:
            found.by_name.append(entry)
    asked = [entry for entry in found.by_name if not f"/{entry.path}".lower().endswith(UNASKED)][
        :MOST_BY_HEAD
    ]
    found.by_name = [entry for entry in found.by_name if entry not in asked]
    return [*(entry for several in order.values() for entry in several), *asked]


def find_pickles(facts: RepoFacts) -> None:
    """Into the facts: every pickle, which of them is an SAE's own weights, and what was not looked at."""
    heads = [head for folder in facts.folders.values() for head in folder.known_heads()]
    found = search(facts.view, {head.entry.path: head.header for head in heads if head.header is not None})
    for sae in facts.saes:
        if sae.weights is not None:
            sae.pickle = _of_weights(sae, sae.weights.path, found.pickles.get(sae.weights.path))
    _search_aside(facts, found)
    facts.code += found.code
    facts.pickles = list(found.pickles.values())
    facts.unknown = found.unknown
    if found.partly:
        facts.remarks.append(
            f"{some(found.partly)}: searched for pickles only in part: of what stands behind its own the first and last {MOST >> 20} MiB, of a text the first {MOST_OF_TEXT >> 20}"
        )
    facts.unlooked = [why if path in why else f"{path}: {why}" for path, why in found.failed.items()]
    if found.by_name:
        size = sum(entry.size for entry in found.by_name)
        facts.remarks.append(
            f"{some([entry.path for entry in found.by_name])} ({size:,} bytes: texts, pictures, tables) went by {'its name' if len(found.by_name) == 1 else 'their names'} alone in the search for pickles; "
            "of a copy on disk every file's first bytes are looked at"
        )


def _search_aside(facts: RepoFacts, found: Searched) -> None:
    """The same in what is not listed: a folder of tools is no part of a release, and uploaded with it all the same."""
    try:
        aside = facts.view.aside()
        more = search(aside) if aside is not None else Searched()
    except HubkitError as error:
        found.failed[error.message] = error.message
        return
    found.failed |= more.failed
    found.pickles |= {path: one for path, one in more.pickles.items() if one.executors or one.unread}
    strange = [path for path in more.pickles if path not in found.pickles and _is_strange(more.pickles[path])]
    if strange:
        facts.remarks.append(
            f"{strange[0]} and in all {many(len(strange), 'pickle')} in folders that tools make import what a checkpoint does not need"
        )


def _is_strange(pickle: Pickle) -> bool:
    return bool(pickle.others or pickle.code)


def _of_weights(sae: SaeFacts, path: str, found: Pickle | None) -> Pickle | None:
    """What the weights of an SAE are as a pickle: with the tensors that their header has."""
    read = of_header(path, sae.header, sae.header_fault) if path.lower().endswith(PICKLES) else None
    if found is None or not found.places:
        return read
    if read is None:
        tensors = sae.header.tensors if sae.header else {}
        return replace(found, tensors={name: info.shape for name, info in tensors.items()})
    followed = LOADERS - set(found.imports)  # what they load was looked at
    imports = tuple(dict.fromkeys(name for name in (*read.imports, *found.imports) if name not in followed))
    return replace(found, imports=imports, tensors=read.tensors, fault=read.fault)
