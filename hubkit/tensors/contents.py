"""What a file was found to hold."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hubkit.tensors.pickle_trace import Trace


@dataclass(frozen=True)
class Inside:
    """One stream of pickles, and where in the file it stands."""

    place: str
    """Members one in the other, empty for the file itself."""
    trace: Trace


@dataclass
class Contents:
    """What a file was found to hold; places are as in `Inside`."""

    pickles: list[Inside] = field(default_factory=list)
    code: list[str] = field(default_factory=list)
    """Members that carry code of another kind."""
    native: list[str] = field(default_factory=list)
    """Members, or the file itself, that are compiled programs, or path files with an import line."""
    needs: list[str] = field(default_factory=list)
    """What models of ONNX in it ask for beside themselves, in words."""
    unknown: list[str] = field(default_factory=list)
    """Members, or the file itself, that are of no kind that is known here."""
    unread: list[str] = field(default_factory=list)
    """What could not be looked into, each with its reason."""
    beyond: list[str] = field(default_factory=list)
    """Those of them where a limit was reached: another reader goes on."""
    partly: list[str] = field(default_factory=list)
    """Members, or the file itself, in which imports were looked for in the first and last part alone, as nobody unpickles what lies between."""
    failed: str | None = None
    """Why the file could not be read to its end, where that says nothing about the file."""
