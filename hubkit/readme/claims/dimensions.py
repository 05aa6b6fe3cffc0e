"""d_in, d_sae, k and the expansion factor of the repository's SAEs; shapes and names of tensors.

Only where the card speaks of its own SAEs: at the head of a line, in a table of properties, or in the sentence that introduces them.
`d_in=2048` in the middle of a sentence may be another study's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from hubkit.readme.claims.kinds import Claim, Dimension, Dtype, TensorNames, TensorShape
from hubkit.readme.claims.names import SAE_ID
from hubkit.readme.claims.numbers import WIDTH, width
from hubkit.readme.page import Line, Page

I = re.IGNORECASE  # noqa: E741 - as short as it is common here
NAMES = {
    "d_in": r"d_in|input dim(?:ension)?(?: \(d_in\))?",
    "d_sae": r"d_sae|SAE (?:dim(?:ension)?|width|size)(?: \(d_sae\))?|dictionary size",
    "k": r"k(?: \(topk\))?|top-?k(?: \(k\))?",
}
"""What each is called; d_model is the base model's."""
AT_HEAD = {
    name: re.compile(
        rf"^(?:dimensions\W{{1,3}})?(?:{words})\s*(?:[:=|])\s*({WIDTH})(?![\w.x×%])(?:\s|[,(=|;]|$)", I
    )
    for name, words in NAMES.items()
}
FOLLOWING = re.compile(
    rf"^(?:dimensions\W{{1,3}})?d_in\s*=\s*{WIDTH}\s*,\s*d_sae\s*=\s*({WIDTH})(?![\w.])", I
)
IN_INTRODUCTION = re.compile(rf"\bSAEs? \(k=({WIDTH}), d_in=({WIDTH}), d_sae=({WIDTH})\b", I)
TOPK = re.compile(
    r"^(?:\d{1,2} (?:SAE )?architectures?:?.{0,60}?|architecture\W{1,3})TopK(?: SAEs?)? \(k\s?=\s?(\d{1,5})\)",
    I,
)
OF_TOPK = re.compile(
    r"^(?:all (?:the )?)?TopK SAEs? (?:have|has|use|uses|(?:are|were) trained with) k\s?=\s?(\d{1,5})\b(?!\.\d)",
    I,
)
WITH_K = re.compile(r"^TopK \(k=(\d{1,5})\) sparse autoencoders? trained", I)
EXPANSION = re.compile(
    r"(?<![\w.–-])(\d{1,4}(?:\.\d{1,2})?) ?[x×](?: (?:hidden )?)expansion\b|\bexpansion(?: factor)?\s*(?:[:=|(]\s*|\s)(?:of )?(\d{1,4}(?:\.\d{1,2})?) ?[x×]?(?![\w.])",
    I,
)
PAIR = re.compile(r"\((\d{2,6})[^\d()]{1,10}(\d{3,7})\)")
SHAPE = re.compile(
    r"(?<!\w)(W_enc|W_dec|b_enc|b_dec|threshold)\b(?:\"\])?\W{1,6}?[\[(](\d{1,7})(?:, ?(\d{1,7}))?,?[\])]"
)
ASSIGNED_SHAPE = re.compile(
    r"\[\"(W_enc|W_dec)\"\] *# shape: *\[[^\]\n]{1,30}\] *= *\[(\d{1,7}), ?(\d{1,7})\]"
)
LISTS_TENSORS = re.compile(r"^# ?(?:keys?|tensors)\b", I)
TENSOR = re.compile(r"\b(W_enc|W_dec|b_enc|b_dec|b_gate|b_mag|r_mag|threshold|log_threshold)\b")
DTYPE = re.compile(
    r"^(?:dtype|weights? dtype|SAE dtype)\s*[:|=]\s*(?:torch\.)?(float32|float16|bfloat16|fp32|fp16|bf16)\b",
    I,
)
SHORT = {"fp32": "float32", "fp16": "float16", "bf16": "bfloat16"}


def read(page: Page) -> Iterator[Claim]:
    """Every dimension of a card."""
    for line in page.prose:
        yield from _dimensions(line)
        if match := DTYPE.match(line.text):
            dtype = match.group(1).lower()
            yield Dtype(line=line.number, quote=line.quote, dtype=SHORT.get(dtype, dtype))
    for line in page.lines:
        yield from _shapes(line)
    yield from _tensor_names(page)


def _dimensions(line: Line) -> Iterator[Claim]:
    found: list[tuple[str, int]] = []
    for name, pattern in AT_HEAD.items():
        if (match := pattern.match(line.text)) and (number := width(match.group(1))):
            found.append((name, number))
    if (match := FOLLOWING.match(line.text)) and (number := width(match.group(1))):
        found.append(("d_sae", number))
    if match := IN_INTRODUCTION.search(line.text):
        numbers = [width(text) for text in match.groups()]
        found += [
            (name, number) for name, number in zip(("k", "d_in", "d_sae"), numbers, strict=True) if number
        ]
    if match := TOPK.match(line.text) or WITH_K.match(line.text) or OF_TOPK.match(line.text):
        found.append(("k", int(match.group(1))))
    for name, number in found:
        yield Dimension(line=line.number, quote=line.quote, name=name, number=number)  # type: ignore[arg-type]
    if match := EXPANSION.search(line.text):
        pair = PAIR.search(line.text, match.end())
        yield Dimension(
            line=line.number, quote=line.quote, name="expansion", number=float(match.group(1) or match.group(2)),
            pair=(int(pair.group(1)), int(pair.group(2))) if pair else None,
        )  # fmt: skip


def _shapes(line: Line) -> Iterator[Claim]:
    for match in (*SHAPE.finditer(line.text), *ASSIGNED_SHAPE.finditer(line.text)):
        shape = tuple(int(text) for text in match.groups()[1:] if text)
        yield TensorShape(line=line.number, quote=line.quote, name=match.group(1), shape=shape)


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
