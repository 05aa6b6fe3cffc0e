"""Every measure of the catalogue: formula, null, and what it cannot say."""

from __future__ import annotations

from itertools import groupby

from hubkit.measures.catalogue import CATALOGUE
from hubkit.measures.measure import Measure

SPLITS = {
    "train": "rows that the SAE was trained on",
    "crossfit": "every row, by the SAE of the fold that never saw it",
    "held_out": "rows that were set aside",
    "control": "all rows, by an SAE that saw some of them, drawn blind to the label",
}


def as_markdown() -> str:
    """The page."""
    lines = [
        "# Every measure",
        "",
        f"The {len(CATALOGUE)} measures that hubkit computes, checks or shows, from the catalogue in `hubkit/measures/families/`. A value in a release names its",
        "measure and the version of the formula; values of different versions are never compared. What a value would be without an effect, and how",
        "its interval is made, is in [how far a number can be trusted](numbers.md).",
        "",
        "| rows | are |",
        "|---|---|",
        *(f"| `{split}` | {what} |" for split, what in SPLITS.items()),
        "",
    ]
    for family, group in groupby(sorted(CATALOGUE.values(), key=_place), key=_family):
        lines += [f"## {family}", ""]
        for measure in group:
            lines += _entry(measure)
    return "\n".join(lines) + "\n"


def _family(measure: Measure) -> str:
    return next(family for family, names in BESIDE.items() if _key(measure.name) in names)


def _place(measure: Measure) -> tuple[int, int]:
    """Sections and entries in the order of `BESIDE`."""
    family = _family(measure)
    return list(BESIDE).index(family), list(BESIDE[family]).index(_key(measure.name))


def _key(name: str) -> str:
    """`sparse_probe` of `sparse_probe_5`: measures that differ in a number alone say the same of themselves."""
    return name.rstrip("0123456789").rstrip("_") if name.startswith("sparse_") else name


def _entry(measure: Measure) -> list[str]:
    null, limit = BESIDE[_family(measure)][_key(measure.name)]
    better = {True: ", higher is better", False: ", lower is better", None: ""}[measure.higher_is_better]
    return [
        f"### {measure.title} {{: #{measure.name} }}",
        "",
        f"`{measure.name}`, version {measure.version}, {_bounds(measure)}{better}",
        "",
        f"- **Formula**: {_plain(measure.formula)}",
        f"- **Rows**: {', '.join(f'`{split}`' for split in measure.splits)}",
        f"- **Without an effect**: {_plain(null)}",
        f"- **It cannot say** {_plain(limit)}",
        f"- **Source**: {_plain(measure.source)}",
        *(
            [f"- **Instead of** [`{measure.instead_of}`](#{measure.instead_of}), where that was not measured"]
            if measure.instead_of
            else []
        ),
        "",
    ]


def _bounds(measure: Measure) -> str:
    low = "" if measure.lower is None else f"{measure.lower:g}"
    high = (
        measure.upper
        if isinstance(measure.upper, str)
        else ""
        if measure.upper is None
        else f"{measure.upper:g}"
    )
    unit = "" if measure.unit in {"1", "share"} else f" {measure.unit}"
    if low and high:
        return f"{low} to {high}{unit}"
    return f"at least {low}{unit}" if low else f"at most {high}{unit}" if high else f"any number{unit}"


def _plain(text: str) -> str:
    """Stars, bars and the like are letters in a formula; what stands between backticks stays as it is."""
    parts = text.split("`")
    for number in range(0, len(parts), 2):
        for sign in "\\|*_<":
            parts[number] = parts[number].replace(sign, f"&#{ord(sign)};")
    return "`".join(parts)


NONE = "no null: it asks nothing of the labels"
DEALT = "the mean of the same over labels permuted within scenarios; of raw activations the folds are dealt again, of an SAE of one label it is 0.5"
ALIKE = "the same of raw activations"
ONE_POOL = "whether it holds of other scenarios"
BESIDE: dict[str, dict[str, tuple[str, str]]] = {
    "Reconstruction and sparsity": {
        "explained_variance": (NONE, "whether what is explained matters to the model: a few directions of large variance can carry it"),
        "l0": (NONE, "whether the latents that fire mean anything; it depends on the rows"),
        "alive_share": (NONE, "whether a latent is dead: with few rows a rare one is never seen. Compare between equal n alone"),
        "mse": (NONE, "anything across models or hooks: it has the scale of the activations. Others' `mse` may be the sum over dimensions (`mse_sum`)"),
        "mse_sum": (NONE, "anything across models or hooks: it grows with d_in as well as with the scale"),
        "cosine": (NONE, "anything of the length of the reconstruction"),
        "l2_ratio": (NONE, "anything of its direction"),
        "relative_bias": (NONE, "how large the error is: only whether the reconstruction is too short or too long"),
        "l1": (NONE, "anything where decoder rows are not of unit length: halve the latents, double the decoder, and it halves"),
        "dense_share": (NONE, "what the dense latents do; a tenth is a convention"),
        "density": (NONE, "how often a latent fires below one in n rows"),
    },
    "Single latents": {
        "d": ("none of its own: `d_max` has it", "anything of a latent that was chosen because its d is large"),
        "d_max": ("the 95 % point of the same maximum, labels permuted within scenarios (999 times)", "anything by itself: of thousands of latents some are far apart by chance. An SAE whose wordings differ further than its labels knows its inputs"),
        "d_unseen": ("0: the latent and its sign were chosen on other rows", "whether another latent is better: it is of the one that was chosen in each fold"),
        "d_above_1": ("the same count, labels permuted within scenarios", "which latents: with few rows some are beyond 1 by chance"),
        "auroc_max": ("the same maximum, labels permuted within scenarios", "how far apart the values are, and anything without its null"),
    },
    "Probes": {
        "probe_balanced_accuracy": (DEALT, f"{ONE_POOL}; whether the model uses what the probe reads; what the label means"),
        "probe_auroc": (DEALT, "where the threshold should lie, and all that probe_balanced_accuracy cannot"),
        "probe_new_scenarios_balanced_accuracy": ("permutations within scenarios", "much from few scenarios: below three it has no interval"),
        "probe_balanced_accuracy_difference": ("0: the same probe of the raw activations", "that the SAE found something new: an SAE adds no information to the activations"),
        "probe_cv_balanced_accuracy": ("none that is right where the SAE saw the test rows", "whether the label is read, or which rows the SAE was trained on. It also reads the scenario"),
        "probe_cv_auroc": ("none that is right where the SAE saw the test rows", "as probe_cv_balanced_accuracy"),
        "probe_cv_balanced_accuracy_difference": ("0, if neither had seen the rows", "as probe_cv_balanced_accuracy"),
        "probe_brier": ("that of the label's share among the training rows, said of every row", "whether the ranking or the calibration is at fault"),
        "probe_over_folds_difference": ("0", "small differences: five folds find 12 points four times of five where folds scatter by 5"),
        "selected_balanced_accuracy": ("that of its probes", "which of them is best in truth"),
    },
    "Beside the probe": {
        "random_sae_balanced_accuracy": (ALIKE, "what a trained SAE adds beyond these weights, if it is not above them"),
        "random_sae_auroc": (ALIKE, "as random_sae_balanced_accuracy"),
        "control_task_balanced_accuracy": ("0.5", "anything of the label: it is what the probe learns of a label that goes with the prompt alone"),
        "selectivity": ("0.5 less the control", "that a probe is bad: features that know their prompt read the control label well, so that near 0 is the rule where the prompt is read"),
        "sparse_probe": ("the same of as many raw dimensions, chosen alike; labels permuted, latents chosen anew", "which latents matter: others may say the same"),
        "sparse_random": ("as a mixed SAE's probe", "anything of the best latents"),
        "sparse_components": ("as a mixed SAE's probe", "anything of the SAE: it is a reference of the activations"),
    },
    "Membership": {
        "membership_auroc": ("0.5: which rows were seen was drawn blind to the label", "how much a probe gains by it"),
        "membership_balanced_accuracy": ("the same probe of the raw activations", "which latents remember"),
    },
    "What the label means": {
        "token_auroc": ("labels permuted within scenarios, folds dealt again", "whether the word or what stands behind it is read: compare with neutral_auroc at the same distance"),
        "neutral_auroc": ("labels permuted within scenarios", "anything of the label: it is what any choice between two words gives"),
        "over_neutral": ("0", "much of few rows: its interval is that of two AUROCs that share no row"),
        "word_changed_auroc": ("the pool's labels permuted; each changed row goes with its own", "what the model would have said: the completion was edited"),
        "facts_turned_auroc": ("the pool's labels permuted", "which of two readings holds where it lies at 0.5"),
        "new_families_auroc": ("labels permuted within scenarios", "whether it holds of families that nobody thought of"),
    },
    "Other seeds": {
        "seed_agreement": ("as many random directions, matched alike", "whether latents that come back are true of the model: the same rows were seen by all seeds"),
        "seed_shared": ("none: of random directions no pair is so near", "how near the others are; 0.7 is a convention"),
        "seed_activation_agreement": ("the same with the latent that fires next more often than the counterpart", "anything of other rows"),
    },
    "The base model with the SAE in it": {
        "ce_loss_score": ("0: as bad as no activations at all; 1: as good as the model's own", "much near 1: without one site's activations a model is so bad that any reconstruction comes near. Read `ce_loss_increase` beside it"),
        "ce_loss_score_mean": ("0: as bad as the mean activation", "as ce_loss_score, but harder to satisfy"),
        "kl_div_score": ("0: as far from the model's own distribution as without activations", "in what the two distributions differ"),
        "ce_loss_increase": ("0: the loss is the model's own", "anything across models, or of other texts: it is in nats a token of these"),
        "ce_loss_clean": (NONE, "anything of the SAE: it is the model's own loss on these texts"),
        "ce_loss_sae": (NONE, "anything without `ce_loss_clean` beside it"),
        "ce_loss_zero": (NONE, "anything of the SAE: it is the loss without these activations"),
        "ce_loss_mean": (NONE, "anything of the SAE: it is the loss with their mean"),
        "kl_div_sae": (NONE, "which tokens it changes"),
        "kl_div_zero": (NONE, "anything of the SAE"),
    },
    "Other precisions": {
        "explained_variance_drop": ("the same of noise of the same norm; beside it the same precision run again", "whether the latents still mean the same"),
        "alive_shift": ("what two halves of the same rows differ by", "how strongly latents fire"),
        "row_cosine": ("the same of noise of the same norm", "whether what differs is what the SAE reads"),
        "latent_correlation": ("the same of noise of the same norm", "anything of latents that fire on few rows"),
        "top_latent_overlap": ("the same of noise of the same norm", "much where no latent tells the labels apart: then the top is drawn by lot"),
    },
}  # fmt: skip
"""By section and measure: what it would be without an effect, and what it cannot say. A test holds that every measure of the catalogue is here."""
