"""How far the judges of a panel agree, as `agreement.json` records it. Torch-free."""

from __future__ import annotations

from collections import Counter
from itertools import combinations
from typing import TYPE_CHECKING, Any, cast

from hubkit.collect.compared import Rows
from hubkit.release.agreement import Agreement, Counted, JudgeCounts

if TYPE_CHECKING:
    from hubkit.collect.panel import Panel, Voice

LITTLE = 0.6
"""Kappa below which two judges see different things; a word for it is a convention (Landis and Koch 1977: moderate), the number is not."""
STEADY = 0.9


def agreement(panel: Panel) -> Agreement:
    """Everything that can be said of the panel's agreement; with one judge, its counts alone."""
    rows = Rows(panel)
    voices = [voice for voice in panel.voices if voice.role != "asked again"]
    apart = [voice for voice in voices if voice.role != "decides" or not _is_vote(panel)]
    others = voices[1:]
    kinds: tuple[Counted, ...] = ("with ambiguous", "decisive")
    return Agreement(
        n=len(panel.scenarios),
        scenarios=len(set(panel.scenarios.values())),
        resampled=rows.resampled,
        judges=[_counts(panel, voice) for voice in voices],
        pairs=[rows.pair(one, other, kind) for one, other in combinations(voices, 2) for kind in kinds],
        panel=[rows.panel(apart, kind) for kind in kinds] if len(apart) > 2 else [],
        recall=[rows.recall(voice, label) for voice in others for label in (None, *panel.labels)],
        by_scenario=[
            rows.within(voice, name) for voice in others for name in dict.fromkeys(panel.scenarios.values())
        ],
        asked_again=[
            rows.again(first, second)
            for second in panel.voices
            if second.role == "asked again"
            for first in voices
            if first.judge == second.judge
        ],
    )


def judge_warnings(found: Agreement) -> list[str]:
    """What a reader must know of the judges before reading anything off the labels."""
    told = []
    for judge in found.judges:
        lost = sum(judge.lost.values())
        if judge.role != "second" and lost:
            reasons = ", ".join(f"{count} {reason}" for reason, count in judge.lost.items())
            told.append(
                f"{judge.judge} gave no verdict on {lost} of {found.n} completions ({reasons}): losing them is a selection; "
                "hubkit collect STUDY.yaml --ask-again asks for them once more"
            )
        if len(judge.by) > 1:
            told.append(
                f"{judge.judge} answered as {len(judge.by)} versions of a model: {', '.join(judge.by)}"
            )
    decides = found.judges[0].judge
    for pair in found.pairs:
        kappa = pair.kappa.value
        if (
            decides in pair.judges
            and pair.counted == "with ambiguous"
            and kappa is not None
            and kappa < LITTLE
        ):
            told.append(
                f"{pair.judges[0]} and {pair.judges[1]} agree little: kappa {kappa:.2f} on {pair.kappa.n} completions"
            )
    return told + [
        f"{again.judge} gave {again.same.value:.0%} of {again.same.n} completions the same label when they were asked again among others: "
        "its labels depend on what stands beside them"
        for again in found.asked_again
        if again.same.value is not None and again.same.value < STEADY
    ]


def _is_vote(panel: Panel) -> bool:
    return any(voice.role == "member" for voice in panel.voices)


def _counts(panel: Panel, voice: Voice) -> JudgeCounts:
    said = [voice.said[name] for name in panel.scenarios]
    labels = Counter(one.label for one in said if one.label is not None)
    return JudgeCounts(
        judge=voice.judge,
        role=cast("Any", voice.role),
        description=voice.description,
        labels=dict(sorted(labels.items())),
        ambiguous=sum(one.label is None and one.lost is None for one in said),
        lost=dict(sorted(Counter(one.lost for one in said if one.lost is not None).items())),
        without_span=sum(one.label is not None and one.commit_span is None for one in said),
        by=dict(sorted(Counter(one.by for one in said if one.by).items())),
        tokens=sum(one.tokens for one in said),
        requests=sum(one.requests for one in said),
    )
