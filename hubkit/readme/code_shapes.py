"""Whether what a card's code multiplies and adds has the widths for it: `sae.encode(x) @ sae.W_dec.T` has d_sae columns before d_in rows.

Of SAELens's tensors the shapes are known by name: W_enc [d_in, d_sae], W_dec [d_sae, d_out]. Followed are assignments, transposes, products and what leaves a shape as it is; nothing is run,
and whatever else an expression is has no known shape.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from hubkit.readme.constants import called

Axis = Literal["d_in", "d_sae", "d_out"] | None
TENSORS: dict[str, tuple[Axis, Axis]] = {
    "W_enc": ("d_in", "d_sae"),
    "W_dec": ("d_sae", "d_out"),
    "b_enc": (None, "d_sae"),
    "b_dec": (None, "d_out"),
    "threshold": (None, "d_sae"),
}
"""First and last axis; of a vector the last alone."""
TRANSPOSED = {"T", "mT", "H"}
PRODUCTS = {"matmul", "mm"}
SAME = {
    "relu", "relu_", "float", "double", "half", "bfloat16", "to", "cpu", "cuda", "detach", "clone", "abs", "sigmoid", "tanh", "clamp", "contiguous", "numpy",
}  # fmt: skip
"""Functions and methods that leave the shape of their first argument as it is."""
GIVES: dict[str, Axis] = {"encode": "d_sae", "decode": "d_out"}
"""How wide what a method of an SAE gives is."""
ELEMENTWISE = (ast.Add, ast.Sub, ast.Mult, ast.Div)
DIRECTION = re.compile(
    r"direction|feature|latent|decoder|steer|vector|vec\b|(?:^|_)dir(?:_|$)", re.IGNORECASE
)
"""Names for what one latent writes."""
PAIR = 2
"""Of matrices that are multiplied, of the axes of one."""
DEEPEST = 12


@dataclass(frozen=True)
class Shape:
    """The first and the last axis of a matrix; of anything else the last."""

    first: Axis
    last: Axis


@dataclass(frozen=True)
class Misfit:
    """Two axes that meet."""

    one: Axis
    other: Axis
    product: bool
    """Whether they are multiplied as matrices; else they are added, or multiplied number by number."""


NOTHING = Shape(None, None)
Given = Callable[[str, int], tuple[ast.expr, int] | None]
"""The last value that a name was given before a line, and its line."""


@dataclass
class Shapes:
    """Reads the shapes of one block's expressions."""

    given: Given
    is_sae: Callable[[ast.expr], bool]
    first: int
    """Line of the card on which the block begins."""
    _known: dict[int, Shape] = field(default_factory=dict)
    """By the identity of the node: each is looked at once, so that the time grows with the code."""

    def misfits(self, node: ast.AST) -> Iterator[Misfit]:
        """Of one operation: the widths that meet in it and are two, if the sizes are."""
        if isinstance(node, ast.BinOp):
            line = self.first + node.lineno
            left, right = self.of(node.left, line), self.of(node.right, line)
            product = isinstance(node.op, ast.MatMult)
            if product or isinstance(node.op, ELEMENTWISE):
                yield from _meeting(left, right, product=product)
        elif isinstance(node, ast.Call) and called(node) in PRODUCTS and len(node.args) == PAIR:
            line = self.first + node.lineno
            yield from _meeting(self.of(node.args[0], line), self.of(node.args[1], line), product=True)

    def of(self, node: ast.expr, line: int, depth: int = DEEPEST) -> Shape:
        """What is known of the shape of an expression on a line."""
        if depth == 0:
            return NOTHING
        if id(node) not in self._known:
            self._known[id(node)] = self._read(node, line, depth)
        return self._known[id(node)]

    def _read(self, node: ast.expr, line: int, depth: int) -> Shape:
        if (name := self._tensor(node, line)) is not None:
            return Shape(*TENSORS[name])
        if isinstance(node, ast.Name):
            bound = self.given(node.id, line)
            return self.of(bound[0], bound[1], depth - 1) if bound else NOTHING
        if isinstance(node, ast.Call):
            return self._encoded(node) or self._called(node, line, depth - 1)
        return self._made(node, line, depth - 1)

    def _made(self, node: ast.expr, line: int, depth: int) -> Shape:
        """Of a transpose, an operation, a row."""
        if isinstance(node, ast.Attribute) and node.attr in TRANSPOSED:
            return _turned(self.of(node.value, line, depth))
        if isinstance(node, ast.BinOp):
            left, right = self.of(node.left, line, depth), self.of(node.right, line, depth)
            if isinstance(node.op, ast.MatMult):
                return _product(left, right)
            return Shape(None, left.last or right.last) if isinstance(node.op, ELEMENTWISE) else NOTHING
        if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant | ast.Name):
            inner = self.of(node.value, line, depth)
            return Shape(None, inner.last) if inner.first else NOTHING
        return NOTHING

    def _encoded(self, node: ast.Call) -> Shape | None:
        """Of what an SAE gives; None where it is none."""
        method = node.func if isinstance(node.func, ast.Attribute) else None
        if method is not None and self.is_sae(method.value):
            return Shape(None, GIVES.get(method.attr))
        return Shape(None, "d_out") if isinstance(node.func, ast.Name) and self.is_sae(node.func) else None

    def _called(self, node: ast.Call, line: int, depth: int) -> Shape:
        """Of what a function gives, or a method of a tensor."""
        name, owner = called(node), node.func.value if isinstance(node.func, ast.Attribute) else None
        if name in PRODUCTS and len(node.args) == PAIR:
            left, right = (self.of(one, line, depth) for one in node.args)
            return _product(left, right)
        if name == "t" and owner is not None and not node.args:
            return _turned(self.of(owner, line, depth))
        of_module = owner is None or (isinstance(owner, ast.Name) and self.given(owner.id, line) is None)
        given = node.args[0] if of_module and node.args else owner
        return self.of(given, line, depth) if name in SAME and given is not None else NOTHING

    def _tensor(self, node: ast.expr, line: int) -> str | None:
        """`sae.W_dec`, `weights["W_dec"]` of what `load_file` gave."""
        if isinstance(node, ast.Attribute) and node.attr in TENSORS and self.is_sae(node.value):
            return node.attr
        if not (isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant)):
            return None
        bound = self.given(node.value.id, line) if isinstance(node.value, ast.Name) else None
        value = bound[0] if bound else node.value
        name = node.slice.value
        from_file = isinstance(value, ast.Call) and called(value) == "load_file"
        return name if from_file and isinstance(name, str) and name in TENSORS else None

    def sideways(self, node: ast.AST) -> tuple[str, int] | None:
        """`direction = sae.W_dec[:, 77]`: a tensor, and the number that was meant to be a latent's and is an input's."""
        if not (isinstance(node, ast.Assign) and isinstance(node.value, ast.Subscript)):
            return None
        name = self._tensor(node.value.value, self.first + node.lineno)
        targets = [one.id for one in node.targets if isinstance(one, ast.Name) and DIRECTION.search(one.id)]
        at = node.value.slice
        if name == "W_dec" and isinstance(at, ast.Tuple) and len(at.elts) == PAIR:
            whole = isinstance(at.elts[0], ast.Slice) and not (at.elts[0].lower or at.elts[0].upper)
            at = at.elts[1] if whole else at
        elif name != "W_enc":
            return None
        number = at.value if isinstance(at, ast.Constant) else None
        return (name, number) if targets and type(number) is int else None


def _meeting(left: Shape, right: Shape, *, product: bool) -> Iterator[Misfit]:
    one, other = left.last, right.first if product else right.last
    if one and other and one != other:
        yield Misfit(one, other, product)


def _product(left: Shape, right: Shape) -> Shape:
    return Shape(left.first, right.last if right.first else None)


def _turned(shape: Shape) -> Shape:
    return Shape(shape.last, shape.first)
