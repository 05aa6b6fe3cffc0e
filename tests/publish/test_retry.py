"""Answers of the Hub that are asked for again, and those that never come."""

from __future__ import annotations

import threading
import time

import pytest

from hubkit.errors import ExitCode, IncompleteError
from hubkit.publish.retry import with_retries


def test_an_answer_that_never_comes_ends_with_what_to_type() -> None:
    begun = time.monotonic()
    with pytest.raises(IncompleteError, match="did not come within 1 s") as told:
        with_retries(lambda: threading.Event().wait(60), seconds=1)
    assert time.monotonic() - begun < 20
    assert told.value.exit_code is ExitCode.INCOMPLETE
    assert "same command again" in str(told.value.hint)


def test_what_comes_is_given_and_what_is_raised_is_raised() -> None:
    assert with_retries(lambda: 7, seconds=5) == 7
    with pytest.raises(KeyError, match="gone"):
        with_retries(lambda: {}["gone"], seconds=5)
