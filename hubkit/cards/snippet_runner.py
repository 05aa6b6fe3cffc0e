"""The process in which a card's code runs: `python -m hubkit.cards.snippet_runner JOB ANSWER`. Standard library only, until the card imports more.

Statement by statement, in one namespace that is `__main__`, so that one that needs what is not here (the base model, say) can be left out, and with
it what follows from it. What was left out is told, never counted as having run.
"""

from __future__ import annotations

import ast
import contextlib
import importlib
import json
import linecache
import sys
import time
import traceback
import types
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

from hubkit.cards.snippet_names import (
    asked_by,
    assigned_texts,
    names_bound,
    names_handed_over,
    names_read,
    parse,
)

PACKAGES = ("sae-lens", "torch", "transformers", "safetensors", "huggingface-hub")
FUTURES = 0x1FE0000
"""The bits of a compiled statement's flags that stand for `from __future__` imports (`codeop`)."""


@dataclass
class Session:
    """A card's code on its way: what exists, what is missing, what was left out."""

    absent: dict[str, str]
    """Name of something outside to why it cannot be had."""
    namespace: dict[str, Any]
    texts: dict[str, str] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    """Name in the code to why it does not exist."""
    doubtful: dict[str, str] = field(default_factory=dict)
    """Name that something left out would have filled or changed."""
    functions: dict[str, set[str]] = field(default_factory=dict)
    not_run: list[dict[str, Any]] = field(default_factory=list)
    flags: int = 0

    def run(self, statement: ast.stmt) -> None:
        """Execute one statement, or leave it out. Raises what the code raises."""
        self.texts |= assigned_texts(statement)
        reason = self._reason(statement)
        if reason is not None:
            self._leave_out(statement, reason)
            return
        if isinstance(statement, ast.FunctionDef):
            self.functions[statement.name] = names_read(statement)
        doubt = next((self.doubtful[n] for n in sorted(names_read(statement)) if n in self.doubtful), None)
        try:
            self._execute(statement)
        except Exception:  # whatever the card's code raises
            if doubt is None:
                raise
            self._leave_out(statement, doubt)
            return
        for name in names_bound(statement):
            self.missing.pop(name, None)

    def _execute(self, statement: ast.stmt) -> None:
        code = compile(ast.Module([statement], []), "README.md", "exec", self.flags, dont_inherit=True)
        self.flags |= code.co_flags & FUTURES
        exec(code, self.namespace)  # noqa: S102 - this is what the user asked for

    def _reason(self, statement: ast.stmt) -> str | None:
        asked = [one.name for one in asked_by(statement, self.texts) if one.name in self.absent]
        if asked:
            return self.absent[asked[0]]
        return next((self.missing[n] for n in sorted(names_read(statement)) if n in self.missing), None)

    def _leave_out(self, statement: ast.stmt, reason: str) -> None:
        self.not_run.append({"line": statement.lineno, "reason": reason})
        self.missing |= dict.fromkeys(names_bound(statement), reason)
        handed = names_handed_over(statement)
        for name in handed & self.functions.keys():
            handed = handed | self.functions[name]
        self.doubtful |= dict.fromkeys(handed, reason)


def run(job: dict[str, Any]) -> dict[str, Any]:
    """Run the blocks, then the check; the answer says what failed, where in the card, and what was left out."""
    module = types.ModuleType("__main__")
    sys.modules["__main__"] = module
    session = Session(job["absent"], module.__dict__)
    linecache.cache["README.md"] = (
        len(job["card"]),
        None,
        job["card"].splitlines(keepends=True),
        "README.md",
    )
    begun = time.perf_counter()
    answer: dict[str, Any] = {"ok": True, "failed_line": None, "error": "", "reason": "", "checked": {}}
    for block in job["blocks"]:
        try:
            for statement in parse(block["text"], block["line"]).body:
                session.run(statement)
        except BaseException as error:  # noqa: BLE001 - also SystemExit in a card is a failure of that card
            answer |= _failure(error, block["line"])
            break
    if answer["ok"] and job["check"]:
        answer |= _check(job, session.namespace)
    return answer | {
        "not_run": session.not_run,
        "versions": _versions(),
        "seconds": time.perf_counter() - begun,
    }


def _failure(error: BaseException, line: int) -> dict[str, Any]:
    """The line of the card, the traceback's end, and its last line."""
    frames = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == "README.md"]
    if isinstance(error, SyntaxError) and error.filename == "README.md":
        frames = [error.lineno]
    words = traceback.format_exception_only(error)[-1].split("\n")[0].strip()
    return {
        "ok": False,
        "failed_line": frames[-1] if frames else line,
        "error": "".join(traceback.format_exception(error, limit=-3)),
        "reason": words,
    }


def _check(job: dict[str, Any], namespace: dict[str, Any]) -> dict[str, Any]:
    module, function = job["check"].split(":")
    try:
        return {"checked": getattr(importlib.import_module(module), function)(namespace, **job["arguments"])}
    except Exception as error:  # noqa: BLE001 - told to the parent
        return _failure(error, 0) | {"failed_line": None}


def _versions() -> dict[str, str]:
    """Of the packages that the code imported."""
    found = {}
    for name in PACKAGES:
        if name.replace("-", "_") in sys.modules:
            with contextlib.suppress(metadata.PackageNotFoundError):
                found[name] = metadata.version(name)
    return found


def limit(memory: int | None) -> None:
    """No core file, and at most `memory` bytes of data, where the system has such limits (not on Windows; macOS heeds the first only)."""
    try:
        import resource
    except ImportError:
        return
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if memory is not None:
        resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))


if __name__ == "__main__":
    job_path, answer_path = Path(sys.argv[1]), Path(sys.argv[2])
    task = json.loads(job_path.read_text(encoding="utf-8"))
    sys.argv = ["README.md"]
    limit(task["memory"])
    outcome = run(task)
    answer_path.write_text(json.dumps(outcome), encoding="utf-8")
