"""torch checkpoints (`.pt`, `.pth`, `.bin`), read statically: names, dtypes, shapes and places of the tensors, and every import of the pickle.

Nothing is unpickled: the pickle runs on inert descriptions (pickle_machine.py) and only what torch.save writes for tensors is understood.
Source: torch 2.13, torch/serialization.py, torch/_utils.py (_rebuild_tensor_v2, _rebuild_tensor_v3, _rebuild_parameter).
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeGuard

from hubkit.tensors.dtypes import BITS
from hubkit.tensors.header import Header, HeaderError, Member, TensorInfo, row_major
from hubkit.tensors.pickle_machine import Call, Global, Machine, Persistent, Table
from hubkit.tensors.pickle_stream import BeyondError, PickleError, PickleStream
from hubkit.tensors.pickle_trace import trace_pickles
from hubkit.tensors.view_file import Allowance, ViewFile
from hubkit.tensors.zip_directory import read_directory
from hubkit.tensors.zip_member import read_part

if TYPE_CHECKING:
    from hubkit.repo.view import RepoView

MAX_PICKLE = 1 << 20
MAX_TENSORS = 10_000
MAX_VALUES = MAX_PICKLE
"""Values of the pickled object that are walked through: each needs a byte, so only what is shared can unfold into more."""
RECORDS = {
    "version": re.compile(rb"\s*\d+\s*"),
    "byteorder": re.compile(b"little|big"),
    ".format_version": re.compile(rb"\d+"),
    ".storage_alignment": re.compile(rb"\d+"),
    ".data/serialization_id": re.compile(rb"[ -~]*"),
}
"""What torch reads beside the tensors, by name."""
LONGEST_RECORD = 200
"""Bytes."""
MAX_DEPTH = 16
MAX_NAME = 256
MAX_DIMENSIONS = 64
MAX_REQUESTS = 64
"""Requests for a pickle without a zip, in a far repository."""
STORAGES = {
    "DoubleStorage": "F64", "FloatStorage": "F32", "HalfStorage": "F16", "BFloat16Storage": "BF16",
    "LongStorage": "I64", "IntStorage": "I32", "ShortStorage": "I16", "CharStorage": "I8",
    "ByteStorage": "U8", "BoolStorage": "BOOL", "ComplexFloatStorage": "C64",
}  # fmt: skip
DTYPES = {
    "float64": "F64", "float32": "F32", "float16": "F16", "bfloat16": "BF16",
    "int64": "I64", "int32": "I32", "int16": "I16", "int8": "I8",
    "uint64": "U64", "uint32": "U32", "uint16": "U16", "uint8": "U8", "bool": "BOOL", "complex64": "C64",
    "float8_e4m3fn": "F8_E4M3", "float8_e5m2": "F8_E5M2", "float8_e8m0fnu": "F8_E8M0",
    "float8_e4m3fnuz": "F8_E4M3FNUZ", "float8_e5m2fnuz": "F8_E5M2FNUZ",
}  # fmt: skip
VIEWS = ("neg", "conj")
"""Marks of a tensor whose values are not those of its storage."""
V2, V3 = "torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_tensor_v3"
PARAMETERS = {"torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state"}
ORDERED = "collections.OrderedDict"
UNTYPED = "torch.storage.UntypedStorage"
ALLOWED_IMPORTS = frozenset(
    {V2, V3, *PARAMETERS, ORDERED, UNTYPED, "torch.Size"} | {f"torch.{name}" for name in (*STORAGES, *DTYPES)}
)
"""What a checkpoint of tensors imports. Anything else deserves a question."""


def read_torch(view: RepoView, path: str, members: dict[str, Member] | None = None) -> Header:
    """The tensors of a zip checkpoint under dotted names. What is no tensor is in `refused`. Raises HeaderError (with `imports`)."""
    members = read_directory(view, path) if members is None else members
    pickles = [name for name in members if name.rpartition("/")[2] == "data.pkl"]
    if len(pickles) != 1 or pickles[0].count("/") != 1:
        raise HeaderError(
            f"{len(pickles)} files called data.pkl in the zip, expected one, in the archive's folder"
        )
    root = pickles[0].removesuffix("data.pkl")
    if stranger := next((name for name in members if not name.startswith(root)), None):
        raise HeaderError(f"{stranger} lies outside the archive's folder {root}: torch refuses such a file")
    if f"{root}constants.pkl" in members:
        raise HeaderError("a TorchScript archive: it carries code, which torch.load would run")
    pickle = members[pickles[0]]
    if pickle.size > MAX_PICKLE:
        raise HeaderError(f"data.pkl has {pickle.size:,} bytes, expected at most {MAX_PICKLE:,}")
    machine = Machine(read_part(view, path, pickle, 0, pickle.size))
    if view.near:
        _check_records(view, path, {name.removeprefix(root): member for name, member in members.items()})
    big_endian = _is_big_endian(view, path, members.get(f"{root}byteorder"))
    walk = _Walk(members, root, big_endian)
    try:
        walk.enter("", machine.load(), 0)
    except (PickleError, BeyondError, HeaderError) as error:
        raise HeaderError(error.message, imports=tuple(machine.imports)) from error
    return Header(
        walk.tensors, {}, 0, container="torch", imports=tuple(machine.imports), refused=tuple(walk.refused)
    )


def read_pickle(view: RepoView, path: str) -> Header:
    """A pickle without a zip (torch's legacy form, joblib, anything): its imports, no tensors. Raises HeaderError when it is no pickle."""
    if not (entry := view.entry(path)) or not entry.size:
        raise HeaderError("the file is empty")
    file = ViewFile(view, path, Allowance(MAX_REQUESTS, 4 * MAX_PICKLE, 0))
    trace = trace_pickles(PickleStream(file), lambda _: True, named=True)
    if trace is None:
        raise HeaderError("neither a zip nor a pickle")
    refused = ["the tensors: this is a pickle without a zip, only its imports were read"]
    if trace.fault or trace.beyond:
        refused.append(
            f"what follows byte {trace.at:,}: {trace.fault or trace.beyond}; more imports may be there"
        )
    return Header({}, {}, 0, container="pickle", imports=trace.imports, refused=tuple(refused))


def _check_records(view: RepoView, path: str, members: dict[str, Member]) -> None:
    """Raises HeaderError for a record that torch cannot read, or whose CRC-32 is another one."""
    for name in RECORDS.keys() & members.keys():
        record = members[name]
        content = read_part(view, path, record, 0, min(record.size, LONGEST_RECORD))
        if RECORDS[name].fullmatch(content) is None:
            raise HeaderError(f"{name} is {content[:20]!r}, which torch cannot read")


def _is_big_endian(view: RepoView, path: str, member: Member | None) -> bool:
    if member is None or (not view.near and member.size == len(b"little")):
        return False  # written before torch 2.1, then as the machine was
    order = read_part(view, path, member, 0, min(member.size, LONGEST_RECORD))
    if order not in {b"little", b"big"}:
        raise HeaderError(f"its byteorder is {order[:20]!r}, expected little or big")
    return order == b"big"


@dataclass(slots=True)
class _Walk:
    """The way through a described object: tensors by dotted name, and what was left."""

    members: dict[str, Member]
    root: str
    big_endian: bool
    tensors: dict[str, TensorInfo] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    values: int = 0

    def enter(self, name: str, value: object, depth: int) -> None:
        """Take the tensors out of `value`. Raises HeaderError."""
        self.values += 1
        if depth > MAX_DEPTH or self.values > MAX_VALUES:
            raise HeaderError(f"the checkpoint has more than {MAX_DEPTH} levels or {MAX_VALUES:,} values")
        if isinstance(value, Call):
            self._call(name, value, depth)
        elif isinstance(value, Table):
            self._items(name, value.pairs, depth)
        elif isinstance(value, list | tuple):
            self._items(name, list(enumerate(value)), depth)
        elif isinstance(value, Global | Persistent):
            what = value.name if isinstance(value, Global) else "a storage by itself"
            self.refuse(name, what)

    def _items(self, name: str, pairs: list[tuple[object, object]], depth: int) -> None:
        for key, value in pairs:
            if len(key) + len(name) > MAX_NAME if isinstance(key, str) else not _is_count(key):
                self.refuse(
                    name,
                    f"a value whose key is no number and no text, or whose name exceeds {MAX_NAME} characters",
                )
            else:
                self.enter(f"{name}.{key}" if name else str(key), value, depth + 1)

    def _call(self, name: str, call: Call, depth: int) -> None:
        function = call.function.name if isinstance(call.function, Global) else "something that is no name"
        arguments = call.arguments if isinstance(call.arguments, tuple) else ()
        if function in PARAMETERS and arguments:
            self.enter(name, arguments[0], depth + 1)
        elif function in {V2, V3}:
            info = self._tensor(name or "tensor", function, arguments)
            if info is not None:
                self._add(info)
        elif function == ORDERED and call.arguments == ():
            self._items(name, call.pairs, depth)
        elif function != "torch.Size":
            self.refuse(name, f"an object of {function}, which is not rebuilt")

    def _add(self, info: TensorInfo) -> None:
        if not info.name.isprintable():
            raise HeaderError(f"a tensor's name cannot be shown: {info.name[:50]!a}")
        if info.name in self.tensors:
            raise HeaderError(f"two tensors are called {info.name}")
        if len(self.tensors) >= MAX_TENSORS:
            raise HeaderError(f"more than {MAX_TENSORS:,} tensors")
        self.tensors[info.name] = info

    def refuse(self, name: str, what: str) -> None:
        """Note that `what` was not read."""
        if len(self.refused) < MAX_TENSORS:
            self.refused.append(f"{ascii(name[:MAX_NAME])[1:-1] or 'the checkpoint'}: {what}")

    def _tensor(self, name: str, function: str, arguments: tuple[object, ...]) -> TensorInfo | None:
        """One tensor from the arguments of its rebuilding: storage, offset, size, stride, requires_grad, hooks[, dtype]."""
        if len(arguments) < (7 if function == V3 else 6):
            raise HeaderError(f"{name[:MAX_NAME]!a}: a tensor with {len(arguments)} parts, expected more")
        storage, offset, size, stride = arguments[:4]
        if any(map(_says_view, arguments[6:])):
            self.refuse(name, "a tensor whose values are negated or conjugated as it is loaded")
            return None
        shape, strides = _counts(size), _counts(stride)
        if not _is_count(offset) or shape is None or strides is None or len(shape) != len(strides):
            raise HeaderError(f"{name[:MAX_NAME]!a}: its offset, size or stride are no whole numbers")
        if not isinstance(storage, Persistent):
            self.refuse(name, "a tensor that has no storage in the file")
            return None
        kind, key, numel = _storage(storage, name)
        dtype = _dtype(kind, arguments[6] if function == V3 else None)
        if dtype is None:
            self.refuse(name, f"a tensor over {kind}")
            return None
        return self._place(name, dtype, shape, strides, (offset, key, numel, kind))

    def _place(
        self,
        name: str,
        dtype: str,
        shape: tuple[int, ...],
        strides: tuple[int, ...],
        storage: tuple[int, str, int, str],
    ) -> TensorInfo:
        """The tensor's bytes inside its storage's member. Raises HeaderError where they are not there."""
        offset, key, numel, kind = storage
        width = BITS[dtype] // 8
        member = self.members.get(f"{self.root}data/{key}")
        if member is None:
            raise HeaderError(f"{name[:MAX_NAME]!a}: its storage {key[:MAX_NAME]!a} is not in the zip")
        claimed = numel if kind == UNTYPED else numel * width
        if member.size != claimed:
            raise HeaderError(
                f"{name[:MAX_NAME]!a}: its storage has {member.size:,} bytes, the pickle says {claimed:,}"
            )
        count = math.prod(shape)
        extent = 1 + sum((n - 1) * step for n, step in zip(shape, strides, strict=True)) if count else 0
        if (offset + extent) * width > member.size:
            raise HeaderError(f"{name[:MAX_NAME]!a}: reaches beyond its storage of {member.size:,} bytes")
        loose = any(n > 1 and s != r for n, s, r in zip(shape, strides, row_major(shape), strict=True))
        big = self.big_endian and width > 1
        start, stop = offset * width, (offset + extent) * width
        return TensorInfo(name, dtype, shape, start, stop, strides if loose and count else None, member, big)


def _is_count(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 63


def _counts(value: object) -> tuple[int, ...] | None:
    """A size or stride: a tuple, or torch.Size of one."""
    if isinstance(value, Call) and isinstance(value.function, Global) and value.function.name == "torch.Size":
        value = value.arguments[0] if isinstance(value.arguments, tuple) and value.arguments else None
    if not isinstance(value, list | tuple) or len(value) > MAX_DIMENSIONS or not all(map(_is_count, value)):
        return None
    return tuple(value)


def _says_view(argument: object) -> bool:
    """Whether the last part of a tensor says that its values are not those of its storage: `{"neg": True}`."""
    return isinstance(argument, Table) and any(key in VIEWS and value for key, value in argument.pairs)


def _storage(storage: Persistent, name: str) -> tuple[str, str, int]:
    """Kind, key and number of values of a storage: ("storage", torch.FloatStorage, "0", "cpu", numel)."""
    match storage.key:
        case ("storage", Global(name=kind), str(key), str(), int(numel)) if _is_count(numel):
            return kind, key, numel
    raise HeaderError(f"{name[:MAX_NAME]!a}: its storage is described in no way torch does")


def _dtype(kind: str, given: object) -> str | None:
    """safetensors' name of the dtype: of the typed storage, or as given for an untyped one."""
    module, _, last = kind.rpartition(".")
    if given is None:
        return STORAGES.get(last) if module in {"torch", "torch.cuda"} else None
    if kind == UNTYPED and isinstance(given, Global):
        return DTYPES.get(given.name.removeprefix("torch."))
    return None
