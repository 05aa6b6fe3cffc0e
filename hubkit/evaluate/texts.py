"""Activations of a base model on a text file, at the hooks that SAEs read: one row a token. Needs torch."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np

from hubkit.engine.events import Event, Progress, silent
from hubkit.errors import IncompleteError, UsageError
from hubkit.evaluate.given import Given
from hubkit.inference.site import RESID_POST, SITES
from hubkit.models.hooks import parse_hook

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from hubkit.formats.sae import Sae
    from hubkit.inference.load import BaseModel

CONTEXT, BATCH = 128, 16
TOKENS = 4096
"""Rows where nobody says otherwise: a latent that fires on one row in a thousand is then seen with 98 %."""
JSONL = ".jsonl"


def read_texts(path: Path) -> list[str]:
    """A text a line; of .jsonl each line's `text`. Raises IncompleteError."""
    try:
        lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
        return [str(json.loads(line)["text"]) for line in lines] if path.suffix == JSONL else lines
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise IncompleteError(
            f"{path}: cannot be read as texts: {error!r}",
            hint='a text a line, or .jsonl with {"text": ...} a line',
        ) from error


def collected(
    base: BaseModel,
    saes: Iterable[Sae],
    texts: Sequence[str],
    *,
    tokens: int = TOKENS,
    report: Progress = silent,
) -> Given:
    """The rows of every hook that `saes` read, under the hook's name: the tokens of the texts, less the tokenizer's special ones, in pieces of 128.

    Raises UsageError for a hook that is no module's output here, and for texts without a token.
    """
    from hubkit.inference.hooks import module_outputs

    paths = {name: module_path(base, sae) for sae in saes if (name := sae.hook_name or f"layer_{sae.layer}")}
    special = set(base.tokenizer.all_special_ids)
    sequences = _sequences(base, texts, tokens, special)
    if not sequences:
        raise UsageError("the texts hold no token", hint="a text a line")
    parts: dict[str, list[np.ndarray]] = {name: [] for name in paths}
    for start in range(0, len(sequences), BATCH):
        batch = sequences[start : start + BATCH]
        outputs = module_outputs(base, sorted(set(paths.values())), batch)
        for name, path in paths.items():
            for sequence, rows in zip(batch, outputs[path].float().cpu().numpy(), strict=True):
                kept = [place for place, token in enumerate(sequence) if token not in special]
                parts[name].append(rows[kept])
        report(Event("evaluate", start + len(batch), len(sequences), "activations"))
    return Given({name: np.concatenate(rows)[:tokens].astype(np.float32) for name, rows in parts.items()})


def _sequences(base: BaseModel, texts: Sequence[str], tokens: int, special: set[int]) -> list[list[int]]:
    found: list[list[int]] = []
    for text in texts:
        ids = [int(token) for token in base.tokenizer(text).input_ids]
        found += [ids[start : start + CONTEXT] for start in range(0, len(ids), CONTEXT)]
        if sum(token not in special for sequence in found for token in sequence) >= tokens:
            break
    return [sequence for sequence in found if any(token not in special for token in sequence)]


def module_path(base: BaseModel, sae: Sae) -> str:
    """The module whose output an SAE reads: by the path that its files give, or by its site in a block. Raises UsageError."""
    for path in filter(None, (sae.hf_hook_name, sae.hook_name)):
        for whole in (path, f"{base.model.base_model_prefix}.{path}"):
            try:
                base.model.get_submodule(whole)
            except AttributeError:
                continue
            return whole
    hook = parse_hook(sae.hook_name or "")
    layer, site = (hook.layer, hook.site) if sae.hook_name else (sae.layer, RESID_POST)
    if layer is not None and site in SITES:
        return base.place(layer, site).hf_hook_name
    raise UsageError(
        f"{sae.sae_id}: reads {sae.hook_name or 'a hook that its files do not name'}, which is the output of no module of {base.class_name}",
        hint="take its activations with the library that trained it, and give them: --activations FILE",
    )
