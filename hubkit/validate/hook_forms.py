"""The form of `hook_name` that a card gives, and its site, against those of the configurations."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hubkit.readme.claims.hooks import form_of
from hubkit.readme.claims.kinds import HookForm, Property
from hubkit.validate.card import claim_finding
from hubkit.validate.facts import RepoFacts, SaeFacts
from hubkit.validate.finding import Found

HINT = "correct the card: cfg.json has the value; hubkit build-cards copies it"
SITE = re.compile(r"blocks\.[^.\s]+\.((?:\w+\.)?hook_\w+)")


def hook_forms(repo: RepoFacts, saes: list[SaeFacts]) -> Iterator[Found]:
    """A form, or a site, that no configuration has; where none has a name, two forms in one card."""
    there = {form_of(name) for sae in saes if sae.is_saelens and (name := sae.sae.hook_name)}
    there = {form for form in there if ".N" in form and "." in form.removesuffix(".N")} | {
        form for form in there if form.startswith("blocks.N")
    }
    stated: dict[str, list[HookForm]] = {}
    for claim in repo.claims.of(HookForm):
        stated.setdefault(claim.form, []).append(claim)
    for form, (first, *again) in stated.items():
        if there and form not in there:
            lines = ", ".join(dict.fromkeys(str(one.line) for one in again if one.line != first.line))
            also = f" (also on line {lines})" if lines else ""
            yield claim_finding(
                first, f"hook_name has the form {' or '.join(sorted(there))} in the configurations, the card says {first.name}{also}",
                HINT, topic=f"hook {form}",
            )  # fmt: skip
    yield from _hook_sites(repo, saes, there)
    several = [claims[0] for claims in stated.values()]
    if not there and len(several) > 1:
        for claim in several[1:]:
            yield claim_finding(
                claim, f"the card gives hook_name as {several[0].name} on line {several[0].line} and as {claim.name} here",
                "give the form that cfg.json has, everywhere", topic=f"hook {claim.form}",
            )  # fmt: skip


def _hook_sites(repo: RepoFacts, saes: list[SaeFacts], forms: set[str]) -> Iterator[Found]:
    """`blocks.3.hook_mlp_out` where every SAE is at `hook_resid_post`: the right form of name, another place in the block."""
    sites = {_site(name) for sae in saes if sae.is_saelens and (name := sae.sae.hook_name)}
    told: set[str] = set()
    by_name = {claim.line for claim in repo.claims.of(Property) if claim.field == "hook_name"}
    for claim in repo.claims.of(HookForm):
        site = _site(claim.name) if claim.line not in by_name else None
        if claim.form in forms and site and None not in sites and site not in sites and site not in told:
            told.add(site)
            yield claim_finding(
                claim,
                f"hook_name is at {' or '.join(sorted(filter(None, sites)))} in the configurations, the card says {site}",
                HINT,
                topic=f"site {site}",
            )


def _site(name: str) -> str | None:
    """`hook_resid_post`, `attn.hook_z`: what follows the layer in TransformerLens's names."""
    match = SITE.fullmatch(name)
    return match.group(1) if match else None
