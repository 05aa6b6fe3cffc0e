"""The names that come from sae_lens in the code of a card, and what is done with them: calls, attributes, results of calls."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from hubkit.readme.bindings import asked_for, bound, moment, shadowed
from hubkit.readme.constants import argument, called, text_of
from hubkit.readme.saelens_api import METADATA

if TYPE_CHECKING:
    from hubkit.readme.code import Beside
    from hubkit.readme.saelens_api import Release

LONGEST_CHAIN = 8
"""Calls one behind the other that are followed."""
FROM_HUB = {"from_pretrained", "from_pretrained_with_cfg_and_sparsity"}
FROM_DISK = {"load_from_disk", "load_from_pretrained"}
LOADERS = FROM_HUB | FROM_DISK | {"from_dict"}
"""Class methods that return an SAE."""
ITSELF = {"to", "eval", "train", "cpu", "cuda", "half", "float", "double", "bfloat16", "requires_grad_"}
"""Methods that return the SAE they are called on."""
SET_ON_START = {"training", "mod_dict", "hook_dict", "context_level", "is_caching"}
"""Attributes that torch and transformer_lens set when an object is made: the table, read from classes, has none of them."""
HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}")
ADDRESS = re.compile(r"^(?:https?|hf)://|^(?:www\.)?(?:huggingface\.co|hf\.co)/")
LOCAL = {
    "path",
    "local",
    "models",
    "model",
    "checkpoints",
    "checkpoint",
    "output",
    "outputs",
    "saes",
    "sae",
    "data",
    "weights",
    "downloads",
    "results",
    "runs",
    "home",
    "tmp",
    "content",
    "mnt",
    "your",
}
"""First parts of a path that is nobody's name on the Hub."""
SAE_NAME = re.compile(r"(?:^|[-_/])saes?(?:[-_.]|$)", re.IGNORECASE)
TRANSFORMERS = re.compile(r"^Auto(?:Model|Tokenizer|Config)\w*$")
OF_HUB = {"hf_hub_download", "snapshot_download"}


@dataclass(frozen=True)
class Fault:
    """What is wrong with one node."""

    message: str
    hint: str = ""
    works: bool = False


@dataclass(frozen=True)
class Thing:
    """What a variable holds."""

    kind: Literal["sae", "tuple", "config", "dict", "nothing"]
    owner: str
    """The class it was made by."""
    architecture: str | None = None


Faults = Iterator[tuple[ast.stmt | ast.expr, Fault]]


class Calls:
    """What the blocks of a card have imported and made so far."""

    def __init__(self, release: Release, beside: Beside, constants: Mapping[str, object]) -> None:
        self.release = release
        self.beside = beside
        self.constants = constants
        self.modules: set[str] = set()
        self.imported: dict[str, str] = {}
        self.objects: dict[str, Thing] = {}
        self.instance = release.instance | SET_ON_START
        """What an SAE of some architecture has."""
        self.added: set[str] = set()
        """Attributes that the card's own code sets, or asks for before it takes them."""
        self.shadowed: set[int] = set()
        """Names, by identity, that stand for an argument or a comprehension's own variable."""
        self.repositories: set[str] = set()
        """Ids that SAEs are loaded from."""

    def faults(self, tree: ast.Module) -> Faults:
        """In the order of the lines."""
        nodes = list(ast.walk(tree))
        self.added |= {n.attr for n in nodes if isinstance(n, ast.Attribute) and isinstance(n.ctx, ast.Store)}
        self.added |= {name for node in nodes for name in asked_for(node)}
        self.shadowed = {id(name) for node in nodes for name in shadowed(node)}
        tried = {
            id(inner)
            for node in nodes
            if isinstance(node, ast.Try) and node.handlers
            for inner in ast.walk(node)
        }
        for node in sorted((n for n in nodes if isinstance(n, ast.stmt | ast.expr)), key=moment):
            self._forget(bound(node))
            for fault in self._node(node):
                if id(node) not in tried:
                    yield node, fault

    def _node(self, node: ast.stmt | ast.expr) -> Iterator[Fault]:
        if isinstance(node, ast.Import):
            yield from self._import(node)
        elif isinstance(node, ast.ImportFrom):
            yield from self._import_from(node)
        elif isinstance(node, ast.Call):
            yield from self._call(node)
        elif isinstance(node, ast.Attribute):
            yield from self._attribute(node)
        elif isinstance(node, ast.Subscript):
            yield from self._subscript(node)
        elif isinstance(node, ast.Assign):
            yield from self._assign(node.targets, node.value)
        elif isinstance(node, ast.AnnAssign | ast.NamedExpr) and node.value is not None:
            yield from self._assign([node.target], node.value)

    def _forget(self, names: set[str]) -> None:
        """These hold something else from here on."""
        for name in names:
            self.objects.pop(name, None)
            self.imported.pop(name, None)

    def _import(self, node: ast.Import) -> Iterator[Fault]:
        for alias in node.names:
            if alias.name == "sae_lens":
                self.modules.add(alias.asname or alias.name)
            elif alias.name.startswith("sae_lens."):
                self.modules |= {"sae_lens"} if alias.asname is None else set()
                yield from self._module(alias.name)

    def _module(self, module: str) -> Iterator[Fault]:
        if not self.release.module(module):
            lasted = self.release.lasted("modules", module, "")
            yield Fault(f"SAELens {self.release.version} has no module {module}{lasted}")

    def _import_from(self, node: ast.ImportFrom) -> Iterator[Fault]:
        module = node.module or ""
        ours = not node.level and (module == "sae_lens" or module.startswith("sae_lens."))
        for alias in node.names:
            self.imported.pop(alias.asname or alias.name, None)
        if not ours:
            return
        if not self.release.module(module):
            moved = [
                f"{alias.name} is in {where} now"
                for alias in node.names
                if (where := self.release.where(alias.name))
            ]
            yield from (Fault(fault.message, "; ".join(moved)) for fault in self._module(module))
            return
        for alias in node.names:
            exported = module == "sae_lens" and alias.name in self.release.exports
            if exported or self.release.module(module, alias.name):
                self.imported[alias.asname or alias.name] = alias.name
            elif not alias.name.startswith(("_", "*")):
                yield self._no_export(module, alias.name)

    def _no_export(self, module: str, name: str) -> Fault:
        place = ("exports", name) if module == "sae_lens" else ("modules", module, name)
        where = self.release.where(name)
        hint = f"there it is in {where}" if where and where != module else ""
        from_ = "" if module == "sae_lens" else f"in {module} "
        return Fault(
            f"SAELens {self.release.version} has no {name} {from_}to import{self.release.lasted(*place)}",
            hint,
        )

    def _name(self, node: ast.expr) -> str | None:
        """What a name or `sae_lens.NAME` stands for."""
        if isinstance(node, ast.Name):
            return None if id(node) in self.shadowed else self.imported.get(node.id)
        if (
            isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id in self.modules
        ):
            return node.attr
        return None

    def _call(self, node: ast.Call) -> Iterator[Fault]:
        yield from self._address(node)
        yield from self._foreign(node)
        name, version = self._name(node.func), self.release.version
        if name is not None:
            signature = self.release.function(name)
            if (
                name not in self.release.exports
                and not self._is_module(name)
                and not isinstance(node.func, ast.Name)
            ):
                yield Fault(f"SAELens {version} has no {name}{self.release.lasted('exports', name)}")
            elif signature is not None:
                yield from self._arguments(node, name, signature)
            return
        if not isinstance(node.func, ast.Attribute):
            return
        owner = self._name(node.func.value)
        made = self._made(node.func.value) if owner is None else None
        whose = owner or (self._class(made) if made and made.kind == "sae" else None)
        if whose not in self.release.classes:
            return
        there, parameters = self.release.member(whose, node.func.attr)
        label = f"{whose}.{node.func.attr}"
        if not there and made is None:
            yield Fault(
                f"SAELens {version} has no {label}{self.release.lasted('classes', whose, node.func.attr)}"
            )
        elif parameters is not None:
            yield from self._arguments(node, label, parameters)
        if owner is not None and node.func.attr in FROM_DISK:
            yield from self._from_disk(node)

    def _is_module(self, name: str) -> bool:
        return self.release.module(f"sae_lens.{name}")

    def _from_disk(self, node: ast.Call) -> Iterator[Fault]:
        """`SAE.load_from_disk("me/saes")`: a folder on this machine, which nobody has."""
        path = text_of(argument(node, 0, "path"), self.constants)
        if path is None or not HUB_NAME.fullmatch(path) or path in self.beside.paths:
            return
        own = path == self.beside.name or path in self.repositories
        if own or path.partition("/")[0].lower() not in LOCAL:
            yield Fault(
                f"{called(node)} reads a folder on the reader's machine, {path!r} is a repository",
                f"SAE.from_pretrained({path!r}, SAE_ID) loads from the Hub; load_from_disk takes what snapshot_download returned",
            )

    def _address(self, node: ast.Call) -> Iterator[Fault]:
        """An address where an id of the Hub is wanted."""
        ours = isinstance(node.func, ast.Attribute) and self._name(node.func.value) in self.release.classes
        if called(node) not in OF_HUB and not (ours and called(node) in LOADERS):
            return
        stated = text_of(argument(node, 0, "release", "repo_id", "path"), self.constants)
        if stated is None:
            return
        if ADDRESS.search(stated):
            yield Fault(
                f"{called(node)} takes an id, OWNER/NAME, not an address",
                "leave out everything before OWNER/NAME",
            )
        elif called(node) in FROM_HUB and "@" in stated:
            yield Fault(
                f"{called(node)} takes no revision: {stated!r} is no id",
                "download the revision with snapshot_download, then SAE.load_from_disk",
            )
        elif HUB_NAME.fullmatch(stated) and called(node) in FROM_HUB:
            self.repositories.add(stated)

    def _foreign(self, node: ast.Call) -> Iterator[Fault]:
        """`AutoModel.from_pretrained` of the SAEs' own repository, which holds no model of transformers."""
        if (
            not isinstance(node.func, ast.Attribute)
            or not isinstance(node.func.value, ast.Name)
            or node.func.attr != "from_pretrained"
        ):
            return
        loader = node.func.value.id
        stated = text_of(argument(node, 0, "pretrained_model_name_or_path", "model_name"), self.constants)
        if stated is None or not (TRANSFORMERS.match(loader) or loader.startswith("HookedTransformer")):
            return
        named = self.beside.name
        own = stated == named if named else stated in self.repositories or SAE_NAME.search(stated) is not None
        if own and self.beside.architectures and "config.json" not in self.beside.paths:
            yield Fault(
                f"{loader} loads models of transformers, {stated!r} holds SAEs",
                "load it with SAE.from_pretrained, and the base model by its own id",
            )

    def _class(self, thing: Thing) -> str:
        """The class of an SAE: that of its architecture, where it is known."""
        if thing.owner != "SAE" or thing.architecture is None:
            return thing.owner
        return self.release.registry.get(thing.architecture, thing.owner)

    def _attribute(self, node: ast.Attribute) -> Iterator[Fault]:
        """What is read from something that a call of SAELens gave."""
        if node.attr.startswith("_") or node.attr in self.added or (thing := self._made(node.value)) is None:
            return
        version = self.release.version
        if thing.kind == "sae":
            whose = self._class(thing)
            if node.attr not in self.instance:
                yield Fault(
                    f"SAELens {version} has no {whose}.{node.attr}{self.release.lasted('classes', thing.owner, node.attr)}"
                )
            elif whose != thing.owner and not (
                self.release.member(whose, node.attr)[0] or node.attr in SET_ON_START
            ):
                yield Fault(
                    f"an SAE of the architecture {thing.architecture} has no {node.attr} in SAELens {version}"
                )
        elif thing.kind == "config":
            yield from self._config(node.attr, thing)
        elif thing.kind == "tuple" and not hasattr(tuple, node.attr):
            yield Fault(
                f"from_pretrained of SAELens {version} returns a tuple (sae, cfg_dict, sparsity), which has no {node.attr}"
            )
        elif thing.kind == "nothing":
            yield Fault(
                f"from_pretrained of SAELens {version} gives None for the sparsity, which has no {node.attr}",
                "SAE.from_pretrained_with_cfg_and_sparsity returns it",
            )

    def _config(self, name: str, thing: Thing) -> Iterator[Fault]:
        whose = self._class(thing)
        known = self.release.config(None if whose == "SAE" else whose)
        if name in known:
            return
        moved = "metadata" in known and name in METADATA
        hint = self._moved(f"cfg.metadata.{name}", name) if moved else ""
        label = f"cfg.{name} of a {whose}" if name in self.release.config(None) else f"cfg.{name}"
        yield Fault(
            f"SAELens {self.release.version} has no {label}{self.release.lasted('configs', 'SAE', name)}",
            hint,
        )

    def _moved(self, written: str, key: str) -> str:
        """Where a key is since 6.0.0; where no configuration beside the card has it, what holds it instead."""
        kept = self.beside.metadata
        if kept is None or key in kept:
            return f"it is {written} since 6.0.0"
        if key == "hook_layer" and "hook_name" in kept:
            return f"no configuration here has hook_layer: the layer is the number in {written.replace(key, 'hook_name')}"
        return f"it would be {written} since 6.0.0, and no configuration here has {key}: take the line out"

    def _subscript(self, node: ast.Subscript) -> Iterator[Fault]:
        """`cfg_dict["hook_name"]`, `SAE.from_pretrained(...)[0]`."""
        thing = self._made(node.value)
        if thing is None or not isinstance(node.slice, ast.Constant) or not isinstance(node.ctx, ast.Load):
            return
        key = node.slice.value
        if thing.kind == "dict" and isinstance(key, str) and key not in self.release.config(None):
            hint = self._moved(f'cfg_dict["metadata"]["{key}"]', key) if key in METADATA else ""
            yield Fault(
                f"the configuration that from_pretrained of SAELens {self.release.version} gives has no {key!r}",
                hint,
            )
        elif thing.kind == "sae" and isinstance(node.value, ast.Call) and isinstance(key, int):
            yield self._deprecated()
        elif thing.kind == "nothing":
            yield Fault(
                f"from_pretrained of SAELens {self.release.version} gives None for the sparsity",
                "SAE.from_pretrained_with_cfg_and_sparsity returns it",
            )

    def _deprecated(self) -> Fault:
        return Fault(
            f"from_pretrained of SAELens {self.release.version} returns the SAE alone; taken apart as a tuple it warns, and the sparsity is None",
            "sae = SAE.from_pretrained(...), or SAE.from_pretrained_with_cfg_and_sparsity(...) for all three", works=True,
        )  # fmt: skip

    def _made(self, node: ast.expr) -> Thing | None:
        """What an expression gives: a variable, `SAE.from_pretrained(...)`, the same with `.to(...)`, `.cfg` or `[0]` behind it."""
        behind: list[str | int] = []
        for _ in range(LONGEST_CHAIN):
            if isinstance(node, ast.Name):
                found = None if id(node) in self.shadowed else self.objects.get(node.id)
                return _behind(found, behind)
            if isinstance(node, ast.Subscript):
                if not isinstance(node.slice, ast.Constant) or not isinstance(node.slice.value, int):
                    return None
                behind.append(node.slice.value)
                node = node.value
            elif isinstance(node, ast.Attribute):
                behind.append(node.attr)
                node = node.value
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                if node.func.attr in LOADERS:
                    return _behind(self._loaded(node, node.func), behind)
                if node.func.attr not in ITSELF:
                    return None
                node = node.func.value
            else:
                return None
        return None

    def _loaded(self, node: ast.Call, function: ast.Attribute) -> Thing | None:
        """What a class method of SAE returns."""
        owner = self._name(function.value)
        if owner is None or owner not in self.release.classes:
            return None
        path = argument(node, 1, "sae_id") if function.attr in FROM_HUB else argument(node, 0, "path")
        sae_id = text_of(path, self.constants)
        kind: Literal["tuple", "sae"] = "tuple" if function.attr in self.release.tuples else "sae"
        return Thing(
            kind, owner, self.beside.architecture(sae_id) if self._is_own(node, function.attr) else None
        )

    def _is_own(self, node: ast.Call, function: str) -> bool:
        """Whether an SAE is loaded from the card's repository; where nobody knows its name, from any."""
        stated = (
            text_of(argument(node, 0, "release", "repo_id"), self.constants) if function in FROM_HUB else None
        )
        if stated is None:
            return True
        return "/" in stated and self.beside.name in (None, stated)

    def _assign(self, targets: list[ast.expr], value: ast.expr) -> Iterator[Fault]:
        """`sae = SAE.from_pretrained(...)`, also with the two values that came beside it before version 6."""
        made = self._made(value)
        for target in targets:
            if isinstance(target, ast.Name):
                self._forget({target.id})
                if made is not None:
                    self.objects[target.id] = made
            elif isinstance(target, ast.Tuple | ast.List):
                yield from self._taken_apart(target.elts, made)

    def _taken_apart(self, names: list[ast.expr], made: Thing | None) -> Iterator[Fault]:
        for at, one in enumerate(names):
            if isinstance(one, ast.Name):
                self._forget({one.id})
                part = _behind(made, [at]) if made is not None else None
                if part is not None:
                    self.objects[one.id] = part
        if (
            made is None
            or made.kind not in ("sae", "tuple")
            or any(isinstance(one, ast.Starred) for one in names)
        ):
            return
        if len(names) != 3:
            yield Fault(
                f"from_pretrained of SAELens {self.release.version} gives three values to take apart, the code takes {len(names)}"
            )
        elif made.kind == "sae":
            yield self._deprecated()

    def _arguments(self, node: ast.Call, label: str, parameters: list[str]) -> Iterator[Fault]:
        """A call against a signature; what is unpacked (`*a`, `**k`) may be anything."""
        if any(isinstance(one, ast.Starred) for one in node.args) or any(
            one.arg is None for one in node.keywords
        ):
            return
        star = next((at for at, name in enumerate(parameters) if name.startswith("*")), len(parameters))
        positional = [name.rstrip("=") for name in parameters[:star]]
        named = {name.rstrip("=") for name in parameters if not name.startswith("*")}
        whose = f"{label} of SAELens {self.release.version}"
        takes_more = any(name.startswith("*") and len(name) > 1 and name[1] != "*" for name in parameters)
        if len(node.args) > len(positional) and not takes_more:
            yield Fault(
                f"{whose} takes {len(positional)} positional arguments, the call has {len(node.args)}"
            )
        given = {one.arg for one in node.keywords if one.arg}
        if not any(name.startswith("**") for name in parameters):
            yield from (Fault(f"{whose} has no argument {unknown}") for unknown in sorted(given - named))
        needed = [
            name
            for name in parameters
            if not name.endswith("=") and not name.startswith("*") and name not in given
        ]
        missing = [name for name in needed if name not in positional[: len(node.args)]]
        if missing:
            yield Fault(f"{whose} needs {' and '.join(missing)}")


def _behind(thing: Thing | None, behind: list[str | int]) -> Thing | None:
    """What stands behind a thing, last first: `.cfg`, `[0]`."""
    for step in reversed(behind):
        if thing is None:
            return None
        if step == "cfg" and thing.kind == "sae":
            thing = Thing("config", thing.owner, thing.architecture)
        elif isinstance(step, int) and thing.kind in ("sae", "tuple"):
            thing = _part(thing, step)
        else:
            return None
    return thing


def _part(thing: Thing, at: int) -> Thing | None:
    """One of the three values. What a tuple holds as configuration and sparsity came from the file: anything may be in it."""
    if at == 0:
        return Thing("sae", thing.owner, thing.architecture)
    if thing.kind == "tuple":
        return None
    return Thing("dict", thing.owner) if at == 1 else Thing("nothing", thing.owner) if at == 2 else None
