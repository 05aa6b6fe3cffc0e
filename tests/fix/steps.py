"""The steps that a person takes who takes a hint at its word, as edits of a repository in memory."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
from builders import tensors
from safetensors.numpy import load, save
from validate import twins

from hubkit.repo.memory import MemoryView

Follow = Callable[[MemoryView], None]
LEARNED = tensors()["threshold"]


def configured(change: Callable[[dict[str, Any]], Any]) -> Follow:
    """Edit the first configuration."""

    def follow(view: MemoryView) -> None:
        path = next(path for path in view.files if path.endswith(("cfg.json", "config.json")))
        value = json.loads(view.files[path])
        change(value)
        view.files[path] = json.dumps(value).encode()

    return follow


def keys(**values: Any) -> Follow:
    """Write these keys at the top level; None takes one away."""

    def change(value: dict[str, Any]) -> None:
        value |= {key: one for key, one in values.items() if one is not None}
        for key in [key for key, one in values.items() if one is None]:
            value.pop(key, None)

    return configured(change)


def metadata(**values: Any) -> Follow:
    """Write these keys into metadata."""
    return configured(lambda value: value["metadata"].update(values))


def weighed(change: Callable[[dict[str, Any]], Any]) -> Follow:
    """Save the first weights again, changed."""

    def follow(view: MemoryView) -> None:
        path = next(path for path in view.files if path.endswith(".safetensors"))
        values = {name: np.array(one) for name, one in load(view.files[path]).items()}
        change(values)
        view.files[path] = save({name: np.ascontiguousarray(one) for name, one in values.items()})

    return follow


def saved(**values: Any) -> Follow:
    """Save these tensors; None leaves one out."""

    def change(found: dict[str, Any]) -> None:
        found |= {name: one for name, one in values.items() if one is not None}
        for name in [name for name, one in values.items() if one is None]:
            found.pop(name)

    return weighed(change)


def regemma(**changes: Any) -> Follow:
    """Save Gemma Scope's parameters again."""
    return lambda repository: repository.files.update(twins.gemma_scope(**changes).files)


def only(latents: Callable[[dict[str, Any]], np.ndarray]) -> Follow:
    """Save the SAE without some of its latents, and with a smaller d_sae."""

    def follow(view: MemoryView) -> None:
        kept: list[int] = []

        def change(values: dict[str, Any]) -> None:
            chosen = latents(values)
            kept.append(int(chosen.sum()))
            for name, axis in (("W_enc", 1), ("W_dec", 0), ("b_enc", 0)):
                values[name] = np.compress(chosen, values[name], axis=axis)

        weighed(change)(view)
        keys(d_sae=kept[0])(view)

    return follow


def written(*pairs: tuple[str, str], path: str = "README.md") -> Follow:
    """Write something else into the card."""

    def follow(view: MemoryView) -> None:
        text = view.files[path].decode()
        for old, new in pairs:
            assert old in text, old
            text = text.replace(old, new)
        view.files[path] = text.encode()

    return follow


def said(text: str) -> Follow:
    """Add a sentence to the card."""

    def follow(view: MemoryView) -> None:
        view.files["README.md"] += f"\n## Limitations\n\n{text}\n".encode()

    return follow


def added(path: str, data: bytes) -> Follow:
    return lambda view: view.files.update({path: data})


def removed(path: str) -> Follow:
    return lambda view: view.files.pop(path) and None


def moved(old: str, new: str) -> Follow:
    """Give a folder or file another name."""

    def follow(view: MemoryView) -> None:
        view.files = {path.replace(old, new): data for path, data in view.files.items()}

    return follow


def both(*steps: Follow) -> Follow:
    def follow(view: MemoryView) -> None:
        for step in steps:
            step(view)

    return follow


def measured(**changes: Any) -> Follow:
    """Evaluate again: the first value of evaluation.json as a new measurement gives it."""

    def follow(view: MemoryView) -> None:
        value = json.loads(view.files["evaluation.json"])
        value["saes"][0]["values"][0] |= changes
        view.files["evaluation.json"] = json.dumps(value).encode()

    return follow
