"""A release as SAELens's registry has it: `SAE.from_pretrained("NAME", "ID")` instead of OWNER/REPO and a path.

Every value is read from the release's files: paths from its listing, l0 and variance_explained from what hubkit computed on rows that the SAE has not seen, and left out where nobody did. Of a release
that is registered already, what only the registry knows (ids, dashboards, links, overrides) stays.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from hubkit.cards.measured import L0, VARIANCE
from hubkit.cards.released import Release, release_of
from hubkit.errors import ExitCode, HubkitError, NothingFound, UsageError
from hubkit.measures.measure import UNSEEN
from hubkit.models.kinship import kinship
from hubkit.publish.conditions import NEVER
from hubkit.publish.gate import check_reasons
from hubkit.publish.neuronpedia import SourceSet, check_once
from hubkit.publish.registry_text import Registry
from hubkit.validate.finding import Finding, Severity
from hubkit.validate.run import validate
from hubkit.words import many

if TYPE_CHECKING:
    from hubkit.formats.sae import Sae
    from hubkit.measures.catalogue import Definitions
    from hubkit.repo.view import RepoView
    from hubkit.validate.report import Report

CONVERTERS = {
    "saelens": None,
    "dictionary_learning": "dictionary_learning_1",
    "gemma_scope": "gemma_2",
    "gemma_scope_2": "gemma_3",
    "llama_scope": "llama_scope",
    "mwhanna_transcoder": "mwhanna_transcoder",
    "qwen_scope": "qwen_scope",
    "sparsify": "sparsify",
}
"""Family to `conversion_func`: the loader of SAELens (NAMED_PRETRAINED_SAE_LOADERS of 6.54.12) that reads its files."""
TRANSCODERS = {"gemma_scope": "gemma_2_transcoder"}
"""The same of a family's transcoders, where they have their own."""
BY_FILE = {"mwhanna_transcoder", "qwen_scope"}
"""Families whose path is that of a file."""
KEYS = ("id", "path", "l0", "variance_explained", "neuronpedia", "norm_scaling_factor")
"""All that SAELens reads of an SAE."""
RELEASE_NAME = re.compile(r"[A-Za-z0-9][\w.-]*")
DIGITS = 4
"""Significant ones of a measured value."""


@dataclass(frozen=True)
class Wanted:
    """What the author says of an entry. None and empty: as the files, or the entry that is there, say."""

    name: str | None = None
    model: str | None = None
    neuronpedia: str | None = None
    only: tuple[str, ...] = ()
    """Globs of SAE ids."""
    allow: Mapping[str, str] = field(default_factory=dict)
    """Code of an error to the reason why it may be registered."""


@dataclass(frozen=True)
class Entry:
    """An entry, and what it was made from."""

    name: str
    repo_id: str
    content: dict[str, Any]
    """As the YAML has it."""
    saes: Mapping[str, Sae]
    """Id in the registry to SAE: those that were read now."""
    release: Release
    known: bool
    """Whether the registry has an entry of this name."""
    allowed: tuple[str, ...] = ()
    """Errors that were let through, each with its reason, in sentences."""
    notes: tuple[str, ...] = ()
    """What whoever reviews it should know, in sentences."""


def entry_of(view: RepoView, repo_id: str, registry: Registry | None, wanted: Wanted) -> Entry:
    """The entry of the release that `view` shows, which is or will be at `repo_id`.

    Raises HubkitError with the errors that the validator finds and nobody let through, UsageError where one entry cannot say it, NothingFound without an SAE.
    """
    report = validate(view)
    allowed = _past_the_errors(view.name, report, wanted.allow)
    release = release_of(view, report.saes)
    saes = _chosen(release, wanted.only)
    name = _name(repo_id, registry, wanted.name)
    before = registry.releases.get(name) if registry else None
    content = {
        "conversion_func": _converter(view.name, saes),
        "model": wanted.model or _model(view.name, saes, before),
        "repo_id": repo_id,
    }
    lines, notes = _lines(saes, release, before, wanted)
    by_path = {_path(one): one for one in saes}
    read = {str(line["id"]): by_path[str(line["path"])] for line in lines if str(line["path"]) in by_path}
    if wanted.neuronpedia:
        there = {str(line["id"]): line["neuronpedia"] for line in lines if line.get("neuronpedia")}
        check_once(there, registry.dashboards(but=name) if registry else ())
    merged = {**(before or {}), **content, "saes": lines}
    notes = [*_changed(before, content), *notes, *_unsaid(saes, lines)]
    return Entry(name, repo_id, merged, read, release, before is not None, allowed, tuple(notes))


def _past_the_errors(name: str, report: Report, allow: Mapping[str, str]) -> tuple[str, ...]:
    """What is let through, in sentences. Raises HubkitError for the errors that are not, or where not everything could be looked at."""
    check_reasons(allow)
    if not report.complete:
        raise HubkitError(
            f"{name}: {report.shortfall}; no entry was made", hint=f"hubkit validate {name}", exit_code=ExitCode.INCOMPLETE,
        )  # fmt: skip
    by_code: dict[str, list[Finding]] = {}
    for one in report.findings:
        if one.severity is Severity.ERROR:
            by_code.setdefault(one.code, []).append(one)
    refused = {code: found for code, found in by_code.items() if code not in allow or code in NEVER}
    if refused:
        told = [f"  {code:<8} {_words(found)}" for code, found in sorted(refused.items())]
        raise HubkitError(
            "\n".join(
                [f"{name}: {many(sum(map(len, refused.values())), 'error')}; no entry was made", *told]
            ),
            hint=f"hubkit validate {name} --select {','.join(sorted(refused))} says what mends them; or --allow CODE --reason TEXT",
        )
    return tuple(f"{code}: {_words(found)}. {allow[code].strip()}" for code, found in sorted(by_code.items()))


def _words(found: list[Finding]) -> str:
    first, more = found[0], f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    return f"{first.path or first.sae_id or '.'}: {first.message}{more}"


def _chosen(release: Release, only: tuple[str, ...]) -> list[Sae]:
    chosen = [one for one in release.saes if not only or any(fnmatchcase(one.sae_id, glob) for glob in only)]
    if not chosen:
        some = ", ".join(one.sae_id for one in release.saes[:3])
        raise NothingFound(
            f"{release.view.name}: no SAE matches --only {' '.join(only)}", hint=f"ids are like {some}"
        )
    return chosen


def _name(repo_id: str, registry: Registry | None, wanted: str | None) -> str:
    """Of the release: as typed, as the repository is registered, or the repository's own. Raises UsageError."""
    there = registry.of_repository(repo_id) if registry else []
    if wanted is None and len(there) > 1:
        raise UsageError(
            f"{repo_id} is registered {len(there)} times: {', '.join(there)}",
            hint=f"--name {there[0]}, with --only for the SAEs that are meant",
        )
    name = wanted or (there[0] if there else repo_id.partition("/")[2].lower())
    if not RELEASE_NAME.fullmatch(name):
        raise UsageError(
            f"--name {name}: expected letters, digits and . _ -", hint="--name gemma-2-2b-res-deception"
        )
    owner = registry.releases.get(name, {}).get("repo_id", repo_id) if registry else repo_id
    if owner != repo_id:
        raise UsageError(f"--name {name}: that is the release of {owner}", hint="choose another --name")
    return name


def _converter(where: str, saes: Iterable[Sae]) -> str | None:
    """`conversion_func`: one for the whole entry. Raises UsageError where there is none, or several are needed."""
    found: dict[str | None, Sae] = {}
    for one in saes:
        family = one.family.name
        if family not in CONVERTERS:
            raise UsageError(
                f"{where}: SAELens has no loader for {one.sae_id}, which is of {family}: {one.family.loader}",
                hint="hubkit fix converts what it can prove; or --only the others",
            )
        transcoder = "transcoder" in (one.architecture or "") and family in TRANSCODERS
        found.setdefault(TRANSCODERS[family] if transcoder else CONVERTERS[family], one)
    if len(found) > 1:
        (first, one), (second, other) = list(found.items())[:2]
        raise UsageError(
            f"{where}: {one.sae_id} needs conversion_func {first or 'null'} and {other.sae_id} {second or 'null'}; a release has one",
            hint="make two entries: --only and --name for each",
        )
    return next(iter(found))


def _model(where: str, saes: Iterable[Sae], before: Mapping[str, Any] | None) -> str:
    """The base model, as the configurations call it. Raises UsageError for several, or none."""
    names = {one.model_name: one for one in saes if one.model_name}
    if len(names) > 1:
        (first, one), (second, other) = list(names.items())[:2]
        raise UsageError(
            f"{where}: {one.sae_id} is of {first} and {other.sae_id} of {second}; a release has one model",
            hint="make two entries: --only and --name for each",
        )
    there, name = (before or {}).get("model"), next(iter(names), None)
    if there and (name is None or kinship(there, name) == "same"):
        return str(there)  # the same model, in the words of the registry
    if not name:
        raise UsageError(f"{where}: its files do not say of which model the SAEs are", hint="--model ID")
    return name


def _lines(
    saes: list[Sae], release: Release, before: Mapping[str, Any] | None, wanted: Wanted
) -> tuple[list[dict[str, Any]], list[str]]:
    """The SAEs as the registry lists them, in its order, new ones last; and what changed."""
    chosen = {_path(one): one for one in saes}
    there = {_path(one) for one in release.saes}
    dashboards = SourceSet.parse(wanted.neuronpedia) if wanted.neuronpedia else None
    lines: list[dict[str, Any]] = []
    notes: list[str] = []
    for old in (before or {}).get("saes", []):
        path = str(old["path"])
        if path not in there:
            notes.append(f"{old['id']} goes: there is no {path} in the repository; code that names it breaks")
        elif path not in chosen:
            lines.append(dict(old))
        else:
            lines.append(_line(chosen.pop(path), release, old, dashboards))
            notes += _contradicted(old, lines[-1], release.sae(_sae_id(release, path)))
    lines += [_line(one, release, {}, dashboards) for one in chosen.values()]
    ids = [str(line["id"]) for line in lines]
    for one in ids:
        if ids.count(one) > 1:
            raise UsageError(
                f"two SAEs would have the id {one}: the registry calls another path so",
                hint="correct the entry by hand",
            )
    return lines, notes


def _line(sae: Sae, release: Release, old: Mapping[str, Any], dashboards: SourceSet | None) -> dict[str, Any]:
    values = {"l0": _computed(release, sae, L0), "variance_explained": _computed(release, sae, VARIANCE)}
    line = dict(old) or {"id": sae.sae_id, "path": _path(sae)}
    line |= {key: value for key, value in values.items() if value is not None}
    if dashboards is not None:
        line["neuronpedia"] = dashboards.dashboard(sae)
    return line


def _path(sae: Sae) -> str:
    """What the loader of its family is given: a folder, or a file."""
    return sae.weights if sae.family.name in BY_FILE and sae.weights else sae.sae_id


def _sae_id(release: Release, path: str) -> str:
    return next(one.sae_id for one in release.saes if _path(one) == path)


def _computed(release: Release, sae: Sae, wanted: Definitions) -> float | None:
    """The value on rows that the SAE has not seen; the registry has no room to say of which rows another one is."""
    metrics = release.metrics(sae.sae_id)
    if metrics is None:
        return None
    found = (metrics.get(measure, split) for measure, split in wanted if split in UNSEEN)
    value = next((one.value for one in found if one is not None and one.value is not None), None)
    return None if value is None else float(f"{value:.{DIGITS}g}")


def _contradicted(old: Mapping[str, Any], new: Mapping[str, Any], sae: Sae) -> list[str]:
    """What the registry says of an SAE that its files do not."""
    notes = [
        f"{old['id']}: {key} is {old[key]} there, {new[key]} was computed"
        for key in ("l0", "variance_explained")
        if key in old and old[key] != new[key]
    ]
    layer = re.search(r"/(\d+)-", str(new.get("neuronpedia") or ""))
    if layer and sae.layer is not None and int(layer[1]) != sae.layer:
        notes.append(
            f"{old['id']}: its dashboard {new['neuronpedia']} is of layer {layer[1]}, its files say {sae.layer}"
        )
    if more := sorted(set(old) - set(KEYS)):
        notes.append(
            f"{old['id']}: {', '.join(more)} {'is' if len(more) == 1 else 'are'} nothing that SAELens reads; left as it was"
        )
    return notes


def _changed(before: Mapping[str, Any] | None, now: Mapping[str, Any]) -> list[str]:
    """What of the entry's head is another one."""
    return [
        f"{key} is {before.get(key) or 'null'} there, {value or 'null'} by the files"
        for key, value in now.items()
        if before is not None and before.get(key) != value
    ]


def _unsaid(saes: list[Sae], lines: list[dict[str, Any]]) -> list[str]:
    """What the entry does not say, since nobody computed it: SAELens then takes 0 and 1."""
    paths = {_path(one) for one in saes}
    mine = [line for line in lines if str(line["path"]) in paths]
    missing = {key: sum(key not in line for line in mine) for key in ("l0", "variance_explained")}
    return [
        f"{key} of {many(count, 'SAE')} is not computed (hubkit evaluate does), and left out"
        for key, count in missing.items()
        if count
    ]
