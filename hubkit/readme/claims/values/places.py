"""Places in the base model: layers, and names of hooks."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from hubkit.models.hooks import parse_hook, same_place
from hubkit.readme.claims.values.kind import BRACKETS, Value
from hubkit.readme.claims.values.numbers import SPELLED, amount

I = re.IGNORECASE  # noqa: E741 - as short as it is common here
HOOK_NAME = re.compile(
    r"(?:blocks\.\d{1,3}\.(?:\w{1,30}\.){0,2}hook_\w{1,30}|(?:[A-Za-z_]\w{0,30}\.){1,4}\d{1,3}(?:\.[A-Za-z_]\w{0,30}){0,3})"
)


WHERE = r"(?:the )?(?:residual[ -]stream|resid(?:ual)?[ _-](?:pre|mid|post)|post-residual|mlp[ _-]out(?:put)?|attn_out|attention[ _-]output)"
LAYER = re.compile(
    rf"(?:{WHERE}(?:,| @| at| of| in| after)? (?:the )?)?(?:L|(?:(?:transformer |decoder )?(?:layer|block)(?: index| number)?[ _#-]{{0,2}}))?(?P<number>\d{{1,3}}|{SPELLED})"
    rf"(?P<total> ?(?:of|/|out of) ?(?:the )?\d{{1,3}}(?: layers)?)?(?:,? {WHERE})?(?: ?\([^()]{{0,120}}\))?[.;]?",
    I,
)
ORDINALS = {
    "first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7, "eighth": 8, "ninth": 9, "tenth": 10, "eleventh": 11, "twelfth": 12,
    "thirteenth": 13, "fourteenth": 14, "fifteenth": 15, "sixteenth": 16, "seventeenth": 17, "eighteenth": 18, "nineteenth": 19, "twentieth": 20,
}  # fmt: skip
FROM_END = {
    "last": -1,
    "final": -1,
    "penultimate": -2,
    "second-to-last": -2,
    "second to last": -2,
    "next-to-last": -2,
}
ORDINAL = rf"(?:\d{{1,3}}(?:st|nd|rd|th)|{'|'.join([*FROM_END, *ORDINALS])})"
"""`9th`, `ninth`, `last`."""
NTH = re.compile(rf"(?:the )?({ORDINAL}) (?:transformer |decoder )?(?:layer|block)[.;]?", I)


def nth(word: str) -> list[int]:
    """The layers that an ordinal may mean: the 9th is layer 9, or layer 8 to who counts from 0; the last is -1, counted from the end."""
    word = word.lower()
    if word in FROM_END:
        return [FROM_END[word]]
    number = ORDINALS.get(word) or int(re.sub(r"\D", "", word))
    return [number - 1, number]


@dataclass(frozen=True)
class Layer:
    """One layer: `6`, `L6`, `layer six`, `6 of 12`, `6/12 (middle)`, `the 6th layer`."""

    def read(self, text: str) -> Value | None:
        """The numbers that it may have in the files, which count from 0: one, unless an ordinal; below 0 counted from the last."""
        text = text.strip(" `")
        if match := NTH.fullmatch(text):
            return nth(match.group(1))
        match = LAYER.fullmatch(text)
        if match is None:
            return None
        bounds = amount(match.group("number"))
        return [int(bounds[0])] if bounds else None

    def agrees(self, stated: Value, true: Any) -> bool | None:
        """Whether it is one of them; of what is counted from the end and what is not, nobody can tell."""
        if not isinstance(true, int) or (true < 0) != (stated[0] < 0):
            return None
        return true in stated

    def shown(self, stated: Value) -> str:
        """The number."""
        return (
            "the last"
            if stated == [-1]
            else "the last but one"
            if stated == [-2]
            else " or ".join(map(str, stated))
        )


BLOCK = r"(?:the |each |this |its |every (?!(?:other|second|third|fourth|fifth|sixth|\d)))?(?:transformer |decoder )?(?:block|layer)\b(?! ?-?norm)"
Words = tuple[tuple[re.Pattern[str], frozenset[str]], ...]
BY_NAME: Words = (
    (re.compile(r"\bresid(?:ual)?[ _-]?pre\b", I), frozenset({"resid_pre"})),
    (re.compile(r"\bresid(?:ual)?[ _-]?mid\b", I), frozenset({"resid_mid"})),
    (re.compile(r"\bresid(?:ual)?[ _-]?post\b", I), frozenset({"resid_post", "out"})),
)
OF_PART: Words = (
    (re.compile(r"\b(?:mlp|ffn|feed-?forward)(?: layer| block)?[ _-]out(?:puts?)?\b|\boutputs? of (?:the |its )?(?:MLP|feed-?forward)|\b(?:layer|block) \d{1,3}'s MLP output", I), frozenset({"mlp_out", "mlp"})),
    (re.compile(r"\b(?:attn|attention)(?: layer| block)?[ _-]out(?:puts?)?\b|\boutputs? of (?:the |its )?(?:self-)?attention\b", I), frozenset({"attn_out", "z", "result", "attn"})),
    (re.compile(r"\b(?:MLP|feed-?forward) (?:hidden |post-)?(?:activations|neurons)\b|\bmlp[ _-]post\b", I), frozenset({"post", "mid", "mlp", "mlp_out"})),
)  # fmt: skip
OF_BLOCK: Words = (
    (re.compile(rf"\b(?:before|inputs? (?:of|to)|entering|going into|preceding|prior to) {BLOCK}", I), frozenset({"resid_pre"})),
    (re.compile(rf"\b(?:after|outputs? of|leaving|following) {BLOCK}|\bwhat (?:block|layer) \d{{1,3}} (?:adds|writes|wrote|leaves|outputs|puts|passes)\b", I), frozenset({"resid_post", "out"})),
    (re.compile(r"\bbetween (?:the )?attention and (?:the )?MLP\b|\bafter (?:the )?(?:self-)?attention\b(?! (?:output|layer))", I), frozenset({"resid_mid"})),
)  # fmt: skip
STREAM: Words = (
    (
        re.compile(r"\bresidual[ _-]streams?\b", I),
        frozenset({"resid_pre", "resid_mid", "resid_post", "out"}),
    ),
)
MEASURED = re.compile(
    r"\b(?:as|than|times|exceeds?|beyond) (?:that of )?(?:the |its )?(?:model's )?residual[ _-]streams?\b|"
    r"\b(?:widths?|sizes?|dimension\w*|d_model) of (?:the |its )?(?:model's )?residual[ _-]streams?\b|"
    r"\bresidual[ _-]streams?(?:'s|\u2019s)? (?:width|size|dim(?:ension)?s?|(?:only |just |has |is |have ){1,3}\d[\d,]{0,9}[ -](?:dim\w*|wide))\b",
    I,
)
"""The stream as a measure of width: `as large as the residual stream`, `the residual stream only 768 dimensions`."""
SITES = (BY_NAME, OF_PART, OF_BLOCK, STREAM)
"""What people call the places in a block, and the sites of hooks that are meant: what is earlier is told more exactly."""


@dataclass(frozen=True)
class Site:
    """A place within a block: `residual stream`, `MLP output`, `before the block (resid_pre)`."""

    def read(self, text: str) -> Value | None:
        """The sites that may be meant; None where several places are named, or none."""
        text = MEASURED.sub(" ", text)
        for words in SITES:
            found = [sites for pattern, sites in words if pattern.search(text)]
            if len(found) > 1 or (found and words is OF_PART and STREAM[0][0].search(text)):
                return None
            if found:
                return sorted(found[0])
        return None

    def agrees(self, stated: Value, true: Any) -> bool | None:
        """Whether it is one of them."""
        return true in stated if isinstance(true, str) else None

    def shown(self, stated: Value) -> str:
        """The site, or the first of them."""
        return " or ".join(one for one in stated if one.startswith(("resid", "mlp_", "attn_"))) or str(
            stated[0]
        )


@dataclass(frozen=True)
class Hook:
    """The name of a hook, of either form, with its layer."""

    def read(self, text: str) -> Value | None:
        """The name, where the text is nothing else."""
        match = HOOK_NAME.fullmatch(BRACKETS.sub("", text).strip(" .;`"))
        return match.group() if match else None

    def agrees(self, stated: Value, true: Any) -> bool | None:
        """Equal; of names of two forms only the layer can be compared."""
        if not isinstance(true, str) or not true:
            return None
        ours, theirs = parse_hook(stated), parse_hook(true)
        if ours.form == theirs.form or "unknown" in (ours.form, theirs.form):
            return str(stated) == true
        places = same_place(ours), same_place(theirs)
        return bool(places[0] & places[1]) if all(places) else None

    def shown(self, stated: Value) -> str:
        """The name."""
        return str(stated)
