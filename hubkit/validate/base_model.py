"""The base model that an SAE names: where its config.json comes from, and what it says. Never its weights.

In this order: a folder that the user names, hubkit's own table, one small file from the Hub. The table is asked always, the rest only with `--base-model`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hubkit.errors import IncompleteError, UsageError
from hubkit.models.base_model import WAYS, BaseModel
from hubkit.models.config import read_shape, text_config
from hubkit.models.known import known_config, nanochat_config
from hubkit.models.modules import modules_of
from hubkit.models.names import hub_id, is_lens_only, is_placeholder
from hubkit.validate.need import Need

if TYPE_CHECKING:
    from hubkit.repo.deadline import Deadline
    from hubkit.validate.facts import RepoFacts, SaeFacts

AUTO = "auto"
TABLE = ""
"""What each SAE names, as far as hubkit's own table has it: no request."""
CONFIG = "config.json"
CLOSED = (" is gated", " is disabled")
"""What the Hub says of a repository whose files it does not give us: an answer, no failure."""


@dataclass
class BaseModels:
    """Resolves the base model of each SAE, each name once. `option` is what `--base-model` was given (`auto`, an id, a folder), or TABLE without it."""

    option: str
    deep: bool = False
    deadline: Deadline | None = None
    requests: int = 0
    bytes_read: int = 0
    _found: dict[str, BaseModel | IncompleteError | None] = field(default_factory=dict)

    def of(self, sae: SaeFacts) -> BaseModel | None:
        """The base model of `sae`; None where it names none, or with TABLE one that is not in it. Raises IncompleteError when the Hub does not answer, UsageError for a wrong `option`."""
        name = self.option
        if name in {AUTO, TABLE}:
            stated = sae.sae.model_name
            if stated is None or is_placeholder(stated):  # CFG011 says so
                return None
            name = stated.strip()
        if name not in self._found:
            try:
                self._found[name] = self._resolve(name)
            except IncompleteError as error:
                self._found[name] = error
        found = self._found[name]
        if isinstance(found, IncompleteError):
            raise found
        return found

    def check_typed(self, *, ask: bool) -> IncompleteError | None:
        """Raise UsageError where the model that was typed cannot be had; the error where the Hub does not give it. None for `auto`, and without one.

        Without `ask`, only a path that can be nothing else is looked at.
        """
        if self.option in {AUTO, TABLE}:
            return None
        if not ask:
            _folder(self.option)
            return None
        try:
            found = self._resolve(self.option)
        except IncompleteError as error:
            return error
        if found is None or found.problem is None:
            self._found[self.option] = found
            return None
        message = f"--base-model {self.option}: {found.problem}"
        if found.closed:
            return IncompleteError(message, hint=found.hint)
        raise UsageError(message, hint=found.hint)

    def _resolve(self, name: str) -> BaseModel | None:
        if self.option not in {AUTO, TABLE} and (folder := _folder(name)) is not None:
            return self._read(name, _from_folder(folder), folder.as_posix())
        if (config := nanochat_config(name)) is not None:
            return self._read(name, config, "hubkit's table")
        found = hub_id(name)
        if self.option == TABLE and (found is None or known_config(found) is None):
            return None
        if found is None:
            why = "only TransformerLens has it" if is_lens_only(name) else "it is no id of the Hub"
            return BaseModel(name, problem=f"{name!r} cannot be resolved: {why}")
        if (config := known_config(found)) is not None:
            return self._read(name, config, "hubkit's table")
        return self._from_hub(name, found)

    def _from_hub(self, name: str, repo_id: str) -> BaseModel:
        from hubkit.repo.hub import open_repo

        view = open_repo(repo_id, None, deadline=self.deadline)
        try:
            if view.entry(CONFIG) is None:
                return BaseModel(name, problem=f"{repo_id} on the Hub has no {CONFIG}")
            config = _json(view.read(CONFIG))
        except UsageError as error:  # no such repository
            return BaseModel(name, problem=error.message)
        except IncompleteError as error:
            if not error.message.startswith(tuple(repo_id + state for state in CLOSED)):
                raise
            return BaseModel(name, problem=error.message, hint=f"{error.hint}; or {WAYS}", closed=True)
        finally:
            self.requests += view.requests
            self.bytes_read += view.bytes_read
        if config is None:
            return BaseModel(name, problem=f"{repo_id} on the Hub: its {CONFIG} is no JSON object")
        return self._read(name, config, f"{repo_id} on the Hub")

    def _read(self, name: str, config: Mapping[str, Any], source: str) -> BaseModel:
        model_type = text_config(config).get("model_type")
        return BaseModel(
            name,
            source,
            model_type if isinstance(model_type, str) else None,
            read_shape(config),
            by_default=self.option == TABLE,
            modules=modules_of(config) if self.deep and isinstance(config.get("model_type"), str) else None,
        )


def add_base_models(facts: RepoFacts, models: BaseModels) -> None:
    """Give every SAE that names one its base model; what was read for that counts as read for the repository.

    Raises UsageError where the one that was typed cannot be resolved: nothing was held against it then, and a finding among others could be ignored.
    """
    closed = models.check_typed(ask=bool(facts.saes))
    for sae in facts.saes:
        try:
            if closed is not None:
                raise closed
            sae.base = models.of(sae)
        except IncompleteError as error:
            sae.unread[Need.BASE] = error.message
    facts.view.requests += models.requests
    facts.view.bytes_read += models.bytes_read


def _folder(text: str) -> Path | None:
    """The folder, where `text` is a path: one that exists, or one that can be nothing else."""
    path = Path(text)
    if path.is_dir():
        return path
    if path.is_file() or (hub_id(text) is None and not is_lens_only(text) and nanochat_config(text) is None):
        raise UsageError(
            f"--base-model {text}: neither a folder with a {CONFIG} nor a model's id",
            hint=f"--base-model {AUTO} takes what each cfg.json names",
        )
    return None


def _from_folder(folder: Path) -> Mapping[str, Any]:
    path = folder / CONFIG
    try:
        data = path.read_bytes() if path.is_file() else None
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from error
    if data is None:
        raise UsageError(
            f"--base-model {folder}: there is no {CONFIG} in it", hint="name the folder of the model"
        )
    config = _json(data)
    if config is None:
        raise UsageError(f"{path}: this is no JSON object", hint="name the folder of the model")
    return config


def _json(data: bytes) -> Mapping[str, Any] | None:
    """As Python reads it: transformers writes Infinity into some of its configurations."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, Mapping) else None
