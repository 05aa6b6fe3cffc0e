"""Which rules are asked, and which of their findings are set aside, for a reason that every report shows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from hubkit.errors import UsageError
from hubkit.validate.rule import REGISTRY, Rule

if TYPE_CHECKING:
    from hubkit.validate.finding import Finding, Severity

ON_THE_COMMAND_LINE = "--ignore"


@dataclass(frozen=True)
class Ignore:
    """Findings that somebody decided to live with."""

    code: str
    """A code or a prefix."""
    reason: str
    path: str = ""
    """Only below paths that match this glob; `*` also matches `/`."""
    sae_id: str = ""
    """Only for SAEs whose id matches this glob."""

    @property
    def everywhere(self) -> bool:
        """Whether it silences whole rules."""
        return not self.path and not self.sae_id

    def covers(self, finding: Finding, seen: Iterable[str] = ("",)) -> bool:
        """Whether it sets this finding aside; `seen` are the folders, by `/`-ended prefixes, from which the globs may be meant."""
        if not finding.code.startswith(self.code):
            return False
        place, sae_id = finding.path or finding.sae_id or ".", finding.sae_id or "."
        return any(
            (not self.path or fnmatchcase(prefix + place, self.path))
            and (not self.sae_id or fnmatchcase(prefix + sae_id, self.sae_id))
            for prefix in seen
        )


@dataclass(frozen=True)
class Config:
    """A configuration that was read; the empty one where there is none."""

    path: Path | None = None
    select: tuple[str, ...] = ()
    ignore: tuple[Ignore, ...] = ()
    severity: dict[str, Severity] = field(default_factory=dict)
    fail_on: Severity | None = None
    baseline: Path | None = None
    """Absolute, or relative to the working directory: the file's own folder is already joined."""
    notes: bool = False


@dataclass(frozen=True)
class Selection:
    """Codes and prefixes: `THR`, `CFG004`. Nothing selected means everything."""

    select: tuple[str, ...] = ()
    ignore: tuple[str | Ignore, ...] = ()
    """A bare code is one that was given on the command line."""
    severity: Mapping[str, Severity] = field(default_factory=dict)
    """Severities by code or prefix, instead of the rules' own; the longest prefix wins."""
    seen: tuple[str, ...] = ("",)
    """From where the globs of ignores may be meant: the target itself, and further folders above it, each as the prefix of a path."""

    def below(self, folder: str) -> Selection:
        """The same, for a release in `folder`: a glob counts as seen from the target."""
        return replace(
            self,
            seen=tuple(
                dict.fromkeys(
                    [f"{one}{folder}/" for one in self.seen]
                    + [
                        "",
                    ]
                )
            ),
        )

    @property
    def ignores(self) -> tuple[Ignore, ...]:
        """Every ignore with its reason."""
        return tuple(
            one if isinstance(one, Ignore) else Ignore(one, ON_THE_COMMAND_LINE) for one in self.ignore
        )

    def rules(self, more: Iterable[Rule] = ()) -> list[Rule]:
        """The rules to ask, by code, `more` among them. Raises UsageError for a code or prefix that no rule has."""
        check_codes((*self.select, *(one.code for one in self.ignores), *self.severity))
        return [rule for rule in self._chosen(more) if not rule.code.startswith(self._silenced())]

    def silenced_rules(self) -> list[Rule]:
        """Selected rules all of whose findings are set aside: they are asked, to count, where that costs no further read."""
        return [rule for rule in self._chosen() if rule.code.startswith(self._silenced())]

    def severity_of(self, code: str, given: Severity) -> Severity:
        """What counts for a finding that has `given` by itself."""
        prefixes = [prefix for prefix in self.severity if code.startswith(prefix)]
        return self.severity[max(prefixes, key=len)] if prefixes else given

    def _chosen(self, more: Iterable[Rule] = ()) -> list[Rule]:
        known = sorted((*REGISTRY.values(), *more), key=lambda rule: rule.code)
        return [rule for rule in known if not self.select or rule.code.startswith(self.select)]

    def _silenced(self) -> tuple[str, ...]:
        return tuple(one.code for one in self.ignores if one.everywhere)


def check_codes(codes: tuple[str, ...], where: str = "") -> None:
    """Raise UsageError for a code or prefix that no rule has."""
    from hubkit.validate import rules as _rules  # noqa: F401 - importing them registers them

    for code in codes:
        if not code or not any(known.startswith(code) for known in REGISTRY):
            raise UsageError(f"{where}{code!r} is no rule and no prefix of one", hint="hubkit rules")
