"""`schemas/cfg.schema.json`: draft 2020-12, selecting by if/then on layout and architecture, so that one mistake is one error with a path."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hubkit.formats.cfg_models import LEGACY_MODELS, V6_MODELS

if TYPE_CHECKING:
    from pydantic import BaseModel


def cfg_schema() -> dict[str, Any]:
    """The schema of a SAELens cfg.json of either layout."""
    definitions = {
        model.__name__: _definition(model)
        for models in (V6_MODELS, LEGACY_MODELS)
        for model in models.values()
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:hubkit:cfg:1",
        "title": "SAELens cfg.json",
        "$comment": "Integers are strict: 8.0 loads and fails in encode. A validator that takes 8.0 for an integer needs a type check of its own.",
        "type": "object",
        "if": {"required": ["metadata"]},
        "then": {"required": ["architecture"], "allOf": _choices(V6_MODELS)},
        "else": {"allOf": _choices(LEGACY_MODELS, default="standard")},
        "$defs": definitions,
    }


def _choices(models: dict[str, Any], default: str | None = None) -> list[dict[str, Any]]:
    """One if/then for each architecture; the default one also applies when the key is missing."""
    return [
        {
            "if": {"properties": {"architecture": {"const": name}}}
            | ({} if name == default else {"required": ["architecture"]}),
            "then": {"$ref": f"#/$defs/{model.__name__}"},
        }
        for name, model in models.items()
    ]


def _definition(model: type[BaseModel]) -> dict[str, Any]:
    schema: dict[str, Any] = _plain(model.model_json_schema())
    return schema


def _plain(node: Any) -> Any:
    """Without the titles pydantic adds, and with `T | null` as a list of types: an `anyOf` would hide the place of a mistake."""
    if isinstance(node, list):
        return [_plain(item) for item in node]
    if not isinstance(node, dict):
        return node
    plain: dict[str, Any] = {
        key: ({name: _plain(item) for name, item in value.items()} if key == "properties" else _plain(value))
        for key, value in node.items()
        if key != "title"
    }
    branches: list[dict[str, Any]] = plain.get("anyOf", [])
    if branches and all(isinstance(branch.get("type"), str) for branch in branches):
        del plain["anyOf"]
        merged: dict[str, Any] = {"type": [branch["type"] for branch in branches]}
        for branch in branches:
            merged |= {key: value for key, value in branch.items() if key not in {"type", "enum"}}
        enums = [value for branch in branches for value in branch.get("enum", [])]
        if enums:
            merged["enum"] = [*enums, *_others(branches)]
        plain |= merged
    return plain


def _others(branches: list[dict[str, Any]]) -> list[Any]:
    """The values of the branches beside an enum: null, and both booleans."""
    values: list[Any] = []
    for branch in branches:
        if branch["type"] == "null":
            values.append(None)
        elif branch["type"] == "boolean":
            values += [True, False]
    return values
