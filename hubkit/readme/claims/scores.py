"""Measured numbers: the peak layer, the raw activations of a layer, the best SAE, values by name, tables of SAEs."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hubkit.readme.claims.base_models import MODEL_COLUMN
from hubkit.readme.claims.called import CALLED, Called
from hubkit.readme.claims.kinds import BestSae, Claim, LayerScore, Measured, Peak, Stated
from hubkit.readme.claims.names import sae_in_row
from hubkit.readme.claims.numbers import decimals
from hubkit.readme.page import Line, Page, shortened

I = re.IGNORECASE  # noqa: E741 - as short as it is common here
PEAK_LAYER = re.compile(r"^peak layer(?: \(raw\))?\W{1,4}L(?:ayer )?(\d{1,3})\b", I)
PEAK_ACCURACY = re.compile(r"^peak (?:balanced )?accuracy[^\w~]{1,4}(~?)(\d{1,3}(?:\.\d{1,3})?) ?%", I)
PEAK_COLUMN = re.compile(r"^peak layer", I)
ACCURACY_COLUMN = re.compile(r"^bal(?:anced|\.) accuracy$", I)
BEST = re.compile(
    r"^best SAE(?: probe)? (?:balanced )?accuracy\W{1,4}(\d{1,3}(?:\.\d{1,3})?) ?% \(([\w./-]{3,200})\)", I
)
RAW = (
    re.compile(
        r"\bL(\d{1,3}) raw (?:baseline|activations?|probe) (?:of|at|reach(?:es)?|gives?) (\d{1,3}(?:\.\d{1,3})?)%"
    ),
    re.compile(r"\braw L(\d{1,3}) (?:residual stream )?activations achieves? (\d{1,3}(?:\.\d{1,3})?)%"),
)
VALUE = re.compile(r"\b([A-Za-z]{1,12}_[A-Za-z]{2,12})\s?[:=]\s?(-?\d{1,6}(?:\.\d{1,20})?)(?![\w.%]\w)")
ORIGINAL = re.compile(r"^(?:the )?original\b", I)
SIZES = {"d_sae": r"d_sae|width", "d_in": r"d_in", "layer": r"layer"}
TITLES = tuple(
    (one, re.compile(f"^(?:{one.title})(?P<percent> ?\\(?%\\)?| \\(percent\\))?$", I))
    for one in (*CALLED, *(Called(name, title, ()) for name, title in SIZES.items()))
)
"""What the columns of a table of SAEs are called."""
SIZE_TITLES = re.compile(f"^(?:{'|'.join(SIZES.values())})$", I)
NUMBER = re.compile(r"^L?(-?\d{1,7}(?:\.\d{1,10})?) ?(%?)(?: \[.*)?$")


def read(page: Page) -> Iterator[Claim]:
    """Every measured number whose meaning the card states."""
    for line in page.prose:
        yield from _peak(line)
        yield from _raw(line)
        yield from _row(line)
    stated = [claim for line in page.prose for claim in _values(line)]
    originals = {claim.name for claim in stated if claim.original}
    yield from (claim for claim in stated if claim.name in originals)


def _peak(line: Line) -> Iterator[Claim]:
    layer, accuracy = PEAK_LAYER.match(line.text), PEAK_ACCURACY.match(line.text)
    model, cell, score = line.column(MODEL_COLUMN), line.column(PEAK_COLUMN), line.column(ACCURACY_COLUMN)
    if model and cell:
        at, value = re.match(r"L(\d{1,3})\b", cell), re.match(r"(~?)(\d{1,3}(?:\.\d{1,3})?) ?%", score or "")
        yield Peak(
            line=line.number, quote=line.quote, layer=int(at.group(1)) if at else None,
            accuracy=float(value.group(2)) if value else None, about=bool(value and value.group(1)), model=model,
        )  # fmt: skip
    elif layer:
        yield Peak(line=line.number, quote=line.quote, layer=int(layer.group(1)), accuracy=None, about=False)
    elif accuracy:
        yield Peak(
            line=line.number,
            quote=line.quote,
            layer=None,
            accuracy=float(accuracy.group(2)),
            about=bool(accuracy.group(1)),
        )
    if match := BEST.match(line.text):
        yield BestSae(
            line=line.number,
            quote=line.quote,
            accuracy=float(match.group(1)),
            digits=decimals(match.group(1)),
            sae_id=match.group(2),
        )


def _raw(line: Line) -> Iterator[Claim]:
    for sentence in line.sentences():
        for pattern in RAW:
            for match in pattern.finditer(sentence):
                yield LayerScore(
                    line=line.number,
                    quote=shortened(sentence),
                    layer=int(match.group(1)),
                    accuracy=float(match.group(2)),
                )


def _values(line: Line) -> Iterator[Stated]:
    for match in VALUE.finditer(line.text[:1000]):
        yield Stated(
            line=line.number, quote=line.quote, name=match.group(1), number=float(match.group(2)),
            digits=decimals(match.group(2)), original=ORIGINAL.match(line.text) is not None,
        )  # fmt: skip


def _row(line: Line) -> Iterator[Claim]:
    sae_id = sae_in_row(line)
    if not sae_id:
        return
    for title, cell in zip(line.titles, line.cells, strict=False):
        match = NUMBER.match(cell)
        titled = next(((one, found) for one, words in TITLES if (found := words.match(title))), None)
        if match is None or titled is None:
            continue
        called, head = titled
        if number := called.number(match.group(1), percent=bool(match.group(2) or head["percent"])):
            yield Measured(
                line=line.number, quote=line.quote, sae_id=sae_id, measure=called.measure, number=number[0], slack=number[1], unsure=called.loosely,
                written=(float(match.group(1)),) if called.rest else (),
            )  # fmt: skip
