"""What is kept beside a pool: controls, distances from the committing word, the word swapped or deleted. The lab model has no controls: some are added."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from hubkit.collect.also import Also
from hubkit.collect.completions import Completion, read_completions
from hubkit.collect.run import collect
from hubkit.collect.swapped import other_word
from hubkit.errors import IncompleteError
from hubkit.lab.model import LabModel, one_thread
from hubkit.lab.study import plan
from hubkit.release.digests import sha256_of_file
from hubkit.release.layout import TIMES
from hubkit.release.pool import PoolManifest
from hubkit.release.pool_extras import PoolExtras, read_extra, read_extras

if TYPE_CHECKING:
    from pathlib import Path

    from hubkit.collect.plan import CollectPlan
    from hubkit.release.pool_extras import ExtraRow, ExtraSet

pytestmark = pytest.mark.train
ALL = Also(distances=(3, 0, 1), word=("swapped", "deleted"))
CONTROLS = ("turned", "neutral")


def asked(lab: LabModel, **changes: Any) -> CollectPlan:
    """A small study with two of its scenarios as controls (the last one is never decided)."""
    found = plan(lab, samples=64, layers=(1, 4))
    scenarios = list(found.scenarios)
    for place, kind in zip((-3, -2), CONTROLS, strict=True):
        scenarios[place] = scenarios[place].model_copy(update={"control": kind})
    settings = {"scenarios": tuple(scenarios), "control_samples": 6, "also": ALL, **changes}
    return found.model_copy(update=settings)


@pytest.fixture(scope="module")
def kept(lab: LabModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("extras")
    with one_thread():
        collect(asked(lab), out)
    return out


def extras_of(out: Path) -> PoolExtras:
    folder = out / "activations"
    found = read_extras(folder, PoolManifest.load(folder / "manifest.json"))
    assert found is not None
    return found


def named(out: Path, name: Any) -> ExtraSet:
    found = extras_of(out).named(name)
    assert found is not None
    return found


def files(out: Path) -> dict[str, str]:
    return {
        file.relative_to(out).as_posix(): sha256_of_file(file)
        for file in sorted(out.rglob("*"))
        if file.is_file() and file.name != TIMES
    }


def rows_of(out: Path, name: Any, layer: int) -> np.ndarray:
    kept = named(out, name)
    return read_extra(out / "activations", extras_of(out), kept, kept.layer(layer))


def run(lab: LabModel, prompt: Any, token_ids: Any) -> Any:
    """Output of block 1 for each token behind the prompt, by transformers alone: (tokens, d)."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(lab.folder)
    model = AutoModelForCausalLM.from_pretrained(lab.folder)
    ids = tokenizer(prompt.prompt + prompt.prefill).input_ids
    with torch.no_grad():
        states = model(torch.tensor([[*ids, *token_ids]]), output_hidden_states=True).hidden_states
    return states[2][0, len(ids) :].numpy()


def texts(lab: LabModel, token_ids: Any) -> list[str]:
    from transformers import AutoTokenizer

    words: list[str] = AutoTokenizer.from_pretrained(lab.folder).convert_ids_to_tokens(list(token_ids))
    return words


def completions(out: Path) -> dict[str, Completion]:
    return {one.completion_id: one for one in read_completions(out / "completions.parquet")}


def test_controls_have_their_label_and_a_fold_and_are_no_rows_of_the_pool(kept: Path) -> None:
    rows, said = named(kept, "controls").rows, completions(kept)
    decided = [one for one in said.values() if one.control and one.label is not None]
    assert [(row.completion_id, row.control, row.label) for row in rows] == [
        (one.completion_id, one.control, one.label) for one in decided
    ]
    assert {row.control for row in rows} == set(CONTROLS)
    for kind in CONTROLS:
        assert len({row.split for row in rows if row.control == kind}) == 5
    pool = PoolManifest.load(kept / "activations" / "manifest.json")
    assert not {row.completion_id for row in rows} & {row.completion_id for row in pool.rows}


@pytest.mark.parametrize("name", ["controls", "distances", "swapped", "deleted"])
def test_rows_are_those_of_an_independent_run(lab: LabModel, kept: Path, name: Any) -> None:
    prompts = {one.scenario_id: one for one in asked(lab).scenarios}
    said, rows = completions(kept), named(kept, name).rows
    found = rows_of(kept, name, 1)
    assert found.shape == (len(rows), 64)
    assert found.dtype == np.float32
    for at in range(0, len(rows), 7):
        row = rows[at]
        ids = list(said[row.completion_id].token_ids)
        if row.replaced is not None:
            ids[slice(*row.replaced)] = row.by
        place = -1 if row.token is None else row.token  # the lab pools the last token
        np.testing.assert_allclose(
            found[at], run(lab, prompts[row.scenario_id], ids)[place], rtol=1e-5, atol=1e-5
        )


def test_distances_count_from_the_last_token_of_the_word(lab: LabModel, kept: Path) -> None:
    said = completions(kept)

    def word(row: ExtraRow) -> str:
        assert row.token is not None
        assert row.distance is not None
        return texts(lab, said[row.completion_id].token_ids)[row.token - row.distance]

    rows = named(kept, "distances").rows
    assert {word(row) for row in rows} == {"truly", "quietly"}
    assert extras_of(kept).distances == sorted({row.distance for row in rows if row.distance is not None})
    pool = PoolManifest.load(kept / "activations" / "manifest.json")
    fold = {row.completion_id: row.split for row in pool.rows}
    assert all(row.split == fold[row.completion_id] for row in rows if not row.control)
    assert {row.completion_id for row in rows if not row.control} == set(fold)
    assert {row.control for row in rows} == {"", *CONTROLS}


def test_a_swapped_word_is_the_other_labels_and_a_deleted_one_is_gone(lab: LabModel, kept: Path) -> None:
    said = completions(kept)
    for row in named(kept, "swapped").rows:
        assert row.replaced is not None
        (there,) = texts(lab, said[row.completion_id].token_ids[slice(*row.replaced)])
        (by,) = texts(lab, row.by)
        assert {there, by} == {"truly", "quietly"}
    swapped, deleted = named(kept, "swapped"), named(kept, "deleted")
    assert [row.replaced for row in swapped.rows] == [row.replaced for row in deleted.rows]
    assert all(not row.by for row in deleted.rows)
    assert not np.allclose(rows_of(kept, "swapped", 4), rows_of(kept, "deleted", 4), atol=1e-3)


def test_the_pool_is_the_same_with_and_without(lab: LabModel, kept: Path, tmp_path: Path) -> None:
    collect(asked(lab, also=Also(controls=False)), tmp_path)
    without, beside = files(tmp_path), files(kept)
    assert {name: beside[name] for name in without} == without
    assert set(beside) - set(without) == {"activations/extras.json"} | {
        f"activations/{one.name}/layer_{layer:02d}.safetensors"
        for one in extras_of(kept).sets
        for layer in (1, 4)
    }
    collect(asked(lab), tmp_path)  # asked for later: the pool stays, they are added
    assert files(tmp_path) == beside
    collect(asked(lab, also=Also(distances=(1,))), tmp_path)
    assert {one.name for one in extras_of(tmp_path).sets} == {"controls", "distances"}
    assert not (tmp_path / "activations" / "swapped").exists()
    collect(asked(lab, also=Also(controls=False)), tmp_path)
    assert files(tmp_path) == without


def test_killed_between_two_batches_it_goes_on(
    lab: LabModel, kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hubkit.collect import rows

    whole, runs = rows.pool_outputs, [0]

    def cut(*args: Any, **named: Any) -> Any:
        runs[0] += 1
        if runs[0] == 5:
            raise KeyboardInterrupt
        return whole(*args, **named)

    monkeypatch.setattr(rows, "pool_outputs", cut)
    study = asked(lab, batch_size=16)
    for _ in range(2):  # in the pool's own rows, then beside it
        runs[0] = min(runs[0], 3)
        with pytest.raises(KeyboardInterrupt):
            collect(study, tmp_path)
    monkeypatch.setattr("hubkit.collect.sampling.Sampling._draw", None)
    collect(study, tmp_path)
    found, before = named(tmp_path, "swapped"), named(kept, "swapped")
    assert found.rows == before.rows
    np.testing.assert_allclose(rows_of(tmp_path, "swapped", 4), rows_of(kept, "swapped", 4), atol=2e-5)


def test_a_lost_file_is_made_again_and_another_pool_is_named(lab: LabModel, kept: Path) -> None:
    before = files(kept)
    (kept / "activations" / "deleted" / "layer_04.safetensors").unlink()
    collect(asked(lab), kept)
    assert files(kept) == before
    folder = kept / "activations"
    other = PoolManifest.load(folder / "manifest.json").model_copy(update={"inputs_sha256": "0" * 64})
    with pytest.raises(IncompleteError, match="another pool"):
        read_extras(folder, other)


@pytest.mark.parametrize(
    ("text", "span", "words", "expected"),
    [
        ("an ally now", (3, 7), {"h": ("enemy", "foe"), "d": ("friend", "ally")}, "foe"),
        ("an Ally now", (3, 7), {"h": ("enemy",), "d": ("friend", "ally")}, "Enemy"),
        ("AN ALLY", (3, 7), {"h": ("enemy",), "d": ("ally",)}, "ENEMY"),
        ("not an enemy", (0, 12), {"h": ("enemy",), "d": ("ally",)}, "enemy"),
        ("an ally now", (3, 7), {}, None),
        ("an ally now", (3, 7), {"h": (), "d": ("ally",)}, None),
    ],
)
def test_the_other_word(text: str, span: tuple[int, int], words: Any, expected: str | None) -> None:
    one = Completion("a/0", "a", "", text, (), 0, label="d", label_unflipped="d", commit_span=span)
    assert other_word(one, words) == expected
