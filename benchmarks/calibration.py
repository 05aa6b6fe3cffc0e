"""How often hubkit's intervals hold what they say they hold, and how often its tests find what is not there.

    PYTHONPATH=.:tests python benchmarks/calibration.py [--pools 1000] [--only NAME] [--saes 0] [--out calibration.json]

Prints the tables of docs/numbers.md. With `--saes N` only the second: N pools, each with a TopK and a JumpReLU of every condition, trained, cross-fitted and evaluated.
"""

from __future__ import annotations

import argparse
import json
import math
import tempfile
import time
from pathlib import Path
from typing import Any

from noise_pools import SETTINGS, band, measure, summary


def table(found: list[dict[str, Any]]) -> str:
    """Markdown."""
    columns = [
        "raw, folds dealt again",
        "raw, folds dealt again, AUROC",
        "mixed, folds held",
        "mixed, folds held, AUROC",
        "by formula",
        "by formula, AUROC",
        "new scenarios",
        "difference",
    ]
    lines = [
        "| pools of | " + " | ".join(columns) + " | smallest KS p | found: raw, k of n, max-T |",
        "|---" * (len(columns) + 3) + "|",
    ]
    for one in found:
        cells = [f"{one['covered'][name]:.3f}" if name in one["covered"] else "–" for name in columns]
        smallest = f"{min(one['ks'].values()):.3f}" if one["ks"] else "–"
        rates = ", ".join(
            f"{one['found'].get(name, math.nan):.3f}"
            for name in ("raw, folds dealt again", "k of n", "max-T")
        )
        lines.append(
            f"| {one['setting']} ({one['pools']}) | " + " | ".join(cells) + f" | {smallest} | {rates} |"
        )
    return "\n".join(lines)


def with_saes(pools: int, out: Path) -> None:
    """A line a condition, written anew after each pool."""
    from noise_saes import Held, measured

    held: dict[str, Held] = {}
    for seed in range(pools):
        with tempfile.TemporaryDirectory() as folder:
            for name, value in measured(Path(folder), seed):
                held.setdefault(name, Held()).note(value)
        lines = [f"| {name} | {one.line()} |" for name, one in sorted(held.items())]
        head = [
            f"| {seed + 1} pools | covered | mean | standard error of it | p <= 0.05 |",
            "|---|---|---|---|---|",
        ]
        out.write_text("\n".join([*head, *lines]) + "\n", encoding="utf-8")
    print(out.read_text(encoding="utf-8"))


def main() -> None:
    """From the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pools", type=int, default=1000)
    parser.add_argument("--only", default="")
    parser.add_argument("--out", type=Path, default=Path("calibration.json"))
    parser.add_argument("--saes", type=int, default=0)
    asked = parser.parse_args()
    if asked.saes:
        with_saes(asked.saes, asked.out)
        return
    found = []
    for setting in SETTINGS:
        if asked.only and asked.only not in setting.name:
            continue
        start = time.perf_counter()
        found.append(summary(setting, measure(setting, asked.pools), time.perf_counter() - start))
        asked.out.write_text(json.dumps(found, indent=1), encoding="utf-8")
        print(json.dumps(found[-1]), flush=True)
    print(
        f"\n95 % covered lies in {band(asked.pools, 0.95)}, 5 % found in {band(asked.pools, 0.05)} ({asked.pools} pools, binomial, 99 %)\n"
    )
    print(table(found))


if __name__ == "__main__":
    main()
