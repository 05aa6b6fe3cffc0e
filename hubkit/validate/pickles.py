"""What a pickle of a repository would import, read without importing anything."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hubkit.tensors.torch_zip import ALLOWED_IMPORTS

if TYPE_CHECKING:
    from hubkit.tensors.header import Header, HeaderError

RUNS_CODE = frozenset(
    """
    os posix nt subprocess _posixsubprocess sys shutil socket pty runpy importlib ctypes webbrowser code codeop marshal pdb bdb timeit
    cProfile profile trace asyncio multiprocessing commands distutils setuptools pip idlelib lib2to3
    http urllib requests ftplib smtplib telnetlib pickle _pickle cloudpickle dill atexit
    """.split()  # noqa: SIM905 - a list of this length is read as a text
)
"""Modules whose presence in a checkpoint has no honest reason."""
RUNS_CODE_IN = {
    "builtins": frozenset(["eval", "exec", "compile", "getattr", "setattr", "delattr", "open", "__import__", "globals", "locals", "vars", "breakpoint", "input", "apply", "execfile"]),
    "operator": frozenset(["attrgetter", "methodcaller", "itemgetter"]),
    "functools": frozenset(["partial", "reduce"]),
    "types": frozenset(["FunctionType", "CodeType", "MethodType", "ModuleType"]),
    "torch": frozenset(["load", "hub.load", "serialization.load", "jit.load", "utils.cpp_extension.load", "_inductor.codecache.compile_file"]),
    "numpy": frozenset(["load", "testing._private.utils.runstring"]),
}  # fmt: skip
HARMLESS = ALLOWED_IMPORTS | frozenset(
    """
    collections.defaultdict collections.Counter builtins.set builtins.frozenset builtins.slice builtins.list builtins.dict builtins.tuple
    builtins.int builtins.float builtins.bool builtins.str builtins.bytes builtins.bytearray builtins.complex builtins.range builtins.object
    _codecs.encode copyreg._reconstructor torch.device torch._utils._rebuild_device_tensor_from_numpy torch._utils._rebuild_tensor
    torch._utils._rebuild_sparse_tensor torch._utils._rebuild_qtensor torch.serialization._get_layout torch.storage.TypedStorage
    torch._tensor._rebuild_from_type_v2 torch.Tensor torch.nn.parameter.Parameter
    numpy.core.multiarray._reconstruct numpy._core.multiarray._reconstruct numpy.core.multiarray.scalar numpy._core.multiarray.scalar
    numpy.ndarray numpy.dtype datetime.datetime datetime.date datetime.timedelta pathlib.PurePosixPath argparse.Namespace
    """.split()  # noqa: SIM905 - the same
)
"""Rebuilds data and nothing else, so far as anybody knows."""


@dataclass(frozen=True)
class Pickle:
    """One pickle: what it imports, and how far it could be read."""

    path: str
    imports: tuple[str, ...]
    tensors: dict[str, tuple[int, ...]]
    """Shapes by name."""
    fault: str | None = None
    """Why it could not be read to its end."""

    @property
    def executors(self) -> list[str]:
        """Imports that are there to run something."""
        return [name for name in self.imports if runs_code(name)]

    @property
    def others(self) -> list[str]:
        """Imports that are neither known harmless nor known executors."""
        return [name for name in self.imports if plain(name) not in HARMLESS and not runs_code(name)]


def plain(name: str) -> str:
    """With Python 2's name of builtins as Python 3's."""
    module, _, rest = name.partition(".")
    return f"builtins.{rest}" if module == "__builtin__" else name


def runs_code(name: str) -> bool:
    """Whether importing and calling `name` gives a stranger the machine."""
    module, _, rest = plain(name).partition(".")
    if plain(name) in HARMLESS:
        return False
    return module in RUNS_CODE or rest in RUNS_CODE_IN.get(module, ())


def of_header(path: str, header: Header | None, fault: HeaderError | None) -> Pickle | None:
    """The pickle behind a header, or behind the fault that broke it off; None where it is no pickle."""
    if header is not None:
        if header.container not in {"torch", "pickle"}:
            return None
        shapes = {name: info.shape for name, info in header.tensors.items()}
        return Pickle(path, header.imports, shapes, "; ".join(header.refused[:3]) or None)
    if fault is None or fault.lfs_pointer:
        return None
    return Pickle(path, fault.imports, {}, fault.message)
