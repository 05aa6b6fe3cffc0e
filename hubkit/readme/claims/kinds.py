"""The kinds of claim that are read out of a card. Each has the line it stands on and the words it was read from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Factor = Literal["saes", "layers", "architectures", "conditions"]
OfStudy = Literal["saes", "releases", "models"]

# Not frozen, and without equality: making thirty frozen classes would cost every validation 20 ms. Nothing changes a claim.


@dataclass(kw_only=True, eq=False)
class Claim:
    """What all claims have."""

    line: int
    """1-based."""
    quote: str
    """The words, shortened."""


@dataclass(kw_only=True, eq=False)
class Count(Claim):
    """How many SAEs, layers, architectures or conditions the card says its repository has."""

    what: Factor
    number: int
    listed: tuple[str, ...] = ()
    """The names that are given beside the number."""
    only: tuple[str, ...] = ()
    """Names of the one architecture whose SAEs are counted, `two TopK SAEs`; none where all are."""


@dataclass(kw_only=True, eq=False)
class StudyCount(Claim):
    """How many releases, base models or SAEs there are in a study: of the releases of this folder only where they lie in it."""

    what: OfStudy
    number: int


@dataclass(kw_only=True, eq=False)
class StudyTotal(Claim):
    """The SAEs of the whole study: `9 models, 348 total SAEs`."""

    models: int
    saes: int


@dataclass(kw_only=True, eq=False)
class Done(Claim):
    """`25/27 complete`: the card itself says what is missing."""

    done: int
    planned: int


@dataclass(kw_only=True, eq=False)
class LayerList(Claim):
    """The layers that have SAEs."""

    layers: tuple[int, ...]
    qualified: bool
    """Stated for some of the SAEs only: `L3, L6 (original); L9 (STE)`."""
    partly: bool = False
    """In a sentence, which may speak of some of them."""
    site: Literal["", "resid_pre", "resid_post"] = ""
    """On which side of each of them the residual stream is read, where that is said: `after layers 2, 5 and 8`."""


@dataclass(kw_only=True, eq=False)
class Spread(Claim):
    """SAEs of every layer, or of every other."""

    step: int


@dataclass(kw_only=True, eq=False)
class Ends(Claim):
    """SAEs from the first layer of the base model to its last."""


@dataclass(kw_only=True, eq=False)
class Superlative(Claim):
    """What is most so among the SAEs, said of the one that the code loads: `# the widest`."""

    field: Literal["d_sae", "layer"]
    most: bool
    """The largest, else the smallest."""


@dataclass(kw_only=True, eq=False)
class Product(Claim):
    """`6 layers x 3 architectures x 3 conditions = 54`."""

    factors: tuple[int, ...]
    result: int | None


@dataclass(kw_only=True, eq=False)
class Sum(Claim):
    """A total and the parts it is made of: `39 SAEs: 30 original + 9 STE`."""

    total: int
    parts: tuple[tuple[int, str], ...]


@dataclass(kw_only=True, eq=False)
class Unlearned(Claim):
    """How many SAEs are said to have thresholds that never learned; None for all of them."""

    number: int | None


@dataclass(kw_only=True, eq=False)
class Learned(Claim):
    """That the thresholds of the JumpReLU SAEs were learned."""

    layer: int | None
    """The one layer that the sentence names."""


@dataclass(kw_only=True, eq=False)
class Expansion(Claim):
    """d_sae divided by d_in: `4x (2048 -> 8192)`."""

    number: float
    pair: tuple[int, int] | None = None
    """The two widths beside it."""


@dataclass(kw_only=True, eq=False)
class Property(Claim):
    """What a row, an item or a sentence states of a field of the SAEs: `| Architecture | TopK |`, `All SAEs have 32k width`."""

    field: str
    """Of `hubkit.formats.sae.Sae`, or a key of SAELens's configuration (`properties.PROPERTIES`)."""
    stated: Any
    """The value, as its kind reads it (`values`): plain JSON."""
    scope: Literal["any", "all", "one"]
    """Whether it is true if any SAE has it, only if all have it, or is about the one SAE that the repository has."""
    loosely: bool = False
    """Under a name that can mean something else."""
    sae_id: str | None = None
    """The SAE that the row is about."""
    row: int | None = None
    """The line, where its claims are about one SAE or several alike, and it does not say which."""
    only: str | None = None
    """The architecture that the sentence is about, `All TopK SAEs`."""
    beside: Any = None
    """Of a layer the place within it that the same sentence names, of a place its layer: together they are one place in the model."""


@dataclass(kw_only=True, eq=False)
class TensorShape(Claim):
    """`W_enc: [576, 2304]`."""

    name: str
    shape: tuple[int, ...]
    either: bool = False
    """It may be written the other way round."""


@dataclass(kw_only=True, eq=False)
class TensorNames(Claim):
    """The tensors that a usage text lists for one SAE: `Keys: W_enc, b_enc, W_dec, b_dec, threshold`."""

    sae_id: str
    names: tuple[str, ...]


@dataclass(kw_only=True, eq=False)
class HookForm(Claim):
    """What a card says the `hook_name` of its configurations looks like."""

    name: str
    """As written, with or without a number for the layer."""
    form: str
    """The part before the layer, and whether `hook_...` follows: `blocks.N.hook_`, `transformer.h.N`."""


@dataclass(kw_only=True, eq=False)
class ForNeuronpedia(Claim):
    """That the SAEs are ready for Neuronpedia."""


@dataclass(kw_only=True, eq=False)
class NamedSae(Claim):
    """An sae_id."""

    sae_id: str
    certain: bool
    """Written where only an sae_id can stand, `sae_id = "..."`; else only a name that may be one."""
    repo_id: str | None = None
    """The repository it is loaded from, where that is said."""


@dataclass(kw_only=True, eq=False)
class NamedFile(Claim):
    """A file of the repository."""

    path: str
    repo_id: str | None = None
    """The repository it is fetched from, where that is said."""


@dataclass(kw_only=True, eq=False)
class Share(Claim):
    """`2/57 (3%)`."""

    part: int
    whole: int
    percent: float
    digits: int
    about: bool
    """Written with `~`."""
    of_saes_that_beat: bool
    """It counts the SAEs that beat the raw activations."""
    says_help: bool
    """`SAEs help` stands beside it."""


@dataclass(kw_only=True, eq=False)
class Difference(Claim):
    """`71.4 % beats 65.9 % by +5.5 pp`."""

    first: float
    second: float
    points: float
    slack: float
    """What rounding can explain, in points."""


@dataclass(kw_only=True, eq=False)
class Depth(Claim):
    """`L12 (39% depth)`."""

    layer: int
    percent: float
    model: str | None
    """The base model where the same row names it; None for the card's own."""


@dataclass(kw_only=True, eq=False)
class ModelLayers(Claim):
    """The layers of the base model: `30 transformer layers`."""

    number: int


Part = Literal["n_layers", "n_heads", "n_kv_heads", "vocab", "d_mlp"]


@dataclass(kw_only=True, eq=False)
class ModelNumber(Claim):
    """Another number of the base model: `GPT-2 has 12 attention heads`, `a vocabulary of 50,257 tokens`."""

    part: Part
    """As `hubkit.models.config.ModelShape` calls it."""
    number: int
    model: str | None = None
    """The model that the sentence names; None for the repository's own."""


@dataclass(kw_only=True, eq=False)
class ModelSize(Claim):
    """The parameters of a base model: `karpathy/nanochat-d32 (1.88B parameter ...)`."""

    model: str
    parameters: float


@dataclass(kw_only=True, eq=False)
class ModelFamily(Claim):
    """What the base model is said to be: `GPT-NeoX`."""

    family: str
    """`gpt_neox`, `gpt2`, `llama`, ..."""


@dataclass(kw_only=True, eq=False)
class Bits(Claim):
    """`3.5 bits/parameter`, with the scheme that the same line names."""

    bits: float
    scheme: Literal["nf4", "nf4 with double quantization"]


@dataclass(kw_only=True, eq=False)
class Peak(Claim):
    """The layer where the raw activations are best, and how good they are there."""

    layer: int | None
    accuracy: float | None
    about: bool
    model: str | None = None


@dataclass(kw_only=True, eq=False)
class LayerScore(Claim):
    """The raw activations of one layer: `the L15 raw baseline of 72.4%`."""

    layer: int
    accuracy: float


@dataclass(kw_only=True, eq=False)
class BestSae(Claim):
    """`Best SAE probe accuracy 84.5% (d32_jumprelu_L12_deceptive_only)`."""

    accuracy: float
    digits: int
    sae_id: str


@dataclass(kw_only=True, eq=False)
class Stated(Claim):
    """`d_max = 0.753`: any named number; `original` where it is called the original value."""

    name: str
    number: float
    digits: int
    original: bool


@dataclass(kw_only=True, eq=False)
class Measured(Claim):
    """A measure of the catalogue, or a dimension: a cell of a table of SAEs, a row, an item, a sentence."""

    sae_id: str | None
    """None where it is said of the SAEs of the repository."""
    measure: str
    number: float
    slack: float
    """Half a unit of the last digit, or of the range that is given."""
    unsure: bool = False
    """In a sentence, or of rows that it names: perhaps of a measurement that no file has."""
    written: tuple[float, ...] = ()
    """The numbers as they stand there, where they are not the measure itself: of what is missing to 1, of a part of a whole."""


Says = Literal["highest", "lowest", "rises", "falls", "above", "below", "each", "ranges", "at"]


@dataclass(kw_only=True, eq=False)
class Ordering(Claim):
    """A measure over several SAEs: `L0 rises with depth`, `layer 6 has the lowest L0`, `no SAE has an L0 above 40`; or at one layer."""

    measure: str
    says: Says
    layer: int | None = None
    """Of the highest, the lowest, or what is at one layer."""
    layers: tuple[int, ...] = ()
    """Those that it is said of, or the first and the last of a trend; empty for all."""
    number: float | None = None
    slack: float = 0.0
    """Half a unit of the last digit."""
    to: float | None = None
    """The upper end of a range."""
    about: bool = False
    raw: bool = False
    """Of the layers' raw activations, not of SAEs."""
    unsure: bool = False
    """In a sentence: perhaps of a measurement that no file has."""


@dataclass(kw_only=True, eq=False)
class Widths(Claim):
    """`768 → 24576`: what an SAE reads, and how many latents it has."""

    first: tuple[float, float]
    second: tuple[float, float]
    sure: bool
    """Whether the words beside it say that it is an SAE's."""


@dataclass(kw_only=True, eq=False)
class LoadsSince(Claim):
    """The first version of SAELens that the card says loads the SAEs."""

    version: tuple[int, ...]
    written: tuple[float, ...] = ()
    """As a number, `6.14`."""


@dataclass(kw_only=True, eq=False)
class Licensed(Claim):
    """The licence that the card's text says the SAEs are under."""

    name: str


@dataclass(kw_only=True, eq=False)
class Paper(Claim):
    """A title and the arXiv number it is given."""

    title: str
    arxiv: str


@dataclass(kw_only=True, eq=False)
class Cited(Claim):
    """A paper in plain words: `Rajamanoharan et al. (2024)`."""

    surname: str
    """Of the first author, in lower case."""
    year: int
    about: str | None
    """The method that the sentence is about, where it names one (`papers.METHODS`)."""
    origin: bool
    """Whether the sentence says that the method comes from there."""
    asked: bool
    """Whether it asks readers to cite it."""


@dataclass(kw_only=True, eq=False)
class BibEntry(Claim):
    """An entry of BibTeX with its first author and its year."""

    surname: str
    year: int


@dataclass(kw_only=True, eq=False)
class Placeholder(Claim):
    """Text that was meant to be replaced."""

    text: str
