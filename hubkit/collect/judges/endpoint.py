"""One chat endpoint that answers with text: asked again where that can help, its key in nobody's sight. Torch-free.

Whatever speaks the protocol of `/chat/completions` is reached through huggingface_hub's InferenceClient: a server named by its URL, or
a model on the Hub through one of its inference providers.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any

from hubkit.collect.judges.judgement import Lost
from hubkit.errors import IncompleteError
from hubkit.repo.deadline import Deadline, OverdueError, within
from hubkit.texts import printable, shortened

FIRST_PAUSE = 1.0
"""Seconds; doubled each time."""
HIDDEN = "(key)"
NO_KEY = "none"
"""Sent where no key is set and a server is named by its URL: without one the client would send the user's own token of the Hub there."""
MOST_TEXT = 1 << 16
"""Characters of an answer that are looked at."""
DENIED = {401, 403, 404, 405, 410}
REPEATED = {408, 425, 429, 500, 502, 503, 504, 529}
Messages = list[dict[str, str]]


@dataclass(frozen=True)
class Answer:
    """What came back."""

    text: str
    refusal: str | None
    """Why the endpoint declined, where it says that it did."""
    cut: bool
    """Whether it ended at the limit of tokens."""
    by: str
    """The model as the endpoint names it, and its fingerprint."""
    tokens: int
    """Of prompt and answer, as it counts them; 0 where it does not."""
    requests: int = 1


class UnansweredError(Exception):
    """Nothing came, however often it was asked. `lost` is `timeout`, or `error` where the endpoint said that it could not."""

    def __init__(
        self, lost: Lost, message: str, status: int | None = None, pause: float | None = None
    ) -> None:
        super().__init__(message)
        self.lost = lost
        self.pause = pause
        """Seconds that the endpoint asks to wait."""
        self.requests = 1
        self.refused = status is not None
        """It answered, and that was an error."""
        self.of_the_request = status is not None and status not in REPEATED and status < 500
        """It takes no such request: asking the same again is in vain."""


@dataclass
class Endpoint:
    """Where to ask, and how long. `key` is shown by nothing: not by its repr, and in every text of the server it is written over."""

    model: str
    base_url: str | None
    provider: str | None
    key: str | None = field(repr=False)
    timeout: float
    """Seconds for one answer, all of it."""
    retries: int
    longest_pause: float
    """Seconds between two attempts, whatever the server asks for."""
    sleep: Callable[[float], None] = field(default=time.sleep, repr=False)
    structured: bool = True
    """Whether it is still asked for JSON of a schema: not after it has refused that."""

    def ask(
        self, messages: Messages, schema: Mapping[str, Any], max_tokens: int, temperature: float
    ) -> Answer:
        """One answer. Raises UnansweredError; IncompleteError where the endpoint knows neither the key nor the model."""
        attempt, requests, plain = 0, 0, not self.structured
        while True:
            attempt, requests = attempt + 1, requests + 1
            try:
                found = self._answer(messages, None if plain else schema, max_tokens, temperature)
            except Exception as error:  # noqa: BLE001 - the client lets out errors of many libraries; each becomes words without the key
                problem = self._problem(error)
            else:
                self.structured = not plain
                return replace(found, requests=requests)
            ends = problem.of_the_request or attempt > self.retries
            if ends and problem.refused and not plain:
                attempt, plain = (
                    attempt - 1,
                    True,
                )  # some servers refuse the schema, some break on it: once more without
                continue
            if ends:
                problem.requests = requests
                raise problem
            self.sleep(self._pause(problem, attempt))

    def _answer(
        self, messages: Messages, schema: Mapping[str, Any] | None, max_tokens: int, temperature: float
    ) -> Answer:
        from huggingface_hub import InferenceClient

        from hubkit.collect.judges.bounded import PLAIN, bounded

        client = InferenceClient(
            model=None if self.base_url else self.model,
            base_url=self.base_url,
            provider=self.provider,  # type: ignore[arg-type]
            api_key=self.key or NO_KEY,
            timeout=self.timeout,
            headers=PLAIN,
        )
        formatted: Any = (
            None
            if schema is None
            else {
                "type": "json_schema",
                "json_schema": {"name": "verdicts", "schema": schema, "strict": True},
            }
        )
        deadline = Deadline(self.timeout)
        asked = partial(
            client.chat_completion,
            messages,
            model=self.model,
            max_tokens=max_tokens,
            temperature=temperature,
            response_format=formatted,
        )
        found = within(deadline, lambda: bounded(deadline, asked))
        choice = found.choices[0]
        message, usage = choice.message, getattr(found, "usage", None)
        refusal = getattr(message, "refusal", None)
        if choice.finish_reason == "content_filter":
            refusal = refusal or "the endpoint's content filter"
        versions = [str(one) for one in (found.model, getattr(found, "system_fingerprint", None)) if one]
        return Answer(
            text=self.hidden(str(message.content or ""))[:MOST_TEXT],
            refusal=self.hidden(str(refusal)) if refusal else None,
            cut=choice.finish_reason == "length",
            by=shortened(self.hidden(" ".join(versions)), 100),
            tokens=_count(getattr(usage, "total_tokens", 0)),
        )

    def hidden(self, text: str) -> str:
        """`text` on one line, the key written over."""
        return printable(text.replace(self.key, HIDDEN) if self.key else text)

    def _problem(self, error: Exception) -> UnansweredError:
        from huggingface_hub.errors import InferenceTimeoutError
        from huggingface_hub.utils import httpx

        if isinstance(error, OverdueError | InferenceTimeoutError | httpx.TimeoutException | TimeoutError):
            return UnansweredError("timeout", f"no answer within {self.timeout:g} s")
        said = shortened(self.hidden(str(error).strip()) or type(error).__name__, 300)
        status = getattr(getattr(error, "response", None), "status_code", None)
        if status in DENIED:
            raise IncompleteError(
                f"the judge's endpoint refuses with {status}: {said}",
                hint="check model, base_url and provider of the judge, and the environment variable that holds its key",
            ) from None
        return UnansweredError("error", said, status, None if status is None else _named_pause(error))

    def _pause(self, problem: UnansweredError, attempt: int) -> float:
        named = problem.pause if problem.pause is not None else FIRST_PAUSE * 2.0 ** (attempt - 1)
        return min(self.longest_pause, max(0.0, named))


def _named_pause(error: Exception) -> float | None:
    """Seconds that `Retry-After` asks for, as a number or a date; None where it is neither."""
    told = str(getattr(getattr(error, "response", None), "headers", {}).get("retry-after", ""))
    if told.isascii() and told.isdigit():
        return float(told)
    try:
        return (parsedate_to_datetime(told) - datetime.now(UTC)).total_seconds()
    except (ValueError, TypeError):
        return None


def _count(value: object) -> int:
    return value if isinstance(value, int) and value > 0 else 0
