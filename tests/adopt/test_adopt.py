"""`hubkit adopt` on a card that somebody wrote by hand: what is kept, what is withdrawn, what goes where; and on cards that mean harm."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from adopt.handmade import CARD, repository
from adopt.sentences import lost
from builders import view
from families import files_of

from hubkit.adopt.adoption import adopt
from hubkit.adopt.outcome import Adoption
from hubkit.adopt.write import card_yaml, write
from hubkit.cards.build import draft_card
from hubkit.cards.settings import load_settings
from hubkit.errors import NothingFound, UsageError
from hubkit.publish.files import hash_release
from hubkit.release.evidence import load_evidence
from hubkit.repo.local import open_folder
from hubkit.repo.memory import MemoryView

TOKEN = "hf_" + "a1B2c3D4e5" * 4


def adopted(card: str = CARD, **given: str) -> Adoption:
    found = adopt(repository(card), given)
    assert found is not None
    assert found.built.card, found.built.why
    return found


def on_disk(folder: Path, card: str = CARD, **more: str) -> Path:
    for path, data in {
        **repository(card).files,
        **{name: text.encode() for name, text in more.items()},
    }.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return folder


def adopt_folder(folder: Path, **given: str) -> Adoption:
    found = adopt(open_folder(folder), {"repo_id": "owner/gpt2-saes", **given}, folder)
    assert found is not None
    return found


def test_the_author_s_words_are_kept_and_what_the_files_contradict_is_withdrawn() -> None:
    found = adopted()
    card = found.built.card or ""
    for words in (
        "We share them because nobody else had these layers.",
        "The SAEs saw English only.",
        "Thanks to Ada & Bob <3.",
    ):
        assert words in card
    for words in ("contains 3 sparse", "| Expansion factor | 8x |", '"layer_9"'):
        assert words not in card
        assert any(words in one["text"] for one in found.settings["withdrawn"])
    assert {one["line"] for one in found.settings["withdrawn"]} == {12, 39, 45}
    assert lost(CARD, found) == []


def test_each_contradiction_is_shown_with_what_both_cards_say() -> None:
    rows = {row.code: row for row in adopted().differences if row.outcome == "withdrawn"}
    assert (rows["CARD004"].line, rows["CARD004"].files) == (12, "the card says 3 SAEs, the repository has 2")
    assert rows["CARD004"].now.startswith("line ")
    assert "2 sparse autoencoders" in rows["CARD004"].now
    assert rows["CARD006"].now == "loading code of its own, made from the configurations"
    assert (
        rows["CARD006"].says
        == '3 lines of code, with: sae = SAE.from_pretrained("owner/gpt2-saes", "layer_9")'
    )


def test_a_sentence_goes_alone_and_its_paragraph_stays() -> None:
    assert (
        adopted()
        .settings["prose"]["summary"]
        .endswith(
            "They were trained over a weekend\non one GPU. We share them because nobody else had these layers."
        )
    )


def test_a_wrong_count_does_not_take_a_disclosure_in_its_sentence_with_it() -> None:
    """The clause stays, word for word; the count is withdrawn."""
    told = "the thresholds of one never learned, so that it is a plain ReLU."
    found = adopted(f"---\nlicense: mit\n---\n\n# GPT-2 SAEs\n\nThis repository contains 3 SAEs; {told}\n")
    assert told in str(found.settings["prose"])
    assert "3 SAEs" not in str(found.settings["prose"])


def test_a_right_sentence_with_a_semicolon_stays_as_it_is() -> None:
    whole = "This repository contains 2 SAEs; the weights are no pickle."
    assert whole in str(adopted(f"---\nlicense: mit\n---\n\n# GPT-2 SAEs\n\n{whole}\n").settings["prose"])


@pytest.mark.parametrize(
    ("rest", "kept"), [("Each has a folder of its own.", False), ("Their thresholds never learned.", True)]
)
def test_an_item_that_lost_its_head_keeps_no_more_than_what_tells_of_a_defect(rest: str, kept: bool) -> None:
    card = f"---\nlicense: mit\n---\n\n# GPT-2 SAEs\n\nSmall ones.\n\n## Contents\n\n- **Architecture**: Gated. {rest}\n- Made with care.\n"
    found = str(adopted(card).settings["prose"])
    assert ("Gated" in found, rest in found, "Made with care." in found) == (False, kept, True)


def test_sections_that_are_none_of_hubkit_s_keep_their_headings_and_order() -> None:
    found = adopted()
    assert [one["heading"] for one in found.settings["sections"]] == ["Why layer 4?", "Acknowledgements"]
    assert "### A footnote\n\nIt was pizza." in found.settings["sections"][0]["text"]
    card = found.built.card or ""
    assert card.index("## Why layer 4?") < card.index("## Acknowledgements")
    assert "Citation" not in found.settings["prose"]
    assert found.settings["citation"].startswith("@misc{saes2025")


def test_numbers_of_a_table_by_row_and_column() -> None:
    found = adopted()
    assert found.built.evidence is not None
    values = {(one.measure or one.name, one.sae_id): one for one in found.built.evidence.values}
    assert (values["explained_variance", "layer_4"].value, values["explained_variance", "layer_4"].n) == (
        0.913,
        4096,
    )
    assert values["l0", "layer_8"].value == 4
    assert values["CE loss recovered (%)", "layer_4"].value == 97.2
    assert values["Dead latents (%)", None].value == 3
    assert "line 27 of the earlier card" in (values["explained_variance", "layer_4"].note or "")
    assert "| layer_4 | 0.913 |" not in (found.built.card or "")  # the table is in evidence.yaml, whole
    assert "| Best layer | layer 4, by a wide margin |" in (found.built.card or "")  # words are not


def test_a_number_that_the_files_contradict_goes_with_its_row() -> None:
    found = adopted(CARD.replace("| layer_8 | 0.874 | 4 |", "| layer_8 | 0.874 | 9 |"))
    assert found.built.evidence is not None
    assert not any(one.sae_id == "layer_8" for one in found.built.evidence.values)
    row = next(one for one in found.settings["withdrawn"] if "| layer_8 |" in one["text"])
    assert "k = 4" in row["reason"]


def test_a_number_that_evidence_yaml_could_not_hold_is_withdrawn_too() -> None:
    text = CARD.replace(
        "| Metric | Value |\n|---|---|\n| Dead latents | 3% |", "| | L4 | L8 |\n|---|---|---|\n| L0 | 9 | 4 |"
    )
    found = adopted(text)
    row = next(one for one in found.settings["withdrawn"] if one["text"] == "| L0 | 9 | 4 |")
    assert row["reason"].startswith("EVL002: layer_4: l0 is 9, above the k = 4")
    assert found.after is not None
    assert not [one for one in found.after.findings if one.code.startswith("EVL")]


def test_templates_in_the_author_s_text_are_text(tmp_path: Path) -> None:
    line = (
        "Braces such as {{ 7 * 7 }}, {% endraw %} or {{{% for x in y %} are text here, and {# so is this #}."
    )
    found = adopted()
    assert line in (found.built.card or "")
    folder = on_disk(tmp_path / "saes")
    write(adopt_folder(folder), folder, beside=True)
    assert line in draft_card(folder).text


def test_beside_the_saes_with_copies_and_current_at_once(tmp_path: Path) -> None:
    folder = on_disk(tmp_path)
    put = write(adopt_folder(folder), folder, beside=True)
    assert {path.name for path in put.written} == {"README.md", "card.yaml", "evidence.yaml"}
    assert [path.name for path in put.copies] == ["README.md~"]
    assert (folder / "README.md~").read_text(encoding="utf-8") == CARD
    assert not draft_card(folder).changed, "hubkit build-cards would write the same"
    load_settings(folder / "card.yaml")
    assert load_evidence(folder) is not None
    assert {"README.md~", "card.yaml"}.isdisjoint(one.path for one in hash_release(folder))
    assert adopt(open_folder(folder), {}, folder) is None, "a second time there is nothing to adopt"


def test_nothing_is_written_before_write(tmp_path: Path) -> None:
    folder = on_disk(tmp_path)
    before = sorted(path.name for path in folder.rglob("*"))
    adopt_folder(folder)
    assert sorted(path.name for path in folder.rglob("*")) == before


def test_into_another_folder_twice_changes_nothing_and_other_files_are_not_lost(tmp_path: Path) -> None:
    found = adopted()
    first = write(found, tmp_path / "new", beside=False)
    assert len(first.written) == 3
    assert write(adopted(), tmp_path / "new", beside=False).written == ()
    (tmp_path / "new" / "card.yaml").write_text("license: mit\n", encoding="utf-8")
    with pytest.raises(UsageError, match="is there already"):
        write(found, tmp_path / "new", beside=False)
    assert [one.name for one in write(found, tmp_path / "new", beside=False, force=True).copies] == [
        "card.yaml~"
    ]


def test_a_card_yaml_of_the_author_s_keeps_its_words_and_comments(tmp_path: Path) -> None:
    own = "# mine\nrepo_id: me/mine  # for now\nbase_model: openai-community/gpt2\nlicense:\ntags: [best]\n"
    folder = on_disk(tmp_path, **{"card.yaml": own})
    found = adopt(open_folder(folder), {}, folder)
    assert found is not None
    assert found.settings["repo_id"] == "me/mine"
    assert found.settings["license"] == "mit"
    assert found.settings["tags"] == ["best", "gpt2"]
    write(found, folder, beside=True)
    text = (folder / "card.yaml").read_text(encoding="utf-8")
    assert text.startswith("# mine\nrepo_id: me/mine  # for now\n")
    assert load_settings(folder / "card.yaml").model_dump(exclude_defaults=True) == dict(found.settings)
    assert (folder / "card.yaml~").read_text(encoding="utf-8") == own


def test_two_texts_for_one_section_are_the_author_s_to_join(tmp_path: Path) -> None:
    folder = on_disk(tmp_path, **{"card.yaml": "prose: {limitations: Mine.}\n"})
    with pytest.raises(UsageError, match=r"prose\.limitations is there already"):
        adopt_folder(folder)


def test_evidence_that_is_there_stays_first(tmp_path: Path) -> None:
    own = "source: a paper\nvalues:\n- {name: Loss, value: 1.5, n: 10}\n"
    folder = on_disk(tmp_path, **{"evidence.yaml": own})
    found = adopt_folder(folder)
    write(found, folder, beside=True)
    there = load_evidence(folder)
    assert there is not None
    assert (there.source, there.values[0].name, len(there.values)) == ("a paper", "Loss", 8)
    assert there.source_of(there.values[1]).startswith("README.md of this repository")
    assert (folder / "evidence.yaml~").read_text(encoding="utf-8") == own


def test_what_nobody_says_is_asked_for() -> None:
    text = CARD.replace("license: mit\n", "")
    found = adopt(repository(text), {})
    assert found is not None
    assert (found.built.card, found.lacking) == (None, ["license"])
    assert card_yaml(found).startswith("license:  # needed, for example apache-2.0\n")
    assert lost(text, found) == []
    assert adopted(text, license="mit").lacking == []


def test_where_there_is_no_sae_there_is_no_card() -> None:
    found = adopt(MemoryView(name="x", files={"README.md": b"# Notes\n\nWords.\n"}), {})
    assert found is not None
    assert found.built.why == "no SAE of a format that hubkit knows"
    assert found.settings["prose"] == {"summary": "Words."}


def test_saes_that_no_card_describes_are_taken_apart_all_the_same() -> None:
    files = files_of("gemma_scope/pt_res") | {"README.md": b"# SAEs\n\n## Limitations\n\nFew words.\n"}
    given = {"license": "mit", "base_model": "openai-community/gpt2", "repo_id": "a/b"}
    found = adopt(MemoryView(name="a/b", files=files), given)
    assert found is not None
    assert found.built.card is None
    assert "expected the format of SAELens, sparsify or dictionary_learning" in found.built.why
    assert found.settings["prose"] == {"limitations": "Few words."}


def test_front_matter_stays_and_what_the_hub_refuses_is_withdrawn() -> None:
    found = adopted(CARD.replace("language: en", "language: [en, Klingonish]\nthumbnail: x.png"))
    assert found.settings["front_matter"] == {"pipeline_tag": "feature-extraction", "thumbnail": "x.png"}
    assert any(
        "Klingonish" in one["text"] and "ISO 639" in one["reason"] for one in found.settings["withdrawn"]
    )
    assert "pipeline_tag: feature-extraction" in (found.built.card or "")
    index = "model-index:\n- name: x\n  results:\n  - task: {type: t}\n    dataset: {name: OpenWebText, type: d}\n    metrics: [{type: ev, name: EV, value: 0.7}]\n"
    found = adopted(CARD.replace("language: en\n", index))
    assert found.built.evidence is not None
    assert [
        (one.name, one.value) for one in found.built.evidence.values if one.note and "model-index" in one.note
    ] == [("EV, OpenWebText", 0.7)]


def test_front_matter_that_is_no_yaml_is_not_lost() -> None:
    found = adopt(repository(CARD.replace("language: en", "language: [en")), {"license": "mit"})
    assert found is not None
    assert "pipeline_tag" in found.settings["withdrawn"][0]["text"]
    assert found.settings["withdrawn"][0]["line"] == 1


def test_secrets_are_nowhere() -> None:
    key = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBg\n-----END PRIVATE KEY-----"
    text = CARD.replace("It was pizza.", f"It was {TOKEN} pizza.\n\n{key}\n\nAfter it.")
    found = adopted(text)
    everything = json.dumps(found.to_json(), default=str) + card_yaml(found) + (found.evidence_text or "")
    assert TOKEN not in everything
    assert "MIIEvQIBADANBg" not in everything
    assert found.source.secrets == ("a Hugging Face token on line 63", "a private key on line 65")
    assert "After it." in (found.built.card or "")


def test_a_comment_that_never_ends_hides_nothing_of_the_new_card() -> None:
    found = adopted(CARD.replace("It was pizza.", "<!-- hidden\n\nIt was pizza."))
    assert "<!-- hidden" not in (found.built.card or "")
    assert any(
        "never ends" in one["reason"] and "It was pizza." in one["text"]
        for one in found.settings["withdrawn"]
    )


@pytest.mark.parametrize(
    "text",
    [
        "<!-- hubkit:author:summary -->\nMine.\n<!-- /hubkit:author:summary -->",
        "<!-- hubkit:author:nowhere -->",
        "```python\nx = 1",
        "<details>\n<summary>More</summary>\n\nWords.",
        "~~~\nfenced\n~~~",
        "| a | b |\n|---|---|",
        "A line\n===\n\nB line\n---\n\nWords.",
        "1. one\n   1. two\n\n      deep\n2. three",
        "> quoted.\n> More of it.",
        "{% raw %}{{ x }}",
        "\u2028 odd \x00 \x1b[31m characters \u202e",
    ],
)
def test_whatever_stands_in_a_card_the_built_one_is_whole(text: str, tmp_path: Path) -> None:
    card = CARD.replace("It was pizza.", text)
    folder = on_disk(tmp_path, card)
    found = adopt_folder(folder)
    assert lost(found.source.text, found) == []
    write(found, folder, beside=True)
    built = (folder / "README.md").read_text(encoding="utf-8")
    assert built.count("<details") == built.count("</details")
    assert "<b>Provenance</b>" in built
    assert not draft_card(folder).changed


def test_line_ends_and_byte_order_marks() -> None:
    one = adopted("\ufeff" + CARD.replace("\n", "\r\n"))
    assert one.built.card == adopted().built.card


def test_what_is_no_card() -> None:
    with pytest.raises(NothingFound, match="no README"):
        adopt(view(readme=None), {})
    broken = repository()
    broken.files["README.md"] = b"\xff\xfe\x00"
    with pytest.raises(UsageError, match="not UTF-8"):
        adopt(broken, {})
    found = adopt(repository(""), {"license": "mit"})
    assert found is not None
    assert found.built.card


def test_texts_of_card_yaml_are_blocks_to_edit() -> None:
    text = card_yaml(adopted())
    assert "  limitations: The SAEs saw English only. Dense latents were not looked at.\n" in text
    assert "  summary: |-\n" in text
    assert yaml.safe_load(text)["title"] == "GPT-2 residual stream SAEs"
