"""What can be said of completions by looking at their words. Torch-free."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from hubkit.measures.design import Design
from hubkit.measures.inference import Z, accuracy_deviation, scored_interval
from hubkit.measures.probed import balanced_accuracy
from hubkit.release.pool_report import Texts, Words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hubkit.collect.completions import Completion

REFUSALS = (
    "i cannot", "i can't", "i can not", "i'm sorry", "i am sorry", "i apologize", "as an ai", "i'm unable", "i am unable",
    "i am not able to", "i'm not able to", "i won't", "i must decline", "i'd rather not", "not comfortable",
)  # fmt: skip
"""Looked for within BEGINNING characters, upper and lower case alike. English, and a rough measure: a character in a story may be sorry."""
BEGINNING = 100
REPETITIVE = 0.5
WORD = re.compile(r"\w+(?:['’]\w+)?")


def texts_of(completions: Sequence[Completion]) -> Texts:
    """Counts over some completions."""
    seen: set[tuple[str, str, str]] = set()
    duplicates = 0
    for one in completions:
        said = (one.scenario_id, one.variant, " ".join(one.text.casefold().split()))
        duplicates += said in seen
        seen.add(said)
    repeated = [repetition(one.text) for one in completions]
    return Texts(
        completions=len(completions),
        empty=sum(not one.text.strip() for one in completions),
        duplicates=duplicates,
        refusals=sum(refuses(one.text) for one in completions),
        at_limit=sum(one.ended == "limit" for one in completions),
        mean_tokens=round(
            float(np.mean([len(one.token_ids) for one in completions])) if completions else 0.0, 2
        ),
        repetition=round(float(np.mean(repeated)) if repeated else 0.0, 4),
        repetitive=sum(share > REPETITIVE for share in repeated),
    )


def refuses(text: str) -> bool:
    """Whether it begins as refusals do."""
    beginning = text[:BEGINNING].casefold().replace("’", "'")
    return any(phrase in beginning for phrase in REFUSALS)


def repetition(text: str) -> float:
    """The share of its three-word sequences that were there before; 0 for a text of fewer than four words."""
    words = WORD.findall(text.casefold())
    triples = list(zip(words, words[1:], words[2:], strict=False))
    return 1 - len(set(triples)) / len(triples) if len(triples) > 1 else 0.0


def words_of(decisive: Sequence[Completion], labels: tuple[str, str]) -> Words:
    """How well word counts tell the labels apart, the committing words left out: on the pool's own folds, within scenarios.

    A probe of activations that is no better than this has found nothing that is not in the words.
    """
    design = Design(
        np.array([one.label == labels[0] for one in decisive], dtype=bool),
        np.array([one.scenario_id for one in decisive]),
        np.array([one.split for one in decisive]),
    )
    n = int(design.contrasting().sum())
    reason = design.unmeasurable()
    if reason is not None:
        return Words(value=None, n=n, reason=reason)
    predicted = _predicted([_without_commit(one) for one in decisive], design)
    if predicted is None:
        return Words(value=None, n=n, reason="no words beside those that commit")
    value, reach = balanced_accuracy(predicted, design), Z * accuracy_deviation(design, predicted)
    low, high = scored_interval(value, 0.5, reach, reach)
    return Words(value=round(value, 4), interval=(round(low, 4), round(high, 4)), n=n)


def _predicted(texts: list[str], design: Design) -> np.ndarray | None:
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.linear_model import LogisticRegression

    try:
        counts = CountVectorizer(analyzer=lambda text: WORD.findall(text.casefold())).fit_transform(texts)
    except ValueError:  # an empty vocabulary
        return None
    predicted = np.zeros(len(texts), dtype=bool)
    for fold in design.folds:
        held_out = design.fold == fold
        model = LogisticRegression(class_weight="balanced", max_iter=1000)
        model.fit(counts[~held_out], design.positive[~held_out])
        predicted[held_out] = model.predict(counts[held_out])
    return predicted


def _without_commit(one: Completion) -> str:
    if one.commit_span is None:
        return one.text
    start, end = one.commit_span
    return f"{one.text[:start]} {one.text[end:]}"
