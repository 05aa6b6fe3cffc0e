"""What the pickles in a stream would import and call, without doing it, and whether they are pickles at all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from hubkit.tensors.endings import Called
from hubkit.tensors.pickle_course import LOADERS, MAX_IMPORTS, Blob, Course
from hubkit.tensors.pickle_steps import STEPS
from hubkit.tensors.pickle_stream import BeyondError, PickleError, PickleStream

MAX_COST = 1 << 25
"""Of one file: four seconds of the processor. An opcode costs one, and what takes longer more."""
PICKLE = 100
"""What a pickle costs beside its opcodes: another may follow it at once."""
LEGACY_PICKLES = 5
FIRST = 3
"""Bytes of PROTO and one more: numbers that begin with those of PROTO mostly break off there, where every unpickler does."""


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
    legacy: bool = False
    """Whether it is torch's old form to its end: raw numbers follow, and no pickles."""
    loads: tuple[Blob, ...] = ()
    """Bytes in it that are unpickled in their turn, where nothing else is: what LOADERS were called with."""

    @property
    def other_imports(self) -> tuple[str, ...]:
        """Those that are still to be judged by their names once what is loaded was looked at."""
        return tuple(name for name in self.imports if name not in LOADERS)


def trace_pickles(
    stream: PickleStream,
    known: Callable[[str], bool],
    *,
    named: bool = False,
    called: Called = "other",
    cost: int = MAX_COST,
    spend: Callable[[int], None] = lambda _: None,
) -> Trace | None:
    """The pickles that follow each other from the beginning of `stream`; None where it does not begin with one.

    `known` says whether an import is one that pickles are known for. Without PROTO as its first opcode only that is a pickle which gets as far as a
    call of something that could be a name, or to its end with an import that is known, that no text has, or with which the file ends: texts that begin
    with the letter of an opcode do neither. Where something stands behind its end, and its import is not known, the name decides (`called`): of a
    pickle any import counts, of a text none, of another one whose module has a dot. A call by INST is `(i` and two words on lines of their own: alone
    it counts where it is known, or its module has a dot, or the file ends with it.
    `named`: it was asked for as a pickle, and is taken for one like those with PROTO. `cost`: what may be spent at most; `spend` hears what
    was.
    """
    found = _Found(left=cost)
    judge = partial(_is_pickle, known=known, called=called, named=named)
    while not found.closed:
        course = Course(stream, found.left)
        fault = beyond = None
        try:
            course.run(STEPS)
        except PickleError as error:
            fault = error.message
        except BeyondError as error:
            beyond = f"from its byte {stream.at:,} on: {error.message}"
        found.add(course, fault, beyond, is_pickle=judge(course, fault, beyond))
    spend(cost - found.left)
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
    loads: dict[Blob, None] = field(default_factory=dict)
    loaders: int = 0
    is_pickle: bool = False
    closed: bool = False
    """Whether nothing can follow."""

    def add(self, course: Course, fault: str | None, beyond: str | None, *, is_pickle: bool) -> None:
        """One more. What is no pickle and comes to no end is left out: what follows a pickle may be anything."""
        self.left = course.left - PICKLE
        self.legacy = self.legacy or (self.whole == 0 and course.legacy)
        if is_pickle:
            self.is_pickle = True
            self.imports |= course.imports
            self.calls += course.calls
            self.loads |= dict.fromkeys(course.loads)
            self.loaders += course.loaders
            if len(self.imports) > MAX_IMPORTS and beyond is None:
                beyond = f"from its byte {course.stream.at:,} on: more than {MAX_IMPORTS:,} imports"
            self.fault, self.beyond = fault, beyond
        self.whole += fault is None and beyond is None
        legacy_end = self.legacy and self.whole == LEGACY_PICKLES
        self.closed = bool(fault or beyond) or legacy_end or _ended(course.stream)

    def trace(self, at: int) -> Trace:
        """All of them."""
        legacy = self.legacy and self.whole == LEGACY_PICKLES
        loads = () if self.loaders else tuple(self.loads)
        return Trace(tuple(self.imports), self.calls, self.whole, self.fault, self.beyond, at, legacy, loads)


def _ended(stream: PickleStream) -> bool:
    try:
        return stream.ended()
    except BeyondError:  # the next pickle will say so
        return False
    except PickleError:  # what it is packed in is damaged: nobody gets at more
        return True


def _is_pickle(
    course: Course,
    fault: str | None,
    beyond: str | None,
    *,
    known: Callable[[str], bool],
    called: Called,
    named: bool,
) -> bool:
    if beyond or _says_so(course) or _calls_behind_odd_lines(course, known):
        return True
    if course.announced or named:
        return not fault or bool(course.imports)
    if course.instances and not course.sure:
        listed = any(known(name) or name.count(".") > 1 for name in course.instances)
        return listed or (not fault and _ended(course.stream))
    if course.sure or course.odd_lines or not course.imports:
        return course.sure
    if fault or called == "pickle":
        return called == "pickle"
    return course.binary or any(map(known, course.imports)) or _stands_out(course, called)


def _says_so(course: Course) -> bool:
    """Whether it begins with PROTO and goes on: one that breaks off then, here or in an unpickler, may do anything before."""
    return course.announced and course.stream.at > course.begin + FIRST


def _calls_behind_odd_lines(course: Course, known: Callable[[str], bool]) -> bool:
    """Whether something was called, and imported in a way that no text has, or by a known name, after an import of what is no name."""
    return course.calls > 0 and course.odd_lines and (course.binary or any(map(known, course.later)))


def _stands_out(course: Course, called: Called) -> bool:
    """Whether an unknown import, without a call, is no line of a text that goes on."""
    dotted = called != "text" and any(name.count(".") > 1 for name in course.imports)
    return dotted or _ended(course.stream)
