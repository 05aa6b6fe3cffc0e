"""The fix of weights that are a pickle: the same tensors in a container that holds nothing else. The source stays."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING
from uuid import uuid4

from hubkit.child_process import clean_environment, run_apart
from hubkit.fix.content import Elsewhere
from hubkit.fix.registry import Change, Refusal, Subject, sae_fix
from hubkit.repo.view import Entry
from hubkit.validate.facts import WEIGHTS

if TYPE_CHECKING:
    from hubkit.repo.view import RepoView

PICKLES = {".pt", ".pth", ".bin"}
TIMEOUT = 600.0
"""Seconds."""
BLOCK = 8 << 20


@sae_fix("WTS014", "safe")
def into_safetensors(subject: Subject) -> Change | None:
    """`.pt` weights are written again as sae_weights.safetensors beside it, bit for bit; the `.pt` stays for a person to remove.

    torch's restricted unpickler reads it (weights_only) in a process of its own, with limits of time and memory.
    """
    sae = subject.sae
    if not sae.is_saelens or sae.weights is None or PurePosixPath(sae.weights.name).suffix not in PICKLES:
        return None
    if WEIGHTS in sae.files:
        return None
    source = _on_disk(subject.view, sae.weights, subject.scratch)
    target = subject.scratch / f"{uuid4().hex}.safetensors"
    _convert(source, target)
    return Change({str(PurePosixPath(sae.sae_id) / WEIGHTS): Elsewhere(target)})


def _on_disk(view: RepoView, entry: Entry, scratch: Path) -> Path:
    """A copy that nobody else writes to while torch maps it."""
    copy = scratch / f"{uuid4().hex}.pt"
    with copy.open("wb") as file:
        for start in range(0, entry.size, BLOCK):
            file.write(view.read_range(entry.path, start, start + BLOCK))
    return copy


def _convert(source: Path, target: Path) -> None:
    command = [sys.executable, "-m", "hubkit.fix.unpickle", str(source.resolve()), str(target.resolve())]
    with tempfile.TemporaryDirectory(prefix="hubkit-unpickle-", ignore_cleanup_errors=True) as scratch:
        try:
            done = run_apart(command, Path(scratch), clean_environment(Path(scratch)), TIMEOUT)
        finally:
            source.unlink(missing_ok=True)
    if done.timed_out:
        raise Refusal(f"it could not be read within {TIMEOUT:.0f} s")
    if done.code != 0 or not target.is_file():
        last = done.errors.strip().splitlines()[-1:] or [f"the reading process ended with {done.code}"]
        raise Refusal(f"torch does not read it as plain tensors: {last[0]}")
