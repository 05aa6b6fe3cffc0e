"""The process in which SAELens loads a folder's SAEs: `python load_runner.py JOB ANSWER`. Imports sae_lens once, opens every SAE two ways.

A: SAE.from_dict(cfg) and load_state_dict(load_file(...)), as many cards say. B: SAE.load_from_disk. The answer has what each way raised, or what
it computed on given inputs.
"""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path
from typing import Any


def main(job_path: str, answer_path: str) -> None:
    """Read the job, write the answer."""
    warnings.simplefilter("ignore")
    from sae_lens import SAE, __version__

    job = json.loads(Path(job_path).read_text(encoding="utf-8"))
    answer: dict[str, Any] = {"version": __version__, "saes": {}}
    for sae_id, folder in job["folders"].items():
        ways: dict[str, Any] = {}
        for way, load in (("from_dict", _from_dict), ("load_from_disk", _from_disk)):
            try:
                sae = load(SAE, Path(folder))
                ways[way] = {"computed": compute(sae, job["seed"], job["rows"])}
            except Exception as error:  # noqa: BLE001 - whatever SAELens raises is the answer
                words = " ".join(str(error).split())  # torch says what is missing on the second line
                ways[way] = {"raised": f"{type(error).__name__}: {words[:300]}"}
        answer["saes"][sae_id] = ways
    Path(answer_path).write_text(json.dumps(answer), encoding="utf-8")


def _from_disk(sae_class: Any, folder: Path) -> Any:
    return sae_class.load_from_disk(folder, device="cpu")


def _from_dict(sae_class: Any, folder: Path) -> Any:
    from safetensors.torch import load_file

    cfg = json.loads((folder / "cfg.json").read_text(encoding="utf-8"))
    sae = sae_class.from_dict({**cfg, "device": "cpu"})
    sae.load_state_dict(load_file(folder / "sae_weights.safetensors"))
    return sae


def compute(sae: Any, seed: int, rows: int) -> dict[str, Any]:
    """The configuration that SAELens ended up with, and what encode and decode make of random inputs, as float64."""
    import numpy as np
    import torch

    x = torch.from_numpy(np.random.default_rng(seed).standard_normal((rows, sae.cfg.d_in))).to(sae.dtype)
    if sae.cfg.architecture() == "temporal":  # takes (batch, tokens, d_in)
        x = x[None]
    sae.turn_off_forward_pass_hook_z_reshaping()
    with torch.no_grad():
        acts = sae.encode(x)
        out = sae(x)
    cfg = {key: value for key, value in sae.cfg.to_dict().items() if key != "metadata"}
    metadata = sae.cfg.metadata.to_dict()
    return {
        "cfg": json.loads(json.dumps(cfg, default=str)),
        "hook_name": metadata.get("hook_name"),
        "model_name": metadata.get("model_name"),
        "l0": float((acts != 0).double().sum(-1).mean()),
        "acts": acts.double().tolist(),
        "out": out.double().tolist(),
    }


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
