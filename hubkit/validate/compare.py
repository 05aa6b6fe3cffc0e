"""Two repositories side by side: which SAEs came, went and changed, and in what."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from hubkit.engine.events import Event, Progress, silent
from hubkit.formats.strict_json import escape
from hubkit.release.layout import EVALUATION, EVIDENCE, PROVENANCE, README, ROOT_CONFIG
from hubkit.repo.local import LocalView
from hubkit.validate.facts import RepoFacts, SaeFacts
from hubkit.validate.gather import gather
from hubkit.validate.need import Need

if TYPE_CHECKING:
    from hubkit.repo.view import Entry, RepoView
    from hubkit.tensors.header import TensorInfo

NEEDS = Need.TREE | Need.CFG | Need.HEADER | Need.THRESHOLD
ROOT_FILES = (README, EVALUATION, EVIDENCE, PROVENANCE, ROOT_CONFIG)
ABSENT = "(absent)"


@dataclass(frozen=True)
class Difference:
    """One thing that is not the same: `old` or `new` is ABSENT where only one side has it."""

    pointer: str
    """JSON pointer in the configuration, `/tensor` in the weights, or what was compared: `weights`, `threshold/mean`."""
    old: Any
    new: Any


@dataclass(frozen=True)
class Changed:
    """One SAE that both sides have."""

    sae_id: str
    cfg: tuple[Difference, ...] = ()
    tensors: tuple[Difference, ...] = ()
    threshold: tuple[Difference, ...] = ()
    """Mean and share of zeros."""
    weights: tuple[Difference, ...] = ()
    """Path, size in bytes, or sha256 of the file."""

    @property
    def parts(self) -> dict[str, tuple[Difference, ...]]:
        """What differs, by part; empty parts left out."""
        every = {
            "cfg": self.cfg,
            "tensors": self.tensors,
            "threshold": self.threshold,
            "weights": self.weights,
        }
        return {name: found for name, found in every.items() if found}


@dataclass(frozen=True)
class Comparison:
    """All that differs between `a` and `b`."""

    a: str
    b: str
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[Changed, ...] = ()
    files: tuple[str, ...] = ()
    """Files at the root that came, went or changed."""
    same: int = 0
    """SAEs in which nothing differs that was looked at."""
    unread: tuple[str, ...] = field(default=())
    """What could not be read on one side, and why."""
    by_content: bool = True
    """Whether every pair of weights was compared by its bytes or its digest; else some only by size, header and thresholds."""

    @property
    def equal(self) -> bool:
        """Whether nothing differs."""
        return not (self.added or self.removed or self.changed or self.files)

    def to_json(self) -> dict[str, Any]:
        """For `--format json`."""
        return {
            "schema_version": "1",
            "a": self.a,
            "b": self.b,
            "equal": self.equal,
            "by_content": self.by_content,
            "added": list(self.added),
            "removed": list(self.removed),
            "changed": [
                {"sae_id": one.sae_id}
                | {
                    name: [{"pointer": d.pointer, "old": d.old, "new": d.new} for d in found]
                    for name, found in one.parts.items()
                }
                for one in self.changed
            ],
            "files": list(self.files),
            "same": self.same,
            "unread": list(self.unread),
        }


def compare(a: RepoView, b: RepoView, *, deep: bool = False, report: Progress = silent) -> Comparison:
    """What differs between two repositories; `deep` reads local weights of equal size whole and compares their sha256.

    Raises HubkitError when one of them cannot be listed.
    """
    facts_a, facts_b = gather(a, NEEDS), gather(b, NEEDS)
    old, new = ({sae.sae_id: sae for sae in facts.saes} for facts in (facts_a, facts_b))
    both = sorted(old.keys() & new.keys())
    changed: list[Changed] = []
    by_content = True
    for done, sae_id in enumerate(both, 1):
        report(Event("diff", done, len(both), sae_id))
        weights, known = _weights(a, old[sae_id], b, new[sae_id], deep=deep)
        by_content = by_content and known
        one = _changed(old[sae_id], new[sae_id], weights)
        if one.parts:
            changed.append(one)
    return Comparison(
        a=_named(a), b=_named(b),
        added=tuple(sorted(new.keys() - old.keys())), removed=tuple(sorted(old.keys() - new.keys())),
        changed=tuple(changed), files=tuple(_root_files(a, b)), same=len(both) - len(changed),
        unread=tuple(sorted({*_unread(facts_a), *_unread(facts_b)})), by_content=by_content,
    )  # fmt: skip


def _changed(old: SaeFacts, new: SaeFacts, weights: tuple[Difference, ...]) -> Changed:
    tensors = [
        Difference(f"/{escape(name)}", before, after)
        for name, before, after in _tensor_pairs(
            old.header.tensors if old.header else {}, new.header.tensors if new.header else {}
        )
    ]
    return Changed(
        sae_id=old.sae_id,
        cfg=tuple(_cfg(old, new)),
        tensors=tuple(tensors) if old.header and new.header else (),
        threshold=tuple(_threshold(old, new)),
        weights=weights,
    )


def _cfg(old: SaeFacts, new: SaeFacts) -> Iterator[Difference]:
    if old.document and new.document:
        yield from value_changes("", old.raw, new.raw)
    elif old.cfg_text != new.cfg_text or bool(old.cfg_path) != bool(new.cfg_path):
        yield Difference("", _state(old), _state(new))


def _state(sae: SaeFacts) -> str:
    if sae.cfg_path is None:
        return ABSENT
    return "an object" if sae.document else sae.cfg_fault.message if sae.cfg_fault else "not readable"


def value_changes(pointer: str, old: Any, new: Any) -> Iterator[Difference]:
    """Where two JSON values differ, at the deepest objects that both have. `1`, `1.0` and `true` are three values."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in [*old, *(key for key in new if key not in old)]:
            inner = f"{pointer}/{escape(key)}"
            if key not in new:
                yield Difference(inner, old[key], ABSENT)
            elif key not in old:
                yield Difference(inner, ABSENT, new[key])
            else:
                yield from value_changes(inner, old[key], new[key])
    elif type(old) is not type(new) or old != new:
        yield Difference(pointer, old, new)


def tensor_changes(old: Mapping[str, TensorInfo], new: Mapping[str, TensorInfo]) -> list[str]:
    """A line for every tensor that came (`+`), went (`-`) or has another dtype or shape (`~`)."""
    lines = []
    for name, before, after in _tensor_pairs(old, new):
        mark = "+" if before == ABSENT else "-" if after == ABSENT else "~"
        shown = after if before == ABSENT else before if after == ABSENT else f"{before} -> {after}"
        lines.append(f"{mark} {name} {shown}")
    return lines


def _tensor_pairs(
    old: Mapping[str, TensorInfo], new: Mapping[str, TensorInfo]
) -> Iterator[tuple[str, str, str]]:
    for name in [*old, *(name for name in new if name not in old)]:
        before, after = _described(old.get(name)), _described(new.get(name))
        if before != after:
            yield name, before, after


def _described(info: TensorInfo | None) -> str:
    return f"{info.dtype} {list(info.shape)}" if info else ABSENT


def _threshold(old: SaeFacts, new: SaeFacts) -> Iterator[Difference]:
    before, after = _statistics(old), _statistics(new)
    for name in ("mean", "zero_share"):
        if before.get(name) != after.get(name):
            yield Difference(f"threshold/{name}", before.get(name, ABSENT), after.get(name, ABSENT))


def _statistics(sae: SaeFacts) -> dict[str, float | str]:
    """NaN and infinity as words: JSON has none, and NaN would differ from itself."""
    values = sae.thresholds
    if values is None or not values.size:
        return {}
    with np.errstate(all="ignore"):
        mean = float(values.mean())
    return {"mean": mean if np.isfinite(mean) else str(mean), "zero_share": float((values == 0).mean())}


def _weights(
    a: RepoView, old: SaeFacts, b: RepoView, new: SaeFacts, *, deep: bool
) -> tuple[tuple[Difference, ...], bool]:
    """How the two weight files differ, and whether their content was compared."""
    first, second = old.weights, new.weights
    if first is None or second is None:
        if first is second:
            return (), True
        return (
            Difference("weights", first.path if first else ABSENT, second.path if second else ABSENT),
        ), True
    if first.path != second.path:
        return (Difference("weights", first.path, second.path),), True
    if first.size != second.size:
        return (Difference("weights/bytes", first.size, second.size),), True
    digests = _digest(a, first, second, deep=deep), _digest(b, second, first, deep=deep)
    if None in digests:
        return (), False
    return ((Difference("weights/sha256", *digests),) if digests[0] != digests[1] else ()), True


def _digest(view: RepoView, entry: Entry, other: Entry, *, deep: bool) -> str | None:
    """The Hub's, where the listing has it; a local file is read where `--deep` asks for it, or where the other side's digest is there."""
    if entry.sha256 is not None:
        return entry.sha256
    if not isinstance(view, LocalView) or not (deep or other.sha256):
        return None
    return view.sha256(entry.path)


def _root_files(a: RepoView, b: RepoView) -> Iterator[str]:
    for path in ROOT_FILES:
        first, second = a.entry(path), b.entry(path)
        if first is None and second is None:
            continue
        if first is None or second is None:
            yield f"{path}: {'added' if first is None else 'removed'}"
        elif first.size != second.size or _bytes(a, first) != _bytes(b, second):
            yield f"{path}: changed"


def _bytes(view: RepoView, entry: Entry) -> bytes:
    return view.read_range(entry.path, 0, entry.size)


def _unread(facts: RepoFacts) -> Iterator[str]:
    for sae in facts.saes:
        for reason in sae.unread.values():
            yield f"{sae.sae_id}: {reason}"


def _named(view: RepoView) -> str:
    return f"{view.name}@{view.revision}" if view.revision and "@" not in view.name else view.name
