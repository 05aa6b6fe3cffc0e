"""Every family on folders that its own code, or its documented layout, made: what it is, that it is clean, and that planted defects are found.

`families/EXPECTED.json` says what each folder is; `families/make_*.py` made them (CI runs none of it, and installs no peer).
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load, save

from hubkit.formats.detect import all_families, detect, read_saes
from hubkit.formats.folder import folders_of
from hubkit.formats.sae import Sae
from hubkit.repo.local import open_folder
from hubkit.repo.memory import MemoryView
from hubkit.validate.finding import Severity
from hubkit.validate.report import Report
from hubkit.validate.run import validate

HERE = Path(__file__).parent / "families"
_READ: Any = json.loads((HERE / "EXPECTED.json").read_text(encoding="utf-8"))
EXPECTED: list[dict[str, Any]] = _READ if isinstance(_READ, list) else _READ["saes"]
FOLDERS = sorted({one["folder"] for one in EXPECTED})
OBJECTS = {"overcomplete/jump", "overcomplete/topk"}
"""Pickles of whole objects: SEC001 is right there."""
PICKLED = {"WTS014"}


def saes_of(folder: Path) -> dict[str, Sae]:
    return {sae.sae_id: sae for one in folders_of(open_folder(folder)).values() for sae in read_saes(one)}


@pytest.mark.parametrize("folder", FOLDERS)
def test_what_each_folder_holds_is_read(folder: str) -> None:
    found = saes_of(HERE / folder)
    expected = {one["sae_id"]: one for one in EXPECTED if one["folder"] == folder}
    assert found.keys() == expected.keys()
    for sae_id, one in expected.items():
        sae = found[sae_id]
        assert sae.family.name == one["family"]
        assert sae.family.loader
        if not one["judged"]:
            continue
        assert (sae.architecture, sae.d_in, sae.d_sae, sae.size("d_out"), sae.k) == tuple(
            one[key] for key in ("architecture", "d_in", "d_sae", "d_out", "k")
        )
        assert (sae.layout, sae.hook_name, sae.layer, sae.model_name) == tuple(
            one[key] for key in ("layout", "hook", "layer", "model")
        )
        assert (sae.threshold.kind if sae.threshold else None) == one["threshold"]


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_healthy_folder_has_nothing_above_a_note_but_that_it_is_a_pickle(folder: str) -> None:
    report = validate(open_folder(HERE / folder), deep=True)
    assert not report.crashes, report.crashes[0].traceback
    above = {finding.code for finding in report.findings if finding.severity > Severity.NOTE} - {"CARD001"}
    assert above <= PICKLED | ({"SEC001"} if folder in OBJECTS else set())
    assert report.complete
    assert len(report.saes) == sum(one["folder"] == folder for one in EXPECTED)
    assert any(finding.code == "WTS015" for finding in report.findings)


def test_all_families_are_asked_and_have_a_folder_here() -> None:
    names = {family.name for family in all_families()}
    assert names - {one["family"] for one in EXPECTED} == {"saelens", "unnamed", "openmoss_molt"}
    assert all(family.loader for family in all_families())


@pytest.mark.parametrize(
    "keys",
    [
        {}, {"model_type": "llama", "architectures": ["LlamaForCausalLM"]}, {"metadata": {}}, {"trainer": "adam"}, {"trainer": {"lr": 1}},
        {"k": 4}, {"d_in": 4}, {"sae": {"x": 1}}, {"hook_point_in": "x"}, {"name": "x", "metadata": {"total_size": 3}},
    ],
)  # fmt: skip
def test_a_configuration_of_something_else_is_nobodys(keys: dict[str, Any]) -> None:
    assert detect(keys) is None


# --- planted defects ---------------------------------------------------------------------------------------------------------------------------

Tensors = dict[str, np.ndarray]
Change = Callable[[Tensors, dict[str, Any]], None]


def files_of(folder: str) -> dict[str, bytes]:
    root = HERE / folder
    return {
        path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()
    }


def read_tensors(name: str, data: bytes) -> Tensors:
    if name.endswith(".npz"):
        return dict(np.load(io.BytesIO(data)))
    if name.endswith(".safetensors"):
        try:
            return {key: np.array(value) for key, value in load(data).items()}
        except (KeyError, TypeError):  # bfloat16, which numpy has not
            pytest.skip("bfloat16")
    torch = pytest.importorskip("torch")
    return {key: value.numpy() for key, value in torch.load(io.BytesIO(data), weights_only=True).items()}


def written(name: str, tensors: Tensors) -> bytes:
    if name.endswith(".safetensors"):
        return save({key: np.ascontiguousarray(value) for key, value in tensors.items()})
    buffer = io.BytesIO()
    if name.endswith(".npz"):
        np.savez(buffer, **tensors)
    else:
        import torch

        torch.save({key: torch.from_numpy(np.array(value)) for key, value in tensors.items()}, buffer)
    return buffer.getvalue()


def planted(folder: str, weights: str, config: str | None, change: Change) -> MemoryView:
    """The files of `folder` with its tensors and its configuration changed."""
    files = files_of(folder)
    tensors, keys = read_tensors(weights, files[weights]), json.loads(files[config]) if config else {}
    change(tensors, keys)
    files[weights] = written(weights, tensors)
    if config:
        files[config] = json.dumps(keys).encode()
    return MemoryView(name=folder, files=files)


CASES: dict[str, tuple[str, str, str | None, dict[str, str], tuple[str, ...]]] = {
    # family: folder, weights, configuration, SAELens's name to the tensor's own, the keys of the widths
    "gemma_scope": ("gemma_scope/pt_res", "layer_20/width_16k/average_l0_71/params.npz", None,
        {"W_enc": "W_enc", "W_dec": "W_dec", "b_enc": "b_enc", "b_dec": "b_dec", "threshold": "threshold"}, ()),
    "gemma_scope_2": ("gemma_scope_2/it", "resid_post/layer_22_width_16k_l0_medium/params.safetensors", "resid_post/layer_22_width_16k_l0_medium/config.json",
        {"W_enc": "w_enc", "W_dec": "w_dec", "b_enc": "b_enc", "b_dec": "b_dec", "threshold": "threshold"}, ("width",)),
    "dl_jumprelu": ("dictionary_learning/jumprelu", "resid_post_layer_3/trainer_0/ae.pt", "resid_post_layer_3/trainer_0/config.json",
        {"W_enc": "W_enc", "W_dec": "W_dec", "b_enc": "b_enc", "b_dec": "b_dec", "threshold": "threshold"}, ("trainer/activation_dim", "trainer/dict_size")),
    "dl_batch_topk": ("dictionary_learning/batch_topk", "resid_post_layer_3/trainer_0/ae.pt", "resid_post_layer_3/trainer_0/config.json",
        {"W_enc": "encoder.weight", "W_dec": "decoder.weight", "b_enc": "encoder.bias", "b_dec": "b_dec", "threshold": "threshold", "k": "trainer/k"},
        ("trainer/activation_dim", "trainer/dict_size")),
    "dl_topk": ("dictionary_learning/topk", "resid_post_layer_3/trainer_0/ae.pt", "resid_post_layer_3/trainer_0/config.json",
        {"W_enc": "encoder.weight", "W_dec": "decoder.weight", "b_enc": "encoder.bias", "b_dec": "b_dec", "k": "trainer/k"},
        ("trainer/activation_dim", "trainer/dict_size")),
    "dl_gated": ("dictionary_learning/gated", "resid_post_layer_3/trainer_0/ae.pt", "resid_post_layer_3/trainer_0/config.json",
        {"W_enc": "encoder.weight", "W_dec": "decoder.weight", "b_gate": "gate_bias", "b_dec": "decoder_bias"}, ("trainer/activation_dim", "trainer/dict_size")),
    "sparsify": ("sparsify/sae_run", "layers.3/sae.safetensors", "layers.3/cfg.json",
        {"W_enc": "encoder.weight", "W_dec": "W_dec", "b_enc": "encoder.bias", "b_dec": "b_dec", "k": "k"}, ("d_in",)),
    "llama_scope_r1": ("openmoss/r1_distill", "400M-Slimpajama-400M-OpenR1-Math-220k/L10R/sae_weights.safetensors",
        "400M-Slimpajama-400M-OpenR1-Math-220k/L10R/config.json",
        {"W_enc": "encoder.weight", "W_dec": "decoder.weight", "b_enc": "encoder.bias", "b_dec": "decoder.bias", "threshold": "log_jumprelu_threshold"}, ("d_model",)),
    "openmoss_topk": ("openmoss/new_topk", "sae_weights.safetensors", "config.json",
        {"W_enc": "W_E", "W_dec": "W_D", "b_enc": "b_E", "b_dec": "b_D", "k": "top_k"}, ("d_model",)),
    "openmoss_transcoder": ("openmoss/new_transcoder", "sae_weights.safetensors", "config.json",
        {"W_enc": "W_E", "W_dec": "W_D", "b_enc": "b_E", "b_dec": "b_D", "k": "top_k"}, ("d_model",)),
    "sae_bench_jumprelu": ("sae_bench/jumprelu", "ae.pt", "cfg.json",
        {"W_enc": "W_enc", "W_dec": "W_dec", "b_enc": "b_enc", "b_dec": "b_dec", "threshold": "threshold"}, ("d_in", "d_sae")),
    "circuit_tracer": ("circuit_tracer/jumprelu", "layer_0.safetensors", None,
        {"W_enc": "W_enc", "W_dec": "W_dec", "b_enc": "b_enc", "b_dec": "b_dec", "threshold": "activation_function.threshold"}, ()),
}  # fmt: skip


def put(keys: dict[str, Any], pointer: str, value: Any) -> None:
    """Set, or with None remove, what stands under `trainer/k`."""
    *above, last = pointer.split("/")
    for part in above:
        keys = keys[part]
    if value is None:
        del keys[last]
    else:
        keys[last] = value


def turned(name: str) -> Change:
    return lambda tensors, _: tensors.update({name: np.ascontiguousarray(tensors[name].T)})


def full(name: str, value: float) -> Change:
    return lambda tensors, _: tensors.update({name: np.full_like(tensors[name], value)})


def gone(name: str) -> Change:
    def change(tensors: Tensors, _: dict[str, Any]) -> None:
        del tensors[name]

    return change


def cut(name: str) -> Change:
    return lambda tensors, _: tensors.update({name: tensors[name][..., :-1]})


def poisoned(name: str) -> Change:
    def change(tensors: Tensors, _: dict[str, Any]) -> None:
        values = np.array(tensors[name])
        values.reshape(-1)[-1] = np.nan
        tensors[name] = values

    return change


def plants(names: dict[str, str], widths: tuple[str, ...], *, log: bool) -> Iterator[tuple[str, Change, str]]:
    """What is planted, and the rule that must name it."""
    yield "encoder turned round", turned(names["W_enc"]), "CFG022"
    yield "decoder turned round", turned(names["W_dec"]), "CFG022"
    for name in ("W_enc", "W_dec", "b_dec"):
        yield f"{name} is missing", gone(names[name]), "CFG022"
        yield f"{name} is one short", cut(names[name]), "CFG022"
    yield "NaN in the decoder", poisoned(names["W_dec"]), "WTS011"
    yield (
        "integer weights",
        lambda t, _: t.update({names["W_enc"]: t[names["W_enc"]].astype(np.int8)}),
        "WTS018",
    )
    for key in widths:
        yield f"{key} is another", lambda _, keys, key=key: put(keys, key, 24), "CFG022"
    if "threshold" in names:
        zero = -np.inf if log else 0.0
        yield "thresholds all zero", full(names["threshold"], zero), "THR001"
        yield "threshold is NaN", poisoned(names["threshold"]), "THR005"
        if not log:
            yield "thresholds negative", full(names["threshold"], -0.5), "THR004"
            yield "thresholds never set", full(names["threshold"], -1.0), "THR002"
        else:
            yield "thresholds at a default", full(names["threshold"], float(np.log(0.01))), "THR002"
    if "k" in names:
        for value in (0, -1, 1000, None, "4"):
            yield f"k is {value!r}", lambda _, keys, value=value: put(keys, names["k"], value), "CFG022"


def found(report: Report) -> set[str]:
    assert not report.crashes, report.crashes[0].traceback
    return {finding.code for finding in report.findings if finding.severity > Severity.NOTE}


@pytest.mark.parametrize("case", CASES)
def test_planted_defects_are_found(case: str) -> None:
    folder, weights, config, names, widths = CASES[case]
    missed, tried = [], 0
    for what, change, expected in plants(names, widths, log="log" in names.get("threshold", "")):
        code = expected
        tried += 1
        if case == "circuit_tracer" and what == "W_enc is one short":
            code = "CFG021"  # a transcoder may read another width than it writes; not another than its neighbours
        if code not in found(validate(planted(folder, weights, config, change), deep=code == "WTS011")):
            missed.append(f"{what}: {code}")
    assert not missed
    assert tried >= 10


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: data[: len(data) // 2],
        lambda data: data[:-30],
        lambda data: bytes(range(256)) * 8,
        lambda data: b"\0" * len(data),
        lambda data: b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 12\n",
    ],
)
def test_weights_that_cannot_be_opened_are_never_clean(case: str, damage: Callable[[bytes], bytes]) -> None:
    folder, weights, *_ = CASES[case]
    files = files_of(folder)
    files[weights] = damage(files[weights])
    report = validate(MemoryView(name=folder, files=files))
    codes = found(report)
    assert codes & {"WTS001", "WTS002", "WTS003", "WTS014", "WTS016", "WTS017"}, codes
    assert any(finding.path == weights for finding in report.findings if finding.severity > Severity.NOTE)


def test_a_wrong_checksum_inside_an_npz_is_found() -> None:
    folder, weights, *_ = CASES["gemma_scope"]
    files = files_of(folder)
    with zipfile.ZipFile(io.BytesIO(files[weights])) as archive:
        at = archive.getinfo("threshold.npy").header_offset
    data = bytearray(files[weights])
    data[at + 300] ^= 0xFF
    files[weights] = bytes(data)
    report = validate(MemoryView(name=folder, files=files))
    assert not report.complete or "WTS017" in found(report)


@pytest.mark.parametrize("hidden", ["dictionary_learning/topk", "sparsify/sae_run", "gemma_scope/pt_res"])
def test_fix_leaves_what_it_does_not_know_alone(hidden: str, tmp_path: Path) -> None:
    from hubkit.fix.run import planned

    for path, data in files_of(hidden).items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(data)
    (tmp_path / "README.md").write_text("---\nlicense: mit\n---\n# SAEs\n", encoding="utf-8")
    with planned(open_folder(tmp_path), unsafe=True) as plan:
        assert not plan.fixes
