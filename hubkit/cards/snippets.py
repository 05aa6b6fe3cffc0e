"""A card's own Python code, run as printed: in a subprocess with a time limit, against the Hub that it is told.

The blocks of one card run in order in one namespace, as a reader would paste them. One process per card: importing SAELens takes seconds.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hubkit.errors import IncompleteError
from hubkit.readme.document import CodeBlock, parse_readme

TIMEOUT = 300.0
"""Seconds for the whole card."""

RUNNER = Path(__file__).with_name("snippet_runner.py")


@dataclass(frozen=True)
class SnippetRun:
    """What came of a card's code."""

    blocks: int
    ok: bool
    failed_line: int | None
    """Line in the card of the block that failed."""
    error: str
    output: str
    """What the code printed."""
    seconds: float
    checked: dict[str, Any]
    """What the check after the code found."""


def python_blocks(card: str) -> list[CodeBlock]:
    """The blocks that a reader would run."""
    return [block for block in parse_readme(card).code_blocks if block.language in {"python", "py"}]


def run_snippets(
    card: str,
    *,
    endpoint: str | None = None,
    check: str | None = None,
    arguments: dict[str, Any] | None = None,
    timeout: float = TIMEOUT,
) -> SnippetRun:
    """Run every Python block of `card`. With `endpoint`, against that Hub, with a cache of its own and no token.

    `check` is `module:function`, called after the blocks in the same process with the blocks' namespace and `arguments`; what it returns is in
    `checked`. Raises IncompleteError when the process gives no answer.
    """
    blocks = python_blocks(card)
    job = {
        "blocks": [{"text": block.text, "line": block.line} for block in blocks],
        "check": check,
        "arguments": arguments or {},
    }
    with tempfile.TemporaryDirectory(prefix="hubkit-snippet-", ignore_cleanup_errors=True) as scratch:
        job_file, answer_file = Path(scratch) / "job.json", Path(scratch) / "answer.json"
        job_file.write_text(json.dumps(job), encoding="utf-8")
        try:
            done = subprocess.run(  # noqa: S603 - the card's code runs because the user asked for it
                [sys.executable, str(RUNNER), str(job_file), str(answer_file)],
                cwd=scratch, env=_environment(scratch, endpoint), capture_output=True, text=True, encoding="utf-8", errors="replace", timeout=timeout, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            raise IncompleteError(
                f"the card's code did not end within {timeout:.0f} s",
                hint="run it by hand, or raise the time limit",
            ) from error
        if not answer_file.is_file():
            raise IncompleteError(
                f"the process that ran the card's code ended with {done.returncode} and gave no answer: {done.stderr[-800:]}"
            )
        answer = json.loads(answer_file.read_text(encoding="utf-8"))
    return SnippetRun(blocks=len(blocks), output=done.stdout, **answer)


def _environment(scratch: str, endpoint: str | None) -> dict[str, str]:
    environment = {
        **os.environ,
        "PYTHONIOENCODING": "utf-8",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "TOKENIZERS_PARALLELISM": "false",
    }
    if endpoint is not None:
        for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
            environment.pop(name, None)
        environment |= {
            "HF_ENDPOINT": endpoint,
            "HF_HOME": str(Path(scratch) / "hf"),
            "HF_HUB_DISABLE_XET": "1",
            "HF_TOKEN_PATH": str(Path(scratch) / "token"),
        }
    return environment
