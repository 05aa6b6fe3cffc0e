"""A rule's docstring is what `hubkit explain` prints: none is registered without one, but where Python takes them all away."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from hubkit.validate import rule
from hubkit.validate.facts import RepoFacts
from hubkit.validate.finding import Found, Severity
from hubkit.validate.need import Need


def silent(repo: RepoFacts) -> Iterator[Found]:
    del repo
    yield from ()


@pytest.mark.parametrize(("optimize", "taken"), [(0, False), (1, False), (2, True)])
def test_a_rule_needs_a_docstring_unless_python_has_none(
    optimize: int, taken: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rule, "REGISTRY", {})
    monkeypatch.setattr(rule, "sys", SimpleNamespace(flags=SimpleNamespace(optimize=optimize)))
    register = rule.repo_rule("XXX001", Severity.NOTE, Need.TREE)
    if taken:
        register(silent)
        assert list(rule.REGISTRY) == ["XXX001"]
        return
    with pytest.raises(ValueError, match="has no docstring"):
        register(silent)
