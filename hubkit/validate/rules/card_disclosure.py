"""CARD010, CARD018: defects that the validator found, and that the card keeps to itself, or denies."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hubkit.readme.claims.kinds import Learned
from hubkit.readme.disclosure import Defect, discloses
from hubkit.readme.page import Page
from hubkit.validate.card import CARD, claim_finding, layer_of
from hubkit.validate.facts import RepoFacts, SaeFacts
from hubkit.validate.finding import FOLDER, Found, Severity, mend
from hubkit.validate.need import Need
from hubkit.validate.rule import REGISTRY, repo_rule
from hubkit.validate.rules.cfg_release import QUANTIZED_CFG
from hubkit.validate.rules.thr_unlearned import all_zero, never_learned
from hubkit.validate.rules.wts_files import weights_are_a_pickle

HINTS: dict[Defect, str] = {
    "threshold": "say under limitations that these thresholds never learned; hubkit build-cards does",
    "pickle": "say under limitations that the weights are a pickle",
    "quantized": "say under limitations that the activations came from the quantized model",
}
RULES = {"threshold": (all_zero, never_learned), "pickle": (weights_are_a_pickle,)}
"""The rules that find what the card should tell; that the model was quantized, the configuration says itself."""


AS_TRAINED = re.compile(r"\bjump[-\s]?relu", re.IGNORECASE)
AS_PUBLISHED = re.compile(r"(?<!jump[-\s])\brelu\b|\bstandard\b(?! (?:deviation|error))", re.IGNORECASE)
"""What a card calls an SAE that a fix has published as the ReLU that it computes: by the word of its training, and by that of its files."""


@repo_rule("CARD010", Severity.ERROR, Need.CFG | Need.HEADER | Need.THRESHOLD | Need.README)
def undisclosed(repo: RepoFacts) -> Iterator[Found]:
    """A defect that the validator found is not disclosed in the card.

    JumpReLU thresholds that never learned (THR001, THR002): the SAE is a plain ReLU. Weights that are a pickle (WTS014): loading them can run code.
    Activations of a quantized base model, which the configuration states: the SAE belongs to that model, not to the full one. Any wording that a reader
    would understand counts as disclosure, wherever it stands in the text; the count beside it is CARD004's business. An SAE that a fix has published as the ReLU
    that it computes (`metadata.hubkit.rewritten`) is undisclosed as long as the card speaks of JumpReLU and of no other SAE. It is never more severe than what
    was not disclosed: a pickle is a warning, as WTS014 is, and a note where it is the format of its own family; a quantized model, which no rule calls a defect,
    is a warning.
    """
    page = repo.page
    if page is None:
        return
    repo.remarks += _not_checked(repo)
    found: tuple[tuple[Defect, str, list[SaeFacts]], ...] = (
        ("threshold", "thresholds that never learned", [sae for sae in repo.saes if _never_learned(sae)]),
        (
            "pickle",
            "weights that are a pickle",
            [sae for sae in repo.saes if any(True for _ in weights_are_a_pickle(sae))],
        ),
        (
            "quantized",
            "activations of a quantized base model",
            [sae for sae in repo.saes if QUANTIZED_CFG.search(sae.cfg_text)],
        ),
    )
    for defect, what, saes in found:
        if not saes or discloses(page, defect):
            continue
        line, quote = _place(page, saes, defect)
        shown = ", ".join(sae.sae_id for sae in saes[:3]) + (
            f" and {len(saes) - 3} more" if len(saes) > 3 else ""
        )
        who = (
            f"{len(saes)} of {len(repo.saes)} SAEs have {what} ({shown})"
            if len(repo.saes) > 1
            else f"the SAE has {what}"
        )
        yield Found(
            f'{who}, and the card does not say so: "{quote}"',
            _hint(defect, saes), path=CARD, line=line, identity=defect, severity=_severity(defect, saes),
        )  # fmt: skip
    yield from _still_as_trained(repo, page)


def _still_as_trained(repo: RepoFacts, page: Page) -> Iterator[Found]:
    """A card that was written before a fix published some of the SAEs as the ReLU that they compute."""
    saes = [sae for sae in repo.saes if _record_says_never(sae)]
    if not saes or discloses(page, "threshold") or any(AS_PUBLISHED.search(one.text) for one in page.prose):
        return
    line = next((one for one in page.prose if AS_TRAINED.search(one.text)), None)
    if line is None:
        return
    shown = ", ".join(sae.sae_id for sae in saes[:3]) + (
        f" and {len(saes) - 3} more" if len(saes) > 3 else ""
    )
    yield Found(
        f'{len(saes)} of {len(repo.saes)} SAEs are published as the plain ReLU that they compute ({shown}), and the card speaks of JumpReLU alone: "{line.quote}"',
        f"say which are plain ReLU SAEs, for their thresholds never learned; hubkit build-cards {FOLDER} does",
        path=CARD, line=line.number, identity="rewritten",
    )  # fmt: skip


@repo_rule("CARD018", Severity.ERROR, Need.CFG | Need.HEADER | Need.THRESHOLD | Need.README, against="files")
def thresholds_were_not_learned(repo: RepoFacts) -> Iterator[Found]:
    """The card says that thresholds were learned, and they were not.

    Held against the thresholds themselves (THR001, THR002), and, where a fix has published a JumpReLU as the ReLU that it computes, against the record of it
    in `metadata.hubkit.rewritten`: an SAE that has no threshold any more learned none either. A sentence that names one layer is held against the SAEs of it.
    A warning where the thresholds of some of the SAEs were learned: the sentence may speak of those.
    """
    for claim in repo.claims.of(Learned):
        meant = [
            sae
            for sae in repo.saes
            if had_thresholds(sae) and (claim.layer is None or layer_of(sae) in {None, claim.layer})
        ]
        wrong = [sae for sae in meant if _record_says_never(sae) or _never_learned(sae)]
        if not wrong:
            continue
        shown = ", ".join(sae.sae_id for sae in wrong[:3]) + (
            f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
        )
        recorded = all(map(_record_says_never, wrong))
        source = (
            "by metadata.hubkit.rewritten in cfg.json" if recorded else "by their values (THR001, THR002)"
        )
        yield claim_finding(
            claim,
            f"the card says that thresholds were learned; those of {len(wrong)} of {len(meant)} SAEs never were, {source}: {shown}",
            "take it out, and say under limitations that these thresholds never learned; hubkit build-cards does",
            topic="learned",
            severity=Severity.ERROR if len(wrong) == len(meant) else Severity.WARNING,
        )
        return


def had_thresholds(sae: SaeFacts) -> bool:
    """Whether it has thresholds that training can have moved, or had before a fix took them away."""
    return sae.thresholds is not None or _record_says_never(sae)


def _record_says_never(sae: SaeFacts) -> bool:
    """Whether a fix has published it as the ReLU that it computes."""
    record = sae.sae.training.record.rewritten
    return record is not None and record.rule in {"THR001", "THR002"}


def _not_checked(repo: RepoFacts) -> list[str]:
    """What could not be read, so that nobody takes silence about it for disclosure."""
    unread = [sae for sae in repo.saes if {Need.THRESHOLD, Need.HEADER} & sae.unread.keys()]
    if not unread:
        return []
    shown = ", ".join(sae.sae_id for sae in unread[:3]) + (
        f" and {len(unread) - 3} more" if len(unread) > 3 else ""
    )
    return [
        f"CARD010 not checked: whether thresholds that never learned, or a pickle, are disclosed: {shown} could not be read"
    ]


def _hint(defect: Defect, saes: list[SaeFacts]) -> str:
    """What to say; of pickles that the fix can write as safetensors, how to have nothing to say."""
    fixable = defect == "pickle" and all(one.fix for sae in saes for one in weights_are_a_pickle(sae))
    return HINTS[defect] + (f"; or publish safetensors: {mend('WTS014')}" if fixable else "")


def _severity(defect: Defect, saes: list[SaeFacts]) -> Severity:
    """Never above that of what was not disclosed; a pickle that is its family's own format is no surprise to those who load it."""
    if defect == "quantized":
        return Severity.WARNING
    if defect == "pickle" and not any(sae.is_saelens for sae in saes):
        return Severity.NOTE
    return max(severity for sae in saes for severity in _severities(defect, sae))


def _severities(defect: Defect, sae: SaeFacts) -> list[Severity]:
    """Of the findings themselves."""
    codes = {all_zero: "THR001", never_learned: "THR002", weights_are_a_pickle: "WTS014"}
    return [found.severity or REGISTRY[codes[rule]].severity for rule in RULES[defect] for found in rule(sae)]


def _never_learned(sae: SaeFacts) -> bool:
    """By THR001 and THR002, as far as they are errors."""
    return Severity.ERROR in _severities("threshold", sae)


def _place(page: Page, saes: list[SaeFacts], defect: Defect) -> tuple[int, str]:
    """Where it should have been said: beside the file's name, under the limitations, or at the top."""
    if defect == "pickle":
        names = {sae.weights.name for sae in saes if sae.weights}
        for line in page.lines:
            if any(name in line.raw for name in names):
                return line.number, line.quote
    lines = [one for one in page.lines if one.section == "limitations"] or list(page.lines)
    return (lines[0].number, lines[0].quote) if lines else (1, "")
