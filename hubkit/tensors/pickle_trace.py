"""What unpickling would import and call, without doing it: every opcode takes the course that Python's unpicklers give it, over values that stand
for nothing but themselves.

The course is theirs exactly up to the first import or call that would fail, and goes on where they might: so what was not met here is not met by
pickle.load, torch.load, numpy.load or joblib either. Values other than texts are not kept. Memory and time are linear in the bytes, both with a limit.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from hubkit.tensors.pickle_stream import (
    BeyondError,
    PickleError,
    PickleStream,
    digits,
    index,
    quoted,
    real,
    unescaped,
    utf8,
)

MAX_OPCODES = 1 << 25
"""Of one file: 8 seconds."""
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
HIGHEST_PROTOCOL = 5
MAGIC = (0x1950A86A20F9469CFC6C).to_bytes(10, "little")
"""The first value of torch's form before 1.6: five pickles, then raw numbers."""
LEGACY_PICKLES = 5
IDENTIFIER = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*")
ODD = "(no plain name)"
"""Stands for a name that is computed while it is loaded, or is longer or stranger than names are."""


class _Kind:
    """What is known of a value."""


DATA: Final = _Kind()
"""Numbers, bytes, lists, tuples, dicts, None: cannot be called."""
OBJECT: Final = _Kind()
"""Something imported, or what a call gave: may be called."""
LONG_TEXT: Final = _Kind()
"""A text that is too long, or too odd, for a name of anything."""


@dataclass(frozen=True, slots=True)
class Trace:
    """What the pickles that follow each other in one stream would do."""

    imports: tuple[str, ...]
    """`module.name`, as written, in order."""
    calls: int
    whole: int
    """Pickles that came to their end."""
    fault: str | None
    """Why unpickling breaks off where it does; None where it does not."""
    beyond: str | None
    """Why it was not followed to its end; None where it was."""
    at: int
    """Bytes that were followed."""


class _Tracer:
    """The course of one pickle. Raises PickleError where unpickling does, BeyondError at a limit."""

    def __init__(self, stream: PickleStream, opcodes: int) -> None:
        self.stream = stream
        self.begin = stream.at
        self.left = opcodes
        self.imports: dict[str, None] = {}
        self.calls = 0
        self.odd_lines = False
        """Whether the lines of a GLOBAL or INST were no names: so it goes where a text is taken for a pickle."""
        self.sure = False
        """Whether something was called before that."""
        self.instances: list[str] = []
        """What INST called before that: two lines of a poem can look like it."""
        self.legacy = False
        self.announced = False
        """Whether it says that it is a pickle, by PROTO as its first opcode."""
        self.stack: list[object] = []
        self._below: list[list[object]] = []
        """The stacks below each mark."""
        self._memo: list[object] = []
        self._far: dict[int, object] = {}
        self._kept = 0

    def run(self) -> None:
        """Follow it to STOP."""
        try:
            while self.left > 0:
                if self._some():
                    self.pop()
                    return
                if len(self.stack) > MAX_VALUES or len(self._below) > MAX_MARKS:
                    raise BeyondError(
                        f"more than {MAX_VALUES:,} values on the stack, or {MAX_MARKS:,} inside each other"
                    )
        except PickleError as error:
            at = self.stream.at
            raise PickleError(f"the pickle is damaged near its byte {at:,}: {error.message}") from error
        raise BeyondError("more opcodes than are followed")

    def _some(self) -> bool:
        """At most SLICE opcodes; whether STOP was among them."""
        code, steps = self.stream.code, STEPS
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

    def pop(self) -> object:
        """The topmost value above the last mark."""
        if not self.stack:
            raise PickleError("the stack is empty")
        return self.stack.pop()

    def push(self, value: object) -> None:
        """Onto the stack."""
        self.stack.append(value)

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
        del self.stack[len(self.stack) - count :]
        self.push(DATA)

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
        if size > MAX_NAME:
            self.stream.skip(size)
            self.push(LONG_TEXT)
        else:
            self.name(utf8(self.stream.take(size)))

    def name(self, text: str) -> None:
        """A text, as itself where it may be a name."""
        if len(text) > MAX_NAME or not IDENTIFIER.fullmatch(text):
            self.push(LONG_TEXT)
            return
        self._kept += len(text) + 60
        if self._kept > MAX_KEPT:
            raise BeyondError(f"more than {MAX_KEPT:,} bytes of names")
        self.push(text)

    def put(self, index: int) -> None:
        """Remember the topmost value under `index`."""
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
            self.push(self._memo[index])
        elif index in self._far:
            self.push(self._far[index])
        else:
            raise PickleError(f"nothing is remembered under {index}")

    def found(self, module: object, name: object) -> None:
        """An import."""
        if DATA in (module, name):
            raise PickleError("a global whose name is no text")
        written = ".".join(part if isinstance(part, str) else ODD for part in (module, name))
        if len(written) > MAX_SHOWN:
            written = f"{written[:MAX_SHOWN]}{ODD}"
        self.imports[ascii(written)[1:-1]] = None
        if len(self.imports) > MAX_IMPORTS:
            raise BeyondError(f"more than {MAX_IMPORTS:,} imports")

    def call(self, function: object) -> None:
        """`function` is called, and its result pushed."""
        if function is not OBJECT:
            raise PickleError("a call of what cannot be called")
        self.calls += 1
        self.sure = self.sure or (bool(self.imports) and not self.odd_lines)
        self.push(OBJECT)


Step = Callable[[_Tracer], object]
STOP, PROTO = ord("."), 0x80


def _lines(tracer: _Tracer) -> str:
    """The import of two lines, module and name, in one."""
    module, name = utf8(tracer.stream.line()), utf8(tracer.stream.line())
    if not (IDENTIFIER.fullmatch(module) and IDENTIFIER.fullmatch(name)):
        tracer.odd_lines = True
    tracer.found(module, name)
    return f"{module}.{name}"


def _global(tracer: _Tracer) -> None:
    _lines(tracer)
    tracer.push(OBJECT)


def _instance(tracer: _Tracer) -> None:
    written = _lines(tracer)
    tracer.to_mark()
    tracer.calls += 1
    tracer.push(OBJECT)
    if not tracer.odd_lines:
        tracer.instances.append(written)


def _stack_global(tracer: _Tracer) -> None:
    name, module = tracer.pop(), tracer.pop()
    tracer.found(module, name)
    tracer.push(OBJECT)


def _extension(width: int) -> Step:
    def step(tracer: _Tracer) -> None:
        number = tracer.stream.length(width)
        if number == 0:
            raise PickleError("an extension without a number")
        tracer.found("copyreg", f"extension_{number}")
        tracer.push(OBJECT)

    return step


def _call(arguments: int) -> Step:
    def step(tracer: _Tracer) -> None:
        tracer.need(arguments + 1)
        del tracer.stack[len(tracer.stack) - arguments :]
        tracer.call(tracer.stack.pop())

    return step


def _object(tracer: _Tracer) -> None:
    taken = tracer.to_mark()
    if not taken:
        raise PickleError("the stack is empty")
    tracer.call(taken[0])


def _build(tracer: _Tracer) -> None:
    tracer.drop(1)
    if tracer.stack[-1] is OBJECT:
        tracer.call(tracer.stack.pop())


def _protocol(tracer: _Tracer) -> None:
    if tracer.stream.code() > HIGHEST_PROTOCOL:
        raise PickleError("a protocol that no Python knows")
    if tracer.stream.at == tracer.begin + 2:
        tracer.announced = True


def _long(tracer: _Tracer) -> None:
    size = tracer.stream.length(1)
    if size == len(MAGIC):
        tracer.legacy = tracer.stream.take(size) == MAGIC
    else:
        tracer.stream.skip(size)
    tracer.push(DATA)


def _long4(tracer: _Tracer) -> None:
    size = tracer.stream.length(4)
    if size >= 1 << 31:
        raise PickleError("a number of negative length")
    tracer.stream.skip(size)
    tracer.push(DATA)


def _fixed(width: int) -> Step:
    def step(tracer: _Tracer) -> None:
        tracer.stream.skip(width)
        tracer.stack.append(DATA)

    return step


def _sized(width: int) -> Step:
    def step(tracer: _Tracer) -> None:
        tracer.stream.skip(tracer.stream.length(width))
        tracer.push(DATA)

    return step


def _line(check: Callable[[bytes], object]) -> Step:
    def step(tracer: _Tracer) -> None:
        check(tracer.stream.line())
        tracer.push(DATA)

    return step


def _numbered(use: Callable[[_Tracer, int], None]) -> Step:
    def step(tracer: _Tracer) -> None:
        use(tracer, index(tracer.stream.line()))

    return step


def _bytes_as_text(width: int) -> Step:
    def step(tracer: _Tracer) -> None:
        size = tracer.stream.length(width)
        if size > MAX_NAME:
            tracer.stream.skip(size)
            tracer.push(LONG_TEXT)
        else:
            tracer.name(tracer.stream.take(size).decode("latin-1"))

    return step


def _persistent(tracer: _Tracer) -> None:
    tracer.pop()
    tracer.push(OBJECT)


def _persistent_line(tracer: _Tracer) -> None:
    tracer.stream.line()
    tracer.push(OBJECT)


def _twice(tracer: _Tracer) -> None:
    tracer.need(1)
    tracer.push(tracer.stack[-1])


def _data(tracer: _Tracer) -> None:
    tracer.stack.append(DATA)


_BY_CODE: dict[str, Step] = {
    **dict.fromkeys("N\x88\x89]}\x8f)", _data),
    "\x97": lambda t: t.push(OBJECT),
    "I": _line(digits), "L": _line(digits), "F": _line(real), "J": _fixed(4), "K": _fixed(1), "M": _fixed(2), "G": _fixed(8),
    "\x8a": _long, "\x8b": _long4, "B": _sized(4), "C": _sized(1), "\x8e": _sized(8), "\x96": _sized(8),
    "S": lambda t: t.name(quoted(t.stream.line())), "V": lambda t: t.name(unescaped(t.stream.line())),
    "T": _bytes_as_text(4), "U": _bytes_as_text(1),
    "\x8c": lambda t: t.text(t.stream.length(1)), "X": lambda t: t.text(t.stream.length(4)), "\x8d": lambda t: t.text(t.stream.length(8)),
    "g": _numbered(_Tracer.get), "h": lambda t: t.get(t.stream.code()), "j": lambda t: t.get(t.stream.length(4)),
    "p": _numbered(_Tracer.put), "q": lambda t: t.put(t.stream.code()), "r": lambda t: t.put(t.stream.length(4)),
    "\x94": _Tracer.memoize, "(": _Tracer.mark, "0": _Tracer.pop_or_mark, "1": _Tracer.to_mark, "2": _twice,
    "t": _Tracer.join_to_mark, "l": _Tracer.join_to_mark, "\x91": _Tracer.join_to_mark, "d": lambda t: t.join_to_mark(pairs=True),
    "\x85": lambda t: t.join(1), "\x86": lambda t: t.join(2), "\x87": lambda t: t.join(3),
    "a": lambda t: t.drop(1), "s": lambda t: t.drop(2), "e": _Tracer.into, "\x90": _Tracer.into, "u": lambda t: t.into(pairs=True),
    "c": _global, "i": _instance, "\x93": _stack_global, "\x82": _extension(1), "\x83": _extension(2), "\x84": _extension(4),
    "R": _call(1), "\x81": _call(1), "\x92": _call(2), "o": _object, "b": _build, "P": _persistent_line, "Q": _persistent,
    "\x80": _protocol, "\x95": lambda t: t.stream.length(8), "\x98": lambda t: t.need(1),
}  # fmt: skip
STEPS: tuple[Step | None, ...] = tuple(_BY_CODE.get(chr(byte)) for byte in range(256))
"""What every opcode does, by its byte; None where there is no such opcode, and for STOP."""
BEGINNINGS = frozenset(byte for byte, step in enumerate(STEPS) if step)
"""Bytes with which a pickle may begin."""


def trace_pickles(
    stream: PickleStream,
    known: Callable[[str], bool],
    *,
    named: bool = False,
    opcodes: int = MAX_OPCODES,
    spend: Callable[[int], None] = lambda _: None,
) -> Trace | None:
    """The pickles that follow each other from the beginning of `stream`; None where it does not begin with one.

    `known` says whether an import is one that pickles are known for. Without PROTO as its first opcode only that is a pickle which gets as far as a
    call of something that could be a name, or to its end with an import that is known: texts that begin with the letter of an opcode do neither. A
    call by INST is `(i` and two words on lines of their own: alone it counts where it is known, or its module has a dot, or the file ends with it.
    `named`: the file is called a pickle, and is taken for one like those with PROTO. `opcodes`: how many are followed at most; `spend` hears how
    many they were.
    """
    found = _Found(left=opcodes)
    while not found.closed:
        tracer = _Tracer(stream, found.left)
        fault = beyond = None
        try:
            tracer.run()
        except PickleError as error:
            fault = error.message
        except BeyondError as error:
            beyond = f"from its byte {stream.at:,} on: {error.message}"
        found.add(tracer, fault, beyond, is_pickle=_is_pickle(tracer, known, fault, beyond, named=named))
    spend(opcodes - found.left)
    return found.trace(stream.at) if found.is_pickle else None


@dataclass(slots=True)
class _Found:
    """The sum of the pickles so far."""

    left: int
    imports: dict[str, None] = field(default_factory=dict)
    calls: int = 0
    whole: int = 0
    fault: str | None = None
    beyond: str | None = None
    legacy: bool = False
    is_pickle: bool = False
    closed: bool = False
    """Whether nothing can follow."""

    def add(self, tracer: _Tracer, fault: str | None, beyond: str | None, *, is_pickle: bool) -> None:
        """One more. What is no pickle and comes to no end is left out: what follows a pickle may be anything."""
        self.left = tracer.left
        self.legacy = self.legacy or (self.whole == 0 and tracer.legacy)
        if is_pickle:
            self.is_pickle = True
            self.imports |= tracer.imports
            self.calls += tracer.calls
            if len(self.imports) > MAX_IMPORTS and beyond is None:
                beyond = f"from its byte {tracer.stream.at:,} on: more than {MAX_IMPORTS:,} imports"
            self.fault, self.beyond = fault, beyond
        self.whole += fault is None and beyond is None
        legacy_end = self.legacy and self.whole == LEGACY_PICKLES
        self.closed = bool(fault or beyond) or legacy_end or _ended(tracer.stream)

    def trace(self, at: int) -> Trace:
        """All of them."""
        return Trace(tuple(self.imports), self.calls, self.whole, self.fault, self.beyond, at)


def _ended(stream: PickleStream) -> bool:
    try:
        return stream.ended()
    except BeyondError:  # the next pickle will say so
        return False
    except PickleError:  # what it is packed in is damaged: nobody gets at more
        return True


def _is_pickle(
    tracer: _Tracer, known: Callable[[str], bool], fault: str | None, beyond: str | None, *, named: bool
) -> bool:
    if beyond:
        return True
    if tracer.announced or named:
        return not fault or bool(tracer.imports)
    if tracer.instances and not tracer.sure:
        listed = any(known(name) or name.count(".") > 1 for name in tracer.instances)
        return listed or (not fault and _ended(tracer.stream))
    return tracer.sure or (not fault and not tracer.odd_lines and any(map(known, tracer.imports)))
