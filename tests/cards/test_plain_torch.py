"""The card's code without SAELens, run as printed: it computes what SAELens's SAE computes, of every architecture that it is written for."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from builders import cfg, tensors, view
from cards.reading import section
from cards.variants import GPT2, put

from hubkit.cards.build import build_card
from hubkit.cards.plain_torch import PLAIN_TORCH
from hubkit.cards.snippet_check import CheckError, against_definition
from hubkit.cards.snippets import python_blocks

ARCHITECTURES: list[tuple[str, dict[str, Any]]] = [
    ("standard", {}),
    ("standard", {"apply_b_dec_to_input": False}),
    ("topk", {"rescale_acts_by_decoder_norm": True}),
    ("topk", {"rescale_acts_by_decoder_norm": False}),
    ("abstopk", {"rescale_acts_by_decoder_norm": True}),
    ("jumprelu", {}),
    ("jumprelu", {"metadata": {"training_architecture": "batchtopk"}}),
    ("gated", {}),
    ("gated", {"apply_b_dec_to_input": False}),
    ("transcoder", {}),
    ("skip_transcoder", {}),
    ("jumprelu_transcoder", {}),
    ("jumprelu_skip_transcoder", {}),
    ("topk", {"dtype": "bfloat16", "rescale_acts_by_decoder_norm": True}),
    ("jumprelu_skip_transcoder", {"dtype": "float16"}),
    ("gated", {"dtype": "bfloat16", "apply_b_dec_to_input": False}),
]


def built(folder: Path, architecture: str, **changes: Any) -> str:
    one = view(cfg(architecture, **changes), tensors(architecture), folder="a", readme=None)
    return build_card(put(folder, dict(one.files), GPT2)).text


def code_of(card: str) -> str:
    (block,) = python_blocks("---\n---\n" + section(card, "Code without SAELens"))
    return block.text


@pytest.mark.train
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of SAELens's own imports
@pytest.mark.parametrize(("architecture", "changes"), ARCHITECTURES)
def test_it_computes_what_saelens_does(
    tmp_path: Path, architecture: str, changes: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    import huggingface_hub
    import torch
    from sae_lens import SAE

    card = built(tmp_path, architecture, **changes)
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", lambda repo_id, name: str(tmp_path / name))
    names: dict[str, Any] = {}
    exec(code_of(card), names)
    sae = SAE.load_from_disk(str(tmp_path / "a"), device="cpu")
    x = torch.randn(64, 8, generator=torch.Generator().manual_seed(0))
    latents = names["encode"](x)
    out = names["decode"](latents, x) if "skip" in architecture else names["decode"](latents)
    theirs = sae(x.to(sae.dtype)) if "transcoder" in architecture else sae.decode(sae.encode(x))
    for ours, saelens in ((latents, sae.encode(x)), (out, theirs)):
        # In 16 bits the order of the operations counts.
        narrow = {"rtol": 0, "atol": 0.05 * saelens.abs().max().item()} if saelens.itemsize < 4 else {}
        torch.testing.assert_close(ours, saelens, **narrow)
    assert (latents != 0).any()


def names_of(card: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the code without SAELens leaves behind, the folder in the place of the Hub for it and for SAELens."""
    import huggingface_hub
    from sae_lens import SAE

    def from_disk(repo_id: str, sae_id: str, device: str = "cpu") -> Any:
        return SAE.load_from_disk(str(folder / sae_id), device=device)

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", lambda repo_id, name: str(folder / name))
    monkeypatch.setattr(SAE, "from_pretrained", from_disk)
    names: dict[str, Any] = {}
    exec(card, names)
    return names


def stored_in(folder: Path, dtype: str) -> None:
    """The weights of the one SAE, written in another type."""
    import torch
    from safetensors.torch import load_file, save_file

    path = folder / "a" / "sae_weights.safetensors"
    save_file({name: value.to(getattr(torch, dtype)) for name, value in load_file(path).items()}, path)


@pytest.mark.train
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(
    ("architecture", "stored", "dtype"),
    [
        ("topk", "bfloat16", "bfloat16"),
        ("jumprelu", "bfloat16", "float32"),
        ("jumprelu_skip_transcoder", "float32", "float16"),
        ("standard", "float32", "float64"),
    ],
)
def test_the_cards_own_check_runs_it(
    tmp_path: Path, architecture: str, stored: str, dtype: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    built(tmp_path, architecture, dtype=dtype)
    stored_in(tmp_path, stored)
    names = names_of(code_of(build_card(tmp_path).text), tmp_path, monkeypatch)
    found = against_definition(names, "owner/release", str(tmp_path), ["a"])
    assert (found["without_saelens"], found["loaded"]) == ("a", 1)


@pytest.mark.train
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(
    ("written", "instead", "said"),
    [
        ("x.to(torch.bfloat16)", "x", "fail on a: RuntimeError: "),
        ('+ w["b_enc"]', '- w["b_enc"]', "compute something else than a"),
        ("return latents", "return 2 * latents", "compute something else than a"),
        ('@ w["W_dec"] + w["b_dec"]', '@ w["W_dec"][:, :4]', "compute something else than a"),
    ],
)
def test_the_cards_own_check_fails_where_it_does(
    tmp_path: Path, written: str, instead: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    built(tmp_path, "jumprelu", dtype="bfloat16")
    stored_in(tmp_path, "bfloat16")
    code = code_of(build_card(tmp_path).text)
    assert written in code
    names = names_of(code.replace(written, instead), tmp_path, monkeypatch)
    with pytest.raises(CheckError, match=re.escape(said)):
        against_definition(names, "owner/release", str(tmp_path), ["a"])


@pytest.mark.train
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_an_encode_of_somebody_elses_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built(tmp_path, "jumprelu")
    names = names_of(
        "def encode(text): return text.upper()\ndef decode(ids): return ids", tmp_path, monkeypatch
    )
    assert against_definition(names, "owner/release", str(tmp_path), ["a"])["without_saelens"] is None


def test_every_architecture_that_it_is_written_for_is_tried() -> None:
    assert {architecture for architecture, _ in ARCHITECTURES} >= PLAIN_TORCH.keys()


@pytest.mark.parametrize(
    ("architecture", "changes"),
    [
        ("matching_pursuit", {"residual_threshold": 0.01}),
        ("standard", {"normalize_activations": "layer_norm"}),
    ],
)
def test_what_a_few_lines_do_not_compute_has_no_such_code(
    tmp_path: Path, architecture: str, changes: dict[str, Any]
) -> None:
    card = built(tmp_path, architecture, **changes)
    assert "def encode(" not in card
    assert f"Code without SAELens: not written for a {architecture} SAE in this form." in card


def test_it_is_eight_lines_and_the_names_at_most(tmp_path: Path) -> None:
    named = ("import", "from", "repo_id =", "file =")
    for i, (architecture, changes) in enumerate(ARCHITECTURES):
        code = code_of(built(tmp_path / str(i), architecture, **changes))
        assert sum(bool(line.strip()) and not line.startswith(named) for line in code.split("\n")) <= 8
