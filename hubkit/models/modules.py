"""Which modules a model of transformers has: built from its config.json on the meta device, in a process of its own. No weights, no remote code."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from hubkit.child_process import clean_environment, run_apart

RUNNER = Path(__file__).with_name("modules_runner.py")
TIMEOUT = 180.0
"""Seconds; most of it is the import of torch and transformers."""


@dataclass(frozen=True, slots=True)
class Modules:
    """The module paths of every class that a model of this config is loaded with."""

    names: frozenset[str]
    classes: tuple[str, ...]
    version: str
    """Of transformers."""


def can_build() -> bool:
    """Whether torch and transformers are installed."""
    return find_spec("torch") is not None and find_spec("transformers") is not None


def modules_of(config: Mapping[str, Any]) -> Modules | None:
    """The module paths of a model of `config` (a whole config.json), or None where transformers cannot build it, or is not installed."""
    if not can_build():
        return None
    safe = {key: value for key, value in config.items() if key != "auto_map"}
    with tempfile.TemporaryDirectory(prefix="hubkit-modules-", ignore_cleanup_errors=True) as scratch:
        job, answer = Path(scratch) / "job.json", Path(scratch) / "answer.json"
        job.write_text(json.dumps(safe), encoding="utf-8")
        environment = clean_environment(Path(scratch), {"HF_HUB_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": ""})
        command = [sys.executable, str(RUNNER), str(job), str(answer)]
        if run_apart(command, Path(scratch), environment, TIMEOUT).timed_out:
            return None
        if not answer.is_file():
            return None
        found = json.loads(answer.read_text(encoding="utf-8"))
    return (
        Modules(frozenset(found["names"]), tuple(found["classes"]), found["version"])
        if found["classes"]
        else None
    )
