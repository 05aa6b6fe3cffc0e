"""The client of the Hub that HF_ENDPOINT names, and whether it may write there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubkit import __version__
from hubkit.errors import UsageError
from hubkit.publish.errors import hub_errors

if TYPE_CHECKING:
    from huggingface_hub import HfApi


def client() -> HfApi:
    """The Hub that HF_ENDPOINT names, as whom the usual places say: HF_OIDC_RESOURCE (keyless CI), HF_TOKEN, `hf auth login`."""
    from huggingface_hub import HfApi

    return HfApi(library_name="hubkit", library_version=__version__)


def check_login(api: HfApi, repo_id: str) -> None:
    """Raise UsageError where the Hub would refuse to write for want of a token: better now than after the rehearsal. The token is not kept."""
    from huggingface_hub import get_token

    if api.token or api.endpoint.startswith("http://"):
        return
    with hub_errors(repo_id):
        token = get_token()
    if not token:
        raise UsageError(
            f"{repo_id}: no token found (HF_OIDC_RESOURCE, HF_TOKEN, hf auth login); nothing was sent",
            hint="hf auth login",
        )
