"""What the files contradict, by the findings of `hubkit validate` on the card that is there and on the one that would be: no second judge.

A finding stands on a line. So that it points at one sentence, the card is also judged with each sentence on a line of its own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import combinations, pairwise

from hubkit.adopt.consequences import Gone, with_consequences
from hubkit.adopt.draft import Draft, lines_of
from hubkit.adopt.pieces import Group, Piece, Pieces, group_text
from hubkit.cards.text import inline
from hubkit.readme.document import Readme
from hubkit.release.layout import README
from hubkit.validate.finding import Finding, Severity
from hubkit.validate.rule import holding

UNFILLED = "CARD011"
"""A placeholder says nothing that could be kept."""
QUOTED = re.compile(r': "[^\n]*"$')
ALSO = re.compile(r" \(also on line (\d+(?:, \d+)*)\)")
MOST_ROUNDS = 12
MOST_CLAUSES = 3
"""Of one sentence after its head, of which each is tried."""
LINES = re.compile(r" \(lines? \d+(?:, \d+)*\)")
LINE = re.compile(r"\bline (\d+)\b")
MARKS = re.compile(r"<!-- /?hubkit:")
OF_HUBKIT = "it holds a mark of hubkit's own (<!-- hubkit:...), which a card may hold once"


Judge = Callable[[str], list[Finding]]
"""The findings on README.md, were this its text."""


def against_something(finding: Finding) -> bool:
    """Whether its rule holds a statement against something; the others speak of what is missing."""
    return finding.code in holding("files", "card", "code", "cards", "voice")


def contradicts(finding: Finding) -> bool:
    """Whether a finding withdraws what it stands on."""
    wrong = against_something(finding) and finding.severity is Severity.ERROR
    return finding.path == README and (wrong or finding.code == UNFILLED)


def doubts(finding: Finding) -> bool:
    """Whether a finding marks what it stands on: the files speak against it, and it may be right all the same."""
    return finding.path == README and against_something(finding) and finding.severity is Severity.WARNING


def _mark(piece: Piece, finding: Finding, places: Mapping[int, int]) -> None:
    """Say in the new card what the files say; of a heading and of code only the difference says it."""
    said = LINE.sub(
        lambda found: f"line {places.get(int(found[1]), found[1])} of the earlier card",
        LINES.sub("", ALSO.sub("", QUOTED.sub("", finding.message))),
    )
    if piece.kind in {"text", "row"} and f"hubkit: {inline(said)}" not in piece.mark:
        piece.mark = " ".join(filter(None, [piece.mark, f"*[hubkit: {inline(said)}]*"]))


def reason(finding: Finding, at: Callable[[int], int | None] = lambda _: None) -> str:
    """`CARD004: the card says 57 SAEs, the repository has 54`: without the words that it quotes.

    `at` gives a line of the card that was judged as one of the earlier card, where it has one.
    """
    message = ALSO.sub(lambda found: _also(found[1], at), QUOTED.sub("", finding.message))
    return f"{finding.code}: {message}"


def _also(lines: str, at: Callable[[int], int | None]) -> str:
    there = dict.fromkeys(line for one in lines.split(", ") if (line := at(int(one))))
    return f" (also on line {', '.join(map(str, there))})" if there else ""


def judged(readme: Readme, pieces: Pieces, found: Iterable[Finding], judge: Judge) -> Draft:
    """Withdraw what the findings on the old card stand on, sentence by sentence where they tell which."""
    gone = Gone({piece: (piece.fault,) for piece in pieces.all if piece.fault})
    gone.add({piece: [OF_HUBKIT] for piece in pieces.all if MARKS.search(piece.text)})
    found = list(found)
    wrong = [finding for finding in found if contradicts(finding)]
    if wrong or any(map(doubts, found)):
        text, owners, places = _sentence_a_line(readme, pieces)
        for finding in judge(text):
            owner = owners.get(finding.line or 0)
            if owner and contradicts(finding):
                why = reason(finding, places.get)
                gone.add({piece: [why] for piece in _clauses(owner, finding, text, judge)})
            elif owner and doubts(finding):
                _mark(owner[-1], finding, places)
    for finding in wrong:
        there = on_line(pieces, finding.line)
        if not any(why.startswith(finding.code) for piece in there for why in gone.get(piece, ())):
            gone.add({piece: [reason(finding, _same)] for piece in there})
    return Draft(pieces, with_consequences(pieces, gone))


def _clauses(owner: list[Piece], finding: Finding, text: str, judge: Judge) -> list[Piece]:
    """The fewest clauses after the head of a sentence without which nothing more is found on its line; all of it where that takes the head."""
    head, *rest = owner
    lines, at = text.split("\n"), (finding.line or 1) - 1
    marker = lines[at].partition(" ".join(head.text.split()))[0]
    for size in range(1, len(rest) + 1 if len(rest) <= MOST_CLAUSES else 1):
        for out in combinations(rest, size):
            lines[at] = marker + _in_a_line(owner, frozenset(out))
            if not any(contradicts(one) and one.line == at + 1 for one in judge("\n".join(lines))):
                return list(out)
    return owner


def _in_a_line(sentence: list[Piece], gone: frozenset[Piece] = frozenset()) -> str:
    return " ".join(group_text(Group(sentence), gone).split())


def _same(line: int) -> int:
    return line


def settled(
    draft: Draft, build: Callable[[Draft, bool], str], judge: Judge
) -> tuple[Draft, str, list[Finding]]:
    """Withdraw what the findings on the new card stand on, until none stands on the author's words; the new card, and what is found in it."""
    for number in range(MOST_ROUNDS):
        apart = number < MOST_ROUNDS // 2
        text = build(draft, apart)
        found = judge(text)
        gone = _named(draft, text, found)
        if not gone and apart:
            text = build(draft, False)
            found = judge(text)
            gone = _named(draft, text, found)
        if not gone:
            return draft, text, found
        more = Gone(draft.gone)
        more.add(gone)
        draft = replace(draft, gone=with_consequences(draft.pieces, more))
    text = build(draft, False)
    return draft, text, judge(text)


def _named(draft: Draft, text: str, found: Iterable[Finding]) -> dict[Piece, list[str]]:
    """The kept pieces on whose lines findings stand."""
    wrong = [finding for finding in found if contradicts(finding) and finding.line]
    if not wrong:
        return {}
    lines, owners = text.split("\n"), lines_of(draft)

    def on(number: int) -> list[Piece]:
        line = lines[number - 1].strip()
        return owners.get(line) or owners.get(line.lstrip("# ")) or []

    gone: dict[Piece, list[str]] = {}
    for finding in wrong:
        for piece in on(finding.line or 1):
            why = reason(finding, lambda line: next((one.first for one in on(line)), None))
            gone.setdefault(piece, []).append(why)
    return gone


def on_line(pieces: Pieces, line: int | None) -> list[Piece]:
    """The pieces that stand on a line of the card."""
    return [piece for piece in pieces.by_line.get(line or 0, ()) if piece.kind != "comment"]


def _sentence_a_line(readme: Readme, pieces: Pieces) -> tuple[str, dict[int, list[Piece]], dict[int, int]]:
    """The card with each sentence on lines of its own, blank lines as they are; the clauses of each line, and the line that it stood on."""
    old = readme.text.split("\n")
    lines = old[: readme.body_line - 1]
    owners: dict[int, list[Piece]] = {}
    places = {number: number for number in range(1, len(lines) + 1)}
    last = readme.body_line - 1
    for whole, marker in _sentences(pieces):
        piece, end = whole[0], whole[-1].last
        if any(not line.strip() for line in old[last : piece.first - 1]):
            lines.append("")
        raw = old[piece.first - 1 : piece.last] if piece.kind in {"code", "heading"} else None
        shown = raw or (piece.text.split("\n") if piece.kind != "text" else [marker + _in_a_line(whole)])
        for number, line in enumerate(shown):
            lines.append(line)
            owners[len(lines)] = whole
            places[len(lines)] = min(piece.first + number, piece.last)
        last = max(last, end)
    return "\n".join(lines), owners, places


def _sentences(pieces: Pieces) -> Iterator[tuple[list[Piece], str]]:
    """Every piece, with those that only go on with its sentence (`(57 SAEs)`, `: all of them`); the first of an item with its bullet."""
    markers: dict[Piece, str] = {}
    goes_on: set[Piece] = set()
    for part in pieces.parts:
        for block in part.blocks:
            for group in block.groups:
                markers |= dict.fromkeys(group.pieces[:1], group.marker)
                goes_on |= {one for one in group.pieces[1:] if one.before.startswith(":")}
                goes_on |= {one for one, rest in pairwise(group.pieces[1:]) if rest in goes_on and one.text.startswith("(")}  # fmt: skip
    whole: list[Piece] = []
    for piece in pieces.all:
        if whole and piece not in goes_on:
            yield whole, markers.get(whole[0], "")
            whole = []
        whole.append(piece)
    if whole:
        yield whole, markers.get(whole[0], "")
