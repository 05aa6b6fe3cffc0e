"""Who says which behaviour a completion shows: one file per judge. Torch-free. Whatever judge lies here, a study file may name by its `kind`."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Annotated, Any, Union

from pydantic import Discriminator

from hubkit.collect.judges.judgement import Judge, Judgement, Reply, TextJudge
from hubkit.collect.judges.keyword import KeywordJudge
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
        and "kind" in value.model_fields
    )


if TYPE_CHECKING:
    AnyJudge = Judge
else:
    AnyJudge: Any = Annotated[Union[_found()], Discriminator("kind")]  # noqa: UP007 - the members are not known here
"""A judge with its settings, as a study file writes it."""

__all__ = ["AnyJudge", "Judge", "Judgement", "KeywordJudge", "NoisyJudge", "Reply", "TextJudge"]
