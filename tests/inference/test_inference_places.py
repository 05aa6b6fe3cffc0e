"""Places in a model, for every class that hubkit names: what is taken there is what an independent run has there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

import pytest
from tiny_models import FAMILIES

from hubkit.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hubkit.inference.load import BaseModel

pytestmark = pytest.mark.train
IDS = [7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18]
SHORT = IDS[:5]
LAYERS = range(3)
NO_ENTRY = {"nanochat"}
"""Whose first block reads what no module gives last: the norm of the embedding is the final norm too."""
TO_ROUNDING = 1e-5


def taken(base: BaseModel, *, sites: tuple[str, ...] | None = None) -> dict[tuple[int, str], Any]:
    """(layer, site) to (positions, d) of IDS, several sites and layers in one pass, beside a shorter sequence."""
    from hubkit.inference.hooks import module_outputs
    from hubkit.inference.site import Site

    chosen: Any = sites or get_args(Site)
    first = 1 if base.class_name.startswith("NanoChat") else 0
    places = [
        base.place(layer, site)
        for layer in LAYERS
        for site in chosen
        if site != "resid_pre" or layer >= first
    ]
    outputs = module_outputs(base, [place.hf_hook_name for place in places], [SHORT, IDS])
    return {(place.layer, place.site): outputs[place.hf_hook_name][1] for place in places}


def hidden_states(base: BaseModel) -> Any:
    import torch

    with torch.no_grad():
        return [
            state[0]
            for state in base.model(
                torch.tensor([IDS]), output_hidden_states=True, use_cache=False
            ).hidden_states
        ]


def close(one: Any, other: Any) -> bool:
    return bool((one - other).norm() <= TO_ROUNDING * other.norm())


def load(random_model: Callable[[str], Path], family: str) -> BaseModel:
    from hubkit.inference.load import load_model

    return load_model(str(random_model(family)))


@pytest.mark.parametrize("family", FAMILIES)
def test_the_residual_stream_is_that_of_hidden_states(
    random_model: Callable[[str], Path], family: str
) -> None:
    """The last entry of hidden_states is behind the final norm: it is the norm of what is taken at the last block, and not that itself."""
    base = load(random_model, family)
    found, states = taken(base), hidden_states(base)
    for layer in LAYERS:
        if (layer, "resid_pre") in found:
            assert close(found[layer, "resid_pre"], states[layer])
        if layer < 2:
            assert close(found[layer, "resid_post"], states[layer + 1])
    decoder = base.model.get_decoder()
    norm = next(getattr(decoder, name) for name in ("norm", "ln_f", "final_layer_norm", "final_layernorm") if hasattr(decoder, name))  # fmt: skip
    last = found[2, "resid_post"]
    assert close(norm(last), states[-1])
    assert not close(last, states[-1])
    assert (0, "resid_pre") in found or family in NO_ENTRY


@pytest.mark.parametrize("family", [one for one in FAMILIES if not one.startswith("gemma4")])
def test_attention_and_mlp_are_what_is_added(random_model: Callable[[str], Path], family: str) -> None:
    """resid_pre + attn_out + mlp_out = resid_post, each from a hook of its own: in Gemma behind the norms that follow attention and MLP."""
    found = taken(load(random_model, family))
    for layer in LAYERS:
        if (layer, "resid_pre") not in found:
            continue
        parts = [found[layer, site] for site in ("resid_pre", "attn_out", "mlp_out")]
        assert close(sum(parts), found[layer, "resid_post"])
        assert all(not close(part, found[layer, "resid_post"]) for part in parts)


@pytest.mark.parametrize("family", ["gemma4_text", "gemma4"])
def test_gemma_4_adds_its_layer_embedding_after_attention_and_mlp(
    random_model: Callable[[str], Path], family: str
) -> None:
    base = load(random_model, family)
    gates: dict[int, Any] = {}
    for layer in LAYERS:
        gate = base.model.get_submodule(f"{base.hf_hook_name(layer)}.per_layer_input_gate")
        gate.register_forward_pre_hook(lambda _module, args, layer=layer: gates.update({layer: args[0][-1]}))
    found = taken(base)
    for layer in LAYERS:
        assert close(sum(found[layer, site] for site in ("resid_pre", "attn_out", "mlp_out")), gates[layer])


def test_both_names_of_a_place(random_model: Callable[[str], Path]) -> None:
    base = load(random_model, "gpt2")
    names = {
        site: (base.place(1, site).hook_name, base.place(1, site).hf_hook_name)
        for site in ("resid_post", "resid_pre", "mlp_out", "attn_out")
    }
    assert names == {
        "resid_post": ("blocks.1.hook_resid_post", "transformer.h.1"),
        "resid_pre": ("blocks.1.hook_resid_pre", "transformer.h.0"),
        "mlp_out": ("blocks.1.hook_mlp_out", "transformer.h.1.mlp"),
        "attn_out": ("blocks.1.hook_attn_out", "transformer.h.1.attn"),
    }
    assert (
        base.place(0, "resid_pre").hf_hook_name == "transformer.drop"
    )  # behind the positions, not the embedding
    with pytest.raises(UsageError, match="has 3 blocks"):
        base.place(3, "mlp_out")


def test_what_a_class_has_not_is_refused_by_what_it_has(random_model: Callable[[str], Path]) -> None:
    with pytest.raises(UsageError, match=r"no module gives what goes into block 0 .*model\.embed_tokens"):
        load(random_model, "nanochat").place(0, "resid_pre")


def test_an_architecture_of_another_kind_is_refused_by_what_is_in_it() -> None:
    """Mamba's blocks are blocks; attention and MLP they have none."""
    import transformers

    from hubkit.inference.load import wrap_model

    config = transformers.MambaConfig(vocab_size=99, hidden_size=32, num_hidden_layers=3, state_size=4)
    base = wrap_model(transformers.AutoModelForCausalLM.from_config(config), None)
    assert base.place(1).hf_hook_name == "backbone.layers.1"
    with pytest.raises(
        UsageError, match=r"0 modules of backbone\.layers\.1 could give mlp_out; in it are norm, mixer"
    ):
        base.place(1, "mlp_out")
