"""Ten minutes of random damage, held against numpy, torch and Python (tests/tensors/fuzz.py says what is asked): python benchmarks/fuzz.py

`--minutes`, `--seed`; `--keep FOLDER` keeps every counterexample. Ends with 1 where there is one.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:1] = [str(ROOT / "tests"), str(ROOT)]

from tensors.fuzz import fuzz  # noqa: E402


def main() -> int:
    """Ask, and say what came of it."""
    parser = argparse.ArgumentParser(
        description="Random damage to weights, held against numpy, torch and Python."
    )
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path)
    asked = parser.parse_args()
    tried, wrong = fuzz(asked.minutes * 60, asked.seed, asked.keep)
    for what, count in sorted(tried.items()):
        print(f"{count:>9,}  {what}")
    for one, count in Counter(line.partition(": ")[2] for line in wrong).most_common(30):
        print(f"WRONG {count:,} times, first {next(line for line in wrong if line.endswith(one))}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
