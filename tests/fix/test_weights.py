"""Fixes of tensors, and the proof that a JumpReLU without thresholds is a ReLU."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from builders import cfg, tensors
from fix.folders import SAE, codes, contents, fixed, read, sae, zero
from safetensors.numpy import load_file, save_file

from hubkit.fix.content import Piece, Tensors, rebuilt
from hubkit.fix.equivalence import activation, same_outputs
from hubkit.fix.proof import NEEDS, computes_otherwise
from hubkit.repo.local import LocalView, open_folder
from hubkit.tensors.safetensors import read_header
from hubkit.validate.gather import gather


def half_patterns() -> np.ndarray:
    """Every float16 but signalling NaNs, which no arithmetic gives."""
    values = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
    return values[~np.isnan(values) | (values.view(np.uint16) & 0x200 > 0)]


@pytest.mark.parametrize("threshold", [0.0, -0.0])
def test_with_a_zero_threshold_relu_and_jumprelu_are_the_same_bits_for_every_half_precision_number(
    threshold: float,
) -> None:
    pre = half_patterns()
    with np.errstate(invalid="ignore"):
        relu, jump = activation(pre, None), activation(pre, np.full(pre.shape, threshold, np.float16))
    assert relu.tobytes() == jump.tobytes()
    assert np.isnan(relu).sum() == np.isnan(pre).sum() > 1000


@pytest.mark.parametrize("form", [np.float32, np.float64])
def test_the_same_for_wide_formats_with_every_sign_exponent_and_special_value(form: type) -> None:
    special = [
        0.0,
        -0.0,
        np.inf,
        -np.inf,
        np.nan,
        np.finfo(form).tiny,
        np.finfo(form).smallest_subnormal,
        -np.finfo(form).smallest_subnormal,
    ]
    random = np.random.default_rng(0).integers(0, 1 << 32, 200_000, dtype=np.uint32).view(np.float32)
    pre = np.concatenate([np.asarray(special, form), random[~np.isnan(random)].astype(form)])
    with np.errstate(invalid="ignore"):
        assert activation(pre, None).tobytes() == activation(pre, np.zeros_like(pre)).tobytes()
        assert activation(pre, None).tobytes() != activation(pre, np.full_like(pre, 0.1)).tobytes()


@pytest.mark.train
@pytest.mark.parametrize("name", ["float16", "bfloat16"])
def test_torch_itself_gives_the_same_bits_for_every_number_of_16_bits_and_nan_for_nan(name: str) -> None:
    import torch

    pre = torch.arange(-(1 << 15), 1 << 15, dtype=torch.int32).to(torch.int16).view(getattr(torch, name))
    for threshold in (0.0, -0.0):
        jump = torch.nn.ReLU()(pre) * (pre > torch.full_like(pre, threshold)).to(pre.dtype)
        relu = torch.nn.ReLU()(pre)
        number = ~pre.isnan()
        assert torch.equal(jump[number].view(torch.int16), relu[number].view(torch.int16))
        # torch keeps the payload of a NaN in one of its bfloat16 loops and not in the other
        assert jump[~number].isnan().all()
        assert relu[~number].isnan().all()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("jumprelu", "standard"),
        ("jumprelu_transcoder", "transcoder"),
        ("jumprelu_skip_transcoder", "skip_transcoder"),
    ],
)
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_thr001_is_rewritten_as_the_relu_it_computes(
    tmp_path: Path, before: str, after: str, sign: float
) -> None:
    place = sae(tmp_path, cfg(before), zero(before, sign))
    old = load_file(place / "sae_weights.safetensors")
    plan = fixed(tmp_path, "THR001", unsafe=True)
    assert plan.refused == []
    found = read(place)
    assert found["architecture"] == after
    assert found["metadata"]["training_architecture"] == "jumprelu"
    assert found["metadata"]["hubkit"]["rewritten"]["rule"] == "THR001"
    new = load_file(place / "sae_weights.safetensors")
    assert new.keys() == old.keys() - {"threshold"}
    assert all(new[name].tobytes() == old[name].tobytes() for name in new)
    assert codes(tmp_path) == []
    assert fixed(tmp_path, unsafe=True).fixes == []


def test_thr001_needs_the_word_and_keeps_what_the_training_was(tmp_path: Path) -> None:
    place = sae(tmp_path, cfg(metadata={"training_architecture": "batchtopk"}), zero())
    before = contents(tmp_path)
    assert fixed(tmp_path).offered == [(SAE, "THR001")]
    assert contents(tmp_path) == before
    fixed(tmp_path, unsafe=True)
    assert read(place)["metadata"]["training_architecture"] == "batchtopk"


def test_thr001_in_a_folder_that_says_jumprelu_is_no_contradiction(tmp_path: Path) -> None:
    sae(tmp_path, cfg(), zero(), folder="lab_jumprelu_L2_mixed")
    assert fixed(tmp_path, "THR001", unsafe=True).refused == []
    assert codes(tmp_path) == []


def test_thr001_of_a_learned_threshold_is_not_touched(tmp_path: Path) -> None:
    one = np.zeros(32, np.float32)
    one[7] = 1e-30
    sae(tmp_path, cfg(), tensors(threshold=one))
    before = contents(tmp_path)
    fixed(tmp_path, "THR001", unsafe=True)
    assert contents(tmp_path) == before


def test_thr001_of_a_legacy_configuration_is_migrated_so_that_the_record_survives_loading(
    tmp_path: Path,
) -> None:
    raw = {
        "architecture": "jumprelu",
        "d_in": 8,
        "d_sae": 32,
        "dtype": "float32",
        "hook_name": "blocks.2.hook_resid_post",
        "hook_layer": 2,
        "model_name": "gpt2",
    }
    place = sae(tmp_path, raw, zero())
    fixed(tmp_path, "THR001", unsafe=True)
    assert read(place)["metadata"]["hubkit"].keys() == {"legacy", "rewritten"}
    assert codes(tmp_path) == []


def test_killed_between_the_two_files_the_next_run_completes_it_without_the_word(tmp_path: Path) -> None:
    place = sae(tmp_path, cfg(), zero())
    weights = (place / "sae_weights.safetensors").read_bytes()
    fixed(tmp_path, "THR001", unsafe=True)
    done = contents(tmp_path)
    (place / "sae_weights.safetensors").write_bytes(weights)
    assert codes(tmp_path) == ["WTS005"]  # SAELens refuses it: nobody computes with it unaware
    assert fixed(tmp_path).fixes[0].codes == ("THR001",)
    assert contents(tmp_path) == done


def test_a_threshold_that_no_record_speaks_of_is_not_removed(tmp_path: Path) -> None:
    sae(tmp_path, cfg("standard"), zero())
    before = contents(tmp_path)
    assert fixed(tmp_path, unsafe=True).fixes == []
    assert contents(tmp_path) == before


def test_the_proof_sees_one_changed_bit_of_the_weights_and_a_threshold_that_matters(tmp_path: Path) -> None:
    good = tensors("jumprelu")
    sae(tmp_path / "a", cfg(), good)
    changed = {name: value.copy() for name, value in good.items()}
    changed["W_dec"].view(np.uint32)[3, 3] ^= 1
    sae(tmp_path / "b", cfg(), changed)
    sae(tmp_path / "c", cfg("standard"), {name: value for name, value in good.items() if name != "threshold"})
    a, b, c = (LocalView(name=name, root=tmp_path / name) for name in "abc")
    assert computes_otherwise(a, a) is None
    assert "other numbers" in str(computes_otherwise(a, b))
    assert "other bits" in str(computes_otherwise(a, c))


@pytest.mark.parametrize("form", ["float32", "float16", "float64", "bfloat16"])
@pytest.mark.parametrize("normalize", ["none", "layer_norm", "constant_norm_rescale"])
def test_outputs_are_compared_in_every_dtype_and_normalisation(
    tmp_path: Path, form: str, normalize: str
) -> None:
    stored = np.float32 if form == "bfloat16" else form
    dead = {name: value.astype(stored) for name, value in zero().items()}
    sae(tmp_path / "a", cfg(dtype=form, normalize_activations=normalize), dead)
    del dead["threshold"]
    sae(tmp_path / "b", cfg("standard", dtype=form, normalize_activations=normalize), dead)
    views = [LocalView(name=name, root=tmp_path / name) for name in "ab"]
    a, b = (gather(view, NEEDS).saes[0] for view in views)
    with np.errstate(all="ignore"):
        assert same_outputs(views[0], a, views[1], b) is True


def test_wts007_turns_back_what_the_shapes_prove(tmp_path: Path) -> None:
    good = tensors("jumprelu")
    turned = good | {
        "W_enc": np.ascontiguousarray(good["W_enc"].T),
        "W_dec": np.ascontiguousarray(good["W_dec"].T),
    }
    place = sae(tmp_path, cfg(), turned)
    plan = fixed(tmp_path, "WTS007", unsafe=True)
    assert plan.refused == []
    new = load_file(place / "sae_weights.safetensors")
    assert all(new[name].tobytes() == good[name].tobytes() for name in good)
    assert codes(tmp_path) == []


def test_wts007_of_a_square_sae_is_left_alone(tmp_path: Path) -> None:
    sae(tmp_path, cfg(d_sae=8), tensors("jumprelu", 8, 8))
    before = contents(tmp_path)
    assert fixed(tmp_path, "WTS007", unsafe=True).fixes == []
    assert contents(tmp_path) == before


def test_wts008_widens_the_tensors_and_leaves_cfg(tmp_path: Path) -> None:
    narrow = {name: value.astype(np.float16) for name, value in tensors("jumprelu").items()}
    narrow["b_dec"][0] = np.nan
    place = sae(tmp_path, cfg(), narrow)
    before = read(place)
    plan = fixed(tmp_path, "WTS008")
    assert [fix.codes for fix in plan.fixes] == [("WTS008",)]
    new = load_file(place / "sae_weights.safetensors")
    assert {value.dtype for value in new.values()} == {np.dtype(np.float32)}
    assert all(np.array_equal(new[name], narrow[name].astype(np.float32), equal_nan=True) for name in narrow)
    assert read(place) == before
    assert codes(tmp_path) == []


def test_wts008_refuses_where_one_of_the_two_loaders_would_compute_something_else(tmp_path: Path) -> None:
    sae(tmp_path, cfg(dtype="float16"))
    before = contents(tmp_path)
    plan = fixed(tmp_path, "WTS008", unsafe=True)
    assert plan.fixes == []
    assert "from_pretrained" in plan.refused[0].reason
    assert contents(tmp_path) == before


def test_a_rebuilt_file_reads_the_same_by_ranges_as_in_blocks_and_opens_in_the_rust_reader(
    tmp_path: Path,
) -> None:
    values = tensors("jumprelu") | {
        "small": np.arange(3, dtype=np.int8),
        "half": np.arange(5, dtype=np.float16),
    }
    save_file(values, tmp_path / "a.safetensors", metadata={"who": "me"})
    view = open_folder(tmp_path)
    header = read_header(view, "a.safetensors")

    def change(info: object) -> Piece:
        turns = {"W_enc": ("transpose", ""), "half": ("widen", "F64")}
        turn, dtype = turns.get(info.name, ("keep", ""))  # type: ignore[attr-defined]
        return Piece(info, turn, dtype)  # type: ignore[arg-type]

    made: Tensors = rebuilt(lambda start, stop: view.read_range("a.safetensors", start, stop), header, change)
    whole = b"".join(made.blocks())
    assert len(whole) == made.size
    for start in range(0, made.size, 37):
        assert made.read(start, start + 100) == whole[start : start + 100]
    (tmp_path / "b.safetensors").write_bytes(whole)
    assert read_header(open_folder(tmp_path), "b.safetensors").metadata == {"who": "me"}
    again = load_file(tmp_path / "b.safetensors")
    assert np.array_equal(again["W_enc"], values["W_enc"].T)
    assert again["half"].dtype == np.float64
    assert all(np.array_equal(again[name], values[name]) for name in values if name != "W_enc")
