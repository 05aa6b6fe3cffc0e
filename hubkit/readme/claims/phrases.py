"""How sentences and titles state the fields of an SAE: patterns made of the names that `fields` has for them, and of the verbs that people use."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import chain

from hubkit.readme.claims import named, values
from hubkit.readme.claims.fields import FIELDS, PROPERTIES, Field
from hubkit.readme.claims.numbers import NUMERALS
from hubkit.readme.claims.subjects import KIND, SAE
from hubkit.readme.claims.values.places import ORDINAL, nth

I = re.IGNORECASE  # noqa: E741 - as short as it is common here
N = values.NUMBER_OR_WORD
AFTER = r"(?![\w^×%]|\.\d|-\d)(?! ?(?:[/–→⟶]|-{1,2}>|\\to\b))(?!, \d)(?! (?:and|or|to) \d)"
NUMBER = rf"({N}){AFTER}"
ABOUT = r"(?:exactly |about |roughly |around |approximately |only |just |a total of |some |~ ?)?"
NOUN = r"(?:features?|latents?|atoms|directions|codes|(?:hidden )?(?:units|neurons)|dictionary (?:elements|entries|vectors|items))"
LEARNED = (
    r"(?:(?:learned|learnt|sparse|dictionary|SAE|hidden|interpretable|latent|overcomplete|total)[ -]){0,2}"
)
FIRING = r"(?:active|non-?zero|firing|kept|on|selected|retained)\b"
NOT_FIRING = r"(?! (?:are |is |were |was |that |which |to |can |may |fire\w* |stay |remain )*(?:active|alive|dead|fire|fires|firing|kept|on\b(?! the)|non-?zero|selected|retained|per|at a time|at once|for each|simultaneously|interesting|activate))"
LAYER_WORD = r"(?:layers?|blocks?|layer index|layer number|block index)"
ONE_LAYER = re.compile(
    rf"(?<![\w-]){LAYER_WORD}[ _#-]{{0,2}}(?:number |index |no\. |= ?)?(\d{{1,3}}|{values.SPELLED})(?![\w.]\d|\w|%| ?/ ?\d| ?(?:and|&|,|to|–|-|through) ?(?:L|layer )?\d{{1,3}}(?!,?\d|[kKM]\b|-[a-z])(?! [a-z]))",
    I,
)
OF_TOTAL = re.compile(r"^ ?\(?(?:of|out of) (?:the |its |all )?(?:\d{1,3}|twelve|twenty-four)\b", I)
NTH_LAYER = re.compile(
    rf"(?<![\w-])(?<!every )({ORDINAL})(?:[ -](?:transformer|decoder|residual))?[ -](?:layer|block)\b(?! norm| of (?:the |an? )?(?:encoder|decoder|SAE|auto-?encoder|MLP|probe|classifier))",
    I,
)
FEW = "|".join(NUMERALS)
LISTED = rf"(?:L?\d{{1,3}}|{FEW})"
BETWEEN = r"(?:, (?:and )?|,| and | & | ?[/–-] ?| to | through |\.{2,3})"
LISTS_END = r"(?![\w%]|\.\d|,?\d|-[A-Za-z])"
SEVERAL_LAYERS = re.compile(
    rf"(?<![\w-])(?:(?:layers|blocks) [\[{{(]?({LISTED}(?:{BETWEEN}(?:layers? |blocks? )?{LISTED}){{1,60}}){LISTS_END}|"
    rf"(?:layer|block) ({LISTED}(?:{BETWEEN}(?:layer |block ){LISTED}){{1,60}}){LISTS_END})",
    I,
)
WORD_BEHIND = re.compile(rf"(?<=\d){BETWEEN}(?:layers? |blocks? )?{values.SPELLED}.*", I | re.DOTALL)
"""`6, 9 and 12 and one JumpReLU`: behind digits a number in words counts something else."""
FIRST_LAYERS = re.compile(
    rf"\bthe first (\d{{1,3}}|{values.SPELLED}) (?:transformer |decoder )?(?:layers|blocks)\b", I
)
"""As many layers from the first on."""
SPREAD = re.compile(
    r"\b(?P<other>every (?:other|second|2nd) (?:transformer |decoder )?(?:layer|block)|(?:alternate|alternating|even|odd) layers)\b|"
    r"\b(?:(?:for|on|at|of|from|in|across|covers?|covering|to) (?:every(?: single)?|each|all(?: of the)?(?: \d{1,3})?)(?: of the)?(?: \d{1,3})? (?:transformer |decoder )?(?:layers?|blocks?)|layer-wise for all layers)\b(?! (?:norm|of the card))",
    I,
)
"""SAEs of every layer, or of every other."""


ENDS = re.compile(
    r"\bfirst (?:(?:transformer |decoder )?(?:block|layer) )?(?:to|through|until|up to) (?:the )?(?:last|final) (?:transformer |decoder )?(?:block|layer)\b", I
)  # fmt: skip
"""From one end of the model to the other."""
BEHIND_LAYERS = re.compile(
    r"\b(?:(?P<after>after|outputs? of|leaving|behind|following)|(?P<before>before|inputs? (?:of|to)|entering|ahead of)) (?:the )?(?:transformer |decoder )?$", I
)  # fmt: skip
"""Before a list of layers: on which side of each."""


@dataclass(frozen=True)
class Phrase:
    """One way to state a field; its first group that took part is the value."""

    field: str
    pattern: re.Pattern[str]
    least: float = 0
    """A smaller number may be one of something else."""


def _measures(one: Field) -> str:
    """The names of a size, longest first: "dictionary size", "d_sae"."""
    found = {name for name in (one.name.replace("_", " "), *one.called) if " " in name or name == "width"}
    found -= {name for name in found if name.startswith(("number", "num ", "n ", "no ", "total", "count"))}
    ordered = sorted(found, key=lambda name: (-len(name), name))
    return "(?:" + "|".join(re.escape(name).replace(r"\ ", "[ _-]") for name in ordered) + ")"


def _sized(name: str, *, also: str = "") -> Phrase:
    """`an input dimension of 768`, `dictionary size: 16384`, `d_sae = 3072`."""
    words = _measures(FIELDS[name]) + (also and f"|{also}")
    link = r"(?: \([\w ]{1,20}\))?(?: ?[:=] ?| ?\(| (?:of|is|was|equal to|set to|being) | )"
    return Phrase(name, re.compile(rf"(?<![\w-])(?:{words}){link}{ABOUT}{NUMBER}", I))


TOKENS_AT_LEAST = 50_000
"""Fewer are a context."""
HAVE = r"(?:there (?:are|is)|ha(?:ve|s|ving)|with|of|learn(?:s|ed|ing)?|contain(?:s|ing)?|compris(?:es|ing)|into|uses?|using|to|provides?|holds?|stores?|consists? of|offers?|over|onto|includes?|finds?)"
SIZED: tuple[Phrase, ...] = (
    Phrase("d_sae", re.compile(rf"\b{HAVE} (?:an? |the )?(?:(?:overcomplete |sparse |learned )?(?:dictionary|basis|set|vocabulary|total) of )?{ABOUT}{NUMBER}[ -]{LEARNED}(?:width\b|{NOUN}\b{NOT_FIRING})", I)),
    Phrase("d_sae", re.compile(rf"(?:^|[(;:·] ?|, ){ABOUT}{NUMBER} {LEARNED}{NOUN}\b{NOT_FIRING}", I), 100),
    Phrase("d_sae", re.compile(rf"(?<![\w.,])({N})-(?:latent|feature|wide|width|dimensional (?:sparse |latent |overcomplete )?(?:dictionary|latent space|hidden layer|code|codes|representation))\b", I), 100),
    Phrase("d_sae", re.compile(rf"(?<!\bwhose )\b(?:an? |have |has |with |of |is )?(?:SAE |dictionary )?(?:width|dictionary size|dictionary)(?: of| is|:| =|-| ) ?{ABOUT}{NUMBER}", I)),
    Phrase("d_sae", re.compile(rf"\b(?:number|count) of {LEARNED}{NOUN}(?: is| was|:| =) {ABOUT}{NUMBER}", I)),
    Phrase("d_sae", re.compile(rf"\bd_sae ?= ?{NUMBER}", I), 1),
    _sized("d_sae"),
    Phrase("d_in", re.compile(rf"\bd_in ?= ?{NUMBER}", I)),
    _sized("d_in"),
    Phrase("d_in", re.compile(rf"\b(?:activations?|inputs?|vectors|residual streams?|states)(?: vectors)?(?: of| with| in| has| have|,)? (?:an? )?(?:dimension(?:ality)?|size|width)(?: of| is| =)? {ABOUT}{NUMBER}", I)),
    Phrase("d_in", re.compile(rf"\b(?:activations?|inputs?|vectors) (?:are|is|were|was|have) ({N})[- ]dim(?:ensional|ensions)\b", I), 16),
    Phrase("d_in", re.compile(rf"(?<![\w.,])({N})[- ](?:dim|dimensional|d) (?:residual|activations?|inputs?|vectors?|MLP|hidden states)\b", I), 16),
    Phrase("d_model", re.compile(rf"\b(?:hidden|residual(?:[- ]stream)?|model) (?:dimension(?:ality)?|dim|size|width)(?: \(d_model\))?(?: of| is|:| =)? {ABOUT}{NUMBER}", I)),
    Phrase("d_model", re.compile(rf"\bd_model ?= ?{NUMBER}", I)),
    Phrase("context_size", re.compile(rf"\bcontext (?:of )?{NUMBER}", I)),
    Phrase("context_size", re.compile(rf"\b(?:packed|truncated|padded|chunked|cut|split) (?:in)?to (?:chunks of |a length of )?{NUMBER} tokens\b", I)),
    Phrase("training_tokens", re.compile(rf"\b(?:train\w*|learn\w*|fit\w*)\b(?:(?!evaluat|test|valid)[^.;]){{0,60}}? (?:on|for|over|with|using) (?:a total of )?(?:about |roughly |approximately |~ ?)?({N}) (?:training )?tokens\b", I), TOKENS_AT_LEAST),
)  # fmt: skip
ACTIVE: tuple[Phrase, ...] = (
    Phrase("k", re.compile(rf"(?<![\w_-])k ?= ?{NUMBER}", I)),
    Phrase("k", re.compile(rf"(?<![\w_-])k (?:of|is|set to|equal to|equals) {NUMBER}", I)),
    Phrase("k", re.compile(r"(?<![\w-])(?:batch)?top-?k[- ]?\(?(\d{1,5})\)?(?![\w.=]\d|\w| ?%)", I)),
    Phrase("k", re.compile(rf"(?<![\w-])top[- ]{NUMBER}(?= (?:{LEARNED}{NOUN}|SAE|activation|sparsity|pre-activations))", I)),
    Phrase("k", re.compile(rf"\b{ABOUT}{NUMBER} (?:of (?:the|its|\S{{1,8}}) )?{LEARNED}{NOUN} (?:(?:are|is|stay|remain|can be|being) )?(?:\w+ )?{FIRING}", I)),
    Phrase("k", re.compile(rf"\b({N}) {LEARNED}{NOUN} (?:fire|activate)\b", I)),
    Phrase("k", re.compile(rf"\b({N}) (?:largest|strongest|most active|top|highest) (?:{LEARNED}{NOUN}|(?:pre-?)?activations) (?:are |is )?(?:kept|survive|retained|selected|stay|remain|active)\b", I)),
    Phrase("k", re.compile(rf"\b({N}) (?:simultaneously )?(?:active|non-?zero|firing) {LEARNED}{NOUN}\b", I)),
    Phrase("k", re.compile(rf"\b(?:activat(?:es|ing)|keep(?:s|ing)?|retain(?:s|ing)?|select(?:s|ing)?|fires?|uses?|using|allows?) (?:only |exactly |just |the |its |top |largest |strongest ){{0,3}}{NUMBER} (?:largest |strongest |most active |top )?{LEARNED}{NOUN}\b(?= (?:per|for each|for every|on each|on every|at a time|at once|simultaneously)\b|[.,;)]|$)", I)),
    Phrase("k", re.compile(rf"\b(?:with|of) {ABOUT}{NUMBER} {LEARNED}{NOUN} (?:per (?:token|input|position|sample)|at a time|at once|simultaneously)\b", I)),
    Phrase("k", re.compile(rf"\bsparsity (?:of |is |level of |level |k ?= ?|\(k\) of )(?:k ?= ?)?({N}){AFTER}(?! ?percent)", I)),
    Phrase("l0", re.compile(rf"\bL0 (?:of|is|=|at) {ABOUT}{NUMBER}", I)),
)  # fmt: skip
OTHERS: tuple[Phrase, ...] = (
    Phrase("hook_name", re.compile(r"(?<![\w.])((?:transformer|model|gpt_neox|backbone)\.(?:h|layers|blocks)\.\d{1,3})(?![\w.]\w|[\w/])")),
    Phrase("hook_name", re.compile(r"(?<![\w.])(blocks\.\d{1,3}\.(?:\w{1,20}\.)?hook_\w{1,30})(?![\w.]\w|/)")),
    Phrase("dtype", re.compile(r"\b(?:weights|tensors|parameters|saved|stored|published|released|precision)\b[^.;]{0,30}?\b(?:in|as|is|are|:) (?:torch\.)?(float(?:16|32|64)|bfloat16|b?fp?16|fp?32|fp?64)\b", I)),
    Phrase("architecture", re.compile(rf"\b(?:activation function|non-?linearity|architecture|encoder activation|sparsity (?:mechanism|function)|activation)(?: (?:of|in) the (?:SAE|encoder|autoencoder))? (?:is|was|are|:|used is) (?:an? |the )?((?:{KIND}[ -]?){{1,3}})", I)),
    Phrase("architecture", re.compile(rf"\b(?:use[sd]?|using|with|via|employ(?:s|ed)?|appl(?:y|ies|ied)|through|has|have) (?:an? |the )?((?:{KIND}[ -]){{1,3}})(?:activations?|non-?linearity|function|architecture|encoder|sparsity)\b", I)),
    Phrase("architecture", re.compile(r"^(?:it|this) is an? (jump-?relu|(?:batch[- ]?)?top-?k|gated)(?=[.,;]|$)", I)),
    Phrase("architecture", re.compile(rf"\b((?:{KIND}[ -]){{1,3}})(?:sparse )?(?:{SAE}|(?:activations?|non-?linearity|activation function) (?:is|are|was)\b)", I)),
)  # fmt: skip
MEAN = re.compile(r"\bL0\b|\b(?:on average|mean|average|averag\w+)\b", I)
"""Of how many latents are active: what was measured, not k."""
LATENTS_AT_LEAST = 100
"""Fewer "features" are some that were looked at."""
KEYS = "|".join(
    one.name for one in PROPERTIES if "_" in one.name and one.name not in {"model_name", "d_model"}
)
KEYED = re.compile(
    rf"(?<![\w.])({KEYS})\b[`\"']?(?: ?[:=] ?| (?:is|was|set to|equal to|being|of) )(?:set to )?[`\"']?([^\s`\"',;()]{{1,100}})"
)
"""`prepend_bos` is true: keys of the configuration, as they are."""


def facts(sentence: str, begin: int, *, loose: bool = False) -> dict[str, values.Value]:
    """What the sentence states of each field, behind `begin`; of a field that it gives several values, nothing."""
    stated: dict[str, dict[str, values.Value]] = {}
    means = MEAN.search(sentence) is not None
    for phrase in chain(SIZED, ACTIVE, OTHERS):
        if means and phrase.field == "k":
            continue
        least = phrase.least or (LATENTS_AT_LEAST if loose and phrase.field == "d_sae" else 0)
        for match in phrase.pattern.finditer(sentence, begin):
            value = FIELDS[phrase.field].kind.read(match.group(1).strip(" -"))
            if value is not None and (not least or value[0] >= least):
                stated.setdefault(phrase.field, {})[repr(value)] = value
    for match in KEYED.finditer(sentence, begin):
        value = FIELDS[match.group(1)].kind.read(match.group(2).rstrip("."))
        if value is not None:
            stated.setdefault(match.group(1), {})[repr(value)] = value
    for field, pattern in named.STATED:
        for match in pattern.finditer(sentence, begin):
            value = named.read(field, match.group(1))
            if value is not None:
                stated.setdefault(field, {})[repr(value)] = value
    return {name: next(iter(found.values())) for name, found in stated.items() if len(found) == 1}


def layers(sentence: str, begin: int) -> list[int] | None:
    """The one layer that is named, by the numbers that it may have in the files; None where there are several."""
    found: dict[str, list[int]] = {}
    for match in ONE_LAYER.finditer(sentence, begin):
        if bounds := values.amount(match.group(1)):
            number = int(bounds[0])
            counted = OF_TOTAL.match(sentence[match.end() : match.end() + 40])
            one = [number - 1, number] if counted and number else [number]
            found[repr(one)] = one
    for ordinal in NTH_LAYER.finditer(sentence, begin):
        one = nth(ordinal.group(1))
        found[repr(one)] = one
    return next(iter(found.values())) if len(found) == 1 and not SEVERAL_LAYERS.search(sentence) else None
