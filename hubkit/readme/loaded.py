"""Which SAE each variable of a card's code holds, line by line: `sae = SAE.from_pretrained("me/saes", "topk_L9")`. Read off the syntax tree, nothing is run."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hubkit.readme.code import Parsed, parsed
from hubkit.readme.constants import argument, called, constants_of, text_of

if TYPE_CHECKING:
    from hubkit.readme.document import CodeBlock

FROM_HUB = {"from_pretrained", "from_pretrained_with_cfg_and_sparsity"}
ITSELF = {"to", "eval", "cpu", "cuda", "half", "float", "double", "bfloat16", "requires_grad_"}
"""Methods that give the SAE they are called on."""
OWNER = re.compile(r"(?:SAE|Transcoder)$")
BETWEEN = re.compile(r"\s*(?:#.*|from\s.*|import\s.*)?$")
"""What may stand between a comment and the load that it is about."""
DEEPEST = 6


@dataclass(frozen=True)
class Held:
    """What a variable holds from a line on."""

    variable: str
    line: int
    """On which the statement ends, 1-based in the card."""
    first: int
    """On which it begins."""
    sae_id: str | None
    """None for anything else, and for an SAE whose id cannot be told."""
    repo_id: str | None = None


class Loaded:
    """The bindings of all Python blocks, in the order in which a reader pastes them."""

    def __init__(self, blocks: Iterable[CodeBlock]) -> None:
        found = [one for one in parsed(blocks) if isinstance(one, Parsed)]
        constants = constants_of([one.tree for one in found])
        self._held = [held for one in found for held in _bindings(one, constants)]
        self._texts = {one.first + offset: text for one in found for offset, text in enumerate(one.lines)}

    def at(self, variable: str, line: int) -> Held | None:
        """What `variable` holds on a line."""
        return next(
            (one for one in reversed(self._held) if one.variable == variable and one.first <= line), None
        )

    def beside(self, line: int) -> Held | None:
        """The load that a comment on this line is about: on the line itself, or the next statement below it."""
        for one in self._held:
            if one.sae_id is None:
                continue
            above = range(line, one.first)
            if one.first <= line <= one.line or (
                line < one.first
                and all(number in self._texts and BETWEEN.match(self._texts[number]) for number in above)
            ):
                return one
        return None

    def only(self) -> Held | None:
        """The one SAE that the code loads."""
        loads = {(one.repo_id, one.sae_id): one for one in self._held if one.repo_id is not None}
        return next(iter(loads.values())) if len(loads) == 1 and all(key[1] for key in loads) else None


def _bindings(block: Parsed, constants: dict[str, object]) -> Iterator[Held]:
    """In the order of the lines; a variable that is bound to anything else holds no SAE from there on."""
    found: list[Held] = []
    offset = block.first - 1
    for node in ast.walk(block.tree):
        if isinstance(node, ast.For | ast.AsyncFor):
            names = [one.id for one in ast.walk(node.target) if isinstance(one, ast.Name)]
            found += [Held(name, node.lineno + offset, node.lineno + offset, None) for name in names]
        if not isinstance(node, ast.Assign | ast.AnnAssign) or node.value is None:
            continue
        sae_id, repo_id = _load(node.value, constants)
        last = (node.end_lineno or node.lineno) + offset
        for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
            name = target.elts[0] if isinstance(target, ast.Tuple | ast.List) and target.elts else target
            if isinstance(name, ast.Name):
                found.append(Held(name.id, last, node.lineno + offset, sae_id, repo_id))
    yield from sorted(found, key=lambda one: one.first)


def _load(node: ast.expr, constants: dict[str, object]) -> tuple[str | None, str | None]:
    """(sae_id, repository) of a call that loads an SAE, through `.to(...)` and `[0]`."""
    for _ in range(DEEPEST):
        if isinstance(node, ast.Subscript):
            node = node.value
        elif isinstance(node, ast.Call) and called(node) in ITSELF and isinstance(node.func, ast.Attribute):
            node = node.func.value
    if not isinstance(node, ast.Call) or called(node) not in FROM_HUB:
        return None, None
    owner = node.func.value if isinstance(node.func, ast.Attribute) else None
    name = owner.attr if isinstance(owner, ast.Attribute) else owner.id if isinstance(owner, ast.Name) else ""
    if not OWNER.search(name):
        return None, None
    repo_id = text_of(argument(node, 0, "release"), constants)
    return text_of(argument(node, 1, "sae_id"), constants), repo_id or ""
