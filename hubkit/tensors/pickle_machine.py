"""What a pickle would build, without building it: every opcode is interpreted over inert descriptions. Nothing is imported, called or hashed.

Work and memory are linear in the bytes given, so callers cap those. Of a pickle that is only asked for its imports `pickle_trace` keeps nothing.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from typing import Any, Final

from hubkit.tensors.pickle_stream import READERS, PickleError, PickleStream

MAX_IMPORTS = 1000
CONSTANTS: Final[dict[str, object]] = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}
ARGUMENTS = frozenset(
    [
        "INT",
        "BININT",
        "BININT1",
        "BININT2",
        "LONG",
        "LONG1",
        "LONG4",
        "STRING",
        "BINSTRING",
        "SHORT_BINSTRING",
        "BINBYTES",
        "SHORT_BINBYTES",
        "BINBYTES8",
        "BYTEARRAY8",
        "UNICODE",
        "SHORT_BINUNICODE",
        "BINUNICODE",
        "BINUNICODE8",
        "FLOAT",
        "BINFLOAT",
    ]
)
"""Opcodes that push their argument."""
NOTHING = frozenset(["PROTO", "FRAME", "READONLY_BUFFER"])


@dataclass(frozen=True, slots=True, eq=False)
class Global:
    """A name that the pickle asks to import."""

    name: str
    """`module.name`, with anything unprintable escaped."""


@dataclass(slots=True, eq=False)
class Table:
    """A dict: its pairs as they were written; the keys are never hashed."""

    pairs: list[tuple[object, object]] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Call:
    """A call that unpickling would make, and what it would put into the result."""

    function: object
    arguments: object
    pairs: list[tuple[object, object]] = field(default_factory=list)
    state: object = None


@dataclass(frozen=True, slots=True, eq=False)
class Persistent:
    """A reference to something outside the pickle: in torch, a storage."""

    key: object


class _Mark:
    """The stack's marker."""


MARK: Final = _Mark()


class Machine:
    """Runs pickles that follow each other in `data`; `imports` and `at` stay valid after a fault."""

    def __init__(self, data: bytes | PickleStream) -> None:
        self.imports: dict[str, None] = {}
        self._file = PickleStream(io.BytesIO(data)) if isinstance(data, bytes) else data
        self._stack: list[Any] = []
        self._memo: dict[int, object] = {}

    @property
    def at(self) -> int:
        """How many bytes were read."""
        return self._file.at

    def load(self) -> object:
        """The next value. Raises PickleError."""
        self._stack, self._memo = [], {}
        try:
            while (name_argument := self._next())[0] != "STOP":
                self._step(*name_argument)
            return self._stack.pop()
        except (PickleError, ValueError, IndexError, KeyError, OverflowError) as error:
            raise PickleError(
                f"the pickle is damaged near its byte {self.at:,}: {str(error)[:200]}"
            ) from error

    def _next(self) -> tuple[str, Any]:
        code = self._file.code()
        if code not in READERS:
            raise ValueError(f"no opcode {bytes([code])!r}")
        name, read = READERS[code]
        return name, read(self._file)

    def _step(self, name: str, argument: Any) -> None:
        stack = self._stack
        if name in ARGUMENTS:
            stack.append(argument)
        elif name in CONSTANTS:
            stack.append(CONSTANTS[name])
        elif name in {"PUT", "BINPUT", "LONG_BINPUT"}:
            self._memo[argument] = stack[-1]
        elif name == "MEMOIZE":
            self._memo[len(self._memo)] = stack[-1]
        elif name in {"GET", "BINGET", "LONG_BINGET"}:
            stack.append(self._memo[argument])
        elif name == "MARK":
            stack.append(MARK)
        elif name == "POP":
            stack.pop()
        elif name == "POP_MARK":
            self._to_mark()
        elif name == "DUP":
            stack.append(stack[-1])
        elif name not in NOTHING and not self._containers(name) and not self._objects(name, argument):
            raise ValueError(f"opcode {name} has no place in a checkpoint")

    def _containers(self, name: str) -> bool:
        stack = self._stack
        if name in {"TUPLE1", "TUPLE2", "TUPLE3"}:
            stack[-int(name[-1]) :] = [tuple(self._top(int(name[-1])))]
        elif name in {"TUPLE", "FROZENSET"}:
            stack.append(tuple(self._to_mark()))
        elif name in {"EMPTY_LIST", "EMPTY_SET"}:
            stack.append([])
        elif name == "LIST":
            stack.append(self._to_mark())
        elif name == "EMPTY_DICT":
            stack.append(Table())
        elif name == "DICT":
            stack.append(Table(_pairs(self._to_mark())))
        elif name == "APPEND":
            self._extend([stack.pop()])
        elif name in {"APPENDS", "ADDITEMS"}:
            self._extend(self._to_mark())
        elif name == "SETITEM":
            value, key = stack.pop(), stack.pop()
            self._update([(key, value)])
        elif name == "SETITEMS":
            self._update(_pairs(self._to_mark()))
        else:
            return False
        return True

    def _objects(self, name: str, argument: Any) -> bool:
        stack = self._stack
        if name in {"GLOBAL", "INST"}:
            wanted = self._import(*argument)
            stack.append(wanted if name == "GLOBAL" else Call(wanted, tuple(self._to_mark())))
        elif name == "STACK_GLOBAL":
            attribute, module = stack.pop(), stack.pop()
            stack.append(self._import(module, attribute))
        elif name in {"EXT1", "EXT2", "EXT4"}:
            stack.append(self._import("copyreg", f"extension {argument}"))
        elif name in {"REDUCE", "NEWOBJ"}:
            arguments, function = stack.pop(), stack.pop()
            stack.append(Call(function, arguments))
        elif name == "NEWOBJ_EX":
            keywords, arguments, function = stack.pop(), stack.pop(), stack.pop()
            stack.append(Call(function, arguments, state=keywords))
        elif name == "OBJ":
            function, *rest = self._to_mark()
            stack.append(Call(function, tuple(rest)))
        elif name == "BUILD":
            state = stack.pop()
            if isinstance(stack[-1], Call):
                stack[-1].state = state
        elif name in {"PERSID", "BINPERSID"}:
            stack.append(Persistent(argument if name == "PERSID" else stack.pop()))
        else:
            return False
        return True

    def _import(self, module: object, name: object) -> Global:
        if not isinstance(module, str) or not isinstance(name, str):
            raise ValueError("a global whose name is no text")  # noqa: TRY004 - load() turns it into a PickleError
        written = ascii(f"{module}.{name}"[:200])[1:-1]
        self.imports[written] = None
        if len(self.imports) > MAX_IMPORTS:
            raise ValueError(f"more than {MAX_IMPORTS:,} globals")
        return Global(written)

    def _top(self, count: int) -> list[Any]:
        if len(self._stack) < count:
            raise IndexError("the stack is empty")
        return self._stack[-count:]

    def _to_mark(self) -> list[Any]:
        """Everything above the last mark, taken off with it."""
        taken: list[Any] = []
        while (value := self._stack.pop()) is not MARK:
            taken.append(value)
        taken.reverse()
        return taken

    def _extend(self, values: list[Any]) -> None:
        """Into a list; what a call's result would be given is only noted as seen."""
        if isinstance(self._stack[-1], list):
            self._stack[-1].extend(values)

    def _update(self, pairs: list[tuple[object, object]]) -> None:
        target = self._stack[-1]
        if isinstance(target, Table | Call):
            target.pairs.extend(pairs)


def _pairs(values: list[Any]) -> list[tuple[object, object]]:
    if len(values) % 2:
        raise ValueError("a dict with a key and no value")
    return list(zip(values[::2], values[1::2], strict=True))
