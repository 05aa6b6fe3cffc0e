"""The names and signatures of SAELens, release by release: python benchmarks/saelens_api.py WHEEL...

Reads the wheels (`pip download --no-deps sae-lens==6.18.0`) as text and imports none of them; torch and transformer_lens, whose base classes SAELens
inherits from, are looked at as installed. Writes hubkit/readme/saelens_api.json, which CARD009 holds code blocks against.
"""

from __future__ import annotations

import ast
import re
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from hubkit.readme.saelens_api import TABLE  # noqa: E402
from hubkit.release.writing import write_json  # noqa: E402

CLASS = "SAE"
Members = dict[str, list[str] | None]


def main(wheels: list[str]) -> None:
    """Read and write."""
    versions = {}
    for path in wheels:
        match = re.search(r"sae_lens-(\d[\d.]*)-", path)
        if match is None:
            raise SystemExit(f"{path} is no wheel of sae_lens")
        versions[match.group(1)] = release(Path(path))
    ordered = dict(sorted(versions.items(), key=lambda item: [int(part) for part in item[0].split(".")]))
    write_json(TABLE, {"versions": ordered, "inherited": inherited()})


def release(wheel: Path) -> dict[str, object]:
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
    saes = {name: dict(sorted(members(name, classes).items())) for name in exports if _is_sae(name, classes)}
    base = saes[CLASS]
    return {
        "exports": exports,
        "functions": {name: signature(functions[name], bound=False) for name in exports if name in functions},
        # What a class has beyond SAE itself, or differently.
        "classes": {
            name: {key: value for key, value in found.items() if name == CLASS or base.get(key, 0) != value}
            for name, found in saes.items()
        },
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
