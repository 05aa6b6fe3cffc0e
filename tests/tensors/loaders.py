"""Every way in which people load a file that may be a pickle, tried one after the other; what breaks is passed over."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import io
import lzma
import pickle
import sys
import tarfile
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

UNPACKERS: tuple[Callable[[bytes], bytes], ...] = (
    lambda data: gzip.GzipFile(fileobj=io.BytesIO(data)).read(1 << 20),
    bz2.decompress,
    lzma.decompress,
    zlib.decompress,
)


def _numpy(data: bytes) -> None:
    loaded = np.load(io.BytesIO(data), allow_pickle=True)
    if isinstance(loaded, np.lib.npyio.NpzFile):
        for name in loaded.zip.namelist():
            with contextlib.suppress(Exception):
                loaded[name]


def _torch(data: bytes) -> None:
    import torch

    torch.load(io.BytesIO(data), weights_only=False)


def _joblib(data: bytes) -> None:
    import joblib

    if not data.startswith(b"\x1f\x8b"):  # an empty gzip stream makes it ask for all the memory there is
        joblib.load(io.BytesIO(data))


PLAIN: tuple[Callable[[bytes], Any], ...] = (
    lambda data: pickle.load(io.BytesIO(data)),
    lambda data: pickle._Unpickler(io.BytesIO(data)).load(),  # type: ignore[attr-defined]
    lambda data: pickle.load(gzip.GzipFile(fileobj=io.BytesIO(data))),
    _numpy,
)
HEAVY = (_torch, _joblib)
DEPTH = 4


def inner(data: bytes, *, whole: bool) -> Iterator[bytes]:
    """What an archive or a compressed file holds. `whole`: it is a file of its own, which zipfile opens by its end."""
    for unpack in UNPACKERS:
        with contextlib.suppress(Exception):
            yield unpack(data)
    with contextlib.suppress(Exception), zipfile.ZipFile(io.BytesIO(data)) as archive:
        if whole or data.startswith((b"PK\x03\x04", b"PK\x05\x06")):  # as numpy and torch tell a zip
            for info in archive.infolist():
                with contextlib.suppress(Exception), archive.open(info) as member:
                    yield member.read()
    with contextlib.suppress(Exception), tarfile.open(fileobj=io.BytesIO(data), mode="r:") as archive:
        for member in archive:
            if (file := archive.extractfile(member)) is not None:
                yield file.read()


@contextlib.contextmanager
def little_memory() -> Iterator[None]:
    """2 GiB more than now and no further (Linux): a damaged pickle may ask its loader for 64."""
    if sys.platform != "linux":
        yield
        return
    import resource

    before = resource.getrlimit(resource.RLIMIT_AS)
    now = int(Path("/proc/self/statm").read_text("ascii").split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (now + (2 << 30), before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def load_in_every_way(data: bytes, *, heavy: bool = False) -> None:
    """Give `data`, and what is in it, to every loader."""
    with little_memory():
        _load(data, heavy=heavy, depth=DEPTH)


def _load(data: bytes, *, heavy: bool, depth: int) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for load in (*PLAIN, *(HEAVY if heavy else ())):
            with contextlib.suppress(Exception):
                load(data)
        if depth:
            for content in inner(data, whole=depth == DEPTH):
                _load(content, heavy=heavy, depth=depth - 1)
