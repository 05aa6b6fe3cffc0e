"""Every claim that is read out of the corpus's cards, and every CARD finding, for reading by hand: HUBKIT_CORPUS=FOLDER python benchmarks/claims.py

Prints what has no verdict yet (`--all` for everything). After reading: `--right` gives the claims without a verdict the verdict right, but those whose digests are
named with `--wrong`. The verdicts are in tests/readme/claim_verdicts.json, by the sha256 of the card and of the claim: nothing of the cards is held.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from claim_samples import VERDICTS, CardSample, card_samples, digest_of  # noqa: E402

from hubkit.readme.claims.kinds import Claim  # noqa: E402
from hubkit.release.writing import write_json  # noqa: E402


def main() -> None:
    """Print, and with --right or --wrong write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--all", action="store_true", help="also those that have a verdict")
    parser.add_argument("--right", action="store_true", help="what has no verdict is right")
    parser.add_argument("--wrong", nargs="*", default=[], help="digests of claims that are read wrongly")
    options = parser.parse_args()
    held = json.loads(VERDICTS.read_text(encoding="utf-8")) if VERDICTS.is_file() else {}
    verdicts: dict[str, dict[str, bool]] = {}
    kinds: Counter[str] = Counter()
    for sample in card_samples():
        known = held.get(sample.key, {})
        verdicts[sample.key] = {}
        print(f"== {sample.name}")
        for claim in sample.claims:
            digest = digest_of(claim)
            kinds[type(claim).__name__] += 1
            if options.all or digest not in known:
                print(f"  {digest} {_shown(claim)}")
            if digest in options.wrong or options.right or digest in known:
                verdicts[sample.key][digest] = digest not in options.wrong and known.get(digest, True)
        _print_findings(sample)
    if options.right or options.wrong:
        write_json(VERDICTS, verdicts)
    judged = [verdict for card in verdicts.values() for verdict in card.values()]
    print(f"\n{sum(kinds.values())} claims: {dict(kinds.most_common())}")
    print(f"{sum(judged)} of {len(judged)} read rightly" if judged else "no verdicts yet")


def _shown(claim: Claim) -> str:
    values = {name: value for name, value in vars(claim).items() if name not in {"line", "quote"}}
    return f'{claim.line:4} {type(claim).__name__:12} {values} << "{claim.quote}"'


def _print_findings(sample: CardSample) -> None:
    for finding in sample.findings:
        print(f"  -> {finding.code} {finding.severity.word}: {finding.message}")


if __name__ == "__main__":
    main()
