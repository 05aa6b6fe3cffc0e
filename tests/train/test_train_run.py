"""The whole stage: resuming, one unit made again, and refusals before any work."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest
from train.specs import grid

from hubkit.engine.shard import Shard
from hubkit.errors import HubkitError, IncompleteError, UsageError
from hubkit.release.folds import scenario_folds
from hubkit.release.pool import PoolManifest
from hubkit.train.plan import CrossFit, TrainingFolders, plan
from hubkit.train.run import Options, train
from hubkit.train.spec import SaeSpec, Settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hubkit.engine.events import Event

pytestmark = pytest.mark.train

PUBLISHED = Options(CrossFit(folds=0))
PLAIN = Options(CrossFit(scenarios=False, control=False))
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
    first = train(specs(), pool, release, work, options=PLAIN, report=events.append)
    assert (first.trained, first.skipped) == (12, 0), "4 published, 4 for each of 2 folds"
    assert (events[-1].done, events[-1].total) == (12, 12)
    assert sorted(path.name for path in release.iterdir()) == sorted(spec.sae_id for spec in specs())
    assert all(
        sorted(p.name for p in sae.iterdir()) == ["cfg.json", "sae_weights.safetensors"]
        for sae in release.iterdir()
    )
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.safetensors")}

    second = train(specs(), pool, release, work, options=PLAIN)
    assert (second.trained, second.skipped) == (0, 12)
    assert second.published == first.published

    gone = work / "folds" / "fold1" / "lab_topk_L2_mixed"
    weights = (gone / "sae_weights.safetensors").read_bytes()
    shutil.rmtree(gone)
    changed = release / "lab_jumprelu_L2_mixed" / "cfg.json"
    changed.write_text(changed.read_text(encoding="utf-8").replace('"k"', '"kk"') + " ", encoding="utf-8")
    third = train(specs(), pool, release, work, options=PLAIN)
    assert (third.trained, third.skipped) == (2, 10)
    assert (gone / "sae_weights.safetensors").read_bytes() == weights, "the same unit gives the same bytes"
    again = {path for path, time in before.items() if path.stat().st_mtime_ns != time}
    assert again == {gone / "sae_weights.safetensors", changed.with_name("sae_weights.safetensors")}


def test_what_is_trained_only_to_measure_what_is_there_is_said_before_it_is(
    tmp_path: Path, pool: Path
) -> None:
    release, work = tmp_path / "release", tmp_path / "work"
    events: list[Event] = []

    def run(crossfit: CrossFit) -> list[str]:
        events.clear()
        train(specs()[:2], pool, release, work, options=Options(crossfit=crossfit), report=events.append)
        return [event.note for event in events if event.note]

    assert run(CrossFit(0)) == [], "the published ones are no surprise"
    plain = CrossFit(scenarios=False, control=False)
    assert run(plain) == [
        "2 published SAEs are there; to measure them, 4 more will be trained now: 4 of plain folds"
    ]
    assert run(CrossFit()) == [
        (
            "2 published SAEs are there; to measure them, 5 more will be trained now: 4 of whole-scenario folds, "
            "1 as membership controls; --rows-only leaves out whole-scenario folds and controls"
        )
    ]
    assert run(CrossFit()) == []
    assert run(CrossFit(seeds=2)) == [
        "2 published SAEs are there; to measure them, 4 more will be trained now: 4 from other seeds"
    ]
    assert (tmp_path / "work" / "seeds" / "seed1-without-fold0" / specs()[0].sae_id / "cfg.json").is_file()


def test_another_seed_is_trained_without_the_first_fold_where_there_are_folds(
    tmp_path: Path, pool: Path
) -> None:
    manifest = PoolManifest.load(pool / "manifest.json")
    folders = TrainingFolders(pool, tmp_path / "release", tmp_path / "work")
    first, (spec,) = manifest.folds[0], specs()[:1]
    by_draw = {
        unit.draw: unit
        for unit in plan([spec], manifest, folders, CrossFit(scenarios=False, control=False, seeds=3))
    }
    others = ["seed1", "seed2"]
    assert list(by_draw) == ["all", *others, *manifest.folds, *(f"{seed}-without-{first}" for seed in others)]
    for seed in others:
        unseen = by_draw[f"{seed}-without-{first}"]
        assert unseen.spec == by_draw[seed].spec, "of the same settings and the same seed"
        assert unseen.digest != by_draw[seed].digest
        assert unseen.key == f"{spec.sae_id} from another seed ({seed}-without-{first})"
    alone = {unit.draw: unit.digest for unit in plan([spec], manifest, folders, CrossFit(folds=0, seeds=3))}
    assert list(alone) == ["all", *others]
    assert all(by_draw[draw].digest == digest for draw, digest in alone.items())


def own_of(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "cfg.json").read_text(encoding="utf-8"))["metadata"]["hubkit"]


def test_beside_the_published_sae_come_folds_whole_scenario_folds_and_a_control(
    tmp_path: Path, pool: Path
) -> None:
    manifest = PoolManifest.load(pool / "manifest.json")
    work = tmp_path / "work"
    summary = train(specs()[:2], pool, tmp_path / "release", work)
    assert summary.trained == 5 + 6, "2 folds and 2 whole-scenario folds each, and a control of honest_only"
    name = "lab_topk_L2_honest_only"
    honest = [row for row in manifest.rows if row.label == "honest"]
    assert summary.published[name].n_rows == len(honest)
    groups = dict(zip((row.scenario_id for row in manifest.rows), scenario_folds(manifest), strict=True))
    for fold in ("fold0", "fold1"):
        own = own_of(work / "folds" / fold / name)
        assert (own["rows"], own["n_rows"]) == (fold, sum(row.split != fold for row in honest))
    for fold in ("scenarios0", "scenarios1"):
        own = own_of(work / "folds" / fold / name)
        assert (own["rows"], own["n_rows"]) == (fold, sum(groups[row.scenario_id] != fold for row in honest))
    assert own_of(work / "control" / name)["n_rows"] == len(honest)
    assert not (work / "control" / "lab_topk_L2_mixed").exists()
    seen = {
        own_of(path)["rows_sha256"]
        for path in [tmp_path / "release" / name, *work.glob(f"*/{name}"), *work.glob(f"*/*/{name}")]
    }
    assert len(seen) == 6, "six SAEs of six sets of rows"


def test_a_number_of_folds_that_the_pool_has_not_is_refused(tmp_path: Path, pool: Path) -> None:
    with pytest.raises(UsageError, match="the pool is split into 2 folds"):
        train(specs(), pool, tmp_path / "release", tmp_path / "work", options=Options(CrossFit(folds=5)))


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
    summary = train(naive, pool, tmp_path / "release", tmp_path / "work", options=PUBLISHED)
    record = json.loads((tmp_path / "work" / "training.json").read_text(encoding="utf-8"))
    assert record["saes"]["broken"]["warnings"] == summary.warnings["broken"]
    assert "never moved" in summary.warnings["broken"][0]


def weights_in(home: Path) -> dict[str, bytes]:
    return {
        path.relative_to(home).as_posix(): path.read_bytes() for path in home.rglob("sae_weights.safetensors")
    }


@pytest.mark.parametrize("size", [1, 3, 32])
def test_an_sae_is_the_same_in_any_company(
    size: int, tmp_path: Path, pool: Path, all_at_once: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hubkit.train.plan.BATCH", size)
    train(specs(), pool, tmp_path / "release", tmp_path / "work")
    assert weights_in(tmp_path) == all_at_once


def test_rows_too_many_for_memory_are_mapped_from_files_and_change_nothing(
    tmp_path: Path, pool: Path, all_at_once: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    from hubkit.train import rows

    monkeypatch.setattr(rows, "IN_MEMORY", 0)
    monkeypatch.setattr(rows, "BLOCK", 3 * 8)
    train(specs(), pool, tmp_path / "release", tmp_path / "work")
    assert weights_in(tmp_path) == all_at_once
    assert not list((tmp_path / "work").glob("rows-*"))


@pytest.fixture(scope="module")
def all_at_once(
    tmp_path_factory: pytest.TempPathFactory, make_pool: Callable[..., PoolManifest]
) -> dict[str, bytes]:
    home = tmp_path_factory.mktemp("whole")
    pool = tmp_path_factory.mktemp("pool") / "pool"
    make_pool(pool, 40, 8)
    train(specs(), pool, home / "release", home / "work")
    return weights_in(home)


def test_shards_are_disjoint_and_together_the_whole(
    tmp_path: Path, pool: Path, all_at_once: dict[str, bytes]
) -> None:
    trained = []
    for index in (1, 2, 3):
        options = Options(shard=Shard(index, 3))
        trained.append(train(specs(), pool, tmp_path / "release", tmp_path / "work", options=options).trained)
        assert (tmp_path / "work" / f"training-{index}of3.csv").is_file()
    assert sum(trained) == len(all_at_once) == 22
    assert weights_in(tmp_path) == all_at_once
    recorded = json.loads((tmp_path / "work" / "training.json").read_text(encoding="utf-8"))["saes"]
    assert sorted(recorded) == sorted(spec.sae_id for spec in specs()), "the last one records what all left"
    assert train(specs(), pool, tmp_path / "release", tmp_path / "work").trained == 0


def test_time_hardware_curve_and_log_of_each_sae_are_kept(tmp_path: Path, pool: Path) -> None:
    events: list[Event] = []
    summary = train(
        specs(), pool, tmp_path / "release", tmp_path / "work", options=PUBLISHED, report=events.append
    )
    for done in summary.published.values():
        assert done.seconds > 0
        assert done.hardware
        assert (done.device, done.threads) == ("cpu", 1)
        assert [point.step for point in done.curve][-1] == 5
    text = (tmp_path / "work" / "training.csv").read_text(encoding="utf-8").splitlines()
    assert text[0] == "seconds,sae,step,loss,L0,EV,dead %,rows/s"
    assert {line.split(",")[1] for line in text[1:]} == {spec.sae_id for spec in specs()}
    curves = [tmp_path / "work" / "curves" / f"{name}.svg" for name in ("loss", "l0")]
    drawn = [path.read_bytes() for path in curves]
    assert all(svg.startswith(b"<svg ") for svg in drawn)
    for path in curves:
        path.unlink()
    train(specs(), pool, tmp_path / "release", tmp_path / "work", options=PUBLISHED)
    assert [path.read_bytes() for path in curves] == drawn, "the same trainings, the same figures"
    assert any(event.part > 0 for event in events), "the bar moves while a stack is in the works"
    assert all(event.done + event.part <= event.total for event in events)


def test_two_processes_make_the_same_saes(tmp_path: Path, pool: Path) -> None:
    wanted = specs()[:2]
    train(wanted, pool, tmp_path / "one", tmp_path / "w1", options=PUBLISHED)
    train(wanted, pool, tmp_path / "two", tmp_path / "w2", options=Options(CrossFit(folds=0), workers=2))
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
        train(specs(), pool, tmp_path / "release", tmp_path / "work", options=PUBLISHED)


def test_a_window_that_does_not_end_inside_the_epochs_of_a_fold_is_refused_by_name(
    tmp_path: Path, pool: Path
) -> None:
    """40 rows in batches of 4 are 10 steps; without a fold of 20 rows they are 5."""
    settings = Settings(d_sae=16, k=4, epochs=1, batch_size=4, dead_window=5)
    wanted = grid([2], ["topk"], ["mixed"], prefix="lab", settings=settings)
    with pytest.raises(
        UsageError, match=r"lab_topk_L2_mixed without fold0: dead_window is 5, .*5 steps \(1 epochs of 20"
    ):
        train(wanted, pool, tmp_path / "release", tmp_path / "work", options=PLAIN)
    assert not (tmp_path / "release").exists()
    assert train(wanted, pool, tmp_path / "release", tmp_path / "work", options=PUBLISHED).trained == 1
    cfg = json.loads((tmp_path / "release" / "lab_topk_L2_mixed" / "cfg.json").read_text(encoding="utf-8"))
    assert (cfg["metadata"]["hubkit"]["steps"], cfg["metadata"]["hubkit"]["epochs"]) == (10, 1)
