"""What of a card was held against the files: how many of its statements agree, and which were held against nothing.

Language has no end and the grammar of claims has one. So that nothing passes for checked that was not, whatever states a number or a fact of an SAE (`readme/stated.py`) and
was not compared with a file is listed, with its line. It is no finding: a right card has such sentences too.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from hubkit.models.kinship import says_no_more
from hubkit.readme.claims import kinds
from hubkit.readme.claims.fields import FIELDS
from hubkit.readme.claims.hooks import form_of
from hubkit.readme.claims.kinds import Claim
from hubkit.release.layout import README
from hubkit.validate.author import Author
from hubkit.validate.card import countable, layer_of, own_model, same_repository, shape_of
from hubkit.validate.coverage_beside import foreign, indexed, pictures
from hubkit.validate.coverage_code import beside_code
from hubkit.validate.coverage_words import says_more, words_of
from hubkit.validate.finding import Severity
from hubkit.validate.orderings import of_layers, surely
from hubkit.validate.properties import comparable
from hubkit.validate.rule import holding
from hubkit.validate.true_values import says_architecture, sizes_agree

if TYPE_CHECKING:
    from hubkit.readme.stated import Statement
    from hubkit.validate.facts import RepoFacts, SaeFacts
    from hubkit.validate.finding import Finding

BESIDE: dict[type[Claim], frozenset[str]] = {
    kinds.HookForm: frozenset({"hook_name", "place"}),
    kinds.Learned: frozenset({"architecture"}),
    kinds.Sum: frozenset({"architecture"}),
    kinds.ModelFamily: frozenset({"model_name"}),
    kinds.ModelSize: frozenset({"model_name"}),
    kinds.ModelNumber: frozenset({"model_name"}),
    kinds.Depth: frozenset({"model_name"}),
}
"""Claims that say what a field is without being a `Property` of it."""
DOUBT_MODEL = {"HOOK002", "HOOK003", "HOOK004"}
"""Rules by which `model_name` may be wrong itself: a card that says the same then agrees with nothing."""
LINES_SHOWN = 8
QUOTES_SHOWN = 200
"""In the report; what is beyond is counted."""
EXACT = 1e-9
RANK = "rank"
"""As `readme/stated.py` calls the field of what is most true."""


def whole_card() -> frozenset[str]:
    """The rules without which nothing can be said to agree."""
    return holding("files", "card")


@dataclass(frozen=True)
class Unheld:
    """A statement that was held against nothing."""

    line: int
    """1-based."""
    quote: str


@dataclass(frozen=True)
class Coverage:
    """Of one card."""

    path: str
    statements: int
    """Sentences, rows, items, comments and images with a number, or a word that states a fact of an SAE; one of which a part was held and a part was not counts as two."""
    agree: int
    """Those of them of which something is what the files say, or that hubkit wrote from the files."""
    contradicted: int
    """Those on whose lines a rule found something else."""
    unheld: tuple[Unheld, ...]
    """Those of which something was held against nothing, in the order of the lines."""

    def to_json(self) -> dict[str, Any]:
        """As `schemas/report.schema.json` has it."""
        return {
            "path": self.path,
            "statements": self.statements,
            "agree": self.agree,
            "contradicted": self.contradicted,
            "not_held": len(self.unheld),
            "not_held_first": [vars(one) for one in self.unheld[:QUOTES_SHOWN]],
        }

    def sentence(self) -> str:
        """`42 statements of README.md agree with the files; 13 could not be held against anything: lines 12, 40, ...`"""
        one = self.agree == 1
        said = f"{self.agree} statement{'' if one else 's'} of {self.path} agree{'s' if one else ''} with the files"
        if not self.unheld:
            return said
        lines = list(dict.fromkeys(one.line for one in self.unheld))
        shown = ", ".join(map(str, lines[:LINES_SHOWN])) + (
            f" and {len(lines) - LINES_SHOWN} more" if len(lines) > LINES_SHOWN else ""
        )
        return f"{said}; {len(self.unheld)} could not be held against anything: line{'s' if len(lines) > 1 else ''} {shown}"

    def below(self, folder: str) -> Coverage:
        """The same, seen from above the folder."""
        return replace(self, path=f"{folder}/{self.path}")


def coverage_of(repo: RepoFacts, findings: Iterable[Finding]) -> Coverage | None:
    """Of the repository's card; None where there is no card, or no SAE to hold it against. Linear in the length of the card."""
    # its patterns take longer to compile than a validation without a card takes
    from hubkit.readme.stated import stated

    if repo.page is None or not repo.saes:
        return None
    findings, whole = list(findings), whole_card()
    doubted = any(one.code in DOUBT_MODEL and one.severity >= Severity.WARNING for one in findings)
    statements = list(stated(repo.page))
    claims = _claims_of(
        statements, (one for one in held(repo) if not (doubted and getattr(one, "field", "") == "model_name"))
    )
    named = set() if doubted else _lines_of_models(repo)
    wrong = {one.line for one in findings if one.path == README and one.code in whole and one.line}
    author = Author(repo)
    agree = contradicted = 0
    unheld = []
    for one, own in zip(statements, claims, strict=True):
        lines = {*range(one.first, one.last + 1)}
        if wrong & lines:
            contradicted += 1
            continue
        verdicts = (
            {*_verdicts(one, own, named=bool(named & lines))}
            if author.wrote(one.first, one.last, one.quote)
            else {True}
        )
        agree += True in verdicts
        if False in verdicts:
            unheld.append(Unheld(one.first, one.quote))
    for (line, words), there in indexed(repo):
        contradicted += there and line in wrong
        agree += there and line not in wrong
        unheld += [] if there else [Unheld(line, words)]
    unheld += [
        Unheld(line, words)
        for line, words in (*pictures(repo), *beside_code(repo))
        if author.wrote(line, line, words)
    ]
    unheld.sort(key=lambda one: one.line)
    return Coverage(
        README,
        agree + contradicted + len(unheld),
        agree,
        contradicted,
        tuple(sorted(unheld, key=lambda one: one.line)),
    )


def _claims_of(statements: list[Statement], claims: Iterable[Claim]) -> list[list[Claim]]:
    """For each statement the claims that were read from it: by their words where several statements share a line."""
    by_line = defaultdict(list)
    for at, one in enumerate(statements):
        for line in range(one.first, one.last + 1):
            by_line[line].append((at, _key(one.quote)))
    found: list[list[Claim]] = [[] for _ in statements]
    for claim in claims:
        there, words = by_line[claim.line], _key(claim.quote)
        own = [at for at, quote in there if words in quote or quote in words]
        for at in own if own and not claim.quote.endswith("...") else [at for at, _ in there]:
            found[at].append(claim)
    return found


def coverage_beside(repo: RepoFacts) -> tuple[Coverage, ...]:
    """Of evidence.yaml, value by value; and of the evaluation files that are not in hubkit's form, in which nothing was held against anything."""
    foreigners = (Coverage(path, 1, 0, 0, (Unheld(*line),)) for path, line in foreign(repo))
    return (*_of_evidence(repo), *foreigners)


def _of_evidence(repo: RepoFacts) -> Iterator[Coverage]:
    there = Counter(one.verdict for one in repo.stated)
    if repo.evidence is not None and there:
        unheld = tuple(Unheld(one.line, one.quote) for one in repo.stated if one.verdict == "open")
        yield Coverage(repo.evidence.path, there.total(), there["agrees"], there["wrong"], unheld)


def _key(quote: str) -> str:
    return "".join(one for one in quote.lower() if one.isalnum())


def _verdicts(statement: Statement, claims: list[Claim], *, named: bool) -> Iterator[bool]:
    """Of each number and each other value whether it is one of a claim that was held; of a statement with neither, whether there is such a claim, or its base model is known."""
    if any(
        RANK in fields and not any(_says(one, fields, word) for one in claims)
        for fields, word in statement.facts
    ):
        yield False
        return
    if not statement.numbers and not statement.facts:
        yield bool(claims) or named
    known = [number for claim in claims for number in _numbers(claim)]
    for stated in statement.numbers:
        yield any(_meets(stated, number) for number in known)
    held = []
    for fields, word in statement.facts:
        yield (
            there := (named and "model_name" in fields) or any(_says(claim, fields, word) for claim in claims)
        )
        held += [word] if there else []
    if says_more(words_of(statement.text), claims, held):
        yield False


def _says(claim: Claim, fields: frozenset[str], word: str) -> bool:
    """Whether a claim is about one of the fields, and has the word for its value where the word can be read; of what is most true, whether it says of which."""
    if RANK in fields:
        return isinstance(claim, kinds.BestSae | kinds.Peak | kinds.Ordering | kinds.Superlative)
    if isinstance(claim, kinds.Property) and claim.field in fields:
        value = FIELDS[claim.field].kind.read(word)
        if value is None:  # not a value of its own: `before the attention` beside a hook says where that is
            return claim.field != "hook_name"
        return value == claim.stated or _shares(value, claim.stated)
    if isinstance(claim, kinds.Property) and "architecture" in fields:
        return claim.only is not None and claim.only in (FIELDS["architecture"].kind.read(word) or ())
    if isinstance(claim, kinds.Count):
        return False  # of those that it lists none was held
    others = BESIDE.get(type(claim), frozenset())
    return bool(fields & others)


def _shares(one: Any, other: Any) -> bool:
    """Whether two readings have one of several meanings in common, or a name of the other in them."""
    if isinstance(one, str) and isinstance(other, str):
        return one.lower() in other.lower() or other.lower() in one.lower()
    return isinstance(one, list) and isinstance(other, list) and any(value in other for value in one)


def _meets(stated: tuple[float, float], known: tuple[float, float]) -> bool:
    """Whether a number in the text can be one that a claim has, as it is or in per cent."""
    return any(
        stated[0] * scale - EXACT <= known[1] and known[0] <= stated[1] * scale + EXACT
        for scale in (1.0, 0.01, 100.0)
    )


def _numbers(claim: Claim) -> Iterator[tuple[float, float]]:
    """Every number of a claim; the two of a range as its bounds."""
    for name, value in vars(claim).items():
        if name == "written":
            yield from ((one, one) for one in value)
        elif name not in {"line", "quote", "row", "slack", "digits"}:
            yield from _within(value)


def _within(value: Any) -> Iterator[tuple[float, float]]:
    if isinstance(value, int | float) and not isinstance(value, bool):
        yield float(value), float(value)
    elif (
        isinstance(value, tuple)
        and len(value) == len(("low", "high"))
        and all(isinstance(one, float) for one in value)
    ):
        yield value
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _within(one)


def _lines_of_models(repo: RepoFacts) -> set[int]:
    """Lines that name the base model, where a configuration does too."""
    own = {name for sae in repo.saes if (name := sae.sae.model_name)}
    return {
        mention.line
        for mention in repo.base_mentions
        if any(says_no_more(name, one) for name in mention.names for one in own)
    }


def held(repo: RepoFacts) -> Iterator[Claim]:
    """The claims that there is something in the files to hold against."""
    saes = [sae for sae in repo.saes if sae.sae.is_judged]
    if saes and len(saes) == len(repo.saes):
        yield from (claim for claim in comparable(repo, saes) if _is_said(claim, saes))
    tests = _tests(repo)
    for kind, test in tests.items():
        yield from (claim for claim in repo.claims.of(kind) if test(claim))


def _is_said(claim: Claim, saes: list[SaeFacts]) -> bool:
    """Whether the files say it, and do not only leave it open."""
    if not isinstance(claim, kinds.Property) or claim.field != "architecture":
        return True
    return any(says_architecture(sae, claim.stated) for sae in saes)


def _tests(repo: RepoFacts) -> dict[type[Claim], Callable[[Any], bool]]:
    """For each kind of claim whether there is something to hold it against. Arithmetic inside the card is none: both numbers may be wrong."""
    from hubkit.validate.rules.card_counts import in_study, there
    from hubkit.validate.rules.card_disclosure import had_thresholds
    from hubkit.validate.rules.card_facts import model_of
    from hubkit.validate.rules.card_numbers import named, numbers_of, stated_of_all, values_of_one

    values = numbers_of(repo)
    ids = {sae.sae_id: sae for sae in repo.saes}
    names = {*ids, *(entry.folder for entry in repo.entries), *repo.other_ids}
    layers = countable(repo) and all(layer_of(sae) is not None for sae in repo.saes)
    widths = all(sae.sae.d_in and sae.sae.d_sae and sizes_agree(sae) for sae in repo.saes)
    forms = {form_of(name) for sae in repo.saes if (name := sae.sae.hook_name)}
    base = own_model(repo)
    shape = shape_of(base) if base else None
    license_ = (repo.readme.front_matter or {}).get("license") if repo.readme else None

    def measured(claim: kinds.Measured) -> bool:
        if claim.sae_id is None and (sae_id := named(repo, claim)):
            return bool(values_of_one(repo, values, sae_id, claim.measure))
        if claim.sae_id is None:
            several = repo.bound.of(claim) is not None  # of which of them it is is not said
            return not several and bool(stated_of_all(repo, values, claim.measure))
        size = claim.sae_id in ids and (
            claim.measure == "layer"
            or (claim.measure in {"d_in", "d_sae"} and sizes_agree(ids[claim.sae_id]))
        )
        return size or bool(values.get((claim.sae_id, claim.measure)))

    return {
        kinds.Measured: measured,
        kinds.Ordering: lambda claim: surely(claim, of_layers(repo, values, claim)),
        kinds.BestSae: lambda claim: bool(values.get((claim.sae_id, "probe_balanced_accuracy"))),
        kinds.Peak: lambda claim: claim.model is None and any(owner.startswith("layer ") for owner, _ in values),
        kinds.Count: lambda claim: there(repo, claim) is not None,
        kinds.StudyCount: lambda claim: in_study(repo, claim.what) is not None,
        kinds.StudyTotal: lambda _: in_study(repo, "models") is not None,
        kinds.Sum: lambda _: countable(repo),
        kinds.LayerList: lambda _: layers,
        kinds.Spread: lambda _: layers and shape is not None,
        kinds.Ends: lambda _: layers and shape is not None,
        kinds.Superlative: lambda claim: bool(repo.bound.of(claim)),
        kinds.Expansion: lambda _: widths,
        kinds.Widths: lambda _: widths,
        kinds.TensorShape: lambda _: widths and all(sae.is_saelens for sae in repo.saes),
        kinds.TensorNames: lambda claim: claim.sae_id in ids,
        kinds.HookForm: lambda _: bool(forms),
        kinds.NamedSae: lambda claim: claim.sae_id.strip("/") in names and same_repository(repo, claim.repo_id),
        kinds.NamedFile: lambda claim: same_repository(repo, claim.repo_id),
        kinds.Learned: lambda _: any(map(had_thresholds, repo.saes)),
        kinds.LoadsSince: lambda _: all(sae.is_saelens for sae in repo.saes),
        kinds.Licensed: lambda _: isinstance(license_, str),
        kinds.ModelLayers: lambda _: shape is not None,
        kinds.ModelNumber: lambda claim: model_of(claim, base)[1] is not None,
        kinds.ModelFamily: lambda _: shape is not None,
        kinds.ModelSize: lambda claim: (found := shape_of(claim.model)) is not None and found.parameters is not None,
        kinds.Depth: lambda claim: (shape_of(claim.model) if claim.model else shape) is not None,
    }  # fmt: skip
