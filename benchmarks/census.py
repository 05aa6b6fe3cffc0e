"""A trial of the census: HUBKIT_CORPUS=FOLDER PYTHONPATH=.:tests python benchmarks/census.py

A Hub on this machine is filled with what the public corpus has of each repository (configurations without weights, and cards); `hubkit audit` reads it as `.github/workflows/census.yml` has it read the real one, and `pages/census.py` writes docs/census.json and docs/census.md.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from corpus import FOLDER, records  # noqa: E402

from hubkit.localhub import serving  # noqa: E402
from hubkit.localhub.seeding import seed  # noqa: E402
from pages import census  # noqa: E402

IGNORED = "WTS,THR,REL,EVL,CARD001,CFG001,CFG022"
"""What looks at weights and evaluations, at a whole repository, or for a card: the corpus has none of these."""


def repositories() -> Iterator[tuple[str, dict[str, Path]]]:
    """What the corpus has of each: name, and path in the repository to file."""
    found: dict[str, dict[str, Path]] = {}
    for record in records():
        name = "/".join(str(record["repo"]).replace("@", "-at-").split("/")[-2:])
        found.setdefault(name, {})[str(record["path"])] = FOLDER / str(record["file"])
    for card in sorted((FOLDER / "cards").glob("*.md")):
        # apart from its configurations: the corpus has one of many, and a card is of all
        found["card/" + card.stem.replace("__", "-")] = {"README.md": card}
    yield from sorted(found.items())


def main() -> None:
    """Fill, audit, write."""
    with tempfile.TemporaryDirectory() as scratch:
        hub, audit, targets = Path(scratch, "hub"), Path(scratch, "audit.json"), Path(scratch, "targets.txt")
        names = []
        for name, files in repositories():
            seed(hub, name, files, any_card=True)
            names.append(name)
        targets.write_text("\n".join(names), encoding="utf-8")
        with serving(hub) as running:
            kept = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
            done = subprocess.run(
                [
                    sys.executable, "-m", "hubkit", "audit", "--from", str(targets), "--store", str(Path(scratch, "census.sqlite")),
                    "--ignore", IGNORED, "--format", "json", "--reports", "--output", str(audit),
                ],
                env=kept | {"HF_ENDPOINT": running.endpoint, "HF_HOME": scratch, "HUBKIT_CACHE": str(Path(scratch, "cache"))},
                check=False,
            )  # fmt: skip
        if done.returncode not in (0, 1, 4):
            raise SystemExit(done.returncode)
        census.main(["table", str(audit), "--source", census.CORPUS])


if __name__ == "__main__":
    main()
