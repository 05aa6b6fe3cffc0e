"""The card's code without SAELens, run as printed: it computes what SAELens's SAE computes, of every architecture that it is written for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from builders import cfg, tensors, view
from cards.reading import section
from cards.variants import GPT2, put

from hubkit.cards.build import build_card
from hubkit.cards.plain_torch import PLAIN_TORCH
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
    torch.testing.assert_close(latents, sae.encode(x))
    torch.testing.assert_close(out, sae(x) if "transcoder" in architecture else sae.decode(sae.encode(x)))
    assert (latents != 0).any()


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
