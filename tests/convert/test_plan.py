"""What an SAE becomes, what is asked for, and what is refused before anything is written. No SAELens, no torch."""

from __future__ import annotations

import json
import pickle
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from convert.saes import FAMILIES, K, flat, gemma, numbers, sparsify
from safetensors.numpy import save_file

from hubkit.convert.explained import Stated
from hubkit.convert.run import How, Outcome, convert
from hubkit.errors import NothingFound, UsageError

DRY = How(dry_run=True)
ALL = How(dry_run=True, several=True)
HERE = Stated(model="me/base", hook="blocks.{layer}.hook_resid_post")


def planned(root: Path, stated: Stated = HERE, how: How = DRY) -> Outcome:
    return convert(root, root.parent / "out", stated, how)


def refused(root: Path, stated: Stated = HERE) -> str:
    outcome = planned(root, stated)
    assert outcome.converted == []
    return outcome.left[0].reason


def cfg(root: Path, stated: Stated = HERE) -> dict[str, Any]:
    outcome = planned(root, stated)
    assert outcome.left == []
    return dict(outcome.converted[0].plan.cfg)


def copied(kind: str, tmp_path: Path) -> Path:
    shutil.copytree(FAMILIES / kind, tmp_path / "x")
    return tmp_path / "x"


def rewrite(file: Path, change: Any) -> None:
    content = json.loads(file.read_text(encoding="utf-8"))
    change(content)
    file.write_text(json.dumps(content), encoding="utf-8")


def trainer(root: Path) -> Path:
    return next(root.rglob("config.json"))


def test_what_no_file_says_is_asked_for_and_never_made_up(tmp_path: Path) -> None:
    place = gemma(tmp_path / "layer_20" / "width_16k" / "average_l0_71")
    said = refused(place.parents[2], Stated())
    assert "no file says its model and hook" in said
    assert "--model" in said
    assert "--hook" in said
    made = cfg(place.parents[2], Stated(model="google/gemma-2-2b", hook="blocks.{layer}.hook_resid_post"))
    assert made["metadata"]["hook_name"] == "blocks.20.hook_resid_post"
    assert made["metadata"]["model_name"] == "google/gemma-2-2b"
    assert made["metadata"]["hubkit"]["converted"]["stated"] == {
        "hook_name": "blocks.20.hook_resid_post", "model_name": "google/gemma-2-2b",
    }  # fmt: skip


def test_the_record_has_the_sha256_of_every_file_that_it_is_made_of(tmp_path: Path) -> None:
    import hashlib

    place = sparsify(tmp_path / "x" / "layers.6")
    sha256 = cfg(place.parent)["metadata"]["hubkit"]["converted"]["sha256"]
    assert sha256 == {
        name: hashlib.sha256((place / name).read_bytes()).hexdigest()
        for name in ("sae.safetensors", "cfg.json")
    }


def test_a_placeholder_is_no_model(tmp_path: Path) -> None:
    root = copied("dictionary_learning/topk", tmp_path)
    rewrite(trainer(root), lambda one: one["trainer"].update(lm_name="blah"))
    assert "no file says its model" in refused(root, Stated())


@pytest.mark.parametrize(
    ("stated", "words"),
    [
        (Stated(hook="blocks.4.hook_resid_post"), ["blocks.4", "blocks.3.hook_resid_post"]),
        (Stated(hook="blocks.3.hook_mlp_out"), ["hook_mlp_out", "hook_resid_post"]),
        (Stated(model="EleutherAI/pythia-160m"), ["pythia-160m", "pythia-70m-deduped"]),
        (Stated(architecture="jumprelu"), ["jumprelu", "topk"]),
        (Stated(k=5), ["5", "4"]),
        (Stated(subtracts=False), ["takes b_dec off the input"]),
    ],
)
def test_what_the_files_say_is_not_overruled(tmp_path: Path, stated: Stated, words: list[str]) -> None:
    root = copied("dictionary_learning/topk", tmp_path)
    said = refused(root, stated)
    assert all(word in said for word in words)


@pytest.mark.parametrize(
    "stated",
    [
        Stated(),
        Stated(hook="blocks.{layer}.hook_resid_post", k=4, architecture="topk", subtracts=True),
        Stated(model="pythia-70m-deduped"),
    ],
)
def test_what_agrees_with_the_files_is_taken(tmp_path: Path, stated: Stated) -> None:
    made = cfg(copied("dictionary_learning/topk", tmp_path), stated)
    assert (made["architecture"], made["k"], made["apply_b_dec_to_input"]) == ("topk", 4, True)


def test_a_module_path_of_the_files_stays_beside_the_stated_hook(tmp_path: Path) -> None:
    root = copied("gemma_scope_2/it", tmp_path) / "resid_post"
    metadata = cfg(root)["metadata"]
    assert metadata["hook_name"] == "blocks.22.hook_resid_post"
    assert metadata["hf_hook_name"].startswith("model.layers.22")


def test_a_whole_block_of_sparsify_is_named_and_its_inner_modules_are_asked_for(tmp_path: Path) -> None:
    sparsify(tmp_path / "x" / "layers.6")
    model = Stated(model="me/base")
    assert cfg(tmp_path / "x", model)["metadata"]["hook_name"] == "blocks.6.hook_resid_post"
    sparsify(tmp_path / "y" / "layers.6.mlp")
    said = refused(tmp_path / "y", model)
    assert "layers.6.mlp" in said
    assert "--hook" in said
    told = Stated(model="me/base", hook="blocks.6.hook_mlp_out")
    assert cfg(tmp_path / "y", told)["metadata"]["hook_name"] == "blocks.6.hook_mlp_out"


def test_sparsify_of_2024_that_kept_both_signs_is_an_abstopk(tmp_path: Path) -> None:
    place = sparsify(tmp_path / "x" / "layers.6", {"signed": True})
    assert cfg(place.parent)["architecture"] == "abstopk"


@pytest.mark.parametrize(
    ("more", "word"),
    [
        ({"activation": "groupmax"}, "groupmax"),
        ({"transcode": True}, "topk_transcoder"),
        ({"activation": "gelu"}, "activation is 'gelu'"),
    ],
)
def test_what_saelens_has_no_architecture_for_is_refused(
    tmp_path: Path, more: dict[str, Any], word: str
) -> None:
    place = sparsify(tmp_path / "x" / "layers.6", more)
    assert word in refused(place.parent)


@pytest.mark.parametrize(
    ("kind", "word"),
    [
        ("openmoss/topk", "average norm of a data set"),
        ("sae_bench/pca", "load it with"),
        ("torch_files/goodfire", "load it with"),
        ("gemma_scope/pt_res_embedding", "sqrt(d_in)"),
        ("circuit_tracer/clt", "load it with"),
    ],
)
def test_a_family_that_cannot_be_written_is_refused_with_what_reads_it(
    tmp_path: Path, kind: str, word: str
) -> None:
    root = copied(kind, tmp_path)
    assert word in refused(root, Stated(model="me/base", hook="hook_embed"))


def test_a_batchtopk_without_a_threshold_is_refused_with_the_number(tmp_path: Path) -> None:
    """`threshold_start_step` was not reached: at inference its library keeps every positive latent, in training k a row on average."""
    w = numbers()
    tensors = {name: w[name] for name in ("W_enc", "W_dec", "b_enc", "b_dec")}
    place = tmp_path / "x"
    for threshold, good in ((-1.0, False), (0.2, True)):
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        buffers = {"k": np.array(K, np.int32), "threshold": np.array(threshold, np.float32)}
        save_file(tensors | buffers, place / "ae.safetensors")
        shutil.copy(FAMILIES / "sae_bench" / "batch_topk" / "cfg.json", place)
        rewrite(place / "cfg.json", lambda one: one.update(d_in=12, d_sae=40))
        outcome = planned(place)
        assert bool(outcome.converted) is good
        if not good:
            assert "-1" in outcome.left[0].reason
            assert outcome.left[0].measured == {"threshold": -1.0, "k": K}


def test_two_values_of_k_are_refused(tmp_path: Path) -> None:
    root = copied("dictionary_learning/topk", tmp_path)
    rewrite(trainer(root), lambda one: one["trainer"].update(k=7))
    assert "k 7" in refused(root)


def test_a_tensor_that_its_class_does_not_have_is_refused(tmp_path: Path) -> None:
    """A fork's norm of the inputs: what it computes with it is nobody's to guess."""
    place = sparsify(tmp_path / "x" / "layers.6", {}, target_rms=np.ones((), np.float32))
    assert "target_rms" in refused(place.parent)


def test_a_pickle_that_runs_code_is_not_opened(tmp_path: Path) -> None:
    import os

    root = copied("dictionary_learning/topk", tmp_path)
    file = next(root.rglob("ae.pt"))
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps({"a": os.system}))
        archive.writestr("archive/version", "3")
    said = refused(root)
    assert "SEC001" in said


@pytest.mark.parametrize("linear", [False, True])
def test_of_bare_tensors_everything_that_decides_the_computation_is_asked_for(
    tmp_path: Path, linear: bool
) -> None:
    flat(tmp_path / "x" / "sae_L25.safetensors", linear=linear)
    said = refused(tmp_path / "x", HERE)
    assert "--architecture (standard or topk" in said
    assert "--k" in said
    assert "--apply-b-dec-to-input" in said
    told = Stated(model="me/base", hook=HERE.hook, architecture="topk", k=16, subtracts=False)
    made = cfg(tmp_path / "x", told)
    assert (made["architecture"], made["k"], made["apply_b_dec_to_input"]) == ("topk", 16, False)
    assert made["metadata"]["hook_name"] == "blocks.25.hook_resid_post"
    stated = made["metadata"]["hubkit"]["converted"]["stated"]
    assert (stated["architecture"], stated["k"], stated["apply_b_dec_to_input"]) == ("topk", 16, False)


def test_a_bias_of_zeros_needs_no_convention_and_a_threshold_says_the_architecture(tmp_path: Path) -> None:
    flat(tmp_path / "x" / "L5.safetensors", "jumprelu", b_dec=np.zeros(12, np.float32))
    assert cfg(tmp_path / "x")["architecture"] == "jumprelu"


def test_an_architecture_that_the_tensors_are_not_is_refused(tmp_path: Path) -> None:
    flat(tmp_path / "x" / "L5.safetensors")
    told = Stated(model="me/base", hook=HERE.hook, architecture="gated", subtracts=True)
    assert "not the tensors of a gated" in refused(tmp_path / "x", told)


def test_several_saes_want_all_and_keep_their_places(tmp_path: Path) -> None:
    root = copied("gemma_scope/pt_res", tmp_path)
    with pytest.raises(UsageError, match="holds 2 SAEs"):
        planned(root)
    places = [one.place for one in planned(root, HERE, ALL).converted]
    assert [one.relative_to(tmp_path / "out").as_posix() for one in places] == [
        "layer_20/width_16k/average_l0_38", "layer_20/width_16k/average_l0_71",
    ]  # fmt: skip


def test_a_file_may_be_named_instead_of_its_folder(tmp_path: Path) -> None:
    flat(tmp_path / "x" / "L5.safetensors", "jumprelu", b_dec=np.zeros(12, np.float32))
    flat(tmp_path / "x" / "L6.safetensors", "jumprelu", b_dec=np.zeros(12, np.float32))
    outcome = convert(tmp_path / "x" / "L6.safetensors", tmp_path / "out", HERE, DRY)
    assert [one.plan.cfg["metadata"]["hook_name"] for one in outcome.converted] == [
        "blocks.6.hook_resid_post"
    ]


@pytest.mark.parametrize("out", ["x", "x/inside", "."])
def test_the_source_is_never_written_into(tmp_path: Path, out: str) -> None:
    sparsify(tmp_path / "x")
    with pytest.raises(UsageError, match="never written to"):
        convert(tmp_path / "x", tmp_path / out, HERE, DRY)


def test_nothing_that_lies_there_is_overwritten(tmp_path: Path) -> None:
    sparsify(tmp_path / "x" / "layers.6")
    (tmp_path / "out").mkdir()
    assert planned(tmp_path / "x").left == []
    (tmp_path / "out" / "mine.txt").write_text("mine", encoding="utf-8")
    assert "is there already" in refused(tmp_path / "x")


def test_an_sae_of_saelens_and_an_empty_folder_are_nothing_to_convert(tmp_path: Path) -> None:
    import builders

    (tmp_path / "empty").mkdir()
    with pytest.raises(NothingFound, match="no SAE was found"):
        planned(tmp_path / "empty")
    place = tmp_path / "ours"
    place.mkdir()
    (place / "cfg.json").write_text(json.dumps(builders.cfg()), encoding="utf-8")
    save_file(builders.tensors("jumprelu"), place / "sae_weights.safetensors")
    with pytest.raises(NothingFound, match="already"):
        planned(place)


def typed(*arguments: object) -> subprocess.CompletedProcess[str]:
    """The program as a person types it."""
    command = [
        sys.executable,
        "-m",
        "hubkit",
        "convert",
        *map(str, arguments),
        "--to",
        "saelens",
        "--dry-run",
    ]
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False, timeout=120)


def test_the_plan_and_the_exit_codes_of_the_command(tmp_path: Path) -> None:
    """0 all, 1 some refused, 2 what cannot be meant, 3 nothing there; a dry run writes nothing."""
    root = copied("dictionary_learning/topk", tmp_path)
    out = tmp_path / "out"
    good = typed(root, "--out", out)
    assert good.returncode == 0, good.stderr
    assert "would write" in good.stdout
    assert "architecture topk, d_in 16, d_sae 64, k 4" in good.stdout
    assert "blocks.3.hook_resid_post" in good.stdout
    refusal = typed(root, "--out", out, "--k", 5, "--format", "json")
    assert refusal.returncode == 1
    answer = json.loads(refusal.stdout)
    assert answer["converted"] == []
    assert answer["refused"][0]["measured"] == {"stated": 5, "found": 4}
    (tmp_path / "empty").mkdir()
    assert typed(tmp_path / "empty", "--out", out).returncode == 3
    nowhere = typed(tmp_path / "nowhere", "--out", out)
    assert nowhere.returncode == 2
    assert "hf download" in nowhere.stderr
    assert not out.exists()
