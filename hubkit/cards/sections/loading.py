"""How to load it, how to cite it, under which licence, where it is from."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from hubkit.cards.facts import Facts, SaeFact
from hubkit.cards.measured import BALANCED, best_sae
from hubkit.cards.quantization import Quantization, quantization_of
from hubkit.cards.sections.section import Absent, Context
from hubkit.cards.sections.training import precisions_of
from hubkit.cards.trained import LENS, Input, input_of
from hubkit.formats.architectures import TRANSCODERS
from hubkit.models.hooks import parse_hook

BLOCK_OUTPUT = re.compile(r"blocks\.(\d+)\.hook_resid_post")
PLAIN_CLASSES = re.compile(r"AutoModel\w*|\w+ForCausalLM|\w+LMHeadModel|\w+ForConditionalGeneration")
"""Classes of transformers that `AutoModelForCausalLM` gives too."""
NEEDS_NOTHING = {"none", "layer_norm", "constant_norm_rescale"}
"""Values of `normalize_activations` that need no factor which the files lack."""
TORCH_DTYPES = {"float32", "float64", "float16", "bfloat16"}
NOT_SHOWN = {"device", "n_devices", "device_map", "hf_model", "tokenizer"}
"""Arguments of a machine, not of a model."""


def loading(facts: Facts) -> Context:
    """Code with the real repository, the real ids and the activations that the SAE was trained on. It is run before it is published."""
    example = _example(facts)
    fed = input_of(example)
    quantization = quantization_of(facts)
    quantization = quantization if quantization and quantization.arguments else None
    lens = _by_lens(example, fed)
    module = None if lens else _module(facts, example)
    return {
        "repo_id": facts.settings.repo_id,
        "sae_id": example.sae_id,
        "example": example,
        "root": example.sae_id == ".",
        "several": len(facts.saes) > 1,
        "lens": lens,
        "module": module,
        "recorded": all(sae.hf_hook_name is not None for sae in facts.saes),
        "fed": fed,
        "arguments": [(key, repr(value)) for key, value in fed.arguments.items() if _is_plain(key, value)],
        "base_model": facts.settings.base_model,
        "dtype": _dtype(facts, quantization),
        "transcoder": example.architecture in TRANSCODERS,
        "per_head": "hook_z" in (example.hook_name or "") and fed.head is None,
        "example_text": facts.settings.example_text,
        "hooks": sorted(
            {(sae.hook_name, sae.hf_hook_name, None if lens else _module(facts, sae)) for sae in facts.saes if sae.hook_name}, key=_by_layer
        ),
        "quantization": quantization,
        "differences": list(_differences(facts, example, fed, lens=lens, module=module)),
    }  # fmt: skip


def _by_lens(sae: SaeFact, fed: Input) -> bool:
    """Whether TransformerLens can give the activations: it made them, and the hook is in its words."""
    return fed.by_lens and sae.hook_name is not None and parse_hook(sae.hook_name).form == "transformer_lens"


def _is_plain(key: str, value: object) -> bool:
    """Whether an argument of from_pretrained can stand in the code as it is written."""
    return key not in NOT_SHOWN and key.isidentifier() and isinstance(value, str | int | float | bool)


def _dtype(facts: Facts, quantization: Quantization | None) -> str | None:
    """The precision that the base model must have run in, where one is recorded and torch has it."""
    stated = precisions_of(facts)
    return stated[0] if quantization is None and len(stated) == 1 and stated[0] in TORCH_DTYPES else None


def _differences(
    facts: Facts, example: SaeFact, fed: Input, *, lens: bool, module: str | None
) -> Iterator[str]:
    """Where the activations that the code feeds are not those of the training, or nobody knows whether they are."""
    if fed.pooling is not None:
        over = f" over the {fed.span}" if fed.span else ""
        what = (
            "the mean"
            if fed.pooling == "mean"
            else "the last token"
            if fed.pooling == "last"
            else fed.pooling
        )
        yield f"The SAE was trained on one row per completion, {what}{over}; the code shows it every token of a text"
    if not lens and module is not None:
        yield from _of_module(fed)
    if lens and fed.prepend_bos is None:
        yield "Whether a BOS token stood first in training is not recorded; the code leaves it to TransformerLens"
    left_out = sorted(
        key for key, value in fed.arguments.items() if key not in NOT_SHOWN and not _is_plain(key, value)
    )
    if lens and left_out:
        yield f"The model was loaded with {', '.join(left_out)} too, which the code leaves out"
    if fed.exclude_special:
        yield "Special tokens were left out of the training; the code shows them too"
    if fed.positions:
        yield "Only some positions were used in training (`seqpos_slice`); the code shows all of them"
    scaling = str(example.raw.get("normalize_activations") or "none")
    if scaling not in NEEDS_NOTHING and (lens or module):
        yield f"The training scaled its activations (`normalize_activations` is `{scaling}`); the code feeds them unscaled"
    if (lens or module) and len({_kind_of_input(sae) for sae in facts.saes}) > 1:
        yield "The SAEs differ in the model class, its arguments or the BOS token; the code is for the one that it loads"


def _of_module(fed: Input) -> Iterator[str]:
    """What a plain model of transformers cannot give, or nobody knows."""
    if fed.model_class == LENS:
        processed = sorted(key for key, value in fed.arguments.items() if value is True)
        how = f" with {', '.join(processed)}" if processed else ""
        yield f"The activations of the training came from TransformerLens{how}; the code takes those of transformers, which may differ"
    elif fed.model_class is None:
        yield "With which class of model the activations were taken is not recorded; the code takes the plain model of transformers"
    if fed.prepend_bos is None and fed.pooling is None:
        yield "Whether a BOS token stood first in training is not recorded; the code leaves it to the tokenizer"


def _kind_of_input(sae: SaeFact) -> tuple[Any, ...]:
    fed = input_of(sae)
    return fed.model_class, fed.model_name, repr(sorted(fed.arguments.items(), key=str)), fed.prepend_bos


def _by_layer(hook: tuple[str | None, str | None, str | None]) -> tuple[int, str]:
    digits = "".join(c if c.isdigit() else " " for c in hook[0] or "").split()
    return int(digits[0]) if digits else -1, str(hook)


def _example(facts: Facts) -> SaeFact:
    """The best SAE where it has no findings, else the first without, else the first."""
    best = best_sae(facts, BALANCED)
    if best is not None and not best.sae.findings:
        return best.sae
    return next((sae for sae in facts.saes if not sae.findings), facts.saes[0])


def _module(facts: Facts, sae: SaeFact) -> str | None:
    """The module that a forward hook is registered on: as the configuration names it, else the block of this base model whose output `hook_name` is,
    where the model's class is known and as wide as the SAE. None where the activations came from a class that transformers does not have."""
    kind = sae.model_class_name
    if sae.hf_hook_name is not None:
        return sae.hf_hook_name if kind is not None and PLAIN_CLASSES.fullmatch(kind) else None
    base, place = facts.base, BLOCK_OUTPUT.fullmatch(sae.hook_name or "")
    if place is None or base.blocks is None or base.d_model != sae.d_in:
        return None
    if kind is not None and kind != LENS and not PLAIN_CLASSES.fullmatch(kind):
        return None
    layer = int(place.group(1))
    return f"{base.blocks}.{layer}" if base.n_layers and layer < base.n_layers else None


def citation(facts: Facts) -> Context | Absent:
    """BibTeX from the author."""
    if not facts.settings.citation:
        return Absent("Citation", "the author gives none")
    return {"bibtex": facts.settings.citation.strip()}


def license_(facts: Facts) -> Context:
    """Of the SAEs, and of the model that they were made from."""
    return {
        "license": facts.settings.license,
        "base_model": facts.settings.base_model,
        "base_license": facts.settings.base_model_license,
    }


def provenance(facts: Facts) -> Context:
    """From what, by what, and how to check it."""
    return {
        "provenance": facts.provenance,
        "computed": facts.evaluation is not None,
        "trained_by": _versions(facts, "sae_lens_training_version"),
        "written_by": _versions(facts, "sae_lens_version"),
        "revisions": sorted({str(found) for sae in facts.saes if (found := _revision(sae))}),
        "digest": facts.digest,
        "repo_id": facts.settings.repo_id,
    }


def _versions(facts: Facts, key: str) -> list[str]:
    """Of SAELens, as the configurations have them under `key`."""
    found = (sae.sae.cfg.text(key) if sae.sae.cfg else None for sae in facts.saes)
    return sorted({version for version in found if version})


def _revision(sae: SaeFact) -> object:
    return sae.record.base_model_revision or input_of(sae).arguments.get("revision")
