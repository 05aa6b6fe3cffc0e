"""What of a card was held against the files: how many of its statements agree, and which were held against nothing.

Language has no end and the grammar of claims has one. So that nothing passes for checked that was not, whatever states a number or a fact of an SAE (`readme/stated.py`) and
was not compared with a file is listed, with its line. It is no finding: a right card has such sentences too.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from hubkit.readme.claims import kinds
from hubkit.readme.claims.hooks import form_of
from hubkit.release.layout import README
from hubkit.validate.author import Author
from hubkit.validate.card import countable, layer_of, own_model, same_repository, shape_of
from hubkit.validate.measured_values import values_of
from hubkit.validate.properties import comparable

if TYPE_CHECKING:
    from hubkit.readme.claims.kinds import Claim
    from hubkit.readme.stated import Statement
    from hubkit.validate.facts import RepoFacts
    from hubkit.validate.finding import Finding

LINES_SHOWN = 8
QUOTES_SHOWN = 200
"""In the report; what is beyond is counted."""
EXACT = 1e-9
WHOLE_CARD = {"CARD004", "CARD005", "CARD006", "CARD007", "CARD008", "CARD016"}
"""Rules that hold what the card says against something."""


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
    """Sentences, rows, items, comments and images with a number, or a word that states a fact of an SAE."""
    agree: int
    """Those of them whose every number, or fact, is what the files say, or was written from the files by hubkit."""
    contradicted: int
    """Those on whose lines a rule found something else."""
    unheld: tuple[Unheld, ...]
    """The rest, in the order of the lines."""

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
    by_line = defaultdict(list)
    for claim in held(repo):
        by_line[claim.line].append(claim)
    named = _lines_of_models(repo)
    wrong = {one.line for one in findings if one.path == README and one.code in WHOLE_CARD and one.line}
    author = Author(repo)
    counts = {"agree": 0, "contradicted": 0}
    unheld = []
    total = 0
    for one in stated(repo.page):
        total += 1
        lines = range(one.first, one.last + 1)
        if wrong & {*lines}:
            counts["contradicted"] += 1
        elif not author.wrote(one.first, one.last, one.quote) or _is_held(
            one, [claim for line in lines for claim in by_line[line]], named=bool(named & {*lines})
        ):
            counts["agree"] += 1
        else:
            unheld.append(Unheld(one.first, one.quote))
    return Coverage(
        README,
        total,
        counts["agree"],
        counts["contradicted"],
        tuple(sorted(unheld, key=lambda one: one.line)),
    )


def _is_held(statement: Statement, claims: list[Claim], *, named: bool) -> bool:
    """Whether each of its numbers is one of a claim that was held; without numbers, whether there is such a claim, or the base model that it names is known."""
    if not statement.numbers:
        return bool(claims) or named
    known = [number for claim in claims for number in _numbers(claim)]
    return all(any(_meets(stated, number) for number in known) for stated in statement.numbers)


def _meets(stated: tuple[float, float], known: tuple[float, float]) -> bool:
    """Whether a number in the text can be one that a claim has, as it is or in per cent."""
    return any(
        stated[0] * scale - EXACT <= known[1] and known[0] <= stated[1] * scale + EXACT
        for scale in (1.0, 0.01, 100.0)
    )


def _numbers(claim: Claim) -> Iterator[tuple[float, float]]:
    """Every number of a claim; the two of a range as its bounds."""
    for name, value in vars(claim).items():
        if name not in {"line", "quote", "row", "slack", "digits"}:
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
    from hubkit.readme.base_mentions import base_mentions

    known = any(sae.sae.model_name for sae in repo.saes)
    return {one.line for one in base_mentions(repo.page)} if known and repo.page else set()


def held(repo: RepoFacts) -> Iterator[Claim]:
    """The claims that there is something in the files to hold against."""
    saes = [sae for sae in repo.saes if sae.sae.is_judged]
    if saes and len(saes) == len(repo.saes):
        yield from comparable(repo, saes)
    tests = _tests(repo)
    for kind, test in tests.items():
        yield from (claim for claim in repo.claims.of(kind) if test(claim))


def _tests(repo: RepoFacts) -> dict[type[Claim], Callable[[Any], bool]]:
    """For each kind of claim whether there is something to hold it against. Arithmetic inside the card is none: both numbers may be wrong."""
    from hubkit.validate.rules.card_counts import there
    from hubkit.validate.rules.card_numbers import stated_of_all

    values = defaultdict(list)
    for value in values_of(repo):
        if value.number is not None:
            values[value.owner, value.measure].append(value.number)
    ids = {sae.sae_id: sae for sae in repo.saes}
    layers = countable(repo) and all(layer_of(sae) is not None for sae in repo.saes)
    widths = all(sae.sae.d_in and sae.sae.d_sae for sae in repo.saes)
    forms = {form_of(name) for sae in repo.saes if (name := sae.sae.hook_name)}
    base = own_model(repo)
    shape = shape_of(base) if base else None
    license_ = (repo.readme.front_matter or {}).get("license") if repo.readme else None

    def measured(claim: kinds.Measured) -> bool:
        if claim.sae_id is None:
            return bool(stated_of_all(repo, values, claim.measure))
        size = claim.measure in {"layer", "d_in", "d_sae"} and claim.sae_id in ids
        return size or bool(values.get((claim.sae_id, claim.measure)))

    return {
        kinds.Measured: measured,
        kinds.BestSae: lambda claim: bool(values.get((claim.sae_id, "probe_balanced_accuracy"))),
        kinds.Peak: lambda claim: claim.model is None and any(owner.startswith("layer ") for owner, _ in values),
        kinds.Count: lambda claim: there(repo, claim) is not None,
        kinds.Sum: lambda _: countable(repo),
        kinds.LayerList: lambda _: layers,
        kinds.Spread: lambda _: layers and shape is not None,
        kinds.Expansion: lambda _: widths,
        kinds.Widths: lambda _: widths,
        kinds.TensorShape: lambda _: widths and all(sae.is_saelens for sae in repo.saes),
        kinds.TensorNames: lambda claim: claim.sae_id in ids,
        kinds.HookForm: lambda _: bool(forms),
        kinds.NamedSae: lambda claim: same_repository(repo, claim.repo_id),
        kinds.NamedFile: lambda claim: same_repository(repo, claim.repo_id),
        kinds.Licensed: lambda _: isinstance(license_, str),
        kinds.ModelLayers: lambda _: shape is not None,
        kinds.ModelFamily: lambda _: shape is not None,
        kinds.ModelSize: lambda claim: (found := shape_of(claim.model)) is not None and found.parameters is not None,
        kinds.Depth: lambda claim: (shape_of(claim.model) if claim.model else shape) is not None,
    }  # fmt: skip
