"""CARD016: the base model, and the place in it, that the card speaks of, against those of the configurations."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hubkit.card_metadata import listed
from hubkit.models.kinship import Kinship, agrees, kinship, meant, take_apart
from hubkit.models.names import HUB_ID, hub_id, is_placeholder
from hubkit.models.widths import widths_at
from hubkit.release.layout import CARD_SETTINGS, PROVENANCE
from hubkit.validate.card import CARD, front_line, shape_of, stated_model, width_is_doubted
from hubkit.validate.code_changes import changed
from hubkit.validate.code_sites import misread
from hubkit.validate.facts import RepoFacts
from hubkit.validate.finding import Found, Severity
from hubkit.validate.need import Need
from hubkit.validate.properties import DOUBTED
from hubkit.validate.rule import repo_rule
from hubkit.validate.rules.card import NO_RELATION

if TYPE_CHECKING:
    from hubkit.readme.base_mentions import Mention
    from hubkit.readme.code_models import CodeUse, Load

ORDER: tuple[Kinship, ...] = ("same", "quantized", "tuned", "sibling", "misspelt", "unknown", "different")
TOKENIZERS = (
    {"gpt2", "distilgpt2", "gptneo", "gptj", "tinystories", "phi", "opt"},
    {"pythia", "gptneox", "mamba", "olmo", "stablelm"},
    {"llama", "tinyllama", "mistral", "mixtral", "codellama", "deepseek"},
    {"gemma", "codegemma"},
    {"qwen", "deepseek"},
)
"""Families whose models take each other's tokenizers: Pythia that of GPT-NeoX, TinyStories that of GPT-Neo."""
BUILT_LIKE = {
    "gpt2": {"gpt2"}, "gptneox": {"gpt_neox"}, "pythia": {"gpt_neox"}, "llama": {"llama", "mistral"}, "mistral": {"mistral", "llama"}, "gemma": {"gemma", "gemma2", "gemma3", "gemma3_text", "gemma3n_text", "gemma4_text"},
    "qwen": {"qwen2", "qwen3", "qwen2_moe", "qwen3_moe"}, "phi": {"phi", "phi3"}, "opt": {"opt"},
}  # fmt: skip
"""Tags that name a family alone, and the model types of transformers that may carry them."""
GENERATES = {"text-generation", "text2text-generation", "image-text-to-text", "image-to-text", "text-to-image", "question-answering", "summarization", "translation"}  # fmt: skip
WORDS = {
    "quantized": "a copy of it in another precision",
    "tuned": "one was trained on from the other",
    "sibling": "another release of that size",
    "unknown": "nothing says how the two are related",
    "different": "another model",
}


@dataclass(frozen=True)
class Own:
    """The base models that the SAEs are of."""

    names: tuple[str, ...]
    said_by: str
    """In words: the configurations, or the front matter where no configuration says."""
    certain: bool
    doubted: bool = False
    """Whether HOOK003 doubts the configurations that say it."""

    @property
    def shown(self) -> str:
        """`gpt2`, `gpt2 and google/gemma-2-2b`."""
        return " and ".join(self.names[:3]) + (
            f" and {len(self.names) - 3} more" if len(self.names) > 3 else ""
        )

    def nearest(self, name: str) -> Kinship:
        """How `name` stands to that of them which is closest."""
        return min((kinship(name, own) for own in self.names), key=ORDER.index)


@repo_rule("CARD016", Severity.ERROR, Need.CFG | Need.README | Need.PROVENANCE, against="files")
def another_model(repo: RepoFacts) -> Iterator[Found]:
    """The card speaks of another base model than the SAEs were trained on, or its code reads another place in it.

    `model_name` of the configurations is held against `base_model` in the front matter, the title, sentences and rows about the base model, the model and tokenizer that
    the card's code loads, card.yaml and provenance.json. Names are compared as what they mean: `gpt2-small` is openai-community/gpt2, and words of a text may say less than an
    id does. Two different models are an error. A model trained on from the other (`-it`, `-Instruct`, a fine-tune) computes other activations: a warning, and a note where the
    text names both; a note for a quantized copy. `base_model_relation` beside the SAEs' own model is a warning: an SAE is no finetune or adapter
    of it; so is a `pipeline_tag` by which it would generate text. The hooks that the code takes (`cache[...]`, `names_filter`, `model.layers[12]`, `hidden_states[13]`)
    must be the place of the SAE that it loads, or of one of the repository's where that is left open. Code that normalises the activations, takes `b_dec` from them or leaves out
    the BOS token (or adds it), where the configurations say otherwise, or SAELens does it itself, is a warning; so is a latent that no SAE has (`sae.W_dec[2741]`), an assertion of fewer active latents than a TopK keeps,
    what is multiplied or added and does not fit (`sae.encode(x) @ sae.W_dec.T`), a latent's direction taken along the inputs (`direction = sae.W_dec[:, 77]`), and the class of another architecture
    (`JumpReLUSAE.from_pretrained` of a TopK). Where no configuration names a model, the widths of the SAEs must be
    those of the card's.
    """
    # Their patterns take longer to compile than a validation without a card takes.
    from hubkit.readme.code_models import use_of

    own = _own(repo)
    use = use_of(repo.readme.code_blocks if repo.readme else ())
    if own is not None:
        stated = [*_front_matter(repo), *_files(repo), *_of_code(own, use)]
        for statement in stated if own.certain else [one for one in stated if one.where != FRONT]:
            yield from _judge(repo, own, statement)
        for load in use.loads:
            yield from _tokenizer(own, load)
        if not own.certain:
            yield from _too_wide(repo, own.names[0])
        yield from _others(repo, own) if own.certain else ()
        yield from _tags(repo, own)
        yield from _related(repo, own)
        yield from _task(repo)
        for mention in repo.base_mentions:
            yield from _words(repo, own, mention)
    yield from misread(repo, use)
    yield from changed(repo, use)


def _too_wide(repo: RepoFacts, model: str) -> Iterator[Found]:
    """Where no configuration names a model: SAEs that cannot be of the card's, by their widths. What a configuration names is HOOK003's."""
    shape = shape_of(model)
    judged = [
        sae
        for sae in repo.saes
        if shape and sae.sae.d_in and sae.sae.hook_name and widths_at(shape, sae.sae.hook_name)
    ]
    wrong = [sae for sae in judged if shape and sae.sae.d_in not in widths_at(shape, str(sae.sae.hook_name))]
    if shape is None or not wrong:
        return
    first = wrong[0]
    expected = " or ".join(map(str, widths_at(shape, str(first.sae.hook_name))))
    others = f" and {len(wrong) - 1} more" if len(wrong) > 1 else ""
    yield Found(
        f"{FRONT} {model}, which has a width of {expected} at {first.sae.hook_name}; d_in of {first.sae_id}{others} is {first.sae.d_in}",
        "name the model that the SAEs were trained on, here and as model_name in the configurations",
        path=CARD,
        line=front_line(repo, "base_model"),
        pointer="/base_model",
        severity=None if any(sae.is_saelens for sae in wrong) else Severity.NOTE,
        confidence="medium",
        identity=f"width {model}",
        measured={"d_in": first.sae.d_in, "expected": sorted(widths_at(shape, str(first.sae.hook_name)))},
    )


FRONT = "base_model of the front matter is"


@dataclass(frozen=True)
class Statement:
    """One place that gives names of the base model, as an id or as code does."""

    where: str
    names: tuple[str, ...]
    path: str
    line: int | None = None
    pointer: str | None = None
    quote: str = ""


def _own(repo: RepoFacts) -> Own | None:
    named = {name.strip() for sae in repo.saes if (name := sae.sae.model_name) and not is_placeholder(name)}
    if named:
        doubted = any(map(width_is_doubted, repo.saes))
        return Own(tuple(sorted(named)), "the configurations", certain=True, doubted=doubted)
    stated = stated_model(repo.readme) if repo.readme else None
    return Own((stated,), "the front matter", certain=False) if stated else None


def _front_matter(repo: RepoFacts) -> Iterator[Statement]:
    front = (repo.readme.front_matter or {}) if repo.readme else {}
    stated = front.get("base_model")
    names = tuple(
        name
        for name in (stated if isinstance(stated, list) else [stated])
        if isinstance(name, str) and name.strip()
    )
    if names:
        yield Statement(FRONT, names, CARD, front_line(repo, "base_model"), "/base_model")


def _others(repo: RepoFacts, own: Own) -> Iterator[Found]:
    """Names in a list of base models of which no SAE is, beside one of which some are: the Hub lists the SAEs below each of them."""
    for statement in _front_matter(repo):
        relations = {name: own.nearest(name) for name in statement.names}
        if "same" not in relations.values():
            continue
        for name in (name for name, relation in relations.items() if relation in {"different", "sibling"}):
            yield Found(
                f"{FRONT} {' and '.join(statement.names[:3])}; no SAE here is of {name}: by {own.said_by} they are of {own.shown}",
                f"take {name} out of base_model: the Hub lists the SAEs below each model that it names",
                path=CARD,
                line=statement.line,
                pointer=statement.pointer,
                severity=Severity.WARNING,
                identity=f"{FRONT} {name} too",
            )


def _tags(repo: RepoFacts, own: Own) -> Iterator[Found]:
    """A tag that is the name of a base model, with its size or version: without, it may be what the model is built like."""
    front = (repo.readme.front_matter or {}) if repo.readme else {}
    tags = front.get("tags")
    for tag in tags if isinstance(tags, list) else ():
        named = take_apart(tag) if isinstance(tag, str) else None
        if named is None or any(agrees(tag, one) is not False for one in own.names):
            continue
        if not (named.size or named.version) and not _built_otherwise(tag, own):
            continue
        yield Found(
            f"the front matter has the tag {tag}; by {own.said_by} the SAEs are of {own.shown}",
            _hint(own, "different"),
            path=CARD, line=front_line(repo, "tags"), pointer="/tags", severity=Severity.WARNING, identity=f"tag {tag}",
        )  # fmt: skip


def _related(repo: RepoFacts, own: Own) -> Iterator[Found]:
    """An SAE beside its base model is none of what the Hub has words for; between two models the key says what a reader must know."""
    front = (repo.readme.front_matter or {}) if repo.readme else {}
    relation = front.get("base_model_relation")
    names = [name for name in listed(front.get("base_model")) if isinstance(name, str)]
    if not isinstance(relation, str) or not names or any(own.nearest(name) != "same" for name in names):
        return
    yield Found(
        f"base_model_relation is {relation}: the Hub lists the SAEs as such a copy of {own.shown}, whose activations they take apart",
        NO_RELATION,
        path=CARD, line=front_line(repo, "base_model_relation"), pointer="/base_model_relation", severity=Severity.WARNING, identity="relation",
    )  # fmt: skip


def _built_otherwise(tag: str, own: Own) -> bool:
    """Whether a family that is named without a size is neither that of the base models nor what they are built like."""
    types = BUILT_LIKE.get(re.sub(r"[\s_-]", "", tag.lower()))
    shapes = [shape_of(name) for name in own.names]
    return types is not None and all(shape is not None and shape.model_type not in types for shape in shapes)


def _task(repo: RepoFacts) -> Iterator[Found]:
    """The Hub files a repository under its task, and puts a widget beside it."""
    front = (repo.readme.front_matter or {}) if repo.readme else {}
    task = front.get("pipeline_tag")
    if isinstance(task, str) and task in GENERATES and repo.saes and not repo.unread:
        yield Found(
            f"pipeline_tag is {task}: the Hub lists the SAEs among the models that do so; an SAE takes activations apart and generates nothing",
            "take pipeline_tag out, or write feature-extraction",
            path=CARD, line=front_line(repo, "pipeline_tag"), pointer="/pipeline_tag", severity=Severity.WARNING, identity="pipeline_tag",
        )  # fmt: skip


def _files(repo: RepoFacts) -> Iterator[Statement]:
    """card.yaml and provenance.json."""
    settings = repo.card_settings.get("base_model")
    if isinstance(settings, str) and settings.strip():
        yield Statement("base_model of card.yaml is", (settings,), CARD_SETTINGS, pointer="/base_model")
    recorded = repo.provenance.value.get("base_model") if repo.provenance else None
    if isinstance(recorded, str) and recorded.strip():
        line = repo.provenance.line("/base_model") if repo.provenance else None
        yield Statement("base_model of provenance.json is", (recorded,), PROVENANCE, line, "/base_model")


def _of_code(own: Own, use: CodeUse) -> Iterator[Statement]:
    """Each model that the code loads; nothing where one of them is the SAEs' own: the others stand beside it."""
    loads = [load for load in use.loads if load.kind == "model" and not load.name.startswith((".", "/", "~"))]
    if any(own.nearest(load.name) in {"same", "quantized"} for load in loads):
        return
    for load in loads:
        yield Statement("the card's code loads the model", (load.name,), CARD, load.line, quote=load.quote)


def _judge(repo: RepoFacts, own: Own, statement: Statement) -> Iterator[Found]:
    relation = min((own.nearest(name) for name in statement.names), key=ORDER.index)
    if relation == "same" or (relation == "unknown" and not _ids(own, statement)):
        return
    names = " and ".join(statement.names[:3])
    quote = f': "{statement.quote}"' if statement.quote else ""
    slips = [(name, near) for name in (*statement.names, *own.names) if (near := meant(name))]
    unknown = ", ".join(f"no model of the name {name} is known, {near} is" for name, near in slips)
    how = unknown if relation == "misspelt" else WORDS[relation]
    yield Found(
        f"{statement.where} {names}; by {own.said_by} the SAEs are of {own.shown} ({how}){quote}",
        _hint(own, relation),
        path=statement.path,
        line=statement.line,
        pointer=statement.pointer,
        severity=_severity(repo, own, statement.names[0], relation),
        confidence="high" if relation != "unknown" else "medium",
        identity=f"{statement.where} {names}",
        measured={"stated": list(statement.names), "own": list(own.names), "relation": relation},
    )


def _ids(own: Own, statement: Statement) -> bool:
    """Whether both are ids of the Hub: a name of somebody's own may be anything."""
    return all(HUB_ID.fullmatch(name) for name in (*own.names, *statement.names))


def _severity(repo: RepoFacts, own: Own, name: str, relation: Kinship) -> Severity:
    if relation == "different":
        return Severity.ERROR if own.certain else Severity.WARNING
    if relation in {"quantized", "unknown"} or _said(repo, own, name):
        return Severity.NOTE
    return Severity.WARNING


def _said(repo: RepoFacts, own: Own, name: str) -> bool:
    """Whether the card tells the relation, because its text names both models in full. What `base_model_relation` says is of the SAEs, and so of no two models."""
    text = [
        word.strip(".,;:()[]`'\"*")
        for line in (repo.page.prose if repo.page else ())
        for word in line.text.split()
    ]
    named = [word for word in text if take_apart(word) is not None]
    return any(kinship(word, name) == "same" for word in named) and any(
        kinship(word, one) == "same" for word in named for one in own.names
    )


def _hint(own: Own, relation: Kinship) -> str:
    right = hub_id(own.names[0]) or own.names[0]
    if own.doubted:
        return DOUBTED
    if relation == "misspelt":
        return "one of the two is wrong: look up which model the SAEs were trained on, and name that one in the card and as model_name in the configurations"
    if relation in {"quantized", "tuned", "sibling"}:
        return f"name {right}, or say in the text that both models are meant, and what was measured on which"
    return f"name {right}; if the card is right, correct model_name in the configurations"


def _tokenizer(own: Own, load: Load) -> Iterator[Found]:
    """Tokens of another family's tokenizer mean nothing to the model."""
    if load.kind != "tokenizer" or own.nearest(load.name) != "different":
        return
    other, mine = (
        take_apart(hub_id(load.name) or load.name),
        [take_apart(hub_id(name) or name) for name in own.names],
    )
    if other is None or any(
        one is None or _shares(other.family, one.family, other.version, one.version) for one in mine
    ):
        return
    yield Found(
        f'the card\'s code takes the tokenizer of {load.name}; the SAEs are of {own.shown}: "{load.quote}"',
        f"take that of {hub_id(own.names[0]) or own.names[0]}",
        path=CARD,
        line=load.line,
        severity=None if own.certain else Severity.WARNING,
        identity=f"tokenizer {load.name}",
    )


def _shares(one: str, other: str, version: str | None, its: str | None) -> bool:
    if one == other:
        return one != "llama" or (version or "2")[0] == (its or "2")[0]
    return any({one, other} <= group for group in TOKENIZERS)


def _words(repo: RepoFacts, own: Own, mention: Mention) -> Iterator[Found]:
    """A sentence names the SAEs' own model, or nothing that can be meant by it."""
    if mention.exact:
        where = "the text gives the base model as"
        yield from _judge(repo, own, Statement(where, mention.names, CARD, mention.line, quote=mention.quote))
        return
    if any(agrees(name, one) is not False for name in mention.names for one in own.names):
        return
    names = " and ".join(dict.fromkeys(mention.names))
    what = "the title says" if mention.where == "title" else "the text says"
    yield replace(
        Found(
            f'{what} {names}; by {own.said_by} the SAEs are of {own.shown}: "{mention.quote}"',
            _hint(own, "different"),
            path=CARD,
            line=mention.line,
            confidence="medium",
            identity=f"{mention.where} {names}",
        ),
        severity=None if own.certain else Severity.WARNING,
    )
