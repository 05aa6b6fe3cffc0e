"""Which section of hubkit's a heading of an author's belongs to, by the words that the field uses. No match is an answer: a section of the author's own."""

from __future__ import annotations

import re

SECTIONS: tuple[tuple[str, str], ...] = (
    ("caveat", r"\bread (?:this |me )?(?:before|first)\b|^what .{1,60} means? here$"),
    ("limitations", r"limitation|caveats?\b|known (?:issue|defect|problem)|warning|\brisks?\b|\bbias\b|ethic"),
    ("citation", r"\bcit(?:ation|ing|e)\b|bibtex|how to cite"),
    ("license", r"\blicen[cs](?:e|ing)\b"),
    ("uses", r"\b(?:intended|recommended|direct|downstream|out[- ]of[- ]scope|not recommended)\b.*\buses?\b|^(?:intended )?uses?$|use cases?|out[- ]of[- ]scope|\bapplications?\b"),
    ("labels", r"classification|labell?ing|\blabels?\b|\bjudges?\b|annotat|scenario"),
    ("loading", r"\b(?:usage|loading|how to|quick ?start|get(?:ting)? started|example|inference|installation|install|load|code)\b"),
    ("precision", r"precision|portab|quanti[sz]"),
    ("steering", r"steer"),
    ("stability", r"stabil|re-?sampl|replicat"),
    ("top_features", r"\b(?:top|interesting|example)\b.*\b(?:features?|latents?)\b"),
    ("effect_sizes", r"effect sizes?|cohen"),
    ("probes", r"\bprob(?:e|es|ing)\b"),
    ("contents", r"what(?:'s| is|s)? in (?:this|the) repo|contains|\bcontents?\b|\bfiles?\b|\bavailable\b|repo(?:sitory)? (?:structure|layout)|\b(?:sae|file|folder) (?:format|structure|naming|list)\b|^(?:the )?saes$"),
    ("training", r"\btrain(?:ing|ed)?\b|hyper-?param|\bdata ?sets?\b|training data|\bhardware\b|\bcompute\b|configuration|recipe"),
    ("architecture", r"architecture|\bmodel (?:details|specs?|description)\b|base model"),
    ("quality", r"\bmetrics?\b|evaluat|\bquality\b|performance|benchmark|reconstruction"),
    ("key_findings", r"finding|results?\b|insight|conclusion|takeaway"),
    ("research", r"context|background|research|motivation|\bpapers?\b|method|introduction"),
    ("versions", r"\bversions?\b|requirements?|dependenc|compatib"),
    ("summary", r"^(?:overview|summary|description|abstract|tl;?dr|about|model (?:information|overview|summary))\b"),
)  # fmt: skip
"""In the order in which they are asked: "Usage limitations" are limitations, and what asks to be read first stays above all that follows the facts."""
PLAIN: dict[str, str] = {
    "limitations": r"(?:known )?(?:limitations|caveats)(?: and (?:known )?(?:limitations|caveats))?",
    "citation": r"(?:how to cite|citations?)",
    "license": r"licen[cs]e",
    "uses": r"(?:intended )?uses?",
    "loading": r"(?:usage|loading(?: and usage)?|how to use|(?:loading|usage) example)",
    "contents": r"what(?:'s| is) in (?:this|the) repo(?:sitory)?|contents?",
    "training": r"training(?: (?:details|configuration|procedure))?",
    "architecture": r"architecture",
    "key_findings": r"(?:key )?(?:findings|results)",
    "research": r"(?:research )?context|background",
    "summary": r"(?:model )?(?:overview|summary)|model information|description",
}
"""Headings that say what hubkit's own heading above says."""
PATTERNS = tuple((name, re.compile(words, re.IGNORECASE)) for name, words in SECTIONS)
LONGEST = 200


def says_no_more(heading: str, section: str) -> bool:
    """Whether a heading adds nothing to that of the section it goes to."""
    words = PLAIN.get(section)
    return words is not None and re.fullmatch(words, heading.strip(" :."), re.IGNORECASE) is not None


def section_for(heading: str) -> str | None:
    """The section for a heading; None where no word of it names one."""
    return next((name for name, words in PATTERNS if words.search(heading[:LONGEST])), None)
