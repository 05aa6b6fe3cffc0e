"""What a name that a configuration has called is given, where that decides: `torch.load` reads tensors, and with `weights_only: false` it runs what a stranger pickled.

Source: torch 2.13 (serialization.load), numpy 2 (lib.npyio.load), huggingface_hub 1 and 2 (file_download), hydra 1.3 (utils.get_method and its like), Keras 3 (saving.load_model).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from hubkit.validate.code_loaders import Named, name_of
from hubkit.validate.code_values import Pairs
from hubkit.validate.configured_names import calls_program
from hubkit.validate.finding import Severity

CALLED = {"_target_": "hydra", "_component_": "torchtune", "class_path": "lightning"}
"""Keys of a name that is called with what stands beside it, or (Lightning) below `init_args`, and whose they are (`code_loaders.py`)."""
POSITIONAL, BELOW = "_args_", "init_args"
OUTSIDE = re.compile(r"[/~\\]|[A-Za-z]:|\$|(?:.*[/\\])?\.\.(?:[/\\]|\Z)", re.DOTALL)
"""A folder that is not below the one where the program runs, or is put together."""


class Given(NamedTuple):
    """An argument that makes a call another."""

    argument: str
    decides: Callable[[Any], bool]
    severity: Severity
    does: str


def _is(truth: bool) -> Callable[[Any], bool]:
    """YAML's are texts here."""
    words = {"true", "yes", "on"} if truth else {"false", "no", "off"}
    return lambda value: value is truth or (isinstance(value, str) and value.lower() in words)


UNPICKLES = Given("weights_only", _is(False), Severity.WARNING, "unpickles a file, and so runs what it holds")
FINDS = Given("path", lambda value: calls_program(name_of(value)), Severity.ERROR, "finds it to be called")
WRITES = Given(
    "local_dir",
    lambda value: isinstance(value, str) and OUTSIDE.match(value) is not None,
    Severity.ERROR,
    "writes files of a repository there",
)
DECIDING: dict[str, Given] = {
    "torch.load": UNPICKLES,
    "torch.serialization.load": UNPICKLES,
    "numpy.load": UNPICKLES._replace(argument="allow_pickle", decides=_is(True)),
    **{
        f"{module}.load_model": Given(
            "safe_mode", _is(False), Severity.WARNING, "runs the code of the model's Lambda layers"
        )
        for module in ("keras.saving", "keras.models", "tensorflow.keras.models")
    },
    **{f"huggingface_hub.{name}": WRITES for name in ("hf_hub_download", "snapshot_download")},
    "huggingface_hub.file_download.hf_hub_download": WRITES,
    **{
        f"hydra.utils.{name}": FINDS
        for name in ("get_method", "get_static_method", "get_object", "get_class")
    },
    "hydra._internal.utils._locate": FINDS,
}


def of_call(pairs: Pairs) -> Iterator[Named]:
    """What the calls come to that an object describes."""
    value = dict(pairs)
    for key, kind in CALLED.items():
        name = name_of(value.get(key))
        given = DECIDING.get(name)
        if given is None:
            continue
        for argument in _arguments(value, given.argument):
            if given.decides(argument):
                what = f"{key} names {name!r}, which with {given.argument} = {str(argument)[:100]!r} {given.does}"
                yield Named(kind, what, given.severity, key)


def _arguments(value: dict[str, Any], name: str) -> Iterator[Any]:
    """What an argument is, by its name, or as the first of those without one."""
    below = value.get(BELOW)
    for one in [value, dict(below) if isinstance(below, Pairs) else {}]:
        if name in one:
            yield one[name]
    positional = value.get(POSITIONAL)
    if isinstance(positional, list) and positional and name == FINDS.argument:
        yield positional[0]
