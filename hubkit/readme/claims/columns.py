"""Tables with a column for each property and a row for each SAE, or one for all of them.

Where a column has the ids, the row is that SAE's; else it is held against the SAEs that it can mean (`Property.row`). Results by layer, and tables of other people's
SAEs, are not read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from hubkit.readme.claims.fields import FIELDS, Field, named, understood
from hubkit.readme.claims.kinds import Property
from hubkit.readme.claims.names import FILE_COLUMN, SAE_COLUMN, sae_in_row
from hubkit.readme.claims.scores import SIZE_TITLES
from hubkit.readme.page import Line

OF_SAE = {*FIELDS} - {"l0", "target_l0", "d_model"}
"""What a column may say of the SAE whose id is in the row; `scores` reads the measures."""
OF_ROW = {
    "architecture",
    "hook_name",
    "k",
    "dtype",
    "model_name",
    "place",
    "context_size",
    "layer",
    "d_sae",
    "d_in",
}
"""What a column may say where no id is given."""
NOT_ALONE = {"layer", "model_name", "dtype", "context_size", "dataset_path"}
"""What also a table of something else has: results by layer, base models."""
ELSEWHERE = re.compile(
    r"\b(?:repo(?:sitory)?|releases?|links?|url|authors?|source|paper|methods?|baselines?|suite|works?|by|ref(?:erence)?|status|planned|prior|run|ablation|variant of|before|after)\b",
    re.IGNORECASE,
)
"""A column of these: other releases, or what was tried."""
SECTIONS = {"contents", "training", "other"}


@lru_cache(maxsize=64)
def is_columns(titles: tuple[str, ...]) -> bool:
    """Whether the titles are those of a table with a row for each SAE."""
    found = [about.name for about in _fields(titles) if about is not None and about.name in OF_ROW]
    known = set(found)
    return (
        len(known) >= 2
        and len(found) == len(known)
        and bool(known - NOT_ALONE)
        and not any(map(ELSEWHERE.search, titles))
    )


def _fields(titles: tuple[str, ...]) -> list[Field | None]:
    return [meant[0] if (meant := named(title)) else None for title in titles]


def column_claims(line: Line) -> Iterator[Property]:
    """What the row says of its SAE."""
    sae_id = sae_in_row(line)
    if sae_id is None and line.section not in SECTIONS:
        return
    for title, about, cell in zip(line.titles, _fields(line.titles), line.cells, strict=False):
        if (
            about is None
            or about.name not in (OF_SAE if sae_id else OF_ROW)
            or SAE_COLUMN.search(title)
            or FILE_COLUMN.search(title)
        ):
            continue
        if sae_id and SIZE_TITLES.match(title):
            continue
        meant = understood(about, cell) if cell else None
        if meant is not None:
            yield Property(
                line=line.number, quote=line.quote, field=meant[0].name, stated=meant[1], scope="any",
                sae_id=sae_id, row=None if sae_id else line.number,
            )  # fmt: skip
