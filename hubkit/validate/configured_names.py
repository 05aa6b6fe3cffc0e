"""Which names of code in a configuration start a program or run a text when somebody calls them.

A pickle that names `functools.partial` or `from_pretrained` is hostile; a configuration names them for honest reasons every day. So this is narrower than `imports.runs_code`.
"""

from __future__ import annotations

from functools import lru_cache

from hubkit.validate.imports import INSIDE, plain, runs_code

FUNCTIONS = frozenset(
    ["system", "popen", "eval", "exec", "execfile", "from_pretrained", "from_file", "load_from_checkpoint"]
)
"""Of what a pickle may not reach, names that a package may give a module of its own: `src.eval.Accuracy`."""
METHODS = frozenset(
    "from_pretrained from_file load_from_checkpoint write_text write_bytes unlink rmdir FileStore FileType eval".split()  # noqa: SIM905 - as in imports.py
)
MODULES = (INSIDE - FUNCTIONS - METHODS) | {"socket"}
USUAL = frozenset(
    """
    functools operator dataclasses.make_dataclass io.open builtins.getattr builtins.setattr builtins.open
    os.path os.getenv os.getcwd os.getpid os.cpu_count os.listdir os.makedirs os.environ os.fspath os.urandom os.sched_getaffinity os.PathLike os.sep os.linesep os.getlogin
    torch.compile torch.load torch.save torch.profiler torch.jit torch.distributed torch.multiprocessing torch.utils.data torch.utils.benchmark torch.testing torch.onnx torch.ops
    numpy pandas scipy tempfile glob logging platform uuid signal inspect unittest pytest threading multiprocessing concurrent asyncio huggingface_hub
    zipfile gzip bz2 lzma sqlite3 dbm shelve urllib urllib3 requests httpx aiohttp http ssl select fcntl mmap resource atexit pstats gc yaml
    importlib.resources importlib.metadata sysconfig sys.argv sys.stdout sys.stderr sys.maxsize joblib.Memory joblib.Parallel joblib.delayed
    """.split()  # noqa: SIM905 - the same
)
"""Packages, modules and names of which a configuration may name anything: they start nothing by themselves."""


UNMISTAKABLE = MODULES | frozenset(
    "_posixsubprocess pickle _pickle dill codeop compileall timeit pexpect webbrowser antigravity pydoc __import__".split()  # noqa: SIM905 - the same
)
"""Modules whose names are words of nothing else, as `code`, `site` and `test` are."""
CERTAIN = frozenset(
    """
    psutil.Popen sympy.sympify sympy.parse_expr sympy.parsing.sympy_parser.parse_expr urllib.request.urlretrieve urllib.urlretrieve numpy.testing.runstring
    yaml.unsafe_load yaml.unsafe_load_all pytest.main invoke.run ptyprocess.PtyProcess.spawn torch.distributed.run.main torch.distributed.launch.main
    numpy.savetxt numpy.save numpy.savez numpy.savez_compressed numpy.ndarray.tofile numpy.ndarray.dump
    pathlib.Path.write_text pathlib.Path.write_bytes pathlib.PosixPath.write_text pathlib.PosixPath.write_bytes pathlib.WindowsPath.write_text pathlib.WindowsPath.write_bytes
    deepspeed.launcher.runner.main logging.config.dictConfig logging.config.fileConfig hydra.utils.instantiate
    """.split()  # noqa: SIM905 - the same
)
"""What starts a program, runs a text, writes a file from elsewhere or of what it is given, or calls what its argument names, in packages that a configuration names every day."""
FAULTS = ("Error", "Exception", "Warning", "Expired")


@lru_cache(maxsize=10_000)
def calls_program(name: str) -> bool:
    """Whether a program that calls `name`, as a configuration gives it, starts another one or runs a text."""
    parts = plain(name).split(".")
    if len(parts) < 2 or parts[-1].endswith(FAULTS):
        return False
    if plain(name) in CERTAIN:
        return True
    bare = [part for at, part in enumerate(parts) if at in {0, len(parts) - 1} or part not in FUNCTIONS]
    if not runs_code(".".join(bare)):
        return False
    if not MODULES.isdisjoint(bare[1:]) or (bare[0] == "builtins" and bare[-1] == "eval"):
        return True
    usual = any(".".join(bare[:cut]) in USUAL for cut in range(1, len(bare) + 1))
    return not (usual or (bare[-1] in METHODS and bare[0] not in MODULES))


def is_program(name: str) -> bool:
    """The same, where the name stands under a key that has all kinds of values: only what can be nothing else."""
    return calls_program(name) and not UNMISTAKABLE.isdisjoint(plain(name).split(".")[:-1])
