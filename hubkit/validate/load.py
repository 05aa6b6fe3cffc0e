"""What SAELens makes of every SAE of a folder: one subprocess, two ways of loading, and the definition in numpy beside it."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hubkit.child_process import clean_environment, run_apart
from hubkit.errors import INSTALL_TRAIN, IncompleteError, UsageError
from hubkit.formats.forward import forward
from hubkit.repo.local import LocalView
from hubkit.repo.view import RepoView
from hubkit.tensors.slices import read_values

if TYPE_CHECKING:
    from hubkit.formats.sae import Sae

RUNNER = Path(__file__).with_name("load_runner.py")
SEED, ROWS = 0, 4
TIMEOUT_START, TIMEOUT_EACH = 120.0, 30.0
"""Seconds: importing SAELens, and each SAE."""
TOLERANCE = {"float64": 1e-9, "float32": 1e-4, "float16": 3e-2, "bfloat16": 2e-1}
"""Largest difference that rounding explains, relative to the largest value; by the dtype SAELens computed in."""


@dataclass(frozen=True)
class Loaded:
    """What became of one SAE."""

    version: str
    """Of SAELens."""
    raised: Mapping[str, str]
    """Way of loading to what it raised, where it did."""
    difference: float | None
    """Largest relative difference between SAELens (load_from_disk) and the definition; None where there is nothing to compare."""
    tolerance: float
    l0: float | None


def load_all(view: RepoView, saes: Iterable[Sae]) -> dict[str, Loaded]:
    """Load `saes` of a folder with SAELens, by id. Raises UsageError without SAELens or for a repository that is not on disk."""
    if find_spec("sae_lens") is None:
        raise UsageError("--load opens the SAEs with SAELens, which is not installed", hint=INSTALL_TRAIN)
    if not isinstance(view, LocalView):
        raise UsageError(
            f"{view.name}: --load works on a folder",
            hint=f"hf download {view.name} --local-dir FOLDER, then: hubkit validate FOLDER --load",
        )
    by_id = {sae.sae_id: sae for sae in saes}
    folders = {sae_id: str((view.root / sae_id).resolve()) for sae_id in by_id}
    if not folders:
        return {}
    job = {"folders": folders, "seed": SEED, "rows": ROWS}
    timeout = TIMEOUT_START + TIMEOUT_EACH * len(folders)
    answer = run_saelens(RUNNER, job, timeout, {"HF_HUB_OFFLINE": "1"})
    return {
        sae_id: _judge(view, by_id[sae_id], ways, answer["version"])
        for sae_id, ways in answer["saes"].items()
    }


def run_saelens(
    runner: Path, job: dict[str, Any], timeout: float, more: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """What `runner` answers to a job, in a process of its own without a login; `more` is laid over its environment. Raises UsageError without SAELens, IncompleteError where no answer came."""
    if find_spec("sae_lens") is None:
        raise UsageError("this opens the SAEs with SAELens, which is not installed", hint=INSTALL_TRAIN)
    with tempfile.TemporaryDirectory(prefix="hubkit-load-", ignore_cleanup_errors=True) as scratch:
        job_file, answer_file = Path(scratch) / "job.json", Path(scratch) / "answer.json"
        job_file.write_text(json.dumps(job), encoding="utf-8")
        environment = clean_environment(Path(scratch), more)
        command = [sys.executable, str(runner), str(job_file), str(answer_file)]
        done = run_apart(command, Path(scratch), environment, timeout)
        if done.timed_out:
            raise IncompleteError(f"SAELens did not load the SAEs within {timeout:.0f} s")
        if not answer_file.is_file():
            raise IncompleteError(
                f"the process that ran SAELens ended with {done.code}: {done.errors[-500:]}"
            )
        answer: dict[str, Any] = json.loads(answer_file.read_text(encoding="utf-8"))
        return answer


def _judge(view: LocalView, sae: Sae, ways: Mapping[str, Any], version: str) -> Loaded:
    raised = {way: result["raised"] for way, result in ways.items() if "raised" in result}
    computed = ways["load_from_disk"].get("computed")
    if computed is None:
        return Loaded(version, raised, None, 0.0, None)
    dtype = str(computed["cfg"].get("dtype", "float32")).removeprefix("torch.")
    return Loaded(
        version,
        raised,
        difference_from_definition(view, sae, computed),
        TOLERANCE.get(dtype, TOLERANCE["float32"]),
        computed["l0"],
    )


def stated(raw: Mapping[str, Any], taken: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration as its author wrote it, completed by what SAELens took where nothing is written."""
    written = {key: raw[key] for key in taken if key in raw}
    if not isinstance(written.get("normalize_activations"), str):  # null and booleans of the legacy layouts
        written.pop("normalize_activations", None)
    return {**taken, **written}


def difference_from_definition(view: RepoView, sae: Sae, computed: Mapping[str, Any]) -> float | None:
    """Against the definition, applied to the tensors on disk; None for what it does not define."""
    tensors = {
        name: read_values(view, tensor.path, tensor.info)
        for name, tensor in sae.tensors.items()
        if name != "scaling_factor"
    }
    cfg = stated(sae.cfg.raw if sae.cfg else {}, computed["cfg"])
    x = np.random.default_rng(SEED).standard_normal((ROWS, computed["cfg"]["d_in"]))
    try:
        acts, out = forward(cfg, tensors, x)
    except KeyError:
        return None
    pairs = ((acts, np.asarray(computed["acts"])), (out, np.asarray(computed["out"])))
    return max(
        float(np.abs(ours - theirs).max()) / max(1e-12, float(np.abs(ours).max())) for ours, theirs in pairs
    )
