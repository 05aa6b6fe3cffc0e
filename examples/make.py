"""Makes `examples/broken`, as releases go wrong, and `examples/repaired`, what the commands make of it: `python examples/make.py [FOLDER]`.

The weights are noise in the width of SmolLM2-135M, with 32 latents so that they stay small. What is wrong is what was met in public: JumpReLUs whose
thresholds never left 0, a TopK without its k, a card that says otherwise. The repair is what a person types, and the k, which only a person knows.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

D_IN, D_SAE, K = 576, 32, 8
BASE = "HuggingFaceTB/SmolLM2-135M"
CARD = f"""---
library_name: saelens
base_model: {BASE}
license: mit
---

# SAEs for deception in SmolLM2-135M

6 sparse autoencoders on the residual stream of SmolLM2-135M, trained on honest and deceptive completions of the same prompts.

| Property | Value |
|---|---|
| Base model | {BASE} |
| Architectures | JumpReLU, TopK |
| Layers | 9, 18 |
| d_in | 576 |
| d_sae | 64 |

The JumpReLU SAEs were trained with a straight-through estimator and have learned thresholds.

```python
from sae_lens import SAE

sae = SAE.from_pretrained("example-lab/smollm2-deception-saes", "smollm2_jumprelu_ste_L12")
```
"""
AUTHOR = f"""repo_id: example-lab/smollm2-deception-saes
base_model: {BASE}
license: mit
title: SAEs for deception in SmolLM2-135M
summary: Sparse autoencoders on the residual stream of SmolLM2-135M, trained on honest and deceptive completions of the same prompts.
"""


def write(path: Path, text: str) -> None:
    """UTF-8 and line feeds, on every system."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="\n")


def save_sae(folder: Path, architecture: str, layer: int, generator: np.random.Generator) -> None:
    """One SAE folder in SAELens's layout; W_enc [d_in, d_sae], W_dec [d_sae, d_in] with rows of norm 1, float32."""
    decoder = generator.standard_normal((D_SAE, D_IN)).astype(np.float32)
    decoder /= np.linalg.norm(decoder, axis=1, keepdims=True)
    encoder = decoder.T + 0.05 * generator.standard_normal((D_IN, D_SAE)).astype(np.float32)
    tensors = {
        "W_enc": np.ascontiguousarray(encoder),
        "W_dec": decoder,
        "b_enc": 0.1 * generator.standard_normal(D_SAE).astype(np.float32),
        "b_dec": 0.1 * generator.standard_normal(D_IN).astype(np.float32),
    }
    if architecture == "jumprelu":
        tensors["threshold"] = np.zeros(D_SAE, np.float32)
    cfg = {
        "architecture": architecture,
        "d_in": D_IN,
        "d_sae": D_SAE,
        "dtype": "float32",
        "device": "cpu",
        "apply_b_dec_to_input": True,
        "normalize_activations": "none",
        "reshape_activations": "none",
        "metadata": {
            "sae_lens_version": "6.54.12",
            "model_name": BASE,
            "hook_name": f"blocks.{layer}.hook_resid_post",
        },
    }
    folder.mkdir(parents=True)
    save_file(tensors, folder / "sae_weights.safetensors")
    write(folder / "cfg.json", json.dumps(cfg, indent=2) + "\n")


def make_broken(folder: Path) -> None:
    """Three SAEs and a card."""
    generator = np.random.default_rng(0)
    for layer in (9, 18):
        save_sae(folder / f"smollm2_jumprelu_ste_L{layer}", "jumprelu", layer, generator)
    save_sae(folder / "smollm2_topk_L18", "topk", 18, generator)
    write(folder / "README.md", CARD)


def repair(folder: Path) -> None:
    """What a person does: the k that only he knows, what hubkit proves, and a card from the files."""
    path = folder / "smollm2_topk_L18" / "cfg.json"
    write(path, json.dumps({**json.loads(path.read_text(encoding="utf-8")), "k": K}, indent=2) + "\n")
    hubkit("fix", str(folder), "--unsafe-fixes")
    (folder / "README.md").unlink()
    write(folder / "card.yaml", AUTHOR)
    hubkit("build-cards", str(folder), "--no-run")


def hubkit(*arguments: str) -> None:
    """The command as a person types it."""
    subprocess.run([sys.executable, "-m", "hubkit", *arguments], check=True, stdin=subprocess.DEVNULL)


def main(folder: Path) -> None:
    """Write both, anew."""
    for name in ("broken", "repaired"):
        shutil.rmtree(folder / name, ignore_errors=True)
    make_broken(folder / "broken")
    shutil.copytree(folder / "broken", folder / "repaired")
    repair(folder / "repaired")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
