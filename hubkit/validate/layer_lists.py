"""The layers that a card says its SAEs are of, against those that they are of."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from hubkit.readme.claims.kinds import Claim, Ends, LayerList, Peak, Spread
from hubkit.validate.card import claim_finding, countable, layer_of, own_model, shape_of
from hubkit.validate.facts import RepoFacts
from hubkit.validate.finding import Found, Severity
from hubkit.validate.true_values import places_of

HINT = "correct the card: cfg.json has the value; hubkit build-cards copies it"
STREAM = {"resid_pre", "resid_post", "out"}
LONGEST_READ = 600
PATTERNED = re.compile(
    r"(?<![\w./-])(?P<before>[\w./-]{0,40}?)(?:\{(?:N|n|L|layer)\}|<(?:N|n|L|layer)>|N)(?P<behind>[\w./-]{0,40}) (?:holds?|contains?|has|is|are|have)\b.{0,60}?\b(?P<side>outputs?|inputs?) (?:of|to) (?:the )?(?:block|layer) (?:\{(?:N|n|L|layer)\}|<(?:N|n|L|layer)>|N)(?!\w| ?[-+])",
)
NO_SAE = re.compile(r"\bno SAEs?\b", re.IGNORECASE)


def layer_lists(repo: RepoFacts) -> Iterator[Found]:
    """Lists of layers, the side of them that is read, "every layer", "the first to the last", names of folders with a layer in them, and a peak that has no SAE."""
    yield from _layers(repo)
    yield from _sides(repo)
    yield from _spreads(repo)
    yield from _ends(repo)
    yield from _folders(repo)


def _layers(repo: RepoFacts) -> Iterator[Found]:
    lists = [claim for claim in repo.claims.of(LayerList) if not (claim.site and in_stream(repo))]
    listed = {layer for claim in lists for layer in claim.layers}
    there = {layer_of(sae) for sae in repo.saes}
    if countable(repo) and None not in there:
        known = {layer for layer in there if layer is not None}
        left_out = sorted(known - listed)  # by all lists together: said of the first
        for claim in lists:
            gone = sorted(set(claim.layers) - known)
            unsaid = left_out if not (claim.qualified or claim.partly) else []
            if gone or unsaid:
                what = (
                    f"no SAE of layer {', '.join(map(str, gone))}"
                    if gone
                    else f"SAEs of layer {', '.join(map(str, unsaid))}, which the card leaves out"
                )
                yield claim_finding(
                    claim, f"the repository has {what}", HINT, topic=f"layers {len(claim.layers)}"
                )
                left_out = left_out if gone else []
    yield from _peak_without_sae(
        repo,
        {layer for layer in there if layer is not None} if countable(repo) and None not in there else listed,
    )


def in_stream(repo: RepoFacts) -> bool:
    """Whether all SAEs read the stream between blocks, of which each place has two names."""
    return all(any(site in STREAM for site, _ in places_of(sae)) for sae in repo.saes)


def _sides(repo: RepoFacts) -> Iterator[Found]:
    """ "After layers 2, 5 and 8", where the SAEs read before them."""
    if not countable(repo) or not in_stream(repo):
        return
    there = {place for sae in repo.saes for place in places_of(sae)}
    for claim in repo.claims.of(LayerList):
        gone = [layer for layer in claim.layers if claim.site and not _is_place(claim.site, layer, there)]
        if gone:
            names = sorted({str(sae.sae.hook_name) for sae in repo.saes})
            side = "after" if claim.site == "resid_post" else "before"
            yield claim_finding(
                claim, f"no SAE reads the stream {side} layer {', '.join(map(str, gone))}: they are at {', '.join(names[:4])}{', ...' if len(names) > 4 else ''}",
                HINT, topic=f"side {claim.site}",
            )  # fmt: skip


def _is_place(site: str, layer: int, there: set[tuple[str, int]]) -> bool:
    return (site, layer) in there or (site == "resid_post" and ("out", layer) in there)


def _ends(repo: RepoFacts) -> Iterator[Found]:
    """ "From the first to the last block", where the depth of the base model is known."""
    base = own_model(repo)
    shape = shape_of(base) if base else None
    there = {layer_of(sae) for sae in repo.saes}
    if not countable(repo) or shape is None or None in there:
        return
    known = sorted(layer for layer in there if layer is not None)
    for claim in repo.claims.of(Ends):
        if known[0] > 0 or known[-1] < shape.n_layers - 1:
            yield claim_finding(
                claim, f"the SAEs are of layers {known[0]} to {known[-1]}, and {base} has the layers 0 to {shape.n_layers - 1}",
                "name the layers that there are", topic="ends",
            )  # fmt: skip


def _folders(repo: RepoFacts) -> Iterator[Found]:
    """ "The folder `layer_N` holds the SAE of the output of block N", against the place of each SAE whose folder has such a name."""
    for line in repo.page.prose if repo.page else ():
        match = PATTERNED.search(line.text[:LONGEST_READ])
        if match is None or line.of_others:
            continue
        name = re.compile(f"{re.escape(match['before'])}(\\d{{1,3}}){re.escape(match['behind'])}")
        site = "resid_post" if match["side"].lower().startswith("out") else "resid_pre"
        numbered = [(sae, int(found[1])) for sae in repo.saes if (found := name.fullmatch(sae.sae_id))]
        for sae, number in numbered:
            places = {place for place in places_of(sae) if place[0] in STREAM}
            if places and not _is_place(site, number, places):
                claim = Claim(line=line.number, quote=line.quote)
                side = "output" if site == "resid_post" else "input"
                yield claim_finding(
                    claim, f"{sae.sae_id} is at {sae.sae.hook_name}, which is not the {side} of block {number}", HINT, topic="folders"
                )  # fmt: skip
                break


def _spreads(repo: RepoFacts) -> Iterator[Found]:
    """ "SAEs for every layer", "at every other layer", where the depth of the base model is known."""
    base = own_model(repo)
    shape = shape_of(base) if base else None
    there = {layer for sae in repo.saes if (layer := layer_of(sae)) is not None}
    if (
        not countable(repo)
        or shape is None
        or len(there) < 1
        or any(layer_of(sae) is None for sae in repo.saes)
    ):
        return
    for claim in repo.claims.of(Spread):
        starts = [range(start, shape.n_layers, claim.step) for start in range(claim.step)]
        if not any(set(start) == there for start in starts):
            which = "every layer" if claim.step == 1 else "every other layer"
            shown = ", ".join(map(str, sorted(there)[:12])) + (", ..." if len(there) > 12 else "")
            yield claim_finding(
                claim, f"{base} has {shape.n_layers} layers, and the repository has SAEs of layer {shown}: not of {which}",
                "name the layers that there are", topic=f"spread {claim.step}",
            )  # fmt: skip


def _peak_without_sae(repo: RepoFacts, layers: set[int]) -> Iterator[Found]:
    if repo.card is None or NO_SAE.search(repo.card.text):
        return
    for claim in repo.claims.of(Peak):
        if claim.model is None and claim.layer is not None and layers and claim.layer not in layers:
            what = f"the card calls layer {claim.layer} the peak, and has no SAE of that layer"
            hint = "say so beside it: no SAE can be compared with the peak there"
            yield replace(claim_finding(claim, what, hint, topic="peak"), severity=Severity.NOTE)
