"""What the shipped table knows of SAELens, and which release a card is for."""

from __future__ import annotations

import pytest

from hubkit.readme.saelens_api import Release, newest, release_for, releases


def of(version: str) -> Release:
    found = release_for(f"pip install sae-lens=={version}")
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("no word of it", releases()[-1]), ("pip install sae-lens", releases()[-1]), ("sae_lens==6.18.0", "6.18.0"), ("sae-lens==6.17.0", "6.12.0"), ("sae-lens<6", "5.10.7"),
        ("`sae-lens>=5,<6`", "5.10.7"), ("sae-lens~=6.18", releases()[-1]), ("sae-lens>=6.0", releases()[-1]), ("sae-lens==5.*", "5.10.7"), ("sae-lens==1.0.0", None), ("sae-lens==7.0.0", None),
        ("sae-lens==5.0.0 or sae-lens==6.0.0", None), ("sae-lens<2", None),
    ],
)  # fmt: skip
def test_the_release_of_a_card(text: str, version: str | None) -> None:
    found = release_for(text)
    assert (found.version if found else None) == version


def test_what_moved_in_6() -> None:
    assert "hook_name" in of("5.10.7").config(None)
    assert "hook_name" not in newest().config(None)
    assert newest().lasted("configs", "SAE", "hook_name") == " (until 5.10.7)"
    assert "from_pretrained" in of("5.10.7").tuples
    assert "from_pretrained" not in newest().tuples
    assert of("5.0.0").module("sae_lens.toolkit.pretrained_saes", "get_gpt2_res_jb_saes")
    assert not newest().module("sae_lens.toolkit")
    assert newest().where("get_pretrained_saes_directory") == "sae_lens.loading.pretrained_saes_directory"


def test_architectures_and_their_classes() -> None:
    assert newest().registry["topk"] == "TopKSAE"
    assert newest().member("JumpReLUSAE", "threshold")[0]
    assert not newest().member("TopKSAE", "threshold")[0]
    assert newest().member("MatchingPursuitSAE", "W_enc")[0]
    assert not newest().member("MatchingPursuitSAE", "b_enc")[0]
    assert "k" in newest().config("TopKSAE")
    assert "k" not in newest().config("JumpReLUSAE")
    assert of("5.10.7").registry == {}
    assert of("6.0.0").lasted("registry", "matching_pursuit").startswith(" (since 6.")
