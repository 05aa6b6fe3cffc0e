"""What the same probe reads without the model's layers: the words, their number, the scenario, the embedding. Whatever reads the labels as well needs no SAE."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from hubkit.evaluate.probe import probe
from hubkit.evaluate.values import measured, missing
from hubkit.measures.estimate import Estimate, NotMeasured, Null
from hubkit.measures.families.probe import BY_FORMULA, against_chance
from hubkit.measures.inference import TOGETHER, Z, accuracy_deviation, auroc_deviation, scored_interval
from hubkit.measures.probed import Probed, accuracies, aurocs, pairs, pooled_accuracies
from hubkit.release.experiments import RepresentationProbe

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hubkit.evaluate.probe import Permuting
    from hubkit.measures.design import Design, Floats
    from hubkit.measures.measure import Split
    from hubkit.release.metrics import MetricValue

WORDS, LENGTH, SCENARIO, EMBEDDING = (
    "all words of the completion, those that decide its label too (TF-IDF)",
    "length of the completion",
    "the scenario alone, over all rows",
    "embedding layer",
)
BASELINES = {WORDS, LENGTH, SCENARIO, EMBEDDING}
MOST_WORDS = 4096
EMBEDDED = {"hook_embed", "blocks.0.hook_resid_pre"}
"""Hooks that give the embedding."""
NO_TEXTS = "the pool keeps no texts"
NO_EMBEDDING = "the pool keeps no activations of the embedding: no layer of it is blocks.0.hook_resid_pre"
ACCURACY, AUROC, PLAIN = "probe_balanced_accuracy", "probe_auroc", "probe_cv_balanced_accuracy"


def baselines(
    design: Design, texts: Sequence[str] | None, embedded: Floats | None, split: Split = "crossfit"
) -> list[RepresentationProbe]:
    """The same probe of each: within scenarios, but for the scenario itself, which says nothing there. A missing one has its reason."""
    words, lengths = (None, None) if texts is None else (tf_idf(texts), lengths_of(texts))
    return [
        _of(EMBEDDING, design, embedded, NO_EMBEDDING, split),
        _of(WORDS, design, words, NO_TEXTS, split),
        _of(LENGTH, design, lengths, NO_TEXTS, split),
        RepresentationProbe(representation=SCENARIO, values=[scenario_alone(design, split)]),
    ]


def _of(name: str, design: Design, features: Floats | None, reason: str, split: Split) -> RepresentationProbe:
    if features is None:
        n = int(design.contrasting().sum())
        return RepresentationProbe(representation=name, values=[missing(ACCURACY, n, split, reason)])
    return RepresentationProbe(representation=name, values=probed_values(design, features, split))


def probed_values(
    design: Design, features: Floats, split: Split, permuting: Permuting = "folds dealt again"
) -> list[MetricValue]:
    """Balanced accuracy and AUROC of features that know neither folds nor labels."""
    found = probe(design, dict.fromkeys(design.folds, features), permuting)
    values = []
    for name, statistic, deviation in (
        (ACCURACY, accuracies, accuracy_deviation),
        (AUROC, aurocs, auroc_deviation),
    ):
        try:
            value = against_chance(found, design, statistic, deviation)
        except NotMeasured as why:
            values.append(missing(name, why.n, split, why.reason))
            continue
        value = replace(value, n_pairs=pairs(design)) if name == AUROC else value
        values.append(measured(name, value, split))
    return values


def tf_idf(texts: Sequence[str]) -> Floats:
    """(n, words) of all texts: as with the scale of features, no label enters, and no fold."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectorizer = TfidfVectorizer(max_features=MOST_WORDS)
    try:
        found: Floats = vectorizer.fit_transform(texts).toarray()
    except ValueError:  # not one word
        return np.zeros((len(texts), 1))
    return found


def lengths_of(texts: Sequence[str]) -> Floats:
    """(n, 2) log of 1 + characters, and of 1 + words."""
    return np.log1p([[len(text), len(text.split())] for text in texts])


def scenario_alone(design: Design, split: Split) -> MetricValue:
    """How well the label is told from which scenario a row is of: what a probe gains that is not counted within scenarios."""
    names = sorted(set(design.scenario.tolist()))
    n = len(design.positive)
    if len(names) < 2:
        return missing(PLAIN, n, split, "there is one scenario")
    features = (design.scenario[:, None] == np.array(names)[None]).astype(np.float64)
    everywhere = replace(design, scenario=np.full(n, "all"))
    found = probe(everywhere, dict.fromkeys(design.folds, features))
    if not isinstance(found, Probed):
        return missing(PLAIN, n, split, found)
    value = float(pooled_accuracies(found.real)[0])
    deviation = TOGETHER * 0.5 / float(np.sqrt(everywhere.n_effective))
    interval = scored_interval(value, 0.5, Z * deviation, Z * deviation)
    estimate = Estimate(value, n, interval, Null("chance", 0.5), everywhere.n_effective, method=BY_FORMULA)
    return measured(PLAIN, estimate, split)
