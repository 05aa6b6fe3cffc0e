"""An SAE as one value: what a folder or a file of any family holds, and where each of it is written.

Rules, cards and evaluation read an SAE from here and nowhere else. Names of tensors and their orientation are SAELens's: W_enc (d_in, d_sae),
W_dec (d_sae, d_out), b_enc (d_sae,), b_dec (d_out,), threshold (d_sae,), W_skip (d_out, d_in), b_gate, b_mag and r_mag (d_sae,).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from hubkit.formats import architectures
from hubkit.formats.strict_json import escape
from hubkit.models.hooks import hook_layer
from hubkit.release.sae_record import SaeRecord
from hubkit.tensors.slices import read_values

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from hubkit.formats.cfg import Cfg
    from hubkit.formats.family import Family
    from hubkit.repo.view import RepoView
    from hubkit.tensors.header import TensorInfo

DIMENSIONS: Mapping[str, tuple[str, ...]] = {
    "W_enc": ("d_in", "d_sae"), "W_dec": ("d_sae", "d_out"), "W_skip": ("d_out", "d_in"), "b_enc": ("d_sae",), "b_dec": ("d_out",),
    "b_gate": ("d_sae",), "b_mag": ("d_sae",), "r_mag": ("d_sae",), "threshold": ("d_sae",),
}  # fmt: skip
"""The sizes along each axis of the tensors that every family has in some spelling."""

TOPK = frozenset(
    architectures.TOPK
    | {"groupmax"}
    | {f"{name}{kind}_transcoder" for name in ("topk", "groupmax") for kind in ("", "_skip")}
)
"""They keep k latents a row at inference."""
BATCH_TOPK = frozenset(architectures.TRAINING_ONLY)
"""Trained with k latents a row on average; at inference one threshold stands for it."""
JUMPRELU = frozenset(architectures.JUMPRELU)
THRESHOLDED = JUMPRELU | BATCH_TOPK
"""Their inference compares with a threshold."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a field of an SAE is written."""

    path: str
    pointer: str = ""
    """JSON pointer in a configuration, `/name` of a tensor; empty where the file, or its path, is what says it."""


@dataclass(frozen=True, slots=True)
class Tensor:
    """One tensor of an SAE: where it lies, and which way round."""

    path: str
    """Of its file in the repository."""
    info: TensorInfo
    """Under its own name, in its own shape."""
    transposed: bool = False
    """Whether the family stores it the other way round than SAELens."""

    @property
    def shape(self) -> tuple[int, ...]:
        """In SAELens's orientation."""
        return self.info.shape[::-1] if self.transposed else self.info.shape

    @property
    def origin(self) -> Origin:
        """Its place."""
        return Origin(self.path, f"/{escape(self.info.name)}")


ThresholdKind = Literal["values", "scalar", "log"]


@dataclass(frozen=True, slots=True)
class Threshold:
    """What decides whether a latent fires: a tensor with one value a latent, one value for all, or logarithms."""

    kind: ThresholdKind
    origin: Origin
    tensor: Tensor | None = None
    number: float | None = None
    """Where the configuration holds it; else `tensor` does."""
    loaded_as: str = "F32"
    """safetensors' name of the format that its loader makes of it, and computes in."""

    @property
    def dtype(self) -> str | None:
        """safetensors' name of the format that it is stored in; None for a number of the configuration."""
        return self.tensor.info.dtype if self.tensor else None

    def read(self, view: RepoView) -> npt.NDArray[np.float64]:
        """Its values (d_sae,), or (1,) where one stands for all latents; of logarithms their exponentials; 0 and infinity where they are that once they are
        loaded. Raises IncompleteError.
        """
        return within(self.stored(view), self.loaded_as)

    def stored(self, view: RepoView) -> npt.NDArray[np.float64]:
        """The same as its file has it. Raises IncompleteError.

        The one place where a threshold is read.
        """
        import numpy as np

        if self.tensor is None:
            return np.array([self.number], dtype=np.float64)
        found = read_values(view, self.tensor.path, self.tensor.info).reshape(-1)
        with np.errstate(over="ignore"):
            values: npt.NDArray[np.float64] = np.exp(found) if self.kind == "log" else found
        return values


def within(values: npt.NDArray[np.float64], dtype: str) -> npt.NDArray[np.float64]:
    """`values` with those at 0 or infinity that are so in `dtype` (safetensors' name); its rounding is left out."""
    import numpy as np

    if dtype == "F64":
        return values
    with np.errstate(over="ignore", under="ignore"):
        near = values.astype(np.float16 if dtype == "F16" else np.float32)
    lost = (near == 0) | np.isinf(near)
    return np.where(lost, near, values)


@dataclass(frozen=True, slots=True)
class Training:
    """What the files say about how an SAE came to be."""

    architecture: str | None = None
    """What it was trained as, where that is another than what is published."""
    threshold_init: float | None = None
    """The initial threshold that is stated, or that the family's code starts from."""
    evidence: bool = False
    """Whether anything says that there was a training: details, results, steps."""
    steps: int | None = None
    condition: str | None = None
    """Which completions it saw: `mixed`, `deceptive_only`, ... (`metadata.training_condition`)."""
    record: SaeRecord = field(default_factory=SaeRecord)
    """What hubkit itself left on record (`metadata.hubkit`)."""


@dataclass(frozen=True, slots=True)
class Refused:
    """An activation that the configuration names and the family's own code has not."""

    said: str
    """`activation is 'gelu'`."""
    known: tuple[str, ...]
    effect: str
    """What the family's code does then."""


@dataclass(frozen=True, slots=True)
class Sae:
    """One SAE. What its family's files do not say is None."""

    sae_id: str
    """Path of its folder in the repository, `.` at the root; where one folder holds several, the path of its file without the ending."""
    family: Family
    layout: str
    """Which of the family's ways of writing it is: `v6`, `legacy`, `params.npz`, ..."""
    architecture: str | None = None
    """In SAELens's words; of a family's own kind in its own."""
    d_in: int | None = None
    d_sae: int | None = None
    d_out: int | None = None
    """Width of the output; that of the input for an autoencoder."""
    k: int | None = None
    hook_name: str | None = None
    """Where the activations come from, in TransformerLens's form or as a module path where the family's own words can be translated."""
    hook_name_out: str | None = None
    hf_hook_name: str | None = None
    """The module path, where the files give it beside `hook_name`."""
    hf_hook_name_out: str | None = None
    stated_layer: int | None = None
    """The layer, where the files give it beside, or instead of, a hook's name."""
    model_name: str | None = None
    """The base model as the files call it."""
    dtype: str | None = None
    """Of the weights, as the configuration states it: `float32`, ..."""
    weights: str | None = None
    """Path of the file with its weights; the first of several."""
    files: tuple[str, ...] = ()
    """Paths of all of them, where there are several."""
    tensors: Mapping[str, Tensor] = field(default_factory=dict)
    """By SAELens's names; others of the file under their own."""
    required: frozenset[str] = frozenset()
    """Tensors, by SAELens's names, without which the family's own code does not load it."""
    threshold: Threshold | None = None
    refused: Refused | None = None
    """Its place is the origin of `activation`."""
    training: Training = Training()
    origins: Mapping[str, Origin] = field(default_factory=dict)
    """Field to the place where it is written."""
    cfg: Cfg | None = None
    """SAELens's own view of its configuration: what it makes of every key. None for any other family."""

    @property
    def layer(self) -> int | None:
        """The layer of the hook, else the one that is stated."""
        found = hook_layer(self.hook_name) if self.hook_name else None
        return self.stated_layer if found is None else found

    @property
    def trained_as(self) -> str | None:
        """The architecture of the training, which a card speaks of; else the published one."""
        return self.training.architecture or self.architecture

    @property
    def is_judged(self) -> bool:
        """Whether the family's files are read, not only named."""
        return self.architecture is not None or bool(self.tensors)

    @property
    def target_l0(self) -> int | None:
        """TopK's k, or the L0 that another architecture was trained towards."""
        target = self.cfg.training_details.get("target_l0") if self.cfg else None
        towards = int(target) if isinstance(target, int | float) and not isinstance(target, bool) else None
        return self.k or towards

    def size(self, axis: str) -> int | None:
        """d_in, d_sae or d_out; the output of an autoencoder is as wide as its input."""
        sizes = {"d_in": self.d_in, "d_sae": self.d_sae, "d_out": self.d_out or self.d_in}
        return sizes[axis]

    def shape(self, tensor: str) -> tuple[int, ...] | None:
        """The shape that `tensor` must have by the sizes; None where they do not say."""
        if tensor == "threshold" and (self.threshold is None or self.threshold.kind == "scalar"):
            return None
        sizes = [self.size(axis) for axis in DIMENSIONS.get(tensor, ())]
        known = tuple(size for size in sizes if size is not None)
        return known if sizes and len(known) == len(sizes) else None
