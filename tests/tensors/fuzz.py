"""Random damage to weights and random disguises of pickles, held against numpy, torch and Python. `benchmarks/fuzz.py` asks for minutes, test_fuzz.py for seconds.

Three questions, asked in turn, npz and torch zips most often:

- Broken passes clean: a damaged npz, torch zip or safetensors file of which hubkit reads every value without a word is loaded by its own library, too,
  with the same names, shapes and values.
- A call passes clean: a pickle that rings a bell in one of Python's, numpy's or torch's loaders, however it is wrapped and damaged, is told.
- A command does not end: a release with such a file is validated within LONGEST seconds, no rule crashes, no error but hubkit's own comes out.
"""

from __future__ import annotations

import hashlib
import io
import math
import pickle
import random
import time
import warnings
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from builders import FOLDER, cfg, view
from safetensors.numpy import load as load_safetensors
from safetensors.numpy import save as save_safetensors
from tensors import canary
from tensors.canary import Bell
from tensors.loaders import little_memory, load_in_every_way
from validate.test_pickle_fuzz import ARRAYS, WRAPS, told

from hubkit.errors import HubkitError
from hubkit.repo.memory import MemoryView
from hubkit.tensors.container import read_header
from hubkit.tensors.header import Header, HeaderError
from hubkit.tensors.scan import scan
from hubkit.tensors.slices import read_values
from hubkit.validate.run import validate

LONGEST = 5.0
"""Seconds that a small file may take."""
DTYPES = ("<f4", "<f2", "<f8", "<i8", "<i4", "u1", "i1", "?")
SIGNATURES = (
    b"PK\x01\x02",
    b"PK\x03\x04",
    b"PK\x05\x06",
    b"\x93NUMPY",
    b"{'descr'",
    b"shape",
    b"data_offsets",
    b"ctorch",
    b"\x80\x02",
)
"""What is hit more often than other bytes: where headers begin."""
Arrays = dict[str, np.ndarray[Any, Any]]


def arrays(chance: random.Random) -> Arrays:
    """A few small arrays as SAEs have them."""
    noise = np.random.default_rng(chance.randrange(1 << 32))
    shapes = {
        "W_enc": (4, 8),
        "W_dec": (8, 4),
        "b_enc": (8,),
        "b_dec": (4,),
        "threshold": (8,),
        "scalar": (),
        "empty": (0, 3),
    }
    chosen = chance.sample(sorted(shapes), chance.randint(1, 5))
    return {
        name: np.asarray(noise.standard_normal(shapes[name]) * 9).astype(chance.choice(DTYPES))
        for name in chosen
    }


def npz(values: Arrays, chance: random.Random) -> bytes:
    """As numpy writes it, or with its columns first."""
    if chance.random() < 0.3:
        values = {name: np.asfortranarray(value) for name, value in values.items()}
    file = io.BytesIO()
    (np.savez_compressed if chance.random() < 0.4 else np.savez)(file, **values)  # type: ignore[arg-type]
    return file.getvalue()


def torch_zip(values: Arrays, chance: random.Random) -> bytes:
    """As torch writes it: alone, in a dict, with views of one storage."""
    import torch

    tensors = {name: torch.from_numpy(np.ascontiguousarray(value)) for name, value in values.items()}
    if chance.random() < 0.3:
        tensors |= {f"{name}.T": one.T for name, one in tensors.items() if one.ndim == 2}
    file = io.BytesIO()
    torch.save({"state": tensors, "step": 3} if chance.random() < 0.3 else tensors, file)
    return file.getvalue()


def safetensors(values: Arrays, chance: random.Random) -> bytes:
    """As safetensors writes it."""
    return save_safetensors(values, {"format": "pt"} if chance.random() < 0.5 else None)


def _from_npz(data: bytes) -> Arrays:
    with np.load(io.BytesIO(data), allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


def _from_torch(data: bytes) -> Arrays:
    import torch

    loaded = torch.load(io.BytesIO(data), weights_only=True, map_location="cpu")
    return {name: tensor.numpy() for name, tensor in _tensors(loaded, "")}


def _tensors(value: Any, name: str) -> list[tuple[str, Any]]:
    if isinstance(value, Mapping):
        return [
            one
            for key, inner in value.items()
            for one in _tensors(inner, f"{name}.{key}" if name else str(key))
        ]
    return [(name, value)] if hasattr(value, "numpy") else []


Maker = Callable[[Arrays, random.Random], bytes]
FORMATS: dict[str, tuple[str, Maker, Callable[[bytes], Arrays], int]] = {
    "npz": ("w.npz", npz, _from_npz, 5),
    "torch": ("w.pt", torch_zip, _from_torch, 5),
    "safetensors": ("w.safetensors", safetensors, load_safetensors, 2),
}
"""Name to the file's name, who writes it, who reads it, and how often it is chosen."""


def damaged(data: bytes, chance: random.Random) -> bytes:
    """With bits, bytes, numbers or pieces of it changed, mostly where a header is."""
    for _ in range(chance.choice((1, 1, 1, 2, 3, 6))):
        places = [at for mark in SIGNATURES if (at := data.find(mark, chance.randrange(len(data) + 1))) >= 0]
        at = (
            chance.choice(places) + chance.randrange(60)
            if places and chance.random() < 0.6
            else chance.randrange(len(data) + 1)
        )
        at = min(at, max(0, len(data) - 1))
        width = chance.choice((1, 2, 4, 8))
        piece = data[at : at + width]
        match chance.randrange(7):
            case 0:
                piece = bytes(b ^ 1 << chance.randrange(8) for b in piece)
            case 1:
                piece = chance.randbytes(len(piece))
            case 2:
                piece = b""
            case 3:
                piece += chance.randbytes(width)
            case 4:
                piece = chance.choice((b"\0", b"\xff")) * len(piece)
            case 5:
                piece = (
                    int.from_bytes(piece, "little") + chance.choice((-1, 1, 8, 256))
                    & (1 << 8 * len(piece)) - 1
                ).to_bytes(len(piece), "little")
            case _:
                begin = chance.randrange(len(data) + 1)
                piece = data[begin : begin + chance.choice((1, 8, 46, 200))]
        data = data[:at] + piece + data[at + width :]
    return data[: chance.randrange(len(data))] if chance.random() < 0.05 and data else data


def ours(data: bytes, name: str) -> Arrays | None:
    """Every value as hubkit reads it; None where it says that something is wrong. Raises whatever is no error of hubkit's."""
    there = MemoryView(name="fuzz", files={name: data})
    try:
        header: Header = read_header(there, name)
        if header.refused:
            return None
        found = scan(there, name, header, norms={})
        if found.unread:
            return None
        return {one: read_values(there, name, info) for one, info in header.tensors.items()}
    except (HubkitError, HeaderError):
        return None


def broken_passes(chance: random.Random) -> tuple[str, bytes, str | None]:
    """(what was tried, the file, what is wrong with hubkit's reading)."""
    kind = chance.choices(list(FORMATS), [weight for *_, weight in FORMATS.values()])[0]
    name, make, load, _ = FORMATS[kind]
    data = damaged(make(arrays(chance), chance), chance)
    mine = ours(data, name)
    if mine is None:
        return f"{kind}, refused", data, None
    try:
        theirs = load(data)
    except Exception as error:  # noqa: BLE001 - whatever the library says
        return f"{kind}, read", data, f"{kind} does not load: {type(error).__name__} {str(error)[:100]}"
    return f"{kind}, read", data, _difference(mine, theirs)


def _difference(mine: Arrays, theirs: Arrays) -> str | None:
    if mine.keys() != theirs.keys():
        return f"names {sorted(mine)} and {sorted(theirs)}"
    for name, value in mine.items():
        other = theirs[name]
        if value.shape != other.shape:
            return f"{name}: shape {value.shape} and {other.shape}"
        if not np.array_equal(value, other.astype(value.dtype), equal_nan=True):
            return f"{name}: other values"
    return None


def call_passes(chance: random.Random) -> tuple[str, bytes, str | None]:
    """The same of a pickle that rings."""
    data = (
        pickle.dumps([1, Bell()], chance.randrange(6)) if chance.random() < 0.6 else chance.choice(ARRAYS)()
    )
    for _ in range(chance.randrange(4)):
        data = chance.choice(WRAPS)(data, chance.choice(("data.pkl", "a/data.pkl", "x", "w.npy")))
    data = damaged(data, chance) if chance.random() < 0.7 else data
    name = chance.choice(("w.pt", "w.npz", "w.bin", "x", "a.json", "w.zip", "w.npy"))
    canary.RUNG.clear()
    load_in_every_way(data, heavy=chance.random() < 0.2)
    rang = bool(canary.RUNG)
    return (
        f"a call, {'rings' if rang else 'silent'}",
        data,
        "it rings, and nothing is told" if rang and not told(data, name) else None,
    )


def does_not_end(chance: random.Random) -> tuple[str, bytes, str | None]:
    """The same of a whole release."""
    kind = chance.choice(list(FORMATS))
    name, make, _, _ = FORMATS[kind]
    data = damaged(make(arrays(chance), chance), chance)
    begun = time.process_time()
    try:
        report = validate(view(cfg(), files={f"{FOLDER}/{name}": data, f"x/{name}": data}), deep=True)
    except HubkitError:
        return "a release, refused", data, None
    if report.crashes:
        return "a release", data, f"a rule crashed: {report.crashes[0].code}"
    spent = time.process_time() - begun
    return "a release", data, f"{spent:.1f} s" if spent > LONGEST else None


QUESTIONS = ((broken_passes, 14), (call_passes, 4), (does_not_end, 2))


def fuzz(
    seconds: float, seed: int, keep: Path | None = None, rounds: float = math.inf
) -> tuple[Counter[str], list[str]]:
    """Ask for so long, or so often. How often what was tried, and every counterexample in words."""
    chance = random.Random(seed)
    tried: Counter[str] = Counter()
    wrong: list[str] = []
    end = time.monotonic() + seconds
    ask, weights = zip(*QUESTIONS, strict=True)
    warnings.simplefilter("ignore")
    with little_memory():
        while time.monotonic() < end and tried.total() < rounds:
            question = chance.choices(ask, weights)[0]
            state = chance.getstate()
            try:
                what, data, problem = question(chance)
            except Exception as error:  # noqa: BLE001 - a counterexample, too
                chance.setstate(state)
                chance.random()
                what, data, problem = (
                    question.__name__,
                    repr(state[1][-1]).encode(),
                    f"{type(error).__name__}: {error}",
                )
            tried[what] += 1
            if problem is not None:
                digest = hashlib.sha256(data).hexdigest()[:12]
                wrong.append(f"{what} {digest}: {problem}")
                if keep is not None:
                    keep.mkdir(parents=True, exist_ok=True)
                    (keep / digest).write_bytes(data)
    return tried, wrong
