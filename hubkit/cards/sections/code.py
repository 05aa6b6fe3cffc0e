"""The card's code beyond loading: the activations as the training took them, held against the card's numbers; and the SAE without SAELens."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil
from typing import Any

from hubkit.cards.facts import Facts, SaeFact
from hubkit.cards.measured import L0, VARIANCE
from hubkit.cards.plain_torch import is_cast, loaded_as, plain_torch
from hubkit.cards.quantization import Quantization, quantization_of
from hubkit.cards.recommended import recommended
from hubkit.cards.sections.section import Absent, Context
from hubkit.cards.sections.training import dtype_asked
from hubkit.cards.text import code, foreign
from hubkit.cards.trained import LENS, Input, input_of
from hubkit.formats.architectures import TRANSCODERS
from hubkit.measures.catalogue import Definitions
from hubkit.measures.measure import UNSEEN
from hubkit.models.hooks import parse_hook
from hubkit.release.loaded import LoadedModel
from hubkit.release.metrics import MetricValue
from hubkit.release.pool import MIXED
from hubkit.release.provenance import Commit, Sampling

BLOCK_OUTPUT = re.compile(r"blocks\.(\d{1,3})\.hook_resid_(post|pre)")
"""What a block gives, or takes from the block before it."""
PLAIN_CLASSES = re.compile(r"AutoModel\w*|\w+ForCausalLM|\w+LMHeadModel|\w+ForConditionalGeneration")
"""Classes of transformers that `AutoModelForCausalLM` gives too."""
NEEDS_NOTHING = {"none", "layer_norm", "constant_norm_rescale"}
"""Values of `normalize_activations` that need no factor which the files lack."""
PER_HEAD = {"z", "q", "k", "v", "rot_q", "rot_k"}
"""Sites of TransformerLens's attention with an axis of heads before that of a head's width."""
TORCH_DTYPES = {"float32", "float64", "float16", "bfloat16"}
NOT_SHOWN = {"device", "n_devices", "device_map", "hf_model", "tokenizer"}
"""Arguments of a machine, not of a model."""
COMMIT_SHA = re.compile(r"[0-9a-f]{40}")
ROWS = 128
"""That the code samples, about."""
ERRORS = 4
"""Standard errors of the difference between the card's value and that of the sampled rows from which the code fails: one run in 15,000 by chance."""
SLACK = 0.02
"""And at least so much, relative to an L0, absolute of an explained variance: for another version of torch, and a published SAE that saw all rows."""
POOLED_BY = {"mean": ".mean(0)", "last": "[-1]", "first": "[0]", "all": ""}
"""From the pooled tokens of a response to its row."""
LENGTH_95 = 2 * 1.96
"""Standard errors in a 95 % interval."""


@dataclass(frozen=True)
class Said:
    """What the card says of a value that the code computes, and how far away it fails."""

    title: str
    shown: str
    far: float | None
    """None where the card's rows are not such as the code takes, or no interval is recorded."""


def activations(facts: Facts) -> Context:
    """Code that takes the rows as the training did, as far as anything says how, and prints L0 and explained variance beside the card's."""
    example = recommended(facts).sae
    fed, quantization = input_of(example), _quantization(facts, example)
    lens = by_lens(example, fed)
    module = None if lens else module_of(facts, example)
    sampling = facts.provenance.sampling if facts.provenance and module and fed.pooling else None
    transcoder = example.architecture in TRANSCODERS
    pooled = fed.pooling is not None and sampling is None
    said = [] if transcoder or pooled else _said(facts, example, sampling)
    return {
        "example": example,
        "several": len(facts.saes) > 1,
        "lens": lens,
        "module": module,
        "fed": fed,
        "arguments": [(key, repr(value)) for key, value in fed.arguments.items() if _is_plain(key, value)],
        "base_model": facts.settings.base_model,
        "revision": _revision(facts),
        "dtype": _dtype(facts, example),
        "gguf_file": fed.arguments.get("gguf_file"),
        "variance": not transcoder and not pooled,
        "transcoder": transcoder,
        "pooled": pooled,
        "heads": _heads(example, fed),
        "example_text": facts.settings.example_text,
        "repo_id": facts.settings.repo_id,
        "sampling": sampling,
        "loop_over": _loop_over(sampling) if sampling else "",
        "pooled_by": POOLED_BY,
        "commit": _pattern(sampling.commit) if sampling and sampling.commit else None,
        "window": _window(sampling.commit) if sampling and sampling.commit else None,
        "each": ceil(ROWS / len(sampling.prompts)) if sampling else 0,
        "said": said,
        "fails": any(one.far is not None for one in said),
        "errors": ERRORS,
        "hooks": _hooks(facts, lens=lens),
        "hooked": example.hook_name is not None,
        "recorded": all(sae.hf_hook_name is not None for sae in facts.saes),
        "named_by_lens": all(
            parse_hook(sae.hook_name).form == "transformer_lens" for sae in facts.saes if sae.hook_name
        ),
        "quantization": quantization,
        "differences": list(_differences(facts, example, fed, sampling, lens=lens, module=module)),
    }


def _heads(sae: SaeFact, fed: Input) -> str:
    """What becomes of the heads that a hook of TransformerLens gives apart: one is `picked`, they are `joined` as the training joins them, or they are `given` to an SAE that joins
    them itself; empty for a hook without heads."""
    if fed.head is not None:
        return "picked"
    if sae.hook_name is None or parse_hook(sae.hook_name).site not in PER_HEAD:
        return ""
    reshapes = sae.sae.cfg is not None and sae.sae.cfg.effective.get("reshape_activations") == "hook_z"
    return "given" if reshapes else "joined"


def _loop_over(sampling: Sampling) -> str:
    """What stands behind `for`: the prompts, with what each has beside it."""
    beside = {"system": ("systems", sampling.systems), "begun": ("prefills", sampling.prefills)}
    names = {"prompt": "prompts"} | {name: key for name, (key, values) in beside.items() if values}
    listed = ", ".join(f'record["{key}"]' for key in names.values())
    return f"{', '.join(names)} in {listed if len(names) == 1 else f'zip({listed})'}"


def _pattern(commit: Commit) -> str:
    """The deciding words as a regular expression; the longer first."""
    words = sorted(commit.words, key=lambda word: (-len(word), word))
    return _literal(rf"(?<!\w)(?:{'|'.join(map(re.escape, words))})(?!\w)")


def _window(commit: Commit) -> str:
    """What a text begins with, in which they count, as a regular expression."""
    return _literal(
        rf"(?:\s*\S+){{0,{commit.within}}}" if commit.unit == "words" else rf"(?s:.{{0,{commit.within}}})"
    )


def _literal(pattern: str) -> str:
    """As Python code writes it."""
    return repr(pattern) if '"' in pattern or "\n" in pattern or pattern.endswith("\\") else f'r"{pattern}"'


def _said(facts: Facts, sae: SaeFact, sampling: Sampling | None) -> list[Said]:
    """Its values of rows that it had not seen, where there are any: only these may be held against those of fresh rows."""
    same = sampling is not None and sae.condition == MIXED and _other_weights(facts) is None
    found = []
    for name, wanted in (("l0", L0), ("variance", VARIANCE)):
        metric = sae.first_metric(*wanted)
        shown = _shown(metric) if metric else _stated(facts, sae, wanted)
        if shown is not None:
            found.append(
                Said(name, shown, _far(metric, name) if same and metric and metric.split in UNSEEN else None)
            )
    return found


def _shown(metric: MetricValue) -> str:
    return f"{metric.value:.3f}" if metric.measure == "explained_variance" else f"{metric.value:.1f}"


def _stated(facts: Facts, sae: SaeFact, wanted: Definitions) -> str | None:
    """What the author or the training states of it."""
    names = {measure for measure, _ in wanted}
    items = (item for group in facts.stated for item in group.items)
    return next((f"{item.value.value:.3g}" for item in items if item.value.sae_id == sae.sae_id and item.value.measure in names), None)  # fmt: skip


def _far(metric: MetricValue, name: str) -> float | None:
    """Standard errors of a difference between n and ROWS rows, by the interval of the n; not below the slack."""
    if metric.interval is None or metric.value is None:
        return None
    error = (metric.interval[1] - metric.interval[0]) / LENGTH_95
    slack = SLACK * (metric.value if name == "l0" else 1)
    return float(f"{max(slack, ERRORS * error * (1 + metric.n / ROWS) ** 0.5):.2g}")


def _quantization(facts: Facts, example: SaeFact) -> Quantization | None:
    found = quantization_of(facts, example)
    return found if found and found.arguments else None


def _revision(facts: Facts) -> str | None:
    """The commit of the base model, where that is what is recorded."""
    found = facts.provenance.base_model_revision if facts.provenance else None
    return found if found and COMMIT_SHA.fullmatch(found) else None


def by_lens(sae: SaeFact, fed: Input) -> bool:
    """Whether TransformerLens can give the activations: it made them, and the hook is in its words."""
    return fed.by_lens and sae.hook_name is not None and parse_hook(sae.hook_name).form == "transformer_lens"


def _is_plain(key: str, value: object) -> bool:
    """Whether an argument of from_pretrained can stand in the code as it is written."""
    return key not in NOT_SHOWN and key.isidentifier() and isinstance(value, str | int | float | bool)


def _dtype(facts: Facts, example: SaeFact) -> str | None:
    """The float type that the base model must have run in, or what is not quantized of it, where one is recorded and torch has it."""
    loaded = facts.provenance.loaded if facts.provenance else None
    recorded = facts.provenance.precision if facts.provenance else example.record.precision
    stated = str(loaded.arguments.get("dtype")) if loaded else recorded or dtype_asked(example)
    return stated if stated in TORCH_DTYPES else None


def _other_weights(facts: Facts) -> LoadedModel | None:
    """How the model of the training was loaded, where nobody can load those weights by its name."""
    loaded = facts.provenance.loaded if facts.provenance else None
    return loaded if loaded is not None and not loaded.repeatable else None


def _differences(
    facts: Facts, example: SaeFact, fed: Input, sampling: Sampling | None, *, lens: bool, module: str | None
) -> Iterator[str]:
    """Where the activations that the code feeds are not those of the training, or nobody knows whether they are."""
    if (others := _other_weights(facts)) is not None:
        yield f"The weights of the training were another form of the model's, {others.chain}; the code loads the model by its name"
    if sampling is not None and example.condition != MIXED:
        yield "The SAE saw the rows of one label only; the code takes those of both, so its numbers may differ from the card's"
    if fed.pooling is not None and sampling is None:
        what = (
            "the mean"
            if fed.pooling == "mean"
            else "the last token"
            if fed.pooling == "last"
            else foreign(fed.pooling)
        )
        over = f" over the {foreign(fed.span)}" if fed.span else ""
        yield f"The SAE was trained on one row per completion, {what}{over}; the prompts are in no file, so the code pools the whole of a text of yours"
    if not lens and module is not None:
        yield from _of_module(fed)
    if lens and fed.prepend_bos is None:
        yield "No configuration records whether a BOS token stood first in training; the code leaves it to TransformerLens"
    left_out = sorted(
        key for key, value in fed.arguments.items() if key not in NOT_SHOWN and not _is_plain(key, value)
    )
    if lens and left_out:
        yield f"The model was loaded with {', '.join(map(foreign, left_out))} too, which the code leaves out"
    scaling = str(example.raw.get("normalize_activations") or "none")
    if scaling not in NEEDS_NOTHING and (lens or module):
        yield f"The training scaled its activations (`normalize_activations` is {code(scaling)}); the code feeds them unscaled"
    if (lens or module) and len({_kind_of_input(sae) for sae in facts.saes}) > 1:
        yield "The SAEs differ in the model class, its arguments or the BOS token; the code is for the one that it loads"


def _of_module(fed: Input) -> Iterator[str]:
    """What a plain model of transformers cannot give, or nobody knows."""
    if fed.model_class == LENS:
        processed = sorted(key for key, value in fed.arguments.items() if value is True)
        how = f" with {', '.join(map(foreign, processed))}" if processed else ""
        yield f"The activations of the training came from TransformerLens{how}; the code takes those of transformers, which may differ"
    elif fed.model_class is None:
        yield "No configuration records with which class of model the activations were taken; the code takes the plain model of transformers"
    if fed.prepend_bos is None and fed.pooling is None:
        yield "No configuration records whether a BOS token stood first in training; the code leaves it to the tokenizer"


def _kind_of_input(sae: SaeFact) -> tuple[Any, ...]:
    fed = input_of(sae)
    return fed.model_class, fed.model_name, repr(sorted(fed.arguments.items(), key=str)), fed.prepend_bos


def _hooks(facts: Facts, *, lens: bool) -> list[tuple[str | None, str | None, str | None]]:
    """Hook, module as recorded, module as derived: of every SAE, by layer."""
    found = {
        (sae.hook_name, sae.hf_hook_name, None if lens else module_of(facts, sae))
        for sae in facts.saes
        if sae.hook_name
    }
    return sorted(found, key=_by_layer)


def _by_layer(hook: tuple[str | None, str | None, str | None]) -> tuple[int, str]:
    digits = "".join(c if c.isdigit() else " " for c in hook[0] or "").split()
    return int(digits[0]) if digits else -1, str(hook)


def module_of(facts: Facts, sae: SaeFact) -> str | None:
    """The module that a forward hook is registered on: as the configuration names it, else the block of this base model whose output `hook_name` is,
    where the model's class is known and as wide as the SAE. None where the activations came from a class that transformers does not have."""
    kind = sae.model_class_name
    if sae.hf_hook_name is not None:
        return sae.hf_hook_name if kind is not None and PLAIN_CLASSES.fullmatch(kind) else None
    base = facts.base
    layer = _block_of(sae.hook_name or "", base.blocks)
    if layer is None or base.blocks is None or base.d_model != sae.d_in:
        return None
    if kind is not None and kind != LENS and not PLAIN_CLASSES.fullmatch(kind):
        return None
    return f"{base.blocks}.{layer}" if base.n_layers and 0 <= layer < base.n_layers else None


def _block_of(hook_name: str, blocks: str | None) -> int | None:
    """The block whose output the hook is: `resid_pre` of a block is the output of the one before; -1 for what no block gives."""
    if place := BLOCK_OUTPUT.fullmatch(hook_name):
        return int(place.group(1)) - (place.group(2) == "pre")
    before, _, number = hook_name.rpartition(".")
    return int(number) if before == blocks and number.isdecimal() else None


def weights(facts: Facts) -> Context | Absent:
    """The SAE in a few lines of torch, from its file alone."""
    if facts.library is not None:
        return Absent("Code in plain torch", f"not written for {facts.library.name}'s files")
    sae = recommended(facts).sae
    lines = plain_torch(sae)
    file = sae.sae.weights or ""
    if lines is None or not file.endswith(".safetensors") or len(sae.sae.files) > 1:
        return Absent("Code without SAELens", f"not written for a {sae.architecture} SAE in this form")
    cast = loaded_as(sae) if is_cast(sae) else None
    return {"repo_id": facts.settings.repo_id, "file": file, "lines": lines, "sae": sae, "cast": cast}
