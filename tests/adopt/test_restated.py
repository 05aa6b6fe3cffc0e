"""What a card says and hubkit's own sections say stands once; what says a word more stays; what the files speak against carries a mark."""

from __future__ import annotations

import pytest
from adopt.handmade import CARD, repository
from adopt.sentences import lost
from adopt.test_adopt import adopted
from builders import tensors
from safetensors.numpy import save

from hubkit.adopt.adoption import adopt
from hubkit.adopt.outcome import Adoption

LIST = "- 3 SAEs at layers 4 and 8\n- Architecture: TopK (k=4)\n"
CODE = 'from sae_lens import SAE\n\nsae = SAE.from_pretrained("owner/gpt2-saes", "layer_4")'


def listing(*items: str) -> str:
    """The card with these items in the place of its list."""
    return CARD.replace(LIST, "".join(f"- {item}\n" for item in items))


def said(found: Adoption) -> list[str]:
    return [one["text"] for one in found.settings.get("restated", ())]


@pytest.mark.parametrize(
    "item",
    [
        "2 SAEs at layers 4 and 8",
        "Architecture: TopK (k=4)",
        "**Architecture:** Top-K",
        "d_in: 8",
        "Dimensions: d_in=8, d_sae=32 (4x expansion)",
        "Base model: gpt2",
        "Layers: L4, L8",
    ],
)
def test_a_statement_that_the_new_card_makes_from_the_files_stands_once(item: str) -> None:
    card = listing(item, "Made by hand")
    found = adopted(card)
    assert item in said(found)
    assert f"- {item}" not in (found.built.card or "")
    assert item in [row.says for row in found.differences if row.outcome == "restated"]
    assert lost(card, found) == []


@pytest.mark.parametrize(
    "item",
    [
        "Architecture: TopK (k=4), as in the paper",
        "2 SAEs at layers 4 and 8, not one of them looked at",
        "Architecture: TopK (k=4) with an auxiliary loss",
        "Layers: L4, L8, the two that we could afford",
        "d_in: 8, of which two are dead",
        "Base model: gpt2, loaded in float16",
    ],
)
def test_a_word_more_and_the_whole_statement_stays(item: str) -> None:
    found = adopted(listing(item, "Made by hand"))
    assert item not in said(found)
    assert f"- {item}" in (found.built.card or "")


def test_what_the_files_contradict_is_withdrawn_and_not_called_the_same() -> None:
    found = adopted(listing("3 SAEs at layers 4 and 8", "d_in: 9"))
    assert not {"3 SAEs at layers 4 and 8", "d_in: 9"} & {*said(found)}


def test_a_name_of_the_repository_is_no_fact() -> None:
    card = listing("Architecture: JumpReLU", "Made by hand")
    found = adopted(card, repo_id="owner/jumprelu-saes")
    assert "Architecture: JumpReLU" not in said(found)


def test_code_that_only_loads_stands_once_and_code_that_does_more_stays() -> None:
    wrong = CARD[CARD.index("from sae_lens") : CARD.index('"layer_9")') + len('"layer_9")')]
    found = adopted(CARD.replace(wrong, CODE))
    assert [text for text in said(found) if text.startswith("```python")]
    assert (found.built.card or "").count("SAE.from_pretrained(") == 1
    more = adopted(CARD.replace(wrong, f"{CODE}\nprint(sae.cfg.metadata)"))
    assert not [text for text in said(more) if text.startswith("```")]
    assert "print(sae.cfg.metadata)" in (more.built.card or "")


def test_code_whose_names_other_code_needs_stays() -> None:
    wrong = CARD[CARD.index("from sae_lens") : CARD.index('"layer_9")') + len('"layer_9")')]
    mine = CODE.replace("sae =", "mine =")
    found = adopted(CARD.replace(wrong, f"{mine}\n```\n\n```python\nprint(mine)"))
    assert "mine = SAE.from_pretrained" in (found.built.card or "")


def test_a_list_that_is_all_said_takes_its_heading_and_the_line_that_leads_to_it_along() -> None:
    card = CARD.replace(LIST, "It holds:\n\n- 2 SAEs\n- Architecture: TopK (k=4)\n").replace("- One folder per layer, see `layer_4`\n", "")  # fmt: skip
    found = adopted(card)
    assert said(found)[:4] == ["## What's in this repo", "It holds:", "2 SAEs", "Architecture: TopK (k=4)"]
    assert "What's in this repo" not in (found.built.card or "")
    assert not [one for one in found.settings["withdrawn"] if "What's in" in one["text"]]
    assert lost(card, found) == []


def test_the_first_sentence_is_the_author_s_where_it_says_what_these_are() -> None:
    lead = "Two SAEs for gpt2 that we made on a weekend."
    found = adopted(CARD.replace("This repository contains 3 sparse autoencoders for GPT-2 small.", lead).replace("![banner](banner.png)\n\n", ""))  # fmt: skip
    assert found.settings["summary"] == lead
    card = found.built.card or ""
    assert card.count(lead) == 1
    assert "2 sparse autoencoders trained on activations of" not in card
    assert "- **Base model**: [openai-community/gpt2]" in card or "- **Base model**: [gpt2]" in card


def test_a_doubt_of_the_rules_is_a_mark_in_the_sentence_and_in_the_table() -> None:
    row = "| SAEs beating raw baseline | 1/3 (30%) |"
    found = adopted(CARD.replace("| Dead latents | 3% |", f"| Dead latents | 3% |\n{row}"))
    mark = "*[hubkit: 1/3 is 33.3 %, the card says 30 %]*"
    assert f"| SAEs beating raw baseline | 1/3 (30%) {mark} |" in (found.built.card or "")
    assert [one for one in found.differences if one.outcome == "kept" and one.code == "CARD008"]


def test_numbers_keep_the_digits_that_their_author_wrote() -> None:
    card = CARD.replace("| layer_4 | 0.913 |", "| layer_4 | 0.9130 |")
    found = adopted(card)
    assert found.built.evidence is not None
    first = found.built.evidence.values[0]
    assert (first.value, first.written, first.in_text) == (0.913, "0.9130", None)
    assert "| 0.9130 |" in (found.built.card or "")
    dead = next(one for one in found.built.evidence.values if one.name == "Dead latents (%)")
    assert dead.in_text, "its table stays in the card: one row of it is words"
    assert "Dead latents (%)" not in (found.built.card or "")


@pytest.mark.parametrize(
    ("item", "stands"),
    [
        ("Architectures: TopK, JumpReLU", False),
        ("**Architectures**: TopK and JumpReLU", False),
        ("Architectures: TopK", True),
        ("Architectures: TopK, JumpReLU, Gated", True),
        ("Architectures: TopK, JumpReLU (both small)", True),
    ],
)
def test_a_list_of_every_architecture_is_what_the_new_card_says(item: str, *, stands: bool) -> None:
    view = repository(listing(item, "Made by hand"))
    view.files["layer_8/cfg.json"] = view.files["layer_8/cfg.json"].replace(b'"topk"', b'"jumprelu"')
    view.files["layer_8/sae_weights.safetensors"] = save(tensors("jumprelu"))
    found = adopt(view, {})
    assert found is not None
    assert (f"- {item}" in (found.built.card or "")) is stands
    assert (item in said(found)) is not stands


def test_a_table_of_one_row_that_is_said_goes_whole() -> None:
    view = repository(
        CARD.replace(
            LIST,
            "| Property | Value |\n|---|---|\n| Architectures | TopK, JumpReLU |\n| d_in | 9 |\n\nMade by hand.\n",
        )
    )
    view.files["layer_8/cfg.json"] = view.files["layer_8/cfg.json"].replace(b'"topk"', b'"jumprelu"')
    view.files["layer_8/sae_weights.safetensors"] = save(tensors("jumprelu"))
    found = adopt(view, {})
    assert found is not None
    assert found.built.card is not None
    assert "| Property | Value |" not in found.built.card
    assert "Architectures | TopK" not in found.built.card


def test_code_that_loads_from_where_the_card_was_copied_is_withdrawn() -> None:
    old = CODE.replace("owner/gpt2-saes", "former/owner-saes").replace("layer_4", "layer_8")
    wrong = CARD[CARD.index("from sae_lens") : CARD.index('"layer_9")') + len('"layer_9")')]
    view = repository(CARD.replace(wrong, old))
    view.repository = "owner/gpt2-saes"
    found = adopt(view, {})
    assert found is not None
    assert "former/owner-saes" not in (found.built.card or "")
    assert any("former/owner-saes" in one["text"] for one in found.settings["withdrawn"])


@pytest.mark.parametrize(("second", "stands"), [("jumprelu", True), ("topk", False)])
def test_one_architecture_of_several_is_not_what_the_new_card_says(second: str, *, stands: bool) -> None:
    view = repository(listing("Architecture: TopK", "Made by hand"))
    view.files["layer_8/cfg.json"] = view.files["layer_8/cfg.json"].replace(b'"topk"', f'"{second}"'.encode())
    view.files["layer_8/sae_weights.safetensors"] = save(tensors(second))
    found = adopt(view, {})
    assert found is not None
    assert ("- Architecture: TopK" in (found.built.card or "")) is stands
    assert ("Architecture: TopK" in said(found)) is not stands
