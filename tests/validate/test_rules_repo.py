"""SEC and CARD: a bad and a good twin for every rule."""

from __future__ import annotations

import pytest
from builders import README, cfg, check, codes, view

from hubkit.validate.finding import Severity
from hubkit.validate.run import validate

SECRETS = [
    "hf_" + "aB3" * 12,
    "sk-" + "ant-" + "x1Y" * 14,
    "ghp_" + "a1B2" * 9,
    "AKIA" + "ABCDEFGHIJKLMNOP",
    "wandb_api_key: " + "0a1b" * 10,
    "-----BEGIN " + "RSA PRIVATE KEY-----\nMIIEpAIB",
]


@pytest.mark.parametrize("secret", SECRETS)
def test_sec002_finds_a_secret_and_never_shows_it(secret: str) -> None:
    report = check(view(cfg(metadata={"note": secret})), "SEC002")
    (finding,) = report.findings
    assert finding.path == "lab_L2_mixed/cfg.json"
    token = secret.rsplit(" ", maxsplit=1)[-1]
    assert token not in str(report.to_json()) or token.startswith("KEY")
    assert codes(view(readme=README + secret), "SEC002") == ["SEC002"]


@pytest.mark.parametrize(
    "harmless", ["hf_hook_name", "hf_token", "sk-learn", "AKIA", "a" * 64, "PRIVATE KEY"]
)
def test_sec002_is_silent_on_words_that_look_like_one(harmless: str) -> None:
    assert codes(view(cfg(metadata={"note": harmless}), readme=README + harmless), "SEC002") == []


def test_card001_no_card() -> None:
    assert codes(view(readme=None)) == ["CARD001"]
    assert codes(view()) == []


def test_card003_library_and_base_model() -> None:
    assert codes(view(readme="# no front matter\n"), "CARD003") == ["CARD003", "CARD003"]
    assert codes(view(readme=README.replace("library_name: saelens", "library_name: sae_lens"))) == [
        "CARD003"
    ]
    assert codes(view(readme=README.replace("base_model: lab/tiny\n", ""))) == ["CARD003"]
    assert codes(view(readme=README.replace("\n", "\r\n"))) == []


@pytest.mark.parametrize("name", ["gpt2-small", "GPT-2", "[gpt2-small, openai-community/gpt2-medium]"])
def test_card003_a_base_model_that_is_no_id_of_the_hub(name: str) -> None:
    repository = view(cfg(metadata={"model_name": "gpt2-small"}), readme=README.replace("lab/tiny", name))
    (found,) = [one for one in validate(repository).findings if one.code == "CARD003"]
    assert (found.line, found.severity) == (3, Severity.WARNING)
    assert "base_model: openai-community/gpt2`" in found.hint


@pytest.mark.parametrize("name", ["gpt2", "openai-community/gpt2", "gpt2-medium", "distilgpt2", "bert-base-uncased", "./model", "lab/tiny"])  # fmt: skip
def test_card003_leaves_alone_what_may_be_an_id(name: str) -> None:
    assert codes(view(readme=README.replace("lab/tiny", name)), "CARD003") == []


def test_card003_a_repository_with_saes_of_another_family_may_name_its_library() -> None:
    foreign = {
        "trainer_0/ae.pt": b"",
        "trainer_0/config.json": b'{"trainer": {"dict_class": "AutoEncoder", "activation_dim": 8, "dict_size": 32}}',
    }
    named = README.replace("library_name: saelens", "library_name: dictionary_learning")
    assert codes(view(readme=named), "CARD003") == ["CARD003"]
    assert codes(view(readme=named, files=foreign), "CARD003") == []


def test_the_readme_of_a_code_repository_is_no_card() -> None:
    text = "# A package\n\nTODO: 57 SAEs across 2 layers.\n\n```python\nfrom sae_lens import Nothing\n```\n"
    assert len(set(codes(view(readme=text), "CARD"))) > 2
    report = check(view(readme=text, files={"pyproject.toml": b"[project]\n"}), "CARD")
    assert report.findings == []
    assert "code repository" in report.remarks[0]
    assert codes(view(readme="---\n---\n" + text, files={"pyproject.toml": b"[project]\n"}), "CARD009") == [
        "CARD009"
    ]
