"""Python blocks of a card, judged without running them: do they parse, and does SAELens have what they call?"""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hubkit.readme.document import CodeBlock
    from hubkit.readme.saelens_api import Release

PYTHON = {"python", "py", "python3", "pycon"}
PROMPT = re.compile(r"^\s*(?:>>>|In \[\d+\]:|\.\.\.) ?")
MAGIC = re.compile(r"^(\s*)(?:[!%].*|\?{1,2}\w.*|[\w.]+\?{1,2}\s*)$")
LONGEST_CHAIN = 8
"""Calls one behind the other that are followed."""
DEEPEST = 200_000
"""Characters of one block that are parsed: more is no example."""
LOADERS = {"from_pretrained", "load_from_disk", "load_from_pretrained", "from_dict"}
"""Class methods that return an SAE."""
ITSELF = {"to", "eval", "train", "cpu", "cuda", "half", "float", "double", "bfloat16", "requires_grad_"}
"""Methods that return the SAE they are called on."""
SET_ON_START = {"training", "mod_dict", "hook_dict", "context_level", "is_caching"}
"""Attributes that torch and transformer_lens set when an object is made: the table, read from classes, has none of them."""


@dataclass(frozen=True)
class CodeFault:
    """What is wrong, and on which line of the card."""

    message: str
    line: int
    quote: str


def faults_of(blocks: Iterable[CodeBlock], release: Release | None) -> Iterator[CodeFault]:
    """Every fault of a card's Python blocks, which a reader runs one after the other; other languages have none.

    `release` is the SAELens that their calls are held against; None where that is not known.
    """
    calls = _Calls(release) if release is not None else None
    for block in blocks:
        if block.language not in PYTHON or len(block.text) > DEEPEST:
            continue
        lines = block.text.split("\n")
        try:
            tree = ast.parse(_cleaned(block.text))
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            if block.closed:  # an open block was cut off
                at = min(max(getattr(error, "lineno", None) or 1, 1), len(lines))
                what = error.msg if isinstance(error, SyntaxError) else str(error)
                yield CodeFault(
                    f"the code does not parse: {what}", block.line + at - 1, lines[at - 1].strip()
                )
            continue
        for node, message in calls.faults(tree) if calls else ():
            yield CodeFault(message, block.line + node.lineno - 1, lines[node.lineno - 1].strip())


def parsed(block: CodeBlock) -> ast.Module | None:
    """The syntax tree of a Python block; None for another language, or for what does not parse."""
    if block.language not in PYTHON or len(block.text) > DEEPEST:
        return None
    try:
        return ast.parse(_cleaned(block.text))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _cleaned(text: str) -> str:
    """Without prompts and notebook magics, line for line."""
    lines = text.split("\n")
    if any(line.lstrip().startswith(">>>") for line in lines):
        lines = [PROMPT.sub("", line) if PROMPT.match(line) else "" for line in lines]
    return textwrap.dedent("\n".join(MAGIC.sub(r"\1pass", line) for line in lines))


class _Calls:
    """The names that come from sae_lens in the blocks of a card, and the calls on them."""

    def __init__(self, release: Release) -> None:
        self.release = release
        self.modules: set[str] = set()
        self.imported: dict[str, str] = {}
        self.objects: dict[str, str] = {}
        """Variables that hold an SAE, and its class."""
        self.instance = SET_ON_START.union(release.inherited, *release.classes.values())
        """What an SAE of some architecture has."""
        self.added: set[str] = set()
        """Attributes that the card's own code sets."""
        self.shadowed: set[int] = set()
        """Names, by identity, that stand for an argument or a comprehension's own variable."""

    def faults(self, tree: ast.Module) -> Iterator[tuple[ast.stmt | ast.expr, str]]:
        """In the order of the lines."""
        nodes = list(ast.walk(tree))
        self.added |= {n.attr for n in nodes if isinstance(n, ast.Attribute) and isinstance(n.ctx, ast.Store)}
        self.shadowed = {id(name) for node in nodes for name in _shadowed(node)}
        for node in sorted((n for n in nodes if isinstance(n, ast.stmt | ast.expr)), key=_moment):
            self._forget(_bound(node))
            if isinstance(node, ast.Import):
                self.modules |= {
                    alias.asname or alias.name for alias in node.names if alias.name == "sae_lens"
                }
            elif isinstance(node, ast.ImportFrom):
                yield from self._import(node)
            elif isinstance(node, ast.Call):
                yield from ((node, message) for message in self._call(node))
            elif isinstance(node, ast.Attribute):
                yield from ((node, message) for message in self._attribute(node))
            elif isinstance(node, ast.Assign):
                self._assign(node.targets, node.value)
            elif isinstance(node, ast.AnnAssign | ast.NamedExpr) and node.value is not None:
                self._assign([node.target], node.value)

    def _forget(self, names: set[str]) -> None:
        """These hold something else from here on."""
        for name in names:
            self.objects.pop(name, None)
            self.imported.pop(name, None)

    def _import(self, node: ast.ImportFrom) -> Iterator[tuple[ast.stmt, str]]:
        for alias in node.names:
            self.imported.pop(alias.asname or alias.name, None)
            if node.module != "sae_lens" or node.level:
                continue
            if alias.name in self.release.exports:
                self.imported[alias.asname or alias.name] = alias.name
            elif alias.name != "*":
                yield node, f"SAELens {self.release.version} has no {alias.name} to import"

    def _name(self, node: ast.expr) -> str | None:
        """What a name or `sae_lens.NAME` stands for."""
        if isinstance(node, ast.Name):
            return None if id(node) in self.shadowed else self.imported.get(node.id)
        if (
            isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id in self.modules
        ):
            return node.attr
        return None

    def _call(self, node: ast.Call) -> Iterator[str]:
        name = self._name(node.func)
        version = self.release.version
        if name is not None:
            if name not in self.release.exports:
                yield f"SAELens {version} has no {name}"
            elif name in self.release.functions:
                yield from self._arguments(node, name, self.release.functions[name])
            return
        if not isinstance(node.func, ast.Attribute):
            return
        owner = self._name(node.func.value)
        made = self._made(node.func.value) if owner is None else None
        whose = owner or made
        if whose not in self.release.classes:
            return
        there, parameters = self.release.member(whose, node.func.attr)
        label = f"{whose}.{node.func.attr}"
        if not there and made is None:
            yield f"SAELens {version} has no {label}"
        elif parameters is not None:
            yield from self._arguments(node, label, parameters)

    def _attribute(self, node: ast.Attribute) -> Iterator[str]:
        """What is read from an SAE, or called on it: an SAE of any architecture may have it."""
        if node.attr.startswith("_") or node.attr in self.added or node.attr in self.instance:
            return
        if (owner := self._made(node.value)) is not None:
            yield f"SAELens {self.release.version} has no {owner}.{node.attr}"

    def _made(self, node: ast.expr) -> str | None:
        """The class of the SAE that an expression gives: a variable, `SAE.from_pretrained(...)`, the same with `.to(...)` or `[0]` behind it."""
        for _ in range(LONGEST_CHAIN):
            if isinstance(node, ast.Name):
                return None if id(node) in self.shadowed else self.objects.get(node.id)
            if isinstance(node, ast.Subscript):
                first = isinstance(node.slice, ast.Constant) and node.slice.value == 0
                if not first or not isinstance(node.value, ast.Call):
                    return None
                node = node.value
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                return None
            if node.func.attr in LOADERS:
                owner = self._name(node.func.value)
                return owner if owner in self.release.classes else None
            if node.func.attr not in ITSELF:
                return None
            node = node.func.value
        return None

    def _assign(self, targets: list[ast.expr], value: ast.expr) -> None:
        """`sae = SAE.from_pretrained(...)`, also with the two values that came beside it before version 6."""
        made = self._made(value)
        for target in targets:
            names = target.elts if isinstance(target, ast.Tuple | ast.List) else [target]
            for at, one in enumerate(names):
                if isinstance(one, ast.Name):
                    self._forget({one.id})
                    if made is not None and at == 0:
                        self.objects[one.id] = made

    def _arguments(self, node: ast.Call, label: str, parameters: list[str]) -> Iterator[str]:
        """A call against a signature; what is unpacked (`*a`, `**k`) may be anything."""
        if any(isinstance(one, ast.Starred) for one in node.args) or any(
            one.arg is None for one in node.keywords
        ):
            return
        star = next((at for at, name in enumerate(parameters) if name.startswith("*")), len(parameters))
        positional = [name.rstrip("=") for name in parameters[:star]]
        named = {name.rstrip("=") for name in parameters if not name.startswith("*")}
        version = self.release.version
        if len(node.args) > len(positional) and not any(
            name.startswith("*") and len(name) > 1 and name[1] != "*" for name in parameters
        ):
            yield f"{label} of SAELens {version} takes {len(positional)} positional arguments, the call has {len(node.args)}"
        given = {one.arg for one in node.keywords if one.arg}
        if not any(name.startswith("**") for name in parameters):
            for unknown in sorted(given - named):
                yield f"{label} of SAELens {version} has no argument {unknown}"
        missing = [
            name
            for name in parameters
            if not name.endswith("=") and not name.startswith("*") and name not in given
        ]
        missing = [name for name in missing if name not in positional[: len(node.args)]]
        if missing:
            yield f"{label} of SAELens {version} needs {' and '.join(missing)}"


def _moment(node: ast.stmt | ast.expr) -> tuple[int, bool]:
    """When a node takes effect: an assignment after all that its value is made of."""
    binds = isinstance(node, ast.Assign | ast.AnnAssign | ast.NamedExpr)
    return (node.end_lineno or node.lineno) if binds else node.lineno, binds


def _bound(node: ast.stmt | ast.expr) -> set[str]:
    """Names that a statement binds by anything but an assignment or an import: loops, `with`, classes and functions."""
    if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        return {node.name}
    if isinstance(node, ast.For | ast.AsyncFor):
        return _names_in(node.target)
    if isinstance(node, ast.With | ast.AsyncWith):
        return set[str]().union(*(_names_in(item.optional_vars) for item in node.items if item.optional_vars))
    return set()


def _shadowed(node: ast.AST) -> Iterator[ast.Name]:
    """The names inside a function, a lambda or a comprehension that are its own."""
    own: set[str] = set()
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
        own = {inner.arg for inner in ast.walk(node.args) if isinstance(inner, ast.arg)}
    elif isinstance(node, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
        own = set[str]().union(*(_names_in(part.target) for part in node.generators))
    if own:
        yield from (name for name in ast.walk(node) if isinstance(name, ast.Name) and name.id in own)


def _names_in(node: ast.expr) -> set[str]:
    return {name.id for name in ast.walk(node) if isinstance(name, ast.Name)}
