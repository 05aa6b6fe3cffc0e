"""Run the light verbs of an installed wheel that has no torch beside it; the release they work on is made with numpy."""

import importlib.util
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from hubkit.localhub import serving

work = Path(sys.argv[1])
hubkit = str(Path(sys.executable).with_name("hubkit"))
for name in ("torch", "transformers", "sae_lens", "sklearn", "bitsandbytes", "pyarrow"):
    assert importlib.util.find_spec(name) is None, f"{name} is installed: this is no base install"

# The light install is what stands first in the README: a first finding must not cost a download of torch.
wheels = sum(path.stat().st_size for path in (work / "wheels").iterdir())
assert wheels < 40_000_000, f"the base install is {wheels:,} bytes of wheels, expected less than 40 MB"


def run(*arguments: str, expect: int = 0, **environment: str) -> str:
    """The verb's stdout; its exit code must be the expected one."""
    done = subprocess.run(
        [hubkit, *arguments],
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        cwd=work,
        env={**os.environ, **environment},
    )
    assert done.returncode == expect, (
        f"hubkit {' '.join(arguments)}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    )
    return done.stdout


def write_sae(folder: Path, threshold: float) -> None:
    """A JumpReLU of 16 x 64 with random weights."""
    folder.mkdir(parents=True)
    generator = np.random.default_rng(0)
    shapes = {"W_enc": (16, 64), "W_dec": (64, 16), "b_enc": (64,), "b_dec": (16,)}
    tensors = {name: generator.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}
    tensors["threshold"] = (generator.uniform(0.1, 0.3, 64) * threshold).astype(np.float32)
    save_file(tensors, folder / "sae_weights.safetensors")
    cfg = {
        "architecture": "jumprelu", "d_in": 16, "d_sae": 64, "dtype": "float32", "device": "cpu", "apply_b_dec_to_input": True,
        "normalize_activations": "none", "reshape_activations": "none",
        "metadata": {"sae_lens_version": "6.54.12", "model_name": "lab/tiny", "hook_name": "blocks.2.hook_resid_post"},
    }  # fmt: skip
    (folder / "cfg.json").write_text(json.dumps(cfg), encoding="utf-8")


write_sae(work / "good" / "lab_L2", 1.0)
write_sae(work / "bad" / "lab_L2", 0.0)
(work / "good" / "card.yaml").write_text(
    "repo_id: owner/name\nbase_model: lab/tiny\nlicense: mit\n", encoding="utf-8"
)
run("build-cards", "good")
run("validate", "good", "--fail-on", "warning")
assert "THR001" in run("validate", "bad", expect=1)
run("audit", "good", "bad", expect=1)
run("fix", "good")
run("rules")
run("explain", "THR001")
assert "repo_id: owner/name" in run("registry", "good", "--format", "yaml", "--no-check")
run("schema", "report")
with serving(work / "hub") as hub:
    run("push", "good", HF_ENDPOINT=hub.endpoint, HF_TOKEN="any", HF_HUB_DISABLE_TELEMETRY="1")
    run("validate", "owner/name", HF_ENDPOINT=hub.endpoint, HF_HUB_DISABLE_TELEMETRY="1")
seconds = []
for _ in range(5):
    begun = time.perf_counter()
    run("--help")
    seconds.append(time.perf_counter() - begun)
print(
    f"base install: ok; hubkit --help in {min(seconds):.2f} s (budget 0.25 s), {sorted(seconds)[2]:.2f} s median"
)
assert min(seconds) < 0.5, seconds
