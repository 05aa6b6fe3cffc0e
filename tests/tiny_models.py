"""Untrained models of every family that hubkit names, three blocks of width 32, with the lab's tokenizer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hubkit.lab import families
from hubkit.lab.model import Shape, tokenizer

if TYPE_CHECKING:
    from pathlib import Path

SHAPE = Shape(n_layers=3, d_model=32, n_heads=2, d_mlp=48, positions=64)
OWN: dict[str, dict[str, Any]] = {"llama": {"num_key_value_heads": 1, "tie_word_embeddings": True}}
"""As Llamas are that share keys and values, and tie their embedding to their head."""
WRAPPED = families.WRAPPED
FAMILIES = (
    "gpt2", "gpt_neox", "mixtral", "llama", "nanochat", "qwen3", "phi", "phi3", "gemma3_text", "gemma4_text", *WRAPPED,
)  # fmt: skip


def random_model_in(shared: Path, family: str) -> Path:
    """The folder of the model of `family` below `shared`; made when it is first asked for."""
    import torch
    import transformers

    from hubkit.inference.load import quiet_transformers

    folder = shared / f"random-{family}"
    if not folder.exists():
        config = families.config(family, SHAPE, **OWN.get(family, {}))
        with torch.random.fork_rng(devices=[]):
            torch.random.default_generator.manual_seed(3)
            model = transformers.AutoModelForCausalLM.from_config(config)
            # Some classes begin with blocks that add next to nothing: no test would notice what is left out.
            for matrix in (one for one in model.parameters() if one.ndim > 1):
                torch.nn.init.normal_(matrix, std=0.1)
        with quiet_transformers():
            model.save_pretrained(folder)
            tokenizer().save_pretrained(folder)
    return folder
