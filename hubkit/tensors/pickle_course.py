"""The course that unpickling takes through the opcodes, over values that stand for nothing but themselves.

It is that of Python's own unpicklers exactly up to the first import or call that would fail, and goes on where they might: so what was not met here
is not met by pickle.load, torch.load, numpy.load or joblib either. Values other than names are not kept. Memory and time are linear in the bytes, both
with a limit.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from hubkit.tensors.pickle_stream import BeyondError, PickleError, PickleStream, utf8

STOP = ord(".")
SLICE = 1 << 16
MAX_IMPORTS = 1000
"""Different ones of one file."""
MAX_NAME = 1000
"""Bytes of a text that may be a name."""
MAX_SHOWN = 200
MAX_VALUES = 1 << 22
"""Values on the stack, and in the memo."""
MAX_MARKS = 100_000
"""Values begun inside each other."""
MAX_KEPT = 1 << 26
"""Characters of names in the memo and on the stack."""
MAX_FAR = 100_000
"""Entries of the memo that leave a gap."""
GLOBAL, CALL, LINE, TEXT, PUT, ESCAPE = 10, 4, 5, 5, 2, 3
"""What an import, a call, a line, a text, what is remembered and an escape cost more than an opcode, which costs one: some 0.12 microseconds."""
TOO_MUCH = "more opcodes than are followed, or ones that take longer"
PER_COST = 6
"""Bits: of a long text 64 bytes cost one."""
IDENTIFIER = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*")
ODD = "(no plain name)"
"""Stands for a name that is computed while it is loaded, or is longer or stranger than names are."""


class _Kind:
    """What is known of a value."""


DATA: Final = _Kind()
"""Numbers, bytes, lists, tuples, dicts, None: cannot be called."""
OBJECT: Final = _Kind()
"""Something imported, or what a call gave: may be called."""
LOADER: Final = _Kind()
"""What unpickles the bytes that it is called with."""
LOADERS = {"torch.storage._load_from_bytes"}
"""Imports that are one: every tensor in a plain pickle is made by it. Source: torch/storage.py, `__reduce__`."""
MAX_LOADS = 10_000
BLOB = 200
"""What bytes that may be loaded are counted as, of MAX_KEPT."""
LONG_TEXT: Final = _Kind()
"""A text that is too long, or too odd, for a name of anything."""


class Blob(NamedTuple):
    """Bytes that stand in the pickle as they are, and may be given to a loader: alone, or as all of its arguments."""

    start: int
    """Counted from the beginning of the stream."""
    size: int
    packed: bool = False
    """Whether it is the tuple of them."""


class Course:
    """The course of one pickle. Raises PickleError where unpickling does, BeyondError at a limit."""

    def __init__(self, stream: PickleStream, cost: int) -> None:
        self.stream = stream
        self.begin = stream.at
        self.left = cost
        """What may still be spent: an opcode costs one, and what takes longer more."""
        self.imports: dict[str, None] = {}
        self.calls = 0
        self.odd_lines = False
        """Whether the lines of a GLOBAL or INST were no names: so it goes where a text is taken for a pickle."""
        self.loads: list[Blob] = []
        """The bytes that a loader was called with."""
        self.loaders = 0
        """How often a loader was put on the stack and not called so: anything may become of it."""
        self.later: dict[str, None] = {}
        """Imports whose lines were names, behind such ones."""
        self.sure = False
        """Whether something was called before that."""
        self.instances: dict[str, None] = {}
        """What INST called before that: two lines of a poem can look like it."""
        self.binary = False
        """Whether something was imported by an opcode that no text has."""
        self.legacy = False
        self.announced = False
        """Whether it says that it is a pickle, by PROTO as its first opcode."""
        self.written: dict[tuple[bytes, bytes], str] = {}
        """Imports by their two lines: again and again the same one is looked at once."""
        self.stack: list[object] = []
        self._below: list[list[object]] = []
        """The stacks below each mark."""
        self._memo: list[object] = []
        self._far: dict[int, object] = {}
        self._kept = 0

    def run(self, steps: Steps) -> None:
        """Follow it to STOP."""
        try:
            while self.left > 0:
                if self._some(steps):
                    self.pop()
                    return
                if len(self.stack) > MAX_VALUES or len(self._below) > MAX_MARKS:
                    raise BeyondError(
                        f"more than {MAX_VALUES:,} values on the stack, or {MAX_MARKS:,} inside each other"
                    )
        except PickleError as error:
            at = self.stream.at
            raise PickleError(f"the pickle is damaged near its byte {at:,}: {error.message}") from error
        raise BeyondError(TOO_MUCH)

    def _some(self, steps: Steps) -> bool:
        """At most SLICE opcodes; whether STOP was among them."""
        code = self.stream.code
        for done in range(min(SLICE, self.left)):
            byte = code()
            if byte == STOP:
                self.left -= done + 1
                return True
            step = steps[byte]
            if step is None:
                raise PickleError(f"no opcode {bytes([byte])!r}")
            step(self)
        self.left -= SLICE
        return False

    def spend(self, cost: int) -> None:
        """What a step costs more than one. Raises BeyondError where nothing is left."""
        self.left -= cost
        if self.left < 0:
            raise BeyondError(TOO_MUCH)

    def pop(self) -> object:
        """The topmost value above the last mark."""
        if not self.stack:
            raise PickleError("the stack is empty")
        return self.stack.pop()

    def push(self, value: object) -> None:
        """Onto the stack."""
        self.stack.append(value)

    def push_imported(self, written: str) -> None:
        """What an import gives."""
        loader = written in LOADERS
        self.loaders += loader
        self.stack.append(LOADER if loader else OBJECT)

    def blob(self, size: int) -> None:
        """Bytes as they stand: remembered by their place, once something is there to load them."""
        if self.loaders or self.loads:
            self._kept += BLOB
            if self._kept > MAX_KEPT:
                raise BeyondError(f"more than {MAX_KEPT // BLOB:,} values that are bytes")
            self.push(Blob(self.stream.at, size))
        else:
            self.push(DATA)
        self.stream.skip(size)

    def mark(self) -> None:
        """Begin a new stack above this one."""
        self._below.append(self.stack)
        self.stack = []

    def to_mark(self) -> list[object]:
        """Everything above the last mark, taken off with it."""
        if not self._below:
            raise PickleError("no mark")
        taken, self.stack = self.stack, self._below.pop()
        return taken

    def pop_or_mark(self) -> None:
        """A value; the mark where nothing stands above it."""
        if self.stack:
            self.stack.pop()
        else:
            self.to_mark()

    def need(self, count: int) -> None:
        """Raises PickleError where fewer values stand above the mark."""
        if len(self.stack) < count:
            raise PickleError("the stack is empty")

    def join(self, count: int) -> None:
        """`count` values become one."""
        self.need(count)
        top = self.stack[-1]
        del self.stack[len(self.stack) - count :]
        self.push(top._replace(packed=True) if count == 1 and isinstance(top, Blob) else DATA)

    def join_to_mark(self, *, pairs: bool = False) -> None:
        """Everything above the mark becomes one value."""
        if len(self.to_mark()) % 2 and pairs:
            raise PickleError("a dict with a key and no value")
        self.push(DATA)

    def into(self, *, pairs: bool = False) -> None:
        """Everything above the mark goes into the value below it."""
        if len(self.to_mark()) % 2 and pairs:
            raise PickleError("a dict with a key and no value")
        self.need(1)

    def drop(self, count: int) -> None:
        """`count` values go into the one below them."""
        self.need(count + 1)
        del self.stack[len(self.stack) - count :]

    def text(self, size: int) -> None:
        """A text in UTF-8: kept where it may be a name."""
        self.spend(TEXT)
        if size > MAX_NAME:
            self.stream.skip(size)
            self.push(LONG_TEXT)
        else:
            self.name(utf8(self.stream.take(size)))

    def name(self, text: str) -> None:
        """A text, as itself where it may be a name."""
        self.spend(len(text) >> PER_COST)
        if len(text) > MAX_NAME or not IDENTIFIER.fullmatch(text):
            self.push(LONG_TEXT)
            return
        self._kept += len(text) + 60
        if self._kept > MAX_KEPT:
            raise BeyondError(f"more than {MAX_KEPT:,} bytes of names")
        self.push(text)

    def put(self, index: int) -> None:
        """Remember the topmost value under `index`."""
        self.spend(PUT)
        self.need(1)
        value, memo = self.stack[-1], self._memo
        if index < 0:
            raise PickleError("a negative number in the memo")
        if index < len(memo):
            memo[index] = value
        elif index == len(memo):
            memo.append(value)
            while self._far and len(memo) in self._far:
                memo.append(self._far.pop(len(memo)))
            if len(memo) > MAX_VALUES:
                raise BeyondError(f"more than {MAX_VALUES:,} values to remember")
        else:
            self._far[index] = value
            if len(self._far) > MAX_FAR:
                raise BeyondError(f"more than {MAX_FAR:,} values remembered out of order")

    def memoize(self) -> None:
        """Remember the topmost value under the next number."""
        self.put(len(self._memo) + len(self._far))

    def get(self, index: int) -> None:
        """What was remembered."""
        if 0 <= index < len(self._memo):
            self.again(self._memo[index])
        elif index in self._far:
            self.again(self._far[index])
        else:
            raise PickleError(f"nothing is remembered under {index}")

    def again(self, value: object) -> None:
        """One more of the same."""
        self.loaders += value is LOADER
        self.stack.append(value)

    def found(self, module: object, name: object) -> str:
        """An import, as it is shown."""
        self.spend(GLOBAL)
        if DATA in (module, name) or isinstance(module, Blob) or isinstance(name, Blob):
            raise PickleError("a global whose name is no text")
        written = ".".join(part if isinstance(part, str) else ODD for part in (module, name))
        if len(written) > MAX_SHOWN:
            written = f"{written[:MAX_SHOWN]}{ODD}"
        self.imports[ascii(written)[1:-1]] = None
        if len(self.imports) > MAX_IMPORTS:
            raise BeyondError(f"more than {MAX_IMPORTS:,} imports")
        return written

    def call(self, function: object, given: object = None) -> None:
        """`function` is called, with `given` where all of its arguments are one value, and its result pushed."""
        if function is not OBJECT and function is not LOADER:
            raise PickleError("a call of what cannot be called")
        if function is LOADER and isinstance(given, Blob) and given.packed:
            self.loaders -= 1
            self.loads.append(given)
            if len(self.loads) > MAX_LOADS:
                raise BeyondError(f"more than {MAX_LOADS:,} pickles inside it")
        self.spend(CALL)
        self.calls += 1
        self.sure = self.sure or (bool(self.imports) and not self.odd_lines)
        self.push(OBJECT)


Step = Callable[[Course], object]
Steps = Sequence[Step | None]
"""What every opcode does, by its byte."""
