"""The lab model (trained once per test run, shared with tests/lab) and tiny random models of other families."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from hubkit.collect.plan import CollectPlan
from hubkit.collect.run import collect
from hubkit.lab import text
from hubkit.lab.model import LabModel, build, one_thread, tokenizer
from hubkit.lab.study import plan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def _one_thread(request: pytest.FixtureRequest) -> Iterator[None]:
    """Tiny matrices on a busy machine: a second torch thread only waits."""
    if request.node.get_closest_marker("train") is None:
        yield
        return
    with one_thread():
        yield


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> LabModel:
    return build(tmp_path_factory.getbasetemp() / "lab-models" / "main")


@pytest.fixture(scope="session")
def null_lab(tmp_path_factory: pytest.TempPathFactory) -> LabModel:
    return build(tmp_path_factory.getbasetemp() / "lab-models" / "null", null=True)


ALL_LAYERS = tuple(range(6))


@pytest.fixture(scope="session")
def lab_pool(lab: LabModel, tmp_path_factory: pytest.TempPathFactory) -> tuple[CollectPlan, Path]:
    asked, out = plan(lab, layers=ALL_LAYERS), tmp_path_factory.mktemp("pool")
    with one_thread():
        collect(asked, out)
    return asked, out


@pytest.fixture(scope="session")
def null_pool(null_lab: LabModel, tmp_path_factory: pytest.TempPathFactory) -> tuple[CollectPlan, Path]:
    asked, out = plan(null_lab, layers=ALL_LAYERS), tmp_path_factory.mktemp("null-pool")
    with one_thread():
        collect(asked, out)
    return asked, out


@pytest.fixture(scope="session")
def random_model(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A folder with an untrained model of a family, three blocks of width 32, and the lab's tokenizer."""

    def make(family: str) -> Path:
        import torch
        import transformers

        folder = tmp_path_factory.getbasetemp() / f"random-{family}"
        if not folder.exists():
            with torch.random.fork_rng(devices=[]):
                torch.random.default_generator.manual_seed(3)
                model = transformers.AutoModelForCausalLM.from_config(_config(family))
            from hubkit.collect.model import quiet_transformers

            with quiet_transformers():
                model.save_pretrained(folder)
                tokenizer().save_pretrained(folder)
        return folder

    return make


def _config(family: str) -> Any:
    from transformers import GPT2Config, GPTNeoXConfig, MixtralConfig

    common: dict[str, Any] = {
        "vocab_size": len(text.VOCABULARY), "bos_token_id": None, "pad_token_id": 0, "eos_token_id": 1,
    }  # fmt: skip
    if family == "gpt2":
        return GPT2Config(n_embd=32, n_layer=3, n_head=2, n_positions=64, **common)
    shape: dict[str, Any] = {
        "hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 48, "max_position_embeddings": 64,
    }  # fmt: skip
    if family == "gpt_neox":
        return GPTNeoXConfig(**shape, **common)
    return MixtralConfig(num_key_value_heads=2, num_local_experts=3, num_experts_per_tok=1, **shape, **common)
