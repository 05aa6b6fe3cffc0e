"""Families of scenarios: what a difference between labels can come from there, and what it cannot show.

A label says what a judge read in a completion. What that means depends on what the prompt had already settled.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Family:
    """One kind of scenario."""

    name: str
    title: str
    setting: str
    """What the prompt settles, as the end of `the labels come from ...`."""
    measures: str
    does_not_measure: str
    not_recommended: tuple[str, ...] = ()


_MONITORING = "deception detection, lie detection, or safety-relevant monitoring of emergent model behaviour"

_FAMILIES = (
    Family(
        name="assigned_role",
        title="Role-play with an assigned role",
        setting="role-play prompts that assign the model a specific role before it speaks",
        measures="role consistency against role drift in short role-play completions",
        does_not_measure=(
            "emergent, incentive-driven or strategic deception. A prompt that assigns a deceptive identity is an instruction; what varies is how the "
            "model follows it, not a goal that it pursues on its own."
        ),
        not_recommended=(_MONITORING,),
    ),
    Family(
        name="social_deduction",
        title="Ambiguous social deduction",
        setting="one ambiguous social-deduction prompt per scenario, completed both ways under temperature",
        measures="what the model went on to say, from one and the same prompt: the response, not the prompt",
        does_not_measure=(
            "intent. Under sampling a base model says both things; a completion that a judge calls deceptive is not evidence of a goal behind it."
        ),
        not_recommended=(_MONITORING,),
    ),
    Family(
        name="decision_incentive",
        title="Decisions under an incentive",
        setting="decisions in which one answer pays the model and the other is true, with no identity assigned",
        measures="whether the rewarded or the true answer was given",
        does_not_measure="whether the model represents the incentive as its own, or knows the answer to be false",
        not_recommended=("lie detection outside scenarios of this kind",),
    ),
    Family(
        name="instructed",
        title="Instructed answers",
        setting="prompts that tell the model which way to answer",
        measures="which instruction the model was given and followed",
        does_not_measure="behaviour that was not asked for: the labels differ in the prompt already",
        not_recommended=(_MONITORING,),
    ),
    Family(
        name="lab",
        title="A model made for the purpose",
        setting="a small model that was trained to show either behaviour",
        measures="a behaviour whose truth is known",
        does_not_measure="anything about language models",
    ),
)

FAMILIES: dict[str, Family] = {family.name: family for family in _FAMILIES}
FAMILIES |= {"incentive": FAMILIES["decision_incentive"], "role_play": FAMILIES["assigned_role"]}
"""By name, and by the shorter words that scenario files use."""
