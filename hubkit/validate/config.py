"""What the user decided: `hubkit.toml`, or `[tool.hubkit]` in pyproject.toml, where the command is typed or above.

A target never brings its own: a repository must not silence its own audit, be it on the Hub, downloaded or cloned. One that lies in it is named and
not obeyed. What is ignored is in every report, with its reason.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hubkit.errors import UsageError
from hubkit.small_files import read_regular
from hubkit.texts import shortened
from hubkit.validate.selection import Config, check_codes

if TYPE_CHECKING:
    from pydantic import ValidationError

NAME = "hubkit.toml"
PYPROJECT = "pyproject.toml"
MOST_DOTS = 1000
"""In one line: the standard library takes quadratic time for a dotted key."""


def find_config(here: Path | None = None) -> Path | None:
    """The nearest configuration to the working directory (or `here`): there, or above it up to the repository root.

    None where there is none, and where the working directory came from the Hub: its files are somebody else's.
    """
    start = (here or Path()).resolve()
    if is_download(start):
        return None
    return next((found for place in _places(start) if (found := _config_in(place))), None)


def not_obeyed(target: Path, here: Path | None = None) -> list[Path]:
    """The configurations at `target`, a folder, and between it and the working directory: nobody typed them."""
    start = (here or Path()).resolve()
    folder = target.resolve()
    obeyed = set(_places(start)) if not is_download(start) else set()
    below = [place for place in (folder, *folder.parents) if place.is_relative_to(start)] or [folder]
    return [found for place in below if place not in obeyed and (found := _config_in(place))]


def is_download(folder: Path) -> bool:
    """Whether `folder` is in a snapshot of the Hub's cache, or was downloaded into: its files are somebody else's."""
    folder = folder.resolve()
    snapshot = any(
        place.parent.name == "snapshots" and (place.parent.parent / "blobs").is_dir()
        for place in (folder, *folder.parents)
    )
    return snapshot or any(
        (place / ".cache" / "huggingface" / "download").is_dir() for place in _places(folder)
    )


def _places(folder: Path) -> Iterator[Path]:
    """`folder` and its parents up to the one that holds `.git`; without a repository, `folder` and its parent."""
    above = [folder, *folder.parents]
    root = next((i for i, place in enumerate(above) if (place / ".git").exists()), 1)
    yield from above[: root + 1]


def _config_in(place: Path) -> Path | None:
    if (place / NAME).is_file():
        return place / NAME
    pyproject = place / PYPROJECT
    return pyproject if pyproject.is_file() and _has_table(pyproject) else None


def _has_table(pyproject: Path) -> bool:
    """Whether there is a `[tool.hubkit]`. A file that cannot be read is left to `load_config`, which says why."""
    try:
        return b"[tool.hubkit" in read_regular(pyproject)
    except OSError:
        return True


def load_config(path: Path, content: bytes | None = None) -> Config:
    """Read `path`, or take `content` for what it holds. Raises UsageError that names the file and the key."""
    from pydantic import ValidationError

    from hubkit.validate.config_model import ConfigFile  # pydantic only where there is a file

    table = _table(path, content)
    try:
        model = ConfigFile.model_validate(table)
    except ValidationError as error:
        raise _usage_error(path, error, list(ConfigFile.model_fields)) from error
    config = model.to_config(path)
    for key, codes in (
        ("select", config.select),
        ("ignore", tuple(one.code for one in config.ignore)),
        ("severity", tuple(config.severity)),
    ):
        check_codes(codes, f"{path}: {key}: ")
    return config


def _table(path: Path, data: bytes | None) -> dict[str, Any]:
    try:
        content = _parsed((read_regular(path) if data is None else data).decode("utf-8-sig"))
    except FileNotFoundError as error:
        raise UsageError(f"{path}: there is no such configuration file") from error
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from error
    except (
        ValueError,
        RecursionError,
    ) as error:  # not TOML, not UTF-8, numbers of thousands of digits, deep nests
        raise UsageError(f"{path}: not TOML that can be read: {shortened(str(error), 300)}") from error
    if path.name != PYPROJECT:
        return content
    tool = content.get("tool", {})
    found = tool.get("hubkit", {}) if isinstance(tool, dict) else {}
    if not isinstance(found, dict):
        raise UsageError(f"{path}: [tool.hubkit] is no table")
    return found


def _parsed(text: str) -> dict[str, Any]:
    """Raises ValueError."""
    import tomllib  # only where there is something to read

    if any(line.count(".") > MOST_DOTS for line in text.split("\n")):
        raise ValueError(f"a line with more than {MOST_DOTS:,} dots")
    return tomllib.loads(text)


def _usage_error(path: Path, error: ValidationError, known: list[str]) -> UsageError:
    """The first mistake, with its key; for an unknown key, the nearest known one."""
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"]) or "the file"
    if first["type"] == "extra_forbidden":
        near = difflib.get_close_matches(str(first["loc"][-1]).replace("-", "_"), known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"known keys: {', '.join(known)}"
        return UsageError(f"{path}: {key}: there is no such key", hint=hint)
    message = first["msg"].removeprefix("Value error, ")
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    return UsageError(f"{path}: {key}: {message}{more}", hint='ignore = { CFG012 = "why it is accepted" }' if "reason" in message else None)  # fmt: skip
