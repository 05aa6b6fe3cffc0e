"""One folder of a repository, read as far as somebody asks: each file at most once, and what went wrong is kept with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import RLock
from typing import TYPE_CHECKING, Any

from hubkit.errors import IncompleteError
from hubkit.formats.json_file import JsonFile, json_file
from hubkit.formats.strict_json import JsonFault
from hubkit.release.layout import CFG, METRICS
from hubkit.repo.view import TooLargeError
from hubkit.tensors.container import ENDINGS, read_header
from hubkit.tensors.header import HeaderError

if TYPE_CHECKING:
    from hubkit.repo.view import Entry, RepoView
    from hubkit.tensors.header import Header

CONFIG_NAMES = (CFG, "config.json", "hyperparams.json")
"""A folder's own configuration: the first of these. What it is, its keys decide."""
YAML_NAMES = ("config.yaml", "conf.yaml")
"""Configurations of circuit-tracer and of temporal SAEs."""
TELLING = frozenset((*CONFIG_NAMES, *YAML_NAMES, METRICS))
"""Names of files that say something of the folder that they lie in."""
NOT_WEIGHTS = {
    "sparsity.safetensors", "activation_whitening.safetensors", "activations_store_state.safetensors", "trainer_state.pt", "state.pt",
    "optimizer.pt", "scheduler.pt", "training_args.bin",
}  # fmt: skip
"""What SAELens, sparsify and transformers put beside the weights: the state of a training, statistics."""
PARTS = {"checkpoints"}
"""Folders inside an SAE's own whose files are its weights (OpenMOSS)."""
MOST_HEADS = 256
"""Files of one folder whose tensors are looked at. A model of that many layers is not known; what is beyond is listed as passed over."""


@dataclass(frozen=True)
class Head:
    """The header of one weights file, or why there is none."""

    entry: Entry
    header: Header | None = None
    fault: HeaderError | None = None
    """What is wrong with the file."""
    unread: str | None = None
    """Why it could not be read."""

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Its tensors' shapes by name; empty where there is no header."""
        return {name: info.shape for name, info in self.header.tensors.items()} if self.header else {}


@dataclass
class Folder:
    """One folder of `view`; `others` are the files of every folder by path, this one's too."""

    view: RepoView
    path: str
    others: Mapping[str, Mapping[str, Entry]]
    shared: dict[str, Folder] = field(default_factory=dict, repr=False)
    """The folders of this repository that were opened already."""
    reads_heads: bool = True
    """Whether anybody needs the headers of weights; where not, only what tells a family apart is read (`identifying`)."""
    unread: str | None = None
    """Why the configuration could not be read."""
    _json: dict[str, JsonFile | None] = field(default_factory=dict, repr=False)
    _yaml: dict[str, Mapping[str, Any]] = field(default_factory=dict, repr=False)
    _heads: dict[str, Head] = field(default_factory=dict, repr=False)
    _lock: RLock = field(default_factory=RLock, repr=False)

    def __post_init__(self) -> None:
        self.shared.setdefault(self.path, self)

    @property
    def files(self) -> Mapping[str, Entry]:
        """Every file directly in it, by name."""
        return self.others.get(self.path, {})

    @property
    def name(self) -> str:
        """The last part of its path; empty at the root."""
        return "" if self.path == "." else self.path.rpartition("/")[2]

    def at(self, path: str) -> Folder:
        """Another folder of the repository; one without files where there is none."""
        return self.shared.get(path) or Folder(self.view, path, self.others, self.shared, self.reads_heads)

    @property
    def outer(self) -> Folder | None:
        """The folder around it; None at the root."""
        return None if self.path == "." else self.at(self.path.rpartition("/")[0] or ".")

    @property
    def has_inner(self) -> bool:
        """Whether there are folders inside."""
        prefix = "" if self.path == "." else f"{self.path}/"
        return any(path.startswith(prefix) and path not in {self.path, "."} for path in self.others)

    @property
    def config_entry(self) -> Entry | None:
        """The file of its configuration."""
        return configuration(self.files)

    @property
    def config(self) -> JsonFile | None:
        """Its configuration, whatever it turns out to hold; None where there is none, or where it could not be read (`unread`)."""
        entry = self.config_entry
        return self.json(entry.name) if entry else None

    @property
    def keys(self) -> Mapping[str, Any]:
        """What the configuration holds; of a folder without a JSON one what its YAML holds; else nothing."""
        if self.config_entry:
            return self.config.value if self.config else {}
        name = next((name for name in YAML_NAMES if name in self.files), None)
        return self.yaml(name) if name else {}

    def json(self, name: str) -> JsonFile | None:
        """A JSON file of this folder; one that is too large, or holds no object, has a fault. None where it could not be read."""
        with self._lock:
            if name not in self._json:
                self._json[name] = self._read_json(name)
            return self._json[name]

    def _read_json(self, name: str) -> JsonFile | None:
        entry = self.files.get(name)
        if entry is None:
            return None
        try:
            file = json_file(entry.path, self.view.read(entry.path))
        except TooLargeError as error:
            return JsonFile(entry.path, "", "", fault=JsonFault(error.message, 1))
        except IncompleteError as error:
            self.unread = error.message
            return None
        return file.as_object()

    def files_read(self) -> list[JsonFile]:
        """The JSON files that were read, with their texts."""
        return [file for file in self._json.values() if file is not None and file.sha256]

    def yaml(self, name: str) -> Mapping[str, Any]:
        """A YAML file's mapping; nothing where it holds none or could not be read."""
        with self._lock:
            if name not in self._yaml:
                self._yaml[name] = self._read_yaml(name)
            return self._yaml[name]

    def _read_yaml(self, name: str) -> Mapping[str, Any]:
        from hubkit.plain_yaml import YamlFault, load

        entry = self.files.get(name)
        if entry is None:
            return {}
        try:
            value = load(self.view.read(entry.path).decode("utf-8"))
        except TooLargeError:
            return {}
        except IncompleteError as error:
            self.unread = error.message
            return {}
        except (UnicodeDecodeError, YamlFault):
            return {}
        return value if isinstance(value, Mapping) else {}

    def candidates(self) -> list[Entry]:
        """The files that may hold an SAE's weights: here, and in a folder of parts inside."""
        prefix = "" if self.path == "." else f"{self.path}/"
        inner = [self.others.get(f"{prefix}{name}", {}) for name in sorted(PARTS)]
        found = [*self.files.values(), *(entry for files in inner for entry in files.values())]
        return [entry for entry in found if may_be_weights(entry)]

    def head(self, entry: Entry, *, identifying: bool = False) -> Head:
        """The header of a file of this folder, whatever container it is; nothing of it where nobody needs headers."""
        with self._lock:
            if entry.path not in self._heads:
                if not self.reads_heads and not identifying:
                    return Head(entry)
                self._heads[entry.path] = self._read_head(entry)
            return self._heads[entry.path]

    def _read_head(self, entry: Entry) -> Head:
        try:
            return Head(entry, read_header(self.view, entry.path))
        except HeaderError as fault:
            return Head(entry, fault=fault)
        except IncompleteError as error:
            return Head(entry, unread=error.message)

    def heads(self, *, identifying: bool = False) -> list[Head]:
        """The headers of all candidates, up to MOST_HEADS."""
        return [self.head(entry, identifying=identifying) for entry in self.candidates()[:MOST_HEADS]]

    def known_heads(self) -> list[Head]:
        """The headers that were read already."""
        return list(self._heads.values())


def configuration(files: Mapping[str, Entry]) -> Entry | None:
    """The configuration of a folder, whatever it turns out to hold."""
    return next((files[name] for name in CONFIG_NAMES if name in files), None)


def may_be_weights(entry: Entry) -> bool:
    """Whether a file's name lets one expect tensors in it, and it is none of SAELens's own other files."""
    return entry.name.lower().endswith(ENDINGS) and entry.name not in NOT_WEIGHTS


def folders_of(view: RepoView, *, heads: bool = True) -> dict[str, Folder]:
    """Every folder in which something tells what it is, by path, and the root; with `heads` the headers of weights are read as families ask for them."""
    files: dict[str, dict[str, Entry]] = {}
    for entry in view.list():
        files.setdefault(entry.folder, {})[entry.name] = entry
    shared: dict[str, Folder] = {}
    around = {path.rpartition("/")[0] or "." for path in files if path.rpartition("/")[2] in PARTS}
    told = [path for path, inside in files.items() if path == "." or path in around or _tells(inside)]
    return {path: Folder(view, path, files, shared, heads) for path in told}


def _tells(files: Mapping[str, Entry]) -> bool:
    """Whether a folder holds a configuration, or what may be weights."""
    return not files.keys().isdisjoint(TELLING) or any(map(may_be_weights, files.values()))
