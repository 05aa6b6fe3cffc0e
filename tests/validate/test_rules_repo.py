"""SEC and CARD: a bad and a good twin for every rule."""

from __future__ import annotations

import pytest
from builders import README, cfg, check, codes, view

SECRETS = [
    "hf_" + "aB3" * 12,
    "sk-" + "ant-" + "x1Y" * 14,
    "ghp_" + "a1B2" * 9,
    "AKIA" + "ABCDEFGHIJKLMNOP",
    "wandb_api_key: " + "0a1b" * 10,
    "-----BEGIN " + "RSA PRIVATE KEY-----",
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
    assert codes(view(readme=README.replace("base_model: gpt2\n", ""))) == ["CARD003"]
    assert codes(view(readme=README.replace("\n", "\r\n"))) == []
