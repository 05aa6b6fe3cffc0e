"""Weight files made on the spot, byte by byte, without torch."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from typing import Any

import numpy as np

from hubkit.repo.memory import MemoryView


def view(data: bytes, name: str = "w.bin") -> MemoryView:
    return MemoryView(name="memory", files={name: data})


def safetensors(header: Any, data: bytes = b"") -> bytes:
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(raw)) + raw + data


def npz(*, compressed: bool = False, **arrays: Any) -> bytes:
    file = io.BytesIO()
    (np.savez_compressed if compressed else np.savez)(file, **arrays)
    return file.getvalue()


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_STORED, comment: bytes = b"") -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
        archive.comment = comment
    return file.getvalue()


def text(value: str) -> bytes:
    raw = value.encode()
    return b"X" + struct.pack("<I", len(raw)) + raw


def integer(value: int) -> bytes:
    raw = value.to_bytes(9, "little", signed=True)
    return b"\x8a" + bytes([len(raw)]) + raw


def sequence(*values: int) -> bytes:
    return b"(" + b"".join(map(integer, values)) + b"t"


def tensor(  # one torch._utils._rebuild_tensor_v2 as torch.save writes it
    key: str,
    shape: tuple[int, ...],
    stride: tuple[int, ...],
    numel: int,
    *,
    offset: int = 0,
    kind: str = "torch\nFloatStorage",
    function: str = "torch._utils\n_rebuild_tensor_v2",
) -> bytes:
    storage = (
        b"(" + text("storage") + f"c{kind}\n".encode() + text(key) + text("cpu") + integer(numel) + b"tQ"
    )
    hooks = b"ccollections\nOrderedDict\n)R"
    arguments = storage + integer(offset) + sequence(*shape) + sequence(*stride) + b"\x89" + hooks
    return f"c{function}\n".encode() + b"(" + arguments + b"tR"


def table(**values: bytes) -> bytes:
    return b"}(" + b"".join(text(name) + value for name, value in values.items()) + b"u"


def checkpoint(body: bytes, storages: dict[str, bytes], *, root: str = "archive", **more: bytes) -> bytes:
    members = {f"{root}/data.pkl": b"\x80\x02" + body + b"."}
    members |= {f"{root}/data/{key}": content for key, content in storages.items()}
    return zipped(members | {f"{root}/{name}": content for name, content in more.items()})
