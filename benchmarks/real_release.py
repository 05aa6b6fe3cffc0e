"""A release of a real language model, from nothing to a Hub of this machine: `python benchmarks/real_release.py FOLDER [STUDY] [--everything] [--workers 2]`.

`hubkit run STUDY --push`, one process a stage, so that each stage's wall time, processor time and memory can be told; then all of it once more, which finds
nothing to do. STUDY is studies/smollm2-135m-instruct-q4.yaml: 54 SAEs, five times more of the folds and four times more of other seeds. `--everything` also trains those of whole-scenario folds
and the membership controls, as many again. Start it first: FOLDER keeps everything, a run that was stopped goes on, and FOLDER/times.csv grows by a line a stage.
`--keep DOCS` copies what can be read of it there, without weights and pool: the card with its figures, the numbers, the records and the times.
"""

from __future__ import annotations

import argparse
import csv
import os
import shutil
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from hubkit.publish.rehearse import TOKEN, local_hub
from hubkit.release.layout import EVALUATION, FIGURES, POOL_REPORT, PROVENANCE, README
from hubkit.study.several import load_studies
from hubkit.study.stage import Stage

STUDY = Path(__file__).parents[1] / "studies" / "smollm2-135m-instruct-q4.yaml"
TIMES = "times.csv"
KEPT = (README, EVALUATION, PROVENANCE, POOL_REPORT)
"""Of a release, beside its figures."""
CARD = "CARD.md"
"""What the card is called there: the folder's README.md says what this is."""
FIELDS = ("begun", "stage", "wall_s", "cpu_s", "peak_mb", "load", "exit_code")


def environment(endpoint: str) -> dict[str, str]:
    """Of somebody whose Hub is the one of this machine, and who asks no other."""
    to = {"HF_ENDPOINT": endpoint, "HF_TOKEN": TOKEN, "HF_HUB_DISABLE_XET": "1"}
    return {**os.environ, **to, "HF_HUB_DISABLE_TELEMETRY": "1", "OMP_NUM_THREADS": "1"}


def timed(what: str, line: list[str], env: dict[str, str], log: Path) -> int:
    """Run a command, and add to the log what it and its processes took: seconds, processor seconds, the largest one's memory."""
    begun, started = datetime.now(UTC).isoformat(timespec="seconds"), time.perf_counter()
    running = subprocess.Popen(line, env=env)
    _, status, used = os.wait4(running.pid, 0)
    running.returncode = code = os.waitstatus_to_exitcode(status)
    wall, load = time.perf_counter() - started, os.getloadavg()[1]
    row = (begun, what, f"{wall:.1f}", f"{used.ru_utime + used.ru_stime:.1f}", used.ru_maxrss // 1024, f"{load:.1f}", code)  # fmt: skip
    fresh = not log.exists()
    with log.open("a", encoding="utf-8", newline="\n") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerows([FIELDS, row] if fresh else [row])
    print(*row, flush=True)
    return code


def keep(release: Path, times: Path, target: Path) -> None:
    """Copy what can be read of a release, and the times, to `target`."""
    target.mkdir(parents=True, exist_ok=True)
    for name in KEPT:
        shutil.copyfile(release / name, target / (CARD if name == README else name))
    shutil.copyfile(times, target / TIMES)
    shutil.copytree(release / FIGURES, target / FIGURES, dirs_exist_ok=True)


def main() -> int:
    """The first exit code that is not 0."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("study", type=Path, nargs="?", default=STUDY)
    parser.add_argument("--everything", action="store_true")
    parser.add_argument(
        "--seeds", type=int, default=3, help="seeds of each published SAE, its own counted in"
    )
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--keep", type=Path, metavar="DOCS")
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    line = [sys.executable, "-m", "hubkit", "run", str(asked.study), "--folder", str(asked.folder)]
    line += [
        "--workers",
        str(asked.workers),
        "--seeds",
        str(asked.seeds),
        *([] if asked.everything else ["--rows-only"]),
    ]
    with local_hub(asked.folder / "hub") as (hub, _):
        env, log = environment(hub.endpoint), asked.folder / TIMES
        for stage in Stage:
            only = ["--from", stage, *(["--push"] if stage is Stage.push else ["--until", stage])]
            if code := timed(stage, [*line, *only], env, log):
                return code
        if code := timed("again", [*line, "--push"], env, log):
            return code
    if asked.keep:
        (study,) = load_studies(asked.study)
        keep(asked.folder / study.name, log, asked.keep)
    return 0


if __name__ == "__main__":
    sys.exit(main())
