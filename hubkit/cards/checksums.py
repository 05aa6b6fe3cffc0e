"""The sha256 of the files that a card is built from. Light to import: hashing goes on in threads while the rest of a build is still being imported."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from hubkit.release.digests import sha256_of_file
from hubkit.release.layout import CARD_SETTINGS, PROVENANCE, README, is_left_out
from hubkit.repo.local import open_folder

NOT_DIGESTED = {README, PROVENANCE, CARD_SETTINGS}
"""The card itself, and what states the card's digest or feeds it."""
FIGURES = "figures/"
"""Made from the facts, as the card is."""
AT_ONCE = 2
"""Files hashed at the same time: hashlib lets go of the interpreter."""


def is_digested(path: str) -> bool:
    """Whether a file of the release is one that a card is built from."""
    return path not in NOT_DIGESTED and not path.startswith(FIGURES) and not is_left_out(path)


def digested_paths(release: Path) -> list[str]:
    """Every file that a card is built from, in the order of the listing."""
    return [entry.path for entry in open_folder(release).list() if is_digested(entry.path)]


class Checksums:
    """The sha256 of a release's files, under way from the moment this is made."""

    def __init__(self, release: Path, paths: Iterable[str]) -> None:
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="hubkit-hash")
        self._over = threading.Event()
        self._found: dict[str, Future[str]] = {
            path: self._pool.submit(sha256_of_file, release / path, self._over) for path in paths
        }
        self._pool.shutdown(wait=False)

    def stop(self) -> None:
        """Nobody wants them any more: the interpreter would wait for its threads, however large the file is that they read."""
        self._over.set()
        self._pool.shutdown(wait=False, cancel_futures=True)

    @classmethod
    def of(cls, release: Path) -> Checksums:
        """Of all that a card is built from."""
        return cls(release, digested_paths(release))

    def get(self) -> dict[str, str]:
        """Path to sha256, when all are there. Raises OSError for a file that cannot be read."""
        return {path: future.result() for path, future in self._found.items()}
