"""What of a card changes, claim by claim: the line, what it said, what the files say, what the new card says."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from hubkit.adopt.contradicted import ALSO, QUOTED, against_something, on_line
from hubkit.adopt.draft import Draft, lines_of, short
from hubkit.adopt.pieces import Piece, code_of
from hubkit.readme.claims import Claims
from hubkit.readme.claims.kinds import (
    Claim,
    Expansion,
    HookForm,
    LayerList,
    ModelFamily,
    NamedSae,
    Property,
    TensorNames,
    TensorShape,
    Unlearned,
)
from hubkit.readme.document import parse_readme
from hubkit.readme.page import page_of, shortened
from hubkit.release.layout import README
from hubkit.validate.finding import Finding, Severity
from hubkit.words import many

Outcome = Literal["withdrawn", "kept", "restated", "added", "open"]
"""Out of the card and kept in card.yaml; in it with a mark, for its author to decide; said by hubkit's own sections; not said before and said now; still so."""
ORDER = {"withdrawn": 0, "kept": 1, "restated": 2, "added": 3, "open": 4}
SUBJECTS = ("what", "field", "name", "layer", "model")
"""What of a claim says what it is about."""
ABOUT: dict[type[Claim], re.Pattern[str]] = {
    Unlearned: re.compile(r"\d of \d.{0,300}\b(?:THR00[12]\b|threshold)", re.IGNORECASE),
    HookForm: re.compile(r"`(?:model\.|transformer\.|blocks\.|gpt_neox\.)[\w.]+`"),
    ModelFamily: re.compile(r"^\| (?:Architecture|Model type) \|"),
    Expansion: re.compile(r"\d \(\d+(?:\.\d+)?x\)|\bd_sae\b"),
    TensorShape: re.compile(r"\bW_enc \["),
    TensorNames: re.compile(r"\bW_enc \["),
    LayerList: re.compile(r"\*\*Layers\*\*|\blayers?\b \d"),
    NamedSae: re.compile(r"\bsae_id = "),
}
"""How the built card speaks of what it states in words that no claim is read from."""
FIELDS = {
    "d_in": re.compile(r"\bd_in\b.*\d"),
    "d_sae": re.compile(r"\bd_sae\b.*\d"),
    "k": re.compile(r"\bk = \d"),
    "architecture": re.compile(r"\*\*\d+ (?:SAEs?|transcoders?)\*\*"),
    "hook_name": ABOUT[HookForm],
    "layer": ABOUT[LayerList],
    "model_name": re.compile(r"trained on activations of"),
}
"""Of a Property, by its field."""
RULE = re.compile(r"[A-Z]{3,8}\d{3}:")
"""What the reason of a rule begins with."""
CLAUSE = re.compile(r"[ \t]{0,20}[()][ \t]{0,20}|;\s|\s[—–-]\s|,\s(?=[a-z]{4})|(?<=\w):\s")
LAYER = re.compile(r"^l(?=\d+$)")
VALUE = re.compile(r"\d|[a-z]\.[a-z{]|_")
SAYS = re.compile(r"[^\W\d_]{2,}|\d.*\d")
UNDISCLOSED = "CARD010"
GONE = "not said any more"
OWN_CODE = "loading code of its own, made from the configurations"
LEFT = "the sentence as it stands, with a mark that says this: a warning is the author's to decide"
SAID = "the same, from the files"


@dataclass(frozen=True)
class Difference:
    """One claim."""

    line: int
    """Of the earlier card; 0 for what has no line."""
    code: str
    says: str
    files: str
    now: str
    outcome: Outcome
    besides: str = ""
    """What else a withdrawn sentence said, beside what is contradicted: it went too."""

    def to_json(self) -> dict[str, Any]:
        """For `--format json`."""
        return asdict(self)


def differences(
    old: Claims, draft: Draft, before: Iterable[Finding], after: Iterable[Finding], card: str | None
) -> list[Difference]:
    """Every finding on the card that was there and was worth a warning, and everything that was withdrawn; `old` is what that card claims."""
    found = [
        one
        for one in before
        if one.path == README and one.code.startswith("CARD") and one.severity > Severity.NOTE
    ]
    left = {(one.code, QUOTED.sub("", one.message)) for one in after}
    claims = _Claims(old, draft, card)
    rows = [_of_finding(one, draft, left, claims) for one in found]
    told = {(row.line, row.code) for row in rows if row.outcome == "withdrawn"}
    rows += list(_of_pieces(draft, told, claims))
    rows += [
        Difference(one.first, "", _said([one]), "", claims.now(one, "", SAID), "restated")
        for one in draft.restated
        if one.kind not in {"head", "heading"}
    ]
    return sorted(_together(rows), key=lambda row: (ORDER[row.outcome], row.line, row.code))


def with_front(rows: list[Difference], out: Iterable[Mapping[str, Any]]) -> list[Difference]:
    """The rows, and what of the front matter is withdrawn (text, line, reason) in the place of what was found there."""
    found = []
    for one in out:
        line, why = one["line"], one["reason"]
        told = [row for row in rows if row.line == line and row.files and row.files in why]
        rows = [row for row in rows if row not in told]
        code = told[0].code if told else ""
        found.append(Difference(line, code, short(one["text"]), QUOTED.sub("", why), GONE, "withdrawn"))
    return sorted([*rows, *found], key=lambda row: (ORDER[row.outcome], row.line, row.code))


def _of_finding(finding: Finding, draft: Draft, left: set[tuple[str, str]], claims: _Claims) -> Difference:
    line, says = finding.line or 0, QUOTED.search(finding.message)
    there = [piece for piece in on_line(draft.pieces, finding.line) if piece in draft.gone]
    gone = [
        piece for piece in there if any(why.startswith(finding.code) for why in draft.gone[piece])
    ] or there
    whole = QUOTED.sub("", finding.message)
    quote = says.group()[3:-1] if says else ""
    if gone and against_something(finding):
        return Difference(
            gone[0].first,  # as in card.yaml
            finding.code,
            _said(gone, quote) or quote,
            whole,
            claims.now(gone[0], finding.message),
            "withdrawn",
            besides(gone, [whole, *(why for piece in gone for why in draft.gone[piece])]),
        )
    if against_something(finding):
        return Difference(line, finding.code, quote, whole, LEFT, "kept")
    if (finding.code, whole) in left or claims.card is None:
        return Difference(line, finding.code, quote, whole, "the same", "open")
    now = claims.line(ABOUT[Unlearned]) if finding.code == UNDISCLOSED else None
    return Difference(line, finding.code, quote, whole, now or "it is there now", "added")


def _of_pieces(draft: Draft, told: set[tuple[int, str]], claims: _Claims) -> Iterator[Difference]:
    """What went with the findings on the new card, or for another reason."""
    for piece, reasons in draft.withdrawn:
        for why in () if piece.kind == "head" else reasons:
            code = why.partition(":")[0] if RULE.match(why) else ""
            if (piece.first, code) not in told:
                files = why.partition(": ")[2] if code else why
                yield Difference(
                    piece.first,
                    code,
                    _said([piece]),
                    files,
                    claims.now(piece, files),
                    "withdrawn",
                    besides([piece], reasons) if code else "",
                )


def _together(rows: list[Difference]) -> list[Difference]:
    """Each claim once."""
    return list(
        {
            (row.line, row.code, row.files, row.says if row.outcome == "restated" else ""): row
            for row in rows
        }.values()
    )


def _said(gone: list[Piece], quote: str = "") -> str:
    """What was withdrawn; of code how much of it there is, and the line that is quoted."""
    lines = sum(code_of(piece)[1].count("\n") + 1 for piece in gone if piece.kind == "code")
    if lines:
        return f"{many(lines, 'line')} of code{', with: ' if quote else ''}{quote}"
    return short(" ".join(piece.text for piece in gone))


def besides(gone: Iterable[Piece], messages: Iterable[str]) -> str:
    """The clauses of withdrawn sentences that hold no value which `messages` name; empty where none does."""
    named = {word for one in messages for word in _words(ALSO.sub("", one)) if VALUE.search(word)}
    named = {_bare(word) for word in named}
    clauses = [
        clause.strip(" .,:*_`")
        for piece in gone
        if piece.kind == "text"
        for clause in CLAUSE.split(piece.text)
    ]
    others = [clause for clause in clauses if named.isdisjoint(map(_bare, _words(clause)))]
    told = [" ".join(clause.split()) for clause in others if SAYS.search(clause)]
    return "; ".join(told) if len(others) < len(clauses) else ""


def _words(text: str) -> list[str]:
    return [word.strip(".,:;()*`'\"") for word in text.split()]


def _bare(word: str) -> str:
    """`gpt_neox` of `GPT-NeoX`, `9` of `L9`."""
    return LAYER.sub("", "".join(filter(str.isalnum, word.lower())))


class _Claims:
    """The claims of both cards: what the new one says where the old one was wrong."""

    def __init__(self, old: Claims, draft: Draft, card: str | None) -> None:
        self.card = card
        theirs = lines_of(draft)
        self.ours = [
            (n, line) for n, line in enumerate((card or "").split("\n"), 1) if line.strip() not in theirs
        ]
        self.old: dict[int, list[Claim]] = {}
        for claim in old.found:
            self.old.setdefault(claim.line, []).append(claim)
        self.new: dict[tuple[object, ...], list[Claim]] = {}
        for claim in page_of(parse_readme(card)).claims.found if card else ():
            self.new.setdefault(_subject(claim), []).append(claim)
        self.lines: dict[re.Pattern[str], str | None] = {}

    def now(self, piece: Piece, message: str, unknown: str = GONE) -> str:
        """What the new card says on what `message` is about; `unknown` where no line of it can be named."""
        if self.card is None:
            return GONE
        if piece.kind == "code":
            return OWN_CODE
        there = [claim for line in range(piece.first, piece.last + 1) for claim in self.old.get(line, ())]
        named = [claim for claim in there if _is_named(claim, message)] or there[:1]
        for claim in named:
            same = self.new.get(_subject(claim), [])
            alike = [one for one in same if getattr(one, "stated", None) == getattr(claim, "stated", None)]
            words = FIELDS.get(claim.field) if isinstance(claim, Property) else ABOUT.get(type(claim))
            there_now = None if alike or not words else self.line(words)
            if there_now or same:
                one = (alike or same or [claim])[0]
                return there_now or f"line {one.line}: {one.quote}"
        return unknown

    def line(self, words: re.Pattern[str]) -> str | None:
        """The first line of the new card that is hubkit's and matches."""
        if words not in self.lines:
            found = ((n, line) for n, line in self.ours if words.search(line))
            self.lines[words] = next((f"line {n}: {shortened(line)}" for n, line in found), None)
        return self.lines[words]


def _subject(claim: Claim) -> tuple[object, ...]:
    return (type(claim), *(getattr(claim, name, None) for name in SUBJECTS))


def _is_named(claim: Claim, message: str) -> bool:
    """Whether a finding speaks of this claim: its values stand in it."""
    values = [
        value for name, value in vars(claim).items() if name not in {"line", "quote", "digits", "slack"}
    ]
    words = message.replace(",", "").split()
    return any(
        str(value) in words
        for value in values
        if isinstance(value, int | float | str) and not isinstance(value, bool)
    )
