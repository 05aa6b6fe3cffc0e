"""CFG022: what a family's own loader asks, each with a neighbour that it takes."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from families import files_of, planted
from safetensors.torch import load, save

from hubkit.repo.memory import MemoryView
from hubkit.validate.finding import Severity
from hubkit.validate.run import Selection, validate

SCOPE = "Llama3_1-8B-Base-L18M-8x/hyperparams.json"
NORM = "dataset_average_activation_norm"
DICTIONARY = "resid_post_layer_3/trainer_0/"
Keys = dict[str, Any]


def asked(repository: MemoryView) -> list[tuple[Severity, str]]:
    report = validate(repository, Selection(select=("CFG022",)))
    assert not report.crashes, report.crashes[0].traceback
    return [(one.severity, one.message) for one in report.findings if one.code == "CFG022"]


def stated(folder: str, config: str, change: Callable[[Keys], object]) -> MemoryView:
    """The files of `folder`, another thing said in its configuration."""
    files = files_of(folder)
    keys = json.loads(files[config])
    change(keys)
    return MemoryView(name=folder, files=files | {config: json.dumps(keys).encode()})


def put(**values: Any) -> Callable[[Keys], object]:
    return lambda keys: keys.update(values)


SCOPES: list[tuple[Callable[[Keys], object], str]] = [
    (put(**{NORM: {"in": 0, "out": 5.0}}), f'{NORM} is {{"in": 0, "out": 5.0}}'),
    (put(**{NORM: {"in": 5.0, "out": -3}}), "expected mean norms"),
    (put(**{NORM: {"in": 1e-30, "out": 5.0}}), "expected mean norms"),
    (put(**{NORM: {"in": "5.0"}}), "expected mean norms"),
    (put(**{NORM: {}}), "is {}, expected"),
    (put(**{NORM: None}), "is null, expected"),
    (lambda keys: keys.pop(NORM), "is missing, expected"),
    (put(**{NORM: {"in": 0}, "norm_activation": "token-wise"}), ""),
    (put(**{NORM: None, "norm_activation": "inference"}), ""),
    (put(**{NORM: {"in": 64.0, "out": 3.390625}}), ""),
    (put(jump_relu_threshold=None), "jump_relu_threshold is null"),
    (put(jump_relu_threshold="0.5"), 'jump_relu_threshold is "0.5"'),
    (lambda keys: keys.pop("jump_relu_threshold"), "jump_relu_threshold is missing"),
    (put(jump_relu_threshold=1), ""),
    (put(jump_relu_threshold=None, act_fn="relu"), ""),
    (put(use_glu_encoder=True), "no tensors of a second encoder"),
    (put(use_glu_encoder=None), ""),
    (put(expansion_factor=8), "expansion_factor 8 times d_model 16 is 128, and d_sae is 64"),
    (put(expansion_factor=4.01), ""),
    (lambda keys: keys.pop("d_sae"), ""),
]


@pytest.mark.parametrize(("change", "words"), SCOPES)
def test_llama_scope(change: Callable[[Keys], object], words: str) -> None:
    told = asked(stated("openmoss/lxm", SCOPE, change))
    assert [words in message for _, message in told] == [True] * bool(words)
    assert [severity for severity, _ in told if "expansion" not in words] == [Severity.ERROR] * (
        bool(words) and "expansion" not in words
    )


def test_a_glu_with_its_tensors_is_whole() -> None:
    repository = stated("openmoss/lxm", SCOPE, put(use_glu_encoder=True))
    path = next(path for path in repository.files if path.endswith(".safetensors"))
    whole = load(repository.files[path])
    whole |= {f"encoder_glu.{name}": whole[f"encoder.{name}"].clone() for name in ("weight", "bias")}
    repository.files[path] = save(whole)
    assert asked(repository) == []


@pytest.mark.parametrize(("norm", "told"), [(0.0, True), (-1.0, True), (np.nan, True), (17.0, False)])
def test_a_norm_that_is_a_tensor(norm: float, told: bool) -> None:
    """As torch.empty leaves it, where nothing ever set it."""
    for way, counts in (("dataset-wise", told), ("token-wise", False)):
        repository = stated("openmoss/new_relu", "config.json", put(norm_activation=way))
        whole = load(repository.files["sae_weights.safetensors"])
        name = next(name for name in whole if name.startswith(NORM))
        repository.files["sae_weights.safetensors"] = save(whole | {name: torch.tensor(norm)})
        assert [name in message for _, message in asked(repository)] == [True] * counts


def test_a_threshold_under_a_name_that_is_not_known_is_not_missing() -> None:
    def change(tensors: dict[str, np.ndarray], _: Keys) -> None:
        tensors["my_threshold"] = tensors.pop("activation_function.log_jumprelu_threshold")

    assert asked(planted("openmoss/new_jumprelu", "sae_weights.safetensors", "config.json", change)) == []


@pytest.mark.parametrize(("name", "told"), [("Foo", True), (5, True), ("BatchTopKSAE", False), (None, False)])
def test_a_class_that_load_dictionary_has_not(name: object, told: bool) -> None:
    repository = stated(
        "dictionary_learning/batch_topk",
        f"{DICTIONARY}config.json",
        lambda keys: keys["trainer"].update(dict_class=name),
    )
    found = asked(repository)
    assert [severity for severity, _ in found] == [Severity.WARNING] * told
    assert all("dict_class is" in message and "load_dictionary raises" in message for _, message in found)


def circuit(folder: str, **tensors: Any) -> MemoryView:
    """A set whose second layer has these tensors in the place of its own."""
    files = files_of(folder)
    path = next(path for path in files if path.endswith("layer_1.safetensors"))
    whole = load(files[path]) | tensors
    files[path] = save(whole)
    return MemoryView(name=folder, files=files)


@pytest.mark.parametrize(
    "folder", ["circuit_tracer/jumprelu", "circuit_tracer/relu_skip", "circuit_tracer/mwhanna"]
)
def test_a_set_is_of_one_width(folder: str) -> None:
    files = files_of(folder)
    own = load(files["layer_1.safetensors"])
    d_sae = len(own["b_enc"])
    half = {name: one[: d_sae // 2].clone() for name, one in own.items() if one.ndim and len(one) == d_sae}
    assert asked(circuit(folder)) == []
    ((severity, message),) = asked(circuit(folder, **half))
    assert severity is Severity.ERROR
    assert message.startswith(f"{d_sae // 2:,} latents, and layer 0 has {d_sae:,}")


def test_a_topk_with_thresholds_is_either() -> None:
    assert asked(circuit("circuit_tracer/jumprelu")) == []
    repository = circuit("circuit_tracer/jumprelu")
    repository.files["config.yaml"] += b"\nactivation: topk\nk: 4\n"
    assert [severity for severity, _ in asked(repository)] == [Severity.WARNING] * 2


@pytest.mark.parametrize(("k", "told"), [(0, True), (-1, True), (4, False)])
def test_the_k_of_a_set(k: int, told: bool) -> None:
    repository = circuit("circuit_tracer/relu")
    repository.files["config.yaml"] += f"\nactivation: topk\nk: {k}\n".encode()
    assert [f"k is {k}" in message for _, message in asked(repository)] == [True, True] * told
