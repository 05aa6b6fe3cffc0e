"""The process in which a card's code runs: `python snippet_runner.py JOB ANSWER`. Standard library only, until the card imports more."""

from __future__ import annotations

import importlib
import json
import sys
import time
import traceback
from pathlib import Path
from typing import Any


def run(job: dict[str, Any]) -> dict[str, Any]:
    """Execute the blocks in one namespace, then the check; the answer says what failed and where in the card."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    begun = time.perf_counter()
    answer: dict[str, Any] = {"ok": True, "failed_line": None, "error": "", "checked": {}}
    for block in job["blocks"]:
        try:
            exec(compile(block["text"], f"<README.md line {block['line']}>", "exec"), namespace)  # noqa: S102 - this is what the user asked for
        except BaseException:  # noqa: BLE001 - also SystemExit in a card is a failure of that card
            answer |= {"ok": False, "failed_line": block["line"], "error": traceback.format_exc(limit=-3)}
            break
    if answer["ok"] and job["check"]:
        module, function = job["check"].split(":")
        try:
            answer["checked"] = getattr(importlib.import_module(module), function)(
                namespace, **job["arguments"]
            )
        except Exception:  # noqa: BLE001 - told to the parent, which raises
            answer |= {"ok": False, "error": traceback.format_exc(limit=-5)}
    return answer | {"seconds": time.perf_counter() - begun}


if __name__ == "__main__":
    outcome = run(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
    Path(sys.argv[2]).write_text(json.dumps(outcome), encoding="utf-8")
