"""What a card says and hubkit's own sections of the new one say too: one of the two stands, and it is the one that is made from the files.

A statement goes only where none of it would be missed: it states something of the SAEs, no rule speaks against it, and each of its words stands in hubkit's
sections. Where it says a word more, the whole of it stays. What goes is kept in card.yaml.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import pairwise

from hubkit.adopt.consequences import OURS, names_of
from hubkit.adopt.draft import Draft
from hubkit.adopt.pieces import Block, Group, Part, Piece, code_of
from hubkit.cards.snippet_names import parse
from hubkit.readme.claims import Claims
from hubkit.readme.claims.fields import FIELDS
from hubkit.readme.claims.kinds import Count, Expansion, LayerList, Property
from hubkit.readme.page import EMPHASIS

FACTS = (Count, Expansion, LayerList, Property)
"""Claims of what the strip, the table and the sections of a card say."""
SEVERAL = {"architecture": "architectures", "layer": "layers"}
"""Fields of which a release has several values, with what counts them: a line that gives one for all says something else than the list of hubkit's."""
KINDS = re.compile(
    r"\W{0,6}(?:SAE |autoencoder )?architectures\b[\s|:*]{1,8}(?P<values>[^|:\n]{2,200})[\s|.]{0,6}",
    re.IGNORECASE,
)
"""`| Architectures | JumpReLU, TopK |`."""
BETWEEN = re.compile(r",? and |[,/;&]")
LICENCE = "license"
"""The section whose text is hubkit's where it names the licence and no more."""
WORD = re.compile(r"\d+\.\d+|\w+")
THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}\b)")
HYPHEN = re.compile(r"\b(top|jump|batch)[- ](k|relu|topk)\b")
LAYER = re.compile(r"^l(?=\d+$)")
PLURAL = re.compile(r"[a-z]{2,}[^\W\ds]s")
EMPTY = re.compile(
    r"a|across|an|and|are|as|at|autoencoder|available|base|batch|both|by|card|check|contain|dictionary|dim|dimension|each|encoder|every|expansion|factor|feature"
    r"|following|for|format|from|has|have|here|hidden|hook|id|in|include|input|is|it|its|latent|layer|library|licen[cs]e|list|model|name|neuron|number|of|on|or"
    r"|our|output|per|point|publish|published|ratio|released?|repo|repository|residual|s|sae|saelen|site|size|sparse|stream|target|that|the|their|there|these|this|to"
    r"|total|train|trained|training|transformer|type|under|unit|used?|using|value|variant|via|we|width|with"
)
"""Words that say nothing of their own beside a value, in the singular."""
OTHERWISE = re.compile(
    r"but|except|excluding|however|instead|never|no|none|not|only|unless|unlike|until|without"
)
"""Words that turn the sense of those around them."""
INSTALLS = re.compile(r"(?:[!%$]\s*)?(?:uv |python3? -m )?pip3? install [^\n;&|]+")
SHELLS = frozenset({"", "bash", "sh", "shell", "console", "text"})
PYTHON = frozenset({"", "python", "py", "python3"})


@dataclass(frozen=True)
class _Said:
    """What the new card says without a word of the author's."""

    words: AbstractSet[str]
    repo_id: str
    lines: Mapping[int, AbstractSet[str]]
    """Every line of the earlier card that states a fact, with the numbers in it that were counted."""
    needed: AbstractSet[str]
    """Names that the author's code takes from other code of the author's."""

    def says(self, part: Part, group: Group) -> bool:
        kinds = {piece.kind for piece in group.pieces}
        if kinds == {"code"}:
            return self._loads(group.pieces[0])
        if not kinds <= {"text", "row"}:
            return False
        lines = [[n for n in range(one.first, one.last + 1) if n in self.lines] for one in group.pieces]
        states = part.name == LICENCE or all(lines)
        numbers = {word for several in lines for n in several for word in self.lines[n]}
        words = [word for one in group.pieces for word in words_of(one.text)]
        tells = any(not EMPTY.fullmatch(word) for word in words) and not group.pieces[-1].text.rstrip().endswith(":")  # fmt: skip
        return states and tells and all(self._has(word, numbers) for word in words)

    def _has(self, word: str, numbers: AbstractSet[str]) -> bool:
        known = word in self.words or word in numbers or EMPTY.fullmatch(word) is not None
        return known and not OTHERWISE.fullmatch(word)

    def _loads(self, piece: Piece) -> bool:
        """Whether a block of code does no more than hubkit's: it installs, or it loads an SAE of this repository."""
        language, text = code_of(piece)
        lines = [line.strip() for line in text.split("\n") if line.strip() and not line.strip().startswith("#")]  # fmt: skip
        if language in SHELLS and lines and all(map(INSTALLS.fullmatch, lines)):
            return all(word in self.words for line in lines for word in words_of(line) if not word[0].isdigit())  # fmt: skip
        if language not in PYTHON or not lines or not self.needed.isdisjoint(names_of(piece)[0]):
            return False
        try:
            body = parse(text, 1).body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return False
        loads = [one for one in body if isinstance(one, ast.Assign) and _is_load(one.value)]
        texts = {one.value for one in ast.walk(ast.Module(body, [])) if isinstance(one, ast.Constant)}
        elsewhere = {text for text in texts if isinstance(text, str) and "/" in text} - {self.repo_id}
        return len(loads) == 1 and not elsewhere and all(_prepares(one) for one in body if one not in loads)


def restated(
    draft: Draft, claims: Claims, ours: str, repo_id: str, counts: Mapping[str, int]
) -> frozenset[Piece]:
    """The pieces of `draft` that `ours`, the card of `repo_id` without a word of the author's, says too.

    `counts` are those of the files, by what a claim counts: a card need not print that there are 9 layers where it lists them.
    """
    pieces, gone = draft.pieces, frozenset(draft.gone) | draft.moved
    lines: dict[int, set[str]] = {claim.line: set() for kind in FACTS for claim in claims.of(kind)}
    words = frozenset(words_of(ours))
    for one in claims.of(Property):
        if one.sae_id is None and one.only is None and counts.get(SEVERAL.get(one.field, ""), 1) > 1:
            lines.pop(one.line, None)
    for count in claims.of(Count):
        if counts.get(count.what) == count.number and count.line in lines:
            lines[count.line].add(str(count.number))
    for factor in claims.of(Expansion):
        if f"{factor.number:g}x" in words and factor.line in lines:
            lines[factor.line].add(f"{factor.number:g}")
    for piece in pieces.all:
        if piece.kind in {"row", "text"} and _names_each(piece.text, counts.get("architectures")):
            lines.setdefault(piece.first, set())
    code = [piece for piece in pieces.all if piece.kind == "code" and piece not in gone]
    needed = {name for piece in code for name in names_of(piece)[1]} - OURS
    said = _Said(words, repo_id, lines, needed)
    found = set[Piece]()
    for part in pieces.parts:
        for block in part.blocks:
            for group in block.groups:
                if gone.isdisjoint(group.pieces) and said.says(part, group):
                    found |= set(group.pieces)
        found |= set(_leads(part, found, gone))
    heads = (head for part in pieces.parts for block in part.blocks for head in _heads(block, found))
    return frozenset(found | set(heads))


def _names_each(text: str, count: int | None) -> bool:
    """Whether a row or an item lists as many architectures as there are, each by a name of its own, and nothing else."""
    match = KINDS.fullmatch(EMPHASIS.sub("", text))
    named = [value.strip() for value in BETWEEN.split(match["values"]) if value.strip()] if match else []
    known = all(FIELDS["architecture"].kind.read(value) is not None for value in named)
    return known and len({value.lower() for value in named}) == len(named) == count


def words_of(text: str) -> Iterator[str]:
    """The words of a text, as they are compared: `Top-K` as topk, `L12` as 12, `9,216` as 9216, `SAEs` as sae."""
    plain = HYPHEN.sub(r"\1\2", THOUSANDS.sub("", EMPHASIS.sub("", text)).lower())
    for word in WORD.findall(plain):
        bare = LAYER.sub("", word)
        yield bare[:-1] if PLURAL.fullmatch(bare) else bare


def _is_load(value: ast.expr) -> bool:
    """`SAE.from_pretrained(...)`, with its first element taken or not."""
    call = value.value if isinstance(value, ast.Subscript) else value
    called = call.func if isinstance(call, ast.Call) else None
    return isinstance(called, ast.Attribute) and ast.unparse(called) == "SAE.from_pretrained"


def _prepares(statement: ast.stmt) -> bool:
    """An import, or a name for a constant."""
    constant = isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Constant)
    return constant or isinstance(statement, ast.Import | ast.ImportFrom)


def _leads(part: Part, found: AbstractSet[Piece], gone: AbstractSet[Piece]) -> Iterator[Piece]:
    """`It contains:` before what is all said."""
    groups = [(block, group) for block in part.blocks for group in block.groups]
    unsaid = {
        id(block): [piece for piece in block.pieces if piece.kind != "head" and piece not in found]
        for block in part.blocks
    }
    for (_, lead), (block, following) in pairwise(groups):
        text = lead.pieces[-1]
        if (
            len(lead.pieces) > 1
            or text.kind != "text"
            or text in gone
            or not text.text.rstrip().endswith(":")
        ):
            continue
        rows = following.pieces[0].kind != "head" or len(block.groups) > 1
        if rows and all(piece is text for piece in unsaid[id(block)]):
            yield text


def _heads(block: Block, found: AbstractSet[Piece]) -> Iterator[Piece]:
    """The head of a table whose rows are all said."""
    rows = [piece for piece in block.pieces if piece.kind == "row"]
    if rows and all(row in found for row in rows):
        yield from (piece for piece in block.pieces if piece.kind == "head")
