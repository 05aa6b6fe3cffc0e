"""What `hubkit validate OWNER/REPO` costs on the Hub, against downloading and against HfFileSystem.

A release of 54 SAEs of 576 x 2304 (27 topk, 27 jumprelu; 575 MB of real float32 files), with evaluation.json and README, is
published to a local Hub in a process of its own. Every way reads it in a fresh process, with no delay and with 50 ms for every
request; requests and bytes are what the Hub counted. The temporary folder needs 1.8 GB.

    python benchmarks/remote.py --runs 5
    python benchmarks/remote.py --runs 5 --jumprelu 54
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

D_IN, D_SAE, COUNT, LAYERS = 576, 2304, 54, 9
DELAYS = (0.0, 0.05)
BUDGET = {"bytes": 700_000, "requests": 222, "seconds": 1.0}
REPO, TOKEN = "bench/saes", "benchmark"
README = "---\nlibrary_name: saelens\nbase_model: HuggingFaceTB/SmolLM2-135M\nlicense: mit\n---\n\n# SAEs\n"
MEASURES = (
    ("explained_variance", "train"),
    ("l0", "train"),
    ("alive_share", "train"),
    ("explained_variance", "crossfit"),
    ("l0", "crossfit"),
    ("alive_share", "crossfit"),
    ("probe_balanced_accuracy", "crossfit"),
)


def configuration(architecture: str, layer: int) -> dict[str, Any]:
    """What SAELens 6 writes."""
    metadata = {
        "sae_lens_version": "6.54.12", "sae_lens_training_version": "6.54.12", "model_name": "HuggingFaceTB/SmolLM2-135M",
        "hook_name": f"blocks.{layer}.hook_resid_post", "training_architecture": architecture,
    }  # fmt: skip
    cfg: dict[str, Any] = {
        "architecture": architecture, "d_in": D_IN, "d_sae": D_SAE, "dtype": "float32", "device": "cpu", "apply_b_dec_to_input": True,
        "normalize_activations": "none", "reshape_activations": "none", "metadata": metadata,
    }  # fmt: skip
    return cfg | ({"k": 32, "rescale_acts_by_decoder_norm": True} if architecture == "topk" else {})


def make_release(folder: Path, jumprelu: int) -> None:
    """COUNT SAEs with random weights, `jumprelu` of them with thresholds; the numbers of evaluation.json are random too."""
    from safetensors.numpy import save_file

    generator = np.random.default_rng(0)
    names = []
    for index in range(COUNT):
        architecture, layer = "jumprelu" if index < jumprelu else "topk", index % LAYERS
        name = f"{architecture}_L{layer}_{index // LAYERS}"
        (folder / name).mkdir(parents=True)
        weights = {
            "W_enc": generator.standard_normal((D_IN, D_SAE), dtype=np.float32),
            "W_dec": generator.standard_normal((D_SAE, D_IN), dtype=np.float32),
            "b_enc": generator.standard_normal(D_SAE, dtype=np.float32),
            "b_dec": generator.standard_normal(D_IN, dtype=np.float32),
        }
        if architecture == "jumprelu":
            weights["threshold"] = generator.uniform(0.02, 0.4, D_SAE).astype(np.float32)
        save_file(weights, folder / name / "sae_weights.safetensors")
        text = json.dumps(configuration(architecture, layer), indent=2)
        (folder / name / "cfg.json").write_text(text, encoding="utf-8")
        names.append(name)
    (folder / "README.md").write_text(README, encoding="utf-8")
    write_evaluation(folder / "evaluation.json", names, generator)


def write_evaluation(path: Path, names: list[str], generator: np.random.Generator) -> None:
    """In hubkit's own form, as long as what `hubkit evaluate` writes."""
    from hubkit import __version__
    from hubkit.release.metrics import Comparison, Evaluation, LayerProfile, MetricValue, SaeMetrics

    def value(measure: str, split: Any) -> MetricValue:
        low, high = sorted(generator.uniform(0, 1, 2).tolist())
        return MetricValue(
            measure=measure,
            version=1,
            value=float(generator.uniform()),
            n=231,
            split=split,
            interval=(low, high),
        )

    saes = [SaeMetrics(sae_id=name, values=[value(*one) for one in MEASURES]) for name in names]
    layers = [
        LayerProfile(layer=n, hook_name=f"blocks.{n}.hook_resid_post", values=[value(*MEASURES[-1])])
        for n in range(LAYERS)
    ]
    comparisons = [
        Comparison(
            sae_id=name, reference=f"raw activations at layer {n % LAYERS}", difference=value(*MEASURES[-1])
        )
        for n, name in enumerate(names)
    ]
    evaluation = Evaluation(saes=saes, layers=layers, comparisons=comparisons, inputs_sha256="0" * 64)
    evaluation.recorded(__version__).save(path)


def serve(folder: Path) -> None:
    """The Hub's process. A line on stdin is a delay in seconds; its answer is what was asked since the last one."""
    from hubkit.localhub.faults import Fault
    from hubkit.localhub.server import serving

    with serving(folder, token=TOKEN) as hub:
        print(hub.endpoint, flush=True)
        for line in sys.stdin:
            counts = [len(hub.requests), sum(one.sent for one in hub.requests)]
            hub.clear_requests()
            hub.faults.clear()
            if float(line):
                hub.faults.add(Fault("delay", seconds=float(line), times=None))
            print(json.dumps(counts), flush=True)


def by_validate() -> int:
    """`hubkit validate`, default rules."""
    return _validated(cache=False)


def by_validate_again() -> int:
    """The same, where an earlier run read the same commit."""
    return _validated(cache=True)


def _validated(*, cache: bool) -> int:
    from hubkit.repo.hub import open_repo
    from hubkit.validate.run import validate

    report = validate(open_repo(REPO, None, cache=cache))
    assert report.complete
    assert len(report.saes) == COUNT
    return sum(sae.architecture == "jumprelu" for sae in report.saes)


def by_snapshot() -> int:
    """Download everything, then validate the folder."""
    from huggingface_hub import snapshot_download

    from hubkit.repo.local import open_folder
    from hubkit.validate.run import validate

    report = validate(open_folder(Path(snapshot_download(REPO))))
    return sum(sae.architecture == "jumprelu" for sae in report.saes)


def by_saelens() -> int:
    """Download everything, then open every SAE with SAELens and look at its thresholds."""
    from huggingface_hub import snapshot_download
    from sae_lens import SAE

    found = 0
    for cfg in sorted(Path(snapshot_download(REPO)).glob("*/cfg.json")):
        threshold = getattr(SAE.load_from_disk(cfg.parent, device="cpu"), "threshold", None)
        found += threshold is not None and bool(threshold.isfinite().all())
    return found


def by_filesystem() -> int:
    """Configurations, headers and thresholds through HfFileSystem as it comes."""
    from huggingface_hub import HfFileSystem

    found = 0
    files = HfFileSystem()
    for path in files.find(REPO):
        if path.endswith(("cfg.json", "evaluation.json", "README.md")):
            files.read_bytes(path)
        elif path.endswith(".safetensors"):
            with files.open(path) as file:
                length = int.from_bytes(file.read(8), "little")
                threshold = json.loads(file.read(length)).get("threshold")
                if threshold:
                    file.seek(8 + length + threshold["data_offsets"][0])
                    found += len(file.read(4 * D_SAE)) == 4 * D_SAE
    return found


WAYS: dict[str, Callable[[], int]] = {
    "hubkit validate": by_validate,
    "hubkit validate, again": by_validate_again,
    "HfFileSystem, defaults": by_filesystem,
    "snapshot_download + validate": by_snapshot,
}
if importlib.util.find_spec("sae_lens"):
    WAYS["snapshot_download + SAELens"] = by_saelens


def run_way(name: str, jumprelu: int) -> None:
    """In a fresh process: the seconds of the work, with every import that it needs but those of the rules."""
    import hubkit.validate.run  # noqa: F401

    begun = time.perf_counter()
    found = WAYS[name]()
    seconds = time.perf_counter() - begun
    assert found == jumprelu, f"{found} thresholds, expected {jumprelu}"
    print(json.dumps(seconds))


class Hub:
    """The Hub's process, from outside."""

    def __init__(self, folder: Path) -> None:
        command = [sys.executable, __file__, "--serve", str(folder)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.endpoint = self.process.stdout.readline().strip()

    def tell(self, delay: float) -> tuple[int, int]:
        """Set the delay; requests and bytes since the last time."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{delay}\n")
        self.process.stdin.flush()
        requests, size = json.loads(self.process.stdout.readline())
        return requests, size

    def stop(self) -> None:
        """End it."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(30)


def measure(hub: Hub, name: str, delay: float, runs: int, scratch: Path, jumprelu: int) -> dict[str, Any]:
    """Median and range of `runs` fresh processes, with the Hub's counts of the last one."""
    seconds, counts = [], (0, 0)
    for run in range(runs):
        home = scratch / f"home{run}"
        environment = {
            **os.environ, "HF_ENDPOINT": hub.endpoint, "HF_HOME": str(home), "HF_TOKEN": TOKEN, "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1", "HUBKIT_CACHE": str(scratch / "cache"),
        }  # fmt: skip
        environment.pop("PYTHONDONTWRITEBYTECODE", None)  # nobody compiles the program anew for each run
        command = [sys.executable, __file__, "--way", name, "--jumprelu", str(jumprelu)]
        if name.endswith("again"):
            subprocess.run(command, env=environment, check=True, capture_output=True)
        hub.tell(delay)
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        counts = hub.tell(0.0)
        if done.returncode:
            sys.exit(done.stderr)
        seconds.append(float(done.stdout.splitlines()[-1]))
        shutil.rmtree(home, ignore_errors=True)
    return {
        "way": name, "delay": delay, "requests": counts[0], "bytes": counts[1],
        "seconds": statistics.median(seconds), "best": min(seconds), "worst": max(seconds),
    }  # fmt: skip


def main() -> None:
    """Make, publish, measure, print; exit code 1 above the budget."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--jumprelu", type=int, default=COUNT // 2, help="how many SAEs have thresholds")
    parser.add_argument("--only", default="", help="ways whose name begins so")
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--way", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        serve(arguments.serve)
    elif arguments.way:
        run_way(arguments.way, arguments.jumprelu)
    else:
        with tempfile.TemporaryDirectory(prefix="hubkit-remote-") as scratch:
            compare(Path(scratch), arguments)


def compare(scratch: Path, arguments: argparse.Namespace) -> None:
    """The table."""
    from huggingface_hub import HfApi

    from hubkit.publish.rehearse import publish_locally

    make_release(scratch / "release", arguments.jumprelu)
    total = sum(file.stat().st_size for file in (scratch / "release").rglob("*") if file.is_file())
    hub = Hub(scratch / "hub")
    try:
        publish_locally(scratch / "release", REPO, HfApi(endpoint=hub.endpoint, token=TOKEN))
        shutil.rmtree(scratch / "release")
        print(f"{COUNT} SAEs, {arguments.jumprelu} with thresholds, {total:,} bytes\n")
        print("| way | delay | requests | bytes | seconds (median; best, worst) |\n|---|---|---|---|---|")
        rows = []
        for name in (way for way in WAYS if way.startswith(arguments.only)):
            for delay in DELAYS:
                runs = arguments.runs if name.startswith("hubkit") else 1
                row = measure(hub, name, delay, runs, scratch, arguments.jumprelu)
                rows.append(row)
                print(
                    f"| {name} | {1000 * delay:.0f} ms | {row['requests']:,} | {row['bytes']:,} "
                    f"| {row['seconds']:.2f}; {row['best']:.2f}, {row['worst']:.2f} |",
                    flush=True,
                )
    finally:
        hub.stop()
    ours = next(row for row in rows if row["way"] == "hubkit validate" and row["delay"] == DELAYS[-1])
    over = [key for key, most in BUDGET.items() if ours[key] > most]
    print(f"\nbudget {BUDGET}: {'over in ' + ', '.join(over) if over else 'kept'}")
    sys.exit(bool(over))


if __name__ == "__main__":
    main()
