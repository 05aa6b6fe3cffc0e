"""A release of two small SAEs, made on the spot: `python make_release.py FOLDER [--broken]`. Broken: the thresholds of one never left 0."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

D_IN, D_SAE = 768, 1536
CARD = """---
library_name: saelens
base_model: openai-community/gpt2
license: mit
---

# Two SAEs

JumpReLU SAEs on the residual stream of gpt2, d_in 768, d_sae 1536.
"""


def main(folder: Path, *, broken: bool) -> None:
    """Write it."""
    generator = np.random.default_rng(0)
    for layer in (4, 8):
        directory = folder / f"gpt2_L{layer}"
        directory.mkdir(parents=True)
        decoder = generator.standard_normal((D_SAE, D_IN)).astype(np.float32)
        decoder /= np.linalg.norm(decoder, axis=1, keepdims=True)
        threshold = generator.uniform(0.02, 0.4, D_SAE).astype(np.float32)
        tensors = {
            "W_enc": np.ascontiguousarray(decoder.T),
            "W_dec": decoder,
            "b_enc": generator.standard_normal(D_SAE).astype(np.float32),
            "b_dec": generator.standard_normal(D_IN).astype(np.float32),
            "threshold": threshold * 0 if broken and layer == 8 else threshold,
        }
        save_file(tensors, directory / "sae_weights.safetensors")
        cfg = {
            "architecture": "jumprelu",
            "d_in": D_IN,
            "d_sae": D_SAE,
            "dtype": "float32",
            "device": "cpu",
            "apply_b_dec_to_input": True,
            "normalize_activations": "none",
            "reshape_activations": "none",
            "metadata": {
                "sae_lens_version": "6.54.12",
                "model_name": "gpt2",
                "hook_name": f"blocks.{layer}.hook_resid_post",
            },
        }
        (directory / "cfg.json").write_text(json.dumps(cfg, indent=2) + "\n", encoding="utf-8", newline="\n")
    (folder / "README.md").write_text(CARD, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), broken="--broken" in sys.argv[2:])
