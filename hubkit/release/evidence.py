"""`evidence.yaml`: what the author states and hubkit has not computed, each value with its n and its source. It stands beside card.yaml and is published."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from math import isclose
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from pydantic import Field, ValidationError, model_validator

from hubkit.errors import UsageError
from hubkit.measures.measure import Split
from hubkit.release.evidence_text import EvidenceText, Place, read_text
from hubkit.release.experiments import (
    EXPERIMENTS,
    RepresentationProbe,
    Stability,
    Steering,
    Tally,
    TestResult,
    TopFeatures,
    Transfer,
)
from hubkit.release.layout import EVIDENCE
from hubkit.release.model import TAG_OR_FENCE, Artefact
from hubkit.release.value import Null, Spread, WithNull
from hubkit.texts import shortened

if TYPE_CHECKING:
    from hubkit.release.metrics import Evaluation, MetricValue, SaeMetrics


MARKUP = re.compile(TAG_OR_FENCE)
NUMBER = re.compile(r"[-+]?\d{1,18}(?:\.\d{1,18})?(?:[eE][-+]?\d{1,3})?")


class StatedValue(WithNull, Artefact):
    """One number that was measured elsewhere: what it is, of what, on how many rows, and where it can be looked up."""

    left_out: ClassVar[frozenset[str]] = frozenset(
        {
            "measure", "name", "sae_id", "layer", "split", "source", "version", "interval", "interval_method",
            "null", "contrast", "spread", "correction", "note", "written", "quote", "in_text",
        }
    )  # fmt: skip

    measure: str | None = None
    """A measure of hubkit's catalogue, where it was measured by that definition ..."""
    name: str | None = Field(default=None, min_length=1)
    """... else what it is, in words: `CE loss recovered`."""
    sae_id: str | None = None
    """The SAE that it is of ..."""
    layer: int | None = None
    """... or the layer whose raw activations; neither: the release as a whole."""
    value: float = Field(allow_inf_nan=False)
    n: int | None = Field(ge=1)
    """Rows, completions, tokens that it stands on; `null` where nobody knows any more."""
    split: Split | None = None
    """Which rows, where that is known: train, crossfit, held_out, control."""
    source: str | None = Field(default=None, min_length=1)
    """A paper and its table, a notebook, a URL; else the file's `source`."""
    version: int | None = None
    """Of the measure's definition."""
    interval: tuple[float, float] | None = Field(default=None, strict=False)
    """95 % interval."""
    interval_method: str | None = None
    null: Null = None
    contrast: str | None = None
    spread: Spread | None = None
    correction: str | None = None
    note: str | None = None
    written: str | None = Field(default=None, min_length=1)
    """The number as its author wrote it, `86.9%`, `~0.78`: a card shows it so."""
    quote: str | None = None
    """What stood around it."""
    in_text: Literal[True] | None = None
    """Whether the author's own text in the card says it: its table of stated values need not."""

    @model_validator(mode="after")
    def _one_of_each(self) -> Self:
        if (self.measure is None) == (self.name is None):
            raise ValueError("a value has either a `measure` of hubkit's catalogue or a `name` in words")
        if self.sae_id is not None and self.layer is not None:
            raise ValueError("a value is of an SAE (`sae_id`) or of a `layer`, not of both")
        return self


class Evidence(Artefact):
    """The file. Every value and experiment has a source: its own, or the file's."""

    left_out: ClassVar[frozenset[str]] = frozenset({"source", "values", *EXPERIMENTS})

    schema_: Literal["urn:hubkit:evidence:1"] = Field(default="urn:hubkit:evidence:1", alias="$schema")
    source: str | None = Field(default=None, min_length=1)
    """Where everything in here can be looked up that names no source of its own."""
    values: list[StatedValue] = Field(default_factory=list)
    tallies: list[Tally] = Field(default_factory=list)
    tests: list[TestResult] = Field(default_factory=list)
    representations: list[RepresentationProbe] = Field(default_factory=list)
    stability: list[Stability] = Field(default_factory=list)
    steering: list[Steering] = Field(default_factory=list)
    top_features: list[TopFeatures] = Field(default_factory=list)
    transfers: list[Transfer] = Field(default_factory=list)

    @model_validator(mode="after")
    def _every_source(self) -> Self:
        if self.source is None:
            for key, position, one in self.statements():
                if one.source is None:
                    raise ValueError(f"{key}.{position} has no source, and the file has none for all")
        return self

    def statements(self) -> Iterator[tuple[str, int, Any]]:
        """Every value and experiment, with its key and position."""
        for key in ("values", *EXPERIMENTS):
            for position, one in enumerate(getattr(self, key)):
                yield key, position, one

    def source_of(self, one: Any) -> str:
        """Where a value or an experiment of this file can be looked up."""
        return str(one.source or self.source)

    def save(self, path: Path) -> None:
        """Write it as YAML, in the order of the model."""
        from hubkit.release.writing import write_text

        write_text(path, self.text())

    def text(self) -> str:
        """As YAML, in the order of the model."""
        import yaml

        return yaml.safe_dump(
            self.model_dump(mode="json", by_alias=True), sort_keys=False, allow_unicode=True, width=120
        )


def load_evidence(folder: Path, measures: Collection[str] = ()) -> Evidence | None:
    """`evidence.yaml` of a release; None where there is none. Raises UsageError that names every mistake by its line.

    `measures` are the catalogue's names: another one under `measure` is a mistake.
    """
    path = folder / EVIDENCE
    try:
        return decode_evidence(path.read_bytes(), str(path), measures)
    except FileNotFoundError:
        return None


def decode_evidence(data: bytes, where: str, measures: Collection[str] = ()) -> Evidence:
    """The same from the file's bytes; `where` names it in errors."""
    try:
        return read_evidence(data.decode("utf-8").replace("\r\n", "\n"), where, measures)
    except UnicodeDecodeError as error:
        raise UsageError(f"{where}: not UTF-8: {error}") from error


def read_evidence(text: str, where: str, measures: Collection[str] = ()) -> Evidence:
    """The same from a text; `where` names it in errors."""
    file = read_text(text, where)
    if file.fault is not None:
        raise UsageError(f"{where}: {file.fault.message}", hint=f"line {file.fault.line}")
    marked: list[tuple[Place, str]] = []
    raw = _in_lines({} if file.raw is None else file.raw, (), marked)
    if marked:
        raise _mistaken(where, marked, file)
    try:
        found = Evidence.model_validate(raw)
    except ValidationError as error:
        mistakes = [(item["loc"], str(item["msg"]).removeprefix("Value error, ")) for item in error.errors()]
        raise _mistaken(where, mistakes, file) from error
    mistakes = list(_mistakes(found, measures))
    if mistakes:
        raise _mistaken(where, mistakes, file)
    return found


def _in_lines(value: Any, place: Place, marked: list[tuple[Place, str]]) -> Any:
    """`value` with each of its texts in one line, and into `marked` those with HTML or a fence, which a card would take for its own. Completions are quoted."""
    if isinstance(value, str):
        if MARKUP.search(value):
            marked.append((place, f"{shortened(repr(value), 80)} has HTML or a fence in it, expected words"))
        return " ".join(value.split())
    if isinstance(value, dict):
        return {
            key: inner if key == "examples" else _in_lines(inner, (*place, key), marked)
            for key, inner in value.items()
        }
    if isinstance(value, list):
        return [_in_lines(inner, (*place, number), marked) for number, inner in enumerate(value)]
    return value


def _mistakes(evidence: Evidence, measures: Collection[str]) -> Iterator[tuple[Place, str]]:
    """What each value alone may be, and an author still did not mean."""
    for position, one in enumerate(evidence.values):
        if measures and one.measure is not None and one.measure not in measures:
            words = f"{one.measure!r} is no measure of hubkit: say it in words under `name`"
            yield ("values", position, "measure"), words
        if one.written is not None and not _is_so_written(one.value, one.written):
            yield ("values", position, "written"), f"{one.written!r} is not {one.value:g}"
        if one.interval is not None and not one.interval[0] <= one.value <= one.interval[1]:
            yield ("values", position, "interval"), f"{one.value:g} lies outside of it"


def _is_so_written(value: float, written: str) -> bool:
    """Whether a text has the number in it, also as a percentage or in thousands or millions of it."""
    found = NUMBER.search(written.replace("−", "-").replace(",", "").replace(" ", ""))
    times = (1.0, 0.01, 1e3, 1e6)
    return found is not None and any(isclose(float(found[0]) * one, value, rel_tol=1e-9) for one in times)


def _mistaken(where: str, mistakes: list[tuple[Any, str]], file: EvidenceText) -> UsageError:
    told = [f"  line {file.line(tuple(place))}: {_spelt(place)}: {message}" for place, message in mistakes]
    return UsageError(
        "\n".join([f"{where}: not what an evidence.yaml holds:", *told]), hint="hubkit schema evidence"
    )


def _spelt(place: Any) -> str:
    return ".".join(str(part) for part in place) or "the file"


def of_evaluation(evaluation: Evaluation) -> Evidence:
    """The values of an evaluation.json whose computation is not recorded, as what they then are: stated. Missing values are left out."""
    values = [one for sae in evaluation.saes for one in of_metrics(sae)]
    for profile in evaluation.layers:
        values += [_stated(value, layer=profile.layer) for value in profile.values if value.value is not None]
    for comparison in evaluation.comparisons:
        if comparison.difference.value is not None:
            value = _stated(comparison.difference, sae_id=comparison.sae_id)
            values.append(value.model_copy(update={"note": f"against {comparison.reference}"}))
    experiments = {key: getattr(evaluation, key) for key in EXPERIMENTS}
    return Evidence(
        source="evaluation.json, without a record of its computation", values=values, **experiments
    )


def of_metrics(metrics: SaeMetrics) -> list[StatedValue]:
    """The values of a metrics.json as stated ones."""
    return [_stated(value, sae_id=metrics.sae_id) for value in metrics.values if value.value is not None]


def _stated(value: MetricValue, **of: Any) -> StatedValue:
    """With the fields that both have: what else a computed value knows (why it is missing, what its test could have found) is said of computations only."""
    shared = value.model_dump(include={*StatedValue.model_fields}, exclude_none=True) | {"null": value.null}
    if value.label is not None:
        shared["note"] = f"rows labelled {value.label}"
    return StatedValue.model_validate({**shared, **of, "n": value.n if value.n > 0 else None})
