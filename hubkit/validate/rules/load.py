"""LOAD: what SAELens itself makes of an SAE (`--load`, one process for all of them)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hubkit.validate.facts import SaeFacts
from hubkit.validate.finding import FOLDER, Found, Severity
from hubkit.validate.need import Need
from hubkit.validate.rule import sae_rule

TRANSLATIONS = (
    (r"FileNotFoundError", "cfg.json or sae_weights.safetensors is not there: CFG001, WTS001"),
    (r"JSONDecodeError|list indices", "cfg.json is no JSON object: CFG002"),
    (r"SafetensorError", "the weights file is damaged, or a Git-LFS pointer: WTS002, WTS003"),
    (r"Missing key", "the file lacks a tensor that this architecture needs: WTS004"),
    (r"Unexpected key", "the file has a tensor that this architecture does not know: WTS005"),
    (r"size mismatch", "a shape contradicts cfg.json, or a matrix is transposed: WTS006, WTS007"),
    (r"KeyError: '(d_in|d_sae|dtype|architecture)'|missing \d+ required", "a required key is missing: CFG005"),
    (r"KeyError: 'k'", "activation_fn_kwargs is there without k: CFG007"),
    (r"KeyError: 'finetuning_scaling_factor'", "a scaling_factor tensor that is not all 1: WTS005"),
    (r"KeyError:", "the architecture is not in SAELens's registry: CFG004"),
    (r"InvalidVersion|Invalid version", "sae_lens_version is no version: CFG008"),
    (r"after \*\* must be a mapping|'NoneType' object has no attribute 'get'", "metadata is no object: CFG008"),
    (r"Invalid dtype|normalize_activations must|empty\(\)|zeros\(\)", "a value has the wrong type or is not allowed: CFG003, CFG010"),
    (r"apply_b_dec_to_input", "a transcoder must not subtract b_dec from its input: CFG017"),
    (r"out of range", "k is larger than d_sae: CFG007"),
)  # fmt: skip
"""SAELens's words, and ours; the first that fits."""


@sae_rule("LOAD001", Severity.ERROR, Need.CFG | Need.LOAD)
def does_not_load(sae: SaeFacts) -> Iterator[Found]:
    """SAELens does not load it.

    Two ways are tried: `SAE.load_from_disk`, which also stands for `SAE.from_pretrained`, and `SAE.from_dict` with `load_state_dict`, which many
    cards print. Where only the second fails the finding is a warning. The message is SAELens's; the hint says which rule names the cause.
    """
    if sae.loaded is None or not sae.loaded.raised:
        return
    for way in ("load_from_disk", "from_dict"):
        message = sae.loaded.raised.get(way)
        if message is None:
            continue
        hint = next(
            (ours for pattern, ours in TRANSLATIONS if re.search(pattern, message)),
            f"hubkit validate {FOLDER} --deep may name the cause; else report SAELens's message to its authors",
        )
        severity = None if way == "load_from_disk" else Severity.WARNING
        yield Found(
            f"SAELens {sae.loaded.version}, {way}: {message}",
            hint,
            path=sae.cfg_path,
            severity=severity,
            identity=way,
        )
        return


@sae_rule("LOAD002", Severity.ERROR, Need.CFG | Need.LOAD)
def computes_something_else(sae: SaeFacts) -> Iterator[Found]:
    """It loads, and computes something else than its tensors and its cfg.json say.

    The same random inputs go through SAELens and through the definition in numpy, applied to the tensors on disk and the keys as written. A difference
    beyond rounding means that a key was dropped, guessed or taken for another: a TopK running dense, a factor that is stored nowhere.
    """
    found = sae.loaded
    if found is None or found.difference is None or found.difference <= found.tolerance:
        return
    yield Found(
        f"SAELens {found.version} computes something else than the file says: relative difference {found.difference:.2g} (L0 {found.l0:.1f})",
        "the other findings of this SAE say which key is dropped or guessed",
        path=sae.cfg_path,
        measured={"relative_difference": found.difference, "l0": found.l0},
    )
