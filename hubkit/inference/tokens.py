"""From a prompt to its tokens, and from tokens to text. Torch-free."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from hubkit.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence


class Turn(Protocol):
    """One message of a conversation."""

    @property
    def role(self) -> str:
        """`system`, `user` or `assistant`."""
        ...

    @property
    def content(self) -> str:
        """What is said."""
        ...


class Prompt(Protocol):
    """What is put to a model."""

    @property
    def key(self) -> str:
        """Its name in errors."""
        ...

    @property
    def prompt(self) -> str:
        """The text, or the user's message."""
        ...

    @property
    def system(self) -> str | None:
        """The system message; only with a chat template."""
        ...

    @property
    def messages(self) -> Sequence[Turn]:
        """A conversation in place of `prompt`."""
        ...

    @property
    def prefill(self) -> str:
        """How the answer begins, a part of what is put to the model."""
        ...


def prompt_ids(tokenizer: Any, prompt: Prompt, *, chat: bool = False) -> list[int]:
    """The tokens of a prompt with its prefill; through the tokenizer's chat template when `chat`, and where it is a conversation.

    Raises UsageError when there is no template to use, when a system message needs one, when the template takes no such conversation, or when the
    prompt is no token long.
    """
    if chat or prompt.messages:
        text = _through_template(tokenizer, prompt) + prompt.prefill
        ids = tokenizer(text, add_special_tokens=False).input_ids
    elif prompt.system is not None:
        raise UsageError(
            f"scenario {prompt.key!r}: a system message without a chat template",
            hint="set chat: true in the study file",
        )
    else:
        ids = tokenizer(prompt.prompt + prompt.prefill).input_ids
    if not ids:
        raise UsageError(f"scenario {prompt.key!r}: its prompt is no token long, expected at least one")
    return [int(token) for token in ids]


def _through_template(tokenizer: Any, prompt: Prompt) -> str:
    if tokenizer.chat_template is None:
        raise UsageError(
            f"scenario {prompt.key!r}: the tokenizer has no chat template, expected one",
            hint="set chat: false in the study file, and give `prompt` in place of `messages`",
        )
    try:
        return str(
            tokenizer.apply_chat_template(_messages(prompt), tokenize=False, add_generation_prompt=True)
        )
    except Exception as error:
        raise UsageError(
            f"scenario {prompt.key!r}: the model's chat template refuses it: {error}",
            hint="some take no system message, or want user and assistant in turns",
        ) from error


def _messages(prompt: Prompt) -> list[dict[str, str]]:
    if prompt.messages:
        return [{"role": one.role, "content": one.content} for one in prompt.messages]
    system = [] if prompt.system is None else [{"role": "system", "content": prompt.system}]
    return [*system, {"role": "user", "content": prompt.prompt}]


def decode(tokenizer: Any, token_ids: Sequence[int]) -> str:
    """The text of some tokens, the same way everywhere: character spans refer to it."""
    return str(
        tokenizer.decode(list(token_ids), skip_special_tokens=True, clean_up_tokenization_spaces=False)
    )
