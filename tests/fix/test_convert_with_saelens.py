"""Conversions held against torch, which reads the pickle, and against SAELens itself, which loads what was written."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from fix.folders import fixed
from fix.test_convert import EXPECTED, FAMILIES, PLACE, copied
from safetensors.numpy import load_file

from hubkit.fix import convert
from hubkit.formats import foreign_forward
from hubkit.repo.local import open_folder
from hubkit.validate.run import validate

pytestmark = pytest.mark.usefixtures("no_known_model")


@pytest.mark.train
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", sorted(EXPECTED))
def test_saelens_computes_what_torch_reads_out_of_the_pickle(tmp_path: Path, kind: str) -> None:
    """Bits by torch.load, latents by the library's definition in torch's own numbers."""
    import sae_lens
    import torch

    place = copied(kind, tmp_path / "x")
    state = torch.load(place / "ae.pt", weights_only=True)
    fixed(tmp_path / "x", "WTS014")
    new = load_file(place / "sae_weights.safetensors")
    for name, other in (("W_enc", "encoder.weight"), ("W_dec", "decoder.weight")):
        expected = state[name] if name in state else state[other].T
        assert new[name].tobytes() == expected.contiguous().numpy().tobytes()
    loaded = sae_lens.SAE.load_from_disk(place)
    x = torch.randn(32, 16, generator=torch.Generator().manual_seed(1)) * 3
    w = {name: value.numpy().astype(np.float64) for name, value in state.items()}
    sae = next(one for one in validate(open_folder(FAMILIES / kind)).saes)
    definition = foreign_forward.definition_of(sae)
    assert definition is not None
    latents, out = foreign_forward.outputs(definition, w, x.numpy().astype(np.float64), sae.k)
    with torch.no_grad():
        np.testing.assert_allclose(loaded.encode(x).numpy(), latents, rtol=1e-3, atol=1e-4)
        np.testing.assert_allclose(loaded(x).numpy(), out, rtol=1e-3, atol=1e-3)
    assert float((latents > 0).sum(1).mean()) < 64


@pytest.mark.train
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "kind", ["standard", "gated", "topk", "batch_topk", "matryoshka_batch_topk", "jumprelu"]
)
def test_the_tensors_are_those_of_saelens_own_converter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    import sae_lens  # noqa: F401 - fills the registry
    from sae_lens.loading import pretrained_sae_loaders as loaders

    place = copied(f"dictionary_learning/{kind}", tmp_path / "x")
    monkeypatch.setattr(
        loaders, "hf_hub_download", lambda repo_id, filename, **_: str(tmp_path / "x" / filename)
    )
    cfg, theirs, _ = loaders.dictionary_learning_sae_huggingface_loader_1("owner/name", PLACE)
    fixed(tmp_path / "x", "WTS014")
    ours, mine = load_file(place / "sae_weights.safetensors"), json.loads((place / "cfg.json").read_bytes())
    assert ours.keys() == theirs.keys()
    assert all(ours[name].tobytes() == value.contiguous().numpy().tobytes() for name, value in theirs.items())
    known = loaders.handle_config_defaulting(dict(cfg))
    assert mine["architecture"] == known["architecture"]
    assert mine["apply_b_dec_to_input"] == known["apply_b_dec_to_input"]
    assert mine.get("k") == known.get("k")


@pytest.mark.train
def test_strides_shared_storages_and_half_precision_are_read_as_torch_reads_them(tmp_path: Path) -> None:
    import torch

    from hubkit.formats.sae import Tensor
    from hubkit.tensors.container import read_header

    shared = torch.randn(6, 8).to(torch.bfloat16)
    state = {
        "a": shared.T,
        "b": shared[1:4, ::2],
        "c": torch.arange(5, dtype=torch.int32),
        "d": torch.tensor(2.5),
        "e": shared.expand(2, 6, 8),
    }
    buffer = io.BytesIO()
    torch.save(state, buffer)
    (tmp_path / "a.pt").write_bytes(buffer.getvalue())
    view = open_folder(tmp_path)
    for name, info in read_header(view, "a.pt").tensors.items():
        expected = state[name].contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
        assert convert.row_major_bytes(view, Tensor("a.pt", info)) == expected
