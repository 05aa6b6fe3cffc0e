"""What a card's code asks for from outside, found without running it: repositories of SAEs, models, data sets. Standard library only."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from hubkit.python_code import module_of

REPO = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}")
SAE_CLASS = re.compile(r"sae|autoencoder|transcoder", re.IGNORECASE)
"""`SAE.from_pretrained`, `SparseAutoencoder.from_pretrained`; `HookedSAETransformer` is a model, see MODEL_CLASS."""
MODEL_CLASS = re.compile(r"transformer|model|tokenizer|config|processor", re.IGNORECASE)
DOWNLOADS = {"hf_hub_download", "snapshot_download", "load_from_hub"}
OTHERS = {"load_dataset": "data set", "pipeline": "model"}
ARGUMENTS = ("release", "repo_id", "pretrained_model_name_or_path", "model_name", "model", "path", "name")
"""Keywords that carry the name where it is no positional argument."""
MAGIC = re.compile(r"^\s*[!%](?=[A-Za-z])")
"""A notebook's shell line: readers know what to do with it, Python does not."""


@dataclass(frozen=True)
class Asked:
    """One thing that a call fetches."""

    kind: str
    """`SAEs`, `model`, `data set`."""
    name: str


def parse(text: str, line: int) -> ast.Module:
    """The code of a block whose first line is line `line` of the card. Raises SyntaxError with the card's line."""
    plain = "\n".join("" if MAGIC.match(one) else one for one in text.split("\n"))
    try:
        tree = module_of(plain, "README.md")
    except SyntaxError as error:
        error.lineno = (error.lineno or 1) + line - 1
        raise
    return ast.increment_lineno(tree, line - 1)


def asked_by(statement: ast.stmt, texts: Mapping[str, str]) -> Iterator[Asked]:
    """Everything that the calls in `statement` fetch by a name that is written out, or is one of the `texts` assigned before."""
    for node in ast.walk(statement):
        if isinstance(node, ast.Call) and (kind := _kind(node.func)):
            name = _name(node, texts)
            if name is not None:
                yield Asked(kind, name)


def asked_by_all(blocks: Iterable[tuple[str, int]]) -> set[Asked]:
    """The same of whole blocks (text, line in the card); one that does not parse asks for nothing."""
    found: set[Asked] = set()
    texts: dict[str, str] = {}
    for text, line in blocks:
        try:
            body = parse(text, line).body
        except SyntaxError:
            continue
        for statement in body:
            texts |= assigned_texts(statement)
            found |= set(asked_by(statement, texts))
    return found


def assigned_texts(statement: ast.stmt) -> dict[str, str]:
    """`repo_id = "owner/name"` as a name and its text."""
    if not isinstance(statement, ast.Assign | ast.AnnAssign) or not isinstance(statement.value, ast.Constant):
        return {}
    targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
    value = statement.value.value
    return {t.id: value for t in targets if isinstance(t, ast.Name)} if isinstance(value, str) else {}


def names_read(node: ast.AST) -> set[str]:
    """Every name that is read somewhere in `node`."""
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}


def names_bound(statement: ast.stmt) -> set[str]:
    """The names that exist after `statement`: assigned, imported, defined."""
    found = {n.id for n in ast.walk(statement) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    for node in ast.walk(statement):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.alias):
            found.add((node.asname or node.name).partition(".")[0])
    return found


def names_handed_over(statement: ast.stmt) -> set[str]:
    """Names that a call in `statement` gets as they are, and so may change what they stand for."""
    calls = [node for node in ast.walk(statement) if isinstance(node, ast.Call)]
    values = [value for call in calls for value in (*call.args, *(k.value for k in call.keywords))]
    return {value.id for value in values if isinstance(value, ast.Name)}


def _kind(function: ast.expr) -> str | None:
    if isinstance(function, ast.Name):
        return "SAEs" if function.id in DOWNLOADS else OTHERS.get(function.id)
    if not isinstance(function, ast.Attribute):
        return None
    if function.attr in DOWNLOADS:
        return "SAEs"
    if not function.attr.startswith("from_pretrained"):
        return OTHERS.get(function.attr)
    owner = function.value
    name = owner.id if isinstance(owner, ast.Name) else owner.attr if isinstance(owner, ast.Attribute) else ""
    return "SAEs" if SAE_CLASS.search(name) and not MODEL_CLASS.search(name) else "model"


def _name(call: ast.Call, texts: Mapping[str, str]) -> str | None:
    """The name that a call fetches by: its first argument (a pipeline's second: its first is the task), or a keyword."""
    keywords = {one.arg: one.value for one in call.keywords if one.arg}
    first = 1 if getattr(call.func, "attr", getattr(call.func, "id", "")) == "pipeline" else 0
    values = [*call.args[first : first + 1], *(keywords[name] for name in ARGUMENTS if name in keywords)]
    for value in values:
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            return value.value
        if isinstance(value, ast.Name) and value.id in texts:
            return texts[value.id]
    return None
