"""Who says which behaviour a completion shows: one file per judge. Torch-free. Whatever judge lies here, a study file may name by its `kind`."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Annotated, Any, Union

from pydantic import Discriminator

from hubkit.collect.judges.column import ColumnJudge
from hubkit.collect.judges.consortium import ConsortiumJudge
from hubkit.collect.judges.human import HumanJudge
from hubkit.collect.judges.judgement import Judge, Judgement, Reply, TextJudge
from hubkit.collect.judges.keyword import KeywordJudge
from hubkit.collect.judges.llm import LlmJudge
from hubkit.collect.judges.noisy import NoisyJudge


def _found() -> tuple[type[Judge], ...]:
    """Every judge of this folder, by file and name."""
    modules = [import_module(f"{__name__}.{module.name}") for module in iter_modules(__path__)]
    return tuple(
        value
        for module in modules
        for _, value in sorted(vars(module).items())
        if isinstance(value, type)
        and issubclass(value, Judge)
        and value.__module__ == module.__name__
        and "kind" in value.__annotations__
    )


if TYPE_CHECKING:
    AnyJudge = Judge
else:
    Member: Any = Annotated[  # a consortium has no consortium among its judges
        Union[tuple(one for one in _found() if one is not ConsortiumJudge)],  # noqa: UP007 - the members are not known here
        Discriminator("kind"),
    ]
    ConsortiumJudge.model_rebuild(_types_namespace={"Member": Member})
    AnyJudge: Any = Annotated[Union[_found()], Discriminator("kind")]  # noqa: UP007
"""A judge with its settings, as a study file writes it."""

__all__ = [
    "AnyJudge",
    "ColumnJudge",
    "ConsortiumJudge",
    "HumanJudge",
    "Judge",
    "Judgement",
    "KeywordJudge",
    "LlmJudge",
    "NoisyJudge",
    "Reply",
    "TextJudge",
]
