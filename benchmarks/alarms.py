"""How often each rule fires on the public corpus: HUBKIT_CORPUS=FOLDER python benchmarks/alarms.py

Writes hubkit/validate/alarm_rates.json (shown by `hubkit explain` and docs/rules.md) and tests/validate/corpus_goldens.json (what was found in each
file, by the file's sha256; the findings of errors and warnings were read by hand, see tests/validate/test_corpus.py).
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from corpus import samples  # noqa: E402

from hubkit.release.writing import write_json  # noqa: E402
from hubkit.validate.rule import REGISTRY  # noqa: E402


def main() -> None:
    """Count and write."""
    totals: Counter[str] = Counter()
    fired: dict[str, Counter[str]] = {}
    goldens: dict[str, list[str]] = {}
    for sample in samples():
        totals[sample.kind] += 1
        goldens[sample.key] = sample.codes
        for code in {line.split()[0] for line in sample.codes}:
            fired.setdefault(code, Counter())[sample.kind] += 1
    write_json(
        ROOT / "hubkit" / "validate" / "alarm_rates.json",
        {
            "totals": dict(totals),
            "asked": sorted(REGISTRY),
            "fired": {code: dict(kinds) for code, kinds in fired.items()},
        },
    )
    write_json(ROOT / "tests" / "validate" / "corpus_goldens.json", goldens)
    for code in sorted(fired):
        print(
            f"{code}  "
            + ", ".join(f"{count} of {totals[kind]} {kind}" for kind, count in sorted(fired[code].items()))
        )


if __name__ == "__main__":
    main()
