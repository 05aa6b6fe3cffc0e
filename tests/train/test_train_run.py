"""The whole stage: resuming, one unit made again, and refusals before any work."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

from hubkit.errors import HubkitError, IncompleteError, UsageError
from hubkit.train.run import train
from hubkit.train.spec import SaeSpec, Settings, grid

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hubkit.engine.events import Event
    from hubkit.release.pool import PoolManifest

pytestmark = pytest.mark.train

QUICK = Settings(d_sae=16, k=4, steps=5)


@pytest.fixture
def pool(tmp_path: Path, make_pool: Callable[..., PoolManifest]) -> Path:
    make_pool(tmp_path / "pool", 40, 8)
    return tmp_path / "pool"


def specs() -> list[SaeSpec]:
    return grid([2], ["topk", "jumprelu"], ["mixed", "honest_only"], prefix="lab", settings=QUICK)


def test_a_second_run_does_nothing_and_a_deleted_sae_is_made_again_alone(tmp_path: Path, pool: Path) -> None:
    release, work = tmp_path / "release", tmp_path / "work"
    events: list[Event] = []
    first = train(specs(), pool, release, work, report=events.append)
    assert (first.trained, first.skipped) == (12, 0), "4 published, 4 for each of 2 folds"
    assert (events[-1].done, events[-1].total) == (12, 12)
    assert sorted(path.name for path in release.iterdir()) == sorted(spec.sae_id for spec in specs())
    assert all(
        sorted(p.name for p in sae.iterdir()) == ["cfg.json", "sae_weights.safetensors"]
        for sae in release.iterdir()
    )
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.safetensors")}

    second = train(specs(), pool, release, work)
    assert (second.trained, second.skipped) == (0, 12)
    assert second.published == first.published

    gone = work / "folds" / "fold1" / "lab_topk_L2_mixed"
    weights = (gone / "sae_weights.safetensors").read_bytes()
    shutil.rmtree(gone)
    changed = release / "lab_jumprelu_L2_mixed" / "cfg.json"
    changed.write_text(changed.read_text(encoding="utf-8").replace('"k"', '"kk"') + " ", encoding="utf-8")
    third = train(specs(), pool, release, work)
    assert (third.trained, third.skipped) == (2, 10)
    assert (gone / "sae_weights.safetensors").read_bytes() == weights, "the same unit gives the same bytes"
    again = {path for path, time in before.items() if path.stat().st_mtime_ns != time}
    assert again == {gone / "sae_weights.safetensors", changed.with_name("sae_weights.safetensors")}


def test_each_sae_says_which_rows_it_saw(tmp_path: Path, pool: Path) -> None:
    rows = json.loads((pool / "manifest.json").read_text(encoding="utf-8"))["rows"]
    summary = train(specs()[1:2], pool, tmp_path / "release", tmp_path / "work")
    honest = [row for row in rows if row["label"] == "honest"]
    assert summary.published["lab_topk_L2_honest_only"].n_rows == len(honest)
    for fold in ("fold0", "fold1"):
        cfg = tmp_path / "work" / "folds" / fold / "lab_topk_L2_honest_only" / "cfg.json"
        own = json.loads(cfg.read_text(encoding="utf-8"))["metadata"]["hubkit"]
        assert (own["held_out"], own["n_rows"]) == (fold, sum(row["split"] != fold for row in honest))


def test_what_training_found_is_left_for_evaluation(tmp_path: Path, pool: Path) -> None:
    naive = [
        SaeSpec(
            sae_id="broken",
            architecture="jumprelu",
            layer=2,
            condition="mixed",
            d_sae=16,
            k=4,
            recipe="naive",
        )
    ]
    summary = train(naive, pool, tmp_path / "release", tmp_path / "work", folds=False)
    record = json.loads((tmp_path / "work" / "training.json").read_text(encoding="utf-8"))
    assert record["saes"]["broken"]["warnings"] == summary.warnings["broken"]
    assert "never moved" in summary.warnings["broken"][0]


def test_two_processes_make_the_same_saes(tmp_path: Path, pool: Path) -> None:
    wanted = specs()[:2]
    train(wanted, pool, tmp_path / "one", tmp_path / "w1", folds=False)
    train(wanted, pool, tmp_path / "two", tmp_path / "w2", folds=False, workers=2)
    for spec in wanted:
        files = [tmp_path / home / spec.sae_id / "sae_weights.safetensors" for home in ("one", "two")]
        assert files[0].read_bytes() == files[1].read_bytes()


def test_specs_that_do_not_fit_the_pool_are_refused_before_any_work(tmp_path: Path, pool: Path) -> None:
    twice = [*specs(), specs()[0]]
    wrong_layer = grid([7], ["topk"], ["mixed"], prefix="lab", settings=QUICK)
    wrong_label = grid([2], ["topk"], ["sarcastic_only"], prefix="lab", settings=QUICK)
    for bad, told in (
        (wrong_layer, "the pool has"),
        (wrong_label, "labels are deceptive, honest"),
        (twice, "two SAEs"),
    ):
        with pytest.raises(UsageError, match=told):
            train(bad, pool, tmp_path / "release", tmp_path / "work")
    assert not (tmp_path / "release").exists()
    with pytest.raises(IncompleteError, match="manifest"):
        train(specs(), tmp_path, tmp_path / "release", tmp_path / "work")


def test_activations_that_are_not_those_of_the_manifest_fail_by_name(tmp_path: Path, pool: Path) -> None:
    path = pool / "layer_2.safetensors"
    path.write_bytes(path.read_bytes()[:-4] + b"\x00\x00\x80\x3f")
    with pytest.raises(HubkitError, match=r"4 of 4 SAEs failed:\n  lab_topk_L2_mixed: .*not the file"):
        train(specs(), pool, tmp_path / "release", tmp_path / "work", folds=False)
