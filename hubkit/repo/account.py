"""Which Hub is asked, and as whom."""

from __future__ import annotations

import platform
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import hubkit
from hubkit.errors import IncompleteError, UsageError

if TYPE_CHECKING:
    from huggingface_hub import HfApi

AGENT = f"hubkit/{hubkit.__version__}; python/{platform.python_version()}"


@dataclass(frozen=True)
class Account:
    """A Hub's address, and a token for it alone."""

    endpoint: str
    token: str | None = field(repr=False)


def account_of(api: HfApi | None) -> Account:
    """The account of a client, or else the one that `hf auth login` and HF_ENDPOINT name.

    Raises IncompleteError offline, UsageError for a token that cannot be one.
    """
    from huggingface_hub import constants, get_token

    if constants.is_offline_mode():
        raise IncompleteError(
            "HF_HUB_OFFLINE is set: the Hub is not asked", hint="unset HF_HUB_OFFLINE, or validate a folder"
        )
    endpoint = (api.endpoint if api is not None else constants.ENDPOINT).rstrip("/")
    given = api.token if api is not None else None
    if given is None:
        given = not constants.HF_HUB_DISABLE_IMPLICIT_TOKEN
    token = get_token() if given is True else given or None
    if token is not None and not (token.isascii() and token.isprintable() and " " not in token):
        raise UsageError("the token holds characters that no token has", hint="hf auth login")
    return Account(endpoint, token)
