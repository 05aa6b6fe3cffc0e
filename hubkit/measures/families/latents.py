"""How far single latents tell the labels apart."""

from hubkit.measures.measure import UNSEEN, Measure, OnCard

MEASURES = (
    Measure(
        name="d",
        version=1,
        title="Cohen's d",
        formula="(mean_1 - mean_0) / sqrt(((n1 - 1) s1^2 + (n0 - 1) s0^2) / (n1 + n0 - 2)) of one latent's activations",
        unit="1",
        lower=None,
        upper=None,
        higher_is_better=None,
        source="Cohen 1988, pooled standard deviation",
        splits=("train", *UNSEEN),
    ),
    Measure(
        name="d_max",
        version=1,
        title="Largest effect d_max",
        formula="maximum of |d| over the latents that are not constant on the rows; dead latents left out",
        unit="1",
        lower=0.0,
        upper=None,
        higher_is_better=None,
        source="A maximum over thousands of latents: it means something only above the 95 % point of the same maximum without an effect (Westfall & Young 1993)",
        splits=("train", *UNSEEN),
        on_card=OnCard(("saes",), order=80),
    ),
    Measure(
        name="d_above_1",
        version=1,
        title="Latents with |d| > 1",
        formula="number of latents whose |d| is above 1",
        unit="latents",
        lower=0.0,
        upper="d_sae",
        higher_is_better=None,
        source="As d_max",
        splits=("train", *UNSEEN),
    ),
)
