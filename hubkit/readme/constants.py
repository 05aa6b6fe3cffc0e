"""What names of a piece of code stand for, where that is one string or number all along. Read off the syntax tree; nothing is run."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping

MOST = 5_000
"""Nodes of one block that are looked at: more is no example."""
LONGEST = 500
"""Characters of a string that are kept."""


def constants_of(trees: Iterable[ast.Module]) -> dict[str, object]:
    """Names that one value is assigned to, and never another."""
    values: dict[str, list[ast.expr | None]] = {}
    for tree in trees:
        for node in list(ast.walk(tree))[:MOST]:
            for name, value in _bindings(node):
                values.setdefault(name, []).append(value)
    found: dict[str, object] = {}
    for name, given in values.items():  # in order: a later constant may be made of an earlier one
        made = {value_of(one, found) for one in given}
        if len(made) == 1 and None not in made:
            found[name] = made.pop()
    return found


def _bindings(node: ast.AST) -> Iterator[tuple[str, ast.expr | None]]:
    """Every name that a node binds, with its value where that is an expression of its own."""
    if isinstance(node, ast.Assign):
        for target in node.targets:
            if isinstance(target, ast.Name):
                yield target.id, node.value
            elif (
                isinstance(target, ast.Tuple)
                and isinstance(node.value, ast.Tuple)
                and len(target.elts) == len(node.value.elts)
            ):
                yield from (
                    (one.id, value)
                    for one, value in zip(target.elts, node.value.elts, strict=True)
                    if isinstance(one, ast.Name)
                )
            else:
                yield from ((one.id, None) for one in ast.walk(target) if isinstance(one, ast.Name))
    elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        yield node.target.id, node.value
    elif isinstance(node, ast.AugAssign | ast.For | ast.AsyncFor | ast.comprehension | ast.NamedExpr):
        yield from ((one.id, None) for one in ast.walk(node.target) if isinstance(one, ast.Name))
    elif isinstance(node, ast.arg):
        yield node.arg, None


def value_of(node: ast.AST | None, names: Mapping[str, object]) -> object:
    """A string or a whole number that an expression is, made of constants; None for anything else."""
    if isinstance(node, ast.Constant):
        if isinstance(node.value, str):
            return node.value[:LONGEST]
        return node.value if isinstance(node.value, int) and not isinstance(node.value, bool) else None
    if isinstance(node, ast.Name):
        return names.get(node.id)
    if isinstance(node, ast.JoinedStr):
        parts = [
            value_of(part.value if isinstance(part, ast.FormattedValue) else part, names)
            for part in node.values
        ]
        return "".join(map(str, parts))[:LONGEST] if all(part is not None for part in parts) else None
    if isinstance(node, ast.BinOp):
        return _sum(value_of(node.left, names), node.op, value_of(node.right, names))
    return None


def _sum(left: object, op: ast.operator, right: object) -> object:
    if isinstance(left, int) and isinstance(right, int):
        if isinstance(op, ast.Add):
            return left + right
        return left - right if isinstance(op, ast.Sub) else None
    return (
        (left + right)[:LONGEST]
        if isinstance(left, str) and isinstance(right, str) and isinstance(op, ast.Add)
        else None
    )


def text_of(node: ast.expr | None, names: Mapping[str, object]) -> str | None:
    """The string that an expression is."""
    value = value_of(node, names)
    return value if isinstance(value, str) else None


def argument(call: ast.Call, position: int | None, *names: str) -> ast.expr | None:
    """What a call gives for one of its parameters."""
    for one in call.keywords:
        if one.arg in names:
            return one.value
    inside = position is not None and position < len(call.args)
    return call.args[position] if inside and position is not None else None


def called(call: ast.Call) -> str:
    """The last name of what is called: `hf_hub_download` of `huggingface_hub.hf_hub_download(...)`."""
    if isinstance(call.func, ast.Name):
        return call.func.id
    return call.func.attr if isinstance(call.func, ast.Attribute) else ""
