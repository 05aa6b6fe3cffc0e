"""WTS009 to WTS014: sizes, doubles, whole weights, pickles."""

from __future__ import annotations

import hashlib
import io
import json
import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from builders import D_SAE, FOLDER, GONE, cfg, check, codes, tensors, view
from safetensors.numpy import save

from hubkit.formats.architectures import INFERENCE
from hubkit.repo.local import open_folder
from hubkit.repo.memory import MemoryView
from hubkit.validate.finding import Severity
from hubkit.validate.reading import SAMPLE
from hubkit.validate.rules.wts_files import file_size
from hubkit.validate.run import Selection, validate


def deep(repository: MemoryView, select: str) -> list[Any]:
    report = validate(repository, Selection(select=tuple(select.split(","))), deep=True)
    assert not report.crashes, report.crashes[0].traceback
    return list(report.findings)


def listed(architecture: str, size: Callable[[int], int], **changes: Any) -> MemoryView:
    """The SAE with weights of another size that cannot be read."""
    repository = view(cfg(architecture, **changes), tensors(architecture), folder="x_L2")
    path = "x_L2/sae_weights.safetensors"
    repository.unreadable[path] = size(len(repository.files.pop(path)))
    return repository


@pytest.mark.parametrize("architecture", [a for a in INFERENCE if a != "temporal"])
@pytest.mark.parametrize("d_sae", [32, 4096])
def test_wts009_the_equation_is_exact_for_what_safetensors_writes(architecture: str, d_sae: int) -> None:
    whole = tensors(architecture, 8, d_sae)
    assert len(save(whole)) == file_size({name: ("F32", one.shape) for name, one in whole.items()})
    assert codes(listed(architecture, lambda size: size), "WTS009") == []


def test_wts009_a_missing_tensor_an_extra_one_and_another_dtype() -> None:
    wide = {"d_sae": 4096}
    good = len(save(tensors("standard", 8, 4096)))
    (finding,) = [
        f
        for f in check(listed("standard", lambda _: good + 8 * 4096, **wide), "WTS009").findings
        if f.code == "WTS009"
    ]
    assert (finding.severity, finding.confidence, finding.measured["difference"]) == (
        Severity.ERROR,
        "medium",
        8 * 4096,
    )
    narrow = len(save({n: t.astype(np.float16) for n, t in tensors("standard", 8, 4096).items()}))
    (finding,) = [
        f
        for f in check(listed("standard", lambda _: narrow, **wide), "WTS009").findings
        if f.code == "WTS009"
    ]
    assert finding.severity is Severity.WARNING
    assert "bfloat16 or float16" in finding.message


def test_wts009_is_silent_beside_a_header_and_with_metadata_in_it() -> None:
    assert codes(view(cfg(d_sae=4096)), "WTS009,WTS006") == ["WTS006"]
    assert codes(listed("jumprelu", lambda size: size + 56), "WTS009") == []


def test_wts010_on_disk_as_on_the_hub(tmp_path: Path) -> None:
    for folder in ("a_L2", "b_L2", "c_L2"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "cfg.json").write_text(json.dumps(cfg("standard")), encoding="utf-8")
        number = np.float32(folder == "c_L2")
        whole = tensors("standard") | {"b_dec": tensors("standard")["b_dec"] + number}
        (tmp_path / folder / "sae_weights.safetensors").write_bytes(save(whole))
    digest = hashlib.sha256((tmp_path / "a_L2" / "sae_weights.safetensors").read_bytes()).hexdigest()
    for options in ({}, {"deep": True}):
        (finding,) = [f for f in validate(open_folder(tmp_path), **options).findings if f.code == "WTS010"]
        assert finding.measured == {"sae_ids": ["a_L2", "b_L2"], "sha256": digest}
    hub = MemoryView(name="o/r", repository="o/r")
    entries = [
        replace(e, sha256=digest if e.folder in ("a_L2", "b_L2") else "c" * 64)
        if e.name.endswith("safetensors")
        else e
        for e in open_folder(tmp_path).list()
    ]
    hub.files = {e.path: (tmp_path / e.path).read_bytes() for e in entries}
    hub._entries = {e.path: e for e in entries}
    (there,) = [f for f in validate(hub).findings if f.code == "WTS010"]
    assert there.fingerprint == finding.fingerprint


def big(folder: Path, number: int, *, change: int | None = None, zeros: bool = False) -> Path:
    """An SAE of 1 MB whose weights are those of `number`, perhaps with one byte changed."""
    folder.mkdir()
    (folder / "cfg.json").write_text(json.dumps(cfg("standard", d_in=64, d_sae=2048)), encoding="utf-8")
    generator = np.random.default_rng(number)
    whole = {
        n: np.zeros_like(t) if zeros else generator.standard_normal(t.shape).astype(np.float32)
        for n, t in tensors("standard", 64, 2048).items()
    }
    data = bytearray(save(whole))
    if change is not None:
        data[change] ^= 1
    (folder / "sae_weights.safetensors").write_bytes(data)
    return folder / "sae_weights.safetensors"


def test_wts010_costs_one_read_a_file_where_all_differ(tmp_path: Path) -> None:
    sizes = {big(tmp_path / f"{n}_L2", n).stat().st_size for n in range(6)}
    assert len(sizes) == 1
    found = open_folder(tmp_path)
    report = validate(found, Selection(select=("WTS010",)))
    assert not report.findings
    assert report.bytes_read <= 6 * (SAMPLE + 1000)  # and the configurations


@pytest.mark.parametrize("change", [9, 100_000, 523_999, 1_000_001, -1])
def test_wts010_one_byte_makes_two_files_two(tmp_path: Path, change: int) -> None:
    big(tmp_path / "a_L2", 0)
    big(tmp_path / "b_L2", 0, change=change)
    assert "WTS010" not in {
        f.code for f in validate(open_folder(tmp_path), Selection(select=("WTS010",))).findings
    }


def test_wts010_is_silent_on_files_into_which_nothing_was_written(tmp_path: Path) -> None:
    for name in "ab":
        big(tmp_path / f"{name}_L2", 0, zeros=True)
    assert not validate(open_folder(tmp_path), Selection(select=("WTS010",))).findings


def test_wts010_that_cannot_be_read_is_incomplete() -> None:
    repository = view(folder="a_L2")
    repository.files |= {
        path.replace("a_L2", "b_L2"): data for path, data in view(folder="a_L2").files.items()
    }
    path = "b_L2/sae_weights.safetensors"
    repository.unreadable[path] = len(repository.files.pop(path))
    report = validate(repository, Selection(select=("WTS010",)))
    assert [one.code for one in report.skipped] == ["WTS010"]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_wts011_names_tensor_count_and_place(bad: float) -> None:
    whole = tensors("standard")
    whole["W_enc"][3, 5] = whole["W_enc"][7, 31] = bad
    (finding,) = deep(view(cfg("standard"), whole), "WTS011")
    assert finding.pointer == "/W_enc"
    assert (finding.measured["count"], finding.measured["first"]) == (2, [3, 5])
    assert codes(view(cfg("standard"), whole), "WTS") == []


def test_wts011_leaves_a_threshold_to_thr005() -> None:
    whole = tensors()
    whole["threshold"][1] = np.nan
    assert [f.code for f in deep(view(weights=whole), "WTS011,THR005")] == ["THR005"]


def unit(architecture: str, scale: float = 1.0) -> dict[str, np.ndarray]:
    whole = tensors(architecture)
    return whole | {"W_dec": scale * whole["W_dec"] / np.linalg.norm(whole["W_dec"], axis=1, keepdims=True)}


@pytest.mark.parametrize(
    ("scale", "changes", "fires"),
    [
        (0.3, {"rescale_acts_by_decoder_norm": GONE}, True),
        (0.3, {"rescale_acts_by_decoder_norm": False}, False),
        (0.3, {"rescale_acts_by_decoder_norm": True}, False),
        (1.0, {"rescale_acts_by_decoder_norm": GONE}, False),
        (
            0.3,
            {"rescale_acts_by_decoder_norm": GONE, "metadata": {"sae_lens_training_version": "6.10.0"}},
            False,
        ),
    ],
)
def test_wts012_the_selection_of_a_topk(scale: float, changes: dict[str, Any], fires: bool) -> None:
    found = deep(view(cfg("topk", **changes), unit("topk", scale), folder="x_L2"), "WTS012")
    assert [f.code for f in found] == (["WTS012"] if fires else [])


def test_wts012_zero_and_huge_rows_in_any_architecture() -> None:
    whole = unit("gated")
    whole["W_dec"][2] = 0
    whole["W_dec"][5] *= 500
    found = deep(view(cfg("gated"), whole, folder="x_L2"), "WTS012")
    assert len(found) == 2
    assert found[0].fingerprint != found[1].fingerprint
    assert {f.measured.get("latent") for f in found} == {None, 5}


def test_wts013_copies_zero_columns_and_an_untouched_encoder() -> None:
    whole = unit("standard")
    whole["W_dec"][10:20] = whole["W_dec"][3]
    whole["W_enc"][:, 7] = 0
    found = deep(view(cfg("standard"), whole), "WTS013")
    assert sorted(f.measured["count"] for f in found) == [1, 10]
    tied = unit("standard")
    tied["W_enc"] = np.ascontiguousarray(tied["W_dec"].T)
    (finding,) = deep(view(cfg("standard"), tied), "WTS013")
    assert finding.measured["count"] == D_SAE
    assert finding.severity is Severity.NOTE


def test_wts013_looks_again_only_at_rows_that_may_be_copies() -> None:
    generator = np.random.default_rng(4)
    d_in, d_sae = 64, 3000
    whole = {
        "W_enc": generator.standard_normal((d_in, d_sae), dtype=np.float32),
        "W_dec": generator.standard_normal((d_sae, d_in), dtype=np.float32),
        "b_enc": np.zeros(d_sae, np.float32),
        "b_dec": np.zeros(d_in, np.float32),
    }
    whole["W_dec"] /= np.linalg.norm(whole["W_dec"], axis=1, keepdims=True)
    repository = view(cfg("standard", d_in=d_in, d_sae=d_sae), whole)
    assert deep(repository, "WTS013") == []
    size = sum(entry.size for entry in repository.list() if entry.path.endswith(".safetensors"))
    assert repository.bytes_read < 1.05 * size
    copied = generator.choice(d_sae, 40, replace=False)
    whole["W_dec"][copied] = whole["W_dec"][copied[0]]
    (finding,) = deep(view(cfg("standard", d_in=d_in, d_sae=d_sae), whole), "WTS013")
    assert finding.measured["count"] == 39
    whole["W_dec"][copied, 5] = generator.standard_normal(
        40
    )  # alike in all the marks, but for one value between them
    assert deep(view(cfg("standard", d_in=d_in, d_sae=d_sae), whole), "WTS013") == []


def test_wts013_is_silent_where_only_the_norms_agree() -> None:
    whole = unit("standard")
    whole["W_enc"] = np.ascontiguousarray(unit("standard")["W_dec"][::-1].T)
    assert deep(view(cfg("standard"), whole), "WTS013") == []


class Evil:
    """Unpickled, it would run a command."""

    def __reduce__(self) -> Any:
        import os

        return os.system, ("true",)


class Strange:
    """Unpickled, it would import a module that nobody knows."""


def test_sec001_executors_are_errors_and_strangers_warnings() -> None:
    assert [f.severity for f in check(view(files={"a.pkl": pickle.dumps(Evil())}), "SEC001").findings] == [
        Severity.ERROR
    ]
    (finding,) = check(view(files={"deep/a.pkl": pickle.dumps(Strange())}), "SEC001").findings
    assert (finding.severity, finding.path) == (Severity.WARNING, "deep/a.pkl")
    for harmless in ({"a": 1}, [1.5, None, "x"], np.zeros(3), {1, 2}):
        assert codes(view(files={"a.pkl": pickle.dumps(harmless)}), "SEC001") == []


def test_sec001_sees_through_what_hides_an_import() -> None:
    by_memo = b"\x80\x04\x8c\x02os\x94\x8c\x06system\x94h\x00h\x01\x93\x8c\x04true\x85R."
    old_builtins = b"c__builtin__\neval\n(S'1'\ntR."
    for text in (by_memo, old_builtins):
        assert codes(view(files={"a.pt": text}), "SEC001") == ["SEC001"]


def test_wts014_a_training_state_beside_safetensors_is_no_weights() -> None:
    state = io.BytesIO()
    pickle.dump({"step": 1}, state)
    beside = view(files={f"{FOLDER}/trainer_state.pt": state.getvalue()})
    assert codes(beside, "WTS014,SEC001,WTS003") == []


def test_wts014_and_wts003_on_a_pickle_that_cannot_be_read() -> None:
    broken = view(weights=GONE, files={f"{FOLDER}/sae_weights.pt": b"PK\x03\x04 no zip"})
    (finding,) = check(broken, "WTS003,WTS014").findings
    assert finding.code == "WTS014"
    assert "could be read" in finding.message
    assert finding.fix is None


@pytest.mark.parametrize("name", ["W_enc", "W_dec", "b_dec"])
@pytest.mark.parametrize("value", [3e38, -2e19])
def test_wts011_a_finite_value_whose_square_is_none(name: str, value: float) -> None:
    weights = tensors()
    weights[name].flat[3] = value
    (finding,) = deep(view(weights=weights), "WTS011")
    assert (finding.severity, finding.pointer, finding.measured) == (
        Severity.WARNING,
        f"/{name}",
        {"huge": 1},
    )


def test_lengths_beyond_float64_are_compared_without_a_warning() -> None:
    weights = {name: one.astype(np.float64) for name, one in tensors().items()}
    weights["W_enc"] *= 1e300
    weights["W_dec"] *= 1e300
    found = deep(view(cfg(dtype="float64"), weights), "WTS")
    assert {one.code for one in found} == {"WTS011"}


def test_wts011_large_values_that_switch_latents_off_and_large_ones_of_float16_are_left_alone() -> None:
    weights = tensors("jumprelu")
    weights["b_enc"][:] = -1e30
    weights["threshold"][1] = 1e30
    weights["W_enc"].flat[0] = 1e18
    assert deep(view(cfg("jumprelu"), weights), "WTS011") == []
    narrow = {key: one.astype(np.float16) for key, one in tensors().items()}
    narrow["W_enc"].flat[0] = 60_000
    assert deep(view(cfg(dtype="float16"), narrow), "WTS011") == []
    narrow["W_enc"].flat[0] = np.inf
    assert [finding.severity for finding in deep(view(cfg(dtype="float16"), narrow), "WTS011")] == [
        Severity.ERROR
    ]


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("matrix", ["W_enc", "W_dec"])
def test_wts013_copies_across_the_rows_of_the_file(matrix: str, *, turned: bool) -> None:
    """Whichever way round a family stores it, and where the marks alone would say too much."""
    from families import planted

    generator = np.random.default_rng(5)
    chosen = generator.choice(64, 30, replace=False)
    folder, weights, config = (
        (
            "dictionary_learning/topk",
            "resid_post_layer_3/trainer_0/ae.pt",
            "resid_post_layer_3/trainer_0/config.json",
        )
        if turned
        else ("gemma_scope/pt_res", "layer_20/width_16k/average_l0_71/params.npz", None)
    )
    name = {"W_enc": "encoder.weight", "W_dec": "decoder.weight"}[matrix] if turned else matrix

    def change(found: dict[str, np.ndarray], _: Any, spare: float = 0.0) -> None:
        values = np.array(found[name])
        lines = values if values.shape[0] == 64 else values.T
        lines[chosen] = lines[chosen[0]]
        lines[chosen[:8], 3] += spare * np.arange(8)
        found[name] = values

    counts = [
        [f.measured["count"] for f in deep(planted(folder, weights, config, one), "WTS013")]
        for one in (change, lambda found, keys: change(found, keys, 0.5), lambda *_: None)
    ]
    assert counts == [[29], [22], []]


def test_wts013_most_of_them_the_same_is_a_warning() -> None:
    for count, severity in ((12, Severity.NOTE), (D_SAE, Severity.WARNING)):
        whole = unit("topk")
        whole["W_enc"][:, :count] = whole["W_enc"][:, :1]
        (finding,) = deep(view(cfg("topk"), whole), "WTS013")
        assert (finding.severity, finding.measured["count"]) == (severity, count - 1)


@pytest.mark.parametrize("architecture", ["standard", "topk", "jumprelu", "abstopk", "gated"])
def test_wts019_asks_only_where_a_relu_stands_between(architecture: str) -> None:
    whole = unit(architecture)
    for name in whole.keys() & {"b_enc", "b_gate", "b_mag"}:
        whole[name][:] = -1e30
    fires = architecture != "abstopk"
    assert [f.code for f in deep(view(cfg(architecture), whole), "WTS019")] == ["WTS019"] * fires
    mild = unit(architecture)
    for name in mild.keys() & {"b_enc", "b_gate", "b_mag"}:
        mild[name][:] = -50
    assert deep(view(cfg(architecture), mild), "WTS019") == []


def test_wts019_leaves_to_thr012_what_the_thresholds_say_alone() -> None:
    for scale in (1e-9, 1e30):
        whole = tensors(threshold=(tensors()["threshold"] * scale).astype(np.float32))
        assert [f.code for f in deep(view(cfg(), whole), "THR,WTS019")] == ["THR012"]


def test_zeros_in_all_of_a_matrix_are_an_error() -> None:
    """Whatever goes in, the same comes out; a few of them are dead latents."""
    for name, code, quiet in (("W_dec", "WTS012", Severity.WARNING), ("W_enc", "WTS013", Severity.NOTE)):
        for every in (True, False):
            made = tensors()
            matrix = made[name].copy()
            matrix[:] = 0 if every else matrix
            if not every:
                (matrix if name == "W_dec" else matrix.T)[0] = 0
            found = deep(view(weights=made | {name: matrix}), code)
            zero = [one for one in found if "zero" in one.message]
            assert [one.severity for one in zero] == [Severity.ERROR if every else quiet]
