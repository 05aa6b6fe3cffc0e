"""After a card's code, in its process: do the SAEs that SAELens loads from the card's repository compute what their files define?"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import FunctionType
from typing import Any

import numpy as np
import numpy.typing as npt

from hubkit.formats.detect import read_saes
from hubkit.formats.folder import folders_of
from hubkit.repo.local import open_folder
from hubkit.validate.load import ROWS, SEED, TOLERANCE, difference_from_definition
from hubkit.validate.load_runner import compute


class CheckError(AssertionError):
    """An SAE that does not load from the card's repository, or computes something else than its files say."""


def against_definition(
    namespace: Mapping[str, Any], repo_id: str, folder: str, sae_ids: list[str]
) -> dict[str, Any]:
    """Load each of `sae_ids` from `repo_id` as the card does and hold encode and decode of random inputs against the definition in numpy, applied to
    the files in `folder`; and the SAE objects that the card's own code made against those. `encode` and `decode` of a card that goes without SAELens
    are run on the same inputs, and must give what the SAE of their file gives.

    Returns how many were loaded, how many could be compared, the largest relative difference, which ids the card's own objects are, and the id whose
    `encode` and `decode` were run. Raises CheckError with the id.
    """
    from sae_lens import SAE

    view = open_folder(Path(folder))
    folders = folders_of(view)
    made = {name: value for name, value in namespace.items() if isinstance(value, SAE)}
    # By their reconstructions: folding the decoder's norms, as some cards do, changes latents and not those.
    own = {name: np.asarray(compute(sae, SEED, ROWS)["out"]) for name, sae in made.items()}
    printed: dict[str, str] = {}
    worst, compared = 0.0, 0
    written = _written_out(namespace, sae_ids)
    for sae_id in sae_ids:
        computed = _loaded(SAE, repo_id, sae_id)
        difference = difference_from_definition(view, read_saes(folders[sae_id])[0], computed)
        dtype = str(computed["cfg"].get("dtype", "float32")).removeprefix("torch.")
        if difference is not None:
            compared, worst = compared + 1, max(worst, difference)
            if difference > TOLERANCE.get(dtype, TOLERANCE["float32"]):
                raise CheckError(
                    f"{sae_id} computes something else than its files say: relative difference {difference:.2g}"
                )
        if sae_id == written:
            _run_without_saelens(namespace, sae_id, computed)
        printed |= {name: sae_id for name, out in own.items() if _equal(out, np.asarray(computed["out"]))}
    if strangers := own.keys() - printed.keys():
        raise CheckError(
            f"`{min(strangers)}` in the card's code computes what no SAE of this repository computes"
        )
    return {
        "loaded": len(sae_ids),
        "compared": compared,
        "max_difference": worst,
        "printed": printed,
        "without_saelens": written,
    }


def _written_out(namespace: Mapping[str, Any], sae_ids: list[str]) -> str | None:
    """The SAE that the card's code writes out as `encode` and `decode` over the tensors `w` of a `file`, as hubkit's cards do; None where it does not."""
    file, tensors = namespace.get("file"), namespace.get("w")
    own = all(isinstance(namespace.get(name), FunctionType) for name in ("encode", "decode"))
    if not own or not isinstance(file, str) or not isinstance(tensors, dict):
        return None
    return next((sae_id for sae_id in sae_ids if sae_id == (file.rpartition("/")[0] or ".")), None)


def _run_without_saelens(namespace: Mapping[str, Any], sae_id: str, computed: Mapping[str, Any]) -> None:
    """Run the card's `encode` and `decode` on the inputs that SAELens's were given, in float32, as its code takes activations, or wider. Raises CheckError."""
    import torch

    rows = np.random.default_rng(SEED).standard_normal((ROWS, computed["cfg"]["d_in"]))
    dtype = str(computed["cfg"].get("dtype", "float32")).removeprefix("torch.")
    x = torch.from_numpy(rows).to(getattr(torch, dtype))
    x = x.to(torch.promote_types(x.dtype, torch.float32))
    decode = namespace["decode"]
    try:
        with torch.no_grad():
            latents = namespace["encode"](x)
            out = decode(latents, x) if decode.__code__.co_argcount > 1 else decode(latents)
    except Exception as error:  # whatever the card's code raises
        words = " ".join(str(error).split())
        raise CheckError(
            f"`encode` and `decode` of the code without SAELens fail on {sae_id}: {type(error).__name__}: {words[:300]}"
        ) from error
    far = _furthest(latents, computed["acts"]), _furthest(out, computed["out"])
    if max(far) > TOLERANCE.get(dtype, TOLERANCE["float32"]):
        raise CheckError(
            f"`encode` and `decode` of the code without SAELens compute something else than {sae_id}: relative difference {max(far):.2g}"
        )


def _furthest(ours: Any, theirs: Any) -> float:
    """The largest difference, relative to the largest value; infinite for other shapes."""
    one, other = ours.double().numpy(), np.asarray(theirs)
    if one.shape != other.shape:
        return float("inf")
    return float(np.abs(one - other).max() / max(1e-12, np.abs(other).max()))


def _equal(ours: npt.NDArray[np.float64], theirs: npt.NDArray[np.float64]) -> bool:
    return ours.shape == theirs.shape and np.allclose(ours, theirs, rtol=1e-3, atol=1e-4)


def _loaded(sae_class: Any, repo_id: str, sae_id: str) -> dict[str, Any]:
    try:
        sae = sae_class.from_pretrained(repo_id, sae_id, device="cpu")
    except Exception as error:  # whatever SAELens raises
        words = " ".join(str(error).split())
        raise CheckError(
            f"{sae_id} does not load from {repo_id}: {type(error).__name__}: {words[:300]}"
        ) from error
    return compute(sae, SEED, ROWS)
