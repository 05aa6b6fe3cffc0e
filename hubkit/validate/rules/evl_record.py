"""EVL: what evaluation.json says against the record that it was computed, and against what repeats it."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from hubkit.release.digests import RECORD, changed_since, values_sha256
from hubkit.validate.facts import RepoFacts
from hubkit.validate.finding import Found, Severity
from hubkit.validate.measured_values import hubkit_files, values_in
from hubkit.validate.need import Need
from hubkit.validate.rule import repo_rule

if TYPE_CHECKING:
    from hubkit.formats.json_file import JsonFile


@repo_rule("EVL008", Severity.ERROR, Need.EVALUATION | Need.PROVENANCE)
def changed_since_computed(repo: RepoFacts) -> Iterator[Found]:
    """evaluation.json was changed since it was computed.

    It carries the digest of the values that hubkit computed, and provenance.json repeats it. Other values stand there now: typed in, or taken from another run. The
    card shows all of them as stated by the author, none as computed. Numbers that were measured elsewhere belong into evidence.yaml, each with its n and source.
    With `--deep` the SAEs' metrics.json are held against it too. A file without the record is not judged: its values are shown as stated anyway.
    """
    file = repo.evaluation
    if file is None or file not in hubkit_files(repo):
        return
    hint = "move what was typed in to evidence.yaml (hubkit schema evidence), and evaluate again: hubkit evaluate"
    place: dict[str, Any] = {"path": file.path, "line": file.line(f"/{RECORD}")}
    if changed_since(file.value):
        yield Found("the values are not those that were computed", hint, **place, identity="own record")
    elif (recorded := _in_provenance(repo)) is not None and recorded != values_sha256(file.value):
        yield Found(
            "the values are not those that provenance.json has on record as computed",
            "evaluated again since: hubkit run STUDY.yaml writes the record anew; typed in: move them to evidence.yaml, and hubkit run STUDY.yaml measures again",
            **place,
            identity="provenance",
        )
    elif RECORD in file.value and (strangers := _other_metrics(repo, file)):
        shown = ", ".join(strangers[:3]) + (f" and {len(strangers) - 3} more" if len(strangers) > 3 else "")
        yield Found(
            f"{shown}: other values than evaluation.json has", hint, path=strangers[0], identity="metrics"
        )


def _in_provenance(repo: RepoFacts) -> str | None:
    """The digest of the computed values that provenance.json records."""
    record = repo.provenance.value.get("evaluation") if repo.provenance else None
    found = record.get("values_sha256") if isinstance(record, Mapping) else None
    return found if isinstance(found, str) else None


def _other_metrics(repo: RepoFacts, evaluation: JsonFile) -> list[str]:
    """The metrics.json that were read whose values are not those of evaluation.json."""
    lines = evaluation.value.get("saes")
    values = (
        {str(one.get("sae_id")): values_sha256(one) for one in lines if isinstance(one, Mapping)}
        if isinstance(lines, list)
        else {}
    )
    return [
        file.path
        for file in repo.metrics
        if file in hubkit_files(repo)
        and values_sha256(file.value) != values.get(str(file.value.get("sae_id")))
    ]


@repo_rule("EVL010", Severity.ERROR, Need.EVALUATION)
def two_values(repo: RepoFacts) -> Iterator[Found]:
    """metrics.json beside an SAE gives another value than evaluation.json.

    The same measure, of the same SAE, on the same split: one of the two is wrong, and a reader cannot know which. In a folder always, on the Hub with `--deep`.
    What EVL008 says already, of an evaluation.json with its record, is not said again.
    """
    file = repo.evaluation
    if (
        file is None
        or file not in hubkit_files(repo)
        or (RECORD in file.value and not changed_since(file.value))
    ):
        return
    stated: dict[tuple[str, str, str | None], list[float]] = defaultdict(list)
    for value in values_in(file):
        if value.sae_id is not None and value.number is not None:
            stated[value.sae_id, value.measure, value.split].append(value.number)
    for other in repo.metrics:
        for value in values_in(other) if other in hubkit_files(repo) else ():
            there = stated.get((value.sae_id or "", value.measure, value.split), [])
            if (
                there
                and value.number is not None
                and not any(math.isclose(value.number, one, rel_tol=1e-9) for one in there)
            ):
                yield Found(
                    f"{value.measure} of {value.owner} is {value.number:.6g} here and {there[0]:.6g} in {file.path}",
                    "evaluate again, which writes both: hubkit evaluate STUDY.yaml; or correct the one that is wrong",
                    path=value.path,
                    line=value.line,
                    identity=f"{value.owner} {value.measure} {value.split}",
                    measured={"here": value.number, "evaluation": there[0]},
                )
