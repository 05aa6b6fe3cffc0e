"""How long a card takes: a release of 57 SAEs of 576x2304, without running its code.

    python benchmarks/cards.py [--runs 5] [--dense]

Weights are holes of the right size; `--dense` fills them, so that the hash reads the disk. Prints the function and the whole process, median and best.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

sys.path[0] = str(Path(__file__).parents[1] / "tests")  # instead of this folder, whose `cards` this file is

from cards.seeds import smollm2_135m  # noqa: E402
from cards.shapes import grid, write  # noqa: E402

from hubkit.cards.build import build_card  # noqa: E402


def release(folder: Path, *, dense: bool) -> Path:
    """57 SAEs: the seed's 54, and three more."""
    seed = smollm2_135m()
    more = grid("smollm2_more", [24], ["topk"], {"mixed": 181, "deceptive_only": 96, "honest_only": 85})
    write(replace(seed, members=(*seed.members, *more)), folder)
    if dense:
        for path in folder.glob("*/sae_weights.safetensors"):
            with path.open("r+b") as file:
                data = file.read()
                file.seek(0)
                file.write(data)
    return folder


def timed(runs: int, work: object) -> list[float]:
    """Seconds of each run."""
    seconds = []
    for _ in range(runs):
        begun = time.perf_counter()
        work()  # type: ignore[operator]
        seconds.append(time.perf_counter() - begun)
    return seconds


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--dense", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = release(Path(scratch) / "release", dense=options.dense)
        count = len(list(folder.glob("*/cfg.json")))
        size = sum(path.stat().st_size for path in folder.glob("*/*.safetensors"))
        command = [sys.executable, "-m", "hubkit", "build-cards", str(folder), "--no-run", "--quiet"]
        print(f"{count} SAEs, {size / 1e6:.1f} MB of weights")
        build_card(folder)
        begun = time.process_time()
        build_card(folder)
        print(f"build_card   {time.process_time() - begun:.2f} s of CPU")
        for name, work in (
            ("build_card", lambda: build_card(folder)),
            ("process", lambda: subprocess.run(command, check=True, capture_output=True)),
        ):
            seconds = timed(options.runs, work)
            print(f"{name:<12} median {statistics.median(seconds):.2f} s, best {min(seconds):.2f} s")


if __name__ == "__main__":
    main()
