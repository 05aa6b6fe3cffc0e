"""What the Python blocks of a card do to activations before an SAE gets them: divide them by their norm, take the decoder's bias from them, leave the BOS token out.

Read off the syntax tree, nothing is run. From what an SAE encodes the assignments are followed backwards, and what functions of the card's own return.
"""

from __future__ import annotations

import ast
import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeGuard

from hubkit.readme.code import Parsed, parsed
from hubkit.readme.code_shapes import Shapes
from hubkit.readme.constants import MOST, called, constants_of, value_of

if TYPE_CHECKING:
    from hubkit.readme.document import CodeBlock

SAE_NAME = re.compile(r"(?:^|_)saes?\d*(?:_|$)|(?:sae|transcoder|autoencoder)$", re.IGNORECASE)
NORMS = {"norm", "vector_norm", "std", "var"}
NORMALIZES = {"normalize", "layer_norm", "rms_norm", "LayerNorm", "RMSNorm"}
RUNS = {"run_with_cache", "run_with_cache_with_saes", "run_with_saes", "run_with_hooks"}
"""Methods of a hooked model that tokenize what they are given."""
DEEPEST = 12
"""Assignments that are followed one behind the other."""


MAKES = {"rand", "randn", "zeros", "ones", "empty", "full"}
"""Functions of torch and numpy that are given a shape."""
Kind = Literal[
    "normalized",
    "b_dec",
    "bos",
    "no bos",
    "width",
    "set",
    "precision",
    "tensor",
    "latent",
    "latents",
    "active",
    "key",
    "product",
    "sum",
    "sideways",
    "class",
]
HALVES = {"half": "float16", "bfloat16": "bfloat16"}
"""Methods that turn an SAE's weights into another precision."""
NARROW = {"float16": "float16", "half": "float16", "bfloat16": "bfloat16"}
"""Of torch, by what they are called."""
TENSORS = {"W_enc", "W_dec", "b_enc", "b_dec", "threshold", "b_gate", "b_mag", "r_mag", "W_skip"}
LATENTS_ALONG = {"W_dec": 0, "b_enc": 0, "threshold": 0, "W_enc": 1}
"""Along which axis of a tensor its latents are."""
OWN_KEYS = {"k", "rescale_acts_by_decoder_norm"}
"""What an SAE itself keeps of its configuration."""
IN_PLACE = {"fill_", "zero_", "copy_", "mul_", "add_", "sub_", "div_", "clamp_", "normal_", "uniform_"}
OF_ONE = re.compile(r"\w(?:SAE|Transcoder)$")
"""A class of SAELens for one architecture."""
GIVES_SAE = {"from_pretrained", "load_from_disk", "load_from_pretrained"}


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that is done to what an SAE gets."""

    kind: Kind
    line: int
    quote: str
    width: int | None = None
    """The last dimension of activations that the code makes itself."""
    key: str = ""
    """Of the configuration, where a value of it is set; or the precision that the SAE is turned into."""
    value: object = None


@dataclass(frozen=True, slots=True)
class _Bound:
    """A value that a name was given."""

    line: int
    value: ast.expr


def changes_of(blocks: Iterable[CodeBlock]) -> list[Change]:
    """Every such thing in a card's Python blocks, in the order of the lines. Never raises."""
    names: dict[str, list[_Bound]] = {}
    found: list[Change] = []
    blocks_read = [
        (one, list(ast.walk(one.tree))[:MOST]) for one in parsed(blocks) if isinstance(one, Parsed)
    ]
    for one, nodes in blocks_read:
        for node in nodes:
            for name, value in _bindings(node):
                names.setdefault(name, []).append(_Bound(one.first + value.lineno, value))
    for bounds in names.values():
        bounds.sort(key=lambda bound: bound.line)
    constants = constants_of([one.tree for one, _ in blocks_read])
    for one, nodes in blocks_read:
        shapes = _shapes(names, one)
        for node in nodes:
            found += _of_sae(node, one)
            found += _of_latents(node, one, constants, names)
            found += _of_file(node, names, one)
            found += _of_shapes(node, shapes, one)
            found += _of_class(node, one)
            if isinstance(node, ast.Call):
                for kind, at in _changes(node, names, one.first):
                    text = one.lines[min(at.lineno, len(one.lines)) - 1].strip()
                    width = _width(at) if kind == "width" else None
                    found.append(Change(kind, one.first + at.lineno - 1, text, width))
    return found


def _of_sae(node: ast.AST, block: Parsed) -> Iterator[Change]:
    """`sae.cfg.k = 128`, `sae.half()`, `SAE.from_pretrained(...).to(torch.float16)`: the SAE itself is made another."""
    found: list[tuple[Kind, str, object]] = []
    if isinstance(node, ast.Assign | ast.AugAssign):
        found += _assigned(node)
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        found += [("precision", dtype, None) for dtype in _turned(node, node.func)]
        name = _tensor_of(node.func.value) if node.func.attr in IN_PLACE else None
        found += [("tensor", name, None)] if name else []
    for kind, key, value in found:
        line: int = node.lineno  # type: ignore[attr-defined]
        text = block.lines[min(line, len(block.lines)) - 1].strip()
        yield Change(kind, block.first + line - 1, text, key=key, value=value)


def _of_latents(
    node: ast.AST, block: Parsed, constants: Mapping[str, object], names: dict[str, list[_Bound]]
) -> Iterator[Change]:
    """`sae.W_dec[2741]`, `z[:, 2741]`: latents by their numbers; `assert (z != 0).sum(-1).max() <= 16`: how many are active, `z.shape[-1] == 3072`: how many there are."""
    number: object = None
    kind: Kind = "latent"
    line: int = getattr(node, "lineno", 0)
    if isinstance(node, ast.Subscript):
        along = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        if isinstance(node.value, ast.Attribute) and _is_sae(node.value.value):
            at = LATENTS_ALONG.get(node.value.attr)
        else:  # of the code (tokens, latents) the last axis
            at = (
                len(along) - 1 if len(along) > 1 and _is_code(node.value, names, block.first + line) else None
            )
        number = _largest(along[at], constants, names) if at is not None and at < len(along) else None
    elif isinstance(node, ast.Assert):
        if (compared := _active(node.test)) is not None:
            kind, number = "active", value_of(compared, constants)
        elif (compared := _shape(node.test, names, block.first + line)) is not None:
            kind, number = "latents", value_of(compared, constants)
    if isinstance(number, int):
        text = block.lines[min(line, len(block.lines)) - 1].strip()
        yield Change(kind, block.first + line - 1, text, width=number)


def _largest(node: ast.expr, constants: Mapping[str, object], names: dict[str, list[_Bound]]) -> object:
    """Of numbers that are written out the largest: a list, or a name for one."""
    bounds = names.get(node.id, []) if isinstance(node, ast.Name) else []
    given = bounds[0].value if len(bounds) == 1 else node
    if not isinstance(given, ast.List):
        return value_of(node, constants)
    numbers = [value_of(one, constants) for one in given.elts]
    whole = [one for one in numbers if isinstance(one, int)]
    return max(whole) if whole and len(whole) == len(numbers) else None


def _of_file(node: ast.AST, names: dict[str, list[_Bound]], block: Parsed) -> Iterator[Change]:
    """`weights["threshold"]` of what `load_file` gave: a tensor by its name."""
    if not (
        isinstance(node, ast.Subscript)
        and isinstance(node.slice, ast.Constant)
        and isinstance(node.slice.value, str)
    ):
        return
    bound = (
        _last(names, node.value.id, block.first + node.lineno) if isinstance(node.value, ast.Name) else None
    )
    given = bound.value if bound else node.value
    if isinstance(given, ast.Call) and called(given) == "load_file":
        text = block.lines[min(node.lineno, len(block.lines)) - 1].strip()
        yield Change("key", block.first + node.lineno - 1, text, key=node.slice.value[:100])


def _shapes(names: dict[str, list[_Bound]], block: Parsed) -> Shapes:
    """What reads the shapes of a block."""

    def given(name: str, line: int) -> tuple[ast.expr, int] | None:
        bound = _last(names, name, line)
        return (bound.value, bound.line) if bound else None

    return Shapes(given, _is_sae, block.first)


def _of_shapes(node: ast.AST, shapes: Shapes, block: Parsed) -> Iterator[Change]:
    """`z @ sae.W_dec.T`, `direction = sae.W_dec[:, 77]`."""
    line: int = getattr(node, "lineno", 0)
    text = block.lines[min(line, len(block.lines)) - 1].strip() if line else ""
    for one in shapes.misfits(node):
        kind: Kind = "product" if one.product else "sum"
        yield Change(kind, block.first + line - 1, text, key=f"{one.one} and {one.other}")
    if (aside := shapes.sideways(node)) is not None:
        yield Change("sideways", block.first + line - 1, text, aside[1], key=aside[0])


def _of_class(node: ast.AST, block: Parsed) -> Iterator[Change]:
    """`JumpReLUSAE.from_pretrained(...)`: what the SAE is said to be by its class."""
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
        return
    owner = node.func.value
    if node.func.attr in GIVES_SAE and isinstance(owner, ast.Name) and OF_ONE.search(owner.id):
        text = block.lines[min(node.lineno, len(block.lines)) - 1].strip()
        yield Change("class", block.first + node.lineno - 1, text, key=owner.id)


def _is_code(node: ast.expr, names: dict[str, list[_Bound]], line: int) -> bool:
    """Whether it is what an SAE encoded."""
    bound = _last(names, node.id, line + 1) if isinstance(node, ast.Name) else None
    value = bound.value if bound else node
    return (
        isinstance(value, ast.Call)
        and isinstance(value.func, ast.Attribute)
        and value.func.attr == "encode"
        and _encodes(value)
    )


def _shape(test: ast.expr, names: dict[str, list[_Bound]], line: int) -> ast.expr | None:
    """How many latents a code is said to have: `z.shape == (1, 3072)`, `z.shape[-1] == 3072`, `z.size(-1) == 3072`."""
    if not (isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.ops[0], ast.Eq)):
        return None
    left, right = test.left, test.comparators[0]
    if (
        isinstance(left, ast.Subscript)
        and isinstance(left.value, ast.Attribute)
        and left.value.attr == "shape"
    ):
        last = isinstance(left.slice, ast.UnaryOp) and isinstance(left.slice.op, ast.USub)
        return right if last and _is_code(left.value.value, names, line) else None
    if isinstance(left, ast.Attribute) and left.attr == "shape" and _is_code(left.value, names, line):
        given = right.args[0] if isinstance(right, ast.Call) and right.args else right
        return given.elts[-1] if isinstance(given, ast.Tuple | ast.List) and given.elts else None
    return None


def _active(test: ast.expr) -> ast.expr | None:
    """What a number of active latents is said to be at most, or to be."""
    if not (
        isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.ops[0], ast.LtE | ast.Eq)
    ):
        return None
    counts = any(isinstance(one, ast.Call) and called(one) == "sum" for one in ast.walk(test.left))
    nonzero = any(
        isinstance(one, ast.Compare)
        and isinstance(one.ops[0], ast.NotEq | ast.Gt)
        and isinstance(one.comparators[0], ast.Constant)
        and one.comparators[0].value == 0
        for one in ast.walk(test.left)
    )
    return test.comparators[0] if counts and nonzero else None


def _assigned(node: ast.Assign | ast.AugAssign) -> Iterator[tuple[Kind, str, object]]:
    """Values of the configuration, and tensors, that are given another value."""
    for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
        if name := _tensor_of(target):
            yield "tensor", name, None
        if not (
            isinstance(target, ast.Attribute)
            and isinstance(node.value, ast.Constant)
            and isinstance(node, ast.Assign)
        ):
            continue
        inner = target.value
        of_cfg = isinstance(inner, ast.Attribute) and inner.attr == "cfg" and _is_sae(inner.value)
        if of_cfg or (target.attr in OWN_KEYS and _is_sae(inner)):
            yield "set", target.attr, node.value.value


def _turned(node: ast.Call, function: ast.Attribute) -> Iterator[str]:
    """`.half()`, `.to(torch.float16)`, `from_pretrained(..., dtype="float16")`."""
    if function.attr in HALVES and not node.args and _is_sae(function.value):
        yield HALVES[function.attr]
    loads = function.attr in GIVES_SAE and _is_sae(node)
    if loads or (function.attr == "to" and _is_sae(function.value)):
        given = [*([] if loads else node.args), *(one.value for one in node.keywords if one.arg == "dtype")]
        names = [one.attr if isinstance(one, ast.Attribute) else getattr(one, "value", None) for one in given]
        yield from [NARROW[name] for name in names if isinstance(name, str) and name in NARROW][:1]


def _tensor_of(node: ast.expr) -> str | None:
    """`threshold` of `sae.threshold`, `sae.threshold.data`, `sae.W_dec[3]`."""
    for _ in range(DEEPEST):
        if isinstance(node, ast.Attribute) and node.attr in TENSORS and _is_sae(node.value):
            return node.attr
        if not isinstance(node, ast.Attribute | ast.Subscript):
            return None
        node = node.value
    return None


def _is_sae(node: ast.expr) -> bool:
    """A name that is one of an SAE, or a call that loads one."""
    if isinstance(node, ast.Name):
        return SAE_NAME.search(node.id) is not None
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        owner = node.func.value
        if node.func.attr in GIVES_SAE:
            return isinstance(owner, ast.Name) and owner.id in {"SAE", "Transcoder"}
        return node.func.attr in {"to", "eval", "cuda", "cpu"} and _is_sae(owner)
    return False


def _bindings(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """`acts = ...`; `acts /= ...` is a division."""
    if isinstance(node, ast.FunctionDef):
        returned = [one.value for one in ast.walk(node) if isinstance(one, ast.Return) and one.value]
        yield from ((f"{node.name}()", one) for one in returned if len(returned) == 1)
    if isinstance(node, ast.Assign):
        yield from ((one.id, node.value) for one in node.targets if isinstance(one, ast.Name))
    elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
        yield node.target.id, node.value
    elif isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
        before = ast.copy_location(ast.Name(node.target.id, ast.Load()), node)
        yield node.target.id, ast.copy_location(ast.BinOp(before, node.op, node.value), node)


Kinds = Iterator[tuple[Kind, ast.expr]]


def _changes(node: ast.Call, names: dict[str, list[_Bound]], first: int) -> Kinds:
    if called(node) in RUNS:
        for one in node.keywords:
            if one.arg == "prepend_bos" and isinstance(one.value, ast.Constant):
                yield ("no bos" if one.value.value is False else "bos"), node
        yield from _tokenized(node, names, first)
    if _encodes(node):
        seen: set[tuple[str, int]] = set()
        for argument in node.args[:1]:
            yield from _within(argument, names, first + node.lineno, seen, DEEPEST)


def _tokenized(node: ast.Call, names: dict[str, list[_Bound]], first: int) -> Kinds:
    """`tokens = model.to_tokens(text, prepend_bos=False)`, and the model runs those tokens."""
    given = node.args[0] if node.args else None
    if isinstance(given, ast.Name):
        bound = _last(names, given.id, first + node.lineno)
        given = bound.value if bound else None
    if isinstance(given, ast.Call) and called(given) == "to_tokens":
        for one in given.keywords:
            if one.arg == "prepend_bos" and isinstance(one.value, ast.Constant):
                yield ("no bos" if one.value.value is False else "bos"), node


def _encodes(node: ast.Call) -> bool:
    """`sae.encode(...)`, `sae(...)`."""
    owner: ast.expr = node.func
    if isinstance(owner, ast.Attribute):
        if owner.attr not in {"encode", "forward"}:
            return False
        owner = owner.value
    return isinstance(owner, ast.Name) and SAE_NAME.search(owner.id) is not None


def _within(
    node: ast.expr, names: dict[str, list[_Bound]], line: int, seen: set[tuple[str, int]], depth: int
) -> Kinds:
    """What is done on the way to the value of an expression that stands on `line`."""
    if depth == 0:
        return
    for one in ast.walk(node):
        if _normalizes(one, names, line):
            yield "normalized", one
        elif isinstance(one, ast.BinOp) and isinstance(one.op, ast.Sub) and _is_bias(one.right):
            yield "b_dec", one
        elif _width(one) is not None and one is node:
            yield "width", one
        name = _name(one)
        bound = _last(names, name, line)
        if bound and (name, bound.line) not in seen:
            seen.add((name, bound.line))
            yield from _within(bound.value, names, bound.line, seen, depth - 1)


def _name(node: ast.AST) -> str:
    """Under which a value is looked up: of a variable, or of what a function of the card's own returns."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return f"{node.func.id}()"
    return node.id if isinstance(node, ast.Name) else ""


def _width(node: ast.AST) -> int | None:
    """The last dimension of `torch.randn(4, 512)`, `np.zeros((4, 512))`."""
    if not (isinstance(node, ast.Call) and called(node) in MAKES and node.args):
        return None
    sizes = node.args[0].elts if isinstance(node.args[0], ast.Tuple | ast.List) else node.args
    last = sizes[-1] if sizes and called(node) != "full" else None
    return last.value if isinstance(last, ast.Constant) and type(last.value) is int else None


def _last(names: dict[str, list[_Bound]], name: str, line: int) -> _Bound | None:
    """The last value that a name was given before a line."""
    bounds = names.get(name, [])
    at = bisect_left(bounds, line, key=lambda bound: bound.line)
    return bounds[at - 1] if at else None


def _normalizes(node: ast.AST, names: dict[str, list[_Bound]], line: int) -> TypeGuard[ast.expr]:
    """`F.layer_norm(x, ...)`, `nn.LayerNorm(512)(x)`, `x / x.norm(dim=-1, keepdim=True)`."""
    if isinstance(node, ast.BinOp):
        return isinstance(node.op, ast.Div) and _is_norm(node.right, names, line)
    if not isinstance(node, ast.Call):
        return False
    inner = node.func
    return called(node) in NORMALIZES or (isinstance(inner, ast.Call) and called(inner) in NORMALIZES)


def _is_norm(node: ast.expr, names: dict[str, list[_Bound]], line: int) -> bool:
    """`x.norm(dim=-1, keepdim=True)`, `(x.std(-1) + eps)`, or a name for it."""
    if isinstance(node, ast.Name) and (bound := _last(names, node.id, line)):
        node = bound.value
    return any(isinstance(one, ast.Call) and called(one) in NORMS for one in ast.walk(node))


def _is_bias(node: ast.expr) -> bool:
    return any(isinstance(one, ast.Attribute) and one.attr == "b_dec" for one in ast.walk(node))
