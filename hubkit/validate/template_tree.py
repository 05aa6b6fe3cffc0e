"""A template of Jinja by its tree: what it asks objects for by a name that is Python's own, or that the template puts together.

Folding texts cannot win, since a name can be made in any number of ways. So every key is one of three: written down, from the data that is rendered, or made by the template.
What is written down, or can be followed to its end, is judged by what it says. What is made otherwise has no honest use on what Jinja itself brings (`lipsum`, `cycler`, macros),
and on data none where it is made of constants, or of underscores. Nothing is rendered. Source: jinja2 3.1 (nodes.py, sandbox.py, runtime.py), transformers 4.57 (chat_template_utils.py).
"""

from __future__ import annotations

import re
from functools import lru_cache

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

from hubkit.validate.template_values import DATA, NUMBERS, OF_JINJA, Variables, texts

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
BY_ATTRIBUTE = frozenset(
    ["map", "sort", "sum", "min", "max", "unique", "groupby", "selectattr", "rejectattr"]
)
FIRST_IS_KEY = frozenset(["groupby", "selectattr", "rejectattr"])


class _Generation(Extension):
    """transformers' `{% generation %}`, which marks what an assistant says."""

    tags = {"generation"}  # noqa: RUF012 - as jinja2 declares it

    def parse(self, parser: Parser) -> nodes.Node:
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return nodes.Scope(body, lineno=line)


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
    """What a template asks for, and by which key."""

    def __init__(self, tree: nodes.Template) -> None:
        self._variables = Variables(tree)
        self._value = self._variables.value

    def reach(self) -> str | None:
        """The first thing that reaches inside."""
        for node in self._variables.all:
            if (what := self._judged(node)) is not None:
                return f"{what} in its line {node.lineno}"
        return None

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
        if any(IN_FORMAT.search(text) for text in texts(value) | set(value.pieces)):
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
        for text in texts(value):
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
            and base.name in OF_JINJA & self._variables.set_here
            and base.name not in self._variables.macros
        )


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
