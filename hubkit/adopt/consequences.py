"""What cannot stay when something else is withdrawn: the head of a table with its last row, code that uses what withdrawn code defines, a sentence that points at it."""

from __future__ import annotations

import ast
import re
import symtable
from collections.abc import Iterable, Iterator, Mapping

from hubkit.adopt.pieces import Piece, Pieces, code_of, led_to
from hubkit.cards.snippet_names import names_bound, parse
from hubkit.readme.disclosure import discloses_any
from hubkit.release.layout import README

OURS = frozenset({"SAE", "repo_id", "sae_id", "sae"})
"""Names that the loading code of every new card defines, above the author's."""
PYTHON = frozenset({"", "python", "py", "python3", "ipython"})
DEFINES = re.compile(r"^(?:(?:def|class|import)[ \t]+(\w+)|from[ \t]+\S+[ \t]+import[ \t]+(\w+)|(\w+)[ \t]*=(?!=))", re.MULTILINE)  # fmt: skip
"""What code that is no Python would have defined."""
CODE = r"(?<!for )\b(?:code(?: block)?|pattern|snippet|example|script)s?"
POINTS = re.compile(
    rf"{CODE} (?:(?:shown|given|described) )?(?P<after>above|below)\b"
    rf"|\b(?P<before>above|below|following|preceding|previous) (?:[\w-]+ ){{0,3}}{CODE}\b",
    re.IGNORECASE,
)
"""`use the manual pattern above`, `the following code`."""
LABEL = re.compile(r"(?:\*\*|__)[^*_\n]{1,60}(?:\*\*|__)|[A-Z][\w -]{0,40}:\s")
"""What an item begins with where it is named."""
NUMBERED = re.compile(r"\d[.)]")
ENDED = re.compile(r"[.!?]\s*$")
BACK = frozenset({"above", "preceding", "previous"})


class Gone(dict[Piece, tuple[str, ...]]):
    """What is withdrawn, each piece with every reason once."""

    def add(self, more: Mapping[Piece, Iterable[str]]) -> None:
        """Further reasons."""
        for piece, reasons in more.items():
            self[piece] = tuple(dict.fromkeys([*self.get(piece, ()), *reasons]))


def with_consequences(pieces: Pieces, gone: Gone) -> Gone:
    """`gone`, and what has nothing to stand on without it."""
    _heads(pieces, gone)
    _asides(pieces, gone)
    _items(pieces, gone)
    _code(pieces, gone)
    _pointers(pieces, gone)
    _leads(pieces, gone)
    return gone


def _heads(pieces: Pieces, gone: Gone) -> None:
    """The head goes with the last row."""
    for part in pieces.parts:
        for block in part.blocks:
            rows = [piece for piece in block.pieces if piece.kind == "row"]
            if block.titles and rows and all(row in gone for row in rows):
                head = next(piece for piece in block.pieces if piece.kind == "head")
                gone.setdefault(head, gone[rows[0]])


def _asides(pieces: Pieces, gone: Gone) -> None:
    """`Threshold not learned (57 SAEs): ...`: what is said in brackets of a head goes with it."""
    for part in pieces.parts:
        for block in part.blocks:
            for group in block.groups:
                for head, aside, rest in zip(group.pieces, group.pieces[1:], group.pieces[2:], strict=False):
                    if head in gone and aside.text.startswith("(") and rest.before.startswith(":"):
                        gone.add({aside: gone[head]})


def _items(pieces: Pieces, gone: Gone) -> None:
    """What follows the label of an item goes with it, `**Count**: 57 SAEs. Each has its own.`; but not what tells of a defect."""
    for part in pieces.parts:
        for block in part.blocks:
            for group in block.groups:
                if not (group.pieces and group.marker):
                    continue
                head, *rest = group.pieces
                if head in gone and LABEL.match(head.text):
                    for piece in rest:
                        if piece not in gone and not discloses_any(piece.text):
                            gone.add(
                                {
                                    piece: [
                                        f"belongs to the item on line {head.first}, whose head is withdrawn"
                                    ]
                                }
                            )


def _code(pieces: Pieces, gone: Gone) -> None:
    """Blocks are read one after the other: one that needs a name which only withdrawn code before it defines cannot run."""
    there, lost = set(OURS), dict[str, int]()
    for piece in pieces.all:
        if piece.kind != "code":
            continue
        bound, needed = names_of(piece)
        missing = {} if piece in gone else {name: lost[name] for name in needed if name in lost and name not in there}  # fmt: skip
        if missing:
            gone.add({piece: [_uses(missing)]})
        if piece in gone:
            lost |= dict.fromkeys(bound, piece.first)
        else:
            there |= bound


def _uses(missing: Mapping[str, int]) -> str:
    names = ", ".join(f"`{name}`" for name in sorted(missing))
    lines = sorted(set(missing.values()))
    where = f"line{'s' if len(lines) > 1 else ''} {', '.join(map(str, lines))}"
    return f"uses {names}, which the withdrawn code on {where} defines"


def names_of(piece: Piece) -> tuple[set[str], set[str]]:
    """What a block defines, and what must be defined before it."""
    language, text = code_of(piece)
    if language not in PYTHON:
        return set(), set()
    try:
        body = parse(text, 1).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return {name for found in DEFINES.finditer(text) for name in found.groups() if name}, set()
    bound, needed, later = set[str](), set[str](), set[str]()
    for statement in body:
        now, inside = _needed(statement)
        needed |= now - bound
        later |= inside
        bound |= names_bound(statement)
    return bound, needed | (later - bound)


def _needed(statement: ast.stmt) -> tuple[set[str], set[str]]:
    """The names that a statement of the top level reads and does not define itself; and those that functions in it read once they are called."""
    table = _table(statement)
    now = {one.get_name() for one in table.get_symbols() if one.is_referenced() and not (one.is_assigned() or one.is_imported())}  # fmt: skip
    value = getattr(statement, "value", None)
    if isinstance(statement, ast.Assign | ast.AnnAssign) and value is not None:  # `sae = sae.to("cuda")`
        now |= {one.get_name() for one in _table(ast.Expr(value)).get_symbols() if one.is_referenced()}
    return now, set(_inside(table))


def _table(statement: ast.stmt) -> symtable.SymbolTable:
    return symtable.symtable(ast.unparse(statement), README, "exec")


def _inside(table: symtable.SymbolTable) -> Iterator[str]:
    """Global names of functions, classes and comprehensions."""
    for child in table.get_children():
        yield from (one.get_name() for one in child.get_symbols() if one.is_global())
        yield from _inside(child)


def _leads(pieces: Pieces, gone: Gone) -> None:
    """`It contains:` above a list or a table of which nothing is left."""
    for part in pieces.parts:
        for lead, below in led_to(part):
            if lead not in gone and below and all(one in gone for one in below):
                gone.add({lead: [f"leads to line {below[0].first}, which is withdrawn"]})


def _pointers(pieces: Pieces, gone: Gone) -> None:
    """A sentence that points at withdrawn code, or does no more than lead to it."""
    code = [piece if piece.kind == "code" else None for piece in pieces.all]
    above, below = _last(code), _last(code[::-1])[::-1]
    steps = set(_steps(pieces))
    for at, piece in enumerate(pieces.all):
        if piece.kind != "text" or piece in gone:
            continue
        if (
            (piece in steps or piece.text.rstrip().endswith(":"))
            and (next_ := _run(code, at + 1))
            and all(one in gone for one in next_)
        ):
            gone.add({piece: [f"leads to the code on line {next_[0].first}, which is withdrawn"]})
        elif found := POINTS.search(piece.text):
            way = (found["after"] or found["before"]).lower()
            meant = (above if way in BACK else below)[at]
            if meant is not None and meant in gone:
                gone.add({piece: [f"points at the code on line {meant.first}, which is withdrawn"]})


def _steps(pieces: Pieces) -> Iterator[Piece]:
    """`1. Load the SAE`: items of a numbered list that are no sentence."""
    for part in pieces.parts:
        for block in part.blocks:
            for group in block.groups:
                if (
                    NUMBERED.search(group.marker)
                    and len(group.pieces) == 1
                    and not ENDED.search(group.pieces[0].text)
                ):
                    yield group.pieces[0]


def _last(code: list[Piece | None]) -> list[Piece | None]:
    """At each place the last block of code up to it."""
    found: list[Piece | None] = []
    for piece in code:
        found.append(piece or (found[-1] if found else None))
    return found


def _run(code: list[Piece | None], at: int) -> list[Piece]:
    """The blocks of code that stand together from a place on."""
    found = []
    while at < len(code) and (piece := code[at]) is not None:
        found.append(piece)
        at += 1
    return found
