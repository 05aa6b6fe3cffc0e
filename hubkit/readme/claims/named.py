"""Names and values inside sentences, comments and headings: the fields whose value is a word, a dataset, a precision, made of the names that `fields` has."""

from __future__ import annotations

import re

from hubkit.readme.claims import values
from hubkit.readme.claims.fields import FIELDS, Field

I = re.IGNORECASE  # noqa: E741 - as short as it is common here
LINK = r"(?: \([\w ]{1,20}\))?(?: ?[:=→] ?| ?\(| (?:of|is|are|was|were|being|equals?|equal to|set to|called|named) (?:set to )?| )[`\"']?(?:the )?"
PRECISION = r"(?:torch\.)?(?:float(?:16|32|64)|bfloat16|b?fp?16|fp?32|fp?64)"
CORPUS = r"(?:OpenWebText2?|OWT|(?:the )?Pile(?:[- ]uncopyrighted)?|C4|FineWeb(?:-Edu)?|RedPajama|SlimPajama|TinyStories|LMSYS(?:-Chat)?|UltraChat|WikiText|Dolma)"
ID = r"[A-Za-z][\w.-]{1,60}/[\w.-]{0,79}\w(?![\w/]|-\w)"
DATASET = rf"(?:{ID}|{CORPUS}(?![\w/]|-\w))"
ONLY_ONE = r"(?! ?(?:and|or|,|&|/|\+) )"
TAKEN = r"(?:train|fit|learn|collect|comput|extract|sampl|gather|harvest|tak|captur|generat|record|stream)(?:\w{1,5})?"
NORMALIZED = r"(?:activations?|inputs?|vectors|hidden states) (?:(?:are|were|is|was|have been|being) )?(?:first |then )?"


def _names(one: Field, *, loosely: bool = True) -> str:
    """Every name of a field with two words or more, or that is no other word: longest first."""
    every = {one.name.replace("_", " "), *one.called, *(one.loosely if loosely else ())}
    kept = sorted(
        (name for name in every if " " in name or name in {"dataset", "precision", "dtype", "corpus"}),
        key=lambda name: (-len(name), name),
    )
    return "(?:" + "|".join(re.escape(name).replace(r"\ ", "[ _-]") for name in kept) + ")"


NUMBER = rf"({values.NUMBER_OR_WORD})(?![\w^×%]|\.\d|-\d)(?! ?[/–])"
REAL = rf"({values.REAL})(?![\w^×%]|\.\d|-\d)(?! ?[/–]| (?:to|and|or) \d)"
STATED: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("context_size", re.compile(rf"(?<![\w-]){_names(FIELDS['context_size'])}{LINK}{NUMBER}", I)),
    ("context_size", re.compile(rf"\b(?:sequences|contexts|chunks|windows) of (?:length )?{NUMBER}(?= tokens?\b|[.,;)]|$)", I)),
    ("context_size", re.compile(rf"(?<![\w.,])({values.AMOUNT})[- ]tokens? (?:contexts?|sequences|chunks|windows)\b", I)),
    ("dtype", re.compile(rf"(?<![\w-]){_names(FIELDS['dtype'])}{LINK}({PRECISION})(?!\w)", I)),
    ("dtype", re.compile(rf"(?<![\w-])({PRECISION}) (?:weights|tensors|parameters)\b", I)),
    ("dtype", re.compile(rf"\b(?:weights|tensors|parameters) (?:(?:of|in) the SAEs? )?(?:are|in|as|is) (?:in )?({PRECISION})(?!\w)", I)),
    ("dtype", re.compile(rf"\b(?:saved|stored|published|released) (?:in|as|with) ({PRECISION})(?!\w)", I)),
    ("dataset_path", re.compile(rf"(?<![\w-]){_names(FIELDS['dataset_path'])}{LINK}({ID}){ONLY_ONE}", I)),
    ("dataset_path", re.compile(rf"(?<![\w-])(?:dataset|corpus){LINK}({CORPUS})(?![\w/]|-\w){ONLY_ONE}", I)),
    ("dataset_path", re.compile(rf"\b{TAKEN} (?:[\w.,]+ ){{0,6}}?(?:on|over|from|with|using|for) (?:[\w.,]+ ){{0,4}}?(?:(?:of|from|on) )?(?:the )?({DATASET}){ONLY_ONE}", I)),
    ("dataset_path", re.compile(rf"\bus(?:e[sd]?|ing) (?:the )?({DATASET}) as (?:the |our |its )?(?:training )?(?:data|corpus|dataset)\b", I)),
    ("l1_coefficient", re.compile(rf"(?<![\w-]){_names(FIELDS['l1_coefficient'])}{LINK}{REAL}", I)),
    ("lr", re.compile(rf"(?<![\w-])(?:peak )?(?:learning[ -]rate|lr){LINK}{REAL}", I)),
    ("normalize_activations", re.compile(rf"{NORMALIZED}(layer[- ]?norm)(?:ali[sz])?ed\b", I)),
    ("normalize_activations", re.compile(rf"(?<![\w-]){_names(FIELDS['normalize_activations'])}{LINK}(none|layer[_ -]?norm(?:ali[sz]ation)?|constant_norm_rescale|expected_average_only_in)\b", I)),
)  # fmt: skip
"""Each way, with its value as the first group. "Training data: the Pile" may be said of the base model: there only an id counts."""
PLAIN = re.compile(
    rf"\b{NORMALIZED}(?:not |never |un)normali[sz]ed\b|\b(?:no|without(?: any)?) (?:activation |input )?normali[sz]ation\b",
    I,
)
"""That nothing is done to the activations."""
OF_MODEL = re.compile(
    rf"\b(?:base |language )?(?:model|LLM)(?: (?:was|is|were|has been))? (?:loaded|run|ran|used|quanti[sz]ed|evaluated) (?:in|with|at|to|as) ({PRECISION}|[48][- ]?bit|int[48]|nf4)(?!\w)|"
    rf"\bactivations (?:(?:were|are|was) )?(?:collected|computed|extracted|captured|taken|cached|harvested) (?:in|with|at) ({PRECISION}|[48][- ]?bit|int[48]|nf4)(?!\w)",
    I,
)
"""In which precision the base model was run."""
BOS = re.compile(
    r"\bBOS(?: tokens?)? (?:is|are|was|were) (?:\w+ ){0,2}?(?:prepended|added)\b|\bprepend(?:s|ed|ing)? (?:an? |the |no )?BOS\b|\bBOS tokens? (?:stands?|stood|comes?|came|is placed|was placed|preced(?:es|ed)) (?:first|in front|at the (?:start|begin\w*)|before|(?:every|each) (?:context|sequence|text))|\b(?:starts?|begins?) with (?:an? |the )?(?:\S{1,30} as )?(?:an? |the )?BOS\b|\b(?:with(?:out)?|no) (?:an? |the |any |prepended )*BOS\b",
    I,
)
BIAS = r"(?:`?b_dec`?|(?:the |its |our )?(?:decoder bias|decoder's bias|pre-?(?:encoder |encoding )?bias))"
SUBTRACTED = re.compile(
    rf"\b{BIAS}(?: term| vector)?(?: \([^()]{{0,30}}\))? (?:is|was|are|were|gets) (?:\w+ ){{0,2}}?subtracted\b|\bsubtract(?:s|ed|ing)? (?:the |its |our )?{BIAS}(?!\w)",
    I,
)
"""Whether the decoder's bias is taken from the input: `apply_b_dec_to_input`."""
MATRICES = r"(?:(?:the |its )?(?:encoder(?:'s)?|W_enc)(?: weights?| matrix)?(?: and| &|/) ?(?:the )?(?:decoder(?:'s)?|W_dec)(?: weights?| matrices)?|(?:the |its |all )?weights)"
TIED = re.compile(
    rf"\b(?P<un>un)?tied (?:weights|encoder|decoder|SAE|auto-?encoder)\b|\b{MATRICES} (?:(?:is|are|were) )?(?:not |never |fully )?(?P<un2>un)?tied\b|"
    r"\b(?:W_enc|encoder)(?: weights?| matrix)? (?:is|equals|=) (?:not )?(?:simply |exactly |just )?(?:the )?(?:transpose of (?:the )?|transposed )(?:W_dec|decoder)\b|\bW_enc ?= ?W_dec(?:\.T|\^T|ᵀ|\^\{?\\?top\}?)",
    I,
)
"""Whether the encoder is the decoder's transpose."""
UNIT_NORM = re.compile(
    r"\b(?:decoder|W_dec)(?:'s)?(?: (?:rows?|columns?|vectors?|directions?|weights|atoms|norms?|matrix))*(?: of the SAEs?)? (?:(?:have|has|are|is|all|each|kept|not|never|with|of|a|do|does|n't|have) ){0,4}(?:(?:un|re)?normali[sz]ed(?! by)(?: to)?(?: (?:a )?(?:unit|norm 1|length 1|1))?|unit[- ](?:L2[- ])?(?:norm(?:ed|ali[sz]ed)?|length)|norm (?:of )?(?:1|one)\b)|"
    r"\bunit[- ](?:L2[- ])?norm(?:ed|ali[sz]ed)? decoder\b",
    I,
)
"""Whether every row of the decoder has the norm 1."""
IN_TRAINING = re.compile(
    r"\b(?:initiali[sz]\w*|at (?:the )?(?:start|beginning|init)|during|while|before|after each|every step|constrain\w*|gradient|unlike|other|prior|whereas|compar\w*|would|should|if)\b",
    I,
)
"""What was true of a training, or at its begin, may not be of what is published."""
CLAUSE = ",;("
DENIED = re.compile(r"\b(?:not|no|never|without)\b|n't\b", I)
OF_SIZE = re.compile(
    r"(?<![a-z\d])\d+(?:\.\d+)?[mb](?![a-z])|\.(?:json|py|md|safetensors|pt|csv|ya?ml|txt)$", I
)
"""Of an id that is a model's, or of a file."""


def read(field: str, text: str) -> values.Value | None:
    """The value as the field's kind reads it; None for what it may not be."""
    value = FIELDS[field].kind.read(
        re.sub(r"layer[ -]norm(?:ali[sz]ation)?", "layer_norm", text.strip(" -"), flags=I)
    )
    if field != "dataset_path" or value is None or "/" not in value:
        return value
    known = bool(values.corpora(value))
    return None if OF_SIZE.search(value) or (values.is_foundry(value) and not known) else value


def _denied(text: str, match: re.Match[str]) -> bool:
    """Whether the clause that has the words denies them."""
    begin = max(text.rfind(mark, 0, match.start()) for mark in CLAUSE) + 1
    ends = [at for mark in CLAUSE if (at := text.find(mark, match.end())) >= 0]
    return DENIED.search(text, begin, min(ends, default=len(text))) is not None


def deniable(text: str) -> tuple[str, values.Value] | None:
    """What a sentence states by saying that something is done, or is not: a BOS token before the text, normalized activations; and of the base model its precision."""
    if match := OF_MODEL.search(text):
        value = FIELDS["model_dtype"].kind.read(match.group(1) or match.group(2))
        return None if value is None or DENIED.search(text) else ("model_dtype", value)
    if not IN_TRAINING.search(text):
        if match := TIED.search(text):
            return "tied_weights", _denied(text, match) is bool(match["un"] or match["un2"])
        if match := UNIT_NORM.search(text):
            return "unit_norm_decoder", not _denied(text, match) and "unnorm" not in match.group().lower()
    if SUBTRACTED.search(text):
        return "apply_b_dec_to_input", DENIED.search(text) is None
    if BOS.search(text):
        return "prepend_bos", DENIED.search(text) is None
    return ("normalize_activations", "none") if PLAIN.search(text) else None
