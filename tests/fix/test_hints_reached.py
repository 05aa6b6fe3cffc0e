"""The walk over the hints is whole: every sentence that a rule can say is said of one of its twins, whose hints are followed there.

What is no sentence, or is said elsewhere, is in ELSEWHERE with the reason.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fix.test_hints import WALK

import hubkit.validate
from hubkit.validate.run import Selection, validate

ROOM = Path(hubkit.validate.__file__).parent
MODULES = sorted(
    path
    for path in (*ROOM.glob("rules/*.py"), *ROOM.glob("*.py"))
    if path.parent.name == "rules" or re.search(r"\b(?:Found|claim_finding|Wrong)\(", path.read_text("utf-8"))
)
"""Where findings are made."""
TABLES = {"errata", "vocabulary", "request", "finding", "asking", "card"}
"""Lists of data, and modules that make no finding of a rule."""
FEW = 4
WORD = re.compile(r"[A-Za-z]{2,}")
PATTERN = re.compile(r"\\[a-zA-Z(]|\(\?|\[[^\]]*\]\?|\|[a-z0-9]")
FILLED = re.compile(r"\{[^{}]*\}")
ELSEWHERE = {
    "hook.py": "HOOK001, HOOK004 and HOOK005 want a Hub, or torch: tests/validate/test_rules_hook.py",
    "load.py": "LOAD wants SAELens: tests/validate/test_load.py",
    ", the study that lies below it has ": "of the card around the releases of a study: tests/cards/test_author_check.py",
    "CARD010 not checked: whether thresholds that never learned, or a pickle, are disclosed: ": "a remark of the report, not a finding",
    " could not be read": "the same",
    "the number of latents": "of a family whose files do not say it: no family has k without sizes today",
    "hook_head_index heads": "names of keys",
    "; it was recognised, not judged": "WTS015 of a family that is only recognised: tests/formats",
}  # fmt: skip


def sentences(path: Path) -> Iterator[str]:
    """The texts of a module that have words enough to be a sentence; of f-strings what stands between what is filled in."""
    tree = ast.parse(path.read_text("utf-8"))
    documented = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Constant) or not isinstance(node.value, str) or id(node) in documented:
            continue
        if (
            len(WORD.findall(node.value)) >= FEW
            and " " in node.value.strip()
            and not PATTERN.search(node.value)
        ):
            yield node.value


@pytest.fixture(scope="module")
def said() -> str:
    """Everything that is said of the twins."""
    found = []
    for name, bad in WALK.items():
        code = name.split()[0]
        report = validate(
            bad(),
            Selection(select=(code, "WTS")),
            deep=True,
            base_model="auto" if code.startswith("HOOK") else None,
        )
        found += [text for one in report.findings for text in (one.message, one.hint, one.title)]
    return "\n".join(dict.fromkeys(found))


@pytest.mark.parametrize(
    "path", [path for path in MODULES if path.stem not in TABLES], ids=lambda path: path.stem
)
def test_every_sentence_of_a_rule_is_said_of_a_twin(path: Path, said: str) -> None:
    """When this fails: a twin that makes the rule say it, with what its hint says, in `side_twins.py`."""
    missing = [
        text
        for text in dict.fromkeys(sentences(path))
        if text not in ELSEWHERE
        and path.name not in ELSEWHERE
        and not all(
            piece.strip() in said for piece in FILLED.split(text) if len(WORD.findall(piece)) >= FEW - 1
        )
    ]
    assert missing == []
