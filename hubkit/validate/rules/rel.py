"""REL: the repository as a release."""

from __future__ import annotations

import itertools
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import lru_cache
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from hubkit.models.hooks import hook_layer
from hubkit.models.names import is_placeholder, model_key
from hubkit.release.layout import CFG, PROVENANCE, WEIGHTS
from hubkit.validate.facts import RepoFacts, SaeFacts
from hubkit.validate.finding import Found, Severity
from hubkit.validate.need import Need
from hubkit.validate.rule import repo_rule
from hubkit.validate.rules.errata import trained_as

if TYPE_CHECKING:
    from hubkit.formats.json_file import JsonFile
    from hubkit.release.provenance import Provenance

OURS = {"hubkit_version", "study_sha256", "grid", "files", "software", "pool_sha256", "base_model"}
"""Keys of hubkit's own record."""
SCHEMAS = ("urn:hubkit:provenance:1", "urn:hubkit:provenance:2")
MINE = "urn:hubkit:provenance"
"""What the `$schema` of every form begins with."""
BLANK = "\0 \n\r\t\ufeff"
RESERVED = re.compile(r"(?:con|prn|aux|nul|com[1-9¹²³]|lpt[1-9¹²³])(?:\..*)?", re.IGNORECASE)
FORBIDDEN = re.compile(r'[<>:"|?*\\\x00-\x1f]')


@repo_rule("REL001", Severity.NOTE, Need.CFG)
def several_base_models(repo: RepoFacts) -> Iterator[Found]:
    """SAEs of several base models in one repository.

    The card's `base_model`, the model page's link and the loader's snippet can name one only. hubkit publishes one repository per base model.
    """
    models: dict[str, list[str]] = defaultdict(list)
    for sae in repo.saes:
        name = sae.cfg.text("model_name") if sae.cfg else None
        if name and not is_placeholder(name):
            models[model_key(name)].append(name)
    if len(models) > 1:
        shown = ", ".join(f"{names[0]} ({len(names)})" for names in models.values())
        yield Found(
            f"SAEs of {len(models)} base models: {shown}",
            "move the SAEs of all models but one into repositories of their own",
        )


def provenance_of(repo: RepoFacts) -> Provenance | None:
    """The provenance that hubkit wrote, or None; one that is damaged is REL004's."""
    if repo.provenance is None or repo.provenance.value.get("$schema") not in SCHEMAS:
        return None
    return _parsed(repo.provenance.text)


@lru_cache(maxsize=4)
def _parsed(text: str) -> Provenance | None:
    from hubkit.release.provenance import Provenance  # pydantic takes longer than most validations

    try:
        return Provenance.parse(text)
    except ValueError:
        return None


@repo_rule("REL002", Severity.WARNING, Need.TREE | Need.PROVENANCE)
def grid_has_holes(repo: RepoFacts) -> Iterator[Found]:
    """The release lacks SAEs of the grid that provenance.json declares.

    Declared is layers x architectures x conditions; an SAE fills a cell by its configuration. What only the names suggest is not judged.
    """
    provenance = provenance_of(repo)
    if provenance is None:
        return
    grid = provenance.grid
    declared = set(itertools.product(grid.layers, grid.architectures, grid.conditions))
    cells = [_cell(sae) for sae in repo.saes if sae.cfg]
    holes = sorted(declared - {cell for cell in cells if cell}, key=str)
    undecided = sum(cell is None for cell in cells)
    if len(holes) <= undecided:
        return
    shown = ", ".join(
        f"layer {layer} {architecture} {condition}" for layer, architecture, condition in holes[:4]
    )
    more = f" and {len(holes) - 4} more" if len(holes) > 4 else ""
    yield Found(
        f"{len(holes)} of the {len(declared)} declared SAEs are not here: {shown}{more}",
        "train them (hubkit run STUDY.yaml), or declare the grid that was published under grid in provenance.json",
        path=PROVENANCE,
        line=repo.provenance.line("/grid") if repo.provenance else None,
    )


@repo_rule("REL005", Severity.WARNING, Need.CFG | Need.PROVENANCE)
def provenance_says_otherwise(repo: RepoFacts) -> Iterator[Found]:
    """provenance.json says otherwise than the configurations: another SAELens, or SAEs that its grid does not have.

    `software` names the SAELens that the study ran with; each SAE's `sae_lens_training_version` should be that. An SAE whose layer, architecture and condition its own
    configuration states, and that is none of the declared grid, was made by something else than the record says.
    """
    provenance = provenance_of(repo)
    if provenance is None or repo.provenance is None:
        return
    ran = next(
        (version for name, version in provenance.software.items() if name.replace("_", "-") == "sae-lens"),
        None,
    )
    stated = {
        version for sae in repo.saes if sae.cfg and (version := sae.cfg.text("sae_lens_training_version"))
    }
    if ran is not None and stated and ran not in stated:
        yield Found(
            f"software of provenance.json says SAELens {ran}, the configurations were trained with {' and '.join(sorted(stated)[:3])}",
            "write the version that trained them, in the one that is wrong",
            path=PROVENANCE, line=repo.provenance.line("/software"), pointer="/software", identity="software",
        )  # fmt: skip
    grid = provenance.grid
    # an axis that is empty declares nothing
    axes = [set(map(str, axis)) for axis in (grid.layers, grid.architectures, grid.conditions)]
    strangers = [
        sae.sae_id
        for sae in repo.saes
        if (cell := _cell(sae))
        and any(axis and str(one) not in axis for axis, one in zip(axes, cell, strict=True))
    ]
    if strangers:
        shown = ", ".join(strangers[:3]) + (f" and {len(strangers) - 3} more" if len(strangers) > 3 else "")
        yield Found(
            f"the grid of provenance.json does not have {shown}",
            "declare the grid that was trained under grid in provenance.json, or publish the SAEs of another study elsewhere",
            path=PROVENANCE, line=repo.provenance.line("/grid"), pointer="/grid", identity="grid",
        )  # fmt: skip


def _cell(sae: SaeFacts) -> tuple[int, str, str] | None:
    """(layer, architecture in training, condition), or None where the configuration does not say."""
    cfg = sae.cfg
    hook, condition = (cfg.text("hook_name"), cfg.text("training_condition")) if cfg else (None, None)
    layer = hook_layer(hook) if hook else None
    return (layer, trained_as(cfg), condition) if cfg and layer is not None and condition else None


@repo_rule("REL003", Severity.WARNING, Need.TREE)
def names_that_collide(repo: RepoFacts) -> Iterator[Found]:
    """Names that differ only in case, or that cannot exist on Windows.

    On Windows and macOS one of two such files overwrites the other; CON, NUL, a trailing dot or a colon cannot be written at all, and
    the whole download fails.
    """
    paths = {entry.path for entry in repo.entries}
    for above in {entry.folder for entry in repo.entries}:
        folder = above
        while folder not in paths:
            paths.add(folder)
            folder = folder.rpartition("/")[0] or "."
    parts: dict[str, list[str]] = defaultdict(list)
    for path in paths:
        parts[path.lower()].append(path)
    for same in parts.values():
        # of two folders that collide their files need not be named again
        if len(same) > 1 and len({path.rpartition("/")[0] for path in same}) == 1:
            names = sorted(same)
            yield Found(
                f"{' and '.join(names)} differ only in case",
                "rename one of them",
                path=names[0],
                identity=" ".join(names),
            )
    for name in repo.view.refused:
        yield Found(
            f"{name!r} leads out of the repository, or deceives a reader: it is not read",
            "remove the file: no honest tool writes such a name",
            severity=Severity.ERROR,
            identity=name,
        )
    for path in sorted(paths):
        if reason := _not_on_windows(path.rpartition("/")[2]):
            yield Found(f"{path}: {reason}", "rename it", path=path)


def _not_on_windows(name: str) -> str | None:
    if RESERVED.fullmatch(name):
        return "Windows keeps this name for a device"
    if found := FORBIDDEN.search(name):
        return f"Windows does not allow {found.group()!r} in a name"
    return "Windows drops the dot or space at the end" if name not in {"", "."} and name[-1] in ". " else None


@repo_rule("REL004", Severity.ERROR, Need.TREE | Need.PROVENANCE)
def provenance_disagrees(repo: RepoFacts) -> Iterator[Found]:
    """provenance.json disagrees with the files.

    It lists the sha256 of every file of the release. A file that is missing, another one than was recorded (by the Hub's LFS oid, by the small files that
    were read anyway, with `--deep` by the weights themselves), or an SAE that it does not know: the record is of another release. Write it again.
    """
    if repo.provenance is None:
        return
    if not any(schema in repo.provenance.text for schema in SCHEMAS):
        yield from _without_schema(repo.provenance)
        return
    provenance = provenance_of(repo)
    if provenance is None:
        yield Found(
            "provenance.json is damaged: it is not of the form it says",
            "hubkit run STUDY.yaml writes it again; or remove it",
            path=PROVENANCE,
        )
        return
    known = _digests(repo)
    present = {entry.path for entry in repo.entries}
    missing = sorted(provenance.files.keys() - present)
    changed = sorted(path for path, digest in provenance.files.items() if known.get(path, digest) != digest)
    own = {CFG, WEIGHTS}
    strangers = sorted(p for p in present - provenance.files.keys() if PurePosixPath(p).name in own)
    groups = (
        (missing, "recorded and not here"),
        (changed, "not what was recorded"),
        (strangers, "here and not recorded"),
    )
    for paths, what in groups:
        if paths:
            shown = ", ".join(paths[:3]) + (f" and {len(paths) - 3} more" if len(paths) > 3 else "")
            yield Found(
                f"{len(paths)} file{'s are' if len(paths) > 1 else ' is'} {what}: {shown}",
                "hubkit run STUDY.yaml writes it again from the files; or remove it, if it is of another release",
                path=PROVENANCE,
                line=repo.provenance.line("/files"),
                identity=what,
                measured={"paths": paths},
            )


def _without_schema(file: JsonFile) -> Iterator[Found]:
    """It has hubkit's keys, and nothing by which hubkit would know that it is its own."""
    empty = not file.text.strip(BLANK)
    if file.document is None and (empty or MINE in file.text.replace("\0", "")):
        why = f"is damaged: {file.fault.message}" if file.fault and not empty else "is empty"
        yield Found(
            f"provenance.json {why}: nothing in it is held against the files",
            "hubkit run STUDY.yaml writes it again, as UTF-8; or remove it",
            path=PROVENANCE,
            severity=Severity.WARNING,
            identity="unreadable",
        )
        return
    said = file.value.get("$schema")
    if isinstance(said, str) and said.startswith(MINE):
        yield Found(
            f"its $schema is {said[:60]!r}, a form that this hubkit does not know: nothing in it was checked",
            "where a later hubkit wrote it: pip install -U sae-hubkit; else hubkit run STUDY.yaml writes it again",
            path=PROVENANCE,
            pointer="/$schema",
            line=file.line("/$schema"),
            severity=Severity.WARNING,
            identity="another form",
        )
        return
    if file.document is not None and file.document.value == {}:
        yield Found(
            "provenance.json is there and holds nothing: it records no file, and no study",
            "hubkit run STUDY.yaml writes it; or remove it",
            path=PROVENANCE,
            severity=Severity.WARNING,
            identity="empty",
        )
    ours = sorted(OURS & file.value.keys())
    if len(ours) > 1 and "$schema" not in file.value:
        yield Found(
            f"provenance.json is there and has no `$schema`, though it has {' and '.join(ours)}: nothing in it is held against the files, and the card says nothing of it",
            f'write "$schema": "{max(SCHEMAS)}" into it, or hubkit run STUDY.yaml, which writes it again; or call it otherwise, if it is no file of hubkit\'s',
            path=PROVENANCE,
            severity=Severity.WARNING,
            identity="schema",
        )


def _digests(repo: RepoFacts) -> dict[str, str]:
    """sha256 by path, of what is known without another read."""
    known = {entry.path: entry.sha256 for entry in repo.entries if entry.sha256}
    known |= {file.path: file.sha256 for file in (*repo.configs, *repo.metrics)}
    known |= {file.path: file.sha256 for file in (repo.evaluation, repo.evidence) if file}
    return known | {s.weights.path: s.weights_sha256 for s in repo.saes if s.weights and s.weights_sha256}
