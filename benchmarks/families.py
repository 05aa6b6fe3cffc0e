"""What judging one SAE of each family costs: requests and bytes of a default validation, against the size of its weights (4.2 MB).

The SAEs are the large forms of the folders in tests/formats/families: d_in 128, d_sae 4,096, float32.

    python benchmarks/families.py
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from families import CASES, grown

from hubkit.repo.memory import MemoryView
from hubkit.validate.run import validate


def main() -> None:
    """One line a family."""
    print("| family | requests | bytes read | of |\n|---|---|---|---|")
    MemoryView.near = False  # as sparingly as from the Hub
    for case, (folder, weights, config, *_) in CASES.items():
        report = validate(MemoryView(name=folder, files=grown(folder, weights, config)))
        print(f"| {case} | {report.requests} | {report.bytes_read:,} | {report.total_bytes:,} |")


if __name__ == "__main__":
    main()
