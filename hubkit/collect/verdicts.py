"""Asking a judge, batch by batch, with every verdict on disk before the next batch is asked for. Torch-free."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from hubkit.collect.judges import Judgement
from hubkit.engine.events import Event, Progress, silent
from hubkit.errors import HubkitError, IncompleteError
from hubkit.release.digests import sha256_of_json
from hubkit.release.layout import VERDICTS
from hubkit.release.writing import naming, write_bytes

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from hubkit.collect.judges import Judge, Reply


def verdicts_of(
    judge: Judge, replies: Sequence[Reply], kept: Path, report: Progress = silent, *, ask_lost: bool = False
) -> list[Judgement]:
    """One verdict for each of `replies`, in their order. `kept` has those of an earlier or a killed run, which are not asked for again;
    with `ask_lost` those that were lost are.

    Raises HubkitError naming the judge when it gives another number of verdicts than it was asked for, or a label that is not its own;
    IncompleteError when a cap of it is reached, and when it never answered at all. What it said until then is kept.
    """
    if not judge.remembers:
        return _asked(judge, replies)
    known = _read(kept)
    pending = [
        reply
        for reply in replies
        if (before := known.get(reply.completion_id)) is None or (ask_lost and before.lost is not None)
    ]
    size = judge.batch_size or max(len(pending), 1)
    for start in range(0, len(pending), size):
        batch = pending[start : start + size]
        _go_on(judge, known, len(replies))
        verdicts = _asked(judge, batch)
        found = {reply.completion_id: verdict for reply, verdict in zip(batch, verdicts, strict=True)}
        if all(one.lost == "timeout" for one in (*known.values(), *verdicts)):
            raise IncompleteError(
                f"judge `{judge.name}`: {verdicts[0].reason}, {len(verdicts)} of {len(verdicts)} completions",
                hint="is it running? The same command asks again",
            )
        _append(kept, found)
        known |= {name: _beside(known.get(name), verdict) for name, verdict in found.items()}
        report(Event("collect", len(replies) - len(pending) + start + len(batch), len(replies), "judged"))
    return [known[reply.completion_id] for reply in replies]


def _go_on(judge: Judge, known: dict[str, Judgement], total: int) -> None:
    stops = judge.stops(list(known.values()))
    if stops is not None:
        raise IncompleteError(
            f"judge `{judge.name}`: {stops}; {len(known)} of {total} completions are judged",
            hint="raise the cap and run the same command: what is judged is not asked for again",
        )


def verdicts_file(out: Path, judge: Judge, questions_sha256: str, purpose: str = "") -> Path:
    """Where the verdicts of `judge` are kept: of other settings, other texts or another `purpose` in another file."""
    asked = {"judge": judge.settings(), "sampled": questions_sha256} | (
        {"purpose": purpose} if purpose else {}
    )
    return out / VERDICTS / f"{sha256_of_json(asked)[:16]}.jsonl"


def answered_later(kept: Path) -> dict[str, str | None]:
    """Completion id to label, of verdicts that were lost at first and asked for again: by them a pool differs from the one that was made before."""
    lines = _lines(kept)
    first, last = dict(reversed(lines)), dict(lines)
    return {
        name: verdict.label
        for name, verdict in sorted(last.items())
        if verdict.lost is None and first[name].lost is not None
    }


def forget_lost(kept: Path) -> None:
    """Take lost verdicts out of a file that no pool was made from yet: they are then asked for as if they never had been."""
    if kept.is_file() and any(verdict.lost is not None for _, verdict in _lines(kept)):
        lines = [line for line in kept.read_bytes().splitlines() if json.loads(line)["lost"] is None]
        write_bytes(kept, b"".join(line + b"\n" for line in lines))


def _beside(before: Judgement | None, now: Judgement) -> Judgement:
    """A later answer stands, and its cost is that of both."""
    if before is None:
        return now
    return replace(now, tokens=before.tokens + now.tokens, requests=before.requests + now.requests)


def _asked(judge: Judge, batch: Sequence[Reply]) -> list[Judgement]:
    verdicts = list(judge.judge(batch))
    if len(verdicts) != len(batch):
        raise HubkitError(
            f"judge `{judge.name}`: {len(verdicts)} verdicts on {len(batch)} completions, expected one on each, in their order"
        )
    for reply, verdict in zip(batch, verdicts, strict=True):
        if verdict.label is not None and verdict.label not in judge.labels:
            raise HubkitError(
                f"judge `{judge.name}`: label {verdict.label!r} for completion {reply.completion_id}, "
                f"expected one of {', '.join(sorted(judge.labels))}, or none"
            )
    return verdicts


def _append(kept: Path, found: dict[str, Judgement]) -> None:
    kept.parent.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps({"completion_id": key, **asdict(verdict)}) for key, verdict in found.items()]
    with naming(kept), kept.open("a", encoding="utf-8", newline="\n") as file:
        file.write("".join(f"{line}\n" for line in lines))


def _read(kept: Path) -> dict[str, Judgement]:
    """What is kept, of a completion that was asked about again the later answer."""
    known: dict[str, Judgement] = {}
    for name, verdict in _lines(kept):
        known[name] = _beside(known.get(name), verdict)
    return known


def _lines(kept: Path) -> list[tuple[str, Judgement]]:
    """Line by line. A last one without its end is of a run that was killed while it wrote: it is taken away."""
    try:
        data = kept.read_bytes()
    except FileNotFoundError:
        return []
    whole = data[: data.rfind(b"\n") + 1]
    if len(whole) < len(data):
        with kept.open("r+b") as file:
            file.truncate(len(whole))
    try:
        return [_verdict(json.loads(line)) for line in whole.splitlines()]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise IncompleteError(
            f"{kept}: not the verdicts of a judge: {error}", hint="delete it: they are then asked for again"
        ) from error


def _verdict(line: dict[str, Any]) -> tuple[str, Judgement]:
    span = line.pop("commit_span")
    return line.pop("completion_id"), Judgement(
        **line, commit_span=None if span is None else (span[0], span[1])
    )
