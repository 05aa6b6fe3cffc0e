"""The 28 cards: the corpus's 24 and the four seeds, each beside a repository of the shape that it speaks of. HUBKIT_CORPUS names the corpus."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from corpus import FOLDER
from header_only import Cell, HeaderOnlyView, release

from hubkit.repo.memory import MemoryView
from hubkit.repo.view import Entry

CONDITIONS = ("mixed", "deceptive_only", "honest_only")
OF_THE_CORPUS = re.compile(r"\A(?:<!--.*?-->\n)+", re.DOTALL)
"""Where the corpus notes what it saw of a card."""


@dataclass
class Listed(HeaderOnlyView):
    """With the checksums that the Hub's listing gives: nobody hashes zeros."""

    def _list(self) -> list[Entry]:
        return [
            Entry(
                one.path,
                one.size,
                hashlib.sha256(one.path.encode()).hexdigest() if one.path in self.unreadable else None,
            )
            for one in super()._list()
        ]


def grid(
    prefix: str, kinds: str, layers: tuple[int, ...], hook: str, threshold: float = 0.0
) -> Iterator[Cell]:
    for kind in kinds.split():
        for layer in layers:
            for condition in CONDITIONS:
                yield Cell(
                    f"{prefix.format(kind)}_L{layer}_{condition}",
                    kind,
                    hook.format(layer),
                    condition,
                    threshold,
                )


def listed(view: HeaderOnlyView) -> Listed:
    return Listed(name=view.name, files=view.files, unreadable=view.unreadable)


def seed(name: str) -> bytes:
    return (FOLDER.parent / "seeds" / f"{name}.txt").read_bytes()


def nanochat() -> Listed:
    cells = grid("d32_{}", "topk jumprelu gated", (4, 8, 12, 16, 20, 24), "transformer.h.{}")
    return listed(release("nanochat-d32", seed("nanochat-d32"), cells, 2048, 8192, "karpathy/nanochat-d32"))


def smollm() -> Listed:
    cells = grid("smollm2_{}", "topk jumprelu", (3, 4, 5, 6, 9, 12, 15, 18, 21), "model.layers.{}")
    return listed(release("smollm2", seed("smollm2-135m"), cells, 576, 2304, "HuggingFaceTB/SmolLM2-135M"))


def tinyllama() -> Listed:
    cells = [
        *grid("tinyllama_{}", "topk jumprelu", (3, 6, 9, 12, 15), "model.layers.{}"),
        *grid("tinyllama_{}_ste", "jumprelu", (9, 12, 15), "model.layers.{}", threshold=0.1),
    ]
    model = "TinyLlama/TinyLlama-1.1B-intermediate-step-1431k-3T"
    return listed(release("tinyllama", seed("tinyllama-1.1b"), cells, 2048, 8192, model))


def gemma() -> Listed:
    cells = [Cell(".", "topk", "blocks.25.hook_resid_post", k=16)]
    return listed(release("gemma", seed("gemma4-e2b-bnb4bit"), cells, 1536, 6144, "google/gemma-4-E2B"))


SEEDS: dict[str, Callable[[], MemoryView]] = {
    "nanochat": nanochat,
    "smollm": smollm,
    "tinyllama": tinyllama,
    "gemma": gemma,
}
MODELS = {
    "pythia": ("EleutherAI/pythia-160m", 768), "tinyllama": ("TinyLlama/TinyLlama-1.1B-intermediate-step-1431k-3T", 2048),
    "d20": ("karpathy/nanochat-d20", 1280), "nanochat": ("karpathy/nanochat-d32", 2048), "smollm2": ("HuggingFaceTB/SmolLM2-135M", 576),
    "phi-4": ("microsoft/Phi-4-mini-reasoning", 3072), "gemma4_e2b": ("google/gemma-4-E2B", 1536), "e4b": ("google/gemma-4-E4B-it", 2560),
    "gemma-2-2b": ("google/gemma-2-2b", 2304), "qwen36": ("Qwen/Qwen3.6-27B", 5120), "Qwen3.5": ("Qwen/Qwen3.5-2B-Base", 2048),
    "qwen_coder": ("Qwen/Qwen2.5-7B-Instruct", 3584), "8b-64x": ("meta-llama/Llama-3.1-8B", 4096),
    "70B": ("meta-llama/Llama-3.3-70B-Instruct", 8192),
}  # fmt: skip


def corpus() -> dict[str, Path]:
    return {path.stem: path for path in sorted((FOLDER / "cards").glob("*.md"))}


def of_corpus(path: Path) -> Listed:
    """A card of the corpus beside three SAEs of its base model."""
    text = OF_THE_CORPUS.sub("", path.read_text(encoding="utf-8"))
    model, d_in = next(
        (found for mark, found in MODELS.items() if mark.lower() in path.stem.lower()),
        ("google/gemma-2-2b", 2304),
    )
    cells = [Cell(f"layer_{layer}", "topk", f"blocks.{layer}.hook_resid_post", k=32) for layer in (5, 11, 17)]
    return listed(release(path.stem, text.encode(), cells, d_in, 4 * d_in, model))
