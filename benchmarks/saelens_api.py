"""The names and signatures of SAELens, release by release: python benchmarks/saelens_api.py WHEEL...

Of each release what `sae_lens` exports, its SAE classes with their members, which of their methods return a tuple, what the configuration of each has,
and which class is built for which architecture; and of every module its names. Each with the releases that have it, from the first to the last.

Reads the wheels (`pip download --no-deps sae-lens==6.18.0`) as text and imports none of them; torch and transformer_lens, whose base classes SAELens
inherits from, are looked at as installed. Writes hubkit/readme/saelens_api.json, which CARD009 holds code blocks against.
"""

from __future__ import annotations

import ast
import json
import re
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from hubkit.readme.saelens_api import TABLE  # noqa: E402

CLASS = "SAE"
CONFIG = "Config"
"""What the name of a class's configuration ends with."""
Members = dict[str, list[str] | None]


def main(wheels: list[str]) -> None:
    """Read and write."""
    found = {version: release(Path(path)) for path in wheels if (version := _version_of(path))}
    versions = sorted(found, key=lambda version: [int(part) for part in version.split(".")])
    table: dict[str, Any] = {"releases": versions, "inherited": inherited()}
    for at, version in enumerate(versions):
        for place, value in _flat(found[version]):
            _extend(table, place, at, value)
    TABLE.write_text(_lines(table), encoding="utf-8", newline="\n")


def _lines(table: dict[str, Any]) -> str:
    """As JSON, a line for each name of each part."""
    parts = []
    for part, value in sorted(table.items()):
        inner = value.items() if isinstance(value, dict) else ()
        rows = [f"{json.dumps(name)}: {json.dumps(held, sort_keys=True)}" for name, held in sorted(inner)]
        parts.append(
            f"{json.dumps(part)}: " + ("{\n" + ",\n".join(rows) + "}" if rows else json.dumps(value))
        )
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _version_of(path: str) -> str:
    match = re.search(r"sae_lens-(\d[\d.]*)-", path)
    if match is None:
        raise SystemExit(f"{path} is no wheel of sae_lens")
    return match.group(1)


def _flat(value: Any, place: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every leaf of nested mappings with the way to it."""
    if not isinstance(value, dict):
        yield place, value
        return
    for key, inner in value.items():
        yield from _flat(inner, (*place, key))


def _extend(table: dict[str, Any], place: tuple[str, ...], at: int, value: Any) -> None:
    """Into the spans of one name, `[first release, last release, value]` by their positions: the last span grows while the value stays the same."""
    for key in place[:-1]:
        table = table.setdefault(key, {})
    spans = table.setdefault(place[-1], [])
    if spans and spans[-1][1] == at - 1 and spans[-1][2] == value:
        spans[-1][1] = at
    else:
        spans.append([at, at, value])


def release(wheel: Path) -> dict[str, Any]:
    """One release: what `sae_lens` exports, and the members of SAE and of every exported class that inherits from it."""
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if name.startswith("sae_lens/") and name.endswith(".py")]
        trees = {name: ast.parse(archive.read(name)) for name in names}
    classes = {
        node.name: node for tree in trees.values() for node in tree.body if isinstance(node, ast.ClassDef)
    }
    functions = {
        node.name: node for tree in trees.values() for node in tree.body if isinstance(node, ast.FunctionDef)
    }
    exports = sorted(_exports(trees["sae_lens/__init__.py"]))
    saes = {name: members(name, classes) for name in exports if _is_sae(name, classes)}
    return {
        "modules": {_module(name): dict.fromkeys(("", *_names(tree))) for name, tree in trees.items()},
        "registry": _registry(trees["sae_lens/__init__.py"]),
        "configs": {name: dict.fromkeys(config(name, classes)) for name in saes},
        "tuples": dict.fromkeys(name for name, kind in _returns(classes[CLASS]).items() if kind == "tuple"),
        "exports": dict.fromkeys(exports),
        "functions": {name: signature(functions[name], bound=False) for name in exports if name in functions},
        "classes": {name: {"": None, **_own(found, saes)} for name, found in saes.items()},
    }


def _own(found: Members, saes: dict[str, Members]) -> Members:
    """What a class has beyond SAE itself, or differently."""
    base = saes[CLASS]
    return (
        found if found is base else {key: value for key, value in found.items() if base.get(key, 0) != value}
    )


def _module(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _names(tree: ast.Module) -> set[str]:
    """What a module defines, or has from another of SAELens."""
    found: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Assign):
            found |= {target.id for target in node.targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found.add(node.target.id)
        elif isinstance(node, ast.ImportFrom) and (node.level or (node.module or "").startswith("sae_lens")):
            found |= {alias.asname or alias.name for alias in node.names}
    return {name for name in found if not name.startswith("_")}


def _registry(tree: ast.Module) -> dict[str, str]:
    """Architecture to class: `register_sae_class("topk", TopKSAE, TopKSAEConfig)`."""
    calls = [
        node.value for node in tree.body if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
    ]
    return {
        call.args[0].value: call.args[1].id
        for call in calls
        if isinstance(call.func, ast.Name) and call.func.id == "register_sae_class"
        if isinstance(call.args[0], ast.Constant) and isinstance(call.args[1], ast.Name)
    }


def config(name: str, classes: dict[str, ast.ClassDef]) -> list[str]:
    """What `sae.cfg` has: the members of its class's own configuration where there is one, else SAEConfig's."""
    own = f"{name}{CONFIG}" if f"{name}{CONFIG}" in classes else f"{CLASS}{CONFIG}"
    return sorted(key for key in members(own, classes) if key != "__init__")


def _returns(node: ast.ClassDef) -> dict[str, str]:
    """What the methods of a class say that they return: `tuple`, `T_SAE`."""
    return {
        method.name: ast.unparse(method.returns).split("[")[0].strip("'\"").lower()
        for method in node.body
        if isinstance(method, ast.FunctionDef) and method.returns is not None
    }


def _exports(tree: ast.Module) -> list[str]:
    for node in tree.body:
        if isinstance(node, ast.Assign) and any(
            isinstance(t, ast.Name) and t.id == "__all__" for t in node.targets
        ):
            listed: list[str] = ast.literal_eval(node.value)
            imported = [
                alias.asname or alias.name
                for one in tree.body
                if isinstance(one, ast.ImportFrom)
                for alias in one.names
            ]
            return list({*listed, *imported})
    raise SystemExit("sae_lens/__init__.py has no __all__")


def _bases(node: ast.ClassDef) -> list[str]:
    found = [base.value if isinstance(base, ast.Subscript) else base for base in node.bases]
    return [base.id for base in found if isinstance(base, ast.Name)]


def _is_sae(name: str, classes: dict[str, ast.ClassDef]) -> bool:
    return name == CLASS or (
        name in classes and any(_is_sae(base, classes) for base in _bases(classes[name]))
    )


def members(name: str, classes: dict[str, ast.ClassDef]) -> Members:
    """Methods with their parameters; None for attributes and properties, which may be called or not."""
    if name not in classes:
        return {}
    found: Members = {}
    for base in reversed(_bases(classes[name])):
        found |= members(base, classes)
    for node in classes[name].body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            decorators = {ast.unparse(one).split("(")[0] for one in node.decorator_list}
            plain = not decorators & {"property", "overload", "cached_property"}
            found[node.name] = signature(node, bound="staticmethod" not in decorators) if plain else None
            for inner in ast.walk(node):
                if (
                    isinstance(inner, ast.Attribute)
                    and isinstance(inner.ctx, ast.Store)
                    and isinstance(inner.value, ast.Name)
                    and inner.value.id == "self"
                ):
                    found.setdefault(inner.attr, None)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found.setdefault(node.target.id, None)
    return {key: value for key, value in found.items() if not key.startswith("_") or key == "__init__"}


def signature(node: ast.FunctionDef | ast.AsyncFunctionDef, *, bound: bool) -> list[str]:
    """`["release", "sae_id", "device=", "*", "force=", "**kwargs"]`: a name with `=` may be left out."""
    arguments = node.args
    positional = [*arguments.posonlyargs, *arguments.args]
    required = len(positional) - len(arguments.defaults)
    names = [one.arg + ("=" if at >= required else "") for at, one in enumerate(positional)][
        1 if bound else 0 :
    ]
    if arguments.vararg:
        names.append(f"*{arguments.vararg.arg}")
    elif arguments.kwonlyargs:
        names.append("*")
    names += [
        one.arg + ("=" if default else "")
        for one, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    ]
    return names + ([f"**{arguments.kwarg.arg}"] if arguments.kwarg else [])


def inherited() -> list[str]:
    """What SAE has from torch and transformer_lens."""
    from torch import nn
    from transformer_lens import HookedRootModule

    return sorted(name for name in {*dir(nn.Module), *dir(HookedRootModule)} if not name.startswith("_"))


if __name__ == "__main__":
    main(sys.argv[1:])
