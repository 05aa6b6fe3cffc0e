"""What a family of SAE files is: how it is known, and how it is read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from hubkit.formats.sae import Sae

if TYPE_CHECKING:
    from hubkit.formats.folder import Folder, Head

Turn = Literal["first", "usual", "last"]


@dataclass(frozen=True)
class Family:
    """One way of writing SAEs to disk. A module of `hubkit/formats/families/` holds it, or several that belong together."""

    name: str
    loader: str
    """What reads it, in words that a person can act on."""
    read: Callable[[Family, Folder], Iterable[Sae]]
    """The SAEs of a folder that is this family's. What could not be read stands in the folder (`Folder.head`, `Folder.config`)."""
    detect: Callable[[Mapping[str, Any]], bool] = lambda keys: False  # noqa: ARG005
    """Whether a configuration's keys are this family's."""
    detect_head: Callable[[Head], bool] = lambda head: False  # noqa: ARG005
    """Whether a file's tensors are this family's; asked where no configuration decides. A name alone never does: it may belong to it."""
    turn: Turn = "usual"
    """When it is asked: before others whose marks it has too, or after those that have its marks and more."""


def named(family: Family, folder: Folder) -> list[Sae]:
    """For a family that is recognised and not judged: that it is there, and which file holds the weights."""
    paths = tuple(entry.path for entry in folder.candidates())
    return [Sae(folder.path, family, "named", weights=paths[0] if paths else None, files=paths)]
