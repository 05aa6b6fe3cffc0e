"""Whether SAELens loads a release through its registry with the new entry, and computes what the files say."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hubkit.errors import HubkitError, UsageError
from hubkit.formats.computed import computation
from hubkit.localhub.seeding import seed
from hubkit.models.hooks import hook_layer, parse_hook
from hubkit.publish.registry_text import NAME, Registry
from hubkit.publish.rehearse import local_hub
from hubkit.release.layout import is_left_out
from hubkit.repo.local import LocalView
from hubkit.validate.load import ROWS, SEED, TIMEOUT_START, TOLERANCE, run_saelens
from hubkit.words import many

if TYPE_CHECKING:
    from hubkit.formats.sae import Sae
    from hubkit.publish.registry import Entry
    from hubkit.repo.view import RepoView

RUNNER = Path(__file__).with_name("registry_runner.py")
TIMEOUT_CONFIG, TIMEOUT_WEIGHTS = 10.0, 300.0
"""Seconds for each: the weights may come from the Hub."""
MOST_TOLD = 5


@dataclass(frozen=True)
class Checked:
    """What SAELens did."""

    version: str
    configured: int
    """SAEs whose configuration it read."""
    loaded: int
    compared: int
    """Of those loaded, the ones whose outputs are those of the definition, computed from the files."""

    def sentence(self) -> str:
        """For whoever reviews the entry."""
        return (
            f"SAELens {self.version} read it, and through it {many(self.configured, 'configuration')}; it loaded {many(self.loaded, 'SAE')},"
            f" of which {self.compared} computed what the definition gives for the files"
        )


def check_entry(entry: Entry, registry: Registry, *, whole: bool = False) -> Checked:
    """Read every configuration, and load one SAE of each form, or with `whole` every one, through SAELens and its registry with the entry.

    A folder is put on a Hub of this machine for that; a repository is asked for as by a stranger, without a token. Raises HubkitError with all that went
    wrong, UsageError without SAELens, IncompleteError where it did not come to an end.
    """
    wanted = list(entry.saes) if whole else _one_of_each(entry.saes)
    timeout = TIMEOUT_START + TIMEOUT_CONFIG * len(entry.saes) + TIMEOUT_WEIGHTS * len(wanted)
    with tempfile.TemporaryDirectory(prefix="hubkit-registry-", ignore_cleanup_errors=True) as scratch:
        folder = Path(scratch)
        text = registry.with_entry(entry.name, entry.content).text
        (folder / NAME).write_text(text, encoding="utf-8", newline="\n")
        job = {
            "folder": str(folder), "release": entry.name, "configs": list(entry.saes), "load": wanted, "seed": SEED, "rows": ROWS,
        }  # fmt: skip
        with _hub(entry, folder) as environment:
            answer = run_saelens(RUNNER, job, timeout, environment)
    return _judged(entry, answer)


@contextmanager
def _hub(entry: Entry, scratch: Path) -> Iterator[dict[str, str]]:
    """The environment of a reader: the Hub where the repository is, which for a folder is one of this machine."""
    view = entry.release.view
    if not isinstance(view, LocalView):
        yield {}
        return
    hub = scratch / "hub"
    hub.mkdir()
    files = {one.path: view.root / one.path for one in view.list() if not is_left_out(one.path)}
    seed(hub, entry.repo_id, files, any_card=True)
    with local_hub(hub) as (running, _):
        yield {"HF_ENDPOINT": running.endpoint}


def _one_of_each(saes: Mapping[str, Sae]) -> list[str]:
    """The first of every architecture and layout."""
    found = {
        (one.layout, one.architecture, one.dtype): sae_id for sae_id, one in reversed(list(saes.items()))
    }
    return sorted(found.values(), key=list(saes).index)


def _judged(entry: Entry, answer: Mapping[str, Any]) -> Checked:
    wrong: list[str] = []
    for sae_id, found in answer["configs"].items():
        wrong += _config_wrong(sae_id, entry.saes[sae_id], found)
    compared = 0
    for sae_id, found in answer["loaded"].items():
        if "raised" in found:
            wrong.append(f"{sae_id}: SAE.from_pretrained raises {found['raised']}")
            continue
        difference = _difference(entry.saes[sae_id], entry.release.view, found["value"])
        if difference is None:
            continue
        compared += 1
        if difference > TOLERANCE["float32"]:
            wrong.append(
                f"{sae_id}: what SAELens computes differs from the definition of its files by {difference:.2g} of the largest value"
            )
    if wrong:
        more = [f"  and {len(wrong) - MOST_TOLD} more"] if len(wrong) > MOST_TOLD else []
        raise HubkitError(
            "\n".join([f"{entry.name}: SAELens {answer['version']} does not load it by this entry", *(f"  {one}" for one in wrong[:MOST_TOLD]), *more]),
            hint=f"{_mends(entry)}; --no-check writes the entry all the same",
        )  # fmt: skip
    return Checked(answer["version"], len(answer["configs"]), len(answer["loaded"]), compared)


def _mends(entry: Entry) -> str:
    """What helps where SAELens does not load a release: its loaders of other families read less than the families write."""
    function = entry.content["conversion_func"]
    if function:
        return f"{function} is SAELens's loader of another library's files: hubkit fix writes them in SAELens's own format"
    return "hubkit validate FOLDER --load shows how SAELens loads each"


def _config_wrong(sae_id: str, sae: Sae, found: Mapping[str, Any]) -> list[str]:
    if "raised" in found:
        return [f"{sae_id}: its configuration raises {found['raised']}"]
    ours = {"d_in": sae.d_in, "d_sae": sae.d_sae, "hook_name": sae.hook_name}
    return [
        f"{sae_id}: SAELens takes {key} for {theirs}, its files say {value}"
        for key, value in ours.items()
        if value is not None and (theirs := found["value"][key]) is not None and not _same(value, theirs)
    ]


def _same(ours: int | str, theirs: Any) -> bool:
    """Whether both say one thing. Of a hook that one of them calls by a module's path, its layer is all that can be held against the other."""
    if isinstance(ours, int) or not isinstance(theirs, str) or ours == theirs:
        return bool(ours == theirs)
    forms = {parse_hook(ours).form, parse_hook(theirs).form}
    return forms != {"transformer_lens"} and hook_layer(ours) == hook_layer(theirs)


def _difference(sae: Sae, view: RepoView, computed: Mapping[str, Any]) -> float | None:
    """The largest, of latents and outputs, relative to the largest value; None where no definition is known here."""
    try:
        run = computation(sae, view)
    except UsageError:
        return None
    x = np.random.default_rng(SEED).standard_normal((ROWS, computed["cfg"]["d_in"]))
    pairs = zip(run(x), (np.asarray(computed["acts"]), np.asarray(computed["out"])), strict=True)
    return max(float(np.abs(a - b).max()) / max(1e-12, float(np.abs(a).max())) for a, b in pairs)
