"""What the code of a card fetches from the Hub: files, patterns of files, SAEs; in Python and on the command line."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from hubkit.readme.code import CodeFault, Parsed, parsed
from hubkit.readme.constants import argument, called, constants_of, loops_of, text_of, texts_of

if TYPE_CHECKING:
    from hubkit.readme.document import CodeBlock

SHELL = {"bash", "sh", "shell", "zsh", "console", "shell-session", "shellsession", "terminal"}
DOWNLOADS = {("hf", "download"), ("huggingface-cli", "download")}
HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}")
RESOLVED = re.compile(
    r"https?://(?:huggingface\.co|hf\.co)/([\w.-]{1,96}/[\w.-]{1,96})/(?:resolve|raw|blob)/(?:main|master)/([^\s\"'?#<>{}$]{1,250})"
)
VALUED = {
    "--include",
    "--exclude",
    "--revision",
    "--repo-type",
    "--local-dir",
    "--cache-dir",
    "--token",
    "--max-workers",
    "--type",
    "-t",
}
"""Options that take a value."""
OWN_WEIGHTS = re.compile(
    r"(?:sae|weights?)[\w.-]{0,60}\.(?:safetensors|pt|pth|bin|npz)$|(?:^|/)cfg\.json$", re.IGNORECASE
)
LOCAL = re.compile(r"(?:\./)?[A-Za-z0-9][\w.-]{0,95}/[\w./-]{1,200}\.(?:safetensors|pt|pth|npz|bin)")
"""A file in a folder: `AutoEncoder.from_pretrained("sae/ae.pt")`."""
MOST_LINES = 2_000
Kind = Literal["file", "local", "pattern", "sae"]
"""`local`: a file in a folder, of this repository where it has the folder."""


@dataclass(frozen=True)
class Fetch:
    """One thing that the code wants."""

    kind: Kind
    name: str
    repo_id: str | None
    """None for the reader's own disk, and where it cannot be told."""
    line: int
    quote: str


def fetches(blocks: Iterable[CodeBlock]) -> Iterator[Fetch]:
    """Everything whose name can be told without running the code."""
    blocks = list(blocks)
    found = [one for one in parsed(blocks) if isinstance(one, Parsed) and not isinstance(one, CodeFault)]
    trees = [one.tree for one in found]
    known, loops = constants_of(trees), loops_of(trees)
    for one in found:
        guarded = _guarded(one.tree)
        for node in ast.walk(one.tree):
            if isinstance(node, ast.Call):
                rounds = () if id(node) in guarded else _in_loops(node, known, loops)
                for kind, name, repo_id in (*_wanted(node, known), *rounds):
                    yield Fetch(kind, name, repo_id, *one.place(node))
    for block in blocks:
        if block.language in SHELL:
            yield from _of_shell(block)


Wanted = tuple[Kind, str, str | None]


def _wanted(node: ast.Call, known: Mapping[str, object]) -> Iterator[Wanted]:
    name = called(node)
    given = {one.arg for one in node.keywords}
    if "revision" in given or text_of(argument(node, None, "repo_type"), known) not in (None, "model"):
        return
    if name == "hf_hub_download":
        yield from _file(node, known)
    elif name == "snapshot_download":
        repo_id = text_of(argument(node, 0, "repo_id"), known)
        patterns = argument(node, None, "allow_patterns")
        each = patterns.elts if isinstance(patterns, ast.List | ast.Tuple) else [patterns] if patterns else []
        yield from (("pattern", text, repo_id) for one in each if repo_id and (text := text_of(one, known)))
    elif name in {"from_pretrained", "from_pretrained_with_cfg_and_sparsity"} and _of_sae(node):
        release, sae_id = (
            text_of(argument(node, 0, "release"), known),
            text_of(argument(node, 1, "sae_id"), known),
        )
        if release and sae_id and HUB_NAME.fullmatch(release):
            yield "sae", sae_id, release
    elif name == "from_pretrained":
        file = text_of(argument(node, 0, "path"), known)
        if file and LOCAL.fullmatch(file):
            yield "local", file, None
    elif name in {"load_file", "load"}:
        path = text_of(argument(node, 0, "filename", "f"), known)
        if path and OWN_WEIGHTS.search(path) and not path.startswith(("/", "~", "..", "{")):
            yield "file", path, None


def _guarded(tree: ast.Module) -> set[int]:
    """The nodes, by identity, that not every round of a loop comes to: below `if`, in a `try`, in a comprehension with a condition."""
    found: set[int] = set()
    for node in ast.walk(tree):
        chosen = isinstance(node, ast.If | ast.IfExp | ast.Try) or any(
            part.ifs for part in getattr(node, "generators", ())
        )
        found |= {id(inner) for inner in ast.walk(node)} if chosen else set()
    return found


def _in_loops(
    node: ast.Call, known: Mapping[str, object], loops: Mapping[str, list[object]]
) -> Iterator[Wanted]:
    """Each SAE, and each file, of a loop over names or numbers that are written out."""
    if {"revision", "repo_type"} & {one.arg for one in node.keywords}:
        return
    name, is_file = called(node), called(node) == "hf_hub_download"
    if not is_file and not (
        name in {"from_pretrained", "from_pretrained_with_cfg_and_sparsity"} and _of_sae(node)
    ):
        return
    repo_id = text_of(argument(node, 0, "release", "repo_id"), known)
    inner = argument(node, 1, "filename" if is_file else "sae_id")
    if repo_id is None or not HUB_NAME.fullmatch(repo_id) or text_of(inner, known) is not None:
        return
    if is_file and argument(node, 2, "subfolder") is not None:
        return
    yield from (
        ("file" if is_file else "sae", one, repo_id)
        for one in texts_of(inner, known, loops)
        if not _is_gap(one)
    )


def _file(node: ast.Call, known: Mapping[str, object]) -> Iterator[Wanted]:
    repo_id, filename = (
        text_of(argument(node, 0, "repo_id"), known),
        text_of(argument(node, 1, "filename"), known),
    )
    folder = argument(node, 2, "subfolder")
    if filename is None or (folder is not None and text_of(folder, known) is None) or _is_gap(filename):
        return
    inside = text_of(folder, known)
    yield "file", f"{inside}/{filename}" if inside else filename, repo_id


def _of_sae(node: ast.Call) -> bool:
    """Whether it is called on a class of SAELens, by its name."""
    function = node.func
    owner = function.value if isinstance(function, ast.Attribute) else None
    last = owner.attr if isinstance(owner, ast.Attribute) else owner.id if isinstance(owner, ast.Name) else ""
    return last.endswith(("SAE", "Transcoder"))


def _is_gap(text: str) -> bool:
    return any(mark in text for mark in "{}<>*")


def _of_shell(block: CodeBlock) -> Iterator[Fetch]:
    """`hf download ME/SAES L5/cfg.json`, and addresses of files."""
    lines = block.text.split("\n")[:MOST_LINES]
    at = 0
    while at < len(lines):
        first, command = at, lines[at].strip().removeprefix("$ ").removeprefix("!")
        while command.endswith("\\") and at + 1 < len(lines):
            at += 1
            command = f"{command[:-1]} {lines[at].strip()}"
        at += 1
        for kind, name, repo_id in _command(command[:4_000]):
            yield Fetch(kind, name, repo_id, block.line + first, lines[first].strip())


def _command(command: str) -> Iterator[Wanted]:
    for match in RESOLVED.finditer(command):
        yield "file", match.group(2), match.group(1)
    try:
        words = shlex.split(command, comments=True)
    except ValueError:  # a quotation that is never closed
        return
    if tuple(words[:2]) not in DOWNLOADS or any(
        word.startswith(("--revision", "--repo-type", "--type")) for word in words
    ):
        return
    plain: list[str] = []
    option = ""
    for word in words[2:]:
        if word.startswith("-"):
            option, _, value = word.partition("=")
            plain += [f"{option}\0{value}"] if value else []
        else:
            plain.append(f"{option if option in VALUED else ''}\0{word}")
            option = option if option in {"--include", "--exclude"} else ""
    named = [word.removeprefix("\0") for word in plain if word.startswith("\0")]
    if not named or not HUB_NAME.fullmatch(named[0]):
        return
    yield from (("file", name, named[0]) for name in named[1:] if not _is_gap(name))
    included = [word.removeprefix("--include\0") for word in plain if word.startswith("--include\0")]
    yield from (("pattern", name, named[0]) for name in included if not any(mark in name for mark in "{}<>$"))
