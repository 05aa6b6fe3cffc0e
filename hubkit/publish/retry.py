"""Asking again where asking again can help: after a pause that the Hub names, or one that grows.

The client repeats listings and uploads by itself, but neither `create_commit` nor `model_info`.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import TypeVar

from hubkit.engine.events import Event, Progress, silent
from hubkit.errors import IncompleteError
from hubkit.publish.errors import status_of
from hubkit.repo.deadline import Deadline, OverdueError, within

T = TypeVar("T")

ATTEMPTS = 5
FIRST_PAUSE = 1.0
"""Seconds; doubled each time."""
LONGEST_PAUSE = 310.0
"""Seconds: one window of the Hub's rate limits, and a little."""
ANSWER = 600.0
"""Seconds for one answer that brings little."""
REPEATED = {429, 500, 502, 503, 504}


def with_retries(
    action: Callable[[], T],
    *,
    report: Progress = silent,
    attempts: int = ATTEMPTS,
    also: Callable[[Exception], bool] = lambda _: False,
    seconds: float = ANSWER,
) -> T:
    """What `action` returns, asked up to `attempts` times; `also` names errors beyond rate limits, 5xx and broken connections that are worth another try.

    `action` must be safe to repeat. Raises what it raised last, and IncompleteError when one attempt takes longer than `seconds`: the client's own
    timeouts begin anew with every byte.
    """
    for attempt in range(1, attempts + 1):
        try:
            return within(Deadline(seconds), action)
        except OverdueError as error:
            raise IncompleteError(
                f"the Hub's answer did not come within {seconds:,.0f} s; what was asked for may have been done all the same",
                hint="run the same command again: what is there already is not sent again",
            ) from error
        except Exception as error:
            pause = _pause(error, attempt, hopeful=also(error))
            if pause is None or attempt == attempts:
                raise
            if pause >= 2:
                report(
                    Event("waiting", 0, math.ceil(pause), f"the Hub is asked again in {math.ceil(pause)} s")
                )
            time.sleep(pause)
    raise AssertionError


def _pause(error: Exception, attempt: int, *, hopeful: bool) -> float | None:
    """Seconds to wait before the next attempt; None where it would be in vain."""
    from huggingface_hub.utils import httpx

    status = status_of(error)
    if status is None and not isinstance(_cause(error), httpx.TransportError) and not hopeful:
        return None
    if status is not None and status not in REPEATED and not hopeful:
        return None
    named = _named_pause(error) if status == 429 else None
    # The Hub's own number where it names one: a pause of ours would end in the same window, and be refused again.
    return min(LONGEST_PAUSE, named if named is not None else FIRST_PAUSE * 2.0 ** (attempt - 1))


def _cause(error: BaseException) -> BaseException:
    """What is under the client's wrapper."""
    return error.__cause__ if isinstance(error, RuntimeError) and error.__cause__ is not None else error


def _named_pause(error: Exception) -> float | None:
    """Seconds that the Hub's answer asks for, and one more, because it counts in whole seconds."""
    from huggingface_hub.utils import parse_ratelimit_headers

    headers = getattr(getattr(_cause(error), "response", None), "headers", {})
    limit = parse_ratelimit_headers(headers)
    if limit is not None and limit.remaining == 0:
        return limit.reset_in_seconds + 1.0
    told = str(headers.get("retry-after", ""))
    return float(told) + 1.0 if told.isascii() and told.isdigit() else None
