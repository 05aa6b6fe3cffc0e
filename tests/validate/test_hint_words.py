"""What a hint asks or names: a choice that only the author can make is put as one, an example is of the SAE that is spoken of, and what is promised happens."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from builders import GONE, cfg, check, view
from typer.testing import CliRunner
from validate import twins
from validate.card_twins import grid, published_as_relu, silent

from hubkit.cli.main import app
from hubkit.repo.memory import MemoryView
from hubkit.validate.finding import Finding


def only(repository: MemoryView, code: str) -> Finding:
    (finding,) = check(repository, code).findings
    return finding


def on_disk(repository: MemoryView, root: Path) -> Path:
    for path, data in repository.files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(data)
    return root


def test_a_missing_hook_is_asked_for_by_both_places_of_the_residual_stream() -> None:
    hint = only(view(cfg(metadata={"hook_name": GONE})), "CFG011").hint
    assert "blocks.2.hook_resid_post" in hint
    assert "blocks.2.hook_resid_pre" in hint


def test_each_missing_key_of_the_origin_has_a_title_of_its_own() -> None:
    found = check(view(cfg(metadata={"hook_name": GONE, "model_name": GONE})), "CFG011").findings
    assert [one.title.partition(" after")[0] for one in found] == ["No hook_name", "No model_name"]


def test_thr009_goes_when_its_hint_is_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder = on_disk(twins.TWINS["THR009"][0](), tmp_path / "release")
    command = ["validate", str(folder), "--format", "json"]
    found = json.loads(CliRunner().invoke(app, command).stdout)["findings"]
    (finding,) = [one for one in found if one["code"] == "THR009"]
    assert "ignore THR009 in hubkit.toml with that reason" in finding["hint"]
    (tmp_path / "hubkit.toml").write_text(
        'ignore = { THR009 = "these latents are dead, the card says so" }', "utf-8"
    )
    after = json.loads(CliRunner().invoke(app, command).stdout)
    assert "THR009" not in {one["code"] for one in after["findings"]}
    assert [one["code"] for one in after["ignored"]] == ["THR009"]


@pytest.mark.parametrize("stated", ["gpt2-small/8-res-jb", "pythia-70m/5-res-jb", "res-jb"])
def test_the_example_of_a_dashboard_is_of_the_saes_own_layer(stated: str) -> None:
    hint = only(twins.gpt2_at(5, neuronpedia_id=stated), "CFG023").hint
    assert "gpt2/5-SOURCE" in hint
    assert "8-res-jb" not in hint


def counted(text: str) -> MemoryView:
    """Four SAEs whose training counted an L0 of 38, 41, 56 and 73: 52 in the mean, 48.5 in the median."""
    found = grid(text)
    for path, l0 in zip(
        sorted(one for one in found.files if one.endswith("cfg.json")), (38, 41, 56, 73), strict=True
    ):
        raw = json.loads(found.files[path])
        raw["metadata"]["l0"] = float(l0)
        found.files[path] = json.dumps(raw).encode()
    return found


def test_a_number_of_all_saes_is_told_the_mean_that_would_be_right() -> None:
    message = only(counted("The mean L0 is 99.5."), "CARD007").message
    assert "l0 is 38 or 41 or 56 or that of 1 more (mean 52, median 48.5) in the files" in message
    for right in ("52.0", "48.5", "73.0"):
        assert check(counted(f"The mean L0 is {right}."), "CARD007").findings == []


def loading(line: str) -> str:
    return f'```python\nfrom sae_lens import SAE\n\nsae = SAE.from_pretrained("lab/saes", "lab_L2_mixed")\n{line}\n```'


@pytest.mark.parametrize(
    ("line", "metadata", "hint"),
    [
        ("sae.cfg.hook_name", {}, "it is cfg.metadata.hook_name since 6.0.0"),
        ("sae.cfg.hook_layer", {"hook_layer": 2}, "it is cfg.metadata.hook_layer since 6.0.0"),
        ("sae.cfg.hook_layer", {}, "no configuration here has hook_layer: the layer is the number in cfg.metadata.hook_name"),
        ("sae.cfg.dataset_path", {}, "it would be cfg.metadata.dataset_path since 6.0.0, and no configuration here has dataset_path: take the line out"),
    ],
)  # fmt: skip
def test_what_moved_is_named_where_it_is(line: str, metadata: dict[str, object], hint: str) -> None:
    card = view(cfg("standard", metadata=metadata)).files["README.md"].decode() + loading(f"print({line})")
    assert only(view(cfg("standard", metadata=metadata), readme=card), "CARD009").hint == hint


@pytest.mark.parametrize(
    "text",
    [
        "A JumpReLU SAE.",
        "| Property | Value |\n|---|---|\n| Architecture | JumpReLU |",
        "## The Jump-ReLU SAE",
    ],
)
def test_a_card_that_still_speaks_of_jumprelu_alone_after_the_fix_is_told(text: str) -> None:
    finding = only(published_as_relu("", silent(text)), "CARD010")
    assert "1 of 1 SAEs are published as the plain ReLU that they compute" in finding.message


@pytest.mark.parametrize(
    "text",
    [
        "A JumpReLU SAE whose thresholds never learned.",
        "A standard SAE, trained as a JumpReLU.",
        "Three JumpReLU SAEs and one plain ReLU SAE.",
        "A sparse autoencoder.",
    ],
)
def test_a_card_that_says_it_or_names_no_architecture_is_not(text: str) -> None:
    assert check(published_as_relu("", silent(text)), "CARD010").findings == []
