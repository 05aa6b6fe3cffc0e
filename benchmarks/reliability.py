"""Every fault of tests/publish/fault_matrix.py, counted; with `--write` into docs/reliability.md.

python benchmarks/reliability.py --write
python benchmarks/reliability.py --kills 4
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import warnings
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from publish import fault_matrix as matrix  # noqa: E402 - after its folder is known

DOCUMENT = ROOT / "docs" / "reliability.md"
BEGIN, END = "<!-- table: benchmarks/reliability.py -->", "<!-- end of table -->"
HEAD = (
    "| fault | runs | old head after it | new head after it | anything else | complete after the second run | complete objects sent twice | what the first run said |\n"
    "|---|---:|---:|---:|---:|---|---:|---|"
)


def rows(folder: Path, kills: int) -> list[str]:
    """One line a fault."""
    bench = matrix.make_bench(folder)
    found = [matrix.as_row([matrix.run_scenario(scenario, bench)]) for scenario in matrix.SCENARIOS]
    seconds = matrix.seconds_of_a_push(bench)
    for parts in (False, True):
        runs = [
            matrix.run_killed(bench, after, parts=parts)
            for after in matrix.moments(kills, seconds, seed=kills + parts)
        ]
        row = matrix.as_row(runs)
        found.append(row.replace("the client", "the client, uploads in parts") if parts else row)
    found += [
        matrix.as_row([matrix.run_two_at_once(bench, same=same) for _ in range(3)]) for same in (True, False)
    ]
    return found


def write(table: str) -> None:
    """Replace the table between its two markers."""
    text = DOCUMENT.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    DOCUMENT.write_text(f"{before}{BEGIN}\n{table}\n{END}{after}", encoding="utf-8", newline="\n")


def main() -> None:
    """Measure, print, and write when asked."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory(prefix="hubkit-faults-", ignore_cleanup_errors=True) as folder:
        table = "\n".join([HEAD, *rows(Path(folder), arguments.kills)])
    print(table)
    if arguments.write:
        write(table)


if __name__ == "__main__":
    main()
