"""What the artefacts' pydantic models have in common."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, ClassVar, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
)

from hubkit.errors import IncompleteError
from hubkit.release.migration import in_todays_form
from hubkit.release.writing import write_json
from hubkit.small_files import read_regular
from hubkit.texts import shortened

if TYPE_CHECKING:
    from pathlib import Path


MOST_BYTES = 256 << 20
"""Of an artefact: the manifest of a large pool has some ten million bytes."""
LONG = 1 << 16
"""Bytes, from which a file is looked at for mistakes before it is read."""
TAG_OR_FENCE = r"<[A-Za-z/!?]|```"
MARKUP = re.compile(rf"[\x00-\x1f\x7f-\x9f\u2028\u2029]|\]\(|{TAG_OR_FENCE}")
"""What no word or number has: a line's end, a control character, HTML, a link of Markdown, a fence."""
MAY_BE_MARKUP = re.compile(r"\\[^\"\\/]|[\x7f-\x9f\u2028\u2029]|<|\]\(|```")
"""The same as JSON may write it."""
MOST_SAID = 3
LONGEST_SAID = 300


def _is_nothing(value: Any) -> bool:
    """None, and what is empty; 0 and False say something."""
    return value is None or (isinstance(value, str | list | tuple | dict) and not value)


class Artefact(BaseModel):
    """A file of the release or the work folder: strict types, unknown keys and NaN refused, written by its `$schema` alias."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        populate_by_name=True,
        use_attribute_docstrings=True,
        allow_inf_nan=False,
    )

    left_out: ClassVar[frozenset[str]] = frozenset()
    """Keys that are not written while they say nothing: a file without such a key is what hubkit wrote before there was one."""
    older: ClassVar[frozenset[str]] = frozenset()
    """`$schema` of earlier forms that are read as well."""
    quoted: ClassVar[frozenset[str] | None] = None
    """Keys of texts that are quoted as they are, where every other text of the file is to be words in one line, as it stands on cards; None: all of them are."""

    @model_serializer(mode="wrap")
    def _without_what_is_not_said(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        written: dict[str, Any] = write(self)
        return {
            key: value for key, value in written.items() if key not in self.left_out or not _is_nothing(value)
        }

    def save(self, path: Path) -> None:
        """Write this artefact as strict, sorted JSON, in one step."""
        write_json(path, self.model_dump(mode="json", by_alias=True))

    @classmethod
    def schemas(cls) -> frozenset[str]:
        """Every `$schema` that is read: today's, and the earlier ones."""
        return frozenset({cls.model_fields["schema_"].default}) | cls.older

    @classmethod
    def parse(cls, data: bytes | str) -> Self:
        """From a file's text, of today's form or an earlier one. Raises ValueError where it is neither (pydantic's is one), and for markup where words are expected."""
        raw = json.loads(data) if cls.older or len(data) > LONG else None
        if isinstance(raw, dict) and raw.get("$schema") in cls.older:
            raw = in_todays_form(raw)
            data = json.dumps(raw)
        if (
            len(data) > LONG
        ):  # of JSON, each mistake holds a copy of what it lies in: seconds and a gigabyte for a megabyte of them
            cls.model_validate(raw)
        found = cls.model_validate_json(data)
        text = data if isinstance(data, str) else data.decode("utf-8")
        if cls.quoted is not None and MAY_BE_MARKUP.search(text):
            _check_words(json.loads(text), cls.quoted)
        return found

    @classmethod
    def load_ours(cls, path: Path) -> Self | None:
        """As `load`, but None where there is no such file, or one that does not carry this artefact's `$schema`: somebody else's."""
        try:
            data = read_regular(path, MOST_BYTES)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise IncompleteError(f"{path}: cannot be read: {error.strerror}") from error
        return cls.ours(data, str(path))

    @classmethod
    def ours(cls, data: bytes, where: str) -> Self | None:
        """The same from a file's bytes; `where` names it in errors."""
        try:
            raw = json.loads(data)
        except (ValueError, RecursionError) as error:
            raise IncompleteError(f"{where}: not JSON: {shortened(str(error), LONGEST_SAID)}") from error
        if not isinstance(raw, dict) or raw.get("$schema") not in cls.schemas():
            return None
        return cls._parsed(data, where)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read the artefact at `path`. Raises IncompleteError when it is missing, not JSON, or not of this form."""
        try:
            data = read_regular(path, MOST_BYTES)
        except FileNotFoundError as error:
            raise IncompleteError(f"{path}: there is no such file, expected a {cls.__name__}") from error
        except OSError as error:
            raise IncompleteError(f"{path}: cannot be read: {error.strerror}") from error
        return cls._parsed(data, str(path))

    @classmethod
    def _parsed(cls, data: bytes, path: str) -> Self:
        try:
            return cls.parse(data)
        except ValidationError as error:
            raise IncompleteError(f"{path}: not a {cls.__name__}: {_words(error)}") from error
        except (ValueError, RecursionError) as error:  # of json, of an encoding
            raise IncompleteError(
                f"{path}: not a {cls.__name__}: {shortened(str(error), LONGEST_SAID)}"
            ) from error


def _check_words(value: Any, quoted: frozenset[str]) -> None:
    """Raise ValueError for a text with markup that does not lie below one of the `quoted` keys: a card would hold what it says for its own."""
    left: list[tuple[str, Any]] = [("", value)]
    while left:
        place, one = left.pop()
        if isinstance(one, str) and MARKUP.search(one):
            raise ValueError(
                f"{place[1:]}: {shortened(repr(one), 80)}, expected words in one line without markup"
            )
        if isinstance(one, dict):
            left += [(f"{place}.{key[:40]}", inner) for key, inner in one.items() if key not in quoted]
            left += [(f"{place}.{key[:40]}: its name", key) for key in one]
        elif isinstance(one, list):
            left += [(f"{place}.{number}", inner) for number, inner in enumerate(one)]


def _words(error: ValidationError) -> str:
    """The first mistakes by their places, and how many there are."""
    several = error.errors(include_url=False, include_context=False)
    told = "; ".join(
        f"{'.'.join(map(str, one['loc']))[:LONGEST_SAID] or 'the file'}: {one['msg'][:LONGEST_SAID]}"
        for one in several[:MOST_SAID]
    )
    return told + (f"; and {len(several) - MOST_SAID:,} more" if len(several) > MOST_SAID else "")
