"""Completions, labels and activations of elsewhere: what becomes a pool, and what is refused with its place."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file
from typer.testing import CliRunner

from hubkit.collect.completions import read_completions
from hubkit.collect.imports.caches import read_cache
from hubkit.collect.imports.rows import read_rows
from hubkit.collect.imports.take_in import imported_in, take_in
from hubkit.collect.judges import ColumnJudge
from hubkit.collect.plan import CollectPlan
from hubkit.collect.run import collect
from hubkit.errors import IncompleteError, UsageError
from hubkit.lab.model import LabModel
from hubkit.lab.study import plan
from hubkit.release.agreement import Agreement
from hubkit.release.digests import sha256_of_file
from hubkit.release.pool import PoolManifest

COLUMN = {
    "kind": "column",
    "column": "gemini",
    "label_names": ["honest", "deceptive"],
    "who": "Gemini 2.5 Flash",
}
KEYWORD = {"kind": "keyword", "keywords": {"honest": ["truly"], "deceptive": ["quietly"]}, "within": 3}
WIDTH = 16
N = 24


def asked(**changes: Any) -> CollectPlan:
    """A study of a known model whose activations came from elsewhere."""
    return CollectPlan.model_validate(
        {
            "model": "no/such-folder", "model_name": "EleutherAI/pythia-70m", "max_new_tokens": 9, "samples": 2, "folds": 3,
            "scenarios": [{"scenario_id": "a", "prompt": "Is it?"}, {"scenario_id": "b", "prompt": "Was it?"}],
            "labels": ["honest", "deceptive"], "judge": COLUMN, "second_judges": [KEYWORD], "layers": [0, 2],
        } | changes
    )  # fmt: skip


def lines(**changes: Any) -> list[dict[str, Any]]:
    """Completions with labels of two judges; number 5 is undecided."""
    words = ["truly", "quietly"]
    return [
        {
            "completion_id": f"x{number}", "scenario_id": "ab"[number % 2], "text": f"{words[number // 2 % 2]} {number}",
            "gemini": None if number == 5 else ["honest", "deceptive"][number // 2 % 2], "other": "whatever",
        } | changes
        for number in range(N)
    ]  # fmt: skip


def written(folder: Path, entries: list[Any]) -> Path:
    path = folder / "completions.jsonl"
    path.write_text("".join(f"{json.dumps(entry)}\n" for entry in entries), encoding="utf-8")
    return path


@pytest.fixture
def width() -> int:
    """Of the shipped table's pythia-70m."""
    from hubkit.models.base_width import base_width

    found = base_width("EleutherAI/pythia-70m")
    assert found is not None
    return found


def caches(folder: Path, width: int, rows: int = N) -> dict[int, np.ndarray]:
    found = {
        layer: np.random.default_rng(layer).normal(size=(rows, width)).astype(np.float32) for layer in (0, 2)
    }
    for layer, values in found.items():
        np.save(folder / f"{layer}.npy", values)
    return found


def named(folder: Path) -> dict[int, str]:
    return {layer: str(folder / f"{layer}.npy") for layer in (0, 2)}


def test_labels_and_caches_become_a_pool_like_any_other(tmp_path: Path, width: int) -> None:
    values, source = caches(tmp_path, width), written(tmp_path, lines())
    out = tmp_path / "work"
    take_in(asked(), out, source, named(tmp_path))
    manifest = collect(asked(), out)
    assert len(manifest.rows) == N - 1
    assert (manifest.d_in, manifest.n_layers, manifest.judge) == (width, 6, "gemini")
    assert manifest.folds == ["fold0", "fold1", "fold2"]
    assert manifest.imported is not None
    assert manifest.imported.tokens is None
    assert manifest.imported.files == {
        "completions.jsonl": sha256_of_file(source), "0.npy": sha256_of_file(tmp_path / "0.npy"), "2.npy": sha256_of_file(tmp_path / "2.npy"),
    }  # fmt: skip
    entry = manifest.layer(2)
    assert (entry.hook_name, entry.hf_hook_name) == ("blocks.2.hook_resid_post", "gpt_neox.layers.2")
    kept = [number for number in range(N) if number != 5]
    assert [row.completion_id for row in manifest.rows] == [f"x{number}" for number in kept]
    for layer, whole in values.items():
        assert (
            load_file(out / "activations" / manifest.layer(layer).file)["activations"] == whole[kept]
        ).all()
    completions = read_completions(out / "completions.parquet")
    assert [one.label for one in completions][4:7] == ["honest", None, "deceptive"]
    found = Agreement.load(out / "agreement.json")
    assert found.judges[0].description == "Gemini 2.5 Flash"
    assert found.pair("gemini", "keyword", "decisive").same.value == 1.0
    assert collect(asked(), out) == manifest, "and is there the next time"


def test_another_judge_labels_what_was_imported(tmp_path: Path, width: int) -> None:
    caches(tmp_path, width)
    out = tmp_path / "work"
    take_in(asked(), out, written(tmp_path, lines()), named(tmp_path))
    collect(asked(), out)
    for file in tmp_path.glob("*.npy"):
        file.unlink()
    manifest = collect(asked(judge=KEYWORD, second_judges=[]), out)
    assert len(manifest.rows) == N, (
        "the keyword judge decides number 5 as well; the files are not needed any more"
    )


def test_rows_may_lie_in_another_order_and_be_missing(tmp_path: Path, width: int) -> None:
    values = caches(tmp_path, width, rows=30)
    entries = lines()
    for number, entry in enumerate(entries):
        entry["row"] = None if number == 3 else 29 - number
    out = tmp_path / "work"
    take_in(asked(), out, written(tmp_path, entries), named(tmp_path))
    manifest = collect(asked(), out)
    places = [29 - number for number in range(N) if number not in {3, 5}]
    assert (load_file(out / "activations" / manifest.layer(0).file)["activations"] == values[0][places]).all()
    assert read_completions(out / "completions.parquet")[3].reason == "but no activations"


def test_activations_of_another_site_are_not_taken_for_the_residual_stream(
    tmp_path: Path, width: int
) -> None:
    caches(tmp_path, width)
    out = tmp_path / "work"
    with pytest.raises(UsageError, match="the study has the sites mlp_out; activations of resid_post alone"):
        take_in(asked(sites=["mlp_out"]), out, written(tmp_path, lines()), named(tmp_path))
    assert imported_in(out) is None


def spoiled(values: np.ndarray) -> np.ndarray:
    values[4, 1] = np.nan
    return values


MISFITS = {
    "too few rows": (lambda v: v[:-1], r"23 rows, the completions need 24"),
    "too many rows": (lambda v: np.concatenate([v, v[:1]]), r"25 rows.*expected a row for each of 24 lines"),
    "NaN": (spoiled, r"NaN or infinite in row 4, completion x4 \(line 5\)"),
    "another width": (lambda v: v[:, :-1], r"wide, expected"),
    "three axes": (lambda v: v[None], r"shape \(1, 24, \d+\)"),
    "whole numbers": (lambda v: np.nan_to_num(v).astype(np.int64), r"numbers of type int64"),
}


@pytest.mark.parametrize("case", MISFITS)
def test_activations_that_do_not_fit_are_refused_and_nothing_is_taken_in(
    tmp_path: Path, width: int, case: str
) -> None:
    change, told = MISFITS[case]
    values = caches(tmp_path, width)
    np.save(tmp_path / "2.npy", change(values[2]))
    with pytest.raises(UsageError, match=told) as raised:
        take_in(asked(), tmp_path / "work", written(tmp_path, lines()), named(tmp_path))
    assert "2.npy" in str(raised.value)
    assert imported_in(tmp_path / "work") is None


@pytest.mark.parametrize(
    ("entries", "told"),
    [
        ([], "no completion in it"),
        ([[1]], "line 1: list, expected an object"),
        ([{"text": "x"}], "columns text, expected scenario_id"),
        ([{"scenario_id": 3, "text": "x"}], "line 1: scenario_id 3, expected a text"),
        ([{"scenario_id": "a", "text": 3}], "line 1: text 3, expected a text"),
        ([{"scenario_id": "a", "text": "x"}, {"scenario_id": "a"}], "line 2: no text"),
        ([{"id": "1", "scenario_id": "a", "text": "x"}] * 2, "completion '1' is there several times"),
        ([{"scenario_id": "a", "text": "x", "row": -1}], "line 1: row -1"),
        ([{"scenario_id": "a", "text": "x", "row": True}], "line 1: row True"),
        ([{"scenario_id": "a", "text": "x", "token_ids": ["1"]}], "line 1: token_ids, expected a list of numbers"),
        ([{"scenario_id": "a", "text": "x", "row": 1}, {"scenario_id": "a", "text": "x", "row": 1}], "row 1 is that of another completion as well"),
        ([{"scenario_id": "c", "text": "x"}], r"scenarios that the study does not have: 'c' \(1 completions\); it has a, b"),
        ([{"scenario_id": "a", "variant": "v", "text": "x"}], "'a/v'"),
    ],
)  # fmt: skip
def test_completions_that_do_not_fit_are_named_by_their_line(
    tmp_path: Path, width: int, entries: list[Any], told: str
) -> None:
    caches(tmp_path, width)
    with pytest.raises(UsageError, match=told):
        take_in(asked(), tmp_path / "work", written(tmp_path, entries), named(tmp_path))


def test_other_mistakes_say_what_helps(tmp_path: Path, width: int) -> None:
    caches(tmp_path, width)
    source, out = written(tmp_path, lines()), tmp_path / "work"
    with pytest.raises(UsageError, match=r"activations of blocks \[0\], the study has \[0, 2\]"):
        take_in(asked(), out, source, {0: named(tmp_path)[0]})
    with pytest.raises(UsageError, match="there is no such file"):
        take_in(asked(), out, tmp_path / "gone.jsonl", named(tmp_path))
    with pytest.raises(UsageError, match=r"gone\.npy: there is no such file"):
        take_in(asked(), out, source, named(tmp_path) | {2: str(tmp_path / "gone.npy")})
    nowhere = ColumnJudge.model_validate(COLUMN).in_folder(tmp_path / "nowhere")
    with pytest.raises(UsageError, match="reads imported completions, and there are none"):
        nowhere.judge([])
    take_in(asked(), out, source, named(tmp_path))
    with pytest.raises(UsageError, match="no column 'claude', expected one of gemini, other"):
        collect(asked(judge=COLUMN | {"column": "claude"}), out)
    with pytest.raises(
        UsageError, match=r"(?s)column 'other' has 24 words that are no label:\n  line 1: 'whatever'"
    ):
        collect(asked(judge=COLUMN | {"column": "other"}), out)
    with pytest.raises(UsageError, match="how many blocks it has is not known"):
        collect(asked(model_name="me/unknown"), out)
    (out / "imported" / "import.json").write_text("{}", encoding="utf-8")
    with pytest.raises(IncompleteError, match="not a ImportRecord"):
        collect(asked(), out)


def test_words_of_another_language_are_translated(tmp_path: Path, width: int) -> None:
    caches(tmp_path, width)
    entries = [entry | {"gemini": 1 if entry["gemini"] == "deceptive" else 0} for entry in lines()]
    out = tmp_path / "work"
    take_in(asked(), out, written(tmp_path, entries), named(tmp_path))
    manifest = collect(asked(judge=COLUMN | {"means": {"1": "deceptive", "0": "honest"}}), out)
    assert len(manifest.rows) == N


def test_names_that_others_use_and_ids_that_are_not_there(tmp_path: Path) -> None:
    entries = [
        {"scenario": "a", "response": "x"},
        {"scenario": "b", "response": "y"},
        {"scenario": "a", "response": "z", "k": "v"},
    ]
    rows = read_rows(written(tmp_path, entries))
    assert [(row.completion_id, row.text, row.row) for row in rows] == [
        ("a/0000", "x", 0),
        ("b/0000", "y", 1),
        ("a/0001", "z", 2),
    ]
    assert rows[2].said == {"k": "v"}


VALUES = np.arange(12, dtype=np.float32).reshape(4, 3)


def test_every_container_is_read_and_none_is_run(tmp_path: Path) -> None:
    tensor = torch.from_numpy(VALUES)
    torch.save(tensor, tmp_path / "bare.pt")
    torch.save({"layer_3": tensor, "labels": torch.zeros(4, dtype=torch.int64)}, tmp_path / "dict.pt")
    torch.save({"x": {"layer_3": tensor.to(torch.bfloat16)}}, tmp_path / "half.pt")
    torch.save(tensor.T.contiguous().T, tmp_path / "turned.pt")
    torch.save({"a": tensor, "b": tensor}, tmp_path / "two.pt")
    np.save(tmp_path / "a.npy", VALUES.astype(np.float64))
    np.save(tmp_path / "f.npy", np.asfortranarray(VALUES))
    np.savez(tmp_path / "a.npz", acts=VALUES, labels=np.zeros(4, np.int8))
    save_file({"acts": VALUES.astype(np.float16)}, tmp_path / "a.safetensors")
    for source in (
        "bare.pt",
        "dict.pt",
        "dict.pt#layer_3",
        "half.pt",
        "turned.pt",
        "two.pt#b",
        "a.npy",
        "f.npy",
        "a.npz",
        "a.safetensors#acts",
    ):
        found = read_cache(str(tmp_path / source))
        assert found.dtype == np.float32
        assert (found == VALUES).all(), source
    for source, told in {
        "two.pt": r"2 matrices \(a, b\), expected one",
        "two.pt#c": r"no tensor 'c', it has a, b",
        "dict.pt#labels": "numbers of type I64",
    }.items():
        with pytest.raises(UsageError, match=told):
            read_cache(str(tmp_path / source))


def test_a_pickle_that_would_run_something_does_not(tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[Any, ...]:
            return (Path.write_text, (tmp_path / "ran", "x"))

    torch.save({"a": torch.from_numpy(VALUES), "bomb": Bomb()}, tmp_path / "bomb.pt")
    assert (read_cache(str(tmp_path / "bomb.pt")) == VALUES).all()
    np.save(tmp_path / "bomb.npy", np.array([Bomb()], dtype=object), allow_pickle=True)
    for name, data in {"bomb.npy": None, "junk.pt": b"junk", "empty.npy": b""}.items():
        if data is not None:
            (tmp_path / name).write_bytes(data)
        with pytest.raises(UsageError, match=name):
            read_cache(str(tmp_path / name))
    with zipfile.ZipFile(tmp_path / "other.pt", "w") as archive:
        archive.writestr("x.txt", "hello")
    with pytest.raises(UsageError, match="other"):
        read_cache(str(tmp_path / "other.pt"))
    assert not (tmp_path / "ran").exists()


@pytest.mark.train
def test_completions_without_activations_are_run_through_the_model(lab: LabModel, tmp_path: Path) -> None:
    first = plan(lab, samples=64, layers=(1,))
    sampled = collect(first, tmp_path / "first")
    rows = read_completions(tmp_path / "first" / "completions.parquet")
    given = [
        {
            "id": one.completion_id,
            "scenario_id": one.scenario_id,
            "text": one.text,
            "token_ids": list(one.token_ids),
            "label": one.label,
        }
        for one in rows
    ]
    judge = COLUMN | {"column": "label"}
    again = CollectPlan.model_validate(
        first.model_dump(mode="json") | {"judge": judge, "pool_over": "response"}
    )
    whole = CollectPlan.model_validate(first.model_dump(mode="json") | {"pool_over": "response"})
    take_in(again, tmp_path / "second", written(tmp_path, given), {})
    manifest = collect(again, tmp_path / "second")
    expected = collect(whole, tmp_path / "first")
    assert manifest.imported is not None
    assert manifest.imported.tokens == "given"
    assert manifest.rows == expected.rows
    rows_of = [
        load_file(tmp_path / name / "activations" / "layer_01.safetensors")["activations"]
        for name in ("first", "second")
    ]
    np.testing.assert_allclose(rows_of[0], rows_of[1], rtol=1e-4, atol=1e-5)  # in other batches
    assert len(sampled.rows) == len(manifest.rows)
    for entry in given:
        del entry["token_ids"]
    take_in(again, tmp_path / "third", written(tmp_path, given), {})
    told = collect(again, tmp_path / "third").imported
    assert told is not None
    assert told.tokens == "tokenised again"


def test_the_command_takes_them(tmp_path: Path, width: int) -> None:
    from hubkit.cli.main import app

    caches(tmp_path, width)
    source = written(tmp_path, lines())
    study = {
        "name": "taken", "collect": asked().model_dump(mode="json"), "card": {"base_model": "EleutherAI/pythia-70m", "license": "mit", "repo_id": "me/taken"},
        "grid": {"prefix": "t", "conditions": ["mixed"], "architectures": {"topk": {"d_sae": 32, "k": 4}}},
    }  # fmt: skip
    (tmp_path / "study.yaml").write_text(json.dumps(study), encoding="utf-8")
    command = [
        "collect",
        str(tmp_path / "study.yaml"),
        "--import",
        str(source),
        "--activations",
        f"0={tmp_path / '0.npy'}",
    ]
    done = CliRunner().invoke(app, [*command, "--activations", f"2={tmp_path / '2.npy'}"])
    assert done.exit_code == 0, done.output + str(done.exception)
    assert len(PoolManifest.load(tmp_path / "work" / "taken" / "activations" / "manifest.json").rows) == N - 1
    for wrong, told in (("x=1", "expected LAYER=FILE"), ("0=a", "layer 0 is there twice")):
        failed = CliRunner().invoke(app, [*command, "--activations", wrong])
        assert isinstance(failed.exception, UsageError)
        assert told in str(failed.exception)


def test_a_line_that_is_no_completion_is_told_and_not_held_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hubkit.collect.imports.rows.LONGEST_LINE", 1000)
    path = tmp_path / "completions.jsonl"
    good = json.dumps(lines()[0]).encode()
    path.write_bytes(b"\xef\xbb\xbf" + good + b"\n" + b"[" * (3 << 20) + b"\n" + good)
    with pytest.raises(UsageError, match="line 2: more than 1,000 bytes"):
        read_rows(path)
    path.write_bytes(b"\xef\xbb\xbf" + good + b" " * (1000 - len(good)) + b"\n\r\n")
    assert [row.completion_id for row in read_rows(path)] == ["x0"]
