"""The process that builds an empty model: `python modules_runner.py JOB ANSWER`. JOB is a config.json; ANSWER has the names of all modules.

Parameters are on the meta device, which has no memory; nothing is downloaded, and no code but that of transformers runs.
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
    import transformers

    job = json.loads(Path(job_path).read_text(encoding="utf-8"))
    answer: dict[str, Any] = {"version": transformers.__version__, "classes": [], "names": []}
    names: set[str] = set()
    for build in _builders(transformers, job):
        try:
            model = build()
        except Exception as error:  # noqa: BLE001 - a class that cannot be built is one that nobody loads this model with
            sys.stderr.write(f"{type(error).__name__}: {error}\n")
            continue
        answer["classes"].append(type(model).__name__)
        names.update(name for name, _ in model.named_modules() if name)
    answer["names"] = sorted(names)
    Path(answer_path).write_text(json.dumps(answer), encoding="utf-8")


def _builders(transformers: Any, job: dict[str, Any]) -> list[Any]:
    import torch

    model_type = job.pop("model_type")
    stated = [name for name in job.get("architectures") or [] if isinstance(name, str)]

    def config() -> Any:
        return transformers.AutoConfig.for_model(model_type, **job)

    def by_auto(name: str) -> Any:
        def build() -> Any:
            with torch.device("meta"):
                return getattr(transformers, name).from_config(config(), trust_remote_code=False)

        return build

    def by_class(name: str) -> Any:
        def build() -> Any:
            found = getattr(transformers, name, None)
            if not (isinstance(found, type) and issubclass(found, transformers.PreTrainedModel)):
                raise TypeError(f"{name} is no model of transformers")
            with torch.device("meta"):
                return found(config())

        return build

    autos = ("AutoModelForCausalLM", "AutoModelForImageTextToText", "AutoModel")
    return [*(by_auto(name) for name in autos if hasattr(transformers, name)), *map(by_class, stated[:1])]


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
