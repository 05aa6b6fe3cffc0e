"""What a block is made of, against small models that transformers builds."""

from __future__ import annotations

from typing import Any

import pytest
from models.test_models_shape import SMALL, USUAL

from hubkit.models.architecture import BY_TYPE as KNOWN
from hubkit.models.blocks import BY_TYPE, block_form
from hubkit.models.config import read_shape


def test_every_known_type_has_its_form() -> None:
    assert KNOWN.keys() - BY_TYPE.keys() == {"falcon"}  # its versions differ in all three
    assert BY_TYPE.keys() <= KNOWN.keys()


def test_words() -> None:
    words = {
        kind: form.words
        for kind in ("llama", "gpt2", "gpt_neox", "mamba")
        if (form := block_form({"model_type": kind}))
    }
    assert words == {
        "llama": "RMSNorm, rotary positions, attention before MLP",
        "gpt2": "LayerNorm, learned positions, attention before MLP",
        "gpt_neox": "LayerNorm, rotary positions, attention and MLP in parallel",
        "mamba": "RMSNorm",
    }  # fmt: skip
    sequential = block_form({"model_type": "gpt_neox", "use_parallel_residual": False})
    assert sequential is not None
    assert not sequential.parallel
    assert block_form({"model_type": "unheard-of"}) is None


@pytest.mark.train
@pytest.mark.parametrize("model_type", sorted(BY_TYPE.keys() - {"gemma3n_text", "gemma4_text", "nanochat"}))
def test_against_what_transformers_builds(model_type: str) -> None:
    """The class of the norms, whether they have weights; where positions are; whether the MLP reads what attention wrote."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    config: dict[str, Any] = {"vocab_size": 100, **SMALL.get(model_type, USUAL)}
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model(model_type, **config)).eval()
    shape, form = read_shape({"model_type": model_type, **config}), BY_TYPE[model_type]
    assert shape is not None
    block = model.get_submodule(shape.block(0))
    norms = [
        one for name, one in block.named_modules() if type(one).__name__.endswith("Norm") and "." not in name
    ]
    kinds = {"RMSNorm" if "RMS" in type(one).__name__ else "LayerNorm" for one in norms}
    assert kinds == {form.norm.split()[0]}
    assert any(list(one.parameters()) for one in norms) == ("without" not in form.norm)
    if form.positions is None:
        return
    names = [name for name, _ in model.named_modules()]
    rotary = any("rotary" in name for name in names) or hasattr(
        block.get_submodule(shape.architecture.attn or ""), "embed_positions"
    )
    learned = any(name.endswith(("wpe", "embed_positions")) for name in names)
    alibi = hasattr(model.base_model, "build_alibi_tensor")
    found = "ALiBi" if alibi else "learned" if learned and not rotary else "rotary"
    assert found == form.positions
    assert _parallel(model, shape, torch) == form.parallel


def _parallel(model: Any, shape: Any, torch: Any) -> bool:
    """Whether the input of the first MLP stays when attention writes something else."""
    seen: list[Any] = []
    if shape.architecture.mlp is None:
        return False
    shift = [0.0]
    attention, mlp = model.get_submodule(shape.attn_module(0)), model.get_submodule(shape.mlp_module(0))
    add = attention.register_forward_hook(
        lambda m, i, out: (
            (out[0] + shift[0] * torch.randn_like(out[0]), *out[1:])
            if isinstance(out, tuple)
            else out + shift[0]
        )
    )
    keep = mlp.register_forward_pre_hook(lambda m, i: seen.append(i[0].detach().clone()))
    ids = torch.arange(6)[None]
    with torch.no_grad():
        for shift[0] in (0.0, 3.0):
            model(ids)
    add.remove()
    keep.remove()
    return bool(torch.allclose(seen[0], seen[1]))
