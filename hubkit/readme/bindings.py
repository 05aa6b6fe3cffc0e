"""When code binds a name, and where a name is not the one that was bound above."""

from __future__ import annotations

import ast
from collections.abc import Iterator


def asked_for(node: ast.AST) -> Iterator[str]:
    """`hasattr(sae.cfg, "hook_name")`."""
    if (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in {"hasattr", "getattr"}
        and len(node.args) > 1
    ):
        name = node.args[1]
        if isinstance(name, ast.Constant) and isinstance(name.value, str):
            yield name.value


def moment(node: ast.stmt | ast.expr) -> tuple[int, bool]:
    """When a node takes effect: an assignment after all that its value is made of."""
    binds = isinstance(node, ast.Assign | ast.AnnAssign | ast.NamedExpr)
    return (node.end_lineno or node.lineno) if binds else node.lineno, binds


def bound(node: ast.stmt | ast.expr) -> set[str]:
    """Names that a statement binds by anything but an assignment or an import: loops, `with`, classes and functions."""
    if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        return {node.name}
    if isinstance(node, ast.For | ast.AsyncFor):
        return _names_in(node.target)
    if isinstance(node, ast.With | ast.AsyncWith):
        return set[str]().union(*(_names_in(item.optional_vars) for item in node.items if item.optional_vars))
    return set()


def shadowed(node: ast.AST) -> Iterator[ast.Name]:
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
