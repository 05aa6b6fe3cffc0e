"""What every opcode of a pickle does to its course. Source: Modules/_pickle.c and Lib/pickle.py of CPython 3.11 to 3.13."""

from __future__ import annotations

from collections.abc import Callable

from hubkit.tensors.pickle_course import (
    CALL,
    DATA,
    ESCAPE,
    GLOBAL,
    IDENTIFIER,
    LINE,
    LOADER,
    LOADERS,
    LONG_TEXT,
    MAX_NAME,
    MAX_SHOWN,
    OBJECT,
    PER_COST,
    TEXT,
    Course,
    Step,
)
from hubkit.tensors.pickle_stream import PickleError, digits, index, quoted, real, unescaped, utf8

HIGHEST_PROTOCOL = 5
MAGIC = (0x1950A86A20F9469CFC6C).to_bytes(10, "little")
"""The first value of torch's form before 1.6: five pickles, then raw numbers."""
LONGEST_ESCAPED = 10 * MAX_NAME + 2
"""Bytes of a line that may be a name in quotes, each letter an escape."""


def _lines(course: Course) -> str:
    """The import of two lines, module and name, in one."""
    lines = course.stream.line(), course.stream.line()
    length = len(lines[0]) + len(lines[1])
    course.spend((length >> PER_COST) + GLOBAL)
    if (written := course.written.get(lines)) is not None:
        return written
    module, name = map(utf8, lines)
    written = f"{module}.{name}"
    if not (IDENTIFIER.fullmatch(module) and IDENTIFIER.fullmatch(name)):
        course.odd_lines = True
    elif course.odd_lines:
        course.later[written[: MAX_SHOWN + 1]] = None
    course.found(module, name)
    if length < MAX_SHOWN:  # so that there are no more of them than imports
        course.written[lines] = written
    return written


def _global(course: Course) -> None:
    course.push_imported(_lines(course))


def _instance(course: Course) -> None:
    written = _lines(course)
    course.to_mark()
    course.spend(CALL)
    course.calls += 1
    course.loaders += written in LOADERS
    course.push(OBJECT)
    if not course.odd_lines:
        course.instances[written[: MAX_SHOWN + 1]] = None


def _stack_global(course: Course) -> None:
    name, module = course.pop(), course.pop()
    course.push_imported(course.found(module, name))
    course.binary = True


def _extension(width: int) -> Step:
    def step(course: Course) -> None:
        number = course.stream.length(width)
        if number == 0:
            raise PickleError("an extension without a number")
        course.found("copyreg", f"extension_{number}")
        course.push(OBJECT)

    return step


def _call(arguments: int) -> Step:
    def step(course: Course) -> None:
        course.need(arguments + 1)
        given = course.stack[-1]
        del course.stack[len(course.stack) - arguments :]
        course.call(course.stack.pop(), given)

    return step


def _object(course: Course) -> None:
    taken = course.to_mark()
    if not taken:
        raise PickleError("the stack is empty")
    course.call(taken[0])


def _build(course: Course) -> None:
    course.drop(1)
    if course.stack[-1] is OBJECT or course.stack[-1] is LOADER:
        course.call(course.stack.pop())


def _protocol(course: Course) -> None:
    if course.stream.code() > HIGHEST_PROTOCOL:
        raise PickleError("a protocol that no Python knows")
    if course.stream.at == course.begin + 2:
        course.announced = True


def _long(course: Course) -> None:
    size = course.stream.length(1)
    if size == len(MAGIC):
        course.legacy = course.stream.take(size) == MAGIC
    else:
        course.stream.skip(size)
    course.push(DATA)


def _long4(course: Course) -> None:
    size = course.stream.length(4)
    if size >= 1 << 31:
        raise PickleError("a number of negative length")
    course.stream.skip(size)
    course.push(DATA)


def _fixed(width: int) -> Step:
    def step(course: Course) -> None:
        course.stream.skip(width)
        course.stack.append(DATA)

    return step


def _sized(width: int) -> Step:
    def step(course: Course) -> None:
        course.stream.skip(course.stream.length(width))
        course.push(DATA)

    return step


def _bytes(width: int) -> Step:
    def step(course: Course) -> None:
        course.blob(course.stream.length(width))

    return step


def _line(check: Callable[[bytes], object]) -> Step:
    def step(course: Course) -> None:
        check(_costly_line(course))
        course.push(DATA)

    return step


def _numbered(use: Callable[[Course, int], None]) -> Step:
    def step(course: Course) -> None:
        use(course, index(_costly_line(course)))

    return step


def _costly_line(course: Course) -> bytes:
    line = course.stream.line()
    course.spend((len(line) >> PER_COST) + LINE)
    return line


def _text_line(read: Callable[[bytes], str]) -> Step:
    def step(course: Course) -> None:
        line = _costly_line(course)
        course.spend(TEXT + ESCAPE * line.count(b"\\"))
        if len(line) > LONGEST_ESCAPED:
            course.push(LONG_TEXT)
        else:
            course.name(read(line))

    return step


def _bytes_as_text(width: int) -> Step:
    def step(course: Course) -> None:
        course.spend(TEXT)
        size = course.stream.length(width)
        if size > MAX_NAME:
            course.stream.skip(size)
            course.push(LONG_TEXT)
        else:
            course.name(course.stream.take(size).decode("latin-1"))

    return step


def _persistent(course: Course) -> None:
    course.pop()
    course.push(OBJECT)


def _persistent_line(course: Course) -> None:
    _costly_line(course)
    course.push(OBJECT)


def _twice(course: Course) -> None:
    course.need(1)
    course.again(course.stack[-1])


def _data(course: Course) -> None:
    course.stack.append(DATA)


_BY_CODE: dict[str, Step] = {
    **dict.fromkeys("N\x88\x89]}\x8f)", _data),
    "\x97": lambda t: t.push(OBJECT),
    "I": _line(digits), "L": _line(digits), "F": _line(real), "J": _fixed(4), "K": _fixed(1), "M": _fixed(2), "G": _fixed(8),
    "\x8a": _long, "\x8b": _long4, "B": _bytes(4), "C": _bytes(1), "\x8e": _bytes(8), "\x96": _sized(8),
    "S": _text_line(quoted), "V": _text_line(unescaped),
    "T": _bytes_as_text(4), "U": _bytes_as_text(1),
    "\x8c": lambda t: t.text(t.stream.length(1)), "X": lambda t: t.text(t.stream.length(4)), "\x8d": lambda t: t.text(t.stream.length(8)),
    "g": _numbered(Course.get), "h": lambda t: t.get(t.stream.code()), "j": lambda t: t.get(t.stream.length(4)),
    "p": _numbered(Course.put), "q": lambda t: t.put(t.stream.code()), "r": lambda t: t.put(t.stream.length(4)),
    "\x94": Course.memoize, "(": Course.mark, "0": Course.pop_or_mark, "1": Course.to_mark, "2": _twice,
    "t": Course.join_to_mark, "l": Course.join_to_mark, "\x91": Course.join_to_mark, "d": lambda t: t.join_to_mark(pairs=True),
    "\x85": lambda t: t.join(1), "\x86": lambda t: t.join(2), "\x87": lambda t: t.join(3),
    "a": lambda t: t.drop(1), "s": lambda t: t.drop(2), "e": Course.into, "\x90": Course.into, "u": lambda t: t.into(pairs=True),
    "c": _global, "i": _instance, "\x93": _stack_global, "\x82": _extension(1), "\x83": _extension(2), "\x84": _extension(4),
    "R": _call(1), "\x81": _call(1), "\x92": _call(2), "o": _object, "b": _build, "P": _persistent_line, "Q": _persistent,
    "\x80": _protocol, "\x95": lambda t: t.stream.length(8), "\x98": lambda t: t.need(1),
}  # fmt: skip
STEPS: tuple[Step | None, ...] = tuple(_BY_CODE.get(chr(byte)) for byte in range(256))
"""What every opcode does, by its byte; None where there is no such opcode, and for STOP."""
BEGINNINGS = frozenset(byte for byte, step in enumerate(STEPS) if step)
"""Bytes with which a pickle may begin."""
