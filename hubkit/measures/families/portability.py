"""What becomes of an SAE where the base model runs in other numbers than those it was trained on: the same tokens, row by row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hubkit.measures.measure import Measure
from hubkit.measures.paired import (
    TOP,
    alive_shift,
    explained_drop,
    latent_correlation,
    row_cosine,
    top_overlap,
)

if TYPE_CHECKING:
    from hubkit.measures.measure import OfPaired

SHARE: dict[str, Any] = {"unit": "share", "lower": 0.0, "upper": 1.0, "higher_is_better": True}
SAME = "on the same tokens, by the same SAE"


def _declared(name: str, title: str, formula: str, source: str, told: OfPaired, **bounds: Any) -> Measure:
    return Measure(
        name=name, version=1, title=title, formula=f"{formula}, {SAME}", source=source, splits=("train", "held_out"), of_paired=told,
        **SHARE | bounds,
    )  # fmt: skip


MEASURES = (
    _declared(
        "explained_variance_drop", "Drop of explained variance",
        "1 - EV of the other rows / EV of the SAE's own; not below an EV of 0.2 of its own", "The rule of the card of a quantized Gemma 4: retrain where it is above 0.2",
        explained_drop, lower=None, upper=None, higher_is_better=False,
        without_effect="the same of noise of the same norm; beside it the same precision run again",
        cannot_say="whether the latents still mean the same",
    ),
    _declared(
        "alive_shift", "Alive latents that changed",
        "1 - |both| / |either|, of the latents that fire on a row before and after; with a contrast: of two halves of the SAE's own rows, which is what other rows alone give",
        "As explained_variance_drop: retrain where it is above 0.5", alive_shift, higher_is_better=False,
        without_effect="what two halves of the same rows differ by",
        cannot_say="how strongly latents fire",
    ),
    _declared("row_cosine", "Cosine of the rows", "mean over rows of the cosine before and after", "How far the base model itself moved", row_cosine, unit="1", lower=-1.0,
        without_effect="the same of noise of the same norm",
        cannot_say="whether what differs is what the SAE reads",
    ),
    _declared(
        "latent_correlation", "Correlation of the latents",
        "mean Pearson correlation before and after over the latents that vary before, 0 for one that no longer varies",
        "arXiv 2606.03002: survival of single latents on identical tokens", latent_correlation, unit="1", lower=-1.0,
        without_effect="the same of noise of the same norm",
        cannot_say="anything of latents that fire on few rows",
    ),
    _declared("top_latent_overlap", "Top latents kept", f"share of the {TOP} latents with the largest |d| before that are among those after", "Which latents one would name", top_overlap,
        without_effect="the same of noise of the same norm",
        cannot_say="much where no latent tells the labels apart, or rows are few: then the top is drawn by lot, and differs more than on more rows",
    ),
)  # fmt: skip
