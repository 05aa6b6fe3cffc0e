"""EVL007: the form of evaluation files that carry hubkit's `$schema`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from hubkit.validate.facts import RepoFacts
from hubkit.validate.finding import Found, Severity
from hubkit.validate.measured_values import METRICS, hubkit_files, of_another_form
from hubkit.validate.need import Need
from hubkit.validate.rule import repo_rule

if TYPE_CHECKING:
    from hubkit.formats.json_file import JsonFile

OTHERS = {"version", "n", "split", "interval"}
"""Keys of a value whose absence is EVL003's."""


@repo_rule("EVL007", Severity.ERROR, Need.EVALUATION)
def not_of_its_form(repo: RepoFacts) -> Iterator[Found]:
    """An evaluation file is not of the form that its `$schema` says.

    A key that is missing, or a value of another kind (`hubkit schema evaluation`): what reads the file, `hubkit build-cards` and `hubkit push` among them,
    refuses it, and the other rules pass over what they cannot read. Further keys, of a later hubkit say, are no fault; a form that this hubkit does not
    know is told, for nothing in it was checked. Said once a file.
    """
    for file, said in of_another_form(repo):
        yield Found(
            f"its $schema is {said[:60]!r}, a form that this hubkit does not know: nothing in it was checked",
            "where a later hubkit wrote it: pip install -U sae-hubkit; else write it again: hubkit evaluate",
            path=file.path,
            pointer="/$schema",
            line=file.line("/$schema"),
            identity="another form",
        )
    for file in hubkit_files(repo):
        if file.document is None:  # EVL002 says so
            continue
        mistakes = [one for one in _mistakes(file) if _counts(one)]
        if mistakes:
            pointer = "".join(f"/{part}" for part in mistakes[0]["loc"])
            more = f", and {len(mistakes) - 1} more" if len(mistakes) > 1 else ""
            message = mistakes[0]["msg"].removeprefix("Value error, ")
            yield Found(
                f"{pointer or 'the file'}: {message[:1].lower()}{message[1:]}{more}",
                "write it again: hubkit evaluate",
                path=file.path,
                pointer=pointer or None,
                line=file.line(pointer),
                identity=mistakes[0]["type"],
                measured={"mistakes": len(mistakes)},
            )


def _counts(mistake: Any) -> bool:
    if mistake["type"] == "extra_forbidden":
        return False
    return not (mistake["type"] == "missing" and mistake["loc"][-1] in OTHERS)


def _mistakes(file: JsonFile) -> list[Any]:
    from pydantic import ValidationError  # only where such a file is there

    from hubkit.release.metrics import Evaluation, SaeMetrics

    model = SaeMetrics if file.value.get("$schema") in METRICS else Evaluation
    try:
        model.parse(file.text)
    except ValidationError as error:
        return error.errors(include_url=False, include_input=False, include_context=False)
    return []
