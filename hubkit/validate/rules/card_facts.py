"""CARD005: what the card states of the SAEs and of the base model, against the configurations, hubkit's table of models, and the card itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from hubkit.formats.architectures import BY_NAME
from hubkit.formats.sae import TOPK
from hubkit.formats.saelens import tensor_shapes
from hubkit.models.config import ModelShape
from hubkit.models.kinship import agrees, take_apart
from hubkit.readme.claims.kinds import (
    ForNeuronpedia,
    LoadsSince,
    Measured,
    ModelFamily,
    ModelLayers,
    ModelNumber,
    ModelSize,
    TensorNames,
)
from hubkit.validate.card import claim_finding, layer_of, own_model, same_model, shape_of
from hubkit.validate.facts import RepoFacts, SaeFacts
from hubkit.validate.finding import Found, Severity
from hubkit.validate.front_facts import datasets, licences, newer
from hubkit.validate.hook_forms import hook_forms
from hubkit.validate.layer_lists import layer_lists
from hubkit.validate.need import Need
from hubkit.validate.papers import cited, in_words
from hubkit.validate.properties import contradicted, dead_of_all, superlatives
from hubkit.validate.rule import repo_rule
from hubkit.validate.true_values import sizes_agree
from hubkit.validate.widths import widths

HINT = "correct the card: cfg.json has the value; hubkit build-cards copies it"
FAMILY_TYPES = {
    "gpt_neox": {"gpt_neox"}, "gpt2": {"gpt2"}, "llama": {"llama"}, "qwen": {"qwen2", "qwen3", "qwen2_moe", "qwen3_moe"},
    "gemma": {"gemma", "gemma2", "gemma3_text", "gemma3n_text", "gemma4_text"}, "phi": {"phi", "phi3"}, "mistral": {"mistral"}, "opt": {"opt"},
}  # fmt: skip
"""What people call a family, and the model types of transformers that are meant."""
NO_SAE = re.compile(r"\bno SAEs?\b", re.IGNORECASE)
SIZE_RATIO = 1.4
"""Names round ("1B" for 1.24 B parameters) and may leave out the embedding; more than this is another model."""


@repo_rule("CARD005", Severity.ERROR, Need.CFG | Need.README, against="files")
def wrong_fact(repo: RepoFacts) -> Iterator[Found]:
    """A fact that the card states contradicts the configurations, or another line of the card.

        Rows, columns, items, titles, front matter and sentences about a field of the SAEs: architecture, base model, hook, layer and place, d_in, d_sae, d_model, k, precision, context size, dataset, BOS and further
        keys of the configuration (docs/claims.md has the names). Wrong is what no SAE has; of "all SAEs" or "each SAE", what one of them has not; "this SAE" is judged where there is
        one. A value under a name that may mean something else, the parent of a fine-tuned base model, and another name for the same place in the model are warnings. Further the
        expansion factor and the shapes of tensors; the list of layers; the form of `hook_name` (`blocks.N.hook_resid_post` or a module path such as `transformer.h.N`: who hooks
        the wrong one hooks nothing) and its site (`hook_resid_post`); the tensors that a usage text lists for an SAE whose architecture has others; and of the base model its
        family, its layers, heads and vocabulary, and its parameter count, computed from its config.json where hubkit knows it. "Neuronpedia-compatible" is a warning where no configuration has a `neuronpedia_id`: it is by that id that a dashboard
    is found (CFG023 says whether it fits). A peak layer that has no SAE is a note.
    Loading with a SAELens that has no such architecture yet is a warning. `new_version` that names this repository, or the base model, is a warning.
    A number of arXiv beside the title of another paper, in the card or in card.yaml, contradicts the paper, or the other place that cites it. So do authors and year in plain words, as a warning:
    against the card's own BibTeX where readers are asked to cite them, and against the papers of the field's methods.
    """
    saes = [sae for sae in repo.saes if sae.sae.is_judged]
    complete = bool(saes) and len(saes) == len(repo.saes)
    yield from hook_forms(repo, saes)
    yield from _tensors(repo)
    if complete:
        yield from contradicted(repo, saes)
        yield from superlatives(repo)
        yield from dead_of_all(repo)
        yield from widths(repo, saes)
        yield from datasets(repo, saes)
        yield from _rows(repo)
        yield from _neuronpedia(repo, saes)
    yield from layer_lists(repo)
    yield from _families(repo)
    yield from _model(repo)
    yield from licences(repo)
    yield from newer(repo)
    yield from _versions(saes if complete else [], repo)
    yield from cited(repo)
    yield from in_words(repo)


def _neuronpedia(repo: RepoFacts, saes: list[SaeFacts]) -> Iterator[Found]:
    """Whether any SAE names its dashboard; CFG023 says whether the name fits."""
    claims = repo.claims.of(ForNeuronpedia)
    if claims and not any(sae.cfg and sae.cfg.metadata.get("neuronpedia_id") for sae in saes):
        yield claim_finding(
            claims[0],
            "no configuration has a neuronpedia_id, by which SAELens opens a dashboard; the card calls the SAEs ready for Neuronpedia",
            "write metadata.neuronpedia_id (gpt2-small/8-res-jb) where Neuronpedia has them, or say that they are in SAELens's format",
            topic="neuronpedia",
            severity=Severity.WARNING,
        )


def _versions(saes: list[SaeFacts], repo: RepoFacts) -> Iterator[Found]:
    """From which version of SAELens on they load: none before has the architecture, nor, before 6, the layout."""
    known = [
        BY_NAME.get(str(sae.architecture))
        for sae in saes
        if sae.is_saelens and sae.cfg and sae.cfg.layout == "v6"
    ]
    firsts = {tuple(map(int, one.first.split("."))): one.name for one in known if one and one.first}
    if not firsts or len(known) < len(saes):
        return
    first = max(firsts)
    for claim in repo.claims.of(LoadsSince):
        if claim.version < first[: len(claim.version)]:
            shown = ".".join(map(str, claim.version))
            found = claim_finding(
                claim, f"SAELens loads a {firsts[first]} in this layout from {'.'.join(map(str, first))} on, the card says from {shown} on",
                f"write {'.'.join(map(str, first))}; hubkit build-cards has the versions of every architecture", topic=f"loads since {shown}",
            )  # fmt: skip
            yield replace(found, severity=Severity.WARNING)


def _rows(repo: RepoFacts) -> Iterator[Found]:
    """Tables with a line for each SAE."""
    by_id = {sae.sae_id: sae for sae in repo.saes}
    for claim in repo.claims.of(Measured):
        sae = by_id.get(claim.sae_id) if claim.sae_id else None
        if sae is None or not sae.sae.is_judged or claim.measure not in {"d_in", "d_sae", "layer", "l0"}:
            continue
        if claim.measure == "l0":
            yield from _over_k(claim, sae)
            continue
        if claim.measure != "layer" and not sizes_agree(sae):
            continue
        true = layer_of(sae) if claim.measure == "layer" else getattr(sae.sae, claim.measure)
        if true is not None and true != claim.number:
            yield claim_finding(
                claim,
                f"{claim.measure} of {claim.sae_id} is {true}, the card says {claim.number:g}",
                HINT,
                topic=f"row {claim.measure}",
            )


def _over_k(claim: Measured, sae: SaeFacts) -> Iterator[Found]:
    """TopK keeps at most k latents."""
    k = sae.sae.k
    if sae.sae.architecture in TOPK and k is not None and claim.number - claim.slack > k:
        what = f"{claim.sae_id} keeps at most k = {k} latents, the card gives it an L0 of {claim.number:g}"
        yield claim_finding(claim, what, HINT, topic="row l0")


def _tensors(repo: RepoFacts) -> Iterator[Found]:
    """A usage text that lists a tensor which the SAE of its example has not."""
    by_id = {sae.sae_id: sae for sae in repo.saes}
    for claim in repo.claims.of(TensorNames):
        sae = by_id.get(claim.sae_id)
        if sae is not None and sae.header is not None:
            there = set(sae.header.tensors)
        else:
            architecture = sae.architecture if sae else _by_name(claim.sae_id)
            there = set(tensor_shapes(architecture, 1, 1) or ()) if architecture else set()
        extra = [name for name in claim.names if name not in there]
        if there and extra:
            yield claim_finding(
                claim,
                f"{claim.sae_id} has no {' and no '.join(extra)}, the usage text lists it among its tensors",
                HINT,
                topic="tensors",
            )


def _by_name(sae_id: str) -> str | None:
    """The architecture that an sae_id states."""
    parts = set(sae_id.lower().replace("-", "_").split("_"))
    return next((name for name in ("topk", "jumprelu", "gated") if name in parts), None)


def _families(repo: RepoFacts) -> Iterator[Found]:
    claims = repo.claims.of(ModelFamily)
    base = own_model(repo)
    shape = shape_of(base) if base else None
    first: dict[str, ModelFamily] = {}
    for claim in claims:
        if claim.family in first:
            continue
        first[claim.family] = claim
        if shape is not None and shape.model_type not in FAMILY_TYPES[claim.family]:
            yield claim_finding(
                claim,
                f"{base} has the model type {shape.model_type}, the card says {claim.family}",
                f"write {shape.model_type}, the model type of its config.json",
                topic=f"family {claim.family}",
            )
    several = list(first.values())
    if len(several) > 1 and shape is None:
        yield claim_finding(
            several[1], f"the card calls the base model {several[0].family} on line {several[0].line} and {several[1].family} here",
            "name the model type of its config.json", topic="families",
        )  # fmt: skip


def _model(repo: RepoFacts) -> Iterator[Found]:
    """Parameters and layers of base models that hubkit's table has."""
    seen: set[str] = set()
    for claim in repo.claims.of(ModelSize):
        shape = shape_of(claim.model)
        true = shape.parameters if shape else None
        key = same_model(claim.model)
        if true and key not in seen and not 1 / SIZE_RATIO < claim.parameters / true < SIZE_RATIO:
            seen.add(key)
            yield claim_finding(
                claim, f"{claim.model} has {_amount(true)} parameters by its config.json, the card says {_amount(claim.parameters)}",
                f"write {_amount(true)}", topic=f"size {key}",
            )  # fmt: skip
    base = own_model(repo)
    shape = shape_of(base) if base else None
    yield from _model_numbers(repo, base)
    for layers in repo.claims.of(ModelLayers):
        if shape is not None and shape.n_layers != layers.number:
            yield claim_finding(
                layers,
                f"{base} has {shape.n_layers} layers, the card says {layers.number}",
                f"write {shape.n_layers}, as its config.json has it",
                topic="model layers",
            )


PARTS = {
    "n_layers": "layers",
    "n_heads": "attention heads",
    "n_kv_heads": "key-value heads",
    "vocab": "tokens in its vocabulary",
    "d_mlp": "MLP neurons",
}


def _model_numbers(repo: RepoFacts, base: str | None) -> Iterator[Found]:
    """Heads, layers and vocabulary of the model that is named, else of the SAEs' own."""
    told: set[str] = set()
    for claim in repo.claims.of(ModelNumber):
        name, shape = model_of(claim, base)
        true = getattr(shape, claim.part) if shape else None
        about_vocab = (
            claim.part == "vocab" and true is not None and abs(true - claim.number) <= PADDING * true
        )
        topic = f"model {claim.part} {claim.number}"
        if true is None or true == claim.number or about_vocab or topic in told:
            continue
        told.add(topic)
        yield claim_finding(
            claim,
            f"{name} has {true:,} {PARTS[claim.part]}, the card says {claim.number:,}",
            f"write {true:,}, as its config.json has it",
            topic=topic,
        )


PADDING = 0.02
"""Vocabularies are padded to round numbers, and tokenizers have a few tokens more or less."""


def model_of(claim: ModelNumber, base: str | None) -> tuple[str | None, ModelShape | None]:
    """The model that is meant, and its shape, where hubkit's table has it: a text may say less than an id does."""
    if claim.model is None:
        return base, shape_of(base) if base else None
    if (shape := shape_of(claim.model)) is not None:
        return claim.model, shape
    said, own = take_apart(claim.model), take_apart(base) if base else None
    one_size = said is not None and own is not None and said.size == own.size  # "Gemma 2" is of several
    return (base, shape_of(base)) if base and one_size and agrees(claim.model, base) else (claim.model, None)


def _amount(parameters: float) -> str:
    return f"{parameters / 1e9:.3g} B" if parameters >= 1e9 else f"{parameters / 1e6:.3g} M"
