"""What the variables and expressions of a template of Jinja come to, as far as that can be told without rendering it.

What is written down, or can be followed to its end, is known exactly; of the rest, which constants went into it, and whether the template made it of them.
Source: jinja2 3.1 (nodes.py, filters.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import reduce
from itertools import product
from typing import Any

from jinja2 import nodes

OF_JINJA = frozenset(["lipsum", "cycler", "joiner", "namespace", "range", "dict", "self", "caller"])
"""What Jinja brings into every template, and can be called: each has `__globals__`, or leads to it."""
MOST_EXACT, LONGEST_EXACT, MOST_PIECES = 16, 200, 64
MOST_ROUNDS = 8
"""In which what variables hold is followed: a macro may be called above the place that sets what it takes."""
NUMBERS = frozenset(["length", "count", "int", "float", "abs", "round", "wordcount"])
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


def texts(value: Value) -> frozenset[str]:
    """All that it is known to say; nothing where that is not known."""
    return value.exact or frozenset()


def _appended(one: Value, other: Value) -> Value:
    """A text that is made of two."""
    pieces = (one.pieces + other.pieces)[:MOST_PIECES]
    whole = replace(_both(one, other), pieces=pieces, made=True)
    if one.exact is None or other.exact is None or len(one.exact) * len(other.exact) > MOST_EXACT:
        return whole
    return _bounded(replace(whole, exact=frozenset(a + b for a, b in product(one.exact, other.exact))))


class Variables:
    """The variables of a template, followed until they hold nothing new, and the value of every expression in it."""

    def __init__(self, tree: nodes.Template) -> None:
        self.all = list(_walk(tree))
        """Every node, in the order of the text."""
        self.macros = {node.name: node for node in self.all if isinstance(node, nodes.Macro)}
        self.set_here = {
            node.name for node in self.all if isinstance(node, nodes.Name) and node.ctx != "load"
        }
        """Names of variables that the template sets itself."""
        self._held: dict[str, Value] = {}
        """By the name of a variable, `.name` for a key of any object, `name()` for what a macro says."""
        self._cached: dict[int, Value] = {}
        self._insides: dict[int, Value] = {}
        self._follow()

    def _follow(self) -> None:
        """Round after round: what a variable holds may come from one below it."""
        for _ in range(MOST_ROUNDS):
            before = dict(self._held)
            self._cached, self._insides = {}, {}
            for node in self.all:
                self._take(node)
            if before == self._held:
                break
        self._cached, self._insides = {}, {}

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
                self._put(name, self.value(value))
        elif isinstance(node, nodes.Dict):
            for pair in node.items:
                if isinstance(pair.key, nodes.Const):
                    self._hold(f".{pair.key.value}", self.value(pair.value))
        elif isinstance(node, nodes.Call):
            self._called(node)

    def _called(self, node: nodes.Call) -> None:
        macro = self.macros.get(node.node.name) if isinstance(node.node, nodes.Name) else None
        if macro is not None:
            for name, value in zip(macro.args, node.args, strict=False):
                self._put(name, self.value(value))
        for pair in node.kwargs:
            self._hold(pair.key if macro is not None else f".{pair.key}", self.value(pair.value))

    def _bind(self, target: nodes.Node, node: nodes.Node, *, each: bool = False) -> None:
        """What an assignment or a loop puts into its target, part by part where both have parts."""
        parts = node.items if isinstance(node, nodes.Tuple | nodes.List) and not each else []
        if isinstance(target, nodes.Tuple) and len(parts) == len(target.items):
            for one, value in zip(target.items, parts, strict=True):
                self._bind(one, value)
        else:
            self._put(target, self.value(node))

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
                value = self.value(part)
                found = value if found == NOTHING else _appended(found, value)
        return found if found != NOTHING else Value(frozenset([""]))

    def _inside(self, node: nodes.Node) -> Value:
        """What the statements in a statement may print, in an order that is not known; each is worked out once a round."""
        known = self._insides.get(id(node))
        if known is None:
            found = NOTHING
            for child in node.iter_child_nodes():
                if isinstance(child, nodes.Output):
                    found = reduce(_both, map(self.value, child.nodes), found)
                elif isinstance(child, nodes.Stmt):
                    inner = self._inside(child)
                    found = _both(found, inner) if inner != NOTHING else found
            known = self._insides[id(node)] = found
        return known

    def value(self, node: nodes.Node) -> Value:
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
            (nodes.Concat, lambda one: reduce(_appended, map(self.value, one.nodes))),
            (nodes.CondExpr, lambda one: self._any_of([part for part in (one.expr1, one.expr2) if part is not None])),
            (nodes.And | nodes.Or, lambda one: self._any_of([one.left, one.right])),
            (nodes.Mul, self._times),
            (nodes.BinExpr, self._of_two),
            (nodes.Compare | nodes.Test | nodes.UnaryExpr, lambda _: DATA),
        )  # fmt: skip
        for kinds, work in ways:
            if isinstance(node, kinds):
                return work(node)
        return reduce(_both, map(self.value, node.iter_child_nodes()), DATA)

    @staticmethod
    def _constant(node: nodes.Const) -> Value:
        return Value(frozenset([node.value]), (node.value,)) if isinstance(node.value, str) else DATA

    @staticmethod
    def _printed(node: nodes.TemplateData) -> Value:
        return Value(frozenset([node.data]), (node.data[:LONGEST_EXACT],))

    def _variable(self, node: nodes.Name) -> Value:
        held = self._held.get(node.name, DATA)
        return replace(held, inner=held.inner or node.name in OF_JINJA or node.name in self.macros)

    def _any_of(self, parts: list[Any]) -> Value:
        return reduce(Value.joined, map(self.value, parts), NOTHING)

    def _of_two(self, node: nodes.BinExpr) -> Value:
        """A sum, which may be a text; of any other arithmetic the result is unknown."""
        left, right = self.value(node.left), self.value(node.right)
        if not (left.pieces or right.pieces):
            return _both(left, right)
        if isinstance(node, nodes.Add):
            return _appended(left, right)
        return replace(_both(left, right), made=True, changed=True)

    def _times(self, node: nodes.Mul) -> Value:
        for one, other in ((node.left, node.right), (node.right, node.left)):
            value = self.value(one)
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
        value = self.value(node)
        return replace(self._held.get(f".{name}", DATA), inner=value.inner)

    def _item(self, node: nodes.Getitem) -> Value:
        base = self.value(node.node)
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
            return self._changed(called.attr, self.value(called.node), node)
        name = called.name if isinstance(called, nodes.Name) else ""
        if name in self.macros or name == "caller":
            return replace(self._held.get(f"{name}()", DATA), made=True, exact=None)
        given = reduce(_both, [self.value(part) for part in _given(node)], DATA)
        if name == "dict":  # whose keys a filter may join
            given = replace(given, pieces=(*given.pieces, *(pair.key for pair in node.kwargs))[:MOST_PIECES])
        return given if name else replace(given, inner=self.value(called).inner)

    def _filtered(self, node: nodes.Filter) -> Value:
        if node.name in NUMBERS:
            return DATA
        value = self.value(node.node) if node.node is not None else DATA
        if node.name in PLAIN_FILTERS:
            return reduce(Value.joined, [self.value(part) for part in _given(node)], value)
        return self._changed(node.name, value, node)

    def _changed(self, name: str, value: Value, node: nodes.Call | nodes.Filter) -> Value:
        """A text after a filter or a method, worked out where that is simple."""
        given = [self.value(part) for part in _given(node)]
        whole = reduce(_both, given, value)
        work = CHANGES.get(name)
        if value.exact and work is not None and all(one.exact and len(one.exact) == 1 for one in given):
            words = [next(iter(texts(one))) for one in given]
            try:
                return _bounded(
                    replace(whole, exact=frozenset(work(text, *words) for text in value.exact), made=True)
                )
            except TypeError:
                pass
        if not whole.pieces:
            return replace(whole, exact=None)
        return replace(whole, exact=None, made=True, changed=bool(value.pieces) or whole.changed)


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
