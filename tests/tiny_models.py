"""Untrained models of several families, three blocks of width 32, with the lab's tokenizer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hubkit.lab import text
from hubkit.lab.model import tokenizer

if TYPE_CHECKING:
    from pathlib import Path


def random_model_in(shared: Path, family: str) -> Path:
    """The folder of the model of `family` below `shared`; made when it is first asked for."""
    import torch
    import transformers

    from hubkit.inference.load import quiet_transformers

    folder = shared / f"random-{family}"
    if not folder.exists():
        with torch.random.fork_rng(devices=[]):
            torch.random.default_generator.manual_seed(3)
            model = transformers.AutoModelForCausalLM.from_config(_config(family))
        with quiet_transformers():
            model.save_pretrained(folder)
            tokenizer().save_pretrained(folder)
    return folder


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
