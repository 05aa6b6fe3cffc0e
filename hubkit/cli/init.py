"""`hubkit init`"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hubkit.cli.options import Format, FormatOption, Quiet
from hubkit.console import Console

if TYPE_CHECKING:
    from hubkit.cards.init import Seen

EPILOG = "Examples:  hubkit init ./my-saes   ·   hubkit init ./my-saes --yes --repo-id me/saes --license mit --base-model openai-community/gpt2   ·   hubkit init --study my-study"


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(epilog=EPILOG)(init)


def init(
    folder: Annotated[
        Path,
        typer.Argument(
            help="A folder with SAEs, made by whatever tool; with --study, where the study file goes."
        ),
    ],
    study: Annotated[
        bool,
        typer.Option("--study", help="Write a commented study file that runs as it is, and ask nothing."),
    ] = False,
    repo_id: Annotated[
        str | None, typer.Option("--repo-id", metavar="OWNER/NAME", help="Where they will be on the Hub.")
    ] = None,
    base_model: Annotated[
        str | None,
        typer.Option("--base-model", metavar="OWNER/MODEL", help="The base model's id on the Hub."),
    ] = None,
    license: Annotated[  # noqa: A002 - the key's name in the card
        str | None,
        typer.Option("--license", metavar="ID", help="A licence id of the Hub: mit, apache-2.0, ..."),
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Ask nothing: what is not known stays to be filled in.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Overwrite a card.yaml, or a study file, that is there.")
    ] = False,
    format: FormatOption = Format.text,  # noqa: A002 - the option's name in the contract
    quiet: Quiet = False,
) -> None:
    """Look at SAEs made elsewhere and write the card.yaml that build-cards needs. Or begin a study: --study."""
    from hubkit.cards import init as room

    console = Console(quiet=quiet)
    given = {"repo_id": repo_id, "base_model": base_model, "license": license}
    if study:
        _begin_study(console, folder, given, force=force, as_json=format is Format.json)
        return
    seen = room.look(folder)
    answers = {**seen.known, **{key: value for key, value in given.items() if value is not None}}
    if not yes and on_terminal():
        _say_found(console, seen)
        answers |= _ask(console, answers, {key for key, value in given.items() if value is not None})
    path = room.write_settings(seen, answers, force=force)
    for unsure in filter(None, (room.doubt(key, value or "") for key, value in given.items())):
        console.say(f"[yellow]{_escape(unsure)}[/]")
    lacking = room.missing(answers)
    if format is Format.json:
        _as_json(console, path, seen, answers, lacking)
        return
    _say_next(console, room.next_steps(seen, lacking))
    console.data(str(path))


def _begin_study(
    console: Console, folder: Path, given: dict[str, str | None], *, force: bool, as_json: bool
) -> None:
    """Write the study file, and say what to type with it."""
    import json

    from hubkit.cards.init import fault
    from hubkit.errors import UsageError
    from hubkit.study.starter import next_steps, write_starter

    for key, value in given.items():
        if value is not None and (wrong := fault(key, value)):
            raise UsageError(f"--{key.replace('_', '-')} {value}: {wrong}")
    path = write_starter(folder, **given, force=force)
    steps = next_steps(path, packaged=given["base_model"] is None)
    if as_json:
        answer = {"study": str(path), "next": [step.partition("  # ")[0] for step in steps]}
        console.data(json.dumps(answer, indent=2, ensure_ascii=False))
        return
    _say_next(console, steps)
    console.data(str(path))


def _say_next(console: Console, steps: list[str]) -> None:
    for step in steps:
        command, _, why = step.partition("  # ")
        console.say(f"next: [cyan]{_escape(command)}[/]  [dim]{_escape(why)}[/]")


def on_terminal() -> bool:
    """Whether somebody is there to answer."""
    return sys.stdin.isatty()


def _say_found(console: Console, seen: Seen) -> None:
    families = ", ".join(f"{count} {family}" for family, count in sorted(seen.families.items()))
    layers = f"; layers {', '.join(map(str, seen.layers))}" if seen.layers else ""
    console.say(
        f"found {_escape(families)}{layers}\n[dim]Enter takes what is in brackets; an empty answer leaves a key for later.[/]"
    )


def _ask(console: Console, answers: dict[str, str], given: set[str]) -> dict[str, str]:
    """One question a key, again until the answer can stand."""
    from hubkit.cards.init import ASKED, EXAMPLES, doubt, fault

    found = {}
    for key in ASKED:
        while key not in given:
            default = answers.get(key, "")
            example = "" if default else f" (for example {EXAMPLES[key]})"
            value = str(
                typer.prompt(f"{key}{example}", default=default, show_default=bool(default), err=True)
            ).strip()
            wrong = fault(key, value) if value else None
            unsure = doubt(key, value) if wrong is None else None
            if unsure and not typer.confirm(f"{unsure}. Keep it?", err=True):
                continue
            if wrong is None:
                found[key] = value
                break
            console.say(f"[yellow]{_escape(wrong)}[/]")
    return found


def _as_json(console: Console, path: Path, seen: Seen, answers: dict[str, str], lacking: list[str]) -> None:
    import json

    from hubkit.cards.init import next_steps

    answer = {
        "card": str(path),
        "found": {"saes": dict(seen.families), "layers": list(seen.layers), "hooks": list(seen.hooks)},
        "answers": {key: value for key, value in answers.items() if value},
        "missing": lacking,
        "next": [step.partition("  # ")[0] for step in next_steps(seen, lacking)],
    }
    console.data(json.dumps(answer, indent=2, ensure_ascii=False))


def _escape(text: str) -> str:
    from rich.markup import escape

    return escape(text)
