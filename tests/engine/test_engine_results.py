from __future__ import annotations

import pytest

from hubkit.engine.work import Failure, Results
from hubkit.errors import HubkitError


def test_many_failures_are_counted_after_the_first_ten() -> None:
    results = Results(failed=[Failure(f"u{number}", "no") for number in range(25)], done={"x": 1})
    with pytest.raises(HubkitError) as raised:
        results.raise_failures("things", "do it again")
    lines = raised.value.message.splitlines()
    assert lines[0] == "25 of 26 things failed:"
    assert lines[-1] == "  and 15 more"
    assert len(lines) == 12
    assert raised.value.hint == "do it again"


def test_nothing_failed_nothing_raised() -> None:
    Results(done={"x": 1}).raise_failures("things")
