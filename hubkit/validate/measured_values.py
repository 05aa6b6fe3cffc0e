"""The values in files that carry hubkit's `$schema`, read leniently: what is missing is for the rules to say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hubkit.formats.json_file import JsonFile
    from hubkit.validate.facts import RepoFacts

EVALUATION = ("urn:hubkit:evaluation:1", "urn:hubkit:evaluation:2")
METRICS = ("urn:hubkit:metrics:1", "urn:hubkit:metrics:2")
BEGINNINGS = ("urn:hubkit:evaluation", "urn:hubkit:metrics")


@dataclass(frozen=True)
class Value:
    """One value as written."""

    path: str
    line: int | None
    owner: str
    """`sae_id`, or `layer 3`: for messages."""
    sae_id: str | None
    measure: str
    raw: Mapping[str, Any]
    stated: bool = False
    """Whether it is of evidence.yaml: the author's, not hubkit's."""

    @property
    def number(self) -> float | None:
        """The value where it is a number."""
        value = self.raw.get("value")
        return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None

    @property
    def split(self) -> str | None:
        """`train`, `crossfit`, `held_out`, or None."""
        split = self.raw.get("split")
        return split if isinstance(split, str) else None

    @property
    def n(self) -> int | None:
        """Rows, where they are stated."""
        n = self.raw.get("n")
        return n if isinstance(n, int) and not isinstance(n, bool) else None


def hubkit_files(repo: RepoFacts) -> list[JsonFile]:
    """The evaluation files that hubkit's rules judge: by their `$schema`, also where the file is no strict JSON."""
    files = [repo.evaluation, *repo.metrics]
    return [file for file in files if file and _is_ours(file)]


def of_another_form(repo: RepoFacts) -> Iterator[tuple[JsonFile, str]]:
    """Evaluation files whose `$schema` is hubkit's and of no form that this hubkit knows: of a later one, or a slip; with what they say."""
    for file in (repo.evaluation, *repo.metrics):
        said = file.value.get("$schema") if file and file.document is not None else None
        if (
            file
            and isinstance(said, str)
            and said.startswith(BEGINNINGS)
            and said not in {*EVALUATION, *METRICS}
        ):
            yield file, said


def _is_ours(file: JsonFile) -> bool:
    if file.document is None:
        return any(f'"{beginning}:' in file.text for beginning in BEGINNINGS)
    return file.value.get("$schema") in {*EVALUATION, *METRICS}


def values_of(repo: RepoFacts) -> Iterator[Value]:
    """Every value of every such file and of evidence.yaml, once: what metrics.json repeats of evaluation.json is left out."""
    seen: set[tuple[str, str, str | None, object]] = set()
    for file in hubkit_files(repo):
        for value in values_in(file):
            key = (value.owner, value.measure, value.split, value.raw.get("value"))
            if key not in seen:
                seen.add(key)
                yield value
    yield from _stated(repo)


def values_in(file: JsonFile) -> Iterator[Value]:
    """Every value of one file."""
    if file.value.get("$schema") in METRICS:
        yield from _of_sae(file, file.value, "")
        return
    for i, sae in _objects(file.value.get("saes")):
        yield from _of_sae(file, sae, f"/saes/{i}")
    for i, layer in _objects(file.value.get("layers")):
        for j, value in _objects(layer.get("values")):
            yield _value(file, value, f"/layers/{i}/values/{j}", f"layer {layer.get('layer')}", None)
    for i, comparison in _objects(file.value.get("comparisons")):
        sae_id = comparison.get("sae_id")
        if isinstance(difference := comparison.get("difference"), Mapping):
            yield _value(file, difference, f"/comparisons/{i}/difference", str(sae_id), str(sae_id))


def slack_of(raw: Mapping[str, Any]) -> float:
    """What the digits of a stated number leave open: half a unit of the last."""
    written = str(raw.get("value"))
    digits = len(written.partition(".")[2]) if "e" not in written.lower() else 12
    return 0.5 * 10.0**-digits * (1 + 1e-9)


def _stated(repo: RepoFacts) -> Iterator[Value]:
    """Those of evidence.yaml that are of a measure, and so can be judged by it."""
    if repo.evidence is None or not repo.evidence.is_ours:
        return
    for position, raw in repo.evidence.values():
        if isinstance(measure := raw.get("measure"), str):
            line = repo.evidence.line(("values", position, "value"))
            sae_id = raw.get("sae_id")
            owner = str(sae_id) if sae_id else f"layer {raw['layer']}" if "layer" in raw else "the release"
            yield Value(
                repo.evidence.path, line, owner, str(sae_id) if sae_id else None, measure, raw, stated=True
            )


def _of_sae(file: JsonFile, sae: Mapping[str, Any], pointer: str) -> Iterator[Value]:
    sae_id = str(sae.get("sae_id"))
    for j, value in _objects(sae.get("values")):
        yield _value(file, value, f"{pointer}/values/{j}", sae_id, sae_id)


def _value(file: JsonFile, raw: Mapping[str, Any], pointer: str, owner: str, sae_id: str | None) -> Value:
    return Value(file.path, file.line(pointer), owner, sae_id, str(raw.get("measure")), raw)


def _objects(value: object) -> Iterator[tuple[int, Mapping[str, Any]]]:
    for i, item in enumerate(value if isinstance(value, list) else []):
        if isinstance(item, Mapping):
            yield i, item
