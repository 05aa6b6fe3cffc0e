"""A base model in memory: its blocks are found by shape in every family, and what is none is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tiny_models import FAMILIES, WRAPPED

from hubkit.errors import IncompleteError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.train
BLOCKS = {
    "gpt2": "transformer.h",
    "gpt_neox": "gpt_neox.layers",
    **dict.fromkeys(WRAPPED, "model.language_model.layers"),
}


@pytest.mark.parametrize("family", FAMILIES)
def test_blocks_are_found_in_every_family(random_model: Callable[[str], Path], family: str) -> None:
    """Mixtral has three blocks of three experts, and multimodal models a vision tower of three layers: only one list of three is the blocks."""
    from hubkit.inference.load import load_model

    base = load_model(str(random_model(family)))
    assert base.hf_hook_name(2) == f"{BLOCKS.get(family, 'model.layers')}.2"
    assert (base.n_layers, base.d_in) == (3, 32)
    with pytest.raises(UsageError, match="has 3 blocks"):
        base.hf_hook_name(3)


def test_of_two_nested_lists_the_outer_one_is_the_blocks() -> None:
    import torch

    from hubkit.inference.structure import block_path

    def two(*members: torch.nn.Module) -> torch.nn.ModuleList:
        return torch.nn.ModuleList(members)

    block = torch.nn.Module()
    block.experts = two(torch.nn.Identity(), torch.nn.Identity())
    model = torch.nn.Module()
    model.layers = two(block, torch.nn.Identity())
    assert block_path(model, 2) == "layers"
    model.encoder = two(torch.nn.Identity(), torch.nn.Identity())
    with pytest.raises(UsageError, match=r"2 module lists of 2 members \(layers, encoder\)"):
        block_path(model, 2)
    with pytest.raises(UsageError, match=r"0 module lists of 7 members \(none\)"):
        block_path(model, 7)


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    from hubkit.inference.load import load_model

    with pytest.raises(IncompleteError, match="cannot open it"):
        load_model(str(tmp_path))


def test_a_device_that_is_not_here_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    import torch

    from hubkit.inference.load import load_model

    if torch.cuda.is_available():
        pytest.skip("there is a GPU here")
    with pytest.raises(UsageError, match="device cuda") as caught:
        load_model(str(tmp_path), device="cuda")
    assert caught.value.hint == "--device cpu, or device: cpu in the study file"


def test_a_gated_model_says_where_to_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    import httpx
    import transformers
    from huggingface_hub.errors import GatedRepoError

    from hubkit.inference.load import load_model

    def gated(*_: object, **__: object) -> None:
        response = httpx.Response(403, request=httpx.Request("GET", "https://huggingface.co/x"))
        cause = GatedRepoError("access to it is restricted", response=response)
        raise OSError("You are trying to access a gated repo.") from cause

    monkeypatch.setattr(transformers.AutoTokenizer, "from_pretrained", gated)
    with pytest.raises(IncompleteError, match="google/gemma-2-2b: a gated model") as caught:
        load_model("google/gemma-2-2b")
    assert "https://huggingface.co/google/gemma-2-2b" in str(caught.value.hint)


def test_a_checkpoint_that_is_quantized_already_is_refused(
    random_model: Callable[[str], Path], tmp_path: Path
) -> None:
    """It would stay so, and `float32` would be said of it."""
    import json
    import shutil

    from hubkit.inference.load import load_model

    folder = tmp_path / "quantized"
    shutil.copytree(random_model("llama"), folder)
    config = json.loads((folder / "config.json").read_bytes())
    (folder / "config.json").write_text(
        json.dumps(config | {"quantization_config": {"quant_method": "gptq", "bits": 4}}), encoding="utf-8"
    )
    with pytest.raises(UsageError, match=r"stored quantized \(gptq\)"):
        load_model(str(folder))


def test_an_architecture_that_transformers_has_not_is_named(
    random_model: Callable[[str], Path], tmp_path: Path
) -> None:
    import json
    import shutil

    from hubkit.inference.load import load_model

    folder = tmp_path / "unheard"
    shutil.copytree(random_model("llama"), folder)
    config = json.loads((folder / "config.json").read_bytes())
    (folder / "config.json").write_text(json.dumps(config | {"model_type": "unheard_of"}), encoding="utf-8")
    with pytest.raises(IncompleteError, match="unheard_of"):
        load_model(str(folder))
