"""One case carried out, and whether hubkit and SAELens agree about it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from oracle.ways import Outcome, outcomes

from hubkit.repo.local import open_folder
from hubkit.validate.need import Need
from hubkit.validate.rule import REGISTRY
from hubkit.validate.run import validate

if TYPE_CHECKING:
    from oracle.case import Case, Draft
    from oracle.saes import Meant

JUDGED = ("CFG", "WTS", "THR", "RUN")
"""The rules about loading and computing; what a card or a release says is not the oracle's business."""
SILENT_ABOUT = {"note"}


@dataclass(frozen=True)
class Result:
    """What SAELens did on the three ways, and what hubkit says."""

    case: Case
    ways: tuple[Outcome, ...]
    found: tuple[str, ...]
    """`error CFG008`, sorted; notes too."""

    @property
    def alarms(self) -> tuple[str, ...]:
        """Errors and warnings."""
        return tuple(entry for entry in self.found if entry.split()[0] not in SILENT_ABOUT)

    @property
    def sound(self) -> bool:
        """Whether load_from_disk loads it, computes what was meant, and keeps hook_name and model_name."""
        return self.ways[1].verdict == "=" and not self.ways[1].lost

    def measured(self) -> tuple[str, str]:
        """In the case's own notation: the ways, and those that lose the metadata."""
        lost = "".join(name for name, way in zip("ABC", self.ways, strict=True) if way.lost)
        return "".join(way.verdict for way in self.ways), lost

    def missing(self) -> list[str]:
        """What was expected of hubkit and it does not say."""
        return [wanted for wanted in filter(None, self.case.expect.split(", ")) if not self._says(wanted)]

    def unexpected(self) -> list[str]:
        """What hubkit says although nothing was expected."""
        return [] if self.case.expect else list(self.alarms)

    def _says(self, wanted: str) -> bool:
        severity, codes = wanted.split()
        return any(f"{severity} {code}" in self.found for code in codes.split("|"))


@cache
def run(case: Case) -> Result:
    """Write the case's folder, load it three ways, validate it."""
    draft = case.draft()
    return Result(case, *judge(draft, case.author_meant(draft)))


def judge(draft: Draft, meant: Meant) -> tuple[tuple[Outcome, ...], tuple[str, ...]]:
    """What the three ways of loading give, and what hubkit finds, as in `error CFG008`."""
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        root = Path(folder)
        draft.write(root)
        ways = outcomes(root, draft.sae_id, meant)
        report = validate(open_folder(root), deep=True)
    found = {f"{f.severity.word} {f.code}" for f in report.findings if f.code.startswith(JUDGED)}
    return ways, tuple(sorted(found))


def deep_only(code: str) -> bool:
    """Whether only `validate --deep` asks this rule."""
    return code in REGISTRY and Need.WEIGHTS in REGISTRY[code].needs


def unwritten(case: Case) -> list[str]:
    """Expectations none of whose codes is in the catalogue of this checkout."""
    wanted = [entry.split()[1].split("|") for entry in filter(None, case.expect.split(", "))]
    return [" or ".join(codes) for codes in wanted if not REGISTRY.keys() & set(codes)]
