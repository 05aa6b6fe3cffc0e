"""A language model as judge, behind any endpoint that speaks the protocol of `/chat/completions`."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import Field, PrivateAttr, model_validator

from hubkit.collect.judges.answers import UNDECIDED, Said, verdict_alone, verdicts_in
from hubkit.collect.judges.endpoint import Answer, Endpoint, UnansweredError
from hubkit.collect.judges.judgement import Judge, Judgement, Lost, Reply
from hubkit.collect.judges.keys import misplaced
from hubkit.collect.judges.rubric import RUBRIC, answer_schema, messages_of, rubric_sha256
from hubkit.errors import IncompleteError
from hubkit.texts import printable, shortened

TOKEN = "HF_TOKEN"  # noqa: S105 - the variable's name
TOKENS = {TOKEN, "HUGGING_FACE_HUB_TOKEN", "HUGGINGFACE_HUB_TOKEN", "HUGGINGFACE_TOKEN"}
"""Variables that hold the user's own token of the Hub."""
TOKEN_BEGINS = re.compile(r"hf_[A-Za-z0-9]{20}|(?:api_org|hf_oauth|hf_jwt)_")
HUB = "https://huggingface.co"
ELSEWHERE = (
    "goes to https://huggingface.co and its router alone; expected a variable with the key of that server"
)


class LlmJudge(Judge):
    """Asks a language model about several completions at a time, and about one alone where its answer on it was not certain.

    It is shown each completion with the situation that it continues, and nothing else. Answers of a schema are asked for and not relied on.
    """

    how: ClassVar[frozenset[str]] = frozenset(
        {
            "key_variable",
            "timeout",
            "retries",
            "longest_pause",
            "most_tokens",
            "most_requests",
            "share_asked_again",
        }
    )

    kind: Literal["llm"] = "llm"
    """This judge."""
    meanings: dict[str, str] = Field(min_length=2)
    """Label -> what the judge is told that it means."""
    model: str = Field(min_length=1)
    """As the endpoint names it; an id of the Hub where `base_url` is not given."""
    base_url: str | None = None
    """A server that speaks the protocol, `http://127.0.0.1:8000/v1`. Without it, an inference provider of the Hub is asked."""
    provider: str | None = None
    """Of the Hub's inference providers; its own choice where none is named."""
    rubric: str = RUBRIC
    """What is judged and how; labels, data and the form of the answer are put behind it."""
    at_once: int = Field(default=10, gt=0)
    """Completions a request."""
    temperature: float = Field(default=0.0, ge=0)
    """Of its answers."""
    answer_tokens: int = Field(default=100, gt=0)
    """The most that an answer may have for each completion of a request."""
    key_variable: str | None = None
    """The environment variable that holds the key. Without it: HF_TOKEN for a provider of the Hub, and no key for a server named by its URL."""
    timeout: float = Field(default=120.0, gt=0)
    """Seconds for one answer."""
    retries: int = Field(default=4, ge=0)
    """How often a request is made again after 429, 5xx, a broken connection or a timeout."""
    longest_pause: float = Field(default=60.0, ge=0)
    """Seconds between two attempts at most, also where the server asks for more."""
    most_tokens: int | None = Field(default=None, gt=0)
    """Of prompts and answers, over all runs: no further batch is begun beyond it."""
    most_requests: int | None = Field(default=None, gt=0)
    """Over all runs: no further batch is begun beyond it."""
    share_asked_again: float = Field(default=0.1, ge=0, le=1)
    """Share of the completions that are asked a second time, among others than before."""
    _plain: bool = PrivateAttr(default=False)

    @model_validator(mode="after")
    def _labels_are_others(self) -> LlmJudge:
        if UNDECIDED in {label.casefold() for label in self.meanings}:
            raise ValueError(
                f"a label {UNDECIDED!r}, which is what the judge says where none fits; expected other names"
            )
        return self

    @model_validator(mode="after")
    def _address_is_plain(self) -> LlmJudge:
        if self.base_url is None:
            return self
        address = urlsplit(self.base_url)
        if address.scheme not in {"http", "https"} or not address.hostname:
            raise ValueError("base_url: expected http://... or https://...")
        if address.username or address.password or address.query or address.fragment:
            raise ValueError(
                "base_url: expected an address alone; a key belongs into the environment variable of key_variable"
            )
        if self.provider is not None:
            raise ValueError("base_url and provider, expected one of them")
        if (self.key_variable or "").upper() in TOKENS and not self._is_the_hub:
            raise ValueError(f"key_variable: {self.key_variable} {ELSEWHERE}")
        if self.key_variable and (why := misplaced(self.key_variable, self.base_url)) is not None:
            raise ValueError(f"key_variable: {why}")
        return self

    @property
    def _is_the_hub(self) -> bool:
        """Whether the Hub's own token may go there."""
        address = urlsplit(self.base_url or HUB)
        host = (address.hostname or "").rstrip(".")
        return address.scheme == "https" and (host == "huggingface.co" or host.endswith(".huggingface.co"))

    @property
    def name(self) -> str:
        """`llm MODEL`."""
        return f"llm {self.model}"

    @property
    def description(self) -> str:
        """The model, and which rubric it was given."""
        return f"the language model {self.model} (rubric {self.rubric_sha256[:8]})"

    @property
    def rubric_sha256(self) -> str:
        """Digest of what it is told beside the data."""
        return rubric_sha256(self.rubric, self.meanings)

    @property
    def labels(self) -> frozenset[str]:
        """The labels that have a meaning."""
        return frozenset(self.meanings)

    @property
    def batch_size(self) -> int:
        """Completions a request."""
        return self.at_once

    @property
    def asked_again(self) -> float:
        """As its settings say."""
        return self.share_asked_again

    def stops(self, known: Sequence[Judgement]) -> str | None:
        """A cap that is reached, by what its verdicts have cost."""
        tokens, requests = sum(one.tokens for one in known), sum(one.requests for one in known)
        if self.most_tokens is not None and tokens >= self.most_tokens:
            return f"{tokens:,} tokens are used, most_tokens is {self.most_tokens:,}"
        if self.most_requests is not None and requests >= self.most_requests:
            return f"{requests:,} requests are made, most_requests is {self.most_requests:,}"
        return None

    def judge(self, replies: Sequence[Reply]) -> list[Judgement]:
        """One verdict for each. Raises IncompleteError where the endpoint refuses the key or answers nothing but errors."""
        endpoint = self._endpoint()
        said = self._asked(endpoint, replies)
        for number, verdict in enumerate(said if len(replies) > 1 else []):
            if verdict.lost is not None:
                endpoint.retries = (
                    0 if verdict.lost in {"timeout", "error"} else self.retries
                )  # it was waited for already
                (alone,) = self._asked(endpoint, [replies[number]])
                said[number] = _with_cost(alone, verdict)
        self._plain = not endpoint.structured
        failed = [one for one in said if one.lost == "error"]
        if len(failed) == len(said):
            raise IncompleteError(
                f"{self.name}: {failed[0].reason}",
                hint="what was judged is kept; the same command asks for the rest",
            )
        return said

    def _endpoint(self) -> Endpoint:
        variable = self.key_variable or (TOKEN if self.base_url is None else None)
        key = os.environ.get(variable, "").strip() or None if variable else None
        if key is None and variable is not None:
            raise IncompleteError(
                f"{self.name}: no key in the environment variable {variable}",
                hint=f"set {variable}, or name another variable as key_variable; a server that is named by its URL and needs no key has none",
            )
        if key is not None and TOKEN_BEGINS.match(key) and not self._is_the_hub:
            raise IncompleteError(
                f"{self.name}: {variable} holds a token of the Hub, which {ELSEWHERE}",
                hint="put the key of that server into the variable that key_variable names",
            )
        return Endpoint(
            self.model,
            self.base_url,
            self.provider,
            key,
            self.timeout,
            self.retries,
            self.longest_pause,
            structured=not self._plain,
        )

    def _asked(self, endpoint: Endpoint, replies: Sequence[Reply]) -> list[Judgement]:
        """What one question gives for each of `replies`; `lost` where it gives nothing that is certain."""
        messages, ids = messages_of(self.rubric, self.meanings, replies)
        try:
            answer = endpoint.ask(
                messages,
                answer_schema(list(self.meanings)),
                self.answer_tokens * len(replies) + 50,
                self.temperature,
            )
        except UnansweredError as error:
            lost = [Judgement(None, str(error), lost=error.lost) for _ in replies]
            return _shared(lost, tokens=0, requests=error.requests)
        found = verdicts_in(answer.text, ids, self.labels)
        if len(replies) == 1 and not found:
            alone = verdict_alone(answer.text, self.labels)
            found = {ids[0]: alone} if alone is not None else {}
        verdicts = [
            self._verdict(reply, found.get(name), answer) for name, reply in zip(ids, replies, strict=True)
        ]
        return _shared(verdicts, answer.tokens, answer.requests)

    def _verdict(self, reply: Reply, said: Said | None, answer: Answer) -> Judgement:
        if said is None:
            lost, reason = _why_nothing(answer)
            return Judgement(None, reason, lost=lost, by=answer.by)
        at = reply.text.find(said.quote) if said.quote.strip() and said.label is not None else -1
        span = None if at < 0 else (at, at + len(said.quote))
        return Judgement(said.label, said.reason, span, said.label, by=answer.by)


def _why_nothing(answer: Answer) -> tuple[Lost, str]:
    if answer.refusal is not None:
        return "refusal", shortened(printable(answer.refusal), 300)
    if not answer.text.strip():
        return "no answer", "an empty answer"
    cut = ", cut at its limit of tokens" if answer.cut else ""
    return "no answer", f"no verdict that is certain in: {shortened(printable(answer.text), 200)}{cut}"


def _shared(verdicts: list[Judgement], tokens: int, requests: int) -> list[Judgement]:
    """The verdicts with the cost of their question: tokens in equal shares, requests with the first."""
    share, rest = divmod(tokens, len(verdicts))
    return [
        replace(one, tokens=share + (number < rest), requests=requests if number == 0 else 0)
        for number, one in enumerate(verdicts)
    ]


def _with_cost(alone: Judgement, before: Judgement) -> Judgement:
    """The verdict of the second question, with what the first one cost as well."""
    return replace(alone, tokens=alone.tokens + before.tokens, requests=alone.requests + before.requests)
