"""What the pickles of one file would import, read without importing anything."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hubkit.validate.imports import is_harmless, runs_code
from hubkit.words import some

if TYPE_CHECKING:
    from hubkit.tensors.contents import Contents
    from hubkit.tensors.header import Header, HeaderError


@dataclass(frozen=True)
class Pickle:
    """The pickles of one file: what they import, and how far they could be read."""

    path: str
    imports: tuple[str, ...]
    tensors: dict[str, tuple[int, ...]]
    """Shapes by name."""
    fault: str | None = None
    """Why the tensors could not be read."""
    places: tuple[str, ...] = ("",)
    """Where in the file they stand, as members of archives; empty for the file itself. None of them: only `unread` or `code`."""
    unread: tuple[str, ...] = ()
    """What unpickling may do beside these imports: where the reading had to end, each with its reason."""
    beyond: tuple[str, ...] = ()
    """Those of them where a limit was reached."""
    code: tuple[str, ...] = ()
    """Members with code of another kind, which torch's loaders run."""

    @property
    def executors(self) -> list[str]:
        """Imports that are there to run something."""
        return [name for name in self.imports if runs_code(name)]

    @property
    def others(self) -> list[str]:
        """Imports that are neither known harmless nor known executors."""
        return [name for name in self.imports if not is_harmless(name) and not runs_code(name)]


def of_header(path: str, header: Header | None, fault: HeaderError | None) -> Pickle | None:
    """The pickle behind a header, or behind the fault that broke it off; None where it is no pickle."""
    if header is not None:
        if header.container not in {"torch", "pickle"}:
            return None
        shapes = {name: info.shape for name, info in header.tensors.items()}
        return Pickle(path, header.imports, shapes, "; ".join(header.refused[:3]) or None)
    if fault is None or fault.lfs_pointer:
        return None
    return Pickle(path, fault.imports, {}, fault.message)


def of_contents(path: str, contents: Contents) -> Pickle | None:
    """The pickles that were found in a file, and what was not looked into; None where there is neither."""
    limits = [_at(inside.place, inside.trace.beyond) for inside in contents.pickles if inside.trace.beyond]
    faults = [
        _at(inside.place, inside.trace.fault)
        for inside in contents.pickles
        if inside.trace.fault and not inside.trace.beyond
    ]
    if not contents.pickles and not contents.unread and not contents.code:
        return None
    imports = dict.fromkeys(name for inside in contents.pickles for name in inside.trace.imports)
    places = tuple(inside.place for inside in contents.pickles)
    return Pickle(
        path,
        tuple(imports),
        {},
        places=places,
        unread=tuple(dict.fromkeys((*limits, *faults, *contents.unread))),
        beyond=(*limits, *contents.beyond),
        code=tuple(contents.code),
    )


def danger(pickle: Pickle | None) -> tuple[int, str]:
    """How bad a pickle is, and what loading it may do; None: only its name says that it is one."""
    if pickle is None or not pickle.places:
        return 0, "called as pickles are, which careful loaders refuse"
    if pickle.executors:
        return 3, f"a pickle that can run code when it is loaded: it imports {some(pickle.executors)}"
    if pickle.others or pickle.code:
        named = some(pickle.others or list(pickle.code))
        return 2, f"a pickle with names of which hubkit does not know what they do ({named})"
    if pickle.unread:
        return 1, "a pickle that was not read to its end, so that nobody knows what else loading it does"
    return 0, "a pickle; it imports nothing that runs code, and careful loaders refuse it all the same"


def _at(place: str, why: str) -> str:
    return f"{place}: {why}" if place else why
