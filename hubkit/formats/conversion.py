"""Another library's SAE as SAELens writes it: whether its files say enough, the configuration, and what a person does where they do not."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from hubkit.formats.architectures import INFERENCE, NEWEST, TOPK, TRANSCODERS
from hubkit.formats.foreign_forward import DEFINITIONS, Definition, definition_of
from hubkit.formats.saelens import tensor_shapes
from hubkit.release.layout import WEIGHTS
from hubkit.release.sae_record import KEY
from hubkit.tensors.dtypes import BITS, CFG_NAMES

if TYPE_CHECKING:
    from hubkit.formats.sae import Sae

FIRST_VERSION = "6.0.0"
"""Of the layout that is written; no version of SAELens trained it."""
WHERE = {
    "dictionary_learning": {
        "hook": '"submodule_name" (as "resid_post_layer_14") to "trainer" in config.json',
        "model": '"lm_name" to "trainer" in config.json',
        "k": '"k" to "trainer" in config.json',
    },
    "sae_bench": {"hook": '"hook_name" to cfg.json', "model": '"model_name" to cfg.json'},
}
"""What a person writes into a family's own configuration."""
WITH_DEFINITIONS = {family for family, _, _ in DEFINITIONS}
NAMED_RELEASE = (
    "its k and its base model stand in the repository's name alone: give the folder the name that it has on the Hub "
    "(as SAE-Res-Qwen3-1.7B-Base-W32K-L0_50), and call it by that"
)


@dataclass(frozen=True)
class Obstacle:
    """Why an SAE cannot be written in SAELens's format."""

    reason: str
    """With what a person does."""
    passable: bool = True
    """Whether it can be written once that is done."""

    def __str__(self) -> str:
        return self.reason


def obstacle(sae: Sae, stated: Definition | None = None) -> Obstacle | None:
    """Why this SAE cannot be written in SAELens's format from its files, and from what a person `stated` of it; None where it can.

    Whether every value is right is for the proof to say, which holds both definitions against each other.
    """
    definition = stated or definition_of(sae)
    if definition is None:
        return _unknown(sae)
    missing = sorted(sae.required - sae.tensors.keys())
    if missing:
        return Obstacle(
            f"{', '.join(missing)} is not in {_file(sae)}: save it again with the library that wrote it"
        )
    if (unsaid := _unsaid(sae, definition)) is not None:
        return Obstacle(unsaid)
    if unread := sorted(set(left_out(sae, definition)) - definition.unread):
        return Obstacle(
            f"{_file(sae)} has {', '.join(unread)}, which is no tensor of {sae.family.name}'s own class: what a fork computes with it (a norm of the "
            "inputs, a scale) is not known here. Write it in SAELens's format with the code that wrote it",
            passable=False,
        )
    odd_kinds = {
        tensor.info.dtype for name, tensor in sae.tensors.items() if name in shapes_after(sae, definition)
    } - CFG_NAMES.keys()
    if odd_kinds:
        return Obstacle(f"it is stored as {', '.join(sorted(odd_kinds))}: save it as floating-point numbers")
    shapes = shapes_after(sae, definition)
    odd = [name for name in shapes if not _fits(sae, name, shapes[name])]
    return Obstacle(f"{', '.join(odd)}: not the shape that the sizes say (CFG022)") if odd else None


def _unsaid(sae: Sae, definition: Definition) -> str | None:
    """What no file says, and where a person writes it."""
    family = sae.family.name
    wanted = {"hook": sae.hook_name, "model": sae.model_name}
    if definition.written_as in TRANSCODERS:
        wanted["hook of its output"] = sae.hook_name_out
    if definition.written_as in TOPK:
        wanted["k"] = str(sae.k) if sae.k is not None else None
    missing = [what for what, value in wanted.items() if value is None]
    if not missing:
        return None
    places = [WHERE[family][what] for what in missing if what in WHERE.get(family, {})]
    said = f"no file says its {' and '.join(missing)}"
    return f"{said}: add {' and '.join(places)}" if places else said


def _unknown(sae: Sae) -> Obstacle:
    """A family that is only named, or a bare file: what it computes is nobody's to guess; and what SAELens has no architecture for."""
    if (lacking := _lacking(sae)) is not None:
        return Obstacle(lacking, passable=False)
    if sae.family.name == "qwen_scope":
        return Obstacle(NAMED_RELEASE)
    if sae.family.name not in {"unnamed", "unknown", "dictionary_learning"}:
        return Obstacle(
            f"what a {sae.family.name} SAE computes is not read here: load it with {sae.family.loader} and write it in SAELens's format "
            "(of an SAE of SAELens: sae.save_model)",
            passable=False,
        )
    return Obstacle(f"no configuration says what it computes: {cfg_to_write(sae)}")


def _lacking(sae: Sae) -> str | None:
    """What the SAE does that no architecture of SAELens does, where its family is read here; None where that is not what is in the way."""
    if sae.refused is not None:
        return f"{sae.refused.said}, which its own library has not: {sae.refused.effect}"
    if sae.family.name == "llama_scope":
        return (
            "OpenMOSS scales its inputs and outputs by the average norm of a data set, and compares thresholds in those units; SAELens has no such "
            f"normalisation. Read it with {sae.family.loader}"
        )
    kind = sae.architecture
    if kind is None or kind in INFERENCE or sae.family.name not in WITH_DEFINITIONS:
        return None
    return f"it is a {kind}, and SAELens {NEWEST} has no architecture that computes one (it has {', '.join(INFERENCE)})"


def cfg_to_write(sae: Sae) -> str:
    """What a person does for tensors without a configuration, with every value that the tensors say."""
    file = PurePosixPath(sae.weights or sae.sae_id)
    named = f"call it {WEIGHTS} and " if file.suffix == ".safetensors" and file.name != WEIGHTS else ""
    alone = sae.sae_id == str(file.parent)
    first = "" if alone else f"move it into a folder of its own ({file.with_suffix('')}), "
    matrix = sae.tensors.get("W_enc") or sae.tensors.get("W_dec")
    dtype = CFG_NAMES.get(matrix.info.dtype) if matrix else None
    sizes = {"d_in": sae.d_in, "d_sae": sae.d_sae, "dtype": dtype}
    known = ", ".join(
        f'"{key}": {json.dumps(value)}' if value else f'"{key}"' for key, value in sizes.items()
    )
    kind = architectures_of(sae)
    meant = (
        f'"architecture": "{kind[0]}"'
        if len(kind) == 1
        else f'"architecture" ({", ".join(kind) or "as it was trained"})'
    )
    known += ', "k" (of a topk)' if "topk" in kind else ""
    return (
        f'{first}{named}write a cfg.json beside it with {meant}, {known}, "apply_b_dec_to_input", "normalize_activations", and '
        '"metadata" with "sae_lens_version": "6.0.0", "model_name" and "hook_name"; in the card `library_name: saelens` and `base_model`'
    )


def architectures_of(sae: Sae) -> list[str]:
    """The architectures of SAELens, but for transcoders, that have exactly these tensors."""
    there = sae.tensors.keys() - {"log_threshold", "k"}
    if "log_threshold" in sae.tensors:
        there |= {"threshold"}
    return [
        name
        for name in ("standard", "topk", "jumprelu", "gated", "matching_pursuit")
        if (shapes := tensor_shapes(name, 1, 1)) is not None and shapes.keys() == there
    ]


def _file(sae: Sae) -> str:
    return PurePosixPath(sae.weights or "").name


def shapes_after(sae: Sae, definition: Definition) -> dict[str, tuple[int, ...]]:
    """SAELens's tensors and their shapes."""
    return tensor_shapes(definition.written_as, sae.d_in or 0, sae.d_sae or 0, sae.d_out or sae.d_in) or {}


def dtype_after(sae: Sae, definition: Definition) -> str:
    """safetensors' name of the format in which every tensor keeps its values: the widest that one of them has; SAELens casts all to one."""
    kinds = {
        tensor.info.dtype for name, tensor in sae.tensors.items() if name in shapes_after(sae, definition)
    }
    widest = max(kinds, key=BITS.__getitem__)
    return "F32" if kinds >= {"F16", "BF16"} and BITS[widest] < BITS["F32"] else widest


def _fits(sae: Sae, name: str, expected: tuple[int, ...]) -> bool:
    """Whether the tensor has its shape; one threshold may stand for all latents."""
    tensor = sae.tensors.get(name)
    return tensor is not None and (
        tensor.shape == expected or (name == "threshold" and tensor.info.count == 1)
    )


def left_out(sae: Sae, definition: Definition) -> list[str]:
    """The tensors that SAELens's form has no place for: k, the groups of a Matryoshka, a TopK's unused threshold."""
    kept = shapes_after(sae, definition)
    return sorted(tensor.info.name for name, tensor in sae.tensors.items() if name not in kept)


def cfg_of(
    sae: Sae,
    definition: Definition,
    sources: Mapping[str, str] = {},
    said: Mapping[str, Any] = {},
) -> dict[str, Any]:
    """The configuration in SAELens's v6 layout, every value explicit. What it was and where it comes from stays in `metadata.hubkit.converted`.

    `sources` is the sha256 of every file that it was made of, by name; `said` what a person stated, and no file.
    """
    architecture = definition.written_as
    cfg: dict[str, Any] = {
        "architecture": architecture,
        "d_in": sae.d_in,
        "d_sae": sae.d_sae,
        "dtype": CFG_NAMES[dtype_after(sae, definition)],
        "device": "cpu",
        "apply_b_dec_to_input": definition.subtracts,
        "normalize_activations": "none",
        "reshape_activations": "hook_z" if str(sae.hook_name).endswith("hook_z") else "none",
    }
    if architecture in TOPK:
        cfg |= {"k": sae.k, "rescale_acts_by_decoder_norm": False}
    if architecture in TRANSCODERS:
        cfg |= {"d_out": sae.d_out or sae.d_in}
    converted = {
        "family": sae.family.name,
        "file": _file(sae),
        **({"sha256": dict(sources)} if sources else {}),
        **({"stated": dict(said)} if said else {}),
        "k": sae.k,
        "left_out": left_out(sae, definition),
    }
    places = {
        "hook_name": sae.hook_name,
        "hf_hook_name": sae.hf_hook_name,
        "hook_name_out": sae.hook_name_out if architecture in TRANSCODERS else None,
        "hf_hook_name_out": sae.hf_hook_name_out if architecture in TRANSCODERS else None,
    }
    metadata = {
        "sae_lens_version": FIRST_VERSION,
        "sae_lens_training_version": None,
        "model_name": sae.model_name,
        **{name: place for name, place in places.items() if place is not None},
        "neuronpedia_id": None,
        "training_architecture": sae.architecture,
        KEY: {"converted": converted},
    }
    return cfg | {"metadata": metadata}
