"""Names of code in JSON and YAML, which some loaders import and call: transformers' auto_map, hydra's _target_, jsonpickle's py/..., what Keras rebuilds by name.

Source: transformers 4.57 (dynamic_module_utils.py, modeling_utils.py), PEFT 0.17 (auto.py), diffusers 0.35 (pipeline_utils.py), skops 0.13 (io), hydra 1.3 (instantiate), jsonpickle 4 (tags.py), Keras 3 (saving/serialization_lib.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import chain, islice, product
from typing import Any

from hubkit.validate import code_arguments, code_programs
from hubkit.validate.code_loaders import (
    FUNCTION,
    KEYS,
    LOADERS,
    TAGS,
    Loader,
    Named,
    evaluated,
    name_of,
)
from hubkit.validate.code_values import Form, Pairs, Tagged, objects, values
from hubkit.validate.configured_names import UNMISTAKABLE, calls_program, is_program
from hubkit.validate.finding import Severity
from hubkit.validate.imports import runs_code

FROM_THE_REPOSITORY = ("auto_map", "custom_pipelines")
LAYER, LAMBDA = "class_name", ("Lambda", "__lambda__")
CARRIERS = ("TorchModuleWrapper", "TFSMLayer", "JaxLayer", "FlaxLayer")
"""Layers of Keras whose configuration holds a pickle, functions, or the place of a program: TensorFlow's graphs."""
BY_NAME = "module"
"""Beside LAYER: where Keras imports the class, or of `function` the function, from."""
OF_KERAS = ("keras", "tf_keras", "keras_core", "keras_nlp", "keras_hub", "keras_cv", "builtins")
UNSAFE = frozenset(
    ["enable_unsafe_deserialization", "get_file", "load_model", "load_weights", "load_img", "model_from_json"]
)
"""Keras's own functions that read other files, or switch its safe mode off."""
PIPELINE = "_class_name"
"""Of diffusers' model_index.json: a list where the class is the repository's own."""
KERNELS = frozenset(
    f"{before}{kind}_implementation{behind}"
    for kind in ("attn", "experts")
    for before, behind in (("", ""), ("_", ""), ("_", "_internal"))
)
KERNEL = re.compile(r"(?:[\w.-]{1,40}\|){0,3}([\w.-]{1,100})/[\w.-]{1,100}(?:[@:][\w.:@/-]{0,100})?")
"""A repository of compiled kernels, where other values are names of transformers' own."""
OF_TRANSFORMERS = "kernels-community"
"""Whose kernels transformers takes without being asked to trust them."""
REPR = "py/repr"
"""Of jsonpickle: an expression."""
WORDS = re.compile(
    "auto_map|custom_pipelines|_target_|py/[a-z]|Lambda|__lambda__|class_name|attn_implementation|experts_implementation|parent_library|megatron_core|_instantiator|loader_module|__module__"
    f"|{code_programs.WORDS}"
    '|_type_|tokenizer_class|model_file|"types"|types:|[sS]ervers|server_params|source_code|custom_filters|"code"|_class_name|tools|class_path|_component_|activation_f|default_activation|pyref|constructor|"idx"|\\\\(?:u00[2-7]|x[2-7])'
    r"|!(?:%|(?:new|name|module|apply|applyref):|function\b)|%TAG"
    rf"|(?<!\w)(?:{'|'.join(sorted(UNMISTAKABLE))})(?!\w)|\$[^\n]{{0,80}}(?:eval|exec|compile|breakpoint|system|__)"
)
"""What a text has that names code, or writes an ordinary letter as an escape."""
TARGET = "_target_"
PUT_TOGETHER = re.compile(r"\$\{(?:[\w.]{0,100}\.)?(\w{1,60})\}")
"""`${cmd}`, `${a.b.cmd}`: OmegaConf's."""
LONGEST_NAME = 400
ROUTER = ("types", "structure")
"""Of sentence-transformers' router_config.json: modules by their numbers, each with the class that it is of."""
SERVER = "server_params"
SERVERS = ("servers", "mcpServers", "mcp_servers", SERVER)
"""Of huggingface_hub's tiny agents, of AutoGen (one) and of other clients of MCP: programs that they start."""
WEIGHTS = (
    ".safetensors",
    ".npz",
    ".bin",
    ".pt",
    ".pth",
    ".ckpt",
    ".gguf",
    ".onnx",
    ".h5",
    ".pkl",
    ".model",
    ".json",
)
MODEL_FILE = "model_file"
"""Of mlx-lm, in the configuration of a model: a Python file."""
FILTERS = "custom_filters"
"""Of Haystack's OutputAdapter and ConditionalRouter: functions by their names."""
CODE = "code"
"""Of Langflow: a field of a component whose type is `code`."""
SOURCE = "source_code"
"""Of AutoGen's FunctionTool."""
TOOLS = "tools"
"""Of smolagents: each with the source of its class."""
OF_AGENTS = (*SERVERS, TOOLS, FILTERS, CODE)
MOST_STEPS, MOST_NAMES = 4, 16
FORMS: dict[tuple[str, ...], Form] = {
    (".json",): "json",
    (".jsonl", ".ndjson"): "lines",
    (".yaml", ".yml", "mlmodel"): "yaml",
    (".toml",): "toml",
    (".jsonnet", ".libsonnet"): "jsonnet",
}


def form_of(name: str) -> Form | None:
    """In which form a file of this name (in lower case) may name code; None for any other file."""
    return next((form for endings, form in FORMS.items() if name.endswith(endings)), None)


def names_of_code(text: str, form: Form) -> list[Named]:
    """What a text names, each key and name once. A text that is not of that form names nothing."""
    if WORDS.search(text) is None:
        return []
    found: dict[Named, None] = {}
    for root in values(text, form, WORDS):
        found |= dict.fromkeys(judged(objects(root)))
        found |= dict.fromkeys(_put_together(root)) if PUT_TOGETHER.search(text) else {}
    return list(found)


def judged(found: Iterable[Any]) -> Iterator[Named]:
    """What each object, and each text, comes to."""
    for one in found:
        if isinstance(one, Pairs):
            for key, value in one:
                yield from _of_key(key, value)
            yield from _of_object(one)
        elif isinstance(one, Tagged):
            yield from _of_tag(one)
        elif (name := evaluated(one)) is not None:
            yield Named(
                "expression",
                f"an expression with {name[:100]!r}, which MONAI evaluates",
                Severity.ERROR,
                one[:20],
            )


def _of_key(key: str, value: Any) -> Iterator[Named]:
    """What a key says by itself."""
    if key in FROM_THE_REPOSITORY and isinstance(value, Pairs):
        what = f"{key} names code of the repository that transformers runs on loading"
        yield Named(key, what, Severity.WARNING, key)
    elif key == LAYER and isinstance(value, str) and (layer := _of_layer(value)) is not None:
        yield layer
    elif key == REPR and isinstance(value, str):
        yield Named("jsonpickle", f"{key} is an expression that jsonpickle evaluates", Severity.ERROR, key)
    elif key in KERNELS:
        yield from _of_kernels(key, value)
    elif key in {"pipeline", "preprocessors"} and isinstance(value, Pairs):
        inner = [value] if key == "pipeline" else value
        for name in _held(inner, "name"):
            if is_program(name):
                what = f"{key} names {name[:100]!r}, which pyannote imports and calls"
                yield Named("pyannote", what, Severity.ERROR, key)
    elif key == PIPELINE and isinstance(value, list) and not isinstance(value, Pairs):
        what = f"{key} is a list: it names code of the repository that diffusers runs on loading"
        yield Named(key, what, Severity.WARNING, key)
    elif key in OF_AGENTS:
        yield from _of_agents(key, value)


def _of_agents(key: str, value: Any) -> Iterator[Named]:
    """What programs of agents and pipelines start, call, or run as a text."""
    if key in SERVERS:
        parts = [value] if key == SERVER else value
        name = next(chain(_held(parts, "command"), _held(_inner(parts, "config"), "command")), None)
        if name is not None:
            what = (
                f"{key} names the command {name[:100]!r}, which an agent starts (tiny-agents, clients of MCP)"
            )
            yield Named("command", what, Severity.WARNING, key)
    elif key == TOOLS:
        if next(_held(value, "code"), None) is not None:
            yield Named("tool", f"{key} hold code of their own, which smolagents runs", Severity.WARNING, key)
    elif key == FILTERS:
        names = [inner for _, inner in value if isinstance(inner, str)] if isinstance(value, Pairs) else []
        for name in filter(is_program, names):
            what = f"{key} names {name[:100]!r}, which Haystack imports and calls in its templates"
            yield Named("callable", what, Severity.ERROR, key)
    elif isinstance(value, Pairs) and _is_code(dict(value)):
        yield Named("tool", f"{key} is the source of a component, which Langflow runs", Severity.WARNING, key)


def _inner(value: Any, key: str) -> list[Any]:
    """What the objects in a list, or in an object, have under a key."""
    parts = [inner for _, inner in value] if isinstance(value, Pairs) else value
    objects = [one for one in parts if isinstance(one, Pairs)] if isinstance(parts, list) else []
    return [inner for one in objects for other, inner in one if other == key]


def _held(value: Any, key: str) -> Iterator[str]:
    """The texts under a key of the objects in a list, or in an object."""
    parts = [inner for _, inner in value] if isinstance(value, Pairs) else value
    for one in parts if isinstance(parts, list) else ():
        yield from (
            (inner for other, inner in one if other == key and isinstance(inner, str))
            if isinstance(one, Pairs)
            else ()
        )


def _of_object(pairs: Pairs) -> Iterator[Named]:
    """What the keys of an object say together."""
    keys = {key for key, _ in pairs}
    yield from code_programs.of_object(pairs)
    yield from code_arguments.of_call(pairs)
    if keys.issuperset(ROUTER):
        yield from _of_router(pairs)
    if {"provider", "config"} <= keys:
        yield from _of_autogen(dict(pairs)["config"])
    if PIPELINE in keys:
        yield from _of_diffusers(pairs)
    name = dict(pairs).get(MODEL_FILE) if {MODEL_FILE, "model_type"} <= keys else None
    if isinstance(name, str) and not name.lower().endswith(WEIGHTS):
        what = f"{MODEL_FILE} names {name[:100]!r}, a file of Python that mlx-lm runs on loading"
        yield Named(MODEL_FILE, what, Severity.WARNING, MODEL_FILE)
    if {LAYER, BY_NAME} <= keys and (one := _of_keras(dict(pairs))) is not None:
        yield one
    taken: set[str] = set()
    for loader in LOADERS if not KEYS.isdisjoint(keys) else ():
        if not taken.isdisjoint(loader.keys) or not _stands_beside(loader, pairs):
            continue
        for key, name in _names(loader, pairs):
            if loader.dotted and "." not in name:
                continue
            taken.add(key)
            ordinary = None if name.partition(".")[0] in loader.own else loader.ordinary
            severity = Severity.ERROR if loader.runs(name) else ordinary
            if severity is not None:
                yield Named(loader.kind, f"{key} names {name[:100]!r}, which {loader.does}", severity, key)


def _stands_beside(loader: Loader, pairs: Pairs) -> bool:
    return all(
        any(key == other and wanted in (None, value) for other, value in pairs)
        for key, wanted in loader.beside.items()
    )


def _names(loader: Loader, pairs: Pairs) -> Iterator[tuple[str, str]]:
    """(key, name): of equal keys each, the last first, which most readers take."""
    if not loader.joined:
        yield from ((key, name) for key, value in pairs if key in loader.keys and (name := name_of(value)))
        return
    parts = [
        [name for other, value in reversed(pairs) if other == key and (name := name_of(value))]
        for key in loader.keys
    ]
    for names in islice(product(*parts), MOST_NAMES):
        yield loader.keys[-1], ".".join(names)


def _of_router(pairs: Pairs) -> Iterator[Named]:
    """The classes of a router of sentence-transformers."""
    types = [
        inner for key, value in pairs if key == ROUTER[0] and isinstance(value, Pairs) for _, inner in value
    ]
    for name in (one for one in types if isinstance(one, str) and "." in one):
        severity = Severity.ERROR if runs_code(name) else Severity.NOTE
        if severity is Severity.ERROR or not name.startswith(("sentence_transformers.", "pylate.")):
            what = f"{ROUTER[0]} names {name[:100]!r}, which sentence-transformers imports and calls"
            yield Named("modules", what, severity, ROUTER[0])


def _is_code(field: dict[str, Any]) -> bool:
    return field.get("type") == CODE and isinstance(field.get("value"), str) and bool(field["value"].strip())


def _of_autogen(config: Any) -> Iterator[Named]:
    """What a component of AutoGen runs as it is loaded, or starts."""
    given = dict(config) if isinstance(config, Pairs) else {}
    if isinstance(given.get(SOURCE), str):
        yield Named(
            "autogen", f"{SOURCE} is a function that AutoGen runs on loading", Severity.WARNING, SOURCE
        )
    if isinstance(name := given.get("command"), str):
        what = f"a server with the command {name[:100]!r}, which AutoGen starts"
        yield Named("command", what, Severity.WARNING, "command")


def _of_diffusers(pairs: Pairs) -> Iterator[Named]:
    """The parts of a pipeline of diffusers, each `[library, class]`."""
    for key, value in pairs:
        parts = [one for one in value if isinstance(one, str)] if type(value) is list else []
        if len(parts) == 2 and runs_code(".".join(parts)):
            what = f"{key} names {'.'.join(parts)[:100]!r}, which diffusers imports"
            yield Named("diffusers", what, Severity.ERROR, key)


def _of_tag(tag: Tagged) -> Iterator[Named]:
    """A tag of YAML that names code."""
    kind, colon, name = tag.removeprefix("!").partition(":")
    if tag == FUNCTION:
        what = "!function names a function of a Python file, which lm-evaluation-harness imports"
        yield Named("tag", what, Severity.NOTE, FUNCTION)
    elif colon and kind in TAGS:
        severity = Severity.ERROR if calls_program(name) and TAGS[kind].endswith("calls") else Severity.NOTE
        yield Named("tag", f"!{kind}: names {name[:100]!r}, which {TAGS[kind]}", severity, f"!{kind}:")


def _put_together(root: Any) -> Iterator[Named]:
    """Names of hydra whose text is put together of other values: `${cmd}`, `os.${name}`."""
    found = (one for one in objects(root) if isinstance(one, Pairs))
    pairs = [(key, value) for one in found for key, value in one if isinstance(value, str)]
    texts = dict(pairs)
    for name in (value for key, value in pairs if key == TARGET and "${" in value):
        whole = name
        for _ in range(MOST_STEPS):
            whole = PUT_TOGETHER.sub(lambda match: texts.get(match[1], ""), whole[:LONGEST_NAME])
        if calls_program(whole):
            what = f"{TARGET} comes to {whole[:100]!r}, which hydra imports and calls"
            yield Named("hydra", what, Severity.ERROR, TARGET)


def _of_kernels(key: str, value: Any) -> Iterator[Named]:
    """Compiled code that transformers downloads by the name in a configuration, of the model or of each of its parts."""
    names = [inner for _, inner in value] if isinstance(value, Pairs) else [value]
    for name in names:
        if isinstance(name, str) and (match := KERNEL.fullmatch(name)):
            severity = Severity.NOTE if match[1] == OF_TRANSFORMERS else Severity.WARNING
            what = f"{key} names the repository {name[:100]!r}, whose compiled code transformers downloads and runs"
            yield Named("kernel", what, severity, key)
            return


def _of_layer(name: Any) -> Named | None:
    """What a class of Keras is that runs code by itself."""
    if name in LAMBDA:
        what = "a Lambda layer of Keras: Python code that runs when the model is loaded or used"
    elif name in CARRIERS:
        what = f"a {name} of Keras, which loads code of its own when the model is loaded or used"
    else:
        return None
    return Named("keras", what, Severity.WARNING, LAYER)


def _of_keras(value: dict[str, Any]) -> Named | None:
    """What Keras imports for an object of its own form; None for its own classes and for those that are registered elsewhere."""
    module, name = value[BY_NAME], value[LAYER]
    if name == "function" and isinstance(value.get("config"), str):
        name = value["config"]
    if (
        not (isinstance(module, str) and isinstance(name, str))
        or not {"config", "registered_name"} & value.keys()
    ):
        return None
    own = module.partition(".")[0] in OF_KERAS
    whole = f"{module}.{name}"
    if (own and name in UNSAFE) or (name not in {"function", *LAMBDA} and runs_code(whole)):
        return Named(
            "keras", f"it names {whole[:100]!r}, which Keras imports and calls", Severity.ERROR, LAYER
        )
    if own or not module:
        return None
    return Named(
        "keras", f"it names {whole[:100]!r}, which Keras imports from outside of Keras", Severity.NOTE, LAYER
    )
