"""Programs of torch.export (`.pt2`): what their graphs make torch evaluate when they are loaded.

torch reads the sizes of tensors from JSON and hands each to `sympy.sympify`, which evaluates it as Python; guards are executed as they stand, and the target of a node is looked up from `torch` by its dots.
Source: torch 2.13 (_export/serde/serialize.py: _parse_sym_expr, deserialize_operator; export/_unlift.py; export/pt2_archive), sympy 1.14 (parsing/sympy_parser.py).
"""

from __future__ import annotations

import ast
import json
import re
import zipfile
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from hubkit.errors import IncompleteError
from hubkit.python_code import expression_of
from hubkit.tensors.kinds import ZIPS
from hubkit.tensors.view_file import Allowance, ViewFile
from hubkit.validate.code_by_name import CodeFile
from hubkit.validate.code_files import ODD, SearchedCode
from hubkit.validate.finding import Severity
from hubkit.validate.imports import INSIDE
from hubkit.words import many

if TYPE_CHECKING:
    from hubkit.repo.view import Entry, RepoView

ENDING = ".pt2"
FOLDER, OLD = "/models/", "/serialized_exported_program.json"
"""Where the graphs lie, in today's archives and in those before torch 2.8."""
REQUESTS = 24
"""Of a far archive: its directory, and the graphs in it."""
LONGEST_GRAPH, MOST_GRAPHS = 1 << 25, 64
"""Bytes of one member; a language model's graph has some ten million. And how many of one archive are read."""
MOST_UNPACKED = 1 << 27
LONGEST_TEXT = 10_000
"""Characters of an expression."""
SYMBOLS = frozenset(["Symbol", "Dummy", "Float", "Integer", "Rational"])
"""What takes a text, and makes a name or a number of it."""
KNOWN = SYMBOLS | frozenset(
    """
    Number Add Mul Pow Mod Max Min Abs Piecewise ExprCondPair Tuple And Or Not Xor ITE Eq Ne Lt Le Gt Ge Equality Unequality
    Relational StrictLessThan LessThan StrictGreaterThan GreaterThan floor ceiling sqrt exp log sign sin cos tan asin acos atan sinh cosh tanh atan2 factorial
    FloorDiv ModularIndexing Where PythonMod CleanDiv CeilToInt FloorToInt CeilDiv LShift RShift PowByNatural FloatPow FloatTrueDiv IntTrueDiv TruncToFloat TruncToInt
    RoundToInt RoundDecimal ToFloat Identity IsNonOverlappingAndDenseIndicator BitwiseFn_bitwise_and BitwiseFn_bitwise_or BitwiseFn_bitwise_xor
    """.split()  # noqa: SIM905 - as in imports.py
)
"""What sympy and torch write into an expression."""
OPAQUE = re.compile(r"OpaqueUnaryFn_[a-z0-9]{1,20}")
NAME = re.compile(r"[\w.+-]{1,200}")
ARITHMETIC = (
    ast.Expression, ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare, ast.IfExp, ast.Tuple, ast.Constant, ast.Name, ast.Call, ast.keyword,
    ast.operator, ast.unaryop, ast.boolop, ast.cmpop, ast.expr_context,
)  # fmt: skip
GUARD = (*ARITHMETIC, ast.Attribute, ast.Subscript, ast.List, ast.Slice)
OF_TENSORS = frozenset("size stride storage_offset dim ndim ndimension numel shape dtype device item is_contiguous sym_max sym_min sym_not sym_ite sym_float sym_sum sym_sqrt".split())  # fmt: skip # noqa: SIM905 - the same
"""What a guard asks of the tensors that come in."""
CALLED = frozenset(["max", "min", "abs", "int", "float", "bool", "len", "round"])
REACHING = INSIDE | frozenset(
    ["load", "hub", "serialization", "package", "cpp_extension", "attrgetter", "methodcaller"]
)
"""What must not stand in the name of a node's target: it is reached from `torch` by its dots."""


def search_exports(view: RepoView) -> SearchedCode:
    """Look into every archive that may be such a program; of a far repository into those that are called so."""
    searched = SearchedCode([], [], [])
    allowance = Allowance(REQUESTS, REQUESTS << 20, MOST_UNPACKED)
    for entry in view.list():
        named = entry.name.lower().endswith(ENDING)
        near = entry.size and view.at_hand(entry.path, 0, entry.size)
        if not entry.size or not (named or near):
            continue
        try:
            if named or view.read_range(entry.path, 0, 4).startswith(ZIPS):
                searched.found += _of_archive(view, entry, allowance)
        except IncompleteError as error:
            why = error.message if entry.path in error.message else f"{entry.path}: {error.message}"
            searched.unread += [why] if why not in searched.unread else []
    return searched


def _of_archive(view: RepoView, entry: Entry, allowance: Allowance) -> Iterator[CodeFile]:
    """One finding for all texts of its graphs that are more than arithmetic. Raises IncompleteError where they are not read whole."""
    odd: list[str] = []
    try:
        with zipfile.ZipFile(ViewFile(view, entry.path, allowance)) as archive:
            graphs = [one for one in archive.infolist() if _is_graph(f"/{one.filename}")]
            for one in graphs[:MOST_GRAPHS]:
                if one.file_size > LONGEST_GRAPH:
                    raise IncompleteError(f"{one.filename} is too long to be read for what torch evaluates")
                allowance.spend_unpacked(one.file_size)
                with archive.open(one) as file:
                    odd += _of_graph(file.read(LONGEST_GRAPH))
    except ODD:  # SEC001 says so
        return
    if odd:
        more = f" and {many(len(odd) - 1, 'other')}" if len(odd) > 1 else ""
        what = f"a program of torch.export with {odd[0]}{more}, which torch evaluates when it is loaded"
        yield CodeFile(entry.path, "export", what, Severity.ERROR)
    if len(graphs) > MOST_GRAPHS:
        raise IncompleteError(f"only the first {MOST_GRAPHS} of its graphs were read")


def _is_graph(name: str) -> bool:
    return name.endswith(OLD) or (FOLDER in name and name.endswith(".json"))


def _of_graph(raw: bytes) -> list[str]:
    """What of a graph is more than arithmetic, in words, each once."""
    try:
        root = json.loads(raw)
    except (ValueError, RecursionError):
        return []
    found: dict[str, None] = {}
    left = [root]
    while left:
        value = left.pop()
        if isinstance(value, dict):
            left += value.values()
            found |= dict.fromkeys(_of_object(value))
        elif isinstance(value, list):
            left += value
    return list(found)


def _of_object(value: dict[str, Any]) -> Iterator[str]:
    for key in ("expr_str", "hint"):
        text = value.get(key)
        if isinstance(text, str) and not is_arithmetic(text):
            yield f"the size {text[:80]!r}"
    guards = value.get("guards_code")
    for text in guards if isinstance(guards, list) else ():
        if isinstance(text, str) and not is_guard(text):
            yield f"the guard {text[:80]!r}"
    ranges = value.get("range_constraints")
    for text in ranges if isinstance(ranges, dict) else ():
        if not is_arithmetic(text):
            yield f"the symbol {text[:80]!r}"
    target = value.get("target")
    if isinstance(target, str) and target.startswith(("torch", "_operator", "math")) and _reaches(target):
        yield f"the call of {target[:80]!r}"


def _reaches(target: str) -> bool:
    parts = target.split(".")[1:]
    from hubkit.validate.template_tree import is_inside  # it brings jinja2

    return not REACHING.isdisjoint(parts) or any(map(is_inside, parts))


def is_arithmetic(text: str) -> bool:
    """Whether an expression is made of symbols, numbers and what sympy and torch know by name."""
    nodes = _nodes(text)
    if nodes is None or not all(isinstance(node, ARITHMETIC) for node in nodes):
        return False
    names = {
        id(node.args[0])
        for node in nodes
        if isinstance(node, ast.Call) and node.args and _called(node) in SYMBOLS
    }
    return all(_is_plain(node, names) for node in nodes)


def _called(node: ast.Call) -> str:
    return node.func.id if isinstance(node.func, ast.Name) else ""


def _is_plain(node: ast.AST, names: set[int]) -> bool:
    """Whether a node is a number, the name of a symbol, or the call of what is known."""
    if isinstance(node, ast.Call):
        return _called(node) in KNOWN or OPAQUE.fullmatch(_called(node)) is not None
    if isinstance(node, ast.Constant) and isinstance(node.value, str | bytes):
        return id(node) in names and isinstance(node.value, str) and NAME.fullmatch(node.value) is not None
    return not (isinstance(node, ast.Name) and node.id.startswith("__"))


def is_guard(text: str) -> bool:
    """Whether a guard asks the tensors that come in for their sizes, and nothing else."""
    nodes = _nodes(text)
    return nodes is not None and all(isinstance(node, GUARD) and _is_of_guard(node) for node in nodes)


def _is_of_guard(node: ast.AST) -> bool:
    if isinstance(node, ast.Attribute):
        of_math = isinstance(node.value, ast.Name) and node.value.id == "math"
        return node.attr in OF_TENSORS or (of_math and not node.attr.startswith("_"))
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Attribute) or _called(node) in KNOWN | CALLED
    return not (isinstance(node, ast.Name) and node.id.startswith("_"))


def _nodes(text: str) -> list[ast.AST] | None:
    """The nodes of an expression of Python; None where it is none, or too long."""
    if len(text) > LONGEST_TEXT:
        return None
    try:
        return list(ast.walk(expression_of(text.strip())))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
