"""Everything in a card's body that states a number or names a fact of an SAE, whether or not the grammar of claims reads it.

Wider than the claims on purpose: what is found here and held against nothing is what a reader must not take for checked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hubkit.models.mentions import MENTION
from hubkit.readme.asides import asides, cited_titles, comments, diagrams
from hubkit.readme.claims import values
from hubkit.readme.claims.beside import entries
from hubkit.readme.claims.fields import BY_NAME
from hubkit.readme.claims.named import CORPUS, PRECISION
from hubkit.readme.claims.sentences import paragraphs
from hubkit.readme.front_texts import front_texts, widget_texts
from hubkit.readme.page import SENTENCE, shortened
from hubkit.readme.separated import separated

if TYPE_CHECKING:
    from hubkit.readme.page import Line, Page

I = re.IGNORECASE  # noqa: E741 - as short as it is common here
NOISE = re.compile(
    r"https?://\S{1,500}|\b\d{4}-\d{2}-\d{2}\b|arxiv:? ?\d{4}\.\d{4,5}|\bv?\d{1,4}\.\d{1,4}\.\d{1,4}\S{0,30}|"
    r"(?<![\w.-])(?!(?:layers?|blocks?|top|topk|k|width|L0)-)[A-Za-z][\w.]{0,40}(?:-[\w.]{1,40}){1,8}|\[\d{1,3}\]|\[[^\[\]\n]{0,300}\]\([^()\s]{1,500}\)",
    I,
)
"""Numbers that state nothing of their own: addresses, days, versions, names such as GPT-2, footnotes, links."""
NUMBER = re.compile(
    rf"(?<![\w.:#@^])(?<![A-Za-z][/-])(\d{{1,9}}(?:\.\d{{1,12}})?[eE][-+]?\d{{1,3}}|\d{{1,9}}\.\d{{4,12}}|{values.AMOUNT})"
    r"(?: ?(?P<percent>%)|(?P<unit>[A-Za-z×]{1,2})(?!\w))?(?!\w|\.\w|/[A-Za-z])"
)
"""With what is written onto it: `16x`, `1.1B`, `40GB`."""
SPELLED = re.compile(
    rf"(?<![\w-])({values.SPELLED}(?:[ -](?:hundred|thousand)\b)?)(?= (?:(?!of |the |to |in )[a-z-]{{2,12}} ){{0,2}}(?:latents|features|SAEs|auto-?encoders|layers|blocks|tokens|steps|epochs|hours|rows|completions|prompts|seeds|dimensions|units|atoms|directions|architectures|conditions|per ?cent)\b| times\b| ?-?fold\b)|\b(?:layer|block|factor of|expansion of) ({values.SPELLED})",
    I,
)
"""A number in words, where what it counts stands behind it."""
NAMES = "|".join(
    re.escape(name).replace(r"\ ", "[ _-]")
    for name in sorted(
        (n for n, (_, loosely) in BY_NAME.items() if " " in n and not loosely),
        key=lambda name: (-len(name), name),
    )
)
WORD = re.compile(
    rf"(?<![\w-])(?:{NAMES})(?![\w-])|\bBOS\b|\bnormali[sz](?:ed|ation)\b|(?<!\w)(?:{PRECISION})(?!\w)|\b{CORPUS}\b|\b(?:batch)?top-?k\b|\bjump-?relu\b|\bgated SAEs?\b|\b(?:blocks|h|layers)\.\d|\bhook_\w|"
    r"\b(?:a|one|two|three|half a|several|some) dozen\b|\b(?:latents?|features?|neurons?|none|all|half)\b.{0,30}\b(?:dead|alive)\b|"
    r"\b(?:first|second|last|upper|lower|bottom|top) (?:half|third|quarter)\b|\b(?:even|odd|alternat(?:e|ing)) (?:layers|blocks)\b|"
    r"\b(?:two|three|four|five|six|eight|ten|sixteen|thirty-two|sixty-four)-?fold\b|\blossless\w*|\bperfect(?:ly)? reconstruct\w*|\bstate[- ]of[- ]the[- ]art\b|\bSOTA\b|\bpeer[- ]reviewed\b|\bpickles?\b|"
    r"\b(?:only the |the )?(?:last|first|final) tokens? of\b|\btoken embeddings?\b|\bskip connections?\b|\bnegative activations\b|\bper (?:token|batch|sample)\b|\bbetween (?:the )?(?:attention|MLP) and\b|\blicen[cs]es?\b|\bcrosscoders?\b|"
    r"\b(?:single|only|pair of|both|one) (?:\w+ )?(?:SAEs?|(?:sparse )?auto-?encoders?)\b|\bsparsity (?:penalty|loss|coefficient)\b|\btranspose[ds]?\b|\b(?:chat|instruction)[ -]tuned\b|"
    r"\b(?:quarters?|thirds?|halfway|half way|middle) (?:of the way |up |down |of |through |into )+(?:the |its )?(?:model|network|depth|layers|blocks)\b|\bpublic domain\b|"
    r"\b(?:matryoshka|temporal|gated|batch-?topk|end-to-end|hierarchical) (?:SAEs?|sparse auto-?encoders?)\b|\b(?:transcoders?|crosscoders?)\b|"
    r"\b(?:trained|made|written|saved|exported) (?:with|by|using|in) (?:SAELens|sae[-_]lens|dictionary[-_]learning|sparsify|EleutherAI|SAEBench|OpenAI|overcomplete)\b|"
    r"\b(?:mean|average|root|unit)[ -]?(?:squared? )?norm\w*|\b(?:scaled|rescaled|centred|centered|divided|multiplied)\b.{0,60}\b(?:norm|one|mean|inputs?|activations?)\b|"
    r"\bwith (?:increasing )?depth\b|\b(?:beats?|outperforms?|surpass(?:es)?|exceeds?) (?:the |their )?raw\b|\b(?:two|three|several|\d+) (?:shards|parts|files) per SAE\b|\bsharded\b|\bL0s\b|\b(?:higher|lower|larger|smaller|denser|sparser)\b.{0,40}\b(?:L0|explained variance|MSE|FVU|than (?:that|the one|the SAE) (?:of|at))\b|\b(?:half|a (?:third|quarter|fifth|tenth)|most) of (?:the|its|all)(?: the)? (?:latents|features)\b|\bdoubles? (?:from|with|at)\b|"
    r"\b(?:outputs?|inputs?) of (?:every|each) (?:\w+ )?(?:blocks?|layers?)\b|\b(?:after|before) the (?:MLP|attention|unembedding)\b|\b(?:final|last) outputs? of the (?:model|network)\b|\bunembedding\b|\b(?:first|last) (?:block|layer)\b|"
    r"\b(?:half|most|none|all|(?:a |one |two )?(?:thirds?|quarters?|fifths?|tenths?)) of (?:the |its )?(?:completions|rows|prompts|answers)\b|\boutnumber\w*\b|\b(?:two|three|four|five|ten) to one\b|\b(?:[AHV][12]00|RTX|GPUs?|TPUs?)\b|\bsingle tokens?\b|"
    r"\b(?:sparsest|densest|widest|narrowest|deepest) (?:of|SAEs?|ones?|dictionar\w+)\b|\bbest (?:probe|accuracy|L0|SAE)\b|"
    r"\bb_dec\b|\b(?:decoder|encoder) bias\b|\b(?:un)?tied\b|\bspecial tokens\b|\bdead (?:latents|features|neurons)\b|\bthresholds?\b|\bL1 (?:penalty|regulari[sz]ation)\b|\bunit[- ]norm\w*|\bstandardi[sz]ed\b|\bwhitened\b|\b(?:latents|features) (?:that )?(?:never|do not|don't) (?:fire|activate)\b|"
    r"\b(?:vanilla|standard|(?<!-)relu) (?:ReLU )?SAEs?\b|\b(?:one|an?|single) SAE (?:per|for (?:each|every))\b|\b(?:half|full|single|double) precision\b|"
    r"\b(?:MIT|Apache|CC[- ]BY|GPL)\b|\blicen[cs]ed\b|\bexplain\w* .{0,40}\bvariance\b|\bresidual stream\b|\bMLP outputs?\b|\battention outputs?\b|"
    r"(?<![\w/.:-])[A-Za-z][\w.-]{1,60}/(?!\S{0,80}\.(?:json|safetensors|pt|py|md)\b)[A-Za-z][\w.-]{0,60}-\d[\w.-]{0,40}(?![\w/])",
    I,
)
"""Words by which a sentence without a number states a fact of an SAE."""
ORDINAL = "first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|eleventh|twelfth|last|final|shallowest|deepest"
FACTUAL = re.compile(
    rf"\b(?:dead|alive|tokenizers?|beginning[- ]of[- ]sequence|auxiliary|penalt(?:y|ies)|regulari[sz]\w*|non-?linearit\w*|linear layers?|relu|power of two|embeddings?|output projections?|attention heads?|"
    rf"(?:{ORDINAL})(?:[- ]\w+)? (?:blocks?|layers?|SAEs?)\b|significan\w+|(?:above|below|beyond|within|better than|worse than) (?:\w+ )?(?:null|chance|noise|raw)|fine[- ]tuned|(?<!auto-)(?<!auto )(?:en|de)coder|"
    r"(?:increas|decreas)(?:es?|ed|ing)|(?:rises?|falls?|grows?|shrinks?) (?:with|from|over|at|by|until)|every (?:layer|block)|only (?:the|a|an|one)|ghost (?:gradients|grads)|resampl\w+|releases? `?[\w.-]{1,60}`? of SAELens|(?:the|that) models? (?:that )?(?:it|they|this|these)(?: SAEs?)? (?:was|were|is|are) (?:trained|made) (?:on|for|from)|(?:subtract|remov)\w* the (?:mean|bias)|(?:trained on|works? on|made for) (?:code|web|multilingual)\w*)\b|"
    r"├──|└──",
    I,
)
"""The same in words that cards use less often; and the lines of a tree of files."""
RANK = "rank"
"""Of which of several something is most true: no field of one SAE."""
FACTS: tuple[tuple[frozenset[str], re.Pattern[str]], ...] = (
    (frozenset({"dtype", "model_dtype"}), re.compile(rf"(?<!\w)(?:{PRECISION})(?!\w)", I)),
    (frozenset({"dataset_path"}), re.compile(rf"\b{CORPUS}\b", I)),
    (frozenset({"architecture"}), re.compile(r"\b(?:batch)?top-?k\b(?! ?[=(])|\bjump-?relu\b|\bgated\b(?! (?:models?|repo\w*|access|datasets?)\b)", I)),
    (frozenset({"place", "hook_name"}), re.compile(r"\bresidual stream\b|\bMLP outputs?\b|\battention (?:head )?outputs?\b|\b(?:outputs?|inputs?) of (?:every|each) (?:\w+ )?(?:blocks?|layers?)\b|\b(?:after|before) the (?:MLP|attention)\b(?! and\b)", I)),
    (frozenset({RANK}), re.compile(r"\b(?:sparsest|densest|widest|narrowest|largest|smallest|highest|lowest|strongest|weakest)\b|\b(?:best|worst|most|least)[ -](?:SAEs?|probes?|layers?|sparse|dense|accurate|faithful|interpretable|features|latents)\b", I)),
    (frozenset({"model_name"}), MENTION),
)  # fmt: skip
"""Words that are themselves the value of a field: each is held on its own, whatever else stands in the sentence."""
LONGEST = 600


@dataclass(frozen=True)
class Statement:
    """One sentence, row, item, comment or image, which may state several things."""

    first: int
    """1-based line."""
    last: int
    quote: str
    numbers: tuple[tuple[float, float], ...]
    """The bounds of each number: what rounding, or `32k`, can mean."""
    facts: tuple[tuple[frozenset[str], str], ...]
    """Each other value that it names, with the fields that it may be of; one that is named twice once."""
    text: str
    """The whole of it, without addresses and versions."""


def stated(page: Page) -> Iterator[Statement]:
    """Every statement of a card's body, in no order; of a citation none. Linear in its length."""
    for lines in paragraphs(page, every=True):
        if lines[0].section != "citation":
            yield from _sentences(lines)
    for line in page.prose:
        if line.cells and line.section != "citation":
            yield from _statement(line.text, line, line)
    for line in page.heads:
        yield from _statement(line.text, line, line)
    for line in (
        *front_texts(page),
        *widget_texts(page),
        *cited_titles(page),
        *asides(page),
        *entries(page),
        *diagrams(page),
        *comments(page),
        *separated(page),
    ):
        yield from _statement(line.text, line, line)


def _sentences(lines: list[Line]) -> Iterator[Statement]:
    text, ends = "", []
    for line in lines:
        text += line.text + " "
        ends.append(len(text))
    begin = 0
    for sentence in SENTENCE.split(text.rstrip()):
        stop = begin + len(sentence)
        first = next((line for line, end in zip(lines, ends, strict=True) if begin < end), lines[-1])
        last = next((line for line, end in zip(lines, ends, strict=True) if stop <= end), lines[-1])
        yield from _statement(sentence, first, last)
        begin = stop + 1


def _statement(text: str, first: Line, last: Line) -> Iterator[Statement]:
    text = text[:LONGEST]
    plain = NOISE.sub(" ", text)
    numbers = tuple(_bounds(match) for match in NUMBER.finditer(plain))
    numbers += tuple(
        bounds for match in SPELLED.finditer(text) if (bounds := values.amount(match[1] or match[2]))
    )
    if numbers or WORD.search(text) or FACTUAL.search(text):
        facts = {
            (fields, match.group()): None
            for fields, pattern in FACTS
            for match in pattern.finditer(text if pattern is MENTION else plain)
        }
        yield Statement(first.number, last.number, shortened(text), numbers, (*facts,), plain)


def _bounds(match: re.Match[str]) -> tuple[float, float]:
    """What the number may be: half a unit of its last digit is rounding, where it has digits behind the point, or is a percentage."""
    written = match.group(1)
    low, high = values.amount(written) or (float(written), float(written))
    if low == high and "e" not in written.lower() and ("." in written or match.group("percent")):
        half = 0.5 * 10.0 ** -len(written.partition(".")[2])
        low, high = low - half, high + half
    scale = 0.01 if match.group("percent") else 1e9 if match.group("unit") in ("B", "b") else 1.0
    return low * scale, high * scale
