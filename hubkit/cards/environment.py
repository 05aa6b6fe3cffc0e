"""Jinja environments: one for the shipped templates, kept compiled, and one for an author's, which can do less."""

from __future__ import annotations

import pickle
import sys
import types
from collections.abc import Callable
from contextlib import suppress
from dataclasses import is_dataclass
from functools import cache
from pathlib import Path, PurePath
from typing import Any

from jinja2 import (
    BaseLoader,
    BytecodeCache,
    ChoiceLoader,
    Environment,
    FileSystemBytecodeCache,
    PackageLoader,
    StrictUndefined,
    TemplateError,
    TemplateNotFound,
)
from jinja2.bccache import Bucket
from jinja2.loaders import split_template_path
from jinja2.runtime import Macro
from jinja2.sandbox import ImmutableSandboxedEnvironment

from hubkit import __version__
from hubkit.cards.prose_facts import Fact
from hubkit.cards.text import FILTERS, number, percent, points
from hubkit.small_files import read_regular_text

ENDING = ".md.j2"
LONGEST_TEMPLATE = 200_000
"""Bytes of one template of an author's."""
PLAIN = (str, int, float, bool, bytes, list, tuple, dict, set, frozenset, type(None))
"""Types whose public methods an author's template may call; those that change something the sandbox refuses."""
OF_JINJA = ("jinja2.runtime", "jinja2.utils")
"""Modules of `loop`, `caller`, macros, cycler, joiner, namespace."""


def of_prose() -> ImmutableSandboxedEnvironment:
    """For an author's prose: no template can be loaded from it."""
    return _prose()


@cache
def _prose() -> ImmutableSandboxedEnvironment:
    return _made(_Author, BaseLoader())


@cache
def shipped() -> ImmutableSandboxedEnvironment:
    """The package's templates, compiled once."""
    return environment(PackageLoader("hubkit.cards"), Compiled(Path(__file__).parent / "templates"))


def of_author(templates: Path | None) -> ImmutableSandboxedEnvironment:
    """The package's templates, and before them those of an author's folder."""
    ours = PackageLoader("hubkit.cards")
    return _made(_Author, ours if templates is None else ChoiceLoader([Folder(templates), ours]))


class Folder(BaseLoader):
    """The `.md.j2` files of one folder and the folders in it. A link that leads out of it is not there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()

    def get_source(
        self,
        environment: Environment,  # noqa: ARG002 - Jinja's signature
        template: str,
    ) -> tuple[str, str | None, Callable[[], bool] | None]:
        """A template's text. Raises TemplateNotFound, and TemplateError for one that is there and is not read."""
        path = self.folder.joinpath(*split_template_path(template))  # refuses `..`
        shown = template[:100]
        if not template.endswith(ENDING) or not path.resolve().is_relative_to(self.folder):
            raise TemplateError(f"{shown}: only *{ENDING} files inside the templates folder are read")
        try:
            return read_regular_text(path, LONGEST_TEMPLATE), str(path), None
        except (FileNotFoundError, NotADirectoryError) as error:
            raise TemplateNotFound(template) from error
        except OSError as error:
            raise TemplateError(f"{shown}: cannot be read: {error.strerror}") from error
        except UnicodeDecodeError as error:
            raise TemplateError(f"{shown}: not UTF-8") from error


class _Author(ImmutableSandboxedEnvironment):
    """Values can be read, and methods called that compute and do nothing else."""

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Not the inner life of Python, and nothing of files and modules."""
        if isinstance(obj, PurePath | types.ModuleType):
            return False
        return bool(super().is_safe_attribute(obj, attr, value))

    def is_safe_callable(self, obj: Any) -> bool:
        """Methods of plain values and of the card's own facts, macros, and Jinja's functions."""
        if not super().is_safe_callable(obj):
            return False
        if (
            isinstance(obj, Macro)
            or type(obj).__module__ in OF_JINJA
            or any(obj is one for one in self.globals.values())
        ):
            return True
        # the sandbox wraps `str.format`, whose fields it looks at
        owner = getattr(getattr(obj, "__wrapped__", obj), "__self__", None)
        kind = type(owner)
        if kind.__module__ in OF_JINJA:
            return True
        ours = is_dataclass(kind) and kind.__module__.startswith("hubkit.cards.")
        return owner is not None and (kind in PLAIN or ours)


class Compiled(FileSystemBytecodeCache):
    """The shipped templates, compiled, in `__pycache__` beside their sources: as trusted as Python's own bytecode, and as dispensable."""

    def __init__(self, templates: Path) -> None:
        super().__init__(str(templates / "__pycache__"), f"%s-{__version__}.cache")

    def load_bytecode(self, bucket: Bucket) -> None:
        """Take one that is there; what is damaged is compiled again."""
        try:
            super().load_bytecode(bucket)
        except (OSError, EOFError, ValueError, pickle.UnpicklingError):
            bucket.reset()

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep one, where Python would keep its own; a folder that cannot be written costs time, nothing else."""
        if not sys.dont_write_bytecode:
            with suppress(OSError):
                Path(self.directory).mkdir(exist_ok=True)
                super().dump_bytecode(bucket)


def environment(loader: BaseLoader, compiled: BytecodeCache | None = None) -> ImmutableSandboxedEnvironment:
    """For hubkit's own templates."""
    return _made(ImmutableSandboxedEnvironment, loader, compiled)


def _made(
    kind: type[ImmutableSandboxedEnvironment], loader: BaseLoader, compiled: BytecodeCache | None = None
) -> ImmutableSandboxedEnvironment:
    made = kind(
        loader=loader,
        bytecode_cache=compiled,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=False,
        autoescape=False,  # Markdown, whose values `cell` and `code` escape
    )
    made.filters |= FILTERS | {"pct": _of_fact(percent), "num": _of_fact(number), "pts": _of_fact(points)}
    return made


def _of_fact(written: Callable[..., str]) -> Callable[..., str]:
    """A filter for the author's prose, where a value is a Fact."""

    def apply(fact: Any, *arguments: Any) -> str:
        return written(fact.value if isinstance(fact, Fact) else fact, *arguments)

    return apply
