"""Python blocks of a card, judged without running them: do they parse, and does SAELens have what they call?"""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hubkit.readme.document import CodeBlock
    from hubkit.readme.saelens_api import Release

PYTHON = {"python", "py", "python3", "pycon"}
PROMPT = re.compile(r"^\s*(?:>>>|In \[\d+\]:|\.\.\.) ?")
MAGIC = re.compile(r"^(\s*)(?:[!%].*|\?{1,2}\w.*|[\w.]+\?{1,2}\s*)$")
DEEPEST = 200_000
"""Characters of one block that are parsed: more is no example."""
LOADERS = {"from_pretrained", "load_from_disk", "load_from_pretrained", "from_dict"}
"""Class methods that return an SAE."""


@dataclass(frozen=True)
class CodeFault:
    """What is wrong, and on which line of the card."""

    message: str
    line: int
    quote: str


def faults_of(block: CodeBlock, release: Release | None) -> Iterator[CodeFault]:
    """Every fault of a Python block; `release` is the SAELens that its calls are held against. Other languages have none."""
    if block.language not in PYTHON or len(block.text) > DEEPEST:
        return
    lines = block.text.split("\n")
    try:
        tree = ast.parse(_cleaned(block.text))
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        if block.closed:  # an open block was cut off
            at = min(max(getattr(error, "lineno", None) or 1, 1), len(lines))
            what = error.msg if isinstance(error, SyntaxError) else str(error)
            yield CodeFault(f"the code does not parse: {what}", block.line + at - 1, lines[at - 1].strip())
        return
    if release is not None:
        for node, message in _Calls(release).faults(tree):
            yield CodeFault(message, block.line + node.lineno - 1, lines[node.lineno - 1].strip())


def _cleaned(text: str) -> str:
    """Without prompts and notebook magics, line for line."""
    lines = text.split("\n")
    if any(line.lstrip().startswith(">>>") for line in lines):
        lines = [PROMPT.sub("", line) if PROMPT.match(line) else "" for line in lines]
    return textwrap.dedent("\n".join(MAGIC.sub(r"\1pass", line) for line in lines))


class _Calls:
    """The names that come from sae_lens in one block, and the calls on them."""

    def __init__(self, release: Release) -> None:
        self.release = release
        self.modules: set[str] = set()
        self.imported: dict[str, str] = {}
        self.objects: dict[str, str] = {}
        """Variables that hold an SAE, and its class."""

    def faults(self, tree: ast.Module) -> Iterator[tuple[ast.stmt | ast.expr, str]]:
        """In the order of the lines."""
        nodes = [
            node
            for node in ast.walk(tree)
            if isinstance(node, ast.Import | ast.ImportFrom | ast.Assign | ast.Call | ast.FunctionDef)
        ]
        for node in sorted(nodes, key=lambda node: (node.lineno, isinstance(node, ast.Assign))):
            if isinstance(node, ast.Import):
                self.modules |= {
                    alias.asname or alias.name for alias in node.names if alias.name == "sae_lens"
                }
            elif isinstance(node, ast.ImportFrom):
                yield from self._import(node)
            elif isinstance(node, ast.Call):
                yield from ((node, message) for message in self._call(node))
            elif isinstance(node, ast.Assign):
                self._assign(node)
            else:
                for argument in [*node.args.args, *node.args.kwonlyargs]:
                    self.objects.pop(argument.arg, None)

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
            return self.imported.get(node.id)
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
        owner = self._name(node.func.value) or self._object(node.func.value)
        if owner not in self.release.classes:
            return
        there, parameters = self.release.member(owner, node.func.attr)
        label = f"{owner}.{node.func.attr}"
        if not there:
            yield f"SAELens {version} has no {label}"
        elif parameters is not None:
            yield from self._arguments(node, label, parameters)

    def _object(self, node: ast.expr) -> str | None:
        return self.objects.get(node.id) if isinstance(node, ast.Name) else None

    def _assign(self, node: ast.Assign) -> None:
        """`sae = SAE.from_pretrained(...)`, also with the two values that came beside it before version 6."""
        made: str | None = None
        if (
            isinstance(node.value, ast.Call)
            and isinstance(node.value.func, ast.Attribute)
            and node.value.func.attr in LOADERS
        ):
            made = self._name(node.value.func.value)
        for target in node.targets:
            names = target.elts if isinstance(target, ast.Tuple | ast.List) else [target]
            for at, one in enumerate(names):
                if isinstance(one, ast.Name):
                    self.objects.pop(one.id, None)
                    if made in self.release.classes and at == 0:
                        self.objects[one.id] = str(made)

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
