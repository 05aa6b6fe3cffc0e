"""The process in which SAELens reads its registry with a new entry, and loads through it: `python registry_runner.py JOB ANSWER`.

The registry lies in a file of its own: SAELens's own reader is given that folder for its package's.
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
    from sae_lens.loading import pretrained_saes_directory as directory
    from sae_lens.loading.pretrained_sae_loaders import load_sae_config_from_huggingface

    from hubkit.validate.load_runner import compute

    job = json.loads(Path(job_path).read_text(encoding="utf-8"))
    directory.files = lambda _: Path(job["folder"])
    directory.get_pretrained_saes_directory.cache_clear()
    release = job["release"]
    answer: dict[str, Any] = {"version": __version__, "configs": {}, "loaded": {}}

    def config(sae_id: str) -> Any:
        found = load_sae_config_from_huggingface(release, sae_id)
        metadata = found.get("metadata") or {}
        return {key: found.get(key, metadata.get(key)) for key in ("d_in", "d_sae", "hook_name")}

    def loaded(sae_id: str) -> Any:
        return compute(SAE.from_pretrained(release, sae_id, device="cpu"), job["seed"], job["rows"])

    for part, ask, ids in (("configs", config, job["configs"]), ("loaded", loaded, job["load"])):
        for sae_id in ids:
            answer[part][sae_id] = _answered(ask, sae_id)
    Path(answer_path).write_text(json.dumps(answer, default=str), encoding="utf-8")


def _answered(ask: Any, sae_id: str) -> dict[str, Any]:
    try:
        return {"value": ask(sae_id)}
    except Exception as error:  # noqa: BLE001 - whatever SAELens raises is the answer
        return {"raised": f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"}


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
