"""What the base model itself makes of an SAE: its loss with the reconstruction in the place of the activations, beside ablations."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from hubkit.measures.measure import NO_NULL, Measure
from hubkit.measures.spliced import CLEAN, MEAN, SAE, ZERO, ce_score, increase, kl_score, mean_ce, mean_kl

if TYPE_CHECKING:
    from hubkit.measures.measure import OfSpliced

SAELENS = "SAELens 6.54 `{}`, on the same tokens"
OVER = (
    "over the tokens that are no special ones (BOS, EOS, PAD, SEP), special positions keep their activations"
)
NEXT = "mean cross entropy of the next token, nats"
LOSS: dict[str, Any] = {"unit": "nats a token", "lower": 0.0, "upper": None, "higher_is_better": False}


def _declared(name: str, title: str, formula: str, source: str, told: OfSpliced, **bounds: Any) -> Measure:
    return Measure(
        name=name, version=1, title=title, formula=formula, source=source, splits=("held_out", "train"), of_spliced=told,
        **LOSS | bounds,
    )  # fmt: skip


SCORE: dict[str, Any] = {"unit": "share", "lower": None, "higher_is_better": True}
MEASURES = (
    _declared(
        "ce_loss_score", "CE loss recovered, of zero ablation",
        f"(CE_zero - CE_sae) / (CE_zero - CE_clean) of pooled means {OVER}; zero ablation at every position",
        f"{SAELENS.format('ce_loss_score')}. Zeros in a residual stream cost so much that a score near 1 is cheap: read it beside ce_loss_increase",
        partial(ce_score, ablation=ZERO), **SCORE,
        without_effect="0: as bad as no activations at all; 1: as good as the model's own",
        cannot_say="much near 1: without one site's activations a model is so bad that any reconstruction comes near. Read `ce_loss_increase` beside it",
    ),
    _declared(
        "ce_loss_score_mean", "CE loss recovered, of mean ablation",
        f"(CE_mean - CE_sae) / (CE_mean - CE_clean) of pooled means {OVER}; the mean activation of these texts at every position",
        "As ce_loss_score, beside an ablation that leaves the activations their size", partial(ce_score, ablation=MEAN), **SCORE,
        without_effect="0: as bad as the mean activation",
        cannot_say="as ce_loss_score, but harder to satisfy",
    ),
    _declared(
        "kl_div_score", "KL divergence recovered", f"1 - KL(clean || sae) / KL(clean || zero) of pooled means {OVER}",
        SAELENS.format("kl_div_score"), partial(kl_score, ablation=ZERO), **SCORE | {"upper": 1.0},
        without_effect="0: as far from the model's own distribution as without activations",
        cannot_say="in what the two distributions differ",
    ),
    _declared(
        "ce_loss_increase", "Added loss", f"CE_sae - CE_clean, {NEXT}, {OVER}", "What the SAE costs, in the model's own unit", increase, lower=None,
        without_effect="0: the loss is the model's own",
        cannot_say="anything across models, or of other texts: it is in nats a token of these",
    ),
    _declared("ce_loss_clean", "Loss of the model", f"{NEXT}, {OVER}", SAELENS.format("ce_loss_without_sae"), partial(mean_ce, run=CLEAN),
        without_effect=NO_NULL,
        cannot_say="anything of the SAE: it is the model's own loss on these texts",
    ),
    _declared("ce_loss_sae", "Loss with the SAE", f"{NEXT}, x -> xhat, {OVER}", SAELENS.format("ce_loss_with_sae"), partial(mean_ce, run=SAE),
        without_effect=NO_NULL,
        cannot_say="anything without `ce_loss_clean` beside it",
    ),
    _declared("ce_loss_zero", "Loss with zeros", f"{NEXT}, x -> 0, {OVER}", SAELENS.format("ce_loss_with_ablation"), partial(mean_ce, run=ZERO),
        without_effect=NO_NULL,
        cannot_say="anything of the SAE: it is the loss without these activations",
    ),
    _declared("ce_loss_mean", "Loss with means", f"{NEXT}, x -> mean of x, {OVER}", "As ce_loss_score_mean", partial(mean_ce, run=MEAN),
        without_effect=NO_NULL,
        cannot_say="anything of the SAE: it is the loss with their mean",
    ),
    _declared("kl_div_sae", "KL divergence with the SAE", f"mean KL(clean || sae) of the next token's distribution, nats, {OVER}", SAELENS.format("kl_div_with_sae"), partial(mean_kl, run=SAE),
        without_effect=NO_NULL,
        cannot_say="which tokens it changes",
    ),
    _declared("kl_div_zero", "KL divergence with zeros", f"mean KL(clean || zero) of the next token's distribution, nats, {OVER}", SAELENS.format("kl_div_with_ablation"), partial(mean_kl, run=ZERO),
        without_effect=NO_NULL,
        cannot_say="anything of the SAE",
    ),
)  # fmt: skip
