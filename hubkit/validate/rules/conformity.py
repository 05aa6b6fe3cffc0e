"""Whether a value conforms to one of hubkit's own schemas: the few keywords they use, without jsonschema, whose import takes longer than most
validations. What does not conform is asked of jsonschema again, for the place and the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

SILENT = {"$schema", "$id", "$defs", "$comment", "title", "description", "default", "then", "else"}
"""They say nothing of the value; then and else belong to their `if`."""
TYPES: dict[str, Callable[[Any], bool]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
}
"""Integers are strict: 8.0 is none."""


def conforms(value: Any, schema: Mapping[str, Any], root: Mapping[str, Any]) -> bool:
    """Whether `value` conforms to `schema`, a part of `root`. False where in doubt: a keyword that is not known here, a reference elsewhere."""
    return all(
        keyword in SILENT or (keyword in KEYWORDS and KEYWORDS[keyword](value, schema, root))
        for keyword in schema
    )


def _if(value: Any, schema: Mapping[str, Any], root: Mapping[str, Any]) -> bool:
    branch = "then" if conforms(value, schema["if"], root) else "else"
    return conforms(value, schema.get(branch, {}), root)


def _ref(value: Any, schema: Mapping[str, Any], root: Mapping[str, Any]) -> bool:
    place, _, name = schema["$ref"].rpartition("/")
    return place == "#/$defs" and conforms(value, root["$defs"][name], root)


def _type(value: Any, schema: Mapping[str, Any], _: object) -> bool:
    allowed = schema["type"]
    return any(TYPES[name](value) for name in ([allowed] if isinstance(allowed, str) else allowed))


def _properties(value: Any, schema: Mapping[str, Any], root: Mapping[str, Any]) -> bool:
    return not isinstance(value, dict) or all(
        conforms(value[key], part, root) for key, part in schema["properties"].items() if key in value
    )


def _same(one: Any, other: Any) -> bool:
    # 1 == True == 1.0 in Python; only what is plainly the same counts
    return type(one) is type(other) and bool(one == other)


Keyword = Callable[[Any, Mapping[str, Any], Mapping[str, Any]], bool]
KEYWORDS: dict[str, Keyword] = {
    "if": _if,
    "$ref": _ref,
    "type": _type,
    "properties": _properties,
    "additionalProperties": lambda _value, schema, _root: schema["additionalProperties"] is True,
    "allOf": lambda value, schema, root: all(conforms(value, part, root) for part in schema["allOf"]),
    "required": lambda value, schema, _: (
        not isinstance(value, dict) or value.keys() >= set(schema["required"])
    ),
    "enum": lambda value, schema, _: any(_same(value, one) for one in schema["enum"]),
    "const": lambda value, schema, _: _same(value, schema["const"]),
    "minimum": lambda value, schema, _: not TYPES["number"](value) or value >= schema["minimum"],
}
