"""The three ways in which people load an SAE, and what comes of it: equal, differs, raises."""

from __future__ import annotations

import json
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from unittest import mock

import numpy as np
from oracle.reference import compute, inputs
from oracle.saes import sae_lens

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from oracle.saes import Meant

Verdict = Literal["=", "~", "!", "^"]
WORDS: dict[str, str] = {"=": "equal", "~": "**differs**", "!": "raises", "^": "raises in encode"}
TOLERANCE = {"float64": 1e-6, "float32": 1e-4, "float16": 0.02, "bfloat16": 0.05}
"""Of the relative error ||got - meant|| / ||meant||, by the dtype the author chose."""
LOADERS = "sae_lens.loading.pretrained_sae_loaders"


@dataclass(frozen=True)
class Outcome:
    """What one way of loading gave."""

    verdict: Verdict
    detail: str
    """The exception's type and first line, or the relative error."""
    lost: tuple[str, ...] = ()
    """hook_name and model_name where they are None after loading."""


def by_hand(root: Path, sae_id: str) -> Any:
    """The snippet of many cards: from_dict, then load_state_dict."""
    from safetensors.torch import load_file

    folder = root / sae_id
    sae = sae_lens().SAE.from_dict(json.loads((folder / "cfg.json").read_bytes().decode("utf-8")))
    sae.load_state_dict(load_file(folder / "sae_weights.safetensors"))
    return sae


def from_disk(root: Path, sae_id: str) -> Any:
    """SAE.load_from_disk."""
    return sae_lens().SAE.load_from_disk(root / sae_id)


def from_hub(root: Path, sae_id: str) -> Any:
    """SAE.from_pretrained with the download served from `root`."""
    from huggingface_hub.errors import LocalEntryNotFoundError

    def served(repo_id: str, filename: str, **_: Any) -> str:
        if not (root / filename).is_file():
            raise LocalEntryNotFoundError(f"Entry Not Found: {filename}")
        return str(root / filename)

    sae_lens()
    with mock.patch(f"{LOADERS}.hf_hub_download", served):
        return sae_lens().SAE.from_pretrained("lab/oracle", sae_id)


WAYS: tuple[Callable[[Path, str], Any], ...] = (by_hand, from_disk, from_hub)


def outcomes(root: Path, sae_id: str, meant: Meant) -> tuple[Outcome, ...]:
    """A, B and C."""
    with warnings.catch_warnings(), one_thread():
        warnings.simplefilter("ignore")
        return tuple(_outcome(way, root, sae_id, meant) for way in WAYS)


@contextmanager
def one_thread() -> Iterator[None]:
    """Matrices this small only wait for a second thread."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _outcome(way: Callable[[Path, str], Any], root: Path, sae_id: str, meant: Meant) -> Outcome:
    try:
        sae = way(root, sae_id)
    except Exception as error:  # noqa: BLE001 - what is raised is the measurement
        return Outcome("!", _shown(error))
    lost = tuple(key for key in ("hook_name", "model_name") if sae.cfg.metadata.get(key) is None)
    try:
        error_of = _compare(sae, meant)
    except Exception as error:  # noqa: BLE001 - the same
        return Outcome("^", _shown(error), lost)
    return Outcome("=" if error_of < TOLERANCE[meant.dtype] else "~", f"{error_of:.1e}", lost)


def _compare(sae: Any, meant: Meant) -> float:
    """The larger of the relative errors of activations and reconstruction; infinity where one is not finite."""
    import torch

    x = inputs(meant)
    with torch.no_grad():
        rows = torch.from_numpy(x).to(torch.float32)
        got = [sae.encode(rows), sae(rows)]
    errors = [
        np.linalg.norm(found.double().numpy() - wanted) / np.linalg.norm(wanted)
        if found.shape == wanted.shape
        else np.inf
        for found, wanted in zip(got, compute(meant, x), strict=True)
    ]
    return float(np.nan_to_num(max(errors, key=lambda e: np.inf if np.isnan(e) else e), nan=np.inf))


def _shown(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = next((line for line in lines if not line.startswith("Error(s) in loading")), "")
    return f"{type(error).__name__}: {text}"
