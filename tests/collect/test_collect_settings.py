"""What a study can ask of a pool beside the plain case: pooling by token, states kept while sampling, controls, the completions of another pool."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from safetensors.numpy import load_file

from hubkit.collect.also import Also
from hubkit.collect.completions import read_completions, source_of
from hubkit.collect.plan import CollectPlan
from hubkit.collect.run import collect
from hubkit.collect.sampling import Sampling
from hubkit.collect.scenarios import Scenario
from hubkit.errors import HubkitError, IncompleteError, UsageError
from hubkit.lab import text
from hubkit.lab.study import plan
from hubkit.release.digests import sha256_of_file
from hubkit.release.layout import COMPLETIONS, POOL_REPORT
from hubkit.release.pool import PoolManifest
from hubkit.release.pool_report import PoolReport

if TYPE_CHECKING:
    from pathlib import Path

    from hubkit.lab.model import LabModel

pytestmark = pytest.mark.train


def small(lab: LabModel, **changes: Any) -> CollectPlan:
    made = {**plan(lab, samples=48, layers=(1, 5)).model_dump(), "batch_size": 10}
    return CollectPlan.model_validate(made | changes)


def tensors(out: Path) -> dict[str, np.ndarray]:
    files = sorted((out / "activations").glob("*.safetensors"))
    return {file.name: load_file(file)["activations"] for file in files}


@pytest.mark.parametrize("pooling", ["mean", "last", "first", "all"])
def test_states_kept_while_sampling_are_those_of_the_tokens_run_again(
    lab: LabModel, tmp_path: Path, pooling: str
) -> None:
    again = collect(small(lab, pooling=pooling), tmp_path / "again")
    kept = collect(small(lab, pooling=pooling, taken="while_sampling"), tmp_path / "kept")
    assert (again.rows, again.inputs_sha256) == (kept.rows, kept.inputs_sha256)
    assert again.activations is not None
    assert kept.activations is not None
    assert (again.activations.taken, kept.activations.taken) == ("afterwards", "while_sampling")
    for name, rows in tensors(tmp_path / "again").items():
        assert rows.shape == (len(again.rows), 64)
        np.testing.assert_allclose(tensors(tmp_path / "kept")[name], rows, atol=2e-5, rtol=1e-5)
    assert not (tmp_path / "kept" / "sampling").exists()


def test_pooling_by_token_has_a_row_for_each_and_its_mean_is_the_mean(lab: LabModel, tmp_path: Path) -> None:
    every = collect(small(lab, pooling="all"), tmp_path / "all")
    mean = collect(small(lab, pooling="mean"), tmp_path / "mean")
    assert {row.completion_id for row in every.rows} == {row.completion_id for row in mean.rows}
    owner = np.array([row.completion_id for row in every.rows])
    assert {row.token for row in every.rows} == set(range(1, text.RESPONSE_TO_LAST_FILLER))
    for name, rows in tensors(tmp_path / "mean").items():
        by_token = tensors(tmp_path / "all")[name]
        for row, one in zip(rows, mean.rows, strict=True):
            np.testing.assert_allclose(by_token[owner == one.completion_id].mean(0), row, atol=1e-6)
    splits = {(row.completion_id, row.split) for row in every.rows}
    assert len(splits) == len(mean.rows), "all tokens of a completion are in one fold"


def test_tokens_behind_the_committing_word_are_skipped(lab: LabModel, tmp_path: Path) -> None:
    later = collect(small(lab, pooling="all", skip_after_commit=4), tmp_path)
    assert {row.token for row in later.rows} == set(range(5, text.RESPONSE_TO_LAST_FILLER))
    assert later.token_span == "response behind the commit span, 4 tokens skipped"
    with pytest.raises(HubkitError, match="none of them deceptive or honest"):
        collect(small(lab, skip_after_commit=12), tmp_path / "none")
    with pytest.raises(ValueError, match="skip_after_commit and pool_over"):
        small(lab, skip_after_commit=1, pool_over="response")


def test_sites_of_one_layer_are_files_of_their_own(lab: LabModel, tmp_path: Path) -> None:
    manifest = collect(small(lab, sites=("resid_post", "resid_pre", "mlp_out", "attn_out")), tmp_path)
    names = [layer.hook_name for layer in manifest.layers]
    assert names[:2] == ["blocks.1.hook_resid_post", "blocks.5.hook_resid_post"]
    assert len(set(names)) == 8
    found = tensors(tmp_path)
    by_site = {layer.hook_name: found[layer.file] for layer in manifest.layers}
    added = by_site["blocks.5.hook_mlp_out"] + by_site["blocks.5.hook_attn_out"]
    np.testing.assert_allclose(
        by_site["blocks.5.hook_resid_pre"] + added, by_site["blocks.5.hook_resid_post"], atol=1e-4
    )
    assert manifest.layer(5).hook_name == "blocks.5.hook_resid_post"


def with_controls(lab: LabModel, **changes: Any) -> CollectPlan:
    scenes = text.scenarios()[:6]
    turned = [
        one.model_copy(update={"variant": "turned", "control": "turned", "prompt": other.prompt})
        for one, other in zip(scenes[:3], scenes[3:], strict=True)
    ]
    neutral = Scenario(scenario_id="neutral", prompt=scenes[5].prompt, control="neutral")
    return small(lab, scenarios=(*scenes, *turned, neutral), control_samples=7, **changes)


def test_controls_are_sampled_and_judged_and_no_rows(lab: LabModel, tmp_path: Path) -> None:
    asked = with_controls(lab)
    manifest = collect(asked, tmp_path)
    table = read_completions(tmp_path / COMPLETIONS)
    controls = [one for one in table if one.control]
    assert (len(table), len(controls), asked.total) == (48 + 28, 28, 76)
    assert any(one.label for one in controls)
    assert all(one.split is None for one in controls)
    assert not {row.completion_id for row in manifest.rows} & {one.completion_id for one in controls}
    assert sum(scenario.sampled for scenario in manifest.scenarios) == 48
    report = PoolReport.load(tmp_path / POOL_REPORT)
    assert (report.sampled, len(report.turned), len(report.neutral)) == (48, 3, 1)
    alone = collect(small(lab, scenarios=asked.scenarios[:6], batch_size=None), tmp_path / "alone")
    assert alone.rows == manifest.rows, "a seed and a fold do not hang on what else is sampled"


def test_any_completion_is_drawn_again_from_what_is_recorded(lab: LabModel, tmp_path: Path) -> None:
    from hubkit.inference.load import load_model

    asked = small(lab, top_p=0.9)
    collect(asked, tmp_path)
    source = source_of(tmp_path / COMPLETIONS)
    assert source is not None
    assert source.how is not None
    again = asked.model_copy(update={"batch_size": source.how.batch_size})
    sampling = Sampling(again, load_model(asked.model), tmp_path / "again", source.sampled_sha256)
    table = read_completions(tmp_path / COMPLETIONS)
    drawn = sampling.draw_again(2)
    assert [one.token_ids for one in drawn] == [one.token_ids for one in table[20:30]]


def test_completions_of_another_pool_at_another_precision(
    lab: LabModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = collect(small(lab), tmp_path / "exact")
    monkeypatch.setattr(Sampling, "run", _fail)
    borrowed = small(lab, completions_from=str(tmp_path / "exact"), precision="bfloat16")
    rounded = collect(borrowed, tmp_path / "rounded")
    assert rounded.rows == first.rows
    assert rounded.inputs_sha256 != first.inputs_sha256
    assert rounded.precision == "bfloat16"
    for name, rows in tensors(tmp_path / "exact").items():
        difference = np.abs(tensors(tmp_path / "rounded")[name] - rows).max()
        assert 0 < difference < 0.1 * np.abs(rows).max()
    assert collect(borrowed, tmp_path / "rounded") == rounded
    with pytest.raises(UsageError, match="go on from other prompts"):
        collect(small(lab, completions_from=str(tmp_path / "exact"), chat=True), tmp_path / "x")
    with pytest.raises(IncompleteError, match="no completions to take"):
        collect(small(lab, completions_from=str(tmp_path / "nowhere")), tmp_path / "x")


def test_other_words_for_readers_sample_nothing_anew(
    lab: LabModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    collect(small(lab), tmp_path)
    monkeypatch.setattr(Sampling, "run", _fail)
    told = tuple(
        one.model_copy(update={"notes": "!", "family": "lab", "labels": {"honest": "keeps to it"}})
        for one in text.scenarios()
    )
    collect(small(lab, scenarios=told), tmp_path)
    assert PoolReport.load(tmp_path / POOL_REPORT).scenarios[0].meanings == {"honest": "keeps to it"}


def test_empty_completions_are_told_and_no_rows(lab: LabModel, tmp_path: Path) -> None:
    """Of a model that ends at once there is nothing to judge: an error that says so, and no crash."""
    from hubkit.inference.load import load_model

    base = load_model(str(lab.folder))
    monkey = pytest.MonkeyPatch()
    ends = frozenset(range(base.model.config.vocab_size))
    with monkey.context() as patch:
        patch.setattr("hubkit.inference.load.BaseModel.end_ids", ends)
        with pytest.raises(HubkitError, match="48 completions, none of them deceptive or honest"):
            collect(small(lab), tmp_path / "afterwards")
        with pytest.raises(HubkitError, match="48 completions, none of them deceptive or honest"):
            collect(small(lab, taken="while_sampling"), tmp_path / "kept")


def test_a_disk_that_is_too_small_is_said_before(
    lab: LabModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = SimpleNamespace(free=1000)
    monkeypatch.setattr("hubkit.collect.activations.shutil.disk_usage", lambda _: free)
    with pytest.raises(HubkitError, match=r"the activations need 22 kB, and 1 kB are free"):
        collect(small(lab), tmp_path)
    monkeypatch.undo()
    collect(small(lab), tmp_path)


CODE = """
import sys
from pathlib import Path
from hubkit.collect.plan import CollectPlan
from hubkit.collect.run import collect
collect(CollectPlan.model_validate_json(Path(sys.argv[1]).read_text("utf-8")), Path(sys.argv[2]))
"""


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL is of POSIX")
@pytest.mark.parametrize("taken", ["afterwards", "while_sampling"])
def test_killed_at_any_point_it_becomes_what_it_would_have_been(
    lab: LabModel, tmp_path: Path, taken: str
) -> None:
    also = Also(distances=(0, 2), word=("swapped",))
    asked = small(lab, samples=160, batch_size=4, taken=taken, also=also)
    (tmp_path / "plan.json").write_text(asked.model_dump_json(), encoding="utf-8")
    collect(asked, tmp_path / "whole")
    rng, out, kills = np.random.default_rng(7), tmp_path / "killed", 0
    env = {**os.environ, "OMP_NUM_THREADS": "1"}  # as here: sums in other parts round otherwise
    command = [sys.executable, "-c", CODE, str(tmp_path / "plan.json"), str(out)]
    for _ in range(3):
        running = subprocess.Popen(command, env=env)
        parts = _parts(out)
        while running.poll() is None and _parts(out) == parts:
            time.sleep(0.01)
        time.sleep(float(rng.uniform(0, 0.6)))
        if running.poll() is not None:
            break
        running.send_signal(signal.SIGKILL)
        running.wait()
        kills += 1
    subprocess.run(command, check=True, env=env)
    assert kills >= 1
    names = ("activations/layer_01.safetensors", "activations/layer_05.safetensors", COMPLETIONS, POOL_REPORT)
    beside = (
        "distances/layer_01.safetensors",
        "swapped/layer_05.safetensors",
        "extras.json",
        "manifest.json",
    )
    for name in (*names, *(f"activations/{file}" for file in beside)):
        assert sha256_of_file(out / name) == sha256_of_file(tmp_path / "whole" / name), name
    manifest = PoolManifest.load(out / "activations" / "manifest.json")
    assert len({row.completion_id for row in manifest.rows}) == len(manifest.rows)


def _parts(out: Path) -> list[tuple[str, int]]:
    """What a run has written so far."""
    files = [*(out / "sampling").glob("*.json"), *(out / "activations").rglob("*.*")]
    return sorted((file.name, file.stat().st_size) for file in files if file.exists())


def _fail(*_: object, **__: object) -> None:
    raise AssertionError("called, though there was nothing to do")
