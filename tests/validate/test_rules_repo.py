"""SEC and CARD: a bad and a good twin for every rule."""

from __future__ import annotations

import pytest
from builders import README, cfg, check, codes, view

from hubkit.repo.memory import MemoryView
from hubkit.validate.reporters import text

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


def test_a_folder_of_releases_is_told_that_their_cards_were_not_judged() -> None:
    releases = [f"{name}/{path}" for name in ("one", "two") for path in view().files]
    files = {path: view().files[path.split("/", 1)[1]] for path in releases}
    report = check(MemoryView(name="study", files=files))
    assert [(f.code, f.severity.word) for f in report.findings if f.code == "CARD001"] == [
        ("CARD001", "note")
    ]
    assert len(report.remarks) == 1
    assert "(one, two)" in report.remarks[0]
    assert "hubkit validate study/one" in report.remarks[0]
    assert report.remarks[0].split(";")[0] in " ".join(text.render(report).split("\n"))
    assert check(MemoryView(name="study", files=files), "WTS").remarks == ()
    without = {path: data for path, data in files.items() if path != "two/README.md"}
    again = check(MemoryView(name="study", files=without))
    assert [f.severity.word for f in again.findings if f.code == "CARD001"] == ["warning"]
    assert "(one)" in again.remarks[0]


def test_card003_library_and_base_model() -> None:
    assert codes(view(readme="# no front matter\n"), "CARD003") == ["CARD003", "CARD003"]
    assert codes(view(readme=README.replace("library_name: saelens", "library_name: sae_lens"))) == [
        "CARD003"
    ]
    assert codes(view(readme=README.replace("base_model: lab/tiny\n", ""))) == ["CARD003"]
    assert codes(view(readme=README.replace("\n", "\r\n"))) == []
