"""What names of a piece of code stand for, where that is one string or number all along. Read off the syntax tree; nothing is run."""

from __future__ import annotations

import ast
import re
from collections import ChainMap
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice, product

MOST = 5_000
"""Nodes of one block that are looked at: more is no example."""
LONGEST = 500
"""Characters of a string that are kept."""


DEEPEST = 60
"""Expressions inside expressions that are followed."""
MOST_LOOPS = 3
"""One inside the other."""
MOST_ROUNDS = 200
"""Of a loop."""
BRACES = re.compile(r"\{(?P<key>\w{0,40})\}")
PERCENT = re.compile(r"%[dsi]")


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


def loops_of(trees: Iterable[ast.Module]) -> dict[str, list[object]]:
    """Variables of loops over numbers or strings that are written out, `for layer in (3, 6, 9)`, `for layer in range(12)`, `for layer in LAYERS`, with those that they go through."""
    found: dict[str, list[object]] = {}
    trees = list(trees)
    lists = _lists(trees)
    for tree in trees:
        for node in list(ast.walk(tree))[:MOST]:
            if isinstance(node, ast.For | ast.comprehension) and isinstance(node.target, ast.Name):
                through = lists.get(node.iter.id, node.iter) if isinstance(node.iter, ast.Name) else node.iter
                found.setdefault(node.target.id, []).extend(_gone_through(through))
    return {name: values[:MOST_ROUNDS] for name, values in found.items() if values and None not in values}


def _lists(trees: Iterable[ast.Module]) -> dict[str, ast.expr]:
    """Names that one list, tuple or range is assigned to, and nothing else."""
    given: dict[str, list[ast.expr | None]] = {}
    for tree in trees:
        for node in list(ast.walk(tree))[:MOST]:
            for name, value in _bindings(node):
                given.setdefault(name, []).append(value)
    changed = {
        node.func.value.id
        for tree in trees
        for node in list(ast.walk(tree))[:MOST]
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
    }
    return {
        name: values[0]
        for name, values in given.items()
        if len(values) == 1 and name not in changed and isinstance(values[0], ast.List | ast.Tuple | ast.Call)
    }


def texts_of(
    node: ast.expr | None, names: Mapping[str, object], loops: Mapping[str, list[object]]
) -> list[str]:
    """The string that an expression is, or in a loop each that it becomes."""
    if node is None:
        return []
    if (text := text_of(node, names)) is not None:
        return [text]
    inside = sorted({one.id for one in ast.walk(node) if isinstance(one, ast.Name)} & loops.keys())
    if not 0 < len(inside) <= MOST_LOOPS:
        return []
    rounds = islice(product(*(loops[name] for name in inside)), MOST_ROUNDS)
    made = (value_of(node, ChainMap(dict(zip(inside, each, strict=True)), dict(names))) for each in rounds)
    return [one for one in made if isinstance(one, str)]


def _gone_through(node: ast.expr) -> list[object]:
    if isinstance(node, ast.List | ast.Tuple | ast.Set):
        return [value_of(one, {}) for one in node.elts]
    if isinstance(node, ast.Call) and called(node) == "range" and not node.keywords:
        bounds = [value for one in node.args if isinstance(value := value_of(one, {}), int)]
        if 0 < len(bounds) == len(node.args) < 4 and bounds[2:] != [0]:
            return [*range(*bounds)[: MOST_ROUNDS + 1]]
    return [None]


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


def value_of(node: ast.AST | None, names: Mapping[str, object], depth: int = DEEPEST) -> object:
    """A string or a whole number that an expression is, made of constants; None for anything else."""
    value: object = None
    if depth == 0:
        return None
    if isinstance(node, ast.Constant):
        value = node.value[:LONGEST] if isinstance(node.value, str) else node.value
    elif isinstance(node, ast.Name):
        value = names.get(node.id)
    elif isinstance(node, ast.JoinedStr):
        value = _joined(node, names, depth - 1)
    elif isinstance(node, ast.Call):
        value = _made(node, names, depth - 1)
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod):
        value = _inserted(
            PERCENT, value_of(node.left, names, depth - 1), _values(node.right, names, depth - 1)
        )
    elif isinstance(node, ast.BinOp):
        value = _sum(value_of(node.left, names, depth - 1), node.op, value_of(node.right, names, depth - 1))
    return value if isinstance(value, str | int) and not isinstance(value, bool) else None


def _joined(node: ast.JoinedStr, names: Mapping[str, object], depth: int) -> str | None:
    """`f"blocks.{LAYER}.hook_resid_post"`; what is written in a form of its own (`{layer:02}`) is left alone."""
    if any(isinstance(part, ast.FormattedValue) and part.format_spec for part in node.values):
        return None
    parts = [
        value_of(part.value if isinstance(part, ast.FormattedValue) else part, names, depth)
        for part in node.values
    ]
    return "".join(map(str, parts))[:LONGEST] if all(part is not None for part in parts) else None


def _made(node: ast.Call, names: Mapping[str, object], depth: int) -> object:
    """`str(12)`, `int("12")` and `"blocks.{}.hook_resid_post".format(12)`."""
    function, given = node.func, [value_of(one, names, depth) for one in node.args]
    if any(value is None for value in given):
        return None
    if isinstance(function, ast.Name) and function.id == "str" and len(given) == 1 and not node.keywords:
        return str(given[0])
    if not isinstance(function, ast.Attribute) or function.attr != "format":
        return None
    named = {one.arg: value_of(one.value, names, depth) for one in node.keywords if one.arg}
    if len(named) < len(node.keywords) or None in named.values():
        return None
    return _inserted(BRACES, value_of(function.value, names, depth), given, named)


def _values(node: ast.expr, names: Mapping[str, object], depth: int) -> list[object]:
    return [value_of(one, names, depth) for one in (node.elts if isinstance(node, ast.Tuple) else [node])]


def _inserted(
    gap: re.Pattern[str], text: object, given: list[object], named: Mapping[str, object] | None = None
) -> str | None:
    """A text with values in its gaps, by their order, number or name; None where one has no value, or is written in a form of its own."""
    if not isinstance(text, str) or None in given:
        return None
    places = {str(at): value for at, value in enumerate(given)} | dict(named or {})
    order = iter(given)

    def value(match: re.Match[str]) -> str:
        key = match["key"] if match.re.groups else ""
        found = places.get(key) if key else next(order, None)
        return "{" if found is None else str(found)

    whole = gap.sub(value, text)[:LONGEST]
    return None if set("{}%") & set(whole) else whole


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
