"""The quick answer to "does it conform" is never yes where jsonschema says no, and is yes for what is good."""

from __future__ import annotations

from typing import Any

import pytest
from builders import GONE, cfg

from hubkit.formats.cfg_models import LEGACY_MODELS, V6_MODELS
from hubkit.formats.shipped import shipped_schema
from hubkit.validate.rules.cfg import validator
from hubkit.validate.rules.conformity import conforms

VALUES: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    1,
    -3,
    8,
    8.0,
    0.5,
    "x",
    "none",
    "topk",
    "hook_z",
    "float32",
    [],
    [1],
    {},
    {"k": 4},
    GONE,
)
SCHEMA = shipped_schema("cfg")


def with_value(base: dict[str, Any], key: str, value: Any) -> dict[str, Any]:
    changed = {**base, key: value}
    return {name: one for name, one in changed.items() if one is not GONE}


@pytest.mark.parametrize("layout", ["v6", "legacy"])
def test_it_agrees_with_jsonschema_on_every_field_and_value(layout: str) -> None:
    models: dict[str, Any] = V6_MODELS if layout == "v6" else LEGACY_MODELS
    good = 0
    for architecture, model in models.items():
        base = with_value(cfg(architecture), "metadata", {} if layout == "v6" else GONE)
        for key in model.model_fields:
            for value in VALUES:
                document = with_value(base, key, value)
                expected = validator().is_valid(document)
                assert conforms(document, SCHEMA, SCHEMA) == expected, (architecture, key, value)
                good += expected
    assert good > 100


def test_a_keyword_that_it_does_not_know_is_no_yes() -> None:
    assert conforms({"a": 1}, {"type": "object"}, {})
    assert not conforms({"a": 1}, {"type": "object", "maxProperties": 5}, {})
    assert not conforms({"a": 1}, {"$ref": "https://example.org/schema"}, {})
