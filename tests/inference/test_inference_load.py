"""A base model in memory: its blocks are found by shape in every family, and what is none is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hubkit.errors import IncompleteError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.train
FAMILIES = {"gpt2": "transformer.h", "gpt_neox": "gpt_neox.layers", "mixtral": "model.layers"}


@pytest.mark.parametrize("family", FAMILIES)
def test_blocks_are_found_in_every_family(random_model: Callable[[str], Path], family: str) -> None:
    """Mixtral with three blocks of three experts: only one of the lists of three is the blocks."""
    from hubkit.inference.load import load_model

    base = load_model(str(random_model(family)))
    assert base.hf_hook_name(2) == f"{FAMILIES[family]}.2"
    assert (base.n_layers, base.d_in) == (3, 32)
    with pytest.raises(UsageError, match="has 3 blocks"):
        base.hf_hook_name(3)


def test_of_two_nested_lists_the_outer_one_is_the_blocks() -> None:
    import torch

    from hubkit.inference.structure import block_path

    def two(*members: torch.nn.Module) -> torch.nn.ModuleList:
        return torch.nn.ModuleList(members)

    block = torch.nn.Module()
    block.experts = two(torch.nn.Identity(), torch.nn.Identity())
    model = torch.nn.Module()
    model.layers = two(block, torch.nn.Identity())
    assert block_path(model, 2) == "layers"
    model.encoder = two(torch.nn.Identity(), torch.nn.Identity())
    with pytest.raises(UsageError, match=r"2 module lists of 2 members \(layers, encoder\)"):
        block_path(model, 2)
    with pytest.raises(UsageError, match=r"0 module lists of 7 members \(none\)"):
        block_path(model, 7)


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    from hubkit.inference.load import load_model

    with pytest.raises(IncompleteError, match="cannot open it"):
        load_model(str(tmp_path))
