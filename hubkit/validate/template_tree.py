"""A template of Jinja by its tree: what it asks objects for by a name that is Python's own, or that the template puts together.

Folding texts cannot win, since a name can be made in any number of ways. So every key is one of three: written down, from the data that is rendered, or made by the template.
What is written down, or can be followed to its end, is judged by what it says. What is made otherwise has no honest use on what Jinja itself brings (`lipsum`, `cycler`, macros),
and on data none where it is made of constants, or of underscores. Nothing is rendered. Source: jinja2 3.1 (nodes.py, sandbox.py, runtime.py), transformers 4.57 (chat_template_utils.py).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache, reduce
from itertools import product
from typing import Any

from jinja2 import Environment, TemplateError, nodes
from jinja2.ext import Extension
from jinja2.parser import Parser
from jinja2.sandbox import (
    UNSAFE_ASYNC_GENERATOR_ATTRIBUTES,
    UNSAFE_COROUTINE_ATTRIBUTES,
    UNSAFE_FUNCTION_ATTRIBUTES,
    UNSAFE_GENERATOR_ATTRIBUTES,
    UNSAFE_METHOD_ATTRIBUTES,
)

FRAMES = frozenset("f_back f_globals f_locals f_builtins f_code f_generator tb_frame tb_next func_globals func_code im_func im_self im_class gi_yieldfrom cr_await".split())  # fmt: skip # noqa: SIM905 - as in imports.py
UNSAFE = FRAMES.union(
    UNSAFE_FUNCTION_ATTRIBUTES,
    UNSAFE_METHOD_ATTRIBUTES,
    UNSAFE_GENERATOR_ATTRIBUTES,
    UNSAFE_COROUTINE_ATTRIBUTES,
    UNSAFE_ASYNC_GENERATOR_ATTRIBUTES,
)
"""What leads from a generator or a function to what runs, without two underscores."""
DUNDER = re.compile(r"__\w{1,80}__|_[A-Z]\w{0,80}?__\w{1,80}")
"""Python's own names, and those of a class that it hides: `_TemplateReference__context`."""
IN_FORMAT = re.compile(r"\{[^{}]{0,100}[.\[](?:__\w{1,80}__|_[A-Z]\w{0,80}?__\w)")
"""The same as `str.format` takes it."""
OF_JINJA = frozenset(["lipsum", "cycler", "joiner", "namespace", "range", "dict", "self", "caller"])
"""What Jinja brings into every template, and can be called: each has `__globals__`, or leads to it."""
MOST_EXACT, LONGEST_EXACT, MOST_PIECES = 16, 200, 64
MOST_ROUNDS = 8
"""In which what variables hold is followed: a macro may be called above the place that sets what it takes."""
NUMBERS = frozenset(["length", "count", "int", "float", "abs", "round", "wordcount"])
BY_ATTRIBUTE = frozenset(
    ["map", "sort", "sum", "min", "max", "unique", "groupby", "selectattr", "rejectattr"]
)
FIRST_IS_KEY = frozenset(["groupby", "selectattr", "rejectattr"])
PLAIN_FILTERS = frozenset(
    ["string", "safe", "escape", "e", "list", "default", "d", "first", "last", "random", "forceescape"]
)
"""Filters that leave a text as it is, or choose one of several."""
CHANGES: dict[str, Callable[..., str]] = {
    "lower": lambda text: text.lower(),
    "upper": lambda text: text.upper(),
    "capitalize": lambda text: text.capitalize(),
    "title": lambda text: text.title(),
    "trim": lambda text, *of: text.strip(*of),
    "strip": lambda text, *of: text.strip(*of),
    "reverse": lambda text: text[::-1],
    "replace": lambda text, old, new: text.replace(old, new) if old and len(new) < LONGEST_EXACT else "",
}
"""Filters and methods whose result is worked out here. Of any other the result counts as unknown."""


class _Generation(Extension):
    """transformers' `{% generation %}`, which marks what an assistant says."""

    tags = {"generation"}  # noqa: RUF012 - as jinja2 declares it

    def parse(self, parser: Parser) -> nodes.Node:
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return nodes.Scope(body, lineno=line)


@dataclass(frozen=True)
class Value:
    """What is known of a value: how a text that may be a key came about."""

    exact: frozenset[str] | None = None
    """All texts that it can be; None where that is not known, or it is no text."""
    pieces: tuple[str, ...] = ()
    """Constants of the template that went into it."""
    made: bool = False
    """Whether the template put it together."""
    changed: bool = False
    """Whether it was made of constants in a way that is not followed."""
    inner: bool = False
    """Whether it is, or holds, what Jinja brings and can be called."""

    def joined(self, other: Value) -> Value:
        """Either of the two."""
        exact = None if self.exact is None or other.exact is None else self.exact | other.exact
        return _bounded(
            replace(
                _both(self, other),
                exact=exact,
                made=self.made
                or other.made
                or (exact is None and self.exact != other.exact and bool(self.pieces and other.pieces)),
            )
        )


DATA = Value()
NOTHING = Value(frozenset())


def _both(one: Value, other: Value) -> Value:
    pieces = tuple(dict.fromkeys(one.pieces + other.pieces)) if one.pieces != other.pieces else one.pieces
    return Value(
        None,
        pieces[:MOST_PIECES],
        one.made or other.made,
        one.changed or other.changed,
        one.inner or other.inner,
    )


def _bounded(value: Value) -> Value:
    if value.exact is not None and (
        len(value.exact) > MOST_EXACT or any(len(one) > LONGEST_EXACT for one in value.exact)
    ):
        return replace(value, exact=None)
    return value


def _texts(value: Value) -> frozenset[str]:
    return value.exact or frozenset()


def _appended(one: Value, other: Value) -> Value:
    """A text that is made of two."""
    pieces = (one.pieces + other.pieces)[:MOST_PIECES]
    whole = replace(_both(one, other), pieces=pieces, made=True)
    if one.exact is None or other.exact is None or len(one.exact) * len(other.exact) > MOST_EXACT:
        return whole
    return _bounded(replace(whole, exact=frozenset(a + b for a, b in product(one.exact, other.exact))))


@lru_cache(maxsize=1)
def _environment() -> Environment:
    """Only its parser is asked: nothing is rendered."""
    extensions: list[str | type[Extension]] = [
        "jinja2.ext.do",
        "jinja2.ext.loopcontrols",
        "jinja2.ext.i18n",
        _Generation,
    ]
    return Environment(extensions=extensions)  # noqa: S701 - nothing is rendered


def is_inside(name: str) -> bool:
    """Whether a name is one of Python's own insides."""
    return name in UNSAFE or DUNDER.fullmatch(name) is not None


def computed_reach(text: str) -> str | None:
    """What a template reaches inside by, in words with its line; None where nothing does. Raises ValueError for what is no template."""
    try:
        tree = _environment().parse(text)
    except (TemplateError, RecursionError, ValueError, OverflowError, MemoryError) as error:
        raise ValueError("no template of Jinja") from error
    try:
        return _Tree(tree).reach()
    except RecursionError as error:
        raise ValueError("a template too deep to follow") from error


class _Tree:
    """The variables of a template, and what is asked for by which key."""

    def __init__(self, tree: nodes.Template) -> None:
        self._all = list(_walk(tree))
        self._macros = {node.name: node for node in self._all if isinstance(node, nodes.Macro)}
        self._set = {node.name for node in self._all if isinstance(node, nodes.Name) and node.ctx != "load"}
        self._held: dict[str, Value] = {}
        """By the name of a variable, `.name` for a key of any object, `name()` for what a macro says."""
        self._cached: dict[int, Value] = {}
        self._insides: dict[int, Value] = {}

    def reach(self) -> str | None:
        """The first thing that reaches inside."""
        for _ in range(MOST_ROUNDS):
            before = dict(self._held)
            self._cached, self._insides = {}, {}
            for node in self._all:
                self._take(node)
            if before == self._held:
                break
        self._cached, self._insides = {}, {}
        for node in self._all:
            if (what := self._judged(node)) is not None:
                return f"{what} in its line {node.lineno}"
        return None

    def _hold(self, name: str, value: Value) -> None:
        self._held[name] = self._held[name].joined(value) if name in self._held else value

    def _take(self, node: nodes.Node) -> None:
        """What a statement puts into variables."""
        if isinstance(node, nodes.Assign):
            self._bind(node.target, node.node)
        elif isinstance(node, nodes.For):
            self._bind(node.target, node.iter, each=True)  # any of them
        elif isinstance(node, nodes.With):
            for target, value in zip(node.targets, node.values, strict=True):
                self._bind(target, value)
        elif isinstance(node, nodes.AssignBlock):
            said = self._said(node.body)
            said = replace(said, changed=bool(said.pieces), exact=None) if node.filter else said
            self._put(node.target, said)
        elif isinstance(node, nodes.CallBlock):
            self._hold("caller()", self._said(node.body))
        elif isinstance(node, nodes.Macro):
            self._hold(f"{node.name}()", self._said(node.body))
            for name, value in zip(node.args[::-1], node.defaults[::-1], strict=False):
                self._put(name, self._value(value))
        elif isinstance(node, nodes.Dict):
            for pair in node.items:
                if isinstance(pair.key, nodes.Const):
                    self._hold(f".{pair.key.value}", self._value(pair.value))
        elif isinstance(node, nodes.Call):
            self._called(node)

    def _called(self, node: nodes.Call) -> None:
        macro = self._macros.get(node.node.name) if isinstance(node.node, nodes.Name) else None
        if macro is not None:
            for name, value in zip(macro.args, node.args, strict=False):
                self._put(name, self._value(value))
        for pair in node.kwargs:
            self._hold(pair.key if macro is not None else f".{pair.key}", self._value(pair.value))

    def _bind(self, target: nodes.Node, node: nodes.Node, *, each: bool = False) -> None:
        """What an assignment or a loop puts into its target, part by part where both have parts."""
        parts = node.items if isinstance(node, nodes.Tuple | nodes.List) and not each else []
        if isinstance(target, nodes.Tuple) and len(parts) == len(target.items):
            for one, value in zip(target.items, parts, strict=True):
                self._bind(one, value)
        else:
            self._put(target, self._value(node))

    def _put(self, target: nodes.Node, value: Value) -> None:
        if isinstance(target, nodes.Name):
            self._hold(target.name, value)
        elif isinstance(target, nodes.NSRef):
            self._hold(f".{target.attr}", value)
        elif isinstance(target, nodes.Tuple):
            for one in target.items:
                self._put(one, value)

    def _said(self, body: list[nodes.Node]) -> Value:
        """What statements print: of plain constants the text itself."""
        found = NOTHING
        for node in body:
            if not isinstance(node, nodes.Output):
                inner = self._inside(node)
                found = replace(_both(found, inner), made=True) if inner != NOTHING else found
                continue
            for part in node.nodes:
                value = self._value(part)
                found = value if found == NOTHING else _appended(found, value)
        return found if found != NOTHING else Value(frozenset([""]))

    def _inside(self, node: nodes.Node) -> Value:
        """What the statements in a statement may print, in an order that is not known; each is worked out once a round."""
        known = self._insides.get(id(node))
        if known is None:
            found = NOTHING
            for child in node.iter_child_nodes():
                if isinstance(child, nodes.Output):
                    found = reduce(_both, map(self._value, child.nodes), found)
                elif isinstance(child, nodes.Stmt):
                    inner = self._inside(child)
                    found = _both(found, inner) if inner != NOTHING else found
            known = self._insides[id(node)] = found
        return known

    def _value(self, node: nodes.Node) -> Value:
        """What is known of an expression; each is worked out once a round."""
        known = self._cached.get(id(node))
        if known is None:
            known = self._cached[id(node)] = _bounded(self._worked(node))
        return known

    def _worked(self, node: nodes.Node) -> Value:
        ways: tuple[tuple[Any, Callable[[Any], Value]], ...] = (
            (nodes.Const, self._constant),
            (nodes.TemplateData, self._printed),
            (nodes.Name, self._variable),
            (nodes.Getattr, lambda one: self._member(one.node, one.attr)),
            (nodes.Getitem, self._item),
            (nodes.Call, self._result),
            (nodes.Filter, self._filtered),
            (nodes.List | nodes.Tuple, lambda one: self._any_of(one.items)),
            (nodes.Dict, lambda one: self._any_of([part for pair in one.items for part in (pair.key, pair.value)])),
            (nodes.Concat, lambda one: reduce(_appended, map(self._value, one.nodes))),
            (nodes.CondExpr, lambda one: self._any_of([part for part in (one.expr1, one.expr2) if part is not None])),
            (nodes.And | nodes.Or, lambda one: self._any_of([one.left, one.right])),
            (nodes.Mul, self._times),
            (nodes.BinExpr, self._of_two),
            (nodes.Compare | nodes.Test | nodes.UnaryExpr, lambda _: DATA),
        )  # fmt: skip
        for kinds, work in ways:
            if isinstance(node, kinds):
                return work(node)
        return reduce(_both, map(self._value, node.iter_child_nodes()), DATA)

    @staticmethod
    def _constant(node: nodes.Const) -> Value:
        return Value(frozenset([node.value]), (node.value,)) if isinstance(node.value, str) else DATA

    @staticmethod
    def _printed(node: nodes.TemplateData) -> Value:
        return Value(frozenset([node.data]), (node.data[:LONGEST_EXACT],))

    def _variable(self, node: nodes.Name) -> Value:
        held = self._held.get(node.name, DATA)
        return replace(held, inner=held.inner or node.name in OF_JINJA or node.name in self._macros)

    def _any_of(self, parts: list[Any]) -> Value:
        return reduce(Value.joined, map(self._value, parts), NOTHING)

    def _of_two(self, node: nodes.BinExpr) -> Value:
        """A sum, which may be a text; of any other arithmetic the result is unknown."""
        left, right = self._value(node.left), self._value(node.right)
        if not (left.pieces or right.pieces):
            return _both(left, right)
        if isinstance(node, nodes.Add):
            return _appended(left, right)
        return replace(_both(left, right), made=True, changed=True)

    def _times(self, node: nodes.Mul) -> Value:
        for one, other in ((node.left, node.right), (node.right, node.left)):
            value = self._value(one)
            if (
                value.exact
                and isinstance(other, nodes.Const)
                and isinstance(other.value, int)
                and other.value < LONGEST_EXACT
            ):
                return _bounded(
                    replace(value, exact=frozenset(text * other.value for text in value.exact), made=True)
                )
        return self._of_two(node)

    def _member(self, node: nodes.Node, name: str) -> Value:
        """A member by a name that is written down: what this template put there under that name, if it did."""
        value = self._value(node)
        return replace(self._held.get(f".{name}", DATA), inner=value.inner)

    def _item(self, node: nodes.Getitem) -> Value:
        base = self._value(node.node)
        if isinstance(node.arg, nodes.Const) and isinstance(node.arg.value, str):
            return self._member(node.node, node.arg.value)
        if isinstance(
            node.node, nodes.List | nodes.Tuple | nodes.Dict | nodes.CondExpr | nodes.Name
        ) and not (isinstance(node.arg, nodes.Slice)):
            return base  # one of several
        return replace(base, exact=None, made=True, changed=True) if base.pieces else base

    def _result(self, node: nodes.Call) -> Value:
        """What a call gives: of a macro what it says, of a method a text that was changed; of data, data."""
        called = node.node
        if isinstance(called, nodes.Getattr):
            return self._changed(called.attr, self._value(called.node), node)
        name = called.name if isinstance(called, nodes.Name) else ""
        if name in self._macros or name == "caller":
            return replace(self._held.get(f"{name}()", DATA), made=True, exact=None)
        given = reduce(_both, [self._value(part) for part in _given(node)], DATA)
        if name == "dict":  # whose keys a filter may join
            given = replace(given, pieces=(*given.pieces, *(pair.key for pair in node.kwargs))[:MOST_PIECES])
        return given if name else replace(given, inner=self._value(called).inner)

    def _filtered(self, node: nodes.Filter) -> Value:
        if node.name in NUMBERS:
            return DATA
        value = self._value(node.node) if node.node is not None else DATA
        if node.name in PLAIN_FILTERS:
            return reduce(Value.joined, [self._value(part) for part in _given(node)], value)
        return self._changed(node.name, value, node)

    def _changed(self, name: str, value: Value, node: nodes.Call | nodes.Filter) -> Value:
        """A text after a filter or a method, worked out where that is simple."""
        given = [self._value(part) for part in _given(node)]
        whole = reduce(_both, given, value)
        work = CHANGES.get(name)
        if value.exact and work is not None and all(one.exact and len(one.exact) == 1 for one in given):
            words = [next(iter(_texts(one))) for one in given]
            try:
                return _bounded(
                    replace(whole, exact=frozenset(work(text, *words) for text in value.exact), made=True)
                )
            except TypeError:
                pass
        if not whole.pieces:
            return replace(whole, exact=None)
        return replace(whole, exact=None, made=True, changed=bool(value.pieces) or whole.changed)

    def _judged(self, node: nodes.Node) -> str | None:
        """What a node reaches inside by, in words."""
        if isinstance(node, nodes.Getattr):
            base = self._value(node.node)
            hidden = node.attr.startswith("_") and (
                base.inner or (isinstance(node.node, nodes.Name) and node.node.name == "loop")
            )
            if is_inside(node.attr) or hidden:
                return repr(node.attr)
        elif isinstance(node, nodes.Getitem):
            return None if isinstance(node.arg, nodes.Slice) else self._of_key(node.arg, node.node)
        elif isinstance(node, nodes.Filter):
            return self._of_filter(node)
        elif isinstance(node, nodes.Call) and isinstance(node.node, nodes.Getattr):
            return self._of_format(node.node)
        return None

    def _of_format(self, node: nodes.Getattr) -> str | None:
        if node.attr not in {"format", "format_map"}:
            return None
        value = self._value(node.node)
        if any(IN_FORMAT.search(text) for text in _texts(value) | set(value.pieces)):
            return "a name of Python's insides in a format"
        if (
            value.exact is None
            and any("{" in piece for piece in value.pieces)
            and (value.made or value.changed)
        ):
            return "a format that it puts together"
        return None

    def _of_filter(self, node: nodes.Filter) -> str | None:
        """A filter that takes the name of an attribute."""
        names: dict[str, nodes.Node] = {str(pair.key): pair.value for pair in node.kwargs}
        if node.name == "attr":
            key = node.args[0] if node.args else names.get("name")
            exact = self._value(key).exact if key is not None else None
            if not isinstance(key, nodes.Const) and not (exact and not any(map(is_inside, exact))):
                return "an attribute whose name it computes"
            return self._of_key(key, node.node)
        if node.name not in BY_ATTRIBUTE and node.name not in {"select", "reject"}:
            return None
        if any(part is not None for part in (node.dyn_args, node.dyn_kwargs)) and node.name in BY_ATTRIBUTE:
            return f"an attribute for {node.name} whose name it computes"
        keys = [names["attribute"]] if "attribute" in names else []
        if node.name in FIRST_IS_KEY:
            keys += node.args[:1]
        elif node.name in {"map", "sum", "min", "max", "unique", "sort"}:
            keys += node.args  # the name of a filter, and what that takes
        return next(
            (what for key in keys if (what := self._of_key(key, node.node, parts=True)) is not None), None
        )

    def _of_key(self, key: nodes.Node | None, base: nodes.Node | None, *, parts: bool = False) -> str | None:
        """A key: what it says where that is known, else how it was made and of what it is asked."""
        value, of = (DATA if one is None else self._value(one) for one in (key, base))
        for text in _texts(value):
            for name in text.split(".") if parts else [text]:
                if is_inside(name) or (of.inner and name.startswith("_")):
                    return repr(name)
        if value.exact is not None and not (of.inner and value.made):
            return None
        asked = _shown(base)
        if of.inner and (value.made or value.pieces or not (_is_number(key) or self._is_shadowed(base))):
            return f"a key of {asked} that it computes"
        underscores = sum(not piece.strip("_") for piece in value.pieces if piece)
        odd = any("__" in piece or piece in UNSAFE for piece in value.pieces) or underscores > 1
        if value.changed or (value.made and odd):
            return f"a key of {asked} that it puts together"
        return None

    def _is_shadowed(self, base: nodes.Node | None) -> bool:
        """Whether a name of Jinja's is a variable of this template, too."""
        return (
            isinstance(base, nodes.Name)
            and base.name in OF_JINJA & self._set
            and base.name not in self._macros
        )


def _walk(root: nodes.Node) -> Iterator[nodes.Node]:
    """Every node, in the order of the text, without recursion."""
    left = [root]
    while left:
        node = left.pop()
        yield node
        left += list(node.iter_child_nodes())[::-1]


def _given(node: Any) -> list[nodes.Node]:
    """All that a call or a filter is given."""
    dynamic = [part for part in (node.dyn_args, node.dyn_kwargs) if part is not None]
    return [*node.args, *(pair.value for pair in node.kwargs), *dynamic]


def _is_number(key: nodes.Node | None) -> bool:
    if isinstance(key, nodes.Const):
        return not isinstance(key.value, str)
    if isinstance(key, nodes.Filter):
        return key.name in NUMBERS
    if isinstance(key, nodes.Getattr):
        return key.attr in {"index", "index0", "revindex", "revindex0", "length", "depth", "depth0"}
    return isinstance(key, nodes.BinExpr | nodes.UnaryExpr) and all(map(_is_number, key.iter_child_nodes()))


def _shown(base: nodes.Node | None) -> str:
    while (
        isinstance(base, nodes.Getattr | nodes.Getitem | nodes.Filter | nodes.Call) and base.node is not None
    ):
        base = base.node
    return repr(base.name) if isinstance(base, nodes.Name) else "something"
