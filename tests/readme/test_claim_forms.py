"""Cards made at random: a wrong value is named with its line, the right one in the same form is silent, and what only looks like a claim is left alone."""

from __future__ import annotations

import random

import pytest
from claim_forms import PLACES, SENTENCES, TITLES, made
from claim_traps import TRAPS
from header_only import Cell, release

from hubkit.validate.finding import Finding, Severity
from hubkit.validate.run import Selection, validate

HEAD = "---\nlibrary_name: saelens\nbase_model: openai-community/gpt2\nlicense: mit\n---\n\n"
ONE = (Cell(".", "topk", "blocks.6.hook_resid_post", k=32),)
TRUE: dict[str, object] = {
    "layer": 6, "d_sae": 24576, "d_in": 768, "k": 32, "architecture": ["TopK", "top-k"], "hook_name": "blocks.6.hook_resid_post", "place": PLACES["right"], "expansion": 32,
}  # fmt: skip
WRONG: dict[str, object] = {
    "layer": 9, "d_sae": 16384, "d_in": 2048, "k": 64, "architecture": ["JumpReLU", "Gated"], "hook_name": "blocks.9.hook_resid_post", "place": PLACES["wrong"], "expansion": 16,
}  # fmt: skip
CARDS = 400


def found(title: str, text: str, *, cells: tuple[Cell, ...] = ONE, head: str = HEAD) -> list[Finding]:
    """What is said of the card's claims."""
    view = release("r", f"{head}# {title}\n\n{text}\n".encode(), cells, 768, 24576, "gpt2")
    findings = validate(
        view, Selection(select=("CARD004", "CARD005", "CARD006", "CARD008", "CARD016"))
    ).findings
    return [one for one in findings if one.severity >= Severity.WARNING]


@pytest.mark.parametrize("seed", range(CARDS))
def test_the_wrong_value_is_named_and_the_right_one_is_silent(seed: int) -> None:
    wrong, right = made(random.Random(seed), TRUE, WRONG)
    named = found(wrong.title, wrong.text)
    assert named, f"{wrong.title}\n{wrong.text}"
    first = HEAD.count("\n") + (1 if wrong.title != "A sparse autoencoder" else 3)
    last = first + wrong.text.count("\n")
    assert all(first <= (one.line or 0) <= last for one in named), wrong.text
    assert [one.message for one in found(right.title, right.text)] == [], f"{right.title}\n{right.text}"


@pytest.mark.parametrize("text", TRAPS)
def test_what_is_no_claim_is_left_alone(text: str) -> None:
    assert [one.message for one in found("A sparse autoencoder", text)] == []


@pytest.mark.parametrize("field", sorted(SENTENCES.keys() & TRUE.keys()))
def test_every_sentence_is_read(field: str) -> None:
    """Not only those that chance picks."""
    for template in (*SENTENCES[field], *TITLES.get(field, ())):
        for values, silent in ((WRONG, False), (TRUE, True)):
            value = values[field][0] if isinstance(values[field], list) else values[field]  # type: ignore[index]
            text = template.format(value)
            title, body = (
                (text, "Text.") if template in TITLES.get(field, ()) else ("A sparse autoencoder", text)
            )
            assert (not found(title, body)) is silent, text


SEVERAL = (
    Cell("a", "topk", "blocks.6.hook_resid_post", k=32),
    Cell("b", "topk", "blocks.9.hook_resid_post", k=32),
    Cell("c", "jumprelu", "blocks.6.hook_resid_post"),
)
COLUMNS = "| Model | Layer | Width | k | Architecture |\n|---|---|---|---|---|\n"


@pytest.mark.parametrize(
    ("row", "field"),
    [
        ("| GPT-2 | 7 | 24576 | 32 | TopK |", "layer"), ("| GPT-2 small | 9 | 16k | 32 | TopK |", "d_sae"), ("| gpt2 | 9 | 24,576 | 64 | TopK |", "k"),
        ("| GPT-2 | 9 | 24576 | 32 | JumpReLU |", "architecture"), ("| Gemma 2 2B | 9 | 24576 | 32 | TopK |", "model_name"),
    ],
)  # fmt: skip
def test_a_row_is_held_against_the_saes_that_it_can_mean(row: str, field: str) -> None:
    named = found("SAEs", COLUMNS + row, cells=SEVERAL)
    assert len(named) == 1
    assert named[0].message.startswith((f"{field} ", f"{field} of"))
    assert named[0].line == HEAD.count("\n") + 5


@pytest.mark.parametrize(
    "rows",
    [
        "| GPT-2 | 6 | 24576 | 32 | TopK |\n| GPT-2 | 9 | 24k | 32 | TopK |\n| GPT-2 small | 6 | 24,576 | - | JumpReLU |",
        "| Pythia 70M | 3 | 32768 | 64 | TopK |\n| GPT-2 | 9 | 24576 | 32 | TopK |",
    ],
)
def test_rows_that_are_right_or_of_another_repository_are_silent(rows: str) -> None:
    assert [one.message for one in found("SAEs", COLUMNS + rows, cells=SEVERAL)] == []


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("We trained SAEs on layers 6, 9 and 12.", "We trained SAEs on layers 6 and 9."), ("SAEs of layers 6-9 are here.", "SAEs of layers 6 & 9 are here."),
        ("SAEs were trained on every other layer.", "SAEs were trained on two of the layers."), ("This repository contains SAEs for every layer of GPT-2.", "This repository contains SAEs for some layers."),
        ("All SAEs have 16k latents.", "All SAEs have 24k latents."),
    ],
)  # fmt: skip
def test_sentences_about_several(wrong: str, right: str) -> None:
    assert found("SAEs", wrong, cells=SEVERAL)
    assert [one.message for one in found("SAEs", right, cells=SEVERAL)] == []


EVERY = tuple(Cell(f"l{layer}", "topk", f"blocks.{layer}.hook_resid_post", k=32) for layer in range(12))


def test_every_layer_and_every_other() -> None:
    assert found("SAEs", "SAEs were trained on every layer of GPT-2 small.", cells=EVERY) == []
    assert found("SAEs", "SAEs were trained on every other layer.", cells=EVERY[1::2]) == []
    assert len(found("SAEs", "SAEs were trained on every layer of GPT-2 small.", cells=EVERY[1::2])) == 1


@pytest.mark.parametrize("hook", ["blocks.11.hook_resid_post", "blocks.11.hook_resid_pre"])
def test_layers_counted_from_the_end(hook: str) -> None:
    cells = (Cell(".", "topk", hook, k=32),)
    assert found("An SAE", "This SAE is trained on the last layer.", cells=cells) == []
    assert found("An SAE", "This SAE is trained on the penultimate layer.", cells=cells)


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("architecture: jumprelu", "architecture: topk"), ("layer: 9", "layer: 6"), ("d_sae: 16384", "d_sae: 24576"), ("k: 64", "k: 32"), ("hook_name: blocks.9.hook_resid_post", "hook_name: blocks.6.hook_resid_post"),
        ("tags:\n- sae\n- jumprelu", "tags:\n- sae\n- topk"), ("sae:\n  layer: 9\n  d_sae: 24576", "sae:\n  layer: 6\n  d_sae: 24576"),
    ],
)  # fmt: skip
def test_front_matter(wrong: str, right: str) -> None:
    def head(more: str) -> str:
        return HEAD.replace("license: mit\n", f"license: mit\n{more}\n")

    named = found("An SAE", "Text.", head=head(wrong))
    assert [head(wrong).split("\n")[(one.line or 1) - 1].split(":")[0].strip("- ") for one in named] in (
        [[wrong.rsplit("\n", maxsplit=1)[-1].strip("- ")]]
        if wrong.startswith("tags")
        else [["layer"], [wrong.split(":", maxsplit=1)[0]]]
    )
    assert found("An SAE", "Text.", head=head(right)) == []


TWO = (
    Cell("a", "topk", "blocks.6.hook_resid_post", k=32),
    Cell("b", "topk", "blocks.9.hook_resid_post", k=32),
)
OF_TWO = [
    ("We trained SAEs on layers six, nine and twelve.", False),
    ("We trained SAEs on layers six and nine.", True),
    ("SAEs of layer 6 and layer 10 are included.", False),
    ("SAEs of layer 6 and layer 9 are included.", True),
    ("SAEs for the first six layers.", False),
    ("| Layers | 6 to 9 |\n|---|---|\n| a | b |", False),
    ("| Property | Value |\n|---|---|\n| Layers | 6 and 9 |", True),
    ("| Property | Value |\n|---|---|\n| Layers | 6, 10 |", False),
    ("| Property | Value |\n|---|---|\n| Layers | 6 through 9 |", False),
    ("- Layers: six and nine", True),
    ("- Layers: six and ten", False),
    ("The SAEs cover layers [6, 10].", False),
    ("The SAEs cover layers 6..9.", False),
    ("Layers: 6-9", False),
    ("Layers 6 and 9", True),
    ("SAEs are available for layers 6, 9, and 11.", False),
    ("All SAEs use k = 64.", False),
    ("Both SAEs have 16k latents.", False),
    ("The SAEs have 24k latents and k=32.", True),
    ("Both SAEs were trained on layer 6.", False),
    ("The SAEs are gated SAEs.", False),
    ("All of them read the MLP output.", False),
    ("They read the residual stream.", True),
    ("They read MLP outputs.", False),
    ("Two SAEs, trained on layers 6 and 9 of GPT-2 small.", True),
    ("Two SAEs, trained on layers 3 and 9 of GPT-2 small.", False),
    ("## Files\n\n| Path | Layer | k |\n|---|---|---|\n| a | 6 | 32 |\n| b | 9 | 64 |", False),
    ("| SAE | Layer | d_sae |\n|---|---|---|\n| a | 6 | 24576 |\n| b | 10 | 24576 |", False),
]
OF_MLP = [
    ("This SAE reads the MLP output of layer 6.", True),
    ("This SAE reads the residual stream of layer 6.", False),
    ("Trained on the output of the MLP in layer 6.", True),
    ("Trained on attention outputs.", False),
    ("It reconstructs MLP outputs before they are added to the residual stream.", True),
    ("| Hook point | residual stream |\n|---|---|\n", False),
    ("The activations are taken after layer 6.", False),
]
BEFORE = [
    ("This SAE reads the residual stream before block 6.", True),
    ("This SAE reads the output of block 5.", True),
    ("It was trained on the residual stream after layer 5.", True),
    ("This SAE reads layer 6.", True),
    ("It was trained on the residual stream after layer 6.", False),
    ("This SAE reads resid_post of layer 6.", False),
]
OF_JUMPRELU = [
    ("This is a JumpReLU SAE.", True),
    ("TopK SAE with k=64.", False),
    ("On average 64 latents are active per token.", True),
    ("About 64 latents are active per token.", True),
    ("L0 of 64.", True),
    ("It was trained as a BatchTopK SAE with k = 64 and published as JumpReLU.", True),
    ("This is a standard ReLU SAE.", False),
    ("This is a Gated SAE.", False),
]
HELD = [
    *((TWO, *one) for one in OF_TWO),
    *(((Cell(".", "topk", "blocks.6.hook_mlp_out", k=32),), *one) for one in OF_MLP),
    *(((Cell(".", "topk", "blocks.6.hook_resid_pre", k=32),), *one) for one in BEFORE),
    *(((Cell(".", "jumprelu", "blocks.6.hook_resid_post"),), *one) for one in OF_JUMPRELU),
]


@pytest.mark.parametrize(("cells", "text", "right"), HELD)
def test_what_other_saes_are_said_to_be(cells: tuple[Cell, ...], text: str, right: bool) -> None:
    """Two SAEs; one of MLP outputs; one before its block, whose place has two names; a JumpReLU."""
    assert (not found("SAEs" if len(cells) > 1 else "An SAE", text, cells=cells)) is right


def test_widths_beside_the_expansion_are_held_too() -> None:
    """16 is 12288 / 768, and neither is this SAE's."""
    assert len(found("An SAE", "- Expansion: 16x (768 -> 12288)")) == 1


def test_a_number_behind_the_layer_is_not_one_more() -> None:
    assert (
        found("GPT-2 small SAE, TopK k = 32, layer 6, 4-bit", "The SAE reads layer 6, 12 heads wide.") == []
    )
    assert len(found("GPT-2 small SAE, TopK k = 32, layer 9, 4-bit", "Text.")) == 1
