"""What is known of the names that a pickle imports: those that only rebuild data, and those that give a stranger the machine.

The second table goes by kind and not by incident: whole modules that start programs, run or compile code, import by name, reach attributes by name,
write files, open connections, or unpickle once more. What is in neither table is unknown, which SEC001 says as a warning. Facts gathered from CPython's
and torch's own sources, and from what picklescan, modelscan and fickling list in public.
"""

from __future__ import annotations

from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING
from functools import lru_cache

from hubkit.tensors.joblib_arrays import WRAPPERS
from hubkit.tensors.pickle_course import ODD
from hubkit.tensors.torch_zip import ALLOWED_IMPORTS

RUNS_CODE = frozenset(
    """
    os posix nt sys _sys subprocess _posixsubprocess pty popen2 commands pipes pexpect sh plumbum
    multiprocessing _multiprocessing _posixshmem concurrent asyncio _asyncio threading _thread sched signal _signal atexit
    runpy code codeop compileall py_compile marshal imp _imp importlib _frozen_importlib _frozen_importlib_external pkgutil zipimport zipapp modulefinder
    _interpreters _xxsubinterpreters interpreters gc inspect site sitecustomize usercustomize this antigravity
    pdb bdb trace profile cProfile _lsprof pstats timeit doctest unittest test _testcapi pytest nose linecache rlcompleter cmd cgitb faulthandler
    pydoc _pyrepl idlelib lib2to3 turtle turtledemo tkinter _tkinter webbrowser curses IPython ipykernel
    pip ensurepip venv virtualenv setuptools _distutils_hack pkg_resources distutils wheel conda
    ctypes _ctypes cffi mmap fcntl resource termios tty msvcrt winreg _winreg _winapi msilib platform sysconfig _osx_support _aix_support _bootsubprocess
    socket _socket ssl _ssl select selectors socketserver http httplib urllib urllib2 urllib3 requests httpx aiohttp ftplib smtplib smtpd imaplib poplib nntplib
    telnetlib xmlrpc wsgiref cgi paramiko fabric websocket websockets
    shutil tempfile glob fileinput filecmp tarfile zipfile gzip bz2 lzma shelve dbm sqlite3 _sqlite3 syslog mailcap mailbox netrc
    pickle _pickle cPickle cloudpickle dill jsonpickle joblib yaml
    uuid fickling picklescan modelscan modelaudit huggingface_hub
    """.split()  # noqa: SIM905 - a list of this length is read as a text
)
"""Modules of which nothing, HARMLESS aside, belongs into a file of data."""
RUNS_CODE_BELOW = frozenset(
    """
    torch.hub torch.jit torch.package torch.compiler torch._dynamo torch._inductor torch._functorch torch._export torch.multiprocessing torch.serialization
    torch.distributed.rpc torch.distributed.elastic torch.distributed.run torch.distributed.launch torch.distributed.launcher
    torch.fx.experimental torch.fx.graph_module torch.testing torch.utils._config_module torch.utils.bottleneck torch.utils.collect_env torch.utils.cpp_extension
    torch.utils.data.datapipes torch.utils.model_zoo torch.utils.show_pickle torch.utils.hipify torch.utils.file_baton torch.utils.benchmark torch.profiler
    torch.onnx torch.classes torch.ops torch._classes torch._ops torch._appdirs torch.cuda.jiterator torch.utils.model_dump torch.utils.viz
    numpy.f2py numpy.distutils numpy.testing numpy.ctypeslib numpy.lib.npyio numpy.lib._npyio_impl numpy.lib.format numpy.lib._format_impl numpy.lib.utils
    numpy.lib._utils_impl numpy.lib._datasource numpy.ma.testutils numpy._core.memmap numpy.core.memmap
    pandas.io pandas.core.computation pandas.util.testing scipy.io scipy.weave sklearn.externals.joblib
    ray.cloudpickle logging.config logging.handlers transformers.dynamic_module_utils tensorflow.python.framework.load_library
    """.split()  # noqa: SIM905 - the same
)
"""The same of parts of other packages."""
RUNS_CODE_IN = {
    "builtins": frozenset(
        """
        eval exec compile getattr setattr delattr open file __import__ __build_class__ globals locals vars breakpoint input raw_input apply execfile reload
        help exit quit
        """.split()  # noqa: SIM905 - the same
    ),
    "operator": frozenset(["attrgetter", "methodcaller", "itemgetter", "call"]),
    "functools": frozenset(["partial", "partialmethod", "reduce", "singledispatch", "singledispatchmethod"]),
    "types": frozenset(["FunctionType", "LambdaType", "CodeType", "MethodType", "ModuleType", "CellType", "DynamicClassAttribute", "coroutine"]),
    "pickle": frozenset(["load", "loads", "Unpickler", "_Unpickler", "_load", "_loads"]),
    "io": frozenset(["open", "open_code", "FileIO", "text_encoding"]),
    "codecs": frozenset(["open", "EncodedFile", "register"]),
    "typing": frozenset(["get_type_hints", "ForwardRef"]),
    "dataclasses": frozenset(["make_dataclass"]),
    "logging": frozenset(["FileHandler", "basicConfig"]),
    "torch": frozenset(["load", "save", "compile", "from_file", "storage._load_from_bytes", "storage.UntypedStorage.from_file", "_utils_internal.get_file_path"]),
    "numpy": frozenset(["load", "save", "savez", "savez_compressed", "savetxt", "loadtxt", "genfromtxt", "fromfile", "memmap", "fromregex", "DataSource"]),
    "pandas": frozenset(["read_pickle", "to_pickle", "eval"]),
}  # fmt: skip
"""Names, by module, whose other names may be harmless."""
SAME = {
    "_pickle": "pickle",
    "cPickle": "pickle",
    "_operator": "operator",
    "_functools": "functools",
    "_io": "io",
    "_codecs": "codecs",
    "_pyio": "io",
    "_collections": "collections",
}
UNKNOWN = frozenset(
    f"joblib.{module}.{name}"
    for module in ("numpy_pickle", "numpy_pickle_compat")
    for name in ("NDArrayWrapper", "ZNDArrayWrapper")
)
"""Of RUNS_CODE, what old files have for honest reasons: it reads a second file."""
INSIDE = frozenset(
    """
    os posix nt sys subprocess builtins __builtin__ __builtins__ ctypes shutil importlib runpy pty socket marshal cloudpickle system popen
    eval exec execfile
    from_pretrained from_file load_from_checkpoint load_library write_text write_bytes unlink rmdir read_pickle to_pickle FileStore FileType
    """.split()  # noqa: SIM905 - the same
)
"""What must not stand anywhere in a name: pickles reach `torch.serialization.os.system` by its dots."""
MAY_HAVE_UNDERSCORES = frozenset(
    ["__main__", "__mp_main__", "__builtin__", "__future__", "__torch__", "__newobj__", "__newobj_ex__"]
)
HARMLESS = (
    ALLOWED_IMPORTS
    | WRAPPERS
    | frozenset(
        """
    collections.defaultdict collections.Counter collections.deque builtins.set builtins.frozenset builtins.slice builtins.list builtins.dict builtins.tuple
    builtins.int builtins.float builtins.bool builtins.str builtins.bytes builtins.bytearray builtins.complex builtins.range builtins.object
    _codecs.encode copyreg._reconstructor copyreg.__newobj__ copyreg.__newobj_ex__ array._array_reconstructor array.array
    torch.device torch._utils._rebuild_device_tensor_from_numpy torch._utils._rebuild_tensor torch.ComplexDoubleStorage
    torch._utils._rebuild_sparse_tensor torch._utils._rebuild_qtensor torch.serialization._get_layout torch.storage.TypedStorage
    torch._tensor._rebuild_from_type_v2 torch.Tensor torch.nn.parameter.Parameter torch.complex128
    numpy.core.multiarray._reconstruct numpy._core.multiarray._reconstruct numpy.core.multiarray.scalar numpy._core.multiarray.scalar
    numpy.core.numeric._frombuffer numpy._core.numeric._frombuffer numpy.ndarray numpy.dtype
    numpy.float16 numpy.float32 numpy.float64 numpy.int8 numpy.int16 numpy.int32 numpy.int64 numpy.uint8 numpy.uint16 numpy.uint32 numpy.uint64
    numpy.random._pickle.__generator_ctor numpy.random._pickle.__bit_generator_ctor numpy.random._pickle.__randomstate_ctor numpy.matrixlib.defmatrix.matrix
    numpy.random._mt19937.MT19937 numpy.random._pcg64.PCG64 numpy.random._pcg64.PCG64DXSM numpy.random._philox.Philox numpy.random._sfc64.SFC64
    numpy.random.bit_generator.SeedSequence numpy.random.bit_generator.__pyx_unpickle_SeedSequence
    torch._utils._rebuild_meta_tensor_no_storage torch.per_tensor_affine torch.per_channel_affine torch.per_tensor_symmetric torch.per_channel_symmetric
    torch.QInt8Storage torch.QUInt8Storage torch.QInt32Storage torch.QUInt4x2Storage torch.QUInt2x4Storage
    torch.jit._pickle.build_intlist torch.jit._pickle.build_tensorlist torch.jit._pickle.build_doublelist torch.jit._pickle.build_boollist
    torch.jit._pickle.build_tensor_from_id torch.jit._pickle.restore_type_tag
    random.Random numpy.bool numpy.bool_ numpy.complex64 numpy.complex128 numpy.str_ numpy.bytes_
    datetime.datetime datetime.date datetime.time datetime.timedelta datetime.timezone decimal.Decimal fractions.Fraction uuid.UUID
    pathlib.PurePosixPath pathlib.PureWindowsPath pathlib.PosixPath pathlib.WindowsPath pathlib.Path
    pathlib._local.PosixPath pathlib._local.WindowsPath argparse.Namespace types.SimpleNamespace
    """.split()  # noqa: SIM905 - the same
    )
)
"""Rebuilds data and nothing else, so far as anybody knows."""


def plain(name: str) -> str:
    """With Python 2's names as Python 3's: what pickle.load makes of them in protocols 0 to 2."""
    parts = name.split(".")
    for cut in range(len(parts) - 1, 0, -1):
        module, rest = ".".join(parts[:cut]), ".".join(parts[cut:])
        if (module, rest) in NAME_MAPPING:
            return ".".join(NAME_MAPPING[module, rest])
        if module in IMPORT_MAPPING:
            return f"{IMPORT_MAPPING[module]}.{rest}"
    return name


@lru_cache(maxsize=10_000)
def runs_code(name: str) -> bool:
    """Whether importing and calling `name` gives a stranger the machine."""
    modern = plain(name)
    return modern not in HARMLESS | UNKNOWN and (_runs_code(name) or _runs_code(modern))


def is_harmless(name: str) -> bool:
    """Whether `name` only rebuilds data."""
    return plain(name) in HARMLESS


@lru_cache(maxsize=10_000)
def is_known(name: str) -> bool:
    """Whether `name` stands in one of the tables, for good or ill."""
    modern = plain(name)
    listed = _is_listed(name.split(".")) or (modern != name and _is_listed(modern.split(".")))
    return listed or modern in HARMLESS


def _runs_code(name: str) -> bool:
    if ODD in name:  # an honest pickle writes its names down
        return True
    parts = name.split(".")
    return any(_is_reach(part) for part in parts) or not INSIDE.isdisjoint(parts[1:]) or _is_listed(parts)


def _is_listed(parts: list[str]) -> bool:
    if parts[0] in RUNS_CODE:
        return True
    below = {".".join(parts[:cut]) for cut in range(2, len(parts) + 1)}
    if not RUNS_CODE_BELOW.isdisjoint(below):
        return True
    return any(_is_one_of(part, parts[at + 1 :]) for at, part in enumerate(parts))


def _is_reach(part: str) -> bool:
    """A name with two underscores on both sides leads from an object to what made it."""
    return (
        len(part) > 4 and part.startswith("__") and part.endswith("__") and part not in MAY_HAVE_UNDERSCORES
    )


def _is_one_of(module: str, rest: list[str]) -> bool:
    names = RUNS_CODE_IN.get(SAME.get(module, module), frozenset())
    return any(".".join(rest[:cut]) in names for cut in range(1, len(rest) + 1))
