"""`provenance.json`: from what, by what, with what a release was made, and the sha256 of every file in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from pydantic import Field

from hubkit.release.computation import Computation
from hubkit.release.loaded import LoadedModel
from hubkit.release.model import Artefact


class Grid(Artefact):
    """The SAEs the study declared, whether or not they came out."""

    left_out: ClassVar[frozenset[str]] = frozenset({"saes"})

    layers: list[int]
    architectures: list[str]
    conditions: list[str]
    saes: int | None = Field(default=None, ge=1)
    """How many, where that is not layers x architectures x conditions: several seeds, for instance."""

    @property
    def size(self) -> int:
        """How many SAEs the grid has."""
        if self.saes is not None:
            return self.saes
        return len(self.layers) * len(self.architectures) * len(self.conditions)


class Agreement(Artefact):
    """How often two judges gave the same label."""

    left_out: ClassVar[frozenset[str]] = frozenset({"kappa", "kappa_n", "kappa_interval"})

    judges: tuple[str, str] = Field(strict=False)
    share: float = Field(ge=0, le=1)
    n: int | None = None
    """Completions that both decided."""
    kappa: float | None = Field(default=None, le=1)
    """Cohen's, with ambiguous as an answer of its own."""
    kappa_n: int | None = None
    """Completions that both answered."""
    kappa_interval: tuple[float, float] | None = Field(default=None, strict=False)
    """95 %."""


class Labelling(Artefact):
    """How completions came about and were labelled."""

    judge: str
    """Who decided: `Gemini 2.5 Flash`, `keyword match on the first 30 characters`, ..."""
    temperature: float | None = None
    same_prompt: bool | None = None
    """Whether completions of both labels come from one and the same prompt."""
    other_judges: list[str] = Field(default_factory=list)
    agreements: list[Agreement] = Field(default_factory=list)


class Commit(Artefact):
    """The words that decide a completion's label, where the judge is a match of keywords."""

    words: list[str]
    within: int = Field(gt=0)
    unit: Literal["words", "characters"]
    """A word counts that ends within the first so many of them."""


class Sampling(Artefact):
    """How the rows came about that the SAEs were trained on: what a reader needs to take such rows anew."""

    left_out: ClassVar[frozenset[str]] = frozenset(
        {"prefills", "top_p", "stop", "skip_after_commit", "taken"}
    )

    prompts: list[str] = Field(min_length=1)
    """Each sampled equally often; of very many, some that lie evenly among them."""
    systems: list[str | None] = Field(default_factory=list)
    """The system message of each prompt; empty where there are none."""
    prefills: list[str] = Field(default_factory=list)
    """How the answer to each prompt begins; empty where none is begun."""
    chat: bool
    """Whether the prompts went through the tokenizer's chat template."""
    temperature: float = Field(ge=0)
    top_p: float | None = Field(default=None, gt=0, lt=1)
    """None where the whole vocabulary is drawn from."""
    max_new_tokens: int = Field(gt=0)
    stop: list[str] = Field(default_factory=list)
    pooling: Literal["mean", "last", "first", "all"]
    without_commit: bool
    """Whether the tokens of the deciding word were left out."""
    skip_after_commit: int | None = Field(default=None, ge=0)
    """Tokens behind the deciding word that were left out, with all before it; None where what is before it counts."""
    commit: Commit | None = None
    taken: Literal["afterwards", "while_sampling"] | None = None
    """When the activations were taken: by running the stored tokens once more, or as they were drawn. None where they were imported."""


class ScenarioCount(Artefact):
    """One scenario of the pool."""

    left_out: ClassVar[frozenset[str]] = frozenset({"sampled"})

    scenario_id: str
    family: str | None = None
    """A name of `hubkit/cards/scenario_families.py`: what scenarios of this kind can show, and what they cannot."""
    counts: dict[str, int] = Field(default_factory=dict)
    """Label to completions."""
    sampled: int | None = Field(default=None, ge=0)
    """Completions in all, those without a label too."""
    note: str | None = None


@dataclass(frozen=True)
class CompletionCounts:
    """What a pool was labelled as. `Provenance.completions` is its form on disk: `sampled`, `decisive`, `labelled <label>`."""

    sampled: int
    labels: Mapping[str, int] = field(default_factory=dict)
    """Label to completions; those that no judge could decide are in none."""

    @property
    def decisive(self) -> int:
        """Completions with a label."""
        return sum(self.labels.values())

    def written(self) -> dict[str, int]:
        """As the file has it."""
        labels = {f"{LABELLED}{label}": count for label, count in sorted(self.labels.items())}
        return {"sampled": self.sampled, "decisive": self.decisive} | labels


LABELLED = "labelled "


class BaseModelShape(Artefact):
    """The sizes of the base model as its activations were taken; a card uses them where hubkit's own table has none."""

    model_type: str | None = None
    n_layers: int
    d_model: int
    parameters: int | None = None


class PublishedPool(Artefact):
    """The pool that a release carries (`pool/`), and on what terms: the author's own words."""

    license: str
    """Of the completions."""
    privacy: str
    """Why they may be public."""
    completions: int = Field(ge=0)
    rows: int = Field(ge=0)
    layers: list[int]


class TrainedSae(Artefact):
    """What training one published SAE took."""

    seconds: float = Field(ge=0)
    """Its share of the wall time of what it was trained together with, its saving and its proof included."""
    hardware: str
    """The processor, or the GPU with its memory, compute capability and driver; the system."""
    device: str
    threads: int
    """Of its own."""
    stack: int
    """SAEs trained together with it, itself counted."""


class Provenance(Artefact):
    """Written after every other file but the card, which states its digest."""

    left_out: ClassVar[frozenset[str]] = frozenset(
        {
            "labelling",
            "scenarios",
            "quantization",
            "base_model_shape",
            "training",
            "evaluation",
            "sampling",
            "loaded",
            "published_pool",
        }
    )
    older: ClassVar[frozenset[str]] = frozenset({"urn:hubkit:provenance:1"})
    quoted: ClassVar[frozenset[str] | None] = frozenset(
        {"prompts", "systems", "prefills", "stop", "words", "privacy", "note"}
    )

    schema_: Literal["urn:hubkit:provenance:2"] = Field(default="urn:hubkit:provenance:2", alias="$schema")
    hubkit_version: str
    study: str
    study_sha256: str
    base_model: str
    base_model_revision: str | None
    precision: str
    grid: Grid
    seeds: dict[str, int]
    software: dict[str, str]
    """Package name to version."""
    hardware: str
    created: str
    """UTC, ISO 8601."""
    pool_sha256: str
    completions: dict[str, int]
    """How the pool came about: sampled, decisive, per label (`CompletionCounts`)."""
    files: dict[str, str]
    """Path in the release to sha256."""
    labelling: Labelling | None = None
    scenarios: list[ScenarioCount] = Field(default_factory=list)
    quantization: dict[str, Any] | None = None
    """What the base model was loaded with: `quant_method`, and the keys of transformers' quantization_config."""
    loaded: LoadedModel | None = None
    """How the base model was loaded when the activations were taken, and where it ran; none in records of an earlier hubkit."""
    base_model_shape: BaseModelShape | None = None
    training: dict[str, TrainedSae] = Field(default_factory=dict)
    """sae_id to what its training took, where that was recorded."""
    sampling: Sampling | None = None
    published_pool: PublishedPool | None = None
    """Where the release carries its pool."""
    evaluation: Computation | None = None
    """The record of the computation whose values evaluation.json holds; none where they are an author's."""

    @property
    def labels(self) -> dict[str, int]:
        """Label to completions, as far as they are counted."""
        return {
            key.removeprefix(LABELLED): count
            for key, count in self.completions.items()
            if key.startswith(LABELLED)
        }
