"""What SAELens has, and from which release until which, as shipped data: nothing of it is imported. benchmarks/saelens_api.py writes the table."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from packaging.specifiers import InvalidSpecifier, SpecifierSet

TABLE = Path(__file__).with_name("saelens_api.json")
PIN = re.compile(
    r"\bsae[-_]lens\b(?:\[\w{1,30}\])?\s?((?:(?:==|~=|>=|<=|!=|<|>) ?\d{1,3}(?:\.(?:\d{1,3}|\*)){0,3}(?:, ?)?){1,4})",
    re.IGNORECASE,
)
METADATA = (
    "hook_name", "hook_layer", "hook_head_index", "model_name", "context_size", "prepend_bos", "dataset_path", "neuronpedia_id", "seqpos_slice",
    "model_from_pretrained_kwargs", "sae_lens_training_version",
)  # fmt: skip
"""What moved from `sae.cfg` to `sae.cfg.metadata` in 6.0.0, whose attributes are those of the file: any name is there, None where it is not."""

Spans = list[list[Any]]
"""[first release, last release, value], by their positions in `releases()`."""


@dataclass(frozen=True)
class Release:
    """One release of SAELens."""

    version: str
    at: int
    """Its position among the releases of the table."""

    @cached_property
    def exports(self) -> frozenset[str]:
        """Names that can be imported from `sae_lens`."""
        return self._names("exports")

    @cached_property
    def classes(self) -> frozenset[str]:
        """SAE and its subclasses."""
        return frozenset(name for name, members in _table()["classes"].items() if _held(members[""], self.at))

    @cached_property
    def instance(self) -> frozenset[str]:
        """What an SAE of some architecture has."""
        own = {
            name
            for members in _table()["classes"].values()
            for name, spans in members.items()
            if _held(spans, self.at)
        }
        return frozenset(own).union(_table()["inherited"])

    @cached_property
    def registry(self) -> Mapping[str, str]:
        """Architecture to class; empty before 6.0.0, which had one class for all."""
        return {
            name: span[2] for name, spans in _table()["registry"].items() if (span := _held(spans, self.at))
        }

    @cached_property
    def tuples(self) -> frozenset[str]:
        """Class methods of SAE that return the SAE, its configuration and the sparsity as a tuple."""
        return self._names("tuples") & {"from_pretrained", "from_pretrained_with_cfg_and_sparsity"}

    def function(self, name: str) -> list[str] | None:
        """The parameters of an exported function."""
        span = _held(_table()["functions"].get(name, ()), self.at)
        return span[2] if span else None

    def member(self, owner: str, name: str) -> tuple[bool, list[str] | None]:
        """Whether class `owner` has a member, and its parameters where they are known."""
        for one in (owner, "SAE"):
            if span := _held(_table()["classes"][one].get(name, ()), self.at):
                return True, span[2]
        return name in _table()["inherited"], None

    def config(self, owner: str | None) -> frozenset[str]:
        """What `cfg` of an SAE of this class has; of any class for None."""
        configs = _table()["configs"]
        return frozenset(
            name for one in (configs if owner is None else (owner,)) for name, spans in configs.get(one, {}).items() if _held(spans, self.at)
        )  # fmt: skip

    def module(self, module: str, name: str = "") -> bool:
        """Whether `module` is there and has `name`."""
        modules = _table()["modules"]
        spans = (modules.get(module, {}).get(name, ()), modules.get(f"{module}.{name}", {}).get("", ()))
        return any(_held(one, self.at) for one in spans)

    def lasted(self, *place: str) -> str:
        """` (until 5.10.7)`, ` (since 6.30.0)`: when there was what is not there now; nothing where it never was."""
        spans: Any = _table()
        for key in place:
            spans = spans.get(key, {}) if isinstance(spans, dict) else {}
        if not spans or _held(spans, self.at):
            return ""
        before = [span[1] for span in spans if span[1] < self.at]
        return f" (until {releases()[before[-1]]})" if before else f" (since {releases()[spans[0][0]]})"

    def where(self, name: str) -> str | None:
        """The module that defines `name` now, for what has moved."""
        found = [
            module for module, names in _table()["modules"].items() if _held(names.get(name, ()), self.at)
        ]
        return "sae_lens" if name in self.exports else max(found, key=len, default=None)

    def _names(self, part: str) -> frozenset[str]:
        return frozenset(name for name, spans in _table()[part].items() if _held(spans, self.at))


def _held(spans: Spans, at: int) -> list[Any] | None:
    """The span that covers a release."""
    return next((span for span in spans if span[0] <= at <= span[1]), None)


@cache
def _table() -> dict[str, Any]:
    table: dict[str, Any] = json.loads(TABLE.read_text(encoding="utf-8"))
    return table


def releases() -> tuple[str, ...]:
    """The releases in the table, oldest first."""
    return tuple(_table()["releases"])


@cache
def _release(at: int) -> Release:
    return Release(releases()[at], at)


def newest() -> Release:
    """What a reader installs who follows no pin."""
    return _release(len(releases()) - 1)


def release_for(text: str) -> Release | None:
    """The release that a card is for: of those it asks for (`sae-lens==6.18.0`, `sae-lens<6`) the newest, else the newest of all.

    A single release that is not in the table is that before it in the table. None for one before the table, or in another major version
    than the release before it; and for a card that asks for two.
    """
    asked = {match.group(1).strip(" ,") for match in PIN.finditer(text)}
    if len(asked) > 1:
        return None
    if not asked:
        return newest()
    try:
        wanted = SpecifierSet(asked.pop())
    except InvalidSpecifier:
        return None
    exact = next((one.version for one in wanted if one.operator == "==" and "*" not in one.version), None)
    if exact is not None:
        return _before(exact)
    fitting = [at for at, version in enumerate(releases()) if version in wanted]
    return _release(fitting[-1]) if fitting else None


def _before(version: str) -> Release | None:
    wanted = tuple(int(part) for part in version.split("."))
    known = [
        at
        for at, one in enumerate(releases())
        if tuple(int(part) for part in one.split("."))[: len(wanted)] <= wanted
    ]
    if not known or int(releases()[known[-1]].split(".")[0]) != wanted[0]:
        return None
    return _release(known[-1])
