"""The environment of a card's code: what a reader without a login would have, on this machine's Hub or on the real one."""

from __future__ import annotations

from pathlib import Path

from hubkit.child_process import clean_environment


def environment(scratch: Path, endpoint: str | None) -> dict[str, str]:
    """An allow-list, no token. With `endpoint` every client asks that Hub, with a cache of its own.

    Without one it asks the real Hub; it may then take models from the user's cache, which holds no token, and would be gigabytes to fetch anew.
    """
    more = {
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "MPLBACKEND": "agg",
    }
    if endpoint is None:
        from huggingface_hub.constants import HF_HUB_CACHE

        more["HF_HUB_CACHE"] = HF_HUB_CACHE
    else:
        more |= {
            "HF_ENDPOINT": endpoint,
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_ETAG_TIMEOUT": "60",  # the Hub shares this machine with the code
            "HF_HUB_DOWNLOAD_TIMEOUT": "60",
        }
    return clean_environment(scratch, more)
