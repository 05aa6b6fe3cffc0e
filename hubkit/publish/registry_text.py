"""SAELens's registry as a file: `pretrained_saes.yaml`, one release under another, and what an entry changes in its text."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import yaml

from hubkit.errors import INSTALL_TRAIN, UsageError

NAME = "pretrained_saes.yaml"
IN_SAELENS = f"sae_lens/{NAME}"
"""Its path in SAELens's repository."""
CONTEXT = 3
"""Lines of a diff that stay as they are, before and after."""
HUNK = re.compile(r"^@@ -(\d+)(,\d+)? \+(\d+)(,\d+)? @@$")


@dataclass(frozen=True)
class Registry:
    """The registry of a version of SAELens."""

    text: str

    @cached_property
    def releases(self) -> dict[str, dict[str, Any]]:
        """Release to its entry, as SAELens reads it."""
        found: dict[str, dict[str, Any]] = yaml.load(self.text, Loader=_loader()) or {}  # noqa: S506 - safe loaders both
        return found

    def of_repository(self, repo_id: str) -> list[str]:
        """The releases that are in `repo_id`."""
        return [name for name, entry in self.releases.items() if entry.get("repo_id") == repo_id]

    def dashboards(self, but: str) -> set[str]:
        """Every `neuronpedia` of other releases than `but`: each stands once (a test of SAELens's)."""
        return {
            one["neuronpedia"]
            for name, entry in self.releases.items()
            for one in entry["saes"]
            if name != but and one.get("neuronpedia")
        }

    def with_entry(self, name: str, entry: dict[str, Any]) -> Registry:
        """The same with `entry` in the place of what is there under its name, or at the end."""
        lines, (start, stop) = self.text.splitlines(), self._place(name)
        return Registry("\n".join([*lines[:start], *_block(name, entry), *lines[stop:]]) + "\n")

    def diff(self, name: str, other: Registry) -> str:
        """What changes towards `other`, where that differs in the entry `name` alone: unified, as `git apply` takes it. Empty where nothing does.

        Only the lines around the entry are compared: the file has 43,000.
        """
        start = max(self._place(name)[0] - CONTEXT, 0)
        before, after = self.text.splitlines()[start:], other.text.splitlines()[start:]
        same = _common_end(before, after)
        kept = max(same - CONTEXT, 0)
        changes = difflib.unified_diff(
            before[: len(before) - kept], after[: len(after) - kept], f"a/{IN_SAELENS}", f"b/{IN_SAELENS}", n=CONTEXT, lineterm="",
        )  # fmt: skip
        return "".join(f"{HUNK.sub(lambda found: _moved(found, start), line)}\n" for line in changes)

    def _place(self, name: str) -> tuple[int, int]:
        """The lines of an entry, from its name to before the next one; both the end where there is none."""
        lines = self.text.splitlines()
        key = re.compile(rf"(['\"]?){re.escape(name)}\1\s*:")
        start = next((number for number, line in enumerate(lines) if key.match(line)), len(lines))
        stop = next((n for n in range(start + 1, len(lines)) if lines[n][:1].strip()), len(lines))
        return start, stop


def installed() -> Registry | None:
    """The registry of the SAELens that is installed here; None where none is. SAELens is not imported."""
    spec = find_spec("sae_lens")
    path = Path(spec.origin).with_name(NAME) if spec and spec.origin else None
    return Registry(path.read_text(encoding="utf-8")) if path and path.is_file() else None


def needed() -> Registry:
    """The same where it cannot be done without. Raises UsageError."""
    if (found := installed()) is None:
        raise UsageError(
            "the registry is SAELens's, which is not installed: there is nothing to compare with",
            hint=f"{INSTALL_TRAIN}; or --format yaml --no-check for the entry alone",
        )
    return found


def as_yaml(name: str, entry: dict[str, Any]) -> str:
    """An entry as the registry has it."""
    return "\n".join(_block(name, entry)) + "\n"


def _block(name: str, entry: dict[str, Any]) -> list[str]:
    text = yaml.safe_dump(
        {name: entry}, sort_keys=False, allow_unicode=True, width=2**20, default_flow_style=False
    )
    return text.splitlines()


def _loader() -> Any:
    """libyaml's where PyYAML was built with it: five times as fast."""
    return getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _common_end(one: list[str], other: list[str]) -> int:
    pairs = zip(reversed(one), reversed(other), strict=False)
    return next((n for n, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))


def _moved(found: re.Match[str], lines: int) -> str:
    old, new = int(found[1]) + lines, int(found[3]) + lines
    return f"@@ -{old}{found[2] or ''} +{new}{found[4] or ''} @@"
