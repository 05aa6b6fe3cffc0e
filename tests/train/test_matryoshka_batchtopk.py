"""Matryoshka BatchTopK: SAELens's losses of every level, and first latents that reconstruct alone."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import torch
from pydantic import ValidationError
from train.equality import D_SAE, assert_a_stack_is_saelens
from train.published import fit, saved

from hubkit.engine.threads import one_thread
from hubkit.train.grid import SaeGrid
from hubkit.train.spec import SaeSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import numpy as np

    from hubkit.release.pool import PoolManifest
    from hubkit.train.member import Trained

pytestmark = pytest.mark.train

NAME = "matryoshka_batchtopk"


@pytest.fixture(autouse=True)
def _small_matrices_on_one_thread() -> Iterator[None]:
    with one_thread():
        yield


def spec(architecture: str = NAME, **changes: Any) -> SaeSpec:
    fields = {"sae_id": "sae", "architecture": architecture, "layer": 2, "condition": "mixed"}
    return SaeSpec.model_validate(fields | {"d_sae": 64, "k": 8} | changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"matryoshka_widths": [D_SAE // 8, D_SAE // 3]},
        {"matryoshka_widths": [10], "dead_window": 4},
        {"matryoshka_widths": [4, 12, D_SAE - 4], "threshold_lr": 0.3},
    ],
    ids=["two levels", "dead latents", "three levels, own rate"],
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_gradients_weights_and_threshold_are_saelens(changes: dict[str, Any], dtype: torch.dtype) -> None:
    assert_a_stack_is_saelens({"architecture": NAME} | changes, dtype)


def test_its_first_latents_reconstruct_better_than_a_batchtopks(
    make_activations: Callable[..., np.ndarray], make_pool: Callable[..., PoolManifest], tmp_path: Path
) -> None:
    rows = torch.from_numpy(make_activations(256, 32, 2))
    nested, plain = fit(spec(), rows), fit(spec("batchtopk"), rows)
    assert unexplained(nested, rows, 8) < 0.7 * unexplained(plain, rows, 8)
    assert unexplained(nested, rows, 64) < 0.2
    manifest = make_pool(tmp_path / "pool", 256, 32)
    assert saved(nested, manifest, rows, tmp_path / "release") == []
    cfg = json.loads((tmp_path / "release" / "sae" / "cfg.json").read_text(encoding="utf-8"))
    assert cfg["architecture"] == "jumprelu"
    assert cfg["metadata"]["training_architecture"] == NAME
    details = cfg["metadata"]["training_architecture_details"]
    assert details["matryoshka_widths"] == [4, 8, 16, 32, 64]


def unexplained(trained: Trained, rows: torch.Tensor, width: int) -> float:
    """The share of variance that the first `width` latents leave over."""
    with torch.no_grad():
        acts = trained.encode(rows) * trained.scale
        acts[:, width:] = 0
        left = (rows - trained.sae.decode(acts) / trained.scale).square().sum()
    return float(left / (rows - rows.mean(dim=0)).square().sum())


@pytest.mark.parametrize("widths", [[], [8, 8], [16, 8], [0, 8], [8, 64], [8, 100]])
def test_levels_that_do_not_grow_inside_d_sae_are_refused(widths: list[int]) -> None:
    with pytest.raises(ValidationError, match="expected at least one, growing, below d_sae = 64"):
        spec(matryoshka_widths=widths)


def test_an_sae_too_small_for_levels_is_refused_and_one_without_k() -> None:
    assert spec(d_sae=2, k=1).architecture == NAME
    with pytest.raises(ValidationError, match="at least one"):
        spec(d_sae=1, k=1)
    with pytest.raises(ValidationError, match="matryoshka_batchtopk needs k"):
        spec(k=None)


def test_levels_in_a_grid() -> None:
    grid = SaeGrid(
        prefix="g",
        spec={"d_sae": 64, "k": 8, "condition": "mixed", "layer": 1},
        axes={"architecture": ["topk", NAME], "matryoshka_widths": [[8, 16]]},
    )
    assert [one.model_dump(mode="json").get("matryoshka_widths") for one in grid.expand()] == [[8, 16]] * 2
    assert "matryoshka_widths" not in spec("topk").model_dump()
