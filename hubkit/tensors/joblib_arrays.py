"""A pickle of joblib: the raw numbers that stand between its opcodes are stepped over as joblib does it.

Source: joblib 1.5, numpy_pickle.py (NumpyArrayWrapper.read_array). pickle.load takes the same numbers for opcodes, so both courses are followed.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

import numpy as np

from hubkit.tensors.pickle_machine import Call, Global, Machine, Table
from hubkit.tensors.pickle_stream import BeyondError, PickleError, PickleStream

if TYPE_CHECKING:
    from hubkit.tensors.view_file import Share

WRAPPERS = frozenset(
    ["joblib.numpy_pickle.NumpyArrayWrapper", "sklearn.externals.joblib.numpy_pickle.NumpyArrayWrapper"]
)
"""What stands for an array whose numbers follow."""
MAX_OPCODES = 1 << 19
COST = 20
"""Of an opcode here, in the time of one that keeps nothing."""
RECONSTRUCTORS = frozenset(["copyreg._reconstructor", "copy_reg._reconstructor"])
"""What makes an object in protocols 0 and 1, without its __init__."""
WIDTH, FLAGS = 5, 7
"""Where the state of a dtype has its length, which counts for texts and records, and its flags, the first of which says that there are objects in it."""
DESCR = re.compile(r"[<>|=]?([biufcSUVmM?])(\d{0,6})")


class JoblibMachine(Machine):
    """Follows one pickle of joblib; `imports` then has what its object arrays import, too."""

    def __init__(self, stream: PickleStream, opcodes: int, depth: int = 0) -> None:
        super().__init__(stream)
        self.left = opcodes
        self._frame_stop = 0
        self._depth = depth

    def _step(self, name: str, argument: Any) -> None:
        self.left -= 1
        if self.left < 0:
            raise BeyondError("more opcodes between joblib's arrays than are followed")
        if name == "FRAME":
            self._frame_stop = self.at + argument
        super()._step(name, argument)
        if name == "BUILD" and isinstance(built := self._stack[-1], Call) and _wrapped(built):
            self._array(built)

    def _array(self, wrapper: Call) -> None:
        """Step over the numbers of an array, or follow the pickle of its objects."""
        if self.at < self._frame_stop:
            raise BeyondError(
                "a frame that reaches beyond an array of joblib: readers differ in what they make of it"
            )
        state = {key: value for key, value in _pairs(wrapper.state) if isinstance(key, str)}
        width = _width(state.get("dtype"))
        shape = state.get("shape")
        if not isinstance(shape, tuple) or not all(isinstance(n, int) and n >= 0 for n in shape):
            raise BeyondError("an array of joblib without a shape")
        if width is None:
            if self._depth:
                raise BeyondError("arrays of joblib inside each other")
            inner = JoblibMachine(self._file, self.left, self._depth + 1)
            try:
                inner.load()
            finally:
                self.imports |= inner.imports
                self.left = inner.left
            return
        if state.get("numpy_array_alignment_bytes") is not None:
            self._file.skip(self._file.code())
        self._file.skip(math.prod(shape) * width)


def _is_wrapper(function: object) -> bool:
    return isinstance(function, Global) and function.name in WRAPPERS


def _wrapped(call: Call) -> bool:
    """Whether the result of `call` stands for an array. Raises BeyondError where that, or where its numbers begin, is not to be seen from here."""
    given = call.arguments if isinstance(call.arguments, tuple) else (call.arguments,)
    if _is_wrapper(call.function):
        if given:  # __init__ sets an alignment of its own
            raise BeyondError("an array of joblib that is made with arguments")
        return True
    if not any(map(_is_wrapper, given)):
        return False
    if isinstance(call.function, Global) and call.function.name in RECONSTRUCTORS:
        return True
    raise BeyondError("an array of joblib that something else makes")


def _pairs(state: object) -> list[tuple[object, object]]:
    return state.pairs if isinstance(state, Table) else []


def _width(dtype: object) -> int | None:
    """Bytes of a value, as numpy counts them; None for objects. Raises BeyondError for what is neither."""
    if not (
        isinstance(dtype, Call)
        and isinstance(dtype.function, Global)
        and dtype.function.name == "numpy.dtype"
    ):
        raise BeyondError("an array of joblib without a dtype of numpy's")
    arguments = dtype.arguments if isinstance(dtype.arguments, tuple) else ()
    descr = arguments[0] if arguments and isinstance(arguments[0], str) else ""
    if descr.lstrip("<>|=").startswith("O"):
        return None
    try:
        known = np.dtype(descr) if DESCR.fullmatch(descr) else None
    except TypeError:
        known = None
    if known is None:
        raise BeyondError(f"an array of joblib of the dtype {descr[:20]!a}")
    if known.kind in "SUV" and isinstance(dtype.state, tuple) and len(dtype.state) > FLAGS:
        width, flags = dtype.state[WIDTH], dtype.state[FLAGS]
        if not isinstance(width, int) or not isinstance(flags, int) or width < 0:
            raise BeyondError("an array of joblib whose values have no length")
        return None if flags & 1 else width
    return known.itemsize


def joblib_imports(stream: PickleStream, share: Share) -> tuple[tuple[str, ...], str | None]:
    """What joblib.load would import, and why it could not be followed to its end."""
    opcodes = max(0, min(MAX_OPCODES, share.cost // COST))
    machine = JoblibMachine(stream, opcodes)
    why = None
    try:
        machine.load()
    except (PickleError, BeyondError) as error:
        why = error.message
    share.spend_cost(COST * (opcodes - machine.left))
    return tuple(machine.imports), why
