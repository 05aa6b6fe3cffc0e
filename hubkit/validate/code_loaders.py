"""Who executes what, named where: programs that import or call what a configuration names, and the keys under which it is named.

A row is added for a program whose ordinary way of loading does so. Sources: hydra 1.3 (instantiate), jsonpickle 4 (tags.py), jsonargparse 4 (class_path of LightningCLI), torchtune 0.6
(config.instantiate), mmengine 0.10 (Registry.get), CompVis's instantiate_from_config, Haystack 2 (Pipeline.from_dict), fiddle 0.3 (serialization), langchain-core 1 (load), skops 0.13 (io),
PEFT 0.17 (auto.py), MLflow 3 (pyfunc), sentence-transformers 5 (modules.json, Dense, CrossEncoder), AutoGen 0.7 (ComponentModel), Python 3.13 (logging.config), MONAI 1.5 (bundle), HyperPyYAML 1.2,
lm-evaluation-harness 0.4 (utils.import_function), simple_parsing 0.1 (helpers/serialization), pyannote.audio 3 (Pipeline.from_pretrained).
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from hubkit.python_code import module_of
from hubkit.validate.configured_names import calls_program, is_program
from hubkit.validate.finding import Severity
from hubkit.validate.imports import runs_code

PICKLED = tuple(f"py/{kind}" for kind in ("object", "type", "class", "function", "reduce", "newobj", "newargs", "newargsex"))  # fmt: skip
OF_PEFT = ("peft", "transformers", "diffusers", "torch", "torchvision", "timm", "open_clip", "sentence_transformers")  # fmt: skip


class Named(NamedTuple):
    """One place in a text that names code, and what a program does with it."""

    kind: str
    what: str
    severity: Severity
    key: str


class Loader(NamedTuple):
    """One way in which a program finds code by name."""

    kind: str
    does: str
    """The program, and what it does with the name."""
    keys: tuple[str, ...]
    """Each holds a name; of several that stand in `joined`, one name is made."""
    beside: Mapping[str, Any] = {}
    """Keys of the same object without which it is something else, each with the value that it must have; None: any."""
    joined: bool = False
    """Whether the keys are the parts of one name."""
    ordinary: Severity | None = None
    """What any other name is; None where it is nothing to speak of."""
    own: tuple[str, ...] = ()
    """Packages whose names are the ordinary ones."""
    dotted: bool = False
    """Whether only a name with a dot is one of code: others are names in a table of the program's own."""
    runs: Callable[[str], bool] = is_program
    """Which names are an error: under a key that is a word of other things what can be nothing else, of what is a pickle in other words all that pickles may not name."""


NOTE = Severity.NOTE
LOADERS = (
    Loader("hydra", "hydra imports and calls", ("_target_",), ordinary=NOTE, runs=calls_program),
    Loader("jsonpickle", "jsonpickle imports or calls", PICKLED, ordinary=NOTE, runs=runs_code),
    Loader("parent_library", "PEFT imports", ("parent_library",), ordinary=NOTE, own=OF_PEFT, runs=runs_code),
    Loader("megatron_core", "PEFT imports", ("megatron_core",), ordinary=NOTE, own=("megatron",), runs=runs_code),
    Loader("mlflow", "MLflow imports", ("loader_module",), ordinary=NOTE, own=("mlflow",), runs=runs_code),
    Loader("skops", "skops imports", ("__module__", "__class__"), {"__loader__": None}, joined=True, runs=runs_code),
    Loader("lightning", "Lightning's command line imports and calls", ("class_path",), runs=calls_program),
    Loader("lightning", "Lightning imports and calls", ("_instantiator",), ordinary=NOTE, own=("lightning", "pytorch_lightning"), runs=calls_program),
    Loader("torchtune", "torchtune imports and calls", ("_component_",), runs=calls_program),
    Loader("modules", "sentence-transformers imports", ("type",), {"idx": None, "path": None}, ordinary=NOTE, own=("sentence_transformers", "pylate"), runs=runs_code),
    Loader("modules", "sentence-transformers imports and calls", ("tokenizer_class",), ordinary=NOTE, own=("sentence_transformers", "transformers"), dotted=True, runs=runs_code),
    Loader("simple_parsing", "sparsify's simple_parsing imports and calls", ("_type_",), ordinary=NOTE, own=("sparsify", "sae", "simple_parsing"), runs=runs_code),
    Loader("activation", "sentence-transformers imports and calls", ("activation_function", "activation_fn", "sbert_ce_default_activation_function"), runs=calls_program),
    Loader("registry", "mmengine or Haystack imports and calls", ("type",)),
    Loader("pyannote", "pyannote imports and calls", ("name",), {"params": None}),
    Loader("callable", "Haystack imports and calls", ("streaming_callback", "function")),
    Loader("diffusion", "diffusion programs import and call", ("target",)),
    Loader("autogen", "AutoGen imports and calls", ("provider",)),
    Loader("logging", "Python's logging imports and calls", ("()",)),
    Loader("fiddle", "fiddle imports and calls", ("module", "name"), {"type": "pyref"}, joined=True, runs=calls_program),
    Loader("langchain", "langchain imports and calls", ("id",), {"lc": None, "type": "constructor"}, runs=calls_program),
)  # fmt: skip
"""Of two that go by one key, the first whose others stand beside it."""
KEYS = frozenset(key for one in LOADERS for key in one.keys)
TAGS = {"new": "HyperPyYAML calls", "apply": "HyperPyYAML calls", "applyref": "HyperPyYAML calls", "name": "HyperPyYAML imports", "module": "HyperPyYAML imports"}  # fmt: skip
"""Tags of YAML before a colon and a name."""
FUNCTION = "!function"
"""Of lm-evaluation-harness: a function of a Python file beside."""
EXPRESSION = "$"
"""What MONAI evaluates begins so."""
LONGEST_EXPRESSION = 4_000
EVALUATES = frozenset(["eval", "exec", "compile", "execfile", "__import__", "breakpoint"])


def name_of(value: Any) -> str:
    """A name as a value has it: a text, or a list of its parts."""
    if isinstance(value, list) and 0 < len(value) <= 20 and all(isinstance(part, str) for part in value):
        return ".".join(value)
    return value if isinstance(value, str) else ""


def evaluated(value: str) -> str | None:
    """The first name in an expression of MONAI that starts a program or evaluates a text; None where there is none, or it is no Python."""
    text = value.removeprefix(EXPRESSION).strip()
    if not value.startswith(EXPRESSION) or text.startswith("{") or len(text) > LONGEST_EXPRESSION:
        return None
    try:
        nodes = list(ast.walk(module_of(text)))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return next((name for node in nodes if (name := _reached(node)) is not None), None)


def _reached(node: ast.AST) -> str | None:
    """The name that a node of an expression reaches, where it is one that runs code."""
    if isinstance(node, ast.Name):
        return node.id if node.id in EVALUATES else None
    if not isinstance(node, ast.Attribute):
        return None
    parts: list[str] = []
    inner: ast.AST = node
    while isinstance(inner, ast.Attribute):
        parts.append(inner.attr)
        inner = inner.value
    parts.append(inner.id if isinstance(inner, ast.Name) else "value")
    name = ".".join(reversed(parts))
    return name if calls_program(name) else None
