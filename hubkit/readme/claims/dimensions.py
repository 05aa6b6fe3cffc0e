"""The expansion factor of the repository's SAEs; shapes and names of tensors."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hubkit.readme.asides import asides
from hubkit.readme.claims.kinds import Claim, Expansion, TensorNames, TensorShape
from hubkit.readme.claims.names import SAE_ID
from hubkit.readme.claims.properties import title_facts
from hubkit.readme.page import Line, Page

I = re.IGNORECASE  # noqa: E741 - as short as it is common here
EXPANSION = re.compile(
    r"(?<![\w.–-])(\d{1,4}(?:\.\d{1,2})?)(?: ?[x×]|-fold| times)[ -](?:(?:hidden )?expansion|overcomplete|wider|as wide)\b|"
    r"\bexpan(?:sion|ds)(?:[ _](?:factor|ratio|multiplier))?(?: (?:[a-z-]+ ){0,4}?by (?:an? factor of )?|\s*(?:[:=|(→]\s*|\s)(?:(?:of|is|was) )?)[x×]?(\d{1,4}(?:\.\d{1,2})?) ?[x×]?(?![\w/]|\.\d| ?/|-\d|–)",
    I,
)
PAIR = re.compile(r"\((\d{2,6})[^\d()]{1,10}(\d{3,7})\)")
SHAPE = re.compile(
    r"(?<!\w)(W_enc|W_dec|b_enc|b_dec|threshold)\b(?:\"\])?(?:\.shape)?\W{1,6}?(?:torch\.Size\()?[\[(](\d{1,7})(?:, ?(\d{1,7}))?,?[\])]"
)
ASSIGNED_SHAPE = re.compile(
    r"\[\"(W_enc|W_dec)\"\] *# shape: *\[[^\]\n]{1,30}\] *= *\[(\d{1,7}), ?(\d{1,7})\]"
)
SAID_SHAPE = re.compile(
    r"(?:\b(?P<word>encoder|decoder)(?:'s)?(?: weights?)?(?: matrix)?|(?<!\w)(?P<name>W_enc|W_dec)`?)(?:,? (?:which )?(?:has|have|is|are|with|of)(?: of)?(?: the| a)?)? (?:shape|size|dimensions?)(?: of)? [\[(]?(\d{2,7}) ?(?:[x×,]|by) ?(\d{2,7})[\])]?",
    I,
)
"""In a sentence. Who speaks of "the decoder matrix" may write it either way round."""
LISTS_TENSORS = re.compile(r"^# ?(?:keys?|tensors)\b", I)
TENSOR = re.compile(r"\b(W_enc|W_dec|b_enc|b_dec|b_gate|b_mag|r_mag|threshold|log_threshold)\b")


def read(page: Page) -> Iterator[Claim]:
    """Every expansion factor, shape and list of tensors."""
    for line in (*title_facts(page), *page.prose, *asides(page)):
        yield from _expansion(line)
    for line in page.lines:
        yield from _shapes(line)
    yield from _tensor_names(page)


def _expansion(line: Line) -> Iterator[Claim]:
    if match := EXPANSION.search(line.text):
        pair = PAIR.search(line.text, match.end())
        yield Expansion(
            line=line.number, quote=line.quote, number=float(match.group(1) or match.group(2)),
            pair=(int(pair.group(1)), int(pair.group(2))) if pair else None,
        )  # fmt: skip


def _shapes(line: Line) -> Iterator[Claim]:
    for match in (*SHAPE.finditer(line.text), *ASSIGNED_SHAPE.finditer(line.text)):
        shape = tuple(int(text) for text in match.groups()[1:] if text)
        yield TensorShape(line=line.number, quote=line.quote, name=match.group(1), shape=shape)
    for match in SAID_SHAPE.finditer(line.text) if not line.code else ():
        name = match["name"] or f"W_{match['word'][:3].lower()}"
        shape = int(match[3]), int(match[4])
        yield TensorShape(
            line=line.number, quote=line.quote, name=name, shape=shape, either=match["name"] is None
        )


def _tensor_names(page: Page) -> Iterator[Claim]:
    """Comments in a usage text that list the tensors of the SAE that the code above has chosen."""
    sae_id: str | None = None
    lines = page.lines
    for at, line in enumerate(lines):
        if not line.code:
            continue
        if match := SAE_ID.search(line.text):
            sae_id = match.group(1)
        if sae_id is None or not LISTS_TENSORS.match(line.text):
            continue
        comment = [line]
        for below in lines[at + 1 : at + 5]:
            if not below.text.startswith("#") or not comment[-1].text.endswith(","):
                break
            comment.append(below)
        names = tuple(dict.fromkeys(name for one in comment for name in TENSOR.findall(one.text)))
        if len(names) > 2:
            last = comment[-1]
            yield TensorNames(line=last.number, quote=last.quote, sae_id=sae_id, names=names)
