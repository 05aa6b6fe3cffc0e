"""A Hub on this machine that the real huggingface_hub client speaks to, in plain LFS mode (HF_HUB_DISABLE_XET=1).

`serving` for rehearsals and tests, `serve` for a terminal. Imports no other room; starlette and uvicorn load when a Hub starts.
"""

from __future__ import annotations

from hubkit.localhub.faults import Fault, Faults
from hubkit.localhub.server import RunningHub, serve, serving
from hubkit.localhub.users import User

__all__ = ["Fault", "Faults", "RunningHub", "User", "serve", "serving"]
