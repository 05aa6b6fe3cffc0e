"""Names and values of properties, as people write them."""

from __future__ import annotations

import pytest

from hubkit.readme.claims import read_claims, values
from hubkit.readme.claims.fields import BY_NAME, FIELDS, PROPERTIES, named
from hubkit.readme.claims.kinds import Property
from hubkit.readme.document import parse_readme
from hubkit.readme.page import Page


def read(text: str) -> list[tuple[str, object]]:
    return [(claim.field, claim.stated) for claim in read_claims(Page(parse_readme(text))).of(Property)]


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [("32768", 32768, 32768), ("65,536", 65536, 65536), ("65 536", 65536, 65536), ("2^14", 16384, 16384), ("2**10", 1024, 1024), ("32k", 31500, 33280), ("16K", 15500, 16896), ("1M", 950000, 1101004.8), ("16k to 64k", 15500, 66048), ("8-16", 8, 16), ("1,024–2,048 tokens", 1024, 2048)],
)  # fmt: skip
def test_amounts(text: str, low: float, high: float) -> None:
    assert values.Number().read(text) == pytest.approx((low, high))


@pytest.mark.parametrize(
    "text",
    [
        "varies",
        "64 (train), 128 (evaluation)",
        "512 MB",
        "0.5",
        "16384 / 768",
        "64-8",
        "8-16-32",
        "24 of 3072",
        "many",
        "",
        "1e5",
        "3072 x 2",
    ],
)
def test_what_is_no_number_of_its_own(text: str) -> None:
    assert values.Number().read(text) is None


@pytest.mark.parametrize(
    ("stated", "true", "same"),
    [
        ("GPT-2 small", "gpt2", True), ("GPT-2", "gpt2-medium", True), ("openai-community/gpt2", "gpt2-medium", False), ("GPT-2 Medium", "gpt2", False),
        ("Gemma 2 2B", "gemma-2-2b", True), ("Gemma-2-9b", "google/gemma-2-2b", False), ("Gemma-2B", "gemma-2b-it", True), ("google/gemma-2b", "gemma-2b-it", False),
        ("Llama 3.1 8B", "meta-llama/Meta-Llama-3.1-8B", True), ("Pythia 70M", "EleutherAI/pythia-70m-deduped", True), ("Mistral 7B", "mistralai/Mistral-7B-v0.3", True),
        ("`google/gemma-2-2b` at an unrecorded revision", "google/gemma-2-2b", True), ("Gemma 2 2B Instruct", "google/gemma-2-2b", False), ("Phi-4-mini-reasoning", "microsoft/Phi-4-mini-reasoning", True),
        ("meta-llama/Llama-3.1-8B", "me/llama-sft", None), ("nanochat-d32 (1.88B params)", "karpathy/nanochat-d32", True),
    ],
)  # fmt: skip
def test_base_models(stated: str, true: str, same: bool | None) -> None:
    kind = values.Model()
    assert kind.agrees(kind.read(stated), true) is same


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("TopK SAE (k=4)", ["topk"]), ("BatchTopK", ["batchtopk"]), ("batch topk Matryoshka", ["batchtopk", "matryoshka"]), ("Jump-ReLU", ["jumprelu"]), ("ReLU", ["standard"]),
        ("JumpReLU, trained as BatchTopK", ["batchtopk", "jumprelu"]), ("Skip transcoder", ["transcoder"]), ("GPT-2 (decoder-only transformer)", None), ("Gated MLP", None), ("crosscoder", None),
    ],
)  # fmt: skip
def test_architectures(text: str, names: list[str] | None) -> None:
    assert values.Architecture().read(text) == names


@pytest.mark.parametrize(
    ("stated", "true", "same"),
    [
        ("Skylion007/openwebtext", "apollo-research/Skylion007-openwebtext-tokenizer-gpt2", True), ("monology/pile-uncopyrighted", "Skylion007/openwebtext", False),
        ("me/my-prompts", "me/my-prompts_tokenized", True), ("me/stories", "you/numbers", False), ("me/stories", "/home/data", None), ("EleutherAI/pile", "me/mixture", None),
    ],
)  # fmt: skip
def test_datasets(stated: str, true: str, same: bool | None) -> None:
    kind = values.Dataset()
    assert kind.agrees(kind.read(stated), true) is same


def test_every_name_means_one_field() -> None:
    spellings = [
        name for one in PROPERTIES for name in {one.name.replace("_", " "), *one.called, *one.loosely}
    ]
    assert len(spellings) == len(set(spellings)) == len(BY_NAME)
    assert set(FIELDS) == {one.name for one in PROPERTIES}
    assert all(name == name.lower() and "_" not in name for name in BY_NAME)


@pytest.mark.parametrize(
    ("label", "field"),
    [
        ("Hidden size (d_model)", "d_model"), ("SAE width (d_sae)", "d_sae"), ("k (TopK)", "k"), ("**Top-K**", "k"), ("Number of latents", "d_sae"), ("Hook_Name", "hook_name"), ("L0 / k", "k"),
        ("Layers", None), ("Features (small)", None), ("Total layers", None), ("TopK", None), ("Model creator", None),
    ],
)  # fmt: skip
def test_labels(label: str, field: str | None) -> None:
    meant = named(label)
    assert (meant[0].name if meant else None) == field


def test_the_titles_of_a_table_may_be_its_first_row() -> None:
    assert read("| Base model | `gpt2` |\n|---|---|\n| d_in | 768 |") == [
        ("model_name", "gpt2"),
        ("d_in", (768.0, 768.0)),
    ]
    assert read("| Architecture | L0 |\n|---|---|\n| TopK | 64 |\n| k | 5 |") == []


def test_columns_that_agree_are_one_value() -> None:
    assert read("| | L11 | L31 |\n|---|---|---|\n| d_sae | 65 536 | 65 536 |\n| k | 64 | 128 |") == [
        ("d_sae", (65536.0, 65536.0))
    ]
    assert read("| Property | Value | Note |\n|---|---|---|\n| d_sae | 32 | small |") == [
        ("d_sae", (32.0, 32.0))
    ]


@pytest.mark.parametrize(
    "text",
    [
        "The SAE of layer 8 by another group has 24576 features.", "All SAEs have 64 or 128 features.", "All SAEs but one have 64 width.", "Each SAE latent fires on 4 of 768 tokens.",
        "Unlike the SAE of layer 6, this SAE has 3072 latents.", "SAEs for use with the SAELens library", "## Related SAEs\n\n- **d_sae:** 64", "## Results\n\n- d_in: 8\n- Features: 24",
        "- Features: 24\n- Width: 8",
    ],
)  # fmt: skip
def test_what_is_left_alone(text: str) -> None:
    assert [found for found in read(text) if found[0] != "d_in"] == []


def test_layers_counted_from_one_are_left_alone() -> None:
    assert read("Layers are 1-indexed. This SAE was trained on layer 6.") == []
    assert read("This SAE was trained on layer 6.") == [("layer", [6])]
