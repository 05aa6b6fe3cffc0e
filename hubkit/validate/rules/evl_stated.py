"""EVL011: what evidence.yaml states in words that the files say too, or that no number can be."""

from __future__ import annotations

from collections.abc import Iterator

from hubkit.release.layout import EVIDENCE
from hubkit.validate.facts import RepoFacts
from hubkit.validate.finding import Found, Severity
from hubkit.validate.need import Need
from hubkit.validate.rule import repo_rule


@repo_rule("EVL011", Severity.ERROR, Need.CFG | Need.THRESHOLD | Need.EVALUATION | Need.README)
def stated_against_the_files(repo: RepoFacts) -> Iterator[Found]:
    """evidence.yaml states what the files contradict, or what cannot be.

    A value whose name is a field of the SAEs (k, d_sae, latents, layer, learning rate, expansion factor, thresholds, the number of SAEs or of layers) is held against the configurations and weights; shares, accuracies and
    explained variances lie below 100 %; a layer is one that the base model has, and of a measure of SAEs one that the release has; no more latents are dead or alive than there are, and a mean L0 is no larger than d_sae, or than
    the k of a TopK. A measure, also under a name in words ("mean L0 over the layers"), that evaluation.json has of the same SAE and split with another number is an error. Where neither split, n nor note
    say of which rows it is, or n is that of the computed one, another number than what was computed, or than `metadata.l0` and `metadata.num_dead_features`, is a warning; and so is, on other rows, an L0 that is one and a
    half times as large or as small, or far fewer dead latents on fewer rows. What a note says to be of other rows is listed in the verdict as held against nothing. Tallies are compared with those of evaluation.json.
    """
    for one in repo.stated:
        if one.verdict == "wrong" and one.told_by == "EVL011":
            yield Found(
                one.message,
                one.hint,
                path=EVIDENCE,
                line=one.line,
                identity=one.identity,
                severity=one.severity,
            )
