"""What a card's code does to activations before its SAEs get them, against what the configurations say that SAELens does, and what the training did."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from hubkit.formats.sae import TOPK
from hubkit.readme.code_inputs import Change, changes_of
from hubkit.readme.saelens_api import newest
from hubkit.validate.card import CARD
from hubkit.validate.code_sites import fed
from hubkit.validate.finding import Found, Severity
from hubkit.validate.true_values import values_of
from hubkit.words import some

if TYPE_CHECKING:
    from hubkit.readme.code_models import CodeUse
    from hubkit.validate.facts import RepoFacts, SaeFacts

BY_HAND = {"expected_average_only_in", "covariance_whitening"}
"""What SAELens does not do when it loads: whoever feeds such an SAE must."""
AS_IT_IS = "give the SAE the activations as they come; if it was trained on others, cfg.json must say so"


def changed(repo: RepoFacts, use: CodeUse) -> Iterator[Found]:
    """One finding for each kind of change that every SAE contradicts which the code may feed."""
    if repo.readme is None:
        return
    changes = changes_of(repo.readme.code_blocks)
    saes = [sae for sae in fed(repo, use) if sae.is_saelens] if changes else []
    told: set[str] = set()
    for one in changes:
        reasons = [_against(one, sae) for sae in saes]
        if reasons and all(reasons) and f"{one.kind} {one.key}" not in told:
            told.add(f"{one.kind} {one.key}")
            what = WORDS[one.kind].format(one.width or one.key, value=_shown(one.value))
            yield Found(
                f'the card\'s code {what}; {reasons[0]}: "{one.quote}"',
                HINTS.get(one.kind, AS_IT_IS),
                path=CARD,
                line=one.line,
                severity=Severity.NOTE if one.kind in {"precision", "tensor"} else Severity.WARNING,
                confidence="medium",
                identity=f"input {one.kind} {one.key}".rstrip(),
            )


HINTS = {
    "bos": "write prepend_bos as the training had it",
    "no bos": "write prepend_bos as the training had it",
    "latent": "take a latent that there is; latents count from 0",
    "key": "write a name that the file has",
    "product": "the columns of the first must be the rows of the second: W_enc is [d_in, d_sae], W_dec is [d_sae, d_in]",
    "sum": "both must be as wide: what W_enc gives and b_enc are d_sae wide, what W_dec gives and b_dec are d_in wide",
    "sideways": "latent N is W_dec[N], and W_enc[:, N]",
    "class": "load it as SAE, which takes the class from cfg.json",
    "latents": "encode gives d_sae values a row: write the d_sae of cfg.json",
    "active": "a TopK keeps k latents of every row: write the k of cfg.json",
    "width": "make them as wide as d_in: as it is, encode raises",
    "set": "leave the configuration as it is loaded; if it is wrong, correct cfg.json",
    "tensor": "say beside it that this is another SAE than the published one, or leave it out",
    "precision": "load the SAE as it is stored, or say beside it that its numbers are then others than those of the card",
}
WORDS = {
    "latent": "takes latent {}",
    "key": "reads the tensor {} of a file",
    "product": "multiplies {} values",
    "sum": "adds {} values",
    "sideways": "takes number {} along the inputs",
    "class": "loads the SAE as a {}",
    "latents": "asserts that encode gives {} values a row",
    "active": "asserts that no more than {} latents are active",
    "width": "makes activations of width {} for the SAE",
    "normalized": "normalises what it gives to the SAE",
    "b_dec": "takes b_dec from what it gives to the SAE",
    "bos": "puts a BOS token before the text",
    "no bos": "puts no BOS token before the text",
    "set": "sets {} of the SAE to {value}",
    "precision": "turns the SAE into {}",
    "tensor": "changes {} of the SAE",
}
COMPUTED_WITH = {
    "k",
    "d_in",
    "d_sae",
    "architecture",
    "normalize_activations",
    "apply_b_dec_to_input",
    "rescale_acts_by_decoder_norm",
}
"""Keys of a configuration by which the SAE computes something else."""
WIDE = {"float32", "float64"}


def _shown(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _against(change: Change, sae: SaeFacts) -> str | None:
    """What the configuration says otherwise."""
    if change.kind == "width":
        d_in = sae.sae.d_in
        return f"d_in of {sae.sae_id} is {d_in}" if d_in and change.width not in (d_in, None) else None
    for kinds, against in AGAINST.items():
        if change.kind in kinds:
            return against(change, sae)
    if change.kind in {"bos", "no bos"}:
        stated = values_of(sae, "prepend_bos")
        other = [value for value in stated if isinstance(value, bool) and value is not (change.kind == "bos")]
        return f"prepend_bos of {sae.sae_id} is {str(other[0]).lower()}" if other else None
    key = "normalize_activations" if change.kind == "normalized" else "apply_b_dec_to_input"
    value = sae.raw.get(key)
    if value is None or (change.kind == "normalized" and value in BY_HAND):
        return None
    itself = value not in (False, "none")
    said = f"{key} of {sae.sae_id} is {str(value).lower()}"
    return f"{said}, so SAELens does it itself" if itself else said


def _of_use(change: Change, sae: SaeFacts) -> str | None:
    """Tensors that do not fit each other, or are read the wrong way round, and the class of another architecture."""
    if change.kind == "class":
        registry = newest().registry
        own = registry.get(sae.architecture or "")
        known = own is not None and change.key in registry.values() and change.key != own
        return f"{sae.sae_id} is a {sae.architecture}, of the class {own}" if known else None
    if change.kind == "sideways":
        ends = (
            (sae.sae.d_in, sae.sae.d_sae)
            if change.key == "W_enc"
            else (sae.sae.d_sae, sae.sae.d_out or sae.sae.d_in)
        )
        return f"{change.key} of {sae.sae_id} is [{ends[0]}, {ends[1]}]"
    return _misfit(change, sae)


def _misfit(change: Change, sae: SaeFacts) -> str | None:
    """Two axes that meet and are of two sizes."""
    sizes = {"d_in": sae.sae.d_in, "d_sae": sae.sae.d_sae, "d_out": sae.sae.d_out or sae.sae.d_in}
    one, other = change.key.split(" and ")
    first, second = sizes[one], sizes[other]
    if not first or not second or first == second:
        return None
    return f"{one} of {sae.sae_id} is {first:,}, {other} {second:,}"


def _of_tensors(change: Change, sae: SaeFacts) -> str | None:
    """A tensor or a latent that the SAE has not, another number of them, or fewer active ones than a TopK keeps."""
    if change.kind == "key":
        names = list(sae.header.tensors) if sae.header else []
        return f"the file of {sae.sae_id} has {some(names)}" if names and change.key not in names else None
    number, d_sae = change.width or 0, sae.sae.d_sae
    if change.kind == "latents":
        return f"d_sae of {sae.sae_id} is {d_sae:,}" if d_sae and number != d_sae else None
    if change.kind == "latent":
        return f"{sae.sae_id} has the latents 0 to {d_sae - 1:,}" if d_sae and number >= d_sae else None
    k = sae.sae.k if sae.architecture in TOPK else None
    return f"k of {sae.sae_id} is {k:g}" if k and number < k else None


def _another_sae(change: Change, sae: SaeFacts) -> str | None:
    """Of what makes another SAE of it."""
    if change.kind == "tensor":
        return f"what it computes then is no longer {sae.sae_id}"
    if change.kind == "precision":
        return f"{sae.sae_id} is stored in {sae.sae.dtype}" if sae.sae.dtype in WIDE else None
    value = sae.raw.get(change.key)
    other = change.key in COMPUTED_WITH and value is not None and value != change.value
    return f"{change.key} of {sae.sae_id} is {_shown(value)}" if other else None


AGAINST: dict[tuple[str, ...], Callable[[Change, SaeFacts], str | None]] = {
    ("product", "sum", "sideways", "class"): _of_use,
    ("latent", "latents", "active", "key"): _of_tensors,
    ("set", "tensor", "precision"): _another_sae,
}
"""What is no change of the activations."""
