"""SAEs run over rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hubkit.formats.saelens import no_model_is_run
from hubkit.measures.matching import Dictionary
from hubkit.measures.reconstructed import Encoded

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray


def dictionary_of(
    folder: Path, x: NDArray[np.float32], elsewhere: NDArray[np.float32] | None = None
) -> Dictionary:
    """The latents of the SAE in `folder` that fire on `x` (n, d_in), with their activations there, or on the rows `elsewhere` (k, d_in)."""
    import torch

    sae = _loaded(folder)
    with torch.no_grad():
        acts = sae.encode(torch.from_numpy(x)).numpy()
        kept = None if elsewhere is None else sae.encode(torch.from_numpy(elsewhere)).numpy()
        return Dictionary.of(sae.W_dec.numpy(), sae.W_enc.T.numpy(), acts, kept)


def encode(folder: Path, x: NDArray[np.float32]) -> Encoded:
    """What the SAE in `folder` makes of `x` (n, d_in), loaded and run by SAELens."""
    import torch

    sae = _loaded(folder)
    with torch.no_grad():
        acts = sae.encode(torch.from_numpy(x))
        return Encoded(x, sae.decode(acts).numpy(), acts.numpy())


def decoder_of(folder: Path) -> NDArray[np.float32]:
    """(d_sae, d_in) the decoder of the SAE in `folder`."""
    found: NDArray[np.float32] = _loaded(folder).W_dec.detach().numpy()
    return found


def _loaded(folder: Path) -> Any:
    from sae_lens import SAE

    with no_model_is_run():
        return SAE.load_from_disk(folder)
