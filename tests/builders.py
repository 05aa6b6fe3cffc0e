"""SAE folders made on the spot, without torch: a good one, and the same with one thing wrong."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from safetensors.numpy import save

from hubkit.formats.saelens import tensor_shapes
from hubkit.repo.memory import MemoryView
from hubkit.validate.report import Report
from hubkit.validate.run import Selection, validate

D_IN, D_SAE = 8, 32
FOLDER = "lab_L2_mixed"
README = (
    "---\nlibrary_name: saelens\nbase_model: lab/tiny\nlicense: mit\n---\n\n# SAEs\n\nTraining data: random numbers. Intended use: tests. "
    "Limitations: nothing was learned, a threshold may be zero, a file a pickle. Precision: float32. Citation: none.\n\n"
)
"""With every section that a reader needs, and the defects that tests make, in one line."""
GONE = object()
"""As a value: the key is left out."""


def cfg(architecture: str = "jumprelu", *, metadata: Any = None, **changes: Any) -> dict[str, Any]:
    """An explicit v6 configuration; GONE removes a key."""
    base: dict[str, Any] = {
        "architecture": architecture,
        "d_in": D_IN,
        "d_sae": D_SAE,
        "dtype": "float32",
        "device": "cpu",
        "apply_b_dec_to_input": "transcoder" not in str(architecture),
        "normalize_activations": "none",
        "reshape_activations": "none",
        "metadata": {
            "sae_lens_version": "6.54.12",
            "sae_lens_training_version": None,
            "model_name": "lab/tiny",
            "hook_name": "blocks.2.hook_resid_post",
        },
    }
    if architecture in ("topk", "abstopk"):
        base |= {"k": 4, "rescale_acts_by_decoder_norm": True}
    if "transcoder" in str(architecture):
        base["d_out"] = D_IN
        base["metadata"]["hook_name_out"] = "blocks.2.hook_mlp_out"
    if metadata is not None:
        base["metadata"] = {**base["metadata"], **metadata} if isinstance(metadata, dict) else metadata
    merged = {**base, **changes}
    if isinstance(merged["metadata"], dict):
        merged["metadata"] = {key: value for key, value in merged["metadata"].items() if value is not GONE}
    return {key: value for key, value in merged.items() if value is not GONE}


def tensors(
    architecture: str = "jumprelu", d_in: int = D_IN, d_sae: int = D_SAE, **changes: Any
) -> dict[str, np.ndarray]:
    """The tensors SAELens wants, random; thresholds that have learned. GONE removes one."""
    generator = np.random.default_rng(0)
    shapes = tensor_shapes(architecture, d_in, d_sae, d_in)
    assert shapes is not None
    found = {name: generator.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}
    if "threshold" in found:
        found["threshold"] = generator.uniform(0.02, 0.4, d_sae).astype(np.float32)
    return {name: value for name, value in {**found, **changes}.items() if value is not GONE}


def view(
    configuration: Any = None,
    weights: Any = None,
    *,
    folder: str = FOLDER,
    readme: str | None = README,
    files: dict[str, bytes] | None = None,
) -> MemoryView:
    """A repository with one SAE and an evaluation nobody judges. `configuration` and `weights` may be dicts, bytes, or GONE."""
    configuration = cfg() if configuration is None else configuration
    if weights is None:
        architecture = configuration.get("architecture") if isinstance(configuration, dict) else "jumprelu"
        known = isinstance(architecture, str) and tensor_shapes(architecture, 1, 1) is not None
        weights = tensors(architecture if known else "jumprelu")
    content = {"evaluation.json": b"{}"} | dict(files or {})
    prefix = "" if folder == "." else f"{folder}/"
    if configuration is not GONE:
        content[f"{prefix}cfg.json"] = (
            configuration if isinstance(configuration, bytes) else json.dumps(configuration).encode()
        )
    if weights is not GONE:
        content[f"{prefix}sae_weights.safetensors"] = weights if isinstance(weights, bytes) else save(weights)
    if readme is not None:
        content["README.md"] = readme.encode()
    return MemoryView(name="memory", files=content)


def check(repository: MemoryView, select: str = "") -> Report:
    """Validate; a crashed rule fails the test with its traceback."""
    report = validate(repository, Selection(select=tuple(filter(None, select.split(",")))))
    assert not report.crashes, report.crashes[0].traceback
    return report


def codes(repository: MemoryView, select: str = "") -> list[str]:
    """The codes that are found, sorted."""
    return sorted(finding.code for finding in check(repository, select).findings)
