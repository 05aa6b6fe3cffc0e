"""The process in which SAELens loads what was converted: `python saelens_runner.py JOB ANSWER`. Imports sae_lens once.

Each SAE is loaded from disk by SAELens's own class twice: as people load it, whose tensors are hashed, and in float64, whose latents and reconstructions of
the given rows are written beside the job. The second may be of a smaller SAE of the same latents where the whole is large.
"""

from __future__ import annotations

import hashlib
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
    for name, one in job.items():
        try:
            answer["saes"][name] = _asked(SAE, one)
        except Exception as error:  # noqa: BLE001 - whatever SAELens raises is the answer
            words = " ".join(str(error).split())
            answer["saes"][name] = {"raised": f"{type(error).__name__}: {words[:300]}"}
    Path(answer_path).write_text(json.dumps(answer), encoding="utf-8")


def _asked(sae_class: Any, one: dict[str, str]) -> dict[str, Any]:
    import numpy as np

    rows = np.load(one["rows"])
    whole = sae_class.load_from_disk(one["folder"], device="cpu")
    native = (
        whole if one["compared"] == one["folder"] else sae_class.load_from_disk(one["compared"], device="cpu")
    )
    exact = sae_class.load_from_disk(one["compared"], device="cpu", dtype="float64")
    outputs = [*_outputs(exact, rows["all"]), *_outputs(native, rows["plain"])]
    np.savez(
        one["outputs"], **dict(zip(("latents", "out", "native_latents", "native_out"), outputs, strict=True))
    )
    metadata = whole.cfg.metadata.to_dict()
    return {
        "class": type(whole).__name__,
        "dtype": str(whole.dtype).removeprefix("torch."),
        "hook_name": metadata.get("hook_name"),
        "model_name": metadata.get("model_name"),
        "tensors": {name: _digest(tensor) for name, tensor in whole.state_dict().items()},
    }


def _outputs(sae: Any, rows: Any) -> tuple[Any, Any]:
    """Latents and reconstruction, as float64."""
    import torch

    sae.turn_off_forward_pass_hook_z_reshaping()
    x = torch.from_numpy(rows).to(sae.dtype)
    with torch.no_grad():
        return sae.encode(x).double().numpy(), sae(x).double().numpy()


def _digest(tensor: Any) -> str:
    import torch

    flat = tensor.detach().contiguous().reshape(-1).view(torch.uint8)
    return hashlib.sha256(memoryview(flat.numpy())).hexdigest()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
