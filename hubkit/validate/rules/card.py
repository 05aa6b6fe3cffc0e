"""CARD: README.md against the repository."""

from __future__ import annotations

from collections.abc import Iterator

from hubkit.validate.facts import RepoFacts
from hubkit.validate.finding import Found, Severity
from hubkit.validate.rule import repo_rule


@repo_rule("CARD001", Severity.WARNING, "T")
def no_card(repo: RepoFacts) -> Iterator[Found]:
    """The repository has no README.md.

    Nobody can tell what the SAEs were trained on, what they are good for, or how to load them.
    """
    if repo.saes and repo.view.entry("README.md") is None:
        yield Found(
            "there is no README.md at the root",
            "hubkit build-cards writes one from the files",
            path="README.md",
        )


@repo_rule("CARD003", Severity.WARNING, "C D T")
def library_or_base_model(repo: RepoFacts) -> Iterator[Found]:
    """SAELens's format, but the card's front matter lacks `library_name: saelens` or `base_model`.

    The Hub finds SAELens repositories by `saelens` (not `sae_lens`), shows its loading snippet, and links the base model by `base_model`.
    """
    if repo.readme is None or repo.readme.fault or not any(sae.is_saelens for sae in repo.saes):
        return
    front = repo.readme.front_matter or {}
    library = front.get("library_name")
    if library != "saelens":
        yield Found(f"library_name is {library!r}, expected 'saelens'" if library else "library_name is missing, expected 'saelens'",
                    "write `library_name: saelens` into the front matter", path="README.md", pointer="/library_name", line=1)  # fmt: skip
    if not front.get("base_model"):
        yield Found(
            "base_model is missing: the model's page does not link here",
            "write `base_model: OWNER/MODEL` into the front matter",
            path="README.md",
            pointer="/base_model",
            line=1,
        )
