"""The pool on disk: complete, the same again, and completed after a kill."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from pydantic import ValidationError
from safetensors.numpy import load_file

from hubkit.collect import rows
from hubkit.collect.completions import read_completions
from hubkit.collect.plan import CollectPlan, model_revision
from hubkit.collect.run import collect
from hubkit.collect.sampling import Sampling
from hubkit.engine.events import Event
from hubkit.errors import HubkitError, IncompleteError, UsageError
from hubkit.lab.model import LabModel
from hubkit.lab.study import plan
from hubkit.release.digests import sha256_of_file
from hubkit.release.layout import TIMES
from hubkit.release.pool import PoolManifest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.train
Pool = tuple[CollectPlan, "Path"]


def digests(out: Path) -> dict[str, str]:
    """Of everything but the times."""
    return {
        str(file.relative_to(out).as_posix()): sha256_of_file(file)
        for file in sorted(out.rglob("*"))
        if file.is_file() and file.name != TIMES
    }


def small(lab: LabModel, **changes: Any) -> CollectPlan:
    return plan(lab, samples=64, layers=(1, 4)).model_copy(update=changes)


def test_the_manifest_says_what_is_there(lab_pool: Pool, lab: LabModel) -> None:
    out = lab_pool[1]
    manifest = PoolManifest.load(out / "activations" / "manifest.json")
    assert (manifest.model_name, manifest.model_revision) == ("hubkit/lab-llama-6x64", lab.revision)
    assert (manifest.model_class_name, manifest.d_in, manifest.n_layers) == ("LlamaForCausalLM", 64, 6)
    assert (manifest.pooling, manifest.token_span) == ("last", "response without the commit span")
    assert manifest.labels == ("honest", "deceptive")
    assert manifest.folds == ["fold0", "fold1", "fold2", "fold3", "fold4"]
    entry = manifest.layer(3)
    assert (entry.hook_name, entry.hf_hook_name) == ("blocks.3.hook_resid_post", "model.layers.3")
    for layer in manifest.layers:
        file = out / "activations" / layer.file
        tensors = load_file(file)
        assert {name: (tensor.shape, tensor.dtype) for name, tensor in tensors.items()} == {
            "activations": ((len(manifest.rows), 64), np.float32)
        }
        assert sha256_of_file(file) == layer.sha256
    assert not (out / "sampling").exists()


def test_the_table_holds_every_completion_and_the_pool_the_decisive_ones(lab_pool: Pool) -> None:
    asked, out = lab_pool
    table = read_completions(out / "completions.parquet")
    manifest = PoolManifest.load(out / "activations" / "manifest.json")
    assert len({row.completion_id for row in table}) == asked.samples == len(table)
    per_scenario = [
        sum(row.scenario_id == scenario.scenario_id for row in table) for scenario in asked.scenarios
    ]
    assert set(per_scenario) == {16}
    decisive = [
        (row.completion_id, row.scenario_id, row.label, row.split) for row in table if row.label is not None
    ]
    assert decisive == [(row.completion_id, row.scenario_id, row.label, row.split) for row in manifest.rows]
    for row in table:
        assert (
            (row.label is None)
            == (row.label_unflipped is None)
            == (row.commit_span is None)
            == (row.split is None)
        )
        if row.commit_span is not None:
            word = {"honest": "truly", "deceptive": "quietly"}[str(row.label_unflipped)]
            assert row.text[row.commit_span[0] : row.commit_span[1]] == word


def test_another_run_gives_the_same_bytes(lab: LabModel, tmp_path: Path) -> None:
    collect(small(lab), tmp_path / "a")
    collect(small(lab), tmp_path / "b")
    assert digests(tmp_path / "a") == digests(tmp_path / "b")
    collect(small(lab, seed=1), tmp_path / "c")
    assert digests(tmp_path / "c")["completions.parquet"] != digests(tmp_path / "a")["completions.parquet"]


def test_a_finished_pool_is_returned_without_opening_the_model(
    lab: LabModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = collect(small(lab), tmp_path)
    before = {file: file.stat().st_mtime_ns for file in tmp_path.rglob("*")}
    monkeypatch.setattr("hubkit.inference.load.load_model", _fail)
    assert collect(small(lab), tmp_path) == first
    assert collect(small(lab, batch_size=7), tmp_path) == first  # how, not what
    assert before == {file: file.stat().st_mtime_ns for file in tmp_path.rglob("*")}


@pytest.mark.parametrize(
    "lost", ["activations/layer_04.safetensors", "completions.parquet", "activations/manifest.json"]
)
def test_what_is_lost_is_made_again(lab: LabModel, tmp_path: Path, lost: str) -> None:
    collect(small(lab), tmp_path)
    before = digests(tmp_path)
    (tmp_path / lost).unlink()
    collect(small(lab), tmp_path)
    assert digests(tmp_path) == before


def test_killed_while_sampling_goes_on_where_it_stopped(
    lab: LabModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = small(lab)
    asked = asked.model_copy(update={"batch_size": 12})
    sampled: list[int] = []
    whole = Sampling._draw

    def counted(self: Sampling, number: int, module_paths: Any) -> Any:
        if number == 3 and 3 not in sampled:
            sampled.append(3)
            raise KeyboardInterrupt
        sampled.append(number)
        return whole(self, number, module_paths)

    monkeypatch.setattr(Sampling, "_draw", counted)
    with pytest.raises(KeyboardInterrupt):
        collect(asked, tmp_path / "killed")
    assert not (tmp_path / "killed" / "activations" / "manifest.json").exists()
    go_on = asked.model_copy(update={"batch_size": 64})  # what was begun in twelves goes on in twelves
    manifest = collect(go_on, tmp_path / "killed")
    assert sampled == [0, 1, 2, 3, 3, 4, 5]
    assert manifest.sampled_how is not None
    assert manifest.sampled_how.batch_size == 12
    collect(asked, tmp_path / "whole")
    assert digests(tmp_path / "killed") == digests(tmp_path / "whole")


def test_killed_while_taking_activations_goes_on_behind_the_last_batch(
    lab: LabModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = small(lab, batch_size=10)
    collect(asked, tmp_path / "whole")
    whole, taken = rows.pool_outputs, []

    def killed(*args: Any) -> Any:
        taken.append(len(args[2]))
        if len(taken) == 4:
            raise KeyboardInterrupt
        return whole(*args)

    folder = tmp_path / "killed" / "activations"
    monkeypatch.setattr(rows, "pool_outputs", killed)
    with pytest.raises(KeyboardInterrupt):
        collect(asked, tmp_path / "killed")
    assert {file.name for file in folder.iterdir()} == {"layer_01.part", "layer_04.part"}
    with (folder / "layer_01.part").open(
        "ab"
    ) as file:  # a batch that only one of the files has, and half a row
        file.write(bytes(4 * 64 * 10 + 100))
    monkeypatch.setattr(Sampling, "_draw", _fail)  # the texts are there
    manifest = collect(asked, tmp_path / "killed")
    assert sum(taken) == len(manifest.rows) + 10, "three batches before, and the rest"
    assert digests(tmp_path / "killed") == digests(tmp_path / "whole")


def test_activations_of_another_pool_are_not_gone_on_with(
    lab: LabModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    collect(small(lab, pooling="mean"), tmp_path / "whole")
    collect(small(lab), tmp_path / "other")
    folder = tmp_path / "other" / "activations"
    for layer in (1, 4):
        (folder / f"layer_{layer:02d}.safetensors").rename(folder / f"layer_{layer:02d}.part")
    collect(small(lab, pooling="mean"), tmp_path / "other")
    assert digests(tmp_path / "other") == digests(tmp_path / "whole")


def test_other_layers_start_from_the_texts_and_leave_nothing_stale(
    lab: LabModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    collect(small(lab), tmp_path)
    monkeypatch.setattr(Sampling, "_draw", _fail)
    manifest = collect(small(lab, layers=(0, 4), folds=3), tmp_path)
    assert [layer.layer for layer in manifest.layers] == [0, 4]
    assert sorted(file.name for file in (tmp_path / "activations").iterdir()) == [
        "layer_00.safetensors", "layer_04.safetensors", "manifest.json",
    ]  # fmt: skip
    assert manifest.folds == ["fold0", "fold1", "fold2"]


@pytest.mark.parametrize(("family", "path"), [("gpt2", "transformer.h.2"), ("gpt_neox", "gpt_neox.layers.2")])
def test_other_families_collect_too(
    random_model: Callable[[str], Path], lab: LabModel, tmp_path: Path, family: str, path: str
) -> None:
    """An untrained model says anything: with a judge of its first words that is two labels all the same."""
    from hubkit.collect.judges import KeywordJudge
    from hubkit.lab import text

    half = len(text.FILLERS) // 2
    judge = KeywordJudge(keywords={"honest": text.FILLERS[:half], "deceptive": text.FILLERS[half:]}, within=2)
    folder = random_model(family)
    asked = small(
        lab, model=str(folder), model_name=family, revision=None, judge=judge, layers=(2,), pooling="mean"
    )
    events: list[Event] = []
    manifest = collect(asked, tmp_path, events.append)
    assert manifest.layers[0].hf_hook_name == path
    assert manifest.model_revision == sha256_of_file(folder / "model.safetensors") == model_revision(asked)
    assert load_file(tmp_path / "activations" / "layer_02.safetensors")["activations"].shape == (
        len(manifest.rows),
        32,
    )
    assert (events[-1].done, events[-1].total) == (len(manifest.rows), len(manifest.rows))


def test_a_layer_that_is_not_there_is_refused_before_sampling(lab: LabModel, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="layer 6 was asked of LlamaForCausalLM, which has 6 blocks"):
        collect(small(lab, layers=(6,)), tmp_path)
    assert not (tmp_path / "sampling").exists()


def test_a_judge_that_decides_nothing_is_an_error(lab: LabModel, tmp_path: Path) -> None:
    from hubkit.collect.judges import KeywordJudge

    judge = KeywordJudge(keywords={"honest": ("verily",), "deceptive": ("quietly",)}, within=3)
    with pytest.raises(HubkitError, match="64 completions, none of them honest"):
        collect(small(lab, judge=judge), tmp_path)


def test_nothing_but_the_commit_word_is_undecided(lab: LabModel, tmp_path: Path) -> None:
    """One token per response: without the commit span there is nothing to pool, over the whole response there is."""
    with pytest.raises(HubkitError, match="none of them deceptive or honest"):
        collect(small(lab, max_new_tokens=1), tmp_path)
    assert len(collect(small(lab, max_new_tokens=1, pool_over="response"), tmp_path).rows) > 50


def test_a_plan_that_does_not_fit_together_is_refused(lab: LabModel) -> None:
    good = plan(lab).model_dump()
    for change in (
        {"labels": ("yes", "no")},
        {"layers": (1, 1)},
        {"layers": ()},
        {"samples": 3},
        {"folds": 1},
        {"typo": 1},
    ):
        with pytest.raises(ValidationError):
            CollectPlan.model_validate(good | change)
    assert CollectPlan.model_validate_json(plan(lab).model_dump_json()) == plan(lab)


def test_a_folder_without_weights_has_no_revision(lab: LabModel, tmp_path: Path) -> None:
    with pytest.raises(IncompleteError, match=r"no \*\.safetensors file"):
        model_revision(small(lab, model=str(tmp_path), revision=None))


def _fail(*_: object, **__: object) -> None:
    raise AssertionError("called, though there was nothing to do")
