"""Every sentence of every template of a card: a release of which it is true and where it must stand, and one of which it is false and where it must not.

A template's text that is in no row fails: whoever writes a sentence says when it is false. `ALWAYS` is for what holds of any release. What only names a
column or joins values is in LABELS.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from cards import variants
from jinja2 import Environment

ALWAYS = ""
TEMPLATES = Path(__file__).parents[2] / "hubkit" / "cards" / "templates"
LEXER = Environment(trim_blocks=True, lstrip_blocks=True).lexer
WORD = re.compile(r"[A-Za-z]{3,}")
SEPARATORS = ' |*.,;:()`-–>[]"'
SPLIT = "\0"

Row = tuple[str, str]
"""The release where a phrase must stand, and the one where it must not."""

SENTENCES: dict[str, dict[str, Row]] = {
    "architecture": {
        "| not read |": ("damaged", "plain"),
        ", counted by formula from its configuration |": ("plain", "computed"),
        ", the SAEs' d_in |": ("plain", "narrow"),
        "The configuration of `lab/model` is not among those that hubkit knows; hubkit does not state its size.": ("hollow", "computed"),
    },
    "caveat": {
        "The labels `no` and `yes` come from": ("quantized", "half_quantized"),
        "The labels come from": ("half_quantized", "quantized"),
        "; and from ": ("quantized", "half_quantized"),
        "**They tell apart:**": ("quantized", "plain"),
        "**They do not measure:**": ("quantized", "plain"),
        "The SAEs of yes_only were trained on the rows of one label: what chose those rows is in their weights.": ("quantized", "half_quantized"),
        "No label entered the training: every SAE saw rows of both.": ("half_quantized", "quantized"),
        "No label entered the training: the SAE saw rows of both.": ("single", "half_quantized"),
    },
    "contents": {
        "- **Declared grid**: 8 SAEs; the repository holds 1": ("one_at_chance", "one"),
        "- **Training conditions**: mixed, yes_only": ("computed", "one"),
        ", counted from 0": ("plain", ALWAYS),
        ", counted from 0 (4 blocks)": ("computed", "plain"),
        "; topk target k = 4": ("plain", "by_module"),
        "; jumprelu target L0 = 20": ("one_number", "one_value"),
        "base model in 8-bit for 1 of 2 SAEs, weights": ("half_bits", "all_bits"),
        "base model in 4-bit fp4, weights": ("all_bits", "half_bits"),
        "- **Dimensions**: d_in = 768, d_sae = 32": ("plain", "narrow"),
        "32 (4x); d_in = ": ("beside_widths", "plain"),
        "- **Precision**: base model in float32, weights in float32": ("by_module", "plain"),
        "base model in a precision that the files do not record, weights in float32": ("plain", "all_bits"),
        "- **Checked** by hubkit": ("plain", ALWAYS),
        "**Every threshold is 0: this JumpReLU computes a plain ReLU.** 1 of 3 SAEs": ("narrow", "plain"),
        "**One value for every latent's threshold: never learned.** This SAE": ("one_number", "narrow"),
        "**Every threshold equals its initial value: never learned.** 1 of 3 SAEs": ("narrow", "one_number"),
        ".** This SAE: see [Limitations](#limitations)": ("defective", "narrow"),
        ": see [Limitations](#limitations)": ("narrow", "plain"),
        ": no error, 1 warning: see [Limitations](#limitations)": ("computed", "plain"),
        ": no defect found\n": ("plain", "skipped"),
        ": no defect found in the files as they are now: see [Limitations](#limitations)": ("quantized", "plain"),
        ": no defect found, but not everything could be checked": ("skipped", "plain"),
    },
    "effect_sizes": {
        "d_max is the largest |Cohen's d| of a latent between the two labels: a maximum over all latents that are not constant there, large on noise too. It counts only above the 95 % point of its null": ("computed", "hollow"),
        "of a latent between two groups of rows: a maximum": ("hollow", "computed"),
        "are above it.": ("computed", "hollow"),
        "None of these has one.": ("hollow", "computed"),
        "latents with \\|d\\| > 1 |": ("hollow", "computed"),
    },
    "meaning": {
        "The same probe of the raw activations of layer 1, the one of 2 that knows it best nearest to the committing word, on rows that tell apart what a label could mean: AUROC within scenarios, out of fold; brackets are 95 % intervals.": ("word_only", "facts_known"),
        "The same probe of the raw activations of layer 2, on rows that tell apart": ("facts_known", "word_only"),
        " With the facts turned around it goes with what is so.": ("facts_known", "word_only"),
        "A label that is only the word that was just said is gone some tokens on, follows a word that was swapped, is read as well from answers to questions with nothing at stake, and stays with what is said when the facts are turned around.": ("word_only", "computed"),
        "| asked | rows | layer 2 |": ("word_only", "facts_known"),
        "| asked | rows | AUROC | without an effect | n |": ("facts_known", "computed"),
    },
    "meaning_finding": {
        "**What the label means**, at layer 1: a probe reads it from the committing word (AUROC 0.950 [0.900, 1.000]), and **10 tokens behind the committing word it is no longer told from chance** (0.520 [0.470, 0.570]; the highest of 2 layers there is 0.560, layer 2; pooled as the SAEs' rows are, 0.700).": ("word_only", "facts_known"),
        " **Answers to neutral questions are read as well**: 0.930 [0.880, 0.980] (the committing word), the label +2.0 points of AUROC against them (95 % -3.0 to +7.0).": ("word_only", "facts_known"),
        " With the other label's word in its place, the probe says the other label (0.080 [0.030, 0.130]): **it reads the word**.": ("word_only", "facts_known"),
        " With the facts turned around it goes with what is said, not with what is so (0.120 [0.070, 0.170]).": ("word_only", "facts_known"),
        'Every value stands under "What the label means".': ("word_only", "facts_known"),
    },
    "key_findings": {
        "No probe of raw activations is told from chance; the highest is that of": ("chance", "computed"),
        "A probe reads the labels best from the raw activations of **layer 2** (75 % depth): 0.750 [0.700, 0.800] balanced accuracy": ("computed", "chance"),
        "balanced accuracy; the highest of 3 layers, not corrected for selection.": ("computed", "beside"),
        "; the highest of 3 layers, corrected for that choice 0.740 [0.600, 0.800]": ("beside", "computed"),
        " The highest of 8, corrected for that choice 0.710 [0.600, 0.800].": ("beside", "computed"),
        " balanced accuracy, tied with layer 2;": ("sampled", "computed"),
        " The profile rises from each measured layer to the next.": ("computed", "chance"),
        " There is no SAE at that layer.": ("chance", "computed"),
        "A probe on the raw activations of **layer 2** reaches 0.700 [0.650, 0.750] balanced accuracy.": ("one", "one_at_chance"),
        "balanced accuracy: not told from chance.": ("one_at_chance", "one"),
        "- The best SAE probe, `": ("computed", "one"),
        "- The probe of the SAE reaches": ("one", "computed"),
        " (**it has a defect**: THR001)": ("best_defective", "computed"),
        "points against the raw activations of its layer": ("computed", "one"),
        "points against the raw activations of its layer (75.0 %)": ("computed", "one"),
        "points against the best layer": ("one", "tested"),
        " Tied with `": ("chance", "computed"),
        "reaches 0.520 [0.420, 0.620]: ": ("chance", "computed"),
        " Not told from chance.": ("chance", "computed"),
        " The highest of 8, not corrected for selection.": ("computed", "chance"),
        " The SAE has seen the rows it is tested on: not cross-fitted.": ("one", "computed"),
        "- On scenarios that neither the best SAE nor its probe has seen, it reaches": ("computed", "one"),
        "- On scenarios that neither the SAE nor its probe has seen, it reaches": ("one_new", "computed"),
        "it reaches 0.500 [0.400, 0.600]: not told from chance": ("chance", "computed"),
        "; with so few scenarios this describes them, and no others.": ("one_new", "computed"),
        "- Membership control: by how well an SAE says a row back, the rows that it was trained on are told from others with an AUROC of 0.600, where 0.5 is no memory of single rows.": ("computed", "chance"),
        " The probes are cross-fitted: memory cannot lift their numbers.": ("computed", "one"),
        "- The highest SAE probe, `": ("chance", "computed"),
        " The smallest difference that this comparison finds four times of five: 8.0 points.": ("tested_one", "tested"),
        " The smallest difference that such a comparison finds four times of five: 9.0 to 10.0 points.": ("tested", "computed"),
        "- Compared with nothing: the probes of 4 SAEs of one label. The rows that train such a probe were seen by its SAE where they have that label, its test rows were not.": ("tested", "computed"),
        "- 2 of 4 SAE probes are above the raw activations of their layer and 0 below": ("tested", "computed"),
        "Without an effect, the balanced accuracy of the raw activations of layer 1 is 0.510 (mean over 199 permutations, labels permuted; two-sided p = 0.01); brackets are 95 % intervals.": ("tested", "computed"),
        "above topk at the same layer and condition in 8 of 9 (1 inconclusive, 2 collapsed); expected by chance": ("experiments", "computed"),
        "SAE probes come out above the raw activations of their layer in 8 of 9 (1 inconclusive); expected by chance: 4. **More often than chance.** (Sign test, two-sided p": ("experiments", "computed"),
        "; the comparisons share rows.)": ("experiments", "computed"),
        " Means 70.0 % and 60.0 %, a difference of +10.0 points.": ("experiments", "computed"),
        "- 8 of 8 SAE probes are above the raw activations of their layer and 0 below (the 95 % interval of the paired difference leaves out 0); expected by chance: 0.2 of 8 on either side.": ("computed", "experiments"),
        "- 1 of 8 SAE probes is above the raw activations of its layer": ("one_above", "computed"),
        "- Above their reference: `": ("computed", "experiments"),
        "- Tested against chance (t, Holm-corrected): a; b, each with p = 0.01.": ("experiments", "computed"),
        "points against raw activations at layer 1 (95 % interval": ("experiments", "computed"),
        "- The same probe on 2 representations: raw 0.500, SAE 0.500. **Every interval holds 0.5**: none is shown to carry the labels.": ("experiments", "computed"),
        "- At layer 2, by architecture: topk": ("computed", "one"),
        "- The largest effect of a single latent, on unseen rows, is 0.800 standard deviations (`lab_topk_L2_yes_only`)": ("computed", "one"),
        "standard deviations; the largest of as many latents without any effect reaches": ("one", "hollow"),
        ", so this is **no more than noise gives**": ("chance", "computed"),
        ", so this is **more than noise gives**": ("one", "computed"),
        ", not corrected for the choice among 8 SAEs": ("computed", "one"),
        "<summary>More findings</summary>": ("computed", "one_at_chance"),
        "Depth is (layer + 1) / layers, the share of blocks that have run": ("computed", "hollow"),
        "Balanced accuracy 0.5 is chance; brackets are 95 % intervals.": ("computed", "hollow"),
        "| Layer | Depth | Balanced accuracy, raw activations |": ("computed", "one"),
    },
    "stated": {
        "**Stated by the author** in `evidence.yaml`, measured elsewhere. hubkit has not computed these values and compares none of them with computed ones.": ("stated", "computed"),
        "**Stated**: `evaluation.json` was changed since hubkit computed it, so none of the values in it counts as computed.": ("changed", "unrecorded"),
        "**Stated**: these values stand in the files named below without the record that hubkit computed them.": ("unrecorded", "computed"),
        "**Stated by the training** in `cfg.json`: what it counted itself. On how many rows is not recorded there.": ("lens", "plain"),
        "<summary>All 18 stated values</summary>": ("stated", "lens"),
        "| layer, raw activations |": ("stated", "lens"),
        "| not stated |": ("stated", "written"),
        "Source: the earlier card.": ("written", "stated"),
        "| loss | 2.000 |": ("written", "in_text"),
        " Further ones, which the author's own text says: 1. On how many rows is not stated.": ("written", "stated"),
        "The numbers in the author's own text were measured elsewhere, and hubkit has not computed them; `evidence.yaml` holds 1 of them.": ("in_text", "written"),
        "in 8 of 9 (89 %) (1 inconclusive); expected by chance: 4. **More often than chance.** (Sign test on the stated counts, two-sided p": ("stated", "experiments"),
        "SAE probes come out above the raw activations of their layer in 8 of 9 (89 %)": ("stated", "experiments"),
        "; the comparisons share rows.) Means 70.0 % and 60.0 %, a difference of +10.0 points. [": ("stated", "experiments"),
        "- Tested against chance (t, Holm-corrected): a; b, each with p = 0.01. [": ("stated", "experiments"),
        "Experiments of the same origin, each marked so: Probe comparison, Stability under re-sampling, Steering": ("stated", "experiments"),
        "Probes on training rows: the SAE has seen the rows that its probe is tested on, and a probe can read that membership instead of the label. These are no cross-fitted values.": ("stated", "unrecorded"),
        "A largest d is a maximum over latents, large on noise too: it counts only above the 95 % point of its null.": ("stated", "lens"),
    },
    "sae_table": {
        "Computed by hubkit.": ("computed", "stated"),
        "Computed by hubkit. Brackets are 95 % intervals.": ("computed", "hollow"),
        "– was not measured.": ("computed", "one"),
        "| d_sae | k | target L0 | findings |": ("hookless", "plain"),
        '"Unseen rows": every row is measured by an SAE trained without it (cross-fitting); the published SAE itself was trained on all rows of its condition.': ("computed", "one"),
        "Membership control: AUROC of telling the rows that an SAE saw from those it did not by how well it says them back, 0.5 being chance": ("computed", "chance"),
        "; a `mixed` SAE sees every row and has none.": ("computed", "one"),
        "<summary>All 14 SAEs</summary>": ("hollow", "computed"),
        "16 of 32 latents fire on these rows.": ("one", "computed"),
        "| `a` | topk | 2 | 32 | 4 | none |": ("plain", "skipped"),
        "none; not checked: THR001": ("skipped", "plain"),
    },
    "labels": {
        "**The pool is in this repository** (`pool/`): 20 completions with what every judge said of them (`pool/completions.jsonl`), and the activations of 15 labelled rows at layers 2, 3 (`pool/activations/`). The completions are under `cc-by-4.0`. Nobody is named in these texts. `hubkit reproduce": ("with_pool", "worth"),
        "` computes from these files what they suffice for, and holds it against evaluation.json.": ("with_pool", "worth"),
        "**What the labels are worth** ([pool_report.json](pool_report.json)): completions are 21.5 tokens long on average, 2 of 20 repeat another word for word, 1 begin like a refusal, 3 say the same again and again.": ("worth", "plain"),
        "The words of a completion without the deciding one tell the labels apart with a balanced accuracy of 0.612 (95 % 0.500 to 0.700) within scenarios (n = 15): what a probe must beat to have found more than words.": ("worth", "worth_little"),
        "With the facts of a scenario turned around the labels should turn too: the share of `yes` moves by -25.0 points (95 % -40.0 to -10.0)": ("worth", "worth_little"),
        "up in 1 and down in 2 of 3 scenarios.": ("worth", "worth_little"),
        "Of questions with nothing at stake, `tea` was decided in 15 of 20 completions.": ("worth", "worth_little"),
        "- Few decisive completions: 15, fewer than 181.": ("worth", "worth_little"),
        "| scenario | `yes` means | `no` means |": ("worth", "worth_little"),
        "Completions were sampled from one and the same prompt per scenario at temperature 1, and labelled by a judge.": ("quantized", "half_quantized"),
        "Completions were sampled, and labelled by a judge.": ("half_quantized", "quantized"),
        "Labelled again by b.": ("quantized", "half_quantized"),
        "A and b agree on 90 % of the completions that both decide (n not recorded).": ("quantized", "half_quantized"),
        "A and c agree on 80 % of the completions that both decide (n = 40); with ambiguous as an answer of its own, Cohen's kappa is 0.70 (95 % 0.60 to 0.80) over 50 completions.": ("quantized", "half_quantized"),
        "15 scenarios are on record, 1 of them without a decisive completion.": ("computed", "plain"),
        "1 scenario is on record; how many completions each gave is not.": ("half_quantized", "computed"),
        "150 sampled → 30 ambiguous → 120 decisive: 60 `no`, 60 `yes`.": ("computed", "plain"),
    },
    "training": {
        "Stated by the training in each `cfg.json`": ("computed", "plain"),
        "`cfg.json` (`metadata.hubkit`).": ("computed", "lens"),
        "`cfg.json`, in SAELens's own keys.": ("lens", "computed"),
        ": by hubkit's in `metadata.hubkit`, by SAELens's in its own keys.": ("half_quantized", "computed"),
        "- Training rows: mixed 100": ("computed", "lens"),
        "- Hardware: a card": ("quantized", "computed"),
        "- Recipe r0: 4 SAEs, layers": ("quantized", "computed"),
        "| Loaded with | load_in_8bit = True (1 of 2 SAEs) |": ("half_bits", "all_bits"),
        "| Loaded with | load_in_4bit = True |": ("all_bits", "half_bits"),
        "| Context, tokens | 256 and 1,024 |": ("half_bits", "all_bits"),
        "- Neuronpedia: 1 SAE states an id there. hubkit checked that its form, model and layer fit; whether its dashboards are of these weights is not checked.": ("lens", "plain"),
        "- Neuronpedia: 2 SAEs state an id there. hubkit found that not every id fits its SAE (CFG023); whether": ("lens_open", "lens"),
        "- Software: torch 2": ("quantized", "computed"),
    },
    "precision": {
        "The activations were taken from the base model in **float32**; the SAEs are stored in float32.": ("by_module", "quantized"),
        "No file beside this card records the precision of the base model. The SAEs are stored in float32.": ("plain", "all_bits"),
        "The activations were taken from the base model in **8-bit for 1 of 2 SAEs**; of 1 SAE no file records it; the SAEs": ("half_bits", "all_bits"),
        "The activations were taken from the base model in **4-bit fp4**; the SAEs": ("all_bits", "half_bits"),
        "The base model was loaded in 4-bit": ("quantized", "half_quantized"),
        "The base model of 1 of the 2 SAEs was loaded in 8-bit.": ("half_quantized", "quantized"),
        " A quantized weight takes 4.500 bits with its scales.": ("quantized", "half_quantized"),
        " Every measured value here is about this quantized model, not about the model at full precision.": ("quantized", "half_quantized"),
        "| activations of | expected by the author | why | computed by hubkit |": ("quantized", "stated"),
        "| high | – | not measured |": ("quantized", "stated"),
        "| – | – | explained_variance 0.600 [0.500, 0.700] (n = 100) |": ("experiments", "stated"),
        "| activations of | stated |": ("stated", "experiments"),
        "not measured: the package bitsandbytes is not installed |": ("experiments", "stated"),
        "Measured by hubkit: the tokens of the pool run again at each precision, and the SAE, unchanged, on what came (100 rows, which it was trained on). Rule: retrain where much changes. Between two halves of the rows, at the SAE's own precision, 0.250 of the alive latents change. With noise as long in each row as the row has changed, the latents' correlation is 0.700.": ("experiments", "stated"),
        "| precision | SAE |": ("experiments", "stated"),
        "| its own, run again |": ("experiments", "stated"),
        "**portable**: both are below their bounds |": ("experiments", "stated"),
        "The weights came to the model by way of 2 forms. The narrowest leaves **5.744 bits a parameter**, scales and what is not quantized included.": ("another_form", "sampled"),
        "| weights as | bits a parameter |": ("another_form", "sampled"),
        "They ran on cpu (a machine) with gguf 3, torch 2.": ("another_form", "sampled"),
        "Transfer to another precision, another revision of the base model or an instruction-tuned variant: not measured by hubkit.": ("plain", "stated"),
    },
    "quality": {
        "Computed by hubkit: median, and lowest to highest, over the SAEs of an architecture, on 100 rows.": ("computed", "one"),
        ", of 13 SAEs |": ("hollow", "computed"),
        "The base model (float32) with an SAE in the place of its activations, on 20 texts of 1,200 tokens, 60 at once at most, each begun with BOS; 1,180 predictions are counted. Special tokens keep their activations. Intervals are over texts.": ("in_model", "computed"),
        ", some of them begun with BOS; ": ("in_model", "computed"),
        "on 1 text of 1,200 tokens, 60 at once at most, none begun with BOS; 1,180 predictions are counted, those of the prompts are not.": ("in_model", "computed"),
        "**These SAEs were trained on one vector a text (the last over response): single tokens are out of what they were trained on.**": ("in_model", "computed"),
        "| sae_id | CE loss recovered, of zero ablation |": ("in_model", "computed"),
        "Unseen rows of each label alone, median over SAEs:": ("beside", "computed"),
        "| architecture | trained on | rows |": ("beside", "computed"),
        "Latents by the share of the training rows on which they fire (`density` in `metrics.json`; dead: on none; dense: on more than 10 %, which the last columns hold too):": ("beside", "computed"),
        "| architecture | dead | 1 % to 10 % | 10 % to 100 % | dense |": ("beside", "computed"),
    },
    "seeds": {
        "Each SAE was trained again on the same rows, with other first weights and another order of the rows (3 seeds in all). Latents that fire are matched one to one, so that the cosines of their decoders have the largest sum; beside their mean stands that of as many random directions of the activations' covariance.": ("reseeded", "computed"),
        "Each SAE of this table was trained again": ("two_seeds", "reseeded"),
        "**1 of 8** is above it.": ("reseeded", "two_seeds"),
        "Two seeds give no interval: whether they are above it is not judged.": ("two_seeds", "reseeded"),
        "A latent is shared where decoder and encoder find the same counterpart, both with a cosine of 0.7 or more.": ("reseeded", "computed"),
        "Activations of matched latents are correlated on rows that none of these SAEs has seen: from each seed the same settings were trained once more, without the rows of one fold. Beside it stands what chance gives: random directions of the activations' covariance. **6 of 7** are above it.": ("reseeded", "two_seeds"),
        "on rows that none of these SAEs has seen (from each seed the same settings were trained once more, without the rows of one fold) where such SAEs are there, else on the training rows.": ("partly_unseen", "reseeded"),
        "| 0.310 [0.260, 0.360] | 0.020 | not told from its null |": ("reseeded", "two_seeds"),
        "on the training rows, which all of these SAEs saw: what comes back in other rows is not measured.": ("two_seeds", "partly_unseen"),
    },
    "stability": {
        "of all rows and of each draw, with the latents that both have among their furthest. More than noise gives, in all rows and in every draw: **3 of 3** SAEs; in none: 0.": ("monotonic", "stated"),
        "Reference: Largest effect d_max = 0.400 for `a` (n = 100).": ("stated", "plain"),
        ", sample standard deviation": ("stated", "monotonic"),
        "(2 seeds). Not one of them, the reference included, is above 0.500 (95 % point, permutation of the labels): what is stable here is what noise gives.": ("stated", "monotonic"),
        "All of them are above 0.500": ("monotonic", "stated"),
    },
    "steering": {
        "**d**: cosine 0.300 to the raw.": ("stated", "monotonic"),
        "| alpha | rate of `yes` |": ("stated", "plain"),
        "The rate is **not monotonic** in alpha.": ("stated", "monotonic"),
        "The rate is monotonic in alpha.": ("monotonic", "stated"),
        " On how many completions each rate stands is not stated.": ("stated", "monotonic"),
        "No direction here changed the labels significantly (p of 0.05 or more).": ("stated", "monotonic"),
        "Added at `blocks.1.hook_resid_post` to every token of a completion and to none of its prompt, 40 completions at each alpha, of the same seeds; labelled by keyword. At alpha 1 what is added is 0.35 times as long as the median activation.": ("experiments", "stated"),
        "| alpha | rate of `yes` | n | undecided | rate if the undecided were decided | changed to, from | p, Holm |": ("experiments", "monotonic"),
        "| -1 | 0.700 | 36 | 0.100 | 0.650 to 0.750 | 2, 9 | 0.0010 |": ("experiments", "stated"),
        "The labels moved with alpha and at alpha -1 against 0, and further than along random directions of the same length. Trend: p = 0.0005 (label against alpha).": ("experiments", "stated"),
        "The labels moved with alpha and at alpha -1 against 0, but **no further than along random directions of the same length**: no causal effect of this direction was found.": ("experiments", "stated"),
        "**No causal effect was found**: neither the trend over alpha nor a dose against alpha 0 is significant (0.05). Trend: p = 0.4000": ("experiments", "stated"),
        "From the smallest alpha to the largest the rate changed by -0.400, an undecided completion counting as a half. Changed: completions of a seed that have this label and had another at alpha 0, and the reverse (McNemar, exact).": ("experiments", "stated"),
        "| beside it | directions | change of the rate, from, to | undecided | p |": ("experiments", "stated"),
        "too few random directions were tried to say whether that is more than any direction does.": ("experiments", "stated"),
        "| random directions, all alike | 20 | -0.100, 0.090 | 0.200 | 0.048 |": ("experiments", "stated"),
        "not computed by hubkit. Source: the paper, table 2": ("stated", "experiments"),
    },
    "top_features": {
        "The latents with the largest d, chosen for it: an illustration, not evidence. Their ids depend on the initialisation and the sample.": ("stated", "plain"),
        "`a`, seed 1, on 3 yes and 4 no completions:": ("stated", "plain"),
    },
    "probes": {
        "The same probe on several representations of the same 100 rows.": ("stated", "monotonic"),
        "The same probe on one representation of the same 100 rows.": ("monotonic", "stated"),
        "**Every interval holds 0.5**: none of these representations is shown to carry the labels.": ("stated", "monotonic"),
        "On rows that the SAE was trained on, not cross-fitted: SAE.": ("stated", "monotonic"),
        "Intervals: binomial.": ("stated", "monotonic"),
        "Beside the probe of each SAE, on unseen rows (an AUROC within scenarios compares 843 pairs of rows)": ("beside", "computed"),
        ": the same probe of an SAE that nobody trained, of as many latents that fire as often; a control label, thrown for each scenario; selectivity, what the probe reads of the labels over all rows minus what it reads of the control (Hewitt and Liang 2019: rows of one scenario share their prompt, so that near 0 or below is what features give that know it); the Brier score of its probabilities (0.250 for saying the label's share of every row), where lower is better.": ("beside", "computed"),
        "| sae_id | probe balanced accuracy |": ("beside", "computed"),
        "AUROC of a probe of k latents, the k that tell the labels of the training rows apart furthest; of as many latents that fire as often, drawn at random; and of as many raw dimensions, chosen as the latents are.": ("beside", "computed"),
        "| random | raw |": ("beside", "computed"),
        "The first k principal components of the raw activations: layer 0 0.600 (k = 1)": ("beside", "computed"),
        "The difference from the raw activations as single folds see it (Nadeau and Bengio 2003); it finds no less than the last column four times of five.": ("beside", "computed"),
        "| sae_id | by rows, points | by folds, points | detectable |": ("beside", "computed"),
    },
    "limitations": {
        ".** 2 of 2 SAEs: `": ("all_defective", "plain"),
        ".** This SAE (": ("defective", "plain"),
        "**A value without definition version, n, split or interval.** (EVL003)": ("computed", "plain"),
        "**Rewritten (THR001):** 1 of 8 SAEs (`": ("quantized", "plain"),
        "`), trained as jumprelu, published as the standard SAE that it computes. Before that: ": ("quantized", "plain"),
        "- **Base model:** d_in = 8, where openai-community/gpt2 is 768 wide at such a hook (the hidden size): 3 of 3 SAEs": ("narrow", "plain"),
        "8 of 8 SAEs were trained on fewer rows than they have latents": ("chance", "computed"),
        "SAEs were trained on fewer rows than they have latents (10 rows): such a dictionary can store its training rows.": ("chance", "computed"),
        "The SAE was trained on fewer rows than it has latents (10 rows)": ("one_at_chance", "one"),
        " Read the values on unseen rows, not those on training rows.": ("chance", "one_at_chance"),
        "- Over half of the latents never fire on the measured rows: 8 of 8 SAEs": ("chance", "computed"),
        "- By the stated values, over half of the latents never fire: 1 of 2 SAEs": ("stated", "half_bits"),
        "- **One value for every latent's threshold: never learned.** This SAE (THR002)": ("one_number", "narrow"),
        "- **Every threshold equals its initial value: never learned.** 1 of 3 SAEs": ("narrow", "one_number"),
        "- **No model_name after loading: the configuration does not say of which model the activations are.** This SAE (CFG011)": ("nameless", "hookless"),
        "- **No hook_name after loading: nobody can tell where in the model the activations come from.** 2 of 2 SAEs": ("hookless", "nameless"),
        "- **A value that its measure cannot have.** 1 of 2 SAEs": ("half_bits", "all_bits"),
        "- The activations come from a quantized model": ("quantized", "half_quantized"),
        "- The activations of 1 of 2 SAEs come from a quantized model": ("half_quantized", "quantized"),
        " Transfer to another precision was not measured by hubkit.": ("quantized", "plain"),
        "- Transfer to another precision, revision or variant of the base model was not measured by hubkit.": ("plain", "stated"),
        "- The completions come from 4 scenarios: with fewer than 12, a number about new scenarios describes these.": ("chance", "computed"),
        "with fewer than 12, nothing can be said about new scenarios.": ("poor", "chance"),
        "- Intervals generalise to new completions of these scenarios, not to new scenarios; only those of the probes on new scenarios do.": ("computed", "chance"),
        "- The best layer of the raw activations (3) has no SAE.": ("chance", "computed"),
        "- Not measured by hubkit: 2 of 2 SAEs.": ("plain", "computed"),
        "- Not measured by hubkit: this SAE.": ("lens", "plain"),
        "- Probe accuracy was not computed by hubkit for 8 of 8 SAEs.": ("poor", "computed"),
    },
    "checks": {
        "rules found no defect in these SAEs (2 checked).": ("plain", "skipped"),
        "rules found no defect in this SAE.": ("single", "plain"),
        "found no defect in": ("plain", "narrow"),
        "rules found no defect in the files as they are now (8 checked).": ("quantized", "plain"),
        "**A value without definition version, n, split or interval.** (EVL003) alive_share": ("computed", "plain"),
        "; and 5 more alike.": ("poor", "plain"),
        "- Not checked: THR001 of 1 of 2 SAEs: the threshold could not be read.": ("skipped", "plain"),
        "- Not checked: CFG001: no listing.": ("skipped", "plain"),
        "(`hubkit validate --deep` asks it).": ("plain", ALWAYS),
        "What training said about 2 of 8 SAEs:": ("warned", "computed"),
        "Check this repository: `hubkit validate owner/release`; `hubkit explain CODE` says what a code means.": ("plain", ALWAYS),
    },
    "loading": {
        "# or any other id of the table": ("plain", "lens"),
        "`sae.encode(x)` takes (rows, 768) and gives (rows, 32).": ("plain", "narrow"),
        " A row is the last token of a completion (response); single tokens are not what it was trained on.": ("pooled", "plain"),
        " A row is the mean of a completion": ("sampled", "pooled"),
        "`sae.encode(x)` takes (rows, 16) and gives the values and the places of the latents that are kept (`top_acts`, `top_indices`).": ("of_sparsify", "plain"),
    },
    "activations": {
        "`hook_name` is the place in TransformerLens's words. The module of the transformers model whose output it is stands in no configuration: it is derived from the base model's class.": ("plain", "by_module"),
        "`hook_name` is the place in TransformerLens's words, `hf_hook_name` the module of the transformers model whose output it is. The code uses the second: it needs no TransformerLens.": ("by_module", "lens"),
        "With TransformerLens, by what `cfg.json` records. It goes on from the code above.": ("lens", "plain"),
        "It goes on from the code above, samples completions as the training did, with the prompts of `provenance.json`, and pools them alike: the mean of the response's tokens outside the word that decides the label.": ("sampled", "pooled"),
        "and pools them alike: the last of the response's tokens": ("sampled_last", "sampled"),
        "It goes on from the code above.\n": ("plain", "sampled"),
        "The files do not say enough for code that takes the activations as the training did, so none is given here: take those of the base model at the SAE's `hook_name`.": ("narrow", "hookless"),
        "No file names the place in the base model that the SAE of the code above reads, so no code is given here that takes its activations.": ("hookless", "narrow"),
        "<b>The activations of the training</b>": ("hookless", "plain"),
        "<b>Code: the activations as in training, with L0 and explained variance</b>": ("plain", "hookless"),
        "<b>Code: the activations as in training, with L0</b>": ("pooled", "plain"),
        "x = cache[hook][0].flatten(1).to(torch.float32)  # (tokens, 768), the heads joined": ("one_number", "lens"),
        "It fails where a value lies further from the card's than 4 standard errors of the difference, by the card's interval and the number of rows sampled here, or than 2 %.": ("sampled", "computed"),
        "The card's values are of other rows than this text, and the code only prints them beside its own.": ("computed", "sampled"),
        "The card's values are of other rows than the sampled ones, and the code only prints them beside its own.": ("sampled_last", "sampled"),
        "What the code feeds and what the SAE was trained on:": ("plain", "lens"),
        "hf_hook_name: not recorded.": ("narrow", "by_module"),
        "| hook_name | hf_hook_name |": ("by_module", "plain"),
        "# the precision of the training": ("by_module", "plain"),
        "quantization_config=quantization, dtype=torch.bfloat16)": ("four_bits", "quantized"),
        "# else bitsandbytes computes in bfloat16 on a CPU with AVX512-BF16": ("four_bits", "sampled"),
        'AutoTokenizer.from_pretrained(model_id, gguf_file="m.gguf")': ("from_gguf", "sampled"),
        "- The weights of the training were another form of the model's, Q4_1 -> float32; the code loads the model by its name.": ("another_form", "sampled"),
        "# in training at revision 0123456789abcdef": ("sampled", "computed"),
        "# as in training, BOS first": ("by_module", "plain"),
        "the table below has those of the other SAEs": ("plain", "by_module"),
    },
    "weights": {
        "Needs `torch`, `safetensors` and `huggingface_hub`.": ("plain", "scaled"),
    },
    "versions": {
        "- **topk**: in SAELens's registry for inference from 6.0.0 on; before 6.14.0": ("one", "computed"),
        "| in none |": ("damaged", "plain"),
        "Read in the registries of SAELens 6.0.0 to 6.54.12: a version without the architecture cannot load it.": ("plain", ALWAYS),
    },
    "license": {
        "This SAE: mit. ": ("single", "plain"),
        "These SAEs: mit. The base model `openai-community/gpt2` has its own licence, which applies to it and may bind what is derived from it.": ("plain", "quantized"),
        "has its own licence (gemma), which": ("quantized", "plain"),
    },
    "provenance": {
        "at an unrecorded revision |": ("half_quantized", "computed"),
        "| recorded by | hubkit": ("computed", "plain"),
        "| values computed by | hubkit 0.1.0, digest of the inputs `000000000000`, of the values `": ("computed", "half_quantized"),
        "`provenance.json` has the sha256 of": ("computed", "half_quantized"),
        "There is no provenance.json: no file beside this card records when these SAEs were made, nor from which revision of the base model, nor with what software.": ("plain", "lens"),
        "There is no provenance.json": ("plain", "computed"),
        "provenance.json is there, and has no `$schema` by which it could be read: no other file beside this card records": ("unread_record", "plain"),
        " The configurations say that they were trained with SAELens 6.54.12.": ("lens", "plain"),
        " The configurations were written by SAELens 6.54.12.": ("plain", "lens"),
        " They state the revision v2 of the base model.": ("lens", "plain"),
        "Digest of the files at the time of writing: `": ("plain", ALWAYS),
    },
    "summary": {
        "sparse autoencoders trained on activations of [openai-community/gpt2]": ("plain", "narrow"),
        "sparse autoencoder trained on": ("lens", "root"),
        "transcoder trained on": ("root", "lens"),
        ", in SAELens format.": ("plain", "narrow"),
        "in SAELens format": ("plain", ALWAYS),
        "; `card.yaml` says that they were trained on activations of [": ("wrong_model", "plain"),
        "; only `card.yaml` names the base model.": ("nameless", "plain"),
        "The repository also holds 1 SAE in other formats, of which this card says nothing.": ("beside_others", "plain"),
        "Part of the study [S](https://example.org).": ("quantized", "plain"),
        "Beside it, on the same base model: [C](https://example.org/c); D.": ("quantized", "plain"),
        "> **Superseded** by [owner/next](https://huggingface.co/owner/next).": ("sampled", "plain"),
        "> **Base model in doubt.** The configurations name `a-model-of-ours`": ("wrong_model", "narrow"),
        "of the 3 SAEs cannot be of openai-community/gpt2": ("narrow", "wrong_model"),
    },
    "uses": {
        "## Which SAE to use": ("computed", "one"),
        "- **Begin with** `lab_jumprelu_L1_mixed` (jumprelu, layer 1): probe balanced accuracy on unseen rows 0.700 [0.650, 0.750], the highest of 4 that saw both labels": ("computed", "one"),
        ", the highest of 4 without a defect that saw both labels": ("best_defective", "computed"),
        ", tied with `lab_jumprelu_L2_mixed`, `": ("computed", "one"),
        " and others.": ("many_tied", "computed"),
        ": it has no defect; hubkit measured nothing that would choose among 2.": ("plain", "computed"),
        ": it has no defect and saw both labels; hubkit measured nothing": ("quantized", "plain"),
        ": every SAE has a defect, this one HOOK003.": ("all_defective", "plain"),
        "- **Begin with** `b` (topk, layer 3): every SAE has a defect, this one HOOK003, no other a less severe one.": ("worse_and_less", "all_defective"),
        "of 3 with the least severe defects that saw both labels": ("worse_measured", "all_defective_measured"),
        "; every SAE has a defect, this one HOOK003, HOOK006.": ("all_defective_measured", "all_defective"),
        ": the only one without a defect.": ("narrow", "plain"),
        ": the only one that no fix made another architecture of.": ("mended", "plain"),
        "- **Avoid** every jumprelu SAE: they have defects (THR001, THR002).": ("narrow", "plain"),
        "- **For**: ": ("quantized", "plain"),
        "- **Not for**: ": ("quantized", "plain"),
    },
    "research": {"- Code: <https://example.org>": ("quantized", "plain"), "(arXiv:2406.04093)": ("quantized", "plain")},
    "index_overview": {
        "32 sparse autoencoders on 4 models": ("index_trend", "index_one"),
        ", one repository per model:": ("index_trend", "index_stated"),
        ", in 2 repositories:": ("index_stated", "index_trend"),
        "> **Known defects.** The thresholds of 2 of the 5 SAEs were never learned: see the repositories' own cards.": ("index_stated", "index_trend"),
    },
    "index_models": {
        "Smallest model first.": ("index_trend", ALWAYS),
        " Computed by hubkit.": ("index_trend", "index_stated"),
        " Depth is (layer + 1) / layers.": ("index_trend", "index_stated"),
        " Brackets are 95 % intervals.": ("index_trend", "index_stated"),
        " – was not computed.": ("index_mixed", "index_stated"),
        " Each row states what its repository held at that commit; `hubkit verify OWNER/NAME@COMMIT` proves it.": ("index_trend", "index_one"),
    },
    "index_counts": {
        "- Over the 4 models with such counts": ("index_trend", "index_one"),
        "SAE probes (56 %) are above the raw activations of their layer, computed by hubkit; half of them would be where both are equally good.": ("index_trend", "index_stated"),
        " Per model: 22 % to 89 %.": ("index_trend", "index_one"),
        "SAE probes above TopK in 8 of 9: more often than chance (sign test, two-sided p": ("index_trend", "index_stated"),
        "in 8 of 9 (1 inconclusive): more often": ("index_trend", "index_stated"),
        "in 8 of 9 (1 inconclusive, 2 collapsed): more often": ("index_trend", "index_stated"),
    },
    "index_stated": {
        "Values that hubkit did not compute stand in the cards of their repositories, and in no table here:": ("index_stated", "index_trend"),
        "(sign test on the stated counts, two-sided p": ("index_stated", "index_trend"),
        "). Source: the paper, table 2.": ("index_stated", "index_trend"),
    },
    "index_size": {"p is two-sided, by permutation of the models, not corrected for 2 quantities.": ("index_trend", "index_one")},
    "index_caveats": {
        ": the thresholds of 2 of 3 SAEs were never learned.": ("index_stated", "index_trend"),
        "- No SAE at the best layer: ": ("index_one", "index_trend"),
        "- Activations of a quantized model: ": ("index_one", "index_trend"),
        "- SAE probes on rows that the SAEs were trained on: ": ("index_one", "index_trend"),
        "- Models differ in more than size: in data, tokenizer and how coherent their completions are. A trend over them is no cause.": ("index_trend", "index_one"),
    },
    "index_checking": {
        "; each base model has its own licence. How to load an SAE, what it is and is not intended for, its training data and its precision: in the card of its repository, as far as they are known.": ("index_trend", ALWAYS),
        "Check a repository: `hubkit validate ": ("index_trend", ALWAYS),
        "Digest of all releases at the time of writing: `": ("index_trend", ALWAYS),
        "These SAEs: mit; each": ("index_trend", ALWAYS),
    },
}  # fmt: skip
"""By template: the phrase as a card shows it, where it must stand and where it must not."""

SAID: dict[str, Row] = {
    "role-play prompts that assign the model a specific role before it speaks": ("assigned_role", "social_deduction"),
    "role consistency against role drift in short role-play completions": ("assigned_role", "lab"),
    "emergent, incentive-driven or strategic deception. A prompt that assigns a deceptive identity is an instruction; what varies is how the model follows it, not a goal that it pursues on its own.": ("assigned_role", "instructed"),
    "deception detection, lie detection, or safety-relevant monitoring of emergent model behaviour": ("social_deduction", "decision_incentive"),
    "one ambiguous social-deduction prompt per scenario, completed both ways under temperature": ("social_deduction", "assigned_role"),
    "what the model went on to say, from one and the same prompt: the response, not the prompt": ("social_deduction", "assigned_role"),
    "intent. Under sampling a base model says both things; a completion that a judge calls deceptive is not evidence of a goal behind it.": ("social_deduction", "assigned_role"),
    "decisions in which one answer pays the model and the other is true, with no identity assigned": ("decision_incentive", "instructed"),
    "whether the rewarded or the true answer was given": ("decision_incentive", "instructed"),
    "whether the model represents the incentive as its own, or knows the answer to be false": ("decision_incentive", "instructed"),
    "lie detection outside scenarios of this kind": ("decision_incentive", "lab"),
    "prompts that tell the model which way to answer": ("instructed", "decision_incentive"),
    "which instruction the model was given and followed": ("instructed", "decision_incentive"),
    "behaviour that was not asked for: the labels differ in the prompt already": ("instructed", "decision_incentive"),
    "a small model that was trained to show either behaviour": ("lab", "instructed"),
    "a behaviour whose truth is known": ("lab", "instructed"),
    "dead latents, as the training counted them": ("lens", "plain"),
    " the scaling by decoder norms is ignored": ("one", "unregistered"),
    "in no registry for inference up to ": ("unregistered", "plain"),
    "| above its null |": ("computed", "chance"),
    "| not above its null |": ("chance", "computed"),
    "0.5: above its null (a fixed reference) |": ("stated", "monotonic"),
    ": not told from its null (": ("stated", "monotonic"),
    ": below its null (": ("stated", "monotonic"),
    ": not judged (": ("stated", "monotonic"),
    "Whether the value itself is more than chance is not known: the 95 % point of its null is not known.": ("monotonic", "stated"),
    "Not one of them, the reference included, is above 0.500 (95 % point, permutation of the labels): what is stable here is what noise gives.": ("stated", "monotonic"),
    "All of them are above 0.500": ("monotonic", "stated"),
    "Some are above and some are not above 0.500": ("monotonic", "stated"),
    "All of them are above the 95 % point of their nulls, 0.500 to 0.700 (": ("monotonic", "stated"),
    "**No evidence of a difference.**": ("monotonic", "stated"),
    "**Less often than chance.**": ("monotonic", "stated"),
    "**More often than chance.**": ("stated", "monotonic"),
    "- The SAE saw the rows of one label only; the code takes those of both, so its numbers may differ from the card's.": ("sampled_last", "sampled"),
    "- Not checked: the values of the weights, but for thresholds (": ("plain", ALWAYS),
    "- Not checked: what SAELens makes of the files (": ("plain", ALWAYS),
    "- Not checked: the base model's own config.json and modules (": ("plain", ALWAYS),
    "- Among the 3 models of the study that were measured alike, the best layer of this one is number 2 by balanced accuracy: 0.750, the others 0.600 to 0.900.": ("in_study", "computed"),
    "- The highest of the 2 stated layers of raw activations: layers 3 and 4, tied at 0.700 balanced accuracy.": ("stated_ties", "stated"),
    "- The highest of the 2 stated SAE probes: `a` (**it has a defect**: THR001) at 0.800 balanced accuracy.": ("stated_ties", "stated"),
    "- Not checked: WTS001: the rule itself failed.": ("skipped", "plain"),
    "**topk**: the k largest of ReLU(pre); k = ": ("plain", "by_module"),
    "| pre where pre > threshold, else 0 |": ("narrow", "plain"),
    ": fewer than 4 models of known size were measured.": ("index_one", "index_trend"),
    "| SAE probes above the raw activations of their layer | 4 |": ("index_trend", "index_one"),
    "- What the labels mean: no file beside this card records it.": ("plain", "quantized"),
    "Intended use": ("lens", "plain"),
    ": no field of `card.yaml` gives it.": ("plain", "quantized"),
    'sae_id = "b"  # or any other id of the table': ("worse_and_less", "plain"),
    "What the labels mean": ("plain", "told"),
    "Classification methodology: ": ("plain", "told"),
    "Stated, not computed: no file beside this card states a measured value.": ("plain", "stated"),
    "SAE quality, What the label means, Effect sizes, Latents from other seeds: not computed by hubkit.": ("plain", "computed"),
    "Probe comparison: not computed by hubkit, and stated in no file beside this card.": ("plain", "stated"),
    "Classification methodology: no file beside this card records how the labels were made.": ("plain", "computed"),
    "Training configuration: no cfg.json records it.": ("plain", "lens"),
    "- No configuration records whether a BOS token stood first in training; the code leaves it to TransformerLens.": ("lens_open", "lens"),
    "- No configuration records whether a BOS token stood first in training; the code leaves it to the tokenizer.": ("plain", "by_module"),
    "- The SAEs differ in the model class, its arguments or the BOS token; the code is for the one that it loads.": ("lens_open", "by_module"),
    "- The SAE was trained on one row per completion, the last token over the response; the prompts are in no file, so the code pools the whole of a text of yours.": ("pooled", "plain"),
    "- The model was loaded with hf_config too, which the code leaves out.": ("lens_open", "lens"),
    "- The training scaled its activations (`normalize_activations` is `expected_average_only_in`); the code feeds them unscaled.": ("scaled", "lens"),
    "- The activations of the training came from TransformerLens with center_writing_weights; the code takes those of transformers, which may differ.": ("lens_module", "lens"),
    "- No configuration records with which class of model the activations were taken; the code takes the plain model of transformers.": ("plain", "by_module"),
    "*No intervals: whether any difference is more than chance is not known.*": ("hollow", "computed"),
    "*Whole 95 % interval above zero: 8 of 8; below: 0. Expected by chance: 0.2 of 8 each, or more.*": ("computed", "hollow"),
    "*Each mark is an SAE. Up and to the left is better: more said back by fewer latents.*": ("computed", "one"),
    "Largest effect of a latent, d_max: 8 SAEs, 0.700 to 0.800; their nulls 0.500. Above the 95 % point of its null (permutation of the labels): 8 of 8. Expected by chance: 0.4.": ("computed", "reseeded"),
    "Agreement of decoders over seeds: 8 SAEs, 0.310 to 0.800; their nulls 0.300. Whole 95 % interval above random directions: 1 of 8.": ("reseeded", "two_seeds"),
    "*Two seeds give no interval.*": ("two_seeds", "reseeded"),
    "Rate of yes by the strength of a direction: d 0.20 to 0.70": ("experiments", "computed"),
    "*Random directions of the same length moved the rate as far: 0 of 20 (moves of lab_topk_L2_yes_only); ": ("experiments", "steered_alone"),
    "*No random directions were tried beside them.*": ("steered_alone", "experiments"),
    "Explained variance lost on other activations: nf4 0.100. Of 1 SAE; whiskers are 95 % intervals over rows. The rule by which a transfer is judged stands in the table.": ("experiments", "computed"),
    "How often latents fire, by architecture. On no row: jumprelu 12 %; topk 12 %.": ("beside", "computed"),
    "The band holds 95 % of what labels permuted gives.": ("tested", "computed"),
    "*Each mark is an SAE, on rows it never saw; lines are the means of an architecture.*": ("computed", "one"),
    "; lines are the means of an architecture": ("computed", "one"),
    "A threshold of 0 leaves a plain ReLU; `hubkit explain THR001` says why.": ("narrow", "one_value"),
    "A threshold at its initial value was never learned; `hubkit explain THR002` says how that is told.": ("narrow", "one_number"),
    "One threshold for all latents of a trained JumpReLU was never learned; `hubkit explain THR002` says how that is told.": ("one_number", "narrow"),
    "One value for all latents was set or exported so; it was not learned latent by latent.": ("one_value", "narrow"),
    "![Thresholds of the SAEs, 2: 2 one value for all.]": ("one_value", "narrow"),
    "Probe balanced accuracy by layer: raw activations of 3 layers": ("computed", "stated"),
    "SAE probe minus raw activations, balanced accuracy, 8 SAEs": ("computed", "stated"),
    "`evaluation.json`, without a record of a computation; not computed by hubkit": ("unrecorded", "stated"),
    "`evaluation.json`, changed since it was computed; not computed by hubkit": ("changed", "unrecorded"),
    "Stated by the author (`evidence.yaml`), not computed by hubkit. Source: ": ("stated", "unrecorded"),
    "Training configuration: it is not read by hubkit in sparsify's files": ("of_sparsify", "plain"),
    "SAELens versions: these files are sparsify's": ("of_sparsify", "plain"),
    "Code in plain torch: not written for sparsify's files": ("of_sparsify", "plain"),
    ", in sparsify's format": ("of_sparsify", "plain"),
    ", in SAELens format": ("plain", "of_sparsify"),
    "Not run when this card was written.": ("plain", ALWAYS),
}  # fmt: skip
"""Sentences that are made in code, in the same form."""
MADE_IN = (
    "sections/*.py", "in_study.py", "figures.py", "figures_of_experiments.py", "stated.py", "rank.py", "base_fit.py", "scenario_families.py", "saelens_versions.py", "trained.py",
)  # fmt: skip
FEW_WORDS = 5
ELSEWHERE = {
    " SAEs, sorted by their distance from the null", "share of the rows on which a latent fires",  # in the pictures themselves
    "ReLU(r_mag-scaled pre + b_mag) where the gate is open", "pre where pre > threshold, else 0, and a linear skip", "the k of largest absolute value",
    "ReLU(pre), and a linear skip", "matching pursuit on the decoder", "a value that was looked at before is gone", "no trend that this many models could show",
    "top = torch.relu(pre).topk({k})", "return torch.zeros_like(pre).scatter(-1, top.indices, top.values)", "top = pre.abs().topk({k}).indices",
    "return torch.zeros_like(pre).scatter(-1, top, pre.gather(-1, top))", "return torch.relu(pre) * (pre > w['threshold'])",
    "gate, size = pre + w['b_gate'] > 0, pre * w['r_mag'].exp() + w['b_mag']", "return gate * torch.relu(size)",
    ": a link that leads out of the release, expected a folder", "remove the link and build the card again",
    "Role-play with an assigned role", "A model made for the purpose", "sparse autoencoders and transcoders", "Sparse autoencoders of several models", "Balanced accuracy of the best layer", "Depth of the best layer",
}  # fmt: skip
"""What SAELens computes, by its architectures (`forward.py` is held against it), an error that nobody sees, one that stops the building, titles, and what other tests look at."""

LABELS = {
    "SAE", "SAEs", "layer", "layers", "Layer", "Depth", "depth", "and", "are", "was", "for", "with", "from", "top", "latent", "latents", "seed",
    "seeds", "seconds", "rows", "row", "values", "value", "null", "note", "source", "stated", "train", "author", "changed", "unrecorded",
    "training", "peak", "best", "above", "below", "measured", "checked", "reaches", "points", "point", "representations", "completions",
    "sampled", "family", "contrast", "condition", "findings", "study", "software", "digest", "module", "model", "repositories", "scenarios",
    "scenario", "files", "Commit", "Hardware", "Software", "Activations", "Expansion", "Blocks", "Parameters", "Attention", "MLP", "Vocabulary",
    "Architecture", "Mean", "Means", "come", "comes", "each", "corrected", "inconclusive", "not", "monotonic", "spread", "AUROC", "parameters",
    "Residual", "stream", "Base", "Latents", "Files", "Recipe", "quantities", "architecture", "hook_name", "hf_hook_name", "sae_id", "d_sae",
    "n", "recorded", "verdict", "setting", "Block", "foreign", "means", "Null", "Tensors",
}  # fmt: skip
"""Words that name a column, or join values: by themselves they say nothing."""
COLUMNS = {
    "architecture | latents | k | d_in | d_sae | tensors", "rows | n | d_max | null", "recorded | what", "sae_id | architecture", "value | n", "setting | value", "direction | p",
    "seed | value | difference | top latents in common", "representation | balanced accuracy", "architecture | in SAELens's registry for inference | note",
    "Model | Parameters | SAEs | Layers | d_in | d_sae", "Best layer, raw | Balanced accuracy there", "Best SAE probe", "SAE probes above raw",
    "hook", "sae_id | decoders agree | random directions | shared | activations correlate | by chance | verdict",
    "against the number of parameters | models | Spearman's rho | p | verdict", "sae_id | all rows", "mean | above its null",
}  # fmt: skip
"""Heads of tables and of steps."""
ADDRESS = re.compile(r"^https?://|^/tree/")
FOLDED = re.compile(r"</?details|<summary>|</summary")


def texts_of(source: str) -> Iterator[str]:
    """Every piece of text that a template writes, between its tags and in their strings; headings and code are left out."""
    text = "".join(
        value if token == "data" else f"{SPLIT}{value[1:-1]}{SPLIT}" if token == "string" else SPLIT if token.endswith("_begin") else ""
        for _, token, value in LEXER.tokeniter(source, "template")
    )  # fmt: skip
    for outside in text.split("```")[::2]:
        for line in outside.split("\n"):
            if not line.startswith("#"):
                yield from (piece.strip(SEPARATORS) for piece in line.split(SPLIT))


def says_something(piece: str) -> bool:
    named = ADDRESS.search(piece) or FOLDED.search(piece) or piece.endswith(".md.j2")
    return bool(WORD.search(piece)) and not named


@pytest.mark.parametrize(
    "path", sorted(TEMPLATES.glob("*.md.j2")), ids=lambda path: path.name.partition(".")[0]
)
def test_every_sentence_of_a_template_is_in_the_table(path: Path) -> None:
    """When this fails: a row with the release of which the new sentence is true, and with one of which it is false."""
    rows = SENTENCES.get(path.name.partition(".")[0], {})
    missing = [
        piece
        for piece in dict.fromkeys(texts_of(path.read_text("utf-8")))
        if says_something(piece)
        and piece not in COLUMNS
        and not set(re.findall(r"[A-Za-z_]{3,}", piece)) <= LABELS
        and not any(plain(piece) in plain(phrase) for phrase in rows)
    ]
    assert missing == []


def plain(text: str) -> str:
    """Without what a template fills in: a format's `%d` and a card's number are the same."""
    return re.sub(r"%d|\d+", "0", text)


def test_the_table_speaks_of_templates_that_there_are() -> None:
    assert {f"{name}.md.j2" for name in SENTENCES} <= {path.name for path in TEMPLATES.glob("*.j2")}


def made_in_code(path: Path) -> Iterator[str]:
    """Texts of at least five words in a module, but its docstrings."""
    tree = ast.parse(path.read_text("utf-8"))
    documented = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Constant) or not isinstance(node.value, str) or id(node) in documented:
            continue
        if len(re.findall(r"[A-Za-z]{2,}", node.value)) >= FEW_WORDS and " " in node.value:
            yield node.value


def test_every_sentence_that_is_made_in_code_is_in_the_table() -> None:
    folder = TEMPLATES.parent
    made = [
        text for pattern in MADE_IN for path in sorted(folder.glob(pattern)) for text in made_in_code(path)
    ]
    known = [
        plain(phrase).lower()
        for phrase in (*SAID, *(phrase for rows in SENTENCES.values() for phrase in rows))
    ]
    missing = [
        text
        for text in dict.fromkeys(made)
        if text not in ELSEWHERE
        and not any(plain(text.strip(SEPARATORS)).lower() in phrase for phrase in known)
    ]
    assert missing == []


@pytest.fixture(scope="module")
def cards(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Every variant's card."""
    root = tmp_path_factory.mktemp("variants")
    found = {name: variants.card(name, root / name) for name in variants.VARIANTS}
    found["skipped"] = variants.skipped(root / "skipped")
    found["in_study"] = variants.in_study(root / "in_study")
    for name, build in variants.INDICES.items():
        (root / name).mkdir()
        found[name] = build(root / name)
    return found


TABLE = {**SENTENCES, "made in code": SAID}
ROWS = [(template, phrase, *row) for template, rows in TABLE.items() for phrase, row in rows.items()]


@pytest.mark.parametrize(("template", "phrase", "true_of", "false_of"), ROWS)
def test_a_sentence_stands_where_it_is_true_and_not_where_it_is_false(
    cards: dict[str, str], template: str, phrase: str, true_of: str, false_of: str
) -> None:
    assert phrase in cards[true_of], f"{template}: missing in {true_of}"
    assert false_of == ALWAYS or phrase not in cards[false_of], f"{template}: stands in {false_of}"
