"""`hubkit adopt OWNER/REPO --pr`: the card that the files support as a pull request, with what it withdraws and why. Never to main."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from hubkit.adopt.difference import Difference
from hubkit.adopt.outcome import Adoption
from hubkit.adopt.shown import errors, remaining
from hubkit.cards.text import code, inline
from hubkit.errors import IncompleteError, UsageError
from hubkit.publish.earlier import CORRECT
from hubkit.publish.plan import PushPlan, Target, described, make_plan
from hubkit.release.writing import write_text
from hubkit.validate.reporters.markdown import escape
from hubkit.words import human_bytes, many

if TYPE_CHECKING:
    from huggingface_hub import HfApi

MOST_ROWS = 100
LONGEST = 300


@dataclass(frozen=True)
class Proposal:
    """The pull request. It holds as long as the block that made it."""

    repo_id: str
    plan: PushPlan
    folder: Path


@contextmanager
def proposing(found: Adoption, api: HfApi) -> Iterator[Proposal]:
    """Plan the pull request. Nothing is sent. Raises UsageError where there is no card to propose, IncompleteError where the repository changed meanwhile."""
    if found.repo_id is None or not found.built.card:
        raise UsageError(
            f"{found.name}: nothing to propose: {found.built.why or 'not a repository on the Hub'}",
            hint=f"hubkit adopt {found.name}{found.options} --dry-run",
        )
    if not found.before.complete:
        raise IncompleteError(
            f"{found.name}: not everything could be read; nothing is proposed",
            hint=f"hubkit validate {found.name}",
        )
    with TemporaryDirectory(prefix="hubkit-adopt-", ignore_cleanup_errors=True) as scratch:
        folder = Path(scratch)
        for path, text in found.files.items():
            write_text(folder / path, text)
        plan = make_plan(folder, Target(found.repo_id, pull_request=True), api, message=title(found))
        if plan.parent != found.commit:
            raise IncompleteError(
                f"{found.repo_id}: another commit came in between; nothing is proposed",
                hint="run the same command again",
            )
        yield Proposal(found.repo_id, replace(described(plan, text_of(found)), kept=(), notes=()), folder)


def title(found: Adoption) -> str:
    """`Correct the card: 6 statements that the files contradict`."""
    out = found.contradicted
    what = (
        f"{many(out, 'statement')} that the files contradict"
        if out
        else "built from the files, with your text in it"
    )
    return f"{CORRECT}: {what}"


def text_of(found: Adoption) -> str:
    """Markdown. Everything from the repository is escaped."""
    before, after = errors(found)
    report = found.before
    commit = (found.commit or "")[:12]
    lines = [
        f"[hubkit](https://pypi.org/project/sae-hubkit/) read this repository at commit {code(commit)}, by ranges ({human_bytes(report.bytes_read)} of {human_bytes(report.total_bytes)}), and held the card against the files.",
        "",
        f"- **Errors about the card**: {before} before, {after} after.",
        *(f"  - {escape(one)}" for one in remaining(found)),
        f"- **Your text**: {many(sum(1 for _ in found.built.draft.kept), 'statement')} kept as they are, by section; everything else on the new card is computed from the files.",
        *(
            f"- **Your numbers**: {many(len(evidence.values), 'number')} in `evidence.yaml`, marked as stated by you and not computed."
            for evidence in [found.built.evidence]
            if evidence
        ),
    ]
    for outcome, head in (
        ("withdrawn", "Withdrawn, because the files say otherwise, and what depends on it"),
        ("kept", "Kept with a mark, and worth a look"),
        ("restated", "Said by the new card's own sections"),
    ):
        rows = [row for row in found.differences if row.outcome == outcome]
        lines += _table(head, rows)
    lines += [
        "", "### Check it yourself", "", "```",
        f"hubkit validate {found.repo_id}@{commit} --select CARD",
        f"hubkit adopt {found.repo_id}@{commit} --into adopted",
        "```", "",
        "The second command writes this card, and a `card.yaml` with your text by section and every withdrawn statement in full: with it `hubkit build-cards` builds the card again when the files change; it is not part of this pull request. Nothing of a repository is ever unpickled or run.",
    ]  # fmt: skip
    return "\n".join(lines)


def _table(head: str, rows: list[Difference]) -> list[str]:
    if not rows:
        return []
    lines = [
        "",
        f"### {head}",
        "",
        "| line | the card says | the files say | the new card |",
        "|---:|---|---|---|",
    ]
    for row in rows[:MOST_ROWS]:
        said = escape(_cut(row.says))
        if row.besides:
            said += f" *With it goes:* {escape(_cut(row.besides))}"
        files = f"{row.code}: {row.files}" if row.code else row.files
        lines.append(f"| {row.line} | {said} | {escape(_cut(files))} | {escape(_cut(row.now))} |")
    if len(rows) > MOST_ROWS:
        lines += ["", inline(f"and {len(rows) - MOST_ROWS} more")]
    return lines


def _cut(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= LONGEST else text[: LONGEST - 3] + "..."
