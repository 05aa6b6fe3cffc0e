"""A card's own Python code, run as printed: in a subprocess with limits of time and memory, against a Hub.

The blocks of one card run in order in one namespace, as a reader would paste them. One process per card: importing SAELens takes seconds.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from hubkit.cards import snippet_names
from hubkit.cards.libraries import LIBRARIES
from hubkit.cards.settings import stated_name
from hubkit.cards.snippet_process import environment
from hubkit.child_process import most_memory, run_module
from hubkit.readme.document import CodeBlock, parse_readme
from hubkit.release.layout import CFG, WEIGHTS
from hubkit.repo.local import open_folder
from hubkit.words import many

TIMEOUT = 300.0
"""Seconds for the whole card."""
NAMED = ("sae-lens", "torch", "transformers")
"""Packages whose version the card states."""
CHECK = "hubkit.cards.snippet_check:against_definition"


@dataclass(frozen=True)
class NotRun:
    """A statement that was left out."""

    line: int
    """In the card."""
    reason: str


@dataclass(frozen=True)
class SnippetRun:
    """What came of a card's code."""

    blocks: int
    ok: bool
    """Nothing failed. What was left out has not run: see `not_run`."""
    failed_line: int | None
    """Line in the card that failed; None where nothing did, or where it was the check after the code."""
    error: str
    """The end of the traceback."""
    output: str
    """The last of what the code printed."""
    seconds: float
    checked: dict[str, Any]
    """What the check after the code found."""
    reason: str = ""
    """Why it failed, in a line: `KeyError: 'resid'`."""
    not_run: tuple[NotRun, ...] = ()
    versions: Mapping[str, str] | None = None
    """Of the packages that the code imported."""

    @property
    def complete(self) -> bool:
        """Everything ran, and nothing failed."""
        return self.ok and not self.not_run


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
    absent: Mapping[str, str] | None = None,
) -> SnippetRun:
    """Run every Python block of `card`. With `endpoint`, against that Hub, with a cache of its own and no token.

    `check` is `module:function`, called after the blocks in the same process with the blocks' namespace and `arguments`; what it returns is in
    `checked`. `absent` has what cannot be had there, by name, with the reason: statements that need it, or what they would have made, are left out
    and told in `not_run`. Code that does not end within `timeout` seconds, or takes four fifths of the memory, has failed.
    """
    blocks = python_blocks(card)
    job = {
        "card": card,
        "blocks": [{"text": block.text, "line": block.line} for block in blocks],
        "check": check,
        "arguments": arguments or {},
        "absent": dict(absent or {}),
        "memory": most_memory(),
    }
    with tempfile.TemporaryDirectory(prefix="hubkit-snippet-", ignore_cleanup_errors=True) as scratch:
        job_file, answer_file = Path(scratch) / "job.json", Path(scratch) / "answer.json"
        job_file.write_text(json.dumps(job), encoding="utf-8")
        ended = run_module(
            "hubkit.cards.snippet_runner",
            [str(job_file), str(answer_file)],
            Path(scratch),
            environment(Path(scratch), endpoint),
            timeout,
        )
        if ended.timed_out or not answer_file.is_file():
            reason = (
                f"it did not end within {timeout:.0f} s"
                if ended.timed_out
                else f"its process ended with {ended.code} and gave no answer"
            )
            return SnippetRun(len(blocks), False, None, ended.errors, ended.output, timeout, {}, reason)
        answer = json.loads(answer_file.read_text(encoding="utf-8"))
    answer["not_run"] = tuple(NotRun(**one) for one in answer["not_run"])
    return SnippetRun(blocks=len(blocks), output=ended.output, **answer)


@dataclass(frozen=True)
class SnippetOutcome:
    """What a card may say of its own code."""

    run: SnippetRun | None
    """None where it was not run at all."""
    why_not: str = ""

    @property
    def ok(self) -> bool:
        """Nothing failed; also where it was not run."""
        return self.run is None or self.run.ok

    @property
    def _held(self) -> str:
        """How many SAEs SAELens loaded as the card does, and how many of those could be held against their files' definition; all of them agreed."""
        checked = self.run.checked if self.run else {}
        loaded, compared = checked.get("loaded"), checked.get("compared", checked.get("loaded"))
        if not loaded:
            return ""
        if compared == loaded:
            return f"; {loaded} of {loaded} SAEs load so and give what their files define"
        return f"; {loaded} of {loaded} SAEs load so, and {compared} of them give what their files define; the others have no definition to compare with"

    @property
    def sentence(self) -> str:
        """For the card. The same code, files and packages give the same words."""
        if self.run is None:
            return f"Not run: {self.why_not}."
        if not self.run.ok:
            return f"Fails: {self.run.reason}."
        versions = self.run.versions or {}
        packages = [f"{name} {versions[name].partition('+')[0]}" for name in NAMED if name in versions]
        ran = "Ran" if self.run.not_run else "Ran as printed"
        ran += f" with {', '.join(packages)}" if packages else ""
        held = self._held
        if not self.run.not_run:
            return f"{ran}{held}."
        count, reasons = len(self.run.not_run), "; ".join(sorted({one.reason for one in self.run.not_run}))
        return f"{ran}, but for {many(count, 'statement')} ({reasons}){held}."


def missing_packages(card: str = "") -> list[str]:
    """What a card's code needs and this installation lacks."""
    code = "\n".join(block.text for block in python_blocks(card))
    others = [name for name in LIBRARIES if re.search(rf"^from {name}\b", code, re.MULTILINE)]
    return [name for name in ("torch", "sae_lens", "transformers", *others) if find_spec(name) is None]


def run_card(
    card: str, release: Path, *, base_model: Path | None = None, timeout: float = TIMEOUT
) -> SnippetOutcome:
    """Run a card's code against a throw-away local Hub that holds `release` under the name that the code uses, then hold every SAE of the release
    that SAELens loads from there against its definition.

    The base model is on that Hub where `base_model` is its folder, or where the user's Hub cache has it; else what needs it is not run.
    """
    if not python_blocks(card):
        return SnippetOutcome(None, "the card has no Python code")
    if lacking := missing_packages(card):
        return SnippetOutcome(None, f"{', '.join(lacking)} not installed where the card was built")
    with _hub_for(card, release, base_model) as (endpoint, own, absent):
        ids = _loadable(release) if own else []
        arguments = {"repo_id": own, "folder": str(release.resolve()), "sae_ids": ids}
        run = run_snippets(
            card,
            endpoint=endpoint,
            check=CHECK if ids else None,
            arguments=arguments,
            timeout=timeout,
            absent=absent,
        )
    return SnippetOutcome(run)


@contextmanager
def _hub_for(
    card: str, release: Path, base_model: Path | None
) -> Iterator[tuple[str, str | None, dict[str, str]]]:
    """The Hub's address, the name of the release there, and what the code asks for that is not there."""
    from hubkit.localhub.seeding import seed
    from hubkit.localhub.server import serving

    asked = snippet_names.asked_by_all((block.text, block.line) for block in python_blocks(card))
    own, others = _sort(asked, card, release)
    absent: dict[str, str] = {}
    with tempfile.TemporaryDirectory(prefix="hubkit-hub-", ignore_cleanup_errors=True) as scratch:
        hub = Path(scratch)
        for name in own:
            seed(hub, name, {entry.path: release / entry.path for entry in open_folder(release).list()})
        for one in sorted(others, key=lambda one: one.name):
            source = _model_folder(one.name, base_model) if one.kind == "model" else None
            if source is None or one.name.count("/") != 1:
                what = (
                    "base model" if one.kind == "model" else "repository" if one.kind == "SAEs" else one.kind
                )
                absent[one.name] = f"{what} {one.name} not here"
            else:
                seed(hub, one.name, {entry.path: source / entry.path for entry in open_folder(source).list()})
        with serving(hub) as running:
            yield running.endpoint, min(own, default=None), absent


def _sort(
    asked: set[snippet_names.Asked], card: str, release: Path
) -> tuple[set[str], set[snippet_names.Asked]]:
    """The names under which the code looks for this release, and everything else that it asks for.

    With a card.yaml there is one such name; without one it is every repository that the code takes SAEs from.
    """
    base = (parse_readme(card).front_matter or {}).get("base_model")
    models = {base} if isinstance(base, str) else set(base) if isinstance(base, list) else set()
    stated = stated_name(release)
    own = {
        one.name
        for one in asked
        if one.kind == "SAEs"
        and snippet_names.REPO.fullmatch(one.name)
        and one.name not in models
        and stated in (None, one.name)
    }
    return own, {one for one in asked if one.name not in own and not Path(one.name).exists()}


def _model_folder(name: str, base_model: Path | None) -> Path | None:
    """Where the files of a model are on this machine: the folder that was given, or the snapshot in the Hub cache."""
    if base_model is not None and (base_model / "config.json").is_file():
        return base_model
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        found = try_to_load_from_cache(name, "config.json")
    except HFValidationError:
        return None
    return Path(found).parent if isinstance(found, str) else None


def _loadable(release: Path) -> list[str]:
    """The ids of the SAEs with a SAELens configuration beside SAELens weights."""
    entries = open_folder(release).list()
    weights = {entry.folder for entry in entries if entry.name == WEIGHTS}
    return [entry.folder for entry in entries if entry.name == CFG and entry.folder in weights]
