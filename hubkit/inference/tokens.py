"""From a prompt to its tokens, and from tokens to text. Torch-free."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from hubkit.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence


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


def prompt_ids(tokenizer: Any, prompt: Prompt, *, chat: bool = False) -> list[int]:
    """The tokens of a prompt, through the tokenizer's chat template when `chat`.

    Raises UsageError when there is no template to use, when a system message needs one, or when the prompt is no token long.
    """
    if chat:
        if tokenizer.chat_template is None:
            raise UsageError(
                "the tokenizer has no chat template, expected one", hint="set chat: false in the study file"
            )
        text = tokenizer.apply_chat_template(_messages(prompt), tokenize=False, add_generation_prompt=True)
        ids = tokenizer(text, add_special_tokens=False).input_ids
    elif prompt.system is not None:
        raise UsageError(
            f"scenario {prompt.key!r}: a system message without a chat template",
            hint="set chat: true in the study file",
        )
    else:
        ids = tokenizer(prompt.prompt).input_ids
    if not ids:
        raise UsageError(f"scenario {prompt.key!r}: its prompt is no token long, expected at least one")
    return [int(token) for token in ids]


def _messages(prompt: Prompt) -> list[dict[str, str]]:
    system = [] if prompt.system is None else [{"role": "system", "content": prompt.system}]
    return [*system, {"role": "user", "content": prompt.prompt}]


def decode(tokenizer: Any, token_ids: Sequence[int]) -> str:
    """The text of some tokens, the same way everywhere: character spans refer to it."""
    return str(
        tokenizer.decode(list(token_ids), skip_special_tokens=True, clean_up_tokenization_spaces=False)
    )
