"""A study at another precision, from the file to the card: what the model was is said wherever somebody looks."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from hubkit.inference.precision import Precision
from hubkit.lab.model import build
from hubkit.release.pool import PoolManifest
from hubkit.release.provenance import Provenance
from hubkit.study.demo import demo_study
from hubkit.study.pipeline import run_study
from hubkit.study.study import load_study, save_study
from hubkit.train.grid import GridPlan, Settings

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.train, pytest.mark.filterwarnings("ignore::DeprecationWarning")]
CHAIN = "float32 -> bfloat16 -> nf4 (double quantization, compute bfloat16)"


def test_what_the_model_was_is_said_in_every_artefact(tmp_path: Path) -> None:
    study = demo_study(build(tmp_path / "lab"), null=False, seed=0)
    nf4 = Precision(weights="nf4", double_quant=True, compute="bfloat16")
    collect = study.collect.model_copy(update={"samples": 96, "layers": (3,), "precision": nf4})
    grid = GridPlan(
        prefix="lab", architectures={"topk": Settings(d_sae=32, k=4, steps=20)}, conditions=("mixed",)
    )
    study = study.model_copy(update={"collect": collect, "grid": grid})
    save_study(study, tmp_path / "study.yaml")
    study = load_study(tmp_path / "study.yaml")
    assert study.collect.precision == nf4
    outcome = run_study(study, tmp_path / "out")

    pool = PoolManifest.load(outcome.folders.pool / "manifest.json")
    assert pool.loaded is not None
    assert (pool.precision, pool.loaded.chain) == (CHAIN, CHAIN)
    assert 4 < pool.loaded.effective_bits < 8
    (cfg,) = outcome.folders.release.glob("*/cfg.json")
    metadata = json.loads(cfg.read_bytes())["metadata"]
    assert metadata["model_from_pretrained_kwargs"] == pool.loaded.arguments
    assert metadata["hubkit"]["precision"] == CHAIN
    provenance = Provenance.load(outcome.folders.release / "provenance.json")
    assert (provenance.precision, provenance.loaded) == (CHAIN, pool.loaded)
    assert provenance.quantization == pool.loaded.arguments["quantization_config"]
    assert {"bitsandbytes", "gguf", "sae-lens"} <= provenance.software.keys()
    card = outcome.card.text
    assert "loaded in 4-bit nf4 with double quantization, bfloat16 compute" in card
    assert f"**{pool.loaded.effective_bits:.3f} bits a parameter**" in card
    assert "quantization_config=quantization, dtype=torch.bfloat16)" in card
