"""Which SAEs a folder holds. Decided by the keys of its configuration, else by the tensors of its files; SAELens is a family like the others."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from pathlib import PurePosixPath
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any

from hubkit.formats import families
from hubkit.formats.family import Family, named
from hubkit.formats.folder import PARTS
from hubkit.formats.sae import Sae
from hubkit.release.layout import CFG, WEIGHTS

if TYPE_CHECKING:
    from hubkit.formats.folder import Folder, Head

TURNS = ("first", "usual", "last")
USUAL_NAMES = {WEIGHTS, "sae.safetensors", "params.safetensors", "params.npz", "ae.pt", "sae_weights.pt"}
"""Names that only SAEs have. They make a file that cannot be opened an SAE's; what one is that can, its tensors decide."""
TRANSFORMERS = {"model_type", "architectures"}
"""Keys of a model of transformers: its shards are many, and no SAEs."""
UNKNOWN = Family("unknown", "nothing that hubkit knows", named)
"""Of what cannot be read far enough to tell."""


@cache
def all_families() -> tuple[Family, ...]:
    """Every family of `hubkit/formats/families/`, in the order in which they are asked."""
    names = sorted(module.name for module in iter_modules(families.__path__))
    modules = [import_module(f"{families.__name__}.{name}") for name in names]
    found = [value for module in modules for value in vars(module).values() if isinstance(value, Family)]
    return tuple(sorted(dict.fromkeys(found), key=lambda family: TURNS.index(family.turn)))


def detect(keys: Mapping[str, Any]) -> Family | None:
    """The family of a configuration, or None."""
    return next((family for family in all_families() if family.detect(keys)), None) if keys else None


def detect_head(head: Head) -> Family | None:
    """The family of a file by its tensors, or None."""
    if head.header is None:
        return None
    return next((family for family in all_families() if family.detect_head(head)), None)


def read_saes(folder: Folder) -> list[Sae]:
    """The SAEs of a folder; none where nothing in it is known.

    The headers of its files are read where its configuration decides nothing. One family reads a folder: that of its configuration, else that of
    the first file whose tensors are somebody's.
    """
    if _is_part(folder):
        return []
    family = detect(folder.keys)
    if family is None and TRANSFORMERS & folder.keys.keys():
        return []
    if family is None:
        family = next(filter(None, map(detect_head, folder.heads(identifying=True))), None)
    return list(family.read(family, folder)) if family else _broken(folder)


def _is_part(folder: Folder) -> bool:
    """Whether it is `checkpoints` inside an SAE's own folder: its weights, or earlier states of them, and no SAE of its own."""
    outer = folder.outer
    if outer is None or folder.name not in PARTS or folder.config_entry:
        return False
    return detect(outer.keys) is not None or bool(USUAL_NAMES & outer.files.keys())


def _broken(folder: Folder) -> list[Sae]:
    """A cfg.json that is no JSON, or weights under an SAE's usual name that cannot be opened: somebody's SAE, nobody can say whose."""
    config = folder.config
    broken_cfg = config is not None and config.fault is not None and PurePosixPath(config.path).name == CFG
    usual = [
        head
        for head in folder.heads(identifying=True)
        if head.header is None and head.entry.name in USUAL_NAMES
    ]
    if not broken_cfg and not usual:
        return []
    weights = [*usual, *folder.heads(identifying=True)]
    return [Sae(folder.path, UNKNOWN, "unreadable", weights=weights[0].entry.path if weights else None)]
