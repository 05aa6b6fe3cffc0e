"""What a fix must show before it is made: its finding is gone, nothing new is wrong, and the SAE computes the same bits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from hubkit.errors import IncompleteError
from hubkit.fix.equivalence import differing, keys_that_count, loads, other_bits, same_outputs, same_tensors
from hubkit.validate.facts import SaeFacts
from hubkit.validate.finding import Severity
from hubkit.validate.gather import gather
from hubkit.validate.need import Need
from hubkit.validate.rule import holding
from hubkit.validate.rules.card_code import MOVED_KEY

if TYPE_CHECKING:
    from hubkit.repo.view import RepoView
    from hubkit.validate.finding import Finding

NEEDS = Need.TREE | Need.CFG | Need.HEADER | Need.THRESHOLD
TO_BE_REBUILT = {"CARD003", "CARD010", "CARD013", "REL004"}
"""Beside the rules that hold the card against the files: what the card leaves out, and the records of digests: a change of a file can make them untrue, and `hubkit build-cards` writes them again.
CARD003 is of an SAE that becomes SAELens's: the same run writes it into the front matter (`run.brought`)."""
REVEALED = ("THR",)
"""Findings about the thresholds' own values. Where no tensor changed they were true before, hidden by a configuration that could not be read."""
WEIGHT_ENDINGS = {".safetensors", ".pt", ".pth", ".npz", ".bin"}


def unproven(
    old: Collection[Finding], new: Collection[Finding], code: str, changed: Iterable[str]
) -> str | None:
    """Why the change of the files `changed` is not made, or None when the validator, which found `old` before it and `new` after it, is content with it."""
    if _count(new, code) and _count(new, code) >= _count(old, code):
        return f"{code} would still be there"
    came = worse(old, new, weights_changed=any(_is_weights(path) for path in changed))
    return f"{', '.join(came)} would appear" if came else None


def worse(old: Iterable[Finding], new: Iterable[Finding], *, weights_changed: bool) -> list[str]:
    """The codes of which there are more errors or warnings than before."""
    had, has = _serious(old), _serious(new)
    came = {code for code, count in has.items() if count > had[code]} - TO_BE_REBUILT - holding("files")
    return sorted(code for code in came if weights_changed or not code.startswith(REVEALED))


def computes_otherwise(before: RepoView, after: RepoView, changed: Iterable[str] = ()) -> str | None:
    """Why the one SAE in `before` would not be the same function in `after`, or None.

    What could not be loaded before computed nothing; where its weights change, every tensor that keeps its values must keep its bits.
    """
    olds, news = gather(before, NEEDS).saes, gather(after, NEEDS).saes
    if len(olds) != 1 or len(news) != 1:
        return None
    old, new = olds[0], news[0]
    try:
        if not loads(old):
            touched = any(_is_weights(path) for path in changed)
            return other_bits(before, old, after, new) if touched else None
        if not loads(new):
            return "it could be loaded before, and not any more"
        return _otherwise(before, old, after, new)
    except IncompleteError as error:
        return f"its tensors cannot be read: {error.message}"


def _otherwise(before: RepoView, old: SaeFacts, after: RepoView, new: SaeFacts) -> str | None:
    keys = differing(keys_that_count(old), keys_that_count(new))
    if not keys:
        return (
            None if same_tensors(before, old, after, new) else "the tensors would be loaded as other numbers"
        )
    if keys != ["architecture"]:
        return f"{', '.join(keys)} would change what it computes"
    same = same_outputs(before, old, after, new)
    if same is None:
        return f"no proof that {old.architecture} and {new.architecture} compute the same"
    return None if same else "the outputs would be other bits"


def _count(findings: Iterable[Finding], code: str) -> int:
    return sum(finding.code == code for finding in findings)


def _serious(findings: Iterable[Finding]) -> Counter[str]:
    # Code of the card that reads a key which moves: the plan names the line and what to write there (`card_reads`).
    serious = (one for one in findings if one.severity >= Severity.WARNING and MOVED_KEY not in one.measured)
    return Counter(one.code for one in serious)


def _is_weights(path: str) -> bool:
    return PurePosixPath(path).suffix in WEIGHT_ENDINGS
