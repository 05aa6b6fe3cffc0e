"""What card.yaml says is held against the release before a card is written: lies are refused by their key, right texts are built."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from cards.variants import GPT2, put, sae

from hubkit.cards.build import build_card
from hubkit.cards.index import build_index
from hubkit.cards.settings import CardSettings, IndexSettings
from hubkit.errors import UsageError
from hubkit.readme.document import parse_readme
from hubkit.repo.local import open_folder
from hubkit.repo.memory import MemoryView
from hubkit.validate.run import Selection, validate

METADATA = {
    "hook_name": "blocks.6.hook_resid_post", "context_size": 128, "dataset_path": "Skylion007/openwebtext", "prepend_bos": True, "l0": 3.5, "training_architecture": "topk",
}  # fmt: skip
"""TopK, k = 4, 768 to 32."""
LIES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "layer": ({"summary": "An SAE on layer 9 of GPT-2 small."}, {"summary": "An SAE on layer 6 of GPT-2 small."}),
    "architecture": ({"summary": "We trained a Gated SAE."}, {"summary": "We trained a TopK SAE."}),
    "title": ({"title": "GPT-2 small SAE, layer 9"}, {"title": "GPT-2 small SAE, layer 6"}),
    "model in title": ({"title": "SAE for Pythia-70m"}, {"title": "SAE for GPT-2 small"}),
    "k": ({"prose": {"training": "The SAE keeps k = 64 latents."}}, {"prose": {"training": "The SAE keeps k = 4 latents."}}),
    "latents": ({"prose": {"summary": "The dictionary has 16384 latents."}}, {"prose": {"summary": "The dictionary has 32 latents."}}),
    "width": ({"prose": {"architecture": "- d_sae: 24576"}}, {"prose": {"architecture": "- d_sae: 32"}}),
    "formula": ({"prose": {"architecture": "The SAE has $d_{sae} = 24576$."}}, {"prose": {"architecture": "The SAE has $d_{sae} = 32$."}}),
    "pair": ({"prose": {"architecture": "The encoder maps 768 → 24576."}}, {"prose": {"architecture": "The encoder maps 768 → 32."}}),
    "input": ({"prose": {"architecture": "The input dimension is 1024."}}, {"prose": {"architecture": "The input dimension is 768."}}),
    "site": ({"prose": {"training": "It was trained on the MLP output."}}, {"prose": {"training": "It was trained on the residual stream."}}),
    "hook": ({"prose": {"loading": "The SAE is hooked at `blocks.9.hook_resid_post`."}}, {"prose": {"loading": "The SAE is hooked at `blocks.6.hook_resid_post`."}}),
    "context": ({"prose": {"training": "It was trained with a context size of 1024."}}, {"prose": {"training": "It was trained with a context size of 128."}}),
    "dataset": ({"prose": {"training": "The SAE was trained on the Pile."}}, {"prose": {"training": "The SAE was trained on OpenWebText."}}),
    "datasets": ({"datasets": ["monology/pile-uncopyrighted"]}, {"datasets": ["Skylion007/openwebtext"]}),
    "BOS": ({"prose": {"training": "Activations were computed without a BOS token."}}, {"prose": {"training": "Activations were computed with a BOS token."}}),
    "precision": ({"prose": {"precision": "Weights are stored in bfloat16."}}, {"prose": {"precision": "Weights are stored in float32."}}),
    "normalization": ({"prose": {"training": "Activations are layer-normalized first."}}, {"prose": {"training": "Activations are not normalized first."}}),
    "in words": ({"prose": {"architecture": "These are small SAEs. Each has sixty-four latents."}}, {"prose": {"architecture": "These are small SAEs. Each has thirty-two latents."}}),
    "count in words": ({"summary": "Twenty-four sparse autoencoders trained on GPT-2 small."}, {"summary": "One sparse autoencoder trained on GPT-2 small."}),
    "k in words": ({"summary": "A TopK SAE that keeps sixteen latents active."}, {"summary": "A TopK SAE that keeps four latents active."}),
    "L0": ({"prose": {"quality": "The mean L0 is 61."}}, {"prose": {"quality": "The mean L0 is 3.5."}}),
    "license": ({"prose": {"license": "The weights are released under the Apache 2.0 license."}}, {"prose": {"license": "The weights are released under the MIT license."}}),
    "count": ({"prose": {"contents": "This repository contains 12 SAEs."}}, {"prose": {"contents": "This repository contains one SAE."}}),
    "own section": ({"sections": [{"heading": "Details", "text": "- Layer: 9\n- Top-k: 64"}]}, {"sections": [{"heading": "Details", "text": "- Layer: 6\n- Top-k: 4"}]}),
    "heading": ({"sections": [{"heading": "The SAE (layer 9)", "text": "Text."}]}, {"sections": [{"heading": "The SAE (layer 6)", "text": "Text."}]}),
    "file": ({"prose": {"loading": "See `other/sae_weights.safetensors`."}}, {"prose": {"loading": "See `one/sae_weights.safetensors`."}}),
    "further keys": ({"front_matter": {"d_sae": 24576}}, {"front_matter": {"d_sae": 32}}),
    "tag": ({"tags": ["jumprelu"]}, {"tags": ["topk"]}),
    "base model": ({"base_model": "EleutherAI/pythia-70m"}, {"base_model": "openai-community/gpt2"}),
    "voice": ({"summary": "Checked by hubkit: no defect."}, {"summary": "Trained with hubkit."}),
    "voice in prose": ({"prose": {"limitations": "**Verified** by `hubkit` 0.1.0."}}, {"prose": {"limitations": "Steering was not checked by hubkit."}}),
    "a use": ({"recommended": ["finding features of layer 9, where the SAE reads layer 9"], "prose": {"uses": "This SAE reads layer 9."}}, {"prose": {"uses": "This SAE reads layer 6."}}),
}  # fmt: skip


def build(folder: Path, changes: dict[str, Any]) -> str:
    settings = CardSettings.model_validate(GPT2.model_dump(exclude_defaults=True) | changes)
    put(folder, sae("one", "topk", **METADATA), settings)
    return build_card(folder, settings).text


@pytest.mark.parametrize("name", sorted(LIES))
def test_a_lie_is_refused_and_the_truth_is_built(tmp_path: Path, name: str) -> None:
    wrong, right = LIES[name]
    with pytest.raises(UsageError) as refused:
        build(tmp_path / "wrong", wrong)
    assert not (tmp_path / "wrong" / "README.md").exists()
    assert "card.yaml" in refused.value.message
    assert build(tmp_path / "right", right)


def test_the_key_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"prose\.training: k is 4 in the configurations, the card says 64"):
        build(tmp_path, LIES["k"][0])


def test_a_region_is_held_too(tmp_path: Path) -> None:
    build(tmp_path, {})
    card = tmp_path / "README.md"
    region = (
        "\n\n<!-- hubkit:author:training -->\nThis SAE reads layer 9.\n<!-- /hubkit:author:training -->\n"
    )
    card.write_text(card.read_text(encoding="utf-8").rstrip() + region, encoding="utf-8", newline="\n")
    with pytest.raises(UsageError, match="layer is 6"):
        build_card(tmp_path)


def test_a_doubt_is_told(tmp_path: Path) -> None:
    settings = CardSettings.model_validate(GPT2.model_dump(exclude_defaults=True) | {"tags": ["pythia-70m"]})
    put(tmp_path, sae("one", "topk", **METADATA), settings)
    assert any("pythia-70m" in doubt for doubt in build_card(tmp_path, settings).doubts)


@pytest.fixture(scope="module")
def releases(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two of one study: layers 6 and 9 of GPT-2."""
    root = tmp_path_factory.mktemp("study")
    hooks = {"first": "blocks.6.hook_resid_post", "second": "blocks.9.hook_resid_post"}
    return [
        put(root / name, sae("one", "topk", **METADATA | {"hook_name": hook})) for name, hook in hooks.items()
    ]


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        (
            {"summary": "This study has 12 SAEs.\n\n12 SAEs across 2 layers."},
            "summary: the card says 12 SAEs",
        ),
        ({"summary": "All SAEs have 64k width."}, "summary: d_sae is 32"),
        ({"summary": "The SAEs read layers 3 and 6."}, "summary: "),
        ({"summary": "Four releases, one per layer."}, "summary: the card says 4 releases"),
        ({"summary": "The work is spread across three repositories."}, "summary: the card says 3 releases"),
        ({"summary": "There are 3 SAEs in the study."}, "summary: the card says 3 SAEs"),
        ({"summary": "This study covers nine base models."}, "summary: the card says 9 base models"),
        ({"summary": "A study of 2 models, 12 total SAEs."}, "summary: the card says 2 base models"),
        ({"prose": {"index_models": "Every number was verified by hubkit."}}, "prose.index_models says"),
    ],
)
def test_a_study_s_card_is_held_against_its_releases(
    releases: list[Path], changes: dict[str, Any], match: str
) -> None:
    with pytest.raises(UsageError, match=match):
        build_index(releases, IndexSettings.model_validate({"repo_id": "o/all", "license": "mit"} | changes))


def test_a_study_s_card_may_say_what_is_so(releases: list[Path]) -> None:
    said = "2 SAEs across 2 layers, in two releases. The study has two SAEs.\n\n1 model, 2 total SAEs. One release has layer 6.\n\nAll SAEs have 32 latents. The SAEs read layers 6 and 9 of GPT-2 small."
    built = build_index(releases, IndexSettings(repo_id="o/all", license="mit", summary=said))
    assert (said in built.text, built.doubts) == (True, ())


def test_saes_of_two_base_models_are_refused_with_what_to_do(tmp_path: Path) -> None:
    files = sae("one", "topk", **METADATA) | sae(
        "two", "topk", **METADATA | {"model_name": "google/gemma-2-2b"}
    )
    put(tmp_path, files)
    with pytest.raises(UsageError, match=r"1 SAE of it \(two\) is of google/gemma-2-2b") as refused:
        build_card(tmp_path)
    assert "folder of their own" in str(refused.value.hint)


def test_hooks_that_differ_are_a_column(tmp_path: Path) -> None:
    put(
        tmp_path / "a",
        sae("one", "topk", **METADATA)
        | sae("two", "topk", **METADATA | {"hook_name": "blocks.9.hook_mlp_out"}),
    )
    assert "| `two` | topk | 9 | `blocks.9.hook_mlp_out` |" in build_card(tmp_path / "a").text
    put(
        tmp_path / "b",
        sae("one", "topk", **METADATA)
        | sae("two", "topk", **METADATA | {"hook_name": "blocks.9.hook_resid_post"}),
    )
    assert "| hook |" not in build_card(tmp_path / "b").text


@pytest.mark.parametrize(
    ("hook", "module"),
    [
        ("blocks.6.hook_resid_post", "transformer.h.6"),
        ("blocks.6.hook_resid_pre", "transformer.h.5"),
        ("transformer.h.6", "transformer.h.6"),
        ("blocks.0.hook_resid_pre", None),
        ("blocks.6.hook_mlp_out", None),
    ],
)
def test_the_code_hooks_the_block_whose_output_it_is(tmp_path: Path, hook: str, module: str | None) -> None:
    put(tmp_path, sae("one", "topk", **METADATA | {"hook_name": hook}))
    text = build_card(tmp_path).text
    assert (f'block = "{module}"' in text) if module else ("get_submodule(" not in text)


def test_a_version_is_no_markdown(tmp_path: Path) -> None:
    put(
        tmp_path,
        sae("one", "topk", **METADATA | {"sae_lens_training_version": "[x](https://evil.example) **6**"}),
    )
    assert "`[x](https://evil.example) **6**`" in build_card(tmp_path).text


@pytest.mark.parametrize(
    ("changes", "evidence", "quote"),
    [
        ({"does_not_measure": "anything in the 16,384 latents of the Gated SAE"}, "", "16,384 latents"),
        ({"recommended": ["steering with the JumpReLU SAE of layer 27"]}, "", "layer 27"),
        ({"study": "A study of 12 SAEs on layer 12"}, "", "12 SAEs"),
        ({"sections": [{"heading": "FAQ", "text": "**Which layer?** Layer 12."}]}, "", "Layer 12."),
        ({}, "- {name: latents active per token, value: 64, n: null}\n", "latents active per token"),
    ],
)
def test_the_author_s_words_inside_hubkit_s_sentences_are_not_said_to_agree(
    tmp_path: Path, changes: dict[str, Any], evidence: str, quote: str
) -> None:
    if evidence:
        (tmp_path / "evidence.yaml").write_text(f"{EVIDENCE_HEAD}{evidence}", encoding="utf-8")
    build(tmp_path, changes)
    report = validate(open_folder(tmp_path), coverage=True)
    (coverage,) = [one for one in report.coverage if one.path == "README.md"]
    assert any(quote in one.quote for one in coverage.unheld)


EVIDENCE_HEAD = "$schema: urn:hubkit:evidence:1\nsource: our paper\nvalues:\n"


@pytest.mark.parametrize(
    "said", ["computed and checked by hubkit", "hubkit found no defect", "the validator reports zero errors"]
)
def test_evidence_does_not_speak_as_hubkit(tmp_path: Path, said: str) -> None:
    text = EVIDENCE_HEAD.replace("our paper", said) + "- {measure: l0, sae_id: one, value: 3.5, n: 1000}\n"
    (tmp_path / "evidence.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=r"evidence\.yaml: it says"):
        build(tmp_path, {})
    found = validate(open_folder(tmp_path), Selection(select=("CARD017",))).findings
    assert [(one.path, one.line) for one in found] == [("evidence.yaml", 2)]


def test_a_studys_card_says_what_licence_other_is(tmp_path: Path) -> None:
    releases = [put(tmp_path / name, sae(name, **METADATA)) for name in ("one", "two")]
    more = {"license_name": "ours", "license_link": "LICENSE", "tags": ["theirs"], "language": "en"}
    text = build_index(releases, IndexSettings(repo_id="o/all", license="other", front_matter=more)).text
    front = parse_readme(text).front_matter
    assert front is not None
    assert (front["license"], front["license_name"], front["license_link"]) == ("other", "ours", "LICENSE")
    assert front["language"] == "en"
    assert "theirs" not in front["tags"]  # what hubkit writes stays hubkit's
    view = MemoryView(name="o/all", files={"README.md": text.encode()})
    assert [one.message for one in validate(view, Selection(select=("CARD002",))).findings] == []
    with pytest.raises(ValueError, match="computed values only"):
        IndexSettings(repo_id="o/all", license="mit", front_matter={"model-index": []})
