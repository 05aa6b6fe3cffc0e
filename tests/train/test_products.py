"""The precision of a GPU's products: a setting that changes nothing where nobody gives it, is the process's only while a stack trains, and is recorded as it was."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from train.specs import grid

from hubkit.release.sae_record import SaeRecord
from hubkit.train.alike import program
from hubkit.train.plan import CrossFit
from hubkit.train.run import Options, train
from hubkit.train.spec import SaeSpec, Settings

pytestmark = pytest.mark.train


@pytest.fixture
def pool(tmp_path: Path, make_pool: Callable[..., Any]) -> Path:
    make_pool(tmp_path / "pool", 60, 16)
    return tmp_path / "pool"


def specs() -> list[SaeSpec]:
    return grid([2], ["topk"], ["mixed"], prefix="lab", settings=Settings(d_sae=16, k=4, steps=5))


def tf32(spec: Any) -> Any:
    return spec.model_copy(update={"products": "tf32"})


def test_an_unsaid_one_changes_no_digest() -> None:
    spec = specs()[0]
    assert "products" not in spec.model_dump(mode="json")
    assert tf32(spec).digest() != spec.digest()
    assert program(tf32(spec)) != program(spec), "one program has one precision"
    with pytest.raises(ValidationError):
        type(spec).model_validate(spec.model_dump() | {"products": "bf16"})


@pytest.mark.parametrize(("setting", "expected"), [(None, False), ("fp32", False), ("tf32", True)])
def test_it_is_the_processs_only_inside_and_never_the_cpus(setting: str | None, *, expected: bool) -> None:
    from hubkit.train.products import products

    cuda, cpu = torch.backends.cuda.matmul, torch.backends.mkldnn.matmul
    of_cpu = cpu.fp32_precision
    for before in (False, True):
        cuda.allow_tf32 = before
        try:
            with products(setting, torch.device("cuda")):
                assert cuda.allow_tf32 is expected
                assert cpu.fp32_precision == of_cpu, "SAEs are proven on the CPU meanwhile"
            with pytest.raises(ValueError, match="x"), products(setting, torch.device("cuda")):
                raise ValueError("x")
            assert cuda.allow_tf32 is before
            with products(setting, torch.device("cpu")):
                assert cuda.allow_tf32 is before
        finally:
            cuda.allow_tf32 = False


def test_a_cpu_says_that_it_has_none_and_records_none(tmp_path: Path, pool: Path) -> None:
    spec = tf32(specs()[0])
    done = train([spec], pool, tmp_path / "release", tmp_path / "work", options=Options(CrossFit(folds=0)))
    (warnings,) = done.warnings.values()
    assert any("which a CPU has not: trained in fp32" in one for one in warnings)
    cfg = json.loads((tmp_path / "release" / spec.sae_id / "cfg.json").read_text(encoding="utf-8"))
    assert "products" not in cfg["metadata"]["hubkit"]


def test_a_gpus_is_recorded() -> None:
    assert SaeRecord(products="tf32").written()["products"] == "tf32"
    assert "products" not in SaeRecord().written()
