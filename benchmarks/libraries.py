"""SAEs of sparsify and dictionary_learning on one set of activations: what hubkit measures, beside what their own code measures of the same rows.

    pip install --no-deps --target LIBRARIES eai-sparsify==1.3.3 dictionary-learning==0.1.0
    PYTHONPATH=.:LIBRARIES python benchmarks/libraries.py

Prints the table of docs/numbers.md, and fails where a number differs. What they import for running base models (nnsight and the like) is not needed here.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import shutil
import sys
import tempfile
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.numpy import save_file

from hubkit.evaluate.elsewhere import evaluate_given
from hubkit.evaluate.given import given

FAMILIES = Path(__file__).parents[1] / "tests" / "formats" / "families"
KINDS = (
    "topk", "jumprelu", "standard", "standard_april_update", "batch_topk", "matryoshka_batch_topk", "gated", "p_anneal", "gated_anneal",
)  # fmt: skip
THEIRS = {
    "l0": "l0", "l1_loss": "l1", "cossim": "cosine", "l2_ratio": "l2_ratio", "relative_reconstruction_bias": "relative_bias", "frac_alive": "alive_share",
}  # fmt: skip
"""Names of dictionary_learning's evaluation, and hubkit's. Its `frac_variance_explained` is another definition: it forgives a constant bias."""
OTHERWISE = {("standard_april_update", "l1_loss"): "its loader scales the decoder to unit norm"}
TOLERANCE = 1e-5
N, WIDTH = 300, 16


class _Absent(types.ModuleType):
    """In the place of a package that only running a base model needs."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (), {})


def without(*names: str) -> None:
    """Packages that are not installed are there by name."""
    for name in names:
        if importlib.util.find_spec(name) is None:
            sys.modules[name] = _Absent(name)
            sys.modules[name].__spec__ = importlib.machinery.ModuleSpec(name, None)


def rows(folder: Path) -> torch.Tensor:
    """Written to a file, as somebody would give them."""
    x = np.random.default_rng(0).normal(size=(N, WIDTH)).astype(np.float32)
    x[: N // 2, 0] += 2
    save_file({"activations": x}, folder / "rows.safetensors")
    return torch.from_numpy(x)


def ours(release: Path, activations: Path) -> dict[str, dict[str, float]]:
    """SAE to measure to value."""
    found = evaluate_given(release, given(activations))
    return {one.sae_id: {value.measure: value.value or 0.0 for value in one.values} for one in found.saes}


def of_sparsify(folder: Path, x: torch.Tensor) -> Iterator[tuple[str, str, float, float]]:
    """Name, measure, theirs, ours."""
    package = types.ModuleType("sparsify")  # its __init__ imports the trainer
    package.__path__ = list(importlib.util.find_spec("sparsify").submodule_search_locations)  # type: ignore[union-attr,arg-type]
    sys.modules["sparsify"] = package
    from sparsify.sparse_coder import SparseCoder

    release = shutil.copytree(FAMILIES / "sparsify" / "sae_run", folder / "sparsify")
    for name, own in ours(release, folder / "rows.safetensors").items():
        with torch.no_grad():
            out = SparseCoder.load_from_disk(release / name).forward(x)
        yield f"sparsify {name}", "1 - fvu", 1 - float(out.fvu), own["explained_variance"]
        yield f"sparsify {name}", "l0", float((out.latent_acts != 0).sum(1).float().mean()), own["l0"]


def of_dictionary_learning(folder: Path, x: torch.Tensor) -> Iterator[tuple[str, str, float, float]]:
    """The same, by its `evaluate`."""
    from dictionary_learning.evaluation import evaluate
    from dictionary_learning.utils import load_dictionary

    for kind in KINDS:
        release = shutil.copytree(FAMILIES / "dictionary_learning" / kind, folder / kind)
        ((name, own),) = ours(release, folder / "rows.safetensors").items()
        dictionary, _ = load_dictionary(str(release / name), "cpu")
        found = evaluate(dictionary, iter([x]), batch_size=N, device="cpu")
        for measure, mine in THEIRS.items():
            yield f"dictionary_learning {kind}", measure, float(found[measure]), own[mine]


def main() -> None:
    """From the command line."""
    without("nnsight", "zstandard", "natsort")
    print("| SAE | measure | its library | hubkit |\n|---|---|---|---|")
    wrong = 0
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        x = rows(folder)
        for several in (of_sparsify(folder, x), of_dictionary_learning(folder, x)):
            for name, measure, theirs, mine in several:
                note = OTHERWISE.get((name.partition(" ")[2], measure))
                wrong += note is None and abs(theirs - mine) > TOLERANCE * max(1.0, abs(theirs))
                print(
                    f"| {name} | {measure} | {theirs:.6f} | {mine:.6f}{' (' + note + ')' if note else ''} |"
                )
    sys.exit(wrong > 0)


if __name__ == "__main__":
    main()
