"""What a card's code needs beside the release: the base model where this machine has it, and the names of what it has not."""

from __future__ import annotations

from pathlib import Path

from hubkit.cards import snippet_names
from hubkit.cards.snippets import python_blocks
from hubkit.localhub.seeding import seed
from hubkit.repo.local import open_folder
from hubkit.validate.report import Report

MOST_LOADED = 64
"""SAEs that are loaded after a card's code; of a larger release every n-th."""


def loadable(release: Path, report: Report) -> list[str]:
    """The SAEs in SAELens's format without an error, at most MOST_LOADED of them, spread over the release."""
    broken = {finding.sae_id for finding in report.findings if finding.severity.word == "error"}
    ids = [
        sae.sae_id
        for sae in report.saes
        if sae.cfg is not None and sae.sae_id not in broken and (release / sae.sae_id).is_dir()
    ]
    return ids[:: -(-len(ids) // MOST_LOADED)] if ids else []


def absent_for(card: str, own: set[str]) -> dict[str, str]:
    """What the card's code asks a Hub for that neither the release nor this machine has, by name, with the reason."""
    asked = snippet_names.asked_by_all((block.text, block.line) for block in python_blocks(card))
    return {
        one.name: f"{'base model' if one.kind == 'model' else one.kind} {one.name} not here"
        for one in asked
        if one.name not in own and cached_model(one.name) is None and not Path(one.name).exists()
    }


def seed_base_model(hub: Path, name: str | None, taken: set[str]) -> None:
    """Put the base model on a Hub that does not run yet, where the user's Hub cache has it."""
    folder = cached_model(name) if name else None
    if name is None or folder is None or name in taken or name.count("/") != 1:
        return
    taken.add(name)
    seed(hub, name, {entry.path: folder / entry.path for entry in open_folder(folder).list()})


def cached_model(name: str) -> Path | None:
    """The snapshot of a whole model in the user's Hub cache: its configuration and weights; None where it is not there."""
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        found = try_to_load_from_cache(name, "config.json")
    except HFValidationError:
        return None
    folder = Path(found).parent if isinstance(found, str) else None
    return folder if folder is not None and any(folder.glob("*.safetensors")) else None
