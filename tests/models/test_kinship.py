"""How names of base models stand to each other, and what a text means by one."""

from __future__ import annotations

import time

import pytest

from hubkit.models.kinship import agrees, kinship
from hubkit.models.mentions import mentions

KIN = {
    "same": [
        ("gpt2-small", "openai-community/gpt2"), ("gemma-2-2b", "google/gemma-2-2b"), ("pythia-125m", "EleutherAI/pythia-160m"),
        ("unsloth/Meta-Llama-3.1-8B", "meta-llama/Llama-3.1-8B"), ("llama3.1-8b", "meta-llama/Llama-3.1-8B"), ("mistral-7b", "mistralai/Mistral-7B-v0.1"),
        ("llama3-8b-it", "meta-llama/Meta-Llama-3-8B-Instruct"), ("qwen2.5-7b-it", "Qwen/Qwen2.5-7B-Instruct"), ("gemma-3-1b", "google/gemma-3-1b-pt"),
        ("/data/models/llama-3.2-1b", "meta-llama/Llama-3.2-1B"), ("olmo-2-1b", "allenai/OLMo-2-0425-1B"), ("tiny-stories-33M", "roneneldan/TinyStories-33M"),
        ("lab/tiny", "tiny"),
    ],
    "quantized": [
        ("unsloth/Llama-3.2-1B-bnb-4bit", "meta-llama/Llama-3.2-1B"), ("TheBloke/Llama-2-7B-GPTQ", "meta-llama/Llama-2-7b-hf"),
        ("bartowski/gemma-2-2b-it-GGUF", "google/gemma-2-2b-it"), ("RedHatAI/Llama-3.2-1B-Instruct-quantized.w8a8", "meta-llama/Llama-3.2-1B-Instruct"),
        ("Qwen/Qwen2.5-7B-Instruct-AWQ", "Qwen/Qwen2.5-7B-Instruct"),
    ],
    "tuned": [
        ("google/gemma-2b-it", "google/gemma-2b"), ("Qwen/Qwen3-0.6B", "Qwen/Qwen3-0.6B-Base"), ("chanind/gemma-2-2b-deception", "google/gemma-2-2b"),
        ("deepseek-ai/DeepSeek-R1-Distill-Llama-8B", "meta-llama/Llama-3.1-8B"), ("TinyLlama/TinyLlama-1.1B-Chat-v1.0", "tinyllama-1.1b"),
        ("mistralai/Mistral-7B-Instruct-v0.2", "mistralai/Mistral-7B-v0.1"), ("unsloth/Llama-3.2-1B-Instruct-bnb-4bit", "meta-llama/Llama-3.2-1B"),
        ("openai-community/gpt2", "somebody/gpt2-finetune"), ("gpt2", "somebody/gpt2-larger"), ("google/gemma-2-2b", "me/gemma-2-2b-medical"),
        ("Qwen/Qwen2.5-0.5B", "me/Qwen2.5-0.5B-instructed"),
    ],
    "sibling": [("pythia-70m", "EleutherAI/pythia-70m-deduped"), ("mistralai/Mistral-7B-v0.3", "mistralai/Mistral-7B-v0.1")],
    "misspelt": [
        ("openai-community/gpt2", "gpt2-meduim"), ("gpt2-medium", "gpt2-meduim"), ("EleutherAI/pythia-70m-deduped", "pythia-70m-dedupped"),
        ("Qwen/Qwen2.5-0.5B", "Qwen/Qwen2.5-0.5B-Instuct"),
    ],
    "different": [
        ("gemma-2b", "google/gemma-2-2b"), ("gpt2", "gpt2-medium"), ("gpt2", "distilgpt2"), ("google/gemma-2-2b", "meta-llama/Llama-3.2-1B"),
        ("meta-llama/Meta-Llama-3-8B", "meta-llama/Llama-3.1-8B"), ("Qwen/Qwen2.5-7B-Instruct", "Qwen/Qwen2.5-Coder-7B-Instruct"),
        ("microsoft/phi-4", "microsoft/Phi-4-mini-instruct"), ("karpathy/nanochat-d32", "nanochat-d20"), ("google/gemma-4-E2B", "google/gemma-4-E4B-it"),
        ("HuggingFaceTB/SmolLM2-135M", "HuggingFaceTB/SmolLM-135M"), ("EleutherAI/gpt-neox-20b", "pythia-70m"),
    ],
    "unknown": [("lab/tiny", "gpt2"), ("my-finetune", "google/gemma-2-2b"), ("llama", "meta-llama/Llama-3.2-1B"), ("a/one", "a/two"), ("test", "gpt2")],
}  # fmt: skip


@pytest.mark.parametrize(
    ("kin", "one", "other"), [(kin, *pair) for kin, pairs in KIN.items() for pair in pairs]
)
def test_kinship_holds_both_ways(kin: str, one: str, other: str) -> None:
    assert kinship(one, other) == kinship(other, one) == kin


@pytest.mark.parametrize(
    ("words", "name", "expected"),
    [
        ("Gemma-2B", "google/gemma-2b-it", True), ("Gemma 2B", "gemma-2-2b", True), ("Gemma 2", "gemma-2-2b", True), ("Gemma 2 2.6B", "gemma-2-2b", True),
        ("Gemma-2-9b", "gemma-2-2b", False), ("GPT-2", "gpt2-xl", True), ("GPT-2 XL", "gpt2", False), ("GPT-2 small", "gpt2", True),
        ("Llama 3", "meta-llama/Llama-3.1-8B", True), ("Llama 3.1 8B", "meta-llama/Llama-3.2-1B", False), ("Pythia-70M", "pythia-70m-deduped", True),
        ("Pythia-125M", "pythia-160m", True), ("GPT-NeoX", "pythia-70m", True), ("Llama2", "TinyLlama/TinyLlama-1.1B-Chat-v1.0", True),
        ("Llama-3.1-8B", "deepseek-ai/DeepSeek-R1-Distill-Llama-8B", True), ("Qwen3", "Qwen/Qwen2.5-7B", False), ("Gemma 1", "gemma-2b", True),
        ("Gemma 2", "my-model", None),
    ],
)  # fmt: skip
def test_words_may_say_less_than_an_id(words: str, name: str, expected: bool | None) -> None:
    assert agrees(words, name) is expected


def test_what_a_text_names() -> None:
    assert mentions("SAEs for Gemma-2-9b.") == ["Gemma-2-9b"]
    assert mentions("Qwen3 and Qwen3.5 series") == ["Qwen3", "Qwen3.5"]
    assert (
        mentions(
            "Gemma Scope, with the Llama 3 tokenizer, at an optimal phi; https://hf.co/google/gemma-2-2b"
        )
        == []
    )


@pytest.mark.parametrize(
    "text", ["gemma-" * 20_000, "gpt2 " * 20_000, "pythia-1b-" * 9_000, "a/" * 20_000, "1" * 50_000]
)
def test_any_text_takes_little_time(text: str) -> None:
    begun = time.perf_counter()
    mentions(text)
    kinship(text[:2000], text[:2000] + "x")
    assert time.perf_counter() - begun < 2
