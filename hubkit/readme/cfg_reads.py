"""What the code of a card reads from a cfg.json that it opened itself: `json.load(open("L2/cfg.json"))["hook_name"]`. Nothing is run."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from hubkit.readme.bindings import bound, shadowed
from hubkit.readme.code import Parsed, parsed
from hubkit.readme.constants import argument, called, constants_of, text_of
from hubkit.readme.fetches import RESOLVED
from hubkit.release.layout import CFG

if TYPE_CHECKING:
    from hubkit.readme.document import CodeBlock

Stage = Literal["path", "file", "text", "cfg"]
READS: Mapping[str, tuple[Stage, Stage]] = {
    "read": ("file", "text"), "read_text": ("path", "text"), "read_bytes": ("path", "text"), "load": ("file", "cfg"),
    "loads": ("text", "cfg"), "open": ("path", "file"), "json": ("file", "cfg"), "urlopen": ("path", "file"), "get": ("path", "file"),
}  # fmt: skip
"""From what to what a call leads."""
SAME_PATH = {"Path", "PurePath", "str", "fspath", "resolve", "expanduser", "absolute"}
CHANGES = {"update", "setdefault", "pop", "popitem", "clear"}
"""Methods after which nobody can tell what a dictionary holds."""
DEEPEST = 4
"""Levels below `metadata` in which a key is looked for, and calls within calls that are followed."""


@dataclass(frozen=True)
class Opened:
    """What an expression stands for, on the way from the path of a cfg.json to what it holds."""

    stage: Stage
    path: str | None = None
    """In the repository, where all of it is written down."""
    repo_id: str | None = None
    """Whose it is; None for the reader's own disk, and where it cannot be told."""


@dataclass(frozen=True)
class CfgRead:
    """One key that is read at the top level: a KeyError where there is none."""

    key: str
    of: Opened
    expression: str
    """What is read from, as it is written: `cfg`."""
    line: int
    quote: str

    def may_read(self, path: str, repository: str | None) -> bool:
        """Whether this may be the file at `path` of the repository that the card belongs to."""
        if self.of.repo_id is not None and repository not in (None, self.of.repo_id):
            return False
        own = self.of.path
        return own is None or own == path or own.endswith(f"/{path}") or path.endswith(f"/{own}")

    def written(self, keys: Iterable[str]) -> str:
        """The same read from where the key is: `cfg["metadata"]["hook_name"]`."""
        return self.expression + "".join(f'["{key}"]' for key in keys)


def cfg_reads(blocks: Iterable[CodeBlock]) -> Iterator[CfgRead]:
    """Every key that the blocks take from a cfg.json without asking whether it is there, in order."""
    found = [one for one in parsed(blocks) if isinstance(one, Parsed)]
    reader = _Reader(constants_of([one.tree for one in found]))
    asked = {key for one in found for node in ast.walk(one.tree) for key in _settled(node)}
    for one in found:
        for node, key, of in reader.reads(one.tree):
            if key not in asked:
                yield CfgRead(key, of, ast.unparse(node.value), *one.place(node))


def where_now(cfg: Mapping[str, Any], key: str) -> tuple[str, ...] | None:
    """The one place below `metadata` at which `key` stands; None where there is none, or another above it."""
    level: list[tuple[tuple[str, ...], object]] = [(("metadata",), cfg.get("metadata"))]
    for _ in range(DEEPEST):
        inside = [(path, value) for path, value in level if isinstance(value, Mapping)]
        here = [path for path, value in inside if key in value]
        if here:
            return (*here[0], key) if len(here) == 1 else None
        level = [((*path, str(name)), below) for path, value in inside for name, below in value.items()]
    return None


def _settled(node: ast.AST) -> Iterator[str]:
    """Keys that the code asks for first (`"x" in cfg`), or puts in itself (`cfg["x"] = 1`)."""
    key: ast.AST | None = None
    if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.In | ast.NotIn):
        key = node.left
    elif isinstance(node, ast.Subscript) and not isinstance(node.ctx, ast.Load):
        key = node.slice
    if isinstance(key, ast.Constant) and isinstance(key.value, str):
        yield key.value


class _Reader:
    """What names stand for so far, through all blocks of a card."""

    def __init__(self, constants: Mapping[str, object]) -> None:
        self.constants = constants
        self.names: dict[str, Opened] = {}
        self.folders: dict[str, str] = {}
        """Whose repository snapshot_download brought into the folder that a name stands for."""
        self.shadowed: set[int] = set()

    def reads(self, tree: ast.Module) -> Iterator[tuple[ast.Subscript, str, Opened]]:
        nodes = list(ast.walk(tree))
        self.shadowed = {id(name) for node in nodes for name in shadowed(node)}
        caught = {
            id(n) for node in nodes if isinstance(node, ast.Try) and node.handlers for n in ast.walk(node)
        }
        for node in sorted((n for n in nodes if isinstance(n, ast.stmt | ast.expr)), key=_moment):
            self._bind(node)
            if (
                isinstance(node, ast.Subscript)
                and id(node) not in caught
                and isinstance(node.slice, ast.Constant)
                and isinstance(node.slice.value, str)
                and (of := self._opened(node.value)) is not None
                and of.stage == "cfg"
            ):
                yield node, node.slice.value, of

    def _bind(self, node: ast.stmt | ast.expr) -> None:
        for name in bound(node):
            self.names.pop(name, None)
        if isinstance(node, ast.With | ast.AsyncWith):
            for item in node.items:
                self._assign([item.optional_vars], item.context_expr)
        elif isinstance(node, ast.Assign):
            self._assign(node.targets, node.value)
        elif isinstance(node, ast.AnnAssign | ast.NamedExpr):
            self._assign([node.target], node.value)
        elif isinstance(node, ast.AugAssign):
            self._assign([node.target], None)
        elif (
            isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CHANGES
        ):
            self._assign([node.func.value], None)

    def _assign(self, targets: Iterable[ast.expr | None], value: ast.expr | None) -> None:
        of = self._opened(value)
        if isinstance(value, ast.Call) and called(value) == "snapshot_download":
            repo_id = text_of(argument(value, 0, "repo_id"), self.constants)
            self.folders |= {t.id: repo_id for t in targets if repo_id and isinstance(t, ast.Name)}
        for target in targets:
            if isinstance(target, ast.Name) and of is not None:
                self.names[target.id] = of
            elif isinstance(target, ast.Name | ast.Tuple | ast.List):
                for name in ast.walk(target):
                    if isinstance(name, ast.Name):
                        self.names.pop(name.id, None)

    def _opened(self, node: ast.expr | None, depth: int = 0) -> Opened | None:
        """What an expression stands for; None for all whose origin is unknown."""
        if node is None or depth > 2 * DEEPEST:
            return None
        if isinstance(node, ast.Name) and id(node) in self.shadowed:
            return None
        if isinstance(node, ast.Name) and node.id in self.names:
            return self.names[node.id]
        if isinstance(node, ast.Call):
            return self._called(node, depth)
        return self._path(node)

    def _called(self, node: ast.Call, depth: int) -> Opened | None:
        name = called(node)
        if name == "hf_hub_download":
            return self._downloaded(node)
        if name == "join":
            return self._joined(node)
        method = isinstance(node.func, ast.Attribute) and node.func.value
        if name in SAME_PATH or name in READS:
            inner = method or None if not node.args else node.args[0]
            if method and node.args and name == "open" and not _is_module(method):
                inner = method  # Path(...).open("r")
            of = self._opened(inner, depth + 1) if inner is not None else None
            if of is None or name in SAME_PATH:
                return self._joined(node) if of is None and name == "Path" else of
            before, after = READS[name]
            return Opened(after, of.path, of.repo_id) if of.stage == before else None
        return None

    def _joined(self, node: ast.Call) -> Opened | None:
        """`os.path.join(folder, "cfg.json")`, `Path(folder, "cfg.json")`."""
        of = self._path(node.args[-1], whole=False) if node.args else None
        return replace(of, repo_id=self._owner(node)) if of else None

    def _downloaded(self, node: ast.Call) -> Opened | None:
        if argument(node, None, "revision", "repo_type") is not None:
            return None
        repo_id = text_of(argument(node, 0, "repo_id"), self.constants)
        file = self._path(argument(node, 1, "filename"))
        folder = argument(node, 2, "subfolder")
        if file is None or repo_id is None:
            return file
        inside = text_of(folder, self.constants) if folder is not None else ""
        path = None if inside is None or file.path is None else f"{inside}/{file.path}".lstrip("/")
        return Opened("path", path, repo_id)

    def _path(self, node: ast.expr | None, *, whole: bool = True) -> Opened | None:
        """A path that ends in cfg.json; with `whole` false, the last part of one."""
        stated = text_of(node, self.constants)
        if stated is not None:
            return _stated(stated, whole=whole)
        if isinstance(node, ast.JoinedStr) and len(node.values) > 1:
            first, last = (text_of(node.values[at], self.constants) or "" for at in (0, -1))
            ends = last.endswith(f"/{CFG}") and "://" not in first
        elif isinstance(node, ast.BinOp):
            last = text_of(node.right, self.constants) or ""
            ends = last.endswith(f"/{CFG}") or (isinstance(node.op, ast.Div) and last == CFG)
        else:
            return None
        return Opened("path", repo_id=self._owner(node)) if ends else None

    def _owner(self, node: ast.AST) -> str | None:
        """Whose folder a path begins with, where snapshot_download made it."""
        names = (name.id for name in ast.walk(node) if isinstance(name, ast.Name))
        return next((self.folders[name] for name in names if name in self.folders), None)


def _stated(path: str, *, whole: bool) -> Opened | None:
    """A path that is written down; of an address only what the Hub serves."""
    if "://" in path:
        match = RESOLVED.fullmatch(path)
        return Opened("path", match[2], match[1]) if match and match[2].endswith(CFG) else None
    ends = path == CFG or path.endswith(f"/{CFG}")
    return Opened("path", path.removeprefix("./") if whole else None) if ends else None


def _is_module(node: ast.expr) -> bool:
    """`io.open`, `gzip.open`: called with the path."""
    return isinstance(node, ast.Name) and node.id in {"io", "codecs", "os"}


def _moment(node: ast.stmt | ast.expr) -> tuple[int, int, bool]:
    """When a node takes effect: an assignment after all that its value is made of, also on one line with what comes next."""
    if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign | ast.NamedExpr | ast.Call):
        return node.end_lineno or node.lineno, node.end_col_offset or 0, True
    if isinstance(node, ast.With | ast.AsyncWith):
        last = node.items[-1].optional_vars or node.items[-1].context_expr
        return last.end_lineno or node.lineno, last.end_col_offset or 0, True
    return node.lineno, node.col_offset, False
