"""The stages of a study and their order. Light to import: the command line asks for them."""

from __future__ import annotations

from enum import StrEnum

from hubkit.errors import UsageError


class Stage(StrEnum):
    """In their order."""

    collect = "collect"
    train = "train"
    evaluate = "evaluate"
    validate = "validate"
    cards = "build-cards"
    push = "push"


def between(first: Stage | None, last: Stage | None, *, push: bool) -> list[Stage]:
    """The stages of a run. Raises UsageError where they are none, and where a push is meant that was not asked for."""
    order = list(Stage)
    begin, end = first or Stage.collect, last or (Stage.push if push else Stage.cards)
    if order.index(begin) > order.index(end):
        raise UsageError(
            f"--from {begin} --until {end}: {begin} comes after {end}",
            hint=f"the stages are {', '.join(order)}; push only with --push",
        )
    if push != (end is Stage.push):
        raise UsageError(
            f"--until {end} and --push: a push is the last stage"
            if push
            else "push is a stage only with --push",
            hint="--push, and no --until",
        )
    return order[order.index(begin) : order.index(end) + 1]
