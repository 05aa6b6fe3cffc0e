"""The lab model's study: what to collect from it, and with which judge. Torch-free."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from hubkit.collect.judges import KeywordJudge, NoisyJudge
from hubkit.collect.plan import CollectPlan
from hubkit.lab import text

if TYPE_CHECKING:
    from hubkit.lab.model import LabModel

FLIPPED = 0.15
CEILING = 1 - FLIPPED
"""The accuracy of a probe that reads the truth without error."""
LAYERS = (0, 3, 5)
"""Of seed 0: the behaviour is next to absent in the first, and there in the other two."""


def judge(
    *, flipped: float = FLIPPED, labels: tuple[str, str] = (text.HONEST, text.DECEPTIVE)
) -> KeywordJudge | NoisyJudge:
    """The keyword judge of the commit word, with a share of its labels flipped so that no comparison ends in a tie at 1.

    Two `labels` of another study stand for the lab's two behaviours, in this order.
    """
    behaviours = labels if set(labels) == set(text.COMMIT) else tuple(text.COMMIT)
    keywords = {label: (text.COMMIT[behaviour],) for label, behaviour in zip(labels, behaviours, strict=True)}
    exact = KeywordJudge(keywords=keywords, within=3, unit="words")
    return NoisyJudge(judge_without_noise=exact, rate=flipped) if flipped else exact


def plan(
    model: LabModel,
    *,
    samples: int = 256,
    layers: tuple[int, ...] = LAYERS,
    pooling: Literal["mean", "last"] = "last",
    seed: int = 0,
) -> CollectPlan:
    """What to collect from a lab model: responses up to their last filler, pooled without the commit word.

    The closing word is left out because it says the behaviour aloud: a probe would read a word instead of a state. `last` is
    the default because `mean` finds a trace of the commit word in the fillers right behind it, also in the null variant.
    """
    return CollectPlan(
        model=str(model.folder),
        model_name=model.name,
        revision=model.revision,
        scenarios=text.scenarios(),
        samples=samples,
        max_new_tokens=text.RESPONSE_TO_LAST_FILLER,
        labels=(text.HONEST, text.DECEPTIVE),
        judge=judge(),
        layers=layers,
        pooling=pooling,
        seed=seed,
    )
