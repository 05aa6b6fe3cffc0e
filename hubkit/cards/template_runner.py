"""The process in which an author's templates render: `python -m hubkit.cards.template_runner JOB ANSWER`, within limits of time, memory and output."""

from __future__ import annotations

import json
import os
import pickle
import sys
from pathlib import Path
from typing import Any

from hubkit.cards.authored import MEMORY, MOST_OUTPUT, PROCESSOR, Job
from hubkit.cards.environment import ENDING, of_author


class TooLongError(Exception):
    """More output than a card has."""


class _Room:
    """What is left of MOST_OUTPUT."""

    def __init__(self) -> None:
        self.left = MOST_OUTPUT

    def joined(self, template: Any, given: dict[str, Any]) -> str:
        """The template's output, piece by piece. Raises TooLongError."""
        parts = []
        for part in template.generate(given):
            self.left -= len(part)
            if self.left < 0:
                raise TooLongError(f"more than {MOST_OUTPUT:,} characters")
            parts.append(part)
        return "".join(parts)


def rendered(job: Job) -> dict[str, Any]:
    """The texts in order, or what failed first: its kind, its number, and what was said."""
    environment = of_author(job.templates)
    room = _Room()
    answer: dict[str, Any] = {"prose": [], "sections": []}
    work = [("prose", text, {"facts": job.names}) for text in job.prose]
    work += [("sections", name, dict(given)) for name, given in job.sections]
    for kind, what, given in work:
        try:
            found = (
                environment.from_string(what) if kind == "prose" else environment.get_template(what + ENDING)
            )
            text = room.joined(found, given)
        except Exception as error:  # noqa: BLE001 - whatever an author's template raises, in the process that is made for it
            said = "it needs too much memory" if isinstance(error, MemoryError) else str(error)
            return {"failed": [kind, len(answer[kind]), said or type(error).__name__]}
        answer[kind].append(text.strip("\n"))
    return answer


def limit() -> None:
    """Processor time and memory, where the system has such limits (not on Windows; macOS heeds the first only)."""
    try:
        import resource
    except ImportError:
        return
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (PROCESSOR, PROCESSOR + 1))
    if sys.platform == "linux":
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        most = pages * os.sysconf("SC_PAGE_SIZE") + MEMORY
        resource.setrlimit(resource.RLIMIT_AS, (most, most))


if __name__ == "__main__":
    task = pickle.loads(Path(sys.argv[1]).read_bytes())  # noqa: S301 - written by the process that started this one
    limit()
    outcome = rendered(task)
    Path(sys.argv[2]).write_text(json.dumps(outcome), encoding="utf-8")
