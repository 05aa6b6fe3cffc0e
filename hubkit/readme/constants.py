"""Strings in code whose value can be told without running it: `repo_id = "me/saes"`, `f"{sae_id}/cfg.json"`."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable, Mapping

LONGEST = 500


def constants(trees: Iterable[ast.Module]) -> dict[str, str]:
    """Names that are bound once in all blocks of a card, to a string."""
    nodes = [node for tree in trees for node in ast.walk(tree)]
    bound = Counter(
        node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    )
    found: dict[str, str] = {}
    for node in nodes:
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            name = node.targets[0].id
            value = text_of(node.value, found) if bound[name] == 1 else None
            if value is not None:
                found[name] = value
    return found


def text_of(node: ast.expr | None, known: Mapping[str, str]) -> str | None:
    """The string that an expression gives: a literal, a known name, both put together."""
    if isinstance(node, ast.Constant):
        return node.value[:LONGEST] if isinstance(node.value, str) else None
    if isinstance(node, ast.Name):
        return known.get(node.id)
    parts: list[str | None] = []
    if isinstance(node, ast.JoinedStr):
        parts = [
            text_of(part.value if isinstance(part, ast.FormattedValue) else part, known)
            for part in node.values
        ]
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        parts = [text_of(side, known) for side in (node.left, node.right)]
    texts = [part for part in parts if part is not None]
    return "".join(texts)[:LONGEST] if parts and len(texts) == len(parts) else None


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
