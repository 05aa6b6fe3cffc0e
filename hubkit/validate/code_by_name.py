"""What runs code, as its name alone shows, or its first bytes: compiled programs, packages, what Python runs at its start.

Source: CPython 3.13 (site.py, importlib.metadata), setuptools 80 (entry points, egg-link, editable installs).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from hubkit.tensors.code_names import NATIVE
from hubkit.validate.finding import Severity
from hubkit.words import some

OUTSIDE = "weights outside of its folder"
"""What `tensors.onnx_parts` says of them."""
COMPILED = re.compile(r".*\.py[co]", re.IGNORECASE | re.DOTALL)
INSTALLED = re.compile(
    r".*\.egg-link|(?:.*/)?__editable__[^/]*|.*\.(?:dist|egg)-info/entry_points\.txt", re.DOTALL
)
"""What tells Python of a package that is installed: where it lies, what other programs load of it as their plugin."""
AT_START = re.compile(r"(?:.*/)?(?:site|user)customize\.py", re.DOTALL)
"""What Python runs whenever it starts, where the folder is on its path."""
LOADED = re.compile(
    r"(?:.*[._-])?config(?:uration)?\.json|(?:modules|model_index|agent|tools?|chat_template)\.json|.*\.(?:ya?ml|toml|gin|jinja2?|j2)|mlmodel",
    re.DOTALL,
)
"""What a loader opens by its name and takes names of code from, or whose form is that of settings."""
PACKAGES = (".whl", ".pyz", ".pyzw", ".egg", ".jar", ".class", ".deb", ".rpm", ".msi", ".apk")


@dataclass(frozen=True)
class CodeFile:
    """A file that runs code, or several of a kind."""

    path: str
    kind: str
    what: str
    severity: Severity
    line: int | None = None
    pointer: str | None = None
    names: tuple[str, ...] = ()


def may_be_loaded(name: str) -> bool:
    """Whether a file of this name, in lower case, is one whose names of code a loader follows: on the Hub it is brought before other texts."""
    return LOADED.fullmatch(name) is not None


def by_name(paths: list[str]) -> Iterator[CodeFile]:
    """What is told by its name alone: one finding a kind."""
    compiled = [path for path in paths if COMPILED.fullmatch(path)]
    outside = [path for path in compiled if "__pycache__" not in path.split("/")]
    start = "Python files that Python runs at its start, where the folder is on its path"
    installed = "what tells Python of an installed package: its place, or its entry points"
    for kind, what, shown, severity in (
        ("compiled", "compiled Python, which nobody can read before it runs", outside, Severity.WARNING),
        ("cached", "compiled Python that an interpreter left", [] if outside else compiled, Severity.NOTE),
        ("native", "machine code", _fit(NATIVE, paths), Severity.WARNING),
        (
            "packages",
            "packages of code",
            [one for one in paths if one.lower().endswith(PACKAGES)],
            Severity.NOTE,
        ),
        ("start", start, _fit(AT_START, paths), Severity.WARNING),
        ("installed", installed, _fit(INSTALLED, paths), Severity.NOTE),
    ):
        if shown:
            yield CodeFile(shown[0], kind, f"{what}: {some(shown)}", severity)


def _fit(pattern: re.Pattern[str], paths: list[str]) -> list[str]:
    return [path for path in paths if pattern.fullmatch(path)]


def code_members(path: str, members: list[str]) -> Iterator[CodeFile]:
    """One finding for the members of an archive that are machine code, or path files with an import line, and one for a file that is a program under
    another name; packages have such members, and what is called a program is told by its name.
    """
    if "" in members and not (
        NATIVE.fullmatch(path) or COMPILED.fullmatch(path) or path.lower().endswith(PACKAGES)
    ):
        yield CodeFile(path, "program", "a compiled program, by its first bytes", Severity.WARNING)
    inside = [one for one in members if one]
    if inside and not path.lower().endswith(PACKAGES):
        what = f"machine code, or path files with an import line, in it: {some(inside)}"
        yield CodeFile(path, "members", what, Severity.WARNING)


def onnx_needs(path: str, needs: list[str]) -> Iterator[CodeFile]:
    """What a model of ONNX asks for beside itself: files outside of its folder, or operators of libraries."""
    outside = [one for one in needs if OUTSIDE in one]
    if outside:
        what = f"a model of ONNX that reads {some(outside)}"
        yield CodeFile(path, "outside", what, Severity.WARNING)
    if custom := [one for one in needs if OUTSIDE not in one]:
        yield CodeFile(path, "operators", f"a model of ONNX with {some(custom)}", Severity.NOTE)
