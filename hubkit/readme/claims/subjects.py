"""Of which SAEs a sentence speaks, and which sentences are left alone because they compare, plan, deny or speak of something else."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from hubkit.readme.claims import values
from hubkit.readme.claims.fields import FIELDS
from hubkit.readme.claims.numbers import COUNT

I = re.IGNORECASE  # noqa: E741 - as short as it is common here
SAE = r"(?:SAEs?|sparse auto-?encoders?|auto-?encoders?|dictionary(?! (?:size|width|learning))|dictionaries|transcoders?)\b"
KIND = r"(?:batch[- ]?top-?k|top-?k|jump-?relu|gated|standard|vanilla|relu|matryoshka)"
ADJECTIVE = (
    rf"(?:{KIND}|trained|published|released|following|sparse|residual[- ]stream|per-layer|full|snap loss)"
)
ADJECTIVES = rf"((?:{ADJECTIVE}[ -]){{0,4}})"
QUANTIFIED = re.compile(
    rf"^(?:all|each|every|both)(?: of)?(?: (?:the|these|our|its))?(?: {COUNT})? {ADJECTIVES}{SAE}", I
)
RESTRICTED = re.compile(
    r" (?:of|at|on|for|from|in) (?:the )?(?:layers?|blocks?|\w+ (?:layers?|blocks?))\b", I
)
"""All SAEs of a layer are not all."""
DEFINITE = re.compile(
    rf"^(?:the|these|our) {ADJECTIVES}(?:SAEs|sparse auto-?encoders|dictionaries) (?:have|are|use|were|share|read|hook|reconstruct)\b",
    I,
)
CONTAINED = re.compile(
    rf"\bthis (?:repo(?:sitory)?|release|collection|model) (?:contains?|holds?|hosts?|has|includes?|provides?|is) "
    rf"(?:(?:a (?:set|suite|collection) of|the following|{COUNT}|an?|the) )?{ADJECTIVES}{SAE}", I,
)  # fmt: skip
SINGLE = re.compile(
    rf"^(?:(?:this|the|an?|one) |this is an? |we (?:train|trained|release|present) (?:an?|one) )?{ADJECTIVES}(?:SAE|sparse auto-?encoder)(?: \(SAE\))?\b(?!s| (?:by|from|in|of (?:the )?layer|at (?:the )?layer)\b)",
    I,
)
COUNTED = re.compile(rf" {COUNT} {ADJECTIVES}{SAE}", I)
EACH = re.compile(
    rf"^(?:each|both|all)(?: of (?:them|these))? (?=(?:has|have) (?:exactly )?{COUNT} (?:(?:learned|sparse|SAE|dictionary) )?(?:latents|features|atoms)[.;,]?(?:$| (?:and|with)\b))", I
)  # fmt: skip
"""Of those that the sentence before names: what has so many latents is an SAE."""
PLURAL = re.compile(
    rf"^(?:{COUNT} )?{ADJECTIVES}(?:SAEs|sparse auto-?encoders)(?: \(SAEs?\))?(?= (?:trained |for |on |of |with |at |from |\((?:k|d_in|d_sae) ?=))",
    I,
)
ONE = re.compile(r"\b(?:contains?|holds?|hosts?|has|includes?|provides?|is) (?:an?|one|1|the) ", I)
WORD = rf"(?:(?i:{KIND})|{values.AMOUNT}(?:-(?:latent|feature|wide|dimensional))?|[a-z][a-z-]{{1,20}})"
THING = (
    r"(?:SAEs?|(?:sparse )?auto-?encoders?|transcoders?|dictionar(?:y|ies)|encoders?|latents?|features?|codes?|latent (?:space|dimension)|activations?|activation function|"
    r"non-?linearity|architecture|repository|repo|release|checkpoint|weights|tensors|parameters|decoders?|learning rate|L1 (?:coefficient|penalty)|width|hidden (?:dimension|layer|size)|hook(?: ?point)?|hook location|"
    r"expansion factor|sparsity|layers?|blocks?(?!\.)|inputs?|input (?:dimension|size)|training(?: (?:data|corpus|context))?|embeddings|context (?:size|length|window)|sequence length|dataset|sequences|prompts?|precision|decoder bias|bias|b_dec)"
)
LOOSE = re.compile(
    rf"^(?:(?:TL;?DR:?|note:|summary:|here|overall|concretely|specifically|in (?:this|our) (?:repository|release|repo)),? )?(?:(?:(?:this|the|our|its|an?|these|all|each|every|one|single)(?-i: {WORD}){{0,4}} |(?-i:{WORD} ){{0,3}})"
    rf"{THING}\b|(?:it|they|we|i|this|trained|fitted|(?:un)?tied|no (?=BOS)|reads?|reading|hooks?|hooked|hooking|uses?|using|with|there (?:are|is)|(?:at|for|on|per) (?:every|each|any)|covers?|k\b|`?[a-z]+_\w+|(?:all|both)(?: of them)?|(?:{COUNT}) SAEs|(?:the )?L0\b|(?:this|the) model(?= (?:has|learns|uses|keeps))|(?:the )?(?:residual stream|MLP|attention)\b|exactly|only|learns?|activates?|keeps?|retains?|selects?|built|captures?|taken|extracted|collected|"
    rf"attached|decomposes|reconstructs?|targets?|taps?|placed|applied|located|stored|saved|published|encodes|maps|expands)\b|{KIND}\b)",
    I,
)
"""Any sentence that may be about the one SAE: told apart from others by `ELSEWHERE`, and by being introductory."""
GENERIC = re.compile(
    rf"^(?:{KIND}[ -]){{1,3}}(?:SAEs|auto-?encoders|sparse autoencoders) (?!with\b|trained\b|for\b|of\b|on\b|at\b|from\b|\()",
    I,
)
"""What such SAEs are in general: "JumpReLU SAEs have a threshold"."""
MANY = re.compile(
    r"^(?:all|each|every|these)\b|\b(?:SAEs|auto-?encoders|dictionaries|they|them|both|we)\b", I
)
UNSURE = re.compile(
    r"\b(?:or|either|except|unless|but|other|others|another|compared?|unlike|instead|rather|than|not|no|without|at (?:most|least|inference)|between|"
    r"varying|various|different|respectively|original(?:ly)?|previous(?:ly)?|initial(?:ly)?|warm|baselines?|vs|versus|beats?|if|would|could|should|"
    r"planned|missing|removed|failed|nested|inner(?:most)?|outer(?:most)?|prefix(?:es)?|hidden neurons|from \d+ to|up to|part of|one of|series|siblings?|companion|(?<!this )collection(?! of))\b|n't\b", I,
)  # fmt: skip
"""A sentence that compares, excludes, or says what might be."""
ELSEWHERE = re.compile(
    r"\b(?:will|plans?|future|soon|upcoming|next|todo|intend\w*|going to|later|earlier|coming|et al|arxiv|e\.g|for example|for instance|such as|examples?|suppose|imagine|typical(?:ly)?|"
    r"usually|often|common(?:ly)?|in general|generally|their|his|her|existing|prior|popular|scope|openai|anthropic|deepmind|ablat\w+|ablation|patch\w*|steer\w*|interven\w+|compar\w+|comparison|contrast|"
    r"evaluat\w+|probe|probes|probing|results?|accuracy|loss(?! |es)|perplexity|score|scores|similar\w*|best|peaks?|strongest|effects?|found|observed?|shows?|smaller|larger|wider|bigger|deeper|also|"
    r"interesting|inspect\w*|label\w*|manual\w*|random(?:ly)?|sample\w*|alive|dead|never|cannot|while|whereas|although|though|until|per layer|follow-up|related|fine-?tun\w+|"
    r"replac\w+|inspired|based on|derived|like|analog\w+|variant|family|tried|experiment\w*|suite|hypothes\w+|recommend\w*|you|your|resembl\w*|predecessor|successor|tutorials?|notebooks?|explain\w*|implement\w*|library|package|script|official\w*|fail\w*|demo|improv\w*|worse|better|gave|gives|increas\w*|decreas\w*|reduc\w*|lower\w*|higher\w*|tested|hurts?|helps?|degrad\w*|outperform\w*)\b|"
    r"\[\d{1,3}\]|\(\d{4}[a-z]?\)|\?$|[A-Za-z]'s? (?-i:[A-Z])",
    I,
)
"""Of a sentence that only may be about the repository's SAE: other people's, plans, tests, what was found."""
ASIDE = re.compile(
    r"\b(?:ablations?|background|motivation|introduction to|what (?:is|are)|how (?:saes|it) works?|faq|glossary|discussion|acknowledg\w*|sweeps?|sensitivity|negative|appendix|intended|uses?|limits?|ethic\w*|bias\w*|risks?|changelog|history|hardware|environment\w*)\b",
    I,
)
"""A heading over what is said in general, or was only tried."""
OF_MODEL = re.compile(
    r"\b(?:base|language|target|underlying|subject|original|host|transformer|the|whose|its) (?:language )?(?:model|LLM|transformer)(?:'s|\u2019s)? (?:has|have|had|is|was|uses|contains|consists|with|itself|hidden|residual|width|dimension|size|context|layers?|d_model|\()|"
    r"\bwhose (?:hidden |residual |own )?(?:width|dimension|size)\b|"
    r"\bmodel (?:dimension|width)\b.{0,20}\bof (?:the )?(?:base )?model\b",
    I,
)
"""The base model's own sizes."""
OF_SAE = re.compile(
    r"\b(?:dictionar(?:y|ies)|latents?|SAEs?|auto-?encoders?|(?:batch)?top-?k|jump-?relu)\b", I
)


@dataclass(frozen=True)
class Subject:
    """Of which SAEs a sentence speaks."""

    scope: Literal["any", "all", "one"]
    adjectives: str
    end: int
    only: str | None = None
    loose: bool = False
    """Not named as this repository's."""


def subject(sentence: str, *, introducing: bool) -> Subject | None:
    """Of which SAEs it speaks, where that can be told; "this SAE", "TopK SAEs" and what names none only where the card introduces its SAEs."""
    if match := QUANTIFIED.match(sentence) or DEFINITE.match(sentence):
        kinds = FIELDS["architecture"].kind.read(match.group(1)) or []
        restricted = RESTRICTED.match(sentence, match.end()) is not None
        about = Subject("any" if restricted else "all", "", match.end(1), *kinds[:1])
        return about if len(kinds) < 2 else None
    if match := CONTAINED.search(sentence):
        several = match.group().lower().endswith("s") or ONE.search(match.group()) is None
        counted = (
            COUNTED.search(match.group()) is not None and match.group(1) != ""
        )  # perhaps not all that there are
        return Subject("any" if counted else "all" if several else "one", match.group(1), match.end(1))
    if not introducing:
        return None
    return _introduced(sentence)


def _introduced(sentence: str) -> Subject | None:
    """Of a sentence in the part of the card that introduces its SAEs."""
    if match := EACH.match(sentence):
        return Subject("all", "", match.end())
    if match := SINGLE.match(sentence):
        return Subject("one", match.group(1), match.end(1))
    if match := PLURAL.match(sentence):
        return Subject("any", match.group(1), match.end(1))
    if LOOSE.match(sentence) and not GENERIC.match(sentence):
        return Subject("any" if MANY.search(sentence) else "one", "", 0, loose=True)
    return None


def is_sure(sentence: str, about: Subject) -> bool:
    """Whether what it says can be held against the files."""
    if UNSURE.search(sentence) or (OF_MODEL.search(sentence) and not OF_SAE.search(sentence)):
        return False
    return not about.loose or ELSEWHERE.search(sentence) is None
