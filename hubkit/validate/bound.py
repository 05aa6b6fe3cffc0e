"""Of which SAE a claim speaks, where its sentence, the heading above it or the code around it says so: `The TopK SAE of layer 9 has k = 64.`

By the id; by layer, architecture, width or k together; in code by the id that the variable was loaded with. What is said of such SAEs must be so of them: that another has the value is no agreement.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from hubkit.readme.claims import values
from hubkit.readme.claims.fields import FIELDS
from hubkit.readme.claims.sentences import paragraphs
from hubkit.readme.claims.subjects import KIND
from hubkit.readme.loaded import Loaded
from hubkit.readme.page import SENTENCE, shortened
from hubkit.validate.card import same_repository
from hubkit.validate.true_values import values_of

if TYPE_CHECKING:
    from hubkit.readme.claims.kinds import Claim
    from hubkit.validate.facts import RepoFacts, SaeFacts

I = re.IGNORECASE  # noqa: E741 - as short as it is common here
NAME = re.compile(r"[\w.+/-]{2,200}")
SEPARATED = re.compile(r"[_/\d]")
LAYER = rf"(?:layer|block)[ _#-]{{0,2}}(?P<layer>\d{{1,3}}|{values.SPELLED})"
THING = r"(?:SAE|sparse auto-?encoder|auto-?encoder|dictionary|one)\b(?! (?:size|width|learning))"
OF_LAYER = r"(?:that )?(?:is )?(?:trained )?(?:of|at|on|for|from|in|reading|after|behind)(?: the)?(?: \w+ (?:of|at))?"
KINDS = rf"(?P<kinds>(?:{KIND}[ -]){{0,3}})"
SIZE = rf"(?:(?P<size>{values.AMOUNT})[- ](?:latents?|features?|wide)[ -])?"
WITH = rf"(?:,? (?:with|of) (?:k ?= ?(?P<k>\d{{1,5}})|(?P<with>{values.AMOUNT}) (?:latents|features)|width (?P<width>{values.AMOUNT})))?"
NUMBERED = rf" ?(?:{OF_LAYER} {LAYER})(?!,? ?(?:and|to|or|through|–|-|/) ?(?:layer )?\d)(?![\w.]\d)"
ONE = rf"{SIZE}{KINDS}{THING}{WITH}"
SUBJECTS = (
    re.compile(rf"(?:^|\b(?:the|our|this) ){ONE}{NUMBERED}", I),
    re.compile(rf"\b{LAYER}(?:'s|\u2019s)? {KINDS}{THING}", I),
    re.compile(rf"\b(?:the|our) {ONE}(?= |[.,;:)]|$)", I),
)
"""Words for one SAE among several."""
OF_HEADING = re.compile(
    rf"^(?:the )?(?:{KIND}[ -]?){{0,3}}(?:SAE )?(?:at |of |on |for |, |: )?{LAYER}(?:\W|$)", I
)
MANY_LAYERS = re.compile(r"\b(?:layers|blocks) \d|\b(?:layer|block) \d{1,3} ?(?:and|to|or|,|–|-|/|vs)", I)
VARIABLE = re.compile(
    r"(?<![\w.])(?P<name>[A-Za-z_]\w{0,60})\.(?:cfg|encode|decode|W_enc|W_dec|b_enc|b_dec|threshold)\b"
)


class Bound:
    """Tells for each claim of a card which SAEs it names."""

    def __init__(self, repo: RepoFacts, saes: list[SaeFacts]) -> None:
        self._repo, self._saes = repo, saes
        self._ids = {sae.sae_id: sae for sae in saes}
        self._sentences: dict[str, str] = {}
        self._headings: dict[int, list[SaeFacts]] = {}
        self._code: set[int] = set()
        self._loaded = Loaded(repo.card.code_blocks if repo.card else ())
        if repo.page is not None and len(saes) > 1:
            self._read()

    def _read(self) -> None:
        """The whole sentence behind each shortened one, and what each line stands under."""
        page = self._repo.page
        assert page is not None  # noqa: S101 - asked before
        for lines in paragraphs(page, every=True):
            for sentence in SENTENCE.split(" ".join(line.text for line in lines)):
                self._sentences.setdefault(shortened(sentence.strip()), sentence)
        stack: list[tuple[int, list[SaeFacts]]] = []
        heading = ""
        for line in page.lines:
            if line.code:
                self._code.add(line.number)
            if line.heading != heading or line.level:
                heading = line.heading
                level = line.level or 7
                stack = [one for one in stack if one[0] < level]
                if line.level != 1:
                    stack.append((level, self._under(heading)))
            bound = next((saes for _, saes in reversed(stack) if saes), [])
            if bound and not line.level:
                self._headings[line.number] = bound

    def _under(self, heading: str) -> list[SaeFacts]:
        """The SAE that a heading names."""
        if named := self.named(heading):
            return named if len(named) == 1 else []
        if MANY_LAYERS.search(heading) or not (match := OF_HEADING.match(heading)):
            return []
        kinds = FIELDS["architecture"].kind.read(heading)
        return self._where(layer=match["layer"], kinds=kinds)

    def named(self, text: str) -> list[SaeFacts]:
        """The SAEs whose ids stand in a text; of an id without any mark of a name nothing."""
        words = dict.fromkeys(match.group().strip("./") for match in NAME.finditer(text))
        return [self._ids[word] for word in words if word in self._ids and SEPARATED.search(word)]

    def of(self, claim: Claim) -> list[SaeFacts] | None:
        """The SAEs that a claim names; None where it names none, and nothing is there where it names some that do not exist."""
        if len(self._saes) < 2:
            return None
        if claim.line in self._code:
            return self._of_code(claim)
        text = self._sentences.get(claim.quote, claim.quote)
        if named := self.named(text):
            return named
        if (found := self._described(text)) is not None:
            return found
        return self._headings.get(claim.line) if getattr(claim, "scope", "any") != "all" else None

    def _described(self, text: str) -> list[SaeFacts] | None:
        """What is meant by `the gated SAE of layer 4`, `the 1,024-latent SAE`."""
        found: list[list[SaeFacts]] = []
        for pattern in SUBJECTS:
            for match in pattern.finditer(text):
                parts = match.groupdict()
                kinds = FIELDS["architecture"].kind.read(parts.get("kinds") or "")
                size = parts.get("size") or parts.get("with") or parts.get("width")
                if parts.get("layer") or size or parts.get("k") or kinds:
                    found.append(
                        self._where(layer=parts.get("layer"), kinds=kinds, size=size, k=parts.get("k"))
                    )
            if found:
                break
        return found[0] if len(found) == 1 else None

    def _where(
        self,
        *,
        layer: str | None = None,
        kinds: values.Value | None = None,
        size: str | None = None,
        k: str | None = None,
    ) -> list[SaeFacts]:
        """Those of a layer, an architecture, a width and a k, as far as they are given."""
        wanted = {
            "layer": FIELDS["layer"].kind.read(layer) if layer else None,
            "architecture": kinds,
            "d_sae": FIELDS["d_sae"].kind.read(size) if size else None,
            "k": FIELDS["k"].kind.read(k) if k else None,
        }
        given = {name: value for name, value in wanted.items() if value is not None}
        return [
            sae
            for sae in self._saes
            if all(
                any(FIELDS[name].kind.agrees(value, true) for true in values_of(sae, name))
                for name, value in given.items()
            )
        ]

    def _of_code(self, claim: Claim) -> list[SaeFacts] | None:
        """The SAE that the variable was loaded with, or that the comment is about."""
        held = None
        if match := VARIABLE.search(claim.quote):
            held = self._loaded.at(match["name"], claim.line)
        else:
            held = self._loaded.beside(claim.line)
        if held is None or held.sae_id is None or not same_repository(self._repo, held.repo_id or None):
            return None
        return self._one(held.sae_id)

    def _one(self, sae_id: str) -> list[SaeFacts] | None:
        found = self._ids.get(sae_id.strip("/"))
        return [found] if found else None


def settled(verdicts: Iterable[bool | None]) -> bool | None:
    """What is said of SAEs that were named: true of all of them, false of all of them; None where it is so of some only, and of which is not said."""
    known = {verdict for verdict in verdicts if verdict is not None}
    return known.pop() if len(known) == 1 else None
