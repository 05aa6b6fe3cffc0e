"""Fixes of names: a prefix, parts of a file, another library's words, a stored k; and what each of them refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from builders import GONE, cfg, tensors
from fix.folders import SAE, codes, contents, fixed, read, sae
from safetensors.numpy import load_file, save_file

from hubkit.formats.tensor_names import common_prefix, meant
from hubkit.repo.local import open_folder
from hubkit.validate.run import validate

WEIGHTS = "sae_weights.safetensors"


def same(found: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> bool:
    return found.keys() == expected.keys() and all(
        found[name].dtype == one.dtype
        and found[name].shape == one.shape
        and found[name].tobytes() == one.tobytes()
        for name, one in expected.items()
    )


def named(code: str, root: Path) -> list[str]:
    return [f.message for f in validate(open_folder(root)).findings if f.code == code]


@pytest.mark.parametrize(
    "prefix",
    [
        "module.",
        "_orig_mod.",
        "sae.",
        "state_dict.",
        "model.",
        "autoencoder.",
        "state_dict.module.",
        "a.b.c.",
    ],
)
def test_a_prefix_is_one_finding_and_comes_off_with_every_bit(tmp_path: Path, prefix: str) -> None:
    good = tensors()
    good["b_enc"][3] = np.nan
    place = sae(tmp_path, cfg(), {f"{prefix}{name}": one for name, one in good.items()})
    assert codes(tmp_path) == ["WTS004"]
    assert prefix in named("WTS004", tmp_path)[0]
    plan = fixed(tmp_path, "WTS004")
    assert plan.refused == []
    assert same(load_file(place / WEIGHTS), good)
    assert codes(tmp_path) == []


def test_what_else_is_wrong_under_a_prefix_is_said_before_and_after(tmp_path: Path) -> None:
    wrong = tensors(b_enc=GONE, extra=np.zeros(2, np.float32), threshold=np.zeros(32, np.float32))
    sae(tmp_path, cfg(), {f"module.{name}": one for name, one in wrong.items()})
    assert codes(tmp_path) == ["THR001", "WTS004", "WTS004", "WTS005"]
    assert fixed(tmp_path, "WTS004").refused == []
    assert codes(tmp_path) == ["THR001", "WTS004", "WTS005"]


@pytest.mark.parametrize(
    ("names", "prefix"),
    [
        (["W_enc", "W_dec"], ""), (["a.W_enc", "W_dec"], ""), (["a.W_enc", "b.W_dec"], ""), (["attn_layers.0.k.weight", "attn_layers.0.q.weight"], ""),
        (["encoder.weight", "encoder.bias"], ""), (["m.W_enc"], "m."), (["m.W_enc", "m.extra"], "m."), ([], ""), (["mW_enc", "mW_dec"], ""),
    ],
)  # fmt: skip
def test_what_a_prefix_is_and_what_is_none(names: list[str], prefix: str) -> None:
    assert common_prefix(names) == prefix


def parts(
    place: Path, whole: dict[str, Any], *groups: set[str], stem: str = "sae_weights", index: Any = None
) -> list[Path]:
    """The weights in several files; the index as it is right, or `index` in its place."""
    (place / WEIGHTS).unlink(missing_ok=True)
    names = [f"{stem}-{number:05}-of-{len(groups):05}.safetensors" for number in range(1, len(groups) + 1)]
    for name, group in zip(names, groups, strict=True):
        save_file({key: whole[key] for key in group}, place / name)
    right = {key: name for name, group in zip(names, groups, strict=True) for key in group}
    text = json.dumps({"metadata": {"total_size": 0}, "weight_map": right if index is None else index})
    (place / f"{stem}.safetensors.index.json").write_text(text, encoding="utf-8")
    return [place / name for name in names]


FIRST, SECOND = {"W_enc", "b_enc"}, {"W_dec", "b_dec", "threshold"}


@pytest.mark.parametrize("stem", ["sae_weights", "model", "sae.v2"])
def test_parts_are_merged_bit_for_bit_and_stay(tmp_path: Path, stem: str) -> None:
    place, good = sae(tmp_path), tensors()
    files = parts(place, good, FIRST, SECOND, stem=stem)
    before = contents(tmp_path)
    assert codes(tmp_path) == ["WTS001"]
    assert "merges them" in next(
        f.hint for f in validate(open_folder(tmp_path)).findings if f.code == "WTS001"
    )
    plan = fixed(tmp_path, "WTS001")
    assert plan.refused == []
    assert "remove them" in plan.fixes[0].notes[0]
    assert same(load_file(place / WEIGHTS), good)
    assert {
        path: data for path, data in contents(tmp_path).items() if not path.endswith(f"/{WEIGHTS}")
    } == before
    assert all(path.is_file() for path in files)
    assert codes(tmp_path) == []
    assert fixed(tmp_path).fixes == []


def test_every_defect_of_split_weights_is_seen_through_the_parts(tmp_path: Path) -> None:
    place = sae(tmp_path)
    parts(place, tensors(threshold=np.zeros(32, np.float32)), FIRST, SECOND)
    assert codes(tmp_path) == ["THR001", "WTS001"]


@pytest.mark.parametrize("case", ["missing", "twice", "index disagrees", "index broken", "damaged"])
def test_parts_that_are_not_whole_are_refused(tmp_path: Path, case: str) -> None:
    place, good = sae(tmp_path), tensors()
    index = {"index disagrees": {"W_enc": "elsewhere.safetensors"}, "index broken": [1]}.get(case)
    second = SECOND | ({"W_enc"} if case == "twice" else set())
    files = parts(place, good, FIRST, second, index=index)
    if case == "missing":
        files[1].unlink()
    if case == "damaged":
        files[1].write_bytes(files[1].read_bytes()[:-1])
    before = contents(tmp_path)
    plan = fixed(tmp_path, "WTS001")
    assert plan.fixes == []
    assert len(plan.refused) == 1
    assert contents(tmp_path) == before
    found = validate(open_folder(tmp_path)).findings
    assert "WTS001" in {f.code for f in found}
    if case == "missing":
        assert any("part 2 is not there" in f.message for f in found)
    if case == "damaged":
        assert any(f.code == "WTS003" and f.path == f"{SAE}/{files[1].name}" for f in found)


def test_another_name_is_written_beside_it(tmp_path: Path) -> None:
    place = sae(tmp_path)
    (place / WEIGHTS).rename(place / "my_sae.safetensors")
    assert fixed(tmp_path, "WTS001").refused == []
    assert same(load_file(place / WEIGHTS), tensors())
    assert (place / "my_sae.safetensors").is_file()


def test_the_words_of_two_linear_layers_need_the_word_unsafe(tmp_path: Path) -> None:
    good = tensors("standard")
    linear = {
        "encoder.weight": good["W_enc"].T,
        "decoder.weight": good["W_dec"].T,
        "encoder.bias": good["b_enc"],
        "decoder.bias": good["b_dec"],
    }
    place = sae(tmp_path, cfg("standard"), {name: np.ascontiguousarray(one) for name, one in linear.items()})
    assert fixed(tmp_path).offered == [(SAE, "WTS004")]
    assert fixed(tmp_path, "WTS004", unsafe=True).refused == []
    assert same(load_file(place / WEIGHTS), good)
    assert codes(tmp_path) == []


def test_a_name_that_could_be_two_tensors_or_has_another_shape_is_not_renamed() -> None:
    wanted = {"W_enc": (8, 32), "b_dec": (8,)}
    assert meant({"a.W_enc": (8, 32), "b.W_enc": (8, 32)}, wanted) == {}
    assert meant({"encoder.weight": (8, 32)}, wanted) == {}
    assert meant({"encoder.weight": (32, 8), "decoder.bias": (8,)}, wanted) == {
        "encoder.weight": ("W_enc", True),
        "decoder.bias": ("b_dec", False),
    }


def test_a_stored_k_goes_where_cfg_says_the_same_and_stays_where_it_does_not(tmp_path: Path) -> None:
    whole = tensors("topk", k=np.array(4, np.int64))
    place = sae(tmp_path / "same", cfg("topk"), whole)
    assert codes(tmp_path / "same") == ["WTS005"]  # and no word of mixed dtypes
    assert fixed(tmp_path / "same", "WTS005").refused == []
    assert same(load_file(place / WEIGHTS), tensors("topk"))
    sae(tmp_path / "other", cfg("topk", k=8), whole)
    before = contents(tmp_path / "other")
    assert fixed(tmp_path / "other", "WTS005", unsafe=True).fixes == []
    assert contents(tmp_path / "other") == before
    (finding,) = [f for f in validate(open_folder(tmp_path / "other")).findings if f.code == "WTS005"]
    assert "4, cfg.json says 8" in finding.message
    assert "remove the tensor" not in finding.hint


def test_an_axis_of_one_comes_off_with_the_same_bits(tmp_path: Path) -> None:
    good = tensors()
    place = sae(tmp_path, cfg(), good | {"b_dec": good["b_dec"][None], "b_enc": good["b_enc"][:, None]})
    assert fixed(tmp_path, "WTS006").refused == []
    assert same(load_file(place / WEIGHTS), good)
    assert read(place) == cfg()
    assert codes(tmp_path) == []


@pytest.mark.parametrize("value", [np.array(0.3, np.float32), np.array([0.3], np.float32)])
def test_one_threshold_is_repeated_safely_only_for_a_batchtopk(tmp_path: Path, value: np.ndarray) -> None:
    one = tensors(threshold=value)
    place = sae(tmp_path / "batch", cfg(metadata={"training_architecture": "batchtopk"}), one)
    assert fixed(tmp_path / "batch", "WTS006").refused == []
    assert same(load_file(place / WEIGHTS), tensors(threshold=np.full(32, 0.3, np.float32)))
    place = sae(tmp_path / "other", cfg(), one)
    assert fixed(tmp_path / "other").offered == [(SAE, "WTS006")]
    assert fixed(tmp_path / "other", "WTS006", unsafe=True).refused == []
    assert same(load_file(place / WEIGHTS), tensors(threshold=np.full(32, 0.3, np.float32)))


def test_a_repeated_threshold_that_was_never_learned_is_no_secret(tmp_path: Path) -> None:
    sae(tmp_path, cfg(), tensors(threshold=np.zeros(1, np.float32)))
    assert codes(tmp_path) == ["THR001", "WTS006"]
    assert fixed(tmp_path, "WTS006", unsafe=True).refused == []
    assert codes(tmp_path) == ["THR001"]


def test_a_shape_that_only_a_person_can_mend_is_told_with_what_is_expected(tmp_path: Path) -> None:
    sae(tmp_path, cfg(), tensors(b_enc=np.zeros(16, np.float32)))
    before = contents(tmp_path)
    assert fixed(tmp_path, "WTS006", unsafe=True).fixes == []
    assert contents(tmp_path) == before
    (finding,) = [f for f in validate(open_folder(tmp_path)).findings if f.code == "WTS006"]
    assert "b_enc as [32]" in finding.hint
    assert finding.fix is None
