"""Words of a card's statement that say more than the claims which were read from it: a statement with such words does not agree with the files as a whole.

Written as what is allowed, not as what is not: words of grammar, of what an SAE is, those by which a field that was held is called, and those of its value. Any other word,
`tied`, `only`, `before`, `The Stack`, may change what the sentence says, and the grammar of claims does not know it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from hubkit.readme.claims import kinds
from hubkit.readme.claims.fields import BY_NAME
from hubkit.readme.claims.kinds import Claim


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


TOKEN = re.compile(r"[a-z]+(?:['’][a-z]+)?")
NEUTRAL = _words(
    """
    a an the this that these those it its they their them he she we our us you your i my here there which who what each every all both either any some such same other one
    two three four five six seven eight nine ten eleven twelve sixteen twenty thirty forty fifty sixty hundred thousand million
    th st nd rd x e k m b
    is are was were be been being has have had having do does did can could may might will would shall should
    of in on at to from by for with within into onto over under through across per as and or so than then also too plus about around roughly approximately nearly exactly just
    out up down via using used use uses given gives give make makes made come comes came take takes taken took get gets got show shows shown see
    called named known where when while because since whose whom how
    sae saes sparse autoencoder autoencoders auto encoder encoders dictionary dictionaries feature features latent latents neuron neurons unit units hidden wide width widths size
    sizes dimension dimensions dimensional dim number count total layer layers block blocks transformer model models language base repository repo release set folder folders file
    files weights tensor tensors activation activations value values trained train fitted computed measured saved stored published contained contains contain
    holds hold there's equal equals respectively namely i.e e.g ie eg section table row rows column list details detail overview summary note info
    information property properties parameter parameters field configuration config setting settings card readme
    cfg json safetensors npz py pt bin md id ids sae_id name names loaded load loads loading format
    d h n s z w l p v np pip install
    """
)
PLACE = _words(
    "residual stream mlp mlps attention attn output outputs input inputs hook hooks hooked hookpoint point points read reads reading resid pre post after before pass passes out site"
)
MEASURES = _words(
    "explained explains explain unexplained fvu variance fraction mean average averages averaged l0 active fire fires firing token tokens input dead alive mse error reconstruction cosine similarity probe accuracy balanced auroc sparsity density"
)
OF_KIND: dict[type[Claim], frozenset[str]] = {
    kinds.HookForm: PLACE,
    kinds.LayerList: PLACE
    - _words("after before pre post out mlp mlps attention attn output outputs input inputs"),
    kinds.Measured: MEASURES,
    kinds.Ordering: MEASURES
    | _words(
        "rises rise falls fall grows grow increases increase decreases decrease depth deeper highest lowest lower higher between ranges range least most no none"
    ),
    kinds.Count: _words("architecture architectures condition conditions"),
    kinds.Sum: _words("original ste sum"),
    kinds.Expansion: _words("expansion factor times expanded overcomplete fold"),
    kinds.Learned: _words("threshold thresholds jumprelu learn straight through estimator ste"),
    kinds.LoadsSince: _words("saelens sae lens requires require later newer version needs need"),
    kinds.Licensed: _words("license licence licensed licenced under terms"),
    kinds.ModelLayers: _words("has"),
    kinds.ModelNumber: _words("vocabulary vocab heads head attention context position positions embedding"),
    kinds.ModelSize: _words("parameters params billion"),
    kinds.ModelFamily: _words("family class architecture"),
    kinds.Depth: _words("depth deep relative percent way"),
    kinds.Peak: _words("peak peaks best highest accuracy probe layer balanced"),
    kinds.BestSae: _words("best probe accuracy balanced highest"),
    kinds.TensorShape: _words("shape shapes enc dec"),
    kinds.TensorNames: _words("keys key threshold enc dec"),
    kinds.NamedFile: _words("load huggingface hub download"),
    kinds.Superlative: _words("widest narrowest deepest shallowest last largest smallest latest"),
    kinds.Ends: _words("last"),
    kinds.Spread: _words("other"),
    kinds.StudyTotal: _words("study"),
    kinds.StudyCount: _words("study base"),
}
"""What a claim of a kind is said in, besides its own values."""
OF_FIELD = {
    "layer": _words(
        "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth last index reads read"
    ),
    "place": PLACE,
    "l0": MEASURES,
    "k": _words(
        "top active keep keeps kept non zero nonzero fire fires firing activation strongest largest token"
    ),
    "d_sae": _words("d sae atoms codes entries"),
    "architecture": _words("activation function type"),
    "num_dead_features": _words("dead of never fired fire"),
    "training_tokens": _words("tokens token"),
    "context_size": _words("context tokens token length"),
    "prepend_bos": _words("bos beginning sequence token prepended prepend"),
    "dtype": _words("precision"),
    "hook_name": _words("hook hooks hooked hookpoint point blocks read reads"),
}
"""The same of a property, besides the names of its field."""
NAMES: dict[str, frozenset[str]] = {
    field.name: frozenset(word for name, (of, _) in BY_NAME.items() if of is field for word in name.split())
    for field, _ in BY_NAME.values()
}


def words_of(text: str) -> frozenset[str]:
    """The words of a text, in lower case, names taken apart: `blocks.6.hook_resid_post` has four."""
    return frozenset(TOKEN.findall(text.lower()))


def says_more(words: frozenset[str], claims: Iterable[Claim], held: Iterable[str]) -> bool:
    """Whether a statement with these words says more than the claims that were read from it, and the names in `held`."""
    left = words - NEUTRAL
    for claim in claims:
        left -= _of(claim)
    return bool(left.difference(*map(words_of, held)))


FORMS = _words("topk batchtopk jumprelu gated standard relu vanilla top batch jump k")
"""Architectures of which a claim may hold one of several that it names; of the others, `matryoshka`, each is more."""


def _of(claim: Claim) -> frozenset[str]:
    own = OF_KIND.get(type(claim), frozenset())
    if isinstance(claim, kinds.Property):
        own |= (
            NAMES.get(claim.field, frozenset())
            | OF_FIELD.get(claim.field, frozenset())
            | words_of(claim.only or "")
        )
        if claim.field == "architecture":
            return own | FORMS
    return own.union(
        *map(
            words_of,
            _texts(
                [value for name, value in vars(claim).items() if name not in {"quote", "field", "listed"}]
            ),
        )
    )


def _texts(values: list[Any]) -> Iterator[str]:
    for value in values:
        if isinstance(value, str):
            yield value
        elif isinstance(value, (list, tuple)):
            yield from _texts(list(value))
