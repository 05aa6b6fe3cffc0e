"""Folders of every family, changed: the same SAE larger, or with one thing wrong. `families/EXPECTED.json` says what each is."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load, save

from hubkit.repo.memory import MemoryView

HERE = Path(__file__).parent / "formats" / "families"
_READ: Any = json.loads((HERE / "EXPECTED.json").read_text(encoding="utf-8"))
EXPECTED: list[dict[str, Any]] = _READ if isinstance(_READ, list) else _READ["saes"]
FOLDERS = sorted({one["folder"] for one in EXPECTED})

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


def one_column(name: str) -> Change:
    """Every latent reads what the first reads, whichever way round the encoder lies."""

    def change(tensors: Tensors, _: dict[str, Any]) -> None:
        values = np.array(tensors[name])
        if values.shape[0] == SMALL[1]:
            values[:] = values[:1]
        else:
            values[:] = values[:, :1]
        tensors[name] = values

    return change


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
    yield "all encoder columns the same", one_column(names["W_enc"]), "WTS013"
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
        for value in (3e-9, 1e-30, 1e30):
            stored = float(np.log(value)) if log else value
            yield f"thresholds at {value:g}", full(names["threshold"], stored), "THR012"
        if not log:
            yield "thresholds negative", full(names["threshold"], -0.5), "THR004"
            yield "thresholds never set", full(names["threshold"], -1.0), "THR002"
        else:
            yield "thresholds at a default", full(names["threshold"], float(np.log(0.01))), "THR002"
    if "k" in names:
        for value in (0, -1, 1000, None, "4"):
            yield f"k is {value!r}", lambda _, keys, value=value: put(keys, names["k"], value), "CFG022"


SMALL, LARGE = (16, 64), (128, 4096)
"""d_in and d_sae of the folders here, and of their large forms."""


def grown(
    folder: str, weights: str, config: str | None, change: Change = lambda _tensors, _keys: None
) -> dict[str, bytes]:
    """The files of one SAE of `folder` at LARGE sizes, random, healthy but for `change`."""
    here = weights.rpartition("/")[0]
    files = {
        path: data
        for path, data in files_of(folder).items()
        if path.rpartition("/")[0] in {here, ""}
        and (path == weights or not path.endswith((".pt", ".npz", ".safetensors")))
    }
    tensors, keys = read_tensors(weights, files[weights]), json.loads(files[config]) if config else {}
    generator = np.random.default_rng(0)
    large = {name: _larger(value, generator, positive="threshold" in name) for name, value in tensors.items()}
    change(large, scaled(keys))
    files[weights] = written(weights, large)
    if config:
        files[config] = json.dumps(keys).encode()
    return files


def _larger(value: np.ndarray, generator: np.random.Generator, *, positive: bool) -> np.ndarray:
    shape = tuple({SMALL[0]: LARGE[0], SMALL[1]: LARGE[1]}.get(size, size) for size in value.shape)
    if value.dtype.kind != "f" or value.ndim == 0:
        return value
    return (generator.uniform(0.05, 0.6, shape) if positive else generator.standard_normal(shape)).astype(
        value.dtype
    )


def scaled(keys: dict[str, Any]) -> dict[str, Any]:
    """Widths of a configuration at the large sizes, in place."""
    for key, value in keys.items():
        if isinstance(value, dict):
            scaled(value)
        elif key == "expansion_factor":
            keys[key] = LARGE[1] // LARGE[0]
        elif type(value) is int and value in SMALL and key in WIDTHS:
            keys[key] = dict(zip(SMALL, LARGE, strict=True))[value]
    return keys


WIDTHS = {"d_in", "d_sae", "activation_dim", "dict_size", "d_submodule", "d_model", "width", "num_latents"}
