"""Plan the fixes of a folder, prove each on a copy in memory, then replace the file in one step."""

from __future__ import annotations

import difflib
import json
from dataclasses import dataclass
from pathlib import Path

from hubkit.fix.edits import EDITS
from hubkit.release.writing import write_text
from hubkit.repo.local import LocalView
from hubkit.repo.overlay import OverlayView
from hubkit.validate.facts import SaeFacts, gather
from hubkit.validate.finding import Severity
from hubkit.validate.rule import Need
from hubkit.validate.run import validate

NEEDS = Need.TREE | Need.CFG | Need.HEADER


@dataclass(frozen=True)
class Fix:
    """One configuration to be rewritten."""

    path: str
    codes: tuple[str, ...]
    """The findings that it mends."""
    before: str
    after: str

    def diff(self) -> str:
        """As `diff -u` shows it; the old file is shown in the new one's layout, so that only what changes stands out."""
        old = _layout(json.loads(self.before)).splitlines(keepends=True)
        return "".join(
            difflib.unified_diff(
                old, self.after.splitlines(keepends=True), f"a/{self.path}", f"b/{self.path}"
            )
        )


@dataclass(frozen=True)
class Refused:
    """A fix that could not be proven: it is not made."""

    path: str
    codes: tuple[str, ...]
    reason: str


def plan_fixes(view: LocalView, select: tuple[str, ...] = ()) -> tuple[list[Fix], list[Refused]]:
    """The safe fixes that help here, each proven: its findings are gone, and no other error came."""
    fixes: list[Fix] = []
    refused: list[Refused] = []
    for sae in gather(view, NEEDS).saes:
        fix = _fix(sae, select)
        if fix is None:
            continue
        reason = _unproven(view, fix)
        if reason:
            refused.append(Refused(fix.path, fix.codes, reason))
        else:
            fixes.append(fix)
    return fixes, refused


def apply_fix(view: LocalView, fix: Fix) -> None:
    """Replace one configuration in one step: killed at any moment, the old or the new file is there, whole."""
    write_text(view.root / Path(fix.path), fix.after)


def _fix(sae: SaeFacts, select: tuple[str, ...]) -> Fix | None:
    if not sae.is_saelens or sae.document is None or sae.cfg_path is None:
        return None
    keys = {code: edit(sae) for code, edit in EDITS.items() if not select or code.startswith(select)}
    codes = tuple(code for code, edit in keys.items() if edit)
    if not codes:
        return None
    cfg = dict(sae.raw)
    for code in codes:
        cfg |= keys[code]
    return Fix(sae.cfg_path, codes, sae.cfg_text, _layout(cfg))


def _layout(cfg: dict[str, object]) -> str:
    """Indented, in the file's own order."""
    return json.dumps(cfg, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _unproven(view: LocalView, fix: Fix) -> str | None:
    """Why the fix would not help, or None."""
    fixed = validate(OverlayView(name=view.name, under=view, replaced={fix.path: fix.after.encode()}))
    folder = str(Path(fix.path).parent.as_posix())
    here = [finding for finding in fixed.findings if finding.sae_id == folder]
    left = [finding.code for finding in here if finding.code in fix.codes]
    before = {finding.fingerprint for finding in validate(view).findings}
    new = [
        finding.code
        for finding in here
        if finding.severity is Severity.ERROR and finding.fingerprint not in before
    ]
    if left:
        return f"{', '.join(left)} would still be there"
    return f"{', '.join(new)} would appear" if new else None
