"""CARD011, CARD013, CARD014: what is unfilled, stale or missing."""

from __future__ import annotations

from collections.abc import Iterator

from hubkit.readme.claims.kinds import Placeholder
from hubkit.readme.disclosure import missing_sections
from hubkit.release.card_digest import recorded_digests, settings_digest, texts_digest, weights_digest
from hubkit.validate.card import CARD, claim_finding
from hubkit.validate.facts import RepoFacts
from hubkit.validate.finding import FOLDER, Found, Severity
from hubkit.validate.need import Need
from hubkit.validate.rule import repo_rule


@repo_rule("CARD011", Severity.WARNING, Need.README)
def placeholder(repo: RepoFacts) -> Iterator[Found]:
    """Text that was meant to be replaced.

    TODO, TBD, "[More Information Needed]", `{model}`, RELEASE_ID, and in code `"<sae_id>"`: the snippet fails as it stands, and an id of this repository would
    do. A pattern that explains how names are made (`v4_{model}_L{layer}`, `<sae_id>/cfg.json`) is none.
    """
    seen: set[str] = set()
    for claim in repo.claims.of(Placeholder):
        if claim.text not in seen:
            seen.add(claim.text)
            yield claim_finding(
                claim,
                f"{claim.text} was not filled in",
                "write what belongs there, or take it out",
                topic=claim.text,
            )


@repo_rule("CARD013", Severity.WARNING, Need.TREE | Need.README | Need.CFG | Need.EVALUATION)
def stale(repo: RepoFacts) -> Iterator[Found]:
    """The card is older than what it describes.

    A card of hubkit records digests of the configurations with evaluation.json and evidence.yaml, of the weights, and of what card.yaml said. Here they are computed again: the first from files that are
    read anyway, the second from the checksums in the Hub's listing, or with --deep. Other cards have no digest and are not judged.
    """
    if not repo.saes:
        return
    recorded = recorded_digests(repo.card.front_matter if repo.card else None)
    if recorded.texts is not None:
        texts = {sae.cfg_path: sae.cfg_text for sae in repo.saes if sae.cfg_path}
        texts |= {file.path: file.text for file in (repo.evaluation, repo.evidence) if file}
        if (
            texts_digest({path: text.encode("utf-8", "surrogatepass") for path, text in texts.items()})
            != recorded.texts
        ):
            yield _stale("configurations, evaluation.json or evidence.yaml", "texts")
    weights = {sae.weights.path: sae.weights_sha256 for sae in repo.saes if sae.weights}
    known = {path: sha for path, sha in weights.items() if sha}
    if (
        recorded.weights is not None
        and known
        and known.keys() == weights.keys()
        and weights_digest(known) != recorded.weights
    ):
        yield _stale("weights", "weights")
    if (
        recorded.settings is not None
        and repo.card_settings
        and settings_digest(repo.card_settings) != recorded.settings
    ):
        yield _stale("settings (card.yaml)", "settings")


def _stale(what: str, identity: str) -> Found:
    return Found(
        f"the card was written for other {what} than these",
        f"hubkit build-cards {FOLDER} writes it anew",
        path=CARD, line=1, pointer="/hubkit", identity=identity,
    )  # fmt: skip


@repo_rule("CARD014", Severity.NOTE, Need.README)
def missing_section(repo: RepoFacts) -> Iterator[Found]:
    """Something that readers need is missing.

    Training data, intended use and what the SAEs are not for, limitations, precision, citation. A sentence anywhere in the text is enough. Said once, and
    only where there are SAEs: the index card above several releases leaves it to theirs.
    """
    missing = missing_sections(repo.page) if repo.page and repo.saes else []
    if missing:
        yield Found(
            f"nothing about {', '.join(missing)}",
            f"write it; or hubkit build-cards {FOLDER} writes these sections from the files and card.yaml",
            path=CARD, line=1, identity=", ".join(missing),
        )  # fmt: skip
