"""The corpus's cards, and the full ones beside it, with the claims and findings of each. HUBKIT_CORPUS names the folder; nothing of it is committed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from corpus import FOLDER

from hubkit.readme.claims import read_claims
from hubkit.readme.claims.kinds import Claim
from hubkit.readme.document import parse_readme
from hubkit.readme.page import Page
from hubkit.repo.memory import MemoryView
from hubkit.validate.finding import Finding
from hubkit.validate.run import Selection, validate

VERDICTS = Path(__file__).with_name("readme") / "claim_verdicts.json"
"""For each card's sha256 the verdict on each claim, read by hand: whether the claim is what the card says."""


@dataclass(frozen=True)
class CardSample:
    """One card."""

    name: str
    key: str
    """sha256 of the file: names it without holding it."""
    claims: tuple[Claim, ...]
    findings: list[Finding]
    """Of the card alone, without a repository."""


def card_samples() -> Iterator[CardSample]:
    """The cards of the corpus, then the seeds."""
    for path in [*sorted((FOLDER / "cards").glob("*.md")), *sorted((FOLDER.parent / "seeds").glob("*.txt"))]:
        data = path.read_bytes()
        view = MemoryView(name=path.name, files={"README.md": data})
        findings = validate(view, Selection(select=("CARD",))).findings
        claims = read_claims(Page(parse_readme(data.decode("utf-8")))).found
        yield CardSample(path.name, hashlib.sha256(data).hexdigest(), claims, findings)


def digest_of(claim: Claim) -> str:
    """A claim's kind, line and values, without its words."""
    values = {
        name: value
        for name, value in vars(claim).items()
        if name != "quote"
        and (value is not None or name not in {"row", "beside"})
        and not (name in {"partly", "unsure", "site"} and not value)
        and not (name == "only" and value == ())
    }
    text = json.dumps([type(claim).__name__, values], sort_keys=True, default=list)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
