"""After a card's code, in its process: do the SAEs that SAELens loads from the card's repository compute what their files define?"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
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
    the files in `folder`; and the SAE objects that the card's own code made against those.

    Returns how many were loaded, how many could be compared, the largest relative difference, and which ids the card's own objects are.
    Raises CheckError with the id.
    """
    from sae_lens import SAE

    view = open_folder(Path(folder))
    folders = folders_of(view)
    made = {name: value for name, value in namespace.items() if isinstance(value, SAE)}
    # By their reconstructions: folding the decoder's norms, as some cards do, changes latents and not those.
    own = {name: np.asarray(compute(sae, SEED, ROWS)["out"]) for name, sae in made.items()}
    printed: dict[str, str] = {}
    worst, compared = 0.0, 0
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
        printed |= {name: sae_id for name, out in own.items() if _equal(out, np.asarray(computed["out"]))}
    if strangers := own.keys() - printed.keys():
        raise CheckError(
            f"`{min(strangers)}` in the card's code computes what no SAE of this repository computes"
        )
    return {"loaded": len(sae_ids), "compared": compared, "max_difference": worst, "printed": printed}


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
