"""Documents that are generated are current; commands that documents name exist."""

from __future__ import annotations

import re
from pathlib import Path

from hubkit.cli.main import app
from hubkit.validate import catalogue

ROOT = Path(__file__).parents[1]


def test_the_rule_list_is_current() -> None:
    """When this fails: python -m hubkit.validate.catalogue > docs/rules.md"""
    assert (ROOT / "docs" / "rules.md").read_text(encoding="utf-8") == catalogue.as_markdown()


def test_every_hubkit_verb_that_a_document_or_a_hint_names_exists() -> None:
    verbs = {
        (command.name or command.callback.__name__) for command in app.registered_commands if command.callback
    } | {"hub"}
    texts = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "hubkit").rglob("*.py")]
    named = {}
    for path in texts:
        for match in re.finditer(
            r"(?:`|hint=f?\"|\"|bin/|  )hubkit ([a-z][a-z-]+)(?=[ `\"\n])", path.read_text(encoding="utf-8")
        ):
            named.setdefault(match.group(1), path.name)
    assert {"validate", "demo", "explain"} <= named.keys()
    assert {verb: where for verb, where in named.items() if verb not in verbs} == {}
