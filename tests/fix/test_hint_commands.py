"""Every command that a hint prints is one that the program has: verb, options and codes; and every code that a text names exists."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer
from fix.test_hints import WALK
from typer.testing import CliRunner

import hubkit
from hubkit.cli.main import app
from hubkit.fix import run  # noqa: F401 - registers the fixes
from hubkit.fix.registry import in_order
from hubkit.validate.rule import REGISTRY
from hubkit.validate.run import validate

ROOT = Path(hubkit.__file__).parent
CALL = re.compile(r"hubkit (?P<verb>[a-z][a-z-]+(?: serve)?)(?P<rest>[^;`\n]*)")
OPTION = re.compile(r"(?<![\w-])--?[a-z][a-z-]*")
SELECT = re.compile(r"--select ([A-Z]+\d+)( --unsafe-fixes)?")
CODE = re.compile(r"\b(?:CFG|WTS|THR|HOOK|LOAD|EVL|CARD|SEC|REL|RUN)\d{3}\b")
WORDS = {
    "had",
    "has",
    "knows",
    "makes",
    "reads",
    "says",
    "does",
    "did",
    "finds",
    "wrote",
    "writes",
    "hubkit",
    "itself",
    "could",
    "that",
    "may",
    "must",
    "with",
}
"""What follows the name of the program where it is no command."""


def texts() -> Iterator[tuple[str, str]]:
    """Every string of the program's sources, with a stand-in for what is filled in, and where it stands. Docstrings are told as well as hints."""
    for path in sorted(ROOT.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                parts = [
                    str(part.value) if isinstance(part, ast.Constant) else "FILLED" for part in node.values
                ]
                yield str(path.relative_to(ROOT)), "".join(parts)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield str(path.relative_to(ROOT)), node.value


@cache
def verbs() -> dict[str, Any]:
    group: Any = typer.main.get_command(app)
    found = dict(group.commands)
    found |= {f"hub {name}": one for name, one in found.pop("hub").commands.items()}
    return found


def options(verb: str) -> set[str]:
    return {name for one in verbs()[verb].params for name in (*one.opts, *one.secondary_opts)} | {
        "--help",
        "-h",
    }


def calls() -> Iterator[tuple[str, str, str]]:
    """(place, verb, the rest of the sentence) of every command that a text names."""
    for place, text in texts():
        for match in CALL.finditer(text):
            verb = match["verb"].split()[0]
            whole = match["verb"] if verb == "hub" else verb
            if verb not in WORDS and whole != "hub" and (whole in verbs() or "--" in match["rest"]):
                yield place, whole, match["rest"]


def test_the_commands_that_are_named_exist_with_their_options() -> None:
    found = list(calls())
    assert len(found) > 100
    wrong = [
        f"{place}: hubkit {verb}{rest}"
        for place, verb, rest in found
        if verb not in verbs()
        or not {one for one in OPTION.findall(rest.split(", or ")[0].split(": ")[0]) if one.startswith("--")}
        <= options(verb)
    ]
    assert wrong == []


def test_what_is_selected_for_fix_has_a_fix_of_that_kind() -> None:
    kinds: dict[str, set[str]] = {}
    for fixer in in_order():
        kinds.setdefault(fixer.code, set()).add(fixer.kind)
    seen = 0
    for make in WALK.values():
        for finding in validate(make(), deep=True).findings:
            for code, unsafe in SELECT.findall(finding.hint):
                seen += 1
                assert code in kinds, finding.hint
                assert ("unsafe" if unsafe else "safe") in kinds[code], finding.hint
    assert seen > 30


def test_every_code_that_a_text_names_exists() -> None:
    unknown = {
        (place, code) for place, text in texts() for code in CODE.findall(text) if code not in REGISTRY
    }
    assert {one for one in unknown if one[1] != "CFG099"} == set()


@pytest.mark.parametrize("code", sorted(REGISTRY))
def test_every_code_is_explained(code: str) -> None:
    done = CliRunner().invoke(app, ["explain", code])
    assert done.exit_code == 0
    assert code in done.output


def parsed(command: str) -> None:
    """Raises click's UsageError where the program would not take the command."""
    words = shlex.split(command)[1:]
    verb = verbs()[words[0]]
    verb.make_context(words[0], words[1:], resilient_parsing=False)


def test_a_hint_that_is_a_command_parses_as_it_stands(tmp_path: Path) -> None:
    (tmp_path / "STUDY.yaml").write_text("", encoding="utf-8")
    seen = set()
    for make in WALK.values():
        for finding in validate(make(), deep=True).findings:
            for match in re.finditer(
                r"hubkit fix FOLDER --select [A-Z]+\d+(?: --unsafe-fixes)?", finding.hint
            ):
                seen.add(match.group())
    assert len(seen) > 12
    for command in sorted(seen):
        parsed(command.replace("FOLDER", str(tmp_path)))
    with pytest.raises(Exception, match="target"):
        parsed("hubkit fix --select CFG004")  # what the hints once said
