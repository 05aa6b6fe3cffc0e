"""How often hubkit's intervals hold what they say they hold, and how often its tests find what is not there.

    PYTHONPATH=.:tests python benchmarks/calibration.py [--pools 1000] [--only NAME] [--saes | --joint | --chosen] [--out FOLDER]

Prints the tables of docs/numbers.md. With `--joint` a line a setting: differences by 199 permutations, one by one and together; with `--chosen` probes of a few features, and new scenarios. With `--saes` the second: pools with a TopK and a JumpReLU of every condition, trained, cross-fitted and evaluated. Each pool is a
line of a file in FOLDER, so that a run which was stopped goes on; `--pools 0` prints what is there.
"""

from __future__ import annotations

import argparse
import json
import math
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from noise_pools import SETTINGS, Seen, Setting, band, chosen, compared, measure_pool, summary
from noise_saes import Held


def table(found: list[dict[str, Any]]) -> str:
    """Markdown."""
    columns = [
        "raw, folds dealt again",
        "raw, folds dealt again, AUROC",
        "mixed, folds held",
        "mixed, folds held, AUROC",
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


def table_with_saes(setting: Setting, pools: list[dict[str, Any]]) -> str:
    """A line a condition."""
    held: dict[str, Held] = {}
    for pool in pools:
        for name, one in pool.items():
            held.setdefault(name, Held()).note(one)
    head = f"| {setting.name}, {len(pools)} pools | measured | covered | mean | standard error of it | p <= 0.05 |"
    return "\n".join(
        [
            head,
            "|---" * 6 + "|",
            *(f"| {name} | {one.line()} |" for name, one in sorted(held.items()) if one.values),
        ]
    )


def pool_with_saes(setting: Setting, seed: int) -> dict[str, Any]:
    """One, in a folder of its own."""
    from noise_saes import measured

    with tempfile.TemporaryDirectory() as folder:
        return measured(Path(folder), setting, seed)


def pools_of(
    setting: Setting, count: int, out: Path, make: Callable[[Setting, int], dict[str, Any]]
) -> list[dict[str, Any]]:
    """What `make` gave of each pool of a setting: those of the file, and those that it lacks."""
    path = out / f"{setting.name.replace(' ', '_').replace(',', '').replace('%', 'percent')}.jsonl"
    found = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    for seed in range(len(found), count):
        found.append(json.dumps(make(setting, seed)))
        with path.open("a", encoding="utf-8", newline="\n") as lines:
            lines.write(found[-1] + "\n")
    return [json.loads(line) for line in found]


def without_saes(setting: Setting, seed: int) -> dict[str, Any]:
    """One pool."""
    return asdict(measure_pool(setting, seed))


def table_of_joint(setting: Setting, pools: list[dict[str, Any]]) -> str:
    """One line of Markdown."""
    shares = [sum(one[name] for one in pools) / max(1, len(pools)) for name in ("covered", "k of n", "max-T")]
    return f"| {setting.name} ({len(pools)}) | " + " | ".join(f"{share:.3f}" for share in shares) + " |"


def table_of_chosen(setting: Setting, pools: list[dict[str, Any]]) -> str:
    """One line of Markdown."""
    seen = Seen()
    for pool in pools:
        seen.add(pool)
    found = summary(setting, seen)
    columns = ["1 chosen", "5 chosen", "5 chosen, folds dealt again", "5 components", "5 at random", "new scenarios"]  # fmt: skip
    cells = [f"{found['covered'][name]:.3f}" if name in found["covered"] else "–" for name in columns]
    return f"| {setting.name} ({len(pools)}) | " + " | ".join(cells) + " |"


MAKE = {"saes": pool_with_saes, "joint": compared, "chosen": chosen, "probes": without_saes}
LINES = {"saes": table_with_saes, "joint": table_of_joint, "chosen": table_of_chosen}


def main() -> None:
    """From the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pools", type=int, default=1000)
    parser.add_argument("--only", default="", help="settings whose names contain it")
    parser.add_argument("--out", type=Path, default=Path("calibration"))
    parser.add_argument("--saes", action="store_true")
    parser.add_argument("--joint", action="store_true")
    parser.add_argument("--chosen", action="store_true")
    asked = parser.parse_args()
    kind = "saes" if asked.saes else "joint" if asked.joint else "chosen" if asked.chosen else "probes"
    out, make = asked.out / kind, MAKE[kind]
    out.mkdir(parents=True, exist_ok=True)
    found = []
    for setting in SETTINGS:
        if asked.only not in setting.name:
            continue
        pools = pools_of(setting, asked.pools, out, make)
        if not pools:
            continue
        if kind in LINES:
            print(LINES[kind](setting, [one for one in pools if one]), flush=True)
            continue
        seen = Seen()
        for pool in pools:
            seen.add(pool)
        found.append(summary(setting, seen))
        print(json.dumps(found[-1]), flush=True)
    for count in sorted({one["pools"] for one in found}):
        print(
            f"\n95 % covered lies in {band(count, 0.95)}, 5 % found in {band(count, 0.05)} ({count} pools, binomial, 99 %)"
        )
    if found:
        print("\n" + table(found))


if __name__ == "__main__":
    main()
