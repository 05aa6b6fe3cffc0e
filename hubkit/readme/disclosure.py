"""Whether a card tells its readers of a defect, and which sections it has. Generous: any wording that a reader would understand counts."""

from __future__ import annotations

import re
from typing import Literal

from hubkit.readme.page import Page
from hubkit.readme.quantization import QUANTIZED

Defect = Literal["threshold", "pickle", "quantized", "dense"]
TOLD: dict[Defect, re.Pattern[str]] = {
    "threshold": re.compile(
        r"\bTHR0(?:01|02)\b|thresholds?\b[^.\n]{0,80}?(?:\b(?:never|not|zero|initial\w*|stuck|frozen|constant|unchanged|untrained|identical)\b|n[’']t\b|=+ ?0|\b0(?:\.0+)?\b)"
        r"|(?:never|not) (?:learn|train)\w*\b[^.\n]{0,60}?threshold|(?:functionally|effectively|plain|equivalent to|acts? (?:as|like)|behaves? (?:as|like)) (?:an? )?(?:plain )?ReLU",
        re.IGNORECASE,
    ),
    "pickle": re.compile(
        r"\bWTS014\b|\bSEC001\b|\b(?:un)?pickl\w+|arbitrary code|\btorch\.load\b|\bpytorch (?:\.pt|checkpoint|dict|file|format)|\.pth?\b",
        re.IGNORECASE,
    ),
    "quantized": QUANTIZED,
    "dense": re.compile(
        r"\b(?:is|are|as|was|were|stays?|remains?|very|quite|rather|effectively) dense\b|\bnot sparse\b|\bdense (?:codes?|activations?|SAEs?)\b",
        re.IGNORECASE,
    ),
}
SECTIONS: dict[str, re.Pattern[str]] = {
    "training data": re.compile(r"\btrain(?:ing|ed)\b[^.\n]{0,200}?\b(?:data|dataset|corpus|corpora|tokens|activations|completions|prompts|pile|web)\b|^datasets?\b|\bcompletions\b", re.IGNORECASE | re.MULTILINE),
    "intended use and what it is not for": re.compile(r"\bintended use|\buses?\b[^.\n]{0,20}(?:$|\bcases?\b)|recommended|good for|not (?:suitable|meant|designed|intended)|should not be used|does not measure", re.IGNORECASE | re.MULTILINE),
    "limitations": re.compile(r"limitation|caveat|known (?:issue|defect|problem)|not (?:been )?(?:tested|evaluated|measured)", re.IGNORECASE),
    "precision": re.compile(r"precision|\b(?:b?float|bf|fp)(?:16|32)\b|quanti[sz]", re.IGNORECASE),
    "citation": re.compile(r"\bcit(?:e|ation|ing)\b|bibtex|@(?:article|misc|inproceedings|software)\b|arxiv", re.IGNORECASE),
}  # fmt: skip
"""What readers need, and words that show it is there."""


def discloses(page: Page, defect: Defect) -> bool:
    """Whether the prose tells of it; code does not count."""
    return any(TOLD[defect].search(line.text[:2000]) for line in page.prose)


DEAD = re.compile(
    r"\b(?:dead|alive|living|never (?:fired?|activated?)|(?:do|did|does)(?: not|n[’']t) fire)\b",
    re.IGNORECASE,
)
GROUPED = re.compile(r"(?<=\d)[,_ \u2009\u202f](?=\d{3}(?!\d))")
AMOUNT = re.compile(r"(?<![\d.])(\d{1,9}(?:\.\d{1,3})?)(?: ?(%|per ?cent))?")


def tells_of_dead(page: Page, dead: int, d_sae: int) -> bool:
    """Whether the prose gives the number, or the share, of an SAE's dead latents, or of those that are alive."""
    counts = {dead, d_sae - dead}
    shares = [100 * one / d_sae for one in counts]
    for line in page.prose:
        if DEAD.search(line.text[:2000]) or DEAD.search(" ".join(line.titles)):
            for number, percent in AMOUNT.findall(GROUPED.sub("", line.text[:2000])):
                if percent and any(abs(float(number) - share) <= 0.5 for share in shares):
                    return True
                if not percent and float(number) in counts:
                    return True
    return False


def discloses_any(text: str) -> bool:
    """Whether a text tells of any defect."""
    return any(words.search(text[:2000]) for words in TOLD.values())


def missing_sections(page: Page) -> list[str]:
    """Of the sections that readers need, those of which nothing is there."""
    front = set(page.readme.front_matter or {})
    lines = page.lines
    found = {name for name, words in SECTIONS.items() if any(words.search(line.raw[:2000]) for line in lines)}
    found |= {"training data"} if "datasets" in front else set()
    return [name for name in SECTIONS if name not in found]
