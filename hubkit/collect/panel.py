"""All judges of a study on the same completions: who decides, whose votes that is made of, and who was asked beside. Torch-free.

`judgements.parquet` has a line for each judge and completion; relabelling reads and asks, and never samples.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from hubkit.collect.judges.judgement import GroupJudge
from hubkit.collect.verdicts import answered_later, verdicts_file, verdicts_of
from hubkit.engine.events import Progress, silent
from hubkit.errors import IncompleteError
from hubkit.release.writing import replacing

if TYPE_CHECKING:
    from pathlib import Path

    from hubkit.collect.judges import Judge, Judgement, Reply

Role = Literal["decides", "member", "second", "asked again"]
AGAIN: Role = "asked again"


@dataclass(frozen=True)
class Desk:
    """Where verdicts are kept, and on what."""

    folder: Path
    """The work folder."""
    questions_sha256: str
    """Digest of the completions and of what their scenarios say."""
    ask_lost: bool = False
    """Whether verdicts that were lost are asked for once more."""

    def file(self, judge: Judge, purpose: str = "") -> Path:
        """Where the verdicts of a judge are."""
        return verdicts_file(self.folder, judge, self.questions_sha256, purpose)

    def answered_later(self, judge: Judge) -> dict[str, dict[str, str | None]]:
        """Of the judge and its members: what they answered when they were asked once more. Empty where nothing was lost or asked again."""
        found = {one.name: answered_later(self.file(one)) for one in (judge, *judge.members)}
        return {name: said for name, said in found.items() if said}


@dataclass(frozen=True)
class Voice:
    """What one judge said of some completions."""

    judge: str
    role: Role
    description: str
    said: dict[str, Judgement]
    """Completion id to verdict."""


@dataclass(frozen=True)
class Panel:
    """Every voice on the same completions; the first one decides."""

    scenarios: dict[str, str]
    """Completion id to scenario id, in the order of sampling."""
    labels: tuple[str, ...]
    voices: tuple[Voice, ...]

    @property
    def deciding(self) -> Voice:
        """The one whose labels the pool has."""
        return self.voices[0]


def ask_panel(
    judge: Judge, second: Sequence[Judge], replies: Sequence[Reply], desk: Desk, report: Progress = silent
) -> Panel:
    """Ask the deciding judge (and its members), then the others. Raises IncompleteError when the deciding judge waits for a person."""
    judge, *second = (one.in_folder(desk.folder) for one in (judge, *second))
    voices = _voices(judge, "decides", replies, desk, report)
    _refuse_unfilled(judge, voices, len(replies))
    for other in second:
        voices += _voices(other, "second", replies, desk, report)
    scenarios = {one.completion_id: one.scenario.scenario_id for one in replies}
    return Panel(scenarios, tuple(sorted(judge.labels)), tuple(voices))


def _voices(judge: Judge, role: Role, replies: Sequence[Reply], desk: Desk, report: Progress) -> list[Voice]:
    """The judge, its members, and what each said when it was asked a second time."""
    below = [_voices(one, "member", replies, desk, report) for one in judge.members]
    if isinstance(judge, GroupJudge):
        said = [judge.combined([own.said[one.completion_id] for own, *_ in below]) for one in replies]
    else:
        said = verdicts_of(judge, replies, desk.file(judge), report, ask_lost=desk.ask_lost)
    voices = [_voice(judge, role, replies, said)]
    if again := asked_again(replies, judge.asked_again):
        said = verdicts_of(judge, again, desk.file(judge, AGAIN), report, ask_lost=desk.ask_lost)
        voices.append(_voice(judge, AGAIN, again, said))
    return voices + [voice for several in below for voice in several]


def _voice(judge: Judge, role: Role, replies: Sequence[Reply], said: Sequence[Judgement]) -> Voice:
    told = {reply.completion_id: one for reply, one in zip(replies, said, strict=True)}
    return Voice(judge.name, role, judge.description, told)


def _refuse_unfilled(judge: Judge, voices: Sequence[Voice], total: int) -> None:
    """Stop where a person has a part in deciding who has not filled in anything yet. The other judges have been asked by then."""
    empty = {
        voice.judge for voice in voices if all(one.lost == "not filled in" for one in voice.said.values())
    }
    files = [str(one.file) for one in (judge, *judge.members) if one.file is not None and one.name in empty]
    if files:
        raise IncompleteError(
            f"{', '.join(files)}: no label is filled in yet, {total} completions wait for theirs",
            hint=f"write {', '.join(sorted(judge.labels))} or ambiguous into the column `label`, save it as CSV UTF-8, and run the same command again",
        )


def asked_again(replies: Sequence[Reply], share: float) -> list[Reply]:
    """A share of the replies, by their ids and not by chance, in an order that puts others beside them than sampling did."""
    ordered = sorted(replies, key=lambda one: hashlib.sha256(f"again\n{one.completion_id}".encode()).digest())
    return ordered[: round(share * len(ordered))]


def write_judgements(path: Path, panel: Panel) -> None:
    """Write `judgements.parquet`: a line for each judge and completion."""
    import pyarrow as pa
    from pyarrow import parquet

    texts = ("completion_id", "scenario_id", "judge", "role", "label", "reason", "lost", "by")
    types = {name: pa.string() for name in texts} | {"tokens": pa.int64(), "requests": pa.int64()}
    rows = list(_lines(panel))
    columns = {name: [row[name] for row in rows] for name in types}
    with replacing(path) as temporary:
        parquet.write_table(pa.table(columns, schema=pa.schema(list(types.items()))), temporary)


def _lines(panel: Panel) -> Iterator[dict[str, Any]]:
    for voice in panel.voices:
        where = {"judge": voice.judge, "role": voice.role}
        for name, scenario in panel.scenarios.items():
            if name in voice.said:
                yield {"completion_id": name, "scenario_id": scenario, **where, **asdict(voice.said[name])}
