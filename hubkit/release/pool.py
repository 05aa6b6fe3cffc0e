"""The pool: which activations were taken, where, how, and which row is which completion (`activations/manifest.json`)."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field, field_validator

from hubkit.errors import UsageError
from hubkit.release.loaded import LoadedModel
from hubkit.release.model import Artefact

TENSOR = "activations"
MIXED = "mixed"
ONLY = "_only"
"""A condition is `mixed` (every labelled row) or `<label>_only`."""


class PoolLayer(Artefact):
    """The activations of one layer: a safetensors file with one tensor `activations` of shape (n, d_in), float32."""

    layer: int
    hook_name: str
    """TransformerLens form, `blocks.3.hook_resid_post`."""
    hf_hook_name: str
    """Module path in the transformers model whose output was taken, `model.layers.3`."""
    file: str
    """Beside the manifest, or in a folder there: `layer_03.safetensors`."""
    sha256: str

    @field_validator("file")
    @classmethod
    def _stays_inside(cls, file: str) -> str:
        """A pool may be anybody's: what it names is read, and must not lead anywhere else."""
        if "\\" in file or ":" in file or not {".", "..", ""}.isdisjoint(file.split("/")):
            raise ValueError(f"{file!r} leads out of the pool, expected a path below its manifest")
        return file


class PoolRow(Artefact):
    """One row of every layer's tensor."""

    left_out: ClassVar[frozenset[str]] = frozenset({"token", "variant"})

    completion_id: str
    scenario_id: str
    variant: str = ""
    """The wording of the scenario, where a study has several."""
    label: str
    """The study's own name of the condition, as the judge gave it."""
    split: str
    """The outer fold that holds this row out: `fold0`, `fold1`, ..."""
    token: int | None = None
    """Which token of the completion it is, where a pool has a row for each."""


class PoolScenario(Artefact):
    """How many completions of one scenario were sampled, and how many of them have a label."""

    left_out: ClassVar[frozenset[str]] = frozenset({"family", "words"})

    scenario_id: str
    sampled: int = Field(ge=0)
    decisive: int = Field(ge=0)
    family: str = ""
    """The kind of situation."""
    words: list[str] = Field(default_factory=list)
    """By which the judge knows the labels here, of both of them; empty where no words decide."""


class Smaller(Artefact):
    """An accelerator had no room for as many at once as before."""

    completion: int = Field(ge=0)
    """From which one on, counted from 0 in the order in which they are run."""
    batch_size: int = Field(gt=0)


class SampledHow(Artefact):
    """What decides the last digit of a sampling beside its plan: with it, any completion can be drawn again just as it was."""

    left_out: ClassVar[frozenset[str]] = frozenset({"smaller"})

    batch_size: int = Field(gt=0)
    """Completions of neighbouring numbers that were drawn together."""
    smaller: list[Smaller] = Field(default_factory=list)
    """Where fewer were, rising by `completion`."""
    threads: int = Field(gt=0)
    padding: str
    device: str

    def batches(self, total: int) -> list[range]:
        """The numbers of the completions of each batch, of `total` in all."""
        sizes = [(0, self.batch_size), *((one.completion, one.batch_size) for one in self.smaller)]
        ends = [start for start, _ in sizes[1:]] + [total]
        return [
            range(first, min(first + size, end))
            for (start, size), end in zip(sizes, ends, strict=True)
            for first in range(start, end, size)
        ]


class Activations(Artefact):
    """How the rows were taken."""

    left_out: ClassVar[frozenset[str]] = frozenset({"smaller"})

    dtype: str
    """Of the model's blocks as they ran; rows are float32."""
    device: str
    batch_size: int = Field(gt=0)
    smaller: list[Smaller] = Field(default_factory=list)
    """Where fewer went at once, counted among the completions that have a row."""
    taken: Literal["afterwards", "while_sampling"]


class PoolImport(Artefact):
    """Where a pool came from that hubkit did not sample."""

    files: dict[str, str]
    """Name of each imported file (with `#` the tensor in it) to its sha256."""
    tokens: Literal["given", "tokenised again"] | None = None
    """How completions became tokens, where hubkit ran the model on them; None where the activations were imported too."""


class PoolManifest(Artefact):
    """Written last: a pool without a manifest is not there."""

    left_out: ClassVar[frozenset[str]] = frozenset(
        {"scenarios", "sampled_how", "activations", "loaded", "imported"}
    )
    older: ClassVar[frozenset[str]] = frozenset({"urn:hubkit:pool:1"})

    schema_: Literal["urn:hubkit:pool:2"] = Field(default="urn:hubkit:pool:2", alias="$schema")
    model_name: str
    model_revision: str | None
    """Commit of the base model, or sha256 of its weights when it is a folder."""
    model_class_name: str
    d_in: int
    n_layers: int
    """Blocks of the base model."""
    precision: str
    """The numbers that the model's weights were: `float32`, `Q4_1 -> float32 -> nf4 (compute float32)`."""
    loaded: LoadedModel | None = None
    """How it was loaded, and where it ran; none in pools of an earlier hubkit."""
    pooling: str
    """`mean` over `token_span`, its `first` or `last` token, or `all`: a row for each."""
    token_span: str
    """Which tokens were pooled, in words: `response without the commit span`."""
    labels: tuple[str, str] = Field(strict=False)
    """The two label names; the first is the positive class of every probe."""
    judge: str
    prompt_template_sha256: str | None = None
    layers: list[PoolLayer]
    rows: list[PoolRow]
    scenarios: list[PoolScenario] = Field(default_factory=list)
    """Every scenario that was sampled, those without a decisive completion too: `rows` does not know them. Empty in pools of an earlier hubkit."""
    sampled_how: SampledHow | None = None
    activations: Activations | None = None
    imported: PoolImport | None = None
    """Set where the completions came from elsewhere."""
    inputs_sha256: str
    """Digest of everything this pool was made from; equal digest, same pool."""

    def layer(self, layer: int) -> PoolLayer:
        """The entry of block `layer` that SAEs are trained on: of its first site. Raises KeyError."""
        for entry in self.layers:
            if entry.layer == layer:
                return entry
        raise KeyError(layer)

    @property
    def conditions(self) -> list[str]:
        """The training conditions that these labels allow."""
        return [MIXED, *(label + ONLY for label in self.labels)]

    def labels_of(self, condition: str) -> tuple[str, ...]:
        """The labels whose rows a condition uses. Raises UsageError for a condition of other labels."""
        if condition not in self.conditions:
            raise UsageError(f"condition {condition!r}, the pool's labels allow {', '.join(self.conditions)}")
        return self.labels if condition == MIXED else (condition.removesuffix(ONLY),)

    @property
    def folds(self) -> list[str]:
        """The names of the outer folds, sorted."""
        return sorted({row.split for row in self.rows})
