"""`--memory`: what it takes, and what follows it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import torch
import yaml
from train.test_train_command import STUDY, typed

from hubkit.engine.memory import parse_memory
from hubkit.errors import UsageError
from hubkit.release.pool import PoolManifest
from hubkit.train.data import check_memory
from hubkit.train.footprint import RESIDENT, bytes_in_training, for_rows, for_stacks
from hubkit.train.plan import CrossFit, TrainingFolders, batches, plan
from hubkit.train.run import Options, train
from hubkit.train.spec import SaeSpec

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hubkit.train.plan import Batch

pytestmark = pytest.mark.train

PLAIN = CrossFit(scenarios=False, control=False)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("4GiB", 4 << 30),
        ("4 gib", 4 << 30),
        ("1.5GB", 1_500_000_000),
        (" 512MiB ", 512 << 20),
        ("700 kB", 700_000),
        ("1TiB", 1 << 40),
    ],
)
def test_sizes(text: str, expected: int) -> None:
    assert parse_memory(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", "4", "4G", "GiB", "-4GiB", "0GB", "0.0MB", "1,5GB", "four GB", "4GiB 2", "infGB", "1e3GB", "٤GiB"],
)
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(UsageError, match="expected a size above 0 with its unit") as raised:
        parse_memory(text)
    assert raised.value.hint == "--memory 4GiB"


def test_rows_stay_on_the_host_where_they_would_take_what_stacks_need() -> None:
    from hubkit.train.pooled import Pools

    assert for_rows(None) == for_rows(64 << 30) == RESIDENT
    assert for_rows(4 << 30) + for_stacks(4 << 30) < 4 << 30
    rows = torch.zeros(100, 8)
    for limit, resident in ((rows.nbytes, True), (rows.nbytes - 1, False)):
        pools = Pools([rows, rows], torch.device("meta"), torch.float32, resident=limit)
        assert (pools.resident is not None) is resident


@pytest.fixture
def pool(tmp_path: Path, make_pool: Callable[..., PoolManifest]) -> Path:
    make_pool(tmp_path / "pool", 40, 8)
    return tmp_path / "pool"


def spec(condition: str, **changes: Any) -> SaeSpec:
    fields = {"architecture": "topk", "layer": 2, "d_sae": 16, "k": 2, "steps": 5, "batch_size": 16}
    return SaeSpec.model_validate(fields | {"sae_id": f"t_{condition}", "condition": condition} | changes)


SPECS = [spec("mixed"), spec("honest_only"), spec("deceptive_only")]
ONE = bytes_in_training(SPECS[0], 40, 8)


def test_stacks_follow_it_on_processors_and_the_saes_stay_the_same(tmp_path: Path, pool: Path) -> None:
    free = train(SPECS, pool, tmp_path / "r1", tmp_path / "w1", options=Options(PLAIN))
    tight = Options(PLAIN, memory=int(2.6 * ONE))
    small = train(SPECS, pool, tmp_path / "r2", tmp_path / "w2", options=tight)
    assert {done.stack for done in free.published.values()} == {5}, "of 9 SAEs in two batches"
    assert {done.stack for done in small.published.values()} == {2}
    for sae_id, done in free.published.items():
        assert done.files == small.published[sae_id].files


def test_workers_share_it_and_every_half_of_a_batch_has_as_much(tmp_path: Path, pool: Path) -> None:
    manifest = PoolManifest.load(pool / "manifest.json")
    folders = TrainingFolders(pool, tmp_path / "r", tmp_path / "w")
    units = plan(SPECS, manifest, folders, PLAIN)
    cut: list[Batch] = batches(units, workers=2, device="cpu", memory=77)
    assert {one.memory for batch in cut for one in (batch, *batch.halves())} == {77}
    options = Options(workers=3, memory=99)
    assert (options.sharing, Options(workers=3, device="cuda").sharing) == (3, 1)
    assert Options(workers=3, ray_address="auto").sharing == 1, "each task has its own"
    check_memory(units, manifest, int(3 * ONE / 0.8) + 3, 3)
    with pytest.raises(UsageError, match="in each of 3 workers") as raised:
        check_memory(units, manifest, int(3 * ONE / 0.8) - 100, 3)
    assert raised.value.hint is not None
    enough = parse_memory(raised.value.hint.removeprefix("--memory ").partition(",")[0])
    check_memory(units, manifest, enough, 3)


def test_one_sae_that_does_not_fit_is_said_before_training(tmp_path: Path, pool: Path) -> None:
    large = spec("mixed", sae_id="large", d_sae=4096)
    options = Options(CrossFit(folds=0), memory=parse_memory("1MB"))
    with pytest.raises(UsageError, match=r"--memory: large needs 8\.5 MB in training, 1\.0 MB") as raised:
        train([*SPECS, large], pool, tmp_path / "r", tmp_path / "w", options=options)
    assert not (tmp_path / "r").exists()
    assert raised.value.hint is not None
    assert raised.value.hint.startswith("--memory 12MiB, or a smaller batch_size")


def test_as_it_is_typed(tmp_path: Path, make_pool: Callable[..., PoolManifest]) -> None:
    make_pool(tmp_path / "work" / "tiny" / "activations", 40, 8)
    study = tmp_path / "study.yaml"
    study.write_text(yaml.safe_dump(STUDY), encoding="utf-8")
    for verb in ("train", "run"):
        found = typed(verb, str(study), "--memory", "much")
        assert isinstance(found.exception, UsageError)
        assert "--memory much: expected a size" in str(found.exception)
    assert typed("train", str(study), "--workers", "1", "--folds", "0", "--memory", "1GiB").exit_code == 0
    records = json.loads((tmp_path / "work" / "tiny" / "training.json").read_text(encoding="utf-8"))
    assert len(records["saes"]) == 2


def test_what_is_tried_again_has_as_much(
    tmp_path: Path, make_pool: Callable[..., PoolManifest], monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[Options] = []

    def stop(*_: Any, options: Options, **__: Any) -> None:
        given.append(options)
        raise UsageError("stopped")

    make_pool(tmp_path / "work" / "tiny" / "activations", 40, 8)
    study = tmp_path / "study.yaml"
    study.write_text(yaml.safe_dump(STUDY), encoding="utf-8")
    monkeypatch.setattr("hubkit.study.pipeline.run_train", stop)
    typed("train", str(study), "--memory", "2GB")
    assert given[0].memory == 2_000_000_000
    assert list(given[0].command)[-2:] == ["--memory", "2GB"]
