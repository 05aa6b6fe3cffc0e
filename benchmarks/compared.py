"""How often the comparison over folds finds what is not there, and what choosing the best of six adds before and after it is corrected.

    PYTHONPATH=.:tests python benchmarks/compared.py [--pools 120]

Prints the table of docs/numbers.md; pools as `benchmarks/calibration.py` has them.
"""

from __future__ import annotations

import argparse

import numpy as np
from noise_pools import SETTINGS, Setting, pool

from hubkit.evaluate.probe import probe
from hubkit.measures.chosen import corrected_best
from hubkit.measures.design import Design
from hubkit.measures.families.compared import over_folds
from hubkit.measures.probed import Probed, accuracies


def line(setting: Setting, pools: int) -> str:
    """Of one setting: of six probes that are equally good."""
    covered, found, highest, corrected, means = [], [], [], [], []
    for seed in range(pools):
        design, several = pool(setting, seed)
        probes = [probe(design, dict.fromkeys(design.folds, x)) for x in several]
        known = [one for one in probes if isinstance(one, Probed)]
        if len(known) < len(probes):
            continue
        against = over_folds(known[1], known[0], design)
        low, high = against.interval or (0.0, 0.0)
        covered.append(low <= 0 <= high)
        found.append(against.null is not None and (against.null.p_value or 1.0) <= 0.05)
        reached = [reach(one, design) for one in known[1:]]
        highest.append(max(reached))
        means.append(np.mean(reached))
        corrected.append(corrected_best(known[1:], design).value)
    cells = [np.mean(one) for one in (covered, found, means, highest, corrected)]
    return f"| {setting.name} ({len(covered)}) | " + " | ".join(f"{one:.3f}" for one in cells) + " |"


def reach(one: Probed, design: Design) -> float:
    """Balanced accuracy."""
    return float(accuracies(one.real, design)[0])


def main() -> None:
    """From the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pools", type=int, default=120)
    asked = parser.parse_args()
    print("| pools of | over folds: covered | found | mean of six | the best of them | corrected |")
    print("|---|---|---|---|---|---|")
    for number in (0, 2, 4, 9):
        print(line(SETTINGS[number], asked.pools), flush=True)


if __name__ == "__main__":
    main()
