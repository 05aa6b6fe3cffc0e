"""CFG: the configurations of a release against each other, their names and the card."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator

from hubkit.formats import architectures
from hubkit.models.hooks import width_kind
from hubkit.models.names import is_placeholder, model_key
from hubkit.readme.quantization import says_quantized
from hubkit.release.layout import README
from hubkit.validate.facts import RepoFacts, SaeFacts
from hubkit.validate.finding import Found, Severity
from hubkit.validate.need import Need
from hubkit.validate.rule import repo_rule
from hubkit.words import many

QUANTIZED_CFG = re.compile(r"4[-_ ]?bit|8[-_ ]?bit|nf4|fp4|quanti[sz]|gptq|awq|gguf|bnb", re.IGNORECASE)
STATED_K = re.compile(r"(?<![A-Za-z0-9])(?:[kK][-_=]?|(?:[Bb]atch)?[Tt]op[kK])(\d{1,9})(?![A-Za-z0-9])")
STATED_WIDTH = re.compile(r"(?<![A-Za-z0-9])(?:width|d_?sae|latents)[-_=]?(\d{1,9})(k|K|m|M)?(?![A-Za-z0-9])")
STATED_ARCHITECTURE = re.compile(
    r"(?<![a-z])(batch[-_]?top[-_]?k|matryoshka|abs[-_]?top[-_]?k|top[-_]?k|jump[-_]?relu|gated)(?![a-z])",
    re.IGNORECASE,
)


@repo_rule("CFG020", Severity.NOTE, Need.CFG | Need.README)
def quantization_unsaid(repo: RepoFacts) -> Iterator[Found]:
    """The card says that the activations came from a quantized model, and the configurations do not.

    Activations under 4-bit or 8-bit weights differ from those of the full model; who loads the SAE from its configuration attaches it to the
    full one. `model_from_pretrained_kwargs` is the place to say it.
    """
    saes = [sae for sae in repo.saes if sae.cfg is not None]
    if repo.card is None or not saes:
        return
    said = says_quantized(repo.card)
    unsaid = [sae for sae in saes if not QUANTIZED_CFG.search(sae.cfg_text)]
    if said is None or not unsaid:
        return
    yield Found(
        f"the card says {said.text!r}; {len(unsaid)} of {len(saes)} configurations do not mention it",
        'write how the model was loaded into each cfg.json, as "model_from_pretrained_kwargs": {"load_in_4bit": true} in its metadata',
        path=README,
        line=said.line,
        identity=said.text,
    )


@repo_rule("CFG021", Severity.WARNING, Need.TREE | Need.CFG)
def names_against_contents(repo: RepoFacts) -> Iterator[Found]:
    """Inside one release, d_in differs for one hook kind, or an SAE is not what its id or its own metadata says: its k, width or architecture.

    One model has one width at one kind of hook. A folder named after another SAE's settings is usually a copy, or a grid whose loop variable was not
    passed on. What an sae_id states is judged against the configuration and `metadata.training_architecture`; both count. These two must agree as well:
    an export has the architecture of its training, and a batchtopk becomes a jumprelu; `metadata.hubkit.rewritten` explains what was rewritten since.
    """
    yield from _odd_widths(repo)
    for sae in repo.saes:
        if sae.cfg is not None and sae.architecture is not None:
            yield from _stated(sae)
            yield from _trained_otherwise(sae)


def _odd_widths(repo: RepoFacts) -> Iterator[Found]:
    groups: dict[tuple[str, str], list[SaeFacts]] = defaultdict(list)
    for sae in repo.saes:
        model, hook = sae.sae.model_name, sae.sae.hook_name
        if model and hook and not is_placeholder(model) and sae.sae.d_in and (kind := width_kind(hook)):
            groups[model_key(model), kind].append(sae)
    for (model, kind), saes in groups.items():
        widths = Counter(sae.sae.d_in for sae in saes)
        usual, times = widths.most_common(1)[0]
        for sae in saes:
            if sae.sae.d_in != usual:
                yield Found(
                    f"{sae.sae_id}: d_in is {sae.sae.d_in}; {many(times, 'other SAE')} of {model} at {kind} have {usual}",
                    f"write the model_name or hook_name that this SAE belongs to if its d_in of {sae.sae.d_in} is right, else d_in {usual}",
                    **sae.where("d_in"),
                    identity=sae.sae_id,
                )


def _stated(sae: SaeFacts) -> Iterator[Found]:
    for what, stated, found in (*_k_of(sae), *_width_of(sae), *_architecture_of(sae)):
        yield Found(
            f"the name {sae.sae_id!r} states {what} {stated}, the configuration {found}",
            f"rename the folder if the configuration is right, else write {what} {stated} into it",
            path=sae.cfg_path,
            pointer=f"/{ {'k': 'k', 'width': 'd_sae', 'architecture': 'architecture'}[what] }",
            confidence="medium",
            identity=f"{sae.sae_id} {what}",
        )


def _k_of(sae: SaeFacts) -> Iterator[tuple[str, str, str]]:
    cfg = sae.cfg
    k = cfg.integer("k") if cfg and cfg.architecture in architectures.TOPK else None
    stated = {int(number) for number in STATED_K.findall(sae.sae_id)}
    if k is not None and stated and k not in stated:
        yield "k", " and ".join(map(str, sorted(stated))), str(k)


def _width_of(sae: SaeFacts) -> Iterator[tuple[str, str, str]]:
    d_sae = sae.cfg.integer("d_sae") if sae.cfg else None
    for number, unit in STATED_WIDTH.findall(sae.sae_id):
        thousand = {"": 1, "k": 1000, "m": 1_000_000}[unit.lower()]
        # 16k is 16,000 to some and 16,384 to others; both, and what lies between, are right
        low, high = int(number) * thousand, int(number) * {1: 1, 1000: 1024, 1_000_000: 1 << 20}[thousand]
        if d_sae is not None and not low * 0.99 <= d_sae <= high * 1.03:
            yield "width", f"{number}{unit}", f"d_sae {d_sae}"


def _architecture_of(sae: SaeFacts) -> Iterator[tuple[str, str, str]]:
    cfg = sae.cfg
    if cfg is None:
        return
    stated = {_plain(name) for name in STATED_ARCHITECTURE.findall(sae.sae_id)}
    trained = cfg.text("training_architecture")
    has = {_plain(name) for name in (cfg.architecture, trained or "") if name}
    if trained is None and cfg.architecture in architectures.JUMPRELU:
        has |= {
            "batchtopk",
            "matryoshka",
        }  # exports of SAELens before 6.46 do not say what they were trained as
    if cfg.architecture == "temporal":  # what it keeps of the new part of an activation
        has |= {_plain(str(cfg.effective.get("sae_diff_type", "topk")))}
    if any("topk" in name for name in has):
        has |= {"topk"}
    if trained is not None and "matryoshka" in trained:
        has |= {"matryoshka", "batchtopk"}
    if any(name.startswith("jumprelu") for name in has):
        has |= {"jumprelu"}
    if stated and not stated & has:
        was = f" (trained as {trained})" if trained and trained != cfg.architecture else ""
        yield "architecture", " and ".join(sorted(stated)), f"{cfg.architecture}{was}"


def _trained_otherwise(sae: SaeFacts) -> Iterator[Found]:
    cfg = sae.cfg
    trained = cfg.text("training_architecture") if cfg else None
    if cfg is None or trained not in architectures.BY_NAME:  # a name of the author's own says nothing
        return
    form = architectures.BY_NAME[trained].saved_as or _without_output(trained)
    if form == _without_output(cfg.architecture) or sae.sae.training.record.rewritten:
        return
    yield Found(
        f"{sae.sae_id}: architecture is {cfg.architecture!r}, trained as {trained!r}: SAELens exports that as {form!r}",
        f'write "architecture": "{form}" if it was trained as {trained}, else correct "training_architecture" in metadata',
        **sae.at("/architecture"),
        confidence="medium",
        identity=f"{sae.sae_id} trained",
    )


def _without_output(architecture: str) -> str:
    """The architecture of the encoder: a transcoder's is that of the autoencoder."""
    return architecture.replace("skip_", "").removesuffix("transcoder").removesuffix("_") or "standard"


def _plain(name: str) -> str:
    return name.lower().replace("-", "").replace("_", "")
