"""`hubkit push` against `hf upload` of the same folder, on a local Hub: wall time, bytes, requests, commits; and what rehearsal and proof cost.

A release of 54 SAEs of 576 x 2304 (574 MB of real float32 files, provenance and card), to a fresh Hub each time, every way in a fresh
process. The Hub runs in the benchmark's own process, on the same cores. The temporary folder needs 2.5 GB.

    python benchmarks/push.py --runs 3
    python benchmarks/push.py --runs 1 --scale 16
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from publish.releases import SEEDS, make_release, scaled  # noqa: E402 - after its folder is known

from hubkit.localhub.server import serving  # noqa: E402

REPO, TOKEN = "bench/saes", "benchmark"


@dataclass(frozen=True)
class Measured:
    """One process, from its start to its end."""

    seconds: float
    received: int
    """Bytes of bodies that the Hub received."""
    sent: int
    requests: int
    commits: int


def hf_upload(release: Path) -> list[str]:
    """The Hub's own command line."""
    return [
        str(Path(sys.executable).with_name("hf")),
        "upload",
        REPO,
        str(release),
        ".",
        "--exclude",
        "card.yaml",
    ]


def hubkit(*options: str) -> Callable[[Path], list[str]]:
    """`hubkit push` with these options."""
    return lambda release: [
        sys.executable,
        "-m",
        "hubkit",
        "push",
        str(release),
        "--no-code",
        "--quiet",
        *options,
    ]


WAYS: dict[str, Callable[[Path], list[str]]] = {
    "hf upload": hf_upload,
    "hubkit push --no-rehearse (gate, commit, proof)": hubkit("--no-rehearse"),
    "hubkit push (gate, rehearsal, commit, proof)": hubkit(),
}


def measure(
    way: Callable[[Path], list[str]], release: Path, hub_folder: Path, *, again: bool = False
) -> Measured:
    """One run on a fresh Hub; with `again`, the second run on it."""
    with serving(hub_folder, token=TOKEN) as hub, tempfile.TemporaryDirectory() as home:
        environment = os.environ | {
            "HF_ENDPOINT": hub.endpoint, "HF_TOKEN": TOKEN, "HF_HOME": home, "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_DISABLE_UPDATE_CHECK": "1", "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore",
        }  # fmt: skip
        seconds = 0.0
        for _ in range(2 if again else 1):
            hub.clear_requests()
            begun = time.perf_counter()
            done = subprocess.run(way(release), env=environment, capture_output=True, text=True, check=False)
            seconds = time.perf_counter() - begun
            if done.returncode:
                raise SystemExit(
                    f"{way(release)} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
                )
        log = hub.requests
        commits = sum("/commit/" in one.path and one.status == 200 and one.method == "POST" for one in log)
        return Measured(
            seconds, sum(one.received for one in log), sum(one.sent for one in log), len(log), commits
        )


def verify_alone(release: Path, hub_folder: Path) -> Measured:
    """`hubkit verify` of what was pushed, against provenance.json."""
    measure(WAYS["hf upload"], release, hub_folder)
    return measure(lambda _: [sys.executable, "-m", "hubkit", "verify", REPO, "--quiet"], release, hub_folder)


def row(name: str, several: list[Measured]) -> str:
    """The median time; the counts are the same each time."""
    times = [one.seconds for one in several]
    last = several[-1]
    spread = f"{min(times):.1f}, {max(times):.1f}"
    return f"| {name} | {statistics.median(times):.1f}; {spread} | {last.received:,} | {last.sent:,} | {last.requests} | {last.commits} |"


def main() -> None:
    """Make the release, measure, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--scale", type=int, default=1, help="vectors so many times shorter")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory(prefix="hubkit-push-", ignore_cleanup_errors=True) as scratch:
        root = Path(scratch)
        release = make_release(root / "release", scaled(SEEDS[0], arguments.scale), REPO)
        found: dict[str, list[Measured]] = {}

        def note(name: str, action: Callable[[Path], Measured]) -> None:
            hub = root / "hub"
            found.setdefault(name, []).append(action(hub))
            shutil.rmtree(hub, ignore_errors=True)

        for _ in range(arguments.runs):
            for name, way in WAYS.items():
                note(name, lambda hub, way=way: measure(way, release, hub))
            for name in ("hf upload", "hubkit push (gate, rehearsal, commit, proof)"):
                note(
                    f"{name}, again, nothing new",
                    lambda hub, name=name: measure(WAYS[name], release, hub, again=True),
                )
            note("hubkit verify, alone", lambda hub: verify_alone(release, hub))
        size = sum(path.stat().st_size for path in release.rglob("*") if path.is_file())
    print(f"{size / 1e6:,.1f} MB\n")
    print("| way | seconds (median; best, worst) | bytes to the Hub | bytes from it | requests | commits |")
    print("|---|---|---:|---:|---:|---:|")
    print("\n".join(row(name, several) for name, several in found.items()))
    print(
        json.dumps({name: [one.seconds for one in several] for name, several in found.items()}),
        file=sys.stderr,
    )


if __name__ == "__main__":
    main()
