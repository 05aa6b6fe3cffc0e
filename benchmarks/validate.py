"""How long `hubkit validate` takes on a local release of 57 JumpReLU SAEs of 2048 x 8192.

The files are sparse: header and thresholds are real, the rest is a hole, so the release takes no space and the validator
cannot tell. Every run is a process of its own, as a user starts it; the first one (cold caches) is not counted.

    python benchmarks/validate.py --runs 15
    python benchmarks/validate.py --keep ./release     only make the release
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

D_IN, D_SAE, COUNT = 2048, 8192, 57
BUDGET = 0.6
"""Seconds, for a warm process."""
SHAPES = {
    "W_dec": [D_SAE, D_IN],
    "W_enc": [D_IN, D_SAE],
    "b_dec": [D_IN],
    "b_enc": [D_SAE],
    "threshold": [D_SAE],
}
README = "---\nlibrary_name: saelens\nbase_model: lab/tiny\nlicense: mit\n---\n\n# SAEs\n"


def configuration(layer: int) -> dict[str, object]:
    """What SAELens 6 writes."""
    metadata = {
        "sae_lens_version": "6.54.12", "sae_lens_training_version": "6.54.12", "model_name": "lab/tiny",
        "hook_name": f"blocks.{layer}.hook_resid_post",
    }  # fmt: skip
    return {
        "architecture": "jumprelu", "d_in": D_IN, "d_sae": D_SAE, "dtype": "float32", "device": "cpu", "apply_b_dec_to_input": True,
        "normalize_activations": "none", "reshape_activations": "none", "metadata": metadata,
    }  # fmt: skip


def write_weights(path: Path, seed: int) -> None:
    """Header and thresholds; everything between is a hole."""
    header: dict[str, object] = {}
    end = 0
    for name, shape in SHAPES.items():
        begin, end = end, end + 4 * int(np.prod(shape))
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [begin, end]}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    threshold = np.random.default_rng(seed).uniform(0.02, 0.4, D_SAE).astype("<f4").tobytes()
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        file.truncate(8 + len(text) + end)
        file.seek(8 + len(text) + end - len(threshold))
        file.write(threshold)


def make_release(folder: Path) -> None:
    """57 SAEs over 19 layers."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "README.md").write_text(README, encoding="utf-8")
    for index in range(COUNT):
        layer, condition = index % 19, ("mixed", "deceptive_only", "honest_only")[index // 19]
        sae = folder / f"jumprelu_L{layer}_{condition}"
        sae.mkdir(exist_ok=True)
        (sae / "cfg.json").write_text(json.dumps(configuration(layer), indent=2), encoding="utf-8")
        write_weights(sae / "sae_weights.safetensors", index)


def seconds(command: list[str]) -> tuple[float, float]:
    """One process, from start to end: by the clock, and of the processor (0 on Windows, which does not tell)."""
    begun, before = time.perf_counter(), os.times()
    done = subprocess.run(command, capture_output=True, check=False)
    passed, after = time.perf_counter() - begun, os.times()
    if done.returncode not in (0, 1):
        sys.exit(done.stderr.decode(errors="replace"))
    used = after.children_user + after.children_system - before.children_user - before.children_system
    return passed, used


def measure(folder: Path, runs: int) -> dict[str, float]:
    """Median, best and worst of `runs` warm processes; also of a bare interpreter, which tells how busy the machine is."""
    command = [sys.executable, "-m", "hubkit", "validate", str(folder)]
    seconds(command)
    times = sorted(seconds(command) for _ in range(runs))
    bare = [seconds([sys.executable, "-c", "pass"])[0] for _ in range(runs)]
    return {
        "median": statistics.median(passed for passed, _ in times),
        "best": times[0][0],
        "worst": times[-1][0],
        "processor": statistics.median(used for _, used in times),
        "bare_python": statistics.median(bare),
    }


def main() -> None:
    """Parse, make, measure, print; exit code 1 above the budget."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--keep", type=Path, help="make the release here and measure nothing")
    given = parser.parse_args()
    if given.keep:
        make_release(given.keep)
        return
    with tempfile.TemporaryDirectory(prefix="hubkit-benchmark-") as folder:
        release = Path(folder) / "release"
        make_release(release)
        found = measure(release, given.runs)
    print(json.dumps({key: round(value, 3) for key, value in found.items()}))
    sys.exit(int(found["median"] > BUDGET))


if __name__ == "__main__":
    main()
