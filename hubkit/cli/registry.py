"""`hubkit registry`"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hubkit.cli.options import Quiet, Timeout, allowed
from hubkit.console import Console

if TYPE_CHECKING:
    from hubkit.publish.registry import Entry
    from hubkit.publish.registry_text import Registry
    from hubkit.repo.view import RepoView

EPILOG = "Examples:  hubkit registry OWNER/REPO   ·   hubkit registry ./my-release --name gpt2-small-res-me --neuronpedia gpt2-small/res-me --output saelens.diff"


class RegistryFormat(StrEnum):
    """How the entry is written."""

    diff = "diff"
    yaml = "yaml"
    json = "json"


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(epilog=EPILOG)(registry)


def registry(
    target: Annotated[
        str, typer.Argument(metavar="OWNER/REPO|FOLDER", help="A repository, or a release folder.")
    ],
    name: Annotated[
        str | None,
        typer.Option(
            "--name",
            metavar="RELEASE",
            help="What the release is called there.  \\[default: as it is registered, else the repository's name]",
        ),
    ] = None,
    to: Annotated[
        str | None,
        typer.Option(
            "--to", metavar="OWNER/NAME", help="Where a folder's release is; by default repo_id of card.yaml."
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            "--model", metavar="ID", help="The base model, where the configurations do not name it."
        ),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option("--only", metavar="GLOB", help="SAEs whose ids match; the others of an entry stay."),
    ] = None,
    neuronpedia: Annotated[
        str | None,
        typer.Option(
            "--neuronpedia",
            metavar="MODEL/SET",
            help="Their ids on Neuronpedia, MODEL/LAYER-SET; SET may name {architecture}, {width}, {k}, {condition}.",
        ),
    ] = None,
    allow: Annotated[
        list[str] | None,
        typer.Option("--allow", metavar="CODE", help="Register in spite of this error; needs --reason."),
    ] = None,
    reason: Annotated[
        list[str] | None,
        typer.Option("--reason", metavar="TEXT", help="Why; it stands above the diff."),
    ] = None,
    check: Annotated[
        bool,
        typer.Option(
            "--check/--no-check", help="Load through the installed SAELens with the entry in its registry."
        ),
    ] = True,
    whole: Annotated[
        bool, typer.Option("--all", help="Load every SAE for that, not one of each architecture.")
    ] = False,
    timeout: Timeout = None,
    format: Annotated[  # noqa: A002 - the option's name in the contract
        RegistryFormat, typer.Option("--format", "-f", help="How the entry is written.")
    ] = RegistryFormat.diff,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write to FILE, not to stdout.")
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Write the entry that SAELens's registry of pretrained SAEs has for a release, as a diff against the installed SAELens."""
    from hubkit.publish.registry import Wanted, entry_of
    from hubkit.publish.registry_check import check_entry
    from hubkit.publish.registry_text import installed, needed
    from hubkit.repo.deadline import LIMIT, Deadline
    from hubkit.repo.target import open_target

    console = Console(quiet=quiet)
    view = open_target(target, deadline=Deadline(timeout or LIMIT))
    here = needed() if check or format is RegistryFormat.diff else installed()
    exceptions = allowed(allow or [], reason or [])
    wanted = Wanted(name, model, neuronpedia, tuple(only or ()), exceptions)
    entry = entry_of(view, _repo_id(view, to), here, wanted)
    checked = None
    if check and here is not None:
        console.say("[dim]loading through SAELens's registry; importing SAELens takes a while[/]")
        checked = check_entry(entry, here, whole=whole).sentence()
    said = _sentences(entry, checked)
    if format is RegistryFormat.diff and here is not None and not _changes(entry, here):
        _say([*said, f"{entry.name}: the registry says this already."], console)
        return
    if output is not None:
        _say(said, console)
    _out(_written(entry, here, said, format), output, console)


def _repo_id(view: RepoView, to: str | None) -> str:
    """Where the release is, or will be. Raises UsageError."""
    from hubkit.cards.settings import NAME, load_settings
    from hubkit.errors import UsageError
    from hubkit.repo.local import LocalView

    if isinstance(view, LocalView):
        return to or load_settings(view.root / NAME).repo_id
    if to is not None or view.repository is None:
        raise UsageError(
            f"{view.name} is a repository, and --to says where a folder's release is", hint="leave --to out"
        )
    if view.revision is not None:
        raise UsageError(
            f"{view.name}@{view.revision}: an entry names no commit, and SAELens loads what main has",
            hint=f"hubkit registry {view.repository}",
        )
    return view.repository


def _sentences(entry: Entry, checked: str | None) -> list[str]:
    """What whoever reviews the entry should know."""
    from hubkit import __version__
    from hubkit.texts import visible
    from hubkit.words import many

    at = entry.release.revision
    head = f"{entry.name}: {many(len(entry.saes), 'SAE')} of {entry.content['model']}, {entry.repo_id}"
    sentences = [
        f"{head}{f' at {at}' if at else ''}, validated by hubkit {__version__}.",
        f"{checked}." if checked else "It was not loaded through SAELens.",
        *(f"Known error, let through: {one}" for one in entry.allowed),
        *(f"{one}." for one in entry.notes),
    ]
    return [visible(" ".join(one.split())) for one in sentences]  # names and reasons may hold anything


def _say(sentences: list[str], console: Console) -> None:
    from hubkit.validate.reporters.text import escape

    for one in sentences:
        console.say(escape(one))


def _written(entry: Entry, here: Registry | None, said: list[str], format: RegistryFormat) -> str:  # noqa: A002
    """The answer. A diff has what reviewers should know above it, where `git apply` passes over it."""
    import json

    from hubkit.publish.registry_text import as_yaml

    if format is RegistryFormat.json:
        return json.dumps(_json(entry, said), indent=2, ensure_ascii=False)
    if format is RegistryFormat.yaml or here is None:
        return "".join(f"# {one}\n" for one in said) + as_yaml(entry.name, entry.content)
    return "".join(f"{one}\n" for one in said) + "\n" + _changes(entry, here)


def _changes(entry: Entry, here: Registry) -> str:
    return here.diff(entry.name, here.with_entry(entry.name, entry.content))


def _json(entry: Entry, said: list[str]) -> dict[str, Any]:
    from hubkit.publish.neuronpedia import asked

    dashboards = {str(line["id"]): line.get("neuronpedia") for line in entry.content["saes"]}
    return {
        "release": entry.name,
        "known": entry.known,
        "revision": entry.release.revision,
        "remarks": said,
        "entry": entry.content,
        "neuronpedia": {
            sae_id: asked(entry.name, entry.repo_id, sae_id, sae, dashboard)
            for sae_id, sae in entry.saes.items()
            if (dashboard := dashboards[sae_id])
        },
    }


def _out(content: str, output: Path | None, console: Console) -> None:
    from hubkit.release.writing import answering

    if output is None:
        console.data(content)
        return
    with answering(output) as temporary:
        temporary.write_text(
            content if content.endswith("\n") else f"{content}\n", encoding="utf-8", newline="\n"
        )
    console.say(f"written to {output}")
