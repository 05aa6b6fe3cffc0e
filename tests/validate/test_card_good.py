"""The ten best public cards of the corpus, each beside a folder of the shapes it states: no CARD error or warning. HUBKIT_CORPUS names the corpus."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from corpus import FOLDER, THERE
from header_only import Cell, release

from hubkit.repo.memory import MemoryView
from hubkit.validate.finding import Severity
from hubkit.validate.run import Selection, validate

pytestmark = pytest.mark.skipif(not THERE, reason="HUBKIT_CORPUS is not set")

REVIEWED = {
    "CARD004 error": 1,
    "CARD005 error": 3,
    "CARD005 note": 2,
    "CARD008 warning": 4,
    "CARD009 note": 2,
    "CARD011 warning": 1,
}
"""Cards of the corpus with findings about claims, each read by hand and true: a grid of 3 x 1 x 3 with 6 SAEs; nanochat called GPT-NeoX, and nanochat-d20
given the parameters of d32; peak layers without SAEs; 8.68 points that are 5.5, depths of 80 and 75 per cent that are 13 and 66, help at 31, 44 and 47 per
cent; two snippets that take what from_pretrained returns apart as a tuple; a snippet with "<sae_id>"."""
NOT_OURS = ("CARD002", "CARD003")
"""Front matter, which the corpus's copies have lost."""


def text(name: str) -> bytes:
    return (Path(FOLDER) / "cards" / f"{name}.md").read_bytes()


def lens(layer: int) -> str:
    return f"blocks.{layer}.hook_resid_post"


def atawfeek() -> MemoryView:
    cells = [Cell(f"layer_{layer}", "jumprelu", lens(layer)) for layer in (7, 21, 35)]
    return release(
        "atawfeek", text("atawfeek__gemma-4-e4b-it-saes"), cells, 2560, 65536, "google/gemma-4-E4B-it"
    )


def matryoshka() -> MemoryView:
    cells = [
        Cell(f"{kind}/{lens(layer)}", "jumprelu", lens(layer))
        for kind in ("snap", "standard")
        for layer in range(26)
    ]
    name = "chanind__gemma-2-2b-batch-topk-matryoshka-saes-w-32k-l0-40"
    return release("chanind", text(name), cells, 2304, 32768, "google/gemma-2-2b")


def qwen_scope() -> MemoryView:
    files = {f"layer{layer}.sae.pt": b"" for layer in range(24)}
    return MemoryView(
        name="qwen", files={"README.md": text("Qwen__SAE-Res-Qwen3.5-2B-Base-W32K-L0_100"), **files}
    )


def papergrade() -> MemoryView:
    cells = [Cell(f"L{layer}", "topk", lens(layer), k=128) for layer in (11, 31, 55)]
    return release(
        "caiovicentino1",
        text("caiovicentino1__qwen36-27b-sae-papergrade"),
        cells,
        5120,
        65536,
        "Qwen/Qwen3.6-27B",
    )


def goodfire() -> MemoryView:
    files = {"Llama-3.3-70B-Instruct-SAE-l50.pt": b"", "config.yaml": b"a: 1\n"}
    return MemoryView(
        name="goodfire", files={"README.md": text("Goodfire__Llama-3.3-70B-Instruct-SAE-l50"), **files}
    )


def gemma_scope() -> MemoryView:
    return MemoryView(name="google", files={"README.md": text("google__gemma-scope")})


def eleuther() -> MemoryView:
    configuration = json.dumps(
        {"expansion_factor": 64, "normalize_decoder": True, "num_latents": 0, "k": 192, "d_in": 4096}
    ).encode()
    files = {f"layers.{layer}.mlp/cfg.json": configuration for layer in (23, 29)}
    files |= {f"layers.{layer}.mlp/sae.safetensors": b"" for layer in (23, 29)}
    return MemoryView(name="eleuther", files={"README.md": text("EleutherAI__sae-llama-3.1-8b-64x"), **files})


def secure_code() -> MemoryView:
    cells = [Cell(lens(layer), "topk", lens(layer)) for layer in (0, 14, 27)]
    view = release(
        "rufimelo",
        text("rufimelo__secure_code_qwen_coder_topk_16384"),
        cells,
        3584,
        16384,
        "Qwen/Qwen2.5-7B-Instruct",
    )
    view.files |= {f"{lens(layer)}/sparsity.safetensors": b"" for layer in (0, 14, 27)}
    return view


def sandbagging() -> MemoryView:
    cells = [
        Cell(f"v4_tinyllama_{kind}_L{layer}_{condition}", kind, lens(layer), condition)
        for kind in ("topk", "jumprelu")
        for layer in (5, 11, 16)
        for condition in ("genuine_only", "sandbagging_only", "mixed")
    ]
    model = "TinyLlama/TinyLlama-1.1B-intermediate-step-1431k-3T"
    return release("v4", text("Solshine__deception-v4-saes-tinyllama-1-1b"), cells, 2048, 8192, model)


def batch() -> MemoryView:
    left_out = {("jumprelu", 12, "deceptive_only"), ("jumprelu", 12, "honest_only")}
    cells = [
        Cell(f"d32_{kind}_L{layer}_{condition}", kind, f"transformer.h.{layer}", condition)
        for kind in ("topk", "jumprelu", "gated")
        for layer in (8, 12, 16)
        for condition in ("mixed", "deceptive_only", "honest_only")
        if (kind, layer, condition) not in left_out
    ]
    return release(
        "batch",
        text("Solshine__nanochat-d32-deception-saes-batch"),
        cells,
        2048,
        8192,
        "karpathy/nanochat-d32",
    )


BEST: dict[str, tuple[str, Callable[[], MemoryView]]] = {
    "atawfeek/gemma-4-e4b-it-saes": ("defines every metric, names the held-out data, checks the pushed repository", atawfeek),
    "chanind/gemma-2-2b-batch-topk-matryoshka": ("one row for each SAE, its id the folder", matryoshka),
    "Qwen/SAE-Res-Qwen3.5-2B": ("names, shapes and meaning of every tensor", qwen_scope),
    "caiovicentino1/qwen36-27b": ("held-out and training dead fractions, side by side", papergrade),
    "Goodfire/Llama-3.3-70B": ("intended use and the licence it inherits", goodfire),
    "google/gemma-scope": ("says what is not in the repository", gemma_scope),
    "EleutherAI/sae-llama-3.1-8b-64x": ("short and right about the loss it was trained with", eleuther),
    "rufimelo/secure_code_qwen": ("generated: hooks, files and snippet from the same list", secure_code),
    "Solshine/deception-v4-saes-tinyllama": ("the only one of its study whose counts and grid agree", sandbagging),
    "Solshine/nanochat-d32-deception-saes-batch": ("says itself that 25 of 27 are there, and which are not", batch),
}  # fmt: skip
"""Name: (why it is among the best, its repository)."""


@pytest.mark.parametrize("name", sorted(BEST))
def test_no_false_alarm(name: str) -> None:
    report = validate(BEST[name][1](), Selection(select=("CARD",), ignore=NOT_OURS))
    assert not report.crashes, report.crashes[0].traceback
    assert [finding.message for finding in report.findings if finding.severity > Severity.NOTE] == []


def test_the_folders_are_really_compared() -> None:
    """The same folders with one SAE less contradict the cards that count."""
    for make, expected in (
        (papergrade, "says 3 topk SAEs"),
        (sandbagging, "says 18 SAEs"),
        (secure_code, "says 3 SAEs"),
    ):
        view = make()
        gone = next(path.rpartition("/")[0] for path in sorted(view.files) if path.endswith("cfg.json"))
        view.files = {path: data for path, data in view.files.items() if not path.startswith(f"{gone}/")}
        view.unreadable = {
            path: size for path, size in view.unreadable.items() if not path.startswith(f"{gone}/")
        }
        assert any(
            expected in finding.message for finding in validate(view, Selection(select=("CARD004",))).findings
        )


def test_the_findings_on_the_cards_alone_are_those_read_by_hand() -> None:
    counted: Counter[str] = Counter()
    for path in sorted((Path(FOLDER) / "cards").glob("*.md")):
        view = MemoryView(name=path.name, files={"README.md": path.read_bytes()})
        report = validate(view, Selection(select=("CARD",), ignore=("CARD012", *NOT_OURS)))
        counted.update({f"{finding.code} {finding.severity.word}" for finding in report.findings})
    assert counted == REVIEWED
